//! What the methods without a closed-form natural step share: first-order steps for any family whose
//! draws can be reparameterised.
//!
//! The one idea: in units of the start's standard deviations every target looks alike, so one step
//! size serves all; [`Stage`] halves it. Where a member is, is told by where it sends a few fixed draws,
//! which costs half its square in nats whatever the family. Gradients stick the landing. Deliberately
//! absent: which family, and how it starts.

use elbo_math::linalg::Matrix;
use elbo_math::random::stream;

use super::Info;
use super::batches::Batches;
use super::natural::{elbo_of, members};
use super::outliers::{draw_weights, weigh};
use crate::coupled::coupled_normals;
use crate::family::Reparameterised;
use crate::optimizer::stopping::{Decision, Stage, StoppingConfig, worth_it};
use crate::optimizer::{Adam, Optimizer, OptimizerState};
use crate::{Draws, Halves, Target, ViError};

/// Fixed draws that tell where a member is, and coordinates looked at in each.
const PROBES: usize = 8;
const LOOKED_AT: usize = 8;

/// Draws that decide between the average, the last iterate and the start.
const JUDGES: usize = 256;

/// The settings that these methods have in common; no learning rate is among them.
#[derive(Debug, Clone, PartialEq)]
pub struct FirstOrderConfig {
    /// Draws per step.
    pub n_draws: usize,
    /// Rows per step; all by default.
    pub batch_size: Option<usize>,
    /// Nats that may be left to gain; by default 0.01, or 1e-3 per coordinate if that is more.
    pub tolerance: Option<f64>,
}

impl Default for FirstOrderConfig {
    fn default() -> Self {
        Self {
            n_draws: 16,
            batch_size: None,
            tolerance: None,
        }
    }
}

impl FirstOrderConfig {
    pub(super) fn check(&self) -> Result<(), ViError> {
        if self.n_draws == 0 {
            return Err(ViError::Setting {
                name: "n_draws",
                value: "0".into(),
                requirement: "at least 1",
            });
        }
        stopping(self, 1).check()
    }

    /// Nats that may be left to gain.
    pub(super) fn tolerance_in(&self, dimension: usize) -> f64 {
        self.tolerance
            .unwrap_or_else(|| f64::max(0.01, 1e-3 * dimension as f64))
    }
}

/// A member to start from, and what its parameters mean.
pub(super) struct Beginning<F> {
    pub(super) q: F,
    /// The size of each parameter on the target's scale: a standard deviation for a mean, 1 for a
    /// logarithm.
    pub(super) units: Vec<f64>,
    /// The size of each coordinate of the target.
    pub(super) scales: Vec<f64>,
    /// Adam's first step size in those units.
    pub(super) rate: f64,
}

/// What the next step needs.
#[derive(Debug, Clone, PartialEq)]
pub struct FirstOrderState<F> {
    seed: u64,
    iteration: u64,
    q: F,
    start: F,
    units: Vec<f64>,
    scales: Vec<f64>,
    batches: Option<Batches>,
    rate: f64,
    optimizer: OptimizerState,
    stage: Stage,
    stage_began: u64,
    last_average: Option<Vec<f64>>,
    converged: bool,
}

impl<F: Reparameterised + Clone> FirstOrderState<F> {
    pub(super) fn new(
        config: &FirstOrderConfig,
        target: &Target<'_>,
        beginning: Beginning<F>,
        seed: u64,
    ) -> Result<Self, ViError> {
        config.check()?;
        let Beginning {
            q,
            units,
            scales,
            rate,
        } = beginning;
        Ok(Self {
            seed,
            iteration: 0,
            batches: Batches::new(config.batch_size, target.n_rows(), seed)?,
            optimizer: adam(rate)?.init(q.params()),
            stage: Stage::new(&stopping(config, q.dimension()), q.params().len())?,
            stage_began: 0,
            start: q.clone(),
            last_average: None,
            converged: false,
            q,
            units,
            scales,
            rate,
        })
    }

    /// The current approximation.
    pub fn approximation(&self) -> &F {
        &self.q
    }

    pub(super) fn step(
        &mut self,
        config: &FirstOrderConfig,
        target: &Target<'_>,
    ) -> Result<Info, ViError> {
        let mut rng = stream(self.seed, "method/first_order", self.iteration);
        let noise = coupled_normals(self.q.noise_dimension(), config.n_draws, &mut rng);
        let (points, log_q) = self.q.transform(&noise);
        let (share, (log_p, gradients)) = Batches::evaluate(&mut self.batches, target, &points)?;
        self.iteration += 1;
        let mut info = elbo_of(&log_p, &log_q);
        info.rejected = !self.moved(&noise, &points, &gradients, &log_p, share)?;
        if !info.rejected {
            self.judge(config)?;
        }
        info.converged = self.converged;
        info.widest = self.q.standard_deviations().and_then(|s| {
            let widest = |a: &(usize, f64), b: &(usize, f64)| a.1.total_cmp(&b.1);
            s.into_iter().enumerate().max_by(widest)
        });
        Ok(info)
    }

    /// Takes the step; `false` where there was none to take.
    fn moved(
        &mut self,
        noise: &Draws,
        points: &Draws,
        gradients: &Draws,
        log_p: &[f64],
        share: f64,
    ) -> Result<bool, ViError> {
        let (_, of_q) = self.q.log_density_and_gradient(points);
        let mut h = Matrix::from_fn(points.dimension(), points.n_draws(), |i, s| {
            self.scales[i] * (gradients.get(i, s) - of_q.get(i, s))
        });
        let Some((weights, n)) = draw_weights(&h, log_p) else {
            return Ok(false);
        };
        weigh(&mut h, &weights);
        for (i, scale) in self.scales.iter().enumerate() {
            for v in h.row_mut(i) {
                *v /= scale * n;
            }
        }
        let cotangents = Draws::from_vec(points.dimension(), points.n_draws(), h.into_vec());
        let mut gradient = vec![0.0; self.q.params().len()];
        self.q.pull_back(noise, &cotangents, &mut gradient);
        // In units, and downhill.
        let mut params: Vec<f64> = self.q.params().to_vec();
        for ((g, p), unit) in gradient.iter_mut().zip(&mut params).zip(&self.units) {
            *g *= -unit;
            *p /= unit;
        }
        if !gradient.iter().sum::<f64>().is_finite() {
            return Ok(false);
        }
        let mut optimizer = self.optimizer.clone();
        adam(self.rate * share)?.step(&mut optimizer, &mut params, &gradient);
        for (p, unit) in params.iter_mut().zip(&self.units) {
            *p *= unit;
        }
        if self.q.set_params(&params).is_err() {
            return Ok(false);
        }
        self.optimizer = optimizer;
        Ok(true)
    }

    /// Where the member sends the probes, in the target's units.
    fn probe(&self, q: &F) -> Vec<f64> {
        let mut rng = stream(self.seed, "method/first_order/probes", 0);
        let noise = coupled_normals(q.noise_dimension(), PROBES, &mut rng);
        let (points, _) = q.transform(&noise);
        let mut seen = Vec::new();
        let stride = q.dimension().div_ceil(LOOKED_AT);
        for s in 0..PROBES {
            for i in (0..q.dimension()).step_by(stride) {
                seen.push(points.get(i, s) / self.scales[i]);
            }
        }
        seen
    }

    fn judge(&mut self, config: &FirstOrderConfig) -> Result<(), ViError> {
        let seen = self.probe(&self.q);
        // Half a squared distance, averaged over probes, summed over coordinates.
        let cost = 0.5 * self.q.dimension() as f64 / seen.len() as f64;
        let decision = self
            .stage
            .push(self.q.params(), &seen, &vec![cost; seen.len()]);
        if decision != Decision::Stationary {
            return Ok(());
        }
        let mut average = self.q.clone();
        if average.set_params(self.stage.average()).is_err() {
            return Ok(());
        }
        let seen = self.probe(&average);
        let stopping = stopping(config, average.dimension());
        let length = usize::try_from(self.iteration - self.stage_began).unwrap_or(usize::MAX);
        let total = usize::try_from(self.iteration).unwrap_or(usize::MAX);
        let enough = self.last_average.as_ref().is_some_and(|last| {
            let squares = seen.iter().zip(last).map(|(a, b)| (a - b).powi(2));
            !worth_it(&stopping, cost * squares.sum::<f64>(), length, total)
        });
        self.q = average;
        self.converged = enough;
        if !enough {
            self.rate *= 0.5;
            self.stage = Stage::new(&stopping, self.q.params().len())?;
            self.stage_began = self.iteration;
            self.last_average = Some(seen);
        }
        Ok(())
    }

    /// The averages of the two parts of the last stage.
    pub(super) fn halves(&self) -> Option<Halves>
    where
        F: 'static,
    {
        members(&self.q, &self.stage.halves()?)
    }

    /// The average, the last iterate or the start, whichever has the highest ELBO.
    pub(super) fn best(self, target: &Target<'_>) -> Result<F, ViError> {
        let mut candidates = vec![self.q.clone(), self.start.clone()];
        let mut average = self.q.clone();
        if self.stage.count() > 0 && average.set_params(self.stage.average()).is_ok() {
            candidates.push(average);
        }
        let mut rng = stream(self.seed, "method/first_order/judges", 0);
        let noise = coupled_normals(self.q.noise_dimension(), JUDGES, &mut rng);
        let mut best = (f64::NEG_INFINITY, 0);
        for (k, q) in candidates.iter().enumerate() {
            let (points, log_q) = q.transform(&noise);
            let info = elbo_of(&target.log_densities(&points)?, &log_q);
            if let Some(elbo) = info.elbo
                && elbo > best.0
            {
                best = (elbo, k);
            }
        }
        Ok(candidates.swap_remove(best.1))
    }
}

/// Adam with a memory of a hundred squared gradients rather than a thousand: a stage is a few hundred
/// steps long.
fn adam(rate: f64) -> Result<Adam, ViError> {
    Adam::with_decays(rate, 0.9, 0.99)
}

fn stopping(config: &FirstOrderConfig, dimension: usize) -> StoppingConfig {
    StoppingConfig {
        window: 50,
        tolerance: config.tolerance_in(dimension),
        ..StoppingConfig::default()
    }
}
