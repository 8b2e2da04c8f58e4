//! A pointwise function of operands that may be data, or repeated along rows or columns.
//!
//! The one idea: one loop over strips of entries that stay in the nearest cache. An operand that is not
//! already one number per entry and lane is spread out once per strip, for the value and for every
//! adjoint; adjoints of repeated operands are computed in a strip and then summed.

use std::ops::Range;

use crate::number::Number;
use crate::op::strip::{add_multiple, collect, spread, sum_lanes};
use crate::op::{Gradients, Operand, Values, with_lanes};
use crate::plate::zero;
use crate::pointwise::Function;
use crate::pointwise::term::{MOST_TERM_ARGS, Sink, Source, Sums};
use crate::shape::Shape;

/// Numbers in a strip: four of them fill half of a 32 KiB cache.
pub(crate) const STRIP: usize = 512;

/// The most arguments that a function has.
pub(crate) const MOST_ARGS: usize = 8;

/// Strips for spread operands, and two for results.
#[derive(Debug, Default)]
pub(crate) struct Scratch<T> {
    spread: Vec<Vec<T>>,
    value: Vec<T>,
    partial: Vec<T>,
}

/// A function and what it is applied to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call<'a, T> {
    pub function: Function,
    pub args: &'a [Operand<'a, T>],
    /// Of the result.
    pub shape: Shape,
    pub lanes: usize,
}

/// Entries of a result that are computed together.
struct Strip<'a, T> {
    first: usize,
    /// Where their numbers lie in a buffer of the result's shape.
    numbers: Range<usize>,
    inputs: &'a [&'a [T]],
    value: &'a mut [T],
    partial: &'a mut [T],
}

impl<T: Number> Call<'_, T> {
    fn for_each_strip(self, scratch: &mut Scratch<T>, mut visit: impl FnMut(Strip<'_, T>)) {
        let Self {
            args, shape, lanes, ..
        } = self;
        while scratch.spread.len() < args.len() {
            scratch.spread.push(vec![T::default(); STRIP]);
        }
        scratch.value.resize(STRIP, T::default());
        scratch.partial.resize(STRIP, T::default());
        let per_strip = STRIP / lanes;
        for first in (0..shape.len()).step_by(per_strip) {
            let n = per_strip.min(shape.len() - first);
            let numbers = first * lanes..(first + n) * lanes;
            let mut inputs: [&[T]; MOST_ARGS] = [&[]; MOST_ARGS];
            for (k, (arg, strip)) in args.iter().zip(&mut scratch.spread).enumerate() {
                inputs[k] = match arg.values {
                    Values::Lanes(values) if arg.shape == shape => &values[numbers.clone()],
                    _ => {
                        let strip = &mut strip[..n * lanes];
                        // One number per lane is the same in every strip.
                        if first == 0 || !arg.shape.is_scalar() {
                            with_lanes!(lanes, spread::<T, W>(arg, shape, first, strip));
                        }
                        strip
                    }
                };
            }
            visit(Strip {
                first,
                numbers,
                inputs: &inputs[..args.len()],
                value: &mut scratch.value[..n * lanes],
                partial: &mut scratch.partial[..n * lanes],
            });
        }
    }

    /// `out = f(args)`.
    pub(crate) fn forward(self, out: &mut [T], scratch: &mut Scratch<T>) {
        self.for_each_strip(scratch, |strip| {
            self.function.forward(&mut out[strip.numbers], strip.inputs);
        });
    }

    /// `out = f(args)`, and `partial = ∂f/∂args[which]` entry by entry.
    pub(crate) fn forward_with_partial(
        self,
        which: usize,
        out: &mut [T],
        partial: &mut [T],
        scratch: &mut Scratch<T>,
    ) {
        self.for_each_strip(scratch, |strip| {
            let (out, partial) = (
                &mut out[strip.numbers.clone()],
                &mut partial[strip.numbers.clone()],
            );
            self.function
                .forward_with_partial(which, out, partial, strip.inputs);
        });
    }

    /// Adds the adjoints of the arguments to `gradients`.
    pub(crate) fn backward(
        self,
        adjoint: &[T],
        values: &[T],
        scratch: &mut Scratch<T>,
        gradients: &mut impl Gradients<T>,
    ) {
        self.for_each_strip(scratch, |mut strip| {
            let (adjoint, values) = (
                &adjoint[strip.numbers.clone()],
                &values[strip.numbers.clone()],
            );
            for which in 0..self.args.len() {
                self.add_adjoint(which, &mut strip, adjoint, values, gradients);
            }
        });
    }

    /// Adds the sum of all values to `sums`, one for each lane, and, where there are `gradients`, the
    /// adjoints of the arguments given that the values' is `scale`. `shared` is an argument whose
    /// derivative costs little beside the value, and the only one that has a gradient.
    pub(crate) fn add_up(
        self,
        shared: Option<usize>,
        scale: f64,
        sums: &mut [T],
        scratch: &mut Scratch<T>,
        mut gradients: Option<&mut impl Gradients<T>>,
    ) {
        let done = match self.lanes {
            8 => self.add_up_rows::<8, _>(scale, sums, &mut gradients),
            16 => self.add_up_rows::<16, _>(scale, sums, &mut gradients),
            // Fewer lanes than a vector holds: strips are better.
            _ => false,
        };
        if done {
            return;
        }
        let scales = [T::constant(scale); STRIP];
        self.for_each_strip(scratch, |mut strip| {
            let n = strip.value.len();
            match (shared, &mut gradients) {
                (Some(which), Some(gradients)) => {
                    let (value, partial) = (&mut *strip.value, &mut *strip.partial);
                    self.function
                        .forward_with_partial(which, value, partial, strip.inputs);
                    if let Some(gradient) = gradients.of(which) {
                        self.add_partial(which, &mut strip, scale, gradient);
                    }
                }
                (None, Some(gradients)) => {
                    self.function.forward(strip.value, strip.inputs);
                    let values = std::mem::take(&mut strip.value);
                    for which in 0..self.args.len() {
                        self.add_adjoint(which, &mut strip, &scales[..n], values, *gradients);
                    }
                    strip.value = values;
                }
                (_, None) => self.function.forward(strip.value, strip.inputs),
            }
            with_lanes!(self.lanes, sum_lanes::<T, W>(strip.value, sums));
        });
    }

    /// [`add_up`](Self::add_up) row by row, if the function and the arguments' shapes allow it.
    fn add_up_rows<const W: usize, G: Gradients<T>>(
        self,
        scale: f64,
        sums: &mut [T],
        gradients: &mut Option<&mut G>,
    ) -> bool {
        let (n_args, asked) = (self.args.len(), gradients.is_some());
        if n_args > MOST_TERM_ARGS {
            return false;
        }
        let mut sources = [Source::Known(&[]); MOST_TERM_ARGS];
        let mut sinks = [Sink::Nowhere; MOST_TERM_ARGS];
        let mut by_rows = None;
        for (k, arg) in self.args.iter().enumerate() {
            let (whole, one) = (arg.shape == self.shape, arg.shape.is_scalar());
            (sources[k], sinks[k]) = match arg.values {
                Values::Lanes(values) if whole => {
                    if by_rows.replace(k).is_some() {
                        return false;
                    }
                    (Source::Rows(values.as_chunks().0), Sink::Rows)
                }
                Values::Lanes(values) if one => {
                    (Source::Common(values.as_chunks().0[0]), Sink::Common)
                }
                Values::Data(values) if whole => (Source::Known(values), Sink::Nowhere),
                Values::Data(values) if one => {
                    (Source::Common([T::constant(values[0]); W]), Sink::Nowhere)
                }
                _ => return false,
            };
        }
        let rows = match (by_rows, &mut *gradients) {
            (Some(which), Some(gradients)) => gradients.of(which).unwrap_or_default(),
            _ => &mut [],
        };
        let mut all = Sums {
            n: self.shape.len(),
            sources,
            sinks,
            scale,
            values: [T::default(); W],
            common: [[T::default(); W]; MOST_TERM_ARGS],
            rows: rows.as_chunks_mut().0,
        };
        if !self.function.add_up(&mut all, asked) {
            return false;
        }
        let Sums { values, common, .. } = all;
        for (sum, value) in sums.iter_mut().zip(values) {
            *sum += value;
        }
        let Some(gradients) = gradients else {
            return true;
        };
        for which in (0..n_args).filter(|k| sinks[*k] == Sink::Common) {
            if let Some(gradient) = gradients.of(which) {
                add_multiple(gradient, &common[which], scale);
            }
        }
        true
    }

    fn add_adjoint(
        self,
        which: usize,
        strip: &mut Strip<'_, T>,
        adjoint: &[T],
        values: &[T],
        gradients: &mut impl Gradients<T>,
    ) {
        if !self.function.has_derivative(which) {
            return;
        }
        let Some(gradient) = gradients.of(which) else {
            return;
        };
        let inputs = strip.inputs;
        if self.args[which].shape == self.shape {
            let out = &mut gradient[strip.numbers.clone()];
            self.function.backward(which, out, adjoint, values, inputs);
        } else {
            zero(strip.partial);
            let out = &mut *strip.partial;
            self.function.backward(which, out, adjoint, values, inputs);
            self.collect(which, strip, gradient);
        }
    }

    /// Adds a strip of partial derivatives, times a constant, to the gradient of an argument.
    fn add_partial(self, which: usize, strip: &mut Strip<'_, T>, scale: f64, gradient: &mut [T]) {
        if self.args[which].shape == self.shape {
            add_multiple(&mut gradient[strip.numbers.clone()], strip.partial, scale);
        } else {
            for p in strip.partial.iter_mut() {
                *p = p.times(scale);
            }
            self.collect(which, strip, gradient);
        }
    }

    /// Sums a strip of adjoints into a repeated operand's gradient.
    fn collect(self, which: usize, strip: &Strip<'_, T>, gradient: &mut [T]) {
        let (shape, to) = (self.shape, self.args[which].shape);
        let (part, first) = (&*strip.partial, strip.first);
        with_lanes!(
            self.lanes,
            collect::<T, W>(part, shape, to, first, gradient)
        );
    }
}
