//! `fullrank`: the best Gaussian with any covariance, by natural gradients.
//!
//! On a Gaussian target it is exact: the noise of its gradients vanishes as it gets there.
//! Deliberately absent: the loop and its step sizes (`natural`).

use super::Description;
use super::natural::{GaussianConfig, by_natural_steps};
use crate::family::FullRank as Family;

/// How help and documentation list it.
pub const DESCRIPTION: Description = Description {
    name: "fullrank",
    summary: "a Gaussian with any covariance, by natural gradients",
    options: &[
        ("n_draws", "2 per coordinate, 16 to 512", "draws per step"),
        ("batch_size", "all", "rows of data per step"),
        ("tolerance", "0.01", "nats that may be left to gain"),
    ],
};

/// The method.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FullRank {
    /// The settings.
    pub config: GaussianConfig,
}

by_natural_steps!(FullRank, Family);
