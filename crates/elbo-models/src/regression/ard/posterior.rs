//! The fitted factors, and which inputs they switch off.

use elbo_dist::{Gamma, Moments};
use elbo_math::arrays::{Array, Arrays};
use elbo_math::random::Stream;
use elbo_math::special::normal_cdf;

use crate::posterior::expect_array;
use crate::regression::coding::Coding;
use crate::regression::noise::{Noise, gamma};
use crate::regression::scale::{Coefficient, Scale};
use crate::regression::weights::Weights;
use crate::{ModelError, Posterior};

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

/// `q(w, α, τ)` of a regression with relevance determination.
#[derive(Debug, Clone, PartialEq)]
pub struct ArdPosterior {
    pub(super) scale: Scale,
    pub(super) weights: Weights,
    precisions: Vec<Gamma>,
    pub(super) noise: Noise,
    sign_certainty: f64,
}

impl ArdPosterior {
    pub(super) fn new(
        scale: Scale,
        weights: Weights,
        precisions: Vec<Gamma>,
        noise: Noise,
        sign_certainty: f64,
    ) -> Self {
        Self {
            scale,
            weights,
            precisions,
            noise,
            sign_certainty,
        }
    }

    /// How columns were coded.
    pub fn coding(&self) -> &Coding {
        &self.scale.coding
    }

    /// The intercept and the coefficients, with posterior means and standard deviations, on the
    /// user's scale.
    pub fn coefficients(&self) -> Vec<Coefficient> {
        self.scale.coefficients(&self.weights, 1.0)
    }

    /// The posterior mean of the noise's standard deviation, on the user's scale.
    pub fn noise_sd(&self) -> f64 {
        self.scale.unit * self.noise.expected_sd()
    }

    /// Every input, in the table's order.
    pub fn relevance(&self) -> Vec<Relevance> {
        relevance(
            &self.scale.coding,
            &self.weights,
            &self.precisions,
            self.sign_certainty,
        )
    }

    /// Names of the inputs that are off: `q` gives the sign of each of their weights less than
    /// [`ArdConfig::sign_certainty`](super::ArdConfig::sign_certainty). They stay in `q`.
    pub fn off(&self) -> Vec<String> {
        let off = self.relevance().into_iter().filter(|r| !r.on);
        off.map(|r| r.name).collect()
    }
}

/// One entry per input; the precisions are those of the inputs.
pub(in crate::regression) fn relevance(
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

impl Posterior for ArdPosterior {
    fn to_arrays(&self) -> Arrays {
        let mut arrays = Arrays::new();
        self.scale.store(&mut arrays);
        self.weights.store(&mut arrays);
        self.noise.store(&mut arrays);
        store_precisions(&mut arrays, &self.precisions);
        let certainty = Array::scalar(self.sign_certainty);
        arrays.insert("sign_certainty".to_string(), certainty);
        arrays
    }

    fn from_arrays(arrays: &Arrays) -> Result<Self, ModelError> {
        let scale = Scale::load(arrays)?;
        Ok(Self {
            weights: Weights::load(arrays, scale.coding.n_weights())?,
            precisions: load_precisions(arrays, scale.coding.inputs.len())?,
            noise: Noise::load(arrays)?,
            sign_certainty: expect_array(arrays, "sign_certainty", &[])?.to_f64()[0],
            scale,
        })
    }

    /// `intercept`, `weights.1` … in the order of [`Coding::column_names`], `sigma` if learnt, on
    /// the user's scale; `alpha.1` … per input on the standardised one.
    fn draw_names(&self) -> Vec<String> {
        let mut names = self.scale.draw_names();
        if self.noise.is_learnt() {
            names.push("sigma".to_string());
        }
        names.extend((1..=self.precisions.len()).map(|g| format!("alpha.{g}")));
        names
    }

    fn draw(&self, rng: &mut Stream) -> Vec<f64> {
        let centered = self.weights.draw_centered(rng);
        let pairs = self.weights.mean.iter().zip(&centered);
        let w: Vec<f64> = pairs.map(|(m, c)| m + c).collect();
        let mut draw = self.scale.to_user(&w);
        if self.noise.is_learnt() {
            draw.push(self.scale.unit / self.noise.draw(rng).sqrt());
        }
        draw.extend(self.precisions.iter().map(|q| {
            use elbo_dist::Distribution;
            q.sample(rng)
        }));
        draw
    }
}

/// Adds gamma factors to a fit's arrays, `(n_groups, 2)`: shape and rate.
pub(in crate::regression) fn store_precisions(arrays: &mut Arrays, factors: &[Gamma]) {
    let values = factors.iter().flat_map(|q| [q.shape(), q.rate()]).collect();
    let array = Array::f64(&[factors.len(), 2], values);
    arrays.insert("precisions".to_string(), array);
}

/// The inverse of [`store_precisions`].
pub(in crate::regression) fn load_precisions(
    arrays: &Arrays,
    n_groups: usize,
) -> Result<Vec<Gamma>, ModelError> {
    let values = expect_array(arrays, "precisions", &[n_groups, 2])?.to_f64();
    values.chunks(2).map(|v| gamma(v[0], v[1])).collect()
}
