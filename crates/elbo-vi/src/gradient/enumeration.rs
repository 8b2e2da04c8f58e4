//! The exact gradient over a finite support: no draws, no variance.
//!
//! `∇_λ E_q[h] = Σ_x q(x) h(x) ∇_λ log q(x)`.

use elbo_math::random::Stream;

use super::{Estimate, Expectation, GradientEstimator};
use crate::ViError;
use crate::family::{Enumerable, Scored};

/// A sum over every point; feasible where these are few.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enumeration {
    /// The largest support that is summed over.
    pub most_points: usize,
}

impl Default for Enumeration {
    /// Up to 65,536 points: sixteen binary unknowns.
    fn default() -> Self {
        Self {
            most_points: 1 << 16,
        }
    }
}

impl<F: Enumerable + Scored + ?Sized> GradientEstimator<F> for Enumeration {
    /// `n_draws` and the stream are not used. Points where `f` is −∞ make the expectation −∞; they
    /// are left out, as draws are by the other estimators.
    fn estimate(
        &mut self,
        q: &F,
        expectation: &Expectation<'_>,
        _n_draws: usize,
        _stream: &mut Stream,
    ) -> Result<Estimate, ViError> {
        if q.n_points().is_none_or(|n| n > self.most_points) {
            return Err(ViError::Setting {
                name: "most_points",
                value: self.most_points.to_string(),
                requirement: "at least the number of points in the support; or use the score function",
            });
        }
        let points = q.support();
        let log_q = q.log_density(&points);
        let values = expectation.function.values(&points)?;
        let scores = q.scores(&points);
        let mut mass = 0.0;
        let weights: Vec<f64> = log_q
            .iter()
            .zip(&values)
            .map(|(l, v)| if v.is_finite() { l.exp() } else { 0.0 })
            .inspect(|w| mass += w)
            .collect();
        if mass == 0.0 {
            return Err(ViError::NoUsableDraw {
                n_draws: values.len(),
            });
        }
        let terms: Vec<f64> = weights
            .iter()
            .zip(values.iter().zip(&log_q))
            .map(|(w, (v, l))| match *w {
                0.0 => 0.0,
                w => w / mass * (v - expectation.entropy_weight * l),
            })
            .collect();
        Ok(Estimate {
            value: terms.iter().sum(),
            standard_error: 0.0,
            gradient: (0..q.params().len())
                .map(|i| elbo_math::linalg::dot(&terms, scores.coordinate(i)))
                .collect(),
            rejected: values.iter().filter(|v| !v.is_finite()).count(),
        })
    }
}
