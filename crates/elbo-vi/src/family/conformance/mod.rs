//! What every family must satisfy, one row per member that is checked.
//!
//! The one idea: a family's file holds its formulas, `checks` the identities between them, so a new
//! family is tested by adding a row here.

mod checks;

use elbo_math::arrays::Array;
use elbo_math::random::{standard_normal, stream};
use elbo_testkit::{assert_all_close, assert_close};

use super::*;
use crate::Approximation;
use checks::*;

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
fn a_flow_saved_with_its_weights_in_another_order_is_refused() {
    let q = bent(flow::Affine, 2);
    let mut arrays = q.arrays();
    assert!(restore(q.name(), &arrays).is_ok());
    for other in [None, Some(Array::f64(&[1], vec![1.0]))] {
        arrays.remove("layout");
        arrays.extend(other.map(|other| ("layout".to_owned(), other)));
        assert!(restore(q.name(), &arrays).is_err());
    }
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
