//! Models against formulas written out by hand, and what they report.

use elbo_dist::{Distribution as _, Normal};
use elbo_testkit::{assert_all_close, assert_close};

use super::*;

#[test]
fn the_log_density_of_eight_schools_is_its_formula() {
    let y = [28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0];
    let sigma = [15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0];
    let mut m = Model::new();
    let mu = m.real("mu");
    let tau = m.positive("tau");
    let eta = m.vector("eta", 8);
    let theta = &mu + &tau * &eta;
    m.assume(&mu, normal(0.0, 5.0));
    m.assume(&tau, half_cauchy(5.0));
    m.assume(&eta, normal(0.0, 1.0));
    m.observe(normal(&theta, &sigma), &y);
    m.derive("theta", &theta);
    let model = m.compile().unwrap();

    let x: Vec<f64> = (0..10).map(|i| 0.3 * f64::from(i) - 1.0).collect();
    let (mut value, mut gradient) = ([0.0], [0.0; 10]);
    model
        .program()
        .log_densities_and_gradients(&x, 1, None, &mut value, &mut gradient);

    let log_normal = |x: f64, mean: f64, sd: f64| Normal::new(mean, sd).unwrap().log_density(&x);
    let (mu, tau) = (x[0], x[1].exp());
    let half_cauchy = (2.0 / (std::f64::consts::PI * 5.0)).ln() - (tau / 5.0).powi(2).ln_1p();
    let mut expected = log_normal(mu, 0.0, 5.0) + half_cauchy + x[1];
    for j in 0..8 {
        expected +=
            log_normal(x[2 + j], 0.0, 1.0) + log_normal(y[j], mu + tau * x[2 + j], sigma[j]);
    }
    assert_close("log density", value[0], expected, 1e-13);

    assert_eq!(model.names()[9..11], ["eta[8]", "theta[1]"]);
    // Two draws, the second being the point above.
    let points: Vec<f64> = x.iter().flat_map(|v| [0.0, *v]).collect();
    let reported = model.constrain(&points, 2);
    let second: Vec<f64> = reported.chunks(2).map(|c| c[1]).collect();
    assert_close("tau", second[1], tau, 1e-15);
    let theta: Vec<f64> = (0..8).map(|j| mu + tau * x[2 + j]).collect();
    assert_all_close("theta", &second[10..], &theta, 1e-14);
    assert_eq!(model.constrain(&[], 0), [0.0; 0]);
}

#[test]
fn operators_work_between_variables_references_and_numbers() {
    let mut m = Model::new();
    let x = m.vector("x", 2);
    let known = Variable::from(&[2.0, 4.0]);
    let y = 1.0 - (&x * 3.0 + &known) / 2.0 - -&x;
    m.derive("y", &y);
    m.derive("known", &(&known * &known + 1.0));
    let model = m.compile().unwrap();
    let out = model.constrain(&[0.5, -1.0], 1);
    assert_all_close("y", &out[2..4], &[1.0 - 1.75 + 0.5, 1.0 - 0.5 - 1.0], 1e-15);
    assert_eq!(out[4..], [5.0, 17.0]);
}

#[test]
fn what_does_not_fit_is_said_when_the_model_is_compiled() {
    let mut m = Model::new();
    let rate = m.positive("rate");
    m.observe(poisson(&rate), &[3.0, -1.0]);
    let error = m.compile().unwrap_err().to_string();
    assert!(error.contains("poisson") && error.contains("-1"), "{error}");

    let mut m = Model::new();
    let mean = m.vector("mean", 3);
    m.observe(normal(&mean, 1.0), &[0.0, 1.0]);
    assert!(m.compile().unwrap_err().to_string().contains("normal"));
}

#[test]
fn a_regression_on_rows_of_data_becomes_a_plate() {
    let n = 300;
    let x: Vec<f64> = (0..2 * n).map(|i| (i as f64).sin()).collect();
    let y: Vec<f64> = (0..n).map(|i| f64::from(u8::from(i % 3 == 0))).collect();
    let group: Vec<usize> = (0..n).map(|i| i % 7).collect();
    let mut m = Model::new();
    let slopes = m.vector("slopes", 2);
    let effects = m.vector("effects", 7);
    let logit = Variable::matrix(n, 2, &x).matmul(&slopes) + effects.at(&group);
    m.observe(bernoulli_logit(&logit), &y);
    let model = m.compile().unwrap();
    let plates = model.program().plates();
    assert_eq!(plates.len(), 1);
    assert_eq!(plates[0].n_rows, n);
}

#[test]
fn a_positive_parameter_keeps_its_logarithm_where_it_rounds_to_one() {
    // a = e^u ~ LogNormal(0, s) at u = 1e-20, s = 1e-21: ten standard deviations out.
    let mut m = Model::new();
    let a = m.positive("a");
    m.assume(&a, lognormal(0.0, 1e-21));
    let model = m.compile().unwrap();
    let (mut value, mut gradient) = ([0.0], [0.0]);
    model
        .program()
        .log_densities_and_gradients(&[1e-20], 1, None, &mut value, &mut gradient);
    // The Jacobian takes back the density's own 1/a.
    let expected = Normal::new(0.0, 1e-21).unwrap().log_density(&1e-20);
    assert_close("log density", value[0], expected, 1e-12);
    assert_close("gradient", gradient[0], -1e-20 / 1e-42, 1e-12);
}
