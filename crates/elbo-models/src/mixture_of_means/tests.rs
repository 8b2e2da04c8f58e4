//! The textbook mixture against a plain implementation, closed forms and EM.

use elbo_math::linalg::Cholesky;
use elbo_math::random;
use elbo_math::special::LN_2PI;
use elbo_testkit::{assert_all_close, assert_close};

use super::*;
use crate::Posterior;
use crate::conformance;
use crate::driver::{Gather, silent};

fn rows(n: usize, dim: usize, seed: u64) -> Vec<f64> {
    let mut rng = random::stream(seed, "mixture-of-means/tests", 0);
    let centre = |i: usize| [-4.0, 0.5, 3.0][i % 3];
    (0..n * dim)
        .map(|at| centre(at / dim) * (1.0 + (at % dim) as f64) + random::standard_normal(&mut rng))
        .collect()
}

fn parameters(model: &MixtureOfMeansModel) -> Vec<f64> {
    let arrays = model.posterior().to_arrays();
    arrays
        .values()
        .flat_map(elbo_math::arrays::Array::to_f64)
        .collect()
}

/// Coordinate ascent as printed in `[@blei2017variational, alg. 2]`, for one column and σ² = 1.
struct Plain {
    x: Vec<f64>,
    prior_variance: f64,
    m: Vec<f64>,
    s2: Vec<f64>,
}

impl Plain {
    fn log_rho(&self, x: f64, k: usize) -> f64 {
        self.m[k] * x - 0.5 * (self.s2[k] + self.m[k].powi(2))
    }

    fn responsibilities(&self) -> Vec<Vec<f64>> {
        let row = |x: &f64| {
            let rho: Vec<f64> = (0..self.m.len())
                .map(|k| self.log_rho(*x, k).exp())
                .collect();
            let total: f64 = rho.iter().sum();
            rho.iter().map(|v| v / total).collect()
        };
        self.x.iter().map(row).collect()
    }

    fn step(&mut self, r: &[Vec<f64>]) {
        for k in 0..self.m.len() {
            let n: f64 = r.iter().map(|r| r[k]).sum();
            let sum: f64 = r.iter().zip(&self.x).map(|(r, x)| r[k] * x).sum();
            self.s2[k] = 1.0 / (1.0 / self.prior_variance + n);
            self.m[k] = sum * self.s2[k];
        }
    }

    fn elbo(&self, r: &[Vec<f64>]) -> f64 {
        let log_k = (self.m.len() as f64).ln();
        let mut elbo = 0.0;
        for (m, s2) in self.m.iter().zip(&self.s2) {
            elbo += -0.5 * (LN_2PI + self.prior_variance.ln() + (s2 + m * m) / self.prior_variance);
            elbo += 0.5 * (LN_2PI + s2.ln() + 1.0);
        }
        for (x, r) in self.x.iter().zip(r) {
            for k in 0..self.m.len() {
                let log_likelihood = -0.5 * (LN_2PI + x * x) + self.log_rho(*x, k);
                elbo += r[k] * (log_likelihood - log_k - r[k].max(1e-300).ln());
            }
        }
        elbo
    }
}

#[test]
fn updates_and_elbo_agree_with_the_textbook() {
    let data = GmmData::new(rows(60, 1, 1), 1).unwrap();
    let config = MixtureOfMeansConfig::new(3);
    let mut model = MixtureOfMeansModel::start(&config, &data, &[0.0], 1, 0).unwrap();
    let mut plain = Plain {
        x: (0..60).map(|i| data.row(i)[0]).collect(),
        prior_variance: 100.0,
        m: model.posterior().means().as_slice().to_vec(),
        s2: model.posterior().mean_variances().as_slice().to_vec(),
    };
    for _ in 0..5 {
        let r = plain.responsibilities();
        let mut statistics = model.zero_statistics();
        let bound = model.local_step(&data, &mut statistics).unwrap();
        let elbo = bound + model.global_bound(&statistics);
        assert_close("ELBO", elbo, plain.elbo(&r), 1e-10);
        plain.step(&r);
        model.global_step(&statistics, 1.0).unwrap();
        assert_all_close("m", model.posterior().means().as_slice(), &plain.m, 1e-10);
        assert_all_close(
            "s²",
            model.posterior().mean_variances().as_slice(),
            &plain.s2,
            1e-10,
        );
    }
}

#[test]
fn the_contract_of_conjugate_models_holds() {
    let n = 1500;
    let mut gaps = rows(n, 2, 2);
    gaps.iter_mut().step_by(14).for_each(|v| *v = f64::NAN);
    for values in [rows(n, 2, 2), gaps] {
        let data = GmmData::new(values, 2).unwrap();
        let shard = |s| data.gather(&(s * n / 3..(s + 1) * n / 3).collect::<Vec<_>>());
        let shards: Vec<GmmData> = (0..3).map(shard).collect();
        for learn in [false, true] {
            let config = MixtureOfMeansConfig {
                learn_weights: learn,
                learn_variance: learn,
                variance: 2.0,
                ..MixtureOfMeansConfig::new(4)
            };
            let model = MixtureOfMeansModel::start(&config, &data, &[0.0; 2], 1, 0).unwrap();
            conformance::check(&model, &data, shards.clone(), parameters);
        }
    }
}

#[test]
fn elbo_of_one_component_is_the_log_evidence() {
    // Marginally what is there of a column is N(m₀ 1, σ² I + τ² 11ᵀ).
    let (n, variance, prior_variance) = (12, 0.7, 2.5);
    let mut gaps = rows(n, 2, 3);
    gaps.iter_mut()
        .skip(1)
        .step_by(6)
        .for_each(|v| *v = f64::NAN);
    for values in [rows(n, 2, 3), gaps] {
        let data = GmmData::new(values, 2).unwrap();
        let config = MixtureOfMeansConfig {
            variance,
            prior_variance,
            prior_means: Some(vec![0.3, -0.2]),
            ..MixtureOfMeansConfig::new(1)
        };
        let fit = fit(&data, &config, 1, &mut silent).unwrap();
        let column = |j: usize, m0: f64| {
            let all = (0..n).map(|i| data.row(i)[j] - m0);
            let z: Vec<f64> = all.filter(|z| !z.is_nan()).collect();
            let covariance = elbo_math::linalg::Matrix::from_fn(z.len(), z.len(), |i, j| {
                prior_variance + if i == j { variance } else { 0.0 }
            });
            let cholesky = Cholesky::new(&covariance).unwrap();
            let quadratic = cholesky.inverse_quadratic_form(&z);
            -0.5 * (z.len() as f64 * LN_2PI + cholesky.log_det() + quadratic)
        };
        let evidence = column(0, 0.3) + column(1, -0.2);
        assert_close("evidence", fit.outcome.elbo, evidence, 1e-12);
    }
}

#[test]
fn with_known_means_vb_em_is_em_and_the_elbo_is_the_log_likelihood() {
    // A prior variance of 1e-300 leaves z as the only unknown: the E-step is then exact.
    let data = GmmData::new(rows(90, 1, 4), 1).unwrap();
    let means = [-3.0, 0.0, 2.0];
    let config = MixtureOfMeansConfig {
        learn_weights: true,
        prior_means: Some(means.to_vec()),
        prior_variance: 1e-300,
        variance: 1.4,
        ..MixtureOfMeansConfig::new(3)
    };
    let mut model = MixtureOfMeansModel::start(&config, &data, &[0.0], 1, 0).unwrap();
    let density = |x: f64, k: usize| (-0.5 * (x - means[k]).powi(2) / 1.4).exp() / (1.4f64).sqrt();
    let mut weights = vec![1.0 / 3.0; 3];
    for _ in 0..20 {
        let mut log_likelihood = -45.0 * LN_2PI;
        let mut counts = [0.0; 3];
        for i in 0..90 {
            let joint = |k: usize| weights[k] * density(data.row(i)[0], k);
            let total: f64 = (0..3).map(joint).sum();
            log_likelihood += total.ln();
            (0..3).for_each(|k| counts[k] += joint(k) / total);
        }
        let mut statistics = model.zero_statistics();
        let bound = model.local_step(&data, &mut statistics).unwrap();
        let elbo = bound + model.global_bound(&statistics);
        assert_close("ELBO", elbo, log_likelihood, 1e-12);
        model.global_step(&statistics, 1.0).unwrap();
        model.update_hyperparameters(&statistics, 1.0).unwrap();
        weights = counts.iter().map(|c| c / 90.0).collect();
        assert_all_close("π", model.posterior().weights(), &weights, 1e-12);
    }
}

#[test]
fn learnt_hyperparameters_are_stationary_points_of_the_elbo() {
    let data = GmmData::new(rows(120, 2, 5), 2).unwrap();
    let mut config = MixtureOfMeansConfig {
        learn_weights: true,
        learn_variance: true,
        ..MixtureOfMeansConfig::new(3)
    };
    config.ascent.rel_tol = 0.0;
    config.ascent.max_iters = 500;
    let best = fit(&data, &config, 1, &mut silent).unwrap();
    // Elsewhere, with q optimal for it, the bound is lower on both sides.
    for factor in [0.99, 1.01] {
        let moved = MixtureOfMeansConfig {
            learn_weights: false,
            learn_variance: false,
            weights: Some(best.posterior.weights().to_vec()),
            variance: best.posterior.variance() * factor,
            start: Start::Posterior(Box::new(best.posterior.clone())),
            ..config.clone()
        };
        let elsewhere = fit(&data, &moved, 1, &mut silent).unwrap();
        assert!(elsewhere.outcome.elbo < best.outcome.elbo);
    }
    assert_close("Σπ", best.posterior.weights().iter().sum(), 1.0, 1e-12);
}

#[test]
fn arrays_hold_the_whole_posterior_and_predictions_are_normalised() {
    let data = GmmData::new(rows(60, 1, 6), 1).unwrap();
    let posterior = fit(&data, &MixtureOfMeansConfig::new(3), 1, &mut silent)
        .unwrap()
        .posterior;
    let restored = MixtureOfMeansPosterior::from_arrays(&posterior.to_arrays()).unwrap();
    assert_eq!(restored, posterior);
    let total = elbo_testkit::integrate(1, 40.0, 4001, |x| {
        let row = GmmData::new(x.to_vec(), 1).unwrap();
        posterior.log_predictive_density(&row).unwrap()[0].exp()
    });
    assert_close("∫ density", total, 1.0, 1e-9);
    let draw = posterior.draw(&mut random::stream(1, "draw", 0));
    assert_eq!(draw.len(), posterior.draw_names().len());
}

#[test]
fn settings_out_of_range_say_what_to_give() {
    let data = GmmData::new(rows(9, 1, 7), 1).unwrap();
    let base = || MixtureOfMeansConfig::new(3);
    let cases = [
        ("n_components", MixtureOfMeansConfig::new(10)),
        ("n_components", MixtureOfMeansConfig::new(0)),
        (
            "variance",
            MixtureOfMeansConfig {
                variance: 0.0,
                ..base()
            },
        ),
        (
            "prior_variance",
            MixtureOfMeansConfig {
                prior_variance: -1.0,
                ..base()
            },
        ),
        (
            "weights",
            MixtureOfMeansConfig {
                weights: Some(vec![0.5; 3]),
                ..base()
            },
        ),
        (
            "prior_means",
            MixtureOfMeansConfig {
                prior_means: Some(vec![0.5; 2]),
                ..base()
            },
        ),
    ];
    for (word, config) in cases {
        let message = fit(&data, &config, 1, &mut silent).unwrap_err().to_string();
        assert!(message.contains(word), "{message}");
    }
}
