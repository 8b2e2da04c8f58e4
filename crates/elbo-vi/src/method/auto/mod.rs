//! `auto`: from cheap to rich until the verdict is good or the ladder ends.
//!
//! The one idea: each rung starts where the last one ended and is judged by the same verdict; what is
//! returned is the best that was found, with whatever grade it has earned. Deliberately absent: the
//! methods themselves, and any grade that would depend on how far the climb went.

mod adapted;
mod annealed;
mod climb;
mod modes;
mod rung;
#[cfg(test)]
mod tests;

use climb::Climb;
pub use rung::Rung;

use super::{AnyMethod, Description, FullRank, LowRank, Pathfinder, Start};
use crate::diagnostic::verdict::VerdictConfig;
use crate::driver::{DriverConfig, Fitted, Observer};
use crate::family::MeanField;
use crate::{Target, ViError};

/// How help and documentation list it.
pub const DESCRIPTION: Description = Description {
    name: "auto",
    summary: "climbs from Pathfinder to richer families until the verdict is good",
    options: &[],
};

/// Up to here a covariance matrix is fitted whole.
const FULL_RANK: usize = 300;

/// Up to here a flow is worth its training.
const FLOW: usize = 100;

/// Up to here it is worth it before draws are carried.
const SMALL: usize = 20;

/// Up to here a few Gaussians may cover a bent posterior, for next to nothing.
const MIXTURE: usize = 10;

/// The ladder.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Auto {
    /// How every rung is judged.
    pub verdict: VerdictConfig,
}

impl Auto {
    /// Climbs; answers every rung in order, and which is best.
    ///
    /// # Errors
    /// The first rung's error if no rung found anything, and what the density fails with.
    pub fn climb(
        &self,
        target: &Target<'_>,
        start: &Start,
        seed: u64,
        config: &DriverConfig,
        observer: &mut Observer<'_>,
    ) -> Result<(Vec<Rung>, usize), ViError> {
        self.climb_from(target, None, start, seed, config, observer)
    }

    /// As [`climb`](Self::climb), with a Gaussian that is known already as the first rung.
    ///
    /// # Errors
    /// As [`climb`](Self::climb).
    pub(crate) fn climb_from(
        &self,
        target: &Target<'_>,
        given: Option<MeanField>,
        start: &Start,
        seed: u64,
        config: &DriverConfig,
        observer: &mut Observer<'_>,
    ) -> Result<(Vec<Rung>, usize), ViError> {
        let dimension = target.dimension();
        let mut climb = Climb::new(target, start, seed, config, self.verdict, observer);
        if let Some(q) = given {
            climb.given(q)?;
            climb.adapt()?;
        }
        // Paths look for what a fair Gaussian needs no more: where the mass is.
        if !climb.is_fair() {
            climb.run(&AnyMethod::Pathfinder(Pathfinder {
                n_paths: 8,
                ..Pathfinder::default()
            }))?;
            climb.mix()?;
            climb.adapt()?;
        }
        climb.run(&if dimension <= FULL_RANK {
            AnyMethod::FullRank(FullRank::default())
        } else {
            AnyMethod::LowRank(LowRank::default())
        })?;
        climb.mix()?;
        climb.adapt()?;
        if dimension <= MIXTURE {
            climb.mix_anyway()?;
        }
        // In few dimensions a flow costs less than carrying draws, in many more.
        let small = dimension <= SMALL;
        if small {
            climb.bend()?;
            climb.adapt()?;
        }
        climb.anneal()?;
        if !small && dimension <= FLOW {
            climb.bend()?;
            climb.adapt()?;
        }
        climb.end()
    }

    /// Climbs, and answers the best rung's approximation.
    ///
    /// # Errors
    /// As [`climb`](Self::climb).
    pub fn run(
        &self,
        target: &Target<'_>,
        start: &Start,
        seed: u64,
        config: &DriverConfig,
        observer: &mut Observer<'_>,
    ) -> Result<Fitted, ViError> {
        let (mut rungs, best) = self.climb(target, start, seed, config, observer)?;
        Ok(rungs.swap_remove(best).into_found())
    }
}
