//! Linear regression against closed forms, brute force and scikit-learn.

use elbo_math::linalg::{Cholesky, Matrix};
use elbo_math::random::stream;
use elbo_math::special::{LN_2PI, LN_PI, ln_gamma};
use elbo_testkit::assert_mean;

use super::*;
use crate::Posterior;
use crate::conformance;
use crate::driver::{StochasticConfig, silent};
use crate::regression::design::DesignConfig;
use crate::regression::fixtures::{RAW, Table, rows, shards};
use crate::regression::least_squares::Form;
use crate::regression::noise::NoisePrior;
use crate::regression::scale::Scale;

const GAMMA: NoisePrior = NoisePrior::Gamma {
    shape: 1.5,
    rate: 0.7,
};

fn config(prior_precision: PriorPrecision, noise: NoisePrior) -> LinearConfig {
    LinearConfig {
        prior_precision,
        noise,
        ..LinearConfig::default()
    }
}

fn fitted(table: &Table, design: DesignConfig, config: &LinearConfig) -> Fit<LinearPosterior> {
    let design = table.design(design);
    fit(&design, table.target(), config, 1, &mut silent).unwrap()
}

fn scale_of(design: &Design, y: &[f64]) -> Scale {
    let target = design.target(y).unwrap();
    Scale {
        coding: design.coding().clone(),
        center: target.center,
        unit: target.scale,
    }
}

/// `I + X Λ⁻¹ Xᵀ`, the covariance of the target over the noise variance.
fn marginal_covariance(x: &Matrix, precisions: &[f64]) -> Matrix {
    let mut scaled = x.clone();
    for i in 0..x.rows() {
        for (v, l) in scaled.row_mut(i).iter_mut().zip(precisions) {
            *v /= l;
        }
    }
    let mut k = elbo_math::linalg::matmul_nt(&scaled, x);
    k.add_to_diagonal(1.0);
    k
}

/// `log t_{2c}(y | 0, d/c · K)`, the marginal likelihood under a normal–gamma prior.
fn log_student(y: &[f64], k: &Matrix, c: f64, d: f64) -> f64 {
    let factor = Cholesky::new(k).unwrap();
    let n = y.len() as f64;
    let nu = 2.0 * c;
    let scaled = factor.inverse_quadratic_form(y) * c / d;
    ln_gamma(0.5 * (nu + n))
        - ln_gamma(0.5 * nu)
        - 0.5 * n * (nu.ln() + LN_PI + (d / c).ln())
        - 0.5 * factor.log_det()
        - 0.5 * (nu + n) * (scaled / nu).ln_1p()
}

#[test]
fn elbo_equals_the_student_marginal_likelihood() {
    let table = Table::simulated(30, 4, 1);
    let got = fitted(
        &table,
        DesignConfig::default(),
        &config(PriorPrecision::Fixed(0.3), GAMMA),
    );
    let design = table.design(DesignConfig::default());
    let target = design.target(table.target()).unwrap();
    let k = marginal_covariance(&design.x, &[0.01, 0.3, 0.3, 0.3, 0.3]);
    let expected = log_student(&target.values, &k, 1.5, 0.7) - 30.0 * target.scale.ln();
    conformance::assert_close([got.outcome.elbo], [expected], 1e-10, "elbo");
    conformance::assert_close(
        [got.posterior.log_evidence()],
        [expected],
        1e-10,
        "evidence",
    );
    assert!(got.outcome.converged());
}

#[test]
fn elbo_equals_the_normal_marginal_likelihood_when_the_noise_is_known() {
    let table = Table::simulated(30, 4, 2);
    let noise = NoisePrior::Fixed { sd: 0.5 };
    let got = fitted(&table, RAW, &config(PriorPrecision::Fixed(2.0), noise));
    // With precisions relative to the noise's, 2 becomes 2 · 0.25.
    let design = table.design(RAW);
    let mut k = marginal_covariance(&design.x, &[0.5; 4]);
    k.scale(0.25);
    let factor = Cholesky::new(&k).unwrap();
    let quadratic = factor.inverse_quadratic_form(table.target());
    let expected = -0.5 * (30.0 * LN_2PI + factor.log_det() + quadratic);
    conformance::assert_close([got.outcome.elbo], [expected], 1e-10, "elbo");
    assert_eq!(got.posterior.prior_precision(), 2.0);
}

#[test]
fn learnt_prior_precision_maximises_the_evidence() {
    let table = Table::diabetes();
    let best = fitted(&table, DesignConfig::default(), &LinearConfig::default());
    let lambda = best.posterior.prior_precision();
    for factor in [1e-3, 0.5, 0.9, 1.1, 2.0, 1e3] {
        let fixed = config(
            PriorPrecision::Fixed(lambda * factor),
            NoisePrior::default(),
        );
        let other = fitted(&table, DesignConfig::default(), &fixed);
        assert!(other.outcome.elbo < best.outcome.elbo, "factor {factor}");
    }
    assert!(best.outcome.converged() && best.outcome.iterations() < 10);
}

/// `BayesianRidge(tol=1e-12, max_iter=5000)` of scikit-learn 1.7 on the standardised diabetes inputs:
/// its noise and weight precisions, coefficients, and `sqrt(diag(sigma_))`.
#[test]
fn agrees_with_scikit_learn_at_its_precisions() {
    let (noise_sd, precision) = (54.151487242291324, 0.005066334907549237);
    let coefficients = [
        -0.20137003660110345,
        -10.765324722508483,
        24.423421879130878,
        14.978449099685058,
        -8.670381938788008,
        -0.20779061975875024,
        -7.572421200728888,
        5.452650529757435,
        24.107133614578633,
        3.627136383898982,
    ];
    let sds = [
        2.7790349984162046,
        2.838517859604905,
        3.06434234079445,
        3.02177812780073,
        9.027390079808939,
        7.790261433770229,
        5.817914053314345,
        6.2137044793023035,
        4.707129331458084,
        3.053378667782359,
    ];
    let table = Table::diabetes();
    let mut standardized = table.standardized();
    let last = standardized.columns.len() - 1;
    standardized.columns[last] = table.target().to_vec();
    // The fit standardises the target by its sd s, so precision α of its coefficients becomes α s².
    let design = standardized.design(DesignConfig::default());
    let s = design.target(table.target()).unwrap().scale;
    let config = config(
        PriorPrecision::Fixed(precision * s * s),
        NoisePrior::Fixed { sd: noise_sd },
    );
    let got = fit(&design, table.target(), &config, 1, &mut silent).unwrap();
    let rows = got.posterior.coefficients();
    let means: Vec<f64> = rows.iter().skip(1).map(|c| c.mean).collect();
    let got_sds: Vec<f64> = rows.iter().skip(1).map(|c| c.sd).collect();
    conformance::assert_close(&means[..], &coefficients[..], 1e-9, "coefficients");
    conformance::assert_close(&got_sds[..], &sds[..], 1e-9, "sds");
    // Its noise and precision maximise nearly the same evidence as the default's λ, up to the
    // order 1/n that integrating the noise out makes.
    let default = fitted(
        &standardized,
        DesignConfig::default(),
        &LinearConfig::default(),
    );
    let lambda = default.posterior.prior_precision();
    let theirs = precision * noise_sd * noise_sd;
    assert!((lambda / theirs - 1.0).abs() < 0.02, "{lambda} vs {theirs}");
}

#[test]
fn predictive_density_is_the_ratio_of_evidences() {
    let table = Table::simulated(25, 3, 3);
    let all: Vec<usize> = (0..25).collect();
    let (seen, new) = (table.select(&all[..24]), table.select(&all[24..]));
    let config = config(PriorPrecision::Fixed(0.5), GAMMA);
    let with = fitted(&table, RAW, &config).outcome.elbo;
    let without = fitted(&seen, RAW, &config);
    let prediction = without.posterior.predict(&new.inputs(), 0.5).unwrap();
    // A Student-t with 2(c₀ + n/2) degrees of freedom, its scale from the 50% interval.
    let nu = 2.0 * (1.5 + 12.0);
    let t = elbo_dist::StudentT::new(nu, 0.0, 1.0).unwrap();
    let quartile = elbo_dist::Cumulative::quantile(&t, 0.75);
    let scale = (prediction.upper[0] - prediction.mean[0]) / quartile;
    let z = (new.target()[0] - prediction.mean[0]) / scale;
    let density = elbo_dist::Distribution::log_density(&t, &z) - scale.ln();
    conformance::assert_close([density], [with - without.outcome.elbo], 1e-8, "density");
}

#[test]
fn both_forms_give_the_same_answers() {
    // 12 rows and 7 weights: the Gram form is the natural one, the dual one is forced.
    let table = Table::simulated(12, 6, 4);
    let design = table.design(DesignConfig::default());
    let rows = rows(&design, table.target());
    for noise in [GAMMA, NoisePrior::Fixed { sd: 0.5 }] {
        let config = config(PriorPrecision::Learnt, noise);
        let fit_with = |form: Form| {
            let scale = scale_of(&design, table.target());
            let mut model = LinearModel::with_form(form, scale, &config).unwrap();
            let outcome = run(&mut model, &rows, &config.method, 1, None, &mut silent).unwrap();
            model.posterior(outcome.elbo)
        };
        let (gram, dual) = (fit_with(Form::Gram), fit_with(Form::dual(&rows)));
        let numbers = |p: &LinearPosterior| -> Vec<f64> {
            let c = p.coefficients().into_iter().flat_map(|c| [c.mean, c.sd]);
            c.chain([p.log_evidence(), p.noise_sd()]).collect()
        };
        // λ is found to about 1e-7; everything else follows it.
        conformance::assert_close(numbers(&dual), numbers(&gram), 1e-6, "dual form");
        let (a, b) = (
            gram.predict(&table.inputs(), 0.9).unwrap(),
            dual.predict(&table.inputs(), 0.9).unwrap(),
        );
        conformance::assert_close(a.upper, b.upper, 1e-6, "upper ends");
    }
}

#[test]
fn more_weights_than_rows_is_fitted_without_their_gram_matrix() {
    let table = Table::simulated(20, 60, 5);
    let got = fitted(&table, DesignConfig::default(), &LinearConfig::default());
    let arrays = got.posterior.to_arrays();
    assert_eq!(arrays["weights.reduction"].shape(), [20, 61]);
    assert!(got.outcome.converged());
    assert!(got.outcome.largest_relative_decrease() <= 1e-9);
}

#[test]
fn a_row_of_weight_two_counts_as_two_rows() {
    let table = Table::simulated(20, 3, 6);
    let weights: Vec<f64> = (0..20).map(|i| f64::from(i % 3)).collect();
    let repeated: Vec<usize> = (0..20).flat_map(|i| vec![i; i % 3]).collect();
    let design = Design::weighted(&table.inputs(), &weights, DesignConfig::default()).unwrap();
    let weighted = fit(
        &design,
        table.target(),
        &LinearConfig::default(),
        1,
        &mut silent,
    )
    .unwrap();
    let twin = fitted(
        &table.select(&repeated),
        DesignConfig::default(),
        &LinearConfig::default(),
    );
    conformance::assert_close([weighted.outcome.elbo], [twin.outcome.elbo], 1e-9, "elbo");
    let means = |f: &Fit<LinearPosterior>| -> Vec<f64> {
        f.posterior.coefficients().iter().map(|c| c.mean).collect()
    };
    conformance::assert_close(means(&weighted), means(&twin), 1e-6, "coefficients");
}

#[test]
fn units_of_the_table_do_not_matter() {
    let table = Table::simulated(40, 3, 7);
    let mut other = Table::simulated(40, 3, 7);
    for v in &mut other.columns[0] {
        *v = 1000.0 * *v - 7.0;
    }
    for v in other.columns.last_mut().unwrap() {
        *v = 0.01 * *v + 5.0;
    }
    let a = fitted(&table, DesignConfig::default(), &LinearConfig::default());
    let b = fitted(&other, DesignConfig::default(), &LinearConfig::default());
    // A density per unit of the target: 100 times higher for each of 40 rows.
    let jacobian = 40.0 * 100.0_f64.ln();
    conformance::assert_close([b.outcome.elbo], [a.outcome.elbo + jacobian], 1e-8, "elbo");
    let (ca, cb) = (a.posterior.coefficients(), b.posterior.coefficients());
    conformance::assert_close([cb[1].mean * 1e5], [ca[1].mean], 1e-6, "slope");
    conformance::assert_close([cb[1].sd * 1e5], [ca[1].sd], 1e-6, "its sd");
    let at_zero = cb[0].mean + cb[1].mean * -7.0;
    conformance::assert_close([at_zero], [0.01 * ca[0].mean + 5.0], 1e-6, "intercept");
}

#[test]
fn draws_have_the_reported_moments() {
    for (n, d) in [(30, 3), (8, 12)] {
        let table = Table::simulated(n, d, 8);
        let config = config(PriorPrecision::Fixed(1.0), GAMMA);
        let got = fitted(&table, DesignConfig::default(), &config).posterior;
        let mut rng = stream(11, "test", 0);
        let draws: Vec<Vec<f64>> = (0..4000).map(|_| got.draw(&mut rng)).collect();
        assert_eq!(draws[0].len(), got.draw_names().len());
        for (j, c) in got.coefficients().iter().enumerate() {
            let values: Vec<f64> = draws.iter().map(|v| v[j]).collect();
            assert_mean(&c.name, 11, &values, c.mean);
            let squares: Vec<f64> = values.iter().map(|v| (v - c.mean).powi(2)).collect();
            assert_mean(&c.name, 11, &squares, c.sd * c.sd);
        }
        let sigma: Vec<f64> = draws.iter().map(|v| *v.last().unwrap()).collect();
        assert_mean("sigma", 11, &sigma, got.noise_sd());
    }
}

#[test]
fn a_saved_fit_predicts_the_same() {
    for (n, d) in [(30, 3), (8, 12)] {
        let table = Table::simulated(n, d, 9);
        let posterior = fitted(&table, DesignConfig::default(), &LinearConfig::default()).posterior;
        let loaded = LinearPosterior::from_arrays(&posterior.to_arrays()).unwrap();
        let predict = |p: &LinearPosterior| p.predict(&table.inputs(), 0.8).unwrap();
        assert_eq!(predict(&loaded), predict(&posterior));
        assert_eq!(loaded.coefficients(), posterior.coefficients());
        let mut damaged = posterior.to_arrays();
        damaged.remove("noise");
        assert!(LinearPosterior::from_arrays(&damaged).is_err());
    }
}

#[test]
fn conforms() {
    let table = Table::simulated(60, 4, 10);
    let design = table.design(DesignConfig::default());
    let rows = rows(&design, table.target());
    for precision in [PriorPrecision::Fixed(0.7), PriorPrecision::Learnt] {
        let scale = scale_of(&design, table.target());
        let config = config(precision, GAMMA);
        let model = LinearModel::with_form(Form::Gram, scale, &config).unwrap();
        conformance::check(&model, &rows, shards(&rows, 17), |m| {
            let arrays = m.posterior(0.0).to_arrays();
            arrays
                .values()
                .flat_map(elbo_math::arrays::Array::to_f64)
                .collect()
        });
    }
}

#[test]
fn mini_batches_approach_the_exact_posterior() {
    let table = Table::simulated(400, 3, 12);
    let exact = fitted(
        &table,
        DesignConfig::default(),
        &config(PriorPrecision::Fixed(1.0), GAMMA),
    );
    let stochastic = LinearConfig {
        method: Method::Stochastic {
            batch_size: 50,
            config: StochasticConfig {
                max_passes: 60,
                ..StochasticConfig::default()
            },
        },
        ..config(PriorPrecision::Fixed(1.0), GAMMA)
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
    let refuses =
        |config: &LinearConfig| fit(&design, table.target(), config, 1, &mut silent).unwrap_err();
    let bad = [
        config(PriorPrecision::Fixed(-1.0), GAMMA),
        config(PriorPrecision::Learnt, NoisePrior::Fixed { sd: 0.0 }),
        config(
            PriorPrecision::Learnt,
            NoisePrior::Gamma {
                shape: 0.0,
                rate: 1.0,
            },
        ),
        LinearConfig {
            intercept_sd: f64::NAN,
            ..LinearConfig::default()
        },
    ];
    for config in &bad {
        assert!(matches!(refuses(config), ModelError::Setting { .. }));
    }
    let got = fitted(&table, DesignConfig::default(), &LinearConfig::default());
    assert!(got.posterior.predict(&table.inputs(), 1.0).is_err());
    let constant = fit(
        &design,
        &[2.0; 10],
        &LinearConfig::default(),
        1,
        &mut silent,
    );
    assert!(constant.unwrap_err().to_string().contains("constant"));
}

#[test]
fn a_perfect_fit_neither_fails_nor_loses_elbo() {
    for (n, d) in [(200, 5), (10, 30)] {
        let mut table = Table::simulated(n, d, 11);
        let exact = (0..n).map(|i| 2.0 + 3.0 * table.columns[0][i] - table.columns[1][i]);
        *table.columns.last_mut().unwrap() = exact.collect();
        let got = fitted(&table, DesignConfig::default(), &LinearConfig::default());
        let fall = got.outcome.largest_relative_decrease();
        assert!(fall <= 1e-9, "{n} rows: {fall:e} {:?}", got.outcome.trace);
        assert!(got.outcome.elbo.is_finite());
    }
}
