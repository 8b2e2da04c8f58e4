//! Operations on whole values: decompositions, solves, scans, differential equations.
//!
//! The one idea: a file per operation implements [`Block`] once, over [`Number`]; the object-safe
//! [`BlockOperation`] follows. Buffers hold `entries × lanes` numbers, lanes innermost. Deliberately
//! absent: what an operation means in a model (densities and transforms build on these).

mod cholesky;
mod correlation;
mod cumulative_sum;
pub(crate) mod dense;
mod hidden_markov;
mod hypergeometric;
mod multivariate_gamma;
mod sort;
mod sum_to_zero;
mod tcrossprod;
#[cfg(test)]
mod tests;
mod tile;
mod triangular_solve;

pub use cholesky::Cholesky;
pub use correlation::CorrelationCholesky;
pub use cumulative_sum::CumulativeSum;
pub use dense::{Inverse, LogAbsDeterminant, MatrixExponential, SingularValues, SymmetricEigen};
pub use hidden_markov::{HiddenMarkov, HiddenStateProbabilities};
pub use hypergeometric::Hypergeometric;
pub use multivariate_gamma::LogMultivariateGamma;
pub use sort::{Sort, SortIndices};
pub use sum_to_zero::SumToZero;
pub use tcrossprod::Tcrossprod;
pub use triangular_solve::TriangularSolve;

use std::fmt::Debug;

use crate::number::{Dual, Number};
use crate::shape::Shape;

/// An operation, written once for any number.
pub trait Block: Debug + Send + Sync + 'static {
    /// The word for a reader.
    fn name(&self) -> &'static str;

    /// The shape of the result.
    ///
    /// # Panics
    /// If the arguments do not fit; whoever builds a graph has checked them.
    fn shape(&self, args: &[Shape]) -> Shape;

    /// Whether row `r` of the result needs row `r` of argument `which`, and no other row of it.
    ///
    /// An operation with such an argument can be part of a plate. It then sees some of the rows at a
    /// time, and so takes their number from the lengths of its buffers. Its other arguments are
    /// whole.
    fn by_row(&self, which: usize) -> bool {
        let _ = which;
        false
    }

    /// Computes the result; where it does not exist in a lane, that lane becomes NaN.
    fn forward<T: Number>(&self, lanes: usize, args: &[&[T]], out: &mut [T]);

    /// Adds to `gradient` the adjoint of argument `which`, given the adjoint of the result.
    fn backward<T: Number>(&self, call: Backward<'_, T>);
}

/// What an operation computes its result from, and where to.
#[derive(Debug)]
pub struct Forward<'a, T> {
    /// Draws side by side.
    pub lanes: usize,
    /// The arguments.
    pub args: &'a [&'a [T]],
    /// The result.
    pub out: &'a mut [T],
}

/// What the adjoint of an argument is computed from, and where to.
#[derive(Debug)]
pub struct Backward<'a, T> {
    /// Draws side by side.
    pub lanes: usize,
    /// Which argument's adjoint.
    pub which: usize,
    /// The arguments.
    pub args: &'a [&'a [T]],
    /// The result.
    pub out: &'a [T],
    /// The adjoint of the result.
    pub adjoint: &'a [T],
    /// Added to.
    pub gradient: &'a mut [T],
    /// Memory that is kept between calls, with anything in it.
    pub scratch: &'a mut Vec<T>,
}

/// One call of an operation, for either kind of number.
#[derive(Debug)]
#[expect(
    missing_docs,
    reason = "each is the structure that it holds, for one kind of number"
)]
pub enum Call<'a> {
    Forward(Forward<'a, f64>),
    ForwardDual(Forward<'a, Dual>),
    Backward(Backward<'a, f64>),
    BackwardDual(Backward<'a, Dual>),
}

/// [`Block`] as an object; implemented for every `Block`.
pub trait BlockOperation: Debug + Send + Sync {
    /// As [`Block::name`].
    fn name(&self) -> &'static str;
    /// As [`Block::shape`].
    fn shape(&self, args: &[Shape]) -> Shape;
    /// As [`Block::by_row`].
    fn by_row(&self, which: usize) -> bool;
    /// As [`Block::forward`] or [`Block::backward`].
    fn run(&self, call: Call<'_>);
}

impl<B: Block> BlockOperation for B {
    fn name(&self) -> &'static str {
        Block::name(self)
    }

    fn shape(&self, args: &[Shape]) -> Shape {
        Block::shape(self, args)
    }

    fn by_row(&self, which: usize) -> bool {
        Block::by_row(self, which)
    }

    fn run(&self, call: Call<'_>) {
        match call {
            Call::Forward(call) => self.forward(call.lanes, call.args, call.out),
            Call::ForwardDual(call) => self.forward(call.lanes, call.args, call.out),
            Call::Backward(call) => self.backward(call),
            Call::BackwardDual(call) => self.backward(call),
        }
    }
}

/// The kinds of number that programs run on.
pub(crate) trait Run: Number {
    fn forward(call: Forward<'_, Self>) -> Call<'_>;
    fn backward(call: Backward<'_, Self>) -> Call<'_>;
}

impl Run for f64 {
    fn forward(call: Forward<'_, Self>) -> Call<'_> {
        Call::Forward(call)
    }

    fn backward(call: Backward<'_, Self>) -> Call<'_> {
        Call::Backward(call)
    }
}

impl Run for Dual {
    fn forward(call: Forward<'_, Self>) -> Call<'_> {
        Call::ForwardDual(call)
    }

    fn backward(call: Backward<'_, Self>) -> Call<'_> {
        Call::BackwardDual(call)
    }
}
