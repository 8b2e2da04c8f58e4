//! `copula`: a Gaussian whose marginals are bent until they fit.
//!
//! The one idea: seen through the marginal maps the target is closer to a Gaussian, so the Gaussian
//! inside goes on with natural steps, while the two numbers of every marginal take first-order steps
//! beside it. The start is the best Gaussian. Deliberately absent: dependence that is not Gaussian,
//! for which there are flows.

use elbo_math::linalg::{Matrix, dot};
use elbo_math::random::stream;

use super::batches::Batches;
use super::cycles::Cycles;
use super::natural::{self, GaussianConfig, NaturalState, Shape, elbo_of, full_blocks};
use super::outliers::{draw_weights, weigh};
use super::{Description, Info, Method, Start};
use crate::coupled::coupled_normals;
use crate::family::sinh_arcsinh::Bent;
use crate::family::{Copula as Member, Family, FullRank, Reparameterised};
use crate::optimizer::{Adam, Optimizer, OptimizerState};
use crate::{Approximation, Draws, Halves, Target, ViError};

/// Steps of the Gaussian alone, at most.
const FIRST: usize = 400;

/// Steps of the first cycle of both together.
const CYCLE: usize = 100;

/// The largest share of the way that a natural step goes.
const RATE: f64 = 0.3;

/// Adam's largest step of a shape.
const SHAPE_RATE: f64 = 0.03;

/// How help and documentation list it.
pub const DESCRIPTION: Description = Description {
    name: "copula",
    summary: "a Gaussian with learnt skewness and tails of every marginal",
    options: &[
        ("n_draws", "two per coordinate", "draws per step"),
        ("batch_size", "all", "rows of data per step"),
        (
            "tolerance",
            "0.01",
            "nats that may be left to gain, or a thousandth per coordinate if that is more",
        ),
    ],
};

/// The method.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Copula {
    /// The settings.
    pub config: GaussianConfig,
}

/// What the next step needs: the Gaussian alone, or both parts.
#[derive(Debug, Clone, PartialEq)]
pub struct CopulaState {
    seed: u64,
    steps: usize,
    phase: Phase,
}

#[derive(Debug, Clone, PartialEq)]
enum Phase {
    Gaussian(Box<NaturalState<FullRank>>),
    Bending(Box<Bending>),
}

#[derive(Debug, Clone, PartialEq)]
struct Bending {
    seed: u64,
    iteration: u64,
    n_draws: usize,
    q: Member,
    batches: Option<Batches>,
    optimizer: OptimizerState,
    cycles: Cycles<Member>,
}

impl Method for Copula {
    type State = CopulaState;

    fn init(&self, target: &Target<'_>, start: &Start, seed: u64) -> Result<Self::State, ViError> {
        let gaussian = natural::init(&self.config, target, start, seed)?;
        Ok(CopulaState {
            seed,
            steps: 0,
            phase: Phase::Gaussian(Box::new(gaussian)),
        })
    }

    fn step(&self, target: &Target<'_>, state: &mut Self::State) -> Result<Info, ViError> {
        let gaussian = match &mut state.phase {
            Phase::Bending(bending) => return bending.step(&self.config, target),
            Phase::Gaussian(gaussian) => gaussian,
        };
        let mut info = natural::step(&self.config, target, gaussian)?;
        state.steps += 1;
        if info.converged || state.steps >= FIRST {
            let q = Member::from_gaussian(gaussian.approximation())?;
            let bending = Bending::new(q, &self.config, target, state.seed)?;
            state.phase = Phase::Bending(Box::new(bending));
            info.converged = false;
        }
        Ok(info)
    }

    fn finish(
        &self,
        target: &Target<'_>,
        state: Self::State,
    ) -> Result<Box<dyn Approximation>, ViError> {
        match state.phase {
            Phase::Gaussian(gaussian) => natural::finish(target, *gaussian),
            Phase::Bending(bending) => Ok(Box::new(bending.cycles.best(bending.q, target)?)),
        }
    }

    fn halves(&self, state: &Self::State) -> Option<Halves> {
        match &state.phase {
            Phase::Gaussian(gaussian) => natural::halves(gaussian),
            Phase::Bending(bending) => bending.cycles.halves(),
        }
    }
}

impl Bending {
    fn new(
        q: Member,
        config: &GaussianConfig,
        target: &Target<'_>,
        seed: u64,
    ) -> Result<Self, ViError> {
        Ok(Self {
            seed,
            iteration: 0,
            n_draws: config.n_draws.unwrap_or_else(|| full_blocks(q.dimension())),
            batches: Batches::new(config.batch_size, target.n_rows(), seed)?,
            optimizer: adam(SHAPE_RATE)?.init(q.shapes()),
            cycles: Cycles::new(&q, CYCLE, seed),
            q,
        })
    }

    fn step(&mut self, config: &GaussianConfig, target: &Target<'_>) -> Result<Info, ViError> {
        let mut rng = stream(self.seed, "method/copula", self.iteration);
        let noise = coupled_normals(self.q.noise_dimension(), self.n_draws, &mut rng);
        let (x, mut log_q) = self.q.core().transform(&noise);
        let maps = self.q.all_bent(&x);
        let points = self.q.points(&maps, &mut log_q);
        let (share, (log_p, gradients)) = Batches::evaluate(&mut self.batches, target, &points)?;
        self.iteration += 1;
        let mut info = elbo_of(&log_p, &log_q);
        let Some(q) = self.moved(&noise, &x, &maps, gradients, &log_p, share)? else {
            info.rejected = true;
            return Ok(info);
        };
        self.q = q;
        let tolerance = config.stopping(self.q.dimension()).tolerance;
        info.converged = self.cycles.advance(&self.q, tolerance, target)?;
        Ok(info)
    }

    /// A natural step of the Gaussian and a step of the shapes, from the same draws; `None` where there
    /// is none to take.
    fn moved(
        &mut self,
        noise: &Draws,
        x: &Draws,
        maps: &[Bent],
        mut gradients: Draws,
        log_p: &[f64],
        share: f64,
    ) -> Result<Option<Member>, ViError> {
        let (d, n_draws) = (x.dimension(), x.n_draws());
        let of = |i: usize| &maps[i * n_draws..(i + 1) * n_draws];
        // The target's gradient in x, the maps' slopes included.
        for (i, s) in self.q.scales().iter().enumerate() {
            let of_x = gradients.coordinate_mut(i).iter_mut();
            for (g, f) in of_x.zip(of(i)) {
                *g = s * f.slope * *g + f.curvature;
            }
        }
        let rate = self.cycles.rate() * share;
        let core = self.q.core();
        let Some(averages) = core.averages(noise, &gradients, log_p) else {
            return Ok(None);
        };
        let Ok(next) = core.stepped(&averages, RATE * rate, RATE * rate) else {
            return Ok(None);
        };
        // What is left of it less the Gaussian's own, per unit of f: it sticks the landing.
        let (_, of_core) = core.log_density_and_gradient(x);
        let mut h = Matrix::zeros(d, n_draws);
        for i in 0..d {
            for (s, f) in of(i).iter().enumerate() {
                h[(i, s)] = (gradients.get(i, s) - of_core.get(i, s)) / f.slope;
            }
        }
        let Some((weights, n)) = draw_weights(&h, log_p) else {
            return Ok(None);
        };
        weigh(&mut h, &weights);
        let mut downhill = Vec::with_capacity(2 * d);
        for i in 0..d {
            for k in 0..2 {
                let by_shape: Vec<f64> = of(i).iter().map(|f| f.by_shape[k]).collect();
                downhill.push(-dot(h.row(i), &by_shape) / n);
            }
        }
        if !downhill.iter().sum::<f64>().is_finite() {
            return Ok(None);
        }
        let mut shapes = self.q.shapes().to_vec();
        let rule = adam(SHAPE_RATE * rate)?;
        rule.step(&mut self.optimizer, &mut shapes, &downhill);
        Ok(self.q.with(next, shapes).ok())
    }
}

/// Adam with a memory of a hundred squared gradients: a cycle is a few hundred steps long.
fn adam(rate: f64) -> Result<Adam, ViError> {
    Adam::with_decays(rate, 0.9, 0.99)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::density::FromFn;
    use crate::diagnostic::importance::WeightedDraws;
    use crate::driver::{DriverConfig, Fitted, fit, silent};
    use crate::testing::Gaussian;

    fn fitted(target: &Target<'_>) -> Fitted {
        let (method, config) = (Copula::default(), DriverConfig::default());
        let found = fit(&method, target, &Start::Random, 1, &config, &mut silent).unwrap();
        assert!(found.outcome.converged());
        found
    }

    #[test]
    fn a_member_of_the_family_is_found() {
        // A correlated Gaussian, its first coordinate leaning and its second with heavy tails.
        let gaussian = Gaussian::new(3, 9.0, 5);
        let core = FullRank::from_covariance(vec![0.0; 3], &gaussian.covariance).unwrap();
        let truth = Member::from_gaussian(&core).unwrap();
        let inner = truth.core().clone();
        let truth = truth
            .with(inner, vec![0.5, 0.0, 0.0, 0.3, -0.2, 0.1])
            .unwrap();
        let density = FromFn(|x: &[f64], g: &mut [f64]| {
            let (value, gradient) = truth.log_density_and_gradient(&Draws::from_points(3, &[x]));
            g.copy_from_slice(gradient.as_slice());
            value[0]
        });
        let target = Target::new(&density, 3).unwrap();
        let found = fitted(&target);
        let weighted = WeightedDraws::new(&target, &*found.approximation, 4000, 2).unwrap();
        // The target is normalised: the ELBO is the divergence, negated, and the last cycle gained
        // less than a hundredth.
        let bound = weighted.elbo();
        assert!(bound.value > -0.02 - 5.0 * bound.error, "{bound:?}");
        // The best Gaussian's are worth less than four fifths of their number.
        let share = weighted.effective_sample_size() / 4000.0;
        assert!(share > 0.95, "{share}");
    }

    #[test]
    fn a_log_gamma_variable_is_found_that_no_gaussian_is() {
        // θ = log g, g ~ Gamma(½, 1): log density ½ θ − e^θ, skewed to the left.
        let density = FromFn(|x: &[f64], g: &mut [f64]| {
            g[0] = 0.5 - x[0].exp();
            0.5 * x[0] - x[0].exp()
        });
        let target = Target::new(&density, 1).unwrap();
        let found = fitted(&target);
        let weighted = WeightedDraws::new(&target, &*found.approximation, 4000, 2).unwrap();
        // log Γ(½); the best Gaussian's ELBO is 0.16 below.
        let evidence = 0.5 * std::f64::consts::PI.ln();
        let bound = weighted.elbo();
        let short = evidence - bound.value;
        assert!(short.abs() < 0.03 + 5.0 * bound.error, "{short}");
        let moments = &weighted.moments().unwrap()[0];
        // ψ(½) and ψ′(½) = π²/2.
        let mean = elbo_math::special::digamma(0.5);
        assert!((moments.mean.mean - mean).abs() < 5.0 * moments.mean.mcse);
        let sd = std::f64::consts::PI / 2.0_f64.sqrt();
        assert!((moments.sd.mean - sd).abs() < 5.0 * moments.sd.mcse);
    }
}
