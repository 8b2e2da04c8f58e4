//! The Bernoulli distribution on `{0, 1}`.

use elbo_math::log_space::{inv_logit, logit};
use elbo_math::random::{Rng, uniform};

use crate::error::Check;
use crate::information::{entropy_term, kl_term};
use crate::{DistError, Distribution, Draw, Entropy, ExponentialFamily, Moments};

const CHECK: Check = Check("Bernoulli");

/// `Bernoulli(x | p)`, with mass `pˣ (1 − p)¹⁻ˣ`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bernoulli {
    probability: f64,
}

impl Bernoulli {
    /// Builds the distribution from the probability of 1.
    ///
    /// # Errors
    /// [`DistError`] unless `probability` lies in `[0, 1]`.
    pub fn new(probability: f64) -> Result<Self, DistError> {
        Ok(Self {
            probability: CHECK.probability("probability", probability)?,
        })
    }

    /// The probability of 1.
    pub fn probability(&self) -> f64 {
        self.probability
    }
}

impl Distribution for Bernoulli {
    type Point = usize;

    fn log_density(&self, x: &usize) -> f64 {
        match x {
            0 => (-self.probability).ln_1p(),
            1 => self.probability.ln(),
            _ => f64::NEG_INFINITY,
        }
    }

    fn sample(&self, rng: &mut impl Rng) -> Draw<Self> {
        usize::from(uniform(rng) < self.probability)
    }
}

impl Moments for Bernoulli {
    type Mean = f64;
    type Variance = f64;

    fn mean(&self) -> f64 {
        self.probability
    }

    fn variance(&self) -> f64 {
        self.probability * (1.0 - self.probability)
    }
}

impl Entropy for Bernoulli {
    fn entropy(&self) -> f64 {
        entropy_term(self.probability) + entropy_term(1.0 - self.probability)
    }
}

/// `η = logit p`, `T = x`; infinite parameters for `p` of 0 or 1, while `kl` stays right.
impl ExponentialFamily for Bernoulli {
    fn natural_params(&self) -> Vec<f64> {
        vec![logit(self.probability)]
    }

    fn with_natural_params(&self, natural: &[f64]) -> Result<Self, DistError> {
        CHECK.natural(natural, 1)?;
        Self::new(inv_logit(natural[0]))
    }

    fn log_partition(&self) -> f64 {
        -(-self.probability).ln_1p()
    }

    fn sufficient_stats(&self, x: &usize) -> Vec<f64> {
        vec![*x as f64]
    }

    fn expected_sufficient_stats(&self) -> Vec<f64> {
        vec![self.probability]
    }

    fn kl(&self, other: &Self) -> f64 {
        let (p, q) = (self.probability, other.probability);
        kl_term(p, q) + kl_term(1.0 - p, 1.0 - q)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certainty_has_no_entropy_and_infinite_divergence_from_the_opposite() {
        let (never, always) = (Bernoulli::new(0.0).unwrap(), Bernoulli::new(1.0).unwrap());
        assert_eq!(
            (never.log_density(&0), never.log_density(&1)),
            (0.0, f64::NEG_INFINITY)
        );
        assert_eq!(
            (always.log_density(&1), always.log_density(&0)),
            (0.0, f64::NEG_INFINITY)
        );
        assert_eq!((never.entropy(), never.kl(&never)), (0.0, 0.0));
        assert_eq!(never.kl(&always), f64::INFINITY);
    }
}
