//! Learns degrees of centring: those whose coordinates a mean-field Gaussian fits best.
//!
//! The one idea: the ELBO of a mean-field Gaussian with its draws held fixed is a smooth function of
//! its means, its scales and the degrees, so all are found together by L-BFGS, without step sizes or
//! noise `[@giordano2023dadvi]`, `[@gorinova2020automatic]`. For a normal mean with a normal prior of
//! variance `τ²` and data worth a variance of `σ²` the optimum is `λ = σ⁻²/(σ⁻² + τ⁻²)`
//! `[@papaspiliopoulos2003noncentered]`. Deliberately absent: a better family; where a
//! mean-field Gaussian is far off, its degrees are still better than either extreme.

use elbo_math::parallel;
use elbo_math::random::stream;

use crate::coupled::coupled_normals;
use crate::family::MeanField;
use crate::optimizer::{Lbfgs, LbfgsState, Smooth};
use crate::{Draws, Target, ViError};

/// Draws held fixed: few to find a Gaussian for given degrees, then many to tell degrees from the
/// draws' own correlations, which are about `2/√draws`.
const DRAWS: [usize; 2] = [32, 128];
/// The first standard deviations; draws then stay where the start was found to be usable.
const FIRST_SD: f64 = 0.1;
/// Steps of each stage, at most. The rule of L-BFGS for ending early is not trusted, since far from the
/// optimum its model of the curvature promises too little; what counts is what was gained.
const STEPS: [usize; 2] = [150, 120];
/// After so many steps that gained less than this in nats all together, a stage ends: what is left moves
/// degrees on which nothing depends.
const ROUND: usize = 10;
const SETTLED: f64 = 0.01;
/// A weak pull of degrees towards a half, as a standard deviation: it keeps the optimum finite where
/// nothing depends on a degree.
const WIDTH: f64 = 5.0;
/// Nats that a degree costs beyond an extreme, per its square there: coordinates go on to exist, and
/// may suit some draws, but mean nothing to whoever reads them.
const BEYOND: f64 = 25.0;
/// Degrees this near to an extreme are the extreme, which is cheaper to compute.
const EXTREME: f64 = 0.05;
/// Standard deviations beyond this have run away.
const LARGEST_SD: f64 = 1e100;

/// The degrees that are reached from all 0 or from all 1, whichever has the larger ELBO: between the
/// two lie coordinates that suit neither weak nor strong data, from which an ascent may not get away.
/// `start` is a point in the coordinates with all degrees equal to its argument. Beside the degrees
/// comes the Gaussian that was found with them.
///
/// # Errors
/// [`ViError::Start`] without usable draws around the starts, and what the density fails with.
pub(super) fn learn(
    target: &Target<'_>,
    start: impl Fn(f64) -> Result<Vec<f64>, ViError> + Sync,
    seed: u64,
) -> Result<(Vec<f64>, MeanField), ViError> {
    let mut best: Option<Ascent> = None;
    let mut error = None;
    let ascents = parallel::map_chunks(2, 1, |range| {
        let degree = if range.start == 0 { 0.0 } else { 1.0 };
        start(degree).and_then(|point| ascend(target, &point, degree, seed))
    });
    for found in ascents {
        match found {
            Ok(found) if best.as_ref().is_none_or(|b| found.elbo > b.elbo) => best = Some(found),
            Ok(_) => {}
            Err(e) => error = Some(e),
        }
    }
    match (best, error) {
        (Some(best), _) => Ok((
            best.degrees.iter().map(|l| snapped(*l)).collect(),
            MeanField::new(best.mean, best.sds)?,
        )),
        (None, Some(error)) => Err(error),
        (None, None) => unreachable!("either start succeeds or fails"),
    }
}

/// What an ascent reached.
struct Ascent {
    elbo: f64,
    degrees: Vec<f64>,
    mean: Vec<f64>,
    sds: Vec<f64>,
}

/// An ascent from degrees that are all equal.
fn ascend(target: &Target<'_>, start: &[f64], degree: f64, seed: u64) -> Result<Ascent, ViError> {
    let d = start.len();
    let objective = |stage: usize| {
        let mut rng = stream(seed, "reparameterised/draws", stage as u64);
        Objective {
            target,
            noise: coupled_normals(d, DRAWS[stage], &mut rng),
            free: stage > 0,
        }
    };
    let lbfgs = Lbfgs::default();
    let first = objective(0);
    let mut log_sd = FIRST_SD.ln();
    let mut state = loop {
        let mut position = start.to_vec();
        position.resize(target.dimension(), degree);
        position.resize(target.dimension() + d, log_sd);
        match LbfgsState::new(&first, position) {
            Err(ViError::Start { .. }) if log_sd > -20.0 => log_sd -= 1.0,
            state => break state?,
        }
    };
    // Around a point, a degree only says where the density is high; so scales come first.
    settle(&lbfgs, &first, &mut state, STEPS[0])?;
    let second = objective(1);
    state = LbfgsState::new(&second, state.position().to_vec())?;
    settle(&lbfgs, &second, &mut state, STEPS[1])?;
    let (mean, rest) = state.position().split_at(d);
    let (degrees, log_sds) = rest.split_at(target.dimension() - d);
    Ok(Ascent {
        elbo: state.value(),
        degrees: degrees.to_vec(),
        mean: mean.to_vec(),
        sds: log_sds.iter().map(|l| l.exp()).collect(),
    })
}

/// Ascends until nothing is gained any more.
fn settle(
    lbfgs: &Lbfgs,
    objective: &Objective<'_, '_>,
    state: &mut LbfgsState,
    steps: usize,
) -> Result<(), ViError> {
    for _ in 0..steps / ROUND {
        let before = state.value();
        lbfgs.run(objective, state, ROUND)?;
        if state.value() - before < SETTLED {
            break;
        }
    }
    Ok(())
}

fn snapped(degree: f64) -> f64 {
    if degree < EXTREME {
        0.0
    } else if degree > 1.0 - EXTREME {
        1.0
    } else {
        degree
    }
}

/// The ELBO at fixed draws; its points are means, degrees, and logarithms of scales.
struct Objective<'a, 'b> {
    target: &'a Target<'b>,
    noise: Draws,
    /// Whether degrees may move.
    free: bool,
}

impl Objective<'_, '_> {
    fn n_degrees(&self) -> usize {
        self.target.dimension() - self.noise.dimension()
    }

    fn points(&self, position: &[f64]) -> Option<Draws> {
        let (d, n) = (self.noise.dimension(), self.noise.n_draws());
        let (means, rest) = position.split_at(d);
        let (degrees, log_sds) = rest.split_at(self.n_degrees());
        let mut points = Draws::zeros(self.target.dimension(), n);
        for i in 0..d {
            let sd = log_sds[i].exp();
            if !(means[i].is_finite() && sd > 0.0 && sd < LARGEST_SD) {
                return None;
            }
            let noise = self.noise.coordinate(i);
            for (x, e) in points.coordinate_mut(i).iter_mut().zip(noise) {
                *x = means[i] + sd * e;
            }
        }
        for (k, degree) in degrees.iter().enumerate() {
            points.coordinate_mut(d + k).fill(*degree);
        }
        Some(points)
    }
}

impl Smooth for Objective<'_, '_> {
    fn dimension(&self) -> usize {
        self.target.dimension() + self.noise.dimension()
    }

    fn value_and_gradient(&self, position: &[f64], gradient: &mut [f64]) -> Result<f64, ViError> {
        let Some(points) = self.points(position) else {
            return Ok(f64::NEG_INFINITY);
        };
        let (values, gradients) = self.target.log_densities_and_gradients(&points)?;
        if !values.iter().all(|v| v.is_finite()) {
            return Ok(f64::NEG_INFINITY);
        }
        let (d, n) = (self.noise.dimension(), self.noise.n_draws() as f64);
        let total = self.target.dimension();
        let mut value = values.iter().sum::<f64>() / n;
        for i in 0..total {
            gradient[i] = gradients.coordinate(i).iter().sum::<f64>() / n;
        }
        for i in 0..d {
            let log_sd = position[total + i];
            let along = elbo_math::linalg::dot(gradients.coordinate(i), self.noise.coordinate(i));
            gradient[total + i] = 1.0 + log_sd.exp() * along / n;
            value += log_sd;
        }
        for k in d..total {
            let pull = (position[k] - 0.5) / WIDTH;
            let beyond = position[k] - position[k].clamp(0.0, 1.0);
            value -= 0.5 * pull * pull + BEYOND * beyond * beyond;
            gradient[k] -= pull / WIDTH + 2.0 * BEYOND * beyond;
            if !self.free {
                gradient[k] = 0.0;
            }
        }
        Ok(value)
    }

    /// By a central difference of gradients; L-BFGS asks for none.
    fn hessian_vector_product(
        &self,
        position: &[f64],
        direction: &[f64],
    ) -> Result<Vec<f64>, ViError> {
        let step = f64::EPSILON.cbrt();
        let mut sides = [vec![0.0; position.len()], vec![0.0; position.len()]];
        for (side, sign) in sides.iter_mut().zip([step, -step]) {
            let moved: Vec<f64> = position
                .iter()
                .zip(direction)
                .map(|(x, v)| x + sign * v)
                .collect();
            self.value_and_gradient(&moved, side)?;
        }
        let [plus, minus] = sides;
        let differences = plus.iter().zip(&minus);
        Ok(differences.map(|(a, b)| (a - b) / (2.0 * step)).collect())
    }
}
