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
mod root;
mod traits;

mod dirichlet;
mod gamma;
mod multivariate_normal;
mod multivariate_student_t;
mod normal;
mod normal_wishart;
mod student_t;
mod wishart;

pub use dirichlet::Dirichlet;
pub use error::DistError;
pub use gamma::Gamma;
pub use multivariate_normal::MultivariateNormal;
pub use multivariate_student_t::MultivariateStudentT;
pub use normal::Normal;
pub use normal_wishart::{MeanAndPrecision, NormalWishart};
pub use student_t::StudentT;
pub use traits::{Cumulative, Distribution, Draw, Entropy, ExponentialFamily, Moments};
pub use wishart::Wishart;
