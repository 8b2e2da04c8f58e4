//! Expected sufficient statistics of a mixture of Gaussians.
//!
//! The one idea: they are sums of deviations from the *current* means `m_k`, not raw moments:
//! `Σ r`, `Σ r (x − m_k)`, `Σ r (x − m_k)(x − m_k)ᵀ`. They add over batches as raw moments do, since
//! `q` is fixed within a pass, and they lose no precision when clusters lie far from the origin or
//! from each other: the sums are of the size of a cluster, and at convergence the first-order ones
//! are small. The global step shifts what it needs to the old means instead.
//!
//! Diagonal moments also count, per column, the responsibility of rows in which it is missing: there
//! every column has its own number of observations.

use super::view::Shape;
use crate::Statistics;

/// Per component: count, first moments (D), second moments (a packed lower triangle or a diagonal), and
/// beside a diagonal the counts of what is missing (D).
#[derive(Debug, Clone, PartialEq)]
pub struct GmmStatistics {
    values: Vec<f64>, // (n_components, 1 + dim + shape.len(dim) [+ dim])
    dim: usize,
    shape: Shape,
}

/// `Σ r`, `Σ r d`, `Σ r d dᵀ` of one component.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moments<'a> {
    pub count: f64,
    pub first: &'a [f64],
    pub second: &'a [f64],
    /// `Σ r` over the rows without a column; empty beside a triangle.
    pub missing: &'a [f64],
}

impl Moments<'_> {
    /// `Σ r` over the rows with column `j`.
    pub(crate) fn count_of(&self, j: usize) -> f64 {
        // Rounding may leave a little below 0 where everything is missing.
        self.missing
            .get(j)
            .map_or(self.count, |missing| (self.count - missing).max(0.0))
    }
}

/// [`Moments`] to be added to.
#[derive(Debug)]
pub(crate) struct MomentsMut<'a> {
    pub count: &'a mut f64,
    pub first: &'a mut [f64],
    pub second: &'a mut [f64],
    pub missing: &'a mut [f64],
}

impl GmmStatistics {
    pub(crate) fn zeros(n_components: usize, dim: usize, shape: Shape) -> Self {
        Self {
            values: vec![0.0; n_components * Self::stride(dim, shape)],
            dim,
            shape,
        }
    }

    fn stride(dim: usize, shape: Shape) -> usize {
        let missing = match shape {
            Shape::Triangular => 0,
            Shape::Diagonal => dim,
        };
        1 + dim + shape.len(dim) + missing
    }

    pub(crate) fn component(&self, k: usize) -> Moments<'_> {
        let stride = Self::stride(self.dim, self.shape);
        let part = &self.values[k * stride..(k + 1) * stride];
        let (first, rest) = part[1..].split_at(self.dim);
        let (second, missing) = rest.split_at(self.shape.len(self.dim));
        Moments {
            count: part[0],
            first,
            second,
            missing,
        }
    }

    pub(crate) fn component_mut(&mut self, k: usize) -> MomentsMut<'_> {
        let stride = Self::stride(self.dim, self.shape);
        let part = &mut self.values[k * stride..(k + 1) * stride];
        let (count, rest) = part.split_at_mut(1);
        let (first, rest) = rest.split_at_mut(self.dim);
        let (second, missing) = rest.split_at_mut(self.shape.len(self.dim));
        MomentsMut {
            count: &mut count[0],
            first,
            second,
            missing,
        }
    }
}

impl Statistics for GmmStatistics {
    fn as_slice(&self) -> &[f64] {
        &self.values
    }

    fn as_mut_slice(&mut self) -> &mut [f64] {
        &mut self.values
    }
}
