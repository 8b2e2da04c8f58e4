//! The Dirichlet distribution on the simplex.

use elbo_math::linalg::Matrix;
use elbo_math::log_space::softmax_in_place;
use elbo_math::random::Rng;
use elbo_math::special::{digamma, ln_gamma};

use crate::error::Check;
use crate::gamma::ln_standard_gamma;
use crate::{DistError, Distribution, Draw, Entropy, ExponentialFamily, Moments};

const CHECK: Check = Check("Dirichlet");

/// How far the entries of a point may be from summing to one; Stan's constraint tolerance.
const SIMPLEX_TOLERANCE: f64 = 1e-8;

/// `Dir(x | α)`, with density `Γ(Σα) Π x_kᵅᵏ⁻¹ / Γ(α_k)` on the open simplex.
///
/// The density is with respect to the first `K − 1` coordinates.
#[derive(Debug, Clone, PartialEq)]
pub struct Dirichlet {
    concentration: Vec<f64>,
    total: f64,
}

impl Dirichlet {
    /// Builds the distribution from its concentration `α`.
    ///
    /// # Errors
    /// [`DistError`] unless `concentration` holds at least one entry and all are positive.
    pub fn new(concentration: Vec<f64>) -> Result<Self, DistError> {
        CHECK.each_positive("concentration", &concentration)?;
        let total = concentration.iter().sum();
        Ok(Self {
            concentration,
            total,
        })
    }

    /// Builds the distribution with `dim` equal concentrations.
    ///
    /// # Errors
    /// [`DistError`] unless `dim` and `concentration` are positive.
    pub fn symmetric(dim: usize, concentration: f64) -> Result<Self, DistError> {
        Self::new(vec![concentration; dim])
    }

    /// The number of categories `K`.
    pub fn dim(&self) -> usize {
        self.concentration.len()
    }

    /// The concentration `α`.
    pub fn concentration(&self) -> &[f64] {
        &self.concentration
    }

    /// `Σ α_k`.
    pub fn total_concentration(&self) -> f64 {
        self.total
    }

    /// `E[log x_k] = ψ(α_k) − ψ(Σα)`.
    pub fn mean_log(&self) -> Vec<f64> {
        let total = digamma(self.total);
        self.concentration
            .iter()
            .map(|a| digamma(*a) - total)
            .collect()
    }
}

impl Distribution for Dirichlet {
    type Point = [f64];

    fn log_density(&self, x: &[f64]) -> f64 {
        assert_eq!(
            x.len(),
            self.dim(),
            "point and distribution differ in dimension"
        );
        let off = (x.iter().sum::<f64>() - 1.0).abs();
        if off > SIMPLEX_TOLERANCE || x.iter().any(|v| *v <= 0.0) {
            return f64::NEG_INFINITY;
        }
        let kernel: f64 = self
            .concentration
            .iter()
            .zip(x)
            .map(|(a, v)| (a - 1.0) * v.ln())
            .sum();
        kernel - self.log_partition()
    }

    /// In log space: with tiny concentrations all of the gamma draws may underflow.
    fn sample(&self, rng: &mut impl Rng) -> Draw<Self> {
        let mut x: Vec<f64> = self
            .concentration
            .iter()
            .map(|a| ln_standard_gamma(*a, rng))
            .collect();
        softmax_in_place(&mut x);
        x.iter().map(|v| v.max(f64::MIN_POSITIVE)).collect()
    }
}

impl Moments for Dirichlet {
    type Mean = Vec<f64>;
    type Variance = Matrix;

    fn mean(&self) -> Vec<f64> {
        self.concentration.iter().map(|a| a / self.total).collect()
    }

    fn variance(&self) -> Matrix {
        let mean = self.mean();
        let mut covariance = Matrix::from_diagonal(&mean);
        covariance.add_outer(-1.0, &mean, &mean);
        covariance.scale((self.total + 1.0).recip());
        covariance
    }
}

impl Entropy for Dirichlet {
    fn entropy(&self) -> f64 {
        let log = self.mean_log();
        let kernel: f64 = self
            .concentration
            .iter()
            .zip(&log)
            .map(|(a, l)| (a - 1.0) * l)
            .sum();
        self.log_partition() - kernel
    }
}

/// `η = α − 1`, `T = log x`.
impl ExponentialFamily for Dirichlet {
    fn natural_params(&self) -> Vec<f64> {
        self.concentration.iter().map(|a| a - 1.0).collect()
    }

    fn with_natural_params(&self, natural: &[f64]) -> Result<Self, DistError> {
        CHECK.natural(natural, self.dim())?;
        Self::new(natural.iter().map(|n| n + 1.0).collect())
    }

    fn log_partition(&self) -> f64 {
        self.concentration.iter().map(|a| ln_gamma(*a)).sum::<f64>() - ln_gamma(self.total)
    }

    fn sufficient_stats(&self, x: &[f64]) -> Vec<f64> {
        x.iter().map(|v| v.ln()).collect()
    }

    fn expected_sufficient_stats(&self) -> Vec<f64> {
        self.mean_log()
    }
}
