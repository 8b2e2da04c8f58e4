//! `score`: unknowns of which some are discrete, by the score function.
//!
//! A target's first coordinates are the discrete unknowns, each the number of a category from 0; its
//! gradient matters in the continuous ones only. The one idea: a discrete unknown has no direction to
//! move in, so its logits follow `E[(f − b) ∇ log q(z)]` `[@ranganath2014bbvi, eq. 2]`, with `f = log p −
//! log q` and for `b` the mean of the *other* draws, which is independent of this one; where all
//! combinations are few, they are summed over instead and only the continuous unknowns are drawn. Those
//! move along their pathwise gradient, which sticks the landing. Deliberately absent: dependence
//! between unknowns in `q`.

mod mixed;

pub use mixed::MixedMeanField;

use elbo_math::random::{stream, uniform};

use super::natural::elbo_of;
use super::{Description, Info, Method, Start};
use crate::coupled::coupled_normals;
use crate::optimizer::stopping::{Decision, Stage, StoppingConfig, worth_it};
use crate::optimizer::{Adam, Optimizer, OptimizerState};
use crate::{Approximation, Draws, Halves, Target, ViError};

/// Quantities watched, at most.
const MOST_WATCHED: usize = 64;

/// Adam's first step, in logits and standard deviations.
const RATE: f64 = 0.1;

/// Nats below the lowest finite value at which an impossible combination is counted: it is left as
/// surely as if it were −∞, and no average becomes infinite.
const IMPOSSIBLE: f64 = 20.0;

/// How help and documentation list it.
pub const DESCRIPTION: Description = Description {
    name: "score",
    summary: "independent discrete and continuous unknowns, by score functions or enumeration",
    options: &[
        (
            "n_categories",
            "none",
            "categories of each discrete unknown; these come first",
        ),
        ("n_draws", "64", "draws per step"),
        (
            "enumerate",
            "64",
            "combinations that are summed over at most",
        ),
        ("tolerance", "0.01", "nats that may be left to gain"),
    ],
};

/// The method.
#[derive(Debug, Clone, PartialEq)]
pub struct Score {
    /// The number of categories of each discrete unknown; the first coordinates are these.
    pub n_categories: Vec<usize>,
    /// Draws per step.
    pub n_draws: usize,
    /// Combinations of the discrete unknowns that are summed over at most; beyond, they are drawn.
    pub enumerate: usize,
    /// Nats that may be left to gain.
    pub tolerance: f64,
}

impl Default for Score {
    fn default() -> Self {
        Self {
            n_categories: Vec::new(),
            n_draws: 64,
            enumerate: 64,
            tolerance: 0.01,
        }
    }
}

/// What the next step needs.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreState {
    seed: u64,
    iteration: u64,
    q: MixedMeanField,
    rate: f64,
    optimizer: OptimizerState,
    stage: Stage,
    stage_began: u64,
    last_average: Option<Vec<f64>>,
    converged: bool,
}

/// Draws with weights: all combinations of the discrete unknowns for each continuous draw, or one.
struct Cloud {
    points: Draws,
    categories: Vec<Vec<usize>>, // per point
    noise: Vec<usize>,           // per point, the continuous draw it has
    weights: Vec<f64>,           // sum to 1
    summed: bool,
}

impl Score {
    fn stopping(&self) -> StoppingConfig {
        StoppingConfig {
            window: 50,
            tolerance: self.tolerance,
            ..StoppingConfig::default()
        }
    }

    /// All combinations, if they are few.
    fn combinations(&self) -> Option<Vec<Vec<usize>>> {
        let mut all = vec![Vec::new()];
        for n in &self.n_categories {
            if all.len() * n > self.enumerate {
                return None;
            }
            all = all
                .into_iter()
                .flat_map(|z: Vec<usize>| (0..*n).map(move |c| [z.clone(), vec![c]].concat()))
                .collect();
        }
        Some(all)
    }

    fn cloud(&self, state: &ScoreState, noise: &Draws) -> Cloud {
        let q = &state.q;
        let (means, scales) = (q.means(), q.scales());
        let mut rng = stream(state.seed, "method/score/categories", state.iteration);
        let combinations = self.combinations();
        let mut cloud = Cloud {
            points: Draws::zeros(0, 0),
            categories: Vec::new(),
            noise: Vec::new(),
            weights: Vec::new(),
            summed: combinations.is_some(),
        };
        // Without continuous unknowns every continuous draw is the same.
        let n_draws = match &combinations {
            Some(_) if means.is_empty() => 1,
            _ => self.n_draws,
        };
        for s in 0..n_draws {
            let mut add = |categories: Vec<usize>, weight: f64| {
                cloud.categories.push(categories);
                cloud.noise.push(s);
                cloud.weights.push(weight / n_draws as f64);
            };
            match &combinations {
                Some(all) => all
                    .iter()
                    .for_each(|z| add(z.clone(), q.log_probability(z).exp())),
                None => add(q.draw_categories(&mut rng), 1.0),
            }
        }
        let rows: Vec<Vec<f64>> = cloud
            .categories
            .iter()
            .zip(&cloud.noise)
            .map(|(z, s)| {
                let mut point: Vec<f64> = z.iter().map(|c| *c as f64).collect();
                for (j, (m, scale)) in means.iter().zip(&scales).enumerate() {
                    point.push(m + scale * noise.get(j, *s));
                }
                point
            })
            .collect();
        cloud.points = Draws::from_points(q.dimension(), &rows);
        cloud
    }
}

impl Method for Score {
    type State = ScoreState;

    fn init(&self, target: &Target<'_>, start: &Start, seed: u64) -> Result<Self::State, ViError> {
        let refused = |name, value: String, requirement| {
            Err(ViError::Setting {
                name,
                value,
                requirement,
            })
        };
        let k = self.n_categories.len();
        if k > target.dimension() {
            return refused("n_categories", k.to_string(), "no more than unknowns");
        }
        if let Some(n) = self.n_categories.iter().find(|n| **n < 2) {
            return refused("n_categories", n.to_string(), "at least 2 each");
        }
        if self.n_draws < 2 {
            return refused("n_draws", self.n_draws.to_string(), "at least 2");
        }
        self.stopping().check()?;
        let mut params = vec![0.0; self.n_categories.iter().sum()];
        match start {
            Start::Point(point) if point.len() != target.dimension() => {
                return Err(ViError::Length {
                    expected: target.dimension(),
                    got: point.len(),
                });
            }
            Start::Point(point) => params.extend_from_slice(&point[k..]),
            Start::Random => {
                let mut rng = stream(seed, "method/score/start", 0);
                params.extend((k..target.dimension()).map(|_| 4.0 * uniform(&mut rng) - 2.0));
            }
        }
        // Narrow at first, so that the first draws see the neighbourhood of the start.
        params.extend(vec![-1.0; target.dimension() - k]);
        let q = MixedMeanField::new(self.n_categories.clone(), params)?;
        Ok(ScoreState {
            seed,
            iteration: 0,
            rate: RATE,
            optimizer: Adam::new(RATE)?.init(q.params()),
            stage: Stage::new(&self.stopping(), q.params().len())?,
            stage_began: 0,
            last_average: None,
            converged: false,
            q,
        })
    }

    fn step(&self, target: &Target<'_>, state: &mut Self::State) -> Result<Info, ViError> {
        let mut rng = stream(state.seed, "method/score/noise", state.iteration);
        // A dimension of its own where there is nothing continuous, so that draws have a number.
        let width = state.q.n_continuous().max(1);
        let noise = coupled_normals(width, self.n_draws, &mut rng);
        let cloud = self.cloud(state, &noise);
        let (mut log_p, gradients) = target.log_densities_and_gradients(&cloud.points)?;
        state.iteration += 1;
        let lowest = log_p
            .iter()
            .copied()
            .filter(|v| v.is_finite())
            .fold(f64::INFINITY, f64::min);
        if lowest == f64::INFINITY {
            return Ok(Info {
                rejected: true,
                ..Info::default()
            });
        }
        for v in &mut log_p {
            if !v.is_finite() {
                *v = lowest - IMPOSSIBLE;
            }
        }
        let log_q = state.q.log_density(&cloud.points);
        let mut info = estimate(&cloud, &log_p, &log_q);
        let gradient = gradient(&state.q, &cloud, &noise, &log_p, &log_q, &gradients);
        info.rejected = !state.moved(&gradient)?;
        if !info.rejected {
            state.judge(&self.stopping())?;
        }
        info.converged = state.converged;
        Ok(info)
    }

    fn finish(
        &self,
        _: &Target<'_>,
        state: Self::State,
    ) -> Result<Box<dyn Approximation>, ViError> {
        if !state.converged && state.stage.count() > 0 {
            let average = state.stage.average().to_vec();
            if let Ok(q) = MixedMeanField::new(self.n_categories.clone(), average) {
                return Ok(Box::new(q));
            }
        }
        Ok(Box::new(state.q))
    }

    fn halves(&self, state: &Self::State) -> Option<Halves> {
        let member = |params| MixedMeanField::new(self.n_categories.clone(), params).ok();
        let [earlier, later] = state.stage.halves()?;
        Some([Box::new(member(earlier)?), Box::new(member(later)?)])
    }
}

/// The ELBO and its error, which is that over continuous draws.
fn estimate(cloud: &Cloud, log_p: &[f64], log_q: &[f64]) -> Info {
    let n = cloud.noise.last().map_or(0, |s| s + 1);
    let mut terms = vec![0.0; n];
    for (j, s) in cloud.noise.iter().enumerate() {
        // A combination of probability 0 contributes nothing, not 0 · ∞.
        if cloud.weights[j] > 0.0 {
            terms[*s] += n as f64 * cloud.weights[j] * (log_p[j] - log_q[j]);
        }
    }
    if n == 1 {
        return Info {
            elbo: Some(terms[0]),
            ..Info::default()
        };
    }
    elbo_of(&terms, &vec![0.0; n])
}

/// `∂ELBO/∂λ`.
fn gradient(
    q: &MixedMeanField,
    cloud: &Cloud,
    noise: &Draws,
    log_p: &[f64],
    log_q: &[f64],
    gradients: &Draws,
) -> Vec<f64> {
    let (k, n_logits, n_continuous) = (q.n_categories().len(), q.n_logits(), q.n_continuous());
    let (means, scales) = (q.means(), q.scales());
    let mut gradient = vec![0.0; q.params().len()];
    let f: Vec<f64> = log_p.iter().zip(log_q).map(|(p, q)| p - q).collect();
    let used = |j: &usize| cloud.weights[*j] > 0.0;
    let total: f64 = (0..f.len())
        .filter(used)
        .map(|j| cloud.weights[j] * f[j])
        .sum();
    for j in (0..f.len()).filter(used) {
        let weight = cloud.weights[j];
        // The mean of the other draws; of a sum over everything any one number may be taken off.
        let baseline = if cloud.summed {
            total
        } else {
            (total - weight * f[j]) / (1.0 - weight)
        };
        let mut first = 0;
        for (i, p) in q.probabilities().iter().enumerate() {
            for (c, p) in p.iter().enumerate() {
                let score = f64::from(u8::from(cloud.categories[j][i] == c)) - p;
                gradient[first + c] += weight * (f[j] - baseline) * score;
            }
            first += p.len();
        }
        for l in 0..n_continuous {
            let x = cloud.points.get(k + l, j);
            let h = gradients.get(k + l, j) + (x - means[l]) / (scales[l] * scales[l]);
            gradient[n_logits + l] += weight * h;
            gradient[n_logits + n_continuous + l] +=
                weight * h * scales[l] * noise.get(l, cloud.noise[j]);
        }
    }
    gradient
}

impl ScoreState {
    /// Takes Adam's step in units of standard deviations; `false` where there was none to take.
    fn moved(&mut self, gradient: &[f64]) -> Result<bool, ViError> {
        if !gradient.iter().sum::<f64>().is_finite() {
            return Ok(false);
        }
        let mut units = vec![1.0; gradient.len()];
        let first = self.q.n_logits();
        let scales = self.q.scales();
        units[first..first + scales.len()].copy_from_slice(&scales);
        let mut moved = vec![0.0; gradient.len()];
        let mut optimizer = self.optimizer.clone();
        let downhill: Vec<f64> = gradient.iter().zip(&units).map(|(g, u)| -g * u).collect();
        Adam::with_decays(self.rate, 0.9, 0.99)?.step(&mut optimizer, &mut moved, &downhill);
        let params: Vec<f64> = self
            .q
            .params()
            .iter()
            .zip(moved.iter().zip(&units))
            .map(|(p, (m, u))| p + m * u)
            .collect();
        match MixedMeanField::new(self.q.n_categories().to_vec(), params) {
            Ok(q) => {
                self.q = q;
                self.optimizer = optimizer;
                Ok(true)
            }
            Err(_) => Ok(false),
        }
    }

    /// What an error in each parameter costs in nats, squared.
    fn costs(&self) -> Vec<f64> {
        let spread = |p: &f64| 0.5 * p * (1.0 - p);
        let mut costs: Vec<f64> = self
            .q
            .probabilities()
            .iter()
            .flatten()
            .map(spread)
            .collect();
        costs.extend(self.q.scales().iter().map(|s| 0.5 / (s * s)));
        costs.extend(vec![1.0; self.q.n_continuous()]);
        costs
    }

    fn judge(&mut self, stopping: &StoppingConfig) -> Result<(), ViError> {
        let costs = self.costs();
        let stride = costs.len().div_ceil(MOST_WATCHED);
        let few = |v: &[f64]| v.iter().step_by(stride).copied().collect::<Vec<_>>();
        let stands_for = stride as f64;
        let scaled: Vec<f64> = few(&costs).iter().map(|c| c * stands_for).collect();
        let decision = self
            .stage
            .push(self.q.params(), &few(self.q.params()), &scaled);
        if decision != Decision::Stationary {
            return Ok(());
        }
        let average = self.stage.average().to_vec();
        let Ok(q) = MixedMeanField::new(self.q.n_categories().to_vec(), average.clone()) else {
            return Ok(());
        };
        let length = usize::try_from(self.iteration - self.stage_began).unwrap_or(usize::MAX);
        let total = usize::try_from(self.iteration).unwrap_or(usize::MAX);
        let enough = self.last_average.as_ref().is_some_and(|last| {
            let moved = last
                .iter()
                .zip(&average)
                .zip(&costs)
                .map(|((a, b), c)| c * (a - b).powi(2))
                .sum();
            !worth_it(stopping, moved, length, total)
        });
        self.q = q;
        self.converged = enough;
        if !enough {
            self.rate *= 0.5;
            self.stage = Stage::new(stopping, average.len())?;
            self.stage_began = self.iteration;
            self.last_average = Some(average);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
