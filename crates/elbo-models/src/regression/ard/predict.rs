//! Predictions with relevance determination.

use super::ArdPosterior;
use crate::ModelError;
use crate::regression::coding::Column;
use crate::regression::predict::{Prediction, location_scale};

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
}
