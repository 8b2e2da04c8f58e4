//! Predictions of a linear regression: Student-t, or normal when the noise is known.

use super::LinearPosterior;
use crate::ModelError;
use crate::regression::coding::Column;
use crate::regression::method::HeldOut;
use crate::regression::predict::{Prediction, location_scale, log_densities};

impl LinearPosterior {
    /// Predicts new rows, with central intervals that hold a new observation with probability
    /// `level`.
    ///
    /// # Errors
    /// If the table does not fit the coding (see [`Coding::code`](crate::regression::Coding::code)),
    /// or `level` is not in `(0, 1)`.
    pub fn predict(&self, columns: &[Column<'_>], level: f64) -> Result<Prediction, ModelError> {
        let x = self.scale.coding.code(columns)?;
        let spread = self.spread();
        let (mean, function) = self.scale.function(&self.weights, spread, &x);
        let noise = self.scale.unit * self.scale.unit * spread;
        let degrees_of_freedom = self.noise.degrees_of_freedom();
        location_scale(mean, &function, noise, degrees_of_freedom, level)
    }

    /// The log predictive density of each row's target, by the same distribution as
    /// [`predict`](Self::predict)'s intervals.
    ///
    /// # Errors
    /// If the rows are not coded as the fit's (see [`Design::split`](crate::regression::Design::split)).
    pub fn log_predictive_density(&self, rows: &HeldOut) -> Result<Vec<f64>, ModelError> {
        rows.design.check_coding(&self.scale.coding)?;
        rows.design.check_target(&rows.y)?;
        let spread = self.spread();
        let (mean, function) = self.scale.function(&self.weights, spread, &rows.design.x);
        let noise = self.scale.unit * self.scale.unit * spread;
        let degrees_of_freedom = self.noise.degrees_of_freedom();
        log_densities(&mean, &function, noise, degrees_of_freedom, &rows.y)
    }
}
