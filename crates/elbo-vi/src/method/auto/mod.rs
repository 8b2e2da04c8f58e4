//! `auto`: from cheap to rich until the verdict is good or the ladder ends.
//!
//! The one idea: each rung starts where the last one ended and is judged by the same verdict; what is
//! returned is the best that was found, with whatever grade it has earned. Deliberately absent: the
//! methods themselves, and any grade that would depend on how far the climb went.

mod adapted;
#[cfg(test)]
mod tests;

use super::probes::probes;
use super::{AnyMethod, Description, Flow, FullRank, LowRank, Pathfinder, Start};
use crate::diagnostic::doubt::Weight;
use crate::diagnostic::verdict::{Circumstances, Grade, Judged, Verdict, VerdictConfig, judge};
use crate::driver::{DriverConfig, Fitted, Observer, Outcome, Stopped};
use crate::{Approximation, Target, ViError};

/// How help and documentation list it.
pub const DESCRIPTION: Description = Description {
    name: "auto",
    summary: "climbs from Pathfinder to richer families until the verdict is good",
    options: &[],
};

/// Up to here a covariance matrix is fitted whole.
const FULL_RANK: usize = 300;

/// Up to here weights can carry a whole covariance matrix.
const ADAPTED: usize = 50;

/// Up to here a flow is worth its training.
const FLOW: usize = 100;

/// No rung takes more than one part in so many of the budget.
const SHARE: u64 = 10;

/// The ladder.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Auto {
    /// How every rung is judged.
    pub verdict: VerdictConfig,
}

/// One method's attempt.
pub struct Rung {
    /// The method.
    pub method: &'static str,
    /// What it found.
    pub approximation: Box<dyn Approximation>,
    /// How its run went.
    pub outcome: Outcome,
    /// The error that ended it early, where one did.
    pub failure: Option<ViError>,
    /// What it was worth.
    pub judged: Judged,
}

impl Rung {
    /// Judges what a run found.
    ///
    /// # Errors
    /// What the density fails with.
    pub(crate) fn new(
        method: &'static str,
        found: Fitted,
        target: &Target<'_>,
        probes: &[Box<dyn Approximation>],
        config: &VerdictConfig,
        seed: u64,
    ) -> Result<Self, ViError> {
        let probes: Vec<&dyn Approximation> = probes.iter().map(|p| &**p).collect();
        let circumstances = Circumstances {
            converged: found.outcome.converged() && found.failure.is_none(),
            probes: &probes,
            halves: None,
        };
        let judged = judge(target, &*found.approximation, circumstances, config, seed)?;
        Ok(Self {
            method,
            approximation: found.approximation,
            outcome: found.outcome,
            failure: found.failure,
            judged,
        })
    }
}

impl Auto {
    /// Climbs; answers every rung in order, and which is best.
    ///
    /// # Errors
    /// The first rung's error if no rung found anything, and what the density fails with.
    pub fn climb(
        &self,
        target: &Target<'_>,
        start: &Start,
        seed: u64,
        config: &DriverConfig,
        observer: &mut Observer<'_>,
    ) -> Result<(Vec<Rung>, usize), ViError> {
        let before = target.gradient_evaluations();
        let quick = VerdictConfig {
            drift_only_if_good: true,
            ..self.verdict
        };
        let mut rungs: Vec<Rung> = Vec::new();
        let mut others: Vec<Box<dyn Approximation>> = Vec::new();
        let mut first_error = None;
        let mut from = start.clone();
        for method in ladder(target.dimension()) {
            let used = target.gradient_evaluations() - before;
            let left = config.max_gradient_evaluations.saturating_sub(used);
            if left == 0 {
                break;
            }
            let share = (config.max_gradient_evaluations / SHARE).max(1);
            let budget = DriverConfig {
                max_gradient_evaluations: left.min(share),
                ..config.clone()
            };
            let found = match method.run(target, &from, seed, &budget, observer) {
                Ok(found) => found,
                Err(error) if fundamental(&error) => return Err(error),
                Err(error) => {
                    first_error.get_or_insert(error);
                    continue;
                }
            };
            let interrupted = found.outcome.stopped == Stopped::Interrupted;
            if others.is_empty() {
                others = probes(target, start, &*found.approximation, seed);
            }
            let rung = Rung::new(method.name(), found, target, &others, &quick, seed)?;
            if let Some(mean) = centre(&rung) {
                from = Start::Point(mean);
            }
            let mut good = rung.judged.verdict.grade == Grade::Good;
            rungs.push(rung);
            if good || interrupted {
                break;
            }
            // What was found may only have to be widened, which costs no gradients.
            if target.dimension() <= ADAPTED {
                let q = &*rungs[rungs.len() - 1].approximation;
                if let Some(found) = adapted::adapted(target, q, seed)? {
                    let rung = Rung::new("adapted", found, target, &others, &quick, seed)?;
                    good = rung.judged.verdict.grade == Grade::Good;
                    rungs.push(rung);
                }
            }
            if good {
                break;
            }
        }
        let best = (0..rungs.len()).min_by(|a, b| {
            let [a, b] = [*a, *b].map(|r| order(&rungs[r].judged.verdict));
            a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
        });
        let Some(best) = best else {
            return Err(first_error.unwrap_or(ViError::Numerical {
                what: "every rung of the ladder",
                advice: "start closer to the mode, or give it a larger budget",
            }));
        };
        // A verdict that was cut short is completed for what is returned.
        if rungs[best].judged.verdict.grade == Grade::Usable {
            let rung = rungs.swap_remove(best);
            let found = Fitted {
                approximation: rung.approximation,
                outcome: rung.outcome,
                failure: rung.failure,
            };
            let rung = Rung::new(rung.method, found, target, &others, &self.verdict, seed)?;
            rungs.push(rung);
            let last = rungs.len() - 1;
            rungs.swap(best, last);
        }
        Ok((rungs, best))
    }

    /// Climbs, and answers the best rung's approximation.
    ///
    /// # Errors
    /// As [`climb`](Self::climb).
    pub fn run(
        &self,
        target: &Target<'_>,
        start: &Start,
        seed: u64,
        config: &DriverConfig,
        observer: &mut Observer<'_>,
    ) -> Result<Fitted, ViError> {
        let (mut rungs, best) = self.climb(target, start, seed, config, observer)?;
        let rung = rungs.swap_remove(best);
        Ok(Fitted {
            approximation: rung.approximation,
            outcome: rung.outcome,
            failure: rung.failure,
        })
    }
}

/// The methods to try for a dimension, from cheap to rich.
fn ladder(dimension: usize) -> Vec<AnyMethod> {
    let paths = Pathfinder {
        n_paths: 8,
        ..Pathfinder::default()
    };
    let mut ladder = vec![AnyMethod::Pathfinder(paths)];
    if dimension <= FULL_RANK {
        ladder.push(AnyMethod::FullRank(FullRank::default()));
    } else {
        ladder.push(AnyMethod::LowRank(LowRank::default()));
    }
    if dimension <= FLOW {
        ladder.push(AnyMethod::Flow(Flow::default()));
    }
    ladder
}

/// Errors that no other rung could do without.
fn fundamental(error: &ViError) -> bool {
    matches!(
        error,
        ViError::ZeroDimension
            | ViError::Setting { .. }
            | ViError::Length { .. }
            | ViError::Start { .. }
            | ViError::Density(_)
            | ViError::Panicked { .. }
    )
}

/// Where the next rung begins: at the weighted mean where the weights can be trusted, else at q's.
fn centre(rung: &Rung) -> Option<Vec<f64>> {
    let verdict = &rung.judged.verdict;
    let trusted = verdict.khat <= verdict.khat_threshold;
    let mean: Vec<f64> = verdict
        .moments
        .iter()
        .map(|m| if trusted { m.mean.mean } else { m.own_mean })
        .collect();
    (!mean.is_empty() && mean.iter().all(|m| m.is_finite())).then_some(mean)
}

/// Smaller is better: the grade, fatal doubts, k̂.
fn order(verdict: &Verdict) -> ((u8, usize), f64) {
    let grade = match verdict.grade {
        Grade::Good => 0,
        Grade::Usable => 1,
        Grade::Bad => 2,
    };
    let fatal = verdict
        .doubts
        .iter()
        .filter(|d| d.weight() == Weight::Fatal)
        .count();
    let khat = if verdict.khat.is_nan() {
        f64::INFINITY
    } else {
        verdict.khat
    };
    ((grade, fatal), khat)
}
