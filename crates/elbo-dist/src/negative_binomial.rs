//! The negative binomial distribution by mean and dispersion: a Poisson with a gamma rate.

use elbo_math::random::Rng;
use elbo_math::special::ln_beta;

use crate::error::Check;
use crate::gamma::ln_standard_gamma;
use crate::poisson::draw_count;
use crate::{DistError, Distribution, Draw, ExponentialFamily, Moments};

const CHECK: Check = Check("negative binomial");

/// `NB(k | μ, φ)`, with mass `C(k + φ − 1, k) (μ/(μ+φ))ᵏ (φ/(μ+φ))^φ`; its variance is `μ + μ²/φ`.
///
/// Stan's `neg_binomial_2(μ, φ)`; Stan's `neg_binomial(α, β)` with `α = φ`, `β = φ/μ`; SciPy's
/// `nbinom(n, p)` with `n = φ`, `p = φ/(μ + φ)`. A Poisson whose rate is `Gamma(φ, φ/μ)`; as
/// `φ → ∞` it becomes `Poisson(μ)`. Its entropy has no closed form.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NegativeBinomial {
    mean: f64,
    dispersion: f64,
}

impl NegativeBinomial {
    /// Builds the distribution from its mean `μ` and dispersion `φ` (large: nearly Poisson).
    ///
    /// # Errors
    /// [`DistError`] unless both are positive.
    pub fn new(mean: f64, dispersion: f64) -> Result<Self, DistError> {
        let mean = CHECK.positive("mean", mean)?;
        Ok(Self {
            mean,
            dispersion: CHECK.positive("dispersion", dispersion)?,
        })
    }

    /// The dispersion `φ`.
    pub fn dispersion(&self) -> f64 {
        self.dispersion
    }

    /// `log(μ/(μ + φ))`.
    fn ln_success(&self) -> f64 {
        -(self.dispersion / self.mean).ln_1p()
    }
}

impl Distribution for NegativeBinomial {
    type Point = usize;

    fn log_density(&self, x: &usize) -> f64 {
        let k = *x as f64;
        // Zero counts carry no factor, and must not meet an infinite one.
        let success = if k == 0.0 { 0.0 } else { k * self.ln_success() };
        self.log_base_measure(x) + success - self.log_partition()
    }

    fn sample(&self, rng: &mut impl Rng) -> Draw<Self> {
        let log_rate = ln_standard_gamma(self.dispersion, rng) - self.dispersion.ln();
        draw_count(self.mean * log_rate.exp(), rng)
    }
}

impl Moments for NegativeBinomial {
    type Mean = f64;
    type Variance = f64;

    fn mean(&self) -> f64 {
        self.mean
    }

    fn variance(&self) -> f64 {
        self.mean * (1.0 + self.mean / self.dispersion)
    }
}

/// `η = log(μ/(μ + φ))`, `T = k`, `h = C(k + φ − 1, k)`, with `φ` fixed.
impl ExponentialFamily for NegativeBinomial {
    fn natural_params(&self) -> Vec<f64> {
        vec![self.ln_success()]
    }

    fn with_natural_params(&self, natural: &[f64]) -> Result<Self, DistError> {
        CHECK.natural(natural, 1)?;
        Self::new(self.dispersion / (-natural[0]).exp_m1(), self.dispersion)
    }

    fn log_partition(&self) -> f64 {
        self.dispersion * (self.mean / self.dispersion).ln_1p()
    }

    fn sufficient_stats(&self, x: &usize) -> Vec<f64> {
        vec![*x as f64]
    }

    fn expected_sufficient_stats(&self) -> Vec<f64> {
        vec![self.mean]
    }

    /// `C(k + φ − 1, k) = 1 / (k B(k, φ))`, which keeps its digits for a large `φ`.
    fn log_base_measure(&self, x: &usize) -> f64 {
        let k = *x as f64;
        if k == 0.0 {
            0.0
        } else {
            -ln_beta(k, self.dispersion) - k.ln()
        }
    }

    #[expect(
        clippy::float_cmp,
        reason = "the base measures agree only if the bits do"
    )]
    fn is_same_family(&self, other: &Self) -> bool {
        self.dispersion == other.dispersion
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Poisson;
    use elbo_testkit::assert_close;

    #[test]
    fn a_huge_dispersion_gives_the_poisson() {
        let (negative_binomial, poisson) = (
            NegativeBinomial::new(3.2, 1e13).unwrap(),
            Poisson::new(3.2).unwrap(),
        );
        for k in [0, 1, 4, 20] {
            let (a, b) = (negative_binomial.log_density(&k), poisson.log_density(&k));
            // The two differ by O(k²/φ).
            assert_close("log mass", a, b, 1e-10);
        }
    }
}
