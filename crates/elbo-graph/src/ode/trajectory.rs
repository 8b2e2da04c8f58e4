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

/// Steps in order, by lane, with the states that they begin at.
#[derive(Debug)]
pub(super) struct Trajectory<T> {
    lanes: Vec<Lane<T>>,
}

#[derive(Debug)]
struct Lane<T> {
    steps: Vec<Step>,
    states: Vec<T>,
}

impl<T: Number> Trajectory<T> {
    pub(super) fn new(lanes: usize) -> Self {
        let empty = || Lane {
            steps: Vec::new(),
            states: Vec::new(),
        };
        Self {
            lanes: (0..lanes).map(|_| empty()).collect(),
        }
    }

    /// Adds a step of a lane, which begins at this lane's part of `state`.
    pub(super) fn push(&mut self, lane: usize, step: Step, state: &[T]) {
        let n_lanes = self.lanes.len();
        self.lanes[lane].steps.push(step);
        let own = state.iter().skip(lane).step_by(n_lanes);
        self.lanes[lane].states.extend(own);
    }

    /// The most steps of any lane.
    pub(super) fn len(&self) -> usize {
        self.lanes.iter().map(|l| l.steps.len()).max().unwrap_or(0)
    }

    /// A lane's step number `back` from the end, whose state is written to this lane's part of
    /// `state`.
    pub(super) fn counted_from_end(
        &self,
        lane: usize,
        back: usize,
        state: &mut [T],
    ) -> Option<Step> {
        let (of_lane, n_lanes) = (&self.lanes[lane], self.lanes.len());
        let number = of_lane.steps.len().checked_sub(back + 1)?;
        let n = state.len() / n_lanes;
        let own = &of_lane.states[number * n..(number + 1) * n];
        for (to, from) in state.iter_mut().skip(lane).step_by(n_lanes).zip(own) {
            *to = *from;
        }
        Some(of_lane.steps[number])
    }
}
