//! Assertions for numerical tests: closeness, finite differences, integrals, Monte Carlo error and
//! goodness of fit.
//!
//! The one idea: a failure prints every number needed to judge it, and a statistical test judges by
//! its own standard error, never by a tolerance that was tuned until it passed. Seeds are literals
//! at the call. Deliberately absent: oracles of particular models, which live beside those models'
//! tests. Only tests depend on this crate, so its functions panic rather than return errors.

mod close;
mod differences;
mod goodness_of_fit;
mod integral;
mod monte_carlo;

pub use close::{assert_all_close, assert_close};
pub use differences::{gradient, jacobian_column};
pub use goodness_of_fit::{assert_counts_follow, assert_draws_follow, kolmogorov_p_value};
pub use integral::integrate;
pub use monte_carlo::{Estimate, assert_mean};
