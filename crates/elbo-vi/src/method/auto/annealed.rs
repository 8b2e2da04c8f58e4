//! Draws of the best Gaussian, carried to the target through a path of densities between them.
//!
//! The one idea: in many dimensions no family is close enough for importance weights, but a path to the
//! target is (`diagnostic::annealing`). What is returned beside the Gaussian are its carried draws with
//! their weights, which the verdict judges like any others. Deliberately absent: more than one mode (the
//! draws stay in the mode where they began), and dimensions whose covariance is too much to factor.

use elbo_math::linalg::Cholesky;

use crate::diagnostic::annealing::Pilot;
use crate::diagnostic::importance::WeightedDraws;
use crate::diagnostic::psis::khat_threshold;
use crate::diagnostic::weighed::Weighed;
use crate::driver::{Fitted, Observer, Outcome, Progress, Stopped};
use crate::family::FullRank;
use crate::hamiltonian::Frame;
use crate::{Target, ViError};

/// What the rung is called.
pub(super) const NAME: &str = "annealed";

/// Draws that are carried first, which tell whether a path is any good.
const FEW_DRAWS: usize = 250;
/// Draws of a good path, at least: k̂ of fewer means little.
const DRAWS: usize = 500;
/// Draws in all where so few leave moments imprecise.
const MOST_DRAWS: usize = 8000;
/// Places of all draws together, at most.
const MOST_PLACES: usize = 32_000;
/// So many times as many of both where a quantity's k̂ is in doubt.
const SETTLING: usize = 4;
/// Variances of the log weights to aim at, until the weights are good.
const VARIANCES: [f64; 4] = [0.5, 0.2, 0.1, 0.05];
/// Standard errors of moments, in standard deviations, to aim at: gradients are dearer than values.
const EXACT: f64 = 0.04;
/// Weights are good where this share of the draws counts,
const COUNT: f64 = 0.3;
/// and their k̂ is below this: then they have a variance.
const KHAT: f64 = 0.5;
/// Stages of the first path, at least: a pilot of few draws does not see the tails.
const FEWEST: usize = 8;
/// A draw goes on to one more place for so many stages of the path to the first.
const SHARE_OF_PATH: usize = 5;
/// Gradients of a transition, about, for an estimate of what a path costs.
const STEPS: u64 = 5;

/// Carries draws from a Gaussian with the moments of `found`; `None` where no path was found within
/// the budget.
///
/// # Errors
/// What the density fails with.
pub(super) fn annealed(
    target: &Target<'_>,
    found: &WeightedDraws,
    budget: u64,
    seed: u64,
    observer: &mut Observer<'_>,
) -> Result<Option<(Fitted, WeightedDraws)>, ViError> {
    let before = target.gradient_evaluations();
    let mut best: Option<(FullRank, WeightedDraws)> = None;
    let mut shortest: Option<Way> = None;
    let (mut stopped, mut trace) = (Stopped::Converged, Vec::new());
    for (attempt, variance) in VARIANCES.into_iter().enumerate() {
        // What was carried once tells a Gaussian for the next time, which may be wider and better placed.
        let known = best.as_ref().map_or(found, |(_, carried)| carried);
        let seed = seed.wrapping_add(attempt as u64);
        // Few draws may tell a worse one, too.
        shortest = match (Way::new(target, known, seed)?, shortest) {
            (Some(new), Some(old)) if old.pilot.length() < new.pilot.length() => Some(old),
            (new, old) => new.or(old),
        };
        let Some(Way { base, frame, pilot }) = &shortest else {
            break;
        };
        let path = pilot.path(variance, FEWEST << attempt);
        // Going on costs little beside a long way there.
        let places = (path.len() / SHARE_OF_PATH).clamp(1, 16);
        let costs = |draws: usize| (draws * (path.len() + places)) as u64 * STEPS;
        let affords =
            |draws: usize| target.gradient_evaluations() - before + costs(draws) <= budget;
        // The next base needs a covariance.
        let first = FEW_DRAWS.max(2 * target.dimension() / places);
        if !affords(first) {
            break;
        }
        let mut carried = path.carry(target, frame, first, places, seed)?;
        while is_good(&carried) {
            let n = carried.n_independent();
            let weighed = Weighed::of(target, &carried);
            let enough = n >= DRAWS && weighed.is_precise(n, EXACT);
            // A k̂ in doubt is worth more than exactness is.
            let more = if weighed.is_open(n) { SETTLING } else { 1 };
            if enough
                || 2 * n > more * MOST_DRAWS
                || 2 * n * places > more * MOST_PLACES
                || !affords(n)
            {
                break;
            }
            let seed = seed.wrapping_add(n as u64);
            carried = carried.joined(&path.carry(target, frame, n, places, seed)?);
        }
        // More draws see more of the tails.
        let done = is_good(&carried);
        if best
            .as_ref()
            .is_none_or(|(_, before)| is_better(&carried, before))
        {
            best = Some((base.clone(), carried));
        }
        let progress = Progress {
            iteration: attempt + 1,
            max_iters: VARIANCES.len(),
            gradient_evaluations: target.gradient_evaluations() - before,
            elbo: None,
            elbo_error: 0.0,
            rejected: false,
        };
        let answer = observer(&progress);
        trace.push(progress);
        if answer.is_break() {
            stopped = Stopped::Interrupted;
        }
        if done || answer.is_break() {
            break;
        }
    }
    Ok(best.map(|(base, carried)| {
        let fitted = Fitted {
            approximation: Box::new(base),
            outcome: Outcome {
                stopped,
                gradient_evaluations: target.gradient_evaluations() - before,
                trace,
            },
            failure: None,
            halves: None,
        };
        (fitted, carried)
    }))
}

/// Whether weights are such that more draws of the same kind are worth having.
fn is_good(carried: &WeightedDraws) -> bool {
    let counting = COUNT * carried.n_independent() as f64;
    carried.khat() <= KHAT && carried.effective_sample_size() >= counting
}

/// Whether more draws count, where as many k̂ are below their limits: the last attempt may have had budget for
/// few draws only.
fn is_better(new: &WeightedDraws, old: &WeightedDraws) -> bool {
    let order = |w: &WeightedDraws| {
        let within = w.khat() <= khat_threshold(w.n_independent());
        (within, w.effective_sample_size())
    };
    let (new, old) = (order(new), order(old));
    new.0.cmp(&old.0).then(new.1.total_cmp(&old.1)).is_gt()
}

/// A Gaussian, and how far the target is from it.
struct Way {
    base: FullRank,
    frame: Frame,
    pilot: Pilot,
}

impl Way {
    /// From the moments of `known`; `None` where there are none, or no way from there.
    fn new(target: &Target<'_>, known: &WeightedDraws, seed: u64) -> Result<Option<Self>, ViError> {
        let Some((mean, factor)) = moments(known) else {
            return Ok(None);
        };
        let base = FullRank::from_cholesky(mean.clone(), factor.clone())?;
        let frame = Frame::full(mean, factor);
        let pilot = Pilot::new(target, &frame, seed)?;
        Ok(pilot.map(|pilot| Self { base, frame, pilot }))
    }
}

/// Mean and covariance: weighted where the weights can be trusted, else those of the draws themselves.
pub(super) fn moments(found: &WeightedDraws) -> Option<(Vec<f64>, Cholesky)> {
    let (dimension, n_draws) = (found.draws.dimension(), found.draws.n_draws());
    let trusted = found.smoothed.as_ref().filter(|s| {
        found.khat() <= khat_threshold(found.n_independent())
            && s.effective_sample_size() >= 5.0 * dimension as f64
    });
    let weights = match trusted {
        Some(smoothed) => smoothed.weights(),
        None => vec![1.0 / n_draws as f64; n_draws],
    };
    let (mean, covariance) = found.mean_and_covariance(&weights);
    let factor = Cholesky::new(&covariance).ok()?;
    mean.iter().all(|m| m.is_finite()).then_some((mean, factor))
}

#[cfg(test)]
mod tests {
    use elbo_math::random::{fill_standard_normal, stream};

    use super::*;
    use crate::Draws;

    /// Weights whose logarithms are normal with a standard deviation of `spread`.
    fn carried(n: usize, spread: f64) -> WeightedDraws {
        let mut log_target = vec![0.0; n];
        fill_standard_normal(&mut stream(3, "annealed/test", 0), &mut log_target);
        for l in &mut log_target {
            *l *= spread;
        }
        WeightedDraws::from_parts(Draws::zeros(1, n), log_target, vec![0.0; n])
    }

    #[test]
    fn a_later_attempt_with_fewer_draws_that_count_is_not_better() {
        let (many, few) = (carried(2000, 0.5), carried(250, 0.3));
        assert!(many.khat() <= khat_threshold(2000));
        assert!(is_better(&many, &few) && !is_better(&few, &many));
        // However many draws: where weights have no mean, none counts.
        let heavy = carried(20_000, 4.0);
        assert!(heavy.khat() > khat_threshold(20_000), "{}", heavy.khat());
        assert!(is_better(&few, &heavy) && !is_better(&heavy, &few));
    }
}
