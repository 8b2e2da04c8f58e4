//! Back through the steps that were taken.

use super::Problem;
use super::combine::collect;
use super::newton::{Jacobian, Newton};
use super::stages::{Stages, weights, zeros};
use super::trajectory::Trajectory;
use crate::block::Run;
use crate::block::dense::Lu;

/// Working memory of an adjoint, and its result.
#[derive(Debug, Default)]
pub(super) struct Adjoint<T> {
    /// Adjoints of the registers; those of the parameters add up over all steps.
    registers: Vec<T>,
    of_states: Vec<T>,
    of_times: Vec<T>,
    /// Adjoints of every stage's states.
    inputs: Vec<T>,
    weights: Vec<T>,
    /// Adjoints of each lane's step length and of its beginning.
    of_length: Vec<T>,
    of_begin: Vec<T>,
    jacobian: Jacobian<T>,
    factors: Lu<T>,
    lane: Vec<T>,
    solution: Vec<T>,
}

impl<T: Run> Adjoint<T> {
    /// The adjoints of the initial states.
    pub(super) fn of_states(&self) -> &[T] {
        &self.of_states
    }

    /// The adjoints of the parameters.
    pub(super) fn of_parameters(&self, problem: &Problem<'_, T>) -> &[T] {
        let first = (1 + problem.system.n_states()) * problem.lanes;
        &self.registers[first..first + problem.parameters.len()]
    }

    /// The adjoints of the start and the times.
    pub(super) fn of_times(&self) -> &[T] {
        &self.of_times
    }

    /// From the adjoints of the states at each time, step by step backward:
    /// `k̄_s = h (b_s λ + Σ_{r>s} a_rs ȳ_r)`, `ȳ_s = ∂f/∂yᵀ k̄_s`, `λ ← λ + Σ ȳ_s`. Where the stage is
    /// implicit, `(I − γ h ∂f/∂yᵀ) w_s = k̄_s` comes between.
    pub(super) fn run<const W: usize>(
        &mut self,
        problem: &Problem<'_, T>,
        stages: &mut Stages<T>,
        newton: &mut Newton<T>,
        trajectory: &Trajectory<T>,
        adjoint: &[T],
    ) {
        let tableau = problem.method.tableau();
        let (n_stages, size) = (tableau.stages(), problem.initial.len());
        stages.prepare(problem, n_stages);
        zeros(&mut self.registers, stages.files[0].len());
        zeros(&mut self.of_states, size);
        zeros(&mut self.of_times, problem.times.len());
        zeros(&mut self.inputs, n_stages * size);
        zeros(&mut self.weights, size);
        for number in (0..trajectory.len()).rev() {
            let (steps, begin) = trajectory.row(number);
            stages.set_steps(problem, steps);
            for (l, step) in steps.iter().enumerate().filter(|(_, s)| s.last) {
                let adjoint = &adjoint[step.interval * size..];
                for e in (l..size).step_by(W) {
                    self.of_states[e] += adjoint[e];
                }
            }
            again::<T, W>(problem, stages, begin, newton);
            zeros(&mut self.of_length, W);
            zeros(&mut self.of_begin, W);
            for s in (0..n_stages).rev() {
                self.stage::<W>(problem, stages, s);
            }
            for input in self.inputs.chunks_exact(size) {
                for (to, from) in self.of_states.iter_mut().zip(input) {
                    *to += *from;
                }
            }
            for (l, step) in steps.iter().enumerate().filter(|(_, s)| s.is_some()) {
                // The step begins at a fraction of its interval and takes a fraction of it.
                let of_begin = self.of_begin[l];
                let later = of_begin.times(step.begin) + self.of_length[l].times(step.fraction);
                self.of_times[(step.interval + 1) * W + l] += later;
                self.of_times[step.interval * W + l] += of_begin - later;
            }
        }
    }

    /// From the adjoints of the end of a step and of later stages to those of stage `s`.
    fn stage<const W: usize>(
        &mut self,
        problem: &Problem<'_, T>,
        stages: &mut Stages<T>,
        s: usize,
    ) {
        let tableau = problem.method.tableau();
        let size = self.weights.len();
        let later = &self.inputs[(s + 1) * size..];
        let (end, end_weight) = (&self.of_states, tableau.weights[s]);
        let column = tableau.column(s);
        collect::<T, W>(&mut self.weights, end, end_weight, later, &column[s + 1..]);
        let slopes = stages.slope(s).as_chunks::<W>().0;
        let (of_length, _) = self.of_length.as_chunks_mut::<W>();
        let length = &stages.length[..W];
        for (weights, slopes) in self.weights.as_chunks_mut::<W>().0.iter_mut().zip(slopes) {
            for l in 0..W {
                of_length[0][l] += weights[l] * slopes[l];
                weights[l] = weights[l] * length[l];
            }
        }
        if let Some(gamma) = tableau.gamma {
            self.solve_transposed::<W>(problem, stages, s, gamma);
        }
        // What an earlier stage left of its time and states is of no use any more.
        self.registers[..W + size].fill(T::default());
        let (tape, registers) = (&problem.system.tape, &stages.files[s]);
        let scratch = &mut stages.scratch;
        tape.backward::<T, W>(registers, &self.weights, &mut self.registers, scratch);
        for l in 0..W {
            self.of_begin[l] += self.registers[l];
            self.of_length[l] += self.registers[l].times(tableau.nodes[s]);
        }
        let input = &self.registers[W..W + size];
        self.inputs[s * size..(s + 1) * size].copy_from_slice(input);
        if let Some(gamma) = tableau.gamma {
            for (e, (input, slope)) in input.iter().zip(stages.slope(s)).enumerate() {
                self.of_length[e % W] += (*input * *slope).times(gamma);
            }
        }
    }

    /// Replaces the weights with the solution of `(I − γ h Jᵀ) w = weights` at the point of a stage.
    fn solve_transposed<const W: usize>(
        &mut self,
        problem: &Problem<'_, T>,
        stages: &mut Stages<T>,
        s: usize,
        gamma: f64,
    ) {
        let n = problem.system.n_states();
        let registers = &stages.files[s];
        self.jacobian
            .compute::<W>(problem, registers, &mut stages.scratch);
        for l in 0..W {
            let c = stages.length[l].times(gamma);
            self.factors
                .factor(n, self.jacobian.shifted(c, (n, W, l), true));
            self.lane.clear();
            self.lane.extend(self.weights.iter().skip(l).step_by(W));
            self.factors.solve_into(&self.lane, 1, &mut self.solution);
            for (to, from) in self
                .weights
                .iter_mut()
                .skip(l)
                .step_by(W)
                .zip(&self.solution)
            {
                *to = *from;
            }
        }
    }
}

/// The stages of steps that were taken before, a file of registers each.
fn again<T: Run, const W: usize>(
    problem: &Problem<'_, T>,
    stages: &mut Stages<T>,
    begin: &[T],
    newton: &mut Newton<T>,
) {
    let tableau = problem.method.tableau();
    let implicit = tableau.gamma.is_some();
    if implicit {
        stages.step::<W>(problem, begin, newton);
    }
    for s in 0..tableau.stages() {
        stages.set_times(s, tableau.nodes[s]);
        stages.set_states::<W>(s, begin, weights(tableau, s));
        // An implicit method has its slopes; only the registers are wanted.
        let slope = if implicit { tableau.stages() } else { s };
        stages.evaluate::<W>(problem, s, slope);
    }
}
