//! Steps without a learning rate: the size comes from the distance travelled and the gradients seen.
//!
//! The one idea: gradient descent's best fixed step is `‖x₀ − x*‖ / √(Σ ‖g‖²)`; the unknown distance
//! is replaced by the largest one travelled so far, which grows to it within a few steps. Both rules
//! are unchanged when the loss is multiplied by a number.

use super::{Optimizer, OptimizerState, positive};
use crate::ViError;

/// The first movement relative to `1 + ‖x₀‖`, where none is given `[@ivgi2023dog, sec. 4]`.
const FIRST_MOVEMENT: f64 = 1e-6;

/// Distance over gradients: `x ← x − (r̄ / √G) g` with `r̄ = max(r_ε, max ‖x_i − x₀‖)`, `G = Σ ‖g_i‖²`
/// `[@ivgi2023dog, eq. 2]`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Dog {
    first_movement: Option<f64>,
}

/// Distance over weighted gradients: `x ← x − (r̄² / √v) g` with `v = Σ r̄_i² ‖g_i‖²`
/// `[@khaled2023dowg, alg. 1]`: later gradients count more, so steps are longer than [`Dog`]'s.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Dowg {
    first_movement: Option<f64>,
}

impl Dog {
    /// With this length of the first step.
    ///
    /// # Errors
    /// [`ViError::Setting`] unless it is positive.
    pub fn with_first_movement(length: f64) -> Result<Self, ViError> {
        Ok(Self {
            first_movement: Some(positive("first_movement", length)?),
        })
    }
}

impl Dowg {
    /// With this length of the first step.
    ///
    /// # Errors
    /// [`ViError::Setting`] unless it is positive.
    pub fn with_first_movement(length: f64) -> Result<Self, ViError> {
        Ok(Self {
            first_movement: Some(positive("first_movement", length)?),
        })
    }
}

impl Optimizer for Dog {
    fn name(&self) -> &'static str {
        "dog"
    }

    fn init(&self, params: &[f64]) -> OptimizerState {
        init(params, self.first_movement)
    }

    fn step(&self, state: &mut OptimizerState, params: &mut [f64], gradient: &[f64]) {
        step(state, params, gradient, |distance, sum, norm2| {
            *sum += norm2;
            distance / sum.sqrt()
        });
    }
}

impl Optimizer for Dowg {
    fn name(&self) -> &'static str {
        "dowg"
    }

    fn init(&self, params: &[f64]) -> OptimizerState {
        init(params, self.first_movement)
    }

    fn step(&self, state: &mut OptimizerState, params: &mut [f64], gradient: &[f64]) {
        step(state, params, gradient, |distance, sum, norm2| {
            *sum += distance * distance * norm2;
            distance * distance / sum.sqrt()
        });
    }
}

fn init(params: &[f64], first_movement: Option<f64>) -> OptimizerState {
    let norm = params.iter().map(|x| x * x).sum::<f64>().sqrt();
    let first = first_movement.unwrap_or(FIRST_MOVEMENT * (1.0 + norm));
    OptimizerState::new(vec![
        ("start", params.to_vec()),
        ("distance", vec![first]),
        ("sum_of_squares", vec![0.0]),
    ])
}

fn step(
    state: &mut OptimizerState,
    params: &mut [f64],
    gradient: &[f64],
    size: impl FnOnce(f64, &mut f64, f64) -> f64,
) {
    state.steps += 1;
    let [start, distance, sum] = state.slots();
    let travelled = params
        .iter()
        .zip(start)
        .map(|(x, s)| (x - *s).powi(2))
        .sum::<f64>()
        .sqrt();
    distance[0] = distance[0].max(travelled);
    let norm2: f64 = gradient.iter().map(|g| g * g).sum();
    if norm2 == 0.0 {
        return; // A stationary point; 0/0 before the first gradient that is not zero.
    }
    let size = size(distance[0], &mut sum[0], norm2);
    for (x, g) in params.iter_mut().zip(gradient) {
        *x -= size * g;
    }
}
