//! Several fits from different starts, the best kept.

use super::{Outcome, Stopped};
use crate::ModelError;

/// Runs `fit(restart)` for `restart = 0 … n_restarts − 1` and keeps the one with the highest ELBO.
///
/// A restart that fails numerically is passed over as long as another succeeds. An interrupted
/// restart ends the search. Ties keep the earlier restart.
///
/// # Errors
/// If `n_restarts` is 0, or every restart fails: the first failure.
pub fn best_of<M>(
    n_restarts: usize,
    mut fit: impl FnMut(usize) -> Result<(M, Outcome), ModelError>,
) -> Result<(M, Outcome), ModelError> {
    let mut best: Option<(M, Outcome)> = None;
    let mut failure = None;
    for restart in 0..n_restarts {
        match fit(restart) {
            Ok((model, outcome)) => {
                let interrupted = outcome.stopped == Stopped::Interrupted;
                if best.as_ref().is_none_or(|(_, b)| outcome.elbo > b.elbo) {
                    best = Some((model, outcome));
                }
                if interrupted {
                    break;
                }
            }
            Err(error @ (ModelError::Numerical { .. } | ModelError::NonFinite { .. })) => {
                failure.get_or_insert(error);
            }
            Err(error) => return Err(error),
        }
    }
    best.ok_or_else(|| {
        failure.unwrap_or_else(|| ModelError::setting("n_restarts", n_restarts, "give at least 1"))
    })
}
