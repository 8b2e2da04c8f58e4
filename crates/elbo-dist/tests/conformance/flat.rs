//! Points, means and variances as flat lists of numbers, so that one check serves all shapes.

use elbo_dist::MeanAndPrecision;
use elbo_math::linalg::Matrix;

/// Anything that is a list of numbers.
pub(crate) trait Flat {
    /// The numbers, matrices row by row.
    fn flat(&self) -> Vec<f64>;
}

impl Flat for f64 {
    fn flat(&self) -> Vec<f64> {
        vec![*self]
    }
}

impl Flat for usize {
    fn flat(&self) -> Vec<f64> {
        vec![*self as f64]
    }
}

impl Flat for [f64] {
    fn flat(&self) -> Vec<f64> {
        self.to_vec()
    }
}

impl Flat for Vec<f64> {
    fn flat(&self) -> Vec<f64> {
        self.clone()
    }
}

impl Flat for Matrix {
    fn flat(&self) -> Vec<f64> {
        self.as_slice().to_vec()
    }
}

impl Flat for (f64, f64) {
    fn flat(&self) -> Vec<f64> {
        vec![self.0, self.1]
    }
}

impl Flat for MeanAndPrecision {
    fn flat(&self) -> Vec<f64> {
        [self.mean.flat(), self.precision.flat()].concat()
    }
}

/// The number itself.
pub(crate) fn real(x: &[f64]) -> f64 {
    x[0]
}

/// The count.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count in a table"
)]
pub(crate) fn count(x: &[f64]) -> usize {
    x[0] as usize
}

/// Two reals.
pub(crate) fn pair(x: &[f64]) -> (f64, f64) {
    (x[0], x[1])
}

/// The vector.
pub(crate) fn vector(x: &[f64]) -> Vec<f64> {
    x.to_vec()
}

/// A square matrix, row by row.
pub(crate) fn matrix(x: &[f64]) -> Matrix {
    let dim = x.len().isqrt();
    Matrix::from_vec(dim, dim, x.to_vec())
}

/// A vector followed by a matrix of its size.
pub(crate) fn mean_and_precision(x: &[f64]) -> MeanAndPrecision {
    // D + D² = n.
    let dim = ((1 + 4 * x.len()).isqrt() - 1) / 2;
    MeanAndPrecision {
        mean: x[..dim].to_vec(),
        precision: matrix(&x[dim..]),
    }
}
