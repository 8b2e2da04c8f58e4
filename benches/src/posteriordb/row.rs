//! A row of the table: everything that is known about one posterior, and what it amounts to.
//!
//! Deliberately absent: how it was found out (`examine`), how it is shown (`table`).

use serde::{Deserialize, Serialize};

use crate::moments::Comparison;
use crate::side::{At, Fitted};
use crate::stanli::Density;

/// Relative errors of log densities and gradients that rounding explains.
pub(crate) const ROUNDING: f64 = 1e-8;
/// The same where a solver of differential equations decides.
pub(crate) const SOLVER: f64 = 1e-5;
/// A component of a gradient this much smaller than the largest is as exact as the largest.
const SMALL: f64 = 1e-3;

/// Seconds that any program may take to load.
pub(crate) const LARGEST_LOAD: f64 = 0.5;
/// What a row with nothing to be said against it says.
const RIGHT: &str = "good and right";

/// One posterior.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) program: String,
    /// The checkout has reference draws.
    pub(crate) has_draws: bool,
    /// The checkout has no data for it.
    pub(crate) no_data: bool,
    pub(crate) dimension: Option<usize>,
    pub(crate) load_seconds: Option<f64>,
    pub(crate) density: Option<DensityErrors>,
    pub(crate) gradient_seconds: Option<f64>,
    pub(crate) stanli_gradient_seconds: Option<f64>,
    pub(crate) fit: Option<Fitted>,
    pub(crate) reference: Option<Reference>,
    pub(crate) comparison: Option<Comparison>,
    /// Seconds from process start to verdict, and stanli's for loading and sampling.
    pub(crate) race: Option<(f64, f64)>,
    /// What went wrong on our side.
    pub(crate) failure: Option<String>,
    /// What went wrong on stanli's.
    pub(crate) stanli_failure: Option<String>,
}

/// How far our values are from stanli's.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct DensityErrors {
    #[serde(with = "number")]
    pub(crate) values: f64,
    #[serde(with = "number")]
    pub(crate) gradients: f64,
    /// The coordinate whose derivative is furthest off.
    pub(crate) coordinate: usize,
    pub(crate) points: usize,
    /// Compared with tight tolerances of the solver.
    pub(crate) solver: bool,
}

/// What an answer is compared with.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Reference {
    /// The checkout's draws, or stanli's sampler.
    pub(crate) draws: bool,
    #[serde(with = "number")]
    pub(crate) rhat: f64,
    #[serde(with = "number")]
    pub(crate) ess: f64,
    pub(crate) divergences: usize,
    pub(crate) converged: bool,
    /// The sampler's seconds.
    pub(crate) seconds: Option<f64>,
}

impl DensityErrors {
    /// Differences of log densities between the first point and the others, relative to the larger
    /// log density; derivatives relative to themselves.
    pub(crate) fn of(ours: &[At], theirs: &Density, solver: bool) -> Self {
        let mut errors = Self {
            values: 0.0,
            gradients: 0.0,
            coordinate: 0,
            points: ours.len(),
            solver,
        };
        let Some((a0, b0)) = ours.first().zip(theirs.log_densities.first()) else {
            return errors;
        };
        for (a, b) in ours.iter().zip(&theirs.log_densities) {
            let difference = (a.log_density - a0.log_density) - (b - b0);
            let size = b.abs().max(b0.abs()).max(1.0);
            errors.values = larger(errors.values, difference.abs() / size);
        }
        for (a, b) in ours.iter().zip(&theirs.gradients) {
            let largest = b.iter().fold(1.0_f64, |m, d| m.max(d.abs()));
            for (i, (a, b)) in a.gradient.iter().zip(b).enumerate() {
                let size = b.abs().max(SMALL * largest);
                let error = (a.unwrap_or(f64::NAN) - b).abs() / size;
                let worst = larger(errors.gradients, error);
                if worst.to_bits() != errors.gradients.to_bits() {
                    (errors.gradients, errors.coordinate) = (worst, i);
                }
            }
        }
        errors
    }

    pub(crate) fn tolerance(&self) -> f64 {
        if self.solver { SOLVER } else { ROUNDING }
    }

    pub(crate) fn are_small(&self) -> bool {
        self.points > 0 && self.values <= self.tolerance() && self.gradients <= self.tolerance()
    }
}

/// The larger, where a NaN is larger than anything.
fn larger(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() {
        f64::NAN
    } else {
        a.max(b)
    }
}

impl Row {
    /// The program loads and its values are stanli's.
    pub(crate) fn evaluates(&self) -> bool {
        self.density.as_ref().is_some_and(DensityErrors::are_small)
    }

    /// There is something to compare an answer with.
    pub(crate) fn has_reference(&self) -> bool {
        self.reference.as_ref().is_some_and(|r| r.converged)
    }

    fn is_good(&self) -> bool {
        self.fit.as_ref().is_some_and(|fit| fit.verdict == "good")
    }

    fn is_right(&self) -> bool {
        self.comparison
            .as_ref()
            .is_some_and(|c| c.right && c.compared > 0)
    }

    /// A good verdict, and right.
    pub(crate) fn is_good_and_right(&self) -> bool {
        self.has_reference() && self.is_good() && self.is_right()
    }

    /// A good verdict on a wrong answer.
    pub(crate) fn is_false_trust(&self) -> bool {
        let wrong = self.comparison.as_ref().is_some_and(|c| c.wrong);
        self.has_reference() && self.is_good() && wrong
    }

    /// How many times as long stanli's gradient takes.
    pub(crate) fn gradient_ratio(&self) -> Option<f64> {
        Some(self.stanli_gradient_seconds? / self.gradient_seconds?)
    }

    /// How many times as long stanli's sampler takes.
    pub(crate) fn race_ratio(&self) -> Option<f64> {
        self.race.map(|(ours, theirs)| theirs / ours)
    }

    /// What the row amounts to, in a few words.
    pub(crate) fn outcome(&self) -> Vec<String> {
        if self.no_data {
            return vec!["no data in the checkout".to_owned()];
        }
        let mut words = Vec::new();
        if let Some(failure) = &self.failure {
            words.push(format!("fails: {failure}"));
        }
        if self.density.as_ref().is_some_and(|d| !d.are_small()) {
            words.push("density differs".to_owned());
        }
        if self.is_false_trust() {
            words.push("**false trust**".to_owned());
        } else if self.fit.is_some() {
            words.push(self.accuracy().to_owned());
        }
        words.extend(self.stanli_failure.clone());
        words
    }

    /// In what the row falls short of what must hold.
    pub(crate) fn shortcomings(&self) -> Vec<String> {
        let mut words = self.outcome();
        words.retain(|word| word != RIGHT);
        if let Some(ratio) = self.gradient_ratio().filter(|ratio| *ratio < 1.0) {
            words.push(format!("gradients at {ratio:.2} times stanli's speed"));
        }
        if let Some(seconds) = self.load_seconds.filter(|s| *s > LARGEST_LOAD) {
            words.push(format!("loads in {seconds:.2} s"));
        }
        words
    }

    fn accuracy(&self) -> &'static str {
        match (self.has_reference(), self.is_good(), self.is_right()) {
            (false, ..) => "no reference",
            _ if self.comparison.is_none() => "not compared",
            (_, true, true) => RIGHT,
            (_, true, false) => "good, not within the bar",
            (_, false, true) => "right, but not said to be good",
            (_, false, false) => "not good",
        }
    }
}

/// Numbers that JSON lacks are written as null, and read as NaN.
pub(crate) mod number {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde asks for it")]
    pub(crate) fn serialize<S: Serializer>(value: &f64, to: S) -> Result<S::Ok, S::Error> {
        value.is_finite().then_some(*value).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
        Ok(Option::deserialize(from)?.unwrap_or(f64::NAN))
    }
}

#[cfg(test)]
mod tests {
    use super::DensityErrors;
    use crate::side::At;
    use crate::stanli::Density;

    fn errors(log_densities: [f64; 2], derivatives: [f64; 2]) -> DensityErrors {
        let theirs = Density {
            dimension: 2,
            points: vec![vec![0.0; 2]; 2],
            log_densities: vec![-1.0, -3.0],
            gradients: vec![vec![1.0, -2.0], vec![3.0, 4.0]],
        };
        let last = vec![Some(derivatives[0]), Some(derivatives[1])];
        let gradients = [vec![Some(1.0), Some(-2.0)], last];
        let both = log_densities.into_iter().zip(gradients);
        let ours: Vec<At> = both
            .map(|(log_density, gradient)| At {
                log_density,
                gradient,
            })
            .collect();
        DensityErrors::of(&ours, &theirs, false)
    }

    #[test]
    fn constants_do_not_count() {
        assert!(errors([9.0, 7.0], [3.0, 4.0]).are_small());
    }

    #[test]
    fn a_wrong_derivative_is_found() {
        let found = errors([-1.0, -3.0], [3.0, 4.1]);
        assert!(!found.are_small());
        assert_eq!(found.coordinate, 1);
    }

    #[test]
    fn what_is_not_finite_is_not_small() {
        assert!(!errors([-1.0, f64::NAN], [3.0, 4.0]).are_small());
        assert!(!errors([-1.0, -3.0], [f64::NAN, 4.0]).are_small());
    }
}
