//! Where a stochastic fit begins: near the mode, with scales from the curvature there.
//!
//! The one idea: a quasi-Newton ascent costs as much as a few steps of a stochastic fit and saves
//! hundreds: it goes through narrow valleys, which steps along noisy gradients do not. Deliberately
//! absent: any claim that the mode is the mean; the fit goes on from here.

use elbo_math::random::stream;

use super::pathfinder::{Judging, Path};
use super::{Pathfinder, Start};
use crate::coupled::coupled_normals;
use crate::optimizer::lbfgs::{Lbfgs, Progress};
use crate::{Draws, Target, ViError};

/// Steps of the ascent, at most.
const STEPS: usize = 1000;
/// Draws that judge a Gaussian on the way, in pairs: enough to tell a tail from the bulk.
const PATH_DRAWS: usize = 4;
/// Gaussians are looked at this many nats per coordinate apart: closer ones differ by less than such
/// draws tell.
const RISE: f64 = 0.1;
/// Nats by which the mode's surroundings may look worse and still be taken for as good.
const WORSE: f64 = 0.5;
/// Draws that measure the curvature, and that a beginning must mostly be finite at.
const DRAWS: usize = 16;

/// A location and scales from which at least half of the draws have a finite density.
///
/// # Errors
/// [`ViError::Start`], [`ViError::Length`], and what the density fails with.
pub(super) fn beginning(
    target: &Target<'_>,
    start: &Start,
    seed: u64,
) -> Result<(Vec<f64>, Vec<f64>), ViError> {
    let location = location(target, start, seed)?;
    let mut scales = curvature_scales(target, &location, seed)?;
    let mut rng = stream(seed, "method/beginning/check", 0);
    let noise = coupled_normals(location.len(), DRAWS, &mut rng);
    // Fifty halvings are a factor of 1e15: what is still not finite is not a neighbourhood.
    for _ in 0..50 {
        let mut points = noise.clone();
        for i in 0..location.len() {
            for v in points.coordinate_mut(i) {
                *v = location[i] + scales[i] * *v;
            }
        }
        let values = target.log_densities(&points)?;
        if 2 * values.iter().filter(|v| v.is_finite()).count() >= DRAWS {
            break;
        }
        for s in &mut scales {
            *s *= 0.5;
        }
    }
    Ok((location, scales))
}

/// The mode, if that is where the mass is; else the best place on the way there.
fn location(target: &Target<'_>, start: &Start, seed: u64) -> Result<Vec<f64>, ViError> {
    let begin = start.first_evaluated(target, seed, 0)?;
    let first = begin.0.clone();
    let settings = Pathfinder {
        max_iterates: STEPS,
        ..Pathfinder::default()
    };
    let mut rng = stream(seed, "method/beginning/path", 0);
    let noise = coupled_normals(first.len(), PATH_DRAWS, &mut rng);
    let judging = Judging {
        noise: noise.clone(),
        n_first: PATH_DRAWS,
        n_kept: 1,
        rise: RISE * first.len() as f64,
    };
    let mut path = Path::new(begin, judging);
    path.run(target, &settings)?;
    // An ascent that runs away says little about the mass; the fit itself will tell.
    if path.runs_away().is_some() {
        return Ok(first);
    }
    let Some(best) = path.best_gaussian() else {
        return Ok(first);
    };
    let mean = best.mean_slice();
    // In narrow valleys the promise of little more to gain is kept late.
    let mut ascent = path.ascent().clone();
    if path.ended != Some(Progress::Converged)
        || Lbfgs::default().run(target, &mut ascent, STEPS)? != Progress::Converged
    {
        return Ok(mean.to_vec());
    }
    let mode = ascent.position();
    // The mode is the better known of the two, unless the same Gaussian does worse around it: in a
    // funnel's neck, say.
    let (mut draws, _) = best.transform(&noise);
    let around_mean = mean_of(&target.log_densities(&draws)?);
    for i in 0..mean.len() {
        let away = mode[i] - mean[i];
        for v in draws.coordinate_mut(i) {
            *v += away;
        }
    }
    let around_mode = mean_of(&target.log_densities(&draws)?);
    let better = around_mode >= around_mean - WORSE;
    Ok(if better { mode } else { mean }.to_vec())
}

fn mean_of(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// `1/√(−∂²ᵢ log p)` from differences of gradients along random directions.
fn curvature_scales(target: &Target<'_>, location: &[f64], seed: u64) -> Result<Vec<f64>, ViError> {
    let d = location.len();
    let mut rng = stream(seed, "method/beginning/curvature", 0);
    let directions = coupled_normals(d, DRAWS, &mut rng);
    let at = Draws::from_points(d, &[location; DRAWS]);
    let products = target.hessian_vector_products(&at, &directions)?;
    let curvatures: Vec<f64> = (0..d)
        .map(|i| {
            -elbo_math::linalg::dot(products.coordinate(i), directions.coordinate(i)) / DRAWS as f64
        })
        .collect();
    // Other directions' curvature is noise in these; where it leaves no positive number, or next to
    // none, the typical one stands in.
    let mut positive: Vec<f64> = curvatures
        .iter()
        .copied()
        .filter(|c| c.is_normal() && *c > 0.0)
        .collect();
    positive.sort_by(f64::total_cmp);
    let typical = positive.get(positive.len() / 2).copied().unwrap_or(1.0);
    Ok(curvatures
        .iter()
        .map(|c| if *c > 0.01 * typical { *c } else { typical })
        .map(|c| c.sqrt().recip().clamp(1e-100, 1e3))
        .collect())
}
