//! Low-rank Gaussians in many dimensions: time and memory should be linear in the dimension, and the
//! answer the family's best, which is known because the target is in the family.
//!
//! No rival: what is measured is ours against the closed form.

use std::time::Instant;

use anyhow::Result;
use elbo::math::random::{standard_normal, stream};
use elbo::vi::driver::{self, DriverConfig, silent};
use elbo::vi::method::{LowRank, Start};
use elbo::vi::{DensityError, LogDensity, Target};

use super::cpu_seconds;
use crate::row::{Case, Report, Row};

pub(crate) fn rows() -> Vec<Row> {
    let row = Row {
        name: "lowrank-100k",
        title: "low-rank Gaussian of rank 8 on a Gaussian with four factors, D = 100,000",
        per: "fit",
        accuracy: "nats below the best",
        goals: &[(1, None)],
        rival: None,
        options: &[("d", "100000")],
        prepare: |_| Ok(()),
        ours,
        whole_process: false,
        judge: None,
    };
    vec![
        Row {
            name: "lowrank-1k",
            title: "the same with D = 1,000",
            options: &[("d", "1000")],
            ..row
        },
        Row {
            name: "lowrank-10k",
            title: "the same with D = 10,000",
            options: &[("d", "10000")],
            ..row
        },
        row,
    ]
}

/// `N(m, diag(s²) + F Fᵀ)`, normalised, by Woodbury's formula with four columns in closed form.
struct Factors {
    mean: Vec<f64>,
    scales: Vec<f64>,
    /// `F`, column by column; made orthogonal in the metric of `scales`, so that no matrix is needed.
    columns: Vec<Vec<f64>>,
    /// `|diag(s)⁻¹ f|²` of each column.
    squares: Vec<f64>,
}

impl Factors {
    fn new(d: usize) -> Self {
        let mut rng = stream(1, "bench/lowrank", 0);
        let mut normals =
            |sd: f64| -> Vec<f64> { (0..d).map(|_| sd * standard_normal(&mut rng)).collect() };
        let mean = normals(1.0);
        let scales: Vec<f64> = normals(0.5).iter().map(|v| v.exp()).collect();
        let mut columns: Vec<Vec<f64>> = Vec::new();
        let mut squares = Vec::new();
        // Loadings of every coordinate, whose variances are up to those of its own noise.
        for size in [1.0, 0.7, 0.5, 0.3] {
            let mut v = normals(size);
            for (other, square) in columns.iter().zip(&squares) {
                let along: f64 = (0..d).map(|i| other[i] / scales[i] * v[i]).sum();
                for i in 0..d {
                    v[i] -= along / square * other[i] / scales[i];
                }
            }
            squares.push(v.iter().map(|x| x * x).sum());
            columns.push(v.iter().zip(&scales).map(|(v, s)| v * s).collect());
        }
        Self {
            mean,
            scales,
            columns,
            squares,
        }
    }
}

impl LogDensity for Factors {
    fn log_density_and_gradient(&self, x: &[f64], g: &mut [f64]) -> Result<f64, DensityError> {
        let mut value = 0.0;
        for i in 0..x.len() {
            let z = (x[i] - self.mean[i]) / self.scales[i];
            value -= 0.5 * (z * z + std::f64::consts::TAU.ln()) + self.scales[i].ln();
            g[i] = -z / self.scales[i];
        }
        for (column, square) in self.columns.iter().zip(&self.squares) {
            let along: f64 = (0..x.len())
                .map(|i| column[i] * (x[i] - self.mean[i]) / (self.scales[i] * self.scales[i]))
                .sum();
            let weight = along / (1.0 + square);
            value += 0.5 * weight * along - 0.5 * square.ln_1p();
            for i in 0..x.len() {
                g[i] += weight * column[i] / (self.scales[i] * self.scales[i]);
            }
        }
        Ok(value)
    }
}

fn ours(case: &Case) -> Result<Report> {
    let d = case.get("d");
    let density = Factors::new(d);
    let (start, cpu) = (Instant::now(), cpu_seconds());
    let target = Target::new(&density, d)?;
    let (begin, config) = (Start::Random, DriverConfig::default());
    let found = driver::fit(
        &LowRank::default(),
        &target,
        &begin,
        1,
        &config,
        &mut silent,
    )?;
    let (seconds, cpu) = (start.elapsed().as_secs_f64(), cpu_seconds() - cpu);
    let peak = Report::ours(seconds, 0.0).peak_mb;
    // The density is normalised and in the family: the best bound is 0. The chance of 64 draws is small
    // beside a nat, as log p − log q is nearly constant.
    let mut rng = stream(1, "bench/lowrank/judge", 0);
    let (points, log_q) = found.approximation.sample(64, &mut rng);
    let log_p = target.log_densities(&points)?;
    let below: f64 = log_q.iter().zip(&log_p).map(|(q, p)| q - p).sum::<f64>() / 64.0;
    let mut report = Report::ours(seconds, below)
        .with("cpu", cpu)
        .with("converged", f64::from(u8::from(found.outcome.converged())))
        .with("steps", found.outcome.iterations() as f64)
        .with("gradients", found.outcome.gradient_evaluations as f64)
        .with("nats below per coordinate", below / d as f64);
    report.peak_mb = peak;
    Ok(report)
}
