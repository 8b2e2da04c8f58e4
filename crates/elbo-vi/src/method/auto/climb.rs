//! A climb under way: the rungs so far, the budget that is left, and how to add a rung.
//!
//! The one idea: every way of adding a rung does nothing once the climb is over, so that the ladder
//! itself reads as a list. Deliberately absent: the order of the rungs (`auto`).

use super::rung::{Rung, best};
use super::{adapted, annealed, modes};
use crate::diagnostic::verdict::{Grade, VerdictConfig};
use crate::driver::{DriverConfig, Fitted, Observer, Outcome, Stopped};
use crate::family::{FullRank, MeanField};
use crate::method::probes::probes;
use crate::method::{AnyMethod, Flow, Mixture, Start, meanfield, mixture};
use crate::{Approximation, Target, ViError};

/// Up to here weights can carry a whole covariance matrix.
const ADAPTED: usize = 50;

/// Up to here draws are carried.
const ANNEALED: usize = 1000;

/// Up to here every mode gets a covariance matrix of its own.
const MODES: usize = 100;

/// Below this k̂ the weights have a mean, so that some of the draws lie where the mass is.
const FAIR: f64 = 1.0;

/// No method takes more than one part in so many of the budget.
const SHARE: u64 = 10;

/// A full-rank Gaussian is as near as it gets after fewer steps; what it goes on with are averages
/// over its iterates, which no later rung needs.
const GAUSSIAN_SHARE: u64 = 32;

pub(super) struct Climb<'a, 'o> {
    target: &'a Target<'a>,
    start: &'a Start,
    seed: u64,
    config: &'a DriverConfig,
    verdict: VerdictConfig,
    observer: &'a mut Observer<'o>,
    /// Gradients that others had computed before.
    before: u64,
    from: Start,
    others: Vec<Box<dyn Approximation>>,
    rungs: Vec<Rung>,
    first_error: Option<ViError>,
    over: bool,
}

impl<'a, 'o> Climb<'a, 'o> {
    pub(super) fn new(
        target: &'a Target<'a>,
        start: &'a Start,
        seed: u64,
        config: &'a DriverConfig,
        verdict: VerdictConfig,
        observer: &'a mut Observer<'o>,
    ) -> Self {
        Self {
            target,
            start,
            seed,
            config,
            verdict,
            observer,
            before: target.gradient_evaluations(),
            from: start.clone(),
            others: Vec::new(),
            rungs: Vec::new(),
            first_error: None,
            over: false,
        }
    }

    /// Takes a Gaussian that is known already.
    pub(super) fn given(&mut self, q: MeanField) -> Result<(), ViError> {
        let found = Fitted {
            approximation: Box::new(q),
            outcome: Outcome {
                stopped: Stopped::Converged,
                gradient_evaluations: 0,
                trace: Vec::new(),
            },
            failure: None,
            halves: None,
        };
        self.others = probes(self.target, self.start, &*found.approximation, self.seed);
        let (target, quick, name) = (self.target, self.quick(), meanfield::DESCRIPTION.name);
        // What the weights refuse need not be compared with the probes.
        let mut rung = Rung::new(name, found, target, &[], &quick, self.seed)?;
        if rung.lacks_probes_only() {
            let found = rung.into_found();
            rung = Rung::new(name, found, target, &self.others, &quick, self.seed)?;
        }
        self.add(rung);
        Ok(())
    }

    /// Whether something found so far overlaps with the target well enough to start from.
    pub(super) fn is_fair(&self) -> bool {
        best(&self.rungs).is_some_and(|r| self.rungs[r].judged.verdict.khat < FAIR)
    }

    /// Runs a method from where the closest rung ended.
    pub(super) fn run(&mut self, method: &AnyMethod) -> Result<(), ViError> {
        let left = self.left();
        if self.over || left == 0 {
            return Ok(());
        }
        let share = match method {
            AnyMethod::FullRank(_) => GAUSSIAN_SHARE,
            _ => SHARE,
        };
        let share = (self.config.max_gradient_evaluations / share).max(1);
        let budget = DriverConfig {
            max_gradient_evaluations: left.min(share),
            ..self.config.clone()
        };
        let run = method.run(self.target, &self.from, self.seed, &budget, self.observer);
        let found = match run {
            Ok(found) => found,
            Err(error) if fundamental(&error) => return Err(error),
            Err(error) => {
                self.first_error.get_or_insert(error);
                return Ok(());
            }
        };
        if self.others.is_empty() {
            self.others = probes(self.target, self.start, &*found.approximation, self.seed);
        }
        let interrupted = found.outcome.stopped == Stopped::Interrupted;
        let (target, others, quick) = (self.target, &self.others, self.quick());
        let rung = Rung::new(method.name(), found, target, others, &quick, self.seed)?;
        self.add(rung);
        self.over |= interrupted;
        Ok(())
    }

    /// Where the last rung missed mass that the probes knew of: a mixture that begins on the modes of
    /// all of them. Once only, and only where these are several.
    pub(super) fn mix(&mut self) -> Result<(), ViError> {
        let Some(last) = self.rungs.last().filter(|r| r.missed()) else {
            return Ok(());
        };
        if self.over || self.is_mixed() || self.target.dimension() > MODES {
            return Ok(());
        }
        let mut found: Vec<&dyn Approximation> = vec![&*last.approximation];
        found.extend(self.others.iter().map(|p| &**p));
        let known = modes::modes(self.target, &found, self.seed)?;
        if known.len() < 2 {
            return Ok(());
        }
        self.run(&AnyMethod::Mixture(Mixture {
            known,
            ..Mixture::default()
        }))
    }

    /// A mixture grown from one Gaussian, unless one was tried.
    pub(super) fn mix_anyway(&mut self) -> Result<(), ViError> {
        if self.is_mixed() {
            return Ok(());
        }
        self.run(&AnyMethod::Mixture(Mixture::default()))
    }

    fn is_mixed(&self) -> bool {
        let name = mixture::DESCRIPTION.name;
        self.rungs.iter().any(|r| r.method == name)
    }

    /// Trains a flow from the Gaussian with the best rung's moments, weighted where that can be trusted:
    /// they hold modes that no single Gaussian method finds.
    pub(super) fn bend(&mut self) -> Result<(), ViError> {
        let best = best(&self.rungs).map(|best| &self.rungs[best]);
        let moments = best.and_then(|rung| annealed::moments(&rung.judged.weighted));
        let frame = moments.and_then(|(mean, factor)| FullRank::from_cholesky(mean, factor).ok());
        self.run(&AnyMethod::Flow(Flow {
            frame,
            ..Flow::default()
        }))
    }

    /// Widens what was found last, which costs no gradients.
    pub(super) fn adapt(&mut self) -> Result<(), ViError> {
        let Some(last) = self.rungs.last() else {
            return Ok(());
        };
        if self.over || self.target.dimension() > ADAPTED {
            return Ok(());
        }
        if let Some(found) =
            adapted::adapted(self.target, &last.judged.weighted, self.seed, self.observer)?
        {
            let interrupted = found.outcome.stopped == Stopped::Interrupted;
            let (target, others, quick) = (self.target, &self.others, self.quick());
            self.add(Rung::new(
                adapted::NAME,
                found,
                target,
                others,
                &quick,
                self.seed,
            )?);
            self.over |= interrupted;
        }
        Ok(())
    }

    /// Carries draws of a Gaussian to the target, with the moments of the closest rung.
    pub(super) fn anneal(&mut self) -> Result<(), ViError> {
        let Some(closest) = closest(&self.rungs) else {
            return Ok(());
        };
        if self.over || self.target.dimension() > ANNEALED {
            return Ok(());
        }
        let known = &closest.judged.weighted;
        let left = self.left();
        if let Some(found) = annealed::annealed(self.target, known, left, self.seed, self.observer)?
        {
            let interrupted = found.0.outcome.stopped == Stopped::Interrupted;
            let (target, others, seed) = (self.target, &self.others, self.seed);
            let config = &self.verdict;
            self.add(Rung::carried(
                annealed::NAME,
                found,
                target,
                others,
                config,
                seed,
            )?);
            self.over |= interrupted;
        }
        Ok(())
    }

    /// The rungs in order, and the best.
    pub(super) fn end(mut self) -> Result<(Vec<Rung>, usize), ViError> {
        let Some(mut found) = best(&self.rungs) else {
            return Err(self.first_error.unwrap_or(ViError::Numerical {
                what: "every rung of the ladder",
                advice: "start closer to the mode, or give it a larger budget",
            }));
        };
        // A verdict that was cut short is completed for what is returned, which may not be the best then.
        let mut complete: Vec<bool> = (self.rungs.iter())
            .map(|r| r.grade() == Grade::Good || r.method == annealed::NAME)
            .collect();
        while !complete[found] {
            complete[found] = true;
            let rung = self.rungs.remove(found);
            let (method, fitted) = (rung.method, rung.into_found());
            let (target, others, config) = (self.target, &self.others, &self.verdict);
            let rung = Rung::new(method, fitted, target, others, config, self.seed)?;
            self.rungs.insert(found, rung);
            found = best(&self.rungs).unwrap_or(found);
        }
        Ok((self.rungs, found))
    }

    fn add(&mut self, rung: Rung) {
        self.over |= rung.grade() == Grade::Good;
        self.rungs.push(rung);
        if let Some(mean) = closest(&self.rungs).and_then(Rung::centre) {
            self.from = Start::Point(mean);
        }
    }

    /// The verdict's settings while better rungs may come.
    fn quick(&self) -> VerdictConfig {
        VerdictConfig {
            drift_only_if_good: true,
            ..self.verdict
        }
    }

    /// Gradients that may still be computed.
    fn left(&self) -> u64 {
        let used = self.target.gradient_evaluations() - self.before;
        self.config.max_gradient_evaluations.saturating_sub(used)
    }
}

/// The rung with the largest bound: k̂ does not rank what is far off.
fn closest(rungs: &[Rung]) -> Option<&Rung> {
    let bound = |rung: &Rung| rung.judged.verdict.bound().value;
    (rungs.iter())
        .filter(|rung| bound(rung).is_finite())
        .max_by(|a, b| bound(a).total_cmp(&bound(b)))
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
