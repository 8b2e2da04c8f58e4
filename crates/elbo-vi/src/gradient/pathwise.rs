//! The reparameterisation gradient: through the draws.
//!
//! `∇_λ E_q[f] = E_ε[(∂T/∂λ)ᵀ ∂f/∂θ]` `[@kingma2014autoencoding, sec. 2.4]`. The entropy's gradient is
//! exact where the family knows it, otherwise that of `−log q` at the draws, moving draws and `λ`.

use elbo_math::random::Stream;

use super::{Estimate, Expectation, GradientEstimator, Usable};
use crate::ViError;
use crate::family::Reparameterised;

/// Through the draws, the entropy in closed form where there is one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pathwise;

impl<F: Reparameterised + ?Sized> GradientEstimator<F> for Pathwise {
    fn estimate(
        &mut self,
        q: &F,
        expectation: &Expectation<'_>,
        n_draws: usize,
        stream: &mut Stream,
    ) -> Result<Estimate, ViError> {
        let noise = q.noise(n_draws, stream);
        let (points, log_q) = q.transform(&noise);
        let (mut values, mut gradients) = expectation.function.values_and_gradients(&points)?;
        let usable = Usable::new(&values)?;
        for i in 0..q.dimension() {
            for (v, w) in gradients.coordinate_mut(i).iter_mut().zip(&usable.weights) {
                *v *= w;
            }
        }
        let beta = expectation.entropy_weight;
        let mut gradient = vec![0.0; q.params().len()];
        let exact = q.entropy().zip(q.entropy_gradient());
        let known = match exact {
            _ if beta == 0.0 => Some(0.0),
            Some((entropy, entropy_gradient)) => {
                elbo_math::linalg::axpy(beta, &entropy_gradient, &mut gradient);
                Some(beta * entropy)
            }
            None => None,
        };
        if let Some(constant) = known {
            q.pull_back(&noise, &gradients, &mut gradient);
            for v in &mut values {
                *v += constant;
            }
        } else {
            let weights: Vec<f64> = usable.weights.iter().map(|w| -beta * w).collect();
            q.pull_back_both(&noise, &gradients, &weights, &mut gradient);
            for (v, l) in values.iter_mut().zip(&log_q) {
                *v -= beta * l;
            }
        }
        let (value, standard_error) = usable.mean(&values);
        Ok(Estimate {
            value,
            standard_error,
            gradient,
            rejected: usable.rejected,
        })
    }
}
