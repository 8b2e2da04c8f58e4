//! Expected sufficient statistics: a few sums over users, and sums over each item's ratings.

use super::layout::{Layout, Sums};
use super::local::SolvedUser;
use crate::Statistics;

/// Sums over users and, per item, over its ratings.
#[derive(Debug, Clone)]
pub(crate) struct FactorStatistics {
    layout: Layout,
    data: Vec<f64>, // sums over users | (n_items, layout.sums())
}

/// Scalars in front of the sums over users' moments.
const SCALARS: usize = 5;

/// Sums over some users.
#[derive(Debug, Clone)]
pub(super) struct UserSums {
    data: Vec<f64>, // users, ratings, Σ λ y², Σ E λ, Σ E log λ, Σ E u (dim), Σ E u uᵀ (packed)
}

impl UserSums {
    pub(super) fn zero(layout: Layout) -> Self {
        Self {
            data: vec![0.0; FactorStatistics::head_len(layout)],
        }
    }

    /// Adds a user with its record.
    pub(super) fn add(&mut self, user: &SolvedUser<'_>, record: &[f64]) {
        let weight = user.weight;
        let (scalars, moments) = self.data.split_at_mut(SCALARS);
        scalars[0] += 1.0;
        scalars[1] += user.count;
        scalars[2] += weight.mean() * user.sum_squares;
        scalars[3] += weight.mean();
        scalars[4] += weight.log_mean();
        elbo_math::linalg::axpy(1.0, &record[1..=moments.len()], moments);
    }
}

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

    /// The number of ratings.
    pub(super) fn n_ratings(&self) -> f64 {
        self.data[1]
    }

    /// `Σ λ (y − offset)²`; λ is 1 where noise is shared.
    pub(super) fn sum_squares(&self) -> f64 {
        self.data[2]
    }

    /// `Σ E λ` and `Σ E log λ` over users.
    pub(super) fn weights(&self) -> (f64, f64) {
        (self.data[3], self.data[4])
    }

    /// `Σ E u uᵀ` over users, packed.
    pub(super) fn user_second(&self) -> &[f64] {
        &self.data[SCALARS + self.layout.dim..Self::head_len(self.layout)]
    }

    /// Adds sums over users.
    pub(super) fn add_users(&mut self, sums: &UserSums) {
        elbo_math::linalg::axpy(1.0, &sums.data, &mut self.data[..sums.data.len()]);
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
