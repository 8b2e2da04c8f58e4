//! The evidence lower bound in both of its forms.

use elbo_math::linalg::axpy;
use elbo_math::random::Stream;

use super::{KlTo, Objective};
use crate::ViError;
use crate::gradient::{Estimate, Expectation, GradientEstimator, Integrand};

/// Energy plus entropy, `E_q[log p(y, θ)] + H[q]`, by any gradient estimator.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Elbo<E> {
    /// How the gradient is estimated.
    pub estimator: E,
}

impl<F: ?Sized, E: GradientEstimator<F>> Objective<F> for Elbo<E> {
    fn estimate(
        &mut self,
        q: &F,
        log_density: &dyn Integrand,
        n_draws: usize,
        stream: &mut Stream,
    ) -> Result<Estimate, ViError> {
        let bound = Expectation::elbo(log_density);
        self.estimator.estimate(q, &bound, n_draws, stream)
    }
}

/// Reconstruction less divergence, `E_q[log p(y | θ)] − KL(q ‖ prior)`, with the divergence exact:
/// only the likelihood is estimated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reconstruction<'a, P, E> {
    /// The prior, normalised; the log density that is given is then the likelihood's alone.
    pub prior: &'a P,
    /// How the likelihood's gradient is estimated.
    pub estimator: E,
}

impl<P, F: KlTo<P>, E: GradientEstimator<F>> Objective<F> for Reconstruction<'_, P, E> {
    fn estimate(
        &mut self,
        q: &F,
        log_density: &dyn Integrand,
        n_draws: usize,
        stream: &mut Stream,
    ) -> Result<Estimate, ViError> {
        let likelihood = Expectation::of(log_density);
        let mut estimate = self.estimator.estimate(q, &likelihood, n_draws, stream)?;
        let (kl, gradient) = q.kl_to(self.prior);
        estimate.value -= kl;
        axpy(-1.0, &gradient, &mut estimate.gradient);
        Ok(estimate)
    }
}
