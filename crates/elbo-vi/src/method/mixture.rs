//! `mixture`: Gaussians added one at a time, where the fit has too little mass.
//!
//! The one idea, boosting: `log p − log q` says at every point how much mass is missing there; a new
//! component begins at the best of many scattered draws, then all components and weights climb the ELBO
//! together, each component by the same natural step as a single Gaussian, with `log q` the whole
//! mixture's `[@arenz2023unified]`. What is kept is the best mixture so far, so a component that does
//! not help costs nothing but its gradients. Deliberately absent: a proof that every mode was seen.

use elbo_math::linalg::{Cholesky, Matrix, matmul_nt, matmul_tn};
use elbo_math::random::stream;

use super::natural::{self, GaussianConfig, NaturalState, full_blocks};
use super::outliers::{draw_weights, weigh};
use super::{Description, Info, Method, Start};
use crate::coupled::coupled_normals;
use crate::family::{Family, FullRank, Mixture as Members, Reparameterised};
use crate::optimizer::natural::full_rank;
use crate::{Approximation, Draws, Target, ViError};

/// Steps of all components together after one was added.
const SETTLING: usize = 25;

/// Steps of the first Gaussian, at most.
const FIRST: usize = 200;

/// The share of the way that a component's step goes; less than one Gaussian's, because the others
/// move too.
const RATE: f64 = 0.3;

/// Draws among which a new component's place is chosen.
const SCATTERED: usize = 512;

/// Draws that judge a mixture.
const JUDGES: usize = 1024;

/// How help and documentation list it.
pub const DESCRIPTION: Description = Description {
    name: "mixture",
    summary: "a mixture of Gaussians, grown where mass is missing",
    options: &[
        ("n_components", "6", "components at most"),
        ("tolerance", "0.01", "nats that a component must add"),
    ],
};

/// What is fitted.
type Member = Members<FullRank>;

/// The method.
#[derive(Debug, Clone, PartialEq)]
pub struct Mixture {
    /// Components at most.
    pub n_components: usize,
    /// Nats that a component must add; when two in a row do not, the fit has converged.
    pub tolerance: f64,
    /// Components to begin with, on modes that are known; without any, one Gaussian is fitted first.
    pub known: Vec<FullRank>,
}

impl Default for Mixture {
    fn default() -> Self {
        Self {
            n_components: 6,
            tolerance: 0.01,
            known: Vec::new(),
        }
    }
}

/// What the next step needs.
#[derive(Debug, Clone, PartialEq)]
pub struct MixtureState {
    seed: u64,
    iteration: u64,
    first: Option<Box<NaturalState<FullRank>>>,
    weights: Vec<f64>,
    components: Vec<FullRank>,
    settling: usize,
    best: Option<(Member, f64, f64)>, // with its ELBO and that one's error
    idle: usize,
}

impl Method for Mixture {
    type State = MixtureState;

    fn init(&self, target: &Target<'_>, start: &Start, seed: u64) -> Result<Self::State, ViError> {
        let refused = |name, value: String, requirement| {
            Err(ViError::Setting {
                name,
                value,
                requirement,
            })
        };
        if self.n_components == 0 {
            return refused("n_components", "0".into(), "at least 1");
        }
        if !(self.tolerance > 0.0) {
            return refused("tolerance", self.tolerance.to_string(), "a positive number");
        }
        let first = if self.known.is_empty() {
            let first = natural::init(&GaussianConfig::default(), target, start, seed)?;
            Some(Box::new(first))
        } else {
            None
        };
        Ok(MixtureState {
            seed,
            iteration: 0,
            first,
            weights: vec![1.0 / self.known.len() as f64; self.known.len()],
            components: self.known.clone(),
            settling: 0,
            best: None,
            idle: 0,
        })
    }

    fn step(&self, target: &Target<'_>, state: &mut Self::State) -> Result<Info, ViError> {
        if let Some(first) = &mut state.first {
            let mut info = natural::step(&GaussianConfig::default(), target, first)?;
            state.iteration += 1;
            if info.converged || state.iteration >= FIRST as u64 {
                state.weights = vec![1.0];
                state.components = vec![first.approximation().clone()];
                state.first = None;
                state.judge(target, self.tolerance)?;
                info.converged = self.grow(target, state)?;
            }
            return Ok(info);
        }
        let mut info = state.climb(target)?;
        state.settling += 1;
        if state.settling >= SETTLING {
            state.judge(target, self.tolerance)?;
            info.converged = self.grow(target, state)?;
        }
        if let Some((_, elbo, error)) = &state.best {
            (info.elbo, info.elbo_error) = (Some(*elbo), *error);
        }
        Ok(info)
    }

    fn finish(
        &self,
        target: &Target<'_>,
        mut state: Self::State,
    ) -> Result<Box<dyn Approximation>, ViError> {
        if let Some(first) = state.first {
            return natural::finish(target, *first);
        }
        state.judge(target, self.tolerance)?;
        match state.best {
            Some((mixture, _, _)) => Ok(Box::new(mixture)),
            None => Ok(Box::new(Members::new(&state.weights, state.components)?)),
        }
    }
}

impl Mixture {
    /// Adds a component, or answers that there is nothing more to add.
    fn grow(&self, target: &Target<'_>, state: &mut MixtureState) -> Result<bool, ViError> {
        if let Some((best, _, _)) = &state.best {
            state.weights = best.weights().to_vec();
            state.components = best.components().to_vec();
        }
        if state.idle >= 2 || state.components.len() >= self.n_components {
            return Ok(true);
        }
        state.settling = 0;
        state.add(target)
    }
}

impl MixtureState {
    fn mixture(&self) -> Result<Member, ViError> {
        Members::new(&self.weights, self.components.clone())
    }

    /// A natural step of every component, and of the weights.
    fn climb(&mut self, target: &Target<'_>) -> Result<Info, ViError> {
        let q = self.mixture()?;
        let d = q.dimension();
        let mut moved = Vec::with_capacity(self.components.len());
        let mut rewards = Vec::with_capacity(self.components.len());
        for (k, component) in self.components.iter().enumerate() {
            let index = self.iteration * 1024 + k as u64;
            let mut rng = stream(self.seed, "method/mixture", index);
            let noise = coupled_normals(d, full_blocks(d), &mut rng);
            let (points, _) = component.transform(&noise);
            let (log_p, gradients) = target.log_densities_and_gradients(&points)?;
            let (log_q, of_q) = q.log_density_and_gradient(&points);
            rewards.push(mean_of_finite(&log_p, &log_q));
            moved.push(step_of(component, &noise, &gradients, &of_q, &log_p));
        }
        self.iteration += 1;
        let rejected = moved.iter().all(Option::is_none);
        for (component, new) in self.components.iter_mut().zip(moved) {
            if let Some(new) = new {
                *component = new;
            }
        }
        // w ∝ w exp(ρ E_k[log p − log q]): the natural step of a categorical.
        let highest = rewards.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        for (w, r) in self.weights.iter_mut().zip(&rewards) {
            // A weight may fall by a factor of 20 at once, no more: a new component needs time.
            *w *= (RATE * (r - highest)).max(-3.0).exp();
        }
        let total: f64 = self.weights.iter().sum();
        for w in &mut self.weights {
            *w = (*w / total).max(1e-12);
        }
        Ok(Info {
            rejected,
            ..Info::default()
        })
    }

    /// Keeps the mixture if it is the best so far, judged by the same draws of noise every time.
    fn judge(&mut self, target: &Target<'_>, tolerance: f64) -> Result<(), ViError> {
        let q = self.mixture()?;
        let mut rng = stream(self.seed, "method/mixture/judges", 0);
        let (points, log_q) = q.sample(JUDGES, &mut rng);
        let log_p = target.log_densities(&points)?;
        let info = natural::elbo_of(&log_p, &log_q);
        let Some(elbo) = info.elbo else {
            return Ok(());
        };
        let gain = self.best.as_ref().map_or(f64::INFINITY, |b| elbo - b.1);
        // More than the tolerance, and not only by luck.
        if gain > f64::max(tolerance, 0.5 * info.elbo_error) {
            self.best = Some((q, elbo, info.elbo_error));
            self.idle = 0;
        } else {
            self.idle += 1;
        }
        Ok(())
    }

    /// A new component at the scattered draw with the most mass missing; `true` if there was none.
    fn add(&mut self, target: &Target<'_>) -> Result<bool, ViError> {
        let q = self.mixture()?;
        let index = self.iteration * 1024 + self.idle as u64;
        let mut rng = stream(self.seed, "method/mixture/scattered", index);
        // Draws of the mixture with components ever wider: near the mass first, then far from it.
        let mut scattered = Draws::zeros(q.dimension(), SCATTERED);
        let widths = [1.5, 3.0, 6.0, 12.0];
        let (drawn, _) = q.sample(SCATTERED, &mut rng);
        for s in 0..SCATTERED {
            let point = drawn.draw(s);
            let nearest = q
                .components()
                .iter()
                .min_by(|a, b| distance(a, &point).total_cmp(&distance(b, &point)))
                .expect("a mixture has a component");
            let width = widths[s % widths.len()];
            let moved: Vec<f64> = point
                .iter()
                .zip(nearest.mean_slice())
                .map(|(x, m)| m + width * (x - m))
                .collect();
            scattered.set_draw(s, &moved);
        }
        let log_p = target.log_densities(&scattered)?;
        let log_q = q.log_density(&scattered);
        let missing = |s: usize| log_p[s] - log_q[s];
        let Some(best) = (0..SCATTERED)
            .filter(|s| log_p[*s].is_finite() && missing(*s).is_finite())
            .max_by(|a, b| missing(*a).total_cmp(&missing(*b)))
        else {
            return Ok(true);
        };
        let place = scattered.draw(best);
        // The shape of the heaviest component, half as wide: a place to start from.
        let heaviest = (0..self.weights.len())
            .max_by(|a, b| self.weights[*a].total_cmp(&self.weights[*b]))
            .unwrap_or(0);
        let mut lower = self.components[heaviest].factor().lower().clone();
        lower.scale(0.5);
        self.components.push(FullRank::from_cholesky(
            place,
            Cholesky::from_lower(lower)?,
        )?);
        let share = 1.0 / (self.components.len() as f64);
        for w in &mut self.weights {
            *w *= 1.0 - share;
        }
        self.weights.push(share);
        Ok(false)
    }
}

fn distance(component: &FullRank, point: &[f64]) -> f64 {
    let away: Vec<f64> = point
        .iter()
        .zip(component.mean_slice())
        .map(|(x, m)| x - m)
        .collect();
    component.factor().inverse_quadratic_form(&away)
}

/// A component's natural step towards the target less the rest of the mixture.
fn step_of(
    component: &FullRank,
    noise: &Draws,
    gradients: &Draws,
    of_q: &Draws,
    log_p: &[f64],
) -> Option<FullRank> {
    let (d, n_draws) = (noise.dimension(), noise.n_draws());
    let as_matrix = |draws: &Draws| Matrix::from_vec(d, n_draws, draws.as_slice().to_vec());
    let mut difference = as_matrix(gradients);
    difference.add_scaled(-1.0, &as_matrix(of_q));
    let lower = component.factor().lower();
    let mut h = matmul_tn(lower, &difference);
    let (weights, n) = draw_weights(&h, log_p)?;
    weigh(&mut h, &weights);
    let delta: Vec<f64> = (0..d).map(|i| h.row(i).iter().sum::<f64>() / n).collect();
    let mut excess = matmul_nt(&as_matrix(noise), &h);
    excess.scale(1.0 / n);
    let mut mean = component.mean_slice().to_vec();
    let new = full_rank(&mut mean, lower, &delta, &excess, RATE).ok()?;
    FullRank::from_cholesky(mean, Cholesky::from_lower(new).ok()?).ok()
}

/// `E[log p − log q]` over the draws at which it is finite; −∞ if there are none.
fn mean_of_finite(log_p: &[f64], log_q: &[f64]) -> f64 {
    let terms: Vec<f64> = log_p
        .iter()
        .zip(log_q)
        .map(|(p, q)| p - q)
        .filter(|v| v.is_finite())
        .collect();
    if terms.is_empty() {
        return f64::MIN;
    }
    terms.iter().sum::<f64>() / terms.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LogDensity;
    use crate::driver::{DriverConfig, Fitted, fit, silent};
    use crate::testing::{self, Gaussian};

    fn fitted(density: &dyn LogDensity, d: usize) -> (Fitted, f64, f64) {
        let target = Target::new(density, d).unwrap();
        let config = DriverConfig::default();
        let method = Mixture::default();
        let found = fit(&method, &target, &Start::Random, 1, &config, &mut silent).unwrap();
        assert_eq!(found.failure, None);
        assert!(found.outcome.converged());
        let (points, log_q) = found.approximation.sample(4000, &mut stream(5, "test", 0));
        let log_p = target.log_densities(&points).unwrap();
        let terms: Vec<f64> = log_p.iter().zip(&log_q).map(|(p, q)| p - q).collect();
        let estimate = elbo_testkit::Estimate::from_draws(&terms);
        (found, estimate.mean, estimate.mcse)
    }

    #[test]
    fn two_modes_are_both_found_with_their_weights() {
        let (found, elbo, error) = fitted(&testing::TWO_MODES, 2);
        // The target is a mixture of two unit normals: a perfect fit has ELBO 0; either mode alone has
        // log ¾ or log ¼.
        assert!(elbo > -0.02 - 5.0 * error, "{elbo} ± {error}");
        // Mean −3 · ¾ + 3 · ¼; the weights are learnt to about 1% of the distance of 6.
        let mean = found.approximation.mean().unwrap();
        assert!((mean[0] + 1.5).abs() < 0.15, "{mean:?}");
    }

    #[test]
    fn a_banana_is_covered_better_than_by_one_gaussian() {
        let (_, elbo, error) = fitted(&testing::BANANA, 2);
        // One Gaussian's best is −0.27.
        assert!(
            elbo > -0.1 - 5.0 * error && elbo < 5.0 * error,
            "{elbo} ± {error}"
        );
    }

    #[test]
    fn a_gaussian_needs_one_component() {
        let gaussian = Gaussian::new(4, 100.0, 6);
        let (found, elbo, error) = fitted(&gaussian, 4);
        assert_eq!(found.approximation.arrays()["weights"].to_f64().len(), 1);
        assert!(elbo.abs() < 5.0 * error + 1e-3, "{elbo} ± {error}");
    }

    #[test]
    fn a_funnel_gives_a_finite_fit() {
        let (_, elbo, error) = fitted(&testing::FUNNEL, 3);
        assert!(elbo > -3.0 && elbo < 5.0 * error, "{elbo} ± {error}");
    }
}
