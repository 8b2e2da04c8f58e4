//! The normal distribution on the real line.

use elbo_math::random::{Rng, standard_normal};
use elbo_math::special::{LN_2PI, LN_SQRT_2PI, normal_cdf, normal_quantile};

use crate::error::Check;
use crate::{Cumulative, DistError, Distribution, Draw, Entropy, ExponentialFamily, Moments};

const CHECK: Check = Check("normal");

/// `N(x | m, s²)`, with density `exp(−(x − m)² / 2s²) / (s √2π)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Normal {
    mean: f64,
    std_dev: f64,
}

impl Normal {
    /// Builds the distribution from its mean and standard deviation.
    ///
    /// # Errors
    /// [`DistError`] unless `mean` is finite and `std_dev` is positive.
    pub fn new(mean: f64, std_dev: f64) -> Result<Self, DistError> {
        let mean = CHECK.finite("mean", mean)?;
        let std_dev = CHECK.positive("std_dev", std_dev)?;
        Ok(Self { mean, std_dev })
    }

    /// Builds the distribution from its mean and precision `1 / s²`.
    ///
    /// # Errors
    /// [`DistError`] unless `mean` is finite and `precision` is positive.
    pub fn from_precision(mean: f64, precision: f64) -> Result<Self, DistError> {
        let precision = CHECK.positive("precision", precision)?;
        Self::new(mean, precision.sqrt().recip())
    }

    /// The standard deviation `s`.
    pub fn std_dev(&self) -> f64 {
        self.std_dev
    }
}

impl Distribution for Normal {
    type Point = f64;

    fn log_density(&self, x: &f64) -> f64 {
        let z = (x - self.mean) / self.std_dev;
        -0.5 * z * z - self.std_dev.ln() - LN_SQRT_2PI
    }

    fn sample(&self, rng: &mut impl Rng) -> Draw<Self> {
        self.mean + self.std_dev * standard_normal(rng)
    }
}

impl Moments for Normal {
    type Mean = f64;
    type Variance = f64;

    fn mean(&self) -> f64 {
        self.mean
    }

    fn variance(&self) -> f64 {
        self.std_dev * self.std_dev
    }
}

impl Entropy for Normal {
    fn entropy(&self) -> f64 {
        0.5 + LN_SQRT_2PI + self.std_dev.ln()
    }
}

impl Cumulative for Normal {
    fn cdf(&self, x: f64) -> f64 {
        normal_cdf((x - self.mean) / self.std_dev)
    }

    fn quantile(&self, p: f64) -> f64 {
        self.mean + self.std_dev * normal_quantile(p)
    }
}

/// `η = (m/s², −1/2s²)`, `T = (x, x²)`.
impl ExponentialFamily for Normal {
    fn natural_params(&self) -> Vec<f64> {
        let precision = self.variance().recip();
        vec![precision * self.mean, -0.5 * precision]
    }

    fn with_natural_params(&self, natural: &[f64]) -> Result<Self, DistError> {
        CHECK.natural(natural, 2)?;
        let precision = -2.0 * natural[1];
        Self::from_precision(natural[0] / precision, precision)
    }

    fn log_partition(&self) -> f64 {
        let z = self.mean / self.std_dev;
        0.5 * z * z + self.std_dev.ln() + LN_SQRT_2PI
    }

    fn sufficient_stats(&self, x: &f64) -> Vec<f64> {
        vec![*x, x * x]
    }

    fn expected_sufficient_stats(&self) -> Vec<f64> {
        vec![self.mean, self.mean * self.mean + self.variance()]
    }

    // Written out: the Bregman form subtracts squares of the means.
    fn kl(&self, other: &Self) -> f64 {
        let ratio = self.std_dev / other.std_dev;
        let z = (self.mean - other.mean) / other.std_dev;
        0.5 * (ratio * ratio - 1.0 + z * z) - ratio.ln()
    }
}

/// The entropy of a normal with covariance log-determinant `log_det` in `dim` dimensions.
pub(crate) fn gaussian_entropy(dim: usize, log_det: f64) -> f64 {
    0.5 * (dim as f64 * (1.0 + LN_2PI) + log_det)
}
