//! Updates and bound agree with the plain implementation; the contract of all models holds.

use elbo_testkit::{assert_all_close, assert_close};

use super::naive::{Naive, Q};
use super::*;
use crate::conformance;
use crate::driver::Gather;
use crate::driver::silent;

fn naive_of(data: &GmmData, config: &GmmConfig) -> Naive {
    let summary = DataSummary::new(data).unwrap();
    let d = data.dim();
    let c = summary.covariance();
    Naive {
        covariance: config.covariance,
        x: (0..data.len()).map(|i| data.row(i).to_vec()).collect(),
        weights: (0..data.len()).map(|i| data.weight(i)).collect(),
        alpha0: config
            .weight_concentration
            .unwrap_or(1.0 / config.n_components as f64),
        beta0: config.mean_precision,
        m0: config
            .mean
            .clone()
            .unwrap_or_else(|| summary.mean().to_vec()),
        nu0: config.degrees_of_freedom.unwrap_or(d as f64),
        c0: (0..d).map(|i| c.row(i).to_vec()).collect(),
    }
}

fn assert_same_q(posterior: &GmmPosterior, q: &Q) {
    assert_all_close("α", posterior.concentration(), &q.alpha, 1e-8);
    assert_all_close(
        "β",
        &first_column(posterior.mean_precision()),
        &q.beta,
        1e-8,
    );
    assert_all_close(
        "ν",
        &first_column(&posterior.degrees_of_freedom()),
        &q.nu,
        1e-8,
    );
    assert_all_close("m", posterior.means().as_slice(), &q.m.concat(), 1e-8);
    for k in 0..posterior.n_components() {
        let g = k.min(q.nu.len() - 1);
        let expected: Vec<f64> = q.v[g].concat().iter().map(|v| v / q.nu[g]).collect();
        assert_all_close("V/ν", posterior.covariance(k).as_slice(), &expected, 1e-8);
    }
}

#[test]
fn updates_and_elbo_agree_with_a_plain_implementation() {
    let weights: Vec<f64> = (0..90).map(|i| 0.5 + f64::from(i % 4)).collect();
    let data = GmmData::new(clusters(90, 3, 3, 1), 3)
        .unwrap()
        .with_weights(weights)
        .unwrap();
    for covariance in TYPES {
        let config = GmmConfig {
            weight_concentration: Some(0.3),
            mean: Some(vec![0.5, -1.0, 2.0]),
            mean_precision: 0.7,
            degrees_of_freedom: Some(4.5),
            ..config(4, covariance)
        };
        let naive = naive_of(&data, &config);
        let mut model = start(&config, &data);
        let mut r: Vec<Vec<f64>> = model
            .posterior()
            .responsibilities(&data)
            .unwrap()
            .chunks_exact(4)
            .map(<[f64]>::to_vec)
            .collect();
        for _ in 0..5 {
            let mut statistics = model.zero_statistics();
            model.local_step(&data, &mut statistics).unwrap();
            model.global_step(&statistics, 1.0).unwrap();
            let q = naive.global_step(&r);
            assert_same_q(model.posterior(), &q);

            r = naive.local_step(&q);
            let bound = model.local_step(&data, &mut statistics).unwrap();
            let elbo = bound + model.global_bound(&statistics);
            assert_close("ELBO", elbo, naive.elbo(&q, &r), 1e-8);
            let got = model.posterior().responsibilities(&data).unwrap();
            assert_all_close("responsibilities", &got, &r.concat(), 1e-8);
        }
    }
}

#[test]
fn elbo_away_from_the_optimum_agrees_with_a_plain_implementation() {
    // A step of size ½ leaves q(μ, Λ) off its optimum, where shortcuts of the bound would differ.
    let data = GmmData::new(clusters(60, 2, 2, 2), 2).unwrap();
    for covariance in TYPES {
        let config = config(3, covariance);
        let mut model = start(&config, &data);
        let mut statistics = model.zero_statistics();
        model.local_step(&data, &mut statistics).unwrap();
        model.global_step(&statistics, 0.5).unwrap();
        let p = model.posterior();
        let q = Q {
            alpha: p.concentration().to_vec(),
            beta: first_column(p.mean_precision()),
            m: (0..3).map(|k| p.means().row(k).to_vec()).collect(),
            nu: first_column(&p.degrees_of_freedom()),
            v: (0..p.degrees_of_freedom().rows())
                .map(|k| {
                    let (v, nu) = (p.covariance(k), p.degrees_of_freedom()[(k, 0)]);
                    (0..2)
                        .map(|i| v.row(i).iter().map(|x| nu * x).collect())
                        .collect()
                })
                .collect(),
        };
        let naive = naive_of(&data, &config);
        let mut statistics = model.zero_statistics();
        let bound = model.local_step(&data, &mut statistics).unwrap();
        let elbo = bound + model.global_bound(&statistics);
        assert_close("ELBO", elbo, naive.elbo(&q, &naive.local_step(&q)), 1e-9);
    }
}

#[test]
fn the_contract_of_conjugate_models_holds() {
    // More than one block of rows, so that partial sums are combined.
    let n = 2500;
    let complete = clusters(n, 3, 3, 3);
    for values in [complete.clone(), with_gaps(complete, 3, 6, 3)] {
        let data = GmmData::new(values, 3).unwrap();
        let shards = (0..3).map(|s| {
            let rows: Vec<usize> = (s * n / 3..(s + 1) * n / 3).collect();
            data.gather(&rows)
        });
        let shards: Vec<GmmData> = shards.collect();
        for covariance in TYPES {
            let model = start(&config(4, covariance), &data);
            conformance::check(&model, &data, shards.clone(), |m| parameters(m.posterior()));
        }
    }
}

#[test]
fn in_one_dimension_the_covariance_types_agree() {
    let data = GmmData::new(clusters(80, 1, 2, 4), 1).unwrap();
    let elbo = |covariance| {
        fit(&data, &config(3, covariance), 1, &mut silent)
            .unwrap()
            .outcome
            .elbo
    };
    let full = elbo(Covariance::Full);
    assert_close("diagonal", elbo(Covariance::Diagonal), full, 1e-11);
    assert_close("spherical", elbo(Covariance::Spherical), full, 1e-11);
}
