//! The triangular factor of a matrix of any shape.

use super::Matrix;
use crate::simd::clear_upper_halves;

/// Rows that are factored at once, so that a tall matrix needs no copy of itself.
const ROWS: usize = 4096;

/// `R` of `A = Q R`, upper triangular with `min(rows, columns)` rows: `‖R x‖ = ‖A x‖` for every `x`.
pub fn triangular_factor(a: &Matrix) -> Matrix {
    let cols = a.cols();
    let step = ROWS.max(cols);
    let mut factor = Matrix::zeros(0, cols);
    for first in (0..a.rows()).step_by(step) {
        let part = &a.as_slice()[first * cols..((first + step) * cols).min(a.as_slice().len())];
        let mut rows = factor.into_vec();
        rows.extend_from_slice(part);
        let stacked = Matrix::from_vec(rows.len() / cols.max(1), cols, rows);
        let qr = stacked.view().qr();
        let r = qr.thin_R();
        factor = Matrix::from_fn(r.nrows(), cols, |i, j| if i <= j { r[(i, j)] } else { 0.0 });
        clear_upper_halves();
    }
    factor
}
