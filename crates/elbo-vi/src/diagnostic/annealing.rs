//! Importance weights along a path from a Gaussian to the target.
//!
//! The one idea: where one jump from `q` to `p` gives useless weights, many small ones give useful ones.
//! Draws of a Gaussian `q` are carried through `q^(1−β) p^β` for rising β by Hamiltonian transitions, and
//! collect `Σ Δβ (log p − log q)`: annealed importance sampling `[@neal2001annealed]`. Draws stay
//! independent, and weights are unbiased whatever the transitions do, so k̂ means what it always means. A
//! pilot of few draws finds the temperatures, equally far apart in the spread of weights, and the steps.
//! Deliberately absent: where `q` comes from.

use elbo_math::log_space::log_sum_exp;
use elbo_math::random::{fill_standard_normal, stream};

use super::importance::WeightedDraws;
use crate::hamiltonian::{Chains, Frame, Kernel};
use crate::{Draws, Target, ViError};

/// Chains of the pilot.
const PILOT: usize = 128;
/// Temperatures of the pilot, at most: beyond, q is too far from the target.
const MOST_STAGES: usize = 200;
/// The variance of log weights that one stage of the pilot may add.
const PILOT_VARIANCE: f64 = 0.3;
/// Below this acceptance the chains stand still.
const STUCK: f64 = 0.1;
/// Draws carried at a time: what they need stays in cache.
const GROUP: usize = 256;

/// How draws are carried from the Gaussian to the target.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Path {
    /// One per transition, temperatures rising to 1.
    kernels: Vec<Kernel>,
}

/// What the pilot found.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pilot {
    /// Kernels with the distance travelled up to their temperature, in standard deviations of
    /// increments of the log weight.
    stages: Vec<(f64, Kernel)>,
}

impl Pilot {
    /// Sends a few chains from the frame's Gaussian to the target; `None` where they cannot follow.
    ///
    /// # Errors
    /// What the density fails with.
    pub(crate) fn new(
        target: &Target<'_>,
        frame: &Frame,
        seed: u64,
    ) -> Result<Option<Self>, ViError> {
        let dimension = target.dimension();
        let mut rng = stream(seed, "annealing/pilot", 0);
        let mut standard = Draws::zeros(dimension, PILOT);
        fill_standard_normal(&mut rng, standard.as_mut_slice());
        let mut chains = Chains::new(target, frame, standard)?;
        let mut kernel = Kernel::first(0.0, dimension);
        let mut log_weights = vec![0.0; PILOT];
        let (mut distance, mut stages) = (0.0, Vec::new());
        while kernel.temperature < 1.0 {
            if stages.len() == MOST_STAGES {
                return Ok(None);
            }
            let ratios = log_ratios(&chains, frame);
            let Some((increment, variance)) =
                next_increment(&log_weights, &ratios, 1.0 - kernel.temperature)
            else {
                return Ok(None);
            };
            distance += variance.sqrt();
            kernel.temperature = (kernel.temperature + increment).min(1.0);
            for (w, r) in log_weights.iter_mut().zip(&ratios) {
                *w += increment * r;
            }
            if effective(&log_weights) < 0.5 * PILOT as f64 {
                chains.select(&resampled(&log_weights));
                log_weights.fill(0.0);
            }
            let mut rng = stream(seed, "annealing/pilot", 1 + stages.len() as u64);
            let acceptance = chains.transition(&kernel, &mut rng)?;
            stages.push((distance, kernel));
            if acceptance < STUCK {
                return Ok(None);
            }
            kernel.tune(acceptance);
        }
        Ok(Some(Self { stages }))
    }

    /// How far it is, in standard deviations of increments of the log weight.
    pub(crate) fn length(&self) -> f64 {
        self.stages.last().map_or(0.0, |s| s.0)
    }

    /// A path along which log weights have about the variance asked for, of `fewest` stages or more.
    ///
    /// Equal stages of a path of length Λ add `Λ² / T` in all.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a few hundred stages"
    )]
    pub(crate) fn path(&self, variance: f64, fewest: usize) -> Path {
        let length = self.length();
        let n = (length * length / variance).ceil().min(1e4) as usize;
        let n = n.max(fewest);
        let kernels = (1..=n)
            .map(|k| self.kernel(length * k as f64 / n as f64))
            .collect();
        Path { kernels }
    }

    /// Between the pilot's stages temperatures are interpolated.
    fn kernel(&self, distance: f64) -> Kernel {
        let last = self.stages.len() - 1;
        let next = self.stages.partition_point(|s| s.0 < distance).min(last);
        let (end, cold) = self.stages[next];
        let (start, hot) = match next.checked_sub(1) {
            Some(before) => (self.stages[before].0, self.stages[before].1.temperature),
            None => (0.0, 0.0),
        };
        let share = if end > start {
            ((distance - start) / (end - start)).clamp(0.0, 1.0)
        } else {
            1.0
        };
        Kernel {
            temperature: hot + share * (cold.temperature - hot),
            step: cold.step,
        }
    }
}

impl Path {
    /// The number of transitions.
    pub(crate) fn len(&self) -> usize {
        self.kernels.len()
    }

    /// Carries `n_draws` from the frame's Gaussian to the target, where each goes on to `places` places
    /// in all: the transitions leave the target as it is, so that a weight holds for all of them, and
    /// their average is worth more than one of them.
    ///
    /// `log_q` of the answer is what makes `log_target − log_q` the log weights.
    ///
    /// # Errors
    /// What the density fails with.
    pub(crate) fn carry(
        &self,
        target: &Target<'_>,
        frame: &Frame,
        n_draws: usize,
        places: usize,
        seed: u64,
    ) -> Result<WeightedDraws, ViError> {
        let mut draws = Draws::zeros(target.dimension(), n_draws * places);
        let (mut log_target, mut log_q) =
            (vec![0.0; n_draws * places], vec![0.0; n_draws * places]);
        for (group, first) in (0..n_draws).step_by(GROUP).enumerate() {
            let n = GROUP.min(n_draws - first);
            let mut rng = stream(seed, "annealing/draws", group as u64);
            let mut standard = Draws::zeros(target.dimension(), n);
            fill_standard_normal(&mut rng, standard.as_mut_slice());
            let mut chains = Chains::new(target, frame, standard)?;
            let mut log_weights = vec![0.0; n];
            let mut before = 0.0;
            for kernel in &self.kernels {
                let increment = kernel.temperature - before;
                for (w, r) in log_weights.iter_mut().zip(log_ratios(&chains, frame)) {
                    *w += increment * r;
                }
                before = kernel.temperature;
                chains.transition(kernel, &mut rng)?;
            }
            for place in 0..places {
                if let (1.., Some(last)) = (place, self.kernels.last()) {
                    chains.transition(last, &mut rng)?;
                }
                let at = place * n_draws + first;
                draws.put(at, &frame.place(chains.standard()));
                log_target[at..at + n].copy_from_slice(chains.log_target());
                let pairs = chains.log_target().iter().zip(&log_weights);
                for (q, (p, w)) in log_q[at..at + n].iter_mut().zip(pairs) {
                    // A draw that lost its weight on the way has none, wherever it ended.
                    *q = if w.is_finite() { p - w } else { f64::INFINITY };
                }
            }
        }
        Ok(WeightedDraws::at_places(draws, log_target, log_q, places))
    }
}

/// `log p − log q` of every chain.
fn log_ratios(chains: &Chains<'_>, frame: &Frame) -> Vec<f64> {
    let log_q = frame.log_densities(chains.standard());
    let pairs = chains.log_target().iter().zip(log_q);
    pairs.map(|(p, q)| p - q).collect()
}

/// The largest step in temperature, up to `most`, that adds no more than the pilot's variance, and what
/// it adds: the squared coefficient of variation of its weights. `None` where no draw has weight.
fn next_increment(log_weights: &[f64], ratios: &[f64], most: f64) -> Option<(f64, f64)> {
    // A draw outside the support is lost at any step.
    let pairs: Vec<(f64, f64)> = log_weights
        .iter()
        .zip(ratios)
        .filter(|(_, r)| r.is_finite())
        .map(|(w, r)| (*w, *r))
        .collect();
    let variance = |increment: f64| {
        let of = |power: f64| {
            let terms: Vec<f64> = pairs
                .iter()
                .map(|(w, r)| w + power * increment * r)
                .collect();
            log_sum_exp(&terms)
        };
        (of(2.0) - 2.0 * of(1.0) + of(0.0)).exp() - 1.0
    };
    let all = variance(most);
    if all.is_nan() {
        return None;
    }
    if all <= PILOT_VARIANCE {
        return Some((most, all.max(0.0)));
    }
    let (mut low, mut high) = (0.0, most);
    for _ in 0..50 {
        let middle = 0.5 * (low + high);
        if variance(middle) <= PILOT_VARIANCE {
            low = middle;
        } else {
            high = middle;
        }
    }
    (low > 0.0).then_some((low, PILOT_VARIANCE))
}

/// `(Σ w)² / Σ w²`.
fn effective(log_weights: &[f64]) -> f64 {
    let doubled: Vec<f64> = log_weights.iter().map(|w| 2.0 * w).collect();
    (2.0 * log_sum_exp(log_weights) - log_sum_exp(&doubled)).exp()
}

/// As many chains as there are, each about as often as its weight says: one every `1/n` of the mass.
fn resampled(log_weights: &[f64]) -> Vec<usize> {
    let n = log_weights.len();
    let total = log_sum_exp(log_weights);
    let mut chosen = Vec::with_capacity(n);
    let mut mass = 0.0;
    for (s, w) in log_weights.iter().enumerate() {
        mass += (w - total).exp();
        while chosen.len() < n && (chosen.len() as f64 + 0.5) / n as f64 <= mass {
            chosen.push(s);
        }
    }
    // Rounding may leave the last place open.
    chosen.resize(n, n - 1);
    chosen
}

#[cfg(test)]
mod tests {
    use elbo_math::special::{digamma, ln_gamma, trigamma};
    use elbo_testkit::Estimate;

    use super::*;
    use crate::Approximation;
    use crate::density::FromFn;
    use crate::family::MeanField;
    use crate::testing::Gaussian;

    fn carried(
        density: &dyn crate::LogDensity,
        frame: &Frame,
        dimension: usize,
        variance: f64,
    ) -> WeightedDraws {
        let target = Target::new(density, dimension).unwrap();
        let pilot = Pilot::new(&target, frame, 1).unwrap().unwrap();
        pilot
            .path(variance, 8)
            .carry(&target, frame, 2000, 1, 1)
            .unwrap()
    }

    #[test]
    fn further_places_of_the_same_draws_tell_more_and_count_as_no_more_draws() {
        let density = log_gammas(1.0);
        let frame = Frame::diagonal(vec![digamma(1.0); 5], vec![trigamma(1.0).sqrt(); 5]);
        let target = Target::new(&density, 5).unwrap();
        let path = Pilot::new(&target, &frame, 1)
            .unwrap()
            .unwrap()
            .path(0.3, 8);
        let [one, many] = [1, 8].map(|places| path.carry(&target, &frame, 500, places, 1).unwrap());
        assert_eq!((many.draws.n_draws(), many.n_independent()), (4000, 500));
        assert!(many.effective_sample_size() <= 500.0);
        let both = one
            .moments()
            .unwrap()
            .into_iter()
            .zip(many.moments().unwrap());
        for (one, many) in both {
            Estimate {
                mean: many.mean.mean,
                mcse: many.mean.mcse,
            }
            .assert_agrees("mean", 1, digamma(1.0));
            // Eight places of nearly independent chains: errors are 2.8 times as small at best.
            assert!(many.mean.mcse < 0.6 * one.mean.mcse, "{many:?}, {one:?}");
        }
        // Joined with others, places stay together.
        let more = path.carry(&target, &frame, 300, 8, 2).unwrap();
        let joined = many.joined(&more);
        assert_eq!(
            (joined.draws.n_draws(), joined.n_independent()),
            (6400, 800)
        );
        let of = |w: &WeightedDraws, s: usize| (w.draws.draw(s), w.log_ratios()[s].to_bits());
        assert_eq!(of(&joined, 800 + 499), of(&many, 500 + 499));
        assert_eq!(of(&joined, 800 + 500), of(&more, 300));
    }

    fn assert_evidence(weighted: &WeightedDraws, truth: f64) {
        Estimate {
            mean: weighted.log_evidence(),
            // The relative error of a mean of weights, by the delta method that of its logarithm.
            mcse: (1.0 / weighted.effective_sample_size()).sqrt(),
        }
        .assert_agrees("log evidence", 1, truth);
    }

    /// `Π_i Gamma(e^{x_i} | shape, 1) e^{x_i}`: logarithms of Gamma variables, skewed to the left.
    fn log_gammas(shape: f64) -> impl crate::LogDensity {
        FromFn(move |x: &[f64], g: &mut [f64]| {
            let mut value = 0.0;
            for (g, x) in g.iter_mut().zip(x) {
                value += shape * x - x.exp() - ln_gamma(shape);
                *g = shape - x.exp();
            }
            value
        })
    }

    #[test]
    fn a_hundred_skewed_coordinates_get_their_moments_where_one_jump_fails() {
        let (d, shape) = (100, 1.0);
        let density = log_gammas(shape);
        let (mean, sd) = (digamma(shape), trigamma(shape).sqrt());
        let frame = Frame::diagonal(vec![mean; d], vec![sd; d]);
        let target = Target::new(&density, d).unwrap();
        let q = MeanField::new(vec![mean; d], vec![sd; d]).unwrap();
        let jump = WeightedDraws::new(&target, &q, 2000, 1).unwrap();
        assert!(jump.khat() > 0.7, "{}", jump.khat());

        let weighted = carried(&density, &frame, d, 0.3);
        assert!(weighted.khat() < 0.5, "{}", weighted.khat());
        assert!(weighted.effective_sample_size() > 1000.0);
        assert_evidence(&weighted, 0.0);
        for m in weighted.moments().unwrap() {
            let agrees = |w: super::super::psis::Weighted, truth| {
                Estimate {
                    mean: w.mean,
                    mcse: w.mcse,
                }
                .assert_agrees("moment", 1, truth);
            };
            agrees(m.mean, mean);
            agrees(m.sd, sd);
        }
    }

    #[test]
    fn a_displaced_start_arrives_and_a_constant_factor_is_seen() {
        let gaussian = Gaussian::new(8, 30.0, 3);
        let scaled = FromFn(|x: &[f64], g: &mut [f64]| {
            use crate::LogDensity as _;
            gaussian.log_density_and_gradient(x, g).unwrap() + 2.5
        });
        let mean = gaussian.mean.iter().map(|m| m + 1.0).collect();
        let sds = (0..8)
            .map(|i| 1.5 * gaussian.covariance[(i, i)].sqrt())
            .collect();
        let weighted = carried(&scaled, &Frame::diagonal(mean, sds), 8, 0.3);
        assert_evidence(&weighted, 2.5);
        for (m, truth) in weighted.moments().unwrap().iter().zip(&gaussian.mean) {
            Estimate {
                mean: m.mean.mean,
                mcse: m.mean.mcse,
            }
            .assert_agrees("mean", 3, *truth);
        }
    }

    #[test]
    fn transitions_that_never_move_leave_plain_importance_weights() {
        let density = log_gammas(2.0);
        let frame = Frame::diagonal(vec![digamma(2.0)], vec![1.0]);
        let target = Target::new(&density, 1).unwrap();
        // Steps this long are always rejected.
        let kernels = [0.3, 1.0].map(|temperature| Kernel {
            temperature,
            step: 1e6,
        });
        let path = Path {
            kernels: kernels.to_vec(),
        };
        let weighted = path.carry(&target, &frame, 2000, 1, 5).unwrap();
        let q = MeanField::new(vec![digamma(2.0)], vec![1.0]).unwrap();
        let log_q = q.log_density(&weighted.draws);
        elbo_testkit::assert_all_close("log q", &weighted.log_q, &log_q, 1e-9);
        assert_evidence(&weighted, 0.0);
    }

    #[test]
    fn draws_that_start_outside_the_support_carry_no_weight() {
        // A standard normal cut off at 0: half of the mass.
        let density = FromFn(|x: &[f64], g: &mut [f64]| {
            g[0] = -x[0];
            if x[0] < 0.0 {
                return f64::NEG_INFINITY;
            }
            -0.5 * x[0] * x[0] - 0.5 * elbo_math::special::LN_2PI
        });
        let weighted = carried(&density, &Frame::diagonal(vec![0.0], vec![1.0]), 1, 0.3);
        assert_evidence(&weighted, 0.5_f64.ln());
        let nowhere = FromFn(|_: &[f64], _: &mut [f64]| f64::NEG_INFINITY);
        let target = Target::new(&nowhere, 1).unwrap();
        let frame = Frame::diagonal(vec![0.0], vec![1.0]);
        assert_eq!(Pilot::new(&target, &frame, 1).unwrap(), None);
    }
}
