//! What every fitted model can do, whatever it is: be saved, be restored, be drawn from.

use elbo_math::arrays::{Array, Arrays};
use elbo_math::random::Stream;

use crate::{ModelError, Outcome};

/// A fitted `q`, complete: nothing else is needed to predict or to draw.
pub trait Posterior: Sized {
    /// Every number that defines `q` and the hyperparameters.
    fn to_arrays(&self) -> Arrays;

    /// The inverse of [`to_arrays`](Self::to_arrays).
    ///
    /// # Errors
    /// If an array is missing, or has the wrong shape.
    fn from_arrays(arrays: &Arrays) -> Result<Self, ModelError>;

    /// Names of the constrained parameters of a draw, in `CmdStan`'s style: `mu`, `weights.1`,
    /// `means.2.1`, counted from 1.
    fn draw_names(&self) -> Vec<String>;

    /// One independent draw, in the order of [`draw_names`](Self::draw_names).
    fn draw(&self, rng: &mut Stream) -> Vec<f64>;
}

/// A posterior and how it was reached.
#[derive(Debug, Clone)]
pub struct Fit<T> {
    /// The fitted `q`.
    pub posterior: T,
    /// ELBO, trace, and why the fit ended.
    pub outcome: Outcome,
}

/// Looks an array up by name and checks its shape.
///
/// # Errors
/// If it is missing, or its shape is not `shape`.
pub fn expect_array<'a>(
    arrays: &'a Arrays,
    name: &str,
    shape: &[usize],
) -> Result<&'a Array, ModelError> {
    let array = arrays
        .get(name)
        .ok_or_else(|| ModelError::data(format!("the fit has no array '{name}'; it is damaged")))?;
    if array.shape() == shape {
        Ok(array)
    } else {
        Err(ModelError::data(format!(
            "array '{name}' of the fit has shape {:?}, expected {shape:?}; it is damaged",
            array.shape()
        )))
    }
}
