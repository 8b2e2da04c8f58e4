//! `lowrank`: the best Gaussian whose covariance is diagonal plus low rank.
//!
//! Time and memory per step are linear in the dimension. Deliberately absent: the loop and its step
//! sizes (`first_order`).

use elbo_math::random::stream;

use super::beginning::beginning;
use super::first_order::{Beginning, FirstOrderConfig, FirstOrderState};
use super::{Description, Info, Method, Start};
use crate::family::{Family, LowRank as Member, MeanField};
use crate::{Approximation, Halves, Target, ViError};

/// How help and documentation list it.
pub const DESCRIPTION: Description = Description {
    name: "lowrank",
    summary: "a Gaussian of diagonal plus low-rank covariance, linear in the dimension",
    options: &[
        ("rank", "8", "columns of the low-rank part"),
        ("n_draws", "16", "draws per step"),
        ("batch_size", "all", "rows of data per step"),
        ("tolerance", "0.01", "nats that may be left to gain"),
    ],
};

/// The method.
#[derive(Debug, Clone, PartialEq)]
pub struct LowRank {
    /// Columns of the low-rank part; no more than coordinates are used.
    pub rank: usize,
    /// The settings.
    pub config: FirstOrderConfig,
}

impl Default for LowRank {
    fn default() -> Self {
        Self {
            rank: 8,
            config: FirstOrderConfig::default(),
        }
    }
}

impl Method for LowRank {
    type State = FirstOrderState<Member>;

    fn init(&self, target: &Target<'_>, start: &Start, seed: u64) -> Result<Self::State, ViError> {
        if self.rank == 0 {
            return Err(ViError::Setting {
                name: "rank",
                value: "0".into(),
                requirement: "at least 1",
            });
        }
        let (mean, scales) = beginning(target, start, seed)?;
        let rank = self.rank.min(mean.len());
        let diagonal = MeanField::new(mean, scales.clone())?;
        let mut rng = stream(seed, "method/lowrank", 0);
        let q = Member::near(&diagonal, rank, &mut rng)?;
        let mut units = scales.clone();
        units.resize(2 * scales.len(), 1.0);
        units.extend(scales.iter().flat_map(|s| std::iter::repeat_n(*s, rank)));
        debug_assert_eq!(units.len(), q.params().len());
        let beginning = Beginning {
            q,
            units,
            scales,
            rate: 0.05,
        };
        FirstOrderState::new(&self.config, target, beginning, seed)
    }

    fn step(&self, target: &Target<'_>, state: &mut Self::State) -> Result<Info, ViError> {
        state.step(&self.config, target)
    }

    fn finish(
        &self,
        target: &Target<'_>,
        state: Self::State,
    ) -> Result<Box<dyn Approximation>, ViError> {
        Ok(Box::new(state.best(target)?))
    }

    fn halves(&self, state: &Self::State) -> Option<Halves> {
        state.halves()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::{DriverConfig, fit, silent};
    use crate::testing;
    use crate::{DensityError, LogDensity};

    /// A normalised Gaussian of precision `I + v vᵀ · strength`, `v` with entries ±1/√D.
    struct Spiked {
        dimension: usize,
        strength: f64,
    }

    impl LogDensity for Spiked {
        fn log_density_and_gradient(&self, x: &[f64], g: &mut [f64]) -> Result<f64, DensityError> {
            let n = self.dimension as f64;
            let sign = |i: usize| if i.is_multiple_of(3) { -1.0 } else { 1.0 } / n.sqrt();
            let along: f64 = x.iter().enumerate().map(|(i, v)| sign(i) * v).sum();
            let mut square = 0.0;
            for (i, v) in x.iter().enumerate() {
                g[i] = -v - self.strength * along * sign(i);
                square += v * v;
            }
            let constant = -0.5 * n * std::f64::consts::TAU.ln() + 0.5 * (1.0 + self.strength).ln();
            Ok(constant - 0.5 * (square + self.strength * along * along))
        }
    }

    #[test]
    fn a_long_direction_is_found() {
        // Variance 1/(1 − 0.99) = 100 along v, 1 elsewhere: mean-field loses ½ log 100 less what its
        // diagonal recovers; rank 1 loses nothing.
        let density = Spiked {
            dimension: 40,
            strength: -0.99,
        };
        let target = Target::new(&density, 40).unwrap();
        let method = LowRank {
            rank: 2,
            ..LowRank::default()
        };
        let config = DriverConfig::default();
        let found = fit(&method, &target, &Start::Random, 1, &config, &mut silent).unwrap();
        assert!(found.outcome.converged(), "{:?}", found.outcome.stopped);
        let (points, log_q) = found.approximation.sample(4000, &mut stream(1, "test", 0));
        let log_p = target.log_densities(&points).unwrap();
        let elbo = log_p.iter().zip(&log_q).map(|(p, q)| p - q).sum::<f64>() / 4000.0;
        // The tolerance asks for 0.01 nats; the estimate's own error is about as large.
        assert!(elbo.abs() < 0.1, "{elbo}");
    }

    #[test]
    fn memory_is_linear_in_the_dimension() {
        let dimension = 20_000; // a D × D matrix would take 3.2 GB
        let density = Spiked {
            dimension,
            strength: -0.9,
        };
        let target = Target::new(&density, dimension).unwrap();
        let config = DriverConfig {
            max_iters: 3,
            ..DriverConfig::default()
        };
        let method = LowRank::default();
        let found = fit(&method, &target, &Start::Random, 1, &config, &mut silent).unwrap();
        let arrays = found.approximation.arrays();
        let numbers: usize = arrays.values().map(|a| a.to_f64().len()).sum();
        assert_eq!(numbers, dimension * (2 + 8));
    }

    #[test]
    fn targets_that_are_not_gaussian_give_finite_fits() {
        for (density, d) in [
            (&testing::BANANA as &dyn LogDensity, 2),
            (&testing::FUNNEL, 5),
            (&testing::TWO_MODES, 2),
        ] {
            let target = Target::new(density, d).unwrap();
            let config = DriverConfig {
                max_iters: 300,
                ..DriverConfig::default()
            };
            let method = LowRank::default();
            let found = fit(&method, &target, &Start::Random, 1, &config, &mut silent).unwrap();
            assert_eq!(found.failure, None);
            let (elbo, error) = found.outcome.elbo().unwrap();
            assert!(elbo < 5.0 * error && elbo > -10.0, "{elbo} ± {error}");
        }
    }
}
