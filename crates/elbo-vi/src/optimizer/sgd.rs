//! Stochastic gradient descent with a schedule of step sizes.

use super::{Optimizer, OptimizerState, in_range, positive};
use crate::ViError;

/// Step sizes `α_t = scale · (t + delay)^(−forgetting_rate)`, `t = 1, 2, …`.
///
/// With a rate in `(½, 1]`, `Σ α_t = ∞` and `Σ α_t² < ∞`: the conditions under which noise averages
/// out and the optimum is reached from anywhere `[@robbins1951stochastic]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RobbinsMonro {
    scale: f64,
    delay: f64,
    forgetting_rate: f64,
}

impl RobbinsMonro {
    /// A checked schedule.
    ///
    /// # Errors
    /// [`ViError::Setting`] unless `scale > 0`, `delay ≥ 0` and `½ < forgetting_rate ≤ 1`.
    pub fn new(scale: f64, delay: f64, forgetting_rate: f64) -> Result<Self, ViError> {
        positive("scale", scale)?;
        let ok = delay >= 0.0 && delay.is_finite();
        in_range("delay", delay, ok, "0 or more")?;
        let ok = forgetting_rate > 0.5 && forgetting_rate <= 1.0;
        in_range("forgetting_rate", forgetting_rate, ok, "in (0.5, 1]")?;
        Ok(Self {
            scale,
            delay,
            forgetting_rate,
        })
    }

    /// `α_t` for `t = 1, 2, …`.
    pub fn step_size(&self, t: u64) -> f64 {
        self.scale * (t as f64 + self.delay).powf(-self.forgetting_rate)
    }
}

/// `x ← x − α_t g`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sgd {
    schedule: RobbinsMonro,
}

impl Sgd {
    /// With this schedule.
    pub fn new(schedule: RobbinsMonro) -> Self {
        Self { schedule }
    }
}

impl Optimizer for Sgd {
    fn name(&self) -> &'static str {
        "sgd"
    }

    fn init(&self, _: &[f64]) -> OptimizerState {
        OptimizerState::default()
    }

    fn step(&self, state: &mut OptimizerState, params: &mut [f64], gradient: &[f64]) {
        state.steps += 1;
        let size = self.schedule.step_size(state.steps);
        for (x, g) in params.iter_mut().zip(gradient) {
            *x -= size * g;
        }
    }
}
