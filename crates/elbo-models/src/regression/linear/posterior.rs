//! The fitted normal–gamma.

use elbo_math::arrays::{Array, Arrays};
use elbo_math::random::Stream;

use crate::posterior::expect_array;
use crate::regression::coding::Coding;
use crate::regression::noise::Noise;
use crate::regression::predict::student_variance;
use crate::regression::scale::{Coefficient, Scale};
use crate::regression::weights::Weights;
use crate::{ModelError, Posterior};

/// The exact posterior of a linear regression.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearPosterior {
    pub(super) scale: Scale,
    pub(super) weights: Weights,
    pub(super) noise: Noise,
    pub(super) prior_precision: f64,
    pub(super) log_evidence: f64,
}

impl LinearPosterior {
    /// How columns were coded.
    pub fn coding(&self) -> &Coding {
        &self.scale.coding
    }

    /// The intercept and the coefficients, with posterior means and standard deviations, on the
    /// user's scale.
    pub fn coefficients(&self) -> Vec<Coefficient> {
        let inflation = student_variance(self.noise.degrees_of_freedom());
        self.scale
            .coefficients(&self.weights, inflation * self.spread())
    }

    /// The posterior mean of the noise's standard deviation, on the user's scale.
    pub fn noise_sd(&self) -> f64 {
        self.scale.unit * self.noise.expected_sd()
    }

    /// The weights' prior precision on the standardised scale: relative to the noise precision when
    /// the noise is learnt.
    pub fn prior_precision(&self) -> f64 {
        self.prior_precision
    }

    /// `log p(y)` under [`prior_precision`](Self::prior_precision), in nats; equal to the ELBO.
    pub fn log_evidence(&self) -> f64 {
        self.log_evidence
    }

    /// `1 / E[τ]`, which multiplies `V` to give the squared scale of the weights' marginals.
    pub(super) fn spread(&self) -> f64 {
        1.0 / self.noise.expected()
    }
}

impl Posterior for LinearPosterior {
    fn to_arrays(&self) -> Arrays {
        let mut arrays = Arrays::new();
        self.scale.store(&mut arrays);
        self.weights.store(&mut arrays);
        self.noise.store(&mut arrays);
        let mut scalar = |name: &str, value: f64| {
            arrays.insert(name.to_string(), Array::scalar(value));
        };
        scalar("prior_precision", self.prior_precision);
        scalar("log_evidence", self.log_evidence);
        arrays
    }

    fn from_arrays(arrays: &Arrays) -> Result<Self, ModelError> {
        let scale = Scale::load(arrays)?;
        let scalar = |name: &str| -> Result<f64, ModelError> {
            Ok(expect_array(arrays, name, &[])?.to_f64()[0])
        };
        Ok(Self {
            weights: Weights::load(arrays, scale.coding.n_weights())?,
            noise: Noise::load(arrays)?,
            prior_precision: scalar("prior_precision")?,
            log_evidence: scalar("log_evidence")?,
            scale,
        })
    }

    /// `intercept`, `weights.1` … in the order of [`Coding::column_names`], and `sigma` if learnt,
    /// on the user's scale.
    fn draw_names(&self) -> Vec<String> {
        let mut names = self.scale.draw_names();
        if self.noise.is_learnt() {
            names.push("sigma".to_string());
        }
        names
    }

    fn draw(&self, rng: &mut Stream) -> Vec<f64> {
        let sd = 1.0 / self.noise.draw(rng).sqrt();
        let centered = self.weights.draw_centered(rng);
        let pairs = self.weights.mean.iter().zip(&centered);
        let w: Vec<f64> = pairs.map(|(m, c)| m + sd * c).collect();
        let mut draw = self.scale.to_user(&w);
        if self.noise.is_learnt() {
            draw.push(self.scale.unit * sd);
        }
        draw
    }
}
