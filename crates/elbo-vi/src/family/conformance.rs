//! What every family must satisfy, one row per member that is checked.
//!
//! The one idea: a family's file holds its formulas, this one the identities between them, so a new
//! family is tested by adding a row.

use elbo_math::parallel::with_threads;
use elbo_math::quadrature::GaussHermite;
use elbo_math::random::{standard_normal, stream};
use elbo_testkit::{Estimate, assert_all_close, assert_close, gradient};

use super::*;
use crate::Approximation;

const SEED: u64 = 20;

/// Draws behind a Monte Carlo check.
const N_DRAWS: usize = 20_000;

/// Finite differences are exact to about 1e-10 of a function that is a sum over a few draws.
const DIFFERENCES: f64 = 1e-7;

fn draws(q: &impl Approximation, n: usize, purpose: &str) -> Draws {
    q.sample(n, &mut stream(SEED, purpose, 0)).0
}

fn with_params<F: Family + Clone>(q: &F, params: &[f64]) -> F {
    let mut moved = q.clone();
    moved.set_params(params).unwrap();
    moved
}

/// Layers 1 and 7 for anything that can be drawn from and evaluated on all of space.
fn check_approximation(q: &impl Approximation) {
    check_draws(q);
    let (points, log_q) = q.sample(N_DRAWS, &mut stream(SEED, "sample", 0));
    draws_follow_density(q, &points, &log_q);
}

/// The part of it that any support allows.
fn check_draws(q: &impl Approximation) {
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
fn draws_follow_density(q: &impl Approximation, points: &Draws, log_q: &[f64]) {
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
fn integrates_to_one(q: &impl Approximation, half_width: f64, n_points: usize, tolerance: f64) {
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

fn check_family<F: Family + Clone>(q: &F) {
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

fn check_reparameterised<F: Reparameterised + Clone>(q: &F) {
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

fn check_scored<F: Scored + Clone>(q: &F) {
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
fn check_natural<F: Natural + Reparameterised + Scored>(q: &F) {
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

fn mean_field() -> MeanField {
    let mut q = MeanField::standard(3).unwrap();
    q.set_params(&[0.3, -1.2, 4.0, -0.35, 0.4, -4.0]).unwrap();
    q
}

fn full_rank(d: usize) -> FullRank {
    let mut q = FullRank::standard(d).unwrap();
    let params: Vec<f64> = (0..q.params().len())
        .map(|k| 0.5 * (1.7 * k as f64 + 0.4).sin())
        .collect();
    q.set_params(&params).unwrap();
    q
}

#[test]
fn mean_field_conforms() {
    let q = mean_field();
    check_approximation(&q);
    check_family(&q);
    check_reparameterised(&q);
    check_scored(&q);
    check_natural(&q);
    integrates_to_one(
        &MeanField::new(vec![0.4, -0.5], vec![0.5, 0.8]).unwrap(),
        8.0,
        120,
        1e-12,
    );
}

#[test]
fn full_rank_conforms() {
    for d in [1, 3] {
        let q = full_rank(d);
        check_approximation(&q);
        check_family(&q);
        check_reparameterised(&q);
        check_scored(&q);
        check_natural(&q);
    }
    integrates_to_one(&full_rank(2), 12.0, 160, 1e-12);
}

fn low_rank(d: usize, rank: usize) -> LowRank {
    let start = MeanField::new(vec![0.2; d], vec![0.7; d]).unwrap();
    let mut q = LowRank::near(&start, rank, &mut stream(SEED, "low rank", 0)).unwrap();
    let params: Vec<f64> = (0..q.params().len())
        .map(|k| 0.6 * (2.3 * k as f64 + 0.1).cos())
        .collect();
    q.set_params(&params).unwrap();
    q
}

#[test]
fn low_rank_conforms() {
    for (d, rank) in [(1, 1), (4, 2)] {
        let q = low_rank(d, rank);
        check_approximation(&q);
        check_family(&q);
        check_reparameterised(&q);
        check_scored(&q);
    }
    integrates_to_one(&low_rank(2, 1), 12.0, 160, 1e-12);
}

fn block(groups: &[Vec<usize>]) -> Block {
    let mut q = Block::standard(groups).unwrap();
    let params: Vec<f64> = (0..q.params().len())
        .map(|k| 0.5 * (1.3 * k as f64).cos())
        .collect();
    q.set_params(&params).unwrap();
    q
}

#[test]
fn block_conforms() {
    let q = block(&[vec![2, 0], vec![3], vec![1]]);
    check_approximation(&q);
    check_family(&q);
    check_reparameterised(&q);
    check_scored(&q);
    check_natural(&q);
    integrates_to_one(&block(&[vec![1], vec![0]]), 12.0, 160, 1e-12);
}

#[test]
fn blocks_of_one_are_the_mean_field_family_and_one_block_the_full_rank_one() {
    let points = standard_normal_draws(3, 5, &mut stream(SEED, "blocks", 0));
    let whole = block(&[vec![0, 1, 2]]);
    let full = &whole.members()[0];
    assert_eq!(whole.log_density(&points), full.log_density(&points));
    let singles = block(&[vec![0], vec![1], vec![2]]);
    let apart = MeanField::new(
        singles.mean().unwrap(),
        singles.standard_deviations().unwrap(),
    );
    assert_all_close(
        "log q",
        &singles.log_density(&points),
        &apart.unwrap().log_density(&points),
        1e-13,
    );
}

/// A flow of a few small layers, bent by random weights.
fn bent<E: flow::Elementwise>(kind: E, d: usize) -> flow::Flow<E> {
    let mut rng = stream(SEED, "flow", d as u64);
    let frame = if d == 2 {
        flow::Frame::Full(full_rank(d))
    } else {
        flow::Frame::Diagonal(MeanField::new(vec![0.3; d], vec![0.8; d]).unwrap())
    };
    let config = flow::FlowConfig {
        n_couplings: 3,
        hidden: vec![3],
    };
    let mut q = flow::Flow::new(kind, frame, &config, &mut rng).unwrap();
    let straight = q.log_density_and_gradient(&Draws::zeros(d, 1));
    let frame = q.frame().log_density(&Draws::zeros(d, 1));
    assert_all_close(
        "at the start a flow is its frame",
        &straight.0,
        &frame,
        1e-12,
    );
    let params: Vec<f64> = q
        .params()
        .iter()
        .map(|_| 0.25 * standard_normal(&mut rng))
        .collect();
    q.set_params(&params).unwrap();
    q
}

#[test]
fn real_nvp_conforms() {
    for d in [1, 2, 5] {
        let q = bent(flow::Affine, d);
        check_approximation(&q);
        check_family(&q);
        check_reparameterised(&q);
        check_scored(&q);
    }
    // Tails like a log-normal's: a share of about 1e-6 lies outside ±15, of 1e-8 outside ±40.
    integrates_to_one(&bent(flow::Affine, 2), 40.0, 500, 1e-7);
}

#[test]
fn neural_spline_conforms() {
    let kind = flow::RationalQuadratic::new(4, 3.0).unwrap();
    for d in [1, 2, 5] {
        let q = bent(kind, d);
        check_approximation(&q);
        check_family(&q);
        check_reparameterised(&q);
        check_scored(&q);
    }
    // The density has kinks at the knots, so the rule is of second order: off by 1.1e-3, 8e-5 and
    // 6e-6 with 201, 401 and 801 points.
    integrates_to_one(&bent(kind, 2), 10.0, 401, 3e-4);
}

fn copula(d: usize) -> Copula {
    let mut q = Copula::from_gaussian(&full_rank(d)).unwrap();
    let params: Vec<f64> = (0..q.params().len())
        .map(|k| 0.4 * (1.9 * k as f64 + 0.3).sin())
        .collect();
    q.set_params(&params).unwrap();
    q
}

#[test]
fn copula_conforms() {
    for d in [1, 3] {
        let q = copula(d);
        check_approximation(&q);
        check_family(&q);
        check_reparameterised(&q);
        check_scored(&q);
    }
    // Tails like exp(−(log |θ|)²): less than 1e-7 lies outside the square.
    integrates_to_one(&copula(2), 60.0, 900, 1e-6);
    let gaussian = full_rank(3);
    let points = draws(&gaussian, 5, "unbent");
    let unbent = Copula::from_gaussian(&gaussian).unwrap();
    assert_all_close(
        "unbent, a copula is its Gaussian",
        &unbent.log_density(&points),
        &gaussian.log_density(&points),
        1e-11,
    );
}

#[test]
fn student_conforms() {
    let gaussian = full_rank(3);
    let mut q = Student::new(&gaussian, 7.0).unwrap();
    check_approximation(&q);
    check_family(&q);
    check_reparameterised(&q);
    check_scored(&q);
    let mut params = q.params().to_vec();
    *params.last_mut().unwrap() = 1.5_f64.ln();
    q.set_params(&params).unwrap();
    assert!(q.standard_deviations().is_none());
    check_reparameterised(&q);
    check_scored(&q);
    // Tails like 1/r⁷ in the plane: 5e-6 lies outside the square.
    integrates_to_one(&Student::new(&full_rank(2), 7.0).unwrap(), 30.0, 400, 1e-5);
    let oracle = elbo_dist::MultivariateStudentT::from_scale_cholesky(
        1.5,
        q.params()[..3].to_vec(),
        full_rank(3).factor().clone(),
    )
    .unwrap();
    let point = [0.5, -0.1, 2.0];
    let found = q.log_density(&Draws::from_points(3, &[point]))[0];
    let expected = elbo_dist::Distribution::log_density(&oracle, &point[..]);
    assert_close("log q", found, expected, 1e-13);
    let expected = elbo_dist::Entropy::entropy(&oracle);
    assert_close("entropy", q.entropy().unwrap(), expected, 1e-12);
}

#[test]
fn mixture_conforms() {
    let other = FullRank::from_covariance(
        vec![1.5, -1.0],
        &elbo_math::linalg::Matrix::from_rows(&[[0.5, -0.2], [-0.2, 0.8]]),
    );
    let q = Mixture::new(&[1.0, 3.0], vec![full_rank(2), other.unwrap()]).unwrap();
    check_approximation(&q);
    check_family(&q);
    check_scored(&q);
    integrates_to_one(&q, 12.0, 160, 1e-12);
    let apart = Mixture::new(&[0.3, 0.7], vec![mean_field(), mean_field()]).unwrap();
    check_draws(&apart);
    check_draws(&Mixture::new(&[0.3, 0.7], vec![low_rank(2, 1), low_rank(2, 1)]).unwrap());
}

/// Draws follow the distribution that `elbo-dist` has under this name, whose densities and entropy
/// are the same.
fn check_independent<U, D>(params: &[f64], oracle: &D)
where
    U: Univariate,
    D: elbo_dist::Distribution<Point = f64> + elbo_dist::Cumulative + elbo_dist::Entropy,
{
    let q = Independent::<U>::new(params.to_vec()).unwrap();
    check_draws(&q);
    check_family(&q);
    check_reparameterised(&q);
    check_scored(&q);
    let (points, log_q) = q.sample(2000, &mut stream(SEED, "oracle", 0));
    elbo_testkit::assert_draws_follow(U::NAME, SEED, points.coordinate(0), |x| oracle.cdf(x));
    let expected: Vec<f64> = points
        .as_slice()
        .iter()
        .map(|x| oracle.log_density(x))
        .collect();
    assert_all_close(U::NAME, &log_q, &expected, 1e-11);
    assert_close(U::NAME, q.entropy().unwrap(), oracle.entropy(), 1e-11);
    let both = Independent::<U>::new([params, params].concat()).unwrap();
    check_draws(&both);
    check_reparameterised(&both);
}

#[test]
fn independent_distributions_of_one_number_conform() {
    let (a, b) = (2.5_f64, 0.7_f64);
    let logs = [a.ln(), b.ln()];
    check_independent::<Exponential, _>(&logs[..1], &elbo_dist::Exponential::new(a).unwrap());
    check_independent::<LogNormal, _>(
        &[0.3, -0.5],
        &elbo_dist::LogNormal::new(0.3, (-0.5_f64).exp()).unwrap(),
    );
    check_independent::<Gamma, _>(&logs, &elbo_dist::Gamma::new(a, b).unwrap());
    check_independent::<Gamma, _>(&[b.ln(), a.ln()], &elbo_dist::Gamma::new(b, a).unwrap());
    let above = [a.ln(), 1.7_f64.ln()];
    check_independent::<Beta, _>(&above, &elbo_dist::Beta::new(a, 1.7).unwrap());
    let (nu, s) = (5.0_f64, 0.8_f64);
    check_independent::<StudentT, _>(
        &[0.4, s.ln(), nu.ln()],
        &elbo_dist::StudentT::new(nu, 0.4, s).unwrap(),
    );
    assert!(Independent::<Gamma>::new(vec![0.0; 3]).is_err());
    assert!(Independent::<Gamma>::new(vec![0.0, 800.0]).is_err());
    assert!(Independent::<Gamma>::new(vec![]).is_err());
}

#[test]
fn dirichlet_conforms() {
    let alpha = [0.8, 2.0, 3.5];
    let q = Dirichlet::new(&alpha).unwrap();
    check_draws(&q);
    check_family(&q);
    check_reparameterised(&q);
    check_scored(&q);
    let oracle = elbo_dist::Dirichlet::new(alpha.to_vec()).unwrap();
    let (points, log_q) = q.sample(5, &mut stream(SEED, "dirichlet", 0));
    for (s, l) in log_q.iter().enumerate() {
        let expected = elbo_dist::Distribution::log_density(&oracle, &points.draw(s)[..]);
        assert_close("log q", *l, expected, 1e-12);
    }
    let expected = elbo_dist::Entropy::entropy(&oracle);
    assert_close("entropy", q.entropy().unwrap(), expected, 1e-12);
}

#[test]
fn discrete_families_conform() {
    fn check<F: Enumerable + Scored + Clone>(q: &F) {
        check_draws(q);
        check_scored(q);
        let total: f64 = q.log_density(&q.support()).iter().map(|l| l.exp()).sum();
        assert_close(q.name(), total, 1.0, 1e-14);
        assert_eq!(q.n_points(), Some(q.support().n_draws()));
        let entropy: f64 = q
            .log_density(&q.support())
            .iter()
            .map(|l| -l * l.exp())
            .sum();
        assert_close(q.name(), q.entropy().unwrap(), entropy, 1e-14);
    }
    check(&Bernoulli::new(vec![0.5, -1.0, 2.0]).unwrap());
    check(&Categorical::new(vec![0.5, -1.0, 2.0, 0.0]).unwrap());
    let q = Bernoulli::new(vec![0.0]).unwrap();
    let between = q.log_density(&Draws::from_vec(1, 1, vec![0.5]));
    assert_eq!(between, [f64::NEG_INFINITY]);
    assert!(Categorical::new(vec![]).is_err());
}

#[test]
fn a_name_that_is_no_family_is_refused() {
    let refused = restore("gaussian", &Arrays::new());
    assert!(matches!(refused.err(), Some(ViError::Parameters { .. })));
    let incomplete = restore(MeanField::NAME, &Arrays::new());
    assert!(matches!(incomplete.err(), Some(ViError::Parameters { .. })));
}
