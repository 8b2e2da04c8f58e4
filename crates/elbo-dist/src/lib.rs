//! Probability distributions: log densities, draws, moments, entropies and exponential families.
//!
//! The one idea: one file per distribution, and few small traits. [`Distribution`] is what all of
//! them can do; [`Moments`], [`Entropy`], [`Cumulative`] and [`ExponentialFamily`] are what some
//! can. Constructors validate once, so that no other method can fail. All logarithms are natural,
//! all constants are kept: an evidence bound adds them up.
//!
//! Deliberately absent: constraint transforms and gradients in the parameters (variational
//! families own those), updates from data (the models'), and dynamic dispatch.
//!
//! ```
//! use elbo_dist::{Distribution, Entropy, ExponentialFamily, Gamma, Moments};
//!
//! let (p, q) = (Gamma::new(3.0, 2.0)?, Gamma::new(2.0, 2.0)?);
//! assert_eq!(p.mean(), 1.5);
//! assert_eq!(p.log_density(&-1.0), f64::NEG_INFINITY);
//! assert!(p.kl(&q) > 0.0 && p.entropy().is_finite());
//! # Ok::<(), elbo_dist::DistError>(())
//! ```

mod error;
mod gamma_ratio;
mod half_vector;
mod information;
mod root;
mod traits;

mod bernoulli;
mod beta;
mod binomial;
mod categorical;
mod dirichlet;
mod exponential;
mod gamma;
mod half_cauchy;
mod half_normal;
mod inverse_gamma;
mod inverse_wishart;
mod laplace;
mod lkj;
mod log_normal;
mod multivariate_normal;
mod multivariate_student_t;
mod negative_binomial;
mod normal;
mod normal_gamma;
mod normal_wishart;
mod poisson;
mod student_t;
mod uniform;
mod wishart;

pub use bernoulli::Bernoulli;
pub use beta::Beta;
pub use binomial::Binomial;
pub use categorical::Categorical;
pub use dirichlet::Dirichlet;
pub use exponential::Exponential;
pub use gamma::Gamma;
pub use half_cauchy::HalfCauchy;
pub use half_normal::HalfNormal;
pub use inverse_gamma::InverseGamma;
pub use inverse_wishart::InverseWishart;
pub use laplace::Laplace;
pub use lkj::Lkj;
pub use log_normal::LogNormal;
pub use multivariate_normal::MultivariateNormal;
pub use multivariate_student_t::MultivariateStudentT;
pub use negative_binomial::NegativeBinomial;
pub use normal::Normal;
pub use normal_gamma::NormalGamma;
pub use normal_wishart::{MeanAndPrecision, NormalWishart};
pub use poisson::Poisson;
pub use student_t::StudentT;
pub use uniform::Uniform;
pub use wishart::Wishart;

pub use error::DistError;
pub use traits::{Cumulative, Distribution, Draw, Entropy, ExponentialFamily, Moments};
