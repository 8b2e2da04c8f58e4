//! How a flow is trained: first-order steps along both divergences between the target and `q`.
//!
//! The one idea: `KL(q ‖ p)` through the draws, which is what the ELBO asks for, leads the way, and, as
//! far as weights carry it, `KL(p ‖ q)` at the same draws keeps tails from becoming too light. Both
//! gradients vanish draw by draw where `q` is the target, and one pass over the flow takes both.
//! Deliberately absent: which flow, where it starts, and when it is enough (`cycles`).

use elbo_math::log_space::log_sum_exp;
use elbo_math::random::stream;

use super::super::Info;
use super::super::batches::Batches;
use super::super::cycles::Cycles;
use super::super::first_order::FirstOrderConfig;
use super::super::natural::elbo_of;
use crate::coupled::coupled_normals;
use crate::family::flow::{Elementwise, Flow, Pass};
use crate::family::{Family, Reparameterised};
use crate::optimizer::{Adam, Optimizer, OptimizerState};
use crate::{Draws, Halves, Target, ViError};

/// Steps of the first cycle.
const FIRST_CYCLE: usize = 200;

/// Adam's largest step.
const RATE: f64 = 0.01;

/// How much longer than the middle one a draw's gradient may be before it is shortened, as in `outliers`.
const OUTLYING: f64 = 20.0;

/// What the next step needs.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Training<E> {
    seed: u64,
    iteration: u64,
    q: Flow<E>,
    pass: Pass,
    points: Draws,
    batches: Option<Batches>,
    optimizer: OptimizerState,
    params: Vec<f64>,
    gradient: Vec<f64>,
    cycles: Cycles<Flow<E>>,
}

/// Adam with a memory of a hundred squared gradients rather than a thousand: a cycle begins far from
/// where the one before ended.
fn adam(rate: f64) -> Result<Adam, ViError> {
    Adam::with_decays(rate, 0.9, 0.99)
}

impl<E: Elementwise> Training<E> {
    pub(super) fn new(
        q: Flow<E>,
        config: &FirstOrderConfig,
        target: &Target<'_>,
        seed: u64,
    ) -> Result<Self, ViError> {
        if config.n_draws == 0 {
            return Err(ViError::Setting {
                name: "n_draws",
                value: "0".into(),
                requirement: "at least 1",
            });
        }
        let n_params = q.params().len();
        Ok(Self {
            seed,
            iteration: 0,
            batches: Batches::new(config.batch_size, target.n_rows(), seed)?,
            pass: q.pass(config.n_draws),
            points: Draws::zeros(target.dimension(), config.n_draws),
            optimizer: adam(RATE)?.init(q.params()),
            params: q.params().to_vec(),
            gradient: vec![0.0; n_params],
            cycles: Cycles::new(&q, FIRST_CYCLE, seed),
            q,
        })
    }

    pub(super) fn step(
        &mut self,
        config: &FirstOrderConfig,
        target: &Target<'_>,
    ) -> Result<Info, ViError> {
        let mut rng = stream(self.seed, "method/flow/steps", self.iteration);
        let noise = coupled_normals(self.q.noise_dimension(), config.n_draws, &mut rng);
        self.q.run(&noise, &mut self.pass);
        self.q
            .frame_of()
            .apply(&self.pass.u, self.points.as_mut_slice());
        let (share, (log_p, gradients)) =
            Batches::evaluate(&mut self.batches, target, &self.points)?;
        self.iteration += 1;
        let mut info = elbo_of(&log_p, &self.pass.log_q);
        self.q.differentiate(&mut self.pass);
        self.q
            .frame_of()
            .pull(gradients.as_slice(), &mut self.pass.cotangent);
        info.rejected = !self.moved(&log_p, share)?;
        if !info.rejected {
            let tolerance = config
                .tolerance
                .unwrap_or_else(|| f64::max(0.02, 0.01 * target.dimension() as f64));
            info.converged = self.cycles.advance(&self.q, tolerance, target)?;
        }
        Ok(info)
    }

    /// Takes the step; `false` where there was none to take.
    fn moved(&mut self, log_p: &[f64], share: f64) -> Result<bool, ViError> {
        let n = log_p.len();
        let pass = &mut self.pass;
        for (c, g) in pass.cotangent.iter_mut().zip(&pass.of_log_q) {
            *c -= g;
        }
        let Some(through) = draw_weights(&pass.cotangent, log_p) else {
            return Ok(false);
        };
        let at = if self.batches.is_some() {
            vec![0.0; n]
        } else {
            covering(log_p, &pass.log_q)
        };
        let d = pass.cotangent.len() / n;
        for i in 0..d {
            for s in 0..n {
                let k = i * n + s;
                // A draw without weight may have any gradient.
                let through = if through[s] > 0.0 {
                    through[s] * pass.cotangent[k]
                } else {
                    0.0
                };
                let at = if at[s] == 0.0 {
                    0.0
                } else {
                    at[s] * pass.of_log_q[k]
                };
                pass.cotangent[k] = through - at;
            }
        }
        self.gradient.fill(0.0);
        self.q.pull(pass, &at, &mut self.gradient);
        if !self.gradient.iter().sum::<f64>().is_finite() {
            return Ok(false);
        }
        for g in &mut self.gradient {
            *g = -*g;
        }
        self.params.copy_from_slice(self.q.params());
        let rule = adam(RATE * self.cycles.rate() * share)?;
        rule.step(&mut self.optimizer, &mut self.params, &self.gradient);
        Ok(self.q.set_params(&self.params).is_ok())
    }

    /// The ends of the last two cycles.
    pub(super) fn halves(&self) -> Option<Halves> {
        self.cycles.halves()
    }

    /// The best end of a cycle, or what there is if none was reached.
    pub(super) fn best(self, target: &Target<'_>) -> Result<Flow<E>, ViError> {
        self.cycles.best(self.q, target)
    }
}

/// A weight for each draw's part in the gradient of `KL(q ‖ p)`, as in `outliers`.
fn draw_weights(h: &[f64], log_p: &[f64]) -> Option<Vec<f64>> {
    let n = log_p.len();
    let mut lengths = vec![0.0; n];
    for row in h.chunks_exact(n) {
        for (length, v) in lengths.iter_mut().zip(row) {
            *length += v * v;
        }
    }
    let usable = |s: &usize| log_p[*s].is_finite() && lengths[*s].is_finite();
    let mut sorted: Vec<f64> = (0..n).filter(usable).map(|s| lengths[s].sqrt()).collect();
    if 2 * sorted.len() < n {
        return None;
    }
    sorted.sort_by(f64::total_cmp);
    let longest = OUTLYING * sorted[sorted.len() / 2];
    let count = sorted.len() as f64;
    let weight = |s: usize| {
        let length = lengths[s].sqrt();
        match usable(&s) {
            true if length > longest => longest / length / count,
            true => 1.0 / count,
            false => 0.0,
        }
    };
    Some((0..n).map(weight).collect())
}

/// The part of each draw in the gradient of `KL(p ‖ q)` at the draws: its share of the weights less
/// `1/n`, which changes nothing in the mean and makes it vanish where the weights are equal. Weights
/// are cut off at `√n` times their mean `[@ionides2008truncated]`, and count as much as they are worth
/// in draws.
fn covering(log_p: &[f64], log_q: &[f64]) -> Vec<f64> {
    let n = log_p.len() as f64;
    let ratios: Vec<f64> = log_p.iter().zip(log_q).map(|(p, q)| p - q).collect();
    let mean = log_sum_exp(&ratios) - n.ln();
    if !mean.is_finite() {
        return vec![0.0; ratios.len()];
    }
    let most = n.sqrt();
    let mut weights: Vec<f64> = ratios.iter().map(|r| (r - mean).exp().min(most)).collect();
    let (sum, squares) = weights
        .iter()
        .fold((0.0, 0.0), |(a, b), w| (a + w, b + w * w));
    let effective = sum * sum / squares / n;
    for w in &mut weights {
        *w = effective * (*w / sum - 1.0 / n);
    }
    weights
}
