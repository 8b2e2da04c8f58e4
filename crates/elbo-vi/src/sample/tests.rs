//! Claims about the sampler and what it keeps.

use std::sync::atomic::{AtomicUsize, Ordering};

use elbo_math::linalg::Cholesky;
use elbo_testkit::Estimate;

use super::*;
use crate::LogDensity;
use crate::density::FromFn;
use crate::testing::{FUNNEL, Gaussian};

#[test]
fn moments_of_a_gaussian_are_recovered_to_their_own_error() {
    let gaussian = Gaussian::new(5, 100.0, 3);
    let target = Target::new(&gaussian, 5).unwrap();
    let sample = sample(&target, &SampleConfig::default(), 3).unwrap();
    assert!(sample.reliable(), "{:?}", sample.summaries);
    for (i, summary) in sample.summaries.iter().enumerate() {
        Estimate {
            mean: summary.mean,
            mcse: summary.mcse_mean,
        }
        .assert_agrees("mean", 3, gaussian.mean[i]);
        Estimate {
            mean: summary.sd,
            mcse: summary.mcse_sd,
        }
        .assert_agrees("sd", 3, gaussian.covariance[(i, i)].sqrt());
    }
    assert_eq!((sample.trajectories.len(), sample.tuned.len()), (4000, 4));
    for (s, trajectory) in sample.trajectories.iter().enumerate() {
        let value = gaussian.log_density_and_gradient(&sample.draws.draw(s), &mut [0.0; 5]);
        // The same numbers up to the sampler's own rescaling.
        assert!((trajectory.log_density - value.unwrap()).abs() < 1e-9);
        assert!((0.0..=1.0).contains(&trajectory.acceptance));
        assert!(trajectory.n_steps >= 1 && trajectory.n_steps < 1 << (trajectory.depth + 1));
    }
    let precision = Cholesky::new(&gaussian.covariance).unwrap().inverse();
    for tuned in &sample.tuned {
        for (i, inverse_mass) in tuned.inverse_masses.iter().enumerate() {
            // The sampler's rule is sd(x)/sd(∇log p), here √(Σ/Λ); tuned on some hundred draws,
            // it is within a factor of two.
            let rule = (gaussian.covariance[(i, i)] / precision[(i, i)]).sqrt();
            let ratio = inverse_mass / rule;
            assert!((0.5..2.0).contains(&ratio), "{ratio}");
        }
    }
    // Warm-up counts, and nothing is counted twice.
    assert_eq!(sample.gradient_evaluations, target.gradient_evaluations());
    assert!(sample.gradient_evaluations > 8000);
}

#[test]
fn the_draws_do_not_depend_on_the_number_of_threads() {
    let gaussian = Gaussian::new(3, 4.0, 4);
    let config = SampleConfig {
        n_warmup: 50,
        n_draws: 20,
        ..SampleConfig::default()
    };
    let run = |threads, seed| {
        let target = Target::new(&gaussian, 3).unwrap();
        parallel::with_threads(threads, || sample(&target, &config, seed).unwrap().draws)
    };
    let one = run(1, 5);
    assert_eq!(one, run(3, 5));
    assert_ne!(one, run(1, 6));
}

#[test]
fn a_chain_that_is_stopped_keeps_the_draws_so_far() {
    let gaussian = Gaussian::new(2, 3.0, 1);
    let target = Target::new(&gaussian, 2).unwrap();
    let config = SampleConfig {
        n_chains: 1,
        n_warmup: 100,
        n_draws: 60,
        ..SampleConfig::default()
    };
    let whole = sample(&target, &config, 2).unwrap();
    assert!(!whole.interrupted);
    let stopped_after = |n: usize| {
        let asked = AtomicUsize::new(0);
        let stop = || asked.fetch_add(1, Ordering::SeqCst) == n;
        sample_until(&target, &config, 2, &stop)
    };
    let part = stopped_after(120).unwrap();
    assert!(part.interrupted);
    assert_eq!(part.draws, whole.draws.slice(0..20));
    assert_eq!(part.trajectories, whole.trajectories[..20]);
    let nothing = stopped_after(100).unwrap_err();
    assert!(matches!(nothing, ViError::Interrupted), "{nothing}");
}

#[test]
fn a_funnel_is_no_reference_and_says_so() {
    let target = Target::new(&FUNNEL, 10).unwrap();
    let sample = sample(&target, &SampleConfig::default(), 7).unwrap();
    assert!(!sample.reliable());
    assert!(sample.divergences > 0 || sample.smallest_ess() < 400.0);
}

#[test]
fn failures_keep_their_cause() {
    let run = |density: &dyn LogDensity, start| {
        let target = Target::new(density, 1).unwrap();
        let config = SampleConfig {
            start,
            ..SampleConfig::default()
        };
        sample(&target, &config, 1).unwrap_err()
    };
    let panics = FromFn(|x: &[f64], g: &mut [f64]| {
        assert!(x[0] < 1.0, "beyond one");
        g[0] = 1.0;
        x[0]
    });
    assert_eq!(
        run(&panics, Start::Point(vec![0.0])),
        ViError::Panicked {
            message: "beyond one".into()
        }
    );
    let nowhere = FromFn(|_: &[f64], _: &mut [f64]| f64::NEG_INFINITY);
    assert!(matches!(
        run(&nowhere, Start::Random),
        ViError::Start { .. }
    ));
    let target = Target::new(&panics, 1).unwrap();
    let config = SampleConfig {
        n_chains: 0,
        ..SampleConfig::default()
    };
    let error = sample(&target, &config, 1).unwrap_err();
    assert!(matches!(
        error,
        ViError::Setting {
            name: "n_chains",
            ..
        }
    ));
}
