//! A Student distribution that takes over the weighted moments of what was found before.
//!
//! The one idea: a Gaussian that maximises the ELBO is too narrow, and its weights say by how much.
//! Their moments make a wider distribution, whose weights are better, a few times over: this descends
//! `KL(p ‖ q)` instead of `KL(q ‖ p)`, and needs values of the density only
//! `[@cappe2008adaptive]`. Heavy tails keep the weights bounded where the posterior's tails are not
//! Gaussian. Deliberately absent: more than one mode, and many dimensions, in which weights degenerate.

use std::borrow::Cow;

use crate::diagnostic::importance::WeightedDraws;
use crate::driver::{Fitted, Observer, Outcome, Progress, Stopped};
use crate::family::{FullRank, Student};
use crate::{Target, ViError};

/// What the rung is called.
pub(super) const NAME: &str = "adapted";

/// Rounds, at most.
const ROUNDS: usize = 8;
/// Draws per round.
const DRAWS: usize = 4000;
/// Heavy enough for the weights, light enough to have moments.
const DEGREES_OF_FREEDOM: f64 = 6.0;
/// A round after which the number of draws that count is not larger by this share is the last.
const SETTLED: f64 = 0.05;

/// Adapts from the draws of what was found before; `None` where too few draws of some round count for a covariance.
///
/// # Errors
/// What the density fails with.
pub(super) fn adapted(
    target: &Target<'_>,
    found: &WeightedDraws,
    seed: u64,
    observer: &mut Observer<'_>,
) -> Result<Option<Fitted>, ViError> {
    let mut weighted = Cow::Borrowed(found);
    let mut stopped = Stopped::MaxIters;
    let mut best: Option<(Student, f64)> = None;
    let mut trace = Vec::new();
    for round in 1..=ROUNDS {
        let Some(next) = moved(&weighted) else {
            return Ok(None);
        };
        let drawn = WeightedDraws::new(target, &next, DRAWS, seed.wrapping_add(round as u64))?;
        weighted = Cow::Owned(drawn);
        let counting = weighted.effective_sample_size();
        let before = best.as_ref().map_or(0.0, |b| b.1);
        let progress = Progress {
            iteration: round,
            max_iters: ROUNDS,
            gradient_evaluations: 0,
            elbo: None,
            elbo_error: 0.0,
            rejected: false,
        };
        let answer = observer(&progress);
        trace.push(progress);
        if counting > before {
            best = Some((next, counting));
        }
        // A round that is worse says that the rest is the draws' own noise.
        if counting < (1.0 + SETTLED) * before {
            stopped = Stopped::Converged;
            break;
        }
        if answer.is_break() {
            stopped = Stopped::Interrupted;
            break;
        }
    }
    Ok(best.map(|(q, _)| Fitted {
        approximation: Box::new(q),
        outcome: Outcome {
            stopped,
            gradient_evaluations: 0,
            trace,
        },
        failure: None,
        halves: None,
    }))
}

/// The Student distribution with the weighted mean and covariance.
fn moved(weighted: &WeightedDraws) -> Option<Student> {
    let dimension = weighted.draws.dimension();
    let smoothed = weighted.smoothed.as_ref()?;
    if smoothed.effective_sample_size() < 3.0 * dimension as f64 {
        return None;
    }
    let (mean, mut scale) = weighted.mean_and_covariance(&smoothed.weights());
    // The covariance is ν/(ν − 2) times the scale matrix.
    scale.scale((DEGREES_OF_FREEDOM - 2.0) / DEGREES_OF_FREEDOM);
    let gaussian = FullRank::from_covariance(mean, &scale).ok()?;
    Student::new(&gaussian, DEGREES_OF_FREEDOM).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::density::FromFn;
    use crate::driver::silent;
    use crate::family::MeanField;

    #[test]
    fn a_narrow_start_takes_over_the_moments_of_a_heavy_tailed_target() {
        // Two Student variables of five degrees of freedom around (1, −2): variances 5/3.
        let density = FromFn(|x: &[f64], g: &mut [f64]| {
            let d = [x[0] - 1.0, x[1] + 2.0];
            for (g, d) in g.iter_mut().zip(d) {
                *g = -6.0 * d / (5.0 + d * d);
            }
            d.iter().map(|d| -3.0 * (d * d / 5.0).ln_1p()).sum()
        });
        let target = Target::new(&density, 2).unwrap();
        let narrow = MeanField::new(vec![0.5, -1.5], vec![0.8, 0.8]).unwrap();
        let first = WeightedDraws::new(&target, &narrow, DRAWS, 1).unwrap();
        let found = adapted(&target, &first, 1, &mut silent).unwrap().unwrap();
        assert!(found.outcome.iterations() > 0);
        assert!(found.outcome.converged());
        let q = found.approximation;
        let (mean, sd) = (q.mean().unwrap(), q.standard_deviations().unwrap());
        for (i, truth) in [1.0, -2.0].into_iter().enumerate() {
            // 4000 draws: five standard errors of 1.3/√4000, and of a variance with a fourth moment
            // of nine squared variances.
            assert!((mean[i] - truth).abs() < 0.15, "{mean:?}");
            assert!(
                (sd[i] / (5.0_f64 / 3.0).sqrt() - 1.0).abs() < 0.15,
                "{sd:?}"
            );
        }
        let weighted = WeightedDraws::new(&target, &*q, 4000, 2).unwrap();
        assert!(weighted.khat() < 0.5, "{}", weighted.khat());
        assert_eq!(target.gradient_evaluations(), 0);
    }

    #[test]
    fn without_draws_that_count_there_is_nothing_to_adapt() {
        let nowhere = FromFn(|_: &[f64], _: &mut [f64]| f64::NEG_INFINITY);
        let target = Target::new(&nowhere, 2).unwrap();
        let q = MeanField::standard(2).unwrap();
        let first = WeightedDraws::new(&target, &q, DRAWS, 1).unwrap();
        assert!(adapted(&target, &first, 1, &mut silent).unwrap().is_none());
    }
}
