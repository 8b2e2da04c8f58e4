//! Objectives against closed forms and quadrature, and the two textbook pictures in numbers.

use elbo_math::linalg::{Cholesky, Matrix};
use elbo_math::log_space::log_add_exp;
use elbo_math::random::stream;
use elbo_math::special::ln_gamma;
use elbo_testkit::{
    Estimate as MonteCarlo, assert_all_close, assert_close, gradient as differences,
};

use super::divergence::{kl_by_monte_carlo, kl_by_quadrature};
use super::*;
use crate::density::FromFn;
use crate::family::{Family, FullRank, MeanField};
use crate::gradient::{Pathwise, ScoreFunction, StickingTheLanding};
use crate::{Approximation, Draws, Target};

const SEED: u64 = 40;

/// Student's t with 3 degrees of freedom, location 1, scale 1.
fn log_student(x: f64) -> f64 {
    let constant = ln_gamma(2.0) - ln_gamma(1.5) - 0.5 * (3.0 * std::f64::consts::PI).ln();
    constant - 2.0 * ((x - 1.0).powi(2) / 3.0).ln_1p()
}

fn log_normal(x: f64, mean: f64, sd: f64) -> f64 {
    -0.5 * ((x - mean) / sd).powi(2) - sd.ln() - 0.5 * std::f64::consts::TAU.ln()
}

/// `KL(N(m, e^{2l}) ‖ p)` of a density in one dimension.
fn reverse(params: &[f64], log_p: &dyn Fn(f64) -> f64) -> f64 {
    let (m, s) = (params[0], params[1].exp());
    let log_q = |x: &[f64]| log_normal(x[0], m, s);
    kl_by_quadrature(1, &log_q, &|x| log_p(x[0]), 1e-11).unwrap()
}

/// `KL(p ‖ N(m, e^{2l}))`.
fn forward(params: &[f64], log_p: &dyn Fn(f64) -> f64) -> f64 {
    let (m, s) = (params[0], params[1].exp());
    let log_q = |x: &[f64]| log_normal(x[0], m, s);
    kl_by_quadrature(1, &|x| log_p(x[0]), &log_q, 1e-11).unwrap()
}

/// Gradient descent to a stationary point.
fn minimise(f: impl Fn(&[f64]) -> f64, start: [f64; 2]) -> [f64; 2] {
    let mut at = start;
    for _ in 0..300 {
        let slope = differences(&f, &at);
        at = [at[0] - 0.4 * slope[0], at[1] - 0.4 * slope[1]];
    }
    let slope = differences(&f, &at);
    assert_all_close("slope at the minimum", &slope, &[0.0; 2], 1e-6);
    at
}

#[test]
fn the_best_gaussian_for_a_student_t_has_the_published_divergence_mean_and_sd() {
    // The published numbers, to the digits given.
    assert_close("KL", reverse(&[0.0, 0.0], &log_student), 0.427, 0.0005);
    let best = minimise(|p| reverse(p, &log_student), [0.0, 0.0]);
    assert_close("KL", reverse(&best, &log_student), 0.0407, 0.00005);
    assert_close("mean", best[0], 1.0, 1e-6);
    assert_close("sd", best[1].exp(), 1.26, 0.005);
}

#[test]
fn a_stochastic_fit_finds_the_best_gaussian_for_a_student_t() {
    let density = FromFn(|x: &[f64], g: &mut [f64]| {
        g[0] = -4.0 * (x[0] - 1.0) / (3.0 + (x[0] - 1.0).powi(2));
        log_student(x[0])
    });
    let target = Target::new(&density, 1).unwrap();
    let mut q = MeanField::standard(1).unwrap();
    let mut elbo = Elbo {
        estimator: StickingTheLanding,
    };
    let mut rng = stream(SEED, "student", 0);
    for step in 0..2000 {
        let estimate = elbo.estimate(&q, &target, 32, &mut rng).unwrap();
        // Robbins–Monro.
        let rate = 1.0 / (2.0 + 0.1 * f64::from(step));
        let moved: Vec<f64> = q
            .params()
            .iter()
            .zip(&estimate.gradient)
            .map(|(p, g)| p + rate * g)
            .collect();
        q.set_params(&moved).unwrap();
    }
    let final_elbo = elbo.estimate(&q, &target, 100_000, &mut rng).unwrap();
    // The target is normalised, so the ELBO is the negated divergence.
    let z = (final_elbo.value + 0.0407) / final_elbo.standard_error;
    assert!(z.abs() < 5.0, "ELBO {}, z {z}", final_elbo.value);
    let [m, s] = [q.means()[0], q.scales()[0]];
    let excess = reverse(&[m, s.ln()], &log_student) - 0.0407;
    assert!(excess < 1e-3, "mean {m}, sd {s}, excess {excess}");
}

/// Two modes: `0.6 N(−2, 0.7²) + 0.4 N(3, 0.6²)`.
fn log_two_modes(x: f64) -> f64 {
    log_add_exp(
        0.6_f64.ln() + log_normal(x, -2.0, 0.7),
        0.4_f64.ln() + log_normal(x, 3.0, 0.6),
    )
}

#[test]
fn reverse_kl_picks_a_mode_and_forward_kl_covers_both() {
    let left = minimise(|p| reverse(p, &log_two_modes), [-1.5, 0.0]);
    let right = minimise(|p| reverse(p, &log_two_modes), [2.5, 0.0]);
    // The modes are five sds apart: each is found up to the other's tail.
    assert_all_close("left", &[left[0], left[1].exp()], &[-2.0, 0.7], 1e-3);
    assert_all_close("right", &[right[0], right[1].exp()], &[3.0, 0.6], 1e-3);
    // KL to a mode of weight w is −log w.
    assert_close(
        "left",
        reverse(&left, &log_two_modes),
        -(0.6_f64.ln()),
        1e-3,
    );
    assert_close(
        "right",
        reverse(&right, &log_two_modes),
        -(0.4_f64.ln()),
        1e-3,
    );
    // Forward: the mixture's own mean and variance.
    let variance = 0.6 * 0.49 + 0.4 * 0.36 + 0.6 * 0.4 * 25.0;
    let both = [0.0, 0.5 * f64::ln(variance)];
    let slope = differences(|p| forward(p, &log_two_modes), &both);
    assert_all_close("slope", &slope, &[0.0; 2], 1e-6);
    assert!(forward(&both, &log_two_modes) < forward(&left, &log_two_modes));
}

#[test]
fn weighted_draws_match_the_moments_that_forward_kl_asks_for() {
    let density = FromFn(|x: &[f64], g: &mut [f64]| {
        g[0] = 0.0; // never used
        log_two_modes(x[0])
    });
    let target = Target::new(&density, 1).unwrap();
    let wide = MeanField::new(vec![0.0], vec![3.5]).unwrap();
    let (points, log_q) = wide.sample(40_000, &mut stream(SEED, "moments", 0));
    let log_p = target.log_densities(&points).unwrap();
    let weights: Vec<f64> = log_p.iter().zip(&log_q).map(|(p, q)| p - q).collect();
    let matched = match_moments(&points, &weights).unwrap();
    let variance = 0.6_f64.mul_add(0.49, 0.4 * 0.36) + 0.24 * 25.0;
    // Weighted means of 40,000 draws whose weights have a variance of about 1.
    let error = (2.0 * variance / 40_000.0).sqrt();
    assert!((matched.mean_slice()[0]).abs() < 5.0 * error);
    assert!((matched.covariance()[(0, 0)] - variance).abs() < 5.0 * error * variance.sqrt());
    // At the matched moments the estimated gradient vanishes; elsewhere it points there.
    let at = MeanField::new(vec![0.0], vec![variance.sqrt()]).unwrap();
    let mut rng = stream(SEED, "forward", 0);
    let estimate = ForwardKl.estimate(&at, &target, 40_000, &mut rng).unwrap();
    assert!(
        estimate.gradient.iter().all(|g| g.abs() < 0.03),
        "{estimate:?}"
    );
    let off = MeanField::new(vec![-1.0], vec![variance.sqrt()]).unwrap();
    let estimate = ForwardKl.estimate(&off, &target, 40_000, &mut rng).unwrap();
    assert!(estimate.gradient[0] > 0.05, "{estimate:?}");
}

#[test]
fn quadrature_in_two_dimensions_agrees_with_closed_forms_and_monte_carlo() {
    let covariance = Matrix::from_rows(&[[1.0, 0.5], [0.5, 2.0]]);
    let a = FullRank::from_covariance(vec![0.5, -0.5], &covariance).unwrap();
    let b = FullRank::standard(2).unwrap();
    let at = |q: &FullRank, x: &[f64]| q.log_density(&Draws::from_points(2, &[x]))[0];
    let (exact, gradient) = a.kl_to(&b);
    let found = kl_by_quadrature(2, &|x| at(&a, x), &|x| at(&b, x), 1e-7).unwrap();
    assert_close("quadrature", found, exact, 1e-6);
    let mut rng = stream(SEED, "divergence", 0);
    let (estimate, error) = kl_by_monte_carlo(&a, |x| b.log_density(x), 20_000, &mut rng);
    assert!((estimate - exact).abs() < 5.0 * error);
    let moved = |params: &[f64]| {
        let mut q = a.clone();
        q.set_params(params).unwrap();
        q.kl_to(&b).0
    };
    assert_all_close("gradient", &gradient, &differences(moved, a.params()), 1e-8);
    assert!(kl_by_quadrature(3, &|_| 0.0, &|_| 0.0, 1e-3).is_err());

    let (narrow, wide) = (
        MeanField::new(vec![0.3, 1.0], vec![0.5, 0.8]).unwrap(),
        MeanField::new(vec![0.0, 0.5], vec![1.5, 0.7]).unwrap(),
    );
    let full = |q: &MeanField| {
        let squares: Vec<f64> = q.scales().iter().map(|s| s * s).collect();
        FullRank::from_covariance(q.means().to_vec(), &Matrix::from_diagonal(&squares)).unwrap()
    };
    let (kl, gradient) = narrow.kl_to(&wide);
    assert_close("KL", kl, full(&narrow).kl_to(&full(&wide)).0, 1e-13);
    let moved = |params: &[f64]| {
        let mut q = narrow.clone();
        q.set_params(params).unwrap();
        q.kl_to(&wide).0
    };
    assert_all_close(
        "gradient",
        &gradient,
        &differences(moved, narrow.params()),
        1e-8,
    );
}

/// `y ~ N(A θ, I)` with `θ ~ N(0, I)` in two dimensions: posterior and evidence are known.
struct Linear {
    design: Matrix,
    y: Vec<f64>,
}

impl Linear {
    fn new() -> Self {
        Self {
            design: Matrix::from_rows(&[[1.0, 0.5], [-0.3, 1.2], [0.8, -0.6]]),
            y: vec![1.0, 0.4, -0.7],
        }
    }

    fn log_likelihood(&self, x: &[f64], g: &mut [f64]) -> f64 {
        g.fill(0.0);
        let mut total = 0.0;
        for (n, y) in self.y.iter().enumerate() {
            let residual = y - elbo_math::linalg::dot(self.design.row(n), x);
            elbo_math::linalg::axpy(residual, self.design.row(n), g);
            total -= 0.5 * (residual * residual + std::f64::consts::TAU.ln());
        }
        total
    }

    fn log_joint(&self, x: &[f64], g: &mut [f64]) -> f64 {
        let mut total = self.log_likelihood(x, g);
        for (g, x) in g.iter_mut().zip(x) {
            *g -= x;
            total += log_normal(*x, 0.0, 1.0);
        }
        total
    }

    fn posterior(&self) -> FullRank {
        let mut precision = elbo_math::linalg::matmul_tn(&self.design, &self.design);
        precision.add_to_diagonal(1.0);
        let factor = Cholesky::new(&precision).unwrap();
        let y = Matrix::from_vec(3, 1, self.y.clone());
        let mean = factor.solve(elbo_math::linalg::matmul_tn(&self.design, &y).as_slice());
        FullRank::from_precision(mean, &precision).unwrap()
    }

    fn log_evidence(&self) -> f64 {
        let mut covariance = elbo_math::linalg::matmul_nt(&self.design, &self.design);
        covariance.add_to_diagonal(1.0);
        let marginal = FullRank::from_covariance(vec![0.0; 3], &covariance).unwrap();
        marginal.log_density(&Draws::from_points(3, &[&self.y]))[0]
    }
}

#[test]
fn every_bound_is_the_log_evidence_when_the_family_contains_the_posterior() {
    let model = Linear::new();
    let (q, prior) = (model.posterior(), FullRank::standard(2).unwrap());
    let joint = FromFn(|x: &[f64], g: &mut [f64]| model.log_joint(x, g));
    let likelihood = FromFn(|x: &[f64], g: &mut [f64]| model.log_likelihood(x, g));
    let joint = Target::new(&joint, 2).unwrap();
    let likelihood = Target::new(&likelihood, 2).unwrap();
    let mut rng = stream(SEED, "evidence", 0);
    let evidence = model.log_evidence();
    let mut elbo = Elbo {
        estimator: StickingTheLanding,
    };
    let exact = elbo.estimate(&q, &joint, 4, &mut rng).unwrap();
    assert_close("ELBO", exact.value, evidence, 1e-12);
    assert_all_close("gradient", &exact.gradient, &[0.0; 5], 1e-12);
    for gradient in [WeightGradient::Total, WeightGradient::DoublyReparameterised] {
        let mut bound = ImportanceWeighted {
            n_importance: 5,
            gradient,
        };
        let estimate = bound.estimate(&q, &joint, 10, &mut rng).unwrap();
        assert_close("bound", estimate.value, evidence, 1e-12);
    }
    let fisher = Fisher.estimate(&q, &joint, 10, &mut rng).unwrap();
    assert_close("Fisher", fisher.value, 0.0, 1e-20);
    // The other form of the ELBO, with its divergence exact, and the energy form with a noisy one.
    let mut reconstruction = Reconstruction {
        prior: &prior,
        estimator: Pathwise,
    };
    let other = reconstruction
        .estimate(&q, &likelihood, 20_000, &mut rng)
        .unwrap();
    assert!((other.value - evidence).abs() < 5.0 * other.standard_error);
    let mut energy = Elbo {
        estimator: ScoreFunction::default(),
    };
    let noisy = energy.estimate(&q, &joint, 20_000, &mut rng).unwrap();
    assert_close("ELBO", noisy.value, evidence, 1e-12);
}

/// The mean over many estimates is the gradient of the objective's exact value.
fn assert_unbiased(
    what: &str,
    mut objective: impl Objective<MeanField>,
    n_draws: usize,
    repeats: usize,
    exact: impl Fn(&[f64]) -> f64,
) {
    let density = FromFn(|x: &[f64], g: &mut [f64]| {
        g[0] = -4.0 * (x[0] - 1.0) / (3.0 + (x[0] - 1.0).powi(2));
        log_student(x[0])
    });
    let target = Target::new(&density, 1).unwrap();
    let q = MeanField::new(vec![0.4], vec![0.8]).unwrap();
    let mut rng = stream(SEED, what, 0);
    let mut columns = vec![Vec::new(); 3];
    for _ in 0..repeats {
        let estimate = objective.estimate(&q, &target, n_draws, &mut rng).unwrap();
        columns[0].push(estimate.value);
        columns[1].push(estimate.gradient[0]);
        columns[2].push(estimate.gradient[1]);
    }
    let slope = differences(&exact, q.params());
    for (column, truth) in columns.iter().zip([exact(q.params()), slope[0], slope[1]]) {
        MonteCarlo::from_draws(column).assert_agrees(what, SEED, truth);
    }
}

/// `E log ½ (w(x) + w(y))` for `x, y ~ N(m, s²)`, by Gauss–Hermite quadrature.
fn two_sample_bound(params: &[f64]) -> f64 {
    let rule = elbo_math::quadrature::GaussHermite::new(80);
    let (m, s) = (params[0], params[1].exp());
    let log_w = |x: f64| log_student(x) - log_normal(x, m, s);
    rule.expectation(m, s, |x| {
        rule.expectation(m, s, |y| log_add_exp(log_w(x), log_w(y)) - 2.0_f64.ln())
    })
}

/// `−E(∂log p − ∂log q)²`.
fn fisher(params: &[f64]) -> f64 {
    let rule = elbo_math::quadrature::GaussHermite::new(80);
    let (m, s) = (params[0], params[1].exp());
    rule.expectation(m, s, |x| {
        let of_p = -4.0 * (x - 1.0) / (3.0 + (x - 1.0).powi(2));
        -(of_p + (x - m) / (s * s)).powi(2)
    })
}

#[test]
fn gradients_of_every_objective_are_unbiased() {
    let elbo = Elbo {
        estimator: Pathwise,
    };
    let exact = |p: &[f64]| -reverse(p, &log_student);
    assert_unbiased("elbo", elbo, 10, 10_000, exact);
    for gradient in [WeightGradient::Total, WeightGradient::DoublyReparameterised] {
        let bound = ImportanceWeighted {
            n_importance: 2,
            gradient,
        };
        assert_unbiased("importance", bound, 10, 10_000, two_sample_bound);
    }
    assert_unbiased("fisher", Fisher, 10, 10_000, fisher);
}

#[test]
fn more_importance_weights_make_a_tighter_bound() {
    let density = FromFn(|x: &[f64], _: &mut [f64]| log_student(x[0]));
    let target = Target::new(&density, 1).unwrap();
    let q = MeanField::standard(1).unwrap();
    let mut last = -0.427 - 1e-3;
    for n_importance in [2, 8, 32] {
        let mut bound = ImportanceWeighted {
            n_importance,
            gradient: WeightGradient::Total,
        };
        let mut rng = stream(SEED, "tighter", 0);
        let estimate = bound.estimate(&q, &target, 64_000, &mut rng).unwrap();
        assert!(
            estimate.value - 5.0 * estimate.standard_error > last
                && estimate.value < 5.0 * estimate.standard_error,
            "{n_importance}: {estimate:?}"
        );
        last = estimate.value;
    }
}
