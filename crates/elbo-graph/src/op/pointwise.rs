//! A pointwise function of operands that may be data, or repeated along rows or columns.
//!
//! Works on strips of entries that stay in the nearest cache: an operand that is not already one
//! number per entry and lane is spread out into a strip first, and adjoints of repeated operands are
//! computed in a strip and then summed.

use crate::number::Number;
use crate::op::{Operand, Values, with_lanes};
use crate::pointwise::Function;
use crate::shape::Shape;

/// Numbers in a strip: four of them fill half of a 32 KiB cache.
const STRIP: usize = 512;

/// Strips for spread operands and for one adjoint; as many as functions have arguments, and one.
#[derive(Debug, Default)]
pub(crate) struct Scratch<T> {
    strips: Vec<Vec<T>>,
}

impl<T: Number> Scratch<T> {
    fn ensure(&mut self, n: usize) {
        while self.strips.len() < n {
            self.strips.push(vec![T::default(); STRIP]);
        }
    }
}

/// `out = f(args)`.
pub(crate) fn forward<T: Number>(
    function: Function,
    out: &mut [T],
    shape: Shape,
    args: &[Operand<'_, T>],
    lanes: usize,
    scratch: &mut Scratch<T>,
) {
    scratch.ensure(args.len());
    let per_strip = STRIP / lanes;
    for first in (0..shape.len()).step_by(per_strip) {
        let n = per_strip.min(shape.len() - first);
        for (arg, strip) in args.iter().zip(&mut scratch.strips) {
            spread(arg, shape, first, n, lanes, strip);
        }
        let inputs = Inputs::new(args, shape, first, n, lanes, &scratch.strips);
        let out = &mut out[first * lanes..(first + n) * lanes];
        function.forward(out, inputs.as_slices());
    }
}

/// `out = f(args)`, and `partial = ∂f/∂args[which]` entry by entry.
#[expect(
    clippy::too_many_arguments,
    reason = "those of `forward`, and the second result"
)]
pub(crate) fn forward_with_partial<T: Number>(
    function: Function,
    which: usize,
    out: &mut [T],
    partial: &mut [T],
    shape: Shape,
    args: &[Operand<'_, T>],
    lanes: usize,
    scratch: &mut Scratch<T>,
) {
    scratch.ensure(args.len());
    let per_strip = STRIP / lanes;
    for first in (0..shape.len()).step_by(per_strip) {
        let n = per_strip.min(shape.len() - first);
        for (arg, strip) in args.iter().zip(&mut scratch.strips) {
            spread(arg, shape, first, n, lanes, strip);
        }
        let inputs = Inputs::new(args, shape, first, n, lanes, &scratch.strips);
        let range = first * lanes..(first + n) * lanes;
        let (out, partial) = (&mut out[range.clone()], &mut partial[range]);
        function.forward_with_partial(which, out, partial, inputs.as_slices());
    }
}

/// Adds to `gradient`, laid out as argument `which`, its adjoint.
#[expect(
    clippy::too_many_arguments,
    reason = "an adjoint needs all that the function had"
)]
pub(crate) fn backward<T: Number>(
    function: Function,
    which: usize,
    gradient: &mut [T],
    adjoint: &[T],
    values: &[T],
    shape: Shape,
    args: &[Operand<'_, T>],
    lanes: usize,
    scratch: &mut Scratch<T>,
) {
    if !function.has_derivative(which) {
        return;
    }
    scratch.ensure(args.len() + 1);
    let per_strip = STRIP / lanes;
    let whole = args[which].shape == shape;
    for first in (0..shape.len()).step_by(per_strip) {
        let n = per_strip.min(shape.len() - first);
        let (strips, rest) = scratch.strips.split_at_mut(args.len());
        for (arg, strip) in args.iter().zip(strips.iter_mut()) {
            spread(arg, shape, first, n, lanes, strip);
        }
        let inputs = Inputs::new(args, shape, first, n, lanes, strips);
        let range = first * lanes..(first + n) * lanes;
        let (adjoint, values) = (&adjoint[range.clone()], &values[range.clone()]);
        if whole {
            let out = &mut gradient[range];
            function.backward(which, out, adjoint, values, inputs.as_slices());
        } else {
            let out = &mut rest[0][..n * lanes];
            out.fill(T::default());
            function.backward(which, out, adjoint, values, inputs.as_slices());
            with_lanes!(
                lanes,
                collect::<T, W>(out, shape, args[which].shape, first, gradient)
            );
        }
    }
}

/// The slices that a kernel reads, without an allocation.
struct Inputs<'a, T> {
    slices: [&'a [T]; MOST_ARGS],
    n: usize,
}

/// The most arguments that a function has.
pub(crate) const MOST_ARGS: usize = 8;

impl<'a, T: Number> Inputs<'a, T> {
    fn new(
        args: &[Operand<'a, T>],
        shape: Shape,
        first: usize,
        n: usize,
        lanes: usize,
        strips: &'a [Vec<T>],
    ) -> Self {
        let mut slices: [&[T]; MOST_ARGS] = [&[]; MOST_ARGS];
        for (k, (arg, strip)) in args.iter().zip(strips).enumerate() {
            slices[k] = match arg.values {
                Values::Lanes(values) if arg.shape == shape => {
                    &values[first * lanes..(first + n) * lanes]
                }
                _ => &strip[..n * lanes],
            };
        }
        Self {
            slices,
            n: args.len(),
        }
    }

    fn as_slices(&self) -> &[&'a [T]] {
        &self.slices[..self.n]
    }
}

/// Fills a strip with entries `first..first + n` of an operand repeated to `shape`, unless it can be
/// read where it is.
fn spread<T: Number>(
    arg: &Operand<'_, T>,
    shape: Shape,
    first: usize,
    n: usize,
    lanes: usize,
    strip: &mut [T],
) {
    let strip = &mut strip[..n * lanes];
    match arg.values {
        Values::Lanes(_) if arg.shape == shape => {}
        Values::Lanes(values) => {
            with_lanes!(
                lanes,
                spread_lanes::<T, W>(values, arg.shape, shape, first, strip)
            );
        }
        Values::Data(values) if arg.shape.is_scalar() => strip.fill(T::constant(values[0])),
        Values::Data(values) => {
            with_lanes!(
                lanes,
                spread_data::<T, W>(values, arg.shape, shape, first, strip)
            );
        }
    }
}

fn spread_lanes<T: Number, const W: usize>(
    values: &[T],
    from: Shape,
    to: Shape,
    first: usize,
    strip: &mut [T],
) {
    for_each_entry(from, to, first, strip.len() / W, |i, entry| {
        strip[i * W..(i + 1) * W].copy_from_slice(&values[entry * W..(entry + 1) * W]);
    });
}

fn spread_data<T: Number, const W: usize>(
    values: &[f64],
    from: Shape,
    to: Shape,
    first: usize,
    strip: &mut [T],
) {
    for_each_entry(from, to, first, strip.len() / W, |i, entry| {
        strip[i * W..(i + 1) * W].fill(T::constant(values[entry]));
    });
}

/// Sums a strip of adjoints into a repeated operand.
fn collect<T: Number, const W: usize>(
    strip: &[T],
    shape: Shape,
    to: Shape,
    first: usize,
    gradient: &mut [T],
) {
    if to.is_scalar() {
        // One accumulator, kept out of memory.
        let mut total = [T::default(); W];
        for block in strip.chunks_exact(W) {
            for l in 0..W {
                total[l] += block[l];
            }
        }
        for l in 0..W {
            gradient[l] += total[l];
        }
        return;
    }
    for_each_entry(to, shape, first, strip.len() / W, |i, entry| {
        for l in 0..W {
            gradient[entry * W + l] += strip[i * W + l];
        }
    });
}

/// Calls `visit(i, entry)` for each entry `first + i` of `to` with the entry of `from` that is
/// repeated there.
#[inline]
fn for_each_entry(
    from: Shape,
    to: Shape,
    first: usize,
    n: usize,
    mut visit: impl FnMut(usize, usize),
) {
    if from == to {
        for i in 0..n {
            visit(i, first + i);
        }
        return;
    }
    let row_stride = if from.rows == 1 { 0 } else { from.cols };
    let col_stride = usize::from(from.cols != 1);
    let (mut row, mut col) = (first / to.cols, first % to.cols);
    for i in 0..n {
        visit(i, row * row_stride + col * col_stride);
        col += 1;
        if col == to.cols {
            (row, col) = (row + 1, 0);
        }
    }
}
