//! What a fit maximises: bounds and negated divergences between `q` and a target.
//!
//! The one idea: an [`Objective`] gives an estimate and its gradient in `λ`, larger is better, so an
//! optimiser need not know which it has. Divergences themselves, for judging and for pictures, are
//! in [`divergence`]: closed forms, quadrature in one and two dimensions, Monte Carlo otherwise.
//!
//! | objective | estimates | needs of the family |
//! |---|---|---|
//! | [`Elbo`] | `E_q[log p] + H[q]` | what its estimator needs |
//! | [`Reconstruction`] | `E_q[log p(y∣θ)] − KL(q‖prior)` | a closed-form [`KlTo`] |
//! | [`ImportanceWeighted`] | `E log (1/K) Σ_k p(θ_k)/q(θ_k)` | `Reparameterised` |
//! | [`ForwardKl`] | `E_p[log q]`, self-normalised | `Scored` |
//! | [`Fisher`] | `−E_q‖∇ log p − ∇ log q‖²` | `Reparameterised`, `Scored` |

pub mod divergence;

mod elbo;
mod fisher;
mod forward_kl;
mod importance_weighted;

pub use divergence::KlTo;
pub use elbo::{Elbo, Reconstruction};
pub use fisher::Fisher;
pub use forward_kl::{ForwardKl, match_moments};
pub use importance_weighted::{ImportanceWeighted, WeightGradient};

use elbo_math::random::Stream;

use crate::ViError;
use crate::gradient::{Estimate, Integrand};

/// Something to maximise over a family's `λ`.
pub trait Objective<F: ?Sized> {
    /// An estimate for `q` against the log density of a target, from `n_draws` draws.
    ///
    /// # Errors
    /// As [`GradientEstimator::estimate`](crate::gradient::GradientEstimator::estimate).
    fn estimate(
        &mut self,
        q: &F,
        log_density: &dyn Integrand,
        n_draws: usize,
        stream: &mut Stream,
    ) -> Result<Estimate, ViError>;
}

#[cfg(test)]
mod tests;
