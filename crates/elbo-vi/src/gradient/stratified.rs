//! The gradient of a mixture: exact over its components, pathwise within each.
//!
//! `E_q[h] = Σ_k π_k E_k[h]` with `h = f − β log q`. A component's parameters get
//! `π_k E_k[(∂θ/∂λ_k)ᵀ ∂h/∂θ]`, a logit gets `π_k (E_k[h] − E_q[h])`; what `log q` contributes at fixed
//! draws is a mean score, 0. So the gradient sticks the landing: through the draws it vanishes where
//! `q` is the target, and the logits' part then has values without variance.

use elbo_math::random::Stream;

use super::{Estimate, Expectation, GradientEstimator, Usable};
use crate::family::{Family, Mixture, Reparameterised};
use crate::{Approximation, ViError};

/// Draws from every component, `n_draws/K` each, rounded up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stratified;

impl<C: Reparameterised + Clone> GradientEstimator<Mixture<C>> for Stratified {
    fn estimate(
        &mut self,
        q: &Mixture<C>,
        expectation: &Expectation<'_>,
        n_draws: usize,
        stream: &mut Stream,
    ) -> Result<Estimate, ViError> {
        let beta = expectation.entropy_weight;
        let n = n_draws.div_ceil(q.components().len()).max(1);
        let mut gradient = vec![0.0; q.params().len()];
        let (mut means, mut variance, mut rejected) = (Vec::new(), 0.0, 0);
        for ((component, range), weight) in q.components().iter().zip(q.ranges()).zip(q.weights()) {
            let noise = component.noise(n, stream);
            let (points, _) = component.transform(&noise);
            let (mut values, mut gradients) = expectation.function.values_and_gradients(&points)?;
            let usable = Usable::new(&values)?;
            let (log_q, of_q) = q.log_density_and_gradient(&points);
            for i in 0..q.dimension() {
                let of_q = of_q.coordinate(i);
                for (s, v) in gradients.coordinate_mut(i).iter_mut().enumerate() {
                    *v = weight * usable.weights[s] * (*v - beta * of_q[s]);
                }
            }
            component.pull_back(&noise, &gradients, &mut gradient[range]);
            for (v, l) in values.iter_mut().zip(&log_q) {
                *v -= beta * l;
            }
            let (mean, error) = usable.mean(&values);
            means.push(mean);
            variance += (weight * error).powi(2);
            rejected += usable.rejected;
        }
        let value = elbo_math::linalg::dot(&means, q.weights());
        for (g, (mean, weight)) in gradient.iter_mut().zip(means.iter().zip(q.weights())) {
            *g = weight * (mean - value);
        }
        Ok(Estimate {
            value,
            standard_error: variance.sqrt(),
            gradient,
            rejected,
        })
    }
}
