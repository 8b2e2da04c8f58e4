//! The prior of a side's rows, `w ~ N(0, C)`, and its M-step.

use elbo_math::linalg::{Cholesky, Matrix};

use super::layout::packed;
use crate::ModelError;

/// Which covariances the prior `w = (bias, factors) ~ N(0, C)` of a side may have.
///
/// All are learnt by maximising the ELBO. A richer shape reaches a higher ELBO, and on real ratings
/// a lower test error: popular items are liked better *and* differ in kind, which only
/// [`Full`](Self::Full) can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PriorShape {
    /// One variance for the biases, one shared by all factors.
    Isotropic,
    /// A variance for the biases and one per factor: unneeded factors are switched off.
    Diagonal,
    /// Any covariance of bias and factors.
    #[default]
    Full,
}

/// Variances are kept above this, so that a side without any variation does not divide by zero.
const VARIANCE_FLOOR: f64 = 1e-12;

/// `N(0, C)` with its inverse at hand.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RowPrior {
    /// `C`.
    pub covariance: Matrix,
    /// `C⁻¹`, packed.
    pub precision: Vec<f64>,
    /// `log |C⁻¹|`.
    pub log_det_precision: f64,
}

impl RowPrior {
    /// The prior with a known covariance.
    ///
    /// # Errors
    /// If it is not positive definite.
    pub(super) fn new(covariance: Matrix) -> Result<Self, ModelError> {
        let factor = Cholesky::new(&covariance)
            .map_err(ModelError::numerical("the prior covariance of the factors"))?;
        let inverse = factor.inverse();
        Ok(Self {
            precision: pack(&inverse),
            log_det_precision: -factor.log_det(),
            covariance,
        })
    }

    /// Independent numbers: a standard deviation for the bias and one for the factors.
    pub(super) fn independent(
        dim: usize,
        bias_sd: f64,
        factor_sd: f64,
    ) -> Result<Self, ModelError> {
        let variances: Vec<f64> = (0..dim)
            .map(|p| if p == 0 { bias_sd } else { factor_sd }.powi(2))
            .collect();
        Self::new(Matrix::from_diagonal(&variances))
    }

    /// Maximises `Σ_n E log N(w_n | 0, C)` over covariances of a shape, given `E w wᵀ` averaged
    /// over the rows, packed; moves the fraction `step_size` of the way.
    ///
    /// A covariance that lost positive definiteness to rounding leaves the prior as it was, which
    /// is no fall of the bound.
    pub(super) fn maximise(&mut self, mean_second: &[f64], shape: PriorShape, step_size: f64) {
        let dim = self.covariance.rows();
        let target = restrict(mean_second, dim, shape);
        let mut covariance = self.covariance.clone();
        covariance.scale(1.0 - step_size);
        covariance.add_scaled(step_size, &target);
        if let Ok(updated) = Self::new(covariance) {
            *self = updated;
        }
    }
}

/// The covariance of a shape that is the M-step's maximum, given the mean second moment.
fn restrict(second: &[f64], dim: usize, shape: PriorShape) -> Matrix {
    let variance = |p: usize| second[packed(p, p)].max(VARIANCE_FLOOR);
    match shape {
        PriorShape::Isotropic => {
            let shared = (1..dim).map(variance).sum::<f64>() / (dim - 1).max(1) as f64;
            let entry = |p| if p == 0 { variance(0) } else { shared };
            Matrix::from_diagonal(&(0..dim).map(entry).collect::<Vec<_>>())
        }
        PriorShape::Diagonal => Matrix::from_diagonal(&(0..dim).map(variance).collect::<Vec<_>>()),
        PriorShape::Full => Matrix::from_fn(dim, dim, |p, q| second[packed(p.max(q), p.min(q))]),
    }
}

/// The lower triangle of a symmetric matrix, row by row.
pub(super) fn pack(matrix: &Matrix) -> Vec<f64> {
    (0..matrix.rows())
        .flat_map(|p| matrix.row(p)[..=p].iter().copied())
        .collect()
}
