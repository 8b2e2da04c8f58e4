//! `RMSProp`: `AdaGrad` with a memory that fades.

use super::{Optimizer, OptimizerState, fraction, positive};
use crate::ViError;

/// Keeps a zero gradient from dividing by zero.
const FLOOR: f64 = 1e-8;

/// `v ← β v + (1−β) g²`, `x ← x − α g / (√v + ε)`, with `v` from 0 `[@tieleman2012rmsprop]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RmsProp {
    learning_rate: f64,
    decay: f64,
}

impl RmsProp {
    /// A checked rule; the lecture's decay is 0.9.
    ///
    /// # Errors
    /// [`ViError::Setting`] unless `learning_rate > 0` and `0 ≤ decay < 1`.
    pub fn new(learning_rate: f64, decay: f64) -> Result<Self, ViError> {
        Ok(Self {
            learning_rate: positive("learning_rate", learning_rate)?,
            decay: fraction("decay", decay)?,
        })
    }
}

impl Optimizer for RmsProp {
    fn name(&self) -> &'static str {
        "rmsprop"
    }

    fn init(&self, params: &[f64]) -> OptimizerState {
        OptimizerState::new(vec![("mean_square", vec![0.0; params.len()])])
    }

    fn step(&self, state: &mut OptimizerState, params: &mut [f64], gradient: &[f64]) {
        state.steps += 1;
        let [squares] = state.slots();
        for ((x, s), g) in params.iter_mut().zip(squares).zip(gradient) {
            *s = self.decay * *s + (1.0 - self.decay) * g * g;
            *x -= self.learning_rate * g / (s.sqrt() + FLOOR);
        }
    }
}
