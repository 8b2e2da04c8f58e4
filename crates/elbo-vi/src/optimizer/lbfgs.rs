//! L-BFGS: quasi-Newton ascent whose every iterate and accepted history can be read.
//!
//! The one idea: the pairs (step, change of gradient) that steer the ascent are also a model of the
//! density's curvature, which Pathfinder turns into Gaussians; so the state shows them. An ascent asks
//! for evaluations and is told them, so that several ascents can be evaluated together. Points where
//! the function cannot be used are stepped around by the line search. Deliberately absent: noisy
//! objectives, and what is done with the iterates.

use std::collections::VecDeque;

use elbo_math::linalg::{axpy, dot};

use super::Smooth;
use super::line_search::{self, Found, Probe};
use crate::ViError;

/// The settings of an ascent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lbfgs {
    /// Pairs kept.
    pub history: usize,
    /// Ends when the quadratic model promises a gain of less than this many nats.
    pub tolerance: f64,
}

impl Default for Lbfgs {
    fn default() -> Self {
        // A promised gain of 1e-9 is a distance of 4.5e-5 standard deviations from the mode.
        Self {
            history: 10,
            tolerance: 1e-9,
        }
    }
}

/// A step and what it did to the gradient.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// `s = x' − x`.
    pub step: Vec<f64>,
    /// `y = g − g'`: the change of the gradient of the *negated* function, so that `sᵀy > 0`.
    pub change: Vec<f64>,
    /// `sᵀy`.
    pub curvature: f64,
}

/// Where an ascent is.
#[derive(Debug, Clone, PartialEq)]
pub struct LbfgsState {
    position: Vec<f64>,
    value: f64,
    gradient: Vec<f64>,
    pairs: VecDeque<Pair>,
    learned: usize,
    line: Option<Line>,
}

/// A search along a direction that is under way.
#[derive(Debug, Clone, PartialEq)]
struct Line {
    direction: Vec<f64>,
    slope: f64,
    first: f64,
    /// Whether the direction is the gradient, because no pair says better.
    untried: bool,
    /// Values and slopes at the steps that the search asked for.
    seen: Vec<(f64, f64)>,
    asked: f64,
    /// The last point evaluated.
    last: Option<Evaluated>,
    /// What the search found, where that must be evaluated once more.
    found: Option<Found>,
}

#[derive(Debug, Clone, PartialEq)]
struct Evaluated {
    step: f64,
    position: Vec<f64>,
    value: f64,
    gradient: Vec<f64>,
}

/// What an ascent needs next.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// The value and gradient at this point, by [`LbfgsState::tell`].
    Evaluate(Vec<f64>),
    /// Nothing: a step is done.
    Done(Progress),
}

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Progress {
    /// It moved to a higher value.
    Moved,
    /// Nothing is left to gain.
    Converged,
    /// No step along the gradient increases the value, though it is not zero.
    Stalled,
    /// The function rises as far as was looked; the coordinate that moved most.
    Unbounded {
        /// The coordinate.
        coordinate: usize,
    },
}

impl LbfgsState {
    /// At a start.
    ///
    /// # Errors
    /// [`ViError::Start`] if the function cannot be used there, and the function's own.
    pub fn new(function: &dyn Smooth, start: Vec<f64>) -> Result<Self, ViError> {
        let mut gradient = vec![0.0; start.len()];
        let value = function.value_and_gradient(&start, &mut gradient)?;
        if !value.is_finite() {
            return Err(ViError::Start { value });
        }
        Ok(Self::at(start, value, gradient))
    }

    /// At a start where the function and its gradient are known and finite.
    pub fn at(start: Vec<f64>, value: f64, gradient: Vec<f64>) -> Self {
        Self {
            position: start,
            value,
            gradient,
            pairs: VecDeque::new(),
            learned: 0,
            line: None,
        }
    }

    /// The value and gradient at the point asked for; −∞ where the function cannot be used.
    ///
    /// # Panics
    /// If no point was asked for.
    pub fn tell(&mut self, value: f64, gradient: Vec<f64>) {
        let line = self.line.as_mut().expect("a point was asked for");
        if line.found.is_none() {
            line.seen.push((value, dot(&gradient, &line.direction)));
        }
        line.last = Some(Evaluated {
            step: line.asked,
            position: point(&self.position, line.asked, &line.direction),
            value,
            gradient,
        });
    }

    /// The current point.
    pub fn position(&self) -> &[f64] {
        &self.position
    }

    /// The function there.
    pub fn value(&self) -> f64 {
        self.value
    }

    /// Its gradient there.
    pub fn gradient(&self) -> &[f64] {
        &self.gradient
    }

    /// The accepted pairs, oldest first.
    pub fn pairs(&self) -> &VecDeque<Pair> {
        &self.pairs
    }

    /// How many pairs were accepted so far, kept or not.
    pub fn n_learned(&self) -> usize {
        self.learned
    }

    /// `H g` with the inverse Hessian `H` that the pairs model: the two-loop recursion
    /// `[@nocedal2006optimization, alg. 7.4]`.
    fn direction(&self) -> Vec<f64> {
        let mut d = self.gradient.clone();
        let mut weights = Vec::with_capacity(self.pairs.len());
        for pair in self.pairs.iter().rev() {
            let weight = dot(&pair.step, &d) / pair.curvature;
            axpy(-weight, &pair.change, &mut d);
            weights.push(weight);
        }
        if let Some(last) = self.pairs.back() {
            let scale = last.curvature / dot(&last.change, &last.change);
            for v in &mut d {
                *v *= scale;
            }
        }
        for (pair, weight) in self.pairs.iter().zip(weights.into_iter().rev()) {
            let correction = weight - dot(&pair.change, &d) / pair.curvature;
            axpy(correction, &pair.step, &mut d);
        }
        d
    }

    fn ask(&mut self, mut line: Line, step: f64) -> Next {
        let at = point(&self.position, step, &line.direction);
        line.asked = step;
        self.line = Some(line);
        Next::Evaluate(at)
    }

    /// Moves there and learns the pair.
    fn move_to(&mut self, position: Vec<f64>, value: f64, gradient: Vec<f64>, history: usize) {
        let difference =
            |a: &[f64], b: &[f64]| -> Vec<f64> { a.iter().zip(b).map(|(a, b)| a - b).collect() };
        let step = difference(&position, &self.position);
        let change = difference(&self.gradient, &gradient);
        let curvature = dot(&step, &change);
        let sizes = (dot(&step, &step) * dot(&change, &change)).sqrt();
        // At condition κ the cosine between the two is at least 2√κ/(κ + 1); below 1e-8 it is noise.
        if curvature > 1e-8 * sizes && curvature.is_finite() {
            self.pairs.push_back(Pair {
                step,
                change,
                curvature,
            });
            self.learned += 1;
            if self.pairs.len() > history {
                self.pairs.pop_front();
            }
        }
        (self.position, self.value, self.gradient) = (position, value, gradient);
    }
}

impl Lbfgs {
    /// Takes one step. After an error the state is as it was.
    ///
    /// # Errors
    /// The function's own.
    pub fn step(&self, function: &dyn Smooth, state: &mut LbfgsState) -> Result<Progress, ViError> {
        loop {
            match self.next(state) {
                Next::Done(progress) => return Ok(progress),
                Next::Evaluate(at) => {
                    let mut gradient = vec![0.0; at.len()];
                    match function.value_and_gradient(&at, &mut gradient) {
                        Ok(value) => state.tell(value, gradient),
                        Err(error) => {
                            state.line = None;
                            return Err(error);
                        }
                    }
                }
            }
        }
    }

    /// Goes on as far as what is known allows.
    pub fn next(&self, state: &mut LbfgsState) -> Next {
        loop {
            let Some(mut line) = state.line.take().or_else(|| self.begin(state)) else {
                return Next::Done(Progress::Converged);
            };
            let zero = Probe {
                step: 0.0,
                value: state.value,
                slope: line.slope,
            };
            let next = match line.found {
                Some(found) => line_search::Next::Ended(found),
                None => line_search::next(zero, line.first, &line.seen),
            };
            let found = match next {
                line_search::Next::Ended(found) => found,
                line_search::Next::Evaluate(step) => return state.ask(line, step),
            };
            if let Found::Step(step) | Found::Unbounded(step) = found {
                if line.last.as_ref().is_none_or(|last| last.step != step) {
                    line.found = Some(found);
                    return state.ask(line, step);
                }
                if let Some(progress) = self.arrive(state, &mut line, found) {
                    return Next::Done(progress);
                }
            }
            if line.untried {
                return Next::Done(Progress::Stalled);
            }
            // The model misleads: forget it and try the gradient.
            state.pairs.clear();
        }
    }

    /// The next direction; `None` where nothing is left to gain.
    fn begin(&self, state: &mut LbfgsState) -> Option<Line> {
        let mut direction = state.direction();
        let mut slope = dot(&direction, &state.gradient);
        if !(slope > 0.0 && slope.is_finite()) {
            state.pairs.clear();
            direction.copy_from_slice(&state.gradient);
            slope = dot(&direction, &direction);
        }
        let rounding = 16.0 * f64::EPSILON * state.value.abs();
        let untried = state.pairs.is_empty();
        if slope == 0.0 || (!untried && 0.5 * slope <= self.tolerance + rounding) {
            return None;
        }
        Some(Line {
            // Without a model of the curvature the first step has length at most 1, the scale on
            // which unconstrained parameters are usually written.
            first: if untried {
                1.0 / slope.sqrt().max(1.0)
            } else {
                1.0
            },
            direction,
            slope,
            untried,
            seen: Vec::new(),
            asked: 0.0,
            last: None,
            found: None,
        })
    }

    /// Moves to the last point evaluated; `None` where that is no move.
    fn arrive(&self, state: &mut LbfgsState, line: &mut Line, found: Found) -> Option<Progress> {
        let last = line.last.take()?;
        if !last.value.is_finite() || last.position == state.position {
            return None;
        }
        state.move_to(last.position, last.value, last.gradient, self.history);
        Some(match found {
            Found::Unbounded(_) => Progress::Unbounded {
                coordinate: farthest(&line.direction),
            },
            _ => Progress::Moved,
        })
    }

    /// Steps until there is nothing to gain, or `max_steps` were taken.
    ///
    /// # Errors
    /// The function's own.
    pub fn run(
        &self,
        function: &dyn Smooth,
        state: &mut LbfgsState,
        max_steps: usize,
    ) -> Result<Progress, ViError> {
        for _ in 0..max_steps {
            let progress = self.step(function, state)?;
            if progress != Progress::Moved {
                return Ok(progress);
            }
        }
        Ok(Progress::Moved)
    }
}

fn point(origin: &[f64], step: f64, direction: &[f64]) -> Vec<f64> {
    let along = origin.iter().zip(direction);
    along.map(|(x, d)| x + step * d).collect()
}

fn farthest(direction: &[f64]) -> usize {
    let mut best = 0;
    for (i, d) in direction.iter().enumerate() {
        if d.abs() > direction[best].abs() {
            best = i;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Target;
    use crate::density::FromFn;
    use crate::testing::{self, Gaussian};

    #[test]
    fn the_mode_of_a_gaussian_is_found_up_to_condition_ten_thousand() {
        for (dimension, condition) in [(2, 1e4), (20, 1e4), (200, 1e4)] {
            let gaussian = Gaussian::new(dimension, condition, 11);
            let target = Target::new(&gaussian, dimension).unwrap();
            let mut state = LbfgsState::new(&target, vec![1.0; dimension]).unwrap();
            let progress = Lbfgs::default().run(&target, &mut state, 2000).unwrap();
            assert_eq!(progress, Progress::Converged);
            // The promised gain 1e-9 is a model's; allow the truth to be a hundred times that.
            let left = gaussian.maximum() - state.value();
            assert!(
                (0.0..1e-7).contains(&left),
                "D = {dimension}: {left:e} nats left"
            );
        }
    }

    #[test]
    fn the_valley_of_rosenbrock_is_followed_to_its_end() {
        let target = Target::new(&testing::ROSENBROCK, 2).unwrap();
        let mut state = LbfgsState::new(&target, vec![-1.2, 1.0]).unwrap();
        let progress = Lbfgs::default().run(&target, &mut state, 200).unwrap();
        assert_eq!(progress, Progress::Converged);
        // The gain left is at most about 1e-9, and the flattest curvature is 0.4.
        testkit_close(state.position(), &[1.0, 1.0], 1e-4);
        // A textbook implementation takes 35 to 60 gradients.
        assert!(
            target.gradient_evaluations() < 100,
            "{}",
            target.gradient_evaluations()
        );
    }

    fn testkit_close(actual: &[f64], expected: &[f64], tolerance: f64) {
        elbo_testkit::assert_all_close("position", actual, expected, tolerance);
    }

    #[test]
    fn walls_are_stepped_around_and_the_end_of_the_support_is_no_error() {
        // log x − x on x > 0, −∞ elsewhere, NaN far out: the mode is 1.
        let density = FromFn(|x: &[f64], g: &mut [f64]| {
            g[0] = 1.0 / x[0] - 1.0;
            match x[0] {
                v if v <= 0.0 => f64::NEG_INFINITY,
                v if v > 50.0 => f64::NAN,
                v => v.ln() - v,
            }
        });
        let target = Target::new(&density, 1).unwrap();
        for start in [1e-6, 0.5, 40.0] {
            let mut state = LbfgsState::new(&target, vec![start]).unwrap();
            let progress = Lbfgs::default().run(&target, &mut state, 200).unwrap();
            assert_eq!(progress, Progress::Converged, "from {start}");
            testkit_close(state.position(), &[1.0], 1e-4);
        }
        assert!(matches!(
            LbfgsState::new(&target, vec![-1.0]),
            Err(ViError::Start { .. })
        ));
    }

    #[test]
    fn a_function_without_a_maximum_is_called_unbounded() {
        let density = FromFn(|x: &[f64], g: &mut [f64]| {
            g[0] = -x[0];
            g[1] = 2.0;
            2.0 * x[1] - 0.5 * x[0] * x[0]
        });
        let target = Target::new(&density, 2).unwrap();
        let mut state = LbfgsState::new(&target, vec![0.3, 0.0]).unwrap();
        let progress = Lbfgs::default().run(&target, &mut state, 200).unwrap();
        assert_eq!(progress, Progress::Unbounded { coordinate: 1 });
    }

    #[test]
    fn the_history_holds_consecutive_differences() {
        let target = Target::new(&testing::ROSENBROCK, 2).unwrap();
        let mut state = LbfgsState::new(&target, vec![-1.2, 1.0]).unwrap();
        let lbfgs = Lbfgs {
            history: 3,
            ..Lbfgs::default()
        };
        for _ in 0..8 {
            let before = state.clone();
            lbfgs.step(&target, &mut state).unwrap();
            assert!(state.value() > before.value());
            if let Some(pair) = state.pairs().back() {
                for i in 0..2 {
                    assert_eq!(pair.step[i], state.position()[i] - before.position()[i]);
                    assert_eq!(pair.change[i], before.gradient()[i] - state.gradient()[i]);
                }
            }
            assert!(state.pairs().len() <= 3);
        }
    }
}
