//! What is chosen before the data are seen.

use super::ArdPosterior;
use crate::ModelError;
use crate::regression::linear::check_intercept_sd;
use crate::regression::method::{HeldOut, Method};
use crate::regression::noise::NoisePrior;
use crate::regression::relevance::check_certainty;

/// Settings of regression with relevance determination.
#[derive(Debug, Clone, PartialEq)]
pub struct ArdConfig {
    /// Shape a₀ of the precisions' gamma prior.
    ///
    /// With a₀ = ½ each weight has, marginally, a Cauchy prior of scale `√(2 b₀)`: sharp at 0, with
    /// tails that leave large weights alone. Smaller shapes switch fewer inputs off.
    pub prior_shape: f64,
    /// Rate b₀ of that prior, on the standardised scale; by default `0.001 / n`, with `n` rows.
    ///
    /// That makes the Cauchy's scale `0.045 / √n`: the standard error of a weight under noise of
    /// half the target's standard deviation, times the odds when one input in twelve matters. The
    /// guess need not be close.
    ///
    /// # References
    /// `[@piironen2017horseshoe, eq. 3.12]` for a scale of this form.
    pub prior_rate: Option<f64>,
    /// The noise.
    pub noise: NoisePrior,
    /// The intercept's prior standard deviation around the target's mean, in units of the target's.
    pub intercept_sd: f64,
    /// An input is on when `q` is at least this sure of the sign of (one of) its weights.
    pub sign_certainty: f64,
    /// An earlier fit of the same inputs to start from, such as one that was interrupted; its scale may
    /// be another.
    pub warm_start: Option<Box<ArdPosterior>>,
    /// Rows kept back to judge by.
    pub heldout: Option<HeldOut>,
    /// The driver.
    pub method: Method,
}

impl Default for ArdConfig {
    fn default() -> Self {
        Self {
            prior_shape: 0.5,
            prior_rate: None,
            noise: NoisePrior::default(),
            intercept_sd: 10.0,
            sign_certainty: 0.99,
            warm_start: None,
            heldout: None,
            method: Method::default(),
        }
    }
}

impl ArdConfig {
    pub(super) fn check(&self) -> Result<(), ModelError> {
        check_certainty(self.sign_certainty)?;
        check_intercept_sd(self.intercept_sd)
    }
}
