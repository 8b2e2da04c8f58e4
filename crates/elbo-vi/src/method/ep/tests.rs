//! Claims about expectation propagation.

use elbo_math::linalg::{Matrix, axpy, dot};
use elbo_math::random::{standard_normal, stream, uniform};
use elbo_math::special::LN_2PI;
use elbo_testkit::{assert_all_close, assert_close};

use super::*;
use crate::LogDensity;
use crate::method::Dadvi;

fn fit(model: &FactorModel) -> (FullRank, f64) {
    let target = Target::new(model, model.dimension()).unwrap();
    let method = Ep::new(model);
    let mut state = method.init(&target, &Start::Random, 1).unwrap();
    while !method.step(&target, &mut state).unwrap().converged {
        assert!(state.sweeps < 200, "no convergence");
    }
    let evidence = method.log_evidence(&state).unwrap();
    (method.gaussian(&state).unwrap(), evidence)
}

/// `N(observed | s, variance)`, which expectation propagation treats exactly.
struct NormalFactor {
    observed: f64,
    variance: f64,
}

impl Factor for NormalFactor {
    fn log_value(&self, s: f64) -> f64 {
        -0.5 * (LN_2PI + self.variance.ln() + (s - self.observed).powi(2) / self.variance)
    }

    fn slope(&self, s: f64) -> f64 {
        (self.observed - s) / self.variance
    }
}

#[test]
fn gaussian_factors_give_the_exact_posterior_and_evidence() {
    let mut rng = stream(1, "ep/tests", 0);
    let (d, n) = (3, 8);
    let a = Matrix::from_fn(n, d, |_, _| standard_normal(&mut rng));
    let y: Vec<f64> = (0..n).map(|_| 2.0 * standard_normal(&mut rng)).collect();
    let factors = y
        .iter()
        .map(|y| {
            Box::new(NormalFactor {
                observed: *y,
                variance: 0.5,
            }) as Box<dyn Factor>
        })
        .collect();
    let prior = Matrix::from_rows(&[[2.0, 0.3, 0.0], [0.3, 1.0, 0.1], [0.0, 0.1, 0.5]]);
    let m0 = vec![0.5, -1.0, 2.0];
    let model = FactorModel::new(m0.clone(), &prior, a.clone(), factors).unwrap();
    let (q, evidence) = fit(&model);
    // y ~ N(A m₀, ½ I + A S₀ Aᵀ).
    let mut marginal = elbo_math::linalg::matmul_nt(&elbo_math::linalg::matmul(&a, &prior), &a);
    marginal.add_to_diagonal(0.5);
    let off: Vec<f64> = y.iter().zip(a.matvec(&m0)).map(|(y, m)| y - m).collect();
    let factor = elbo_math::linalg::Cholesky::new(&marginal).unwrap();
    let exact = -0.5 * (n as f64 * LN_2PI + factor.log_det() + factor.inverse_quadratic_form(&off));
    assert_close("evidence", evidence, exact, 1e-9);
    let mut precision = elbo_math::linalg::Cholesky::new(&prior).unwrap().inverse();
    let mut linear = precision.matvec(&m0);
    for k in 0..n {
        precision.add_outer(2.0, a.row(k), a.row(k));
        axpy(2.0 * y[k], a.row(k), &mut linear);
    }
    let factor = elbo_math::linalg::Cholesky::new(&precision).unwrap();
    assert_all_close("mean", q.mean_slice(), &factor.solve(&linear), 1e-9);
    assert_all_close(
        "covariance",
        q.covariance().as_slice(),
        factor.inverse().as_slice(),
        1e-9,
    );
}

/// Minka's clutter: a point is `N(θ, 1)` or, with probability `share`, `N(0, 10)`.
struct Clutter {
    observed: f64,
    share: f64,
}

impl Factor for Clutter {
    fn log_value(&self, s: f64) -> f64 {
        let near = -0.5 * (LN_2PI + (self.observed - s).powi(2));
        let far = -0.5 * (LN_2PI + 10.0_f64.ln() + self.observed.powi(2) / 10.0);
        elbo_math::log_space::log_add_exp((1.0 - self.share).ln() + near, self.share.ln() + far)
    }

    fn slope(&self, s: f64) -> f64 {
        let near = (1.0 - self.share).ln() - 0.5 * (LN_2PI + (self.observed - s).powi(2));
        (near - self.log_value(s)).exp() * (self.observed - s)
    }
}

/// Evidence, mean and variance of a one-dimensional model on a grid.
fn brute_force(model: &FactorModel, from: f64, to: f64) -> (f64, f64, f64) {
    let n = 20_000;
    let width = (to - from) / f64::from(n);
    let at = |k: i32| from + (f64::from(k) + 0.5) * width;
    let values: Vec<f64> = (0..n)
        .map(|k| {
            model
                .log_density_and_gradient(&[at(k)], &mut [0.0])
                .unwrap()
        })
        .collect();
    let total = elbo_math::log_space::log_sum_exp(&values);
    let (mut mean, mut square) = (0.0, 0.0);
    for (k, v) in (0..n).zip(&values) {
        let (w, x) = ((v - total).exp(), at(k));
        mean += w * x;
        square += w * x * x;
    }
    (total + width.ln(), mean, square - mean * mean)
}

#[test]
fn the_clutter_problem_agrees_with_brute_force() {
    // θ = 2, half of the points clutter, prior N(0, 100) [@minka2001ep, sec. 4].
    let mut rng = stream(7, "ep/clutter", 0);
    let n = 200;
    let factors = (0..n)
        .map(|_| {
            let clutter = uniform(&mut rng) < 0.5;
            let z = standard_normal(&mut rng);
            let observed = if clutter {
                10.0_f64.sqrt() * z
            } else {
                2.0 + z
            };
            Box::new(Clutter {
                observed,
                share: 0.5,
            }) as Box<dyn Factor>
        })
        .collect();
    let ones = Matrix::from_fn(n, 1, |_, _| 1.0);
    let prior = Matrix::from_rows(&[[100.0]]);
    let model = FactorModel::new(vec![0.0], &prior, ones, factors).unwrap();
    let (q, evidence) = fit(&model);
    let (exact_evidence, mean, variance) = brute_force(&model, -3.0, 7.0);
    // Expectation propagation is not exact here; its error falls with the number of points.
    assert_close("mean", q.mean_slice()[0], mean, 1e-3);
    assert_close("variance", q.covariance()[(0, 0)], variance, 1e-3);
    assert_close("evidence", evidence, exact_evidence, 1e-3);
}

/// Probit regression with 50 rows of two covariates.
fn probit_regression() -> FactorModel {
    let mut rng = stream(3, "ep/probit", 0);
    let n = 50;
    let x = Matrix::from_fn(n, 2, |_, _| standard_normal(&mut rng));
    let factors = (0..n)
        .map(|i| {
            let latent = x[(i, 0)] - 0.5 * x[(i, 1)] + standard_normal(&mut rng);
            Box::new(Probit {
                positive: latent > 0.0,
            }) as Box<dyn Factor>
        })
        .collect();
    FactorModel::new(vec![0.0; 2], &Matrix::identity(2), x, factors).unwrap()
}

/// A grid over eight standard deviations of a Gaussian, with the target's normalised weights: points,
/// weights, log evidence. The trapezoidal rule is exact to rounding for such integrands.
fn grid(model: &FactorModel, q: &FullRank) -> (Vec<[f64; 2]>, Vec<f64>, f64) {
    let (m, l) = (q.mean_slice(), q.factor().lower());
    let steps: Vec<f64> = (-64..=64).map(|k| f64::from(k) / 8.0).collect();
    let mut points = Vec::new();
    for u in &steps {
        for v in &steps {
            points.push([m[0] + l[(0, 0)] * u, m[1] + l[(1, 0)] * u + l[(1, 1)] * v]);
        }
    }
    let values: Vec<f64> = points
        .iter()
        .map(|x| model.log_density_and_gradient(x, &mut [0.0; 2]).unwrap())
        .collect();
    let total = elbo_math::log_space::log_sum_exp(&values);
    let cell = l[(0, 0)] * l[(1, 1)] / 64.0;
    let weights = values.iter().map(|v| (v - total).exp()).collect();
    (points, weights, total + cell.ln())
}

#[test]
fn probit_regression_agrees_with_brute_force_and_beats_mean_field() {
    let model = probit_regression();
    let (q, evidence) = fit(&model);
    let (points, weights, exact_evidence) = grid(&model, &q);
    let expect = |f: &dyn Fn(&[f64; 2]) -> f64| -> f64 {
        points.iter().zip(&weights).map(|(x, w)| w * f(x)).sum()
    };
    let mean = [expect(&|x| x[0]), expect(&|x| x[1])];
    assert_all_close("mean", q.mean_slice(), &mean, 1e-3);
    for i in 0..2 {
        for j in 0..=i {
            let exact = expect(&|x| (x[i] - mean[i]) * (x[j] - mean[j]));
            assert_close("covariance", q.covariance()[(i, j)], exact, 1e-3);
        }
    }
    // A thousandth of 26 nats; the estimate itself is off by 0.008.
    assert_close("evidence", evidence, exact_evidence, 1e-3);

    // KL(p ‖ q) of both, up to the entropy of p that they share.
    let target = Target::new(&model, 2).unwrap();
    let mean_field = Dadvi {
        n_draws: 200,
        dense_up_to: 0,
    };
    let mut state = mean_field.init(&target, &Start::Random, 1).unwrap();
    while !mean_field.step(&target, &mut state).unwrap().converged {}
    let other = mean_field.finish(&target, state).unwrap();
    let draws = crate::Draws::from_points(2, &points);
    let (ours, theirs) = (q.log_density(&draws), other.log_density(&draws));
    let gain: f64 = weights
        .iter()
        .zip(ours.iter().zip(&theirs))
        .map(|(w, (a, b))| w * (a - b))
        .sum();
    assert!(gain > 0.0, "KL(p ‖ q) of mean-field is lower by {}", -gain);
}

#[test]
fn every_kind_of_factor_converges_to_the_moments() {
    let kinds: Vec<(f64, Box<dyn Factor>)> = vec![
        (1.0, Box::new(Logit { positive: true })),
        (-0.5, Box::new(Logit { positive: false })),
        (0.7, Box::new(Poisson { count: 3 })),
        (
            1.0,
            Box::new(StudentT {
                observed: 1.0,
                scale: 1.0,
                degrees: 4.0,
            }),
        ),
        (0.3, Box::new(Probit { positive: true })),
        (
            1.0,
            Box::new(Step {
                threshold: -0.5,
                above: true,
            }),
        ),
    ];
    let n = kinds.len();
    let (a, factors): (Vec<f64>, Vec<_>) = kinds.into_iter().unzip();
    let projections = Matrix::from_vec(n, 1, a);
    let model = FactorModel::new(
        vec![0.2],
        &Matrix::from_rows(&[[2.0]]),
        projections,
        factors,
    )
    .unwrap();
    let (q, evidence) = fit(&model);
    let (exact, mean, variance) = brute_force(&model, -0.5, 8.0);
    // Six factors of different kinds, one of them a step: close, not exact.
    assert_close("mean", q.mean_slice()[0], mean, 0.01);
    assert_close("variance", q.covariance()[(0, 0)], variance, 0.01);
    assert_close("evidence", evidence, exact, 0.01);
}

#[test]
fn unusable_models_and_settings_end_in_typed_errors() {
    let one = || vec![Box::new(Probit { positive: true }) as Box<dyn Factor>];
    let row = Matrix::from_rows(&[[1.0, 2.0]]);
    let unit = Matrix::identity(2);
    assert!(matches!(
        FactorModel::new(vec![], &unit, row.clone(), one()).err(),
        Some(ViError::ZeroDimension)
    ));
    assert!(matches!(
        FactorModel::new(vec![0.0; 2], &unit, row.clone(), vec![]).err(),
        Some(ViError::Length { .. })
    ));
    assert!(matches!(
        FactorModel::new(vec![f64::NAN, 0.0], &unit, row.clone(), one()).err(),
        Some(ViError::Setting { .. })
    ));
    let singular = Matrix::from_rows(&[[1.0, 1.0], [1.0, 1.0]]);
    assert!(matches!(
        FactorModel::new(vec![0.0; 2], &singular, row.clone(), one()).err(),
        Some(ViError::Matrix(_))
    ));
    let model = FactorModel::new(vec![0.0; 2], &unit, row, one()).unwrap();
    let target = Target::new(&model, 2).unwrap();
    let damped = Ep {
        damping: 0.0,
        ..Ep::new(&model)
    };
    assert!(matches!(
        damped.init(&target, &Start::Random, 1),
        Err(ViError::Setting { .. })
    ));
    // Contradicting steps leave no mass.
    let steps = [true, false]
        .map(|above| {
            Box::new(Step {
                threshold: if above { 50.0 } else { -50.0 },
                above,
            }) as Box<dyn Factor>
        })
        .into();
    let rows = Matrix::from_rows(&[[1.0], [1.0]]);
    let empty = FactorModel::new(vec![0.0], &Matrix::identity(1), rows, steps).unwrap();
    let target = Target::new(&empty, 1).unwrap();
    let method = Ep::new(&empty);
    let mut state = method.init(&target, &Start::Random, 1).unwrap();
    for _ in 0..50 {
        // Whatever happens, nothing panics and a failed sweep leaves the last good state.
        let before = state.clone();
        if method.step(&target, &mut state).is_err() {
            assert_eq!(state, before);
        }
    }
}

#[test]
fn the_model_as_a_density_has_the_gradient_of_its_value() {
    let model = probit_regression();
    let at = [0.3, -0.8];
    let value = |x: &[f64]| model.log_density_and_gradient(x, &mut [0.0; 2]).unwrap();
    let mut gradient = [0.0; 2];
    model.log_density_and_gradient(&at, &mut gradient).unwrap();
    assert_all_close(
        "gradient",
        &gradient,
        &elbo_testkit::gradient(value, &at),
        1e-8,
    );
    assert!(dot(&gradient, &gradient) > 0.0);
}
