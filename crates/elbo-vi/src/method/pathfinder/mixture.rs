//! Several paths' Gaussians as one distribution.
//!
//! The one idea: the weights are those that maximise the mixture's ELBO with its components held
//! fixed, so a path that ended somewhere unlikely counts for next to nothing, two paths that found
//! the same place share its mass, and modes far apart get the mass that they have. Deliberately
//! absent: moving the components.

use elbo_math::arrays::{Array, Arrays};
use elbo_math::log_space::{log_sum_exp, softmax_in_place};
use elbo_math::random::{Stream, categorical};

use super::gaussian::HistoryGaussian;
use crate::family::{array, check_finite};
use crate::{Approximation, Draws, ViError};

/// Rounds of the weights' fixed point; it converges at the rate of the overlap of the components.
const ROUNDS: usize = 200;

/// What a fit by Pathfinder ends in.
#[derive(Debug, Clone, PartialEq)]
pub struct PathMixture {
    components: Vec<HistoryGaussian>,
    weights: Vec<f64>, // sum to 1
}

impl PathMixture {
    /// Of one component.
    pub(super) fn single(component: HistoryGaussian) -> Self {
        Self {
            components: vec![component],
            weights: vec![1.0],
        }
    }

    /// The best weights, judged by draws of each component and the target's log densities there.
    ///
    /// The ELBO is concave in the weights, and `w_k ← w_k exp E_{q_k}[log p − log q_w]` never lowers
    /// it: it is the algorithm of Arimoto and Blahut `[@blahut1972capacity, thm. 3]` for a channel
    /// whose inputs are the components and cost what their draws lose in log density.
    pub(super) fn weighted(
        components: Vec<HistoryGaussian>,
        draws: &[Draws],
        log_p: &[Vec<f64>],
    ) -> Self {
        let n = components.len();
        // (component, component of the draws, draw)
        let log_q: Vec<Vec<Vec<f64>>> = components
            .iter()
            .map(|c| draws.iter().map(|d| c.log_density(d)).collect())
            .collect();
        let mut log_weights = vec![-(n as f64).ln(); n];
        for _ in 0..ROUNDS {
            let mut next: Vec<f64> = (0..n)
                .map(|k| {
                    let gain = mean_gain(k, &log_weights, &log_q, &log_p[k]);
                    log_weights[k] + gain
                })
                .collect();
            softmax_in_place(&mut next);
            for (l, w) in log_weights.iter_mut().zip(&next) {
                // A floor that no draw of the fit can notice keeps logarithms finite.
                *l = w.max(1e-300).ln();
            }
        }
        softmax_in_place(&mut log_weights);
        Self {
            components,
            weights: log_weights,
        }
    }

    /// The family's name.
    pub const NAME: &'static str = "path_mixture";

    /// From what [`arrays`](Approximation::arrays) gave.
    ///
    /// # Errors
    /// [`ViError::Parameters`] if an array is missing or unusable.
    pub fn from_arrays(arrays: &Arrays) -> Result<Self, ViError> {
        let weights = array(Self::NAME, arrays, "weights")?.to_f64();
        check_finite(Self::NAME, "weights", &weights, weights.len())?;
        let total: f64 = weights.iter().sum();
        if weights.iter().any(|w| *w < 0.0) || !(total > 0.0) {
            return Err(ViError::Parameters {
                family: Self::NAME,
                name: "weights",
                found: format!("with sum {total}"),
                requirement: "not negative, and not all zero",
            });
        }
        let components = (0..weights.len())
            .map(|k| {
                let suffix = format!(".{k}");
                let own = arrays
                    .iter()
                    .filter_map(|(n, a)| Some((n.strip_suffix(&suffix)?.to_string(), a.clone())))
                    .collect();
                HistoryGaussian::from_arrays(&own)
            })
            .collect::<Result<Vec<_>, ViError>>()?;
        let dimension = components[0].dimension();
        if let Some(other) = components.iter().find(|c| c.dimension() != dimension) {
            return Err(ViError::Length {
                expected: dimension,
                got: other.dimension(),
            });
        }
        Ok(Self {
            components,
            weights,
        })
    }

    /// One Gaussian per path, in the paths' order.
    pub fn components(&self) -> &[HistoryGaussian] {
        &self.components
    }

    /// The share of each; they sum to 1.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }
}

/// `E_{q_k}[log p − log q_w]` over the draws of component `k`.
fn mean_gain(k: usize, log_weights: &[f64], log_q: &[Vec<Vec<f64>>], log_p: &[f64]) -> f64 {
    let mut terms = vec![0.0; log_weights.len()];
    let total: f64 = log_p
        .iter()
        .enumerate()
        .map(|(s, p)| {
            for (c, t) in terms.iter_mut().enumerate() {
                *t = log_weights[c] + log_q[c][k][s];
            }
            // A draw outside the support counts as a very bad one, so that one of a thousand does
            // not throw away a path that is right otherwise.
            p.max(-1e10) - log_sum_exp(&terms)
        })
        .sum();
    total / log_p.len() as f64
}

impl Approximation for PathMixture {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn dimension(&self) -> usize {
        self.components[0].dimension()
    }

    fn sample(&self, n_draws: usize, stream: &mut Stream) -> (Draws, Vec<f64>) {
        let mut draws = Draws::zeros(self.dimension(), n_draws);
        let of: Vec<usize> = (0..n_draws)
            .map(|_| categorical(stream, &self.weights))
            .collect();
        for (k, component) in self.components.iter().enumerate() {
            let places: Vec<usize> = (0..n_draws).filter(|s| of[*s] == k).collect();
            let (part, _) = component.sample(places.len(), stream);
            for i in 0..self.dimension() {
                let row = draws.coordinate_mut(i);
                for (s, v) in places.iter().zip(part.coordinate(i)) {
                    row[*s] = *v;
                }
            }
        }
        let log_q = self.log_density(&draws);
        (draws, log_q)
    }

    fn log_density(&self, points: &Draws) -> Vec<f64> {
        let parts: Vec<Vec<f64>> = self
            .components
            .iter()
            .zip(&self.weights)
            .filter(|(_, w)| **w > 0.0)
            .map(|(c, w)| {
                let mut log_q = c.log_density(points);
                for l in &mut log_q {
                    *l += w.ln();
                }
                log_q
            })
            .collect();
        let mut terms = vec![0.0; parts.len()];
        (0..points.n_draws())
            .map(|s| {
                for (t, part) in terms.iter_mut().zip(&parts) {
                    *t = part[s];
                }
                log_sum_exp(&terms)
            })
            .collect()
    }

    fn mean(&self) -> Option<Vec<f64>> {
        let mut mean = vec![0.0; self.dimension()];
        for (c, w) in self.components.iter().zip(&self.weights) {
            elbo_math::linalg::axpy(*w, c.mean_slice(), &mut mean);
        }
        Some(mean)
    }

    fn standard_deviations(&self) -> Option<Vec<f64>> {
        let mean = self.mean()?;
        let mut variances = vec![0.0; mean.len()];
        for (c, w) in self.components.iter().zip(&self.weights) {
            for (i, v) in c.variances().into_iter().enumerate() {
                variances[i] += w * (v + (c.mean_slice()[i] - mean[i]).powi(2));
            }
        }
        Some(variances.into_iter().map(f64::sqrt).collect())
    }

    fn arrays(&self) -> Arrays {
        let n = self.components.len();
        let mut arrays = Arrays::from([(
            "weights".to_string(),
            Array::f64(&[n], self.weights.clone()),
        )]);
        for (k, component) in self.components.iter().enumerate() {
            for (name, array) in component.arrays() {
                arrays.insert(format!("{name}.{k}"), array);
            }
        }
        arrays
    }
}
