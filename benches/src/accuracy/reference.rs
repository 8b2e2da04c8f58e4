//! The sampler's moments of a posterior, kept in a file so that one long run serves many fits.
//!
//! The one idea: a reference is keyed with what defines it (the names of what is reported, the log
//! density at fixed points, the sampler's settings), so that a changed model or changed data are
//! sampled again instead of being compared with the moments of another posterior. Deliberately
//! absent: draws.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result};
use elbo::graph::model::CompiledModel;
use elbo::math::random::{fill_standard_normal, stream};
use elbo::vi::diagnostic::monte_carlo_error::Summary;
use elbo::vi::sample::{SampleConfig, sample};
use elbo::vi::{Draws, Target};
use serde::{Deserialize, Serialize};

/// References do not vary with the seed of the fit.
const SEED: u64 = 1;
/// Draws per chain, doubled until the least known coordinate is known well enough.
const N_DRAWS: usize = 2_500;
/// A mean is then known to 0.03 standard deviations.
const ENOUGH: f64 = 1000.0;
const DOUBLINGS: u32 = 3;
const TARGET_ACCEPT: f64 = 0.95;
/// Fixed points at which the log density tells one posterior from another.
const POINTS: usize = 4;
/// A moment that the sampler knows no better than this is not compared.
const KNOWN: f64 = 0.05;
/// Log densities of one program differ by rounding alone, on any processor.
const SAME: f64 = 1e-9;

/// What one long run of NUTS says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Reference {
    key: Key,
    pub(super) reliable: bool,
    pub(super) rhat: f64,
    pub(super) ess: f64,
    pub(super) divergences: usize,
    pub(super) seconds: f64,
    pub(super) moments: Vec<Moments>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Key {
    names: Vec<String>,
    log_densities: Vec<f64>,
    n_draws: usize,
    target_accept: f64,
    seed: u64,
}

/// Mean and standard deviation of one reported number, or of its logarithm.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Moments {
    pub(super) name: String,
    pub(super) mean: f64,
    pub(super) sd: f64,
    /// The standard error of the mean in standard deviations, and the relative one of the standard
    /// deviation, as far as independent draws would tell.
    #[serde(default)]
    pub(super) errors: (f64, f64),
}

impl Moments {
    /// Whether the mean is known well enough to compare others with it.
    pub(super) fn knows_mean(&self) -> bool {
        self.errors.0 <= KNOWN
    }

    /// Whether the standard deviation is.
    pub(super) fn knows_sd(&self) -> bool {
        self.errors.1 <= KNOWN
    }
}

impl Reference {
    /// The moments in `folder`, if they belong to this model; else sampled, and kept there.
    pub(super) fn of(
        name: &str,
        model: &CompiledModel,
        in_logarithms: &[&str],
        folder: Option<&Path>,
    ) -> Result<Self> {
        let key = Key::of(model, in_logarithms);
        let path = folder.map(|folder| folder.join(format!("{name}.json")));
        if let Some(path) = &path
            && let Ok(text) = std::fs::read_to_string(path)
        {
            // What cannot be read is of another version, and is made again.
            if let Ok(kept) = serde_json::from_str::<Self>(&text)
                && kept.key.is(&key)
            {
                return Ok(kept);
            }
        }
        let found = Self::sampled(model, in_logarithms, key)?;
        if let Some(path) = path {
            // Under another name first: whoever reads meets a whole file or none.
            let unfinished = path.with_extension(format!("{}.part", std::process::id()));
            std::fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
            std::fs::write(&unfinished, serde_json::to_string_pretty(&found)?)?;
            std::fs::rename(&unfinished, &path)
                .with_context(|| format!("writing {}", path.display()))?;
        }
        Ok(found)
    }

    fn sampled(model: &CompiledModel, in_logarithms: &[&str], key: Key) -> Result<Self> {
        let mut config = SampleConfig {
            n_draws: N_DRAWS,
            target_accept: TARGET_ACCEPT,
            ..SampleConfig::default()
        };
        let start = Instant::now();
        let target = Target::new(model.program(), model.dimension())?;
        let mut sampled = sample(&target, &config, SEED)?;
        for _ in 0..DOUBLINGS {
            if sampled.smallest_ess() >= ENOUGH {
                break;
            }
            config.n_draws *= 2;
            sampled = sample(&target, &config, SEED)?;
        }
        Ok(Self {
            key,
            reliable: sampled.reliable(),
            rhat: sampled.largest_rhat(),
            ess: sampled.smallest_ess(),
            divergences: sampled.divergences,
            seconds: start.elapsed().as_secs_f64(),
            moments: moments(model, &sampled.draws, sampled.n_chains, in_logarithms),
        })
    }
}

impl Key {
    fn of(model: &CompiledModel, in_logarithms: &[&str]) -> Self {
        let dimension = model.dimension();
        let mut points = Draws::zeros(dimension, POINTS);
        let mut rng = stream(SEED, "bench/accuracy/key", 0);
        let mut point = vec![0.0; dimension];
        for s in 0..POINTS {
            fill_standard_normal(&mut rng, &mut point);
            // Near zero, where hardly any posterior is without a density.
            let near: Vec<f64> = point.iter().map(|v| 0.1 * v).collect();
            points.set_draw(s, &near);
        }
        let mut log_densities = vec![0.0; POINTS];
        elbo::vi::LogDensity::log_densities(model.program(), &points, &mut log_densities)
            .unwrap_or_else(|_| unreachable!("programs do not fail"));
        let names = model.names().iter();
        Self {
            names: names.map(|name| label(name, in_logarithms)).collect(),
            log_densities,
            n_draws: N_DRAWS,
            target_accept: TARGET_ACCEPT,
            seed: SEED,
        }
    }

    fn is(&self, other: &Self) -> bool {
        let near = |(a, b): (&f64, &f64)| (a - b).abs() <= SAME * (1.0 + b.abs());
        let densities = self.log_densities.iter().zip(&other.log_densities);
        self.names == other.names
            && self.log_densities.len() == other.log_densities.len()
            && densities.into_iter().all(near)
            && (self.n_draws, self.target_accept, self.seed)
                == (other.n_draws, other.target_accept, other.seed)
    }
}

/// Moments of what the model reports, in logarithms where its posterior has no variance otherwise.
pub(super) fn moments(
    model: &CompiledModel,
    draws: &Draws,
    n_chains: usize,
    in_logarithms: &[&str],
) -> Vec<Moments> {
    let n = draws.n_draws();
    let reported = model.constrain(draws.as_slice(), n);
    let entries = model.names().iter().zip(reported.chunks_exact(n));
    entries
        .map(|(name, values)| {
            let logarithms: Vec<f64>;
            let values = if is_in_logarithms(name, in_logarithms) {
                logarithms = values.iter().map(|v| v.ln()).collect();
                &logarithms
            } else {
                values
            };
            let chains: Vec<&[f64]> = values.chunks(n / n_chains).collect();
            let summary = Summary::of(&chains);
            Moments {
                name: label(name, in_logarithms),
                mean: summary.mean,
                sd: summary.sd,
                errors: (summary.mcse_mean / summary.sd, summary.mcse_sd / summary.sd),
            }
        })
        .collect()
}

fn is_in_logarithms(name: &str, in_logarithms: &[&str]) -> bool {
    let parameter = name.split('[').next().unwrap_or(name);
    in_logarithms.contains(&parameter)
}

fn label(name: &str, in_logarithms: &[&str]) -> String {
    if is_in_logarithms(name, in_logarithms) {
        format!("log {name}")
    } else {
        name.to_owned()
    }
}
