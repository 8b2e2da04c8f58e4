//! The verdict that every fit ends with: what may be believed, what not, and what to do next.
//!
//! The one idea: no single check is enough. Importance weights judge `q` where it has draws, probes
//! look where it has none, short chains look next to it; an answer is good only if all of them could
//! have objected and none did. The answer that is judged are the weighted moments; where those of `q`
//! itself differ, the verdict says so. Deliberately absent: how `q` was found.

use std::fmt;

use super::checks::{
    PRECISE, PROMISED, doubt_of_carried, doubt_of_chains, doubt_of_halves, doubt_of_places,
    doubt_of_probes,
};
use super::doubt::{Doubt, Weight};
use super::drift::DriftConfig;
use super::importance::{Bound, Moments, Spread, WeightedDraws};
use super::missed_mass::{MissedMass, missed_mass};
use super::psis::khat_threshold;
use super::tails::{Tail, tails};
use super::weighed::Weighed;
use crate::{Approximation, Target, ViError};

/// Draws of one array, at most; high dimensions are judged by fewer draws.
const MOST_NUMBERS: usize = 40_000_000;

/// Standard errors of moments, in standard deviations, that more draws are made for: what is promised
/// is then four of them.
const EXACT: f64 = 0.025;

/// Up to this k̂ weights have a variance, and more draws make moments more exact at the usual rate.
const VARIANCE: f64 = 0.5;

/// So many times the first draws are added, at most.
const MOST_FURTHER: f64 = 4.0;

/// So many times the draws are added, and up to so many in all, where a k̂ is in doubt.
const SETTLING: usize = 4;
const MOST_SETTLING: usize = 40_000;

/// An ELBO that draws do not tell to this many nats is that of tails alone.
const TOLD: f64 = 1.0;

/// How far to trust a fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grade {
    /// Means and standard deviations may be believed, but for a standard deviation that the verdict
    /// names because the posterior's own tail is too heavy.
    Good,
    /// Part of the answer may be believed; the verdict says which.
    Usable,
    /// Not to be relied on.
    Bad,
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Good => "good",
            Self::Usable => "usable",
            Self::Bad => "bad",
        })
    }
}

/// What may be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Belief {
    /// Posterior means.
    pub means: bool,
    /// Posterior standard deviations.
    pub sds: bool,
    /// Quantiles such as 5% and 95%.
    pub tails: bool,
}

/// A fit judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// The grade.
    pub grade: Grade,
    /// Whether the method's stopping rule was met.
    pub converged: bool,
    /// k̂ of the importance weights.
    pub khat: f64,
    /// The largest k̂ that the draws allow.
    pub khat_threshold: f64,
    /// Draws from `q` that were weighted.
    pub n_draws: usize,
    /// How many independent draws from the posterior they are worth.
    pub effective_sample_size: f64,
    /// The evidence lower bound of `q`; whoever presents one number presents [`bound`](Self::bound).
    pub elbo: Bound,
    /// A tighter one, between the ELBO and the log evidence.
    pub importance_weighted_elbo: Bound,
    /// Every coordinate's moments and k̂; empty where `q` and the target do not overlap.
    pub moments: Vec<Moments>,
    /// What may be believed.
    pub believe: Belief,
    /// Why not more, the heaviest first.
    pub doubts: Vec<Doubt>,
    /// Hints at what makes the target difficult.
    pub hints: Vec<Tail>,
}

/// What is known about a run besides its result.
#[derive(Clone, Copy, Default)]
pub struct Circumstances<'a> {
    /// Whether the method's stopping rule was met.
    pub converged: bool,
    /// Independent approximations of the same target, from other starts.
    pub probes: &'a [&'a dyn Approximation],
    /// The result after each half of the run, or of two independent runs.
    pub halves: Option<[&'a dyn Approximation; 2]>,
}

/// How much work a verdict may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerdictConfig {
    /// Draws from `q` that are weighted; up to five times as many where moments would be inexact
    /// otherwise, and five times those, up to 40,000, where a quantity's k̂ lies beyond its limit by what noise
    /// explains; values of the density, no gradients.
    pub n_draws: usize,
    /// Draws from all probes together.
    pub n_probe_draws: usize,
    /// The short chains; `None` leaves them out, and no answer is then good.
    pub drift: Option<DriftConfig>,
    /// Leaves the chains out, too, where the answer could not be good any more.
    pub drift_only_if_good: bool,
}

impl Default for VerdictConfig {
    /// 4000 draws, 2000 from probes, and the default chains.
    fn default() -> Self {
        Self {
            n_draws: 4000,
            n_probe_draws: 2000,
            drift: Some(DriftConfig::default()),
            drift_only_if_good: false,
        }
    }
}

/// A verdict with the draws that it was made from.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// The verdict.
    pub verdict: Verdict,
    /// The draws of `q` and their weights.
    pub weighted: WeightedDraws,
    /// What probes added, where they were asked.
    pub missed: Option<MissedMass>,
    /// The moments in the user's coordinates, where those of the fit are others.
    pub original_moments: Option<Vec<Moments>>,
}

/// Judges `q` as an approximation of the target.
///
/// Cheap checks come first; short chains run only if nothing fatal was found before.
///
/// # Errors
/// [`ViError::Length`] if the dimensions differ, [`ViError::Setting`], and what the density fails
/// with.
pub fn judge(
    target: &Target<'_>,
    q: &dyn Approximation,
    circumstances: Circumstances<'_>,
    config: &VerdictConfig,
    seed: u64,
) -> Result<Judged, ViError> {
    let dimension = target.dimension();
    if q.dimension() != dimension {
        return Err(ViError::Length {
            expected: dimension,
            got: q.dimension(),
        });
    }
    let most = (MOST_NUMBERS / dimension).max(200);
    let n_draws = config.n_draws.min(most);
    let mut own = WeightedDraws::new(target, q, n_draws, seed)?;
    let more = further_draws(target, &own).min(most - n_draws);
    if more > 1 {
        own = own.joined(&WeightedDraws::new(target, q, more, seed.wrapping_add(1))?);
    }
    let mut weighed = Weighed::of(target, &own);
    let n = own.n_independent();
    let more = (SETTLING * n).min(most.min(MOST_SETTLING).saturating_sub(n));
    if more >= n && weighed.is_open(n) {
        own = own.joined(&WeightedDraws::new(target, q, more, seed.wrapping_add(2))?);
        weighed = Weighed::of(target, &own);
    }
    let drawn = Drawn {
        own,
        carried: None,
        weighed,
    };
    judge_draws(target, q, drawn, circumstances, config, seed)
}

/// Draws to be judged.
pub(crate) struct Drawn {
    /// Those of `q`.
    pub(crate) own: WeightedDraws,
    /// The answer, where it was made from draws that were carried further.
    pub(crate) carried: Option<WeightedDraws>,
    /// What the answer says by itself.
    pub(crate) weighed: Weighed,
}

/// How many more draws would make the moments as exact as they should be, in the target's coordinates
/// and in the user's; none where the weights have no variance.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "at most a few times the draws"
)]
fn further_draws(target: &Target<'_>, own: &WeightedDraws) -> usize {
    let n = own.n_independent();
    if !(own.khat() <= VARIANCE) {
        return 0;
    }
    let worst = |weighted: &WeightedDraws| {
        let spreads = weighted.spreads().unwrap_or_default();
        spreads.iter().map(Spread::error).fold(0.0, f64::max)
    };
    let original = target.original().map(|to| worst(&own.in_original(to)));
    let error = f64::max(worst(own), original.unwrap_or(0.0)) / EXACT;
    (n as f64 * (error * error - 1.0).clamp(0.0, MOST_FURTHER)) as usize
}

/// As [`judge`], of draws that were made before.
pub(crate) fn judge_draws(
    target: &Target<'_>,
    q: &dyn Approximation,
    drawn: Drawn,
    circumstances: Circumstances<'_>,
    config: &VerdictConfig,
    seed: u64,
) -> Result<Judged, ViError> {
    let Drawn {
        own,
        carried,
        weighed,
    } = drawn;
    let weighted = carried.as_ref().unwrap_or(&own);
    let n_draws = weighted.n_independent();
    let Weighed {
        moments,
        original_moments,
        ..
    } = weighed;
    let mut doubts = Vec::new();
    if !circumstances.converged {
        doubts.push(Doubt::NotConverged);
    }
    doubts.extend(weighed.doubts);
    if carried.is_some() {
        doubts.extend(doubt_of_carried(weighted));
    }
    if let Some([first, second]) = circumstances.halves {
        doubts.extend(doubt_of_halves(first, second, &moments, seed));
    }
    let mut missed = None;
    if circumstances.probes.is_empty() {
        doubts.push(Doubt::NoProbes);
    } else if !moments.is_empty() {
        let n = config.n_probe_draws.min(n_draws);
        let found = missed_mass(target, q, &own, weighted, circumstances.probes, n, seed)?;
        doubts.extend(doubt_of_probes(&found, weighted, &moments));
        doubts.extend(doubt_of_places(target, &found, weighted, &moments, seed)?);
        missed = Some(found);
    }
    doubts.extend(weighed.original_doubts);
    let open = match grade(&doubts) {
        Grade::Good => true,
        Grade::Usable => !config.drift_only_if_good,
        Grade::Bad => false,
    };
    if open {
        doubts.extend(doubt_of_chains(target, weighted, &moments, config, seed)?);
    }
    let hints = if moments.is_empty() {
        Vec::new()
    } else {
        let of = |f: fn(&Moments) -> f64| moments.iter().map(f).collect::<Vec<_>>();
        tails(target, &of(|m| m.mean.mean), &of(|m| m.sd.mean))?
    };
    doubts.sort_by_key(|d| std::cmp::Reverse(d.weight()));
    let verdict = Verdict {
        grade: grade(&doubts),
        converged: circumstances.converged,
        khat: weighted.khat(),
        khat_threshold: khat_threshold(n_draws),
        n_draws,
        effective_sample_size: weighted.effective_sample_size(),
        elbo: weighted.elbo(),
        importance_weighted_elbo: weighted.importance_weighted_elbo(),
        believe: believe(
            &doubts,
            weighted,
            original_moments.as_ref().unwrap_or(&moments),
        ),
        moments,
        doubts,
        hints,
    };
    Ok(Judged {
        verdict,
        weighted: carried.unwrap_or(own),
        missed,
        original_moments,
    })
}

impl Verdict {
    /// The bound of the answer: the ELBO of `q`; or, where the tails of `q` reach so far beyond the
    /// target's that draws of `q` do not tell its ELBO, that of the weighted draws.
    ///
    /// A Student's tails fall like a power. Where those of the target fall like `exp(−exp x²)`, as those of
    /// a scale do on the scale of its prior's quantiles, the ELBO is an average over a few draws of
    /// −10²⁰ nats, which carry no weight and say nothing about the others.
    pub fn bound(&self) -> Bound {
        if self.tells_elbo() || !(self.khat <= self.khat_threshold) {
            return self.elbo;
        }
        self.importance_weighted_elbo
    }

    /// Whether draws of `q` tell its ELBO at all.
    pub fn tells_elbo(&self) -> bool {
        self.elbo.error <= TOLD
    }

    /// One sentence; `name` says what a coordinate is called.
    pub fn sentence(&self, name: &dyn Fn(usize) -> String) -> String {
        let weights = format!(
            "k̂ = {:.2}, {:.0} of {} draws count",
            self.khat, self.effective_sample_size, self.n_draws
        );
        let reasons: Vec<String> = self
            .doubts
            .iter()
            .filter(|d| self.grade == Grade::Good || d.weight() > Weight::Note)
            .take(2)
            .map(|d| d.message(name))
            .collect();
        let reasons = reasons.join("; ");
        match self.grade {
            Grade::Good => {
                let but = if reasons.is_empty() {
                    String::new()
                } else {
                    format!(", though {reasons}")
                };
                format!(
                    "Good: the weighted draws reproduce the posterior ({weights}), short chains from \
                     them stay in place and independent paths found nothing else; believe {}{but}.",
                    self.believe
                )
            }
            Grade::Usable => format!(
                "Usable with care: {reasons} ({weights}); believe {}.",
                self.believe
            ),
            Grade::Bad => format!("Bad: {reasons} ({weights}); believe {}.", self.believe),
        }
    }

    /// What to do next.
    pub fn advice(&self) -> String {
        match self.doubts.first() {
            None => "nothing; use the weighted draws and moments".into(),
            Some(doubt) => doubt.advice().into(),
        }
    }
}

impl fmt::Display for Verdict {
    /// The sentence, with coordinates by number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence(&|i| format!("coordinate {i}")))
    }
}

impl fmt::Display for Belief {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let believed: Vec<&str> = [
            ("means", self.means),
            ("sds", self.sds),
            ("tails", self.tails),
        ]
        .into_iter()
        .filter_map(|(what, yes)| yes.then_some(what))
        .collect();
        match believed[..] {
            [] => f.write_str("nothing"),
            [one] => f.write_str(one),
            [first, second] => write!(f, "{first} and {second}"),
            _ => f.write_str("means, sds and tails"),
        }
    }
}

fn grade(doubts: &[Doubt]) -> Grade {
    match doubts.iter().map(Doubt::weight).max() {
        None | Some(Weight::Note) => Grade::Good,
        Some(Weight::Serious) => Grade::Usable,
        Some(Weight::Fatal) => Grade::Bad,
    }
}

fn believe(doubts: &[Doubt], weighted: &WeightedDraws, moments: &[Moments]) -> Belief {
    let fatal = doubts.iter().any(|d| d.weight() == Weight::Fatal);
    let moved = |of: fn(&Doubt) -> bool| doubts.iter().any(of);
    let unsure = moved(|d| {
        matches!(
            d,
            Doubt::Missed { .. }
                | Doubt::Scattered { .. }
                | Doubt::Unconfirmed { .. }
                | Doubt::HalvesDisagree { .. }
        )
    });
    let mean_moves = moved(|d| matches!(d, Doubt::Drifts { mean, .. } if mean.abs() > PROMISED));
    let sd_moves = moved(|d| matches!(d, Doubt::Drifts { sd, .. } if sd.abs() > PROMISED));
    let limit = khat_threshold(weighted.n_independent());
    let stable = |khat: fn(&Moments) -> f64| moments.iter().all(|m| khat(m) <= limit);
    let precise = |error: fn(&Moments) -> f64| moments.iter().all(|m| error(m) <= 2.0 * PRECISE);
    let any = !fatal && !unsure && !moments.is_empty();
    let means = any && !mean_moves && stable(|m| m.khat_mean) && precise(Moments::mean_error);
    let sds = means && !sd_moves && stable(|m| m.khat_sd) && precise(Moments::sd_error);
    // A 5% quantile needs a few hundred draws, and weights that have a variance.
    let tails = sds && weighted.khat() < 0.5 && weighted.effective_sample_size() >= 400.0;
    Belief { means, sds, tails }
}
