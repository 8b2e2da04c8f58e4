//! Draws of the best Gaussian, carried to the target through a path of densities between them.
//!
//! The one idea: in many dimensions no family is close enough for importance weights, but a path to the
//! target is (`diagnostic::annealing`). What is returned beside the Gaussian are its carried draws with
//! their weights, which the verdict judges like any others. Deliberately absent: more than one mode (the
//! draws stay in the mode where they began).

use elbo_math::linalg::Cholesky;

use crate::diagnostic::annealing::Pilot;
use crate::diagnostic::importance::WeightedDraws;
use crate::diagnostic::psis::khat_threshold;
use crate::diagnostic::weighed::Weighed;
use crate::driver::{Fitted, Observer, Outcome, Progress, Stopped};
use crate::hamiltonian::Frame;
use crate::{Target, ViError};

/// What the rung is called.
pub(super) const NAME: &str = "annealed";

/// Up to here the Gaussian has a covariance matrix, beyond standard deviations alone: the matrix would take
/// longer than the density.
const WHOLE: usize = 300;
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
    let mut best: Option<(Frame, WeightedDraws)> = None;
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
        let Some(Way { frame, pilot }) = &shortest else {
            break;
        };
        let path = pilot.path(variance, FEWEST << attempt);
        // Going on costs little beside a long way there.
        let places = (path.len() / SHARE_OF_PATH).clamp(1, 16);
        let costs = |draws: usize| (draws * (path.len() + places)) as u64 * STEPS;
        let affords =
            |draws: usize| target.gradient_evaluations() - before + costs(draws) <= budget;
        // The next base needs a covariance.
        let whole = target.dimension() <= WHOLE;
        let first = FEW_DRAWS.max(usize::from(whole) * 2 * target.dimension() / places);
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
            best = Some((frame.clone(), carried));
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
    let Some((frame, carried)) = best else {
        return Ok(None);
    };
    let fitted = Fitted {
        approximation: frame.gaussian()?,
        outcome: Outcome {
            stopped,
            gradient_evaluations: target.gradient_evaluations() - before,
            trace,
        },
        failure: None,
        halves: None,
    };
    Ok(Some((fitted, carried)))
}

/// Whether weights are such that more draws of the same kind are worth having.
fn is_good(carried: &WeightedDraws) -> bool {
    let counting = COUNT * carried.n_independent() as f64;
    carried.khat() <= KHAT && carried.effective_sample_size() >= counting
}

/// Whether weights are better, or else as good and more draws count: the last attempt may have had budget
/// for few draws only.
fn is_better(new: &WeightedDraws, old: &WeightedDraws) -> bool {
    let order = |w: &WeightedDraws| {
        let within = w.khat() <= khat_threshold(w.n_independent());
        ((is_good(w), within), w.effective_sample_size())
    };
    let (new, old) = (order(new), order(old));
    new.0.cmp(&old.0).then(new.1.total_cmp(&old.1)).is_gt()
}

/// A Gaussian, and how far the target is from it.
struct Way {
    frame: Frame,
    pilot: Pilot,
}

impl Way {
    /// From the moments of `known`; `None` where there are none, or no way from there.
    fn new(target: &Target<'_>, known: &WeightedDraws, seed: u64) -> Result<Option<Self>, ViError> {
        let frame = if target.dimension() <= WHOLE {
            moments(known).map(|(mean, factor)| Frame::full(mean, factor))
        } else {
            spreads(known).map(|(mean, sds)| Frame::diagonal(mean, sds))
        };
        let Some(frame) = frame else {
            return Ok(None);
        };
        let pilot = Pilot::new(target, &frame, seed)?;
        Ok(pilot.map(|pilot| Self { frame, pilot }))
    }
}

/// Mean and covariance: weighted where the weights can be trusted, else those of the draws themselves.
pub(super) fn moments(found: &WeightedDraws) -> Option<(Vec<f64>, Cholesky)> {
    let (mean, covariance) = found.mean_and_covariance(&weights(found));
    let factor = Cholesky::new(&covariance).ok()?;
    mean.iter().all(|m| m.is_finite()).then_some((mean, factor))
}

/// As [`moments`], the standard deviations alone.
fn spreads(found: &WeightedDraws) -> Option<(Vec<f64>, Vec<f64>)> {
    let weights = weights(found);
    let of = |i| {
        let terms = || {
            found
                .draws
                .coordinate(i)
                .iter()
                .zip(&weights)
                .filter(|(_, w)| **w > 0.0)
        };
        let mean: f64 = terms().map(|(x, w)| w * x).sum();
        let variance: f64 = terms().map(|(x, w)| w * (x - mean).powi(2)).sum();
        (mean, variance.sqrt())
    };
    let (mean, sds): (Vec<f64>, Vec<f64>) = (0..found.draws.dimension()).map(of).unzip();
    let usable =
        mean.iter().all(|m| m.is_finite()) && sds.iter().all(|s| s.is_finite() && *s > 0.0);
    usable.then_some((mean, sds))
}

fn weights(found: &WeightedDraws) -> Vec<f64> {
    let (dimension, n_draws) = (found.draws.dimension(), found.draws.n_draws());
    let trusted = found.smoothed.as_ref().filter(|s| {
        found.khat() <= khat_threshold(found.n_independent())
            && s.effective_sample_size() >= 5.0 * dimension as f64
    });
    match trusted {
        Some(smoothed) => smoothed.weights(),
        None => vec![1.0 / n_draws as f64; n_draws],
    }
}

#[cfg(test)]
mod tests {
    use elbo_math::random::{fill_standard_normal, stream};

    use elbo_math::special::{digamma, trigamma};

    use super::*;
    use crate::Draws;
    use crate::density::FromFn;
    use crate::driver::silent;
    use crate::family::MeanField;

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
    fn beyond_covariance_matrices_draws_are_carried_from_standard_deviations() {
        // Logarithms of Gamma variables of shape 2, independent.
        let density = FromFn(|x: &[f64], g: &mut [f64]| {
            for (g, x) in g.iter_mut().zip(x) {
                *g = 2.0 - x.exp();
            }
            x.iter().map(|x| 2.0 * x - x.exp()).sum()
        });
        let d = WHOLE + 20;
        let (mean, sd) = (digamma(2.0), trigamma(2.0).sqrt());
        let target = Target::new(&density, d).unwrap();
        let q = MeanField::new(vec![mean; d], vec![sd; d]).unwrap();
        let known = WeightedDraws::new(&target, &q, 1000, 1).unwrap();
        assert!(known.khat() > khat_threshold(1000), "{}", known.khat());
        let found = annealed(&target, &known, 300_000, 1, &mut silent).unwrap();
        let (fitted, carried) = found.unwrap();
        assert!(target.gradient_evaluations() <= 310_000);
        assert!(fitted.approximation.standard_deviations().is_some());
        assert!(is_good(&carried), "{}", carried.khat());
        for m in carried.moments().unwrap() {
            assert!((m.mean.mean - mean).abs() < 5.0 * m.mean.mcse, "{m:?}");
            assert!((m.sd.mean - sd).abs() < 5.0 * m.sd.mcse, "{m:?}");
        }
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
