//! Whether another approximation knows of mass that `q` does not.
//!
//! The one idea: importance weights see only where `q` has draws, so a mode that `q` misses leaves no
//! trace in them. Draws of independent approximations (probes: Gaussians on other paths to a mode,
//! fits from other starts) join those of `q` as one mixture proposal, weighted by the balance
//! heuristic `[@veach1995combining]`. What the mixture finds and `q` alone does not is missing mass, and
//! moments move with it. Where the probes know nothing new the mixture costs some efficiency and
//! changes nothing. Deliberately absent: finding the probes.

use elbo_math::log_space::log_sum_exp;
use elbo_math::random::stream;

use super::importance::{Moments, WeightedDraws};
use crate::{Approximation, Draws, Target, ViError};

/// What probes say about an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct MissedMass {
    /// The fraction of the target's mass that only the probes found: at least `1 − Ẑ_q / Ẑ`, and
    /// never negative.
    pub fraction: f64,
    /// The standard error of the fraction, roughly.
    pub error: f64,
    /// The mixture's draws and weights, of which a better answer can be made.
    pub pooled: WeightedDraws,
    /// The mean of every probe's draws: where its path ended.
    pub places: Vec<Vec<f64>>,
}

/// So many standard deviations of the answer away in some coordinate, a probe is in another mode.
const APART: f64 = 6.0;

impl MissedMass {
    /// The number of probes that ended far from where the answer is.
    pub fn n_elsewhere(&self, moments: &[Moments]) -> usize {
        self.elsewhere(moments).len()
    }

    /// Where they ended.
    pub(crate) fn elsewhere(&self, moments: &[Moments]) -> Vec<&[f64]> {
        let apart = |place: &&Vec<f64>| {
            let pairs = moments.iter().zip(place.iter());
            pairs
                .into_iter()
                .any(|(m, x)| !((x - m.mean.mean).abs() <= APART * m.sd.mean))
        };
        let places = self.places.iter().filter(apart);
        places.map(Vec::as_slice).collect()
    }

    /// By how much the pooled answer's mean of each coordinate differs from `moments`, in the latter's
    /// standard deviations, and the standard deviation relatively.
    ///
    /// Empty where the pooled draws do not overlap with the target.
    pub fn shifts(&self, moments: &[Moments]) -> Vec<(f64, f64)> {
        let Some(pooled) = self.pooled.spreads() else {
            return Vec::new();
        };
        moments
            .iter()
            .zip(&pooled)
            .map(|(q, all)| {
                (
                    (all.mean.mean - q.mean.mean) / q.sd.mean,
                    all.sd.mean / q.sd.mean - 1.0,
                )
            })
            .collect()
    }
}

/// Draws `n_draws` from all probes together and pools them with `own`, draws of `q`; what is found is
/// compared with the evidence of the `answer`, which is `own` unless draws of `q` were carried further.
///
/// # Errors
/// What the density fails with.
///
/// # Panics
/// If there is no probe.
pub fn missed_mass(
    target: &Target<'_>,
    q: &dyn Approximation,
    own: &WeightedDraws,
    answer: &WeightedDraws,
    probes: &[&dyn Approximation],
    n_draws: usize,
    seed: u64,
) -> Result<MissedMass, ViError> {
    assert!(!probes.is_empty(), "a probe is needed");
    let each = n_draws.div_ceil(probes.len()).max(1);
    let n_own = own.draws.n_draws();
    let total = n_own + each * probes.len();
    let mut draws = Draws::zeros(target.dimension(), total);
    draws.put(0, &own.draws);
    for (k, probe) in probes.iter().enumerate() {
        let (points, _) = probe.sample(each, &mut stream(seed, "verdict/probes", k as u64));
        draws.put(n_own + k * each, &points);
    }
    let places = (0..probes.len())
        .map(|k| {
            let own = n_own + k * each..n_own + (k + 1) * each;
            let mean = |i| draws.coordinate(i)[own.clone()].iter().sum::<f64>() / each as f64;
            (0..target.dimension()).map(mean).collect()
        })
        .collect();
    let fresh = draws.slice(n_own..total);
    let mut log_target = own.log_target.clone();
    log_target.extend(target.log_densities(&fresh)?);

    // log of every component's share of the draws times its density, component by component
    let share = |n: usize| (n as f64 / total as f64).ln();
    let mut parts = vec![own.log_q.clone()];
    parts[0].extend(q.log_density(&fresh));
    let mut shares = vec![share(n_own)];
    for probe in probes {
        parts.push(probe.log_density(&draws));
        shares.push(share(each));
    }
    let mut terms = vec![0.0; parts.len()];
    let log_mixture = (0..total)
        .map(|s| {
            for (k, t) in terms.iter_mut().enumerate() {
                *t = shares[k] + parts[k][s];
            }
            log_sum_exp(&terms)
        })
        .collect();
    let pooled = WeightedDraws::from_parts(draws, log_target, log_mixture);

    // Both evidences as means of ratios; the difference of logarithms is what q misses.
    let gap = answer.log_evidence() - pooled.log_evidence();
    let fraction = if gap.is_nan() {
        1.0
    } else {
        (1.0 - gap.exp()).max(0.0)
    };
    let relative = |w: &WeightedDraws| 1.0 / w.effective_sample_size().max(1.0);
    Ok(MissedMass {
        fraction,
        error: (1.0 - fraction) * (relative(answer) + relative(&pooled)).sqrt(),
        pooled,
        places,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::density::FromFn;
    use crate::family::{FullRank, MeanField};
    use crate::testing::Gaussian;

    #[test]
    fn a_probe_in_another_mode_finds_the_mass_that_is_missing() {
        // ¾ N(−6, 1) + ¼ N(6, 1); gradients are not used.
        let modes = FromFn(|x: &[f64], _: &mut [f64]| {
            let half = |m: f64| -0.5 * (x[0] - m).powi(2);
            log_sum_exp(&[3.0_f64.ln() + half(-6.0), half(6.0)])
        });
        let target = Target::new(&modes, 1).unwrap();
        let left = MeanField::new(vec![-6.0], vec![1.0]).unwrap();
        let right = MeanField::new(vec![6.0], vec![1.0]).unwrap();
        let own = WeightedDraws::new(&target, &left, 4000, 1).unwrap();
        // The weights of the larger mode alone look perfect.
        assert!(own.khat() < 0.3, "{}", own.khat());
        let missed = missed_mass(&target, &left, &own, &own, &[&right], 2000, 1).unwrap();
        assert!(
            (missed.fraction - 0.25).abs() < 5.0 * missed.error,
            "{} ± {}",
            missed.fraction,
            missed.error
        );
        // The mean moves from −6 to −3, the standard deviation from 1 to √28; 5 standard errors of
        // 2√28/√6000.
        let shifts = missed.shifts(&own.moments().unwrap());
        assert!((shifts[0].0 - 3.0).abs() < 0.7, "{shifts:?}");
        assert!(
            (shifts[0].1 - (28.0_f64.sqrt() - 1.0)).abs() < 0.7,
            "{shifts:?}"
        );
    }

    #[test]
    fn probes_that_know_nothing_new_change_nothing() {
        let gaussian = Gaussian::new(5, 10.0, 2);
        let target = Target::new(&gaussian, 5).unwrap();
        let q = FullRank::from_covariance(gaussian.mean.clone(), &gaussian.covariance).unwrap();
        let elsewhere = MeanField::new(vec![9.0; 5], vec![1.0; 5]).unwrap();
        let narrow = MeanField::new(gaussian.mean.clone(), vec![0.1; 5]).unwrap();
        let own = WeightedDraws::new(&target, &q, 4000, 3).unwrap();
        let probes: [&dyn Approximation; 2] = [&elsewhere, &narrow];
        let missed = missed_mass(&target, &q, &own, &own, &probes, 2000, 3).unwrap();
        assert!(missed.fraction <= 5.0 * missed.error, "{missed:?}");
        assert_eq!(missed.n_elsewhere(&own.moments().unwrap()), 1);
        for (mean, sd) in missed.shifts(&own.moments().unwrap()) {
            // 4000 draws each: 5 standard errors of √2/√4000, and half of that for sds.
            assert!(mean.abs() < 0.11 && sd.abs() < 0.08, "{mean} {sd}");
        }
    }
}
