//! `flow`: a Gaussian bent into shape by a normalizing flow.
//!
//! The one idea: first the best Gaussian is found, whose map whitens the target; the flow then learns
//! only what is not Gaussian, and starts as that Gaussian. Of the ends of all training cycles
//! (`training`) the best is returned. Deliberately absent: the weighted answer, which the verdict
//! makes, and modes that the Gaussian does not see.

mod training;

use elbo_math::random::stream;

use super::first_order::FirstOrderConfig;
use super::natural::{self, GaussianConfig, NaturalState};
use super::{Description, Info, Method, Start};
use crate::family::flow::{
    Affine, Elementwise, Flow as Member, FlowConfig, Frame, RationalQuadratic,
};
use crate::family::{FullRank, MeanField};
use crate::{Approximation, Halves, Target, ViError};
use training::Training;

/// Beyond this dimension the whitening is diagonal: a full one would cost more than the flow.
const MOST_FULL: usize = 256;

/// Steps of the Gaussian fit, at most: a target that keeps it busy for longer needs the flow.
const WHITENING: usize = 200;

/// How help and documentation list it.
pub const DESCRIPTION: Description = Description {
    name: "flow",
    summary: "a normalizing flow, trained from the best Gaussian",
    options: &[
        ("couplings", "spline", "spline or real_nvp"),
        ("n_couplings", "6", "layers"),
        ("hidden", "32,32", "widths of the networks' hidden layers"),
        ("n_draws", "32", "draws per step"),
        ("batch_size", "all", "rows of data per step"),
        (
            "tolerance",
            "0.02",
            "nats that may be left to gain, or a hundredth per coordinate if that is more",
        ),
    ],
};

/// What a coupling does to a coordinate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Couplings {
    /// A monotone rational-quadratic spline of 8 bins.
    #[default]
    Spline,
    /// A shift and a scale.
    RealNvp,
}

/// The method.
#[derive(Debug, Clone, PartialEq)]
pub struct Flow {
    /// The kind of couplings.
    pub couplings: Couplings,
    /// The size of the networks.
    pub size: FlowConfig,
    /// The settings.
    pub config: FirstOrderConfig,
    /// The Gaussian to begin from; without one, the best is found first.
    pub frame: Option<FullRank>,
}

impl Default for Flow {
    fn default() -> Self {
        Self {
            couplings: Couplings::default(),
            size: FlowConfig::default(),
            config: FirstOrderConfig {
                n_draws: 32,
                ..FirstOrderConfig::default()
            },
            frame: None,
        }
    }
}

/// What the next step needs: still whitening, or training.
#[derive(Debug, Clone, PartialEq)]
pub struct FlowState {
    seed: u64,
    steps: usize,
    phase: Phase,
}

#[derive(Debug, Clone, PartialEq)]
enum Phase {
    Full(Box<NaturalState<FullRank>>),
    Diagonal(Box<NaturalState<MeanField>>),
    RealNvp(Box<Training<Affine>>),
    Spline(Box<Training<RationalQuadratic>>),
}

impl Flow {
    fn gaussian(&self) -> GaussianConfig {
        GaussianConfig {
            n_draws: None,
            batch_size: self.config.batch_size,
            tolerance: self.config.tolerance,
        }
    }

    fn training<E: Elementwise>(
        &self,
        kind: E,
        frame: Frame,
        target: &Target<'_>,
        seed: u64,
    ) -> Result<Box<Training<E>>, ViError> {
        let mut rng = stream(seed, "method/flow", 0);
        let q = Member::new(kind, frame, &self.size, &mut rng)?;
        Ok(Box::new(Training::new(q, &self.config, target, seed)?))
    }

    fn train(&self, frame: Frame, target: &Target<'_>, seed: u64) -> Result<Phase, ViError> {
        Ok(match self.couplings {
            Couplings::RealNvp => Phase::RealNvp(self.training(Affine, frame, target, seed)?),
            Couplings::Spline => {
                // Bins over ±5 standard deviations; the tails beyond are the Gaussian's.
                let kind = RationalQuadratic::new(8, 5.0).ok_or(ViError::Numerical {
                    what: "making a spline",
                    advice: "use real_nvp",
                })?;
                Phase::Spline(self.training(kind, frame, target, seed)?)
            }
        })
    }
}

impl Method for Flow {
    type State = FlowState;

    fn init(&self, target: &Target<'_>, start: &Start, seed: u64) -> Result<Self::State, ViError> {
        if let Some(frame) = &self.frame {
            if frame.dimension() != target.dimension() {
                return Err(ViError::Length {
                    expected: target.dimension(),
                    got: frame.dimension(),
                });
            }
            return Ok(FlowState {
                seed,
                steps: 0,
                phase: self.train(Frame::Full(frame.clone()), target, seed)?,
            });
        }
        let gaussian = self.gaussian();
        let phase = if target.dimension() <= MOST_FULL {
            Phase::Full(Box::new(natural::init(&gaussian, target, start, seed)?))
        } else {
            Phase::Diagonal(Box::new(natural::init(&gaussian, target, start, seed)?))
        };
        // Wrong sizes are refused now, not after the Gaussian was fitted.
        let frame = Frame::Diagonal(MeanField::standard(target.dimension())?);
        self.train(frame, target, seed)?;
        Ok(FlowState {
            seed,
            steps: 0,
            phase,
        })
    }

    fn step(&self, target: &Target<'_>, state: &mut Self::State) -> Result<Info, ViError> {
        let gaussian = self.gaussian();
        let (mut info, frame) = match &mut state.phase {
            Phase::Full(inner) => {
                let info = natural::step(&gaussian, target, inner)?;
                (info, Some(Frame::Full(inner.approximation().clone())))
            }
            Phase::Diagonal(inner) => {
                let info = natural::step(&gaussian, target, inner)?;
                (info, Some(Frame::Diagonal(inner.approximation().clone())))
            }
            Phase::RealNvp(inner) => (inner.step(&self.config, target)?, None),
            Phase::Spline(inner) => (inner.step(&self.config, target)?, None),
        };
        state.steps += 1;
        if let Some(frame) = frame
            && (info.converged || state.steps >= WHITENING)
        {
            state.phase = self.train(frame, target, state.seed)?;
            info.converged = false;
        }
        Ok(info)
    }

    fn finish(
        &self,
        target: &Target<'_>,
        state: Self::State,
    ) -> Result<Box<dyn Approximation>, ViError> {
        Ok(match state.phase {
            Phase::Full(inner) => natural::finish(target, *inner)?,
            Phase::Diagonal(inner) => natural::finish(target, *inner)?,
            Phase::RealNvp(inner) => Box::new(inner.best(target)?),
            Phase::Spline(inner) => Box::new(inner.best(target)?),
        })
    }

    fn halves(&self, state: &Self::State) -> Option<Halves> {
        match &state.phase {
            Phase::Full(inner) => natural::halves(inner),
            Phase::Diagonal(inner) => natural::halves(inner),
            Phase::RealNvp(inner) => inner.halves(),
            Phase::Spline(inner) => inner.halves(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::importance::WeightedDraws;
    use crate::driver::{DriverConfig, fit, silent};
    use crate::testing::{self, Gaussian};
    use crate::{DensityError, LogDensity};
    use elbo_math::linalg::{axpy, dot};
    use elbo_math::log_space::{inv_logit, log1p_exp};
    use elbo_math::random::standard_normal;

    /// A logistic regression with fewer than three rows per coordinate: a skewed posterior.
    struct Few {
        inputs: Vec<[f64; 10]>,
    }

    impl Few {
        fn new() -> Self {
            let mut rng = stream(3, "method/flow/tests", 0);
            let inputs = (0..25).map(|_| std::array::from_fn(|_| standard_normal(&mut rng)));
            Self {
                inputs: inputs.collect(),
            }
        }
    }

    impl LogDensity for Few {
        fn log_density_and_gradient(&self, b: &[f64], g: &mut [f64]) -> Result<f64, DensityError> {
            let mut value = -0.5 * dot(b, b) / 9.0;
            for (g, b) in g.iter_mut().zip(b) {
                *g = -b / 9.0;
            }
            for x in &self.inputs {
                // The label is the sign of the first two coordinates' sum.
                let sign = if x[0] + x[1] > 0.0 { 1.0 } else { -1.0 };
                let margin = sign * dot(x, b);
                value -= log1p_exp(-margin);
                axpy(sign * inv_logit(-margin), x, g);
            }
            Ok(value)
        }
    }

    #[test]
    fn a_skewed_posterior_is_learnt_until_the_weights_are_nearly_equal() {
        let density = Few::new();
        let target = Target::new(&density, 10).unwrap();
        let config = DriverConfig {
            max_gradient_evaluations: 110_000,
            ..DriverConfig::default()
        };
        let (start, flow) = (Start::Random, Flow::default());
        let found = fit(&flow, &target, &start, 1, &config, &mut silent).unwrap();
        assert!(found.outcome.converged(), "{:?}", found.outcome.stopped);
        let weighted = WeightedDraws::new(&target, &*found.approximation, 4000, 2).unwrap();
        // The best Gaussian's are worth 0.2 of their number, and the tolerance of a tenth of a nat
        // promises about e^−0.2.
        let share = weighted.effective_sample_size() / 4000.0;
        assert!(share > 0.6, "{share}");
        assert!(weighted.khat() < 0.7, "{}", weighted.khat());
    }

    fn elbo(method: &Flow, density: &dyn LogDensity, d: usize, steps: usize) -> (f64, f64) {
        let target = Target::new(density, d).unwrap();
        let config = DriverConfig {
            max_iters: steps,
            ..DriverConfig::default()
        };
        let found = fit(method, &target, &Start::Random, 1, &config, &mut silent).unwrap();
        assert_eq!(found.failure, None);
        let n = 4000;
        let (points, log_q) = found.approximation.sample(n, &mut stream(2, "test", 0));
        let log_p = target.log_densities(&points).unwrap();
        let terms: Vec<f64> = log_p.iter().zip(&log_q).map(|(p, q)| p - q).collect();
        let estimate = elbo_testkit::Estimate::from_draws(&terms);
        (estimate.mean, estimate.mcse)
    }

    #[test]
    fn a_banana_is_learnt_far_better_than_by_a_gaussian() {
        // The best Gaussian's ELBO is −0.27; the target is normalised, so a perfect flow's is 0.
        for couplings in [Couplings::Spline, Couplings::RealNvp] {
            let method = Flow {
                couplings,
                ..Flow::default()
            };
            let (found, error) = elbo(&method, &testing::BANANA, 2, 1200);
            assert!(
                found > -0.03 - 5.0 * error,
                "{couplings:?}: {found} ± {error}"
            );
            assert!(found < 5.0 * error, "{couplings:?}: {found} ± {error}");
        }
    }

    #[test]
    fn a_gaussian_target_stays_exact() {
        let gaussian = Gaussian::new(5, 100.0, 2);
        let (found, error) = elbo(&Flow::default(), &gaussian, 5, 100);
        // The start is the target; training moves away by its noise only, and the best is returned.
        assert!(found.abs() < 5.0 * error + 0.01, "{found} ± {error}");
    }

    #[test]
    fn hard_targets_give_finite_fits() {
        for (density, d) in [
            (&testing::FUNNEL as &dyn LogDensity, 4),
            (&testing::TWO_MODES, 2),
        ] {
            let (found, error) = elbo(&Flow::default(), density, d, 400);
            assert!(found < 5.0 * error && found > -5.0, "{found} ± {error}");
        }
    }

    #[test]
    fn a_size_without_layers_is_refused_at_once() {
        let target = Target::new(&testing::BANANA, 2).unwrap();
        let method = Flow {
            size: FlowConfig {
                n_couplings: 0,
                hidden: vec![8],
            },
            ..Flow::default()
        };
        let found = method.init(&target, &Start::Random, 1);
        assert!(matches!(found.err(), Some(ViError::Setting { .. })));
    }
}
