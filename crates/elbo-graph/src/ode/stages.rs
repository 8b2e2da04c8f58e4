//! The stages of one step of all lanes.

use super::Problem;
use super::method::Tableau;
use super::newton::Newton;
use super::trajectory::Step;
use crate::program::Pooled;

pub(super) struct Stages<T> {
    pub tableau: &'static Tableau,
    /// Time, states and parameters, as the system reads them.
    pub point: Vec<T>,
    /// Derivatives at each stage; for an explicit method also at the end of the step.
    pub slopes: Vec<Vec<T>>,
    /// Each lane's step.
    pub length: Vec<T>,
    n: usize,
    lanes: usize,
}

impl<T: Pooled> Stages<T> {
    pub(super) fn new(problem: &Problem<'_, T>) -> Self {
        let (n, lanes) = (problem.system.n_states(), problem.lanes);
        let tableau = problem.method.tableau();
        let mut point = vec![T::default(); (1 + n) * lanes];
        point.extend_from_slice(problem.parameters);
        Self {
            tableau,
            point,
            slopes: vec![vec![T::default(); n * lanes]; tableau.stages() + 1],
            length: vec![T::default(); lanes],
            n,
            lanes,
        }
    }

    /// Places the lanes' times for stage `s`; the one after the last is the end of the step.
    pub(super) fn set_times(&mut self, problem: &Problem<'_, T>, steps: &[Option<Step>], s: usize) {
        let node = self.tableau.nodes.get(s).copied().unwrap_or(1.0);
        for (l, step) in steps.iter().enumerate() {
            if let Some(step) = step {
                let fraction = step.begin + node * step.fraction;
                self.point[l] = problem.time(step.interval, fraction, l);
            }
        }
    }

    /// Places the states of stage `s`: those at the beginning and a sum of slopes, for an implicit
    /// method that of the stage itself among them.
    pub(super) fn set_states(&mut self, begin: &[T], s: usize) {
        let tableau = self.tableau;
        let weights = tableau.matrix.get(s).copied().unwrap_or(tableau.weights);
        let lanes = self.lanes;
        let states = &mut self.point[lanes..(1 + self.n) * lanes];
        for (i, states) in states.chunks_exact_mut(lanes).enumerate() {
            let entries = i * lanes..(i + 1) * lanes;
            states.fill(T::default());
            for (slope, weight) in self.slopes.iter().zip(weights) {
                for (state, slope) in states.iter_mut().zip(&slope[entries.clone()]) {
                    *state += slope.times(*weight);
                }
            }
            let begin_and_length = begin[entries].iter().zip(&self.length);
            for (state, (begin, length)) in states.iter_mut().zip(begin_and_length) {
                *state = *begin + *state * *length;
            }
        }
    }

    pub(super) fn states(&self) -> &[T] {
        &self.point[self.lanes..(1 + self.n) * self.lanes]
    }

    pub(super) fn evaluate(&mut self, problem: &Problem<'_, T>, s: usize) {
        problem
            .system
            .derivatives(&self.point, self.lanes, &mut self.slopes[s]);
    }

    /// Computes every stage, then the states at the end. Lanes whose equations were not solved are
    /// marked in `newton`.
    pub(super) fn step(
        &mut self,
        problem: &Problem<'_, T>,
        steps: &[Option<Step>],
        begin: &[T],
        newton: &mut Newton,
    ) {
        let stages = self.tableau.stages();
        match self.tableau.gamma {
            None => {
                // The first slope is the last of the step before.
                for s in 1..=stages {
                    self.set_times(problem, steps, s);
                    self.set_states(begin, s);
                    self.evaluate(problem, s);
                }
            }
            Some(gamma) => {
                newton.prepare(problem, self, steps, begin, gamma);
                for s in 0..stages {
                    let (before, rest) = self.slopes.split_at_mut(s);
                    // The slope before is a first guess.
                    if let Some(guess) = before.last() {
                        rest[0].copy_from_slice(guess);
                    }
                    self.set_times(problem, steps, s);
                    newton.solve(problem, self, begin, s);
                }
                self.set_times(problem, steps, stages);
                self.set_states(begin, stages);
            }
        }
    }
}
