//! Rows from mixtures of Gaussians: random full covariances, or one variance for all.

use std::io::Write;

use clap::Args;
use elbo::math::arrays::Array;
use elbo::math::random::{self, Stream};
use serde_json::json;

use super::{Simulator, Truth, at_least_one, non_negative, write_failed};
use crate::failure::Failure;

/// `elbo generate gmm`.
pub(crate) struct Mixture;

/// `elbo generate mixture-of-means`.
pub(crate) struct Means;

/// Options of both.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Number of rows
    #[arg(long, default_value_t = 1000, value_name = "N")]
    rows: usize,
    /// Number of columns
    #[arg(long, default_value_t = 2, value_name = "D")]
    columns: usize,
    /// Number of components; all are equally likely
    #[arg(long, default_value_t = 3, value_name = "K")]
    components: usize,
    /// Standard deviation of the components' means; within a component it is about 1.4 per column, or --sd
    #[arg(long, default_value_t = 4.0, value_name = "X")]
    separation: f64,
    /// Part of the entries that are left empty, at least 0 and below 1; every row keeps one
    #[arg(long, default_value_t = 0.0, value_name = "P")]
    missing: f64,
}

/// Options of the mixture of means.
#[derive(Debug, Args)]
pub(crate) struct MeansOptions {
    #[command(flatten)]
    shared: Options,
    /// Standard deviation of every column within a component
    #[arg(long, default_value_t = 1.0, value_name = "X")]
    sd: f64,
}

impl Simulator for Mixture {
    const NAME: &'static str = "gmm";
    const ABOUT: &'static str = "Rows from a mixture of Gaussians with full covariances";
    type Options = Options;

    fn simulate(options: &Options, seed: u64, out: &mut dyn Write) -> Result<Truth, Failure> {
        check(options)?;
        let (k, d) = (options.components, options.columns);
        let mut rng = random::stream(seed, "simulate/gmm/components", 0);
        let means: Vec<f64> = normals(&mut rng, k * d, options.separation);
        // A = I + G/√d, so that the covariance A Aᵀ is positive definite with a diagonal near 2.
        let mut factors = normals(&mut rng, k * d * d, 1.0 / (d as f64).sqrt());
        add_to_diagonals(&mut factors, d, 1.0);
        let mut truth = rows(options, seed, means, &factors, out)?;
        let covariances = Array::f64(&[k, d, d], covariances(&factors, k, d));
        truth.arrays.insert("covariances".to_owned(), covariances);
        Ok(truth)
    }
}

impl Simulator for Means {
    const NAME: &'static str = "mixture-of-means";
    const ABOUT: &'static str = "Rows from a mixture of Gaussians of one variance";
    type Options = MeansOptions;

    fn simulate(options: &MeansOptions, seed: u64, out: &mut dyn Write) -> Result<Truth, Failure> {
        let MeansOptions { shared, sd } = options;
        check(shared)?;
        non_negative("--sd", *sd)?;
        let (k, d) = (shared.components, shared.columns);
        let mut rng = random::stream(seed, "simulate/mixture-of-means", 0);
        let means = normals(&mut rng, k * d, shared.separation);
        let mut factors = vec![0.0; k * d * d];
        add_to_diagonals(&mut factors, d, *sd);
        let mut truth = rows(shared, seed, means, &factors, out)?;
        truth.scalars.insert("sd".into(), json!(sd));
        Ok(truth)
    }
}

/// Adds to the diagonals of `d × d` matrices that lie one after the other.
fn add_to_diagonals(factors: &mut [f64], d: usize, value: f64) {
    for matrix in factors.chunks_exact_mut(d * d) {
        for entry in matrix.iter_mut().step_by(d + 1) {
            *entry += value;
        }
    }
}

/// Writes the rows; returns means, weights and the rows' components.
fn rows(
    options: &Options,
    seed: u64,
    means: Vec<f64>,
    factors: &[f64],
    out: &mut dyn Write,
) -> Result<Truth, Failure> {
    let (k, d) = (options.components, options.columns);
    let labels = write_rows(options, seed, &means, factors, out).map_err(|e| write_failed(&e))?;
    let mut truth = Truth::default();
    let scalars = [
        ("components", json!(k)),
        ("separation", json!(options.separation)),
    ];
    let arrays = [
        ("means", Array::f64(&[k, d], means)),
        ("weights", Array::f64(&[k], vec![1.0 / k as f64; k])),
        ("labels", Array::f64(&[options.rows], labels)),
    ];
    truth
        .scalars
        .extend(scalars.map(|(name, value)| (name.to_owned(), value)));
    truth
        .arrays
        .extend(arrays.map(|(name, array)| (name.to_owned(), array)));
    Ok(truth)
}

fn check(options: &Options) -> Result<(), Failure> {
    at_least_one("--rows", options.rows)?;
    at_least_one("--columns", options.columns)?;
    at_least_one("--components", options.components)?;
    non_negative("--separation", options.separation)?;
    if !(0.0..1.0).contains(&options.missing) {
        return Err(
            Failure::input(format!("--missing {} is out of range", options.missing))
                .help("give a number of at least 0 and below 1"),
        );
    }
    Ok(())
}

fn normals(rng: &mut Stream, n: usize, sd: f64) -> Vec<f64> {
    (0..n).map(|_| sd * random::standard_normal(rng)).collect()
}

/// Writes the rows; returns their components, counted from 1.
fn write_rows(
    options: &Options,
    seed: u64,
    means: &[f64],
    factors: &[f64],
    out: &mut dyn Write,
) -> std::io::Result<Vec<f64>> {
    let d = options.columns;
    let header: Vec<String> = (1..=d).map(|j| format!("x{j}")).collect();
    writeln!(out, "{}", header.join(","))?;
    let mut rng = random::stream(seed, "simulate/gmm/rows", 0);
    let equal = vec![1.0; options.components];
    let mut labels = Vec::with_capacity(options.rows);
    for _ in 0..options.rows {
        let c = random::categorical(&mut rng, &equal);
        let z = normals(&mut rng, d, 1.0);
        let chances: Vec<f64> = (0..d).map(|_| random::uniform(&mut rng)).collect();
        // A row without any entry says nothing and would be refused: one entry stays.
        let stays = chances.iter().copied().fold(0.0, f64::max);
        for (j, chance) in chances.iter().enumerate() {
            let row = &factors[(c * d + j) * d..][..d];
            let x = means[c * d + j] + row.iter().zip(&z).map(|(a, b)| a * b).sum::<f64>();
            let separator = if j == 0 { "" } else { "," };
            if *chance < options.missing && *chance < stays {
                write!(out, "{separator}")?;
            } else {
                write!(out, "{separator}{x}")?;
            }
        }
        writeln!(out)?;
        labels.push((c + 1) as f64);
    }
    Ok(labels)
}

/// `A Aᵀ` of every component.
fn covariances(factors: &[f64], k: usize, d: usize) -> Vec<f64> {
    let mut covariances = Vec::with_capacity(k * d * d);
    for c in 0..k {
        let row = |i: usize| &factors[(c * d + i) * d..][..d];
        for i in 0..d {
            for j in 0..d {
                covariances.push(row(i).iter().zip(row(j)).map(|(a, b)| a * b).sum());
            }
        }
    }
    covariances
}
