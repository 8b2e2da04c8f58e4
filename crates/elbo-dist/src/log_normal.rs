//! The log-normal distribution: that of `exp(x)` for a normal `x`.

use elbo_math::random::Rng;

use crate::error::Check;
use crate::{Cumulative, DistError, Distribution, Draw, Entropy, Moments, Normal};

const CHECK: Check = Check("log-normal");

/// `LogNormal(x | m, s²)`: `log x` is `N(m, s²)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LogNormal {
    log: Normal,
}

impl LogNormal {
    /// Builds the distribution from the mean and standard deviation of `log x`.
    ///
    /// # Errors
    /// [`DistError`] unless `log_mean` is finite and `log_std_dev` is positive.
    pub fn new(log_mean: f64, log_std_dev: f64) -> Result<Self, DistError> {
        CHECK.finite("log_mean", log_mean)?;
        CHECK.positive("log_std_dev", log_std_dev)?;
        Ok(Self {
            log: Normal::new(log_mean, log_std_dev)?,
        })
    }

    /// The distribution of `log x`.
    pub fn log(&self) -> &Normal {
        &self.log
    }
}

impl Distribution for LogNormal {
    type Point = f64;

    fn log_density(&self, x: &f64) -> f64 {
        if *x <= 0.0 || *x == f64::INFINITY {
            return f64::NEG_INFINITY;
        }
        let log = x.ln();
        self.log.log_density(&log) - log
    }

    fn sample(&self, rng: &mut impl Rng) -> Draw<Self> {
        self.log
            .sample(rng)
            .exp()
            .clamp(f64::MIN_POSITIVE, f64::MAX)
    }
}

impl Moments for LogNormal {
    type Mean = f64;
    type Variance = f64;

    fn mean(&self) -> f64 {
        (self.log.mean() + 0.5 * self.log.variance()).exp()
    }

    fn variance(&self) -> f64 {
        let mean = self.mean();
        mean * mean * self.log.variance().exp_m1()
    }
}

impl Entropy for LogNormal {
    fn entropy(&self) -> f64 {
        self.log.entropy() + self.log.mean()
    }
}

impl Cumulative for LogNormal {
    fn cdf(&self, x: f64) -> f64 {
        if x <= 0.0 { 0.0 } else { self.log.cdf(x.ln()) }
    }

    fn quantile(&self, p: f64) -> f64 {
        self.log.quantile(p).exp()
    }
}
