//! What importance weights say about an approximation: bounds, moments and how far to trust them.
//!
//! The one idea: one set of independent draws from `q` with `log p` and `log q` at them answers every
//! question: their mean ratio is the ELBO, their log mean exponential a tighter bound, their smoothed
//! weights turn moments of `q` into moments of the target, and the tails of what is averaged tell
//! which of these moments exist in practice. Deliberately absent: judgement (`verdict`).

use elbo_math::linalg::{Matrix, matmul_nt};
use elbo_math::log_space::log_sum_exp;
use elbo_math::parallel;
use elbo_math::random::stream;
use elbo_math::simd;

use super::psis::{self, Smoothed, Weighted};
use crate::reparameterised::Coordinates;
use crate::{Approximation, Draws, Target, ViError};

/// Groups that the importance-weighted bound is averaged over, to have a standard error.
const GROUPS: usize = 20;

/// A value in nats and its Monte Carlo standard error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bound {
    /// The estimate.
    pub value: f64,
    /// Its standard error.
    pub error: f64,
}

/// Independent draws from `q`, with what it takes to weight them towards the target.
#[derive(Debug, Clone, PartialEq)]
pub struct WeightedDraws {
    /// The draws.
    pub draws: Draws,
    /// `log p`, unnormalised, per draw; −∞ outside the support.
    pub log_target: Vec<f64>,
    /// `log q` per draw.
    pub log_q: Vec<f64>,
    /// Smoothed weights; `None` where `q` and the target do not overlap.
    pub smoothed: Option<Smoothed>,
}

/// Mean and standard deviation of one coordinate, under `q` and under the target.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moments {
    /// The mean under `q`.
    pub own_mean: f64,
    /// The standard deviation under `q`.
    pub own_sd: f64,
    /// The importance-weighted mean.
    pub mean: Weighted,
    /// The importance-weighted standard deviation.
    pub sd: Weighted,
    /// k̂ of the terms of the weighted mean.
    pub khat_mean: f64,
    /// k̂ of the terms of the weighted variance.
    pub khat_sd: f64,
}

impl WeightedDraws {
    /// Draws from `q` and evaluates the target there; no gradients are used.
    ///
    /// # Errors
    /// [`ViError::Setting`] for fewer than two draws, and what the density fails with.
    pub fn new(
        target: &Target<'_>,
        q: &dyn Approximation,
        n_draws: usize,
        seed: u64,
    ) -> Result<Self, ViError> {
        if n_draws < 2 {
            return Err(ViError::Setting {
                name: "n_draws",
                value: n_draws.to_string(),
                requirement: "at least 2",
            });
        }
        let (draws, log_q) = q.sample(n_draws, &mut stream(seed, "verdict/draws", 0));
        let log_target = target.log_densities(&draws)?;
        Ok(Self::from_parts(draws, log_target, log_q))
    }

    /// From draws that were already evaluated.
    ///
    /// # Panics
    /// If there is not one value of each kind per draw.
    pub fn from_parts(draws: Draws, log_target: Vec<f64>, log_q: Vec<f64>) -> Self {
        assert_eq!(draws.n_draws(), log_target.len(), "one value per draw");
        assert_eq!(draws.n_draws(), log_q.len(), "one value per draw");
        let mut weighted = Self {
            draws,
            log_target,
            log_q,
            smoothed: None,
        };
        weighted.smoothed = psis::smooth(&weighted.log_ratios());
        weighted
    }

    /// As [`from_parts`](Self::from_parts), where every draw was at `places` places, all of the same
    /// ratio: the first ones of all draws come first.
    pub(crate) fn at_places(
        draws: Draws,
        log_target: Vec<f64>,
        log_q: Vec<f64>,
        places: usize,
    ) -> Self {
        let n = draws.n_draws() / places;
        let mut weighted = Self {
            draws,
            log_target,
            log_q,
            smoothed: None,
        };
        let ratios = weighted.log_ratios();
        weighted.smoothed = psis::smooth(&ratios[..n]).map(|s| s.shared(places));
        weighted
    }

    /// The number of independent draws; each may have been at several places.
    pub fn n_independent(&self) -> usize {
        let all = self.log_q.len();
        self.smoothed.as_ref().map_or(all, |s| s.independent)
    }

    /// These draws and others that were made the same way.
    pub(crate) fn joined(&self, other: &Self) -> Self {
        let (n, more) = (self.n_independent(), other.n_independent());
        let places = (self.log_q.len() / n).min(other.log_q.len() / more);
        let both = |a: &[f64], b: &[f64]| -> Vec<f64> {
            let parts = (0..places).map(|k| [&a[k * n..][..n], &b[k * more..][..more]].concat());
            parts.collect::<Vec<_>>().concat()
        };
        let dimension = self.draws.dimension();
        let coordinates = (0..dimension)
            .map(|i| both(self.draws.coordinate(i), other.draws.coordinate(i)))
            .collect::<Vec<_>>();
        let draws = Draws::from_vec(dimension, places * (n + more), coordinates.concat());
        let log_target = both(&self.log_target, &other.log_target);
        let log_q = both(&self.log_q, &other.log_q);
        Self::at_places(draws, log_target, log_q, places)
    }

    /// The same draws in the user's coordinates. Ratios of densities, and so weights, stay as they are.
    pub(crate) fn in_original(&self, coordinates: &dyn Coordinates) -> Self {
        let (draws, log_jacobian) = coordinates.original(&self.draws);
        let less = |values: &[f64]| -> Vec<f64> {
            let both = values.iter().zip(&log_jacobian);
            both.map(|(v, j)| v - j).collect()
        };
        Self {
            draws,
            log_target: less(&self.log_target),
            log_q: less(&self.log_q),
            smoothed: self.smoothed.clone(),
        }
    }

    /// `log p − log q` per draw.
    pub fn log_ratios(&self) -> Vec<f64> {
        self.log_target
            .iter()
            .zip(&self.log_q)
            .map(|(p, q)| p - q)
            .collect()
    }

    fn independent_ratios(&self) -> Vec<f64> {
        let mut ratios = self.log_ratios();
        ratios.truncate(self.n_independent());
        ratios
    }

    /// Mean and covariance under `weights`, one for each draw, which sum to one.
    pub(crate) fn mean_and_covariance(&self, weights: &[f64]) -> (Vec<f64>, Matrix) {
        let mut mean = vec![0.0; self.draws.dimension()];
        let mut centered = Matrix::zeros(mean.len(), weights.len());
        for (i, mean) in mean.iter_mut().enumerate() {
            let values = self.draws.coordinate(i);
            // A draw without weight may be anywhere.
            let counting = values.iter().zip(weights).filter(|(_, w)| **w > 0.0);
            *mean = counting.map(|(x, w)| w * x).sum();
            for ((c, x), w) in centered.row_mut(i).iter_mut().zip(values).zip(weights) {
                *c = if *w > 0.0 {
                    w.sqrt() * (x - *mean)
                } else {
                    0.0
                };
            }
        }
        (mean, matmul_nt(&centered, &centered))
    }

    /// k̂ of the importance ratios; +∞ where `q` and the target do not overlap.
    pub fn khat(&self) -> f64 {
        self.smoothed.as_ref().map_or(f64::INFINITY, |s| s.khat)
    }

    /// The effective sample size of the smoothed weights; 0 without overlap.
    pub fn effective_sample_size(&self) -> f64 {
        self.smoothed
            .as_ref()
            .map_or(0.0, Smoothed::effective_sample_size)
    }

    /// The fraction of draws outside the support.
    pub fn fraction_outside(&self) -> f64 {
        let outside = self.log_target.iter().filter(|p| !p.is_finite()).count();
        outside as f64 / self.log_target.len() as f64
    }

    /// The ELBO over the draws inside the support; with draws outside it is −∞ in truth, so that
    /// [`fraction_outside`](Self::fraction_outside) belongs beside it. −∞ if all are outside.
    pub fn elbo(&self) -> Bound {
        let inside: Vec<f64> = self
            .independent_ratios()
            .into_iter()
            .filter(|r| r.is_finite())
            .collect();
        mean_with_error(&inside)
    }

    /// The importance-weighted bound `E log (1/K) Σ_k p/q` with `K` a twentieth of the draws: between
    /// the ELBO and the log evidence `[@burda2016iwae]`.
    pub fn importance_weighted_elbo(&self) -> Bound {
        let ratios = self.independent_ratios();
        let size = (ratios.len() / GROUPS).max(1);
        let groups: Vec<f64> = ratios
            .chunks_exact(size)
            .map(|group| log_sum_exp(group) - (size as f64).ln())
            .filter(|v| v.is_finite())
            .collect();
        mean_with_error(&groups)
    }

    /// The log evidence that all draws together estimate, `log (1/S) Σ p/q`.
    pub fn log_evidence(&self) -> f64 {
        let ratios = self.log_ratios();
        log_sum_exp(&ratios) - (ratios.len() as f64).ln()
    }

    /// Moments of every coordinate; `None` without overlap.
    pub fn moments(&self) -> Option<Vec<Moments>> {
        let smoothed = self.smoothed.as_ref()?;
        let (weights, ratios) = (smoothed.weights(), self.independent_ratios());
        Some(parallel::map_chunks(self.draws.dimension(), 1, |range| {
            let values = self.draws.coordinate(range.start);
            coordinate_moments(values, &ratios, smoothed, &weights)
        }))
    }

    /// Weighted means and standard deviations of every coordinate, which are a fraction of the work of
    /// [`moments`](Self::moments): no k̂; `None` without overlap.
    pub(crate) fn spreads(&self) -> Option<Vec<Spread>> {
        let smoothed = self.smoothed.as_ref()?;
        let weights = smoothed.weights();
        let of = |i| Spread::of(self.draws.coordinate(i), smoothed, &weights);
        Some((0..self.draws.dimension()).map(of).collect())
    }
}

/// An importance-weighted mean and standard deviation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spread {
    pub(crate) mean: Weighted,
    pub(crate) sd: Weighted,
}

impl Spread {
    fn of(values: &[f64], smoothed: &Smoothed, weights: &[f64]) -> Self {
        let mean = smoothed.expectation_by(weights, values);
        let squares: Vec<f64> = values.iter().map(|v| (v - mean.mean).powi(2)).collect();
        let variance = smoothed.expectation_by(weights, &squares);
        let sd = variance.mean.sqrt();
        Self {
            mean,
            // By the delta method.
            sd: Weighted {
                mean: sd,
                mcse: variance.mcse / (2.0 * sd),
            },
        }
    }

    /// The larger standard error, in standard deviations.
    pub(crate) fn error(&self) -> f64 {
        self.mean.mcse.max(self.sd.mcse) / self.sd.mean
    }
}

fn coordinate_moments(
    values: &[f64],
    ratios: &[f64],
    smoothed: &Smoothed,
    weights: &[f64],
) -> Moments {
    let n = values.len() as f64;
    let own_mean = values.iter().sum::<f64>() / n;
    let own_variance = values.iter().map(|v| (v - own_mean).powi(2)).sum::<f64>() / (n - 1.0);
    let Spread { mean, sd } = Spread::of(values, smoothed, weights);
    // Of what a draw adds to the mean: its places' average.
    let away = values.iter().map(|v| v - mean.mean);
    let mut log_sizes = smoothed.by_draw(away.clone().map(f64::abs));
    simd::ln(&mut log_sizes);
    let log_squares = if values.len() == ratios.len() {
        log_sizes.iter().map(|l| 2.0 * l).collect()
    } else {
        let mut sums = smoothed.by_draw(away.map(|v| v * v));
        simd::ln(&mut sums);
        sums
    };
    Moments {
        own_mean,
        own_sd: own_variance.sqrt(),
        mean,
        sd,
        khat_mean: Smoothed::khat_of(ratios, &log_sizes),
        khat_sd: Smoothed::khat_of(ratios, &log_squares),
    }
}

fn mean_with_error(values: &[f64]) -> Bound {
    if values.is_empty() {
        return Bound {
            value: f64::NEG_INFINITY,
            error: f64::INFINITY,
        };
    }
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    let error = if values.len() > 1 {
        (squares / (n - 1.0) / n).sqrt()
    } else {
        f64::INFINITY
    };
    Bound { value: mean, error }
}

#[cfg(test)]
mod tests {
    use elbo_testkit::{Estimate, assert_close};

    use super::*;
    use crate::density::FromFn;
    use crate::family::{FullRank, MeanField};
    use crate::testing::Gaussian;

    #[test]
    fn an_exact_approximation_has_the_log_evidence_everywhere() {
        let gaussian = Gaussian::new(4, 30.0, 1);
        let q = FullRank::from_covariance(gaussian.mean.clone(), &gaussian.covariance).unwrap();
        let target = Target::new(&gaussian, 4).unwrap();
        let weighted = WeightedDraws::new(&target, &q, 1000, 1).unwrap();
        // The density is normalised: the log evidence is 0, and every ratio is.
        assert_close("elbo", weighted.elbo().value, 0.0, 1e-10);
        assert!(weighted.elbo().error < 1e-10);
        assert_close(
            "bound",
            weighted.importance_weighted_elbo().value,
            0.0,
            1e-10,
        );
        assert_close("evidence", weighted.log_evidence(), 0.0, 1e-10);
        assert_eq!(weighted.khat(), 0.0);
        assert_close("ess", weighted.effective_sample_size(), 1000.0, 1e-9);
        assert_eq!(target.gradient_evaluations(), 0);
    }

    #[test]
    fn bounds_of_a_wrong_scale_are_the_closed_forms() {
        // p = N(0, 1), q = N(½, 1.5²): −KL = −½ (1.5² + ¼ − 1 − 2 log 1.5).
        let density = FromFn(|x: &[f64], g: &mut [f64]| {
            g[0] = -x[0];
            -0.5 * x[0] * x[0] - 0.5 * (2.0 * std::f64::consts::PI).ln()
        });
        let target = Target::new(&density, 1).unwrap();
        let q = MeanField::new(vec![0.5], vec![1.5]).unwrap();
        let weighted = WeightedDraws::new(&target, &q, 20_000, 2).unwrap();
        let agrees = |what, Bound { value, error }: Bound, truth| {
            Estimate {
                mean: value,
                mcse: error,
            }
            .assert_agrees(what, 2, truth);
        };
        let divergence = 0.5 * (2.25 + 0.25 - 1.0 - 2.0 * 1.5_f64.ln());
        agrees("elbo", weighted.elbo(), -divergence);
        // With K = 1000 the gap is Var(w)/2K < 1e-3, below its standard error.
        let tighter = weighted.importance_weighted_elbo();
        agrees("bound", tighter, 0.0);
        assert!(tighter.value > weighted.elbo().value);
        let moments = weighted.moments().unwrap()[0];
        let corrected = |w: Weighted| Bound {
            value: w.mean,
            error: w.mcse,
        };
        agrees("mean", corrected(moments.mean), 0.0);
        agrees("sd", corrected(moments.sd), 1.0);
        assert!(moments.khat_mean < 0.5 && moments.khat_sd < 0.5);
        // Bounds of 5 standard errors of q's own moments.
        assert!((moments.own_mean - 0.5).abs() < 5.0 * 1.5 / 20_000_f64.sqrt());
        assert!((moments.own_sd - 1.5).abs() < 5.0 * 1.5 / 40_000_f64.sqrt());
    }

    #[test]
    fn draws_outside_the_support_are_counted_and_carry_no_weight() {
        let density = FromFn(|x: &[f64], g: &mut [f64]| {
            g[0] = -1.0;
            if x[0] > 0.0 { -x[0] } else { f64::NEG_INFINITY }
        });
        let target = Target::new(&density, 1).unwrap();
        let q = MeanField::new(vec![0.0], vec![2.0]).unwrap();
        let weighted = WeightedDraws::new(&target, &q, 20_000, 3).unwrap();
        // Half of q is outside; 5 binomial standard errors.
        assert!((weighted.fraction_outside() - 0.5).abs() < 5.0 * 0.5 / 20_000_f64.sqrt());
        let moments = weighted.moments().unwrap()[0];
        Estimate {
            mean: moments.mean.mean,
            mcse: moments.mean.mcse,
        }
        .assert_agrees("mean of the exponential", 3, 1.0);
        assert!(weighted.elbo().value.is_finite());

        let nowhere = FromFn(|_: &[f64], _: &mut [f64]| f64::NEG_INFINITY);
        let target = Target::new(&nowhere, 1).unwrap();
        let weighted = WeightedDraws::new(&target, &q, 100, 3).unwrap();
        assert_eq!(weighted.khat(), f64::INFINITY);
        assert_eq!(weighted.moments(), None);
        assert_eq!(weighted.effective_sample_size(), 0.0);
        assert_eq!(weighted.elbo().value, f64::NEG_INFINITY);
    }
}
