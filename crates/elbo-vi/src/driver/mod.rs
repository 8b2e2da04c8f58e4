//! The one loop that runs any [`Method`]: budget, stopping, progress, interruption, rejected steps.
//!
//! The one idea: a step either moves the state on, or leaves it as it was and says so; so the last
//! good state is always the one at hand, and whatever ends a fit (convergence, an exhausted budget,
//! Ctrl-C, a density that fails) returns it. Budgets are in gradient evaluations, which makes a run
//! reproducible. Deliberately absent: clocks, files (a caller saves the state it gets back), verdicts.

use std::fmt;
use std::ops::ControlFlow;

use crate::method::{Info, Method, Start};
use crate::{Approximation, Halves, Target, ViError};

/// When a run ends at the latest.
#[derive(Debug, Clone, PartialEq)]
pub struct DriverConfig {
    /// The most steps.
    pub max_iters: usize,
    /// The most gradient evaluations; the step that passes it is the last.
    pub max_gradient_evaluations: u64,
    /// The most steps in a row that may be rejected.
    pub max_rejections: usize,
}

impl Default for DriverConfig {
    fn default() -> Self {
        Self {
            max_iters: 10_000,
            max_gradient_evaluations: 1_000_000,
            max_rejections: 20,
        }
    }
}

impl DriverConfig {
    fn check(&self) -> Result<(), ViError> {
        let unusable = |name| {
            Err(ViError::Setting {
                name,
                value: "0".into(),
                requirement: "at least 1",
            })
        };
        if self.max_iters == 0 {
            return unusable("max_iters");
        }
        if self.max_gradient_evaluations == 0 {
            return unusable("max_gradient_evaluations");
        }
        Ok(())
    }
}

/// A standard deviation beyond this has run away: a posterior is never
/// that wide on unconstrained space, and one without a limit passes it within a hundred steps.
const RUNAWAY: f64 = 1e10;

/// What an observer is told after every step.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// Steps done, from 1.
    pub iteration: usize,
    /// The most that there will be.
    pub max_iters: usize,
    /// Gradient evaluations of this run so far.
    pub gradient_evaluations: u64,
    /// The current estimate of the ELBO in nats, where the step made one.
    pub elbo: Option<f64>,
    /// Its standard error; 0 when exact.
    pub elbo_error: f64,
    /// Whether the step was rejected.
    pub rejected: bool,
}

/// Receives [`Progress`]; answers [`ControlFlow::Break`] to stop the fit after this step.
pub type Observer<'a> = dyn FnMut(&Progress) -> ControlFlow<()> + 'a;

/// An observer that listens to nothing.
pub fn silent(_: &Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// The method's stopping rule was met.
    Converged,
    /// The steps ran out first.
    MaxIters,
    /// The gradient evaluations ran out first.
    Budget,
    /// The observer asked to stop.
    Interrupted,
    /// An error ended it; the state is the last good one.
    Failed,
}

/// How a run went.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Why it ended.
    pub stopped: Stopped,
    /// Gradient evaluations of this run.
    pub gradient_evaluations: u64,
    /// One entry per step.
    pub trace: Vec<Progress>,
}

impl Outcome {
    /// Whether the method's stopping rule was met.
    pub fn converged(&self) -> bool {
        self.stopped == Stopped::Converged
    }

    /// The number of steps done.
    pub fn iterations(&self) -> usize {
        self.trace.len()
    }

    /// The last estimate of the ELBO that a step made, and its standard error.
    pub fn elbo(&self) -> Option<(f64, f64)> {
        let last = self.trace.iter().rev().find(|p| p.elbo.is_some())?;
        last.elbo.map(|elbo| (elbo, last.elbo_error))
    }
}

/// A state and how it was reached; [`resume`] goes on from the state.
#[derive(Debug, Clone, PartialEq)]
pub struct Run<S> {
    /// What the next step would need.
    pub state: S,
    /// How it was reached.
    pub outcome: Outcome,
}

/// A run that an error ended.
pub struct Halted<S> {
    /// The error.
    pub error: ViError,
    /// The last good state, unless there never was one.
    pub last: Option<Box<Run<S>>>,
}

impl<S> fmt::Debug for Halted<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Halted")
            .field("error", &self.error)
            .field("last", &self.last.as_ref().map(|run| &run.outcome))
            .finish()
    }
}

impl<S> fmt::Display for Halted<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl<S> std::error::Error for Halted<S> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

impl<S> From<Halted<S>> for ViError {
    fn from(halted: Halted<S>) -> Self {
        halted.error
    }
}

/// An approximation and how it was found.
pub struct Fitted {
    /// The approximation, of the last good state.
    pub approximation: Box<dyn Approximation>,
    /// How it was found.
    pub outcome: Outcome,
    /// The error that ended the run early, where one did.
    pub failure: Option<ViError>,
    /// What two parts of the run say, where the method knows it.
    pub halves: Option<Halves>,
}

/// Runs a method from a start.
///
/// # Errors
/// Wrong settings or start, what the method cannot step around, [`ViError::NotFinite`] when steps
/// keep being rejected, [`ViError::Improper`] when a scale runs away.
pub fn run<M: Method>(
    method: &M,
    target: &Target<'_>,
    start: &Start,
    seed: u64,
    config: &DriverConfig,
    observer: &mut Observer<'_>,
) -> Result<Run<M::State>, Halted<M::State>> {
    let evaluations = target.gradient_evaluations();
    let state = config
        .check()
        .and_then(|()| method.init(target, start, seed))
        .map_err(|error| Halted { error, last: None })?;
    go_on(method, target, state, evaluations, config, observer)
}

/// Goes on from a state, with a budget of its own: the states that follow are those of a run that was
/// never interrupted, bit by bit.
///
/// # Errors
/// As [`run`].
pub fn resume<M: Method>(
    method: &M,
    target: &Target<'_>,
    state: M::State,
    config: &DriverConfig,
    observer: &mut Observer<'_>,
) -> Result<Run<M::State>, Halted<M::State>> {
    if let Err(error) = config.check() {
        return Err(Halted { error, last: None });
    }
    let evaluations = target.gradient_evaluations();
    go_on(method, target, state, evaluations, config, observer)
}

/// Runs a method and finishes it, from the last good state if an error ended the run.
///
/// # Errors
/// As [`run`], where no approximation can be given; otherwise the error is in [`Fitted::failure`].
pub fn fit<M: Method>(
    method: &M,
    target: &Target<'_>,
    start: &Start,
    seed: u64,
    config: &DriverConfig,
    observer: &mut Observer<'_>,
) -> Result<Fitted, ViError> {
    let (run, failure) = match run(method, target, start, seed, config, observer) {
        Ok(run) => (run, None),
        Err(halted) => match halted.last {
            Some(last) => (*last, Some(halted.error)),
            None => return Err(halted.error),
        },
    };
    let halves = method.halves(&run.state);
    match method.finish(target, run.state) {
        Ok(approximation) => Ok(Fitted {
            approximation,
            outcome: run.outcome,
            failure,
            halves,
        }),
        // The first error is the one to know.
        Err(error) => Err(failure.unwrap_or(error)),
    }
}

fn go_on<M: Method>(
    method: &M,
    target: &Target<'_>,
    mut state: M::State,
    evaluations_before: u64,
    config: &DriverConfig,
    observer: &mut Observer<'_>,
) -> Result<Run<M::State>, Halted<M::State>> {
    let mut trace = Vec::new();
    let mut rejected_in_a_row = 0;
    for iteration in 1.. {
        let used = |target: &Target<'_>| target.gradient_evaluations() - evaluations_before;
        let halted = |error, state, trace| {
            let outcome = Outcome {
                stopped: Stopped::Failed,
                gradient_evaluations: used(target),
                trace,
            };
            Err(Halted {
                error,
                last: Some(Box::new(Run { state, outcome })),
            })
        };
        let info = match method.step(target, &mut state) {
            Ok(info) => info,
            Err(error) => return halted(error, state, trace),
        };
        rejected_in_a_row = if info.rejected {
            rejected_in_a_row + 1
        } else {
            0
        };
        let progress = Progress {
            iteration,
            max_iters: config.max_iters,
            gradient_evaluations: used(target),
            // An estimate that is not finite is none.
            elbo: info.elbo.filter(|e| e.is_finite()),
            elbo_error: info.elbo_error,
            rejected: info.rejected,
        };
        let answer = observer(&progress);
        trace.push(progress);
        if rejected_in_a_row > config.max_rejections {
            return halted(nowhere_finite(target), state, trace);
        }
        if let Some(error) = runaway(&info, &trace) {
            return halted(error, state, trace);
        }
        let stopped = if info.converged {
            Stopped::Converged
        } else if answer.is_break() {
            Stopped::Interrupted
        } else if used(target) >= config.max_gradient_evaluations {
            Stopped::Budget
        } else if iteration >= config.max_iters {
            Stopped::MaxIters
        } else {
            continue;
        };
        let outcome = Outcome {
            stopped,
            gradient_evaluations: used(target),
            trace,
        };
        return Ok(Run { state, outcome });
    }
    unreachable!("the loop returns at max_iters")
}

/// The error for steps that found no usable points.
fn nowhere_finite(target: &Target<'_>) -> ViError {
    target.rejections().unwrap_or(ViError::Numerical {
        what: "finding points inside the support",
        advice: "start where the density is positive in a neighbourhood",
    })
}

fn runaway(info: &Info, trace: &[Progress]) -> Option<ViError> {
    let (coordinate, scale) = info.widest?;
    // A comparison that catches a NaN too.
    if scale < RUNAWAY {
        return None;
    }
    let elbo = trace.iter().rev().find_map(|p| p.elbo);
    Some(ViError::Improper {
        elbo: elbo.unwrap_or(f64::INFINITY),
        coordinate,
    })
}

#[cfg(test)]
mod tests;
