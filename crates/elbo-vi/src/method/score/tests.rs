//! Exact answers on small supports, drawn or summed over.

use elbo_math::log_space::{inv_logit, log1p_exp};
use elbo_math::random::stream;
use elbo_testkit::{assert_all_close, assert_close};

use super::*;
use crate::LogDensity;
use crate::density::FromFn;
use crate::driver::{DriverConfig, Fitted, fit, silent};

fn fitted(density: &dyn LogDensity, dimension: usize, method: &Score) -> Fitted {
    let target = Target::new(density, dimension).unwrap();
    let config = DriverConfig {
        max_iters: 3000,
        max_gradient_evaluations: 10_000_000,
        ..DriverConfig::default()
    };
    fit(method, &target, &Start::Random, 1, &config, &mut silent).unwrap()
}

/// Thirty independent binary unknowns, normalised: far too many combinations to sum over.
fn coins(x: &[f64], g: &mut [f64]) -> f64 {
    g.fill(0.0);
    x.iter()
        .enumerate()
        .map(|(i, z)| {
            let logit = 0.1 * i as f64 - 1.5;
            z * logit - log1p_exp(logit)
        })
        .sum()
}

#[test]
fn independent_coins_are_learnt_from_draws() {
    let method = Score {
        n_categories: vec![2; 30],
        ..Score::default()
    };
    let found = fitted(&FromFn(coins), 30, &method);
    let mean = found.approximation.mean().unwrap();
    for (i, m) in mean.iter().enumerate() {
        let truth = inv_logit(0.1 * i as f64 - 1.5);
        // 0.01 nats in all leave each of thirty probabilities off by less than 0.02.
        assert!((m - truth).abs() < 0.03, "{i}: {m} {truth}");
    }
    // In the family, and normalised: the ELBO is 0 in every draw at the optimum.
    let (elbo, _) = found.outcome.elbo().unwrap();
    assert!(elbo.abs() < 0.1, "{elbo}");
}

/// Two binary unknowns that prefer to agree, and a normal variable whose mean tells of the first.
fn coupled(x: &[f64], g: &mut [f64]) -> f64 {
    let mean = x[0];
    g.fill(0.0);
    g[2] = mean - x[2];
    1.2 * (2.0 * x[0] - 1.0) * (2.0 * x[1] - 1.0) + 0.4 * x[0] - 0.5 * (x[2] - mean).powi(2)
}

/// The best ELBO of an independent `q`, by brute force over its two probabilities: the normal factor
/// is then `N(p₀, 1)`.
fn best() -> (f64, f64, f64) {
    let entropy = |p: f64| -p * p.ln() - (1.0 - p) * (1.0 - p).ln();
    let mut best = (f64::NEG_INFINITY, 0.0, 0.0);
    for a in 1..1000 {
        for b in 1..1000 {
            let (p, r) = (f64::from(a) / 1000.0, f64::from(b) / 1000.0);
            let elbo = 1.2 * (2.0 * p - 1.0) * (2.0 * r - 1.0) + 0.4 * p - 0.5 * p * (1.0 - p)
                + entropy(p)
                + entropy(r)
                + 0.5 * (2.0 * std::f64::consts::PI).ln();
            if elbo > best.0 {
                best = (elbo, p, r);
            }
        }
    }
    best
}

#[test]
fn summing_over_combinations_and_drawing_them_find_the_same_optimum() {
    let (elbo, p, r) = best();
    for enumerate in [64, 1] {
        let method = Score {
            n_categories: vec![2, 2],
            enumerate,
            ..Score::default()
        };
        let found = fitted(&FromFn(coupled), 3, &method);
        let q = &found.approximation;
        let mean = q.mean().unwrap();
        // 0.01 nats at a curvature of p(1 − p) ≈ 0.1 are 0.03 in a probability.
        assert!((mean[0] - p).abs() < 0.05, "{enumerate}: {mean:?} {p}");
        assert!((mean[1] - r).abs() < 0.05, "{enumerate}: {mean:?} {r}");
        let (points, log_q) = q.sample(20_000, &mut stream(1, "test", 0));
        let density = FromFn(coupled);
        let target = Target::new(&density, 3).unwrap();
        let log_p = target.log_densities(&points).unwrap();
        let terms: Vec<f64> = log_p.iter().zip(&log_q).map(|(p, q)| p - q).collect();
        let found = elbo_testkit::Estimate::from_draws(&terms);
        let off = (found.mean - elbo).abs();
        assert!(off < 0.02 + 5.0 * found.mcse, "{found:?} {elbo}");
    }
}

#[test]
fn the_gradient_of_a_sum_over_combinations_agrees_with_finite_differences() {
    let target_density = |z: usize| [0.3_f64, -0.5, 1.1][z];
    let density = FromFn(|x: &[f64], g: &mut [f64]| {
        g.fill(0.0);
        match x[0] {
            0.0 => 0.3,
            1.0 => -0.5,
            _ => 1.1,
        }
    });
    let target = Target::new(&density, 1).unwrap();
    let elbo = |logits: &[f64]| {
        let q = MixedMeanField::new(vec![3], logits.to_vec()).unwrap();
        (0..3)
            .map(|z| {
                let l = q.log_probability(&[z]);
                l.exp() * (target_density(z) - l)
            })
            .sum::<f64>()
    };
    let logits = [0.2, -0.4, 0.9];
    let method = Score {
        n_categories: vec![3],
        ..Score::default()
    };
    let mut state = method.init(&target, &Start::Random, 1).unwrap();
    state.q = MixedMeanField::new(vec![3], logits.to_vec()).unwrap();
    let noise = Draws::zeros(1, method.n_draws);
    let cloud = method.cloud(&state, &noise);
    let (log_p, gradients) = target.log_densities_and_gradients(&cloud.points).unwrap();
    let log_q = state.q.log_density(&cloud.points);
    let info = estimate(&cloud, &log_p, &log_q);
    assert_close("ELBO", info.elbo.unwrap(), elbo(&logits), 1e-14);
    let numeric = elbo_testkit::gradient(elbo, &logits);
    let found = gradient(&state.q, &cloud, &noise, &log_p, &log_q, &gradients);
    assert_all_close("gradient", &found, &numeric, 1e-9);
}

#[test]
fn impossible_combinations_are_left() {
    // z = 0 is outside the support; z ∈ {1, 2} with odds 1 : 3.
    let density = FromFn(|x: &[f64], _: &mut [f64]| match x[0] {
        1.0 => 0.25_f64.ln(),
        2.0 => 0.75_f64.ln(),
        _ => f64::NEG_INFINITY,
    });
    let method = Score {
        n_categories: vec![3],
        ..Score::default()
    };
    let found = fitted(&density, 1, &method);
    let arrays = found.approximation.arrays();
    let q = MixedMeanField::from_arrays(&arrays).unwrap();
    let p = &q.probabilities()[0];
    assert!(p[0] < 0.01 && (p[2] - 0.75).abs() < 0.03, "{p:?}");
}

#[test]
fn settings_are_checked() {
    let density = FromFn(coins);
    let target = Target::new(&density, 2).unwrap();
    let refused = |method: Score| method.init(&target, &Start::Random, 1).is_err();
    let with = |n_categories| Score {
        n_categories,
        ..Score::default()
    };
    assert!(refused(with(vec![2, 2, 2])));
    assert!(refused(with(vec![1])));
    let few = Score {
        n_draws: 1,
        ..Score::default()
    };
    assert!(refused(few));
}
