//! Bayesian linear regression with a conjugate prior: `q` is the exact posterior.
//!
//! The one idea: the family contains the posterior, so the ELBO *is* the log evidence, and the one
//! remaining choice, how strongly weights are pulled to 0, is made by maximising it.
//!
//! On the standardised scale, with `w₀` the intercept and `λ` relative to the noise precision τ:
//!
//! ```text
//! τ ~ Gamma(c₀, d₀), or known     w_d | τ ~ N(0, 1/(λτ))     w₀ | τ ~ N(0, intercept_sd²/τ)
//! y_n | w, τ ~ N(x_n w, 1/τ)
//! ```

mod model;
mod posterior;
mod predict;
mod prior;
#[cfg(test)]
mod tests;

pub use model::LinearModel;
pub use posterior::LinearPosterior;
pub(super) use prior::check_intercept_sd;
pub use prior::{LinearConfig, PriorPrecision};

use super::design::Design;
use super::method::{Method, run};
use super::rows::Rows;
use crate::driver::{Heldout, Observer};
use crate::{Fit, ModelError};

/// Fits a target to a design.
///
/// `seed` matters to [`Method::Stochastic`] alone.
///
/// # Errors
/// Wrong settings, an unusable target, or a numerical failure.
pub fn fit(
    design: &Design,
    y: &[f64],
    config: &LinearConfig,
    seed: u64,
    observer: &mut Observer<'_>,
) -> Result<Fit<LinearPosterior>, ModelError> {
    let target = design.target(y)?;
    let rows = Rows {
        x: design.x.clone(),
        y: target.values,
        weights: design.weights.clone(),
    };
    let stochastic = matches!(config.method, Method::Stochastic { .. });
    let scale = super::scale::Scale {
        coding: design.coding().clone(),
        center: target.center,
        unit: target.scale,
    };
    let mut model = LinearModel::new(&rows, scale, config, stochastic)?;
    let density = config.heldout.as_ref().map(|rows| {
        move |model: &LinearModel| {
            let densities = model.posterior(f64::NAN).log_predictive_density(rows)?;
            Ok(rows.weighted_mean(&densities))
        }
    });
    let density = density.as_ref().map(|f| f as &Heldout<'_, _>);
    let outcome = run(&mut model, &rows, &config.method, seed, density, observer)?;
    Ok(Fit {
        posterior: model.posterior(outcome.elbo),
        outcome,
    })
}
