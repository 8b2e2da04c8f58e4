//! `fullrank`: the best Gaussian with any covariance, by natural gradients.
//!
//! On a Gaussian target it is exact: the noise of its gradients vanishes as it gets there.
//! Deliberately absent: the loop and its step sizes (`natural`).

use super::natural::{self, GaussianConfig, NaturalState};
use super::{Description, Info, Method, Start};
use crate::family::FullRank as Family;
use crate::{Approximation, Halves, Target, ViError};

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

impl Method for FullRank {
    type State = NaturalState<Family>;

    fn init(&self, target: &Target<'_>, start: &Start, seed: u64) -> Result<Self::State, ViError> {
        natural::init(&self.config, target, start, seed)
    }

    fn step(&self, target: &Target<'_>, state: &mut Self::State) -> Result<Info, ViError> {
        natural::step(&self.config, target, state)
    }

    fn finish(
        &self,
        target: &Target<'_>,
        state: Self::State,
    ) -> Result<Box<dyn Approximation>, ViError> {
        natural::finish(target, state)
    }

    fn halves(&self, state: &Self::State) -> Option<Halves> {
        natural::halves(state)
    }
}
