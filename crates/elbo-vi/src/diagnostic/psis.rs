//! Pareto-smoothed importance sampling: how far draws from `q` can be reweighted into draws from the
//! target, and the reweighting itself.
//!
//! The one idea: the largest importance ratios follow a generalised Pareto law, whose shape k̂ says
//! how many moments the ratios have. A heavy tail is both found (k̂) and tamed (the largest ratios
//! are replaced by the fitted law's quantiles). Deliberately absent: what the numbers mean for a fit
//! (`verdict`), and correlated draws (`monte_carlo_error`).

use elbo_math::log_space::log_sum_exp;
use elbo_math::random::{Stream, uniform};
use elbo_math::simd;

use super::generalized_pareto::{FEWEST, GeneralizedPareto};

/// The weak prior on the shape: ten exceedances with shape ½ `[@vehtari2024psis]`.
pub(super) const PRIOR_EXCEEDANCES: f64 = 10.0;
const PRIOR_SHAPE: f64 = 0.5;

/// Ratios that differ by less, in logarithms, are equal: what differs is rounding.
const EQUAL: f64 = 1e-9;

/// How many of the largest of `n_draws` ratios make the tail `[@vehtari2024psis]`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count below n_draws"
)]
pub fn tail_length(n_draws: usize) -> usize {
    let n = n_draws as f64;
    (0.2 * n).min(3.0 * n.sqrt()).ceil() as usize
}

/// The largest k̂ at which `n_draws` draws suffice, `min(1 − 1/log₁₀ S, 0.7)`
/// `[@vehtari2024psis]`.
pub fn khat_threshold(n_draws: usize) -> f64 {
    (1.0 - 1.0 / (n_draws as f64).log10()).min(0.7)
}

/// k̂ of the right tail of positive numbers, given by their logarithms (−∞ for a zero).
///
/// 0 where the numbers are equal to rounding: there is no tail. +∞ where the draws are too few to
/// tell (fewer than 25), or where almost all numbers are zero.
pub fn tail_shape(logs: &[f64]) -> f64 {
    Tail::of(logs).shape
}

/// Importance weights with a smoothed tail.
#[derive(Debug, Clone, PartialEq)]
pub struct Smoothed {
    /// Logarithms of the weights, which sum to one.
    pub log_weights: Vec<f64>,
    /// The number of different weights, each of one independent draw. Where there are more entries
    /// than that, a weight is shared in equal parts by every so manieth: places that the same draw was
    /// at, which depend on each other.
    pub independent: usize,
    /// The shape of the raw ratios' tail.
    pub khat: f64,
}

/// An importance-weighted mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weighted {
    /// The estimate.
    pub mean: f64,
    /// Its standard error, from the smoothed weights; too small where k̂ is large.
    pub mcse: f64,
}

/// Smooths the ratios `log p − log q` of independent draws from `q` `[@vehtari2024psis]`.
///
/// `None` where no ratio is positive and finite: `q` and the target do not overlap, or the
/// ratios hold a NaN or +∞.
pub fn smooth(log_ratios: &[f64]) -> Option<Smoothed> {
    let most = log_ratios.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if !most.is_finite() || log_ratios.iter().any(|r| r.is_nan()) {
        return None;
    }
    let mut log_weights: Vec<f64> = log_ratios.iter().map(|r| r - most).collect();
    let tail = Tail::of(&log_weights);
    if let Some(law) = tail.law {
        let law = GeneralizedPareto {
            shape: tail.shape,
            ..law
        };
        let n = tail.indices.len() as f64;
        for (j, s) in tail.indices.iter().enumerate() {
            let exceedance = law.quantile((j as f64 + 0.5) / n);
            log_weights[*s] = (exceedance + tail.cutoff).ln().min(0.0);
        }
    }
    let total = log_sum_exp(&log_weights);
    for w in &mut log_weights {
        *w -= total;
    }
    Some(Smoothed {
        independent: log_weights.len(),
        log_weights,
        khat: tail.shape,
    })
}

impl Smoothed {
    /// The weights.
    pub fn weights(&self) -> Vec<f64> {
        let mut weights = self.log_weights.clone();
        simd::exp(&mut weights);
        weights
    }

    /// The same weights, each shared by `places` entries: all first places, then all second ones.
    pub(crate) fn shared(mut self, places: usize) -> Self {
        let share = (places as f64).ln();
        for w in &mut self.log_weights {
            *w -= share;
        }
        self.log_weights = self.log_weights.repeat(places);
        self
    }

    /// Sums over the entries that share a weight.
    pub(crate) fn by_draw(&self, terms: impl Iterator<Item = f64>) -> Vec<f64> {
        let mut sums = vec![0.0; self.independent];
        let mut at = 0;
        for term in terms {
            sums[at] += term;
            at += 1;
            if at == self.independent {
                at = 0;
            }
        }
        sums
    }

    /// `1 / Σ w²`: the number of independent draws from the target that are worth as much
    /// `[@vehtari2024psis]`.
    pub fn effective_sample_size(&self) -> f64 {
        let weights = self.by_draw(self.weights().into_iter());
        1.0 / weights.iter().map(|w| w * w).sum::<f64>()
    }

    /// The mean of `values`, one per draw, under the target `[@vehtari2024psis]`.
    ///
    /// # Panics
    /// If there is not one value per draw.
    pub fn expectation(&self, values: &[f64]) -> Weighted {
        self.expectation_by(&self.weights(), values)
    }

    /// As [`expectation`](Self::expectation), with the [`weights`](Self::weights) at hand.
    pub(crate) fn expectation_by(&self, weights: &[f64], values: &[f64]) -> Weighted {
        assert_eq!(values.len(), weights.len(), "one value per draw");
        // A draw with no weight may lie where the value is not finite.
        let sized = |f: &dyn Fn(f64) -> f64| -> Vec<f64> {
            let term = |(w, v): (&f64, &f64)| if *w > 0.0 { w * f(*v) } else { 0.0 };
            self.by_draw(weights.iter().zip(values).map(term))
        };
        let mean: f64 = sized(&|v| v).iter().sum();
        let variance: f64 = sized(&|v| v - mean).iter().map(|t| t * t).sum();
        Weighted {
            mean,
            mcse: variance.sqrt(),
        }
    }

    /// k̂ of the terms `w·|h|` of an expectation, given `log |h|` per draw: whether this quantity's
    /// mean can be trusted, which it may be where the weights as such cannot, and the other way
    /// round `[@vehtari2024psis]`.
    ///
    /// `log_ratios` are the raw ones.
    pub fn khat_of(log_ratios: &[f64], log_sizes: &[f64]) -> f64 {
        let terms: Vec<f64> = log_ratios
            .iter()
            .zip(log_sizes)
            .map(|(r, h)| if *r == f64::NEG_INFINITY { *r } else { r + h })
            .collect();
        tail_shape(&terms)
    }

    /// The indices of `n` draws from the target, each independent of the others.
    pub fn resample(&self, n: usize, stream: &mut Stream) -> Vec<usize> {
        let mut cumulative = self.weights();
        let mut total = 0.0;
        for w in &mut cumulative {
            total += *w;
            *w = total;
        }
        (0..n)
            .map(|_| {
                let u = uniform(stream) * total;
                cumulative
                    .partition_point(|c| *c <= u)
                    .min(cumulative.len() - 1)
            })
            .collect()
    }

    /// As [`without_replacement`], of the smoothed weights.
    ///
    /// No draw dominates, at the price of a bias towards `q` that vanishes as `n` falls below the
    /// effective sample size.
    pub fn resample_without_replacement(&self, n: usize, stream: &mut Stream) -> Vec<usize> {
        without_replacement(&self.log_weights, n, stream)
    }
}

/// At most `n` different indices, drawn one after the other in proportion to the weights that are left,
/// by the exponential trick of `[@efraimidis2006reservoir]`: independent Gumbel noise is added to the
/// logarithms and the largest sums are kept `[@kool2019stochasticbeams, sec. 2]`. A weight of zero, or
/// one that is not finite, is never chosen.
pub fn without_replacement(log_weights: &[f64], n: usize, stream: &mut Stream) -> Vec<usize> {
    let mut keys: Vec<(f64, usize)> = log_weights
        .iter()
        .enumerate()
        .map(|(s, w)| (w - (-(-uniform(stream)).ln_1p()).ln(), s))
        .filter(|(_, s)| log_weights[*s].is_finite())
        .collect();
    keys.sort_by(|a, b| b.0.total_cmp(&a.0));
    keys.into_iter().take(n).map(|(_, s)| s).collect()
}

/// The largest of some positive numbers, and the law of their exceedances.
struct Tail {
    indices: Vec<usize>, // ascending in value
    cutoff: f64,         // the largest number that is not in the tail
    law: Option<GeneralizedPareto>,
    shape: f64,
}

impl Tail {
    /// From logarithms; the law is that of the numbers divided by their maximum.
    fn of(logs: &[f64]) -> Self {
        let n = logs.len();
        let length = tail_length(n);
        let nothing = |shape| Self {
            indices: Vec::new(),
            cutoff: 0.0,
            law: None,
            shape,
        };
        if length < FEWEST {
            return nothing(f64::INFINITY);
        }
        // What lies below the tail needs no order.
        let mut unordered = logs.to_vec();
        let (_, below, tail) = unordered.select_nth_unstable_by(n - 1 - length, f64::total_cmp);
        let below = *below;
        let most = tail.iter().copied().max_by(f64::total_cmp);
        let most = most.unwrap_or(f64::NAN);
        if !most.is_finite() {
            return nothing(f64::INFINITY);
        }
        if most - below < EQUAL {
            return nothing(0.0);
        }
        let cutoff = (below - most).exp().max(f64::MIN_POSITIVE);
        // Ties with the cutoff exceed it by nothing.
        let mut indices: Vec<usize> = (0..n)
            .filter(|s| logs[*s].total_cmp(&below).is_gt())
            .filter(|s| (logs[*s] - most).exp() > cutoff)
            .collect();
        indices.sort_by(|a, b| logs[*a].total_cmp(&logs[*b]));
        let exceedances: Vec<f64> = indices
            .iter()
            .map(|s| (logs[*s] - most).exp() - cutoff)
            .collect();
        let law = GeneralizedPareto::fit(&exceedances);
        let m = exceedances.len() as f64;
        let shape = law.map_or(f64::INFINITY, |law| {
            (m * law.shape + PRIOR_EXCEEDANCES * PRIOR_SHAPE) / (m + PRIOR_EXCEEDANCES)
        });
        Self {
            indices,
            cutoff,
            law,
            shape,
        }
    }
}

#[cfg(test)]
mod tests {
    use elbo_math::random::{standard_normal, stream};
    use elbo_testkit::{Estimate, assert_close, assert_counts_follow};

    use super::*;

    /// `u = frac(i φ)`, spread evenly, which two languages compute alike.
    fn ratios(shape: f64, n: u32) -> Vec<f64> {
        (1..=n)
            .map(|i| {
                let u = (f64::from(i) * 0.618_033_988_749_894_9).fract();
                -shape * (1.0 - u).ln() + 0.1 * f64::from(i % 7)
            })
            .collect()
    }

    #[test]
    fn a_shared_weight_counts_once_and_averages_its_places() {
        let ratios: Vec<f64> = (0..50).map(|i| f64::from(i % 7) * 0.1).collect();
        let one = smooth(&ratios).unwrap();
        let two = one.clone().shared(2);
        let values: Vec<f64> = (0..100).map(|i| f64::from(i * i % 11)).collect();
        let averages: Vec<f64> = (0..50)
            .map(|i| 0.5 * (values[i] + values[i + 50]))
            .collect();
        let (a, b) = (one.expectation(&averages), two.expectation(&values));
        assert!((a.mean - b.mean).abs() < 1e-12 && (a.mcse - b.mcse).abs() < 1e-12);
        let counting = [&one, &two].map(Smoothed::effective_sample_size);
        assert!((counting[0] - counting[1]).abs() < 1e-9);
    }

    #[test]
    fn shape_and_weights_agree_with_arviz() {
        // arviz 0.23.4:
        // i = np.arange(1, n + 1); u = (i * 0.6180339887498949) % 1
        // lw, k = az.psislw(-shape * np.log(1 - u) + 0.1 * (i % 7)); k, lw.max(), 1/np.exp(2*lw).sum()
        for (shape, n, khat, largest, effective) in GOLDEN {
            let smoothed = smooth(&ratios(shape, n)).unwrap();
            let most = smoothed
                .log_weights
                .iter()
                .copied()
                .fold(f64::NEG_INFINITY, f64::max);
            let what = format!("shape {shape}, {n} draws");
            assert_close(&what, smoothed.khat, khat, 1e-10);
            assert_close(&what, most, largest, 1e-10);
            assert_close(&what, smoothed.effective_sample_size(), effective, 1e-10);
        }
    }

    /// shape, draws, k̂, the largest log weight, effective sample size.
    const GOLDEN: [(f64, u32, f64, f64, f64); 6] = [
        (
            -0.3,
            100,
            -0.16740421681684983,
            -4.074011302737897,
            90.26645996009078,
        ),
        (
            0.2,
            1000,
            0.25583552339824905,
            -5.504436908965827,
            901.2712790981152,
        ),
        (
            0.5,
            4000,
            0.5065036266976323,
            -4.865874904542755,
            1674.8557489684595,
        ),
        (
            0.7,
            1000,
            0.6974655356201754,
            -2.9554401309506386,
            151.6693347636348,
        ),
        (
            1.2,
            200,
            1.1477306118666508,
            -0.9616765843267739,
            5.997186930822881,
        ),
        (
            0.05,
            30,
            -0.11099028190701421,
            -3.0993047751988767,
            28.945882567938853,
        ),
    ];

    #[test]
    fn weighted_means_of_a_narrow_proposal_are_those_of_the_target() {
        // q = N(0, 1), target N(½, 0.8²): the ratios are bounded, so k̂ is small and the
        // error is Monte Carlo's.
        let mut rng = stream(11, "psis/test", 0);
        let draws: Vec<f64> = (0..20_000).map(|_| standard_normal(&mut rng)).collect();
        let log_ratios: Vec<f64> = draws
            .iter()
            .map(|x| 0.5 * x * x - 0.5 * ((x - 0.5) / 0.8).powi(2))
            .collect();
        let smoothed = smooth(&log_ratios).unwrap();
        assert!(smoothed.khat < 0.5, "{}", smoothed.khat);
        let square: Vec<f64> = draws.iter().map(|x| (x - 0.5).powi(2)).collect();
        for (what, values, truth) in [("mean", &draws, 0.5), ("variance", &square, 0.64)] {
            let Weighted { mean, mcse } = smoothed.expectation(values);
            Estimate { mean, mcse }.assert_agrees(what, 11, truth);
        }
        let chosen = smoothed.resample(20_000, &mut rng);
        let resampled: Vec<f64> = chosen.iter().map(|s| draws[*s]).collect();
        let mut estimate = Estimate::from_draws(&resampled);
        // Two errors add: that of the weights and that of drawing from them.
        estimate.mcse = estimate.mcse.hypot(smoothed.expectation(&draws).mcse);
        estimate.assert_agrees("resampled mean", 11, 0.5);
    }

    #[test]
    fn an_exact_proposal_has_no_tail_and_every_draw_counts() {
        let smoothed = smooth(&[-3.0; 400]).unwrap();
        assert_eq!(smoothed.khat, 0.0);
        assert_close("ess", smoothed.effective_sample_size(), 400.0, 1e-12);
    }

    #[test]
    fn what_cannot_be_weighted_is_refused() {
        assert_eq!(smooth(&[f64::NEG_INFINITY; 100]), None);
        assert_eq!(smooth(&[0.0, f64::NAN]), None);
        assert_eq!(smooth(&[0.0, f64::INFINITY]), None);
        assert_eq!(smooth(&[]), None);
        // Too few draws to tell.
        assert_eq!(smooth(&[0.0, 1.0, 2.0]).unwrap().khat, f64::INFINITY);
        // All weight on one draw in a hundred.
        let mut one = vec![f64::NEG_INFINITY; 100];
        one[3] = 0.0;
        let smoothed = smooth(&one).unwrap();
        assert_eq!(smoothed.khat, f64::INFINITY);
        assert_eq!(smoothed.effective_sample_size(), 1.0);
    }

    #[test]
    fn resampling_follows_the_weights_and_without_replacement_repeats_nothing() {
        let weights: [f64; 4] = [0.1, 0.2, 0.3, 0.4];
        let smoothed = Smoothed {
            log_weights: weights.iter().map(|w| w.ln()).collect(),
            independent: weights.len(),
            khat: 0.0,
        };
        let mut rng = stream(12, "psis/test", 0);
        let n = 20_000;
        let mut with = [0; 4];
        for s in smoothed.resample(n, &mut rng) {
            with[s] += 1;
        }
        assert_counts_follow("with", 12, &with[..3], &weights[..3], n);
        // The first two of a draw without replacement: P(a, b) = w_a w_b / (1 − w_a).
        let mut pairs = [0; 12];
        let mut probabilities = [0.0; 12];
        for _ in 0..n {
            let drawn = smoothed.resample_without_replacement(2, &mut rng);
            let (a, b) = (drawn[0], drawn[1]);
            assert_ne!(a, b);
            let pair = a * 3 + b - usize::from(b > a);
            pairs[pair] += 1;
            probabilities[pair] = weights[a] * weights[b] / (1.0 - weights[a]);
        }
        assert_counts_follow("without", 12, &pairs[..11], &probabilities[..11], n);
        // A weight of zero is never chosen, even to fill up.
        let logs = [0.0, f64::NEG_INFINITY, -1.0, f64::NAN];
        assert_eq!(without_replacement(&logs, 4, &mut rng).len(), 2);
    }

    #[test]
    fn a_quantity_can_have_a_heavier_tail_than_the_weights() {
        // Equal weights, Cauchy values: w·|h| has shape 1.
        let mut rng = stream(13, "psis/test", 0);
        let sizes: Vec<f64> = (0..10_000)
            .map(|_| {
                (standard_normal(&mut rng) / standard_normal(&mut rng))
                    .abs()
                    .ln()
            })
            .collect();
        let equal = vec![0.0; sizes.len()];
        assert_eq!(tail_shape(&equal), 0.0);
        // 300 exceedances of shape 1: the estimate's standard deviation is 2/√300 = 0.12, and the
        // prior pulls by (1 − ½)·10/310.
        let khat = Smoothed::khat_of(&equal, &sizes);
        assert!((khat - 0.98).abs() < 0.6, "{khat}");
        assert!(khat > khat_threshold(10_000));
    }

    #[test]
    fn the_threshold_is_the_published_one() {
        assert_close("100 draws", khat_threshold(100), 0.5, 1e-12);
        assert_close("1000 draws", khat_threshold(1000), 2.0 / 3.0, 1e-12);
        assert_eq!(khat_threshold(10_000), 0.7);
        assert_eq!(tail_length(100), 20);
        assert_eq!(tail_length(1000), 95);
    }
}
