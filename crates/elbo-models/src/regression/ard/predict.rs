//! Predictions with relevance determination.

use super::ArdPosterior;
use crate::ModelError;
use crate::regression::coding::Column;
use crate::regression::method::HeldOut;
use crate::regression::predict::{Prediction, location_scale, log_densities};

impl ArdPosterior {
    /// Predicts new rows, with central intervals that hold a new observation with probability
    /// `level`.
    ///
    /// Given `q`, the noise makes a Student-t and the weights a normal; their sum is taken for a
    /// Student-t with the noise's degrees of freedom and the summed squared scale.
    ///
    /// # Errors
    /// If the table does not fit the coding (see [`Coding::code`](crate::regression::Coding::code)),
    /// or `level` is not in `(0, 1)`.
    pub fn predict(&self, columns: &[Column<'_>], level: f64) -> Result<Prediction, ModelError> {
        let x = self.scale.coding.code(columns)?;
        let (mean, function) = self.scale.function(&self.weights, 1.0, &x);
        let noise = self.scale.unit * self.scale.unit / self.noise.expected();
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
        let (mean, function) = self.scale.function(&self.weights, 1.0, &rows.design.x);
        let noise = self.scale.unit * self.scale.unit / self.noise.expected();
        let degrees_of_freedom = self.noise.degrees_of_freedom();
        log_densities(&mean, &function, noise, degrees_of_freedom, &rows.y)
    }
}
