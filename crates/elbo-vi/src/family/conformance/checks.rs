//! The identities that the members of a family are checked for.
//!
//! The one idea: a check knows a family's traits only. Deliberately absent: the families.

use elbo_math::parallel::with_threads;
use elbo_math::quadrature::GaussHermite;
use elbo_math::random::{standard_normal, stream};
use elbo_testkit::{Estimate, assert_all_close, assert_close, gradient};

use super::super::*;
use crate::Approximation;

pub(super) const SEED: u64 = 20;

/// Draws behind a Monte Carlo check.
pub(super) const N_DRAWS: usize = 20_000;

/// Finite differences are exact to about 1e-10 of a function that is a sum over a few draws.
pub(super) const DIFFERENCES: f64 = 1e-7;

pub(super) fn draws(q: &impl Approximation, n: usize, purpose: &str) -> Draws {
    q.sample(n, &mut stream(SEED, purpose, 0)).0
}

pub(super) fn with_params<F: Family + Clone>(q: &F, params: &[f64]) -> F {
    let mut moved = q.clone();
    moved.set_params(params).unwrap();
    moved
}

/// Layers 1 and 7 for anything that can be drawn from and evaluated on all of space.
pub(super) fn check_approximation(q: &impl Approximation) {
    check_draws(q);
    let (points, log_q) = q.sample(N_DRAWS, &mut stream(SEED, "sample", 0));
    draws_follow_density(q, &points, &log_q);
}

/// The part of it that any support allows.
pub(super) fn check_draws(q: &impl Approximation) {
    let what = q.name();
    let (points, log_q) = q.sample(N_DRAWS, &mut stream(SEED, "sample", 0));
    assert_eq!(points.dimension(), q.dimension());
    // Evaluating at the draw inverts what made it, which loses a few digits.
    assert_all_close(
        &format!("{what}: log q of draws"),
        &log_q,
        &q.log_density(&points),
        1e-9,
    );
    if let Some(mean) = q.mean() {
        for (i, m) in mean.iter().enumerate() {
            let estimate = Estimate::from_draws(points.coordinate(i));
            estimate.assert_agrees(&format!("{what}: mean[{i}]"), SEED, *m);
        }
        if let Some(sds) = q.standard_deviations() {
            for (i, (m, sd)) in mean.iter().zip(sds).enumerate() {
                let squares: Vec<f64> = points
                    .coordinate(i)
                    .iter()
                    .map(|x| (x - m).powi(2))
                    .collect();
                let estimate = Estimate::from_draws(&squares);
                estimate.assert_agrees(&format!("{what}: variance[{i}]"), SEED, sd * sd);
            }
        }
    }
    let restored = restore(what, &q.arrays()).unwrap();
    assert_eq!(restored.name(), what);
    assert_eq!(restored.dimension(), q.dimension());
    // The same numbers in, the same bits out: a saved fit draws what the fit drew.
    let again = restored.sample(50, &mut stream(SEED, "restored", 0));
    assert_eq!(again, q.sample(50, &mut stream(SEED, "restored", 0)));
    let threads = |n| with_threads(n, || q.sample(100, &mut stream(SEED, "threads", 0)));
    assert_eq!(threads(1), threads(3));
}

/// `E_q[g/q] = 1` for densities `g` with lighter tails, shifted one way and the other: draws and
/// density belong together.
pub(super) fn draws_follow_density(q: &impl Approximation, points: &Draws, log_q: &[f64]) {
    let d = q.dimension();
    for sign in [1.0, -1.0] {
        let moments: Vec<(f64, f64)> = (0..d)
            .map(|i| {
                // Quartiles exist for every family; moments may not.
                let mut x = points.coordinate(i).to_vec();
                x.sort_by(f64::total_cmp);
                let quartile = |k: usize| x[k * N_DRAWS / 4];
                let spread = (quartile(3) - quartile(1)) / 1.349;
                (quartile(2) + sign * 0.3 * spread, 0.6 * spread)
            })
            .collect();
        let g = MeanField::new(
            moments.iter().map(|m| m.0).collect(),
            moments.iter().map(|m| m.1).collect(),
        )
        .unwrap();
        let weights: Vec<f64> = g
            .log_density(points)
            .iter()
            .zip(log_q)
            .map(|(g, q)| (g - q).exp())
            .collect();
        let what = format!("{}: ∫ g by importance sampling", q.name());
        Estimate::from_draws(&weights).assert_agrees(&what, SEED, 1.0);
    }
}

/// The density of a member in two dimensions integrates to one over a square, by the trapezoidal
/// rule, a line of points at a time.
pub(super) fn integrates_to_one(
    q: &impl Approximation,
    half_width: f64,
    n_points: usize,
    tolerance: f64,
) {
    let spacing = 2.0 * half_width / (n_points - 1) as f64;
    let at = |k: usize| spacing.mul_add(k as f64, -half_width);
    let mut total = 0.0;
    for i in 0..n_points {
        let line: Vec<[f64; 2]> = (0..n_points).map(|j| [at(i), at(j)]).collect();
        let log_q = q.log_density(&Draws::from_points(2, &line));
        total += log_q.iter().map(|l| l.exp()).sum::<f64>() * spacing * spacing;
    }
    assert_close(&format!("{}: ∫ q", q.name()), total, 1.0, tolerance);
}

pub(super) fn check_family<F: Family + Clone>(q: &F) {
    let what = q.name();
    assert_eq!(with_params(q, q.params()).params(), q.params());
    let points = draws(q, 4, "points");
    let (log_q, gradients) = q.log_density_and_gradient(&points);
    assert_all_close(what, &log_q, &q.log_density(&points), 1e-12);
    for s in 0..4 {
        let f = |x: &[f64]| q.log_density(&Draws::from_points(x.len(), &[x]))[0];
        assert_all_close(
            &format!("{what}: ∂ log q/∂θ"),
            &gradients.draw(s),
            &gradient(f, &points.draw(s)),
            DIFFERENCES,
        );
    }
    if let Some(entropy) = q.entropy() {
        let (_, log_q) = q.sample(N_DRAWS, &mut stream(SEED, "entropy", 0));
        let negated: Vec<f64> = log_q.iter().map(|v| -v).collect();
        Estimate::from_draws(&negated).assert_agrees(&format!("{what}: entropy"), SEED, entropy);
    }
    let mut moved = q.clone();
    assert!(moved.set_params(&vec![f64::NAN; q.params().len()]).is_err());
    assert!(moved.set_params(&q.params()[1..]).is_err());
    assert_eq!(moved.params(), q.params());
}

pub(super) fn check_reparameterised<F: Reparameterised + Clone>(q: &F) {
    let (what, n) = (q.name(), 3);
    let mut rng = stream(SEED, "cotangents", 0);
    let noise = q.noise(n, &mut rng);
    assert_eq!(noise.dimension(), q.noise_dimension());
    let cotangents = standard_normal_draws(q.dimension(), n, &mut rng);
    let weights: Vec<f64> = (0..n).map(|_| standard_normal(&mut rng)).collect();
    let (points, log_q) = q.transform(&noise);
    assert_all_close(
        &format!("{what}: log q"),
        &log_q,
        &q.log_density(&points),
        1e-9,
    );

    let mut through = vec![1.0; q.params().len()];
    q.pull_back(&noise, &cotangents, &mut through);
    let paired = |params: &[f64]| {
        let points = with_params(q, params).transform(&noise).0;
        elbo_math::linalg::dot(points.as_slice(), cotangents.as_slice())
    };
    let expected: Vec<f64> = gradient(paired, q.params())
        .iter()
        .map(|g| g + 1.0)
        .collect();
    assert_all_close(
        &format!("{what}: pull_back"),
        &through,
        &expected,
        DIFFERENCES,
    );

    let mut total = vec![1.0; q.params().len()];
    q.pull_back_log_density(&noise, &weights, &mut total);
    let weighted = |params: &[f64]| {
        let log_q = with_params(q, params).transform(&noise).1;
        elbo_math::linalg::dot(&log_q, &weights)
    };
    let expected: Vec<f64> = gradient(weighted, q.params())
        .iter()
        .map(|g| g + 1.0)
        .collect();
    assert_all_close(
        &format!("{what}: pull_back_log_density"),
        &total,
        &expected,
        DIFFERENCES,
    );

    let mut both = vec![0.0; q.params().len()];
    q.pull_back_both(&noise, &cotangents, &weights, &mut both);
    let sum: Vec<f64> = through
        .iter()
        .zip(&total)
        .map(|(a, b)| a + b - 2.0)
        .collect();
    assert_all_close(&format!("{what}: pull_back_both"), &both, &sum, 1e-11);

    assert_eq!(q.entropy_gradient().is_some(), q.entropy().is_some());
    if let Some(entropy) = q.entropy_gradient() {
        let f = |params: &[f64]| with_params(q, params).entropy().unwrap();
        assert_all_close(
            &format!("{what}: entropy gradient"),
            &entropy,
            &gradient(f, q.params()),
            DIFFERENCES,
        );
    }
}

pub(super) fn check_scored<F: Scored + Clone>(q: &F) {
    let what = q.name();
    let points = draws(q, 3, "scores");
    let scores = q.scores(&points);
    for s in 0..3 {
        let point = points.slice(s..s + 1);
        let f = |params: &[f64]| with_params(q, params).log_density(&point)[0];
        assert_all_close(
            &format!("{what}: score"),
            &scores.draw(s),
            &gradient(f, q.params()),
            DIFFERENCES,
        );
    }
    let scores = q.scores(&draws(q, 500, "mean score"));
    for i in 0..q.params().len() {
        let estimate = Estimate::from_draws(scores.coordinate(i));
        estimate.assert_agrees(&format!("{what}: E score[{i}]"), SEED, 0.0);
    }
}

/// `F · natural = gradient` with `F = E[score scoreᵀ]`, which five Gauss–Hermite nodes per noise
/// coordinate integrate exactly: it is a polynomial of degree four.
pub(super) fn check_natural<F: Natural + Reparameterised + Scored>(q: &F) {
    let (rule, d) = (GaussHermite::new(5), q.dimension());
    let n = 5_usize.pow(u32::try_from(d).unwrap());
    let node = |s: usize, i: usize| s / 5_usize.pow(u32::try_from(i).unwrap()) % 5;
    let mut noise = Draws::zeros(d, n);
    let mut weights = vec![1.0; n];
    for s in 0..n {
        for i in 0..d {
            noise.coordinate_mut(i)[s] = rule.nodes[node(s, i)];
            weights[s] *= rule.weights[node(s, i)];
        }
    }
    let scores = q.scores(&q.transform(&noise).0);
    let expected: Vec<f64> = (0..q.params().len())
        .map(|i| 1.0 + 0.3 * i as f64)
        .collect();
    let mut natural = expected.clone();
    q.natural_gradient(&mut natural);
    let mut product = vec![0.0; natural.len()];
    for s in 0..n {
        let score = scores.draw(s);
        let along = weights[s] * elbo_math::linalg::dot(&score, &natural);
        elbo_math::linalg::axpy(along, &score, &mut product);
    }
    assert_all_close(
        &format!("{}: F F⁻¹ g", q.name()),
        &product,
        &expected,
        1e-10,
    );
}
