//! The Cholesky factor of a positive definite matrix, and everything that is cheap once it is known.

use faer::Par;
use faer::linalg::triangular_solve as tri;

use super::{Matrix, matmul_tn};
use crate::MathError;
use crate::simd::clear_upper_halves;

/// `A = L Lᵀ` with `L` lower triangular and a positive diagonal.
#[derive(Debug, Clone, PartialEq)]
pub struct Cholesky {
    lower: Matrix,
}

impl Cholesky {
    /// Factorises a symmetric matrix, of which only the lower triangle is read.
    ///
    /// # Errors
    /// [`MathError::NotPositiveDefinite`] with the offending pivot.
    ///
    /// # Complexity
    /// `D³/3` operations.
    pub fn new(a: &Matrix) -> Result<Self, MathError> {
        let dim = a.rows();
        assert_eq!(dim, a.cols(), "a Cholesky factor needs a square matrix");
        let factor = a.view().llt(faer::Side::Lower).map_err(|error| {
            let faer::linalg::cholesky::llt::factor::LltError::NonPositivePivot { index } = error;
            MathError::NotPositiveDefinite { dim, pivot: index }
        })?;
        clear_upper_halves();
        let view = factor.L();
        let lower = Matrix::from_fn(dim, dim, |i, j| if j <= i { view[(i, j)] } else { 0.0 });
        // A NaN passes the sign test of a pivot.
        if let Some(pivot) = (0..dim).find(|i| !lower[(*i, *i)].is_finite()) {
            return Err(MathError::NotPositiveDefinite { dim, pivot });
        }
        Ok(Self { lower })
    }

    /// Takes a factor that is already known.
    ///
    /// # Errors
    /// [`MathError::NotPositiveDefinite`] if a diagonal entry is not positive.
    pub fn from_lower(lower: Matrix) -> Result<Self, MathError> {
        let dim = lower.rows();
        assert_eq!(dim, lower.cols(), "a Cholesky factor is square");
        match (0..dim).find(|i| !(lower[(*i, *i)] > 0.0)) {
            Some(pivot) => Err(MathError::NotPositiveDefinite { dim, pivot }),
            None => Ok(Self { lower }),
        }
    }

    /// Number of rows.
    pub fn dim(&self) -> usize {
        self.lower.rows()
    }

    /// `L`, zero above the diagonal.
    pub fn lower(&self) -> &Matrix {
        &self.lower
    }

    /// `log |A|`.
    pub fn log_det(&self) -> f64 {
        2.0 * (0..self.dim())
            .map(|i| self.lower[(i, i)].ln())
            .sum::<f64>()
    }

    /// `b ← L⁻¹ b`.
    pub fn solve_lower_in_place(&self, b: &mut [f64]) {
        assert_eq!(b.len(), self.dim(), "factor and vector shapes differ");
        for i in 0..b.len() {
            let row = self.lower.row(i);
            b[i] = (b[i] - super::dot(&row[..i], &b[..i])) / row[i];
        }
    }

    /// `b ← L⁻ᵀ b`.
    pub fn solve_lower_transpose_in_place(&self, b: &mut [f64]) {
        assert_eq!(b.len(), self.dim(), "factor and vector shapes differ");
        for i in (0..b.len()).rev() {
            let row = self.lower.row(i);
            b[i] /= row[i];
            let bi = b[i];
            super::axpy(-bi, &row[..i], &mut b[..i]);
        }
    }

    /// `b ← A⁻¹ b`.
    pub fn solve_in_place(&self, b: &mut [f64]) {
        self.solve_lower_in_place(b);
        self.solve_lower_transpose_in_place(b);
    }

    /// `A⁻¹ b`.
    pub fn solve(&self, b: &[f64]) -> Vec<f64> {
        let mut x = b.to_vec();
        self.solve_in_place(&mut x);
        x
    }

    /// `L x`; with `x` standard normal this draws from `N(0, A)`.
    pub fn lower_times(&self, x: &[f64]) -> Vec<f64> {
        (0..self.dim())
            .map(|i| super::dot(&self.lower.row(i)[..=i], &x[..=i]))
            .collect()
    }

    /// `L⁻¹ B`, for all columns of `B` at once.
    pub fn solve_lower_matrix(&self, b: &Matrix) -> Matrix {
        let mut x = b.clone();
        tri::solve_lower_triangular_in_place(self.lower.view(), x.view_mut(), Par::Seq);
        clear_upper_halves();
        x
    }

    /// `A⁻¹ B`, for all columns of `B` at once.
    pub fn solve_matrix(&self, b: &Matrix) -> Matrix {
        self.solve_lower_transpose_matrix(&self.solve_lower_matrix(b))
    }

    /// `L⁻ᵀ B`, for all columns of `B` at once.
    pub fn solve_lower_transpose_matrix(&self, b: &Matrix) -> Matrix {
        let mut x = b.clone();
        let upper = self.lower.view().transpose();
        tri::solve_upper_triangular_in_place(upper, x.view_mut(), Par::Seq);
        clear_upper_halves();
        x
    }

    /// `L⁻¹`.
    pub fn lower_inverse(&self) -> Matrix {
        self.solve_lower_matrix(&Matrix::identity(self.dim()))
    }

    /// `A⁻¹`, exactly symmetric.
    pub fn inverse(&self) -> Matrix {
        let inverse_lower = self.lower_inverse();
        let mut inverse = matmul_tn(&inverse_lower, &inverse_lower);
        for i in 0..self.dim() {
            for j in 0..i {
                inverse[(j, i)] = inverse[(i, j)];
            }
        }
        inverse
    }

    /// `bᵀ A⁻¹ b`.
    pub fn inverse_quadratic_form(&self, b: &[f64]) -> f64 {
        let mut x = b.to_vec();
        self.solve_lower_in_place(&mut x);
        super::dot(&x, &x)
    }

    /// `L Lᵀ`.
    pub fn reconstruct(&self) -> Matrix {
        super::matmul_nt(&self.lower, &self.lower)
    }

    /// Turns the factor of `A` into that of `A + sign · x xᵀ`, in `O(D²)`.
    ///
    /// # Errors
    /// [`MathError::NotPositiveDefinite`] if a downdate (`sign = −1`) leaves the positive definite
    /// cone; the factor is then unusable.
    ///
    /// # References
    /// `[@seeger2004lowrank]`, by Givens (hyperbolic for a downdate) rotations.
    pub fn rank_one_update(&mut self, sign: f64, x: &[f64]) -> Result<(), MathError> {
        let dim = self.dim();
        assert_eq!(x.len(), dim, "factor and vector shapes differ");
        let mut x = x.to_vec();
        for k in 0..dim {
            let pivot = self.lower[(k, k)];
            let squared = pivot * pivot + sign * x[k] * x[k];
            if !(squared > 0.0) {
                return Err(MathError::NotPositiveDefinite { dim, pivot: k });
            }
            let updated = squared.sqrt();
            let (c, s) = (updated / pivot, x[k] / pivot);
            self.lower[(k, k)] = updated;
            for i in k + 1..dim {
                let entry = (self.lower[(i, k)] + sign * s * x[i]) / c;
                x[i] = c * x[i] - s * entry;
                self.lower[(i, k)] = entry;
            }
        }
        Ok(())
    }
}
