//! The capabilities that a distribution may have, one trait each.
//!
//! The one idea: what every distribution can do (density, draws) is one trait, and what only some
//! can do is another each, so that code asks for exactly what it needs. Deliberately absent:
//! parameters' gradients (those live on unconstrained space, in the variational families) and
//! anything dynamic; a table of distributions is a table of functions in the tests.

use elbo_math::linalg::dot;
use elbo_math::random::Rng;

use crate::DistError;

/// A draw of the distribution `D`: `f64`, `usize`, `Vec<f64>`, `Matrix`, …
pub type Draw<D> = <<D as Distribution>::Point as ToOwned>::Owned;

/// A probability distribution: a density and a way to draw from it.
pub trait Distribution {
    /// What the density is a function of: `f64`, `usize`, `[f64]`, `Matrix`, or a pair.
    type Point: ToOwned + ?Sized;

    /// Evaluates the log density (log mass for counts) at `x`, in nats, with every constant.
    ///
    /// `−∞` outside the support; NaN only where `x` holds a NaN.
    ///
    /// # Panics
    /// If `x` is a vector or matrix of another shape than the distribution's.
    fn log_density(&self, x: &Self::Point) -> f64;

    /// Draws one point.
    fn sample(&self, rng: &mut impl Rng) -> Draw<Self>;
}

/// Mean and variance, exact.
///
/// Infinite where the integral diverges, NaN where it does not exist.
pub trait Moments: Distribution {
    /// `f64`, or shaped like the point.
    type Mean;
    /// `f64`; for a vector the covariance matrix; for a matrix the variance of each entry.
    type Variance;

    /// The mean `E[x]`.
    fn mean(&self) -> Self::Mean;

    /// The variance `E[(x − E[x])²]`, or covariance `E[(x − E[x])(x − E[x])ᵀ]`.
    fn variance(&self) -> Self::Variance;
}

/// The entropy, exact: in closed form or as a convergent sum.
pub trait Entropy: Distribution {
    /// `−E[log p(x)]`, in nats; negative values are right for a narrow density.
    fn entropy(&self) -> f64;
}

/// The distribution function of a real variable and its inverse.
pub trait Cumulative: Distribution<Point = f64> {
    /// `P(X ≤ x)`.
    fn cdf(&self, x: f64) -> f64;

    /// The `x` with `P(X ≤ x) = p`; NaN for `p` outside `[0, 1]`.
    fn quantile(&self, p: f64) -> f64;
}

/// A family with density `h(x) exp(⟨η, T(x)⟩ − A(η))`.
///
/// Representations are minimal: `η` ranges over an open set and `∇A(η) = E[T(x)]`. What a family
/// holds fixed (a binomial's number of trials, a Laplace's location, a dimension) comes from
/// `self`.
///
/// # References
/// `[@wainwright2008graphical, sec. 3]`.
pub trait ExponentialFamily: Distribution + Sized {
    /// `η`.
    fn natural_params(&self) -> Vec<f64>;

    /// The member of this family with natural parameters `natural`.
    ///
    /// # Errors
    /// [`DistError`] if `natural` has the wrong length or lies outside the natural domain.
    fn with_natural_params(&self, natural: &[f64]) -> Result<Self, DistError>;

    /// `A(η)`, the log of the normaliser.
    fn log_partition(&self) -> f64;

    /// `T(x)`.
    fn sufficient_stats(&self, x: &Self::Point) -> Vec<f64>;

    /// `E[T(x)]`, the mean parameters.
    fn expected_sufficient_stats(&self) -> Vec<f64>;

    /// `log h(x)` for `x` in the support; 0 for most families.
    fn log_base_measure(&self, _x: &Self::Point) -> f64 {
        0.0
    }

    /// Whether `other` agrees in what the family holds fixed.
    fn is_same_family(&self, other: &Self) -> bool {
        self.natural_params().len() == other.natural_params().len()
    }

    /// The divergence `KL(self ‖ other) = E_self[log self(x) − log other(x)]`, in nats.
    ///
    /// # Panics
    /// If the two are not of the [same family](Self::is_same_family).
    ///
    /// # References
    /// The Bregman divergence of `A`, `[@wainwright2008graphical, sec. 5.2.2]`.
    fn kl(&self, other: &Self) -> f64 {
        bregman(self, other)
    }
}

/// `A(η_q) − A(η_p) − ⟨η_q − η_p, E_p[T]⟩`.
pub(crate) fn bregman<E: ExponentialFamily>(p: &E, q: &E) -> f64 {
    assert!(
        p.is_same_family(q),
        "KL needs two members of the same family"
    );
    let (eta_p, eta_q) = (p.natural_params(), q.natural_params());
    let step: Vec<f64> = eta_q.iter().zip(&eta_p).map(|(b, a)| b - a).collect();
    q.log_partition() - p.log_partition() - dot(&step, &p.expected_sufficient_stats())
}
