//! `meanfield`: the best Gaussian with independent coordinates, by natural gradients.
//!
//! On a Gaussian target its means are exact and its variances are the reciprocals of the precision's
//! diagonal. Deliberately absent: the loop and its step sizes (`natural`).

use super::Description;
use super::natural::{GaussianConfig, by_natural_steps};
use crate::family::MeanField as Family;

/// How help and documentation list it.
pub const DESCRIPTION: Description = Description {
    name: "meanfield",
    summary: "a Gaussian with independent coordinates, by natural gradients",
    options: &[
        ("n_draws", "16", "draws per step"),
        ("batch_size", "all", "rows of data per step"),
        ("tolerance", "0.01", "nats that may be left to gain"),
    ],
};

/// The method.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MeanField {
    /// The settings.
    pub config: GaussianConfig,
}

by_natural_steps!(MeanField, Family);
