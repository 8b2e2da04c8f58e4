//! `adaptive`: a Student distribution with the moments of weighted draws, over and over.
//!
//! The one idea: what maximises the ELBO is too narrow; a distribution with the posterior's own mean and
//! covariance, as far as the weighted draws of the last one tell them, descends `KL(p ‖ q)` instead
//! `[@cappe2008adaptive, sec. 3]`, covers what there is, and needs values of the density only. Where too
//! few draws count, the weights are tempered: raised to the largest power at which enough do. Deliberately
//! absent: more than one component, and many dimensions, in which weights degenerate.

use elbo_math::linalg::Cholesky;
use elbo_math::log_space::log_sum_exp;
use elbo_math::random::stream;

use super::beginning::beginning;
use super::natural::{Shape as _, elbo_of};
use super::{Description, Info, Method, Start};
use crate::diagnostic::psis;
use crate::family::{FullRank, Student};
use crate::objective::match_moments;
use crate::{Approximation, Target, ViError};

/// How help and documentation list it.
pub const DESCRIPTION: Description = Description {
    name: "adaptive",
    summary: "a Student distribution with the moments of its own weighted draws, which covers",
    options: &[
        ("n_draws", "1000, or 40 per coordinate", "draws per step"),
        ("degrees_of_freedom", "6", "how heavy the tails are"),
    ],
};

/// Draws that must count, per coordinate, for a covariance.
const COUNTING: f64 = 4.0;

/// A step that moves the member by less than this many times what the draws' noise does is the last.
const NOISE: f64 = 2.0;

/// The settings.
#[derive(Debug, Clone, PartialEq)]
pub struct Adaptive {
    /// Draws per step; by default 1000, or 40 per coordinate if that is more.
    pub n_draws: Option<usize>,
    /// Tails: few keep the weights bounded, many waste fewer draws. More than 2.
    pub degrees_of_freedom: f64,
}

impl Default for Adaptive {
    fn default() -> Self {
        Self {
            n_draws: None,
            degrees_of_freedom: 6.0,
        }
    }
}

/// What the next step needs.
#[derive(Debug, Clone, PartialEq)]
pub struct AdaptiveState {
    seed: u64,
    iteration: u64,
    /// The Gaussian of the Student distribution's location and scale matrix.
    scale: FullRank,
}

impl Adaptive {
    fn draws(&self, dimension: usize) -> usize {
        self.n_draws.unwrap_or((40 * dimension).max(1000))
    }

    fn check(&self, dimension: usize) -> Result<(), ViError> {
        if !(self.degrees_of_freedom > 2.0 && self.degrees_of_freedom.is_finite()) {
            return Err(ViError::Setting {
                name: "degrees_of_freedom",
                value: self.degrees_of_freedom.to_string(),
                requirement: "more than 2 and finite",
            });
        }
        if (self.draws(dimension) as f64) < 2.0 * COUNTING * dimension as f64 {
            return Err(ViError::Setting {
                name: "n_draws",
                value: self.draws(dimension).to_string(),
                requirement: "at least eight per coordinate",
            });
        }
        Ok(())
    }

    fn student(&self, state: &AdaptiveState) -> Result<Student, ViError> {
        Student::new(&state.scale, self.degrees_of_freedom)
    }

    /// The member of a Gaussian's moments: the covariance is `ν/(ν − 2)` times the scale matrix.
    fn with_moments(&self, gaussian: &FullRank) -> Result<FullRank, ViError> {
        let shrink = ((self.degrees_of_freedom - 2.0) / self.degrees_of_freedom).sqrt();
        let mut lower = gaussian.factor().lower().clone();
        lower.scale(shrink);
        FullRank::from_cholesky(gaussian.mean_slice().to_vec(), Cholesky::from_lower(lower)?)
    }
}

impl Method for Adaptive {
    type State = AdaptiveState;

    fn init(&self, target: &Target<'_>, start: &Start, seed: u64) -> Result<Self::State, ViError> {
        self.check(target.dimension())?;
        let (mean, scales) = beginning(target, start, seed)?;
        Ok(AdaptiveState {
            seed,
            iteration: 0,
            scale: FullRank::diagonal(mean, scales)?,
        })
    }

    fn step(&self, target: &Target<'_>, state: &mut Self::State) -> Result<Info, ViError> {
        let q = self.student(state)?;
        let mut rng = stream(state.seed, "adaptive/draws", state.iteration);
        let (points, log_q) = q.sample(self.draws(target.dimension()), &mut rng);
        let log_p = target.log_densities(&points)?;
        state.iteration += 1;
        let mut info = elbo_of(&log_p, &log_q);
        let ratios: Vec<f64> = log_p.iter().zip(&log_q).map(|(p, q)| p - q).collect();
        let d = target.dimension() as f64;
        let moved = weights(&ratios, COUNTING * d).and_then(|(log_weights, power, counting)| {
            let next = match_moments(&points, &log_weights).ok()?;
            Some((self.with_moments(&next).ok()?, power, counting))
        });
        let Some((next, power, counting)) = moved else {
            info.rejected = true;
            return Ok(info);
        };
        // A mean and a covariance of so many numbers, each as exact as that many draws make it.
        let noise = 0.25 * d * (d + 3.0) / counting;
        let moved = 0.5 * (state.scale.divergence(&next) + next.divergence(&state.scale));
        info.converged = power == 1.0 && moved < NOISE * noise;
        info.widest = Some(next.widest());
        state.scale = next;
        Ok(info)
    }

    fn finish(
        &self,
        _: &Target<'_>,
        state: Self::State,
    ) -> Result<Box<dyn Approximation>, ViError> {
        Ok(Box::new(self.student(&state)?))
    }
}

/// Log weights of ratios to the largest power at which `least` draws count, that power, and how many
/// count. At power 1 the tail is smoothed as well. `None` where no power does.
fn weights(log_ratios: &[f64], least: f64) -> Option<(Vec<f64>, f64, f64)> {
    let smoothed = psis::smooth(log_ratios)?;
    let counting = smoothed.effective_sample_size();
    if counting >= least {
        return Some((smoothed.log_weights, 1.0, counting));
    }
    let tempered = |power: f64| {
        let mut logs: Vec<f64> = log_ratios.iter().map(|r| power * r).collect();
        let total = log_sum_exp(&logs);
        for l in &mut logs {
            *l -= total;
        }
        let counting = 1.0 / logs.iter().map(|l| (2.0 * l).exp()).sum::<f64>();
        (logs, counting)
    };
    // The count falls with the power; forty halvings tell it to twelve digits.
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..40 {
        let middle = 0.5 * (low + high);
        if tempered(middle).1 >= least {
            low = middle;
        } else {
            high = middle;
        }
    }
    let (logs, counting) = tempered(low);
    (low > 0.0 && counting >= 0.9 * least).then_some((logs, low, counting))
}

#[cfg(test)]
mod tests {
    use elbo_math::parallel::with_threads;
    use elbo_math::special::{digamma, trigamma};

    use super::*;
    use crate::LogDensity;
    use crate::density::FromFn;
    use crate::driver::{DriverConfig, Fitted, fit, silent};
    use crate::testing::{BANANA, FUNNEL, Gaussian, TWO_MODES};

    fn fitted(
        method: &Adaptive,
        density: &dyn LogDensity,
        dimension: usize,
    ) -> Result<Fitted, ViError> {
        let target = Target::new(density, dimension)?;
        let config = DriverConfig {
            max_iters: 100,
            ..DriverConfig::default()
        };
        fit(method, &target, &Start::Random, 1, &config, &mut silent)
    }

    #[test]
    fn tempered_weights_let_as_many_draws_count_as_asked() {
        let ratios: Vec<f64> = (0..1000).map(|i| 0.1 * f64::from(i)).collect();
        let (logs, power, counting) = weights(&ratios, 50.0).unwrap();
        // Weights e^{0.1 p i} count as coth(0.05 p) draws, which is 50 at p = 0.4 (and 1000 is far).
        assert!((counting - 50.0).abs() < 1e-6, "{counting}");
        assert!((power - 0.4).abs() < 1e-3, "{power}");
        assert!(log_sum_exp(&logs).abs() < 1e-12);
        assert_eq!(weights(&[f64::NEG_INFINITY; 30], 5.0), None);
    }

    #[test]
    fn moments_of_gaussians_are_found_to_within_the_noise_of_the_draws() {
        for (d, condition) in [(2, 1e4), (5, 1e3), (10, 1e2)] {
            let gaussian = Gaussian::new(d, condition, 3);
            let method = Adaptive {
                n_draws: Some(4000),
                ..Adaptive::default()
            };
            let found = fitted(&method, &gaussian, d).unwrap();
            assert!(found.outcome.converged(), "D = {d}");
            let means = found.approximation.mean().unwrap();
            let sds = found.approximation.standard_deviations().unwrap();
            for i in 0..d {
                let sd = gaussian.covariance[(i, i)].sqrt();
                // At least a fifth of the draws count in all of these: a mean is known to 1/√800 sds, a
                // standard deviation to about the same; five times that.
                let most = 5.0 / 800.0_f64.sqrt();
                let off = (means[i] - gaussian.mean[i]) / sd;
                assert!(off.abs() < most, "D = {d}, mean {i}: {off} sds");
                assert!((sds[i] / sd).ln().abs() < most, "D = {d}, sd {i}");
            }
        }
    }

    #[test]
    fn moments_of_a_skewed_posterior_are_its_own_and_not_its_mode_s() {
        // x = log of Gamma(3, 2): mean ψ(3) − log 2, variance ψ′(3); the mode is at log 1.5.
        let density = FromFn(|x: &[f64], g: &mut [f64]| {
            g[0] = 3.0 - 2.0 * x[0].exp();
            3.0 * x[0] - 2.0 * x[0].exp()
        });
        let method = Adaptive {
            n_draws: Some(20_000),
            ..Adaptive::default()
        };
        let found = fitted(&method, &density, 1).unwrap();
        assert!(found.outcome.converged());
        let (mean, sd) = (digamma(3.0) - 2.0_f64.ln(), trigamma(3.0).sqrt());
        // Half of the draws count at least: five standard errors of a mean, and of a standard deviation
        // with a kurtosis of up to 4.
        let error = 5.0 / 10_000.0_f64.sqrt();
        let off = found.approximation.mean().unwrap()[0] - mean;
        assert!(off.abs() < error * sd, "{off}");
        let ratio = found.approximation.standard_deviations().unwrap()[0] / sd;
        assert!(ratio.ln().abs() < error, "{ratio}");
    }

    #[test]
    fn both_of_two_modes_are_covered_and_hard_shapes_end_in_an_answer() {
        let found = fitted(&Adaptive::default(), &TWO_MODES, 2).unwrap();
        let sds = found.approximation.standard_deviations().unwrap();
        // Variance 1 + ¾ · ¼ · 36 along the first axis; from one mode alone it would be 1.
        assert!(sds[0] > 2.0, "{sds:?}");
        for (density, d) in [(&BANANA as &dyn LogDensity, 2), (&FUNNEL, 5)] {
            let found = fitted(&Adaptive::default(), density, d).unwrap();
            let sds = found.approximation.standard_deviations().unwrap();
            assert!(sds.iter().all(|s| s.is_finite() && *s > 0.0), "{sds:?}");
        }
    }

    #[test]
    fn densities_that_cannot_be_fitted_are_typed_errors() {
        let nan = FromFn(|_: &[f64], _: &mut [f64]| f64::NAN);
        let error = fitted(&Adaptive::default(), &nan, 1).err();
        assert!(
            matches!(error, Some(ViError::NotFinite { .. })),
            "{error:?}"
        );
        let panics = FromFn(|_: &[f64], _: &mut [f64]| -> f64 { panic!("no") });
        let error = fitted(&Adaptive::default(), &panics, 1).err();
        assert!(matches!(error, Some(ViError::Panicked { .. })), "{error:?}");
        // One that does not depend on a coordinate: its scale grows without end.
        let flat = FromFn(|x: &[f64], g: &mut [f64]| {
            (g[0], g[1]) = (-x[0], 0.0);
            -0.5 * x[0] * x[0]
        });
        let found = fitted(&Adaptive::default(), &flat, 2).unwrap();
        let grew = found.approximation.standard_deviations().unwrap()[1] > 1e3;
        let said = matches!(found.failure, Some(ViError::Improper { coordinate: 1, .. }));
        assert!(
            !found.outcome.converged() && (grew || said),
            "{:?}",
            found.failure
        );
    }

    #[test]
    fn half_of_space_may_be_outside_and_threads_do_not_change_bits() {
        // Exponential: −∞ for negative numbers.
        let density = FromFn(|x: &[f64], g: &mut [f64]| {
            g[0] = -1.0;
            if x[0] > 0.0 { -x[0] } else { f64::NEG_INFINITY }
        });
        let run = |threads| {
            with_threads(threads, || {
                let found = fitted(&Adaptive::default(), &density, 1).unwrap();
                found.approximation.arrays()
            })
        };
        let one = run(1);
        assert_eq!(one, run(3));
        let mean = one["mean"].to_f64()[0];
        // Mean and variance 1: a thousand draws, of which a third count, five standard errors.
        assert!((mean - 1.0).abs() < 5.0 / 300.0_f64.sqrt(), "{mean}");
    }

    #[test]
    fn settings_are_checked() {
        let refused = |method: Adaptive| {
            let error = fitted(&method, &TWO_MODES, 2).err();
            matches!(error, Some(ViError::Setting { .. }))
        };
        assert!(refused(Adaptive {
            degrees_of_freedom: 2.0,
            ..Adaptive::default()
        }));
        assert!(refused(Adaptive {
            n_draws: Some(15),
            ..Adaptive::default()
        }));
    }
}
