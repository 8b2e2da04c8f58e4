//! The fitted factors, and which inputs they switch off.

use elbo_dist::{Distribution, Gamma};
use elbo_math::arrays::{Array, Arrays};
use elbo_math::random::Stream;

use crate::posterior::expect_array;
use crate::regression::coding::Coding;
use crate::regression::noise::{Noise, gamma};
use crate::regression::relevance::{Relevance, load_precisions, relevance, store_precisions};
use crate::regression::scale::{Coefficient, Scale};
use crate::regression::weights::Weights;
use crate::{ModelError, Posterior};

/// `q(w, α, τ)` of a regression with relevance determination.
#[derive(Debug, Clone, PartialEq)]
pub struct ArdPosterior {
    pub(super) scale: Scale,
    pub(super) weights: Weights,
    prior: Gamma,
    pub(super) precisions: Vec<Gamma>,
    pub(super) noise: Noise,
    sign_certainty: f64,
}

impl ArdPosterior {
    pub(super) fn new(
        scale: Scale,
        weights: Weights,
        prior: Gamma,
        precisions: Vec<Gamma>,
        noise: Noise,
        sign_certainty: f64,
    ) -> Self {
        Self {
            scale,
            weights,
            prior,
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

    /// Shape and rate of the precisions' gamma prior, on the standardised scale.
    pub fn precision_prior(&self) -> (f64, f64) {
        (self.prior.shape(), self.prior.rate())
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

impl Posterior for ArdPosterior {
    fn to_arrays(&self) -> Arrays {
        let mut arrays = Arrays::new();
        self.scale.store(&mut arrays);
        self.weights.store(&mut arrays);
        self.noise.store(&mut arrays);
        store_precisions(&mut arrays, &self.precisions);
        let prior = vec![self.prior.shape(), self.prior.rate()];
        arrays.insert("precision_prior".to_string(), Array::f64(&[2], prior));
        let certainty = Array::scalar(self.sign_certainty);
        arrays.insert("sign_certainty".to_string(), certainty);
        arrays
    }

    fn from_arrays(arrays: &Arrays) -> Result<Self, ModelError> {
        let scale = Scale::load(arrays)?;
        let prior = expect_array(arrays, "precision_prior", &[2])?.to_f64();
        Ok(Self {
            prior: gamma(prior[0], prior[1])?,
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
        draw.extend(self.precisions.iter().map(|q| q.sample(rng)));
        draw
    }
}
