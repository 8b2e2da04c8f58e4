//! Claims about DADVI.

use elbo_math::log_space::{inv_logit, log1p_exp};
use elbo_math::random::{standard_normal, uniform};
use elbo_testkit::{assert_all_close, assert_close};

use super::*;
use crate::LogDensity;
use crate::density::{DensityError, FromFn};
use crate::sample::{SampleConfig, sample};
use crate::testing::{BANANA, FUNNEL, Gaussian, TWO_MODES};

fn optimum(
    method: &Dadvi,
    target: &Target<'_>,
    start: &Start,
    seed: u64,
) -> Result<DadviState, ViError> {
    let mut state = method.init(target, start, seed)?;
    while !method.step(target, &mut state)?.converged {}
    Ok(state)
}

#[test]
fn linear_response_is_exact_on_gaussians() {
    for (dimension, condition) in [(2, 1e4), (10, 1e4), (50, 1e3), (200, 1e2)] {
        let gaussian = Gaussian::new(dimension, condition, 41);
        let target = Target::new(&gaussian, dimension).unwrap();
        let method = Dadvi::default();
        let state = optimum(&method, &target, &Start::Random, 2).unwrap();
        let solution = method.solution(&target, &state).unwrap();
        let covariance = solution.covariance.unwrap();
        for i in 0..dimension {
            let sd = gaussian.covariance[(i, i)].sqrt();
            assert!(
                (solution.mean[i] - gaussian.mean[i]).abs() < 1e-4 * sd,
                "D = {dimension}, mean {i}"
            );
            assert_close("sd", covariance[(i, i)].sqrt() / sd, 1.0, 1e-6);
        }
        // Mirrored draws make both exact, and the errors know it.
        assert!(solution.mean_errors.unwrap().iter().all(|e| *e < 1e-6));
    }
}

#[test]
fn the_mean_field_scales_are_those_of_the_precision_within_their_own_errors() {
    let gaussian = Gaussian::new(5, 1e2, 42);
    let target = Target::new(&gaussian, 5).unwrap();
    let method = Dadvi {
        n_draws: 2000,
        ..Dadvi::default()
    };
    let seed = 3;
    let state = optimum(&method, &target, &Start::Random, seed).unwrap();
    let solution = method.solution(&target, &state).unwrap();
    let errors = solution.log_sd_errors.unwrap();
    for i in 0..5 {
        let exact = -0.5 * gaussian.precision[(i, i)].ln();
        let off = solution.mean_field_sds[i].ln() - exact;
        // Five standard errors, as they report them themselves.
        assert!(
            off.abs() < 5.0 * errors[i],
            "seed {seed}: {off} {}",
            errors[i]
        );
    }
}

#[test]
fn a_known_optimum_is_met_within_the_error_that_the_draws_admit_to() {
    // log Gamma(a, 1): E log p = a μ − e^(μ + σ²/2), so σ² = 1/a and μ = log a − 1/(2a). Mirrored
    // draws leave an error in μ of second order only, so the scores are those of log σ.
    let a: f64 = 3.0;
    let density = FromFn(|x: &[f64], g: &mut [f64]| {
        g[0] = 3.0 - x[0].exp();
        3.0 * x[0] - x[0].exp()
    });
    let target = Target::new(&density, 1).unwrap();
    let method = Dadvi {
        n_draws: 200,
        ..Dadvi::default()
    };
    let mut scores = Vec::new();
    for seed in 0..200 {
        let state = optimum(&method, &target, &Start::Point(vec![0.0]), seed).unwrap();
        let solution = method.solution(&target, &state).unwrap();
        assert_close("mean", solution.mean[0], a.ln() - 0.5 / a, 0.02);
        let error = solution.log_sd_errors.as_ref().unwrap()[0];
        scores.push((solution.mean_field_sds[0].ln() + 0.5 * a.ln()) / error);
        assert!(solution.largest_relative_error().unwrap() < 0.2);
    }
    // The mean of 200 squared standard scores has standard error √(2/200) = 0.1; allow five.
    let spread = scores.iter().map(|z| z * z).sum::<f64>() / 200.0;
    assert!((0.5..1.5).contains(&spread), "mean square score {spread}");
}

#[test]
fn a_rerun_is_identical_and_other_threads_make_no_difference() {
    let target = Target::new(&BANANA, 2).unwrap();
    let method = Dadvi::default();
    let run = || optimum(&method, &target, &Start::Random, 5).unwrap();
    let first = run();
    assert_eq!(first, run());
    assert_eq!(first, elbo_math::parallel::with_threads(3, run));
}

#[test]
fn one_response_by_conjugate_gradients_is_a_column_of_the_covariance() {
    let gaussian = Gaussian::new(12, 1e2, 43);
    let target = Target::new(&gaussian, 12).unwrap();
    let sparse = Dadvi {
        dense_up_to: 0,
        ..Dadvi::default()
    };
    let state = optimum(&sparse, &target, &Start::Random, 2).unwrap();
    let mut weights = vec![0.0; 12];
    weights[3] = 1.0;
    let column = sparse.linear_response(&target, &state, &weights).unwrap();
    assert_all_close("column", &column, gaussian.covariance.row(3), 1e-6);
    let q = sparse.finish(&target, state).unwrap();
    assert_eq!(q.name(), MeanField::NAME);
}

/// `y_ij ~ Bernoulli(logit⁻¹(α + β x_ij + τ e_j))`, `e_j ~ N(0, 1)`, weak priors; parameters
/// `(α, β, log τ, e)`.
struct Glmm {
    rows: Vec<(usize, f64, bool)>,
    n_groups: usize,
}

impl Glmm {
    fn simulated(n_groups: usize, per_group: usize, seed: u64) -> Self {
        let mut rng = stream(seed, "dadvi/glmm", 0);
        let mut rows = Vec::new();
        for group in 0..n_groups {
            let effect = 0.8 * standard_normal(&mut rng);
            for _ in 0..per_group {
                let x = standard_normal(&mut rng);
                let p = inv_logit(0.5 + x + effect);
                rows.push((group, x, uniform(&mut rng) < p));
            }
        }
        Self { rows, n_groups }
    }
}

impl LogDensity for Glmm {
    fn log_density_and_gradient(&self, x: &[f64], g: &mut [f64]) -> Result<f64, DensityError> {
        let tau = x[2].exp();
        // α, β ~ N(0, 2²); log τ ~ N(0, 1).
        let mut value = -0.125 * (x[0] * x[0] + x[1] * x[1]) - 0.5 * x[2] * x[2];
        (g[0], g[1], g[2]) = (-0.25 * x[0], -0.25 * x[1], -x[2]);
        for j in 0..self.n_groups {
            value -= 0.5 * x[3 + j] * x[3 + j];
            g[3 + j] = -x[3 + j];
        }
        for (group, covariate, y) in &self.rows {
            let e = x[3 + group];
            let eta = x[0] + x[1] * covariate + tau * e;
            let signed = if *y { -eta } else { eta };
            value -= log1p_exp(signed);
            let slope = f64::from(u8::from(*y)) - inv_logit(eta);
            g[0] += slope;
            g[1] += slope * covariate;
            g[2] += slope * tau * e;
            g[3 + group] += slope * tau;
        }
        Ok(value)
    }
}

#[test]
fn sds_of_a_logistic_mixed_model_are_within_a_tenth_of_nuts() {
    let model = Glmm::simulated(40, 20, 6);
    let target = Target::new(&model, 3 + 40).unwrap();
    let method = Dadvi::default();
    let state = optimum(&method, &target, &Start::Point(vec![0.0; 43]), 7).unwrap();
    let solution = method.solution(&target, &state).unwrap();
    let reference = sample(&target, &SampleConfig::default(), 8).unwrap();
    assert!(reference.reliable());
    let covariance = solution.covariance.unwrap();
    for (i, summary) in reference.summaries.iter().enumerate().take(3) {
        let sd = covariance[(i, i)].sqrt();
        assert!(
            (sd / summary.sd - 1.0).abs() < 0.1,
            "{i}: {sd} {}",
            summary.sd
        );
        let off = (solution.mean[i] - summary.mean) / summary.sd;
        assert!(off.abs() < 0.25, "{i}: {off} sds off");
    }
}

#[test]
fn hard_shapes_converge_and_bad_densities_end_in_typed_errors() {
    let method = Dadvi::default();
    for (density, dimension) in [(&BANANA, 2), (&FUNNEL, 10), (&TWO_MODES, 2)] {
        let target = Target::new(density, dimension).unwrap();
        let state = optimum(&method, &target, &Start::Random, 9).unwrap();
        method.finish(&target, state).unwrap();
    }
    let nan = FromFn(|_: &[f64], _: &mut [f64]| f64::NAN);
    let target = Target::new(&nan, 2).unwrap();
    assert!(matches!(
        optimum(&method, &target, &Start::Random, 1),
        Err(ViError::NotFinite { .. })
    ));
    let idle = FromFn(|x: &[f64], g: &mut [f64]| {
        (g[0], g[1]) = (-x[0], 0.0);
        -0.5 * x[0] * x[0]
    });
    let rising = FromFn(|x: &[f64], g: &mut [f64]| {
        (g[0], g[1]) = (-x[0], 1.0);
        x[1] - 0.5 * x[0] * x[0]
    });
    for density in [&idle as &dyn LogDensity, &rising] {
        let target = Target::new(density, 2).unwrap();
        let got = optimum(&method, &target, &Start::Random, 1).err();
        assert!(
            matches!(got, Some(ViError::Improper { coordinate: 1, .. })),
            "{got:?}"
        );
    }
    // Half of the line is outside the support; the draws stay in the other half.
    let half = FromFn(|x: &[f64], g: &mut [f64]| {
        g[0] = 20.0 / x[0] - 2.0;
        if x[0] > 0.0 {
            20.0 * x[0].ln() - 2.0 * x[0]
        } else {
            f64::NEG_INFINITY
        }
    });
    let target = Target::new(&half, 1).unwrap();
    let state = optimum(&method, &target, &Start::Random, 1).unwrap();
    let mean = method.solution(&target, &state).unwrap().mean[0];
    // Gamma(21, 2) has mean 10.5 and sd 2.3.
    assert!((mean - 10.5).abs() < 0.5, "{mean}");
    for n_draws in [2, 5] {
        let odd = Dadvi {
            n_draws,
            ..Dadvi::default()
        };
        assert!(odd.init(&target, &Start::Random, 1).is_err());
    }
}
