//! Where batches come from.

use std::ops::ControlFlow;

use elbo_math::random;

use crate::ModelError;

/// What is done with each batch of a pass; [`ControlFlow::Break`] ends the pass.
pub type Visit<'a, B> = dyn FnMut(&B) -> Result<ControlFlow<()>, ModelError> + 'a;

/// Data that can be gone through pass after pass, one batch at a time.
///
/// A reader of files implements this in the crate that knows files; [`Whole`] and [`Shuffled`] serve
/// data in memory.
pub trait BatchSource {
    /// One batch.
    type Batch: ?Sized;

    /// The number of units over all batches of a pass.
    fn n_total(&self) -> usize;

    /// Calls `visit` with every batch of pass `pass` (0, 1, …), until it answers
    /// [`ControlFlow::Break`]. Batches and their order may depend on `pass` only.
    ///
    /// # Errors
    /// Whatever `visit` returns, and [`ModelError::Source`] if a batch cannot be read.
    fn for_each(
        &mut self,
        pass: usize,
        visit: &mut Visit<'_, Self::Batch>,
    ) -> Result<(), ModelError>;
}

/// All data in memory, as a single batch.
#[derive(Debug, Clone, Copy)]
pub struct Whole<'a, B: ?Sized> {
    batch: &'a B,
    n_total: usize,
}

impl<'a, B: ?Sized> Whole<'a, B> {
    /// A batch of `n_total` units.
    pub fn new(batch: &'a B, n_total: usize) -> Self {
        Self { batch, n_total }
    }
}

impl<B: ?Sized> BatchSource for Whole<'_, B> {
    type Batch = B;

    fn n_total(&self) -> usize {
        self.n_total
    }

    fn for_each(&mut self, _pass: usize, visit: &mut Visit<'_, B>) -> Result<(), ModelError> {
        visit(self.batch).map(|_| ())
    }
}

/// Data from which any subset of units can be copied out.
pub trait Gather {
    /// What a subset becomes.
    type Batch;

    /// The number of units.
    fn len(&self) -> usize;

    /// Whether there are no units.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The units with these indices.
    fn gather(&self, units: &[usize]) -> Self::Batch;
}

/// Mini-batches of data in memory, without replacement, shuffled anew for every pass.
#[derive(Debug, Clone)]
pub struct Shuffled<'a, D> {
    data: &'a D,
    batch_size: usize,
    seed: u64,
}

impl<'a, D: Gather> Shuffled<'a, D> {
    /// Batches of `batch_size` units; the last of a pass may be smaller.
    ///
    /// # Errors
    /// If `batch_size` is 0.
    pub fn new(data: &'a D, batch_size: usize, seed: u64) -> Result<Self, ModelError> {
        if batch_size == 0 {
            return Err(ModelError::setting("batch_size", 0, "give at least 1"));
        }
        Ok(Self {
            data,
            batch_size,
            seed,
        })
    }
}

impl<D: Gather> BatchSource for Shuffled<'_, D> {
    type Batch = D::Batch;

    fn n_total(&self) -> usize {
        self.data.len()
    }

    fn for_each(&mut self, pass: usize, visit: &mut Visit<'_, D::Batch>) -> Result<(), ModelError> {
        let mut rng = random::stream(self.seed, "driver/shuffle", pass as u64);
        let order = random::permutation(&mut rng, self.data.len());
        for units in order.chunks(self.batch_size) {
            if visit(&self.data.gather(units))?.is_break() {
                break;
            }
        }
        Ok(())
    }
}
