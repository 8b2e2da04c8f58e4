//! Importance resampling without replacement.
//!
//! The one idea: a draw that is kept at most once cannot fill the result with copies. The log ratios come
//! along unchanged, ready for Pareto smoothing. Deliberately absent: that smoothing, and how indices are
//! chosen (`diagnostic::psis`).

use elbo_math::random::stream;

use crate::diagnostic::psis::without_replacement;
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
    let mut rng = stream(seed, "resample/gumbel", 0);
    let indices = without_replacement(&log_ratios, n_kept, &mut rng);
    Ok(Resampled {
        draws: candidates.select(&indices),
        indices,
        log_ratios,
    })
}
