//! Old Faithful: scikit-learn from the same start, and the number of components.

use elbo_math::special::{LN_2PI, ln_gamma, ln_multigamma};
use elbo_testkit::{assert_all_close, assert_close};

use super::*;
use crate::driver::silent;

const FAITHFUL: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../data/faithful.csv"
));
const SKLEARN: &str = include_str!("faithful_sklearn.txt");

fn faithful() -> GmmData {
    let cells = FAITHFUL
        .lines()
        .skip(1)
        .flat_map(|line| line.split(',').skip(1));
    GmmData::new(cells.map(|c| c.parse().unwrap()).collect(), 2).unwrap()
}

fn sklearn(key: &str) -> Vec<f64> {
    let line = SKLEARN
        .lines()
        .find(|l| l.split(' ').next() == Some(key))
        .unwrap();
    line.split(' ')
        .skip(1)
        .map(|v| v.parse().unwrap())
        .collect()
}

fn old_faithful_config() -> GmmConfig {
    GmmConfig {
        weight_concentration: Some(1e-3),
        ..GmmConfig::new(6)
    }
}

#[test]
fn the_same_start_leads_to_the_posterior_that_scikit_learn_finds() {
    let data = faithful();
    let labels = sklearn("start_labels");
    let one_hot = labels
        .iter()
        .flat_map(|l| (0..6).map(move |k| f64::from(u8::from(*l == f64::from(k)))));
    let mut config = GmmConfig {
        start: Start::Responsibilities(one_hot.collect()),
        ..old_faithful_config()
    };
    config.ascent.rel_tol = 0.0;
    config.ascent.max_iters = 400;
    let fit = fit(&data, &config, 1, &mut silent).unwrap();
    let p = &fit.posterior;
    assert_all_close("means", p.means().as_slice(), &sklearn("means"), 1e-6);
    assert_all_close(
        "concentration",
        p.concentration(),
        &sklearn("weight_concentration"),
        1e-6,
    );
    assert_all_close(
        "ν",
        &first_column(&p.degrees_of_freedom()),
        &sklearn("degrees_of_freedom"),
        1e-6,
    );
    let covariances: Vec<f64> = (0..6).flat_map(|k| p.covariance(k).into_vec()).collect();
    assert_all_close("covariances", &covariances, &sklearn("covariances"), 1e-6);

    // What scikit-learn's bound leaves out: the normalisers of the priors and of the Gaussians.
    let k = 6.0;
    let prior = p.prior();
    let dof = prior.precision.dof(0);
    let log_det = elbo_math::linalg::Cholesky::new(DataSummary::new(&data).unwrap().covariance())
        .unwrap()
        .log_det();
    let wishart = 0.5 * dof * log_det - dof * 2f64.ln() - ln_multigamma(2, 0.5 * dof);
    // Its Wishart normaliser also lacks the D(D−1)/4·log π of the multivariate gamma function, in
    // the prior and in each posterior alike; these cancel.
    let wishart = wishart + 0.5 * elbo_math::special::LN_PI;
    let dirichlet = ln_gamma(k * 1e-3) - k * ln_gamma(1e-3);
    let expected = sklearn("lower_bound")[0] + k * wishart + dirichlet - 272.0 * LN_2PI;
    assert_close("ELBO", fit.outcome.elbo, expected, 1e-9);
}

#[test]
fn two_of_six_components_remain() {
    let data = faithful();
    for seed in 1..=5 {
        let fit = fit(&data, &old_faithful_config(), seed, &mut silent).unwrap();
        assert!(fit.outcome.converged(), "seed {seed}");
        assert_eq!(fit.posterior.n_effective_components(), 2, "seed {seed}");
    }
}
