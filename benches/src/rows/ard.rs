//! Automatic relevance determination against scikit-learn's `ARDRegression`.

use std::time::Instant;

use anyhow::Result;
use elbo::math::linalg::Matrix;
use elbo::math::random::{standard_normal, stream};
use elbo::models::driver::silent;
use elbo::models::regression::{Column, Design, DesignConfig, ard};

use super::cpu_seconds;
use crate::raw;
use crate::row::{Case, Report, Row};

/// The noise's standard deviation.
const NOISE_SD: f64 = 2.0;

pub(crate) fn rows() -> Vec<Row> {
    let row = Row {
        name: "ard",
        title: "ARD, n = 100,000, D = 500, a tenth of the inputs matter, to convergence",
        per: "fit",
        accuracy: "RMSE of f",
        goals: &[(2, Some(3.0)), (1, None)],
        rival: Some(("ard_sklearn.py", 0)),
        options: &[("n", "100000"), ("d", "500")],
        prepare,
        ours,
        whole_process: false,
        judge: None,
    };
    vec![
        Row {
            name: "ard-small",
            title: "ARD, n = 10,000, D = 200, a tenth of the inputs matter, to convergence",
            goals: &[(2, None), (1, None)],
            options: &[("n", "10000"), ("d", "200")],
            ..row
        },
        row,
    ]
}

/// `y = X w + N(0, 2²)` with standard normal `X` and a tenth of `w` not zero.
fn prepare(case: &Case) -> Result<()> {
    let (n, d) = (case.get("n"), case.get("d"));
    let mut rng = stream(case.seed, "bench/ard", 0);
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
        .map(|f| f + NOISE_SD * standard_normal(&mut rng))
        .collect();
    let x_test = Matrix::from_fn(5_000, d, |_, _| standard_normal(&mut rng));
    raw::write_f64(case.folder, "x.f64", x.as_slice())?;
    raw::write_f64(case.folder, "y.f64", &y)?;
    raw::write_f64(case.folder, "w.f64", &w)?;
    raw::write_f64(case.folder, "x_test.f64", x_test.as_slice())?;
    raw::write_f64(case.folder, "f_test.f64", &x_test.matvec(&w))
}

/// From rows in memory to the fitted posterior: coding, standardising, the Gram matrix and ascent.
fn ours(case: &Case) -> Result<Report> {
    let d = case.get("d");
    let columns = columns(raw::read_f64(case.folder, "x.f64")?, d);
    let y = raw::read_f64(case.folder, "y.f64")?;
    let (start, cpu) = (Instant::now(), cpu_seconds());
    let design = Design::new(&named(&columns), DesignConfig::default())?;
    let fit = ard::fit(&design, &y, &ard::ArdConfig::default(), 1, &mut silent)?;
    let (seconds, cpu) = (start.elapsed().as_secs_f64(), cpu_seconds() - cpu);
    let test = self::columns(raw::read_f64(case.folder, "x_test.f64")?, d);
    let truth = raw::read_f64(case.folder, "f_test.f64")?;
    let predicted = fit.posterior.predict(&named(&test), 0.9)?;
    let squares: f64 = predicted
        .mean
        .iter()
        .zip(&truth)
        .map(|(p, f)| (p - f).powi(2))
        .sum();
    let weights = raw::read_f64(case.folder, "w.f64")?;
    let on: Vec<bool> = fit.posterior.relevance().iter().map(|r| r.on).collect();
    let support = Support::of(&weights, &on, NOISE_SD / (y.len() as f64).sqrt());
    Ok(Report::ours(seconds, (squares / truth.len() as f64).sqrt())
        .with("cpu", cpu)
        .with("true on", support.true_on as f64)
        .with("false on", support.false_on as f64)
        .with("missed", support.missed as f64)
        .with("largest missed, in standard errors", support.largest_missed)
        .with("iterations", fit.outcome.iterations() as f64))
}

/// Which inputs are on, by name rather than by number.
#[derive(Default)]
struct Support {
    /// On, with a weight that is not 0.
    true_on: usize,
    /// On, with a weight of 0.
    false_on: usize,
    /// Off, with a weight that is not 0.
    missed: usize,
    /// The largest weight among those that were missed, in standard errors of least squares: below
    /// about 3 nothing tells such a weight from 0.
    largest_missed: f64,
}

impl Support {
    fn of(weights: &[f64], on: &[bool], standard_error: f64) -> Self {
        let mut support = Self::default();
        for (w, on) in weights.iter().zip(on) {
            match (*on, *w != 0.0) {
                (true, true) => support.true_on += 1,
                (true, false) => support.false_on += 1,
                (false, true) => {
                    support.missed += 1;
                    let size = w.abs() / standard_error;
                    support.largest_missed = support.largest_missed.max(size);
                }
                (false, false) => {}
            }
        }
        support
    }
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
