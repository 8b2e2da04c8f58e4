//! Laplace's approximation: the Gaussian of the log density's second-order expansion at its mode.
//!
//! The one idea: L-BFGS goes most of the way, Newton-CG the rest and away from saddles, and the
//! Hessian is put together from products with the unit vectors, many lanes at a time. A point that is
//! no peak is an error with the direction in which it fails, never a patched-up covariance.
//! Deliberately absent: skewness.

use elbo_math::linalg::{Matrix, SymmetricEigen};

use super::{Description, Info, Method, Start};
use crate::family::FullRank;
use crate::optimizer::{Lbfgs, LbfgsState, Progress, TrustRegion, TrustRegionState};
use crate::{Approximation, Target, ViError};

/// How help and documentation list it.
pub const DESCRIPTION: Description = Description {
    name: "laplace",
    summary: "the Gaussian with the curvature of the log density at its mode",
    options: &[(
        "history",
        "10",
        "pairs of steps and gradient changes kept by L-BFGS",
    )],
};

/// The settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Laplace {
    /// Pairs of steps and gradient changes kept by L-BFGS.
    pub history: usize,
}

impl Default for Laplace {
    fn default() -> Self {
        Self { history: 10 }
    }
}

/// How far the search for the mode has come.
#[derive(Debug, Clone, PartialEq)]
pub struct LaplaceState {
    phase: Phase,
}

#[derive(Debug, Clone, PartialEq)]
enum Phase {
    Ascent(LbfgsState),
    Newton {
        scale: Vec<f64>,
        state: TrustRegionState,
    },
    Done(Vec<f64>),
}

impl LaplaceState {
    /// The best point so far; the mode once a step has reported convergence.
    pub fn position(&self) -> &[f64] {
        match &self.phase {
            Phase::Ascent(state) => state.position(),
            Phase::Newton { state, .. } => state.position(),
            Phase::Done(mode) => mode,
        }
    }
}

impl Method for Laplace {
    type State = LaplaceState;

    fn init(&self, target: &Target<'_>, start: &Start, seed: u64) -> Result<Self::State, ViError> {
        if self.history == 0 {
            return Err(ViError::Setting {
                name: "history",
                value: "0".into(),
                requirement: "at least 1",
            });
        }
        let point = start.first_point(target, seed, 0)?;
        Ok(LaplaceState {
            phase: Phase::Ascent(LbfgsState::new(target, point)?),
        })
    }

    fn step(&self, target: &Target<'_>, state: &mut Self::State) -> Result<Info, ViError> {
        let mut next = state.clone();
        match &mut next.phase {
            Phase::Ascent(ascent) => {
                let lbfgs = Lbfgs {
                    history: self.history,
                    ..Lbfgs::default()
                };
                let progress = lbfgs.step(target, ascent)?;
                refuse_flight(progress, ascent.value())?;
                if progress != Progress::Moved {
                    let position = ascent.position().to_vec();
                    let scale = scales(&target.hessian(&position)?);
                    next = LaplaceState {
                        phase: Phase::Newton {
                            scale,
                            state: TrustRegionState::new(target, position)?,
                        },
                    };
                }
            }
            Phase::Newton {
                scale,
                state: newton,
            } => {
                let progress = TrustRegion::default().step(target, scale, newton)?;
                refuse_flight(progress, newton.value())?;
                if progress != Progress::Moved {
                    newton.check_end(scale)?;
                    next.phase = Phase::Done(newton.position().to_vec());
                }
            }
            Phase::Done(_) => {}
        }
        *state = next;
        Ok(Info {
            converged: matches!(state.phase, Phase::Done(_)),
            ..Info::default()
        })
    }

    fn finish(
        &self,
        target: &Target<'_>,
        state: Self::State,
    ) -> Result<Box<dyn Approximation>, ViError> {
        let mode = state.position();
        let mut precision = target.hessian(mode)?;
        precision.scale(-1.0);
        match FullRank::from_precision(mode.to_vec(), &precision) {
            Ok(q) => Ok(Box::new(q)),
            Err(error) => Err(explain(target, mode, &precision, error)),
        }
    }
}

/// The distance over which a coordinate matters, from the second derivative along it.
fn scales(hessian: &Matrix) -> Vec<f64> {
    hessian
        .diagonal()
        .iter()
        .map(|h| {
            if h.abs().is_normal() {
                h.abs().sqrt().recip()
            } else {
                1.0
            }
        })
        .collect()
}

fn refuse_flight(progress: Progress, value: f64) -> Result<(), ViError> {
    match progress {
        Progress::Unbounded { coordinate } => Err(ViError::Improper {
            elbo: value,
            coordinate,
        }),
        _ => Ok(()),
    }
}

/// What is wrong with a point whose negated Hessian is not positive definite.
fn explain(target: &Target<'_>, mode: &[f64], precision: &Matrix, error: ViError) -> ViError {
    let Ok(eigen) = SymmetricEigen::new(precision) else {
        return error;
    };
    let curvature = -eigen.values[0];
    if curvature < 0.0 {
        // Definite to an eigensolver but not to a factorisation: too ill-conditioned to invert.
        return error;
    }
    let share = |i: usize| eigen.vectors[(i, 0)].abs();
    let coordinate =
        (0..mode.len()).fold(0, |best, i| if share(i) > share(best) { i } else { best });
    match does_nothing(target, mode, coordinate) {
        Ok(Some(value)) => ViError::Improper {
            elbo: value,
            coordinate,
        },
        Ok(None) => ViError::NoPeak {
            coordinate,
            curvature,
        },
        Err(own) => own,
    }
}

/// Whether moving a coordinate by a little and by a lot leaves the density as it is.
fn does_nothing(
    target: &Target<'_>,
    mode: &[f64],
    coordinate: usize,
) -> Result<Option<f64>, ViError> {
    let mut gradient = vec![0.0; mode.len()];
    let value = target.log_density_and_gradient(mode, &mut gradient)?;
    for by in [-1e3, -1.0, 1.0, 1e3] {
        let mut moved = mode.to_vec();
        moved[coordinate] += by;
        let there = target.log_density_and_gradient(&moved, &mut gradient)?;
        if there != value || gradient[coordinate] != 0.0 {
            return Ok(None);
        }
    }
    Ok(Some(value))
}

#[cfg(test)]
mod tests {
    use elbo_testkit::{assert_all_close, assert_close};

    use super::*;
    use crate::LogDensity;
    use crate::density::FromFn;
    use crate::testing::{BANANA, FUNNEL, Gaussian, TWO_MODES};

    fn fit(
        density: &dyn LogDensity,
        dimension: usize,
        start: &Start,
    ) -> Result<Box<dyn Approximation>, ViError> {
        let target = Target::new(density, dimension)?;
        let method = Laplace::default();
        let mut state = method.init(&target, start, 1)?;
        while !method.step(&target, &mut state)?.converged {}
        method.finish(&target, state)
    }

    #[test]
    fn gaussians_are_recovered_exactly() {
        for (dimension, condition) in [(2, 1e4), (20, 1e4), (200, 1e4)] {
            let gaussian = Gaussian::new(dimension, condition, 31);
            let q = fit(&gaussian, dimension, &Start::Random).unwrap();
            let sds: Vec<f64> = gaussian
                .covariance
                .diagonal()
                .iter()
                .map(|v| v.sqrt())
                .collect();
            // Newton's promise of 1e-12 nats is 1.4e-6 sd; inverting loses condition · 1e-16.
            assert_all_close("sds", &q.standard_deviations().unwrap(), &sds, 1e-8);
            for (i, m) in q.mean().unwrap().iter().enumerate() {
                assert!(
                    (m - gaussian.mean[i]).abs() < 1e-5 * sds[i],
                    "D = {dimension}, {i}"
                );
            }
        }
    }

    #[test]
    fn mode_and_curvature_of_a_log_gamma_are_those_known() {
        // x = log of Gamma(a, b): log density a x − b eˣ, mode log(a/b), curvature −a.
        let density = FromFn(|x: &[f64], g: &mut [f64]| {
            g[0] = 7.0 - 2.0 * x[0].exp();
            7.0 * x[0] - 2.0 * x[0].exp()
        });
        let q = fit(&density, 1, &Start::Point(vec![-3.0])).unwrap();
        assert_close("mode", q.mean().unwrap()[0], 3.5_f64.ln(), 1e-6);
        // The Hessian is a difference of gradients, good to about 1e-9.
        assert_close(
            "sd",
            q.standard_deviations().unwrap()[0],
            7.0_f64.sqrt().recip(),
            1e-6,
        );
    }

    #[test]
    fn a_mode_is_found_though_the_start_is_a_saddle_or_a_banana() {
        let q = fit(&TWO_MODES, 2, &Start::Point(vec![0.5493, 1.0])).unwrap();
        assert_close("mode", q.mean().unwrap()[0].abs(), 3.0, 1e-6);
        assert_all_close("sds", &q.standard_deviations().unwrap(), &[1.0, 1.0], 1e-5);
        // At the banana's mode (0, −½) the curvatures are 1 + 4 · 0 and 4.
        let q = fit(&BANANA, 2, &Start::Random).unwrap();
        assert_all_close("mode", &q.mean().unwrap(), &[0.0, -0.5], 1e-6);
        assert_all_close("sds", &q.standard_deviations().unwrap(), &[1.0, 0.5], 1e-5);
    }

    #[test]
    fn the_funnel_ends_at_its_mode_or_says_why_not() {
        // The mode, at x₀ = −9 · 9/2, has precisions of e^40.5 beside 1/9.
        match fit(&FUNNEL, 10, &Start::Random) {
            Ok(q) => assert_close("mode", q.mean().unwrap()[0], -40.5, 1e-3),
            Err(error) => assert!(
                matches!(error, ViError::Matrix(_) | ViError::NoPeak { .. }),
                "{error}"
            ),
        }
    }

    #[test]
    fn what_has_no_quadratic_peak_is_reported() {
        let idle = FromFn(|x: &[f64], g: &mut [f64]| {
            (g[0], g[1]) = (-x[0], 0.0);
            -0.5 * x[0] * x[0]
        });
        let rising = FromFn(|x: &[f64], g: &mut [f64]| {
            (g[0], g[1]) = (-x[0], 1.0);
            x[1] - 0.5 * x[0] * x[0]
        });
        for density in [&idle as &dyn LogDensity, &rising] {
            let error = fit(density, 2, &Start::Random).err().unwrap();
            assert!(
                matches!(error, ViError::Improper { coordinate: 1, .. }),
                "{error}"
            );
        }
        // On a saddle exactly, no gradient points away.
        let saddle = FromFn(|x: &[f64], g: &mut [f64]| {
            (g[0], g[1]) = (-x[0], 2.0 * x[1]);
            x[1] * x[1] - 0.5 * x[0] * x[0]
        });
        let error = fit(&saddle, 2, &Start::Point(vec![0.0, 0.0]))
            .err()
            .unwrap();
        assert!(matches!(error, ViError::NoPeak { .. }), "{error}");
    }

    #[test]
    fn a_gradient_that_contradicts_its_value_is_reported() {
        let wrong = FromFn(|x: &[f64], g: &mut [f64]| {
            g[0] = x[0] + 1.0;
            -0.5 * x[0] * x[0] - x[0]
        });
        let error = fit(&wrong, 1, &Start::Point(vec![1.0])).err().unwrap();
        assert!(matches!(error, ViError::Numerical { .. }), "{error}");
    }

    #[test]
    fn bad_starts_and_densities_end_in_typed_errors() {
        let nan = FromFn(|_: &[f64], _: &mut [f64]| f64::NAN);
        assert!(matches!(
            fit(&nan, 1, &Start::Random).err(),
            Some(ViError::NotFinite { .. })
        ));
        let panics = FromFn(|x: &[f64], g: &mut [f64]| {
            assert!(x[0] < 1.0, "beyond one");
            g[0] = 1.0;
            x[0]
        });
        assert!(matches!(
            fit(&panics, 1, &Start::Point(vec![0.0])).err(),
            Some(ViError::Panicked { .. })
        ));
        assert!(matches!(
            fit(&panics, 1, &Start::Point(vec![0.0, 0.0])).err(),
            Some(ViError::Length { .. })
        ));
    }
}
