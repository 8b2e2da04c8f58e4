//! Where a mixture begins: a Gaussian on every mode that a rung and its probes found.
//!
//! The one idea: each of them was fitted for itself, so each knows the place and the shape of one mode;
//! those that carry next to nothing, and those that another one covers already, are left out.
//! Deliberately absent: the weights, which the mixture learns.

use elbo_math::linalg::{Matrix, matmul_nt};
use elbo_math::log_space::log_sum_exp;
use elbo_math::random::stream;

use crate::family::FullRank;
use crate::{Approximation, Target, ViError};

/// Modes at most.
const MOST: usize = 6;

/// What is known to be a thousandth of the best mode or less is left out.
const NEGLIGIBLE: f64 = 7.0;

/// Gaussians on different modes, the best first.
///
/// # Errors
/// What the density fails with.
pub(super) fn modes(
    target: &Target<'_>,
    found: &[&dyn Approximation],
    seed: u64,
) -> Result<Vec<FullRank>, ViError> {
    let mut candidates = Vec::new();
    for (k, q) in (0..).zip(found) {
        let n = (10 * target.dimension()).max(200);
        let (draws, log_q) = q.sample(n, &mut stream(seed, "auto/modes", k));
        let log_p = target.log_densities(&draws)?;
        let ratios: Vec<f64> = log_p.iter().zip(&log_q).map(|(p, q)| p - q).collect();
        let evidence = log_sum_exp(&ratios) - (n as f64).ln();
        let mean: Vec<f64> = (0..target.dimension())
            .map(|i| draws.coordinate(i).iter().sum::<f64>() / n as f64)
            .collect();
        let centered = Matrix::from_fn(mean.len(), n, |i, s| draws.get(i, s) - mean[i]);
        let mut covariance = matmul_nt(&centered, &centered);
        covariance.scale(1.0 / n as f64);
        // One that collapsed, or has no finite density anywhere, is no mode.
        if let Ok(gaussian) = FullRank::from_covariance(mean, &covariance)
            && evidence.is_finite()
        {
            candidates.push((evidence, gaussian));
        }
    }
    candidates.sort_by(|a, b| b.0.total_cmp(&a.0));
    let best = candidates.first().map_or(0.0, |c| c.0);
    let mut modes: Vec<FullRank> = Vec::new();
    for (evidence, gaussian) in candidates {
        let apart = |other: &FullRank| separate(other, &gaussian) && separate(&gaussian, other);
        if modes.len() < MOST && evidence > best - NEGLIGIBLE && modes.iter().all(apart) {
            modes.push(gaussian);
        }
    }
    Ok(modes)
}

/// Whether the mean of `b` lies outside of the bulk of `a`.
fn separate(a: &FullRank, b: &FullRank) -> bool {
    let away: Vec<f64> = b
        .mean_slice()
        .iter()
        .zip(a.mean_slice())
        .map(|(x, m)| x - m)
        .collect();
    let bulk = (away.len() as f64).sqrt() + 2.0;
    a.factor().inverse_quadratic_form(&away) > bulk * bulk
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::MeanField;
    use crate::testing::TWO_MODES;

    #[test]
    fn each_mode_is_kept_once_and_what_carries_nothing_is_left_out() {
        let target = Target::new(&TWO_MODES, 2).unwrap();
        let at = |x: f64, y: f64| MeanField::new(vec![x, y], vec![0.9; 2]).unwrap();
        let (left, again, right, off) = (at(-3.0, 0.0), at(-2.8, 0.1), at(3.1, 0.0), at(0.0, 9.0));
        let found = modes(&target, &[&right, &left, &off, &again], 1).unwrap();
        assert_eq!(found.len(), 2);
        // The heavier first; means of 200 draws.
        assert!((found[0].mean_slice()[0] + 2.9).abs() < 0.4);
        assert!((found[1].mean_slice()[0] - 3.1).abs() < 0.4);
    }
}
