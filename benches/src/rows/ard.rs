//! Automatic relevance determination against scikit-learn's `ARDRegression`.

use std::time::Instant;

use anyhow::Result;
use elbo::math::linalg::Matrix;
use elbo::math::random::{standard_normal, stream};
use elbo::models::driver::silent;
use elbo::models::regression::{Column, Design, DesignConfig, ard};

use crate::raw;
use crate::row::{Case, Report, Row};

pub(crate) fn rows() -> Vec<Row> {
    let row = Row {
        name: "ard",
        title: "ARD, n = 100,000, D = 500, a tenth of the inputs matter, to convergence",
        per: "fit",
        accuracy: "RMSE of f",
        goals: &[(2, Some(3.0))],
        rival: Some(("ard_sklearn.py", 0)),
        options: &[("n", "100000"), ("d", "500")],
        prepare,
        ours,
    };
    vec![
        Row {
            name: "ard-small",
            title: "ARD, n = 10,000, D = 200, a tenth of the inputs matter, to convergence",
            goals: &[(2, None)],
            options: &[("n", "10000"), ("d", "200")],
            ..row
        },
        row,
    ]
}

/// `y = X w + N(0, 2²)` with standard normal `X` and a tenth of `w` not zero.
fn prepare(case: &Case) -> Result<()> {
    let (n, d) = (case.get("n"), case.get("d"));
    let mut rng = stream(1, "bench/ard", 0);
    let x = Matrix::from_fn(n, d, |_, _| standard_normal(&mut rng));
    let w: Vec<f64> = (0..d)
        .map(|j| {
            if j < d / 10 {
                standard_normal(&mut rng)
            } else {
                0.0
            }
        })
        .collect();
    let y: Vec<f64> = x
        .matvec(&w)
        .iter()
        .map(|f| f + 2.0 * standard_normal(&mut rng))
        .collect();
    let x_test = Matrix::from_fn(5_000, d, |_, _| standard_normal(&mut rng));
    raw::write_f64(case.folder, "x.f64", x.as_slice())?;
    raw::write_f64(case.folder, "y.f64", &y)?;
    raw::write_f64(case.folder, "x_test.f64", x_test.as_slice())?;
    raw::write_f64(case.folder, "f_test.f64", &x_test.matvec(&w))
}

/// From rows in memory to the fitted posterior: coding, standardising, the Gram matrix and ascent.
fn ours(case: &Case) -> Result<Report> {
    let d = case.get("d");
    let columns = columns(raw::read_f64(case.folder, "x.f64")?, d);
    let y = raw::read_f64(case.folder, "y.f64")?;
    let start = Instant::now();
    let design = Design::new(&named(&columns), DesignConfig::default())?;
    let fit = ard::fit(&design, &y, &ard::ArdConfig::default(), 1, &mut silent)?;
    let seconds = start.elapsed().as_secs_f64();
    let test = self::columns(raw::read_f64(case.folder, "x_test.f64")?, d);
    let truth = raw::read_f64(case.folder, "f_test.f64")?;
    let predicted = fit.posterior.predict(&named(&test), 0.9)?;
    let squares: f64 = predicted
        .mean
        .iter()
        .zip(&truth)
        .map(|(p, f)| (p - f).powi(2))
        .sum();
    let on = d - fit.posterior.off().len();
    Ok(Report::ours(seconds, (squares / truth.len() as f64).sqrt())
        .with("inputs on", on as f64)
        .with("iterations", fit.outcome.iterations() as f64))
}

/// The columns of a row-major table, with names.
fn columns(values: Vec<f64>, d: usize) -> Vec<(String, Vec<f64>)> {
    let n = values.len() / d;
    let table = Matrix::from_vec(n, d, values).transpose();
    (0..d)
        .map(|j| (format!("x{j}"), table.row(j).to_vec()))
        .collect()
}

fn named(columns: &[(String, Vec<f64>)]) -> Vec<Column<'_>> {
    columns
        .iter()
        .map(|(name, values)| Column::Numeric { name, values })
        .collect()
}
