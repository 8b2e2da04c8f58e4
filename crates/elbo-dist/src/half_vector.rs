//! Symmetric matrices as vectors of their lower triangle, and quadratic forms that may overflow.
//!
//! The one idea: a symmetric matrix has `D(D+1)/2` free entries, and an exponential family over
//! matrices is minimal only in those. Statistics store the lower triangle row by row; natural
//! parameters store it with the entries off the diagonal doubled, so that the plain inner product
//! of the two vectors is the trace `tr(A B)`.

use elbo_math::linalg::{Matrix, dot};

/// `D(D+1)/2`.
pub(crate) fn half_len(dim: usize) -> usize {
    dim * (dim + 1) / 2
}

/// Appends the lower triangle of `weight · A` to `out`.
pub(crate) fn push_half(out: &mut Vec<f64>, weight: f64, a: &Matrix) {
    for i in 0..a.rows() {
        out.extend(a.row(i)[..=i].iter().map(|v| weight * v));
    }
}

/// Appends the lower triangle of `weight · A`, off-diagonal entries doubled, to `out`.
pub(crate) fn push_half_dual(out: &mut Vec<f64>, weight: f64, a: &Matrix) {
    for i in 0..a.rows() {
        out.extend(a.row(i)[..i].iter().map(|v| 2.0 * weight * v));
        out.push(weight * a[(i, i)]);
    }
}

/// The symmetric matrix whose [`push_half_dual`] with weight 1 is `half`.
pub(crate) fn from_half_dual(dim: usize, half: &[f64]) -> Matrix {
    Matrix::from_fn(dim, dim, |i, j| {
        let (r, c) = (i.max(j), i.min(j));
        let entry = half[r * (r + 1) / 2 + c];
        if r == c { entry } else { entry / 2.0 }
    })
}

/// `tr(A B)` of two symmetric matrices, of which only the lower triangles are read.
pub(crate) fn trace_product(a: &Matrix, b: &Matrix) -> f64 {
    assert_eq!(
        (a.rows(), a.cols()),
        (b.rows(), b.cols()),
        "matrix shapes differ"
    );
    let mut total = 0.0;
    for i in 0..a.rows() {
        let off: f64 = (0..i).map(|j| a[(i, j)] * b[(i, j)]).sum();
        total += 2.0 * off + a[(i, i)] * b[(i, i)];
    }
    total
}

/// `zᵀz` where `z` was computed from `x`: infinite if an overflow on the way left a NaN, which a
/// finite point must not give.
pub(crate) fn squared_norm(z: &[f64], x: &[f64]) -> f64 {
    let square = dot(z, z);
    let overflow = square.is_nan() && x.iter().all(|v| v.is_finite());
    if overflow { f64::INFINITY } else { square }
}
