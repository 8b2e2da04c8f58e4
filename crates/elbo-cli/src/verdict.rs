//! Whether to believe a fit, in one word and one sentence.
//!
//! The one idea: the word follows from two facts (did it converge, is `q` the exact posterior), so
//! nothing that did not converge is ever called a success. Deliberately absent: Pareto k̂, which
//! these models do not need for their exact posteriors and which the black-box methods compute.

use elbo::models::{Outcome, Stopped};
use elbo_data::fit::Verdict;

/// How `q` relates to the posterior at convergence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Approximation {
    /// `q` is the posterior.
    Exact,
    /// `q` factorises where the posterior does not.
    Factorised,
}

/// The verdict on a fit that ended as `outcome` says.
pub(crate) fn of(approximation: Approximation, outcome: &Outcome) -> Verdict {
    match (outcome.converged(), approximation) {
        (false, _) => Verdict::Bad,
        (true, Approximation::Exact) => Verdict::Good,
        (true, Approximation::Factorised) => Verdict::Usable,
    }
}

/// The exit code of a `fit` with this verdict.
pub(crate) fn exit_code(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Good | Verdict::Usable => 0,
        Verdict::Bad => 3,
    }
}

/// What to believe and what to do next, as one plain sentence; `goes_on` says whether the fit can be
/// gone on from.
pub(crate) fn sentence(approximation: Approximation, outcome: &Outcome, goes_on: bool) -> String {
    let iterations = outcome.iterations();
    match (outcome.stopped, approximation) {
        (Stopped::Converged, Approximation::Exact) => {
            "good: the posterior is exact, so means, sds and intervals may be believed.".to_owned()
        }
        (Stopped::Converged, Approximation::Factorised) => format!(
            "usable: converged after {iterations} iterations; means and predictions may be \
             believed, sds of parameters may be too small because q treats groups of them as \
             independent."
        ),
        (Stopped::MaxIters, _) => {
            let or = if goes_on {
                ", or go on from this fit with --warm-start"
            } else {
                ""
            };
            format!("bad: not converged after {iterations} iterations; raise --max-iters{or}.")
        }
        (Stopped::Interrupted, _) => {
            let then = if goes_on {
                "go on from this fit with --warm-start"
            } else {
                "fit again"
            };
            format!("bad: interrupted after {iterations} iterations; {then}.")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(stopped: Stopped) -> Outcome {
        Outcome {
            elbo: -1.0,
            elbo_error: 0.0,
            stopped,
            trace: Vec::new(),
        }
    }

    #[test]
    fn what_did_not_converge_is_bad_even_if_exact() {
        for stopped in [Stopped::MaxIters, Stopped::Interrupted] {
            for approximation in [Approximation::Exact, Approximation::Factorised] {
                let outcome = outcome(stopped);
                let verdict = of(approximation, &outcome);
                assert_eq!((verdict, exit_code(verdict)), (Verdict::Bad, 3));
                for goes_on in [false, true] {
                    let sentence = sentence(approximation, &outcome, goes_on);
                    assert!(sentence.starts_with("bad: "));
                    assert_eq!(sentence.contains("--warm-start"), goes_on);
                }
            }
        }
    }

    #[test]
    fn the_sentence_begins_with_the_word() {
        let outcome = outcome(Stopped::Converged);
        for (approximation, word) in [
            (Approximation::Exact, "good: "),
            (Approximation::Factorised, "usable: "),
        ] {
            assert_eq!(exit_code(of(approximation, &outcome)), 0);
            assert!(
                sentence(approximation, &outcome, true).starts_with(word),
                "{word}"
            );
        }
    }
}
