//! The binomial distribution: successes among a fixed number of trials.

use elbo_math::log_space::{inv_logit, logit};
use elbo_math::random::Rng;
use elbo_math::special::ln_beta;
use rand_distr::Distribution as _;

use crate::error::Check;
use crate::information::{count_times_ln, entropy_term, kl_term};
use crate::{DistError, Distribution, Draw, Entropy, ExponentialFamily, Moments};

const CHECK: Check = Check("binomial");

/// `Bin(k | n, p)`, with mass `C(n, k) pᵏ (1 − p)ⁿ⁻ᵏ`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Binomial {
    n_trials: usize,
    probability: f64,
}

impl Binomial {
    /// Builds the distribution from the number of trials `n` and the probability of success `p`.
    ///
    /// # Errors
    /// [`DistError`] unless `probability` lies in `[0, 1]`.
    pub fn new(n_trials: usize, probability: f64) -> Result<Self, DistError> {
        Ok(Self {
            n_trials,
            probability: CHECK.probability("probability", probability)?,
        })
    }

    /// The number of trials `n`.
    pub fn n_trials(&self) -> usize {
        self.n_trials
    }

    /// The probability of success `p`.
    pub fn probability(&self) -> f64 {
        self.probability
    }

    fn n(&self) -> f64 {
        self.n_trials as f64
    }
}

impl Distribution for Binomial {
    type Point = usize;

    fn log_density(&self, x: &usize) -> f64 {
        if *x > self.n_trials {
            return f64::NEG_INFINITY;
        }
        let (k, rest) = (*x as f64, (self.n_trials - x) as f64);
        let failures = if rest == 0.0 {
            0.0
        } else {
            rest * (-self.probability).ln_1p()
        };
        self.log_base_measure(x) + count_times_ln(k, self.probability) + failures
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "a draw is at most the number of trials"
    )]
    fn sample(&self, rng: &mut impl Rng) -> Draw<Self> {
        let binomial = rand_distr::Binomial::new(self.n_trials as u64, self.probability)
            .expect("the probability was validated");
        binomial.sample(rng) as usize
    }
}

impl Moments for Binomial {
    type Mean = f64;
    type Variance = f64;

    fn mean(&self) -> f64 {
        self.n() * self.probability
    }

    fn variance(&self) -> f64 {
        self.n() * self.probability * (1.0 - self.probability)
    }
}

impl Entropy for Binomial {
    /// Summed over the counts within 40 standard deviations; beyond, nothing is left in `f64`.
    ///
    /// # Complexity
    /// `O(√n)` terms.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "0 ≤ bound ≤ n"
    )]
    fn entropy(&self) -> f64 {
        let reach = 40.0 * (self.variance().sqrt() + 1.0);
        let first = (self.mean() - reach).max(0.0) as usize;
        let last = (self.mean() + reach).min(self.n()) as usize;
        (first..=last)
            .map(|k| entropy_term(self.log_density(&k).exp()))
            .sum()
    }
}

/// `η = logit p`, `T = k`, `h = C(n, k)`, with `n` fixed.
impl ExponentialFamily for Binomial {
    fn natural_params(&self) -> Vec<f64> {
        vec![logit(self.probability)]
    }

    fn with_natural_params(&self, natural: &[f64]) -> Result<Self, DistError> {
        CHECK.natural(natural, 1)?;
        Self::new(self.n_trials, inv_logit(natural[0]))
    }

    fn log_partition(&self) -> f64 {
        -self.n() * (-self.probability).ln_1p()
    }

    fn sufficient_stats(&self, x: &usize) -> Vec<f64> {
        vec![*x as f64]
    }

    fn expected_sufficient_stats(&self) -> Vec<f64> {
        vec![self.mean()]
    }

    /// `C(n, k) = 1 / ((n + 1) B(k + 1, n − k + 1))`, which keeps its digits for a large `n`.
    fn log_base_measure(&self, x: &usize) -> f64 {
        let k = *x as f64;
        -ln_beta(k + 1.0, self.n() - k + 1.0) - (self.n() + 1.0).ln()
    }

    fn is_same_family(&self, other: &Self) -> bool {
        self.n_trials == other.n_trials
    }

    fn kl(&self, other: &Self) -> f64 {
        assert!(
            self.is_same_family(other),
            "KL needs the same number of trials"
        );
        let (p, q) = (self.probability, other.probability);
        self.n() * (kl_term(p, q) + kl_term(1.0 - p, 1.0 - q))
    }
}
