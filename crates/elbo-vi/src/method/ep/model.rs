//! Densities that expectation propagation understands: a Gaussian prior times factors of one linear
//! projection each.
//!
//! `p(θ) ∝ N(θ | m₀, S₀) Π_n t_n(a_nᵀ θ)`. The model is also an ordinary density, so every other method
//! can fit it and the verdict can judge any of them. Deliberately absent: factors of several
//! projections.

use elbo_math::linalg::{Cholesky, Matrix, axpy, dot};
use elbo_math::special::LN_2PI;

use super::factor::Factor;
use crate::{DensityError, LogDensity, ViError};

/// A prior and factors.
pub struct FactorModel {
    pub(super) prior_mean: Vec<f64>,
    pub(super) prior: Cholesky,
    pub(super) prior_precision: Matrix,
    pub(super) projections: Matrix, // (n_factors, D)
    pub(super) factors: Vec<Box<dyn Factor>>,
}

impl FactorModel {
    /// With the prior `N(prior_mean, prior_covariance)` and one row `a_n` of `projections` per factor.
    ///
    /// # Errors
    /// [`ViError::ZeroDimension`]; [`ViError::Length`] if shapes differ; [`ViError::Setting`] if a
    /// number is not finite; [`ViError::Matrix`] if the covariance is not positive definite.
    pub fn new(
        prior_mean: Vec<f64>,
        prior_covariance: &Matrix,
        projections: Matrix,
        factors: Vec<Box<dyn Factor>>,
    ) -> Result<Self, ViError> {
        let d = prior_mean.len();
        if d == 0 {
            return Err(ViError::ZeroDimension);
        }
        let lengths = [
            (d, prior_covariance.rows()),
            (d, prior_covariance.cols()),
            (d, projections.cols()),
            (factors.len(), projections.rows()),
        ];
        if let Some((expected, got)) = lengths.into_iter().find(|(e, g)| e != g) {
            return Err(ViError::Length { expected, got });
        }
        let numbers = [
            ("prior_mean", &prior_mean[..]),
            ("prior_covariance", prior_covariance.as_slice()),
            ("projections", projections.as_slice()),
        ];
        for (name, values) in numbers {
            if let Some(v) = values.iter().find(|v| !v.is_finite()) {
                return Err(ViError::Setting {
                    name,
                    value: v.to_string(),
                    requirement: "finite",
                });
            }
        }
        let prior = Cholesky::new(prior_covariance)?;
        Ok(Self {
            prior_precision: prior.inverse(),
            prior,
            prior_mean,
            projections,
            factors,
        })
    }

    /// The number of coordinates.
    pub fn dimension(&self) -> usize {
        self.prior_mean.len()
    }
}

impl LogDensity for FactorModel {
    /// Normalised in the prior, so its integral is the evidence.
    fn log_density_and_gradient(
        &self,
        position: &[f64],
        gradient: &mut [f64],
    ) -> Result<f64, DensityError> {
        let d = self.dimension();
        let off: Vec<f64> = position
            .iter()
            .zip(&self.prior_mean)
            .map(|(x, m)| x - m)
            .collect();
        let pull = self.prior_precision.matvec(&off);
        let mut value = -0.5 * (dot(&off, &pull) + self.prior.log_det() + d as f64 * LN_2PI);
        for (g, p) in gradient.iter_mut().zip(&pull) {
            *g = -p;
        }
        for (n, factor) in self.factors.iter().enumerate() {
            let s = dot(self.projections.row(n), position);
            value += factor.log_value(s);
            axpy(factor.slope(s), self.projections.row(n), gradient);
        }
        Ok(value)
    }
}
