//! Mean-field Gaussians, all data at once, against NumPyro's `AutoNormal`.
//!
//! Both sides stop within half a nat of the best bound: ours by its own rule with that tolerance, the
//! rival after the number of steps that was found to be the fewest (`rivals/meanfield_numpyro.py`).

use std::time::Instant;

use anyhow::Result;
use elbo::vi::Target;
use elbo::vi::driver::{self, DriverConfig, silent};
use elbo::vi::method::{GaussianConfig, MeanField, Start};

use super::{cpu_seconds, logistic};
use crate::row::{Case, Report, Row};

pub(crate) fn rows() -> Vec<Row> {
    let row = Row {
        name: "meanfield-hierarchical",
        title: "mean-field fit of a hierarchical logistic regression, n = 10,000, D = 5, 50 groups, \
                to half a nat, the whole process",
        per: "process",
        accuracy: "nats below the best",
        goals: &[(2, Some(50.0)), (1, None)],
        rival: Some(("meanfield_numpyro.py", 0)),
        options: &[
            ("n", "10000"),
            ("d", "5"),
            ("groups", "50"),
            ("warm", "0"),
            ("steps", "600"),
        ],
        prepare: logistic::simulate_with_best,
        ours,
        whole_process: true,
        judge: Some(logistic::nats_below_best),
    };
    vec![
        Row {
            name: "meanfield-hierarchical-warm",
            title: "the same without starting, importing, reading and compiling",
            per: "fit",
            goals: &[(2, Some(3.0)), (1, None)],
            options: &[
                ("n", "10000"),
                ("d", "5"),
                ("groups", "50"),
                ("warm", "1"),
                ("steps", "600"),
            ],
            whole_process: false,
            ..row
        },
        row,
    ]
}

fn ours(case: &Case) -> Result<Report> {
    let model = logistic::model(case)?;
    let warm = case.get("warm") == 1;
    let (start, cpu) = (Instant::now(), if warm { cpu_seconds() } else { 0.0 });
    let target = Target::new(model.program(), model.dimension())?;
    let method = MeanField {
        config: GaussianConfig {
            tolerance: Some(0.5),
            ..GaussianConfig::default()
        },
    };
    let (begin, config) = (Start::Random, DriverConfig::default());
    let found = driver::fit(&method, &target, &begin, 1, &config, &mut silent)?;
    let (seconds, cpu) = (start.elapsed().as_secs_f64(), cpu_seconds() - cpu);
    logistic::write_answer(case, "answer.f64", &*found.approximation)?;
    Ok(Report::ours(seconds, f64::NAN)
        .with("cpu", cpu)
        .with("steps", found.outcome.iterations() as f64)
        .with("gradients", found.outcome.gradient_evaluations as f64))
}
