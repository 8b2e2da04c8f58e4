//! Claims about Pathfinder.

use elbo_math::parallel::with_threads;
use elbo_testkit::assert_all_close;

use super::*;
use crate::density::FromFn;
use crate::family::restore;
use crate::testing::{BANANA, FUNNEL, Gaussian, TWO_MODES};
use crate::{LogDensity, ViError};

fn fit(
    settings: &Pathfinder,
    density: &dyn LogDensity,
    dimension: usize,
    seed: u64,
) -> Result<PathMixture, ViError> {
    let target = Target::new(density, dimension)?;
    let mut state = settings.init(&target, &Start::Random, seed)?;
    while !settings.step(&target, &mut state)?.converged {}
    settings.mixture(&target, &state)
}

#[test]
fn gaussians_are_recovered_as_far_as_the_history_reaches() {
    // With as many pairs as dimensions the model can hold the whole Hessian. Inexact line searches
    // leave it an approximation, better the longer the path: KL 0.05 nats is an sd 16% off in one
    // direction.
    for (dimension, condition) in [(2, 1e4), (5, 1e2), (10, 1e4)] {
        let gaussian = Gaussian::new(dimension, condition, 21);
        let settings = Pathfinder {
            history: 2 * dimension,
            ..Pathfinder::default()
        };
        let q = fit(&settings, &gaussian, dimension, 1).unwrap();
        let mean = q.mean().unwrap();
        let sds = q.standard_deviations().unwrap();
        for i in 0..dimension {
            let sd = gaussian.covariance[(i, i)].sqrt();
            assert!(
                (mean[i] - gaussian.mean[i]).abs() < 0.05 * sd,
                "D = {dimension}, mean {i}: {} {} sd {sd}",
                mean[i],
                gaussian.mean[i]
            );
            assert!(
                (sds[i] / sd - 1.0).abs() < 0.15,
                "D = {dimension}, sd {i}: {} {sd}",
                sds[i]
            );
        }
    }
}

#[test]
fn the_mean_is_exact_however_short_the_history() {
    let gaussian = Gaussian::new(200, 1e2, 22);
    let q = fit(&Pathfinder::default(), &gaussian, 200, 1).unwrap();
    let mean = q.mean().unwrap();
    for i in 0..200 {
        let sd = gaussian.covariance[(i, i)].sqrt();
        // Each path's iterate of the highest ELBO need not be its last.
        assert!((mean[i] - gaussian.mean[i]).abs() < 0.1 * sd, "{i}");
    }
}

#[test]
fn two_modes_get_the_mass_that_they_have() {
    let settings = Pathfinder {
        n_paths: 8,
        ..Pathfinder::default()
    };
    let q = fit(&settings, &TWO_MODES, 2, 3).unwrap();
    // Six standard deviations apart, and a mode is exactly Gaussian: mean −3 · ¾ + 3 · ¼. The
    // weights are judged by 125 draws per path.
    assert_all_close("mean", &q.mean().unwrap(), &[-1.5, 0.0], 0.1);
    let far = Draws::from_points(2, &[[3.0, 0.0], [-3.0, 0.0]]);
    let log_q = q.log_density(&far);
    let ratio = (log_q[1] - log_q[0]).exp();
    assert!((2.4..3.8).contains(&ratio), "{ratio}");
}

#[test]
fn hard_shapes_end_in_a_usable_mixture() {
    for (density, dimension) in [(&BANANA, 2), (&FUNNEL, 10)] {
        let target = Target::new(density, dimension).unwrap();
        let q = fit(&Pathfinder::default(), density, dimension, 4).unwrap();
        let resampled = resample(&q, &target, 1000, 100, 1).unwrap();
        assert_eq!(resampled.draws.n_draws(), 100);
        let mut indices = resampled.indices.clone();
        indices.sort_unstable();
        indices.dedup();
        assert_eq!(indices.len(), 100);
        // Both densities are normalised, so the ELBO is at most 0.
        let elbo = resampled.log_ratios.iter().sum::<f64>() / 1000.0;
        assert!(elbo < 0.0 && elbo > -20.0, "{elbo}");
    }
}

#[test]
fn the_bits_do_not_depend_on_the_number_of_threads() {
    let gaussian = Gaussian::new(7, 1e2, 23);
    let one = with_threads(1, || fit(&Pathfinder::default(), &gaussian, 7, 9).unwrap());
    let three = with_threads(3, || fit(&Pathfinder::default(), &gaussian, 7, 9).unwrap());
    assert_eq!(one, three);
}

#[test]
fn improper_posteriors_are_called_so() {
    let idle = FromFn(|x: &[f64], g: &mut [f64]| {
        (g[0], g[1]) = (-x[0], 0.0);
        -0.5 * x[0] * x[0]
    });
    let rising = FromFn(|x: &[f64], g: &mut [f64]| {
        (g[0], g[1]) = (-x[0], 1.0);
        -0.5 * x[0] * x[0] + x[1]
    });
    for density in [&idle as &dyn LogDensity, &rising] {
        let got = fit(&Pathfinder::default(), density, 2, 1);
        assert!(
            matches!(got, Err(ViError::Improper { coordinate: 1, .. })),
            "{got:?}"
        );
    }
}

#[test]
fn bad_densities_end_in_typed_errors() {
    let nan = FromFn(|_: &[f64], _: &mut [f64]| f64::NAN);
    let panics = FromFn(|_: &[f64], _: &mut [f64]| -> f64 { panic!("no") });
    assert!(matches!(
        fit(&Pathfinder::default(), &nan, 2, 1),
        Err(ViError::NotFinite { .. })
    ));
    assert!(matches!(
        fit(&Pathfinder::default(), &panics, 2, 1),
        Err(ViError::Panicked { .. })
    ));
    let settings = Pathfinder {
        n_elbo_draws: 1,
        ..Pathfinder::default()
    };
    assert!(matches!(
        fit(&settings, &nan, 2, 1),
        Err(ViError::Setting { .. })
    ));
    // NaN in half of the space is stepped around.
    let half = FromFn(|x: &[f64], g: &mut [f64]| {
        g[0] = 2.0 / x[0] - 1.0;
        if x[0] > 0.0 {
            2.0 * x[0].ln() - x[0]
        } else {
            f64::NAN
        }
    });
    let q = fit(&Pathfinder::default(), &half, 1, 1).unwrap();
    let mean = q.mean().unwrap()[0];
    assert!((1.0..4.0).contains(&mean), "{mean}");
}

#[test]
fn a_mixture_is_restored_from_its_arrays() {
    let q = fit(&Pathfinder::default(), &BANANA, 2, 6).unwrap();
    let restored = restore(q.name(), &q.arrays()).unwrap();
    let draw = |q: &dyn Approximation| q.sample(50, &mut stream(1, "restored", 0));
    assert_eq!(draw(&*restored), draw(&q));
    for name in q.arrays().keys() {
        let mut incomplete = q.arrays();
        incomplete.remove(name);
        assert!(restore(q.name(), &incomplete).is_err(), "without {name}");
    }
}
