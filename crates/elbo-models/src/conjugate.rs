//! What a conditionally conjugate model has to say: a local step, a global step, a bound.
//!
//! A model factorises as `p(β) Π_n p(y_n, z_n | β)` with `q(β) Π_n q(z_n)`. The implementing type
//! holds `q(β)` and the priors; the `z_n` live only inside a local step, so memory does not grow
//! with the data unless a model chooses so.
//!
//! # References
//! `[@hoffman2013svi, sec. 2]`: the local and global updates, and the natural gradient that the
//! global step with `step_size < 1` is.

use crate::ModelError;

/// Expected sufficient statistics: a vector that adds, scales and travels.
pub trait Statistics: Clone + Send {
    /// All numbers, in a fixed order.
    fn as_slice(&self) -> &[f64];

    /// All numbers, mutable.
    fn as_mut_slice(&mut self) -> &mut [f64];

    /// Sets all numbers to zero.
    fn reset(&mut self) {
        self.as_mut_slice().fill(0.0);
    }

    /// `self ← self + other`.
    fn add(&mut self, other: &Self) {
        elbo_math::linalg::axpy(1.0, other.as_slice(), self.as_mut_slice());
    }

    /// `self ← factor · self`.
    fn scale(&mut self, factor: f64) {
        for v in self.as_mut_slice() {
            *v *= factor;
        }
    }
}

/// A model whose complete conditionals are exponential families, with its current `q(β)`.
pub trait ConjugateModel: Sync {
    /// Observations in memory: all of them, a mini-batch, or a block read from a file.
    type Batch: Sync + ?Sized;
    /// The model's expected sufficient statistics.
    type Statistics: Statistics;

    /// Statistics of no observations.
    fn zero_statistics(&self) -> Self::Statistics;

    /// The number of exchangeable units (rows, users, documents) in a batch.
    fn batch_len(batch: &Self::Batch) -> usize;

    /// Maximises the bound over the `q(z_n)` of a batch under the current `q(β)`, *adds* the
    /// expected sufficient statistics, and returns the batch's terms of the ELBO, in nats.
    ///
    /// # Errors
    /// If the batch does not fit the model, or a numerical failure.
    fn local_step(
        &self,
        batch: &Self::Batch,
        statistics: &mut Self::Statistics,
    ) -> Result<f64, ModelError>;

    /// `λ ← (1 − ρ) λ + ρ (λ_prior + statistics)` on natural parameters, with ρ = `step_size`.
    ///
    /// With ρ = 1 this maximises the bound over `q(β)`. A model whose `q(β)` has several factors
    /// updates each in turn. On an error the model must be left as it was.
    ///
    /// # Errors
    /// A numerical failure.
    fn global_step(
        &mut self,
        statistics: &Self::Statistics,
        step_size: f64,
    ) -> Result<(), ModelError>;

    /// The terms of the ELBO that belong to no single observation, in nats, with all constants.
    ///
    /// `local_step`'s sum plus this is the ELBO of the current `q(β)` and the `q(z_n)` of that
    /// local step; `statistics` are those of the same local step, for models without local
    /// variables, whose likelihood is a function of the statistics.
    fn global_bound(&self, statistics: &Self::Statistics) -> f64;

    /// The M-step of VB-EM: maximises the bound over the hyperparameters that are learnt (with
    /// `step_size < 1`, moves towards the maximum). Models without any keep this default.
    ///
    /// # Errors
    /// A numerical failure.
    fn update_hyperparameters(
        &mut self,
        _statistics: &Self::Statistics,
        _step_size: f64,
    ) -> Result<(), ModelError> {
        Ok(())
    }

    /// Whether statistics change with `q`. A model without local variables answers no, and its
    /// data are then read once.
    fn statistics_depend_on_posterior(&self) -> bool {
        true
    }
}
