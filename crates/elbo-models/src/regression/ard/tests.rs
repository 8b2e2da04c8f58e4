//! Relevance determination against a plain twin, scikit-learn, NumPy and NUTS.

use elbo_math::linalg::{Cholesky, Matrix, dot};
use elbo_math::random::{standard_normal, stream};
use elbo_math::special::{LN_2PI, digamma, ln_gamma};
use elbo_testkit::assert_mean;

use super::*;
use crate::Posterior;
use crate::conformance::{self, assert_close};
use crate::driver::{CoordinateAscentConfig, StochasticConfig, silent};
use crate::regression::design::DesignConfig;
use crate::regression::fixtures::{RAW, Table, rows, shards};
use crate::regression::least_squares::Form;
use crate::regression::noise::NoisePrior;

fn exhaustive() -> Method {
    Method::CoordinateAscent(CoordinateAscentConfig {
        rel_tol: 1e-13,
        ..CoordinateAscentConfig::default()
    })
}

fn config(shape: f64, rate: f64) -> ArdConfig {
    ArdConfig {
        prior_shape: shape,
        prior_rate: Some(rate),
        method: exhaustive(),
        ..ArdConfig::default()
    }
}

fn fitted(table: &Table, design: DesignConfig, config: &ArdConfig) -> Fit<ArdPosterior> {
    let design = table.design(design);
    fit(&design, table.target(), config, 1, &mut silent).unwrap()
}

fn means(fit: &Fit<ArdPosterior>) -> Vec<f64> {
    let coefficients = fit.posterior.coefficients();
    coefficients.iter().map(|c| c.mean).collect()
}

fn model(table: &Table, design: &Design, form: Form, config: &ArdConfig) -> ArdModel {
    let target = design.target(table.target()).unwrap();
    let scale = Scale {
        coding: design.coding().clone(),
        center: target.center,
        unit: target.scale,
    };
    let rate = config.prior_rate.unwrap_or(1e-5);
    let prior = elbo_dist::Gamma::new(config.prior_shape, rate).unwrap();
    ArdModel::with_form(form, scale, prior, config).unwrap()
}

/// Mean-field updates written as plainly as possible, one explicit inverse per iteration, for
/// inputs without intercept: returns the ELBO, means and variances of the weights.
fn plain_twin(table: &Table, a0: f64, b0: f64, c0: f64, d0: f64) -> (f64, Vec<f64>, Vec<f64>) {
    let (y, d) = (table.target(), table.columns.len() - 1);
    let n = y.len() as f64;
    let gram = Matrix::from_fn(d, d, |i, j| dot(&table.columns[i], &table.columns[j]));
    let xty: Vec<f64> = (0..d).map(|j| dot(&table.columns[j], y)).collect();
    let (mut alpha, mut tau) = (vec![1.0; d], 1.0);
    let mut previous = f64::NEG_INFINITY;
    loop {
        let mut p = gram.clone();
        p.scale(tau);
        for j in 0..d {
            p[(j, j)] += alpha[j];
        }
        let factor = Cholesky::new(&p).unwrap();
        let v = factor.inverse();
        let m: Vec<f64> = v.matvec(&xty).iter().map(|x| tau * x).collect();
        let residual =
            dot(y, y) - 2.0 * dot(&m, &xty) + gram.quadratic_form(&m) + gram.inner_product(&v);
        let (a, c) = (a0 + 0.5, c0 + 0.5 * n);
        let rate = d0 + 0.5 * residual;
        let log_tau = digamma(c) - rate.ln();
        tau = c / rate;
        let mut elbo = 0.5 * n * (log_tau - LN_2PI) - 0.5 * tau * residual;
        elbo += c0 * d0.ln() - ln_gamma(c0) + (c0 - 1.0) * log_tau - d0 * tau;
        elbo += c - rate.ln() + ln_gamma(c) + (1.0 - c) * digamma(c);
        elbo += 0.5 * (d as f64 * (1.0 + LN_2PI) - factor.log_det());
        for j in 0..d {
            let square = m[j] * m[j] + v[(j, j)];
            let b = b0 + 0.5 * square;
            let log_alpha = digamma(a) - b.ln();
            alpha[j] = a / b;
            elbo += 0.5 * (log_alpha - LN_2PI - alpha[j] * square);
            elbo += a0 * b0.ln() - ln_gamma(a0) + (a0 - 1.0) * log_alpha - b0 * alpha[j];
            elbo += a - b.ln() + ln_gamma(a) + (1.0 - a) * digamma(a);
        }
        if elbo - previous < 1e-13 * elbo.abs() {
            return (elbo, m, v.diagonal());
        }
        previous = elbo;
    }
}

#[test]
fn agrees_with_plain_updates() {
    for (table, a0, b0) in [
        (Table::simulated(50, 6, 1), 0.5, 0.01),
        (Table::simulated(200, 12, 2), 1.0, 0.1),
        (Table::diabetes().standardized(), 0.5, 0.01),
    ] {
        let mut config = config(a0, b0);
        config.noise = NoisePrior::Gamma {
            shape: 0.3,
            rate: 0.2,
        };
        let got = fitted(&table, RAW, &config);
        let (elbo, m, v) = plain_twin(&table, a0, b0, 0.3, 0.2);
        assert_close([got.outcome.elbo], [elbo], 1e-10, "elbo");
        // At a maximum an ELBO that is settled to 1e-13 leaves the means to about its root.
        assert_close(means(&got), m, 1e-6, "means");
        assert_close(&got.posterior.weights.variances, &v, 1e-6, "variances");
    }
}

/// `ARDRegression(tol=1e-10, threshold_lambda=1e12)` of scikit-learn on the standardised diabetes
/// data: its fixed points are those of mean-field updates with the same priors, of 1e-6 each.
#[test]
fn agrees_with_scikit_learn_without_its_pruning() {
    let expected = [
        -7.854000232340432e-05,
        -0.12739344069974,
        0.33143819992799395,
        0.1922027204568298,
        -0.0672987693821465,
        -0.0005802537568496119,
        -0.14078305538522212,
        0.0011250623926711242,
        0.33174299776826166,
        0.009739873160793907,
    ];
    let table = Table::diabetes().standardized();
    let got = fitted(&table, RAW, &config(1e-6, 1e-6));
    assert!(got.outcome.converged());
    assert_close(&means(&got)[..], &expected[..], 1e-6, "coefficients");
    let noise = got.posterior.noise.expected();
    assert_close([noise], [2.0275267152834506], 1e-6, "noise precision");
}

/// Plain NumPy updates to a tolerance of 1e-13, a₀ = ½, b₀ = 1e-4, noise priors 1e-6, no intercept.
#[test]
fn agrees_with_numpy() {
    let expected = [
        -0.00069208364700354,
        -0.11341131165357979,
        0.33081974369928563,
        0.18306658084205507,
        -0.01054690610472173,
        -0.00820380986618052,
        -0.14925658529721642,
        -0.00058242351644575,
        0.3029480793544579,
        0.00462683846196306,
    ];
    let table = Table::diabetes().standardized();
    let got = fitted(&table, RAW, &config(0.5, 1e-4));
    assert_close([got.outcome.elbo], [-511.1975597565907], 1e-9, "elbo");
    assert_close(means(&got), expected.to_vec(), 1e-6, "means");
}

/// The highest of the ELBOs that plain NumPy updates reach from all 2¹⁰ choices of the inputs that
/// start as on. From all inputs on, updates alone end at −534.38 with the second prior; jumps without
/// switches ended at {bmi, bp, s5} with both.
#[test]
fn the_best_of_all_sets_of_inputs_is_found_on_diabetes() {
    let table = Table::diabetes().standardized();
    for (rate, elbo, on) in [
        (
            1e-6,
            -522.8605435871151,
            vec!["sex", "bmi", "bp", "s3", "s5"],
        ),
        (1e-8, -530.4869002199111, vec!["bmi", "bp", "s5"]),
    ] {
        let got = fitted(&table, RAW, &config(0.5, rate));
        assert!(got.outcome.largest_relative_decrease() <= 1e-9);
        assert_close([got.outcome.elbo], [elbo], 1e-9, "elbo");
        let off = got.posterior.off();
        let inputs = &table.names[..10];
        let left: Vec<&String> = inputs.iter().filter(|name| !off.contains(name)).collect();
        assert_eq!(left, on);
    }
}

/// NUTS (NumPyro 0.19, 4 chains of 5,000 to 10,000 draws, R̂ < 1.001, effective sizes above 16,000)
/// on exactly this model: `τ ~ Gamma(1, 1)`, `α ~ Gamma(a₀, a₀)`, no intercept, 200 × 20.
#[test]
fn posterior_means_are_within_a_twentieth_sd_of_nuts() {
    let table = Table::parse(include_str!("../../../testdata/ard_d20.csv"));
    for (a0, mean, sd) in NUTS {
        let mut config = config(a0, a0);
        config.noise = NoisePrior::Gamma {
            shape: 1.0,
            rate: 1.0,
        };
        let got = fitted(&table, RAW, &config);
        for (j, m) in means(&got).iter().enumerate() {
            let off = (m - mean[j]) / sd[j];
            assert!(off.abs() < 0.05, "a₀ = {a0}, weight {j}: off by {off} sd");
        }
    }
}

const NUTS: [(f64, [f64; 20], [f64; 20]); 2] = [
    (
        1.0,
        [
            1.9938187, -1.3926742, 1.0196996, -0.6829821, 0.565896, 0.1052092, 0.0387017,
            0.0557391, 0.0097301, -0.0406374, -0.0353205, -0.074025, 0.0222403, -0.0059701,
            0.0189018, -0.1192835, -0.0198893, -0.042464, 0.0064863, 0.1802844,
        ],
        [
            0.0728575, 0.0824433, 0.0826144, 0.075839, 0.0727064, 0.0798672, 0.0745822, 0.0796856,
            0.0811513, 0.0744016, 0.0791033, 0.0731284, 0.0739366, 0.0768302, 0.0790461, 0.0758151,
            0.0757801, 0.0797001, 0.0826314, 0.0773122,
        ],
    ),
    (
        0.01,
        [
            1.9987641, -1.3988443, 1.0175864, -0.6793252, 0.5587923, 0.089279, 0.0322163,
            0.0479214, 0.0042717, -0.0330244, -0.0306714, -0.063263, 0.0186925, -0.0058554,
            0.0181719, -0.1049834, -0.0162897, -0.0359197, 0.0020889, 0.1644979,
        ],
        [
            0.0723602, 0.0815555, 0.0819884, 0.0756054, 0.0727211, 0.075488, 0.0683945, 0.0731502,
            0.073551, 0.0675274, 0.0718801, 0.0686776, 0.0677005, 0.0697014, 0.0717934, 0.0721533,
            0.0693534, 0.0732777, 0.0750836, 0.0768043,
        ],
    ),
];

/// `n` rows, `d` standard normal inputs of which every tenth matters, noise of sd 2.
fn sparse(n: usize, d: usize, seed: u64) -> (Table, Vec<f64>) {
    let mut rng = stream(seed, "sparse", 0);
    let mut columns: Vec<Vec<f64>> = (0..d)
        .map(|_| (0..n).map(|_| standard_normal(&mut rng)).collect())
        .collect();
    let weights: Vec<f64> = (0..d)
        .map(|j| {
            if j < d / 10 {
                standard_normal(&mut rng)
            } else {
                0.0
            }
        })
        .collect();
    let mut y: Vec<f64> = (0..n).map(|_| 2.0 * standard_normal(&mut rng)).collect();
    for (w, c) in weights.iter().zip(&columns) {
        elbo_math::linalg::axpy(*w, c, &mut y);
    }
    columns.push(y);
    let names = (0..d).map(|j| format!("x{j}")).chain(["y".to_string()]);
    let table = Table {
        names: names.collect(),
        columns,
    };
    (table, weights)
}

#[test]
fn inputs_without_effect_are_switched_off() {
    let (table, truth) = sparse(5000, 60, 3);
    let got = fitted(&table, DesignConfig::default(), &ArdConfig::default());
    assert!(got.outcome.converged());
    assert!(
        got.outcome.iterations() < 60,
        "{}",
        got.outcome.iterations()
    );
    assert!(got.outcome.largest_relative_decrease() <= 1e-9);
    let off = got.posterior.off();
    for (name, w) in table.names.iter().zip(&truth) {
        // Standard errors are 2/√5000 = 0.028: weights beyond 0.12 cannot be missed.
        assert!(
            !(w.abs() > 0.12 && off.contains(name)),
            "{name} = {w} is off"
        );
    }
    let false_on = truth.iter().zip(got.posterior.relevance());
    let false_on = false_on.filter(|(w, r)| **w == 0.0 && r.on).count();
    // 54 inputs without effect, each on with probability below 2%.
    assert!(false_on <= 4, "{false_on} of 54");
    // Squared error of f(x) on new rows: the sum over weights; least squares has 60 · 0.028².
    let squares: Vec<f64> = truth
        .iter()
        .zip(&means(&got)[1..])
        .map(|(w, m)| (w - m).powi(2))
        .collect();
    let least_squares = 60.0 * 4.0 / 5000.0;
    assert!(squares.iter().sum::<f64>() < 0.35 * least_squares);
}

#[test]
fn related_inputs_are_not_all_switched_off_together() {
    // The blood values s1 … s6 of the diabetes data stand in for each other. Plain updates from all
    // inputs on, in NumPy with explicit inverses, end at an ELBO of -2446.508573 with these inputs
    // above 3.3 standard deviations and all others below 0.1.
    let fit = fitted(
        &Table::diabetes(),
        DesignConfig::default(),
        &ArdConfig {
            prior_rate: Some(1e-3 / 442.0),
            method: exhaustive(),
            ..ArdConfig::default()
        },
    );
    assert_close(&[fit.outcome.elbo], &[-2446.508573], 1e-8, "ELBO");
    assert_eq!(fit.posterior.off(), ["age", "s1", "s2", "s4", "s6"]);
}

#[test]
fn both_forms_give_the_same_answers() {
    let table = Table::simulated(25, 15, 4);
    let design = table.design(DesignConfig::default());
    let rows = rows(&design, table.target());
    let config = config(0.5, 1e-3);
    let fit_with = |form: Form| {
        let mut model = model(&table, &design, form, &config);
        let outcome = run(&mut model, &rows, &config.method, 1, None, &mut silent).unwrap();
        let posterior = model.posterior(&config);
        Fit { posterior, outcome }
    };
    let (gram, dual) = (fit_with(Form::Gram), fit_with(Form::dual(&rows)));
    assert_close([dual.outcome.elbo], [gram.outcome.elbo], 1e-9, "elbo");
    assert_close(means(&dual), means(&gram), 1e-5, "means");
    let predict = |f: &Fit<ArdPosterior>| f.posterior.predict(&table.inputs(), 0.9).unwrap();
    assert_close(
        predict(&dual).upper,
        predict(&gram).upper,
        1e-5,
        "upper ends",
    );
    assert_eq!(dual.posterior.off(), gram.posterior.off());
}

#[test]
fn more_inputs_than_rows_are_fitted_without_their_gram_matrix() {
    let (table, truth) = sparse(80, 300, 5);
    let got = fitted(&table, DesignConfig::default(), &ArdConfig::default());
    assert_eq!(
        got.posterior.to_arrays()["weights.reduction"].shape(),
        [80, 301]
    );
    assert!(got.outcome.converged());
    assert!(got.outcome.largest_relative_decrease() <= 1e-9);
    assert!(got.posterior.off().len() > 200);
    assert_eq!(truth.len(), 300);
}

#[test]
fn a_categorical_input_is_on_or_off_as_a_whole() {
    let mut rng = stream(6, "test", 0);
    let levels = ["a", "b", "c"];
    let group: Vec<usize> = (0..300).map(|i| i % 3).collect();
    let noise: Vec<usize> = (0..300).map(|i| (i / 7) % 3).collect();
    let y: Vec<f64> = group
        .iter()
        .map(|g| [0.0, 2.0, -1.0][*g] + 0.5 * standard_normal(&mut rng))
        .collect();
    let text =
        |v: &[usize]| -> Vec<Option<&'static str>> { v.iter().map(|g| Some(levels[*g])).collect() };
    let (group, noise) = (text(&group), text(&noise));
    let columns = [
        super::super::Column::Categorical {
            name: "group",
            values: &group,
        },
        super::super::Column::Categorical {
            name: "noise",
            values: &noise,
        },
    ];
    let design = Design::new(&columns, DesignConfig::default()).unwrap();
    let got = fit(&design, &y, &ArdConfig::default(), 1, &mut silent).unwrap();
    assert_eq!(got.posterior.off(), ["noise"]);
    let coefficients = got.posterior.coefficients();
    let b = coefficients.iter().find(|c| c.name == "group[b]").unwrap();
    // The contrast to level a, with a standard error of 0.5 · √(2/100) = 0.07.
    assert!((b.mean - 2.0).abs() < 5.0 * 0.07, "{b:?}");
    let prediction = got.posterior.predict(&columns, 0.9).unwrap();
    assert!((prediction.mean[0] - 0.0).abs() < 5.0 * 0.05);
}

#[test]
fn draws_have_the_reported_moments() {
    for (n, d) in [(40, 4), (8, 12)] {
        let table = Table::simulated(n, d, 7);
        let got = fitted(&table, DesignConfig::default(), &config(1.0, 0.1)).posterior;
        let mut rng = stream(13, "test", 0);
        let draws: Vec<Vec<f64>> = (0..4000).map(|_| got.draw(&mut rng)).collect();
        assert_eq!(draws[0].len(), got.draw_names().len());
        for (j, c) in got.coefficients().iter().enumerate() {
            let values: Vec<f64> = draws.iter().map(|v| v[j]).collect();
            assert_mean(&c.name, 13, &values, c.mean);
            let squares: Vec<f64> = values.iter().map(|v| (v - c.mean).powi(2)).collect();
            assert_mean(&c.name, 13, &squares, c.sd * c.sd);
        }
        let alpha = got.relevance()[0].precision;
        let values: Vec<f64> = draws.iter().map(|v| v[d + 2]).collect();
        assert_mean("alpha.1", 13, &values, alpha);
    }
}

#[test]
fn a_saved_fit_predicts_the_same() {
    for (n, d) in [(40, 4), (8, 12)] {
        let table = Table::simulated(n, d, 8);
        let posterior = fitted(&table, DesignConfig::default(), &ArdConfig::default()).posterior;
        let loaded = ArdPosterior::from_arrays(&posterior.to_arrays()).unwrap();
        let predict = |p: &ArdPosterior| p.predict(&table.inputs(), 0.8).unwrap();
        assert_eq!(predict(&loaded), predict(&posterior));
        assert_eq!(loaded.relevance(), posterior.relevance());
    }
}

#[test]
fn conforms() {
    let table = Table::simulated(80, 6, 9);
    let design = table.design(DesignConfig::default());
    let rows = rows(&design, table.target());
    for noise in [NoisePrior::default(), NoisePrior::Fixed { sd: 0.5 }] {
        let config = ArdConfig {
            noise,
            ..ArdConfig::default()
        };
        let model = model(&table, &design, Form::Gram, &config);
        conformance::check(&model, &rows, shards(&rows, 23), |m| {
            let arrays = m.posterior(&config).to_arrays();
            let names = ["weights.mean", "precisions", "noise"];
            let arrays = names.iter().map(|name| arrays[*name].to_f64());
            // Precisions of inputs that are off are large: compare logarithms.
            arrays
                .flatten()
                .map(|v| if v > 1.0 { v.ln() } else { v })
                .collect()
        });
    }
}

#[test]
fn mini_batches_approach_coordinate_ascent() {
    let (table, _) = sparse(2000, 20, 10);
    let exact = fitted(&table, DesignConfig::default(), &config(0.5, 1e-3));
    let stochastic = ArdConfig {
        method: Method::Stochastic {
            batch_size: 200,
            config: StochasticConfig {
                max_passes: 60,
                ..StochasticConfig::default()
            },
        },
        ..config(0.5, 1e-3)
    };
    let got = fitted(&table, DesignConfig::default(), &stochastic);
    let pairs = got.posterior.coefficients();
    for (g, e) in pairs.iter().zip(exact.posterior.coefficients()) {
        let off = (g.mean - e.mean).abs() / e.sd;
        assert!(off < 0.5, "{}: off by {off} sd", g.name);
    }
}

#[test]
fn wrong_settings_are_refused() {
    let table = Table::simulated(10, 2, 1);
    let design = table.design(DesignConfig::default());
    for (shape, rate, certainty) in [(0.0, 1.0, 0.9), (1.0, -1.0, 0.9), (1.0, 1.0, 0.3)] {
        let mut config = config(shape, rate);
        config.sign_certainty = certainty;
        let error = fit(&design, table.target(), &config, 1, &mut silent).unwrap_err();
        assert!(matches!(error, ModelError::Setting { .. }));
    }
}

#[test]
fn a_perfect_fit_neither_fails_nor_loses_elbo() {
    for (n, d) in [(200, 5), (10, 30)] {
        let mut table = Table::simulated(n, d, 11);
        let exact = (0..n).map(|i| 2.0 + 3.0 * table.columns[0][i] - table.columns[1][i]);
        *table.columns.last_mut().unwrap() = exact.collect();
        let got = fitted(&table, DesignConfig::default(), &ArdConfig::default());
        let fall = got.outcome.largest_relative_decrease();
        assert!(fall <= 1e-9, "{n} rows: {fall:e} {:?}", got.outcome.trace);
        let on: Vec<bool> = got.posterior.relevance().iter().map(|r| r.on).collect();
        // Ten rows cannot tell thirty inputs apart.
        assert!(n < d || (on[0] && on[1]), "{on:?}");
    }
}
