//! Mini-batches of a logistic regression, against NumPyro's subsampled plate.
//!
//! Ours stops by its own rule with a tolerance of one nat; the rival after the fewest steps that were
//! found to come within one nat (`rivals/minibatch_numpyro.py`). Both read batches of the same size.

use std::time::Instant;

use anyhow::Result;
use elbo::vi::Target;
use elbo::vi::driver::{self, DriverConfig, silent};
use elbo::vi::method::{GaussianConfig, MeanField, Start};

use super::{cpu_seconds, logistic};
use crate::row::{Case, Report, Row};

pub(crate) fn rows() -> Vec<Row> {
    vec![Row {
        name: "minibatch-logistic",
        title: "mean-field fit of a logistic regression by mini-batches of 1,000 rows, n = 100,000, \
                D = 100, to one nat",
        per: "fit",
        accuracy: "nats below the best",
        goals: &[(2, Some(5.0)), (1, None)],
        rival: Some(("minibatch_numpyro.py", 0)),
        options: &[
            ("n", "100000"),
            ("d", "100"),
            ("groups", "0"),
            ("batch", "1000"),
            ("steps", "20000"),
        ],
        prepare: logistic::simulate_with_best,
        ours,
        whole_process: false,
        judge: Some(logistic::nats_below_best),
    }]
}

fn ours(case: &Case) -> Result<Report> {
    let model = logistic::model(case)?;
    let (start, cpu) = (Instant::now(), cpu_seconds());
    let target = Target::new(model.program(), model.dimension())?;
    let method = MeanField {
        config: GaussianConfig {
            batch_size: Some(case.get("batch")),
            tolerance: Some(1.0),
            ..GaussianConfig::default()
        },
    };
    let (begin, config) = (Start::Random, DriverConfig::default());
    let found = driver::fit(&method, &target, &begin, 1, &config, &mut silent)?;
    let (seconds, cpu) = (start.elapsed().as_secs_f64(), cpu_seconds() - cpu);
    logistic::write_answer(case, "answer.f64", &*found.approximation)?;
    Ok(Report::ours(seconds, f64::NAN)
        .with("cpu", cpu)
        .with("converged", f64::from(u8::from(found.outcome.converged())))
        .with("steps", found.outcome.iterations() as f64)
        .with("passes", found.outcome.gradient_evaluations as f64))
}
