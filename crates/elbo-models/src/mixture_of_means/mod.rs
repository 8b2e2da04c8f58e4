//! The textbook mixture: known spread, unknown means.
//!
//! `z_n ~ Cat(π)`, `μ_k ~ N(m₀_k, τ² I)`, `x_n | z_n = k ~ N(μ_k, σ² I)`, with
//! `q(μ_kd) = N(m_kd, s_kd²)` and `q(z_n)` categorical. Missing entries are marginalised exactly; `π`
//! and `σ²` are given, or learnt as hyperparameters (VB-EM). It is the smallest model that has everything a conjugate model can have,
//! and the one to copy from; rows, kernels and starts are those of [`gmm`](crate::gmm). Deliberately
//! absent: unknown covariance matrices, which `gmm` has.
//!
//! # References
//! `[@blei2017variational, sec. 3]`.

mod model;
mod posterior;

#[cfg(test)]
mod tests;

pub use model::MixtureOfMeansModel;
pub use posterior::MixtureOfMeansPosterior;

use crate::driver::{
    CoordinateAscentConfig, Heldout, Observer, Shuffled, StochasticConfig, Whole, best_of,
    coordinate_ascent, stochastic,
};
use crate::gmm::{DataSummary, GmmConfig, GmmData, Start};
use crate::posterior::Fit;
use crate::{ConjugateModel, ModelError};

/// Settings; `None` means the documented default.
#[derive(Debug, Clone, PartialEq)]
pub struct MixtureOfMeansConfig {
    /// The number of components `K`.
    pub n_components: usize,
    /// `π`; uniform by default. Where the weights are learnt this is where they start.
    pub weights: Option<Vec<f64>>,
    /// Whether `π` is learnt.
    pub learn_weights: bool,
    /// `σ²`. Where it is learnt it starts at the spread within the start's clusters, or here if there
    /// is none.
    pub variance: f64,
    /// Whether `σ²` is learnt.
    pub learn_variance: bool,
    /// `m₀`: one mean for all components (D), or one each (K, D); zero by default.
    pub prior_means: Option<Vec<f64>>,
    /// `τ²`.
    pub prior_variance: f64,
    /// Where to start.
    pub start: Start<MixtureOfMeansPosterior>,
    /// The number of starts, of which the best is kept; starts that are given are used once.
    pub n_restarts: usize,
    /// When to stop.
    pub ascent: CoordinateAscentConfig,
}

impl MixtureOfMeansConfig {
    /// Uniform weights, `σ² = 1` and a vague `τ²` of 100, nothing learnt but the means.
    pub fn new(n_components: usize) -> Self {
        Self {
            n_components,
            weights: None,
            learn_weights: false,
            variance: 1.0,
            learn_variance: false,
            prior_means: None,
            prior_variance: 100.0,
            start: Start::KMeans,
            n_restarts: 1,
            ascent: GmmConfig::new(n_components).ascent,
        }
    }
}

/// Fits the mixture to rows in memory by coordinate ascent.
///
/// # Errors
/// Wrong settings, more components than rows, or a numerical failure.
pub fn fit(
    data: &GmmData,
    config: &MixtureOfMeansConfig,
    seed: u64,
    observer: &mut Observer<'_>,
) -> Result<Fit<MixtureOfMeansPosterior>, ModelError> {
    let summary = checked(data, config)?;
    let n_restarts = match config.start {
        Start::KMeans | Start::Random => config.n_restarts,
        Start::Responsibilities(_) | Start::Posterior(_) => config.n_restarts.min(1),
    };
    let (model, outcome) = best_of(n_restarts, |restart| {
        let mut model = MixtureOfMeansModel::start(config, data, summary.mean(), seed, restart)?;
        let mut source = Whole::new(data, MixtureOfMeansModel::batch_len(data));
        let outcome = coordinate_ascent(&mut model, &mut source, &config.ascent, observer)?;
        Ok((model, outcome))
    })?;
    Ok(Fit {
        posterior: model.into_posterior(),
        outcome,
    })
}

/// Fits the mixture by natural-gradient steps on mini-batches of `batch_size` rows, until the
/// predictive density of `heldout` rows, or without any the ELBO, no longer rises.
///
/// # Errors
/// As [`fit`].
pub fn fit_stochastic(
    data: &GmmData,
    heldout: Option<&GmmData>,
    config: &MixtureOfMeansConfig,
    batch_size: usize,
    steps: &StochasticConfig,
    seed: u64,
    observer: &mut Observer<'_>,
) -> Result<Fit<MixtureOfMeansPosterior>, ModelError> {
    let summary = checked(data, config)?;
    let mut model = MixtureOfMeansModel::start(config, data, summary.mean(), seed, 0)?;
    let mut source = Shuffled::new(data, batch_size, seed)?;
    let density = heldout.map(|rows| {
        move |model: &MixtureOfMeansModel| {
            let densities = model.posterior().log_predictive_density(rows)?;
            Ok(rows.weighted_mean(&densities))
        }
    });
    let density = density.as_ref().map(|f| f as &Heldout<'_, _>);
    let outcome = stochastic(&mut model, &mut source, steps, density, observer)?;
    Ok(Fit {
        posterior: model.into_posterior(),
        outcome,
    })
}

fn checked(data: &GmmData, config: &MixtureOfMeansConfig) -> Result<DataSummary, ModelError> {
    if config.n_components > data.len() {
        return Err(ModelError::setting(
            "n_components",
            config.n_components,
            format!("there are only {} rows; give at most that many", data.len()),
        ));
    }
    DataSummary::new(data)
}
