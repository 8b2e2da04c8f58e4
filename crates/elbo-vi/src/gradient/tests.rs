//! Every estimator against quadrature: unbiased for every family for which it is defined, and zero
//! where it must be.

use elbo_math::linalg::Matrix;
use elbo_math::random::stream;
use elbo_testkit::{Estimate as MonteCarlo, assert_close, gradient as differences};

use super::*;
use crate::density::FromFn;
use crate::family::{Family, FullRank, MeanField};

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
            by_quadrature(&moved, 8.0, 161, beta)
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
    }
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
