//! Stochastic variational inference: a global step after every mini-batch.
//!
//! The scale `n_total / |batch|` is applied here, from the batch's true size, so neither a user nor
//! a model's author can forget it.
//!
//! # References
//! `[@hoffman2013svi, eq. 26]`: natural-gradient steps with `ρ_t = (t + delay)^(−forgetting_rate)`.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use super::{BatchSource, Observer, Outcome, Progress, Stopped};
use crate::{ConjugateModel, ModelError, Statistics};

/// Step sizes and the stopping rule.
#[derive(Debug, Clone, PartialEq)]
pub struct StochasticConfig {
    /// The most passes over the data.
    pub max_passes: usize,
    /// How fast old batches are forgotten, in `(0.5, 1]` for Robbins–Monro convergence; 0 keeps
    /// ρ = `(1 + delay)^0 = 1` throughout.
    pub forgetting_rate: f64,
    /// Damps the first steps; at least 0.
    pub delay: f64,
    /// Stop when the objective, smoothed over three passes, has gained less than `rel_tol` of its
    /// size three times in a row. The objective is the held-out log predictive density where given,
    /// else the estimated ELBO.
    pub rel_tol: f64,
    /// Whether hyperparameters are learnt.
    pub learn_hyperparameters: bool,
}

impl Default for StochasticConfig {
    fn default() -> Self {
        Self {
            max_passes: 100,
            forgetting_rate: 0.7,
            delay: 1.0,
            rel_tol: 1e-5,
            learn_hyperparameters: true,
        }
    }
}

impl StochasticConfig {
    fn check(&self) -> Result<(), ModelError> {
        if self.max_passes == 0 {
            return Err(ModelError::setting("max_passes", 0, "give at least 1"));
        }
        if self.forgetting_rate != 0.0
            && !(self.forgetting_rate > 0.5 && self.forgetting_rate <= 1.0)
        {
            return Err(ModelError::setting(
                "forgetting_rate",
                self.forgetting_rate,
                "give a number in (0.5, 1], or 0 for steps of size 1",
            ));
        }
        if !(self.delay >= 0.0) {
            return Err(ModelError::setting("delay", self.delay, "give 0 or more"));
        }
        Ok(())
    }

    /// The step size of batch `t = 0, 1, …`.
    pub fn step_size(&self, t: usize) -> f64 {
        // With delay 0 the first step replaces the start altogether, as ρ = 1.
        (t as f64 + self.delay).max(1.0).powf(-self.forgetting_rate)
    }
}

/// Mean log predictive density of held-out data under a model, in nats per unit.
pub type Heldout<'a, M> = dyn Fn(&M) -> Result<f64, ModelError> + 'a;

/// Fits `model` by natural-gradient steps on the batches of `source`.
///
/// The ELBO reported for a pass is the mean of its batches' unbiased estimates, with its standard
/// error; it lags behind `q` by up to a pass.
///
/// # Errors
/// Wrong settings, unreadable batches, or a numerical failure; the model then holds its last
/// finite state.
pub fn stochastic<M, S>(
    model: &mut M,
    source: &mut S,
    config: &StochasticConfig,
    heldout: Option<&Heldout<'_, M>>,
    observer: &mut Observer<'_>,
) -> Result<Outcome, ModelError>
where
    M: ConjugateModel,
    S: BatchSource<Batch = M::Batch>,
{
    config.check()?;
    let n_total = source.n_total() as f64;
    let mut statistics = model.zero_statistics();
    let mut trace: Vec<Progress> = Vec::new();
    let mut plateau = Plateau::default();
    let mut t = 0;
    for pass in 0..config.max_passes {
        let mut estimates = Estimates::default();
        source.for_each(pass, &mut |batch| {
            let size = M::batch_len(batch) as f64;
            statistics.reset();
            let local_bound = model.local_step(batch, &mut statistics)?;
            let scale = n_total / size;
            statistics.scale(scale);
            let elbo = scale * local_bound + model.global_bound(&statistics);
            if !elbo.is_finite() {
                return Err(ModelError::NonFinite {
                    what: "the ELBO estimate",
                    iteration: t + 1,
                });
            }
            estimates.push(elbo, size);
            let step_size = config.step_size(t);
            model.global_step(&statistics, step_size)?;
            if config.learn_hyperparameters {
                model.update_hyperparameters(&statistics, step_size)?;
            }
            t += 1;
            Ok(ControlFlow::Continue(()))
        })?;
        let heldout = heldout.map(|density| density(model)).transpose()?;
        if heldout.is_some_and(|density| !density.is_finite()) {
            return Err(ModelError::NonFinite {
                what: "the held-out log density",
                iteration: t,
            });
        }
        let progress = Progress {
            iteration: pass + 1,
            max_iters: config.max_passes,
            elbo: estimates.mean(),
            elbo_error: estimates.standard_error(),
            heldout,
        };
        let flat = plateau.reached(progress.heldout.unwrap_or(progress.elbo), config.rel_tol);
        let answer = observer(&progress);
        trace.push(progress);
        let stopped = if flat {
            Stopped::Converged
        } else if answer.is_break() {
            Stopped::Interrupted
        } else {
            continue;
        };
        return Ok(outcome(stopped, trace));
    }
    Ok(outcome(Stopped::MaxIters, trace))
}

fn outcome(stopped: Stopped, trace: Vec<Progress>) -> Outcome {
    let (elbo, elbo_error) = trace
        .last()
        .map_or((f64::NAN, f64::NAN), |p| (p.elbo, p.elbo_error));
    Outcome {
        elbo,
        elbo_error,
        stopped,
        trace,
    }
}

/// Tells when a noisy objective has stopped rising.
#[derive(Default)]
struct Plateau {
    recent: VecDeque<f64>,
    best: Option<f64>,
    small_gains: usize,
}

impl Plateau {
    /// Mean over so many passes, and so many small gains in a row: single passes are noise.
    const WINDOW: usize = 3;

    fn reached(&mut self, objective: f64, rel_tol: f64) -> bool {
        self.recent.push_back(objective);
        if self.recent.len() > Self::WINDOW {
            self.recent.pop_front();
        }
        let smoothed = self.recent.iter().sum::<f64>() / self.recent.len() as f64;
        let small = self
            .best
            .is_some_and(|best| smoothed - best <= rel_tol * smoothed.abs());
        self.small_gains = if small { self.small_gains + 1 } else { 0 };
        self.best = Some(self.best.map_or(smoothed, |best| best.max(smoothed)));
        self.small_gains >= Self::WINDOW
    }
}

/// ELBO estimates of a pass, weighted by batch size.
#[derive(Default)]
struct Estimates {
    weight: f64,
    mean: f64,
    squares: f64,
    count: f64,
}

impl Estimates {
    fn push(&mut self, value: f64, weight: f64) {
        // West's weighted running mean and sum of squares.
        self.count += 1.0;
        self.weight += weight;
        let delta = value - self.mean;
        self.mean += delta * weight / self.weight;
        self.squares += weight * delta * (value - self.mean);
    }

    fn mean(&self) -> f64 {
        self.mean
    }

    /// NaN-free: a pass of one batch has no spread to judge by and is reported as exact.
    fn standard_error(&self) -> f64 {
        if self.count < 2.0 {
            return 0.0;
        }
        (self.squares / self.weight / (self.count - 1.0)).sqrt()
    }
}
