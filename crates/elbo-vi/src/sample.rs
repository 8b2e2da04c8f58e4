//! The reference answer: draws from the target itself, by NUTS.
//!
//! The one idea: the sampler is `nuts-rs`; this file gives it the same [`Target`] that methods see,
//! one chain per thread with a random stream and first paths of its own, and judges what comes back.
//! Deliberately absent: the sampler, and comparing draws with a fit (`diagnostic::compare`).

mod beginning;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Mutex;

use elbo_math::parallel;
use elbo_math::random::stream;
use nuts_rs::{
    Chain, CpuLogpFunc, CpuMath, CpuMathError, DiagNutsSettings, HasDims, LogpError, Settings,
};

use crate::diagnostic::monte_carlo_error::Summary;
use crate::method::{Pathfinder, Start};
use crate::{Draws, Target, ViError};

/// Fewer draws of a chain than this tell nothing.
const FEWEST: usize = 4;

/// How to sample.
#[derive(Debug, Clone, PartialEq)]
pub struct SampleConfig {
    /// Chains, run in parallel.
    pub n_chains: usize,
    /// Draws per chain that tune the sampler and are thrown away.
    pub n_warmup: usize,
    /// Draws per chain that are kept.
    pub n_draws: usize,
    /// The acceptance rate that the step size is tuned to; nearer to 1 for difficult curvature.
    pub target_accept: f64,
    /// A trajectory takes fewer than two to this many steps.
    pub max_depth: usize,
    /// Where every chain begins, or where its paths do.
    pub start: Start,
    /// How a chain finds the mass: it begins at a draw of the mixture of its own paths, weighted.
    /// Chains from random points may be caught far from it, where trajectories are long and steps tiny.
    /// `None` begins at the start itself.
    pub pathfinder: Option<Pathfinder>,
}

impl Default for SampleConfig {
    /// Four chains of 1000 + 1000, accepting 80%, at most 2¹⁰ steps, four paths before each.
    fn default() -> Self {
        Self {
            n_chains: 4,
            n_warmup: 1000,
            n_draws: 1000,
            target_accept: 0.8,
            max_depth: 10,
            start: Start::Random,
            pathfinder: Some(Pathfinder::default()),
        }
    }
}

/// How the sampler came to one draw.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trajectory {
    /// The log density at the draw.
    pub log_density: f64,
    /// The mean acceptance probability along the trajectory.
    pub acceptance: f64,
    /// The step size.
    pub step_size: f64,
    /// How often the trajectory was doubled.
    pub depth: u64,
    /// Steps, each with one gradient.
    pub n_steps: u64,
    /// Whether it diverged.
    pub diverged: bool,
    /// The Hamiltonian at the draw.
    pub energy: f64,
}

/// What warm-up has tuned for one chain.
#[derive(Debug, Clone, PartialEq)]
pub struct Tuned {
    /// The step size.
    pub step_size: f64,
    /// The diagonal of the inverse mass matrix.
    pub inverse_masses: Vec<f64>,
}

/// Draws from the target, with what tells whether they are.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// All chains, one after the other.
    pub draws: Draws,
    /// How many chains.
    pub n_chains: usize,
    /// Kept draws whose trajectory diverged.
    pub divergences: usize,
    /// One per draw.
    pub trajectories: Vec<Trajectory>,
    /// One per chain.
    pub tuned: Vec<Tuned>,
    /// One per coordinate.
    pub summaries: Vec<Summary>,
    /// Gradients computed, warm-up included.
    pub gradient_evaluations: u64,
    /// Whether it was stopped before the chains ended: there are then fewer draws, and perhaps chains,
    /// than were asked for.
    pub interrupted: bool,
}

impl Sample {
    /// The largest R̂ over the coordinates; NaN if any cannot be computed.
    pub fn largest_rhat(&self) -> f64 {
        let largest = |m: f64, r: f64| {
            if m.is_nan() || r.is_nan() {
                f64::NAN
            } else {
                m.max(r)
            }
        };
        self.summaries.iter().map(|s| s.rhat).fold(1.0, largest)
    }

    /// The smallest effective sample size, bulk or tail, over the coordinates.
    pub fn smallest_ess(&self) -> f64 {
        let least = |s: &Summary| s.bulk_ess.min(s.tail_ess);
        self.summaries
            .iter()
            .map(least)
            .fold(f64::INFINITY, f64::min)
    }

    /// Whether the draws can serve as a reference: R̂ below 1.01, a hundred effective draws per
    /// chain, and no divergence `[@vehtari2021rank]`.
    pub fn reliable(&self) -> bool {
        self.largest_rhat() < 1.01
            && self.smallest_ess() >= 100.0 * self.n_chains as f64
            && self.divergences == 0
    }
}

/// Samples the target; the same seed gives the same draws for any number of threads.
///
/// # Errors
/// [`ViError::Setting`], [`ViError::Start`] where no start has a finite density, and what the
/// density itself fails with.
pub fn sample(target: &Target<'_>, config: &SampleConfig, seed: u64) -> Result<Sample, ViError> {
    sample_until(target, config, seed, &|| false)
}

/// As [`sample`], until `stop` says so, which every chain asks before every draw. What is kept then are
/// equally many draws of every chain that has at least half as many as the longest.
///
/// # Errors
/// As [`sample`]; [`ViError::Interrupted`] if no chain has kept four draws.
pub fn sample_until(
    target: &Target<'_>,
    config: &SampleConfig,
    seed: u64,
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<Sample, ViError> {
    check(config)?;
    let before = target.gradient_evaluations();
    let chains = parallel::map_chunks(config.n_chains, 1, |range| {
        run_chain(target, config, seed, range.start as u64, stop)
    });
    let chains = chains.into_iter().collect::<Result<Vec<_>, ViError>>()?;
    let length = |chain: &ChainDraws| chain.trajectories.len();
    let longest = chains.iter().map(length).max().unwrap_or(0);
    if longest < FEWEST {
        return Err(ViError::Interrupted);
    }
    let kept = |n: usize| n >= FEWEST && 2 * n >= longest;
    let chains: Vec<ChainDraws> = chains.into_iter().filter(|c| kept(length(c))).collect();
    let (n_chains, n_draws) = (
        chains.len(),
        chains.iter().map(length).min().unwrap_or(longest),
    );
    let mut draws = Draws::zeros(target.dimension(), n_chains * n_draws);
    let (mut trajectories, mut tuned) = (Vec::new(), Vec::new());
    for (c, chain) in chains.into_iter().enumerate() {
        draws.put(c * n_draws, &chain.draws.slice(0..n_draws));
        trajectories.extend_from_slice(&chain.trajectories[..n_draws]);
        tuned.push(chain.tuned);
    }
    let divergences = trajectories.iter().filter(|t| t.diverged).count();
    let summaries = parallel::map_chunks(target.dimension(), 1, |range| {
        let chains: Vec<&[f64]> = draws.coordinate(range.start).chunks(n_draws).collect();
        Summary::of(&chains)
    });
    Ok(Sample {
        draws,
        n_chains,
        divergences,
        trajectories,
        tuned,
        summaries,
        gradient_evaluations: target.gradient_evaluations() - before,
        interrupted: (n_chains, n_draws) != (config.n_chains, config.n_draws),
    })
}

fn check(config: &SampleConfig) -> Result<(), ViError> {
    let refuse = |name, value: String, requirement| {
        Err(ViError::Setting {
            name,
            value,
            requirement,
        })
    };
    if config.n_chains == 0 {
        return refuse("n_chains", "0".into(), "at least 1");
    }
    if config.n_draws < FEWEST {
        return refuse("n_draws", config.n_draws.to_string(), "at least 4");
    }
    if !(config.target_accept > 0.0 && config.target_accept < 1.0) {
        let value = config.target_accept.to_string();
        return refuse("target_accept", value, "between 0 and 1");
    }
    if !(1..=20).contains(&config.max_depth) {
        return refuse("max_depth", config.max_depth.to_string(), "1 to 20");
    }
    Ok(())
}

/// What one chain leaves.
struct ChainDraws {
    draws: Draws,
    trajectories: Vec<Trajectory>,
    tuned: Tuned,
}

fn run_chain(
    target: &Target<'_>,
    config: &SampleConfig,
    seed: u64,
    chain: u64,
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<ChainDraws, ViError> {
    let mut settings = DiagNutsSettings {
        num_tune: config.n_warmup as u64,
        num_draws: config.n_draws as u64,
        maxdepth: config.max_depth as u64,
        ..DiagNutsSettings::default()
    };
    settings.adapt_options.step_size_settings.target_accept = config.target_accept;
    settings.adapt_options.mass_matrix_options.store_mass_matrix = true;

    let failure = Mutex::new(None);
    let failed = |what: &'static str| {
        let cause: Option<ViError> = failure
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .take();
        cause.unwrap_or(ViError::Numerical {
            what,
            advice: "start closer to the mode, or rescale the parameters",
        })
    };
    let math = CpuMath::new(Position {
        target,
        failure: &failure,
    });
    let mut rng = stream(seed, "sample/nuts", chain);
    let mut sampler = settings
        .new_chain(chain, math, &mut rng)
        .map_err(|_| failed("setting up the sampler"))?;
    let start = beginning::of_chain(target, config, seed, chain)?;
    sampler
        .set_position(&start)
        .map_err(|_| failed("the sampler's first step"))?;
    let mut draws = Draws::zeros(target.dimension(), config.n_draws);
    let mut trajectories = Vec::with_capacity(config.n_draws);
    let mut tuned = Tuned {
        step_size: f64::NAN,
        inverse_masses: vec![1.0; target.dimension()],
    };
    for t in 0..config.n_warmup + config.n_draws {
        if stop() {
            break;
        }
        let (position, _, stats, progress) = sampler
            .expanded_draw()
            .map_err(|_| failed("a NUTS trajectory"))?;
        if let Some(scales) = stats.hamiltonian.transformation.mass_matrix_inv {
            // The sampler keeps standard deviations under this name.
            tuned.inverse_masses = scales.iter().map(|s| s * s).collect();
        }
        if let Some(kept) = t.checked_sub(config.n_warmup) {
            draws.set_draw(kept, &position);
            tuned.step_size = progress.step_size;
            trajectories.push(Trajectory {
                log_density: stats.point.logp,
                acceptance: stats.adapt.step_size.mean_tree_accept,
                step_size: progress.step_size,
                depth: stats.depth,
                n_steps: progress.num_steps,
                diverged: progress.diverging,
                energy: stats.point.energy,
            });
        }
    }
    Ok(ChainDraws {
        draws,
        trajectories,
        tuned,
    })
}

/// The target as `nuts-rs` wants it; keeps the error that ended a chain.
struct Position<'a> {
    target: &'a Target<'a>,
    failure: &'a Mutex<Option<ViError>>,
}

/// Why a point has no density.
#[derive(Debug, thiserror::Error)]
enum NoDensity {
    #[error("outside the support")]
    OutsideSupport,
    #[error("the density failed")]
    Failed,
}

impl LogpError for NoDensity {
    fn is_recoverable(&self) -> bool {
        matches!(self, Self::OutsideSupport)
    }
}

impl HasDims for Position<'_> {
    fn dim_sizes(&self) -> HashMap<String, u64> {
        // The sampler's own name for the coordinates.
        HashMap::from([(
            "unconstrained_parameter".to_owned(),
            self.target.dimension() as u64,
        )])
    }
}

impl CpuLogpFunc for Position<'_> {
    type LogpError = NoDensity;
    type FlowParameters = ();
    type ExpandedVector = ();

    fn dim(&self) -> usize {
        self.target.dimension()
    }

    fn logp(&mut self, position: &[f64], gradient: &mut [f64]) -> Result<f64, NoDensity> {
        match self.target.log_density_and_gradient(position, gradient) {
            Ok(value) if value.is_finite() => Ok(value),
            Ok(_) => Err(NoDensity::OutsideSupport),
            Err(error) => {
                *self
                    .failure
                    .lock()
                    .unwrap_or_else(std::sync::PoisonError::into_inner) = Some(error);
                Err(NoDensity::Failed)
            }
        }
    }

    fn expand_vector<R: nuts_rs::rand::Rng + ?Sized>(
        &mut self,
        _: &mut R,
        _: &[f64],
    ) -> Result<(), CpuMathError> {
        Ok(())
    }
}
