//! Logistic regression against a plain twin, quadrature and its own identities.

use std::sync::Arc;

use elbo_math::linalg::{Cholesky, Matrix, dot};
use elbo_math::log_space::inv_logit;
use elbo_math::quadrature::integrate;
use elbo_math::random::{standard_normal, stream, uniform};
use elbo_math::special::{LN_2PI, digamma, ln_gamma};
use elbo_testkit::assert_mean;

use super::*;
use crate::Posterior;
use crate::conformance::{self, assert_close};
use crate::driver::{CoordinateAscentConfig, StochasticConfig, silent};
use crate::regression::design::DesignConfig;
use crate::regression::fixtures::{RAW, Table, shards};

const PRIORS: [WeightPrior; 3] = [
    WeightPrior::Fixed { sd: 2.0 },
    WeightPrior::Shared {
        shape: 1.0,
        rate: 1.0,
    },
    WeightPrior::Relevance {
        shape: 0.5,
        rate: 0.01,
    },
];

fn config(prior: WeightPrior) -> LogisticConfig {
    LogisticConfig {
        prior,
        method: Method::CoordinateAscent(CoordinateAscentConfig {
            rel_tol: 1e-13,
            ..CoordinateAscentConfig::default()
        }),
        ..LogisticConfig::default()
    }
}

/// `n` rows, `d` standard normal inputs, every third of weight 1.5, classes from the model.
fn simulated(n: usize, d: usize, seed: u64) -> Table {
    let mut rng = stream(seed, "logistic fixture", 0);
    let mut columns: Vec<Vec<f64>> = (0..d)
        .map(|_| (0..n).map(|_| standard_normal(&mut rng)).collect())
        .collect();
    let y = (0..n).map(|i| {
        let eta: f64 = (0..d).step_by(3).map(|j| 1.5 * columns[j][i]).sum();
        f64::from(u8::from(uniform(&mut rng) < inv_logit(eta - 0.5)))
    });
    let y = y.collect();
    columns.push(y);
    let names = (0..d).map(|j| format!("x{j}")).chain(["y".to_string()]);
    Table {
        names: names.collect(),
        columns,
    }
}

fn fitted(table: &Table, design: DesignConfig, config: &LogisticConfig) -> Fit<LogisticPosterior> {
    let design = table.design(design);
    fit(&design, table.target(), config, 1, &mut silent).unwrap()
}

fn rows_of(table: &Table, design: &Design) -> Rows {
    Rows {
        x: design.x.clone(),
        y: table.target().to_vec(),
        weights: None,
    }
}

fn scale_of(design: &Design) -> Scale {
    Scale {
        coding: design.coding().clone(),
        center: 0.0,
        unit: 1.0,
    }
}

fn means(fit: &Fit<LogisticPosterior>) -> Vec<f64> {
    let coefficients = fit.posterior.coefficients();
    coefficients.iter().map(|c| c.mean).collect()
}

/// Plain updates with explicit inverses for inputs without intercept; `group` names the precision
/// of each weight, `None` a known precision of ¼. Returns the bound, means and variances.
fn plain_twin(
    table: &Table,
    group: impl Fn(usize) -> Option<usize>,
    (a0, b0): (f64, f64),
) -> (f64, Vec<f64>, Vec<f64>) {
    let (y, d) = (table.target(), table.columns.len() - 1);
    let x: Vec<Vec<f64>> = (0..y.len())
        .map(|i| (0..d).map(|j| table.columns[j][i]).collect())
        .collect();
    let groups: std::collections::BTreeSet<usize> = (0..d).filter_map(&group).collect();
    let (mut m, mut v) = (vec![0.0; d], Matrix::identity(d));
    let mut alpha: Vec<f64> = (0..d).map(|j| group(j).map_or(0.25, |_| 1.0)).collect();
    let mut previous = f64::NEG_INFINITY;
    for _ in 0..100_000 {
        let mut p = Matrix::from_diagonal(&alpha);
        let mut h = vec![0.0; d];
        for (row, y) in x.iter().zip(y) {
            let xi = (v.quadratic_form(row) + dot(row, &m).powi(2)).sqrt();
            p.add_outer((xi / 2.0).tanh() / (2.0 * xi), row, row);
            elbo_math::linalg::axpy(y - 0.5, row, &mut h);
        }
        let factor = Cholesky::new(&p).unwrap();
        v = factor.inverse();
        m = v.matvec(&h);
        let mut bound = 0.5 * (d as f64 * (1.0 + LN_2PI) - factor.log_det());
        for g in &groups {
            let of: Vec<usize> = (0..d).filter(|j| group(*j) == Some(*g)).collect();
            let squares: f64 = of.iter().map(|j| m[*j] * m[*j] + v[(*j, *j)]).sum();
            let (a, b) = (a0 + 0.5 * of.len() as f64, b0 + 0.5 * squares);
            let (mean, log) = (a / b, digamma(a) - b.ln());
            for j in &of {
                alpha[*j] = mean;
            }
            bound += 0.5 * of.len() as f64 * (log - LN_2PI) - 0.5 * mean * squares;
            bound += a0 * b0.ln() - ln_gamma(a0) + (a0 - 1.0) * log - b0 * mean;
            bound += a - b.ln() + ln_gamma(a) + (1.0 - a) * digamma(a);
        }
        for j in (0..d).filter(|j| group(*j).is_none()) {
            bound += 0.5 * (0.25_f64.ln() - LN_2PI - 0.25 * (m[j] * m[j] + v[(j, j)]));
        }
        for (row, y) in x.iter().zip(y) {
            let xi = (v.quadratic_form(row) + dot(row, &m).powi(2)).sqrt();
            bound += inv_logit(xi).ln() - 0.5 * xi + (y - 0.5) * dot(row, &m);
        }
        if bound - previous < 1e-14 * bound.abs() {
            break;
        }
        previous = bound;
    }
    (previous, m, v.diagonal())
}

#[test]
fn agrees_with_plain_updates() {
    let table = simulated(80, 5, 1);
    for prior in PRIORS {
        let got = fitted(&table, RAW, &config(prior));
        assert!(got.outcome.converged());
        let (bound, m, v) = match prior {
            WeightPrior::Fixed { .. } => plain_twin(&table, |_| None, (1.0, 1.0)),
            WeightPrior::Shared { shape, rate } => plain_twin(&table, |_| Some(0), (shape, rate)),
            WeightPrior::Relevance { shape, rate } => plain_twin(&table, Some, (shape, rate)),
        };
        let got_bound = got.posterior.jaakkola_jordan_bound();
        assert_close([got_bound], [bound], 1e-9, "bound");
        // A bound that is settled to 1e-13 leaves the means to about its root.
        assert_close(means(&got), m, 1e-5, "means");
        assert_close(&got.posterior.weights.variances, &v, 1e-5, "variances");
    }
}

#[test]
fn bound_elbo_and_log_evidence_are_in_order() {
    for n in [5, 40, 200] {
        let table = simulated(n, 1, 2);
        let got = fitted(&table, RAW, &config(WeightPrior::Fixed { sd: 2.0 }));
        // One weight: the evidence and the exact posterior mean are integrals over it. Around the
        // fitted mode the integrand is of order 1.
        let (x, y) = (&table.columns[0], table.target());
        let log_joint = |w: f64| {
            let terms = x.iter().zip(y);
            let likelihood: f64 = terms
                .map(|(x, y)| inv_logit((2.0 * y - 1.0) * x * w).ln())
                .sum();
            likelihood - 0.125 * w * w - 2.0_f64.ln() - 0.5 * LN_2PI
        };
        let fitted = &got.posterior.coefficients()[0];
        let peak = log_joint(fitted.mean);
        let (from, to) = (
            fitted.mean - 15.0 * fitted.sd,
            fitted.mean + 15.0 * fitted.sd,
        );
        let moment = |k: i32| {
            let integrand = |w: f64| w.powi(k) * (log_joint(w) - peak).exp();
            integrate(integrand, from, to, 1e-12, 1e-10).unwrap().value
        };
        let log_evidence = peak + moment(0).ln();
        let (bound, elbo) = (got.posterior.jaakkola_jordan_bound(), got.outcome.elbo);
        assert!(
            bound < elbo && elbo < log_evidence,
            "{bound} {elbo} {log_evidence}"
        );
        // One weight's posterior is nearly normal: little is lost.
        assert!(log_evidence - elbo < 0.05, "{elbo} {log_evidence}");
        let exact = moment(1) / moment(0);
        let off = (fitted.mean - exact) / fitted.sd;
        assert!(off.abs() < 0.2, "n = {n}: {off} sd from {exact}");
    }
}

#[test]
fn elbo_is_the_expectation_of_log_density_ratios_over_draws() {
    let table = simulated(30, 2, 3);
    let got = fitted(&table, RAW, &config(WeightPrior::Fixed { sd: 2.0 }));
    let q = &got.posterior;
    let mut rng = stream(17, "test", 0);
    let values: Vec<f64> = (0..4000)
        .map(|_| {
            let w = q.draw(&mut rng);
            let likelihood: f64 = (0..30)
                .map(|i| {
                    let eta = table.columns[0][i] * w[0] + table.columns[1][i] * w[1];
                    inv_logit((2.0 * table.target()[i] - 1.0) * eta).ln()
                })
                .sum();
            let log_prior: f64 = w
                .iter()
                .map(|w| -0.125 * w * w - 2.0_f64.ln() - 0.5 * LN_2PI)
                .sum();
            likelihood + log_prior
        })
        .collect();
    let entropy = 1.0 + LN_2PI + 0.5 * q.weights.log_det;
    assert_mean("elbo", 17, &values, got.outcome.elbo - entropy);
}

#[test]
fn both_forms_give_the_same_answers() {
    let table = simulated(20, 12, 4);
    let design = table.design(DesignConfig::default());
    let rows = rows_of(&table, &design);
    for prior in PRIORS {
        let config = config(prior);
        let fit_with = |wide: Option<Arc<Rows>>| {
            let mut model = LogisticModel::with_form(wide, scale_of(&design), &config).unwrap();
            let outcome = run(&mut model, &rows, &config.method, 1, None, &mut silent).unwrap();
            let elbo = model.elbo(&rows);
            let posterior = model.posterior(&config, elbo, outcome.elbo);
            Fit { posterior, outcome }
        };
        let (gram, dual) = (fit_with(None), fit_with(Some(Arc::new(rows.clone()))));
        assert_close([dual.outcome.elbo], [gram.outcome.elbo], 1e-9, "bound");
        assert_close(means(&dual), means(&gram), 1e-5, "means");
        let predict =
            |f: &Fit<LogisticPosterior>| f.posterior.predict(&table.inputs(), 0.9).unwrap();
        assert_close(predict(&dual).upper, predict(&gram).upper, 1e-5, "upper");
    }
}

#[test]
fn inputs_without_effect_are_switched_off() {
    let table = simulated(800, 12, 5);
    let prior = WeightPrior::Relevance {
        shape: 0.5,
        rate: 1e-6,
    };
    let got = fitted(&table, DesignConfig::default(), &config(prior));
    assert!(got.outcome.converged());
    assert!(got.outcome.largest_relative_decrease() <= 1e-9);
    let off = got.posterior.off();
    // Weights of 1.5 have standard errors near 0.13.
    for on in ["x0", "x3", "x6", "x9"] {
        assert!(!off.contains(&on.to_string()), "{on} is off: {off:?}");
    }
    assert!(off.len() >= 7, "{off:?}");
    let fixed = fitted(&table, DesignConfig::default(), &config(PRIORS[0]));
    assert!(fixed.posterior.relevance().is_empty() && fixed.posterior.off().is_empty());
}

#[test]
fn separable_classes_leave_everything_finite() {
    let columns = vec![
        vec![-3.0, -2.0, -1.0, 1.0, 2.0, 3.0],
        vec![0.0, 0.0, 0.0, 1.0, 1.0, 1.0],
    ];
    let names = vec!["x".to_string(), "y".to_string()];
    let table = Table { names, columns };
    for prior in PRIORS {
        let got = fitted(&table, DesignConfig::default(), &config(prior));
        assert!(got.outcome.elbo.is_finite() && got.outcome.elbo < 0.0);
        let p = got.posterior.predict(&table.inputs(), 0.9).unwrap();
        assert!(p.probability[0] < 0.5 && p.probability[5] > 0.5);
    }
}

#[test]
fn probabilities_are_means_over_draws_and_lie_in_their_intervals() {
    let table = simulated(40, 3, 6);
    let got = fitted(&table, RAW, &LogisticConfig::default()).posterior;
    let prediction = got.predict(&table.inputs(), 0.9).unwrap();
    let mut rng = stream(19, "test", 0);
    let draws: Vec<Vec<f64>> = (0..4000).map(|_| got.draw(&mut rng)).collect();
    assert_eq!(draws[0].len(), got.draw_names().len());
    for i in 0..5 {
        let row: Vec<f64> = (0..3).map(|j| table.columns[j][i]).collect();
        let probability: Vec<f64> = draws
            .iter()
            .map(|w| inv_logit(dot(&row, &w[..3])))
            .collect();
        assert_mean("probability", 19, &probability, prediction.probability[i]);
        let inside = |p: &f64| {
            let held = (prediction.lower[i]..=prediction.upper[i]).contains(p);
            f64::from(u8::from(held))
        };
        let covered: Vec<f64> = probability.iter().map(inside).collect();
        assert_mean("coverage", 19, &covered, 0.9);
    }
}

#[test]
fn a_row_of_weight_two_counts_as_two_rows() {
    let table = simulated(40, 2, 7);
    let weights: Vec<f64> = (0..40).map(|i| f64::from(i % 3)).collect();
    let repeated: Vec<usize> = (0..40).flat_map(|i| vec![i; i % 3]).collect();
    let design = Design::weighted(&table.inputs(), &weights, DesignConfig::default()).unwrap();
    let config = config(PRIORS[1]);
    let weighted = fit(&design, table.target(), &config, 1, &mut silent).unwrap();
    let twin = fitted(&table.select(&repeated), DesignConfig::default(), &config);
    assert_close([weighted.outcome.elbo], [twin.outcome.elbo], 1e-8, "elbo");
    assert_close(means(&weighted), means(&twin), 1e-5, "means");
}

#[test]
fn a_saved_fit_predicts_the_same() {
    for (n, d) in [(40, 4), (10, 14)] {
        for prior in PRIORS {
            let table = simulated(n, d, 8);
            let posterior = fitted(&table, DesignConfig::default(), &config(prior)).posterior;
            let loaded = LogisticPosterior::from_arrays(&posterior.to_arrays()).unwrap();
            let predict = |p: &LogisticPosterior| p.predict(&table.inputs(), 0.8).unwrap();
            assert_eq!(predict(&loaded), predict(&posterior));
            assert_eq!(loaded.relevance(), posterior.relevance());
            assert_eq!(loaded.elbo(), posterior.elbo());
        }
    }
}

#[test]
fn conforms() {
    let table = simulated(80, 5, 9);
    let design = table.design(DesignConfig::default());
    let rows = rows_of(&table, &design);
    for prior in PRIORS {
        let config = LogisticConfig {
            prior,
            ..LogisticConfig::default()
        };
        let model = LogisticModel::with_form(None, scale_of(&design), &config).unwrap();
        conformance::check(&model, &rows, shards(&rows, 23), |m| {
            let arrays = m.posterior(&config, 0.0, 0.0).to_arrays();
            let names = ["weights.mean", "precisions"];
            let arrays = names.iter().map(|name| arrays[*name].to_f64());
            arrays.flatten().collect()
        });
    }
}

#[test]
fn mini_batches_approach_coordinate_ascent() {
    let table = simulated(1000, 4, 10);
    let exact = fitted(&table, DesignConfig::default(), &config(PRIORS[1]));
    let stochastic = LogisticConfig {
        method: Method::Stochastic {
            batch_size: 100,
            config: StochasticConfig {
                max_passes: 60,
                ..StochasticConfig::default()
            },
        },
        ..config(PRIORS[1])
    };
    let got = fitted(&table, DesignConfig::default(), &stochastic);
    let pairs = got.posterior.coefficients();
    for (g, e) in pairs.iter().zip(exact.posterior.coefficients()) {
        let off = (g.mean - e.mean).abs() / e.sd;
        assert!(off < 0.5, "{}: off by {off} sd", g.name);
    }
}

#[test]
fn unusable_targets_and_settings_are_refused() {
    let table = simulated(10, 2, 1);
    let design = table.design(DesignConfig::default());
    let with = |y: &[f64], config: &LogisticConfig| {
        let error = fit(&design, y, config, 1, &mut silent).unwrap_err();
        error.to_string()
    };
    let default = LogisticConfig::default();
    let mut y = table.target().to_vec();
    y[3] = 2.0;
    assert!(with(&y, &default).contains("row 4"));
    assert!(with(&[1.0; 10], &default).contains("every row"));
    assert!(with(&[1.0; 9], &default).contains("target"));
    y[3] = f64::NAN;
    assert!(with(&y, &default).contains("missing"));
    let sd = config(WeightPrior::Fixed { sd: -1.0 });
    assert!(with(table.target(), &sd).contains("prior_sd"));
}
