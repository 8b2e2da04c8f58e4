//! The contract of a method, one file per method beside this one.
//!
//! The one idea: `init → State`, `step`, `finish`. The driver owns the loop, so budget, progress,
//! stopping and checkpoints exist once. A `State` holds what the next step needs and nothing else.

pub mod adaptive;
mod any;
pub mod auto;
pub mod bam;
mod batches;
mod beginning;
pub mod copula;
mod cycles;
pub mod dadvi;
pub mod ep;
mod first_order;
pub mod flow;
pub mod fullrank;
pub mod laplace;
pub mod lowrank;
pub mod meanfield;
pub mod mixture;
mod natural;
mod outliers;
pub mod pathfinder;
pub mod probes;
pub mod score;
mod start;

pub use adaptive::Adaptive;
pub use any::AnyMethod;
pub use auto::Auto;
pub use bam::Bam;
pub use copula::Copula;
pub use dadvi::Dadvi;
pub use ep::Ep;
pub use first_order::{FirstOrderConfig, FirstOrderState};
pub use flow::Flow;
pub use fullrank::FullRank;
pub use laplace::Laplace;
pub use lowrank::{LowRank, LowRankState};
pub use meanfield::MeanField;
pub use mixture::Mixture;
pub use natural::{GaussianConfig, NaturalState};
pub use pathfinder::Pathfinder;
pub use score::Score;

use crate::{Approximation, Halves, Target, ViError};

/// Where a fit begins.
#[derive(Debug, Clone, PartialEq)]
pub enum Start {
    /// Drawn uniformly from `[−2, 2]` in every coordinate, as Stan does, until the density is finite.
    Random,
    /// A point.
    Point(Vec<f64>),
}

/// What one step reports; `..Info::default()` leaves out what a method does not know.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Info {
    /// The current estimate of the ELBO in nats, where the step made one.
    pub elbo: Option<f64>,
    /// Its standard error; 0 when exact.
    pub elbo_error: f64,
    /// Whether the method's own stopping rule is met: another step would change nothing that matters.
    pub converged: bool,
    /// Whether the step met points that are not finite and left the approximation as it was; the
    /// next step draws others. The driver ends a fit that does nothing else.
    pub rejected: bool,
    /// The coordinate with the largest standard deviation under `q`, and that standard deviation,
    /// where the step knows it; the driver ends a fit in which it runs away.
    pub widest: Option<(usize, f64)>,
}

/// A method as help, documentation and conformance tests list it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Description {
    /// What it is called everywhere.
    pub name: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// What can be set: the name, the default, what it does.
    pub options: &'static [(&'static str, &'static str, &'static str)],
}

/// Every method for any density; a new one adds its file's `DESCRIPTION` here, in alphabetical order.
/// [`ep`] is not among them: it asks for a density of factors.
pub const METHODS: &[Description] = &[
    adaptive::DESCRIPTION,
    auto::DESCRIPTION,
    bam::DESCRIPTION,
    copula::DESCRIPTION,
    dadvi::DESCRIPTION,
    flow::DESCRIPTION,
    fullrank::DESCRIPTION,
    laplace::DESCRIPTION,
    lowrank::DESCRIPTION,
    meanfield::DESCRIPTION,
    mixture::DESCRIPTION,
    pathfinder::DESCRIPTION,
    score::DESCRIPTION,
];

/// A way to approximate a target.
pub trait Method {
    /// What the next step needs.
    type State: Clone + Send;

    /// Makes the first state.
    ///
    /// # Errors
    /// Unusable settings or start.
    fn init(&self, target: &Target<'_>, start: &Start, seed: u64) -> Result<Self::State, ViError>;

    /// Moves the state on. After an error the state is as it was.
    ///
    /// # Errors
    /// What the method cannot step around.
    fn step(&self, target: &Target<'_>, state: &mut Self::State) -> Result<Info, ViError>;

    /// The approximation that the state stands for.
    ///
    /// # Errors
    /// A state from which none can be made.
    fn finish(
        &self,
        target: &Target<'_>,
        state: Self::State,
    ) -> Result<Box<dyn Approximation>, ViError>;

    /// What two parts of the run say, where the state knows it; the verdict asks whether they agree. A
    /// method without randomness, or whose state holds one answer only, has none.
    fn halves(&self, _state: &Self::State) -> Option<Halves> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::density::FromFn;
    use crate::diagnostic::doubt::Doubt;
    use crate::driver::{DriverConfig, silent};
    use crate::{FitConfig, fit};

    /// `θ = log g` with `g ~ Gamma(2, 1)`, twice: no Gaussian is exact, so every fit has noise.
    fn log_gammas(x: &[f64], g: &mut [f64]) -> f64 {
        for (g, x) in g.iter_mut().zip(x) {
            *g = 2.0 - x.exp();
        }
        x.iter().map(|x| 2.0 * x - x.exp()).sum()
    }

    #[test]
    fn stochastic_fits_keep_halves_and_those_of_a_converged_fit_agree() {
        let density = FromFn(log_gammas);
        for name in ["copula", "flow", "fullrank", "meanfield"] {
            let target = Target::new(&density, 2).unwrap();
            let method = AnyMethod::named(name).unwrap();
            let config = DriverConfig::default();
            let found = method.run(&target, &Start::Random, 1, &config, &mut silent);
            let found = found.unwrap();
            assert!(found.outcome.converged(), "{name}");
            let halves = found.halves.expect(name);
            let rng = || elbo_math::random::stream(1, "halves", 0);
            let [a, b] = halves.map(|q| q.sample(2000, &mut rng()).0);
            for i in 0..2 {
                let mean = |d: &crate::Draws| d.coordinate(i).iter().sum::<f64>() / 2000.0;
                // The same noise: what differs is the fit. A tenth of a standard deviation (0.8).
                let apart = (mean(&a) - mean(&b)).abs();
                assert!(apart < 0.08, "{name}: {apart}");
            }
        }
    }

    #[test]
    fn score_function_fits_keep_halves_too() {
        let density = FromFn(log_gammas);
        let target = Target::new(&density, 2).unwrap();
        let method = AnyMethod::named("score").unwrap();
        let config = DriverConfig {
            max_iters: 300,
            ..DriverConfig::default()
        };
        let found = method.run(&target, &Start::Random, 1, &config, &mut silent);
        assert!(found.unwrap().halves.is_some());
    }

    #[test]
    fn a_fit_cut_short_on_its_way_is_caught_by_its_halves() {
        // Rank-one steps along a valley a thousand times as long as wide, 300 standard deviations from
        // the start: the run is over long before the fit is there.
        let density = FromFn(|x: &[f64], g: &mut [f64]| {
            let (a, b) = (x[0] - x[1], x[0] + x[1] - 6e4);
            g[0] = -a - 1e-6 * b;
            g[1] = a - 1e-6 * b;
            -0.5 * a * a - 0.5e-6 * b * b
        });
        let mut config = FitConfig::new(1);
        config.method = AnyMethod::Score(Score::default());
        config.driver.max_iters = 400;
        let fit = fit(&density, 2, &config).unwrap();
        let disagree = |d: &Doubt| matches!(d, Doubt::HalvesDisagree { .. });
        assert!(fit.verdict.doubts.iter().any(disagree), "{}", fit.verdict);
    }

    #[test]
    fn starts_lie_in_the_support_or_are_refused() {
        // Finite for positive numbers only: one random start in four is.
        let density = FromFn(|x: &[f64], g: &mut [f64]| {
            g.fill(-1.0);
            if x.iter().all(|v| *v > 0.0) {
                -x.iter().sum::<f64>()
            } else {
                f64::NEG_INFINITY
            }
        });
        let target = Target::new(&density, 2).unwrap();
        let points: Vec<_> = (0..20)
            .map(|i| Start::Random.first_point(&target, 1, i).unwrap())
            .collect();
        assert!(points.iter().flatten().all(|v| (0.0..2.0).contains(v)));
        assert_ne!(points[0], points[1]);
        let start = |point: &[f64]| Start::Point(point.to_vec()).first_point(&target, 1, 0);
        assert_eq!(start(&[3.0, 1.0]), Ok(vec![3.0, 1.0]));
        let value = f64::NEG_INFINITY;
        assert_eq!(start(&[3.0, -1.0]), Err(ViError::Start { value }));
        assert!(matches!(start(&[3.0]), Err(ViError::Length { .. })));
    }
}
