//! Coded rows with their target: the batch of every regression.

use std::sync::Arc;

use elbo_math::linalg::Matrix;

use crate::driver::Gather;

/// Rows of a coded design, their targets and weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows {
    /// Coded inputs, `(n, n_weights)`.
    pub x: Arc<Matrix>,
    /// The (standardised) target of every row.
    pub y: Vec<f64>,
    /// How often each row counts; once when absent.
    pub weights: Option<Vec<f64>>,
}

impl Rows {
    /// The number of rows.
    pub fn len(&self) -> usize {
        self.y.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.y.is_empty()
    }

    /// The weight of row `i`.
    pub(crate) fn weight(&self, i: usize) -> f64 {
        self.weights.as_ref().map_or(1.0, |w| w[i])
    }

    /// The sum of the weights.
    pub(crate) fn total_weight(&self) -> f64 {
        self.weights
            .as_ref()
            .map_or(self.len() as f64, |w| w.iter().sum())
    }
}

impl Gather for Rows {
    type Batch = Self;

    fn len(&self) -> usize {
        self.y.len()
    }

    fn gather(&self, units: &[usize]) -> Self {
        let cols = self.x.cols();
        let x = units.iter().flat_map(|i| self.x.row(*i).iter().copied());
        let weights = self.weights.as_ref();
        Self {
            x: Arc::new(Matrix::from_vec(units.len(), cols, x.collect())),
            y: units.iter().map(|i| self.y[*i]).collect(),
            weights: weights.map(|w| units.iter().map(|i| w[*i]).collect()),
        }
    }
}
