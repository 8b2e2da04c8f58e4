//! Independent Gaussians that look for mass which a fit may have missed.
//!
//! The one idea: a path of Pathfinder is cheap, so a few start where the fit started and a few far
//! outside of what the fit found, on all sides; the verdict asks them all. Deliberately absent: what
//! is concluded from them (`diagnostic::missed_mass`).

use elbo_math::random::{fill_standard_normal, stream};

use super::{Method, Pathfinder, Start};
use crate::driver::{self, DriverConfig, silent};
use crate::{Approximation, Target, ViError};

/// Paths from starts of the fit's kind; as many again start far outside.
const PATHS: usize = 4;

/// How far outside, in standard deviations of the fit and per coordinate; each for one pair.
const FAR: [f64; 2] = [5.0, 12.0];

/// Gradient evaluations that one path may take.
const BUDGET: u64 = 2000;

/// Gaussians on paths from random starts and from points far from `q`; paths that fail are left out.
pub fn probes(
    target: &Target<'_>,
    start: &Start,
    q: &dyn Approximation,
    seed: u64,
) -> Vec<Box<dyn Approximation>> {
    let mut found = Vec::new();
    for k in 0..PATHS as u64 {
        let near = start.another_point(target, seed, 1000 + k);
        found.extend(near.and_then(|point| probe(target, point, seed, k)).ok());
    }
    for (k, point) in (PATHS as u64..).zip(far_points(q, seed)) {
        found.extend(probe(target, point, seed, k).ok());
    }
    found
}

fn probe(
    target: &Target<'_>,
    point: Vec<f64>,
    seed: u64,
    index: u64,
) -> Result<Box<dyn Approximation>, ViError> {
    let method = Pathfinder {
        n_paths: 1,
        ..Pathfinder::default()
    };
    let config = DriverConfig {
        max_gradient_evaluations: BUDGET,
        ..DriverConfig::default()
    };
    let seed = seed.wrapping_add(index);
    let start = Start::Point(point);
    let run = driver::run(&method, target, &start, seed, &config, &mut silent)?;
    method.finish(target, run.state)
}

/// Points far from the mean of `q`, in pairs on opposite sides.
fn far_points(q: &dyn Approximation, seed: u64) -> Vec<Vec<f64>> {
    const DRAWS: usize = 200;
    let (draws, _) = q.sample(DRAWS, &mut stream(seed, "probes/scale", 0));
    let (means, sds): (Vec<f64>, Vec<f64>) = (0..q.dimension())
        .map(|i| {
            let values = draws.coordinate(i);
            let mean = values.iter().sum::<f64>() / DRAWS as f64;
            let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
            (mean, (squares / DRAWS as f64).sqrt())
        })
        .unzip();
    let mut points = Vec::new();
    let mut direction = vec![0.0; q.dimension()];
    for (pair, far) in FAR.into_iter().enumerate() {
        let mut rng = stream(seed, "probes/far", pair as u64);
        fill_standard_normal(&mut rng, &mut direction);
        // Coordinates, not the vector, are that far off: in many dimensions the bulk of a Gaussian
        // is far from its mean already.
        let squares: f64 = direction.iter().map(|d| d * d).sum();
        let size = (squares / direction.len() as f64).sqrt();
        for side in [far, -far] {
            let moved = |i: usize| means[i] + side * sds[i] * direction[i] / size;
            points.push((0..means.len()).map(moved).collect());
        }
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::density::FromFn;
    use crate::family::MeanField;

    #[test]
    fn a_second_mode_far_from_every_random_start_is_found() {
        // ½ N(100, 1) + ½ N(112, 1): every start in [−2, 2] ends in the first.
        let modes = FromFn(|x: &[f64], g: &mut [f64]| {
            let half = |m: f64| -0.5 * (x[0] - m).powi(2);
            let total = elbo_math::log_space::log_add_exp(half(100.0), half(112.0));
            let near = (half(100.0) - total).exp();
            g[0] = -near * (x[0] - 100.0) - (1.0 - near) * (x[0] - 112.0);
            total
        });
        let target = Target::new(&modes, 1).unwrap();
        let q = MeanField::new(vec![100.0], vec![1.0]).unwrap();
        let found = probes(&target, &Start::Random, &q, 5);
        let near = |m: f64| {
            found
                .iter()
                .filter(|p| (p.mean().unwrap()[0] - m).abs() < 1.0)
                .count()
        };
        assert!(near(100.0) >= 1 && near(112.0) >= 1, "{}", near(112.0));
        assert_eq!(near(100.0) + near(112.0), found.len());
    }

    #[test]
    fn paths_that_fail_are_left_out() {
        let nowhere = FromFn(|_: &[f64], _: &mut [f64]| f64::NEG_INFINITY);
        let target = Target::new(&nowhere, 2).unwrap();
        let q = MeanField::standard(2).unwrap();
        assert!(probes(&target, &Start::Random, &q, 1).is_empty());
    }
}
