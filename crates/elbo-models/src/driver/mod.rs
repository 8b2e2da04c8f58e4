//! The loops that fit any [`ConjugateModel`](crate::ConjugateModel).
//!
//! [`batch::coordinate_ascent`] reads all data once per iteration: from memory (a source of one
//! batch) or from a stream (a source of many; memory is then bounded by one batch and the
//! globals). [`stochastic::stochastic`] updates after every batch. Both see data only through a
//! [`BatchSource`], stop by the same kind of rule and report to the same observer.

pub mod batch;
pub mod restarts;
pub mod source;
pub mod stochastic;

use std::ops::ControlFlow;

pub use batch::{CoordinateAscentConfig, coordinate_ascent};
pub use restarts::best_of;
pub use source::{BatchSource, Gather, Shuffled, Visit, Whole};
pub use stochastic::{Heldout, StochasticConfig, stochastic};

/// What an observer is told after every iteration.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// Iterations done (passes for coordinate ascent, batches for stochastic VI), from 1.
    pub iteration: usize,
    /// The most that there will be.
    pub max_iters: usize,
    /// The ELBO in nats: exact for coordinate ascent, smoothed over a pass for stochastic VI.
    pub elbo: f64,
    /// Its standard error; 0 when exact.
    pub elbo_error: f64,
    /// Mean held-out log predictive density, where there are held-out data.
    pub heldout: Option<f64>,
}

/// Receives [`Progress`]; answers [`ControlFlow::Break`] to stop the fit after this iteration.
pub type Observer<'a> = dyn FnMut(&Progress) -> ControlFlow<()> + 'a;

/// An observer that listens to nothing.
pub fn silent(_: &Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Why a fit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// The stopping rule was met.
    Converged,
    /// The iterations ran out first.
    MaxIters,
    /// The observer asked to stop.
    Interrupted,
}

/// How a fit went; the fitted `q` is in the model.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The final ELBO in nats, with all constants.
    pub elbo: f64,
    /// Its standard error; 0 when exact.
    pub elbo_error: f64,
    /// Why the fit ended.
    pub stopped: Stopped,
    /// One entry per iteration.
    pub trace: Vec<Progress>,
}

impl Outcome {
    /// Whether the stopping rule was met.
    pub fn converged(&self) -> bool {
        self.stopped == Stopped::Converged
    }

    /// The number of iterations done.
    pub fn iterations(&self) -> usize {
        self.trace.len()
    }

    /// The largest fall of the ELBO between two iterations, relative to its size; 0 if it never
    /// fell. Coordinate ascent keeps this at rounding level.
    pub fn largest_relative_decrease(&self) -> f64 {
        self.trace
            .windows(2)
            .map(|w| (w[0].elbo - w[1].elbo) / w[0].elbo.abs().max(1.0))
            .fold(0.0, f64::max)
    }
}

#[cfg(test)]
mod tests;
