//! One step of a program: what it does, to which arguments, and what becomes of the result.
//!
//! Deliberately absent: the order of steps, and where values lie in the end.

use std::sync::Arc;

use crate::block::BlockOperation;
use crate::graph::Op;
use crate::pointwise::Function;
use crate::shape::Shape;

/// Where an argument lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the arena that the instruction writes to; from this entry on (by row: this column).
    Local(usize),
    /// In the outer arena, seen from a plate; and the place of its adjoint among the plate's inputs.
    Outer { at: usize, input: usize },
    /// Known numbers, one of the program's.
    Data(usize),
    /// Known numbers with a row for each row of the plate, one of the plate's.
    RowData(usize),
}

/// An argument.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slot {
    pub place: Place,
    /// In a plate and `by_row`, `rows` is the number of rows of the plate.
    pub shape: Shape,
    pub by_row: bool,
}

/// What an instruction does; [`Op`] without its arguments.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Pointwise(Function),
    Gather {
        index: Index,
        width: usize,
    },
    /// Where each argument's columns begin.
    Columns(Vec<usize>),
    /// Where each argument's entries begin.
    Rows(Vec<usize>),
    MatMul,
    RowSum,
    RowLogSumExp,
    Sum,
    Block(Arc<dyn BlockOperation>),
}

/// The positions that a gather reads.
#[derive(Debug, Clone)]
pub(crate) enum Index {
    Whole(Arc<[u32]>),
    /// One of the plate's.
    ByRow(usize),
}

/// One step of a program.
#[derive(Debug, Clone)]
pub(crate) struct Instruction {
    pub kind: Kind,
    pub args: Vec<Slot>,
    pub out: Slot,
    pub role: Role,
    pub partial: Option<Partial>,
}

/// What becomes of an instruction's result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// It lies at its place.
    Value,
    /// It is added to what lies there.
    Addend,
    /// It is a term of the log density and nothing else, so it has no place. `shared` is the one
    /// argument that has an adjoint, if its derivative costs little beside the value.
    Term { shared: Option<usize> },
}

/// A derivative that a plate keeps from the forward pass, because it costs little beside the value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Partial {
    /// With respect to which argument.
    pub which: usize,
    /// Its first column in the plate's arena.
    pub column: usize,
}

/// Sums of the sizes before each.
fn beginnings(sizes: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut next = 0;
    sizes
        .map(|size| {
            next += size;
            next - size
        })
        .collect()
}

impl Kind {
    /// [`of`](Self::of), with what the operation needs of its arguments' shapes.
    pub(super) fn with_args(op: &Op, args: &[Slot]) -> Self {
        match op {
            Op::Columns(_) => Self::Columns(beginnings(args.iter().map(|a| a.shape.cols))),
            Op::Rows(_) => Self::Rows(beginnings(args.iter().map(|a| a.shape.len()))),
            op => Self::of(op),
        }
    }

    /// An operation without its arguments, for all but gathers, whose positions depend on the place.
    pub(crate) fn of(op: &Op) -> Self {
        match op {
            Op::Pointwise { function, .. } => Self::Pointwise(*function),
            Op::Columns(_) => Self::Columns(Vec::new()),
            Op::Rows(_) => Self::Rows(Vec::new()),
            Op::MatMul { .. } => Self::MatMul,
            Op::RowSum(_) => Self::RowSum,
            Op::RowLogSumExp(_) => Self::RowLogSumExp,
            Op::Sum(_) => Self::Sum,
            Op::Block { operation, .. } => Self::Block(Arc::clone(operation)),
            Op::Parameter { .. } | Op::Constant(_) | Op::Gather { .. } => {
                unreachable!("{} is planned where it occurs", op.name())
            }
        }
    }
}
