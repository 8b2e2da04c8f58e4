//! Linear regression with automatic relevance determination.
//!
//! The one idea: every input has its own prior precision, learnt like everything else; inputs that
//! the data do not want get a large one and their weights vanish. They are reported as off, and
//! stay in `q`.
//!
//! On the standardised scale:
//!
//! ```text
//! α_g ~ Gamma(a₀, b₀)        w_d | α ~ N(0, 1/α_g(d))        w₀ ~ N(0, intercept_sd²)
//! τ ~ Gamma(c₀, d₀), or known                                y_n | w, τ ~ N(x_n w, 1/τ)
//! q(w, α, τ) = N(w | m, V) Π_g Gamma(α_g | a_g, b_g) Gamma(τ | c, d)
//! ```
//!
//! The ELBO has several optima: inputs that stand in for each other may be on one in place of the
//! other, and a weak input may be off at one and on at another. Coordinate ascent from all inputs on
//! finds a good one, not always the best.
//!
//! # References
//! `[@bishop2000variational]` for the model and its updates.

mod model;
mod posterior;
mod predict;
mod prior;
#[cfg(test)]
mod tests;

pub use model::ArdModel;
pub use posterior::ArdPosterior;
pub use prior::ArdConfig;

use super::design::Design;
use super::method::{Method, run};
use super::precision::Jump;
use super::rows::Rows;
use super::scale::Scale;
use crate::driver::{Heldout, Observer, best_of};
use crate::{Fit, ModelError};

/// Fits a target to a design.
///
/// `seed` matters to [`Method::Stochastic`] alone. With more weights than rows coordinate ascent runs
/// twice, by short and by long steps of the precisions, and the higher ELBO is kept.
///
/// # Errors
/// Wrong settings, an unusable target, or a numerical failure.
pub fn fit(
    design: &Design,
    y: &[f64],
    config: &ArdConfig,
    seed: u64,
    observer: &mut Observer<'_>,
) -> Result<Fit<ArdPosterior>, ModelError> {
    let target = design.target(y)?;
    let rows = Rows {
        x: design.x.clone(),
        y: target.values,
        weights: design.weights.clone(),
    };
    let scale = Scale {
        coding: design.coding().clone(),
        center: target.center,
        unit: target.scale,
    };
    let stochastic = matches!(config.method, Method::Stochastic { .. });
    let start = ArdModel::new(&rows, scale, config, stochastic)?;
    let tries = Jump::tries(!stochastic && rows.len() < rows.x.cols());
    let density = config.heldout.as_ref().map(|rows| {
        move |model: &ArdModel| {
            let densities = model.posterior(config).log_predictive_density(rows)?;
            Ok(rows.weighted_mean(&densities))
        }
    });
    let density = density.as_ref().map(|f| f as &Heldout<'_, _>);
    let (model, outcome) = best_of(tries.len(), |i| {
        let mut model = start.clone().jumping(tries[i]);
        let outcome = run(&mut model, &rows, &config.method, seed, density, observer)?;
        Ok((model, outcome))
    })?;
    Ok(Fit {
        posterior: model.posterior(config),
        outcome,
    })
}
