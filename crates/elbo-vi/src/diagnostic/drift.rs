//! Whether draws stay where they are: short Markov chains that start from an answer.
//!
//! The one idea: if draws come from the target, a chain that leaves the target invariant moves none
//! of their moments; if they do not, the first few transitions already point to the truth
//! `[@wang2023taddaa]`. Where chains forget slowly, the movement is extrapolated, and its error grows
//! accordingly: a check that could not have seen anything says so. It finds local errors that
//! importance weights do not (a funnel's neck); it cannot cross to another mode, for which see
//! `missed_mass`. Deliberately absent: a sampler for users (`sample`).

use elbo_math::linalg::{Cholesky, Matrix};
use elbo_math::random::stream;

use crate::hamiltonian::{Chains, Frame, Kernel};
use crate::{Draws, Target, ViError};

/// Transitions that tune the step size; they count as burn-in.
const TUNING: usize = 4;
/// Transitions before the averages begin, tuning included.
const BURN_IN: usize = 6;
/// Below this acceptance the chains stand still and nothing can be concluded.
const STUCK: f64 = 0.1;
/// The strongest memory from which a movement is extrapolated.
const MEMORY: f64 = 0.95;
/// Up to here coordinates are decorrelated by a full matrix.
const FULL_MATRIX: usize = 200;

/// How much work to put in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DriftConfig {
    /// Chains; the errors fall with their square root.
    pub n_chains: usize,
    /// Transitions per chain, at least 7.
    pub n_transitions: usize,
}

impl Default for DriftConfig {
    /// 256 chains of 12 transitions: movements of a tenth of a standard deviation show.
    fn default() -> Self {
        Self {
            n_chains: 256,
            n_transitions: 12,
        }
    }
}

/// By how much a moment is off, and the standard error of that.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shift {
    /// For a mean in standard deviations of the answer; for a standard deviation relative to it.
    pub value: f64,
    /// +∞ where the chains say nothing.
    pub error: f64,
}

/// Where the target's moments are, seen from the answer's.
#[derive(Debug, Clone, PartialEq)]
pub struct Drift {
    /// One per coordinate.
    pub means: Vec<Shift>,
    /// One per coordinate.
    pub sds: Vec<Shift>,
    /// The acceptance rate after tuning.
    pub acceptance: f64,
}

/// An answer's first two moments.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The means.
    pub mean: Vec<f64>,
    /// The standard deviations.
    pub sd: Vec<f64>,
    /// The covariance matrix, where it is known well enough to decorrelate coordinates.
    pub covariance: Option<Matrix>,
}

/// Runs Hamiltonian chains from `starts`, draws of the answer, one chain per draw.
///
/// # Errors
/// What the density fails with.
///
/// # Panics
/// If the shapes of starts and answer differ.
pub fn drift(
    target: &Target<'_>,
    starts: &Draws,
    answer: &Answer,
    n_transitions: usize,
    seed: u64,
) -> Result<Drift, ViError> {
    let dimension = starts.dimension();
    assert_eq!(answer.mean.len(), dimension, "one mean per coordinate");
    let frame = frame(answer);
    let mut chains = Chains::new(target, &frame, frame.standardise(starts))?;
    let mut kernel = Kernel::first(1.0, dimension);
    let (mut accepted, mut late) = (0.0, 0);
    let mut sums = [
        Draws::zeros(dimension, starts.n_draws()),
        Draws::zeros(dimension, starts.n_draws()),
    ];
    for t in 0..n_transitions.max(BURN_IN + 1) {
        let mut rng = stream(seed, "verdict/drift", t as u64);
        let acceptance = chains.transition(&kernel, &mut rng)?;
        if t < TUNING {
            kernel.tune(acceptance);
        }
        if t >= BURN_IN {
            late += 1;
            accepted += acceptance;
            let positions = frame.place(chains.standard());
            for i in 0..dimension {
                for (s, x) in positions.coordinate(i).iter().enumerate() {
                    let u = (x - answer.mean[i]) / answer.sd[i];
                    sums[0].coordinate_mut(i)[s] += u;
                    sums[1].coordinate_mut(i)[s] += u * u;
                }
            }
        }
    }
    let acceptance = accepted / f64::from(late);
    let (mut means, mut sds) = (Vec::new(), Vec::new());
    for i in 0..dimension {
        let first: Vec<f64> = starts
            .coordinate(i)
            .iter()
            .map(|x| (x - answer.mean[i]) / answer.sd[i])
            .collect();
        let squares: Vec<f64> = first.iter().map(|u| u * u).collect();
        let mean = settled(&first, sums[0].coordinate(i), late, acceptance);
        let second = settled(&squares, sums[1].coordinate(i), late, acceptance);
        let sd = (second.value - mean.value.powi(2)).max(0.0).sqrt();
        means.push(mean);
        sds.push(Shift {
            value: sd - 1.0,
            error: second.error / (2.0 * sd.max(0.1)),
        });
    }
    Ok(Drift {
        means,
        sds,
        acceptance,
    })
}

/// The expectation that chains settle to, from each chain's first value and the sum of `late` later
/// ones, which depend linearly on the first up to noise: `E[later | first] = (1 − β) μ + β first`.
fn settled(first: &[f64], sums: &[f64], late: i32, acceptance: f64) -> Shift {
    let n = first.len() as f64;
    let later: Vec<f64> = sums.iter().map(|s| s / f64::from(late)).collect();
    let mean = |v: &[f64]| v.iter().sum::<f64>() / n;
    let (x, y) = (mean(first), mean(&later));
    let pairs = || first.iter().zip(&later);
    let covariance: f64 = pairs().map(|(a, b)| (a - x) * (b - y)).sum();
    let variance: f64 = first.iter().map(|a| (a - x).powi(2)).sum();
    let slope = (covariance / variance).clamp(0.0, MEMORY);
    let residual: f64 = pairs()
        .map(|(a, b)| (b - y - slope * (a - x)).powi(2))
        .sum();
    let value = (y - slope * x) / (1.0 - slope);
    let error = (residual / (n - 2.0) / n).sqrt() / (1.0 - slope);
    if acceptance < STUCK || !value.is_finite() || !error.is_finite() {
        return Shift {
            value: x,
            error: f64::INFINITY,
        };
    }
    Shift { value, error }
}

/// The coordinates in which the chains move.
pub(super) fn frame(answer: &Answer) -> Frame {
    let full = answer.covariance.as_ref().and_then(|c| {
        (c.rows() <= FULL_MATRIX)
            .then(|| Cholesky::new(c).ok())
            .flatten()
    });
    let mean = answer.mean.clone();
    match full {
        Some(factor) => Frame::full(mean, factor),
        None => Frame::diagonal(mean, answer.sd.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Approximation;
    use crate::family::{FullRank, MeanField};
    use crate::testing::{FUNNEL, Gaussian};

    fn of(
        density: &dyn crate::LogDensity,
        q: &dyn Approximation,
        covariance: Option<Matrix>,
    ) -> Drift {
        let target = Target::new(density, q.dimension()).unwrap();
        let config = DriftConfig::default();
        let (starts, _) = q.sample(config.n_chains, &mut stream(9, "drift/test", 0));
        let answer = Answer {
            mean: q.mean().unwrap(),
            sd: q.standard_deviations().unwrap(),
            covariance,
        };
        drift(&target, &starts, &answer, config.n_transitions, 9).unwrap()
    }

    #[test]
    fn an_exact_answer_stays() {
        let gaussian = Gaussian::new(10, 100.0, 1);
        let q = FullRank::from_covariance(gaussian.mean.clone(), &gaussian.covariance).unwrap();
        let drift = of(&gaussian, &q, Some(gaussian.covariance.clone()));
        assert!(drift.acceptance > 0.5, "{}", drift.acceptance);
        for shift in drift.means.iter().chain(&drift.sds) {
            assert!(shift.value.abs() < 5.0 * shift.error, "{shift:?}");
            // Precise enough to be worth something.
            assert!(shift.error < 0.06, "{shift:?}");
        }
    }

    #[test]
    fn a_displaced_or_narrow_answer_moves_to_the_truth() {
        let gaussian = Gaussian::new(6, 1.0, 2); // independent, unit variances
        let mut mean = gaussian.mean.clone();
        mean[0] += 0.25;
        let mut sds = vec![1.0; 6];
        sds[1] = 0.5;
        let q = MeanField::new(mean, sds).unwrap();
        let drift = of(&gaussian, &q, None);
        // Expected: −0.25 sds in the first mean, twice the sd in the second coordinate.
        let shift = drift.means[0];
        assert!((shift.value + 0.25).abs() < 5.0 * shift.error, "{shift:?}");
        assert!(shift.value < -4.0 * shift.error, "{shift:?}");
        let shift = drift.sds[1];
        assert!((shift.value - 1.0).abs() < 5.0 * shift.error, "{shift:?}");
        assert!(shift.value > 8.0 * shift.error, "{shift:?}");
    }

    #[test]
    fn draws_of_a_funnel_without_neck_and_mouth_spread() {
        // x₀ is N(0, 3²) in truth; the answer knows the middle only.
        let mut sds = vec![1.2; 10];
        sds[0] = 1.0;
        let q = MeanField::new(vec![0.0; 10], sds).unwrap();
        let drift = of(&FUNNEL, &q, None);
        let shift = drift.sds[0];
        assert!(
            shift.value > 0.4 && shift.value > 4.0 * shift.error,
            "{shift:?}"
        );
    }

    #[test]
    fn chains_that_cannot_move_conclude_nothing() {
        // A density that is finite at the start only.
        let wall = crate::density::FromFn(|x: &[f64], g: &mut [f64]| {
            g[0] = 0.0;
            if x[0] == 0.0 { 0.0 } else { f64::NEG_INFINITY }
        });
        let target = Target::new(&wall, 1).unwrap();
        let answer = Answer {
            mean: vec![0.0],
            sd: vec![1.0],
            covariance: None,
        };
        let drift = drift(&target, &Draws::zeros(1, 32), &answer, 8, 1).unwrap();
        assert_eq!(drift.means[0].error, f64::INFINITY);
        assert_eq!(drift.sds[0].error, f64::INFINITY);
    }
}
