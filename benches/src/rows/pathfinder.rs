//! Pathfinder, one path and four, against `BlackJAX`'s after its compilation.
//!
//! Each side leaves a thousand draws and their `log q`; one judge computes both bounds. The reference of
//! means and deviations is a full-rank Gaussian fitted to a hundredth of a nat: at n = 10,000 the
//! posterior is within a few thousandths of a deviation of one.

use std::time::Instant;

use anyhow::{Context as _, Result};
use elbo::math::random::stream;
use elbo::vi::driver::{self, DriverConfig, silent};
use elbo::vi::method::{FullRank, GaussianConfig, Pathfinder, Start};
use elbo::vi::{Draws, Target};

use super::{cpu_seconds, logistic};
use crate::raw;
use crate::row::{Case, Judgement, Report, Row};

const DRAWS: usize = 1000;

pub(crate) fn rows() -> Vec<Row> {
    let row = Row {
        name: "pathfinder-logistic",
        title: "Pathfinder, one path and 1,000 draws, on a logistic regression, n = 10,000, D = 100",
        per: "fit",
        accuracy: "ELBO",
        goals: &[(1, Some(10.0)), (2, Some(10.0))],
        rival: Some(("pathfinder_blackjax.py", 0)),
        options: &[
            ("n", "10000"),
            ("d", "100"),
            ("groups", "0"),
            ("paths", "1"),
        ],
        prepare,
        ours,
        whole_process: false,
        judge: Some(judge),
    };
    vec![
        Row {
            name: "pathfinder-logistic-multi",
            title: "the same with four paths",
            options: &[
                ("n", "10000"),
                ("d", "100"),
                ("groups", "0"),
                ("paths", "4"),
            ],
            ..row
        },
        row,
    ]
}

fn prepare(case: &Case) -> Result<()> {
    logistic::simulate(case)?;
    let model = logistic::model(case)?;
    let target = Target::new(model.program(), model.dimension())?;
    let method = FullRank {
        config: GaussianConfig {
            tolerance: Some(0.01),
            ..GaussianConfig::default()
        },
    };
    let config = DriverConfig::default();
    let start = Start::Random;
    let found = driver::fit(&method, &target, &start, case.seed, &config, &mut silent)?;
    anyhow::ensure!(found.outcome.converged(), "the reference is not found");
    logistic::write_answer(case, "reference.f64", &*found.approximation)
}

fn ours(case: &Case) -> Result<Report> {
    let model = logistic::model(case)?;
    let (start, cpu) = (Instant::now(), cpu_seconds());
    let target = Target::new(model.program(), model.dimension())?;
    let method = Pathfinder {
        n_paths: case.get("paths"),
        ..Pathfinder::default()
    };
    let (begin, config) = (Start::Random, DriverConfig::default());
    let found = driver::fit(&method, &target, &begin, 1, &config, &mut silent)?;
    let mut rng = stream(1, "bench/pathfinder", 0);
    let (draws, log_q) = found.approximation.sample(DRAWS, &mut rng);
    let (seconds, cpu) = (start.elapsed().as_secs_f64(), cpu_seconds() - cpu);
    raw::write_f64(case.folder, "draws.f64", draws.as_slice())?;
    raw::write_f64(case.folder, "log_q.f64", &log_q)?;
    Ok(Report::ours(seconds, f64::NAN)
        .with("cpu", cpu)
        .with("gradients", found.outcome.gradient_evaluations as f64))
}

/// The ELBO of the draws, and the largest errors of means (in deviations) and of deviations (as
/// logarithms of ratios); with a thousand draws about 0.1 and 0.07 of them are chance.
fn judge(case: &Case) -> Result<Judgement> {
    let model = logistic::model(case)?;
    let d = model.dimension();
    let target = Target::new(model.program(), d)?;
    let draws = raw::read_f64(case.folder, "draws.f64")?;
    let n = draws.len() / d;
    let draws = Draws::from_vec(d, n, draws);
    let log_q = raw::read_f64(case.folder, "log_q.f64")?;
    let terms: Vec<f64> = target
        .log_densities(&draws)?
        .iter()
        .zip(&log_q)
        .map(|(p, q)| p - q)
        .collect();
    let elbo = terms.iter().sum::<f64>() / n as f64;
    let squares: f64 = terms.iter().map(|t| (t - elbo).powi(2)).sum();
    let reference = raw::read_f64(case.folder, "reference.f64")?;
    let (means, sds) = reference.split_at(d);
    let (mut mean_error, mut sd_error) = (0.0_f64, 0.0_f64);
    for i in 0..d {
        let values = draws.coordinate(i);
        let mean = values.iter().sum::<f64>() / n as f64;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1) as f64;
        mean_error = mean_error.max(((mean - means[i]) / sds[i]).abs());
        sd_error = sd_error.max((variance.sqrt() / sds[i]).ln().abs());
    }
    let last = terms.last().context("draws")?;
    anyhow::ensure!(last.is_finite(), "draws outside of the support");
    Ok(Judgement::of(elbo)
        .with("its error", (squares / (n as f64 - 1.0) / n as f64).sqrt())
        .with("worst mean, in sds", mean_error)
        .with("worst log sd", sd_error))
}
