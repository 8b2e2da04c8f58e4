//! The beta distribution on the unit interval.

use elbo_math::log_space::{inv_logit, logit};
use elbo_math::random::Rng;
use elbo_math::special::{beta_i, digamma, ln_beta};

use crate::error::Check;
use crate::gamma::ln_standard_gamma;
use crate::root::{quantile_at, solve_increasing};
use crate::{Cumulative, DistError, Distribution, Draw, Entropy, ExponentialFamily, Moments};

const CHECK: Check = Check("beta");

/// `Beta(x | a, b)`, with density `xᵃ⁻¹ (1 − x)ᵇ⁻¹ / B(a, b)` on `0 < x < 1`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Beta {
    a: f64,
    b: f64,
}

impl Beta {
    /// Builds the distribution from its shapes `a` (towards 1) and `b` (towards 0).
    ///
    /// # Errors
    /// [`DistError`] unless both are positive.
    pub fn new(a: f64, b: f64) -> Result<Self, DistError> {
        Ok(Self {
            a: CHECK.positive("a", a)?,
            b: CHECK.positive("b", b)?,
        })
    }

    /// The shape `a`.
    pub fn a(&self) -> f64 {
        self.a
    }

    /// The shape `b`.
    pub fn b(&self) -> f64 {
        self.b
    }

    /// `(E[log x], E[log(1 − x)])`.
    pub fn mean_logs(&self) -> (f64, f64) {
        let total = digamma(self.a + self.b);
        (digamma(self.a) - total, digamma(self.b) - total)
    }

    /// The logit of the quantile for `p ≤ ½`, solved on the logarithm of the distribution function.
    fn logit_quantile(self, p: f64) -> f64 {
        solve_increasing(-740.0, 740.0, logit(self.mean()), |u| {
            let x = inv_logit(u);
            let cdf = self.cdf(x);
            let log_density = self.a * x.ln() + self.b * inv_logit(-u).ln() - self.log_partition();
            (cdf.ln() - p.ln(), log_density.exp() / cdf)
        })
    }
}

impl Distribution for Beta {
    type Point = f64;

    fn log_density(&self, x: &f64) -> f64 {
        if *x <= 0.0 || *x >= 1.0 {
            return f64::NEG_INFINITY;
        }
        (self.a - 1.0) * x.ln() + (self.b - 1.0) * (-x).ln_1p() - self.log_partition()
    }

    /// From two gamma draws in log space, which stays inside the interval for tiny shapes.
    fn sample(&self, rng: &mut impl Rng) -> Draw<Self> {
        let u = ln_standard_gamma(self.a, rng) - ln_standard_gamma(self.b, rng);
        inv_logit(u).clamp(f64::MIN_POSITIVE, 1.0 - 0.5 * f64::EPSILON)
    }
}

impl Moments for Beta {
    type Mean = f64;
    type Variance = f64;

    fn mean(&self) -> f64 {
        self.a / (self.a + self.b)
    }

    fn variance(&self) -> f64 {
        let total = self.a + self.b;
        (self.a / total) * (self.b / total) / (total + 1.0)
    }
}

impl Entropy for Beta {
    fn entropy(&self) -> f64 {
        let (log, log_complement) = self.mean_logs();
        self.log_partition() - (self.a - 1.0) * log - (self.b - 1.0) * log_complement
    }
}

impl Cumulative for Beta {
    fn cdf(&self, x: f64) -> f64 {
        beta_i(self.a, self.b, x)
    }

    fn quantile(&self, p: f64) -> f64 {
        quantile_at(p, (0.0, 1.0), |p| {
            if p <= 0.5 {
                inv_logit(self.logit_quantile(p))
            } else {
                inv_logit(
                    -Self {
                        a: self.b,
                        b: self.a,
                    }
                    .logit_quantile(1.0 - p),
                )
            }
        })
    }
}

/// `η = (a − 1, b − 1)`, `T = (log x, log(1 − x))`.
impl ExponentialFamily for Beta {
    fn natural_params(&self) -> Vec<f64> {
        vec![self.a - 1.0, self.b - 1.0]
    }

    fn with_natural_params(&self, natural: &[f64]) -> Result<Self, DistError> {
        CHECK.natural(natural, 2)?;
        Self::new(natural[0] + 1.0, natural[1] + 1.0)
    }

    fn log_partition(&self) -> f64 {
        ln_beta(self.a, self.b)
    }

    fn sufficient_stats(&self, x: &f64) -> Vec<f64> {
        vec![x.ln(), (-x).ln_1p()]
    }

    fn expected_sufficient_stats(&self) -> Vec<f64> {
        let (log, log_complement) = self.mean_logs();
        vec![log, log_complement]
    }
}
