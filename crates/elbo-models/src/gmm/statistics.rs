//! Expected sufficient statistics of a mixture of Gaussians.
//!
//! The one idea: they are sums of deviations from the *current* means `m_k`, not raw moments:
//! `Σ r`, `Σ r (x − m_k)`, `Σ r (x − m_k)(x − m_k)ᵀ`. They add over batches as raw moments do, since
//! `q` is fixed within a pass, and they lose no precision when clusters lie far from the origin or
//! from each other: the sums are of the size of a cluster, and at convergence the first-order ones
//! are small. The global step shifts what it needs to the old means instead.

use super::view::Shape;
use crate::Statistics;

/// Per component: count, first moments (D), second moments (a packed lower triangle or a diagonal).
#[derive(Debug, Clone, PartialEq)]
pub struct GmmStatistics {
    values: Vec<f64>, // (n_components, 1 + dim + shape.len(dim))
    dim: usize,
    shape: Shape,
}

/// `Σ r`, `Σ r d`, `Σ r d dᵀ` of one component.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moments<'a> {
    pub count: f64,
    pub first: &'a [f64],
    pub second: &'a [f64],
}

/// [`Moments`] to be added to.
#[derive(Debug)]
pub(crate) struct MomentsMut<'a> {
    pub count: &'a mut f64,
    pub first: &'a mut [f64],
    pub second: &'a mut [f64],
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
        1 + dim + shape.len(dim)
    }

    pub(crate) fn component(&self, k: usize) -> Moments<'_> {
        let stride = Self::stride(self.dim, self.shape);
        let part = &self.values[k * stride..(k + 1) * stride];
        let (first, second) = part[1..].split_at(self.dim);
        Moments {
            count: part[0],
            first,
            second,
        }
    }

    pub(crate) fn component_mut(&mut self, k: usize) -> MomentsMut<'_> {
        let stride = Self::stride(self.dim, self.shape);
        let part = &mut self.values[k * stride..(k + 1) * stride];
        let (count, rest) = part.split_at_mut(1);
        let (first, second) = rest.split_at_mut(self.dim);
        MomentsMut {
            count: &mut count[0],
            first,
            second,
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
