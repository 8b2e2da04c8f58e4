//! Coordinate ascent: all data, then one global step with ρ = 1, until the ELBO stands still.

use std::ops::ControlFlow;

use super::{BatchSource, Observer, Outcome, Progress, Stopped};
use crate::{ConjugateModel, ModelError, Statistics};

/// When coordinate ascent stops.
#[derive(Debug, Clone, PartialEq)]
pub struct CoordinateAscentConfig {
    /// The most passes over the data.
    pub max_iters: usize,
    /// Stop when the ELBO rises by less than `rel_tol · |ELBO|`, twice in a row: a single small
    /// step may be a plateau that the next one leaves.
    pub rel_tol: f64,
    /// Whether hyperparameters are learnt (VB-EM) besides `q`.
    pub learn_hyperparameters: bool,
}

impl Default for CoordinateAscentConfig {
    fn default() -> Self {
        Self {
            max_iters: 1000,
            rel_tol: 1e-8,
            learn_hyperparameters: true,
        }
    }
}

impl CoordinateAscentConfig {
    fn check(&self) -> Result<(), ModelError> {
        if self.max_iters == 0 {
            return Err(ModelError::setting("max_iters", 0, "give at least 1"));
        }
        if !(self.rel_tol >= 0.0) {
            return Err(ModelError::setting(
                "rel_tol",
                self.rel_tol,
                "give 0 or a small positive number",
            ));
        }
        Ok(())
    }
}

/// Fits `model` to everything that `source` holds.
///
/// Every iteration computes the ELBO *before* its global step, so the reported value is exactly
/// that of the `q` which is returned: on convergence, interruption and at the last iteration the
/// global step is left out.
///
/// # Errors
/// Wrong settings, unreadable batches, or a numerical failure; the model then holds its last
/// finite state.
pub fn coordinate_ascent<M, S>(
    model: &mut M,
    source: &mut S,
    config: &CoordinateAscentConfig,
    observer: &mut Observer<'_>,
) -> Result<Outcome, ModelError>
where
    M: ConjugateModel,
    S: BatchSource<Batch = M::Batch>,
{
    config.check()?;
    let mut statistics = model.zero_statistics();
    let mut local_bound = 0.0;
    let mut trace: Vec<Progress> = Vec::new();
    let mut small_steps = 0;
    for iteration in 1.. {
        if iteration == 1 || model.statistics_depend_on_posterior() {
            local_bound = local_pass(model, source, iteration - 1, &mut statistics)?;
        }
        let elbo = local_bound + model.global_bound(&statistics);
        if !elbo.is_finite() {
            return Err(ModelError::NonFinite {
                what: "the ELBO",
                iteration,
            });
        }
        let rise = trace.last().map_or(f64::INFINITY, |p| elbo - p.elbo);
        small_steps = if rise <= config.rel_tol * elbo.abs() {
            small_steps + 1
        } else {
            0
        };
        let progress = Progress {
            iteration,
            max_iters: config.max_iters,
            elbo,
            elbo_error: 0.0,
            heldout: None,
        };
        let answer = observer(&progress);
        trace.push(progress);
        let stopped = if small_steps >= 2 {
            Some(Stopped::Converged)
        } else if answer.is_break() {
            Some(Stopped::Interrupted)
        } else if iteration == config.max_iters {
            Some(Stopped::MaxIters)
        } else {
            None
        };
        if let Some(stopped) = stopped {
            return Ok(Outcome {
                elbo,
                elbo_error: 0.0,
                stopped,
                trace,
            });
        }
        model.global_step(&statistics, 1.0)?;
        if config.learn_hyperparameters {
            model.update_hyperparameters(&statistics, 1.0)?;
        }
    }
    unreachable!("the loop returns at max_iters")
}

/// One local step over all batches; returns the sum of their bounds.
fn local_pass<M, S>(
    model: &M,
    source: &mut S,
    pass: usize,
    statistics: &mut M::Statistics,
) -> Result<f64, ModelError>
where
    M: ConjugateModel,
    S: BatchSource<Batch = M::Batch>,
{
    statistics.reset();
    let mut bound = 0.0;
    source.for_each(pass, &mut |batch| {
        bound += model.local_step(batch, statistics)?;
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(bound)
}
