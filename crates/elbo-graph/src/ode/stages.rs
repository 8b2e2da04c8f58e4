//! The stages of one step of all lanes.

use super::Problem;
use super::combine::advance;
use super::method::Tableau;
use super::newton::Newton;
use super::trajectory::Step;
use crate::block::Run;
use crate::tape::Scratch;

/// Working memory for the stages of a step.
#[derive(Debug, Default)]
pub(super) struct Stages<T> {
    /// Registers of the right-hand side: time, states and parameters come first. The adjoint keeps
    /// those of every stage, the solver needs only the first.
    pub files: Vec<Vec<T>>,
    /// Derivatives at each stage, one after the other; for an explicit method also at the end of the
    /// step.
    pub slopes: Vec<T>,
    /// Each lane's step, and the time at its beginning.
    pub length: Vec<T>,
    pub begin: Vec<T>,
    pub scratch: Scratch<T>,
    n: usize,
    lanes: usize,
}

impl<T: Run> Stages<T> {
    /// Prepares for a problem, with registers for `files` stages.
    pub(super) fn prepare(&mut self, problem: &Problem<'_, T>, files: usize) {
        let (n, lanes) = (problem.system.n_states(), problem.lanes);
        (self.n, self.lanes) = (n, lanes);
        self.files
            .resize_with(files.max(self.files.len()), Vec::new);
        for file in &mut self.files[..files] {
            problem.system.tape.registers(lanes, file);
            let parameters = &mut file[(1 + n) * lanes..][..problem.parameters.len()];
            parameters.copy_from_slice(problem.parameters);
        }
        let tableau = problem.method.tableau();
        zeros(&mut self.slopes, (tableau.stages() + 1) * n * lanes);
        zeros(&mut self.length, lanes);
        zeros(&mut self.begin, lanes);
    }

    /// Places every lane's step.
    pub(super) fn set_steps(&mut self, problem: &Problem<'_, T>, steps: &[Step]) {
        for (l, step) in steps.iter().enumerate() {
            self.length[l] = problem.length(step.interval, l).times(step.fraction);
            self.begin[l] = problem.time(step.interval, step.begin, l);
        }
    }

    /// Places the lanes' times at a fraction of their steps.
    pub(super) fn set_times(&mut self, file: usize, fraction: f64) {
        let times = self.files[file].iter_mut();
        for (time, (begin, length)) in times.zip(self.begin.iter().zip(&self.length)) {
            *time = *begin + length.times(fraction);
        }
    }

    /// Places the states `begin + h Σ w_s k_s`.
    pub(super) fn set_states<const W: usize>(&mut self, file: usize, begin: &[T], weights: &[f64]) {
        let states = &mut self.files[file][W..(1 + self.n) * W];
        advance::<T, W>(states, begin, &self.length, &self.slopes, weights);
    }

    pub(super) fn states(&self) -> &[T] {
        &self.files[0][self.lanes..(1 + self.n) * self.lanes]
    }

    /// The slopes of stage `s`.
    pub(super) fn slope(&self, s: usize) -> &[T] {
        let size = self.n * self.lanes;
        &self.slopes[s * size..(s + 1) * size]
    }

    pub(super) fn slope_mut(&mut self, s: usize) -> &mut [T] {
        let size = self.n * self.lanes;
        &mut self.slopes[s * size..(s + 1) * size]
    }

    /// Computes the slopes of stage `s` at the point that stands in `file`.
    pub(super) fn evaluate<const W: usize>(
        &mut self,
        problem: &Problem<'_, T>,
        file: usize,
        s: usize,
    ) {
        let size = self.n * W;
        let slopes = &mut self.slopes[s * size..(s + 1) * size];
        let tape = &problem.system.tape;
        tape.forward::<T, W>(&mut self.files[file], slopes, &mut self.scratch);
    }

    /// Computes every stage, then the states at the end, which stand in the first file. Lanes whose
    /// equations were not solved are marked in `newton`.
    pub(super) fn step<const W: usize>(
        &mut self,
        problem: &Problem<'_, T>,
        begin: &[T],
        newton: &mut Newton<T>,
    ) {
        let tableau = problem.method.tableau();
        let stages = tableau.stages();
        if tableau.gamma.is_some() {
            newton.prepare::<W>(problem, self, begin);
            for s in 0..stages {
                // The slope before is a first guess.
                if s > 0 {
                    let size = self.n * W;
                    self.slopes.copy_within((s - 1) * size..s * size, s * size);
                }
                self.set_times(0, tableau.nodes[s]);
                newton.solve::<W>(problem, self, begin, s);
            }
            self.set_times(0, 1.0);
            self.set_states::<W>(0, begin, tableau.weights);
            return;
        }
        // The first slope is the last of the step before.
        for s in 1..=stages {
            self.set_times(0, tableau.nodes.get(s).copied().unwrap_or(1.0));
            self.set_states::<W>(0, begin, weights(tableau, s));
            self.evaluate::<W>(problem, 0, s);
        }
    }
}

/// How stage `s` weighs the slopes; the one after the last is the end of the step.
pub(super) fn weights(tableau: &'static Tableau, s: usize) -> &'static [f64] {
    tableau.matrix.get(s).copied().unwrap_or(tableau.weights)
}

pub(super) fn zeros<T: Default + Clone>(buffer: &mut Vec<T>, len: usize) {
    buffer.clear();
    buffer.resize(len, T::default());
}
