//! What is chosen before the data are seen.

use elbo_dist::Gamma;

use super::LogisticPosterior;
use crate::ModelError;
use crate::regression::coding::Coding;
use crate::regression::linear::check_intercept_sd;
use crate::regression::method::{HeldOut, Method};
use crate::regression::noise::{gamma, gamma_setting};
use crate::regression::precision::Precisions;

/// What is known about the weights of the standardised inputs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum WeightPrior {
    /// `N(0, sd²)` each.
    Fixed {
        /// The standard deviation.
        sd: f64,
    },
    /// One precision for all, with a `Gamma(shape, rate)` prior.
    Shared {
        /// The shape.
        shape: f64,
        /// The rate.
        rate: f64,
    },
    /// One precision per input, with `Gamma(shape, rate)` priors: unneeded inputs are switched off.
    Relevance {
        /// The shape; ½ makes each weight's marginal prior a Cauchy.
        shape: f64,
        /// The rate.
        rate: f64,
    },
}

/// Settings of logistic regression.
#[derive(Debug, Clone, PartialEq)]
pub struct LogisticConfig {
    /// The weights' prior.
    pub prior: WeightPrior,
    /// The intercept's prior standard deviation, in log odds.
    pub intercept_sd: f64,
    /// With [`WeightPrior::Relevance`]: an input is on when `q` is at least this sure of the sign
    /// of (one of) its weights.
    pub sign_certainty: f64,
    /// An earlier fit of the same inputs to start from, such as one that was interrupted; its scale may
    /// be another.
    pub warm_start: Option<Box<LogisticPosterior>>,
    /// Rows kept back to judge by.
    pub heldout: Option<HeldOut>,
    /// The driver.
    pub method: Method,
}

impl Default for LogisticConfig {
    fn default() -> Self {
        Self {
            prior: WeightPrior::Shared {
                shape: 1.0,
                rate: 1.0,
            },
            intercept_sd: 10.0,
            sign_certainty: 0.99,
            warm_start: None,
            heldout: None,
            method: Method::default(),
        }
    }
}

impl LogisticConfig {
    /// The groups of weights that the prior makes.
    pub(super) fn precisions(&self, coding: &Coding) -> Result<Precisions, ModelError> {
        check_intercept_sd(self.intercept_sd)?;
        let intercept = 1.0 / (self.intercept_sd * self.intercept_sd);
        let inputs = coding.input_of_weight();
        let (prior, weight) = self.weight_prior()?;
        let known = inputs.iter().map(|g| g.map_or(intercept, |_| weight));
        let group = |input: &Option<usize>| match self.prior {
            WeightPrior::Fixed { .. } => None,
            WeightPrior::Shared { .. } => input.map(|_| 0),
            WeightPrior::Relevance { .. } => *input,
        };
        Precisions::new(prior, inputs.iter().map(group).collect(), known.collect())
    }

    /// The gamma prior (of no group where precisions are known) and the known precision.
    fn weight_prior(&self) -> Result<(Gamma, f64), ModelError> {
        match self.prior {
            WeightPrior::Fixed { sd } if sd > 0.0 && sd.is_finite() => {
                Ok((gamma(1.0, 1.0)?, 1.0 / (sd * sd)))
            }
            WeightPrior::Fixed { sd } => Err(ModelError::setting(
                "prior_sd",
                sd,
                "give a positive number",
            )),
            WeightPrior::Shared { shape, rate } | WeightPrior::Relevance { shape, rate } => {
                let prior = gamma_setting("prior_shape and prior_rate", shape, rate)?;
                Ok((prior, 0.0))
            }
        }
    }
}
