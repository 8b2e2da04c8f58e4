//! Which inputs a fit with one precision per input switches off.

use elbo_dist::{Gamma, Moments};
use elbo_math::arrays::{Array, Arrays};
use elbo_math::special::normal_cdf;

use super::coding::Coding;
use super::noise::gamma;
use super::weights::Weights;
use crate::ModelError;
use crate::posterior::expect_array;

/// What `q` says about one input.
#[derive(Debug, Clone, PartialEq)]
pub struct Relevance {
    /// The input's column name.
    pub name: String,
    /// Whether the input is on: `q` is sure enough of the sign of (one of) its weights.
    pub on: bool,
    /// `E[α]`, on the standardised scale: large when off.
    pub precision: f64,
    /// The number of its weights that the data, not the prior, determine: `Σ_d (1 − E[α] V_dd)`.
    pub determined: f64,
    /// The largest probability under `q` that one of its weights has the sign of its mean.
    pub sign_certainty: f64,
}

/// One entry per input; the precisions are those of the inputs.
pub(crate) fn relevance(
    coding: &Coding,
    weights: &Weights,
    precisions: &[Gamma],
    sign_certainty: f64,
) -> Vec<Relevance> {
    let names = coding.input_names().into_iter().zip(precisions);
    let mut inputs: Vec<Relevance> = names
        .map(|(name, alpha)| Relevance {
            name,
            on: false,
            precision: alpha.mean(),
            determined: 0.0,
            sign_certainty: 0.5,
        })
        .collect();
    for (d, input) in coding.input_of_weight().into_iter().enumerate() {
        let Some(input) = input.map(|g| &mut inputs[g]) else {
            continue;
        };
        let (mean, variance) = (weights.mean[d], weights.variances[d]);
        let certainty = normal_cdf(mean.abs() / variance.sqrt());
        input.determined += 1.0 - input.precision * variance;
        input.sign_certainty = input.sign_certainty.max(certainty);
        input.on = input.sign_certainty >= sign_certainty;
    }
    inputs
}

/// Adds gamma factors to a fit's arrays, `(n_groups, 2)`: shape and rate.
pub(crate) fn store_precisions(arrays: &mut Arrays, factors: &[Gamma]) {
    let values = factors.iter().flat_map(|q| [q.shape(), q.rate()]).collect();
    let array = Array::f64(&[factors.len(), 2], values);
    arrays.insert("precisions".to_string(), array);
}

/// The inverse of [`store_precisions`].
pub(crate) fn load_precisions(arrays: &Arrays, n_groups: usize) -> Result<Vec<Gamma>, ModelError> {
    let values = expect_array(arrays, "precisions", &[n_groups, 2])?.to_f64();
    values.chunks(2).map(|v| gamma(v[0], v[1])).collect()
}

/// Refuses a certainty that no sign can have, or every sign has.
pub(crate) fn check_certainty(value: f64) -> Result<(), ModelError> {
    if value > 0.5 && value < 1.0 {
        return Ok(());
    }
    Err(ModelError::setting(
        "sign_certainty",
        value,
        "give a probability between 0.5 and 1, such as 0.99",
    ))
}
