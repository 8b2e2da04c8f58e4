//! Between the standardised scale of the fit and the scale of the user's table.

use elbo_math::arrays::{Array, Arrays};
use elbo_math::linalg::{Matrix, dot};

use super::coding::Coding;
use super::weights::Weights;
use crate::ModelError;
use crate::posterior::expect_array;

/// A coefficient on the user's scale.
#[derive(Debug, Clone, PartialEq)]
pub struct Coefficient {
    /// `intercept`, the column's name, or `column[level]`.
    pub name: String,
    /// Posterior mean.
    pub mean: f64,
    /// Posterior standard deviation.
    pub sd: f64,
}

/// The coding of the inputs, and `y = center + unit · ỹ`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scale {
    pub(crate) coding: Coding,
    pub(crate) center: f64,
    pub(crate) unit: f64,
}

impl Scale {
    /// Coefficients of `q(w)`, whose covariance is `spread · V`.
    pub(crate) fn coefficients(&self, weights: &Weights, spread: f64) -> Vec<Coefficient> {
        let means = self.to_user(&weights.mean);
        let mut sds: Vec<f64> = weights
            .variances
            .iter()
            .zip(self.factors())
            .map(|(v, f)| f * (spread * v).sqrt())
            .collect();
        if self.coding.intercept {
            let row = self.intercept_row();
            sds[0] = self.unit * (spread * dot(&row, &weights.covariance_times(&row))).sqrt();
        }
        let named = self.names().into_iter().zip(means).zip(sds);
        named
            .map(|((name, mean), sd)| Coefficient { name, mean, sd })
            .collect()
    }

    /// `intercept`, then the coded columns.
    pub(crate) fn names(&self) -> Vec<String> {
        let intercept = self.coding.intercept.then(|| "intercept".to_string());
        intercept
            .into_iter()
            .chain(self.coding.column_names())
            .collect()
    }

    /// `intercept`, `weights.1`, `weights.2`, …
    pub(crate) fn draw_names(&self) -> Vec<String> {
        let intercept = self.coding.intercept.then(|| "intercept".to_string());
        let weights = (1..=self.coding.center.len()).map(|d| format!("weights.{d}"));
        intercept.into_iter().chain(weights).collect()
    }

    /// Standardised weights to coefficients.
    pub(crate) fn to_user(&self, w: &[f64]) -> Vec<f64> {
        let mut beta: Vec<f64> = w.iter().zip(self.factors()).map(|(w, f)| w * f).collect();
        if self.coding.intercept {
            beta[0] = self.center + self.unit * dot(&self.intercept_row(), w);
        }
        beta
    }

    fn factors(&self) -> impl Iterator<Item = f64> + '_ {
        let intercept = self.coding.intercept.then_some(self.unit);
        let columns = self.coding.scale.iter().map(|s| self.unit / s);
        intercept.into_iter().chain(columns)
    }

    /// The coded row of a table's row of zeros.
    fn intercept_row(&self) -> Vec<f64> {
        let columns = self.coding.center.iter().zip(&self.coding.scale);
        std::iter::once(1.0)
            .chain(columns.map(|(c, s)| -c / s))
            .collect()
    }

    /// Means and variances of the regression function at coded rows, on the user's scale, for a
    /// covariance `spread · V`.
    pub(crate) fn function(
        &self,
        weights: &Weights,
        spread: f64,
        x: &Matrix,
    ) -> (Vec<f64>, Vec<f64>) {
        let mean = x.matvec(&weights.mean);
        let variance = weights.quadratic_forms(x);
        let squared = self.unit * self.unit * spread;
        (
            mean.iter().map(|m| self.center + self.unit * m).collect(),
            variance.iter().map(|v| squared * v).collect(),
        )
    }

    pub(crate) fn store(&self, arrays: &mut Arrays) {
        self.coding.store(arrays);
        let target = Array::f64(&[2], vec![self.center, self.unit]);
        arrays.insert("coding.target".to_string(), target);
    }

    pub(crate) fn load(arrays: &Arrays) -> Result<Self, ModelError> {
        let target = expect_array(arrays, "coding.target", &[2])?.to_f64();
        Ok(Self {
            coding: Coding::load(arrays)?,
            center: target[0],
            unit: target[1],
        })
    }
}
