//! What is chosen before the data are seen.

use super::ArdPosterior;
use crate::ModelError;
use crate::regression::linear::check_intercept_sd;
use crate::regression::method::{HeldOut, Method};
use crate::regression::noise::NoisePrior;
use crate::regression::relevance::check_certainty;

/// How many inputs matter, as far as the default prior knows.
const HANDFUL: f64 = 4.0;
/// The noise's standard deviation, in units of the target's, as far as the default prior knows.
const NOISE_SD: f64 = 0.5;

/// Settings of regression with relevance determination.
#[derive(Debug, Clone, PartialEq)]
pub struct ArdConfig {
    /// Shape a₀ of the precisions' gamma prior.
    ///
    /// With a₀ = ½ each weight has, marginally, a Cauchy prior of scale `√(2 b₀)`: sharp at 0, with
    /// tails that leave large weights alone. Smaller shapes switch fewer inputs off.
    pub prior_shape: f64,
    /// Rate b₀ of that prior, on the standardised scale; by default `2 / (n D²)`, with `n` rows and
    /// `D` inputs.
    ///
    /// That makes the Cauchy's scale `2 / (D √n)`: the standard error of a weight under noise of
    /// half the target's standard deviation, times `4 / D`, the odds when a handful of the inputs
    /// matter. Odds that fall with `D` keep the number of useless inputs that are on from growing
    /// with `D`: chance estimates have to be as large as the largest of `D` to pass. The guess need
    /// not be close; it errs to the side of leaving small weights out.
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
    /// Whether an input may be switched on or off where that raises the ELBO, though plain updates
    /// would not get there: with a vague prior, on and off are two maxima for most inputs.
    /// Coordinate ascent only.
    pub switches: bool,
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
            switches: true,
            method: Method::default(),
        }
    }
}

impl ArdConfig {
    /// The rate of the precisions' prior for `n` rows, by weight, and a number of inputs.
    pub(super) fn rate(&self, n: f64, n_inputs: usize) -> f64 {
        let odds = HANDFUL / n_inputs.max(1) as f64;
        let default = 0.5 * (odds * NOISE_SD).powi(2) / n;
        self.prior_rate.unwrap_or(default)
    }

    pub(super) fn check(&self) -> Result<(), ModelError> {
        check_certainty(self.sign_certainty)?;
        check_intercept_sd(self.intercept_sd)
    }
}
