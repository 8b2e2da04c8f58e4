//! Where a stochastic fit begins: near the mode, with scales from the curvature there.
//!
//! The one idea: a quasi-Newton ascent costs as much as a few steps of a stochastic fit and saves
//! hundreds: it goes through narrow valleys, which steps along noisy gradients do not. Deliberately
//! absent: any claim that the mode is the mean; the fit goes on from here.

use elbo_math::random::stream;

use super::{Method, Pathfinder, Start};
use crate::coupled::coupled_normals;
use crate::optimizer::lbfgs::{Lbfgs, LbfgsState, Progress};
use crate::{Approximation, Draws, Target, ViError};

/// Steps of the ascent, at most.
const STEPS: usize = 1000;
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
    let first = start.first_point(target, seed, 0)?;
    let found = match pathfinder_gaussian(target, &first, seed) {
        Ok(found) => found,
        // An ascent that runs away says little about the mass; the fit itself will tell.
        Err(ViError::Improper { .. } | ViError::Numerical { .. } | ViError::NotFinite { .. }) => {
            return Ok(first);
        }
        Err(error) => return Err(error),
    };
    let (mean, scales) = found;
    let Ok(mut ascent) = LbfgsState::new(target, mean.clone()) else {
        return Ok(mean);
    };
    if Lbfgs::default().run(target, &mut ascent, STEPS)? != Progress::Converged {
        return Ok(mean);
    }
    let far: f64 = (0..mean.len())
        .map(|i| ((ascent.position()[i] - mean[i]) / scales[i]).powi(2))
        .sum();
    // Within the bulk of the Gaussian the mode is the better known of the two.
    Ok(if far <= mean.len() as f64 {
        ascent.position().to_vec()
    } else {
        mean
    })
}

/// The mean and standard deviations of the best Gaussian on one path.
fn pathfinder_gaussian(
    target: &Target<'_>,
    first: &[f64],
    seed: u64,
) -> Result<(Vec<f64>, Vec<f64>), ViError> {
    let pathfinder = Pathfinder {
        n_paths: 1,
        n_elbo_draws: 8, // one half of a block: enough to tell a tail from the bulk
        n_draws: 2,
        max_iterates: STEPS,
        tolerance: 1e-4,
        ..Pathfinder::default()
    };
    let mut state = pathfinder.init(target, &Start::Point(first.to_vec()), seed)?;
    while !pathfinder.step(target, &mut state)?.converged {}
    let q = pathfinder.mixture(target, &state)?;
    match (q.mean(), q.standard_deviations()) {
        (Some(mean), Some(scales)) => Ok((mean, scales)),
        _ => Ok((first.to_vec(), vec![1.0; first.len()])),
    }
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
