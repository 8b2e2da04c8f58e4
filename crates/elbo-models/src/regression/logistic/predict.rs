//! Probabilities for new rows.

use elbo_math::log_space::inv_logit;

use super::LogisticPosterior;
use super::expectation::expected_sigmoid;
use crate::ModelError;
use crate::regression::coding::Column;
use crate::regression::method::HeldOut;
use crate::regression::predict::half_width;

/// Predicted probabilities that the target is 1, one entry per row.
#[derive(Debug, Clone, PartialEq)]
pub struct ProbabilityPrediction {
    /// The posterior predictive probability `E_q[σ(η)]`.
    pub probability: Vec<f64>,
    /// Lower end of the central interval for the probability `σ(η)`.
    pub lower: Vec<f64>,
    /// Upper end of that interval.
    pub upper: Vec<f64>,
    /// The mean of the log odds η.
    pub log_odds: Vec<f64>,
    /// The standard deviation of the log odds.
    pub log_odds_sd: Vec<f64>,
    /// The probability that the interval holds.
    pub level: f64,
}

impl LogisticPosterior {
    /// Predicts new rows, with central intervals for the probability itself: σ is increasing, so
    /// they are those of the log odds, mapped.
    ///
    /// # Errors
    /// If the table does not fit the coding (see [`Coding::code`](crate::regression::Coding::code)),
    /// or `level` is not in `(0, 1)`.
    pub fn predict(
        &self,
        columns: &[Column<'_>],
        level: f64,
    ) -> Result<ProbabilityPrediction, ModelError> {
        let width = half_width(f64::INFINITY, level)?;
        let x = self.scale.coding.code(columns)?;
        let (log_odds, variances) = self.scale.function(&self.weights, 1.0, &x);
        let log_odds_sd: Vec<f64> = variances.iter().map(|v| v.sqrt()).collect();
        let at = |f: &dyn Fn(f64, f64) -> f64| -> Vec<f64> {
            let pairs = log_odds.iter().zip(&log_odds_sd);
            pairs.map(|(m, s)| f(*m, *s)).collect()
        };
        Ok(ProbabilityPrediction {
            probability: at(&expected_sigmoid),
            lower: at(&|m, s| inv_logit(m - width * s)),
            upper: at(&|m, s| inv_logit(m + width * s)),
            log_odds,
            log_odds_sd,
            level,
        })
    }

    /// The log predictive probability `log E_q[σ(±η)]` of each row's target of 0 or 1.
    ///
    /// # Errors
    /// If the rows are not coded as the fit's (see [`Design::split`](crate::regression::Design::split)).
    pub fn log_predictive_density(&self, rows: &HeldOut) -> Result<Vec<f64>, ModelError> {
        rows.design.check_coding(&self.scale.coding)?;
        rows.design.check_target(&rows.y)?;
        let (log_odds, variances) = self.scale.function(&self.weights, 1.0, &rows.design.x);
        let rows = log_odds.iter().zip(&variances).zip(&rows.y);
        let probability = |((m, v), y): ((&f64, &f64), &f64)| {
            expected_sigmoid((2.0 * y - 1.0) * m, v.sqrt()).ln()
        };
        Ok(rows.map(probability).collect())
    }
}
