//! Reasons not to believe a fit, in numbers and in words.
//!
//! The one idea: a doubt carries its evidence and its weight, so that a grade is the weight of the
//! heaviest doubt and a sentence is its words. Deliberately absent: finding doubts (`verdict`).

use super::psis::khat_threshold;

/// What a doubt means for the grade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// Worth knowing; the answer stands.
    Note,
    /// Part of the answer may be wrong: *usable* at best.
    Serious,
    /// The answer may be wrong: *bad*.
    Fatal,
}

/// A reason not to believe a fit, or not all of it. Means are off in posterior standard deviations,
/// standard deviations relatively.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Doubt {
    /// The method's stopping rule was not met.
    NotConverged,
    /// No draw of `q` has any density under the target.
    NoOverlap,
    /// The importance weights have too heavy a tail.
    Khat {
        /// k̂ of the weights.
        khat: f64,
        /// Draws that it was computed from.
        n_draws: usize,
    },
    /// One quantity's weighted terms have too heavy a tail.
    Unstable {
        /// The coordinate.
        coordinate: usize,
        /// k̂ of its mean or its variance.
        khat: f64,
        /// Whether it is the mean, too; otherwise the standard deviation alone.
        mean: bool,
    },
    /// So few draws count that moments are imprecise.
    Imprecise {
        /// The coordinate that suffers most.
        coordinate: usize,
        /// The larger of both standard errors.
        error: f64,
        /// The effective sample size.
        effective: f64,
    },
    /// Other fits found mass where `q` has none.
    Missed {
        /// The fraction of the mass.
        fraction: f64,
        /// The coordinate that it moves most.
        coordinate: usize,
        /// By how much its mean moves.
        mean: f64,
        /// By how much its standard deviation grows.
        sd: f64,
        /// Whether that is far enough to mislead.
        fatal: bool,
    },
    /// Short chains from the draws move away.
    Drifts {
        /// The coordinate that moves most.
        coordinate: usize,
        /// By how much its mean moves.
        mean: f64,
        /// By how much its standard deviation grows.
        sd: f64,
        /// Whether that is far enough to mislead.
        fatal: bool,
    },
    /// Short chains move too slowly to confirm the answer.
    Unconfirmed {
        /// The coordinate known least.
        coordinate: usize,
        /// How far it may be off.
        error: f64,
    },
    /// Two halves of the run, or two runs, give different answers.
    HalvesDisagree {
        /// The coordinate that differs most.
        coordinate: usize,
        /// The difference of its means.
        mean: f64,
        /// The relative difference of its standard deviations.
        sd: f64,
    },
    /// Weighting moves the moments of `q` materially.
    Corrected {
        /// The coordinate that moves most.
        coordinate: usize,
        /// By how much the mean of `q` is off.
        mean: f64,
        /// By how much the standard deviation of `q` is off.
        sd: f64,
        /// Whether whoever ignores the weights is misled.
        serious: bool,
    },
    /// A quantity's own tail is so heavy that no number of draws, weighted or not, settles its
    /// standard deviation.
    HeavyTail {
        /// The coordinate.
        coordinate: usize,
        /// k̂ of its squares under the posterior.
        khat: f64,
    },
    /// Draws of `q` fall outside the support, where the ELBO is −∞.
    Outside {
        /// The fraction of draws.
        fraction: f64,
    },
    /// Draws were carried to the target along a path, and their weights have no variance.
    Carried {
        /// k̂ of the weights.
        khat: f64,
    },
    /// Independent paths ended in many modes, and few of them in the answer's, so that another of its
    /// size may have been missed.
    Scattered {
        /// Paths that ended where the answer is.
        confirming: usize,
        /// Paths in all.
        n_probes: usize,
    },
    /// Nothing independent was tried that could have found another mode.
    NoProbes,
}

impl Doubt {
    /// What it means for the grade.
    pub fn weight(&self) -> Weight {
        match self {
            Self::NotConverged
            | Self::NoOverlap
            | Self::Khat { .. }
            | Self::Missed { fatal: true, .. }
            | Self::Drifts { fatal: true, .. } => Weight::Fatal,
            Self::Unstable { .. }
            | Self::Imprecise { .. }
            | Self::Missed { .. }
            | Self::Drifts { .. }
            | Self::Unconfirmed { .. }
            | Self::HalvesDisagree { .. }
            | Self::Carried { .. }
            | Self::Corrected { serious: true, .. }
            | Self::Scattered { .. }
            | Self::NoProbes => Weight::Serious,
            Self::Corrected { .. } | Self::HeavyTail { .. } | Self::Outside { .. } => Weight::Note,
        }
    }

    /// In words; `name` says what a coordinate is called.
    pub fn message(&self, name: &dyn Fn(usize) -> String) -> String {
        match *self {
            Self::NotConverged => "the fit did not converge".into(),
            Self::NoOverlap => "q and the posterior do not overlap".into(),
            Self::Khat { khat, n_draws } => format!(
                "k̂ = {khat:.2} exceeds {:.2}, so importance weights cannot correct q and its moments \
                 may be far off",
                khat_threshold(n_draws)
            ),
            Self::Unstable {
                coordinate,
                khat,
                mean,
            } => format!(
                "the {} of {} rests on a few draws (k̂ = {khat:.2})",
                if mean { "mean" } else { "sd" },
                name(coordinate)
            ),
            Self::Imprecise {
                coordinate,
                error,
                effective,
            } => format!(
                "only {effective:.0} draws count, which leaves {} uncertain by {:.0}% of its sd",
                name(coordinate),
                100.0 * error
            ),
            Self::Missed {
                fraction,
                coordinate,
                mean,
                sd,
                ..
            } => format!(
                "independent paths found {:.0}% of the posterior where q has nothing, which moves the \
                 mean of {} by {mean:.2} sd and its sd by {:+.0}%",
                100.0 * fraction,
                name(coordinate),
                100.0 * sd
            ),
            Self::Drifts {
                coordinate,
                mean,
                sd,
                ..
            } => format!(
                "short chains from the draws move away: {} by {mean:+.2} sd, its sd by {:+.0}%",
                name(coordinate),
                100.0 * sd
            ),
            Self::Unconfirmed { coordinate, error } => format!(
                "short chains from the draws mix too slowly to confirm {} to better than {error:.2} sd",
                name(coordinate)
            ),
            Self::HalvesDisagree {
                coordinate,
                mean,
                sd,
            } => format!(
                "two halves of the run differ: {} by {mean:.2} sd, its sd by {:.0}%",
                name(coordinate),
                100.0 * sd
            ),
            Self::Corrected {
                coordinate,
                mean,
                sd,
                ..
            } => format!(
                "weighting corrects q materially: q's own mean of {} is off by {mean:+.2} sd and its \
                 sd by {:+.0}%",
                name(coordinate),
                100.0 * sd
            ),
            Self::HeavyTail { coordinate, khat } => format!(
                "the sd of {} depends on the far tail of the posterior (k̂ = {khat:.2}), which no \
                 sampler settles either",
                name(coordinate)
            ),
            Self::Outside { fraction } => format!(
                "{:.1}% of q's draws fall outside the support",
                100.0 * fraction
            ),
            Self::Carried { khat } => format!(
                "draws could not be carried to the posterior evenly (k̂ = {khat:.2} of their weights)"
            ),
            Self::Scattered {
                confirming,
                n_probes,
            } => format!(
                "only {confirming} of {n_probes} independent paths ended where q is, the others in \
                 other modes, so that a mode of the same size may have been missed"
            ),
            Self::NoProbes => {
                "no other start was tried, so another mode may have been missed".into()
            }
        }
    }

    /// What to do about it.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::NotConverged => "give it a larger budget, or start closer to the mode",
            Self::NoOverlap => "check the start and the support of the density",
            Self::Khat { .. } => {
                "use a richer family (`auto`, a flow), reparameterise (non-centred scales), or sample \
                 with NUTS"
            }
            Self::Unstable { .. } | Self::Imprecise { .. } => {
                "use a richer family or more draws, or sample with NUTS"
            }
            Self::Missed { .. } | Self::Scattered { .. } => {
                "fit a mixture, or constrain what makes the modes (an order, a sign), then compare \
                 with NUTS"
            }
            Self::Drifts { .. } | Self::Unconfirmed { .. } | Self::Carried { .. } => {
                "reparameterise what is strongly curved (non-centred scales), or sample with NUTS"
            }
            Self::HalvesDisagree { .. } => "give it a larger budget",
            Self::Corrected { .. } => "use the weighted draws and moments, not those of q alone",
            Self::HeavyTail { .. } => "read its quantiles instead of its standard deviation",
            Self::Outside { .. } => "transform parameters so that every real number is allowed",
            Self::NoProbes => "fit again with several starts, such as those of `pathfinder`",
        }
    }
}
