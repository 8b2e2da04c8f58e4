//! Expected sufficient statistics: a few sums over users, and sums over each item's ratings.

use super::layout::{Layout, Sums};
use crate::Statistics;

/// Sums over users and, per item, over its ratings.
#[derive(Debug, Clone)]
pub(crate) struct FactorStatistics {
    layout: Layout,
    data: Vec<f64>, // users, Σ y², Σ E u (dim), Σ E u uᵀ (packed) | (n_items, layout.sums())
}

/// Numbers in front of the sums over users' moments.
const SCALARS: usize = 2;

impl FactorStatistics {
    pub(super) fn zero(layout: Layout, n_items: usize) -> Self {
        let head = Self::head_len(layout);
        Self {
            layout,
            data: vec![0.0; head + n_items * layout.sums()],
        }
    }

    fn head_len(layout: Layout) -> usize {
        SCALARS + layout.dim + layout.triangle()
    }

    /// The number of users.
    pub(super) fn n_users(&self) -> f64 {
        self.data[0]
    }

    /// `Σ (y − offset)²`.
    pub(super) fn sum_squares(&self) -> f64 {
        self.data[1]
    }

    /// `Σ E u uᵀ` over users, packed.
    pub(super) fn user_second(&self) -> &[f64] {
        &self.data[SCALARS + self.layout.dim..Self::head_len(self.layout)]
    }

    /// Adds a batch's sums over users.
    pub(super) fn add_users(&mut self, n_users: usize, sum_squares: f64, moments: &[f64]) {
        self.data[0] += n_users as f64;
        self.data[1] += sum_squares;
        elbo_math::linalg::axpy(1.0, moments, &mut self.data[SCALARS..][..moments.len()]);
    }

    /// The sums of all items; (`n_items`, `layout.sums()`).
    pub(super) fn items(&self) -> &[f64] {
        &self.data[Self::head_len(self.layout)..]
    }

    /// The sums of all items, mutable.
    pub(super) fn items_mut(&mut self) -> &mut [f64] {
        &mut self.data[Self::head_len(self.layout)..]
    }

    /// The sums of one item.
    pub(super) fn item(&self, item: usize) -> Sums<'_> {
        let width = self.layout.sums();
        self.layout.view(&self.items()[item * width..][..width])
    }
}

impl Statistics for FactorStatistics {
    fn as_slice(&self) -> &[f64] {
        &self.data
    }

    fn as_mut_slice(&mut self) -> &mut [f64] {
        &mut self.data
    }
}
