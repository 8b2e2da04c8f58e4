//! Settings of the factor model.

use super::noise::NoiseShape;
use super::posterior::FactorPosterior;
use super::prior::PriorShape;
use crate::ModelError;
use crate::driver::CoordinateAscentConfig;

/// The covariance of every row's `q`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RowCovariance {
    /// `(rank + 1) × (rank + 1)`.
    #[default]
    Full,
    /// Independent numbers: cheaper to keep, overconfident.
    Diagonal,
}

/// The precision in which moments of rows are stored; sums are in double precision always.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// Double while the items' moments are small, single beyond.
    #[default]
    Auto,
    /// Half the memory and the memory traffic.
    Single,
    /// Rounding below 1e-12 of the ELBO.
    Double,
}

/// Settings of the factor model.
#[derive(Debug, Clone, PartialEq)]
pub struct FactorConfig {
    /// The number of factors; 0 keeps the biases alone.
    pub rank: usize,
    /// The covariance of every row's `q`.
    pub covariance: RowCovariance,
    /// The covariance of the rows' priors.
    pub prior: PriorShape,
    /// Whether users differ in noise.
    pub noise: NoiseShape,
    /// Storage of moments.
    pub precision: Precision,
    /// Prior standard deviation of `μ`, whose prior mean is 0.
    pub mu_sd: f64,
    /// Standard deviation of the items' random initial factors, relative to the initial prior's.
    pub init_scale: f64,
    /// Passes with the biases alone before factors are added: a start at a good place.
    pub bias_passes: usize,
    /// Whether the fit keeps the users' `q`; without, users are folded in from their ratings.
    pub keep_users: bool,
    /// An earlier fit to go on from: its `q` of items and `μ`, and its hyperparameters. Items beyond
    /// those that it has start at its prior.
    pub warm_start: Option<Box<FactorPosterior>>,
    /// When to stop.
    pub ascent: CoordinateAscentConfig,
}

impl Default for FactorConfig {
    fn default() -> Self {
        Self {
            rank: 10,
            covariance: RowCovariance::Full,
            prior: PriorShape::Full,
            noise: NoiseShape::PerUser,
            precision: Precision::Auto,
            mu_sd: 100.0,
            init_scale: 1.0,
            bias_passes: 10,
            keep_users: true,
            warm_start: None,
            ascent: CoordinateAscentConfig {
                max_iters: 200,
                rel_tol: 1e-5,
                learn_hyperparameters: true,
            },
        }
    }
}

/// The largest rank: beyond, a row's moments alone take a megabyte.
const MAX_RANK: usize = 512;

impl FactorConfig {
    /// Checks every setting.
    ///
    /// # Errors
    /// [`ModelError::Setting`] with the first that is out of its range.
    pub fn check(&self) -> Result<(), ModelError> {
        if self.rank > MAX_RANK {
            return Err(ModelError::setting(
                "rank",
                self.rank,
                format!("give at most {MAX_RANK}"),
            ));
        }
        if let Some(earlier) = &self.warm_start {
            let diagonal = self.covariance == RowCovariance::Diagonal;
            if earlier.rank() != self.rank || earlier.diagonal != diagonal {
                return Err(ModelError::setting(
                    "rank",
                    self.rank,
                    format!(
                        "the earlier fit has rank {} and {} covariances; give the same",
                        earlier.rank(),
                        if earlier.diagonal { "diagonal" } else { "full" },
                    ),
                ));
            }
        }
        for (name, value) in [("mu_sd", self.mu_sd), ("init_scale", self.init_scale)] {
            if !(value > 0.0 && value.is_finite()) {
                return Err(ModelError::setting(name, value, "give a positive number"));
            }
        }
        Ok(())
    }
}
