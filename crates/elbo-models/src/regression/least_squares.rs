//! Gaussian regression given precisions: the statistics of the rows, and the solve.
//!
//! The one idea: rows enter only through the Gram matrix when there are more rows than weights,
//! and only through an `n × n` kernel when there are more weights than rows. [`Form`] is that
//! choice; the models above it are written once.

use std::sync::Arc;

use elbo_math::linalg::{Matrix, axpy, dot, gram};
use elbo_math::parallel;

use super::rows::Rows;
use super::weights::Weights;
use crate::{ModelError, Statistics};

/// `Σ x xᵀ`, `Σ x y`, `Σ y²` and `Σ 1` over rows, weighted.
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    values: Vec<f64>, // Gram (p × p), then X'y (p), y'y, total weight; empty in the dual form
    dim: usize,
}

impl Statistics for Moments {
    fn as_slice(&self) -> &[f64] {
        &self.values
    }

    fn as_mut_slice(&mut self) -> &mut [f64] {
        &mut self.values
    }
}

impl Moments {
    pub(crate) fn zeros(dim: usize) -> Self {
        Self {
            values: vec![0.0; dim * dim + dim + 2],
            dim,
        }
    }

    /// Adds the rows of a batch.
    pub(crate) fn add_rows(&mut self, rows: &Rows) {
        let p = self.dim;
        let x = rows.x.as_slice();
        axpy(
            1.0,
            gram(x, p, rows.weights.as_deref()).as_slice(),
            &mut self.values[..p * p],
        );
        let cross = parallel::fold_reduce(
            rows.len(),
            16,
            || vec![0.0; p + 2],
            |acc, range| {
                for i in range {
                    let (w, y) = (rows.weight(i), rows.y[i]);
                    axpy(w * y, rows.x.row(i), &mut acc[..p]);
                    acc[p] += w * y * y;
                    acc[p + 1] += w;
                }
            },
            |a, b| axpy(1.0, &b, a),
        );
        if let Some(cross) = cross {
            axpy(1.0, &cross, &mut self.values[p * p..]);
        }
    }

    /// One number per row instead of sums, for a model that keeps its rows itself.
    pub(crate) fn per_row(n_rows: usize, dim: usize) -> Self {
        Self {
            values: vec![0.0; n_rows],
            dim,
        }
    }

    pub(crate) fn gram(&self) -> Matrix {
        let p = self.dim;
        Matrix::from_vec(p, p, self.values[..p * p].to_vec())
    }

    pub(crate) fn xty(&self) -> &[f64] {
        let p = self.dim;
        &self.values[p * p..p * p + p]
    }

    fn yty(&self) -> f64 {
        self.values[self.values.len() - 2]
    }

    pub(crate) fn total_weight(&self) -> f64 {
        self.values[self.values.len() - 1]
    }
}

/// Which of the two equivalent systems is solved.
#[derive(Debug, Clone)]
pub(crate) enum Form {
    /// `p × p`, from [`Moments`].
    Gram,
    /// `n × n`, from the rows themselves, each multiplied by the root of its weight.
    Dual(Arc<DualRows>),
}

/// All rows of a wide design; they are their own statistics.
#[derive(Debug)]
pub(crate) struct DualRows {
    x: Matrix,
    y: Vec<f64>,
    total_weight: f64,
}

impl Form {
    /// The cheaper form for rows that are all in memory.
    pub(crate) fn cheapest(rows: &Rows) -> Self {
        if rows.len() >= rows.x.cols() {
            Self::Gram
        } else {
            Self::dual(rows)
        }
    }

    pub(crate) fn dual(rows: &Rows) -> Self {
        let mut x = (*rows.x).clone();
        let mut y = rows.y.clone();
        for (i, yi) in y.iter_mut().enumerate() {
            let root = rows.weight(i).sqrt();
            *yi *= root;
            x.row_mut(i).iter_mut().for_each(|v| *v *= root);
        }
        Self::Dual(Arc::new(DualRows {
            x,
            y,
            total_weight: rows.total_weight(),
        }))
    }

    pub(crate) fn zero_statistics(&self, dim: usize) -> Moments {
        match self {
            Self::Gram => Moments::zeros(dim),
            Self::Dual(_) => Moments {
                values: Vec::new(),
                dim,
            },
        }
    }

    pub(crate) fn add_rows(&self, rows: &Rows, statistics: &mut Moments) -> Result<(), ModelError> {
        if rows.x.cols() != statistics.dim {
            return Err(ModelError::Shape {
                what: "columns of a batch",
                expected: statistics.dim,
                got: rows.x.cols(),
            });
        }
        if matches!(self, Self::Gram) {
            statistics.add_rows(rows);
        }
        Ok(())
    }

    /// `N(0, diag(1 / precisions))` in this form.
    pub(crate) fn prior(&self, precisions: &[f64]) -> Result<Weights, ModelError> {
        match self {
            Self::Gram => Weights::prior(precisions),
            Self::Dual(_) => Weights::prior_low_rank(precisions),
        }
    }

    /// `q(w) ∝ N(w | 0, diag(1 / precisions)) Π N(y | x w, 1 / noise_precision)`.
    pub(crate) fn solve(
        &self,
        statistics: &Moments,
        precisions: &[f64],
        noise_precision: f64,
    ) -> Result<Weights, ModelError> {
        match self {
            Self::Gram => {
                let (p, h) = natural_params(statistics, precisions, noise_precision);
                Weights::from_precision(&p, &h)
            }
            Self::Dual(rows) => Weights::dual(&rows.x, &rows.y, precisions, noise_precision),
        }
    }

    /// A step of size ρ towards what [`solve`](Self::solve) gives, in natural parameters.
    pub(crate) fn step(
        &self,
        weights: &Weights,
        statistics: &Moments,
        precisions: &[f64],
        noise_precision: f64,
        step_size: f64,
    ) -> Result<Weights, ModelError> {
        if step_size == 1.0 {
            return self.solve(statistics, precisions, noise_precision);
        }
        let (p, h) = natural_params(statistics, precisions, noise_precision);
        weights.natural_step(&p, &h, step_size)
    }

    /// `Σ (y − x m)²`, weighted.
    pub(crate) fn residual(&self, statistics: &Moments, mean: &[f64]) -> f64 {
        let residual = match self {
            Self::Gram => {
                let p = statistics.dim;
                let gram = statistics.values[..p * p].chunks_exact(p);
                let quadratic: f64 = gram.zip(mean).map(|(row, m)| m * dot(row, mean)).sum();
                statistics.yty() - 2.0 * dot(statistics.xty(), mean) + quadratic
            }
            Self::Dual(rows) => {
                let fitted = rows.x.matvec(mean);
                let pairs = rows.y.iter().zip(&fitted);
                pairs.map(|(y, f)| (y - f) * (y - f)).sum()
            }
        };
        // The expanded square may round below 0 on a perfect fit.
        residual.max(0.0)
    }

    /// `Σ x V xᵀ`, weighted, with `V` the covariance of `weights`.
    pub(crate) fn spread(&self, statistics: &Moments, weights: &Weights) -> f64 {
        match self {
            Self::Gram => weights.trace_product(&statistics.gram()),
            Self::Dual(rows) => weights.quadratic_forms(&rows.x).iter().sum(),
        }
    }

    /// `Σ x_d²` of every column, weighted.
    pub(crate) fn diagonal(&self, statistics: &Moments) -> Vec<f64> {
        match self {
            Self::Gram => {
                let p = statistics.dim;
                let diagonal = statistics.values[..p * p].iter().step_by(p + 1);
                diagonal.copied().collect()
            }
            Self::Dual(rows) => {
                let mut sums = vec![0.0; rows.x.cols()];
                for i in 0..rows.x.rows() {
                    for (sum, x) in sums.iter_mut().zip(rows.x.row(i)) {
                        *sum += x * x;
                    }
                }
                sums
            }
        }
    }

    /// `Σ y²`, weighted.
    pub(crate) fn squares(&self, statistics: &Moments) -> f64 {
        match self {
            Self::Gram => statistics.yty(),
            Self::Dual(rows) => dot(&rows.y, &rows.y),
        }
    }

    pub(crate) fn total_weight(&self, statistics: &Moments) -> f64 {
        match self {
            Self::Gram => statistics.total_weight(),
            Self::Dual(rows) => rows.total_weight,
        }
    }
}

fn natural_params(
    statistics: &Moments,
    precisions: &[f64],
    noise_precision: f64,
) -> (Matrix, Vec<f64>) {
    let mut p = statistics.gram();
    p.scale(noise_precision);
    for (i, a) in precisions.iter().enumerate() {
        p[(i, i)] += a;
    }
    let h = statistics.xty().iter().map(|v| noise_precision * v);
    (p, h.collect())
}
