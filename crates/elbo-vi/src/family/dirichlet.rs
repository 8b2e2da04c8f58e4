//! The Dirichlet distribution on the simplex, through implicit gamma draws.
//!
//! `λ = (log α_1 … log α_K)`, `θ_k = g_k/Σ g` with `g_k ~ Gamma(α_k, 1)` at fixed quantiles. Densities
//! are with respect to the first `K − 1` coordinates, as everywhere in the field; a target must use
//! the same. Deliberately absent: points off the simplex, which are taken as given.

use elbo_math::arrays::{Array, Arrays};
use elbo_math::random::Stream;
use elbo_math::special::{digamma, ln_gamma, trigamma};

use super::independent::{Gamma, Univariate};
use super::{Family, Reparameterised, Scored, array, check_finite, scales};
use crate::{Approximation, Draws, ViError};

/// `Dirichlet(θ | α)`.
///
/// ```
/// use elbo_vi::Approximation;
/// use elbo_vi::family::Dirichlet;
///
/// let q = Dirichlet::new(&[1.0, 2.0, 5.0])?;
/// assert_eq!(q.mean().unwrap()[1], 0.25);
/// # Ok::<(), elbo_vi::ViError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Dirichlet {
    params: Vec<f64>,
    concentration: Vec<f64>,
}

impl Dirichlet {
    /// The family's name.
    pub const NAME: &'static str = "dirichlet";

    /// From the concentrations `α`.
    ///
    /// # Errors
    /// [`ViError::ZeroDimension`]; [`ViError::Parameters`] unless they are positive and finite.
    pub fn new(concentration: &[f64]) -> Result<Self, ViError> {
        check_finite(
            Self::NAME,
            "concentration",
            concentration,
            concentration.len(),
        )?;
        super::check_scales(Self::NAME, concentration)?;
        Ok(Self {
            params: concentration.iter().map(|a| a.ln()).collect(),
            concentration: concentration.to_vec(),
        })
    }

    /// The concentrations `α`.
    pub fn concentration(&self) -> &[f64] {
        &self.concentration
    }

    /// From what [`arrays`](Approximation::arrays) gave.
    ///
    /// # Errors
    /// [`ViError::Parameters`] if the array is missing or unusable.
    pub fn from_arrays(arrays: &Arrays) -> Result<Self, ViError> {
        Self::new(&array(Self::NAME, arrays, "concentration")?.to_f64())
    }

    fn total(&self) -> f64 {
        self.concentration.iter().sum()
    }

    fn log_normaliser(&self) -> f64 {
        ln_gamma(self.total()) - self.concentration.iter().map(|a| ln_gamma(*a)).sum::<f64>()
    }

    /// The gamma variables, and their sum for every draw.
    fn gammas(&self, noise: &Draws) -> (Draws, Vec<f64>) {
        let mut gammas = noise.clone();
        let mut totals = vec![0.0; noise.n_draws()];
        for (k, log_a) in self.params.iter().enumerate() {
            for (g, t) in gammas.coordinate_mut(k).iter_mut().zip(&mut totals) {
                *g = Gamma::draw(*g, &[*log_a, 0.0]);
                *t += *g;
            }
        }
        (gammas, totals)
    }
}

impl Approximation for Dirichlet {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn dimension(&self) -> usize {
        self.params.len()
    }

    fn sample(&self, n_draws: usize, stream: &mut Stream) -> (Draws, Vec<f64>) {
        self.transform(&self.noise(n_draws, stream))
    }

    fn log_density(&self, points: &Draws) -> Vec<f64> {
        let mut log_q = vec![self.log_normaliser(); points.n_draws()];
        for (k, a) in self.concentration.iter().enumerate() {
            for (value, x) in log_q.iter_mut().zip(points.coordinate(k)) {
                *value += (a - 1.0) * x.ln();
            }
        }
        log_q
    }

    fn mean(&self) -> Option<Vec<f64>> {
        let total = self.total();
        Some(self.concentration.iter().map(|a| a / total).collect())
    }

    fn standard_deviations(&self) -> Option<Vec<f64>> {
        let total = self.total();
        let sd = |a: &f64| (a / total * (1.0 - a / total) / (total + 1.0)).sqrt();
        Some(self.concentration.iter().map(sd).collect())
    }

    fn arrays(&self) -> Arrays {
        let k = [self.params.len()];
        Arrays::from([(
            "concentration".into(),
            Array::f64(&k, self.concentration.clone()),
        )])
    }
}

impl Family for Dirichlet {
    fn params(&self) -> &[f64] {
        &self.params
    }

    fn set_params(&mut self, params: &[f64]) -> Result<(), ViError> {
        check_finite(Self::NAME, "params", params, self.params.len())?;
        self.concentration = scales(Self::NAME, params)?;
        self.params.copy_from_slice(params);
        Ok(())
    }

    fn log_density_and_gradient(&self, points: &Draws) -> (Vec<f64>, Draws) {
        let mut gradients = points.clone();
        for (k, a) in self.concentration.iter().enumerate() {
            for g in gradients.coordinate_mut(k) {
                *g = (a - 1.0) / *g;
            }
        }
        (self.log_density(points), gradients)
    }

    fn entropy(&self) -> Option<f64> {
        let total = self.total();
        let of_total = (total - self.params.len() as f64) * digamma(total);
        let others: f64 = self
            .concentration
            .iter()
            .map(|a| (a - 1.0) * digamma(*a))
            .sum();
        Some(of_total - others - self.log_normaliser())
    }
}

impl Reparameterised for Dirichlet {
    /// A quantile per coordinate.
    fn noise(&self, n_draws: usize, stream: &mut Stream) -> Draws {
        let mut noise = Draws::zeros(self.dimension(), n_draws);
        for u in noise.as_mut_slice() {
            *u = super::independent::open_uniform(stream);
        }
        noise
    }

    fn transform(&self, noise: &Draws) -> (Draws, Vec<f64>) {
        let (mut points, totals) = self.gammas(noise);
        for k in 0..self.dimension() {
            for (x, t) in points.coordinate_mut(k).iter_mut().zip(&totals) {
                *x /= t;
            }
        }
        let log_q = self.log_density(&points);
        (points, log_q)
    }

    fn pull_back(&self, noise: &Draws, cotangents: &Draws, gradient: &mut [f64]) {
        let (gammas, totals) = self.gammas(noise);
        // ∂θ_j/∂g_k = ([j = k] − θ_j)/Σg.
        let mut mean = vec![0.0; noise.n_draws()];
        for k in 0..self.dimension() {
            for (s, m) in mean.iter_mut().enumerate() {
                *m += cotangents.get(k, s) * gammas.get(k, s) / totals[s];
            }
        }
        let mut path = [0.0; 2];
        for (k, g) in gradient.iter_mut().enumerate() {
            for (s, m) in mean.iter().enumerate() {
                Gamma::path(gammas.get(k, s), &[self.params[k], 0.0], &mut path);
                *g += (cotangents.get(k, s) - m) / totals[s] * path[0];
            }
        }
    }

    fn pull_back_log_density(&self, noise: &Draws, weights: &[f64], gradient: &mut [f64]) {
        super::add_total_derivative(self, noise, weights, gradient);
    }

    fn entropy_gradient(&self) -> Option<Vec<f64>> {
        let total = self.total();
        let of_total = (total - self.params.len() as f64) * trigamma(total);
        let each = |a: &f64| a * (of_total - (a - 1.0) * trigamma(*a));
        Some(self.concentration.iter().map(each).collect())
    }
}

impl Scored for Dirichlet {
    fn scores(&self, points: &Draws) -> Draws {
        let mut scores = points.clone();
        let of_total = digamma(self.total());
        for (k, a) in self.concentration.iter().enumerate() {
            let constant = of_total - digamma(*a);
            for v in scores.coordinate_mut(k) {
                *v = a * (v.ln() + constant);
            }
        }
        scores
    }
}
