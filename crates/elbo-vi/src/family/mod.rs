//! Variational families: sets of approximations `q(θ; λ)` indexed by one flat vector `λ` of
//! unconstrained numbers.
//!
//! The one idea: a member of a family *is* an [`Approximation`]; what an optimiser needs beyond that
//! is reading and writing `λ` ([`Family`]) and carrying derivatives from draws to `λ`, in one of two
//! ways: through the draws ([`Reparameterised`]) or through `log q` at fixed draws ([`Scored`]).
//! Whatever sums over draws *adds* to a gradient that the caller owns. Every `λ` of finite numbers is
//! meant to be a member, so scales are stored as logarithms. Deliberately absent: the integrand (a
//! [`Target`](crate::Target) or anything else), and how `λ` is moved (optimisers).
//!
//! A pathwise ELBO gradient, the long way:
//!
//! ```
//! use elbo_math::random::stream;
//! use elbo_vi::density::FromFn;
//! use elbo_vi::family::{Family, MeanField, Reparameterised};
//! use elbo_vi::{Approximation, Target};
//!
//! // log p = −½ (x − 3)², up to a constant.
//! let density = FromFn(|x: &[f64], g: &mut [f64]| {
//!     g[0] = 3.0 - x[0];
//!     -0.5 * (x[0] - 3.0).powi(2)
//! });
//! let target = Target::new(&density, 1)?;
//! let mut q = MeanField::standard(1)?;
//! let mut rng = stream(1, "doc/family", 0);
//! for _ in 0..200 {
//!     let noise = q.noise(16, &mut rng);
//!     let (points, _log_q) = q.transform(&noise);
//!     let (_log_p, gradients) = target.log_densities_and_gradients(&points)?;
//!     // Σ over draws of (∂θ/∂λ)ᵀ ∂log p/∂θ, then the entropy's own gradient.
//!     let mut gradient = vec![0.0; q.params().len()];
//!     q.pull_back(&noise, &gradients, &mut gradient);
//!     let entropy = q.entropy_gradient().expect("known for a Gaussian");
//!     let moved: Vec<f64> = (0..gradient.len())
//!         .map(|i| q.params()[i] + 0.05 * (gradient[i] / 16.0 + entropy[i]))
//!         .collect();
//!     q.set_params(&moved)?;
//! }
//! assert!((q.mean().unwrap()[0] - 3.0).abs() < 0.3);
//! # Ok::<(), elbo_vi::ViError>(())
//! ```

pub mod flow;
pub mod independent;

mod block;
mod copula;
mod dirichlet;
mod discrete;
mod full_rank;
mod implicit;
mod low_rank;
mod mean_field;
mod mixture;
pub(crate) mod sinh_arcsinh;
mod student;
mod triangle;

#[cfg(test)]
mod conformance;

pub use block::Block;
pub use copula::Copula;
pub use dirichlet::Dirichlet;
pub use discrete::{Bernoulli, Categorical, Enumerable};
pub use full_rank::FullRank;
pub use low_rank::LowRank;
pub use mean_field::MeanField;
pub use mixture::Mixture;
pub use student::Student;

use independent::{Beta, Exponential, Gamma, Independent, LogNormal, StudentT, Univariate};

use elbo_math::arrays::{Array, Arrays};
use elbo_math::random::{Stream, fill_standard_normal};

use crate::method::pathfinder::PathMixture;
use crate::method::score::MixedMeanField;
use crate::{Approximation, Draws, ViError};

/// A member `q(·; λ)` of a family, which can become any other member.
pub trait Family: Approximation {
    /// `λ`: the flat vector of unconstrained parameters, in an order that the family documents.
    fn params(&self) -> &[f64];

    /// Becomes the member with parameters `λ`; after an error it is as it was.
    ///
    /// # Errors
    /// [`ViError::Parameters`] if the length is wrong, or a number or what it stands for (such as the
    /// exponential of a log scale) is not finite.
    fn set_params(&mut self, params: &[f64]) -> Result<(), ViError>;

    /// `log q(θ)` and `∂ log q(θ)/∂θ` at fixed `λ`, for every point.
    fn log_density_and_gradient(&self, points: &Draws) -> (Vec<f64>, Draws);

    /// `−E_q[log q]` in nats, where it is known in closed form.
    fn entropy(&self) -> Option<f64> {
        None
    }
}

/// A family whose draws are a differentiable function `θ = T(ε; λ)` of noise that does not depend on
/// `λ`.
pub trait Reparameterised: Family {
    /// The number of noise coordinates of one draw.
    fn noise_dimension(&self) -> usize {
        self.dimension()
    }

    /// Noise for `n_draws` draws; by default standard normal.
    fn noise(&self, n_draws: usize, stream: &mut Stream) -> Draws {
        standard_normal_draws(self.noise_dimension(), n_draws, stream)
    }

    /// The draws `T(ε; λ)` and `log q` at them.
    fn transform(&self, noise: &Draws) -> (Draws, Vec<f64>);

    /// Adds `Σ_s (∂T(ε_s; λ)/∂λ)ᵀ v_s` to `gradient`, for one cotangent `v_s` per draw (usually
    /// `∂h/∂θ` there).
    fn pull_back(&self, noise: &Draws, cotangents: &Draws, gradient: &mut [f64]);

    /// Adds `Σ_s w_s d/dλ log q(T(ε_s; λ); λ)`, the total derivative, to `gradient`.
    fn pull_back_log_density(&self, noise: &Draws, weights: &[f64], gradient: &mut [f64]);

    /// Both of the above in one go, for families to which that is cheaper.
    fn pull_back_both(
        &self,
        noise: &Draws,
        cotangents: &Draws,
        weights: &[f64],
        gradient: &mut [f64],
    ) {
        self.pull_back(noise, cotangents, gradient);
        self.pull_back_log_density(noise, weights, gradient);
    }

    /// `∂/∂λ` of the [entropy](Family::entropy), where that is known in closed form.
    fn entropy_gradient(&self) -> Option<Vec<f64>> {
        None
    }
}

/// A family whose log density can be differentiated in `λ` at fixed points.
pub trait Scored: Family {
    /// `∇_λ log q(θ_s; λ)`, one column per point: `(n_params, n_draws)`.
    fn scores(&self, points: &Draws) -> Draws;
}

/// A family whose Fisher information `F(λ)` is known and easily inverted.
pub trait Natural: Family {
    /// `gradient ← F(λ)⁻¹ gradient`.
    fn natural_gradient(&self, gradient: &mut [f64]);
}

/// `dimension × n_draws` standard normal numbers.
pub fn standard_normal_draws(dimension: usize, n_draws: usize, stream: &mut Stream) -> Draws {
    let mut draws = Draws::zeros(dimension, n_draws);
    fill_standard_normal(stream, draws.as_mut_slice());
    draws
}

/// Rebuilds a fit from its family's [name](Approximation::name) and its
/// [arrays](Approximation::arrays).
///
/// # Errors
/// [`ViError::Parameters`] if the name is none of ours, or an array is missing or of another shape.
pub fn restore(name: &str, arrays: &Arrays) -> Result<Box<dyn Approximation>, ViError> {
    type Boxed = Box<dyn Approximation>;
    fn boxed<Q: Approximation + 'static>(q: Result<Q, ViError>) -> Result<Boxed, ViError> {
        Ok(Box::new(q?))
    }
    match name {
        MeanField::NAME => boxed(MeanField::from_arrays(arrays)),
        FullRank::NAME => boxed(FullRank::from_arrays(arrays)),
        LowRank::NAME => boxed(LowRank::from_arrays(arrays)),
        Block::NAME => boxed(Block::from_arrays(arrays)),
        Copula::NAME => boxed(Copula::from_arrays(arrays)),
        Student::NAME => boxed(Student::from_arrays(arrays)),
        Mixture::<FullRank>::NAME => mixture::restore(arrays),
        flow::RealNvp::NAME => boxed(flow::RealNvp::from_arrays(arrays)),
        flow::NeuralSpline::NAME => boxed(flow::NeuralSpline::from_arrays(arrays)),
        Dirichlet::NAME => boxed(Dirichlet::from_arrays(arrays)),
        Bernoulli::NAME => boxed(Bernoulli::from_arrays(arrays)),
        Categorical::NAME => boxed(Categorical::from_arrays(arrays)),
        Exponential::NAME => boxed(Independent::<Exponential>::from_arrays(arrays)),
        Gamma::NAME => boxed(Independent::<Gamma>::from_arrays(arrays)),
        Beta::NAME => boxed(Independent::<Beta>::from_arrays(arrays)),
        LogNormal::NAME => boxed(Independent::<LogNormal>::from_arrays(arrays)),
        StudentT::NAME => boxed(Independent::<StudentT>::from_arrays(arrays)),
        MixedMeanField::NAME => boxed(MixedMeanField::from_arrays(arrays)),
        PathMixture::NAME => boxed(PathMixture::from_arrays(arrays)),
        _ => Err(ViError::Parameters {
            family: "family",
            name: "name",
            found: format!("{name:?}"),
            requirement: "that of a family which this version knows",
        }),
    }
}

/// [`Reparameterised::pull_back_log_density`] for a family that has scores: along the draws, and then
/// at fixed draws.
fn add_total_derivative<F: Reparameterised + Scored>(
    q: &F,
    noise: &Draws,
    weights: &[f64],
    gradient: &mut [f64],
) {
    let points = q.transform(noise).0;
    let mut along = q.log_density_and_gradient(&points).1;
    for i in 0..q.dimension() {
        for (v, w) in along.coordinate_mut(i).iter_mut().zip(weights) {
            *v *= w;
        }
    }
    q.pull_back(noise, &along, gradient);
    let scores = q.scores(&points);
    for (i, g) in gradient.iter_mut().enumerate() {
        *g += elbo_math::linalg::dot(scores.coordinate(i), weights);
    }
}

/// The array `name`, of `family`.
pub(crate) fn array<'a>(
    family: &'static str,
    arrays: &'a Arrays,
    name: &'static str,
) -> Result<&'a Array, ViError> {
    arrays.get(name).ok_or(ViError::Parameters {
        family,
        name,
        found: "missing".into(),
        requirement: "among the saved arrays",
    })
}

/// Checks that a vector has a length and holds finite numbers only.
pub(crate) fn check_finite(
    family: &'static str,
    name: &'static str,
    values: &[f64],
    length: usize,
) -> Result<(), ViError> {
    let fault = |found, requirement| {
        Err(ViError::Parameters {
            family,
            name,
            found,
            requirement,
        })
    };
    if length == 0 {
        return Err(ViError::ZeroDimension);
    }
    if values.len() != length {
        let found = format!("of length {} where {length} is right", values.len());
        return fault(found, "of the family's dimension");
    }
    match values.iter().find(|v| !v.is_finite()) {
        Some(v) => fault(v.to_string(), "finite"),
        None => Ok(()),
    }
}

/// The exponentials of log scales.
fn scales(family: &'static str, logs: &[f64]) -> Result<Vec<f64>, ViError> {
    let scales: Vec<f64> = logs.iter().map(|l| l.exp()).collect();
    check_scales(family, &scales)?;
    Ok(scales)
}

pub(crate) fn check_scales(family: &'static str, scales: &[f64]) -> Result<(), ViError> {
    match scales.iter().find(|s| !(s.is_normal() && **s > 0.0)) {
        Some(s) => Err(ViError::Parameters {
            family,
            name: "scale",
            found: s.to_string(),
            requirement: "positive and finite",
        }),
        None => Ok(()),
    }
}
