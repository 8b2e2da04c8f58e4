//! The heavy ball: steps that remember their direction.

use super::{Optimizer, OptimizerState, fraction, positive};
use crate::ViError;

/// `v ← β v − α g`, `x ← x + v` `[@polyak1964methods]`.
///
/// On a quadratic of curvatures in `[μ, L]` the best settings converge like `√(L/μ)` steps where
/// gradient descent takes `L/μ`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Momentum {
    learning_rate: f64,
    momentum: f64,
}

impl Momentum {
    /// A checked rule.
    ///
    /// # Errors
    /// [`ViError::Setting`] unless `learning_rate > 0` and `0 ≤ momentum < 1`.
    pub fn new(learning_rate: f64, momentum: f64) -> Result<Self, ViError> {
        Ok(Self {
            learning_rate: positive("learning_rate", learning_rate)?,
            momentum: fraction("momentum", momentum)?,
        })
    }
}

impl Optimizer for Momentum {
    fn name(&self) -> &'static str {
        "momentum"
    }

    fn init(&self, params: &[f64]) -> OptimizerState {
        OptimizerState::new(vec![("velocity", vec![0.0; params.len()])])
    }

    fn step(&self, state: &mut OptimizerState, params: &mut [f64], gradient: &[f64]) {
        state.steps += 1;
        let [velocity] = state.slots();
        for ((x, v), g) in params.iter_mut().zip(velocity).zip(gradient) {
            *v = self.momentum * *v - self.learning_rate * g;
            *x += *v;
        }
    }
}
