//! The half-normal distribution: that of `|x|` for a centred normal `x`.

use elbo_math::random::{Rng, standard_normal};
use elbo_math::special::{LN_SQRT_2PI, erf, normal_quantile};
use std::f64::consts::{FRAC_2_PI, LN_2, SQRT_2};

use crate::error::Check;
use crate::root::quantile_at;
use crate::{Cumulative, DistError, Distribution, Draw, Entropy, Moments};

const CHECK: Check = Check("half-normal");

/// `HalfNormal(x | s)`, with density `√(2/π) exp(−x²/2s²) / s` on `x ≥ 0`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HalfNormal {
    scale: f64,
}

impl HalfNormal {
    /// Builds the distribution from the standard deviation `s` of the normal that is folded.
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

    fn log_constant(self) -> f64 {
        LN_2 - LN_SQRT_2PI - self.scale.ln()
    }
}

impl Distribution for HalfNormal {
    type Point = f64;

    fn log_density(&self, x: &f64) -> f64 {
        if *x < 0.0 {
            return f64::NEG_INFINITY;
        }
        let z = x / self.scale;
        self.log_constant() - 0.5 * z * z
    }

    fn sample(&self, rng: &mut impl Rng) -> Draw<Self> {
        self.scale * standard_normal(rng).abs()
    }
}

impl Moments for HalfNormal {
    type Mean = f64;
    type Variance = f64;

    fn mean(&self) -> f64 {
        self.scale * FRAC_2_PI.sqrt()
    }

    fn variance(&self) -> f64 {
        self.scale * self.scale * (1.0 - FRAC_2_PI)
    }
}

impl Entropy for HalfNormal {
    fn entropy(&self) -> f64 {
        0.5 - self.log_constant()
    }
}

impl Cumulative for HalfNormal {
    fn cdf(&self, x: f64) -> f64 {
        erf(x.max(0.0) / (self.scale * SQRT_2))
    }

    fn quantile(&self, p: f64) -> f64 {
        quantile_at(p, (0.0, f64::INFINITY), |p| {
            let z = -normal_quantile(0.5 * (1.0 - p));
            // For small p the subtraction above costs digits; one Newton step restores them.
            let density = (LN_2 - LN_SQRT_2PI - 0.5 * z * z).exp();
            let z = if p < 0.5 {
                z - (erf(z / SQRT_2) - p) / density
            } else {
                z
            };
            self.scale * z
        })
    }
}
