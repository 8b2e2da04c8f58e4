//! One instruction, forward or backward, on operands that have been found.
//!
//! Deliberately absent: where operands lie, and the order of instructions.

use crate::block::{Backward, Forward, Run};
use crate::number::Number;
use crate::op::pointwise::{Call, MOST_ARGS, Scratch};
use crate::op::{Gradients, Operand, Values, gather, matmul, row, with_lanes};
use crate::plan::Kind;
use crate::pointwise::Function;
use crate::shape::Shape;

/// Working memory of one thread for single instructions.
#[derive(Debug, Default)]
pub(crate) struct InstructionSpace<T> {
    scratch: Scratch<T>,
    /// Data spread over lanes, for operations that know only lanes.
    spread: Vec<Vec<T>>,
    /// Of operations on whole values.
    block: Vec<T>,
}

/// The result's place in an instruction: its shape here, and the lanes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extent {
    pub shape: Shape,
    pub lanes: usize,
}

/// Computes `out` from `n_args` operands, or adds to it.
pub(crate) fn forward<'a, T: Run>(
    (kind, n_args, adds): (&Kind, usize, bool),
    out: &mut [T],
    extent: Extent,
    operand: impl Fn(usize) -> Operand<'a, T>,
    index: &[u32],
    space: &mut InstructionSpace<T>,
) {
    let Extent { shape, lanes } = extent;
    match kind {
        Kind::Pointwise(function) => {
            let args = few(n_args, operand);
            call(*function, &args[..n_args], extent).forward(out, &mut space.scratch);
        }
        Kind::Gather { width, .. } => {
            gather_forward(out, lanes_of(&operand(0)), index, *width, adds, lanes);
        }
        Kind::Columns(_) => {
            let mut first = 0;
            for k in 0..n_args {
                let arg = operand(k);
                let cols = arg.shape.cols;
                let part = spread(&arg, lanes, &mut space.spread, 0);
                row::place(out, part, (first, cols, shape.cols), lanes);
                first += cols;
            }
        }
        Kind::Rows(_) => {
            let mut first = 0;
            for k in 0..n_args {
                let arg = operand(k);
                let len = arg.shape.len() * lanes;
                out[first..first + len].copy_from_slice(spread(&arg, lanes, &mut space.spread, 0));
                first += len;
            }
        }
        Kind::MatMul => matmul::forward(out, &operand(0), &operand(1), lanes, adds),
        Kind::RowSum => {
            let arg = operand(0);
            sum_forward(out, lanes_of(&arg), arg.shape.cols, lanes);
        }
        Kind::RowLogSumExp => {
            let arg = operand(0);
            log_sum_exp_forward(out, lanes_of(&arg), arg.shape.cols, lanes);
        }
        Kind::Sum => sum_forward(out, lanes_of(&operand(0)), operand(0).shape.len(), lanes),
        Kind::Block(operation) => {
            let args = few(n_args, operand);
            let slices = spread_all(&args[..n_args], lanes, &mut space.spread);
            operation.run(T::forward(Forward {
                lanes,
                args: &slices[..n_args],
                out,
            }));
        }
    }
}

/// As [`forward`] for a pointwise function, and its derivative with respect to one argument.
pub(crate) fn forward_with_partial<'a, T: Run>(
    function: Function,
    which: usize,
    (out, partial): (&mut [T], &mut [T]),
    extent: Extent,
    operand: impl Fn(usize) -> Operand<'a, T>,
    space: &mut InstructionSpace<T>,
) {
    let n_args = function.arity();
    let args = few(n_args, operand);
    call(function, &args[..n_args], extent).forward_with_partial(
        which,
        out,
        partial,
        &mut space.scratch,
    );
}

/// Adds a pointwise function's values to `sums`, and its arguments' adjoints to `gradients`, where
/// there are any, given that the values' adjoint is `scale`.
#[expect(
    clippy::too_many_arguments,
    reason = "both directions of an instruction at once"
)]
pub(crate) fn add_up<'a, T: Run>(
    function: Function,
    shared: Option<usize>,
    scale: f64,
    sums: &mut [T],
    extent: Extent,
    operand: impl Fn(usize) -> Operand<'a, T>,
    space: &mut InstructionSpace<T>,
    gradients: Option<&mut impl Gradients<T>>,
) {
    let n_args = function.arity();
    let args = few(n_args, operand);
    let call = call(function, &args[..n_args], extent);
    call.add_up(shared, scale, sums, &mut space.scratch, gradients);
}

/// What the adjoint of an instruction is computed from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output<'a, T> {
    /// The adjoint of the result.
    pub adjoint: &'a [T],
    /// The result.
    pub values: &'a [T],
    pub extent: Extent,
}

/// Adds the adjoints of the arguments to `gradients`.
pub(crate) fn backward<'a, T: Run>(
    (kind, n_args): (&Kind, usize),
    output: Output<'_, T>,
    operand: impl Fn(usize) -> Operand<'a, T>,
    index: &[u32],
    space: &mut InstructionSpace<T>,
    gradients: &mut impl Gradients<T>,
) {
    let Output {
        adjoint,
        values,
        extent,
    } = output;
    let lanes = extent.lanes;
    match kind {
        Kind::Pointwise(function) => {
            let args = few(n_args, operand);
            let call = call(*function, &args[..n_args], extent);
            call.backward(adjoint, values, &mut space.scratch, gradients);
        }
        Kind::Block(operation) => {
            let args = few(n_args, operand);
            let slices = spread_all(&args[..n_args], lanes, &mut space.spread);
            let slices = &slices[..n_args];
            for which in 0..n_args {
                if let Some(gradient) = gradients.of(which) {
                    operation.run(T::backward(Backward {
                        lanes,
                        which,
                        args: slices,
                        out: values,
                        adjoint,
                        gradient,
                        scratch: &mut space.block,
                    }));
                }
            }
        }
        kind => {
            for which in 0..n_args {
                if let Some(gradient) = gradients.of(which) {
                    backward_one(kind, which, gradient, output, &operand, index);
                }
            }
        }
    }
}

/// [`backward`] of the product of two operands.
pub(crate) fn backward_product<T: Run>(
    args: [Operand<'_, T>; 2],
    output: Output<'_, T>,
    space: &mut InstructionSpace<T>,
    gradients: &mut impl Gradients<T>,
) {
    let call = call(Function::Multiply, &args, output.extent);
    call.backward(output.adjoint, output.values, &mut space.scratch, gradients);
}

/// The adjoint of one argument of an operation that is neither pointwise nor a block.
fn backward_one<'a, T: Run>(
    kind: &Kind,
    which: usize,
    gradient: &mut [T],
    output: Output<'_, T>,
    operand: &impl Fn(usize) -> Operand<'a, T>,
    index: &[u32],
) {
    let Output {
        adjoint,
        values,
        extent: Extent { shape, lanes },
    } = output;
    match kind {
        Kind::Pointwise(_) | Kind::Block(_) => unreachable!("all adjoints at once"),
        Kind::Gather { width, .. } => gather_backward(gradient, adjoint, index, *width, lanes),
        Kind::Columns(beginnings) => {
            let cols = operand(which).shape.cols;
            row::unplace(
                gradient,
                adjoint,
                (beginnings[which], cols, shape.cols),
                lanes,
            );
        }
        Kind::Rows(beginnings) => {
            let first = beginnings[which] * lanes;
            for (g, a) in gradient.iter_mut().zip(&adjoint[first..]) {
                *g += *a;
            }
        }
        Kind::MatMul if which == 0 => matmul::backward_a(gradient, adjoint, &operand(1), lanes),
        Kind::MatMul => matmul::backward_b(gradient, adjoint, &operand(0), shape.cols, lanes),
        Kind::RowSum => sum_backward(gradient, adjoint, operand(0).shape.cols, lanes),
        Kind::RowLogSumExp => {
            let arg = operand(0);
            let cols = arg.shape.cols;
            log_sum_exp_backward(gradient, adjoint, values, lanes_of(&arg), cols, lanes);
        }
        Kind::Sum => sum_backward(gradient, adjoint, operand(0).shape.len(), lanes),
    }
}

fn call<'a, T>(function: Function, args: &'a [Operand<'a, T>], extent: Extent) -> Call<'a, T> {
    Call {
        function,
        args,
        shape: extent.shape,
        lanes: extent.lanes,
    }
}

fn gather_forward<T: Number>(
    out: &mut [T],
    source: &[T],
    index: &[u32],
    width: usize,
    adds: bool,
    lanes: usize,
) {
    use gather::forward as f;
    with_lanes!(lanes, f::<T, W>(out, source, index, width, adds));
}

fn gather_backward<T: Number>(
    gradient: &mut [T],
    adjoint: &[T],
    index: &[u32],
    width: usize,
    lanes: usize,
) {
    use gather::backward as f;
    with_lanes!(lanes, f::<T, W>(gradient, adjoint, index, width));
}

fn sum_forward<T: Number>(out: &mut [T], x: &[T], cols: usize, lanes: usize) {
    use row::sum_forward as f;
    with_lanes!(lanes, f::<T, W>(out, x, cols));
}

fn sum_backward<T: Number>(gradient: &mut [T], adjoint: &[T], cols: usize, lanes: usize) {
    use row::sum_backward as f;
    with_lanes!(lanes, f::<T, W>(gradient, adjoint, cols));
}

fn log_sum_exp_forward<T: Number>(out: &mut [T], x: &[T], cols: usize, lanes: usize) {
    use row::log_sum_exp_forward as f;
    with_lanes!(lanes, f::<T, W>(out, x, cols));
}

fn log_sum_exp_backward<T: Number>(
    gradient: &mut [T],
    adjoint: &[T],
    out: &[T],
    x: &[T],
    cols: usize,
    lanes: usize,
) {
    use row::log_sum_exp_backward as f;
    with_lanes!(lanes, f::<T, W>(gradient, adjoint, out, x, cols));
}

/// The operands of an operation that has few of them, without an allocation.
fn few<'a, T: Number>(
    n_args: usize,
    operand: impl Fn(usize) -> Operand<'a, T>,
) -> [Operand<'a, T>; MOST_ARGS] {
    let none = Operand {
        values: Values::Data(&[]),
        shape: Shape::SCALAR,
    };
    let mut all = [none; MOST_ARGS];
    for (k, arg) in all.iter_mut().enumerate().take(n_args) {
        *arg = operand(k);
    }
    all
}

/// An operand that cannot be data, because operations on data alone are computed beforehand.
fn lanes_of<'a, T>(operand: &Operand<'a, T>) -> &'a [T] {
    match operand.values {
        Values::Lanes(values) => values,
        Values::Data(_) => unreachable!("operations on known numbers are folded"),
    }
}

/// An operand as lanes, spread into buffer `k` if it is data.
fn spread<'b, T: Number>(
    operand: &Operand<'b, T>,
    lanes: usize,
    buffers: &'b mut Vec<Vec<T>>,
    k: usize,
) -> &'b [T] {
    match operand.values {
        Values::Lanes(values) => values,
        Values::Data(values) => {
            while buffers.len() <= k {
                buffers.push(Vec::new());
            }
            fill(&mut buffers[k], values, lanes);
            &buffers[k]
        }
    }
}

fn spread_all<'b, T: Number>(
    operands: &[Operand<'b, T>],
    lanes: usize,
    buffers: &'b mut Vec<Vec<T>>,
) -> [&'b [T]; MOST_ARGS] {
    while buffers.len() < operands.len() {
        buffers.push(Vec::new());
    }
    for (operand, buffer) in operands.iter().zip(buffers.iter_mut()) {
        if let Values::Data(values) = operand.values {
            fill(buffer, values, lanes);
        }
    }
    let mut slices: [&[T]; MOST_ARGS] = [&[]; MOST_ARGS];
    for (k, (operand, buffer)) in operands.iter().zip(buffers.iter()).enumerate() {
        slices[k] = match operand.values {
            Values::Lanes(values) => values,
            Values::Data(_) => buffer,
        };
    }
    slices
}

fn fill<T: Number>(buffer: &mut Vec<T>, values: &[f64], lanes: usize) {
    buffer.clear();
    for v in values {
        buffer.extend(std::iter::repeat_n(T::constant(*v), lanes));
    }
}
