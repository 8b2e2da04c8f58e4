//! Every estimator against quadrature: unbiased for every family for which it is defined, and zero
//! where it must be.

use elbo_math::linalg::Matrix;
use elbo_math::random::stream;
use elbo_testkit::{Estimate as MonteCarlo, assert_close, gradient as differences};

use super::*;
use crate::density::FromFn;
use crate::family::{
    Bernoulli, Block, Categorical, Enumerable, Family, FullRank, LowRank, MeanField, Mixture,
    Scored,
};

const SEED: u64 = 30;

/// A function without symmetry, bounded by a quartic: `cos(x₀ + 2 x₁) − ½ (x₁ − 1)² − x₀⁴/20`.
fn bumpy(x: &[f64], g: &mut [f64]) -> f64 {
    let (a, b) = (x[0], x[1]);
    let phase = a + 2.0 * b;
    g[0] = -phase.sin() - 0.2 * a.powi(3);
    g[1] = -2.0 * phase.sin() - (b - 1.0);
    phase.cos() - 0.5 * (b - 1.0).powi(2) - 0.05 * a.powi(4)
}

/// `E_q[f] + β H[q]` by the trapezoidal rule on a square.
fn by_quadrature(q: &dyn Family, half_width: f64, n_points: usize, beta: f64) -> f64 {
    let spacing = 2.0 * half_width / (n_points - 1) as f64;
    let mut points = Draws::zeros(2, n_points * n_points);
    for s in 0..n_points * n_points {
        let at = |k: usize| spacing.mul_add(k as f64, -half_width);
        points.set_draw(s, &[at(s / n_points), at(s % n_points)]);
    }
    let log_q = q.log_density(&points);
    let mut total = 0.0;
    for (s, l) in log_q.iter().enumerate() {
        let f = bumpy(&points.draw(s), &mut [0.0; 2]);
        total += l.exp() * (f - beta * l) * spacing * spacing;
    }
    total
}

/// The mean over `repeats` estimates from `n_draws` each is the expectation and its gradient.
fn assert_unbiased<F: Family + Clone>(
    what: &str,
    mut estimator: impl GradientEstimator<F>,
    q: &F,
    n_draws: usize,
    repeats: usize,
) {
    let density = FromFn(bumpy);
    let target = Target::new(&density, 2).unwrap();
    for beta in [0.0, 1.0] {
        let expectation = Expectation {
            function: &target,
            entropy_weight: beta,
        };
        let mut rng = stream(SEED, what, 0);
        let mut values = Vec::new();
        let mut gradients = vec![Vec::new(); q.params().len()];
        for _ in 0..repeats {
            let estimate = estimator
                .estimate(q, &expectation, n_draws, &mut rng)
                .unwrap();
            values.push(estimate.value);
            for (all, g) in gradients.iter_mut().zip(estimate.gradient) {
                all.push(g);
            }
        }
        let truth = |params: &[f64]| {
            let mut moved = q.clone();
            moved.set_params(params).unwrap();
            by_quadrature(&moved, 8.0, 81, beta)
        };
        let what = format!("{what}, {}, β = {beta}", q.name());
        MonteCarlo::from_draws(&values).assert_agrees(
            &format!("{what}: value"),
            SEED,
            truth(q.params()),
        );
        for (i, (all, t)) in gradients
            .iter()
            .zip(differences(truth, q.params()))
            .enumerate()
        {
            MonteCarlo::from_draws(all).assert_agrees(&format!("{what}: ∂/∂λ[{i}]"), SEED, t);
        }
    }
}

fn mean_field() -> MeanField {
    MeanField::new(vec![0.3, -0.4], vec![0.7, 1.1]).unwrap()
}

fn full_rank() -> FullRank {
    let covariance = Matrix::from_rows(&[[0.8, 0.4], [0.4, 0.9]]);
    FullRank::from_covariance(vec![-0.2, 0.5], &covariance).unwrap()
}

#[test]
fn pathwise_estimators_are_unbiased() {
    assert_unbiased("pathwise", Pathwise, &mean_field(), 10, 10_000);
    assert_unbiased("pathwise", Pathwise, &full_rank(), 10, 10_000);
    let landing = StickingTheLanding;
    assert_unbiased("landing", landing, &mean_field(), 10, 10_000);
    assert_unbiased("landing", landing, &full_rank(), 10, 10_000);
}

#[test]
fn the_score_function_is_unbiased_with_every_control_variate() {
    for control in [
        ControlVariate::None,
        ControlVariate::RunningMean,
        ControlVariate::LeaveOneOut,
        ControlVariate::Optimal,
    ] {
        let estimator = ScoreFunction::new(control);
        assert_unbiased("score", estimator.clone(), &mean_field(), 5, 20_000);
        assert_unbiased("score", estimator, &full_rank(), 4, 25_000);
    }
}

#[test]
fn measure_valued_derivatives_are_unbiased_however_their_parts_are_drawn() {
    for coupling in [Coupling::Coupled, Coupling::Uncoupled] {
        let estimator = MeasureValued { coupling };
        // Three draws: a mirrored pair and one more.
        assert_unbiased("measure", estimator, &mean_field(), 3, 34_000);
        assert_unbiased("measure", estimator, &full_rank(), 6, 17_000);
    }
}

#[test]
fn pathwise_and_score_estimators_are_unbiased_for_the_other_families() {
    let mut rng = stream(SEED, "families", 0);
    let low_rank = LowRank::near(&mean_field(), 1, &mut rng).unwrap();
    let block = Block::new(
        vec![vec![1], vec![0]],
        vec![
            FullRank::from_covariance(vec![0.2], &Matrix::from_diagonal(&[0.8])).unwrap(),
            FullRank::from_covariance(vec![-0.3], &Matrix::from_diagonal(&[0.6])).unwrap(),
        ],
    )
    .unwrap();
    let score = || ScoreFunction::new(ControlVariate::LeaveOneOut);
    assert_unbiased("pathwise", Pathwise, &low_rank, 10, 10_000);
    assert_unbiased("landing", StickingTheLanding, &low_rank, 10, 10_000);
    assert_unbiased("score", score(), &low_rank, 10, 10_000);
    assert_unbiased("pathwise", Pathwise, &block, 10, 10_000);
    assert_unbiased("score", score(), &block, 10, 10_000);
    let config = crate::family::flow::FlowConfig {
        n_couplings: 2,
        hidden: vec![2],
    };
    let frame = crate::family::flow::Frame::Diagonal(mean_field());
    let mut flow =
        crate::family::flow::RealNvp::new(crate::family::flow::Affine, frame, &config, &mut rng)
            .unwrap();
    let bent: Vec<f64> = (0..flow.params().len())
        .map(|k| 0.2 * (k as f64).sin())
        .collect();
    flow.set_params(&bent).unwrap();
    assert_unbiased("pathwise", Pathwise, &flow, 20, 5000);
    assert_unbiased("landing", StickingTheLanding, &flow, 20, 5000);
    assert_unbiased("score", score(), &flow, 20, 5000);
}

#[test]
fn a_mixture_s_stratified_and_score_gradients_are_unbiased() {
    let right = MeanField::new(vec![1.2, 0.5], vec![0.6, 0.9]).unwrap();
    let q = Mixture::new(&[0.4, 0.6], vec![mean_field(), right]).unwrap();
    assert_unbiased("stratified", Stratified, &q, 10, 10_000);
    let score = ScoreFunction::new(ControlVariate::LeaveOneOut);
    assert_unbiased("score", score, &q, 10, 10_000);
}

/// The gradient by draws agrees with the exact one, which agrees with finite differences.
fn check_discrete<F: Enumerable + Scored + Clone>(q: &F) {
    let density = FromFn(|x: &[f64], _: &mut [f64]| x.iter().map(|v| (v - 0.3).powi(2)).sum());
    let target = Target::new(&density, q.dimension()).unwrap();
    let expectation = Expectation::elbo(&target);
    let mut rng = stream(SEED, "discrete", 0);
    let mut exact = |q: &F| {
        Enumeration::default()
            .estimate(q, &expectation, 0, &mut rng)
            .unwrap()
    };
    let found = exact(q);
    let value = std::cell::RefCell::new(&mut exact);
    let slope = differences(
        |params| {
            let mut moved = q.clone();
            moved.set_params(params).unwrap();
            (value.borrow_mut())(&moved).value
        },
        q.params(),
    );
    elbo_testkit::assert_all_close(q.name(), &found.gradient, &slope, 1e-9);
    let mut rng = stream(SEED, "discrete score", 0);
    let mut columns = vec![Vec::new(); slope.len()];
    for _ in 0..20_000 {
        let estimate = ScoreFunction::default()
            .estimate(q, &expectation, 5, &mut rng)
            .unwrap();
        for (column, g) in columns.iter_mut().zip(estimate.gradient) {
            column.push(g);
        }
    }
    for (column, g) in columns.iter().zip(&found.gradient) {
        MonteCarlo::from_draws(column).assert_agrees(q.name(), SEED, *g);
    }
}

#[test]
fn discrete_gradients_are_exact_by_enumeration_and_unbiased_by_scores() {
    check_discrete(&Bernoulli::new(vec![0.5, -1.0]).unwrap());
    check_discrete(&Categorical::new(vec![0.5, -1.0, 0.2]).unwrap());
    let many = Bernoulli::new(vec![0.0; 17]).unwrap();
    let density = FromFn(|_: &[f64], _: &mut [f64]| 0.0);
    let target = Target::new(&density, 17).unwrap();
    let refused = Enumeration::default().estimate(
        &many,
        &Expectation::of(&target),
        0,
        &mut stream(SEED, "many", 0),
    );
    assert!(matches!(refused, Err(ViError::Setting { .. })));
}

/// `∇ E_q[h]` of a family of one positive number, by its quantile rule against draws.
fn check_positive<F: crate::family::Reparameterised + Scored + Clone>(
    q: &F,
    exact: impl Fn(&[f64]) -> f64,
) {
    let density = FromFn(|x: &[f64], g: &mut [f64]| {
        g[0] = x[0].cos();
        x[0].sin()
    });
    let target = Target::new(&density, 1).unwrap();
    let expectation = Expectation::of(&target);
    let slope = differences(&exact, q.params());
    let mut estimators: [(&str, Box<dyn GradientEstimator<F>>); 2] = [
        ("pathwise", Box::new(Pathwise)),
        ("score", Box::new(ScoreFunction::default())),
    ];
    for (what, estimator) in &mut estimators {
        let mut rng = stream(SEED, what, 0);
        let mut columns = vec![Vec::new(); slope.len()];
        for _ in 0..5000 {
            let estimate = estimator.estimate(q, &expectation, 20, &mut rng).unwrap();
            for (column, g) in columns.iter_mut().zip(estimate.gradient) {
                column.push(g);
            }
        }
        for (column, g) in columns.iter().zip(&slope) {
            let what = format!("{what}, {}", q.name());
            MonteCarlo::from_draws(column).assert_agrees(&what, SEED, *g);
        }
    }
}

/// `E sin x`, exact: the imaginary part of the characteristic function at 1.
#[test]
fn reparameterisations_beyond_the_gaussian_are_unbiased() {
    use crate::family::independent::{Exponential, Gamma, Independent};
    // Exponential: r/(1 + r²)·…, Im (1 − i/r)⁻¹ = (1/r)/(1 + 1/r²).
    let exponential = Independent::<Exponential>::new(vec![0.4]).unwrap();
    check_positive(&exponential, |p| {
        let r = p[0].exp();
        r.recip() / (1.0 + r.powi(-2))
    });
    // Gamma: Im (1 − i/b)^(−a) = (1 + 1/b²)^(−a/2) sin(a atan(1/b)).
    let gamma = Independent::<Gamma>::new(vec![0.5, 0.3]).unwrap();
    check_positive(&gamma, |p| {
        let (a, b) = (p[0].exp(), p[1].exp());
        (1.0 + b.powi(-2)).powf(-0.5 * a) * (a * b.recip().atan()).sin()
    });
}

/// The log density of a Gaussian target, through a family's own formulas.
struct Gaussian(FullRank);

impl Integrand for Gaussian {
    fn dimension(&self) -> usize {
        crate::Approximation::dimension(&self.0)
    }

    fn values_and_gradients(&self, points: &Draws) -> Result<(Vec<f64>, Draws), ViError> {
        Ok(self.0.log_density_and_gradient(points))
    }
}

#[test]
fn sticking_the_landing_vanishes_at_the_optimum_in_every_draw() {
    let q = full_rank();
    let target = Gaussian(q.clone());
    let expectation = Expectation::elbo(&target);
    let mut rng = stream(SEED, "optimum", 0);
    let landed = StickingTheLanding
        .estimate(&q, &expectation, 5, &mut rng)
        .unwrap();
    assert!(landed.gradient.iter().all(|g| *g == 0.0));
    assert_eq!((landed.value, landed.standard_error), (0.0, 0.0));
    // The other estimator is zero on average only.
    let noisy = Pathwise.estimate(&q, &expectation, 5, &mut rng).unwrap();
    assert!(noisy.gradient.iter().any(|g| g.abs() > 0.1));
}

#[test]
fn draws_outside_the_support_are_left_out_and_counted() {
    // The upper half plane of x₀: E[x₀ | x₀ > 0] of a standard normal is √(2/π).
    let density = FromFn(|x: &[f64], g: &mut [f64]| {
        g.copy_from_slice(&[1.0, 0.0]);
        if x[0] > 0.0 { x[0] } else { f64::NEG_INFINITY }
    });
    let target = Target::new(&density, 2).unwrap();
    let q = MeanField::standard(2).unwrap();
    let mut rng = stream(SEED, "support", 0);
    let estimate = Pathwise
        .estimate(&q, &Expectation::of(&target), 10_000, &mut rng)
        .unwrap();
    assert!((4500..5500).contains(&estimate.rejected));
    let z = (estimate.value - (2.0 / std::f64::consts::PI).sqrt()) / estimate.standard_error;
    assert!(z.abs() < 5.0, "z {z}");
    assert_close("∂/∂m₀", estimate.gradient[0], 1.0, 1e-12);

    let far = MeanField::new(vec![-50.0, 0.0], vec![1.0, 1.0]).unwrap();
    assert_eq!(
        Pathwise.estimate(&far, &Expectation::of(&target), 4, &mut rng),
        Err(ViError::NoUsableDraw { n_draws: 4 })
    );
}
