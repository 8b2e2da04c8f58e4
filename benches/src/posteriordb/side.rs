//! Our side of a posterior, in a process of its own: load, evaluate, fit.
//!
//! The one idea: what is said is said line by line as soon as it is known, so that a program that
//! fails or takes too long still says how far it came. Nothing is judged here.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result, anyhow};
use elbo::math::parallel;
use elbo::stan::run::{RunLimits, read_json};
use elbo::stan::{DensityOptions, Limits, Model, NoIncludes, Style, check};
use elbo::vi::{Draws, Fit, FitConfig, LogDensity, fit};
use serde::{Deserialize, Serialize};

use crate::moments::{AllMoments, Moments};
use crate::row::number;
use crate::stanli::Density;

/// A program is loaded so often; the median counts.
const LOADS: usize = 3;
/// Draws evaluated together.
const LANES: usize = 16;
/// Draws whose moments are compared, as many as `elbo draws` would usually be asked for.
const N_DRAWS: usize = 4_000;
/// Draws are made in blocks, until there are enough or so many seconds have passed.
const BLOCK: usize = 500;
const ENOUGH: f64 = 30.0;
/// Batches of evaluations that are timed, and the seconds of one: short, so that a busy machine lets
/// some of them through.
const BATCHES: usize = 100;
const BATCH: f64 = 0.001;

/// What is said.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Line {
    Loaded {
        dimension: usize,
        seconds: f64,
        branching: bool,
    },
    Evaluated(Vec<At>),
    Gradient(f64),
    Fitted(Fitted),
    Moments(AllMoments),
}

/// Log density and gradient at a point.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct At {
    #[serde(with = "number")]
    pub(crate) log_density: f64,
    pub(crate) gradient: Vec<Option<f64>>,
}

/// How a fit ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Fitted {
    pub(crate) seconds: f64,
    pub(crate) verdict: String,
    pub(crate) method: String,
    #[serde(with = "number")]
    pub(crate) khat: f64,
    pub(crate) gradient_evaluations: u64,
}

/// Loads; evaluates at a file's points, if there is one, the program of another file if that is named.
pub(crate) fn density(
    program: &Path,
    data: &Path,
    points: Option<&Path>,
    tight: Option<&Path>,
    say: &mut (dyn FnMut(&Line) + Send),
) -> Result<()> {
    parallel::with_threads(1, || {
        let mut seconds = Vec::new();
        let mut loaded = None;
        for _ in 0..LOADS {
            let (model, time) = load(program, data)?;
            seconds.push(time);
            loaded = Some(model);
        }
        seconds.sort_by(f64::total_cmp);
        let model = loaded.context("loaded")?;
        say(&Line::Loaded {
            dimension: model.dimension(),
            seconds: seconds[LOADS / 2],
            branching: model.is_branching(),
        });
        let Some(points) = points else { return Ok(()) };
        let points: Density = serde_json::from_slice(&std::fs::read(points)?)?;
        let Some(first) = points.points.first() else {
            return Ok(());
        };
        anyhow::ensure!(
            points.dimension == model.dimension(),
            "{} unconstrained coordinates, stanli has {}",
            model.dimension(),
            points.dimension
        );
        match tight {
            Some(tight) => say(&evaluated(&load(tight, data)?.0, &points.points)?),
            None => say(&evaluated(&model, &points.points)?),
        }
        say(&Line::Gradient(gradient_seconds(&model, first)?));
        Ok(())
    })
}

/// Fits, and says the moments of everything that a draw holds.
pub(crate) fn fitted(
    program: &Path,
    data: &Path,
    seed: u64,
    threads: usize,
    say: &mut (dyn FnMut(&Line) + Send),
) -> Result<()> {
    parallel::with_threads(threads, || {
        let (model, _) = load(program, data)?;
        let start = Instant::now();
        let fit = fit(&model, model.dimension(), &FitConfig::new(seed))?;
        say(&Line::Fitted(Fitted {
            seconds: start.elapsed().as_secs_f64(),
            verdict: fit.verdict.grade.to_string(),
            method: fit.method.to_owned(),
            khat: fit.verdict.khat,
            gradient_evaluations: fit.gradient_evaluations,
        }));
        say(&Line::Moments(moments(&model, &fit, seed)?));
        Ok(())
    })
}

/// Moments of everything that a draw holds.
fn moments(model: &Model, fit: &Fit, seed: u64) -> Result<AllMoments> {
    let draws = fit.draws(N_DRAWS, seed);
    let mut values = vec![Vec::new(); model.columns().len()];
    let start = Instant::now();
    for first in (0..N_DRAWS).step_by(BLOCK) {
        let some = draws.slice(first..(first + BLOCK).min(N_DRAWS));
        let block = model
            .constrain(some.as_slice(), some.n_draws(), seed + first as u64)
            .map_err(|error| anyhow!("{}", error.message))?;
        for (all, more) in values.iter_mut().zip(block.chunks_exact(some.n_draws())) {
            all.extend_from_slice(more);
        }
        if start.elapsed().as_secs_f64() > ENOUGH {
            break;
        }
    }
    // Draws that were picked by weight repeat those that were weighted.
    let picked_from = if fit.is_weighted() {
        fit.verdict.effective_sample_size
    } else {
        f64::INFINITY
    };
    let names = model.columns().iter().map(|c| bracketed(&c.name));
    let moments = names.zip(&values).map(|(name, values)| {
        let effective = 1.0 / (1.0 / values.len() as f64 + 1.0 / picked_from);
        (name, Moments::of(values, effective))
    });
    Ok(moments.collect())
}

/// A program with its data, and the seconds from their bytes to something that can be evaluated.
fn load(program: &Path, data: &Path) -> Result<(Model, f64)> {
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    let text = std::fs::read(program)?;
    let data = std::fs::read(data)?;
    let start = Instant::now();
    let checked = check(&name, &text, &mut NoIncludes, &Limits::default());
    let Some(program) = checked.program.clone() else {
        let said = checked.render(Style::Plain);
        anyhow::bail!("check: {}", said.lines().next().unwrap_or_default());
    };
    let data = read_json(&data).map_err(|error| anyhow!("data: {error}"))?;
    let model = Model::new(program, &data, &RunLimits::default(), &mut |_| {});
    let model = model.map_err(|error| anyhow!("{}", error.describe(&checked.sources)))?;
    Ok((model, start.elapsed().as_secs_f64()))
}

fn evaluated(model: &Model, points: &[Vec<f64>]) -> Result<Line> {
    let options = DensityOptions::default();
    let mut values = Vec::new();
    for point in points {
        let mut gradient = vec![0.0; point.len()];
        let log_density = model
            .log_density(options, point, &mut gradient)
            .map_err(|error| anyhow!("{}", error.message))?;
        let gradient = gradient.into_iter().map(Some).collect();
        values.push(At {
            log_density,
            gradient,
        });
    }
    Ok(Line::Evaluated(values))
}

/// Seconds per draw of sixteen at once, as many as the fastest batch shows.
fn gradient_seconds(model: &Model, point: &[f64]) -> Result<f64> {
    let dimension = point.len();
    let draws = Draws::from_points(dimension, &[point; LANES]);
    let mut values = vec![0.0; LANES];
    let mut gradients = Draws::zeros(dimension, LANES);
    let mut evaluate = |times: usize| -> Result<f64> {
        let start = Instant::now();
        for _ in 0..times {
            model.log_densities_and_gradients(&draws, &mut values, &mut gradients)?;
        }
        Ok(start.elapsed().as_secs_f64() / times as f64)
    };
    evaluate(1)?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a batch is few evaluations"
    )]
    let times = (BATCH / evaluate(1)?).clamp(1.0, 1e6) as usize;
    let mut fastest = f64::INFINITY;
    for _ in 0..BATCHES {
        fastest = fastest.min(evaluate(times)?);
    }
    Ok(fastest / LANES as f64)
}

/// `theta.1.2` as stanli and posteriordb write it: `theta[1,2]`.
fn bracketed(name: &str) -> String {
    match name.split_once('.') {
        Some((stem, indices)) => format!("{stem}[{}]", indices.replace('.', ",")),
        None => name.to_owned(),
    }
}
