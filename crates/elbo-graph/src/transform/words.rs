//! Constraints in words.

use super::Transform;
use crate::graph::{Graph, NodeId};

impl Transform<NodeId> {
    /// What the constraint asks of a value, for a reader; empty if nothing.
    pub fn words(&self, graph: &Graph) -> String {
        let bound = |node: NodeId| match (graph.known(node), graph.labels.get(&node)) {
            (Some(values), _) if values.len() == 1 => values[0].to_string(),
            (_, Some(label)) => label.to_string(),
            _ => "a computed bound".to_owned(),
        };
        match *self {
            Self::Identity => String::new(),
            Self::Lower(lower) if bound(lower) == "0" => "positive".to_owned(),
            Self::Lower(lower) => format!("above {}", bound(lower)),
            Self::Upper(upper) => format!("below {}", bound(upper)),
            Self::LowerUpper(lower, upper) => {
                format!("between {} and {}", bound(lower), bound(upper))
            }
            Self::OffsetMultiplier(offset, multiplier) => {
                format!("offset {}, multiplier {}", bound(offset), bound(multiplier))
            }
            _ => self.name().replace('_', " "),
        }
    }
}
