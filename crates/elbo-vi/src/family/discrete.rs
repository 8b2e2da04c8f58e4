//! Discrete unknowns: independent Bernoulli variables, and one categorical variable.
//!
//! A point holds 0s and 1s, or one category's number. A discrete point has no direction to move in,
//! so `∂ log q/∂θ` is reported as 0 and neither family is `Reparameterised`: gradients come from the
//! score function, or exactly, from [`Enumeration`](crate::gradient::Enumeration) over the support.

use elbo_math::arrays::{Array, Arrays};
use elbo_math::log_space::{inv_logit, log1p_exp, softmax_in_place};
use elbo_math::random::{Stream, categorical, uniform};

use super::{Family, Scored, array, check_finite};
use crate::{Approximation, Draws, ViError};

/// A family with finitely many points.
pub trait Enumerable: Family {
    /// The number of points; `None` where it exceeds `usize`.
    fn n_points(&self) -> Option<usize>;

    /// All points.
    fn support(&self) -> Draws;
}

/// `Π_i p_i^{θ_i} (1 − p_i)^{1 − θ_i}` with `λ` the logits of `p`.
#[derive(Debug, Clone, PartialEq)]
pub struct Bernoulli {
    logits: Vec<f64>,
}

impl Bernoulli {
    /// The family's name.
    pub const NAME: &'static str = "bernoulli";

    /// From the logits of the probabilities.
    ///
    /// # Errors
    /// [`ViError::ZeroDimension`]; [`ViError::Parameters`] unless they are finite.
    pub fn new(logits: Vec<f64>) -> Result<Self, ViError> {
        check_finite(Self::NAME, "logits", &logits, logits.len())?;
        Ok(Self { logits })
    }

    /// From what [`arrays`](Approximation::arrays) gave.
    ///
    /// # Errors
    /// [`ViError::Parameters`] if the array is missing or unusable.
    pub fn from_arrays(arrays: &Arrays) -> Result<Self, ViError> {
        Self::new(array(Self::NAME, arrays, "logits")?.to_f64())
    }

    /// The probabilities of 1.
    pub fn probabilities(&self) -> Vec<f64> {
        self.logits.iter().map(|l| inv_logit(*l)).collect()
    }
}

impl Approximation for Bernoulli {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn dimension(&self) -> usize {
        self.logits.len()
    }

    fn sample(&self, n_draws: usize, stream: &mut Stream) -> (Draws, Vec<f64>) {
        let mut points = Draws::zeros(self.dimension(), n_draws);
        for (i, p) in self.probabilities().iter().enumerate() {
            for x in points.coordinate_mut(i) {
                *x = f64::from(u8::from(uniform(stream) < *p));
            }
        }
        let log_q = self.log_density(&points);
        (points, log_q)
    }

    fn log_density(&self, points: &Draws) -> Vec<f64> {
        let mut log_q = vec![0.0; points.n_draws()];
        for (i, l) in self.logits.iter().enumerate() {
            for (value, x) in log_q.iter_mut().zip(points.coordinate(i)) {
                *value += match *x {
                    1.0 => -log1p_exp(-l),
                    0.0 => -log1p_exp(*l),
                    _ => f64::NEG_INFINITY,
                };
            }
        }
        log_q
    }

    fn mean(&self) -> Option<Vec<f64>> {
        Some(self.probabilities())
    }

    fn standard_deviations(&self) -> Option<Vec<f64>> {
        let sd = |l: &f64| (inv_logit(*l) * inv_logit(-l)).sqrt();
        Some(self.logits.iter().map(sd).collect())
    }

    fn arrays(&self) -> Arrays {
        let d = [self.logits.len()];
        Arrays::from([("logits".into(), Array::f64(&d, self.logits.clone()))])
    }
}

impl Family for Bernoulli {
    fn params(&self) -> &[f64] {
        &self.logits
    }

    fn set_params(&mut self, params: &[f64]) -> Result<(), ViError> {
        check_finite(Self::NAME, "params", params, self.logits.len())?;
        self.logits.copy_from_slice(params);
        Ok(())
    }

    fn log_density_and_gradient(&self, points: &Draws) -> (Vec<f64>, Draws) {
        let still = Draws::zeros(self.dimension(), points.n_draws());
        (self.log_density(points), still)
    }

    fn entropy(&self) -> Option<f64> {
        let term = |l: &f64| inv_logit(*l) * log1p_exp(-l) + inv_logit(-l) * log1p_exp(*l);
        Some(self.logits.iter().map(term).sum())
    }
}

impl Scored for Bernoulli {
    fn scores(&self, points: &Draws) -> Draws {
        let mut scores = points.clone();
        for (i, p) in self.probabilities().iter().enumerate() {
            for v in scores.coordinate_mut(i) {
                *v -= p;
            }
        }
        scores
    }
}

impl Enumerable for Bernoulli {
    fn n_points(&self) -> Option<usize> {
        1_usize.checked_shl(u32::try_from(self.logits.len()).ok()?)
    }

    fn support(&self) -> Draws {
        let d = self.logits.len();
        let mut points = Draws::zeros(d, 1 << d);
        for i in 0..d {
            for (s, x) in points.coordinate_mut(i).iter_mut().enumerate() {
                *x = f64::from(u8::from(s >> i & 1 == 1));
            }
        }
        points
    }
}

/// `P(θ = k) ∝ exp(λ_k)` for `k = 0 … K − 1`.
#[derive(Debug, Clone, PartialEq)]
pub struct Categorical {
    logits: Vec<f64>,
    probabilities: Vec<f64>,
}

impl Categorical {
    /// The family's name.
    pub const NAME: &'static str = "categorical";

    /// From logits, which are normalised.
    ///
    /// # Errors
    /// [`ViError::ZeroDimension`]; [`ViError::Parameters`] unless they are finite.
    pub fn new(logits: Vec<f64>) -> Result<Self, ViError> {
        check_finite(Self::NAME, "logits", &logits, logits.len())?;
        let mut probabilities = logits.clone();
        softmax_in_place(&mut probabilities);
        Ok(Self {
            logits,
            probabilities,
        })
    }

    /// From what [`arrays`](Approximation::arrays) gave.
    ///
    /// # Errors
    /// [`ViError::Parameters`] if the array is missing or unusable.
    pub fn from_arrays(arrays: &Arrays) -> Result<Self, ViError> {
        Self::new(array(Self::NAME, arrays, "logits")?.to_f64())
    }

    /// The probabilities, which sum to 1.
    pub fn probabilities(&self) -> &[f64] {
        &self.probabilities
    }

    /// Which category a coordinate holds, if any.
    fn category(&self, x: f64) -> Option<usize> {
        (0..self.logits.len()).find(|k| *k as f64 == x)
    }

    /// `E[θ]` and `E[θ²]` of the category's number.
    fn first_moments(&self) -> (f64, f64) {
        let terms = self.probabilities.iter().enumerate();
        terms.fold((0.0, 0.0), |(a, b), (k, p)| {
            let k = k as f64;
            (a + p * k, b + p * k * k)
        })
    }
}

impl Approximation for Categorical {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    /// One: the category's number.
    fn dimension(&self) -> usize {
        1
    }

    fn sample(&self, n_draws: usize, stream: &mut Stream) -> (Draws, Vec<f64>) {
        let mut points = Draws::zeros(1, n_draws);
        for x in points.as_mut_slice() {
            *x = categorical(stream, &self.probabilities) as f64;
        }
        let log_q = self.log_density(&points);
        (points, log_q)
    }

    fn log_density(&self, points: &Draws) -> Vec<f64> {
        let total = elbo_math::log_space::log_sum_exp(&self.logits);
        let value = |x: &f64| match self.category(*x) {
            Some(k) => self.logits[k] - total,
            None => f64::NEG_INFINITY,
        };
        points.as_slice().iter().map(value).collect()
    }

    fn mean(&self) -> Option<Vec<f64>> {
        Some(vec![self.first_moments().0])
    }

    fn standard_deviations(&self) -> Option<Vec<f64>> {
        let (mean, square) = self.first_moments();
        Some(vec![(square - mean * mean).max(0.0).sqrt()])
    }

    fn arrays(&self) -> Arrays {
        let k = [self.logits.len()];
        Arrays::from([("logits".into(), Array::f64(&k, self.logits.clone()))])
    }
}

impl Family for Categorical {
    fn params(&self) -> &[f64] {
        &self.logits
    }

    fn set_params(&mut self, params: &[f64]) -> Result<(), ViError> {
        check_finite(Self::NAME, "params", params, self.logits.len())?;
        *self = Self::new(params.to_vec())?;
        Ok(())
    }

    fn log_density_and_gradient(&self, points: &Draws) -> (Vec<f64>, Draws) {
        (self.log_density(points), Draws::zeros(1, points.n_draws()))
    }

    fn entropy(&self) -> Option<f64> {
        let total = elbo_math::log_space::log_sum_exp(&self.logits);
        let terms = self.probabilities.iter().zip(&self.logits);
        Some(terms.map(|(p, l)| p * (total - l)).sum())
    }
}

impl Scored for Categorical {
    fn scores(&self, points: &Draws) -> Draws {
        let mut scores = Draws::zeros(self.logits.len(), points.n_draws());
        for (k, p) in self.probabilities.iter().enumerate() {
            for (v, x) in scores.coordinate_mut(k).iter_mut().zip(points.as_slice()) {
                *v = f64::from(u8::from(*x == k as f64)) - p;
            }
        }
        scores
    }
}

impl Enumerable for Categorical {
    fn n_points(&self) -> Option<usize> {
        Some(self.logits.len())
    }

    fn support(&self) -> Draws {
        let k = self.logits.len();
        Draws::from_vec(1, k, (0..k).map(|k| k as f64).collect())
    }
}
