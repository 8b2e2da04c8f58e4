//! Adam: momentum over coordinates scaled by their own gradients.

use super::{Optimizer, OptimizerState, fraction, positive};
use crate::ViError;

/// The paper's ε.
const FLOOR: f64 = 1e-8;

/// `m̂` and `v̂` the bias-corrected running means of `g` and `g²`, `x ← x − α m̂ / (√v̂ + ε)`
/// `[@kingma2015adam, alg. 1]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adam {
    learning_rate: f64,
    beta1: f64,
    beta2: f64,
}

impl Adam {
    /// With the paper's decays 0.9 and 0.999.
    ///
    /// # Errors
    /// [`ViError::Setting`] unless `learning_rate > 0`.
    pub fn new(learning_rate: f64) -> Result<Self, ViError> {
        Self::with_decays(learning_rate, 0.9, 0.999)
    }

    /// A checked rule.
    ///
    /// # Errors
    /// [`ViError::Setting`] unless `learning_rate > 0` and both decays lie in `[0, 1)`.
    pub fn with_decays(learning_rate: f64, beta1: f64, beta2: f64) -> Result<Self, ViError> {
        Ok(Self {
            learning_rate: positive("learning_rate", learning_rate)?,
            beta1: fraction("beta1", beta1)?,
            beta2: fraction("beta2", beta2)?,
        })
    }

    /// The same decays with another learning rate, for a rate that changes during a fit.
    #[must_use]
    pub fn scaled(&self, factor: f64) -> Self {
        Self {
            learning_rate: self.learning_rate * factor,
            ..*self
        }
    }
}

impl Optimizer for Adam {
    fn name(&self) -> &'static str {
        "adam"
    }

    fn init(&self, params: &[f64]) -> OptimizerState {
        let zeros = || vec![0.0; params.len()];
        OptimizerState::new(vec![("mean", zeros()), ("mean_square", zeros())])
    }

    fn step(&self, state: &mut OptimizerState, params: &mut [f64], gradient: &[f64]) {
        state.steps += 1;
        let t = i32::try_from(state.steps).unwrap_or(i32::MAX);
        let correction1 = 1.0 - self.beta1.powi(t);
        let correction2 = 1.0 - self.beta2.powi(t);
        let [mean, square] = state.slots();
        for (((x, m), v), g) in params.iter_mut().zip(mean).zip(square).zip(gradient) {
            *m = self.beta1 * *m + (1.0 - self.beta1) * g;
            *v = self.beta2 * *v + (1.0 - self.beta2) * g * g;
            *x -= self.learning_rate * (*m / correction1) / ((*v / correction2).sqrt() + FLOOR);
        }
    }
}
