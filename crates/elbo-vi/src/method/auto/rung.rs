//! One attempt of the ladder: what was found, and what it is worth.

use crate::diagnostic::doubt::{Doubt, Weight};
use crate::diagnostic::importance::WeightedDraws;
use crate::diagnostic::verdict::{
    Circumstances, Drawn, Grade, Judged, Verdict, VerdictConfig, judge, judge_draws,
};
use crate::diagnostic::weighed::Weighed;
use crate::driver::{Fitted, Outcome};
use crate::{Approximation, Halves, Target, ViError};

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
    /// What two parts of its run say, where that is known.
    pub halves: Option<Halves>,
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
        Self::judged(method, found, probes, |q, circumstances| {
            judge(target, q, circumstances, config, seed)
        })
    }

    /// Judges draws of what a run found that were carried further.
    ///
    /// # Errors
    /// What the density fails with.
    pub(super) fn carried(
        method: &'static str,
        (found, carried): (Fitted, WeightedDraws),
        target: &Target<'_>,
        probes: &[Box<dyn Approximation>],
        config: &VerdictConfig,
        seed: u64,
    ) -> Result<Self, ViError> {
        Self::judged(method, found, probes, |q, circumstances| {
            let own = WeightedDraws::new(target, q, carried.n_independent(), seed)?;
            let drawn = Drawn {
                own,
                weighed: Weighed::of(target, &carried),
                carried: Some(carried),
            };
            judge_draws(target, q, drawn, circumstances, config, seed)
        })
    }

    fn judged(
        method: &'static str,
        found: Fitted,
        probes: &[Box<dyn Approximation>],
        judge: impl FnOnce(&dyn Approximation, Circumstances<'_>) -> Result<Judged, ViError>,
    ) -> Result<Self, ViError> {
        let probes: Vec<&dyn Approximation> = probes.iter().map(|p| &**p).collect();
        let circumstances = Circumstances {
            converged: found.outcome.converged() && found.failure.is_none(),
            probes: &probes,
            halves: found.halves.as_ref().map(|[a, b]| [&**a, &**b]),
        };
        let judged = judge(&*found.approximation, circumstances)?;
        Ok(Self {
            method,
            approximation: found.approximation,
            outcome: found.outcome,
            failure: found.failure,
            halves: found.halves,
            judged,
        })
    }

    /// What was found, without its verdict.
    pub(super) fn into_found(self) -> Fitted {
        Fitted {
            approximation: self.approximation,
            outcome: self.outcome,
            failure: self.failure,
            halves: self.halves,
        }
    }

    /// Whether the probes knew of mass that was not there.
    pub(super) fn missed(&self) -> bool {
        let doubts = &self.judged.verdict.doubts;
        doubts.iter().any(|d| matches!(d, Doubt::Missed { .. }))
    }

    /// Whether nothing speaks against it but that no probes were asked.
    pub(super) fn lacks_probes_only(&self) -> bool {
        let doubts = &self.judged.verdict.doubts;
        doubts
            .iter()
            .all(|d| d.weight() == Weight::Note || *d == Doubt::NoProbes)
    }

    pub(super) fn grade(&self) -> Grade {
        self.judged.verdict.grade
    }

    /// Where the next rung begins: at the weighted mean where the weights can be trusted, else at q's.
    pub(super) fn centre(&self) -> Option<Vec<f64>> {
        let verdict = &self.judged.verdict;
        let trusted = verdict.khat <= verdict.khat_threshold;
        let mean: Vec<f64> = verdict
            .moments
            .iter()
            .map(|m| if trusted { m.mean.mean } else { m.own_mean })
            .collect();
        (!mean.is_empty() && mean.iter().all(|m| m.is_finite())).then_some(mean)
    }
}

/// The rung with the best verdict.
pub(super) fn best(rungs: &[Rung]) -> Option<usize> {
    (0..rungs.len()).min_by(|a, b| {
        let [a, b] = [*a, *b].map(|r| order(&rungs[r].judged.verdict));
        a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
    })
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
