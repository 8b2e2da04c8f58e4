//! The LKJ distribution of correlation matrices.
//!
//! The one idea: the rows of the Cholesky factor of a draw are independent, so drawing and the
//! normaliser are products over rows (the onion method), and the matrix itself is never inverted.

use elbo_math::linalg::{Cholesky, Matrix, dot, matmul_nt};
use elbo_math::random::{Rng, fill_standard_normal};
use elbo_math::special::{LN_PI, digamma, ln_gamma};

use crate::error::Check;
use crate::{Beta, DistError, Distribution, Draw, Entropy, ExponentialFamily, Moments};

const CHECK: Check = Check("LKJ");

/// How far a diagonal entry may be from 1; Stan's constraint tolerance.
const DIAGONAL_TOLERANCE: f64 = 1e-8;

/// `LKJ(R | η)`, with density `∝ |R|^(η−1)` on `D×D` correlation matrices.
///
/// The density is with respect to the entries below the diagonal. `η = 1` is uniform; larger `η`
/// pulls the correlations towards 0.
///
/// # References
/// `[@lewandowski2009lkj]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lkj {
    dim: usize,
    shape: f64,
}

impl Lkj {
    /// Builds the distribution of `dim × dim` correlation matrices with shape `η`.
    ///
    /// # Errors
    /// [`DistError`] unless `dim` and `shape` are positive.
    pub fn new(dim: usize, shape: f64) -> Result<Self, DistError> {
        CHECK.length("dim", dim, dim > 0, || "at least one row".into())?;
        Ok(Self {
            dim,
            shape: CHECK.positive("shape", shape)?,
        })
    }

    /// The dimension `D`.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// The shape `η`.
    pub fn shape(&self) -> f64 {
        self.shape
    }

    /// The log density of the Cholesky factor `L` of a correlation matrix `L Lᵀ`, with respect to
    /// the entries of `L` below the diagonal.
    ///
    /// `−∞` if a row of `L` is not of length 1 or a diagonal entry is not positive.
    ///
    /// # Panics
    /// If `lower` has another shape than the distribution's.
    pub fn log_density_cholesky(&self, lower: &Matrix) -> f64 {
        self.assert_shape(lower);
        let mut kernel = 0.0;
        for i in 0..self.dim {
            let row = &lower.row(i)[..=i];
            if (dot(row, row) - 1.0).abs() > DIAGONAL_TOLERANCE || row[i] <= 0.0 {
                return f64::NEG_INFINITY;
            }
            // |∂R/∂L| contributes D − 1 − i powers of the diagonal to the matrix's 2(η − 1).
            let power = (self.dim - 1 - i) as f64 + 2.0 * (self.shape - 1.0);
            kernel += if i == 0 { 0.0 } else { power * row[i].ln() };
        }
        kernel - self.log_partition()
    }

    /// Draws the Cholesky factor of a correlation matrix, row by row.
    ///
    /// # References
    /// The onion method of `[@lewandowski2009lkj]`.
    pub fn sample_cholesky(&self, rng: &mut impl Rng) -> Matrix {
        let mut lower = Matrix::zeros(self.dim, self.dim);
        lower[(0, 0)] = 1.0;
        for i in 1..self.dim {
            let b = self.shape + 0.5 * (self.dim - 1 - i) as f64;
            let squared = Beta::new(0.5 * i as f64, b)
                .expect("both are positive")
                .sample(rng);
            let row = lower.row_mut(i);
            fill_standard_normal(rng, &mut row[..i]);
            let scale = (squared / dot(&row[..i], &row[..i])).sqrt();
            for v in &mut row[..i] {
                *v *= scale;
            }
            row[i] = (1.0 - squared).sqrt();
        }
        lower
    }

    /// `E[log |R|]`.
    pub fn expected_log_det(&self) -> f64 {
        let (top, half_steps) = (self.top(), 1..self.dim);
        half_steps
            .map(|k| digamma(top - 0.5 * k as f64) - digamma(top))
            .sum()
    }

    /// `η + (D − 1)/2`.
    fn top(&self) -> f64 {
        self.shape + 0.5 * (self.dim - 1) as f64
    }

    fn assert_shape(&self, x: &Matrix) {
        let shape = (self.dim, self.dim);
        assert_eq!(
            (x.rows(), x.cols()),
            shape,
            "point and distribution differ in dimension"
        );
    }
}

impl Distribution for Lkj {
    type Point = Matrix;

    fn log_density(&self, x: &Matrix) -> f64 {
        self.assert_shape(x);
        let unit = x
            .diagonal()
            .iter()
            .all(|d| (d - 1.0).abs() <= DIAGONAL_TOLERANCE);
        match Cholesky::new(x) {
            Ok(factor) if unit => (self.shape - 1.0) * factor.log_det() - self.log_partition(),
            _ => f64::NEG_INFINITY,
        }
    }

    fn sample(&self, rng: &mut impl Rng) -> Draw<Self> {
        let lower = self.sample_cholesky(rng);
        let mut correlation = matmul_nt(&lower, &lower);
        for i in 0..self.dim {
            correlation[(i, i)] = 1.0;
        }
        correlation
    }
}

impl Moments for Lkj {
    type Mean = Matrix;
    type Variance = Matrix;

    fn mean(&self) -> Matrix {
        Matrix::identity(self.dim)
    }

    /// `1/(2η + D − 1)` off the diagonal: each correlation is a stretched beta.
    fn variance(&self) -> Matrix {
        let variance = (2.0 * self.top()).recip();
        Matrix::from_fn(
            self.dim,
            self.dim,
            |i, j| if i == j { 0.0 } else { variance },
        )
    }
}

impl Entropy for Lkj {
    fn entropy(&self) -> f64 {
        self.log_partition() - (self.shape - 1.0) * self.expected_log_det()
    }
}

/// Natural parameter `η − 1`, `T = log |R|`, with `D` fixed.
impl ExponentialFamily for Lkj {
    fn natural_params(&self) -> Vec<f64> {
        vec![self.shape - 1.0]
    }

    fn with_natural_params(&self, natural: &[f64]) -> Result<Self, DistError> {
        CHECK.natural(natural, 1)?;
        Self::new(self.dim, natural[0] + 1.0)
    }

    /// # References
    /// `[@lewandowski2009lkj]`, with the powers of two absorbed by the duplication formula.
    fn log_partition(&self) -> f64 {
        let top = self.top();
        (1..self.dim)
            .map(|k| 0.5 * k as f64 * LN_PI + ln_gamma(top - 0.5 * k as f64) - ln_gamma(top))
            .sum()
    }

    fn sufficient_stats(&self, x: &Matrix) -> Vec<f64> {
        vec![Cholesky::new(x).map_or(f64::NAN, |factor| factor.log_det())]
    }

    fn expected_sufficient_stats(&self) -> Vec<f64> {
        vec![self.expected_log_det()]
    }

    fn is_same_family(&self, other: &Self) -> bool {
        self.dim == other.dim
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use elbo_math::random::stream;
    use elbo_testkit::{assert_close, jacobian_column};

    /// The lower triangle of `L Lᵀ` from that of `L`, whose diagonal makes each row of length 1.
    fn correlations(entries: &[f64]) -> Vec<f64> {
        let lower = factor(entries);
        let r = matmul_nt(&lower, &lower);
        vec![r[(1, 0)], r[(2, 0)], r[(2, 1)]]
    }

    fn factor(e: &[f64]) -> Matrix {
        let d1 = (1.0 - e[0] * e[0]).sqrt();
        let d2 = (1.0 - e[1] * e[1] - e[2] * e[2]).sqrt();
        Matrix::from_rows(&[[1.0, 0.0, 0.0], [e[0], d1, 0.0], [e[1], e[2], d2]])
    }

    #[test]
    fn the_factor_s_density_is_the_matrix_s_with_the_numeric_jacobian() {
        let lkj = Lkj::new(3, 1.7).unwrap();
        for index in 0..5 {
            let lower = lkj.sample_cholesky(&mut stream(1, "lkj/tests", index));
            let entries = [lower[(1, 0)], lower[(2, 0)], lower[(2, 1)]];
            let columns: Vec<_> = (0..3)
                .map(|i| jacobian_column(correlations, &entries, i))
                .collect();
            // The map is triangular, so its determinant is the product of the diagonal.
            let log_jacobian: f64 = (0..3).map(|i| columns[i][i].abs().ln()).sum();
            let matrix = matmul_nt(&lower, &lower);
            let expected = lkj.log_density(&matrix) + log_jacobian;
            assert_close(
                "log density",
                lkj.log_density_cholesky(&lower),
                expected,
                1e-8,
            );
        }
    }

    #[test]
    fn a_factor_with_a_row_of_another_length_has_no_density() {
        let lower = Matrix::from_rows(&[[1.0, 0.0], [0.5, 0.5]]);
        assert_eq!(
            Lkj::new(2, 1.0).unwrap().log_density_cholesky(&lower),
            f64::NEG_INFINITY
        );
    }
}
