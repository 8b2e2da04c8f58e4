//! What the Gaussian methods share: natural-gradient steps, a rate that shrinks by itself, averages.
//!
//! The one idea: in the current `q`'s own coordinates every Gaussian fit looks alike, so no learning
//! rate depends on the target: the first stage moves half of the way to where the local averages point,
//! and [`Stage`] decides when to halve that and when it is enough. Draws are coupled and the gradient
//! is the sticking-the-landing one: on a target inside the family the noise vanishes, and the
//! fit ends where nothing is left to gain. Deliberately absent: which Gaussians ([`Shape`]).

mod shape;

pub(super) use shape::{Averages, Shape, mean_and_noise};

use elbo_math::random::stream;

use super::batches::Batches;
use super::beginning::beginning;
use super::{Info, Start};
use crate::coupled::coupled_normals;
use crate::family::Family;
use crate::optimizer::stopping::{Decision, Stage, StoppingConfig, worth_it};
use crate::{Approximation, Halves, Target, ViError};

/// The share of the way that a step of the first stage goes.
const FIRST_RATE: f64 = 0.5;

/// A fit whose next full step promises less than this share of the tolerance is done at once.
const NOTHING_LEFT: f64 = 1e-4;

/// Steps in a row whose averages must show nothing but noise before that is believed.
const QUIET: usize = 2;

/// Averages show nothing but noise where a full step would gain less than this many times what the
/// noise alone makes it seem to.
const AUDIBLE: f64 = 3.0;

/// Nats that a step may lose besides noise.
const FALL: f64 = 10.0;

/// Draws that decide between the average and the last iterate where a fit ends before its time.
const JUDGES: usize = 256;

/// The settings that the Gaussian methods have in common; no learning rate is among them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct GaussianConfig {
    /// Draws per step. By default `fullrank` takes two per coordinate, 16 to 512, and `meanfield`
    /// begins with 16 and goes up to as many where they turn out to be too noisy.
    pub n_draws: Option<usize>,
    /// Rows per step; all by default.
    pub batch_size: Option<usize>,
    /// Nats that may be left to gain; by default 0.01, or 1e-3 per coordinate if that is more:
    /// then means and scales are within about 2.5% of a standard deviation. Ten times that with
    /// mini-batches.
    pub tolerance: Option<f64>,
}

impl GaussianConfig {
    pub(super) fn stopping(&self, dimension: usize) -> StoppingConfig {
        // Averages over mini-batches become exact ten times as slowly.
        let noise = if self.batch_size.is_some() { 10.0 } else { 1.0 };
        StoppingConfig {
            tolerance: self
                .tolerance
                .unwrap_or_else(|| noise * f64::max(0.01, 1e-3 * dimension as f64)),
            ..StoppingConfig::default()
        }
    }

    /// The first rate. With mini-batches a step sees the data's noise magnified by `n / |batch|`, so
    /// that a pass, not a step, goes the whole way.
    fn first_rate(&self, target: &Target<'_>) -> f64 {
        match (self.batch_size, target.n_rows()) {
            (Some(size), Some(n)) => FIRST_RATE.min(5.0 * size as f64 / n as f64),
            _ => FIRST_RATE,
        }
    }
}

/// Makes a struct with a `config` the method that fits a family of [`Shape`] by these steps.
macro_rules! by_natural_steps {
    ($Name:ty, $Family:ty) => {
        impl $crate::method::Method for $Name {
            type State = $crate::method::NaturalState<$Family>;

            fn init(
                &self,
                target: &$crate::Target<'_>,
                start: &$crate::method::Start,
                seed: u64,
            ) -> Result<Self::State, $crate::ViError> {
                $crate::method::natural::init(&self.config, target, start, seed)
            }

            fn step(
                &self,
                target: &$crate::Target<'_>,
                state: &mut Self::State,
            ) -> Result<$crate::method::Info, $crate::ViError> {
                $crate::method::natural::step(&self.config, target, state)
            }

            fn finish(
                &self,
                target: &$crate::Target<'_>,
                state: Self::State,
            ) -> Result<Box<dyn $crate::Approximation>, $crate::ViError> {
                $crate::method::natural::finish(target, state)
            }

            fn halves(&self, state: &Self::State) -> Option<$crate::Halves> {
                $crate::method::natural::halves(state)
            }
        }
    };
}
pub(super) use by_natural_steps;

/// What the next step needs.
#[derive(Debug, Clone, PartialEq)]
pub struct NaturalState<Q> {
    seed: u64,
    iteration: u64,
    q: Q,
    batches: Option<Batches>,
    n_draws: usize,
    rate: f64,
    mean_rate: f64,
    last_delta: Vec<f64>,
    /// Steps in a row without anything but noise, and when next to look closer at that.
    quiet: usize,
    next_look: u64,
    last_left: f64,
    stage: Stage,
    stage_began: u64,
    /// In whose coordinates this stage's iterates are watched.
    reference: Q,
    last_average: Option<Q>,
    /// The last member whose draws were as good as any before, how good they were, and a fall from
    /// there that is no noise.
    good: (Q, f64, f64),
    converged: bool,
}

pub(super) fn init<Q: Shape>(
    config: &GaussianConfig,
    target: &Target<'_>,
    start: &Start,
    seed: u64,
) -> Result<NaturalState<Q>, ViError> {
    if config.n_draws == Some(0) {
        return Err(ViError::Setting {
            name: "n_draws",
            value: "0".into(),
            requirement: "at least 1",
        });
    }
    config.stopping(target.dimension()).check()?;
    let batches = Batches::new(config.batch_size, target.n_rows(), seed)?;
    let (mean, scales) = beginning(target, start, seed)?;
    let q = Q::diagonal(mean, scales)?;
    let stage = Stage::new(&config.stopping(q.dimension()), q.params().len())?;
    Ok(NaturalState {
        seed,
        iteration: 0,
        batches,
        n_draws: config.n_draws.unwrap_or(Q::n_draws(q.dimension())),
        rate: config.first_rate(target),
        mean_rate: config.first_rate(target),
        last_delta: vec![0.0; q.dimension()],
        quiet: 0,
        next_look: 0,
        last_left: f64::INFINITY,
        stage,
        stage_began: 0,
        reference: q.clone(),
        last_average: None,
        good: (q.clone(), f64::NEG_INFINITY, FALL),
        converged: false,
        q,
    })
}

pub(super) fn step<Q: Shape>(
    config: &GaussianConfig,
    target: &Target<'_>,
    state: &mut NaturalState<Q>,
) -> Result<Info, ViError> {
    let n_draws = state.n_draws;
    let mut rng = stream(state.seed, "method/natural", state.iteration);
    let noise = coupled_normals(state.q.dimension(), n_draws, &mut rng);
    let (points, log_q) = state.q.transform(&noise);
    let (share, (log_p, gradients)) = Batches::evaluate(&mut state.batches, target, &points)?;
    // From here on nothing fails: the state moves on, if only to other draws.
    state.iteration += 1;
    let mut info = elbo_of(&log_p, &log_q);
    if state.batches.is_none() && state.fell(&log_p, &log_q) {
        info.rejected = true;
        return Ok(info);
    }
    let averages = state.q.averages(&noise, &gradients, &log_p);
    let moved = averages.as_ref().and_then(|a| {
        state
            .q
            .stepped(a, state.mean_rate * share, state.rate * share)
            .ok()
    });
    let (Some(averages), Some(q)) = (averages, moved) else {
        info.rejected = true;
        return Ok(info);
    };
    info.widest = Some(q.widest());
    let nothing_left = state.batches.is_none() && state.nothing_left(config, target, &averages);
    state.mean_rate = adapted_mean_rate(
        state.mean_rate,
        state.rate,
        &averages.delta,
        averages.delta_noise,
        &mut state.last_delta,
    );
    state.q = q;
    if nothing_left {
        state.converged = true;
        state.begin_stage(config)?;
    } else {
        state.judge(config)?;
    }
    info.converged = state.converged;
    Ok(info)
}

pub(super) fn finish<Q: Shape>(
    target: &Target<'_>,
    state: NaturalState<Q>,
) -> Result<Box<dyn Approximation>, ViError> {
    let mut average = state.q.clone();
    let began = state.stage.count() > 0 && average.set_params(state.stage.average()).is_ok();
    if state.converged || !began {
        return Ok(Box::new(state.q));
    }
    // Not stationary yet: the average may lag behind, or be what the noise hides.
    let mut rng = stream(state.seed, "method/natural/judges", 0);
    let noise = coupled_normals(state.q.dimension(), JUDGES, &mut rng);
    let elbo = |q: &Q| -> Result<f64, ViError> {
        let (points, log_q) = q.transform(&noise);
        let info = elbo_of(&target.log_densities(&points)?, &log_q);
        Ok(info.elbo.unwrap_or(f64::NEG_INFINITY))
    };
    let better = elbo(&average)? > elbo(&state.q)?;
    Ok(Box::new(if better { average } else { state.q }))
}

/// The averages of the two parts of the last stage.
pub(super) fn halves<Q: Shape>(state: &NaturalState<Q>) -> Option<Halves> {
    members(&state.q, &state.stage.halves()?)
}

/// The members with these parameters.
pub(super) fn members<Q: Family + Clone + 'static>(
    q: &Q,
    params: &[Vec<f64>; 2],
) -> Option<Halves> {
    let member = |params: &Vec<f64>| {
        let mut q = q.clone();
        q.set_params(params).ok()?;
        Some(Box::new(q) as Box<dyn Approximation>)
    };
    Some([member(&params[0])?, member(&params[1])?])
}

impl<Q: Shape> NaturalState<Q> {
    /// The current approximation.
    pub fn approximation(&self) -> &Q {
        &self.q
    }

    /// Whether the last step went where the ELBO is lower by more than noise; then it is taken back and
    /// the next ones are shorter. The median of the draws is judged, not their mean, which a single
    /// draw in a tail can ruin.
    fn fell(&mut self, log_p: &[f64], log_q: &[f64]) -> bool {
        let mut terms: Vec<f64> = log_p.iter().zip(log_q).map(|(p, q)| p - q).collect();
        terms.sort_by(f64::total_cmp);
        let n = terms.len();
        let median = terms[n / 2];
        // Ten standard errors of the median, from the quartiles of the draws.
        let noise = 10.0 * (terms[3 * n / 4] - terms[n / 4]) / (n as f64).sqrt();
        if median > self.good.1 - 0.1 * self.good.2 {
            // What counts as good follows the draws down slowly, and up at once.
            let level = f64::max(median, self.good.1 - 0.1);
            self.good = (self.q.clone(), level, FALL + f64::max(noise, 0.0));
        }
        let fell = median < self.good.1 - self.good.2;
        if fell {
            self.q = self.good.0.clone();
            self.good.1 -= 1.0; // Where it was luck, this does not go on.
            self.rate *= 0.5;
            self.mean_rate = self.mean_rate.min(self.rate);
        }
        fell
    }

    /// Whether averages at the current member show that it is as good as asked for.
    ///
    /// Either they promise next to nothing, or no more than their own noise, and all of that is less
    /// than the tolerance: `|δ|² ≤ 2|δ̂|² + 2|δ̂ − δ|²`. Where it is more, averages of iterates tell.
    fn nothing_left(
        &mut self,
        config: &GaussianConfig,
        target: &Target<'_>,
        averages: &Averages,
    ) -> bool {
        let tolerance = config.stopping(self.q.dimension()).tolerance;
        let (left, noise) = averages.left_and_noise();
        if left < NOTHING_LEFT * tolerance {
            return true;
        }
        // Where the noise falls with what is left, as on a target in the family, there is more to have.
        let is_quiet = left < AUDIBLE * noise && left > 0.5 * self.last_left;
        self.last_left = left;
        self.quiet = if is_quiet { self.quiet + 1 } else { 0 };
        let is_enough = |left: f64| 2.0 * (left + noise) < tolerance;
        if self.quiet < QUIET || self.iteration < self.next_look || !is_enough(left) {
            return false;
        }
        // Coordinates that depend on each other have more to gain than their own steps see. Looking
        // costs gradients, so it is done rarely.
        self.next_look = 2 * self.iteration;
        self.q.left(target, averages).is_some_and(is_enough)
    }

    /// Begins to watch iterates anew, from the current member.
    fn begin_stage(&mut self, config: &GaussianConfig) -> Result<(), ViError> {
        let stopping = config.stopping(self.q.dimension());
        self.stage = Stage::new(&stopping, self.q.params().len())?;
        self.stage_began = self.iteration;
        self.reference = self.q.clone();
        Ok(())
    }

    /// Takes the iterate into the stage; ends the stage or the fit.
    fn judge(&mut self, config: &GaussianConfig) -> Result<(), ViError> {
        let (watched, costs) = self.q.watched(&self.reference);
        let decision = self.stage.push(self.q.params(), &watched, &costs);
        let most = full_blocks(self.q.dimension());
        // More draws do nothing about the noise of mini-batches.
        let may_grow = config.n_draws.is_none() && self.batches.is_none() && self.n_draws < most;
        let mut average = self.q.clone();
        match decision {
            Decision::Continue => return Ok(()),
            Decision::Noisy if !may_grow => return Ok(()),
            Decision::Noisy | Decision::Stationary => {
                if average.set_params(self.stage.average()).is_err() {
                    return Ok(());
                }
            }
        }
        let stopping = config.stopping(average.dimension());
        if decision == Decision::Stationary {
            let length = usize::try_from(self.iteration - self.stage_began).unwrap_or(usize::MAX);
            let total = usize::try_from(self.iteration).unwrap_or(usize::MAX);
            let enough = self.last_average.as_ref().is_some_and(|last| {
                let moved = 0.5 * (last.divergence(&average) + average.divergence(last));
                !worth_it(&stopping, moved, length, total)
            });
            if enough {
                self.q = average;
                self.converged = true;
                return Ok(());
            }
        }
        // Less noise for the next stage: draws that fill their blocks first, for their noise falls
        // faster than their number grows; then shorter steps.
        if may_grow {
            self.n_draws = (4 * self.n_draws).min(most);
        } else {
            self.rate *= 0.5;
            self.mean_rate = self.mean_rate.min(self.rate);
        }
        self.q = average.clone();
        self.last_average = Some(average);
        self.begin_stage(config)
    }
}

/// A rate of the mean, at most `most`, that shrinks where its steps overshoot, and recovers where they
/// agree.
///
/// Where coordinates depend on each other, moving each by its own curvature moves too far together: the
/// gradient then turns around. Only gradients that stand out from their noise count.
pub(super) fn adapted_mean_rate(
    mut rate: f64,
    most: f64,
    delta: &[f64],
    delta_noise: f64,
    last_delta: &mut Vec<f64>,
) -> f64 {
    let size = |v: &[f64]| v.iter().map(|x| x * x).sum::<f64>();
    let clear = size(delta) > 4.0 * delta_noise;
    if clear && size(last_delta) > 0.0 {
        let along: f64 = delta.iter().zip(&*last_delta).map(|(a, b)| a * b).sum();
        let cosine = along / (size(delta) * size(last_delta)).sqrt();
        if cosine < -0.3 {
            rate *= 0.7;
        } else if cosine > 0.3 {
            rate *= 1.2;
        }
    }
    *last_delta = if clear {
        delta.to_vec()
    } else {
        vec![0.0; delta.len()]
    };
    rate.min(most)
}

/// Two draws per coordinate, which is a full block of coupled ones; within the bounds of a step.
pub(super) fn full_blocks(dimension: usize) -> usize {
    (2 * dimension).next_multiple_of(16).clamp(16, 512)
}

/// The ELBO from log densities at draws; draws where the density is not finite are left out, and none
/// is reported where fewer than half are left.
pub(super) fn elbo_of(log_p: &[f64], log_q: &[f64]) -> Info {
    let terms: Vec<f64> = log_p
        .iter()
        .zip(log_q)
        .map(|(p, q)| p - q)
        .filter(|v| v.is_finite())
        .collect();
    let n = terms.len() as f64;
    if terms.len() < 2 || 2 * terms.len() < log_p.len() {
        return Info::default();
    }
    let mean = terms.iter().sum::<f64>() / n;
    let variance = terms.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    Info {
        elbo: Some(mean),
        // Coupled draws are at least as exact as independent ones.
        elbo_error: (variance / n).sqrt(),
        ..Info::default()
    }
}

#[cfg(test)]
mod tests;
