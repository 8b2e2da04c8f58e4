//! Gaussian mixtures against scikit-learn's `BayesianGaussianMixture`.

use std::ops::ControlFlow;

use anyhow::Result;
use elbo::math::linalg::Matrix;
use elbo::math::random::{RngExt as _, Stream, fill_standard_normal, standard_normal, stream};
use elbo::models::gmm::{self, GmmConfig, GmmData};

use super::Laps;
use crate::raw;
use crate::row::{Case, Report, Row};

pub(crate) fn rows() -> Vec<Row> {
    vec![Row {
        name: "gmm",
        title: "Gaussian mixture, n = 100,000, D = 10, K = 20, full covariances",
        per: "iteration",
        accuracy: "held-out log density",
        goals: &[(1, Some(4.0)), (2, Some(7.0))],
        rival: Some(("gmm_sklearn.py", 1)),
        options: &[
            ("n", "100000"),
            ("d", "10"),
            ("k", "20"),
            ("iterations", "12"),
        ],
        prepare,
        ours,
        whole_process: false,
        judge: None,
    }]
}

/// Twenty separated Gaussians with random covariances.
fn prepare(case: &Case) -> Result<()> {
    let (n, d, k) = (case.get("n"), case.get("d"), case.get("k"));
    let mut rng = stream(case.seed, "bench/gmm", 0);
    let means = Matrix::from_fn(k, d, |_, _| 4.0 * standard_normal(&mut rng));
    let scale = (d as f64).sqrt();
    let factors: Vec<Matrix> = (0..k)
        .map(|_| {
            Matrix::from_fn(d, d, |i, j| {
                f64::from(u8::from(i == j)) + standard_normal(&mut rng) / scale
            })
        })
        .collect();
    let draw = |rows: usize, rng: &mut Stream| {
        let mut values = Vec::with_capacity(rows * d);
        let mut z = vec![0.0; d];
        for _ in 0..rows {
            let component = rng.random_range(0..k);
            fill_standard_normal(rng, &mut z);
            let x = factors[component].matvec(&z);
            values.extend(x.iter().zip(means.row(component)).map(|(x, m)| x + m));
        }
        values
    };
    raw::write_f64(case.folder, "x.f64", &draw(n, &mut rng))?;
    raw::write_f64(case.folder, "x_test.f64", &draw(20_000, &mut rng))
}

fn ours(case: &Case) -> Result<Report> {
    let (d, k) = (case.get("d"), case.get("k"));
    let data = GmmData::new(raw::read_f64(case.folder, "x.f64")?, d)?;
    let mut config = GmmConfig::new(k);
    config.ascent.max_iters = case.get("iterations");
    config.ascent.rel_tol = 0.0;
    let mut laps = Laps::default();
    let fit = gmm::fit(&data, &config, 1, &mut |_| {
        laps.lap();
        ControlFlow::Continue(())
    })?;
    let test = GmmData::new(raw::read_f64(case.folder, "x_test.f64")?, d)?;
    let densities = fit.posterior.log_predictive_density(&test)?;
    let mean = densities.iter().sum::<f64>() / densities.len() as f64;
    Ok(Report::ours(laps.median(), mean))
}
