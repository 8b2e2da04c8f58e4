//! One path: an ascent, and the best Gaussian met on the way.

use elbo_math::linalg::dot;

use super::Pathfinder;
use super::gaussian::HistoryGaussian;
use crate::optimizer::lbfgs::{Lbfgs, LbfgsState, Pair, Progress};
use crate::{Draws, Target, ViError};

/// A Gaussian of the path with what its draws say of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Candidate {
    pub(super) gaussian: HistoryGaussian,
    pub(super) elbo: f64,
    pub(super) elbo_error: f64,
    /// The iterate that it belongs to.
    pub(super) iterate: usize,
}

/// Where a path is.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::method) struct Path {
    ascent: LbfgsState,
    variances: Vec<f64>, // α: the diagonal that the pairs update
    /// The same noise for every iterate, so that comparing them is not a comparison of luck.
    noise: Draws,
    iterates: usize,
    /// The log density where a Gaussian was last looked at.
    considered: f64,
    pub(super) best: Option<Candidate>,
    pub(in crate::method) ended: Option<Progress>,
}

impl Path {
    pub(in crate::method) fn new(
        target: &Target<'_>,
        start: Vec<f64>,
        noise: Draws,
    ) -> Result<Self, ViError> {
        Ok(Self {
            variances: vec![1.0; start.len()],
            ascent: LbfgsState::new(target, start)?,
            noise,
            iterates: 0,
            considered: f64::NEG_INFINITY,
            best: None,
            ended: None,
        })
    }

    /// One step of the ascent and the ELBO of the Gaussian there.
    pub(super) fn step(
        &mut self,
        target: &Target<'_>,
        settings: &Pathfinder,
    ) -> Result<(), ViError> {
        self.step_considering(target, settings, 0.0)
    }

    /// As [`step`](Self::step), without the Gaussians of iterates that lie less than `rise` nats above
    /// the last one looked at; that of the end is always looked at.
    pub(in crate::method) fn step_considering(
        &mut self,
        target: &Target<'_>,
        settings: &Pathfinder,
        rise: f64,
    ) -> Result<(), ViError> {
        let lbfgs = Lbfgs {
            history: settings.history,
            tolerance: settings.tolerance,
        };
        let learned = self.ascent.n_learned();
        let progress = lbfgs.step(target, &mut self.ascent)?;
        self.iterates += 1;
        if self.ascent.n_learned() > learned
            && let Some(pair) = self.ascent.pairs().back()
        {
            update_variances(&mut self.variances, pair);
        }
        let has_ended = progress != Progress::Moved || self.iterates >= settings.max_iterates;
        // Before the first pair there is no curvature to model.
        if matches!(progress, Progress::Moved | Progress::Unbounded { .. })
            && !self.ascent.pairs().is_empty()
            && (self.ascent.value() >= self.considered + rise)
        {
            self.considered = self.ascent.value();
            self.consider(target)?;
        }
        if has_ended {
            self.ended = Some(progress);
            // The start may have been the mode already, or the end not have been looked at.
            if self.best.is_none() || self.considered < self.ascent.value() {
                self.consider(target)?;
            }
        }
        Ok(())
    }

    /// Keeps the Gaussian of the current iterate if its ELBO is the best so far.
    fn consider(&mut self, target: &Target<'_>) -> Result<(), ViError> {
        let Some(gaussian) = HistoryGaussian::from_history(
            self.ascent.position(),
            self.ascent.gradient(),
            &self.variances,
            self.ascent.pairs(),
        ) else {
            return Ok(());
        };
        let (draws, log_q) = gaussian.transform(&self.noise);
        let log_p = target.log_densities(&draws)?;
        let n = log_p.len() as f64;
        let elbo = log_p.iter().zip(&log_q).map(|(p, q)| p - q).sum::<f64>() / n;
        if !elbo.is_finite() || self.best.as_ref().is_some_and(|b| b.elbo >= elbo) {
            return Ok(());
        }
        let squares: f64 = log_p
            .iter()
            .zip(&log_q)
            .map(|(p, q)| (p - q - elbo).powi(2))
            .sum();
        self.best = Some(Candidate {
            gaussian,
            elbo,
            elbo_error: (squares / (n - 1.0) / n).sqrt(),
            iterate: self.iterates,
        });
        Ok(())
    }

    /// The ascent itself.
    pub(in crate::method) fn ascent(&self) -> &LbfgsState {
        &self.ascent
    }

    /// The best Gaussian so far.
    pub(in crate::method) fn best_gaussian(&self) -> Option<&HistoryGaussian> {
        self.best.as_ref().map(|best| &best.gaussian)
    }

    /// Whether the ascent ran away and the best Gaussian is where it was last seen.
    pub(in crate::method) fn runs_away(&self) -> Option<(f64, usize)> {
        match (self.ended, &self.best) {
            (Some(Progress::Unbounded { coordinate }), Some(best))
                if best.iterate == self.iterates =>
            {
                Some((best.elbo, coordinate))
            }
            (Some(Progress::Unbounded { coordinate }), None) => {
                Some((self.ascent.value(), coordinate))
            }
            _ => None,
        }
    }
}

/// The diagonal that satisfies the new pair in the mean `[@zhang2022pathfinder, alg. 4]`, after
/// `[@gilbert1989variablestorage, eq. 4.9]`.
fn update_variances(variances: &mut [f64], pair: &Pair) {
    let weighted = |weight: &dyn Fn(f64) -> f64, v: &[f64]| -> f64 {
        let products: Vec<f64> = v
            .iter()
            .zip(&*variances)
            .map(|(v, a)| v * weight(*a))
            .collect();
        dot(&products, v)
    };
    let a = weighted(&|alpha| alpha, &pair.change);
    let c = weighted(&f64::recip, &pair.step);
    let updated: Vec<f64> = variances
        .iter()
        .zip(pair.step.iter().zip(&pair.change))
        .map(|(alpha, (s, y))| pair.curvature / (a / alpha + y * y - a / c * (s / alpha).powi(2)))
        .collect();
    // The bracket is positive by Cauchy and Schwarz; where rounding says otherwise nothing is learned.
    if updated.iter().all(|v| v.is_normal() && *v > 0.0) {
        variances.copy_from_slice(&updated);
    }
}
