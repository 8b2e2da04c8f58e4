//! The half-Cauchy distribution, a heavy-tailed prior for scales.

use elbo_math::random::{Rng, uniform};
use std::f64::consts::{FRAC_2_PI, FRAC_PI_2, PI};

use crate::error::Check;
use crate::root::quantile_at;
use crate::{Cumulative, DistError, Distribution, Draw, Entropy, Moments};

const CHECK: Check = Check("half-Cauchy");

/// `HalfCauchy(x | s)`, with density `2 / (π s (1 + (x/s)²))` on `x ≥ 0`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HalfCauchy {
    scale: f64,
}

impl HalfCauchy {
    /// Builds the distribution from its scale `s`, which is its median.
    ///
    /// # Errors
    /// [`DistError`] unless `scale` is positive.
    pub fn new(scale: f64) -> Result<Self, DistError> {
        Ok(Self {
            scale: CHECK.positive("scale", scale)?,
        })
    }

    /// The scale `s`.
    pub fn scale(&self) -> f64 {
        self.scale
    }
}

impl Distribution for HalfCauchy {
    type Point = f64;

    fn log_density(&self, x: &f64) -> f64 {
        if *x < 0.0 {
            return f64::NEG_INFINITY;
        }
        let z = x / self.scale;
        // 2 log z where z² would overflow.
        let kernel = if z < 1e150 {
            (z * z).ln_1p()
        } else {
            2.0 * z.ln()
        };
        FRAC_2_PI.ln() - self.scale.ln() - kernel
    }

    fn sample(&self, rng: &mut impl Rng) -> Draw<Self> {
        self.quantile(uniform(rng))
    }
}

/// Both infinite.
impl Moments for HalfCauchy {
    type Mean = f64;
    type Variance = f64;

    fn mean(&self) -> f64 {
        f64::INFINITY
    }

    fn variance(&self) -> f64 {
        f64::INFINITY
    }
}

impl Entropy for HalfCauchy {
    fn entropy(&self) -> f64 {
        (2.0 * PI * self.scale).ln()
    }
}

impl Cumulative for HalfCauchy {
    fn cdf(&self, x: f64) -> f64 {
        FRAC_2_PI * (x.max(0.0) / self.scale).atan()
    }

    fn quantile(&self, p: f64) -> f64 {
        quantile_at(p, (0.0, f64::INFINITY), |p| {
            self.scale * (FRAC_PI_2 * p).tan()
        })
    }
}
