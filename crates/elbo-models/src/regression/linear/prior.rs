//! What is chosen before the data are seen.

use super::LinearPosterior;
use crate::ModelError;
use crate::regression::method::{HeldOut, Method};
use crate::regression::noise::NoisePrior;

/// The precision of the weights' prior, on the standardised scale.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum PriorPrecision {
    /// Chosen by maximising the evidence.
    Learnt,
    /// Given: λ, relative to the noise precision, when the noise is learnt; else the precision
    /// itself.
    Fixed(f64),
}

/// Settings of linear regression.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearConfig {
    /// The weights' prior precision.
    pub prior_precision: PriorPrecision,
    /// The noise.
    pub noise: NoisePrior,
    /// The intercept's prior standard deviation around the target's mean: in units of the noise's
    /// when the noise is learnt, else of the target's.
    pub intercept_sd: f64,
    /// An earlier fit of the same inputs to start from, such as one that was interrupted; its scale may
    /// be another.
    pub warm_start: Option<Box<LinearPosterior>>,
    /// Rows kept back to judge by.
    pub heldout: Option<HeldOut>,
    /// The driver.
    pub method: Method,
}

impl Default for LinearConfig {
    fn default() -> Self {
        Self {
            prior_precision: PriorPrecision::Learnt,
            noise: NoisePrior::default(),
            intercept_sd: 10.0,
            warm_start: None,
            heldout: None,
            method: Method::default(),
        }
    }
}

impl LinearConfig {
    pub(super) fn check(&self) -> Result<(), ModelError> {
        if let PriorPrecision::Fixed(value) = self.prior_precision
            && !(value > 0.0 && value.is_finite())
        {
            return Err(ModelError::setting(
                "prior_precision",
                value,
                "give a positive number, or leave it out to have it learnt",
            ));
        }
        check_intercept_sd(self.intercept_sd)
    }
}

/// Refuses a prior that is not proper.
pub(in crate::regression) fn check_intercept_sd(value: f64) -> Result<(), ModelError> {
    if value > 0.0 && value.is_finite() {
        return Ok(());
    }
    Err(ModelError::setting(
        "intercept_sd",
        value,
        "give a positive number",
    ))
}
