//! The forward divergence `KL(p‖q)`: covers every mode, and for a Gaussian means matching moments.
//!
//! `−KL(p‖q) = E_p[log q] + const`, and `∇_λ = E_p[∇_λ log q]`. Draws of `p` are had by weighting
//! those of `q`: self-normalised, so consistent but not unbiased `[@bornschein2015rws, eq. 8]`.

use elbo_math::linalg::{Matrix, axpy};
use elbo_math::log_space::softmax_in_place;
use elbo_math::random::Stream;

use super::Objective;
use crate::family::{FullRank, Scored};
use crate::gradient::{Estimate, Integrand};
use crate::{Draws, ViError};

/// `E_p[log q]`, whose maximum over `λ` minimises `KL(p‖q)`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ForwardKl;

impl<F: Scored + ?Sized> Objective<F> for ForwardKl {
    fn estimate(
        &mut self,
        q: &F,
        log_density: &dyn Integrand,
        n_draws: usize,
        stream: &mut Stream,
    ) -> Result<Estimate, ViError> {
        let (points, log_q) = q.sample(n_draws, stream);
        let log_p = log_density.values(&points)?;
        let rejected = log_p.iter().filter(|v| !v.is_finite()).count();
        if rejected == n_draws {
            return Err(ViError::NoUsableDraw { n_draws });
        }
        let mut weights: Vec<f64> = log_p.iter().zip(&log_q).map(|(p, q)| p - q).collect();
        softmax_in_place(&mut weights);
        let value: f64 = weights.iter().zip(&log_q).map(|(w, l)| w * l).sum();
        let spread = |(w, l): (&f64, &f64)| (w * (l - value)).powi(2);
        let variance: f64 = weights.iter().zip(&log_q).map(spread).sum();
        let scores = q.scores(&points);
        let gradient = (0..q.params().len())
            .map(|i| elbo_math::linalg::dot(&weights, scores.coordinate(i)))
            .collect();
        Ok(Estimate {
            value,
            standard_error: variance.sqrt(),
            gradient,
            rejected,
        })
    }
}

/// The Gaussian with the mean and covariance of weighted draws: the minimiser of `KL(p‖q)` over
/// Gaussians where the weighted draws stand for `p`.
///
/// # Errors
/// [`ViError::NoUsableDraw`] if no weight is finite; [`ViError::Matrix`] if too few draws have
/// weight for a covariance.
pub fn match_moments(points: &Draws, log_weights: &[f64]) -> Result<FullRank, ViError> {
    if !log_weights.iter().any(|w| w.is_finite()) {
        return Err(ViError::NoUsableDraw {
            n_draws: log_weights.len(),
        });
    }
    let (d, mut weights) = (points.dimension(), log_weights.to_vec());
    softmax_in_place(&mut weights);
    let mut mean = vec![0.0; d];
    let mut covariance = Matrix::zeros(d, d);
    for (s, w) in weights.iter().enumerate() {
        axpy(*w, &points.draw(s), &mut mean);
    }
    for (s, w) in weights.iter().enumerate() {
        let mut centred = points.draw(s);
        axpy(-1.0, &mean, &mut centred);
        covariance.add_outer(*w, &centred, &centred);
    }
    FullRank::from_covariance(mean, &covariance)
}
