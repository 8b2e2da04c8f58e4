//! How far to go along an ascent direction: the search of Hager and Zhang.
//!
//! The one idea: an interval whose ends have slopes of opposite signs is kept and shrunk by secant
//! steps, and near the optimum, where differences of values drown in rounding, acceptance rests on
//! slopes alone. A point where the function cannot be used counts as too far. A search that was
//! interrupted goes on by being run again on what it has seen. Deliberately absent: the direction.

/// Sufficient increase, as a share of what the slope at 0 promises `[@hager2005cgdescent, sec. 4]`.
const INCREASE: f64 = 0.1;
/// The share of the slope at 0 that may be left.
const SLOPE_LEFT: f64 = 0.9;
/// By how much the step grows while the function still rises.
const EXPANSION: f64 = 5.0;
/// An interval must shrink by this factor or is halved.
const SHRINK: f64 = 0.66;
/// Evaluations per search; a good search needs one or two.
const MAX_EVALUATIONS: usize = 60;
/// Times that the step may grow: 5³⁰ ≈ 10²¹ times the first step is running away.
const MAX_EXPANSIONS: usize = 30;
/// Values closer than this, relative to their size, are rounding.
const ROUNDING: f64 = 1e-10;

/// The function along the ray: its value and slope at a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Probe {
    pub(super) step: f64,
    pub(super) value: f64,
    pub(super) slope: f64,
}

/// How a search ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Found {
    /// A step that satisfies the Wolfe conditions, or failing that, one that increases the value.
    Step(f64),
    /// The function rises as far as was looked; the farthest step.
    Unbounded(f64),
    /// No step increases the value.
    Nothing,
}

/// What a search needs next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Next {
    /// The value and the slope at a step.
    Evaluate(f64),
    /// Nothing more.
    Ended(Found),
}

/// Where a search stands that has `seen` these values and slopes, in the order in which it asked for
/// them.
pub(super) fn next(zero: Probe, first: f64, seen: &[(f64, f64)]) -> Next {
    let mut seen = seen.iter();
    match search(|step| seen.next().copied().ok_or(step), zero, first) {
        Ok(found) => Next::Ended(found),
        Err(step) => Next::Evaluate(step),
    }
}

/// Searches from `zero`, whose slope is positive, with `first` as the first step.
fn search<E>(
    along: impl FnMut(f64) -> Result<(f64, f64), E>,
    zero: Probe,
    first: f64,
) -> Result<Found, E> {
    let mut search = Search {
        along,
        zero,
        slack: ROUNDING * zero.value.abs().max(1.0),
        evaluations: 0,
        accepted: None,
        best: zero,
    };
    let outcome = search.run(first)?;
    Ok(match (search.accepted, outcome) {
        (Some(probe), _) => Found::Step(probe.step),
        (None, Ended::Unbounded) => Found::Unbounded(search.best.step),
        (None, Ended::Shrunk) if search.best.value > zero.value => Found::Step(search.best.step),
        (None, Ended::Shrunk) => Found::Nothing,
    })
}

enum Ended {
    Unbounded,
    Shrunk,
}

struct Search<F> {
    along: F,
    zero: Probe,
    slack: f64,
    evaluations: usize,
    accepted: Option<Probe>,
    best: Probe,
}

impl<E, F: FnMut(f64) -> Result<(f64, f64), E>> Search<F> {
    fn run(&mut self, first: f64) -> Result<Ended, E> {
        let Some((mut low, mut high)) = self.bracket(first)? else {
            return Ok(Ended::Unbounded);
        };
        while !self.over() && high.step - low.step > f64::EPSILON * high.step {
            let before = high.step - low.step;
            (low, high) = self.double_secant(low, high)?;
            if !self.over() && high.step - low.step > SHRINK * before {
                (low, high) = self.narrow(low, high, f64::midpoint(low.step, high.step))?;
            }
        }
        Ok(Ended::Shrunk)
    }

    fn over(&self) -> bool {
        self.accepted.is_some() || self.evaluations >= MAX_EVALUATIONS
    }

    fn probe(&mut self, step: f64) -> Result<Probe, E> {
        self.evaluations += 1;
        let (value, slope) = (self.along)(step)?;
        let probe = Probe { step, value, slope };
        if value.is_finite() {
            if value > self.best.value {
                self.best = probe;
            }
            if self.is_acceptable(probe) {
                self.accepted = Some(probe);
            }
        }
        Ok(probe)
    }

    /// The Wolfe conditions, or near the optimum the approximate ones
    /// `[@hager2005cgdescent, eqs. 22, 23 and 27]`, with signs for maximising.
    fn is_acceptable(&self, at: Probe) -> bool {
        let flat_enough = at.slope <= SLOPE_LEFT * self.zero.slope;
        let wolfe = at.value - self.zero.value >= INCREASE * at.step * self.zero.slope;
        let approximate = at.slope >= (2.0 * INCREASE - 1.0) * self.zero.slope
            && at.value >= self.zero.value - self.slack;
        flat_enough && (wolfe || approximate)
    }

    fn is_high_enough(&self, at: Probe) -> bool {
        at.value >= self.zero.value - self.slack
    }

    /// Two steps with the function rising at the lower and falling at the upper one.
    fn bracket(&mut self, first: f64) -> Result<Option<(Probe, Probe)>, E> {
        let mut low = self.zero;
        let mut at = self.probe(first)?;
        for _ in 0..MAX_EXPANSIONS {
            if self.over() || (at.value.is_finite() && at.slope <= 0.0) {
                return Ok(Some((low, at)));
            }
            if !at.value.is_finite() || !self.is_high_enough(at) {
                return Ok(Some(self.come_back(low, at)?));
            }
            low = at;
            at = self.probe(EXPANSION * at.step)?;
        }
        Ok(None)
    }

    /// Halves between a good lower end and an upper end that is too far but does not fall there
    /// `[@hager2005cgdescent, step U3]`; from a point that cannot be used it comes back faster.
    fn come_back(&mut self, mut low: Probe, mut high: Probe) -> Result<(Probe, Probe), E> {
        while !self.over() && high.step - low.step > f64::EPSILON * high.step {
            let share = if high.value.is_finite() { 0.5 } else { 0.2 };
            let middle = self.probe(low.step + share * (high.step - low.step))?;
            if !middle.value.is_finite() {
                high = middle;
            } else if middle.slope <= 0.0 {
                return Ok((low, middle));
            } else if self.is_high_enough(middle) {
                low = middle;
            } else {
                high = middle;
            }
        }
        Ok((low, high))
    }

    /// Moves an end of the interval to `step` if that lies inside.
    fn narrow(&mut self, low: Probe, high: Probe, step: f64) -> Result<(Probe, Probe), E> {
        if !(step > low.step && step < high.step) || self.over() {
            return Ok((low, high));
        }
        let at = self.probe(step)?;
        if self.over() {
            return Ok((low, high));
        }
        if at.value.is_finite() && at.slope <= 0.0 {
            Ok((low, at))
        } else if at.value.is_finite() && self.is_high_enough(at) {
            Ok((at, high))
        } else {
            self.come_back(low, at)
        }
    }

    /// Two secant steps, the second from the end that the first one moved.
    fn double_secant(&mut self, low: Probe, high: Probe) -> Result<(Probe, Probe), E> {
        let step = secant(low, high);
        let (a, b) = self.narrow(low, high, step)?;
        let second = if b.step == step {
            secant(high, b)
        } else if a.step == step {
            secant(low, a)
        } else {
            return Ok((a, b));
        };
        self.narrow(a, b, second)
    }
}

/// Where the line through two slopes crosses zero; NaN if there is none.
fn secant(a: Probe, b: Probe) -> f64 {
    (a.step * b.slope - b.step * a.slope) / (b.slope - a.slope)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(f: impl Fn(f64) -> (f64, f64), first: f64) -> Found {
        let (value, slope) = f(0.0);
        let zero = Probe {
            step: 0.0,
            value,
            slope,
        };
        let found: Result<Found, ()> = search(|a| Ok(f(a)), zero, first);
        let found = found.unwrap();
        // Interrupted before every evaluation it finds the same.
        let mut seen = Vec::new();
        let again = loop {
            match next(zero, first, &seen) {
                Next::Evaluate(step) => seen.push(f(step)),
                Next::Ended(found) => break found,
            }
        };
        assert_eq!(again, found);
        found
    }

    #[test]
    fn a_parabola_is_solved_from_any_first_step() {
        for first in [1e-8, 0.3, 1.0, 1e6] {
            let Found::Step(step) = run(|a| (-(a - 2.0).powi(2), -2.0 * (a - 2.0)), first) else {
                panic!("no step from {first}");
            };
            // The slope at 0 is 4: the Wolfe conditions leave at most 0.9 of it.
            assert!((2.0 * (step - 2.0)).abs() <= 3.6, "{first}: {step}");
        }
    }

    #[test]
    fn a_wall_is_stepped_around() {
        let f = |a: f64| {
            if a > 0.01 {
                (f64::NEG_INFINITY, 0.0)
            } else {
                (a.sqrt().sin(), 0.5 * a.sqrt().cos() / a.max(1e-12).sqrt())
            }
        };
        let Found::Step(step) = run(f, 1.0) else {
            panic!("no step");
        };
        assert!(step > 0.0 && step <= 0.01, "{step}");
    }

    #[test]
    fn rising_for_ever_and_never_are_told_apart() {
        assert!(matches!(run(|a| (a, 1.0), 1.0), Found::Unbounded(_)));
        // A slope that lies: the value falls everywhere.
        assert_eq!(run(|a| (-a, 1.0), 1.0), Found::Nothing);
    }
}
