//! Variational inference: an approximate posterior, fast, with its evidence bound in nats.
//!
//! The one idea: this crate is a face, not a body. It re-exports the crates below under stable
//! paths, so that a program needs one dependency and their split can change. Deliberately absent:
//! logic, and files (`elbo-data`).
//!
//! | path | what |
//! |---|---|
//! | [`models`] | models to fit, and the drivers: in memory, by mini-batches, from a stream |
//! | [`dist`] | distributions and exponential families |
//! | [`math`] | linear algebra, special functions, random streams, parallel sums |
//!
//! # A density and its bound
//!
//! ```
//! use elbo::dist::{ExponentialFamily, Gamma, Moments};
//!
//! // A rate with a Gamma(2, 1) prior; 3 waiting times that sum to 4.5 make a Gamma(5, 5.5).
//! let prior = Gamma::new(2.0, 1.0)?;
//! let posterior = Gamma::new(2.0 + 3.0, 1.0 + 4.5)?;
//! assert!((posterior.mean() - 5.0 / 5.5).abs() < 1e-12);
//! // ELBO = E log p(data | rate) − KL(q ‖ prior); with the exact posterior, the log evidence:
//! // log p(data) = log Γ(5)/Γ(2) − 5 log 5.5.
//! let expected_log_likelihood = 3.0 * posterior.mean_log() - 4.5 * posterior.mean();
//! let elbo = expected_log_likelihood - posterior.kl(&prior);
//! assert!((elbo - (24.0_f64.ln() - 5.0 * 5.5_f64.ln())).abs() < 1e-12);
//! # Ok::<(), elbo::dist::DistError>(())
//! ```

pub use elbo_dist as dist;
pub use elbo_math as math;
pub use elbo_models as models;
