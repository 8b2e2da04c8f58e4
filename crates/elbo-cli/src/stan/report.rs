//! The table and the sentences under a fit or a sample of a program.

use elbo_data::fit::FitRecord;
use serde_json::Value;

use super::Loaded;
use super::answer::{self, Source};
use crate::console::Results;
use crate::failure::Failure;
use crate::table::{self, Marginal};

/// Draws behind a table of very many quantities.
const FEW: usize = 200;

/// Moments and quantiles of every quantity.
pub(crate) fn marginals(names: &[String], columns: &[Vec<f64>]) -> Vec<Marginal> {
    let named = names.iter().zip(columns);
    named
        .map(|(name, draws)| Marginal::from_draws(name.clone(), draws.clone()))
        .collect()
}

/// The same from as few draws as a table bears.
///
/// # Errors
/// If a quantity cannot be computed.
pub(crate) fn few_marginals(
    loaded: &Loaded,
    source: &Source,
    seed: u64,
) -> Result<Vec<Marginal>, Failure> {
    let chosen = source.choose(&loaded.model, FEW, seed)?;
    let columns = answer::columns(loaded, &chosen.points, seed)?;
    Ok(marginals(&answer::names(loaded), &columns))
}

/// The table, the bound or the sampler's figures, and the verdict.
///
/// # Errors
/// If stdout cannot be written.
pub(crate) fn print(
    stdout: &mut Results,
    record: &FitRecord,
    marginals: &[Marginal],
    all: bool,
) -> Result<(), Failure> {
    let limit = if all {
        usize::MAX
    } else {
        table::TERMINAL_ROWS
    };
    if !marginals.is_empty() {
        stdout.line(&table::render(marginals, limit))?;
        stdout.line("")?;
    }
    let number = |key: &str| record.extra.get(key).and_then(Value::as_f64);
    let dimension = number("dimension").unwrap_or(0.0);
    let gradients = number("gradient_evaluations").unwrap_or(0.0);
    let how = match (record.elbo, record.elbo_mcse) {
        (Some(elbo), Some(error)) => format!("ELBO {elbo:.3} ± {error:.1e} nats, "),
        (Some(elbo), None) => format!("ELBO {elbo:.3} nats, "),
        _ => String::new(),
    };
    let by = match record.extra.get("found_by").and_then(Value::as_str) {
        Some(by) if by != record.method => format!(" ({by})"),
        _ => String::new(),
    };
    stdout.line(&format!(
        "{}: {}{by}, {how}{} and {}, {:.2} s",
        record.model,
        record.method,
        counted(dimension, "unconstrained coordinate"),
        counted(gradients, "gradient"),
        record.seconds
    ))?;
    stdout.line(&format!("verdict: {}", record.verdict_text))?;
    match record.extra.get("advice").and_then(Value::as_str) {
        Some(advice) if record.verdict != elbo_data::fit::Verdict::Good => {
            stdout.line(&format!("advice: {advice}"))
        }
        _ => Ok(()),
    }
}

/// `1 gradient`, `2 gradients`.
fn counted(n: f64, what: &str) -> String {
    format!("{n} {what}{}", if n == 1.0 { "" } else { "s" })
}
