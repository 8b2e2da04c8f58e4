//! Computes a node of known arguments when the graph is built.

use crate::graph::{Graph, Op};
use crate::op::{Operand, Values};
use crate::plan::{Index, Kind};
use crate::run::{self, Extent, InstructionSpace};
use crate::shape::Shape;
use std::sync::Arc;

/// The numbers of an operation whose arguments are all known. Known numbers are one lane.
pub(crate) fn evaluate(graph: &Graph, op: &Op, shape: Shape) -> Vec<f64> {
    let args = op.args();
    let operand = |k: usize| Operand {
        values: Values::Lanes(
            graph
                .known(args[k])
                .expect("the arguments are known")
                .as_ref(),
        ),
        shape: graph.shape(args[k]),
    };
    let (kind, index): (Kind, &[u32]) = match op {
        Op::Gather { index, width, .. } => (
            Kind::Gather {
                index: Index::Whole(Arc::clone(index)),
                width: *width,
            },
            index,
        ),
        op => (Kind::of(op), &[]),
    };
    let mut out = vec![0.0; shape.len()];
    let extent = Extent { shape, lanes: 1 };
    let mut space = InstructionSpace::<f64>::default();
    run::forward(
        (&kind, args.len(), false),
        &mut out,
        extent,
        operand,
        index,
        &mut space,
    );
    out
}
