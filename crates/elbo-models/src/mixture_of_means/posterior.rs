//! `q(μ)` with the hyperparameters: the fitted object, and what it predicts.

use elbo_math::arrays::{Array, Arrays};
use elbo_math::linalg::Matrix;
use elbo_math::log_space::log_sum_exp;
use elbo_math::random::{Stream, standard_normal};
use elbo_math::special::LN_2PI;

use super::MixtureOfMeansConfig;
use super::model::MixtureOfMeansModel;
use crate::ModelError;
use crate::gmm::GmmData;
use crate::gmm::sweep;
use crate::posterior::{Posterior, expect_array};

/// `q(μ_kd) = N(m_kd, s_kd²)`, the prior `N(m₀_k, τ² I)`, the weights `π` and the variance `σ²`.
#[derive(Debug, Clone, PartialEq)]
pub struct MixtureOfMeansPosterior {
    pub(super) weights: Vec<f64>, // (K)
    pub(super) variance: f64,
    pub(super) means: Matrix,       // (K, D)
    pub(super) variances: Matrix,   // (K, D): s_kd²
    pub(super) prior_means: Matrix, // (K, D)
    pub(super) prior_variance: f64,
}

impl MixtureOfMeansPosterior {
    /// `q` equal to the prior that a checked configuration states for `dim` columns.
    ///
    /// # Errors
    /// A setting out of its range or of the wrong length.
    pub(super) fn from_config(
        config: &MixtureOfMeansConfig,
        dim: usize,
    ) -> Result<Self, ModelError> {
        let k = config.n_components;
        if k == 0 {
            return Err(ModelError::setting("n_components", 0, "give at least 1"));
        }
        for (name, value) in [
            ("variance", config.variance),
            ("prior_variance", config.prior_variance),
        ] {
            if !(value > 0.0 && value.is_finite()) {
                return Err(ModelError::setting(name, value, "give a positive number"));
            }
        }
        let weights = config
            .weights
            .clone()
            .unwrap_or_else(|| vec![1.0 / k as f64; k]);
        let total: f64 = weights.iter().sum();
        if weights.len() != k || weights.iter().any(|w| !(*w >= 0.0)) || (total - 1.0).abs() > 1e-9
        {
            return Err(ModelError::setting(
                "weights",
                format!("{weights:?}"),
                format!("give {k} numbers of at least 0 that sum to 1"),
            ));
        }
        let given = config.prior_means.clone().unwrap_or_else(|| vec![0.0; dim]);
        if (given.len() != dim && given.len() != k * dim) || given.iter().any(|m| !m.is_finite()) {
            return Err(ModelError::setting(
                "prior_means",
                format!("{} numbers", given.len()),
                format!("give {dim} finite numbers, or {k} × {dim}"),
            ));
        }
        let prior_means = Matrix::from_fn(k, dim, |k, j| given[(k * dim + j) % given.len()]);
        Ok(Self {
            weights,
            variance: config.variance,
            means: prior_means.clone(),
            variances: Matrix::from_fn(k, dim, |_, _| config.prior_variance),
            prior_means,
            prior_variance: config.prior_variance,
        })
    }

    /// The number of components `K`.
    pub fn n_components(&self) -> usize {
        self.weights.len()
    }

    /// The number of columns `D`.
    pub fn dim(&self) -> usize {
        self.means.cols()
    }

    /// `π`.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// `σ²`.
    pub fn variance(&self) -> f64 {
        self.variance
    }

    /// `m_k`: (K, D).
    pub fn means(&self) -> &Matrix {
        &self.means
    }

    /// `s_kd²`: (K, D); a row is constant unless entries are missing.
    pub fn mean_variances(&self) -> &Matrix {
        &self.variances
    }

    /// The expected number of rows of each component, `σ² (1/s_kd² − 1/τ²)`; where entries are missing,
    /// of its most complete column.
    pub fn expected_counts(&self) -> Vec<f64> {
        let learnt = |s2: &f64| self.variance * (s2.recip() - self.prior_variance.recip());
        let count = |k: usize| self.variances.row(k).iter().map(learnt).fold(0.0, f64::max);
        (0..self.n_components()).map(count).collect()
    }

    /// How many components expect at least one member.
    pub fn n_effective_components(&self) -> usize {
        let counts = self.expected_counts();
        counts.iter().filter(|c| **c >= 1.0).count()
    }

    /// `q(z_n = k)` under this `q`: (n, K), rows sum to 1; missing entries are marginalised.
    ///
    /// # Errors
    /// Rows of another width.
    pub fn responsibilities(&self, data: &GmmData) -> Result<Vec<f64>, ModelError> {
        sweep::responsibilities(&MixtureOfMeansModel::new(self.clone()), data)
    }

    /// `log Σ_k π_k Π_d N(x_d | m_kd, σ² + s_kd²)` of each row, over the entries that are there.
    ///
    /// # Errors
    /// Rows of another width.
    pub fn log_predictive_density(&self, data: &GmmData) -> Result<Vec<f64>, ModelError> {
        if data.dim() != self.dim() {
            return Err(ModelError::Shape {
                what: "columns",
                expected: self.dim(),
                got: data.dim(),
            });
        }
        let row_density = |row: &[f64]| {
            let component = |k: usize| {
                let pairs = row
                    .iter()
                    .zip(self.means.row(k))
                    .zip(self.variances.row(k))
                    .filter(|((x, _), _)| !x.is_nan());
                let normal = |((x, m), s2): ((&f64, &f64), &f64)| {
                    let variance = self.variance + s2;
                    -0.5 * (LN_2PI + variance.ln() + (x - m) * (x - m) / variance)
                };
                self.weights[k].ln() + pairs.map(normal).sum::<f64>()
            };
            log_sum_exp(&(0..self.n_components()).map(component).collect::<Vec<_>>())
        };
        Ok((0..data.len()).map(|i| row_density(data.row(i))).collect())
    }
}

impl Posterior for MixtureOfMeansPosterior {
    fn to_arrays(&self) -> Arrays {
        let (k, d) = (self.n_components(), self.dim());
        let matrix = |m: &Matrix| Array::f64(&[k, d], m.as_slice().to_vec());
        [
            ("weights", Array::f64(&[k], self.weights.clone())),
            ("variance", Array::scalar(self.variance)),
            ("means", matrix(&self.means)),
            ("mean_variances", matrix(&self.variances)),
            ("prior_means", matrix(&self.prior_means)),
            ("prior_variance", Array::scalar(self.prior_variance)),
        ]
        .map(|(name, array)| (name.to_owned(), array))
        .into()
    }

    fn from_arrays(arrays: &Arrays) -> Result<Self, ModelError> {
        let shape = arrays.get("means").map(Array::shape);
        let &[k, d] = shape.unwrap_or_default() else {
            return Err(ModelError::data(
                "the fit has no table of means; it is damaged",
            ));
        };
        let values = |name, shape: &[usize]| expect_array(arrays, name, shape).map(Array::to_f64);
        Ok(Self {
            weights: values("weights", &[k])?,
            variance: values("variance", &[])?[0],
            means: Matrix::from_vec(k, d, values("means", &[k, d])?),
            variances: Matrix::from_vec(k, d, values("mean_variances", &[k, d])?),
            prior_means: Matrix::from_vec(k, d, values("prior_means", &[k, d])?),
            prior_variance: values("prior_variance", &[])?[0],
        })
    }

    fn draw_names(&self) -> Vec<String> {
        let dims = |k| (1..=self.dim()).map(move |j| format!("means.{k}.{j}"));
        (1..=self.n_components()).flat_map(dims).collect()
    }

    fn draw(&self, rng: &mut Stream) -> Vec<f64> {
        let moments = self.means.as_slice().iter().zip(self.variances.as_slice());
        moments
            .map(|(m, s2)| m + s2.sqrt() * standard_normal(rng))
            .collect()
    }
}
