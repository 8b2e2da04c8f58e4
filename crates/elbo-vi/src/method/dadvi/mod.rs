//! DADVI: mean-field inference with its draws fixed once, optimised to convergence by second-order
//! methods, with linear-response covariances.
//!
//! The one idea: an ELBO whose draws are held fixed is a smooth function, so its optimum is found to
//! many digits without step sizes or stopping rules, is the same on every rerun, and can be
//! differentiated `[@giordano2023dadvi]`. Unlike the paper's, half of the draws mirror the other half:
//! their mean is then exactly 0, which makes the means, and the linear-response covariance, of a
//! Gaussian posterior exact. Deliberately absent: full-rank families, whose optimum need not exist
//! with fewer draws than dimensions.

mod objective;
mod solution;

#[cfg(test)]
mod tests;

pub use solution::DadviSolution;

use elbo_math::random::{fill_standard_normal, stream};

use super::{Description, Info, Method, Start};
use crate::family::{FullRank, MeanField};
use crate::optimizer::{Lbfgs, LbfgsState, Progress, TrustRegion, TrustRegionState};
use crate::{Approximation, Draws, Target, ViError};
use objective::FixedDraws;

/// How help and documentation list it.
pub const DESCRIPTION: Description = Description {
    name: "dadvi",
    summary: "fixed draws, second-order optimisation, linear-response covariances",
    options: &[
        ("n_draws", "30", "draws held fixed; even"),
        (
            "dense_up_to",
            "256",
            "largest dimension for which the whole covariance is computed",
        ),
    ],
};

/// L-BFGS hands over to Newton when its model promises less than this many nats.
const HAND_OVER: f64 = 1e-2;
/// Newton ends when it promises less than this many nats: 1.4e-5 standard deviations.
const NOTHING_LEFT: f64 = 1e-10;
/// The standard deviations to begin with: small beside a typical posterior's, so that the first draws
/// stay where the start was found to be usable.
const FIRST_SD: f64 = 0.1;
/// On the scale of unconstrained parameters, farther than this is a runaway.
const FAR: f64 = 1e12;

/// The settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dadvi {
    /// Draws held fixed; even, because half of them mirror the others.
    pub n_draws: usize,
    /// The largest dimension for which the whole linear-response covariance is computed.
    pub dense_up_to: usize,
}

impl Default for Dadvi {
    fn default() -> Self {
        Self {
            n_draws: 30,
            dense_up_to: 256,
        }
    }
}

/// The draws and how far the optimum's search has come.
#[derive(Debug, Clone, PartialEq)]
pub struct DadviState {
    noise: Draws,
    phase: Phase,
}

#[derive(Debug, Clone, PartialEq)]
enum Phase {
    Ascent(LbfgsState),
    Newton(TrustRegionState),
    Done(TrustRegionState),
}

impl DadviState {
    /// `(μ, log σ)`.
    fn parameters(&self) -> &[f64] {
        match &self.phase {
            Phase::Ascent(state) => state.position(),
            Phase::Newton(state) | Phase::Done(state) => state.position(),
        }
    }

    fn elbo(&self) -> f64 {
        match &self.phase {
            Phase::Ascent(state) => state.value(),
            Phase::Newton(state) | Phase::Done(state) => state.value(),
        }
    }

    fn widest(&self) -> (usize, f64) {
        let (_, log_sds) = self.parameters().split_at(self.noise.dimension());
        let mut widest = (0, f64::NEG_INFINITY);
        for (i, v) in log_sds.iter().enumerate() {
            if *v > widest.1 {
                widest = (i, *v);
            }
        }
        (widest.0, widest.1.exp())
    }
}

impl Dadvi {
    /// The optimum with its covariances and their reliability.
    ///
    /// # Errors
    /// [`ViError::Matrix`] if the objective is not curved downwards there (let it converge, or use
    /// more draws), and the target's own.
    pub fn solution(
        &self,
        target: &Target<'_>,
        state: &DadviState,
    ) -> Result<DadviSolution, ViError> {
        if target.dimension() <= self.dense_up_to {
            solution::dense(target, &state.noise, state.parameters())
        } else {
            Ok(solution::sparse(state.parameters()))
        }
    }

    /// `Cov(θ, wᵀθ)` by linear response, for one `w`, at the cost of conjugate gradients: what large
    /// dimensions use instead of the whole covariance. The variance of `wᵀθ` is its product with `w`.
    ///
    /// # Errors
    /// [`ViError::Length`]; [`ViError::Numerical`] away from an optimum; the target's own.
    pub fn linear_response(
        &self,
        target: &Target<'_>,
        state: &DadviState,
        weights: &[f64],
    ) -> Result<Vec<f64>, ViError> {
        if weights.len() != target.dimension() {
            return Err(ViError::Length {
                expected: target.dimension(),
                got: weights.len(),
            });
        }
        solution::respond(target, &state.noise, state.parameters(), weights)
    }

    fn advance(objective: &FixedDraws<'_, '_>, state: &mut DadviState) -> Result<(), ViError> {
        let d = state.noise.dimension();
        let progress = match &mut state.phase {
            Phase::Ascent(ascent) => {
                let lbfgs = Lbfgs {
                    tolerance: HAND_OVER,
                    ..Lbfgs::default()
                };
                let progress = lbfgs.step(objective, ascent)?;
                if progress != Progress::Moved {
                    let position = ascent.position().to_vec();
                    state.phase = Phase::Newton(TrustRegionState::new(objective, position)?);
                }
                progress
            }
            Phase::Newton(newton) => {
                // A mean-field optimum has curvatures σ⁻² in μ and 2 in log σ along its axes.
                let scale: Vec<f64> = (0..2 * d)
                    .map(|i| {
                        if i < d {
                            newton.position()[d + i].exp()
                        } else {
                            std::f64::consts::FRAC_1_SQRT_2
                        }
                    })
                    .collect();
                let newton_cg = TrustRegion {
                    tolerance: NOTHING_LEFT,
                    ..TrustRegion::default()
                };
                let progress = newton_cg.step(objective, &scale, newton)?;
                if progress != Progress::Moved {
                    newton.check_end(&scale)?;
                    state.phase = Phase::Done(newton.clone());
                }
                progress
            }
            Phase::Done(_) => Progress::Converged,
        };
        let far = state.parameters()[..d].iter().position(|m| m.abs() > FAR);
        let coordinate = match (progress, far, state.widest()) {
            (Progress::Unbounded { coordinate }, ..) => Some(coordinate % d),
            (_, Some(coordinate), _) => Some(coordinate),
            (_, None, (coordinate, sd)) => (sd > FAR).then_some(coordinate),
        };
        match coordinate {
            Some(coordinate) => Err(ViError::Improper {
                elbo: state.elbo(),
                coordinate,
            }),
            None => Ok(()),
        }
    }
}

impl Method for Dadvi {
    type State = DadviState;

    fn init(&self, target: &Target<'_>, start: &Start, seed: u64) -> Result<Self::State, ViError> {
        if self.n_draws < 4 || !self.n_draws.is_multiple_of(2) {
            return Err(ViError::Setting {
                name: "n_draws",
                value: self.n_draws.to_string(),
                requirement: "even and at least 4",
            });
        }
        let d = target.dimension();
        let noise = mirrored(d, self.n_draws, seed);
        let mut parameters = start.first_point(target, seed, 0)?;
        let mut log_sd = FIRST_SD.ln();
        let objective = FixedDraws::new(target, &noise);
        for _ in 0..30 {
            parameters.resize(d, 0.0);
            parameters.resize(2 * d, log_sd);
            match LbfgsState::new(&objective, parameters.clone()) {
                Err(ViError::Start { .. }) => log_sd -= 2.0_f64.ln(),
                result => {
                    let phase = Phase::Ascent(result?);
                    return Ok(DadviState { noise, phase });
                }
            }
        }
        Err(target.rejections().unwrap_or(ViError::Start {
            value: f64::NEG_INFINITY,
        }))
    }

    fn step(&self, target: &Target<'_>, state: &mut Self::State) -> Result<Info, ViError> {
        let mut next = state.clone();
        let objective = FixedDraws::new(target, &state.noise);
        Self::advance(&objective, &mut next)?;
        *state = next;
        Ok(Info {
            elbo: Some(state.elbo()),
            converged: matches!(state.phase, Phase::Done(_)),
            widest: Some(state.widest()),
            ..Info::default()
        })
    }

    /// The Gaussian with the linear-response covariance, or above `dense_up_to` the mean-field one.
    fn finish(
        &self,
        target: &Target<'_>,
        state: Self::State,
    ) -> Result<Box<dyn Approximation>, ViError> {
        let solution = self.solution(target, &state)?;
        Ok(match solution.covariance {
            Some(covariance) => Box::new(FullRank::from_covariance(solution.mean, &covariance)?),
            None => Box::new(MeanField::new(solution.mean, solution.mean_field_sds)?),
        })
    }
}

/// Standard normal draws of which the second half are the first half's negatives.
fn mirrored(dimension: usize, n_draws: usize, seed: u64) -> Draws {
    let mut noise = Draws::zeros(dimension, n_draws);
    let mut rng = stream(seed, "dadvi/draws", 0);
    let mut point = vec![0.0; dimension];
    for s in 0..n_draws / 2 {
        fill_standard_normal(&mut rng, &mut point);
        noise.set_draw(s, &point);
        for v in &mut point {
            *v = -*v;
        }
        noise.set_draw(n_draws / 2 + s, &point);
    }
    noise
}
