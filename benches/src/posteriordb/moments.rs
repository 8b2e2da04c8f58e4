//! Means and standard deviations, how well they are known, and how far apart two sides' are.
//!
//! The one idea: an error counts only as far as both sides' Monte Carlo errors do not explain it, and
//! a moment that the reference itself does not know is not compared at all.

use std::collections::BTreeMap;

use elbo::vi::diagnostic::monte_carlo_error::Summary;
use serde::{Deserialize, Serialize};

use crate::checkout::Chains;
use crate::row::number;

/// A mean may be off by so many standard deviations, a standard deviation by this part of itself.
pub(crate) const RIGHT: (f64, f64) = (0.1, 0.1);
/// A good verdict on one that is off by more than this is false trust.
pub(crate) const WRONG: (f64, f64) = (0.3, 0.4);
/// A moment that the reference knows no better than to this part of the standard deviation.
const KNOWN: f64 = 0.05;
/// Standard errors of the difference that are forgiven.
const FORGIVEN: f64 = 2.0;
/// A quantity that varies less than this beside its size is a constant with rounding errors.
const CONSTANT: f64 = 1e-10;

/// Mean and standard deviation of one quantity with their standard errors.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Moments {
    #[serde(with = "number")]
    pub(crate) mean: f64,
    #[serde(with = "number")]
    pub(crate) sd: f64,
    #[serde(with = "number")]
    pub(crate) mean_error: f64,
    #[serde(with = "number")]
    pub(crate) sd_error: f64,
}

/// The moments of every quantity.
pub(crate) type AllMoments = BTreeMap<String, Moments>;

impl Moments {
    /// Of `n` draws that are worth `effective` independent ones.
    pub(crate) fn of(values: &[f64], effective: f64) -> Self {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let power = |k: i32| values.iter().map(|v| (v - mean).powi(k)).sum::<f64>() / n;
        let variance = power(2);
        let sd = (variance * n / (n - 1.0)).sqrt();
        Self::from_summary(mean, sd, power(4) / variance.powi(2), effective)
    }

    /// From what is known of draws: the variance of a sample's standard deviation is
    /// `σ² (κ − 1) / 4n`, with the kurtosis κ, by the delta method.
    pub(crate) fn from_summary(mean: f64, sd: f64, kurtosis: f64, effective: f64) -> Self {
        Self {
            mean,
            sd,
            mean_error: sd / effective.sqrt(),
            sd_error: sd * ((kurtosis - 1.0) / (4.0 * effective)).sqrt(),
        }
    }

    /// Of chains.
    pub(crate) fn of_chains(chains: &Chains) -> (Self, Summary) {
        let chains: Vec<&[f64]> = chains.iter().map(Vec::as_slice).collect();
        let summary = Summary::of(&chains);
        let moments = Self {
            mean: summary.mean,
            sd: summary.sd,
            mean_error: summary.mcse_mean,
            sd_error: summary.mcse_sd,
        };
        (moments, summary)
    }

    fn is_constant(&self) -> bool {
        self.sd <= CONSTANT * self.mean.abs().max(1.0)
    }
}

/// How far an answer is from its reference.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Comparison {
    /// The largest error of a mean, in standard deviations, and whose.
    #[serde(with = "number")]
    pub(crate) mean_error: f64,
    pub(crate) mean_of: String,
    /// The standard deviation furthest from the reference's, as a ratio, and whose.
    #[serde(with = "number")]
    pub(crate) sd_ratio: f64,
    pub(crate) sd_of: String,
    /// Every moment is within a tenth, but for Monte Carlo errors.
    pub(crate) right: bool,
    /// Some moment is off by more than three tenths, or four.
    pub(crate) wrong: bool,
    /// Moments compared, and those that the reference does not know to five per cent.
    pub(crate) compared: usize,
    pub(crate) unknown: usize,
}

impl Comparison {
    /// Of the quantities that both sides know.
    pub(crate) fn of(ours: &AllMoments, reference: &AllMoments) -> Self {
        let mut all = Self {
            mean_error: 0.0,
            mean_of: String::new(),
            sd_ratio: 1.0,
            sd_of: String::new(),
            right: true,
            wrong: false,
            compared: 0,
            unknown: 0,
        };
        for (name, theirs) in reference {
            if let Some(ours) = ours.get(name).filter(|_| !theirs.is_constant()) {
                all.mean(name, ours, theirs);
                all.sd(name, ours, theirs);
            }
        }
        all
    }

    fn mean(&mut self, name: &str, ours: &Moments, theirs: &Moments) {
        if !(theirs.mean_error <= KNOWN * theirs.sd) {
            self.unknown += 1;
            return;
        }
        self.compared += 1;
        let error = (ours.mean - theirs.mean).abs() / theirs.sd;
        let forgiven = FORGIVEN * ours.mean_error.hypot(theirs.mean_error) / theirs.sd;
        self.right &= error <= RIGHT.0 + forgiven;
        self.wrong |= !(error <= WRONG.0);
        if error.is_nan() || error > self.mean_error {
            (self.mean_error, self.mean_of) = (error, name.to_owned());
        }
    }

    fn sd(&mut self, name: &str, ours: &Moments, theirs: &Moments) {
        if !(theirs.sd_error <= KNOWN * theirs.sd) {
            self.unknown += 1;
            return;
        }
        self.compared += 1;
        let ratio = ours.sd / theirs.sd;
        let forgiven = FORGIVEN * ours.sd_error.hypot(theirs.sd_error) / theirs.sd;
        self.right &= (ratio - 1.0).abs() <= RIGHT.1 + forgiven;
        self.wrong |= !((ratio - 1.0).abs() <= WRONG.1);
        if ratio.is_nan() || ratio.ln().abs() > self.sd_ratio.ln().abs() {
            (self.sd_ratio, self.sd_of) = (ratio, name.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{AllMoments, Comparison, Moments};

    /// Standard normal as far as 10,000 draws tell.
    fn normal(mean: f64, sd: f64) -> Moments {
        Moments::from_summary(mean, sd, 3.0, 10_000.0)
    }

    fn compared(ours: Moments, theirs: Moments) -> Comparison {
        let all = |moments| AllMoments::from([("x".to_owned(), moments)]);
        Comparison::of(&all(ours), &all(theirs))
    }

    #[test]
    fn monte_carlo_errors_are_forgiven() {
        // The difference's standard error is √2 / 100.
        assert!(compared(normal(0.128, 1.0), normal(0.0, 1.0)).right);
        assert!(!compared(normal(0.129, 1.0), normal(0.0, 1.0)).right);
    }

    #[test]
    fn wrong_standard_deviations_are_seen() {
        assert!(compared(normal(0.0, 0.59), normal(0.0, 1.0)).wrong);
        assert!(!compared(normal(0.0, 1.39), normal(0.0, 1.0)).wrong);
    }

    #[test]
    fn what_is_not_finite_is_wrong() {
        let answer = compared(normal(f64::NAN, f64::NAN), normal(0.0, 1.0));
        assert!(answer.wrong && !answer.right);
    }

    #[test]
    fn what_the_reference_does_not_know_is_not_compared() {
        let heavy = Moments::from_summary(0.0, 1.0, 1_000.0, 10_000.0);
        let answer = compared(normal(0.0, 2.0), heavy);
        assert_eq!((answer.compared, answer.unknown), (1, 1));
    }
}
