//! `lowrank`: the best Gaussian whose covariance is diagonal plus low rank.
//!
//! Time and memory per step are linear in the dimension. On all data steps are in closed form
//! ([`WholeState`]); by mini-batches, and where those do not hold their ground, they are first-order ones
//! (`first_order`). Deliberately absent: the loop.

mod directions;
mod whole;

pub use whole::WholeState;

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

impl LowRank {
    fn by_first_order(
        &self,
        q: Member,
        target: &Target<'_>,
        seed: u64,
    ) -> Result<LowRankState, ViError> {
        let scales = q.standard_deviations().unwrap_or_default();
        let rank = (q.params().len() - 2 * scales.len()) / scales.len();
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
        let state = FirstOrderState::new(&self.config, target, beginning, seed)?;
        Ok(LowRankState::FirstOrder(Box::new(state)))
    }
}

/// What the next step needs.
#[derive(Debug, Clone, PartialEq)]
pub enum LowRankState {
    /// Of a fit to all data at once.
    Whole(Box<WholeState>),
    /// Of a fit by mini-batches, or one that was not safe otherwise.
    FirstOrder(Box<FirstOrderState<Member>>),
}

impl Method for LowRank {
    type State = LowRankState;

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
        let n_rows = target.n_rows().unwrap_or(usize::MAX);
        if self.config.batch_size.is_none_or(|size| size >= n_rows) {
            self.config.check()?;
            let state = WholeState::new(mean, scales, rank, seed)?;
            return Ok(LowRankState::Whole(Box::new(state)));
        }
        let diagonal = MeanField::new(mean, scales)?;
        let mut rng = stream(seed, "method/lowrank", 0);
        let q = Member::near(&diagonal, rank, &mut rng)?;
        self.by_first_order(q, target, seed)
    }

    fn step(&self, target: &Target<'_>, state: &mut Self::State) -> Result<Info, ViError> {
        let (info, given_up) = match state {
            LowRankState::Whole(state) => {
                let tolerance = self.config.tolerance_in(target.dimension());
                let info = state.step(self.config.n_draws, tolerance, target)?;
                (info, state.given_up())
            }
            LowRankState::FirstOrder(state) => (state.step(&self.config, target)?, None),
        };
        if let Some((q, seed)) = given_up {
            *state = self.by_first_order(q, target, seed)?;
        }
        Ok(info)
    }

    fn finish(
        &self,
        target: &Target<'_>,
        state: Self::State,
    ) -> Result<Box<dyn Approximation>, ViError> {
        Ok(match state {
            LowRankState::Whole(state) => Box::new(state.approximation().clone()),
            LowRankState::FirstOrder(state) => Box::new(state.best(target)?),
        })
    }

    fn halves(&self, state: &Self::State) -> Option<Halves> {
        match state {
            // Its end is not an average of iterates.
            LowRankState::Whole(_) => None,
            LowRankState::FirstOrder(state) => state.halves(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::density::FromFn;
    use crate::driver::{DriverConfig, fit, silent};
    use crate::testing;
    use crate::{DensityError, LogDensity};
    use elbo_math::linalg::{Cholesky, Matrix, dot, matmul};
    use elbo_math::random::standard_normal;

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

    /// `N(m, diag(s²) + f fᵀ)` with `f` of a size like `s`, by the formula of Sherman and Morrison.
    struct Factor {
        mean: Vec<f64>,
        scales: Vec<f64>,
        loadings: Vec<f64>, // f/s
    }

    impl Factor {
        fn new(d: usize) -> Self {
            let mut rng = stream(3, "lowrank/factor", 0);
            let mut normals =
                || -> Vec<f64> { (0..d).map(|_| standard_normal(&mut rng)).collect() };
            Self {
                mean: normals(),
                scales: normals().iter().map(|v| (0.5 * v).exp()).collect(),
                loadings: normals(),
            }
        }
    }

    impl LogDensity for Factor {
        fn log_density_and_gradient(&self, x: &[f64], g: &mut [f64]) -> Result<f64, DensityError> {
            let z: Vec<f64> = (0..x.len())
                .map(|i| (x[i] - self.mean[i]) / self.scales[i])
                .collect();
            let along = dot(&self.loadings, &z);
            let determinant = 1.0 + dot(&self.loadings, &self.loadings);
            for i in 0..x.len() {
                g[i] = (along / determinant * self.loadings[i] - z[i]) / self.scales[i];
            }
            let logs: f64 = self.scales.iter().map(|s| s.ln()).sum();
            Ok(
                -0.5 * (dot(&z, &z) - along * along / determinant + determinant.ln())
                    - logs
                    - 0.5 * x.len() as f64 * std::f64::consts::TAU.ln(),
            )
        }
    }

    #[test]
    fn the_best_member_is_found_in_any_dimension() {
        for d in [10, 1000, 20_000] {
            let density = Factor::new(d);
            let target = Target::new(&density, d).unwrap();
            let method = LowRank {
                rank: 2,
                ..LowRank::default()
            };
            let config = DriverConfig {
                max_iters: 200,
                ..DriverConfig::default()
            };
            let found = fit(&method, &target, &Start::Random, 1, &config, &mut silent).unwrap();
            assert!(
                found.outcome.converged(),
                "{d}: {:?}",
                found.outcome.stopped
            );
            // The target is normalised and in the family, so its ELBO is 0 there, draw by draw.
            let (points, log_q) = found.approximation.sample(64, &mut stream(1, "test", 0));
            let log_p = target.log_densities(&points).unwrap();
            let elbo = log_p.iter().zip(&log_q).map(|(p, q)| p - q).sum::<f64>() / 64.0;
            assert!(elbo.abs() < f64::max(0.01, 1e-3 * d as f64), "{d}: {elbo}");
        }
    }

    #[test]
    fn on_a_posterior_that_no_member_equals_the_answer_is_stationary() {
        // Regression: precision 1 + XᵀX, whose stiff directions no member has. Its best member is where
        // the two conditions of `whole` hold; they are checked against the known precision.
        let d = 30;
        let mut rng = stream(4, "lowrank/regression", 0);
        let rows: Vec<Vec<f64>> = (0..40)
            .map(|_| (0..d).map(|_| 0.3 * standard_normal(&mut rng)).collect())
            .collect();
        let mut precision = Matrix::identity(d);
        for row in &rows {
            for i in 0..d {
                for j in 0..d {
                    precision[(i, j)] += row[i] * row[j];
                }
            }
        }
        let density = FromFn(|x: &[f64], g: &mut [f64]| {
            let product = precision.matvec(x);
            for (g, p) in g.iter_mut().zip(&product) {
                *g = -p;
            }
            -0.5 * dot(x, &product)
        });
        let target = Target::new(&density, d).unwrap();
        let method = LowRank {
            rank: 3,
            config: FirstOrderConfig {
                tolerance: Some(1e-3),
                ..FirstOrderConfig::default()
            },
        };
        let config = DriverConfig::default();
        let found = fit(&method, &target, &Start::Random, 1, &config, &mut silent).unwrap();
        assert!(found.outcome.converged(), "{:?}", found.outcome.stopped);
        let arrays = found.approximation.arrays();
        let scales = arrays["scales"].to_f64();
        let factor = Matrix::from_vec(d, 3, arrays["factor"].to_f64());
        let mut covariance = elbo_math::linalg::matmul_nt(&factor, &factor);
        for (i, s) in scales.iter().enumerate() {
            covariance[(i, i)] += s * s;
        }
        let inverse = Cholesky::new(&covariance).unwrap().inverse();
        // An error e in the logarithm of each variance costs e²/4 nats: 1e-3 nats over thirty of them
        // is an error of 0.012; the noise of single ones may be a few times that.
        for i in 0..d {
            let ratio = inverse[(i, i)] / precision[(i, i)];
            assert!((ratio - 1.0).abs() < 0.06, "{i}: {ratio}");
        }
        let (is, should) = (matmul(&inverse, &factor), matmul(&precision, &factor));
        for i in 0..d {
            for j in 0..3 {
                let off = (is[(i, j)] - should[(i, j)]) * scales[i];
                assert!(off.abs() < 0.06, "({i}, {j}): {off}");
            }
        }
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
