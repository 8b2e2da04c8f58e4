//! Products of independent distributions of one number each, beyond the Gaussian.
//!
//! The one idea: a distribution of one number is a draw `x(u; λ)` from a uniform `u`, its path
//! derivative, its log density with a score, and an entropy ([`Univariate`]); [`Independent`] makes a
//! family of `D` of them, which every estimator can use. They live where their support is: on the
//! positive half line or the unit interval, for targets that are written there. Deliberately absent:
//! dependence between coordinates.

mod beta;
mod exponential;
mod gamma;
mod log_normal;
mod student_t;

pub use beta::Beta;
pub use exponential::Exponential;
pub use gamma::Gamma;
pub use log_normal::LogNormal;
pub use student_t::StudentT;

use std::marker::PhantomData;

use elbo_math::arrays::{Array, Arrays};
use elbo_math::random::{Stream, uniform};

use super::{Family, Reparameterised, Scored, array, check_finite};
use crate::{Approximation, Draws, ViError};

/// A distribution of one number with `N_PARAMS` unconstrained parameters.
pub trait Univariate: Clone + Send + Sync + std::fmt::Debug + PartialEq + 'static {
    /// The name of the family of independent copies.
    const NAME: &'static str;
    /// How many parameters one copy has.
    const N_PARAMS: usize;

    /// Whether the parameters stand for a distribution in floating point.
    fn is_valid(params: &[f64]) -> bool;

    /// The draw at a uniform number in `(0, 1)`.
    fn draw(u: f64, params: &[f64]) -> f64;

    /// `∂x/∂λ` of the draw at fixed `u`.
    fn path(x: f64, params: &[f64], out: &mut [f64]);

    /// `log q(x)`; −∞ outside the support.
    fn log_density(x: f64, params: &[f64]) -> f64;

    /// `∂ log q/∂x`.
    fn slope(x: f64, params: &[f64]) -> f64;

    /// `∂ log q/∂λ` at fixed `x`.
    fn score(x: f64, params: &[f64], out: &mut [f64]);

    /// The entropy and its gradient.
    fn entropy(params: &[f64], gradient: &mut [f64]) -> f64;

    /// Mean and standard deviation, where they exist.
    fn moments(params: &[f64]) -> (Option<f64>, Option<f64>);
}

/// `D` independent copies with parameters of their own; `λ` holds them copy by copy.
///
/// ```
/// use elbo_vi::Approximation;
/// use elbo_vi::family::independent::{Gamma, Independent};
///
/// // Gamma(2, 1) and Gamma(3, 5), as logarithms of shape and rate.
/// let q = Independent::<Gamma>::new(vec![2.0_f64.ln(), 0.0, 3.0_f64.ln(), 5.0_f64.ln()])?;
/// assert!((q.mean().unwrap()[1] - 0.6).abs() < 1e-15);
/// # Ok::<(), elbo_vi::ViError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Independent<U> {
    params: Vec<f64>,
    kind: PhantomData<U>,
}

impl<U: Univariate> Independent<U> {
    /// The family's name.
    pub const NAME: &'static str = U::NAME;

    /// From `λ`, whose length is a multiple of the number of parameters of one copy.
    ///
    /// # Errors
    /// [`ViError::ZeroDimension`]; [`ViError::Parameters`].
    pub fn new(params: Vec<f64>) -> Result<Self, ViError> {
        let length = params.len() / U::N_PARAMS * U::N_PARAMS;
        check_params::<U>(&params, length)?;
        Ok(Self {
            params,
            kind: PhantomData,
        })
    }

    /// From what [`arrays`](Approximation::arrays) gave.
    ///
    /// # Errors
    /// [`ViError::Parameters`] if the array is missing or unusable.
    pub fn from_arrays(arrays: &Arrays) -> Result<Self, ViError> {
        Self::new(array(Self::NAME, arrays, "params")?.to_f64())
    }

    /// Each copy's number, its coordinate's draws and its parameters.
    fn copies<'a>(
        &'a self,
        points: &'a Draws,
    ) -> impl Iterator<Item = (usize, &'a [f64], &'a [f64])> {
        self.params
            .chunks_exact(U::N_PARAMS)
            .enumerate()
            .map(|(i, p)| (i, points.coordinate(i), p))
    }
}

fn check_params<U: Univariate>(params: &[f64], length: usize) -> Result<(), ViError> {
    check_finite(U::NAME, "params", params, length)?;
    match params.chunks_exact(U::N_PARAMS).find(|p| !U::is_valid(p)) {
        Some(p) => Err(ViError::Parameters {
            family: U::NAME,
            name: "params",
            found: format!("{p:?}"),
            requirement: "such that their exponentials are neither 0 nor infinite",
        }),
        None => Ok(()),
    }
}

/// Whether the exponentials of all are positive, finite and not denormal.
fn exponentials_exist(logs: &[f64]) -> bool {
    logs.iter().all(|l| l.exp().is_normal())
}

impl<U: Univariate> Approximation for Independent<U> {
    fn name(&self) -> &'static str {
        U::NAME
    }

    fn dimension(&self) -> usize {
        self.params.len() / U::N_PARAMS
    }

    fn sample(&self, n_draws: usize, stream: &mut Stream) -> (Draws, Vec<f64>) {
        self.transform(&self.noise(n_draws, stream))
    }

    fn log_density(&self, points: &Draws) -> Vec<f64> {
        let mut log_q = vec![0.0; points.n_draws()];
        for (_, xs, params) in self.copies(points) {
            for (value, x) in log_q.iter_mut().zip(xs) {
                *value += U::log_density(*x, params);
            }
        }
        log_q
    }

    fn mean(&self) -> Option<Vec<f64>> {
        let copies = self.params.chunks_exact(U::N_PARAMS);
        copies.map(|p| U::moments(p).0).collect()
    }

    fn standard_deviations(&self) -> Option<Vec<f64>> {
        let copies = self.params.chunks_exact(U::N_PARAMS);
        copies.map(|p| U::moments(p).1).collect()
    }

    fn arrays(&self) -> Arrays {
        let params = Array::f64(&[self.dimension(), U::N_PARAMS], self.params.clone());
        Arrays::from([("params".into(), params)])
    }
}

impl<U: Univariate> Family for Independent<U> {
    fn params(&self) -> &[f64] {
        &self.params
    }

    fn set_params(&mut self, params: &[f64]) -> Result<(), ViError> {
        check_params::<U>(params, self.params.len())?;
        self.params.copy_from_slice(params);
        Ok(())
    }

    fn log_density_and_gradient(&self, points: &Draws) -> (Vec<f64>, Draws) {
        let mut gradients = Draws::zeros(self.dimension(), points.n_draws());
        for (i, xs, params) in self.copies(points) {
            for (g, x) in gradients.coordinate_mut(i).iter_mut().zip(xs) {
                *g = U::slope(*x, params);
            }
        }
        (self.log_density(points), gradients)
    }

    fn entropy(&self) -> Option<f64> {
        let mut unused = vec![0.0; U::N_PARAMS];
        let copies = self.params.chunks_exact(U::N_PARAMS);
        Some(copies.map(|p| U::entropy(p, &mut unused)).sum())
    }
}

impl<U: Univariate> Reparameterised for Independent<U> {
    /// Uniform on `(0, 1)`.
    fn noise(&self, n_draws: usize, stream: &mut Stream) -> Draws {
        let mut noise = Draws::zeros(self.dimension(), n_draws);
        for u in noise.as_mut_slice() {
            *u = open_uniform(stream);
        }
        noise
    }

    fn transform(&self, noise: &Draws) -> (Draws, Vec<f64>) {
        let mut points = noise.clone();
        for (i, _, params) in self.copies(noise) {
            for x in points.coordinate_mut(i) {
                *x = U::draw(*x, params);
            }
        }
        let log_q = self.log_density(&points);
        (points, log_q)
    }

    fn pull_back(&self, noise: &Draws, cotangents: &Draws, gradient: &mut [f64]) {
        let (points, mut path) = (self.transform(noise).0, vec![0.0; U::N_PARAMS]);
        for (i, xs, params) in self.copies(&points) {
            let out = &mut gradient[i * U::N_PARAMS..(i + 1) * U::N_PARAMS];
            for (x, v) in xs.iter().zip(cotangents.coordinate(i)) {
                U::path(*x, params, &mut path);
                elbo_math::linalg::axpy(*v, &path, out);
            }
        }
    }

    fn pull_back_log_density(&self, noise: &Draws, weights: &[f64], gradient: &mut [f64]) {
        super::add_total_derivative(self, noise, weights, gradient);
    }

    fn entropy_gradient(&self) -> Option<Vec<f64>> {
        let mut gradient = vec![0.0; self.params.len()];
        for (p, g) in self
            .params
            .chunks_exact(U::N_PARAMS)
            .zip(gradient.chunks_exact_mut(U::N_PARAMS))
        {
            U::entropy(p, g);
        }
        Some(gradient)
    }
}

impl<U: Univariate> Scored for Independent<U> {
    fn scores(&self, points: &Draws) -> Draws {
        let mut scores = Draws::zeros(self.params.len(), points.n_draws());
        let mut score = vec![0.0; U::N_PARAMS];
        for (i, xs, params) in self.copies(points) {
            for (s, x) in xs.iter().enumerate() {
                U::score(*x, params, &mut score);
                for (k, v) in score.iter().enumerate() {
                    scores.coordinate_mut(i * U::N_PARAMS + k)[s] = *v;
                }
            }
        }
        scores
    }
}

/// A uniform number that is neither 0 nor 1.
pub(super) fn open_uniform(stream: &mut Stream) -> f64 {
    // Multiples of 2⁻⁵³ shifted by half of one.
    (uniform(stream) + f64::EPSILON / 4.0).min(1.0 - f64::EPSILON / 2.0)
}
