//! Where a chain begins: at a draw of Pathfinder's.
//!
//! The one idea: a chain that begins anywhere may be caught far from the mass, where trajectories are
//! long and steps tiny; quasi-Newton paths get from there to the mass in a few hundred gradients
//! `[@zhang2022pathfinder]`. Every chain has paths of its own, so that chains may still disagree.
//! Deliberately absent: any claim that such a draw is one of the target's; warm-up goes on from it.

use elbo_math::random::{RngExt as _, stream};

use super::SampleConfig;
use crate::method::Method as _;
use crate::method::pathfinder::resample;
use crate::{Target, ViError};

/// Draws of its paths that a chain's first point is chosen from, by their weights.
const CANDIDATES: usize = 100;

/// A draw of the chain's own paths; the start itself where there are none, or these find nothing.
pub(super) fn of_chain(
    target: &Target<'_>,
    config: &SampleConfig,
    seed: u64,
    chain: u64,
) -> Result<Vec<f64>, ViError> {
    let first = config.start.first_point(target, seed, chain)?;
    let Some(pathfinder) = &config.pathfinder else {
        return Ok(first);
    };
    // Paths are keyed by a seed alone, and every chain needs its own.
    let own: u64 = stream(seed, "sample/paths", chain).random();
    let climb = || {
        let mut state = pathfinder.init(target, &config.start, own)?;
        while !pathfinder.step(target, &mut state)?.converged {}
        let mixture = pathfinder.mixture(target, &state)?;
        resample(&mixture, target, CANDIDATES, 1, own)
    };
    match climb() {
        Ok(kept) if kept.draws.n_draws() == 1 => Ok(kept.draws.draw(0)),
        Err(error @ (ViError::Density(_) | ViError::Panicked { .. } | ViError::Setting { .. })) => {
            Err(error)
        }
        // The sampler may still find its way.
        _ => Ok(first),
    }
}

#[cfg(test)]
mod tests {
    use elbo_testkit::Estimate;

    use crate::Target;
    use crate::density::FromFn;
    use crate::sample::{SampleConfig, sample};

    #[test]
    fn chains_begin_in_the_mass_however_far_it_is() {
        // Ten thousand standard deviations from every random start, and next to no warm-up.
        let density = FromFn(|x: &[f64], g: &mut [f64]| {
            let mut value = 0.0;
            for (g, x) in g.iter_mut().zip(x) {
                *g = 1e4 - x;
                value -= 0.5 * (x - 1e4).powi(2);
            }
            value
        });
        let target = Target::new(&density, 3).unwrap();
        let config = SampleConfig {
            n_warmup: 20,
            ..SampleConfig::default()
        };
        let sample = sample(&target, &config, 6).unwrap();
        for summary in &sample.summaries {
            Estimate {
                mean: summary.mean,
                mcse: summary.mcse_mean,
            }
            .assert_agrees("mean", 6, 1e4);
            assert!(summary.sd < 2.0, "{}", summary.sd);
        }
    }
}
