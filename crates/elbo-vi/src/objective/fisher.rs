//! The Fisher divergence `E_q‖∇ log p − ∇ log q‖²`: gradients should agree, normalisers do not
//! matter.
//!
//! With `g = ∇ log p − ∇ log q`, the gradient in `λ` has a part through the draws,
//! `2 (H_p − H_q) g`, and one at fixed draws, `−2 ∂/∂λ (gᵀ ∇_θ log q)`: the derivative of the *score*
//! along `g`. All three directional derivatives are central differences, so no second-order adjoint
//! is asked of a family or a target.

use elbo_math::random::Stream;

use super::Objective;
use crate::family::{Reparameterised, Scored};
use crate::gradient::{Estimate, Integrand};
use crate::{Draws, ViError};

/// `−E_q‖∇ log p − ∇ log q‖²`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fisher;

impl<F: Reparameterised + Scored + ?Sized> Objective<F> for Fisher {
    fn estimate(
        &mut self,
        q: &F,
        log_density: &dyn Integrand,
        n_draws: usize,
        stream: &mut Stream,
    ) -> Result<Estimate, ViError> {
        let d = q.dimension();
        let noise = q.noise(n_draws, stream);
        let points = q.transform(&noise).0;
        let (log_p, of_p) = log_density.values_and_gradients(&points)?;
        let used: Vec<bool> = log_p.iter().map(|v| v.is_finite()).collect();
        let n = used.iter().filter(|u| **u).count();
        if n == 0 {
            return Err(ViError::NoUsableDraw { n_draws });
        }
        let gap = difference(&of_p, &q.log_density_and_gradient(&points).1);
        let mut squares = vec![0.0; n_draws];
        let mut length = vec![0.0_f64; n_draws];
        for i in 0..d {
            for (s, g) in gap.coordinate(i).iter().enumerate() {
                squares[s] += g * g;
                length[s] = length[s].max(g.abs());
            }
        }
        // A step of ε^(1/3) in the largest coordinate balances rounding against h².
        let size = points
            .as_slice()
            .iter()
            .fold(1.0_f64, |a, x| a.max(x.abs()));
        let steps: Vec<f64> = (0..n_draws)
            .map(|s| match length[s] {
                l if used[s] && l > 0.0 => f64::EPSILON.cbrt() * size / l,
                _ => 0.0,
            })
            .collect();
        let (ahead, behind) = (
            moved(&points, &gap, &steps, 1.0),
            moved(&points, &gap, &steps, -1.0),
        );
        let gap_at = |points: &Draws| -> Result<Draws, ViError> {
            let of_p = log_density.values_and_gradients(points)?.1;
            Ok(difference(&of_p, &q.log_density_and_gradient(points).1))
        };
        let mut through = difference(&gap_at(&ahead)?, &gap_at(&behind)?);
        let per_draw = |s: usize| match steps[s] {
            h if h > 0.0 => -1.0 / (h * n as f64),
            _ => 0.0,
        };
        for i in 0..d {
            for (s, v) in through.coordinate_mut(i).iter_mut().enumerate() {
                *v *= per_draw(s);
            }
        }
        let mut gradient = vec![0.0; q.params().len()];
        q.pull_back(&noise, &through, &mut gradient);
        let scores = difference(&q.scores(&ahead), &q.scores(&behind));
        for (i, g) in gradient.iter_mut().enumerate() {
            for (s, v) in scores.coordinate(i).iter().enumerate() {
                *g -= per_draw(s) * v;
            }
        }
        let kept: Vec<f64> = (0..n_draws)
            .filter(|s| used[*s])
            .map(|s| -squares[s])
            .collect();
        let value = kept.iter().sum::<f64>() / n as f64;
        let spread: f64 = kept.iter().map(|v| (v - value).powi(2)).sum();
        Ok(Estimate {
            value,
            standard_error: (spread / (n as f64 - 1.0) / n as f64).sqrt(),
            gradient,
            rejected: n_draws - n,
        })
    }
}

fn difference(a: &Draws, b: &Draws) -> Draws {
    let mut out = a.clone();
    elbo_math::linalg::axpy(-1.0, b.as_slice(), out.as_mut_slice());
    out
}

/// `points + sign · step_s · direction_s`.
fn moved(points: &Draws, direction: &Draws, steps: &[f64], sign: f64) -> Draws {
    let mut out = points.clone();
    for i in 0..points.dimension() {
        let along = direction.coordinate(i);
        for (s, v) in out.coordinate_mut(i).iter_mut().enumerate() {
            *v += sign * steps[s] * along[s];
        }
    }
    out
}
