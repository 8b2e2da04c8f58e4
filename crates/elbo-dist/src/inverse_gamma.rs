//! The inverse gamma distribution: that of `1/x` for a gamma-distributed `x`.

use elbo_math::random::Rng;
use elbo_math::special::{digamma, ln_gamma};

use crate::error::Check;
use crate::gamma::ln_standard_gamma;
use crate::{DistError, Distribution, Draw, Entropy, ExponentialFamily, Moments};

const CHECK: Check = Check("inverse gamma");

/// `InvGamma(x | a, b)`, with density `bᵃ x⁻ᵃ⁻¹ exp(−b/x) / Γ(a)` on `x > 0`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InverseGamma {
    shape: f64,
    scale: f64,
}

impl InverseGamma {
    /// Builds the distribution from its shape `a` and scale `b`; `1/x` is `Gamma(a, b)`.
    ///
    /// # Errors
    /// [`DistError`] unless both are positive.
    pub fn new(shape: f64, scale: f64) -> Result<Self, DistError> {
        let shape = CHECK.positive("shape", shape)?;
        let scale = CHECK.positive("scale", scale)?;
        Ok(Self { shape, scale })
    }

    /// The shape `a`.
    pub fn shape(&self) -> f64 {
        self.shape
    }

    /// The scale `b`.
    pub fn scale(&self) -> f64 {
        self.scale
    }

    /// `E[log x]`.
    pub fn mean_log(&self) -> f64 {
        self.scale.ln() - digamma(self.shape)
    }

    /// `E[1/x]`.
    pub fn mean_reciprocal(&self) -> f64 {
        self.shape / self.scale
    }
}

impl Distribution for InverseGamma {
    type Point = f64;

    fn log_density(&self, x: &f64) -> f64 {
        if *x <= 0.0 || *x == f64::INFINITY {
            return f64::NEG_INFINITY;
        }
        -(self.shape + 1.0) * x.ln() - self.scale / x - self.log_partition()
    }

    fn sample(&self, rng: &mut impl Rng) -> Draw<Self> {
        // A tiny shape may overflow or underflow; a draw has to lie in the support.
        let draw = self.scale * (-ln_standard_gamma(self.shape, rng)).exp();
        draw.clamp(f64::MIN_POSITIVE, f64::MAX)
    }
}

impl Moments for InverseGamma {
    type Mean = f64;
    type Variance = f64;

    /// Infinite for `a ≤ 1`.
    fn mean(&self) -> f64 {
        if self.shape > 1.0 {
            self.scale / (self.shape - 1.0)
        } else {
            f64::INFINITY
        }
    }

    /// Infinite for `a ≤ 2`.
    fn variance(&self) -> f64 {
        let mean = self.mean();
        if self.shape > 2.0 {
            mean * mean / (self.shape - 2.0)
        } else {
            f64::INFINITY
        }
    }
}

impl Entropy for InverseGamma {
    fn entropy(&self) -> f64 {
        let a = self.shape;
        a + self.scale.ln() + ln_gamma(a) - (1.0 + a) * digamma(a)
    }
}

/// `η = (−a − 1, −b)`, `T = (log x, 1/x)`.
impl ExponentialFamily for InverseGamma {
    fn natural_params(&self) -> Vec<f64> {
        vec![-self.shape - 1.0, -self.scale]
    }

    fn with_natural_params(&self, natural: &[f64]) -> Result<Self, DistError> {
        CHECK.natural(natural, 2)?;
        Self::new(-natural[0] - 1.0, -natural[1])
    }

    fn log_partition(&self) -> f64 {
        ln_gamma(self.shape) - self.shape * self.scale.ln()
    }

    fn sufficient_stats(&self, x: &f64) -> Vec<f64> {
        vec![x.ln(), x.recip()]
    }

    fn expected_sufficient_stats(&self) -> Vec<f64> {
        vec![self.mean_log(), self.mean_reciprocal()]
    }
}
