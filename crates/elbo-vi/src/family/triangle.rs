//! A Cholesky factor as a part of `λ`: its lower triangle row by row, the diagonal as logarithms.
//!
//! The one idea: any finite numbers are a factor. Deliberately absent: means; what is scaled.

use elbo_math::linalg::{Cholesky, Matrix};

use super::check_scales;
use crate::ViError;

/// The number of entries on and below the diagonal.
pub(super) fn n_entries(dimension: usize) -> usize {
    dimension * (dimension + 1) / 2
}

/// Where `(row, column)` stands in the packed triangle.
pub(super) fn position(row: usize, column: usize) -> usize {
    n_entries(row) + column
}

/// Appends the packed triangle of a factor.
pub(super) fn pack(lower: &Matrix, packed: &mut Vec<f64>) {
    for i in 0..lower.rows() {
        packed.extend_from_slice(&lower.row(i)[..i]);
        packed.push(lower[(i, i)].ln());
    }
}

/// The factor that a packed triangle stands for.
pub(super) fn unpack(
    family: &'static str,
    dimension: usize,
    packed: &[f64],
) -> Result<Cholesky, ViError> {
    let lower = Matrix::from_fn(dimension, dimension, |i, j| match j.cmp(&i) {
        std::cmp::Ordering::Less => packed[position(i, j)],
        std::cmp::Ordering::Equal => packed[position(i, i)].exp(),
        std::cmp::Ordering::Greater => 0.0,
    });
    check_scales(family, &lower.diagonal())?;
    Ok(Cholesky::from_lower(lower)?)
}

/// Turns `∂/∂L`, added entry by entry, into `∂` of the packed triangle.
pub(super) fn add_packed(lower: &Matrix, gradient: impl Fn(usize, usize) -> f64, out: &mut [f64]) {
    let mut k = 0;
    for i in 0..lower.rows() {
        for j in 0..=i {
            let chain = if i == j { lower[(i, i)] } else { 1.0 };
            out[k] += gradient(i, j) * chain;
            k += 1;
        }
    }
}
