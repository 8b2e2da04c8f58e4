//! Mixtures of Gaussians with Dirichlet weights and conjugate components.
//!
//! `π ~ Dir(α₀)`, `z_n ~ Cat(π)`, `μ_k | Λ_k ~ N(m₀, (β₀ Λ_k)⁻¹)`, `x_n | z_n = k ~ N(μ_k, Λ_k⁻¹)`,
//! with `Λ_k` full (Wishart), diagonal, spherical (gammas) or shared by all components, and
//! `q(z) q(π) Π_k q(μ_k, Λ_k)`. Entries may be missing and rows may have weights. Components that
//! the data do not need stay empty, so `K` is an upper limit.
//!
//! Missing entries are marginalised. With diagonal and spherical covariances that is exact: every
//! column of a component counts its own observations. With full and tied ones the marginal is not
//! conjugate, and missing entries are further unknowns, independent of `(π, μ, Λ)` under `q`: the means
//! are right, but in a column with many gaps their standard deviations are too small, roughly by the
//! root of the part that is there, and covariances are too certain in the same way.
//!
//! Files: settings (`config`), rows (`data`), `prior`, the precision matrices' distributions
//! (`precision`), `statistics`, components as rows see them (`view`), the hot loops (`kernel`), one
//! pass over rows (`sweep`), `init`, `model`, `posterior`, `predict`. Deliberately absent: Dirichlet
//! processes, and known variances ([`mixture_of_means`](crate::mixture_of_means)).
//!
//! # References
//! `[@bishop2006prml, sec. 10.2]`.

mod config;
mod data;
pub(crate) mod init;
mod kernel;
mod model;
mod posterior;
pub(crate) mod precision;
mod predict;
mod prior;
pub(crate) mod statistics;
pub(crate) mod sweep;
pub(crate) mod view;

#[cfg(test)]
mod tests;

pub use config::{Covariance, GmmConfig, Start};
pub use data::GmmData;
pub use model::GmmModel;
pub use posterior::GmmPosterior;
pub use prior::{DataSummary, GmmPrior};
pub use statistics::GmmStatistics;

use crate::driver::{
    Heldout, Observer, Shuffled, StochasticConfig, Whole, best_of, coordinate_ascent, stochastic,
};
use crate::posterior::Fit;
use crate::{ConjugateModel, ModelError};

/// Fits a mixture to rows in memory by coordinate ascent.
///
/// # Errors
/// Wrong settings, more components than rows, or a numerical failure.
pub fn fit(
    data: &GmmData,
    config: &GmmConfig,
    seed: u64,
    observer: &mut Observer<'_>,
) -> Result<Fit<GmmPosterior>, ModelError> {
    let prior = prior(data, config)?;
    let n_restarts = match config.start {
        Start::KMeans | Start::Random => config.n_restarts,
        Start::Responsibilities(_) | Start::Posterior(_) => config.n_restarts.min(1),
    };
    let (model, outcome) = best_of(n_restarts, |restart| {
        let mut model = GmmModel::start(
            prior.clone(),
            data,
            data.len(),
            &config.start,
            seed,
            restart,
        )?;
        let mut source = Whole::new(data, GmmModel::batch_len(data));
        let outcome = coordinate_ascent(&mut model, &mut source, &config.ascent, observer)?;
        Ok((model, outcome))
    })?;
    Ok(Fit {
        posterior: model.into_posterior(),
        outcome,
    })
}

/// Fits a mixture by natural-gradient steps on mini-batches of `batch_size` rows, until the predictive
/// density of `heldout` rows, or without any the ELBO, no longer rises.
///
/// # Errors
/// As [`fit`].
pub fn fit_stochastic(
    data: &GmmData,
    heldout: Option<&GmmData>,
    config: &GmmConfig,
    batch_size: usize,
    steps: &StochasticConfig,
    seed: u64,
    observer: &mut Observer<'_>,
) -> Result<Fit<GmmPosterior>, ModelError> {
    let prior = prior(data, config)?;
    let mut model = GmmModel::start(prior, data, data.len(), &config.start, seed, 0)?;
    let mut source = Shuffled::new(data, batch_size, seed)?;
    let density = heldout.map(|rows| {
        move |model: &GmmModel| {
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

fn prior(data: &GmmData, config: &GmmConfig) -> Result<GmmPrior, ModelError> {
    if config.n_components > data.len() {
        return Err(ModelError::setting(
            "n_components",
            config.n_components,
            format!("there are only {} rows; give at most that many", data.len()),
        ));
    }
    GmmPrior::new(config, &DataSummary::new(data)?)
}
