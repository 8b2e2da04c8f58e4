//! The checks behind a verdict: each turns evidence into doubts.
//!
//! The one idea: a limit is compared with what was estimated and with its Monte Carlo error, in the
//! direction that errs on the side of doubt; a NaN is always a doubt. Deliberately absent: gathering
//! the evidence and weighing the doubts (`verdict`).

use elbo_math::linalg::Matrix;
use elbo_math::random::stream;

use super::doubt::Doubt;
use super::drift::{Answer, Drift, DriftConfig, Shift, drift};
use super::homecoming::n_coming_home;
use super::importance::{Moments, WeightedDraws};
use super::missed_mass::MissedMass;
use super::psis::{Smoothed, khat_threshold};
use super::verdict::VerdictConfig;
use crate::{Approximation, Target, ViError};

/// What a good answer promises: means within a tenth of a posterior standard deviation, standard
/// deviations within a tenth.
pub(super) const PROMISED: f64 = 0.1;
/// Off by more than this, a mean or a standard deviation misleads.
const MISLEADING: (f64, f64) = (0.3, 0.4);
/// Standard errors that allow the promise for the worst of a handful of coordinates.
pub(super) const PRECISE: f64 = 0.05;
/// What cannot be excluded must stay short of misleading.
const EXCLUDED: (f64, f64) = (0.25, 0.3);
/// Where `q` and the weighted answer differ by more, whoever ignores the weights may be misled: the
/// weights move `q` towards the truth, and not always all the way.
const SEPARATE: f64 = 0.25;
/// Standard errors beyond which a difference is real, with many coordinates looked at.
const REAL: f64 = 4.0;
/// Mass that may be missing without changing what a good answer promises.
const NEGLIGIBLE_MASS: f64 = 0.02;
const MISLEADING_MASS: f64 = 0.1;
/// Up to here a covariance matrix helps short chains.
const FULL_MATRIX: usize = 200;

pub(super) fn doubts_of_weights(weighted: &WeightedDraws, moments: &[Moments]) -> Vec<Doubt> {
    let n_draws = weighted.n_independent();
    let limit = khat_threshold(n_draws);
    if moments.is_empty() {
        return vec![Doubt::NoOverlap];
    }
    let mut doubts = Vec::new();
    let khat = weighted.khat();
    if !(khat <= limit) {
        doubts.push(Doubt::Khat { khat, n_draws });
    }
    let (coordinate, khat) = worst(moments, |m| m.khat_mean.max(m.khat_sd));
    if !(khat <= limit) {
        doubts.push(Doubt::Unstable {
            coordinate,
            khat,
            mean: !(moments[coordinate].khat_mean <= limit),
        });
    }
    let (coordinate, error) = worst(moments, |m| m.mean_error().max(m.sd_error()));
    if !(error <= PRECISE) {
        doubts.push(Doubt::Imprecise {
            coordinate,
            error,
            effective: weighted.effective_sample_size(),
        });
    }
    let (coordinate, _) = worst(moments, |m| m.own_mean_off().abs() + m.own_sd_off().abs());
    let m = &moments[coordinate];
    let (mean, sd) = (m.own_mean_off(), m.own_sd_off());
    let material = |off: f64, error: f64| off.abs() > PROMISED + REAL * error;
    if material(mean, m.mean_error()) || material(sd, m.sd_error()) {
        doubts.push(Doubt::Corrected {
            coordinate,
            mean,
            sd,
            serious: moments
                .iter()
                .any(|m| m.own_mean_off().abs() > SEPARATE || m.own_sd_off().abs() > SEPARATE),
        });
    }
    let fraction = weighted.fraction_outside();
    if fraction > 0.0 {
        doubts.push(Doubt::Outside { fraction });
    }
    doubts
}

/// Where chains cannot enter a region, few carried draws stand for it, with weights whose tail shows
/// late; so their weights must have a variance.
pub(super) fn doubt_of_carried(weighted: &WeightedDraws) -> Option<Doubt> {
    const KHAT: f64 = 0.5;
    let khat = weighted.khat();
    (!(khat <= KHAT)).then_some(Doubt::Carried { khat })
}

/// Doubts about moments of the user's coordinates, where the fit was made and judged in others.
pub(super) fn doubts_of_original(weighted: &WeightedDraws, moments: &[Moments]) -> Vec<Doubt> {
    let limit = khat_threshold(weighted.n_independent());
    let mut doubts = Vec::new();
    let of = |m: &Moments| m.khat_mean.max(m.khat_sd);
    let error = |m: &Moments| m.mean_error().max(m.sd_error());
    let suspects: Vec<usize> = (0..moments.len())
        .filter(|i| !(of(&moments[*i]) <= limit && error(&moments[*i]) <= PRECISE))
        .collect();
    let own = own_tails(weighted, moments, &suspects);
    // A tail that equally weighted draws have as well is the posterior's, not a fault of the weights:
    // beyond k̂ = ½ not even independent draws have a standard error.
    let (heavy, light): (Vec<_>, Vec<_>) = suspects.into_iter().zip(own).partition(|s| s.1 > 0.5);
    if let Some((coordinate, khat)) = heavy.into_iter().find(|s| !(of(&moments[s.0]) <= limit)) {
        doubts.push(Doubt::HeavyTail { coordinate, khat });
    }
    let light: Vec<(usize, &Moments)> = light.into_iter().map(|(i, _)| (i, &moments[i])).collect();
    if light.is_empty() {
        return doubts;
    }
    let (at, khat) = worst(&light, |(_, m)| of(m));
    if !(khat <= limit) {
        let (coordinate, m) = light[at];
        doubts.push(Doubt::Unstable {
            coordinate,
            khat,
            mean: !(m.khat_mean <= limit),
        });
    }
    let (at, error) = worst(&light, |(_, m)| error(m));
    if !(error <= PRECISE) {
        doubts.push(Doubt::Imprecise {
            coordinate: light[at].0,
            error,
            effective: weighted.effective_sample_size(),
        });
    }
    doubts
}

/// k̂ of the squares of `coordinates` over draws resampled by their weights.
fn own_tails(weighted: &WeightedDraws, moments: &[Moments], coordinates: &[usize]) -> Vec<f64> {
    let n = weighted.log_q.len();
    let Some(smoothed) = weighted
        .smoothed
        .as_ref()
        .filter(|_| !coordinates.is_empty())
    else {
        return vec![f64::NAN; coordinates.len()];
    };
    let mut rng = stream(n as u64, "verdict/tails", 0);
    let chosen = smoothed.resample(n, &mut rng);
    let equal = vec![0.0; n];
    let tails = coordinates.iter().map(|i| {
        let (values, centre) = (weighted.draws.coordinate(*i), moments[*i].mean.mean);
        let squares: Vec<f64> = chosen
            .iter()
            .map(|s| 2.0 * (values[*s] - centre).abs().ln())
            .collect();
        Smoothed::khat_of(&equal, &squares)
    });
    tails.collect()
}

impl Moments {
    pub(crate) fn mean_error(&self) -> f64 {
        self.mean.mcse / self.sd.mean
    }

    pub(crate) fn sd_error(&self) -> f64 {
        self.sd.mcse / self.sd.mean
    }

    fn own_mean_off(&self) -> f64 {
        (self.own_mean - self.mean.mean) / self.sd.mean
    }

    fn own_sd_off(&self) -> f64 {
        self.own_sd / self.sd.mean - 1.0
    }
}

/// The coordinate with the largest figure, a NaN counting as the largest.
fn worst<T>(items: &[T], figure: impl Fn(&T) -> f64) -> (usize, f64) {
    items
        .iter()
        .map(figure)
        .map(|f| if f.is_nan() { f64::INFINITY } else { f })
        .enumerate()
        .fold((0, f64::NEG_INFINITY), |best, (i, f)| {
            if f > best.1 { (i, f) } else { best }
        })
}

pub(super) fn doubt_of_probes(
    found: &MissedMass,
    weighted: &WeightedDraws,
    moments: &[Moments],
) -> Option<Doubt> {
    let shifts = found.shifts(moments);
    if shifts.is_empty() {
        return None;
    }
    let (coordinate, _) = worst(&shifts, |(mean, sd)| mean.abs().max(sd.abs()));
    let (mean, sd) = shifts[coordinate];
    // Half of the draws are the same, so independent errors overstate the difference's.
    let noise = REAL / weighted.effective_sample_size().max(1.0).sqrt();
    let noise = noise.max(REAL / found.pooled.effective_sample_size().max(1.0).sqrt());
    let beyond = |mass: f64, mean_limit: f64, sd_limit: f64| {
        found.fraction > mass + REAL * found.error
            || shifts
                .iter()
                .any(|(m, s)| m.abs() > mean_limit + noise || s.abs() > sd_limit + noise)
    };
    beyond(NEGLIGIBLE_MASS, PROMISED, PROMISED).then(|| Doubt::Missed {
        fraction: found.fraction,
        coordinate,
        mean,
        sd,
        fatal: beyond(MISLEADING_MASS, MISLEADING.0, MISLEADING.1),
    })
}

/// Where most paths end in modes of little mass, that none found another mode as good as the answer's
/// says little: a mode that one or two of eight paths find is missed, if there are two of them, one time
/// in three or in ten. Modes that differ by the names of parts alone are of this kind. Places from which a
/// chain comes to the answer are no modes, and confirm it. Where no path at all
/// ends where the answer is, paths got stuck, as they do on badly scaled posteriors, and tell nothing.
pub(super) fn doubt_of_places(
    target: &Target<'_>,
    found: &MissedMass,
    weighted: &WeightedDraws,
    moments: &[Moments],
    seed: u64,
) -> Result<Option<Doubt>, ViError> {
    /// Probes that end where the answer is, at most.
    const FEW: usize = 2;
    /// Probes that end elsewhere, at least.
    const SEVERAL: usize = 2;
    let (n_probes, elsewhere) = (found.places.len(), found.elsewhere(moments));
    let scattered =
        |confirming: usize| (1..=FEW).contains(&confirming) && n_probes - confirming >= SEVERAL;
    let mut confirming = n_probes - elsewhere.len();
    if scattered(confirming) {
        let wanted = FEW + 1 - confirming;
        let answer = answer(weighted, moments);
        confirming += n_coming_home(target, &elsewhere, &answer, wanted, seed)?;
    }
    Ok(scattered(confirming).then_some(Doubt::Scattered {
        confirming,
        n_probes,
    }))
}

pub(super) fn doubt_of_halves(
    first: &dyn Approximation,
    second: &dyn Approximation,
    moments: &[Moments],
    seed: u64,
) -> Option<Doubt> {
    const N_DRAWS: usize = 1000;
    if moments.is_empty() {
        return None;
    }
    let of = |q: &dyn Approximation, index| {
        if let (Some(mean), Some(sd)) = (q.mean(), q.standard_deviations()) {
            return (mean, sd);
        }
        let (draws, _) = q.sample(N_DRAWS, &mut stream(seed, "verdict/halves", index));
        (0..draws.dimension())
            .map(|i| {
                let values = draws.coordinate(i);
                let mean = values.iter().sum::<f64>() / values.len() as f64;
                let squares = values.iter().map(|v| (v - mean).powi(2));
                (mean, (squares.sum::<f64>() / values.len() as f64).sqrt())
            })
            .unzip()
    };
    let ((means_a, sds_a), (means_b, sds_b)) = (of(first, 0), of(second, 1));
    let differences: Vec<(f64, f64)> = (0..moments.len())
        .map(|i| {
            let mean = (means_a[i] - means_b[i]).abs() / moments[i].sd.mean;
            (mean, (sds_a[i] / sds_b[i]).ln().abs())
        })
        .collect();
    let (coordinate, _) = worst(&differences, |(m, s)| m.max(*s));
    let (mean, sd) = differences[coordinate];
    // Twice what is promised: each half is off by less than their difference.
    (!(mean <= 2.0 * PROMISED) || !(sd <= 2.0 * PROMISED)).then_some(Doubt::HalvesDisagree {
        coordinate,
        mean,
        sd,
    })
}

/// Short chains, and more of them from other draws where few could not decide, or seem to move a little:
/// what moves in truth does so again.
pub(super) fn doubt_of_chains(
    target: &Target<'_>,
    weighted: &WeightedDraws,
    moments: &[Moments],
    config: &VerdictConfig,
    seed: u64,
) -> Result<Option<Doubt>, ViError> {
    let Some(DriftConfig {
        n_chains,
        n_transitions,
    }) = config.drift
    else {
        return Ok(Some(Doubt::Unconfirmed {
            coordinate: 0,
            error: f64::INFINITY,
        }));
    };
    let Some(smoothed) = &weighted.smoothed else {
        return Ok(None);
    };
    let answer = answer(weighted, moments);
    let mut doubt = None;
    for (attempt, factor) in [1, 4].into_iter().enumerate() {
        let mut rng = stream(seed, "verdict/starts", attempt as u64);
        let chosen = smoothed.resample(n_chains * factor, &mut rng);
        let starts = weighted.draws.select(&chosen);
        let found = drift(
            target,
            &starts,
            &answer,
            n_transitions,
            seed.wrapping_add(attempt as u64),
        )?;
        doubt = doubt_of_drift(&found, moments);
        let undecided = match doubt {
            Some(Doubt::Unconfirmed { error, .. }) => error < 1.0,
            // Of a thousand quantities that stay, one in ten seems to move beyond four standard errors.
            Some(Doubt::Drifts { fatal, .. }) => !fatal,
            _ => false,
        };
        if !undecided {
            break;
        }
    }
    Ok(doubt)
}

fn doubt_of_drift(found: &Drift, moments: &[Moments]) -> Option<Doubt> {
    // Chains move from the answer, which has errors of its own.
    let from = |shift: &Shift, own: f64| Shift {
        value: shift.value,
        error: shift.error.hypot(own),
    };
    let shifts: Vec<(Shift, Shift)> = (moments.iter().zip(&found.means).zip(&found.sds))
        .map(|((m, mean), sd)| (from(mean, m.mean_error()), from(sd, m.sd_error())))
        .collect();
    let moved = |shift: &Shift| shift.value.abs() > PROMISED.max(REAL * shift.error);
    let moves: Vec<(usize, &Shift, &Shift)> = (shifts.iter().enumerate())
        .map(|(i, (mean, sd))| (i, mean, sd))
        .filter(|(_, mean, sd)| moved(mean) || moved(sd))
        .collect();
    if !moves.is_empty() {
        let (at, _) = worst(&moves, |(_, m, s)| m.value.abs().max(s.value.abs()));
        let misleads = |(_, m, s): &(usize, &Shift, &Shift)| {
            (moved(m) && m.value.abs() > MISLEADING.0) || (moved(s) && s.value.abs() > MISLEADING.1)
        };
        return Some(Doubt::Drifts {
            coordinate: moves[at].0,
            mean: moves[at].1.value,
            sd: moves[at].2.value,
            fatal: moves.iter().any(misleads),
        });
    }
    let reach = |s: &Shift| s.value.abs() + 2.0 * s.error;
    let reaches: Vec<(f64, f64)> = shifts.iter().map(|(m, s)| (reach(m), reach(s))).collect();
    let (coordinate, excess) = worst(&reaches, |(m, s)| (m / EXCLUDED.0).max(s / EXCLUDED.1));
    (!(excess <= 1.0)).then(|| Doubt::Unconfirmed {
        coordinate,
        error: reaches[coordinate].0.max(reaches[coordinate].1),
    })
}

fn answer(weighted: &WeightedDraws, moments: &[Moments]) -> Answer {
    Answer {
        mean: moments.iter().map(|m| m.mean.mean).collect(),
        sd: moments.iter().map(|m| m.sd.mean).collect(),
        covariance: covariance(weighted),
    }
}

/// The weighted covariance, if there are enough draws for it to be of use.
fn covariance(weighted: &WeightedDraws) -> Option<Matrix> {
    let dimension = weighted.draws.dimension();
    let smoothed = weighted.smoothed.as_ref()?;
    if dimension > FULL_MATRIX || smoothed.effective_sample_size() < 5.0 * dimension as f64 {
        return None;
    }
    Some(weighted.mean_and_covariance(&smoothed.weights()).1)
}
