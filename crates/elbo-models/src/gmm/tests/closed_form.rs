//! One component is exact conjugate inference.

use elbo_math::special::{LN_PI, ln_gamma, ln_multigamma};
use elbo_testkit::assert_close;

use super::*;
use crate::driver::{Gather, silent};

fn one(data: &GmmData, covariance: Covariance) -> Fit<GmmPosterior> {
    // Priors that do not depend on the data, so that subsets share them.
    let covariance_prior = match covariance {
        Covariance::Full | Covariance::Tied => vec![2.0, 0.3, 0.3, 1.0],
        Covariance::Diagonal => vec![2.0, 1.0],
        Covariance::Spherical => vec![1.5],
    };
    let config = GmmConfig {
        mean: Some(vec![0.2, -0.4]),
        mean_precision: 0.5,
        degrees_of_freedom: Some(3.5),
        covariance_prior: Some(covariance_prior),
        ..config(1, covariance)
    };
    fit(data, &config, 1, &mut silent).unwrap()
}

#[test]
fn elbo_of_one_component_is_the_normal_wishart_evidence() {
    let n = 40;
    let data = GmmData::new(clusters(n, 2, 1, 5), 2).unwrap();
    let fit = one(&data, Covariance::Full);
    let p = &fit.posterior;
    let log_det = |a: f64, b: f64, c: f64| (a * c - b * b).ln();
    let nu = p.degrees_of_freedom()[(0, 0)];
    let v = p.covariance(0);
    let log_det_v = log_det(v[(0, 0)], v[(0, 1)], v[(1, 1)]) + 2.0 * nu.ln();
    // Murphy, Conjugate Bayesian analysis of the Gaussian distribution, eq. 266.
    let evidence = -(n as f64) * LN_PI + ln_multigamma(2, nu / 2.0) - ln_multigamma(2, 3.5 / 2.0)
        + 0.5 * 3.5 * log_det(2.0, 0.3, 1.0)
        - 0.5 * nu * log_det_v
        + (0.5f64 / (0.5 + n as f64)).ln();
    assert_close("evidence", fit.outcome.elbo, evidence, 1e-12);
    assert_close(
        "tied",
        one(&data, Covariance::Tied).outcome.elbo,
        evidence,
        1e-12,
    );
}

#[test]
fn elbo_of_one_diagonal_component_is_the_product_of_normal_gamma_evidences() {
    let n = 40;
    let data = GmmData::new(clusters(n, 2, 1, 5), 2).unwrap();
    let mut evidence = 0.0;
    for (j, (m0, c0)) in [(0.2, 2.0), (-0.4, 1.0)].into_iter().enumerate() {
        let x: Vec<f64> = (0..n).map(|i| data.row(i)[j]).collect();
        let nf = n as f64;
        let mean = x.iter().sum::<f64>() / nf;
        let squares: f64 = x.iter().map(|v| (v - mean).powi(2)).sum();
        let (a0, b0) = (3.5 / 2.0, c0 / 2.0);
        let a = a0 + nf / 2.0;
        let b = b0 + 0.5 * squares + 0.5 * 0.5 * nf / (0.5 + nf) * (mean - m0).powi(2);
        evidence += ln_gamma(a) - ln_gamma(a0) + a0 * f64::ln(b0) - a * b.ln()
            + 0.5 * (0.5 / (0.5 + nf)).ln()
            - 0.5 * nf * elbo_math::special::LN_2PI;
    }
    assert_close(
        "evidence",
        one(&data, Covariance::Diagonal).outcome.elbo,
        evidence,
        1e-12,
    );
}

#[test]
fn elbo_of_one_component_with_gaps_is_the_evidence_of_what_is_there() {
    // Independent coordinates: every column has the evidence of its own observations, given the
    // precision, which is one for all columns when spherical.
    let data = GmmData::new(with_gaps(clusters(40, 2, 1, 5), 2, 3, 5), 2).unwrap();
    assert!(data.n_missing() > 5);
    let seen = |j: usize| -> Vec<f64> {
        let column = (0..40).map(|i| data.row(i)[j]);
        column.filter(|x| !x.is_nan()).collect()
    };
    // Half the squares about the posterior, the number, and the share of log β₀/β.
    let column = |j: usize, m0: f64| {
        let x = seen(j);
        let n = x.len() as f64;
        let mean = x.iter().sum::<f64>() / n;
        let squares: f64 = x.iter().map(|v| (v - mean).powi(2)).sum();
        let pulled = squares + 0.5 * n / (0.5 + n) * (mean - m0).powi(2);
        (0.5 * pulled, n, 0.5 * (0.5 / (0.5 + n)).ln())
    };
    let gamma = |a0: f64, b0: f64, squares: f64, n: f64| {
        let (a, b) = (a0 + 0.5 * n, b0 + squares);
        ln_gamma(a) - ln_gamma(a0) + a0 * b0.ln()
            - a * b.ln()
            - 0.5 * n * elbo_math::special::LN_2PI
    };
    let ((s1, n1, l1), (s2, n2, l2)) = (column(0, 0.2), column(1, -0.4));
    let diagonal = gamma(1.75, 1.0, s1, n1) + l1 + gamma(1.75, 0.5, s2, n2) + l2;
    let spherical = gamma(3.5, 1.5, s1 + s2, n1 + n2) + l1 + l2;
    let elbo = |covariance| one(&data, covariance).outcome.elbo;
    assert_close("diagonal", elbo(Covariance::Diagonal), diagonal, 1e-12);
    assert_close("spherical", elbo(Covariance::Spherical), spherical, 1e-12);
}

#[test]
fn evidence_grows_by_the_predictive_density_of_each_row() {
    // log p(x_1..n) − log p(x_1..n−1) = log p(x_n | x_1..n−1), whatever the covariance type.
    let data = GmmData::new(clusters(12, 2, 1, 6), 2).unwrap();
    let rows = |range: std::ops::Range<usize>| data.gather(&range.collect::<Vec<_>>());
    for covariance in TYPES {
        for n in [3, 11] {
            let before = one(&rows(0..n), covariance);
            let after = one(&rows(0..n + 1), covariance);
            let predicted = before
                .posterior
                .log_predictive_density(&rows(n..n + 1))
                .unwrap();
            let gain = after.outcome.elbo - before.outcome.elbo;
            assert_close("predictive", predicted[0], gain, 1e-10);
        }
    }
}
