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
    fn backward<T: Number>(
        &self,
        lanes: usize,
        which: usize,
        args: &[&[T]],
        out: &[T],
        adjoint: &[T],
        gradient: &mut [T],
    );
}

/// [`Block`] as an object; implemented for every `Block`.
#[expect(
    missing_docs,
    reason = "each method is that of `Block`, for one kind of number"
)]
pub trait BlockOperation: Debug + Send + Sync {
    fn name(&self) -> &'static str;
    fn shape(&self, args: &[Shape]) -> Shape;
    fn by_row(&self, which: usize) -> bool;
    fn forward(&self, lanes: usize, args: &[&[f64]], out: &mut [f64]);
    fn forward_dual(&self, lanes: usize, args: &[&[Dual]], out: &mut [Dual]);
    fn backward(
        &self,
        lanes: usize,
        which: usize,
        args: &[&[f64]],
        out: &[f64],
        adjoint: &[f64],
        gradient: &mut [f64],
    );
    fn backward_dual(
        &self,
        lanes: usize,
        which: usize,
        args: &[&[Dual]],
        out: &[Dual],
        adjoint: &[Dual],
        gradient: &mut [Dual],
    );
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

    fn forward(&self, lanes: usize, args: &[&[f64]], out: &mut [f64]) {
        Block::forward(self, lanes, args, out);
    }

    fn forward_dual(&self, lanes: usize, args: &[&[Dual]], out: &mut [Dual]) {
        Block::forward(self, lanes, args, out);
    }

    fn backward(
        &self,
        lanes: usize,
        which: usize,
        args: &[&[f64]],
        out: &[f64],
        adjoint: &[f64],
        gradient: &mut [f64],
    ) {
        Block::backward(self, lanes, which, args, out, adjoint, gradient);
    }

    fn backward_dual(
        &self,
        lanes: usize,
        which: usize,
        args: &[&[Dual]],
        out: &[Dual],
        adjoint: &[Dual],
        gradient: &mut [Dual],
    ) {
        Block::backward(self, lanes, which, args, out, adjoint, gradient);
    }
}

/// The kinds of number that programs run on; picks the method of [`BlockOperation`].
pub(crate) trait Run: Number {
    fn forward(operation: &dyn BlockOperation, lanes: usize, args: &[&[Self]], out: &mut [Self]);
    fn backward(
        operation: &dyn BlockOperation,
        lanes: usize,
        which: usize,
        args: &[&[Self]],
        out: &[Self],
        adjoint: &[Self],
        gradient: &mut [Self],
    );
}

impl Run for f64 {
    fn forward(operation: &dyn BlockOperation, lanes: usize, args: &[&[Self]], out: &mut [Self]) {
        operation.forward(lanes, args, out);
    }

    fn backward(
        operation: &dyn BlockOperation,
        lanes: usize,
        which: usize,
        args: &[&[Self]],
        out: &[Self],
        adjoint: &[Self],
        gradient: &mut [Self],
    ) {
        operation.backward(lanes, which, args, out, adjoint, gradient);
    }
}

impl Run for Dual {
    fn forward(operation: &dyn BlockOperation, lanes: usize, args: &[&[Self]], out: &mut [Self]) {
        operation.forward_dual(lanes, args, out);
    }

    fn backward(
        operation: &dyn BlockOperation,
        lanes: usize,
        which: usize,
        args: &[&[Self]],
        out: &[Self],
        adjoint: &[Self],
        gradient: &mut [Self],
    ) {
        operation.backward_dual(lanes, which, args, out, adjoint, gradient);
    }
}
