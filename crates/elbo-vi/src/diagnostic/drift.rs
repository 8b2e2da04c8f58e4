//! Whether draws stay where they are: short Markov chains that start from an answer.
//!
//! The one idea: if draws come from the target, a chain that leaves the target invariant moves none
//! of their moments; if they do not, the first few transitions already point to the truth
//! `[@wang2023taddaa]`. Where chains forget slowly, the movement is extrapolated, and its error grows
//! accordingly: a check that could not have seen anything says so. It finds local errors that
//! importance weights do not (a funnel's neck); it cannot cross to another mode, for which see
//! `missed_mass`. Deliberately absent: a sampler for users (`sample`).

use elbo_math::linalg::{Cholesky, Matrix, matmul, matmul_tn};
use elbo_math::random::{Stream, fill_standard_normal, stream, uniform};

use crate::{Draws, Target, ViError};

/// Transitions that tune the step size; they count as burn-in.
const TUNING: usize = 4;
/// Transitions before the averages begin, tuning included.
const BURN_IN: usize = 6;
/// A trajectory of a quarter period of a standard normal forgets where it began.
const LENGTH: f64 = std::f64::consts::FRAC_PI_2;
/// The most steps per trajectory: what short means.
const MOST_STEPS: usize = 12;
/// The acceptance rate that steps are tuned to.
const ACCEPTANCE: f64 = 0.8;
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
    let metric = Metric::new(answer);
    let mut chains = Chains::new(target, starts.clone())?;
    let mut step = 1.2 / (dimension as f64).powf(0.25);
    let (mut accepted, mut late) = (0.0, 0);
    let mut sums = [
        Draws::zeros(dimension, starts.n_draws()),
        Draws::zeros(dimension, starts.n_draws()),
    ];
    for t in 0..n_transitions.max(BURN_IN + 1) {
        let mut rng = stream(seed, "verdict/drift", t as u64);
        let acceptance = chains.transition(target, &metric, step, &mut rng)?;
        if t < TUNING {
            step *= (2.0 * (acceptance - ACCEPTANCE)).exp();
        }
        if t >= BURN_IN {
            late += 1;
            accepted += acceptance;
            for i in 0..dimension {
                for (s, x) in chains.positions.coordinate(i).iter().enumerate() {
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

/// What makes the answer's coordinates unit-sized and, if known, uncorrelated.
enum Metric {
    Diagonal(Vec<f64>),
    Full(Matrix), // lower Cholesky factor of the covariance
}

impl Metric {
    fn new(answer: &Answer) -> Self {
        let full = answer.covariance.as_ref().and_then(|c| {
            (c.rows() <= FULL_MATRIX)
                .then(|| Cholesky::new(c).ok())
                .flatten()
        });
        full.map_or_else(
            || Self::Diagonal(answer.sd.clone()),
            |factor| Self::Full(factor.lower().clone()),
        )
    }

    /// `L v` or `Lᵀ v` for every draw.
    fn apply(&self, draws: &Draws, transposed: bool) -> Draws {
        let (dimension, n_draws) = (draws.dimension(), draws.n_draws());
        match self {
            Self::Diagonal(scales) => {
                let mut scaled = draws.clone();
                for (i, scale) in scales.iter().enumerate() {
                    for v in scaled.coordinate_mut(i) {
                        *v *= scale;
                    }
                }
                scaled
            }
            Self::Full(lower) => {
                let matrix = Matrix::from_vec(dimension, n_draws, draws.as_slice().to_vec());
                let product = if transposed {
                    matmul_tn(lower, &matrix)
                } else {
                    matmul(lower, &matrix)
                };
                Draws::from_vec(dimension, n_draws, product.into_vec())
            }
        }
    }
}

/// All chains at their current positions.
struct Chains {
    positions: Draws,
    values: Vec<f64>,
    gradients: Draws,
}

impl Chains {
    fn new(target: &Target<'_>, positions: Draws) -> Result<Self, ViError> {
        let (values, gradients) = target.log_densities_and_gradients(&positions)?;
        Ok(Self {
            positions,
            values,
            gradients,
        })
    }

    /// One Hamiltonian transition of every chain; answers the mean acceptance probability.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a few steps"
    )]
    fn transition(
        &mut self,
        target: &Target<'_>,
        metric: &Metric,
        step: f64,
        rng: &mut Stream,
    ) -> Result<f64, ViError> {
        let (dimension, n_draws) = (self.positions.dimension(), self.positions.n_draws());
        // A random length breaks resonances.
        let step = step * (0.8 + 0.4 * uniform(rng));
        let n_steps = ((LENGTH / step).ceil() as usize).clamp(1, MOST_STEPS);
        let mut momenta = Draws::zeros(dimension, n_draws);
        fill_standard_normal(rng, momenta.as_mut_slice());
        let before = kinetic(&momenta);
        let mut positions = self.positions.clone();
        let (mut values, mut gradients) = (self.values.clone(), self.gradients.clone());
        add(&mut momenta, 0.5 * step, &metric.apply(&gradients, true));
        for k in 1..=n_steps {
            add(&mut positions, step, &metric.apply(&momenta, false));
            (values, gradients) = target.log_densities_and_gradients(&positions)?;
            let part = if k == n_steps { 0.5 } else { 1.0 };
            add(&mut momenta, part * step, &metric.apply(&gradients, true));
        }
        let after = kinetic(&momenta);
        let mut total = 0.0;
        for s in 0..n_draws {
            let gain = values[s] - after[s] - self.values[s] + before[s];
            let probability = if gain.is_nan() {
                0.0
            } else {
                gain.min(0.0).exp()
            };
            total += probability;
            if uniform(rng) < probability {
                self.values[s] = values[s];
                for i in 0..dimension {
                    self.positions.coordinate_mut(i)[s] = positions.get(i, s);
                    self.gradients.coordinate_mut(i)[s] = gradients.get(i, s);
                }
            }
        }
        Ok(total / n_draws as f64)
    }
}

fn kinetic(momenta: &Draws) -> Vec<f64> {
    let mut energy = vec![0.0; momenta.n_draws()];
    for i in 0..momenta.dimension() {
        for (e, p) in energy.iter_mut().zip(momenta.coordinate(i)) {
            *e += 0.5 * p * p;
        }
    }
    energy
}

fn add(to: &mut Draws, scale: f64, what: &Draws) {
    for (t, w) in to.as_mut_slice().iter_mut().zip(what.as_slice()) {
        *t += scale * w;
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
