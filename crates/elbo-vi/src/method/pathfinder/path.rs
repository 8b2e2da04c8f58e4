//! One path: an ascent, and the best Gaussian met on the way.
//!
//! The one idea: a Gaussian costs nothing until it is judged, and few draws tell the bad ones from the
//! good. A block of draws judges several iterates, a few draws each; only the best of them get all
//! draws, when the path has ended. Deliberately absent: evaluating the ascent's own points, which a path
//! asks for, so that several paths are evaluated together.

use elbo_math::linalg::dot;

use super::Pathfinder;
use super::gaussian::HistoryGaussian;
use crate::optimizer::lbfgs::{Lbfgs, LbfgsState, Next, Pair, Progress};
use crate::{Draws, Target, ViError};

/// Draws that are evaluated together.
const BLOCK: usize = 16;

/// A Gaussian of the path with what its draws say of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Candidate {
    pub(super) gaussian: HistoryGaussian,
    pub(super) elbo: f64,
    pub(super) elbo_error: f64,
    /// The iterate that it belongs to.
    pub(super) iterate: usize,
}

/// How a path's Gaussians are judged.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::method) struct Judging {
    /// The same for every iterate, so that comparing them is not a comparison of luck.
    pub(in crate::method) noise: Draws,
    /// The first draws of it that every iterate gets.
    pub(in crate::method) n_first: usize,
    /// The best iterates by these, which get all.
    pub(in crate::method) n_kept: usize,
    /// Iterates that lie less than this many nats above the last one judged are left out; that of the
    /// end never is.
    pub(in crate::method) rise: f64,
}

/// Where a path is.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::method) struct Path {
    ascent: LbfgsState,
    variances: Vec<f64>, // α: the diagonal that the pairs update
    judging: Judging,
    iterates: usize,
    /// The log density where a Gaussian was last taken to be judged.
    considered: f64,
    /// Gaussians that no draw has judged yet, with their iterates.
    waiting: Vec<(HistoryGaussian, usize)>,
    /// The best so far, best first.
    kept: Vec<Candidate>,
    /// Coordinates that some gradient depends on.
    pub(super) touched: Vec<bool>,
    pub(in crate::method) ended: Option<Progress>,
}

impl Path {
    /// From a start with its log density and gradient.
    pub(in crate::method) fn new(
        (start, value, gradient): (Vec<f64>, f64, Vec<f64>),
        judging: Judging,
    ) -> Self {
        Self {
            variances: vec![1.0; start.len()],
            touched: gradient.iter().map(|g| *g != 0.0).collect(),
            ascent: LbfgsState::at(start, value, gradient),
            judging,
            iterates: 0,
            considered: f64::NEG_INFINITY,
            waiting: Vec::new(),
            kept: Vec::new(),
            ended: None,
        }
    }

    /// The point at which the path needs the log density; `None` once it has ended.
    pub(super) fn ask(&mut self, settings: &Pathfinder) -> Option<Vec<f64>> {
        let lbfgs = Lbfgs {
            history: settings.history,
            tolerance: settings.tolerance,
        };
        while self.ended.is_none() {
            let learned = self.ascent.n_learned();
            match lbfgs.next(&mut self.ascent) {
                Next::Evaluate(point) => return Some(point),
                Next::Done(progress) => {
                    if self.ascent.n_learned() > learned
                        && let Some(pair) = self.ascent.pairs().back()
                    {
                        update_variances(&mut self.variances, pair);
                    }
                    self.arrived(progress, settings);
                }
            }
        }
        None
    }

    /// The log density and gradient there.
    pub(super) fn tell(&mut self, value: f64, gradient: Vec<f64>) {
        for (touched, g) in self.touched.iter_mut().zip(&gradient) {
            *touched |= *g != 0.0;
        }
        self.ascent.tell(value, gradient);
    }

    fn arrived(&mut self, progress: Progress, settings: &Pathfinder) {
        self.iterates += 1;
        // Before the first pair there is no curvature to model.
        if matches!(progress, Progress::Moved | Progress::Unbounded { .. })
            && !self.ascent.pairs().is_empty()
            && self.ascent.value() >= self.considered + self.judging.rise
        {
            self.consider();
        }
        if progress != Progress::Moved || self.iterates >= settings.max_iterates {
            self.ended = Some(progress);
            // The start may have been the mode already, or the end not have been looked at.
            if self.considered < self.ascent.value() {
                self.consider();
            }
        }
    }

    /// Takes the Gaussian of the current iterate to be judged.
    fn consider(&mut self) {
        self.considered = self.ascent.value();
        let gaussian = HistoryGaussian::from_history(
            self.ascent.position(),
            self.ascent.gradient(),
            &self.variances,
            self.ascent.pairs(),
        );
        self.waiting
            .extend(gaussian.map(|gaussian| (gaussian, self.iterates)));
    }

    /// Judges what waits, where that fills a block or the path has ended; then the best get all draws.
    pub(super) fn judge(&mut self, target: &Target<'_>) -> Result<(), ViError> {
        let Judging {
            noise,
            n_first,
            n_kept,
            ..
        } = &self.judging;
        let has_ended = self.ended.is_some();
        if self.waiting.is_empty() || (!has_ended && self.waiting.len() * n_first < BLOCK) {
            return Ok(());
        }
        let first = noise.slice(0..*n_first);
        let gaussians: Vec<&HistoryGaussian> = self.waiting.iter().map(|(g, _)| g).collect();
        let elbos = elbos(target, &gaussians, &first)?;
        let new = std::mem::take(&mut self.waiting).into_iter().zip(elbos);
        for ((gaussian, iterate), (elbo, elbo_error)) in new {
            if elbo.is_finite() {
                self.kept.push(Candidate {
                    gaussian,
                    elbo,
                    elbo_error,
                    iterate,
                });
            }
        }
        best_first(&mut self.kept);
        self.kept.truncate(*n_kept);
        if !has_ended || *n_first == noise.n_draws() {
            return Ok(());
        }
        let gaussians: Vec<&HistoryGaussian> = self.kept.iter().map(|c| &c.gaussian).collect();
        let better = self::elbos(target, &gaussians, noise)?;
        // Where all draws fall out of the support now and then, the first ones must do.
        if better.iter().any(|(elbo, _)| elbo.is_finite()) {
            for (candidate, (elbo, error)) in self.kept.iter_mut().zip(better) {
                (candidate.elbo, candidate.elbo_error) = (elbo, error);
            }
            best_first(&mut self.kept);
        }
        Ok(())
    }

    /// Runs to the end by itself.
    pub(in crate::method) fn run(
        &mut self,
        target: &Target<'_>,
        settings: &Pathfinder,
    ) -> Result<(), ViError> {
        while let Some(point) = self.ask(settings) {
            let mut gradient = vec![0.0; point.len()];
            let value = target.log_density_and_gradient(&point, &mut gradient)?;
            self.tell(value, gradient);
            self.judge(target)?;
        }
        self.judge(target)
    }

    /// The best Gaussian so far, and what is known of it.
    pub(super) fn best(&self) -> Option<&Candidate> {
        self.kept.first()
    }

    /// The ascent itself.
    pub(in crate::method) fn ascent(&self) -> &LbfgsState {
        &self.ascent
    }

    /// The best Gaussian so far.
    pub(in crate::method) fn best_gaussian(&self) -> Option<&HistoryGaussian> {
        self.best().map(|best| &best.gaussian)
    }

    /// Whether the ascent ran away and the best Gaussian is where it was last seen.
    pub(in crate::method) fn runs_away(&self) -> Option<(f64, usize)> {
        match (self.ended, self.best()) {
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

fn best_first(candidates: &mut [Candidate]) {
    // The one that was there before comes first among equals.
    candidates.sort_by(|a, b| b.elbo.total_cmp(&a.elbo));
}

/// The ELBO of each Gaussian by the same noise, with its standard error; all draws are evaluated at once.
fn elbos(
    target: &Target<'_>,
    gaussians: &[&HistoryGaussian],
    noise: &Draws,
) -> Result<Vec<(f64, f64)>, ViError> {
    let n = noise.n_draws();
    let mut draws = Draws::zeros(noise.dimension(), n * gaussians.len());
    let mut log_q = Vec::with_capacity(gaussians.len());
    for (k, gaussian) in gaussians.iter().enumerate() {
        let (own, own_log_q) = gaussian.transform(noise);
        draws.put(k * n, &own);
        log_q.push(own_log_q);
    }
    let log_p = target.log_densities(&draws)?;
    let judged = log_p.chunks_exact(n).zip(&log_q).map(|(log_p, log_q)| {
        let terms = || log_p.iter().zip(log_q).map(|(p, q)| p - q);
        let elbo = terms().sum::<f64>() / n as f64;
        let squares: f64 = terms().map(|t| (t - elbo).powi(2)).sum();
        (elbo, (squares / (n as f64 - 1.0) / n as f64).sqrt())
    });
    Ok(judged.collect())
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
