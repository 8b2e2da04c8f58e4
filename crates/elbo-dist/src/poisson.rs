//! The Poisson distribution.

use elbo_math::random::Rng;
use elbo_math::special::{LN_2PI, ln_factorial};
use rand_distr::Distribution as _;

use crate::error::Check;
use crate::information::entropy_term;
use crate::{DistError, Distribution, Draw, Entropy, ExponentialFamily, Moments};

const CHECK: Check = Check("Poisson");

/// `2⁵³`: up to here every count is a floating-point number of its own.
const LARGEST_RATE: f64 = 9_007_199_254_740_992.0;

/// From here on the entropy's asymptotic series is exact to 1e-12.
const SERIES_FROM: f64 = 1000.0;

/// `Poisson(k | λ)`, with mass `λᵏ exp(−λ) / k!`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Poisson {
    rate: f64,
}

impl Poisson {
    /// Builds the distribution from its rate `λ`.
    ///
    /// # Errors
    /// [`DistError`] unless `rate` is positive and at most 2⁵³.
    pub fn new(rate: f64) -> Result<Self, DistError> {
        let ok = rate > 0.0 && rate <= LARGEST_RATE;
        Ok(Self {
            rate: CHECK.require(ok, "rate", rate, "positive and at most 2^53")?,
        })
    }

    /// The rate `λ`.
    pub fn rate(&self) -> f64 {
        self.rate
    }
}

/// Draws a count with any rate from 0 on; rates beyond 2⁵³ count as that.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a draw is a count"
)]
pub(crate) fn draw_count(rate: f64, rng: &mut impl Rng) -> usize {
    match rand_distr::Poisson::new(rate.min(LARGEST_RATE)) {
        Ok(poisson) => {
            let count: f64 = poisson.sample(rng);
            count as usize
        }
        Err(_) => 0, // The rate is zero.
    }
}

impl Distribution for Poisson {
    type Point = usize;

    fn log_density(&self, x: &usize) -> f64 {
        let k = *x as f64;
        k * self.rate.ln() - self.rate - ln_factorial(k)
    }

    fn sample(&self, rng: &mut impl Rng) -> Draw<Self> {
        draw_count(self.rate, rng)
    }
}

impl Moments for Poisson {
    type Mean = f64;
    type Variance = f64;

    fn mean(&self) -> f64 {
        self.rate
    }

    fn variance(&self) -> f64 {
        self.rate
    }
}

impl Entropy for Poisson {
    /// A sum over the counts, or for a large rate the asymptotic series.
    ///
    /// # References
    /// `[@evans1988entropy]`.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a small bound"
    )]
    fn entropy(&self) -> f64 {
        let r = self.rate;
        if r >= SERIES_FROM {
            let series = 1.0 / 12.0 + (1.0 / 24.0 + 19.0 / (360.0 * r)) / r;
            return 0.5 * (LN_2PI + 1.0 + r.ln()) - series / r;
        }
        let last = (r + 40.0 * (r.sqrt() + 1.0)) as usize;
        (0..=last)
            .map(|k| entropy_term(self.log_density(&k).exp()))
            .sum()
    }
}

/// `η = log λ`, `T = k`, `h = 1/k!`.
impl ExponentialFamily for Poisson {
    fn natural_params(&self) -> Vec<f64> {
        vec![self.rate.ln()]
    }

    fn with_natural_params(&self, natural: &[f64]) -> Result<Self, DistError> {
        CHECK.natural(natural, 1)?;
        Self::new(natural[0].exp())
    }

    fn log_partition(&self) -> f64 {
        self.rate
    }

    fn sufficient_stats(&self, x: &usize) -> Vec<f64> {
        vec![*x as f64]
    }

    fn expected_sufficient_stats(&self) -> Vec<f64> {
        vec![self.rate]
    }

    fn log_base_measure(&self, x: &usize) -> f64 {
        -ln_factorial(*x as f64)
    }
}
