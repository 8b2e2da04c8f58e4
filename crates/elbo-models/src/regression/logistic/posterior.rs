//! The fitted factors.

use elbo_dist::{Distribution, Gamma};
use elbo_math::arrays::{Array, Arrays};
use elbo_math::random::Stream;

use crate::posterior::expect_array;
use crate::regression::coding::Coding;
use crate::regression::relevance::{Relevance, load_precisions, relevance, store_precisions};
use crate::regression::scale::{Coefficient, Scale};
use crate::regression::weights::Weights;
use crate::{ModelError, Posterior};

/// `q(w, α)` of a logistic regression.
#[derive(Debug, Clone, PartialEq)]
pub struct LogisticPosterior {
    pub(super) scale: Scale,
    pub(super) weights: Weights,
    /// None when known, one when shared, one per input with relevance determination.
    pub(super) precisions: Vec<Gamma>,
    pub(super) determines_relevance: bool,
    pub(super) sign_certainty: f64,
    pub(super) elbo: f64,
    pub(super) bound: f64,
}

impl LogisticPosterior {
    /// How columns were coded.
    pub fn coding(&self) -> &Coding {
        &self.scale.coding
    }

    /// The intercept and the coefficients in log odds, on the user's scale of the inputs.
    pub fn coefficients(&self) -> Vec<Coefficient> {
        self.scale.coefficients(&self.weights, 1.0)
    }

    /// Every input, in the table's order; empty unless each has its own precision.
    pub fn relevance(&self) -> Vec<Relevance> {
        if !self.determines_relevance {
            return Vec::new();
        }
        relevance(
            &self.scale.coding,
            &self.weights,
            &self.precisions,
            self.sign_certainty,
        )
    }

    /// Names of the inputs that are off; see [`LogisticConfig::sign_certainty`].
    ///
    /// [`LogisticConfig::sign_certainty`]: super::LogisticConfig::sign_certainty
    pub fn off(&self) -> Vec<String> {
        let off = self.relevance().into_iter().filter(|r| !r.on);
        off.map(|r| r.name).collect()
    }

    /// The ELBO in nats.
    pub fn elbo(&self) -> f64 {
        self.elbo
    }

    /// The Jaakkola–Jordan bound on the ELBO that the fit raised.
    pub fn jaakkola_jordan_bound(&self) -> f64 {
        self.bound
    }
}

impl Posterior for LogisticPosterior {
    fn to_arrays(&self) -> Arrays {
        let mut arrays = Arrays::new();
        self.scale.store(&mut arrays);
        self.weights.store(&mut arrays);
        store_precisions(&mut arrays, &self.precisions);
        let flag = f64::from(u8::from(self.determines_relevance));
        let scalars = vec![flag, self.sign_certainty, self.elbo, self.bound];
        arrays.insert("logistic".to_string(), Array::f64(&[4], scalars));
        arrays
    }

    fn from_arrays(arrays: &Arrays) -> Result<Self, ModelError> {
        let scale = Scale::load(arrays)?;
        let n_groups = arrays
            .get("precisions")
            .map_or(0, |a| a.shape().first().copied().unwrap_or(0));
        let scalars = expect_array(arrays, "logistic", &[4])?.to_f64();
        let determines_relevance = scalars[0] != 0.0;
        if determines_relevance && n_groups != scale.coding.inputs.len() {
            return Err(ModelError::data(
                "the fit has not one precision per input; it is damaged",
            ));
        }
        Ok(Self {
            weights: Weights::load(arrays, scale.coding.n_weights())?,
            precisions: load_precisions(arrays, n_groups)?,
            determines_relevance,
            sign_certainty: scalars[1],
            elbo: scalars[2],
            bound: scalars[3],
            scale,
        })
    }

    /// `intercept`, `weights.1` … in the order of [`Coding::column_names`], in log odds on the
    /// user's scale of the inputs; `alpha.1` … on the standardised one, where learnt.
    fn draw_names(&self) -> Vec<String> {
        let mut names = self.scale.draw_names();
        names.extend((1..=self.precisions.len()).map(|g| format!("alpha.{g}")));
        names
    }

    fn draw(&self, rng: &mut Stream) -> Vec<f64> {
        let centered = self.weights.draw_centered(rng);
        let pairs = self.weights.mean.iter().zip(&centered);
        let w: Vec<f64> = pairs.map(|(m, c)| m + c).collect();
        let mut draw = self.scale.to_user(&w);
        draw.extend(self.precisions.iter().map(|q| q.sample(rng)));
        draw
    }
}
