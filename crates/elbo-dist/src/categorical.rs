//! The categorical distribution on `0..K`.

use elbo_math::log_space::softmax_in_place;
use elbo_math::random::{self, Rng};

use crate::error::Check;
use crate::information::{entropy_term, kl_term};
use crate::{DistError, Distribution, Draw, Entropy, ExponentialFamily};

const CHECK: Check = Check("categorical");

/// How far probabilities may be from summing to one; Stan's constraint tolerance.
const SIMPLEX_TOLERANCE: f64 = 1e-8;

/// `Cat(k | p)`, with mass `p_k`. It has no mean: its points are labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Categorical {
    probabilities: Vec<f64>,
}

impl Categorical {
    /// Builds the distribution from its probabilities, which are then normalised to the last bit.
    ///
    /// # Errors
    /// [`DistError`] unless they lie in `[0, 1]` and sum to 1 to within 1e-8.
    pub fn new(mut probabilities: Vec<f64>) -> Result<Self, DistError> {
        let ok = |p: f64| (0.0..=1.0 + SIMPLEX_TOLERANCE).contains(&p);
        CHECK.each("probabilities", &probabilities, ok, "between 0 and 1")?;
        let total: f64 = probabilities.iter().sum();
        let ok = (total - 1.0).abs() <= SIMPLEX_TOLERANCE;
        CHECK.require(ok, "probabilities", total, "of sum 1")?;
        for p in &mut probabilities {
            *p /= total;
        }
        Ok(Self { probabilities })
    }

    /// Builds the distribution from unnormalised log probabilities; `−∞` rules a category out.
    ///
    /// # Errors
    /// [`DistError`] if a weight is NaN or `+∞`, or all are `−∞`.
    pub fn from_log_weights(mut log_weights: Vec<f64>) -> Result<Self, DistError> {
        let ok = |w: f64| w < f64::INFINITY;
        CHECK.each("log_weights", &log_weights, ok, "finite or −∞")?;
        let log_total = softmax_in_place(&mut log_weights);
        CHECK.require(
            log_total.is_finite(),
            "log_weights",
            log_total,
            "finite at least once",
        )?;
        Ok(Self {
            probabilities: log_weights,
        })
    }

    /// The number of categories `K`.
    pub fn dim(&self) -> usize {
        self.probabilities.len()
    }

    /// The probabilities.
    pub fn probabilities(&self) -> &[f64] {
        &self.probabilities
    }

    fn last(&self) -> f64 {
        self.probabilities[self.dim() - 1]
    }
}

impl Distribution for Categorical {
    type Point = usize;

    fn log_density(&self, x: &usize) -> f64 {
        self.probabilities
            .get(*x)
            .map_or(f64::NEG_INFINITY, |p| p.ln())
    }

    fn sample(&self, rng: &mut impl Rng) -> Draw<Self> {
        random::categorical(rng, &self.probabilities)
    }
}

impl Entropy for Categorical {
    fn entropy(&self) -> f64 {
        self.probabilities.iter().map(|p| entropy_term(*p)).sum()
    }
}

/// `η_k = log(p_k / p_K)` and `T_k = [x = k]` for all categories but the last.
///
/// A zero probability lies on the boundary of the natural domain: its parameters are infinite,
/// while `kl` stays right.
impl ExponentialFamily for Categorical {
    fn natural_params(&self) -> Vec<f64> {
        let last = self.last();
        self.probabilities[..self.dim() - 1]
            .iter()
            .map(|p| (p / last).ln())
            .collect()
    }

    fn with_natural_params(&self, natural: &[f64]) -> Result<Self, DistError> {
        CHECK.natural(natural, self.dim() - 1)?;
        Self::from_log_weights([natural, &[0.0]].concat())
    }

    fn log_partition(&self) -> f64 {
        -self.last().ln()
    }

    fn sufficient_stats(&self, x: &usize) -> Vec<f64> {
        (0..self.dim() - 1)
            .map(|k| f64::from(u8::from(k == *x)))
            .collect()
    }

    fn expected_sufficient_stats(&self) -> Vec<f64> {
        self.probabilities[..self.dim() - 1].to_vec()
    }

    fn kl(&self, other: &Self) -> f64 {
        assert_eq!(
            self.dim(),
            other.dim(),
            "KL needs two members of the same family"
        );
        self.probabilities
            .iter()
            .zip(&other.probabilities)
            .map(|(p, q)| kl_term(*p, *q))
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_category_that_is_ruled_out_has_neither_mass_nor_divergence_of_its_own() {
        let p = Categorical::new(vec![0.5, 0.0, 0.5]).unwrap();
        let q = Categorical::new(vec![0.25, 0.5, 0.25]).unwrap();
        assert_eq!(p.log_density(&1), f64::NEG_INFINITY);
        assert!((p.kl(&q) - 2f64.ln()).abs() < 1e-15);
        assert_eq!(q.kl(&p), f64::INFINITY);
        assert!((p.entropy() - 2f64.ln()).abs() < 1e-15);
    }
}
