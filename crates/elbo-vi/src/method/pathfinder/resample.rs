//! Importance resampling without replacement.
//!
//! The one idea: adding independent Gumbel noise to the log ratios and keeping the largest sums draws
//! one index after the other in proportion to the ratios, each at most once
//! `[@kool2019stochasticbeams, sec. 2]`, so a few heavy draws cannot fill the result with copies. The
//! log ratios come along unchanged, ready for Pareto smoothing. Deliberately absent: that smoothing.

use elbo_math::random::{stream, uniform};

use crate::{Approximation, Draws, Target, ViError};

/// Draws kept, and the ratios of all that they were chosen from.
#[derive(Debug, Clone, PartialEq)]
pub struct Resampled {
    /// The draws kept; all different.
    pub draws: Draws,
    /// Which of the candidates they were.
    pub indices: Vec<usize>,
    /// `log p − log q` of every candidate.
    pub log_ratios: Vec<f64>,
}

/// Draws `n_candidates` from the approximation and keeps `n_kept` of them, or as many as have a
/// finite ratio.
///
/// # Errors
/// [`ViError::Setting`] if `n_kept` is 0 or more than `n_candidates`, and the target's own.
pub fn resample(
    approximation: &dyn Approximation,
    target: &Target<'_>,
    n_candidates: usize,
    n_kept: usize,
    seed: u64,
) -> Result<Resampled, ViError> {
    if n_kept == 0 || n_kept > n_candidates {
        return Err(ViError::Setting {
            name: "n_kept",
            value: n_kept.to_string(),
            requirement: "at least 1 and at most n_candidates",
        });
    }
    let (candidates, log_q) =
        approximation.sample(n_candidates, &mut stream(seed, "resample/candidates", 0));
    let log_p = target.log_densities(&candidates)?;
    let log_ratios: Vec<f64> = log_p.iter().zip(&log_q).map(|(p, q)| p - q).collect();
    let indices = choose(&log_ratios, n_kept, seed);
    Ok(Resampled {
        draws: candidates.select(&indices),
        indices,
        log_ratios,
    })
}

/// `n` different indices, one after the other with probability proportional to `exp(log_weights)`
/// among those left; in the order chosen.
fn choose(log_weights: &[f64], n: usize, seed: u64) -> Vec<usize> {
    let mut rng = stream(seed, "resample/gumbel", 0);
    let mut keys: Vec<(f64, usize)> = log_weights
        .iter()
        .enumerate()
        .map(|(i, w)| {
            // 1 − u lies in (0, 1].
            let gumbel = -(-(1.0 - uniform(&mut rng)).ln()).ln();
            (w + gumbel, i)
        })
        .filter(|(key, i)| log_weights[*i].is_finite() && !key.is_nan())
        .collect();
    keys.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    keys.into_iter().take(n).map(|(_, i)| i).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_are_chosen_one_after_the_other_in_proportion_to_their_weights() {
        let weights: [f64; 4] = [0.5, 0.3, 0.2, 0.0];
        let log_weights = weights.map(f64::ln);
        let n = 20_000;
        let mut first_two = std::collections::BTreeMap::new();
        for seed in 0..n {
            let chosen = choose(&log_weights, 2, seed);
            *first_two.entry((chosen[0], chosen[1])).or_insert(0.0) += 1.0;
        }
        for a in 0..3 {
            for b in (0..3).filter(|b| *b != a) {
                let p = weights[a] * weights[b] / (1.0 - weights[a]);
                let share = first_two[&(a, b)] / n as f64;
                let error = (p * (1.0 - p) / n as f64).sqrt();
                // Five standard errors of a proportion.
                assert!((share - p).abs() < 5.0 * error, "{a}, {b}: {share} {p}");
            }
        }
        // A weight of zero is never chosen, even to fill up.
        assert_eq!(choose(&log_weights, 4, 1).len(), 3);
    }
}
