//! Which nodes a program needs, and which of those run row by row in plates.
//!
//! The one idea: a node is in a plate if it treats rows independently, has many of them, and nobody
//! needs it whole. Deliberately absent: where values lie.

use crate::graph::{Graph, NodeId, Op};

/// Fewer rows than this are computed whole: a plate's bookkeeping would cost more than it saves.
const LEAST_ROWS: usize = 64;

/// How a node uses one of its arguments.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// Row `r` of the result needs row `r`.
    ByRow,
    /// Every row of the result may need all of it.
    Whole,
}

pub(crate) fn uses(graph: &Graph, node: NodeId) -> Vec<(NodeId, Use)> {
    let n = &graph.nodes[node.index()];
    let by_row = |arg: NodeId| {
        if graph.shape(arg).rows == n.shape.rows {
            Use::ByRow
        } else {
            Use::Whole
        }
    };
    match &n.op {
        Op::Pointwise { args, .. } | Op::Columns(args) => {
            args.iter().map(|a| (*a, by_row(*a))).collect()
        }
        Op::RowSum(a) | Op::RowLogSumExp(a) => vec![(*a, Use::ByRow)],
        Op::MatMul { a, b } => vec![(*a, Use::ByRow), (*b, Use::Whole)],
        Op::Block { operation, args } => {
            let kind = |which: usize| {
                if operation.by_row(which) {
                    Use::ByRow
                } else {
                    Use::Whole
                }
            };
            let args = args.iter().enumerate();
            args.map(|(which, a)| (*a, kind(which))).collect()
        }
        op => op.args().into_iter().map(|a| (a, Use::Whole)).collect(),
    }
}

/// Whether an operation treats rows independently.
pub(crate) fn is_row_local(op: &Op) -> bool {
    if let Op::Block { operation, args } = op {
        return (0..args.len()).any(|which| operation.by_row(which));
    }
    matches!(
        op,
        Op::Pointwise { .. }
            | Op::Gather { .. }
            | Op::Columns(_)
            | Op::MatMul { .. }
            | Op::RowSum(_)
            | Op::RowLogSumExp(_)
    )
}

/// Which nodes are needed, and which of those belong to a plate.
pub(crate) struct Division {
    pub needed: Vec<bool>,
    pub in_plate: Vec<bool>,
}

impl Division {
    pub(crate) fn of(graph: &Graph, terms: &[NodeId], outputs: &[NodeId]) -> Self {
        let n = graph.nodes.len();
        let mut needed = vec![false; n];
        for id in terms.iter().chain(outputs) {
            needed[id.index()] = true;
        }
        // Whether some use asks for the whole value, as an output does.
        let mut whole = vec![false; n];
        for id in outputs {
            whole[id.index()] = true;
        }
        let mut in_plate = vec![false; n];
        for i in (0..n).rev() {
            if !needed[i] {
                continue;
            }
            let node = &graph.nodes[i];
            in_plate[i] = is_row_local(&node.op) && node.shape.rows >= LEAST_ROWS && !whole[i];
            let id = NodeId(u32::try_from(i).expect("node numbers are 32 bits"));
            for (arg, kind) in uses(graph, id) {
                needed[arg.index()] = true;
                // A value outside of plates must find its arguments outside.
                if kind == Use::Whole || !in_plate[i] {
                    whole[arg.index()] = true;
                }
            }
        }
        Self { needed, in_plate }
    }
}
