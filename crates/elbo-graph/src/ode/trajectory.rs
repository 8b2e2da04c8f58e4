//! The accepted steps of every lane.

use crate::number::Number;

/// Where a step begins and how far it goes, in fractions of the interval between two times.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    /// The interval.
    pub interval: usize,
    pub begin: f64,
    pub fraction: f64,
    /// Whether the interval ends with it.
    pub last: bool,
}

impl Step {
    /// That of a lane that does not step.
    pub(super) const NONE: Self = Self {
        interval: 0,
        begin: 0.0,
        fraction: 0.0,
        last: false,
    };

    /// Whether the lane steps.
    pub(super) fn is_some(self) -> bool {
        self.fraction > 0.0
    }
}

/// Steps in order, with the states that they begin at. Row `k` holds every lane's `k`-th step; a lane
/// that has fewer stands still where it began.
#[derive(Debug, Default)]
pub(super) struct Trajectory<T> {
    counts: Vec<usize>,
    steps: Vec<Step>,
    states: Vec<T>,
}

impl<T: Number> Trajectory<T> {
    /// Forgets all steps.
    pub(super) fn clear(&mut self, lanes: usize) {
        self.counts.clear();
        self.counts.resize(lanes, 0);
        self.steps.clear();
        self.states.clear();
    }

    /// Adds a step of a lane, which begins at this lane's part of `state`.
    pub(super) fn push(&mut self, lane: usize, step: Step, state: &[T], initial: &[T]) {
        let lanes = self.counts.len();
        let row = self.counts[lane];
        self.counts[lane] += 1;
        if row == self.len() {
            self.steps.resize((row + 1) * lanes, Step::NONE);
            self.states.extend_from_slice(initial);
        }
        self.steps[row * lanes + lane] = step;
        let to = &mut self.states[row * state.len()..];
        for e in (lane..state.len()).step_by(lanes) {
            to[e] = state[e];
        }
    }

    /// The most steps of any lane.
    pub(super) fn len(&self) -> usize {
        self.steps.len() / self.counts.len().max(1)
    }

    /// Every lane's step of that number, and the states at their beginnings.
    pub(super) fn row(&self, number: usize) -> (&[Step], &[T]) {
        let lanes = self.counts.len();
        let size = self.states.len() / self.len();
        (
            &self.steps[number * lanes..(number + 1) * lanes],
            &self.states[number * size..(number + 1) * size],
        )
    }
}
