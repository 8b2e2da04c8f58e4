//! Seconds from columns in memory to a converged fit with relevance determination.
//!
//! `cargo bench -p elbo-models --bench ard [-- ROWS INPUTS THREADS]`; every tenth of the standard
//! normal inputs matters, with standard normal weights, and the noise has standard deviation 2. The
//! error is that of the regression function on 5,000 new rows.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use std::time::Instant;

use elbo_math::linalg::axpy;
use elbo_math::parallel::with_threads;
use elbo_math::random::{fill_standard_normal, stream};
use elbo_models::driver::silent;
use elbo_models::regression::ard::{self, ArdConfig};
use elbo_models::regression::{Column, Design, DesignConfig};

fn main() -> Result<(), elbo_models::ModelError> {
    let mut numbers = std::env::args().filter_map(|a| a.parse::<usize>().ok());
    let mut next = |default| numbers.next().unwrap_or(default);
    let (rows, inputs, threads) = (next(100_000), next(500), next(2));
    let names: Vec<String> = (0..inputs).map(|j| format!("x{j}")).collect();
    let (columns, signal) = simulate(rows, inputs, "train");
    let mut y = normals(rows, "noise", 0);
    for v in &mut y {
        *v *= 2.0;
    }
    axpy(1.0, &signal, &mut y);
    let (new_columns, new_signal) = simulate(5000, inputs, "test");
    println!("rows {rows}, inputs {inputs}, threads {threads}");
    with_threads(threads, || {
        for _ in 0..3 {
            let start = Instant::now();
            let design = Design::new(&view(&names, &columns), DesignConfig::default())?;
            let coded = start.elapsed().as_secs_f64();
            let fit = ard::fit(&design, &y, &ArdConfig::default(), 1, &mut silent)?;
            let seconds = start.elapsed().as_secs_f64();
            let prediction = fit.posterior.predict(&view(&names, &new_columns), 0.9)?;
            let pairs = prediction.mean.iter().zip(&new_signal);
            let error: f64 = pairs.map(|(p, f)| (p - f) * (p - f)).sum();
            println!(
                "{seconds:.3} s, of which coding {coded:.3}; {} iterations, converged {}, on {}, rmse {:.4}",
                fit.outcome.iterations(),
                fit.outcome.converged(),
                inputs - fit.posterior.off().len(),
                (error / 5000.0).sqrt()
            );
        }
        Ok(())
    })
}

/// Columns of inputs and the regression function.
fn simulate(rows: usize, inputs: usize, purpose: &str) -> (Vec<Vec<f64>>, Vec<f64>) {
    let columns: Vec<Vec<f64>> = (0..inputs).map(|j| normals(rows, purpose, j)).collect();
    let weights = normals(inputs.div_ceil(10), "weights", 0);
    let mut signal = vec![0.0; rows];
    for (w, column) in weights.iter().zip(&columns) {
        axpy(*w, column, &mut signal);
    }
    (columns, signal)
}

fn normals(n: usize, purpose: &str, index: usize) -> Vec<f64> {
    let mut values = vec![0.0; n];
    fill_standard_normal(&mut stream(1, purpose, index as u64), &mut values);
    values
}

fn view<'a>(names: &'a [String], columns: &'a [Vec<f64>]) -> Vec<Column<'a>> {
    let pairs = names.iter().zip(columns);
    pairs
        .map(|(name, values)| Column::Numeric { name, values })
        .collect()
}
