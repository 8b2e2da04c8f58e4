//! What weighted draws say by themselves, and whether more of them would say something else.
//!
//! The one idea: k̂ is an estimate, and a fit has two for every quantity, so that the largest of many
//! lies beyond the limit by noise alone, although each quantity's own is short of it. Where noise could
//! explain it, several times the draws decide: the noise shrinks, and whoever promised too much is found
//! out more surely. Deliberately absent: probes and chains (`verdict`), and the doubts' limits
//! (`checks`).

use super::checks::{doubts_of_original, doubts_of_weights};
use super::doubt::{Doubt, Weight};
use super::importance::{Moments, WeightedDraws};
use super::psis::{PRIOR_EXCEEDANCES, khat_threshold, tail_length};
use crate::Target;

/// Standard errors of a k̂ that noise explains.
const NOISE: f64 = 2.0;

/// Moments and doubts, in the target's coordinates and in the user's.
pub(crate) struct Weighed {
    /// Of every coordinate; empty where `q` and the target do not overlap.
    pub(crate) moments: Vec<Moments>,
    /// Of the user's coordinates, where these are others.
    pub(crate) original_moments: Option<Vec<Moments>>,
    /// About the target's coordinates.
    pub(crate) doubts: Vec<Doubt>,
    /// About the user's.
    pub(crate) original_doubts: Vec<Doubt>,
}

impl Weighed {
    /// Of draws that were made for `target`.
    pub(crate) fn of(target: &Target<'_>, weighted: &WeightedDraws) -> Self {
        let moments = weighted.moments().unwrap_or_default();
        let original = target.original().map(|to| weighted.in_original(to));
        let original_moments = original.as_ref().and_then(WeightedDraws::moments);
        let original_doubts = match (&original, &original_moments) {
            (Some(original), Some(moments)) => doubts_of_original(original, moments),
            _ => Vec::new(),
        };
        Self {
            doubts: doubts_of_weights(weighted, &moments),
            moments,
            original_moments,
            original_doubts,
        }
    }

    /// Whether every mean and standard deviation is known to `exact` standard deviations, by terms whose k̂
    /// the draws allow; but for those of the user's whose own tails are too heavy for that.
    pub(crate) fn is_precise(&self, n_draws: usize, exact: f64) -> bool {
        let limit = khat_threshold(n_draws);
        let precise = |m: &Moments| {
            let error = m.mean_error().max(m.sd_error());
            error <= exact && m.khat_mean.max(m.khat_sd) <= limit
        };
        let heavy = (self.original_doubts.iter()).any(|d| matches!(d, Doubt::HeavyTail { .. }));
        let original = if heavy {
            self.original_doubts
                .iter()
                .all(|d| d.weight() == Weight::Note)
        } else {
            self.original_moments.iter().flatten().all(precise)
        };
        original && self.moments.iter().all(precise)
    }

    /// Whether nothing speaks against the draws but quantities' k̂ that noise could explain, so that more
    /// draws would settle it.
    ///
    /// A k̂ of `n_draws` draws has a standard error (`khat_error`); beyond two of them, the tail is what
    /// it seems.
    pub(crate) fn is_open(&self, n_draws: usize) -> bool {
        let limit = khat_threshold(n_draws);
        let within = |khat: f64| khat <= limit + NOISE * khat_error(limit, n_draws);
        let mut serious = (self.doubts.iter().chain(&self.original_doubts))
            .filter(|d| d.weight() > Weight::Note)
            .peekable();
        serious.peek().is_some()
            && serious.all(|d| matches!(d, Doubt::Unstable { khat, .. } if within(*khat)))
    }
}

/// The standard error of a k̂ of `khat` from `n_draws` draws, roughly: `(1 + k)/√m` for the maximum of
/// the likelihood of `m` exceedances `[@smith1985nonregular]`, less for the weak prior.
fn khat_error(khat: f64, n_draws: usize) -> f64 {
    let m = tail_length(n_draws) as f64;
    (1.0 + khat) / m.sqrt() * m / (m + PRIOR_EXCEEDANCES)
}

#[cfg(test)]
mod tests {
    use elbo_math::random::{stream, uniform};

    use super::*;
    use crate::diagnostic::psis::tail_shape;

    #[test]
    fn khats_scatter_by_their_standard_error() {
        // Pareto draws: exceedances of any threshold follow the law exactly.
        let (shape, n, repeats) = (0.5, 4000, 200);
        let mut rng = stream(6, "weighed/test", 0);
        let khats: Vec<f64> = (0..repeats)
            .map(|_| {
                let logs: Vec<f64> = (0..n)
                    .map(|_| -shape * (-uniform(&mut rng)).ln_1p())
                    .collect();
                tail_shape(&logs)
            })
            .collect();
        let mean = khats.iter().sum::<f64>() / f64::from(repeats);
        let squares: f64 = khats.iter().map(|k| (k - mean).powi(2)).sum();
        let found = (squares / f64::from(repeats - 1)).sqrt();
        // A standard deviation of 200 numbers is known to 1/√400: five of these.
        let ratio = found / khat_error(shape, n);
        assert!((ratio - 1.0).abs() < 0.25, "{ratio}");
    }

    fn with(doubts: Vec<Doubt>, original_doubts: Vec<Doubt>) -> Weighed {
        Weighed {
            moments: Vec::new(),
            original_moments: None,
            doubts,
            original_doubts,
        }
    }

    fn unstable(khat: f64) -> Doubt {
        Doubt::Unstable {
            coordinate: 0,
            khat,
            mean: false,
        }
    }

    #[test]
    fn only_what_noise_explains_is_open() {
        // 4000 draws: a limit of 0.7, a tail of 190, a standard error of 1.7 / √190 · 190/200 = 0.117.
        let n = 4000;
        assert!(with(vec![unstable(0.9)], vec![unstable(0.75)]).is_open(n));
        assert!(!with(vec![unstable(0.95)], vec![]).is_open(n));
        assert!(!with(vec![unstable(0.75)], vec![unstable(0.95)]).is_open(n));
        // More draws tell more.
        assert!(!with(vec![unstable(0.9)], vec![]).is_open(20_000));
        // What more draws do not mend, and what needs none.
        assert!(!with(vec![unstable(0.75), Doubt::NotConverged], vec![]).is_open(n));
        assert!(!with(vec![unstable(f64::NAN)], vec![]).is_open(n));
        assert!(!with(vec![], vec![Doubt::Outside { fraction: 0.1 }]).is_open(n));
    }
}
