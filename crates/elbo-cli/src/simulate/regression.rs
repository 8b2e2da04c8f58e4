//! Rows for linear, ARD and logistic regression: standard normal inputs, some of them without effect.

use std::io::Write;

use clap::Args;
use elbo::math::arrays::Array;
use elbo::math::random;
use serde_json::json;

use super::{Simulator, Truth, at_least_one, non_negative, write_failed};
use crate::failure::Failure;

/// `elbo generate linear`: every input matters.
pub(crate) struct Linear;
/// `elbo generate ard`: a tenth of the inputs matter.
pub(crate) struct Ard;
/// `elbo generate logistic`: a target of 0 and 1.
pub(crate) struct Logistic;

/// Options of all three.
#[derive(Debug, Args)]
pub(crate) struct Shape {
    /// Number of rows
    #[arg(long, default_value_t = 1000, value_name = "N")]
    rows: usize,
    /// Number of inputs, named x1, x2, …
    #[arg(long, default_value_t = 10, value_name = "D")]
    inputs: usize,
    /// Standard deviation of the weights that are not zero
    #[arg(long, default_value_t = 1.0, value_name = "X")]
    weight_sd: f64,
    /// The intercept
    #[arg(long, default_value_t = 0.0, value_name = "X")]
    intercept: f64,
    /// Number of inputs with a weight: the first ones [default: all; ard: a tenth]
    #[arg(long, value_name = "N")]
    nonzero: Option<usize>,
}

/// Options of linear and ard.
#[derive(Debug, Args)]
pub(crate) struct Noisy {
    #[command(flatten)]
    shape: Shape,
    /// Standard deviation of the noise
    #[arg(long, default_value_t = 2.0, value_name = "X")]
    noise_sd: f64,
}

impl Simulator for Linear {
    const NAME: &'static str = "linear";
    const ABOUT: &'static str = "Rows of a linear regression";
    type Options = Noisy;

    fn simulate(options: &Noisy, seed: u64, out: &mut dyn Write) -> Result<Truth, Failure> {
        gaussian(options, options.shape.inputs, seed, out)
    }
}

impl Simulator for Ard {
    const NAME: &'static str = "ard";
    const ABOUT: &'static str = "Rows of a linear regression in which few inputs matter";
    type Options = Noisy;

    fn simulate(options: &Noisy, seed: u64, out: &mut dyn Write) -> Result<Truth, Failure> {
        gaussian(options, options.shape.inputs.div_ceil(10), seed, out)
    }
}

impl Simulator for Logistic {
    const NAME: &'static str = "logistic";
    const ABOUT: &'static str = "Rows of a logistic regression, target 0 or 1";
    type Options = Shape;

    fn simulate(options: &Shape, seed: u64, out: &mut dyn Write) -> Result<Truth, Failure> {
        rows(options, options.inputs, seed, out, |eta, rng| {
            f64::from(u8::from(random::uniform(rng) < 1.0 / (1.0 + (-eta).exp())))
        })
    }
}

fn gaussian(
    options: &Noisy,
    nonzero: usize,
    seed: u64,
    out: &mut dyn Write,
) -> Result<Truth, Failure> {
    non_negative("--noise-sd", options.noise_sd)?;
    let mut truth = rows(&options.shape, nonzero, seed, out, |eta, rng| {
        eta + options.noise_sd * random::standard_normal(rng)
    })?;
    truth
        .scalars
        .insert("sigma".into(), json!(options.noise_sd));
    Ok(truth)
}

/// Writes inputs and `target(η)` with `η = intercept + xᵀw`.
fn rows(
    shape: &Shape,
    default_nonzero: usize,
    seed: u64,
    out: &mut dyn Write,
    target: impl Fn(f64, &mut random::Stream) -> f64,
) -> Result<Truth, Failure> {
    at_least_one("--rows", shape.rows)?;
    at_least_one("--inputs", shape.inputs)?;
    non_negative("--weight-sd", shape.weight_sd)?;
    let nonzero = shape.nonzero.unwrap_or(default_nonzero);
    if nonzero > shape.inputs {
        return Err(Failure::input(format!(
            "--nonzero {nonzero} is more than --inputs {}",
            shape.inputs
        ))
        .help("give at most as many as there are inputs"));
    }
    let mut rng = random::stream(seed, "simulate/regression/weights", 0);
    let weights: Vec<f64> = (0..shape.inputs)
        .map(|j| {
            if j < nonzero {
                shape.weight_sd * random::standard_normal(&mut rng)
            } else {
                0.0
            }
        })
        .collect();
    let mut write = || -> std::io::Result<()> {
        let names: Vec<String> = (1..=shape.inputs).map(|j| format!("x{j}")).collect();
        writeln!(out, "{},target", names.join(","))?;
        let mut rng = random::stream(seed, "simulate/regression/rows", 0);
        for _ in 0..shape.rows {
            let mut eta = shape.intercept;
            for weight in &weights {
                let x = random::standard_normal(&mut rng);
                eta += x * weight;
                write!(out, "{x},")?;
            }
            writeln!(out, "{}", target(eta, &mut rng))?;
        }
        Ok(())
    };
    write().map_err(|e| write_failed(&e))?;
    let mut truth = Truth::default();
    truth
        .scalars
        .insert("intercept".into(), json!(shape.intercept));
    truth.scalars.insert("nonzero".into(), json!(nonzero));
    truth
        .arrays
        .insert("weights".into(), Array::f64(&[shape.inputs], weights));
    Ok(truth)
}
