//! The exponential distribution.

use elbo_math::random::Rng;
use rand_distr::Distribution as _;

use crate::error::Check;
use crate::root::quantile_at;
use crate::{Cumulative, DistError, Distribution, Draw, Entropy, ExponentialFamily, Moments};

const CHECK: Check = Check("exponential");

/// `Exp(x | b)`, with density `b exp(−b x)` on `x ≥ 0`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exponential {
    rate: f64,
}

impl Exponential {
    /// Builds the distribution from its rate `b`.
    ///
    /// # Errors
    /// [`DistError`] unless `rate` is positive.
    pub fn new(rate: f64) -> Result<Self, DistError> {
        Ok(Self {
            rate: CHECK.positive("rate", rate)?,
        })
    }

    /// The rate `b`.
    pub fn rate(&self) -> f64 {
        self.rate
    }
}

impl Distribution for Exponential {
    type Point = f64;

    fn log_density(&self, x: &f64) -> f64 {
        if *x < 0.0 {
            return f64::NEG_INFINITY;
        }
        self.rate.ln() - self.rate * x
    }

    fn sample(&self, rng: &mut impl Rng) -> Draw<Self> {
        let unit: f64 = rand_distr::Exp1.sample(rng);
        unit / self.rate
    }
}

impl Moments for Exponential {
    type Mean = f64;
    type Variance = f64;

    fn mean(&self) -> f64 {
        self.rate.recip()
    }

    fn variance(&self) -> f64 {
        self.rate.powi(-2)
    }
}

impl Entropy for Exponential {
    fn entropy(&self) -> f64 {
        1.0 - self.rate.ln()
    }
}

impl Cumulative for Exponential {
    fn cdf(&self, x: f64) -> f64 {
        -(-self.rate * x.max(0.0)).exp_m1()
    }

    fn quantile(&self, p: f64) -> f64 {
        quantile_at(p, (0.0, f64::INFINITY), |p| -(-p).ln_1p() / self.rate)
    }
}

/// `η = −b`, `T = x`.
impl ExponentialFamily for Exponential {
    fn natural_params(&self) -> Vec<f64> {
        vec![-self.rate]
    }

    fn with_natural_params(&self, natural: &[f64]) -> Result<Self, DistError> {
        CHECK.natural(natural, 1)?;
        Self::new(-natural[0])
    }

    fn log_partition(&self) -> f64 {
        -self.rate.ln()
    }

    fn sufficient_stats(&self, x: &f64) -> Vec<f64> {
        vec![*x]
    }

    fn expected_sufficient_stats(&self) -> Vec<f64> {
        vec![self.mean()]
    }
}
