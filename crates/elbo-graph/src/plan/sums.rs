//! Which sums are made in place, and which values are terms and nothing else.
//!
//! The one idea: in a sum of values that nobody else reads, the later ones are added to where the first
//! one lies. The sum then needs no instruction, and its adjoint, which is that of each part, no copies.
//! A linear predictor (a matrix product, plus effects of groups) is such a sum. Deliberately absent:
//! parts of another shape, which are repeated.

use std::collections::BTreeMap;

use super::division::Division;
use crate::graph::{Graph, NodeId, Op};
use crate::pointwise::Function;

/// What is known of the nodes of plates beyond their operations.
pub(super) struct Sums {
    /// How many times a node is read, as an argument, a term or an output.
    reads: Vec<usize>,
    /// How many of these as a term.
    terms: Vec<usize>,
    /// For parts but the first, and for the sum itself: the first part.
    first: BTreeMap<NodeId, NodeId>,
}

impl Sums {
    pub(super) fn of(
        graph: &Graph,
        division: &Division,
        terms: &[NodeId],
        outputs: &[NodeId],
    ) -> Self {
        let n = graph.nodes.len();
        let mut sums = Self {
            reads: vec![0; n],
            terms: vec![0; n],
            first: BTreeMap::new(),
        };
        let needed = (0..n).filter(|i| division.needed[*i]);
        let args = needed.flat_map(|i| graph.nodes[i].op.args());
        for id in args.chain(terms.iter().chain(outputs).copied()) {
            sums.reads[id.index()] += 1;
        }
        for id in terms {
            sums.terms[id.index()] += 1;
        }
        // Outermost sums first, so that a sum of sums is taken as a whole.
        for i in (0..n).rev().filter(|i| division.in_plate[*i]) {
            let id = NodeId(u32::try_from(i).expect("node numbers are 32 bits"));
            if is_sum(graph, id) && !sums.first.contains_key(&id) {
                sums.join(graph, division, id);
            }
        }
        sums
    }

    /// The place to which a node's values are added, or, for a sum, in which they are already.
    pub(super) fn first(&self, id: NodeId) -> Option<NodeId> {
        self.first.get(&id).copied()
    }

    /// Whether a node is one of the terms and nothing else.
    pub(super) fn is_term(&self, id: NodeId) -> bool {
        self.reads[id.index()] == 1 && self.terms[id.index()] == 1
    }

    fn join(&mut self, graph: &Graph, division: &Division, sum: NodeId) {
        let (mut parts, mut inner, mut open) = (Vec::new(), vec![sum], vec![sum]);
        while let Some(id) = open.pop() {
            for arg in graph.nodes[id.index()].op.args() {
                let private = division.in_plate[arg.index()] && self.reads[arg.index()] == 1;
                if !private || graph.shape(arg) != graph.shape(sum) {
                    return;
                }
                if is_sum(graph, arg) {
                    inner.push(arg);
                    open.push(arg);
                } else {
                    parts.push(arg);
                }
            }
        }
        parts.sort_unstable();
        let fits = does_not_read_its_result(graph, parts[0])
            && parts[1..].iter().all(|p| can_add(graph, *p));
        if fits {
            for id in parts[1..].iter().chain(&inner) {
                self.first.insert(*id, parts[0]);
            }
        }
    }
}

fn is_sum(graph: &Graph, id: NodeId) -> bool {
    let Op::Pointwise { function, .. } = graph.nodes[id.index()].op else {
        return false;
    };
    function == Function::Add
}

/// Whether the adjoints do without the operation's values, which the sum replaces.
fn does_not_read_its_result(graph: &Graph, id: NodeId) -> bool {
    matches!(
        graph.nodes[id.index()].op,
        Op::MatMul { .. } | Op::Gather { .. } | Op::Columns(_) | Op::RowSum(_)
    )
}

/// Whether the operation can add to values that lie before its arguments: it has none in the plate's
/// arena.
fn can_add(graph: &Graph, id: NodeId) -> bool {
    match &graph.nodes[id.index()].op {
        Op::Gather { .. } => true,
        Op::MatMul { a, .. } => graph.known(*a).is_some(),
        _ => false,
    }
}
