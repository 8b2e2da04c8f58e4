//! Monte Carlo estimators of `∇_λ E_q[h(θ, λ)]`, all unbiased.
//!
//! The one idea: what is differentiated is an [`Expectation`] `E_q[f(θ)] + β H[q]` (an ELBO with
//! `β = 1` and `f = log p`), and an estimator is anything that turns one, a family's member and a
//! random stream into an [`Estimate`]. Which estimators a family allows is a matter of its traits:
//!
//! | estimator | needs of the family | of `f` |
//! |---|---|---|
//! | [`Pathwise`], [`StickingTheLanding`] | [`Reparameterised`](crate::family::Reparameterised) | gradients |
//! | [`ScoreFunction`] | [`Scored`](crate::family::Scored) | values |
//! | [`MeasureValued`] | a decomposition of `∂q/∂λ`: [`MeanField`](crate::family::MeanField), [`FullRank`](crate::family::FullRank) | values |
//! | [`Stratified`] | a [`Mixture`](crate::family::Mixture) of reparameterised components | gradients |
//! | [`Enumeration`] | [`Enumerable`](crate::family::Enumerable) | values |
//!
//! Draws at which `f` is not finite are left out and counted, so that an estimate is one of the
//! expectation *given* that `f` is finite. Deliberately absent: how `λ` is moved.
//!
//! ```
//! use elbo_math::random::stream;
//! use elbo_vi::Target;
//! use elbo_vi::density::FromFn;
//! use elbo_vi::family::MeanField;
//! use elbo_vi::gradient::{Expectation, GradientEstimator, StickingTheLanding};
//!
//! let density = FromFn(|x: &[f64], g: &mut [f64]| {
//!     g[0] = -x[0];
//!     -0.5 * x[0] * x[0] - 0.5 * std::f64::consts::TAU.ln()
//! });
//! let target = Target::new(&density, 1)?;
//! let elbo = Expectation::elbo(&target);
//! let q = MeanField::standard(1)?;
//! let mut rng = stream(1, "doc/gradient", 0);
//! // q is the target: the ELBO is the log evidence, 0, and its gradient vanishes in every draw.
//! let estimate = StickingTheLanding.estimate(&q, &elbo, 8, &mut rng)?;
//! assert!(estimate.value.abs() < 1e-14 && estimate.gradient.iter().all(|g| g.abs() < 1e-14));
//! # Ok::<(), elbo_vi::ViError>(())
//! ```

mod control_variate;
mod enumeration;
mod measure_valued;
mod measure_valued_full_rank;
mod pathwise;
mod score_function;
mod sticking_the_landing;
mod stratified;

pub use control_variate::ControlVariate;
pub use enumeration::Enumeration;
pub use measure_valued::{Coupling, MeasureValued};
pub use pathwise::Pathwise;
pub use score_function::ScoreFunction;
pub use sticking_the_landing::StickingTheLanding;
pub use stratified::Stratified;

use elbo_math::random::Stream;

use crate::{Draws, Target, ViError};

/// A function of `θ` whose expectation is wanted; [`Target`] is one, and so is a [`Batch`] of its
/// rows.
pub trait Integrand {
    /// The number of coordinates of `θ`.
    fn dimension(&self) -> usize;

    /// Values and gradients at many points; −∞ and zeros where not finite.
    ///
    /// # Errors
    /// As [`Target::log_densities_and_gradients`].
    fn values_and_gradients(&self, points: &Draws) -> Result<(Vec<f64>, Draws), ViError>;

    /// Values alone; −∞ where not finite.
    ///
    /// # Errors
    /// As [`Target::log_densities`].
    fn values(&self, points: &Draws) -> Result<Vec<f64>, ViError> {
        Ok(self.values_and_gradients(points)?.0)
    }
}

impl Integrand for Target<'_> {
    fn dimension(&self) -> usize {
        self.dimension()
    }

    fn values_and_gradients(&self, points: &Draws) -> Result<(Vec<f64>, Draws), ViError> {
        self.log_densities_and_gradients(points)
    }

    fn values(&self, points: &Draws) -> Result<Vec<f64>, ViError> {
        self.log_densities(points)
    }
}

/// A target estimated from some of its rows, scaled by the engine.
#[derive(Clone, Copy)]
pub struct Batch<'a, 'd> {
    /// The target, whose density is a sum over rows.
    pub target: &'a Target<'d>,
    /// Rows drawn uniformly.
    pub rows: &'a [usize],
}

impl Integrand for Batch<'_, '_> {
    fn dimension(&self) -> usize {
        self.target.dimension()
    }

    fn values_and_gradients(&self, points: &Draws) -> Result<(Vec<f64>, Draws), ViError> {
        self.target
            .log_densities_and_gradients_of_rows(points, self.rows)
    }
}

/// `E_q[f(θ)] + β H[q]`.
#[derive(Clone, Copy)]
pub struct Expectation<'a> {
    /// `f`.
    pub function: &'a dyn Integrand,
    /// `β`.
    pub entropy_weight: f64,
}

impl<'a> Expectation<'a> {
    /// `E_q[f]`.
    pub fn of(function: &'a dyn Integrand) -> Self {
        Self {
            function,
            entropy_weight: 0.0,
        }
    }

    /// `E_q[log p − log q]`, in nats.
    pub fn elbo(log_density: &'a dyn Integrand) -> Self {
        Self {
            function: log_density,
            entropy_weight: 1.0,
        }
    }
}

/// An estimate of an expectation and of its gradient in `λ`.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// The expectation.
    pub value: f64,
    /// The standard error of the value for independent draws; NaN from a single one.
    pub standard_error: f64,
    /// The gradient in `λ`.
    pub gradient: Vec<f64>,
    /// Draws that were left out because `f` was not finite there.
    pub rejected: usize,
}

/// A way to estimate gradients for members of `F`.
pub trait GradientEstimator<F: ?Sized> {
    /// Estimates the expectation under `q` and its gradient from `n_draws` draws.
    ///
    /// # Errors
    /// [`ViError::NoUsableDraw`]; [`ViError::Setting`] if the estimator needs more draws; whatever
    /// the function ends with.
    fn estimate(
        &mut self,
        q: &F,
        expectation: &Expectation<'_>,
        n_draws: usize,
        stream: &mut Stream,
    ) -> Result<Estimate, ViError>;
}

/// Which draws count: `1/n` for those whose value is finite, 0 for others.
struct Usable {
    weights: Vec<f64>,
    rejected: usize,
}

impl Usable {
    fn new(values: &[f64]) -> Result<Self, ViError> {
        let used = values.iter().filter(|v| v.is_finite()).count();
        if used == 0 {
            return Err(ViError::NoUsableDraw {
                n_draws: values.len(),
            });
        }
        let weight = |v: &f64| {
            if v.is_finite() {
                1.0 / used as f64
            } else {
                0.0
            }
        };
        Ok(Self {
            weights: values.iter().map(weight).collect(),
            rejected: values.len() - used,
        })
    }

    /// The mean over usable draws and its standard error.
    fn mean(&self, values: &[f64]) -> (f64, f64) {
        let used: Vec<(f64, f64)> = self
            .weights
            .iter()
            .zip(values)
            .filter(|(w, _)| **w > 0.0)
            .map(|(w, v)| (*w, *v))
            .collect();
        let n = used.len() as f64;
        let mean: f64 = used.iter().map(|(_, v)| v).sum::<f64>() / n;
        let squares: f64 = used.iter().map(|(_, v)| (v - mean).powi(2)).sum();
        (mean, (squares / (n - 1.0) / n).sqrt())
    }
}

#[cfg(test)]
mod logistic;
#[cfg(test)]
mod minibatch;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod variance;
