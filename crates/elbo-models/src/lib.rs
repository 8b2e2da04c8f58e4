//! Conjugate models, and the drivers that fit them.
//!
//! The one idea: expected sufficient statistics are a sum. A model is a local step (a batch and the
//! current `q` → statistics) and a global step (statistics → new `q`), see [`ConjugateModel`]; its
//! author writes nothing else. [`driver`] turns that into coordinate ascent on data in memory or
//! read from a stream, and into stochastic variational inference. Deliberately absent: files,
//! clocks, printing.

pub mod conjugate;
pub mod driver;
pub mod factor;
pub mod gmm;
pub mod mixture_of_means;
pub mod posterior;
pub mod regression;

mod error;

#[cfg(test)]
mod conformance;

pub use conjugate::{ConjugateModel, Statistics};
pub use driver::{Outcome, Progress, Stopped};
pub use error::ModelError;
pub use posterior::{Fit, Posterior};
