//! Logistic regression with the Jaakkola–Jordan bound: known, learnt or relevance-determining
//! precisions.
//!
//! The one idea: `log σ` is bounded below by a quadratic with one parameter `ξ_n` per row, which
//! turns every iteration into a weighted least-squares problem. On the standardised inputs:
//!
//! ```text
//! w_d ~ N(0, 1/α_d)    w₀ ~ N(0, intercept_sd²)    y_n | w ~ Bernoulli(σ(x_n w))
//! log σ(η) − η/2 ≥ log σ(ξ) − ξ/2 − λ(ξ)(η² − ξ²)      λ(ξ) = tanh(ξ/2) / (4ξ)
//! ```
//!
//! The quadratic makes the quantity that ascends a bound *on the ELBO*. The trace holds that bound;
//! the reported [`Outcome::elbo`](crate::Outcome::elbo) is the true ELBO of the final `q`, whose
//! expectations `E_q[log σ]` are one-dimensional integrals, so that it can be compared with other
//! methods. It is never below the last entry of the trace.
//!
//! # References
//! `[@jaakkola2000bayesian]`; `[@bishop2006prml, sec. 10.6]`.

mod expectation;
mod model;
mod posterior;
mod predict;
mod prior;
#[cfg(test)]
mod tests;

pub use model::LogisticModel;
pub use posterior::LogisticPosterior;
pub use predict::ProbabilityPrediction;
pub use prior::{LogisticConfig, WeightPrior};

use super::design::Design;
use super::method::{Method, run};
use super::precision::Jump;
use super::rows::Rows;
use super::scale::Scale;
use crate::driver::{Heldout, Observer, best_of};
use crate::{Fit, ModelError};

/// Fits a target of zeros and ones to a design.
///
/// The observer and the trace see the Jaakkola–Jordan bound; the outcome's `elbo` is the true ELBO.
/// `seed` matters to [`Method::Stochastic`] alone.
///
/// # Errors
/// Wrong settings, a target with other values than 0 and 1 or with only one of them, or a numerical
/// failure.
pub fn fit(
    design: &Design,
    y: &[f64],
    config: &LogisticConfig,
    seed: u64,
    observer: &mut Observer<'_>,
) -> Result<Fit<LogisticPosterior>, ModelError> {
    design.check_target(y)?;
    check_classes(y)?;
    let rows = Rows {
        x: design.x.clone(),
        y: y.to_vec(),
        weights: design.weights.clone(),
    };
    let scale = Scale {
        coding: design.coding().clone(),
        center: 0.0,
        unit: 1.0,
    };
    let stochastic = matches!(config.method, Method::Stochastic { .. });
    let start = LogisticModel::new(&rows, scale, config, stochastic)?;
    let relevance = matches!(config.prior, WeightPrior::Relevance { .. });
    let tries = Jump::tries(relevance && !stochastic && rows.len() < rows.x.cols());
    let density = config.heldout.as_ref().map(|rows| {
        move |model: &LogisticModel| {
            let densities = model
                .posterior(config, f64::NAN, f64::NAN)
                .log_predictive_density(rows)?;
            Ok(rows.weighted_mean(&densities))
        }
    });
    let density = density.as_ref().map(|f| f as &Heldout<'_, _>);
    let (model, mut outcome) = best_of(tries.len(), |i| {
        let mut model = start.clone().jumping(tries[i]);
        let outcome = run(&mut model, &rows, &config.method, seed, density, observer)?;
        Ok((model, outcome))
    })?;
    let bound = outcome.elbo;
    outcome.elbo = model.elbo(&rows);
    outcome.elbo_error = 0.0;
    Ok(Fit {
        posterior: model.posterior(config, outcome.elbo, bound),
        outcome,
    })
}

fn check_classes(y: &[f64]) -> Result<(), ModelError> {
    if let Some(row) = y.iter().position(|v| *v != 0.0 && *v != 1.0) {
        return Err(ModelError::data(format!(
            "row {}, column 'target': {} is neither 0 nor 1; code the two classes so",
            row + 1,
            y[row]
        )));
    }
    if y.iter().all(|v| *v == y[0]) {
        return Err(ModelError::data(format!(
            "the target is {} in every row: there is nothing to tell apart",
            y[0]
        )));
    }
    Ok(())
}
