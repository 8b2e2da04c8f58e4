//! Independent discrete and Gaussian unknowns in one vector.
//!
//! A point holds the discrete unknowns first, each as the number of its category from 0, then the
//! continuous ones. `λ = (logits of each discrete unknown in turn, means, log scales)`. Deliberately
//! absent: dependence between unknowns.

use elbo_math::arrays::{Array, Arrays};
use elbo_math::log_space::softmax_in_place;
use elbo_math::random::{Stream, categorical, fill_standard_normal};
use elbo_math::special::LN_2PI;

use crate::{Approximation, Draws, ViError};

/// `Π_i Cat(z_i | p_i) Π_j N(θ_j | m_j, s_j²)`.
#[derive(Debug, Clone, PartialEq)]
pub struct MixedMeanField {
    n_categories: Vec<usize>,
    params: Vec<f64>,
    probabilities: Vec<Vec<f64>>,
    dimension: usize, // discrete and continuous
}

impl MixedMeanField {
    /// The family's name.
    pub const NAME: &'static str = "mixed_mean_field";

    /// From the numbers of categories and `λ`.
    ///
    /// # Errors
    /// [`ViError::ZeroDimension`] without unknowns; [`ViError::Parameters`] unless every discrete
    /// unknown has two categories or more, all numbers are finite and fill whole unknowns.
    pub fn new(n_categories: Vec<usize>, params: Vec<f64>) -> Result<Self, ViError> {
        let fault = |name, found, requirement| {
            Err(ViError::Parameters {
                family: Self::NAME,
                name,
                found,
                requirement,
            })
        };
        if let Some(n) = n_categories.iter().find(|n| **n < 2) {
            return fault("n_categories", n.to_string(), "at least 2");
        }
        let n_logits: usize = n_categories.iter().sum();
        if params.is_empty() {
            return Err(ViError::ZeroDimension);
        }
        if params.len() < n_logits || !(params.len() - n_logits).is_multiple_of(2) {
            let found = format!("of length {}", params.len());
            return fault("params", found, "logits, then as many means as log scales");
        }
        if let Some(v) = params.iter().find(|v| !v.is_finite()) {
            return fault("params", v.to_string(), "finite");
        }
        let n_continuous = (params.len() - n_logits) / 2;
        let logs = &params[n_logits + n_continuous..];
        if let Some(l) = logs.iter().find(|l| !(l.exp().is_normal())) {
            return fault("scale", l.exp().to_string(), "positive and finite");
        }
        let mut probabilities = Vec::with_capacity(n_categories.len());
        let mut first = 0;
        for n in &n_categories {
            let mut p = params[first..first + n].to_vec();
            softmax_in_place(&mut p);
            probabilities.push(p);
            first += n;
        }
        Ok(Self {
            dimension: n_categories.len() + n_continuous,
            n_categories,
            params,
            probabilities,
        })
    }

    /// From what [`arrays`](Approximation::arrays) gave.
    ///
    /// # Errors
    /// [`ViError::Parameters`] if an array is missing or unusable.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "counts that were saved as floats; what is no count is refused"
    )]
    pub fn from_arrays(arrays: &Arrays) -> Result<Self, ViError> {
        let find = |name: &'static str| {
            arrays
                .get(name)
                .map(Array::to_f64)
                .ok_or(ViError::Parameters {
                    family: Self::NAME,
                    name,
                    found: "missing".into(),
                    requirement: "among the saved arrays",
                })
        };
        let counts = find("n_categories")?;
        Self::new(
            counts.iter().map(|n| *n as usize).collect(),
            find("params")?,
        )
    }

    /// `λ`.
    pub fn params(&self) -> &[f64] {
        &self.params
    }

    /// The numbers of categories.
    pub fn n_categories(&self) -> &[usize] {
        &self.n_categories
    }

    /// The probabilities of each discrete unknown's categories.
    pub fn probabilities(&self) -> &[Vec<f64>] {
        &self.probabilities
    }

    /// The number of logits.
    pub fn n_logits(&self) -> usize {
        self.n_categories.iter().sum()
    }

    /// The number of continuous unknowns.
    pub fn n_continuous(&self) -> usize {
        self.dimension - self.n_categories.len()
    }

    /// The means of the continuous unknowns.
    pub fn means(&self) -> &[f64] {
        let first = self.n_logits();
        &self.params[first..first + self.n_continuous()]
    }

    /// The standard deviations of the continuous unknowns.
    pub fn scales(&self) -> Vec<f64> {
        let first = self.n_logits() + self.n_continuous();
        self.params[first..].iter().map(|l| l.exp()).collect()
    }

    /// One draw of the discrete unknowns.
    pub(super) fn draw_categories(&self, stream: &mut Stream) -> Vec<usize> {
        self.probabilities
            .iter()
            .map(|p| categorical(stream, p))
            .collect()
    }

    /// `log q` of the discrete unknowns alone.
    pub(super) fn log_probability(&self, categories: &[usize]) -> f64 {
        categories
            .iter()
            .zip(&self.probabilities)
            .map(|(c, p)| p.get(*c).map_or(f64::NEG_INFINITY, |p| p.ln()))
            .sum()
    }

    /// The category in a coordinate of a point, if it is one.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to be a whole number that is not negative"
    )]
    fn category(value: f64) -> Option<usize> {
        (value >= 0.0 && value.fract() == 0.0).then_some(value as usize)
    }
}

impl Approximation for MixedMeanField {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn dimension(&self) -> usize {
        self.dimension
    }

    fn sample(&self, n_draws: usize, stream: &mut Stream) -> (Draws, Vec<f64>) {
        let mut points = Draws::zeros(self.dimension, n_draws);
        let scales = self.scales();
        let mut noise = vec![0.0; scales.len()];
        for s in 0..n_draws {
            let mut point: Vec<f64> = self
                .draw_categories(stream)
                .into_iter()
                .map(|c| c as f64)
                .collect();
            fill_standard_normal(stream, &mut noise);
            for ((m, scale), z) in self.means().iter().zip(&scales).zip(&noise) {
                point.push(m + scale * z);
            }
            points.set_draw(s, &point);
        }
        let log_q = self.log_density(&points);
        (points, log_q)
    }

    fn log_density(&self, points: &Draws) -> Vec<f64> {
        let (k, scales) = (self.n_categories.len(), self.scales());
        (0..points.n_draws())
            .map(|s| {
                let mut total = 0.0;
                for (i, p) in self.probabilities.iter().enumerate() {
                    let category = Self::category(points.get(i, s));
                    let p = category.and_then(|c| p.get(c)).copied().unwrap_or(0.0);
                    total += p.ln();
                }
                for (j, (m, scale)) in self.means().iter().zip(&scales).enumerate() {
                    let z = (points.get(k + j, s) - m) / scale;
                    total -= 0.5 * (z * z + LN_2PI) + scale.ln();
                }
                total
            })
            .collect()
    }

    /// Of a discrete unknown, the mean number of its category.
    fn mean(&self) -> Option<Vec<f64>> {
        let number = |p: &Vec<f64>| p.iter().enumerate().map(|(c, p)| c as f64 * p).sum();
        let mut mean: Vec<f64> = self.probabilities.iter().map(number).collect();
        mean.extend_from_slice(self.means());
        Some(mean)
    }

    fn standard_deviations(&self) -> Option<Vec<f64>> {
        let spread = |p: &Vec<f64>| {
            let mean: f64 = p.iter().enumerate().map(|(c, p)| c as f64 * p).sum();
            let squares = p.iter().enumerate();
            squares
                .map(|(c, p)| p * (c as f64 - mean).powi(2))
                .sum::<f64>()
                .sqrt()
        };
        let mut all: Vec<f64> = self.probabilities.iter().map(spread).collect();
        all.extend(self.scales());
        Some(all)
    }

    fn arrays(&self) -> Arrays {
        let counts: Vec<f64> = self.n_categories.iter().map(|n| *n as f64).collect();
        Arrays::from([
            ("n_categories".into(), Array::f64(&[counts.len()], counts)),
            (
                "params".into(),
                Array::f64(&[self.params.len()], self.params.clone()),
            ),
        ])
    }
}
