//! `AdaGrad`: every coordinate's step shrinks with the gradients that it has seen.

use super::{Optimizer, OptimizerState, positive};
use crate::ViError;

/// Keeps a zero gradient from dividing by zero; far below any gradient that matters.
const FLOOR: f64 = 1e-10;

/// `G ← G + g²`, `x ← x − α g / (√G + ε)`, coordinate by coordinate `[@duchi2011adagrad]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdaGrad {
    learning_rate: f64,
}

impl AdaGrad {
    /// A checked rule.
    ///
    /// # Errors
    /// [`ViError::Setting`] unless `learning_rate > 0`.
    pub fn new(learning_rate: f64) -> Result<Self, ViError> {
        Ok(Self {
            learning_rate: positive("learning_rate", learning_rate)?,
        })
    }
}

impl Optimizer for AdaGrad {
    fn name(&self) -> &'static str {
        "adagrad"
    }

    fn init(&self, params: &[f64]) -> OptimizerState {
        OptimizerState::new(vec![("sum_of_squares", vec![0.0; params.len()])])
    }

    fn step(&self, state: &mut OptimizerState, params: &mut [f64], gradient: &[f64]) {
        state.steps += 1;
        let [squares] = state.slots();
        for ((x, s), g) in params.iter_mut().zip(squares).zip(gradient) {
            *s += g * g;
            *x -= self.learning_rate * g / (s.sqrt() + FLOOR);
        }
    }
}
