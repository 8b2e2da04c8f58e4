//! Solutions of ordinary differential equations, with the derivatives of what is computed.
//!
//! The one idea: every lane has its own time and step, and all lanes take a step together, so the
//! right-hand side, which is a small program of its own, runs over lanes. The adjoint goes back
//! through the accepted steps and is exact for them: step sizes count as constants. Solvers that
//! could be borrowed take one draw at a time on their own vector types and give no second
//! derivatives. Deliberately absent: events, and equations with delays or algebraic parts.

mod adjoint;
mod combine;
mod kept;
mod method;
mod newton;
mod solve;
mod stages;
mod system;
#[cfg(test)]
mod tests;
mod trajectory;

use std::sync::Arc;

use crate::block::{Backward, BlockOperation, Call, Forward};
use crate::graph::{Graph, NodeId};
use crate::number::Number;
use crate::op::with_lanes;
use crate::shape::Shape;
use kept::{KeptBoth, Solves, Work};

pub use method::OdeMethod;
pub use system::OdeSystem;

/// When a solution is good enough.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tolerances {
    /// The error of a step relative to the state.
    pub relative: f64,
    /// The error of a step that is always allowed.
    pub absolute: f64,
    /// Steps, accepted or not, before a lane gives up and becomes NaN.
    pub most_steps: usize,
}

impl Default for Tolerances {
    /// Stan's: 10⁻⁶, 10⁻⁶ and 10⁶.
    fn default() -> Self {
        Self {
            relative: 1e-6,
            absolute: 1e-6,
            most_steps: 1_000_000,
        }
    }
}

/// `y(t_k)` for each of `times`, a row each, where `y(t_0) = initial` and `dy/dt = f(t, y, θ)`.
///
/// `times` is a vector in order, from `start` on; any argument may depend on parameters. A lane in
/// which the solver fails becomes NaN.
///
/// # Panics
/// If an argument's size is not that of the system.
#[expect(
    clippy::too_many_arguments,
    reason = "those of the initial value problem, and how to solve it"
)]
pub fn ode_solve(
    graph: &mut Graph,
    system: &Arc<OdeSystem>,
    method: OdeMethod,
    tolerances: Tolerances,
    initial: NodeId,
    start: NodeId,
    times: NodeId,
    parameters: NodeId,
) -> NodeId {
    let n_times = graph.shape(times).len();
    let column = |graph: &mut Graph, node: NodeId| {
        let shape = Shape::vector(graph.shape(node).len());
        crate::transform::reshape(graph, node, shape)
    };
    let parts = [initial, parameters].map(|node| column(graph, node));
    assert_eq!(graph.shape(parts[0]).len(), system.n_states(), "states");
    assert_eq!(
        graph.shape(parts[1]).len(),
        system.n_parameters(),
        "parameters"
    );
    let values = graph.rows(&parts);
    let parts = [start, times].map(|node| column(graph, node));
    let times = graph.rows(&parts);
    let solution = Solution {
        system: Arc::clone(system),
        method,
        tolerances,
        n_times,
        kept: KeptBoth::default(),
    };
    graph.block(Arc::new(solution), &[values, times])
}

/// Arguments: initial state and parameters in one vector; the start and the times in another.
#[derive(Debug)]
struct Solution {
    system: Arc<OdeSystem>,
    method: OdeMethod,
    tolerances: Tolerances,
    n_times: usize,
    kept: KeptBoth,
}

impl Solution {
    fn solve<T: Solves>(&self, call: Forward<'_, T>) {
        let Forward { lanes, args, out } = call;
        let kept = T::kept(&self.kept);
        let mut work = kept.take_any();
        self.solve_in(&mut work, lanes, args, out);
        kept.give(work);
    }

    fn solve_in<T: Solves>(&self, work: &mut Work<T>, lanes: usize, args: &[&[T]], out: &mut [T]) {
        let problem = self.problem(lanes, args);
        work.set_problem(args);
        let solver = &mut work.solver;
        with_lanes!(lanes, solve::<T, W>(solver, &problem, out));
    }

    /// Backward from the steps that were taken forward, if nobody has used their memory since.
    fn adjoint<T: Solves>(&self, call: Backward<'_, T>) {
        let Backward {
            lanes,
            which,
            args,
            out,
            adjoint,
            gradient,
            ..
        } = call;
        let kept = T::kept(&self.kept);
        let mut work = kept.take(args);
        if !work.is_of(args) {
            let mut again = std::mem::take(&mut work.out);
            again.resize(out.len(), T::default());
            self.solve_in(&mut work, lanes, args, &mut again);
            work.out = again;
        }
        let problem = self.problem(lanes, args);
        with_lanes!(lanes, go_back::<T, W>(&mut work, &problem, adjoint));
        let of = &work.adjoint;
        if which == 0 {
            let (states, parameters) = gradient.split_at_mut(problem.initial.len());
            add(states, of.of_states());
            add(parameters, of.of_parameters(&problem));
        } else {
            add(gradient, of.of_times());
        }
        work.spent = true;
        kept.give(work);
    }

    fn problem<'a, T: Number>(&'a self, lanes: usize, args: &[&'a [T]]) -> Problem<'a, T> {
        let (initial, parameters) = args[0].split_at(self.system.n_states() * lanes);
        Problem {
            system: &self.system,
            method: self.method,
            tolerances: self.tolerances,
            lanes,
            initial,
            parameters,
            times: args[1],
        }
    }
}

fn solve<T: Solves, const W: usize>(
    solver: &mut solve::Solver<T>,
    problem: &Problem<'_, T>,
    out: &mut [T],
) {
    solver.solve::<W>(problem, out);
}

fn go_back<T: Solves, const W: usize>(work: &mut Work<T>, problem: &Problem<'_, T>, adjoint: &[T]) {
    let solver = &mut work.solver;
    work.adjoint.run::<W>(
        problem,
        &mut solver.stages,
        &mut solver.newton,
        &solver.trajectory,
        adjoint,
    );
}

fn add<T: Number>(to: &mut [T], from: &[T]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to += *from;
    }
}

/// What is solved, for all lanes.
struct Problem<'a, T> {
    system: &'a OdeSystem,
    method: OdeMethod,
    tolerances: Tolerances,
    lanes: usize,
    initial: &'a [T],
    parameters: &'a [T],
    /// The start, then the times.
    times: &'a [T],
}

impl<T: Number> Problem<'_, T> {
    fn n_times(&self) -> usize {
        self.times.len() / self.lanes - 1
    }

    /// The time at a fraction of interval `k`, which ends at the `k`-th time from 0, in a lane.
    fn time(&self, k: usize, fraction: f64, lane: usize) -> T {
        self.times[k * self.lanes + lane] + self.length(k, lane).times(fraction)
    }

    /// The error that is tolerated of a state of this size.
    fn tolerated(&self, size: f64) -> f64 {
        self.tolerances.absolute + self.tolerances.relative * size
    }

    fn length(&self, k: usize, lane: usize) -> T {
        self.times[(k + 1) * self.lanes + lane] - self.times[k * self.lanes + lane]
    }
}

impl BlockOperation for Solution {
    fn name(&self) -> &'static str {
        self.method.tableau().name
    }

    fn shape(&self, args: &[Shape]) -> Shape {
        let system = &self.system;
        let n = system.n_states() + system.n_parameters();
        assert_eq!(args[0].len(), n, "states and parameters");
        assert_eq!(args[1].len(), self.n_times + 1, "times");
        Shape::matrix(self.n_times, system.n_states())
    }

    fn by_row(&self, _: usize) -> bool {
        false
    }

    fn run(&self, call: Call<'_>) {
        match call {
            Call::Forward(call) => self.solve(call),
            Call::ForwardDual(call) => self.solve(call),
            Call::Backward(call) => self.adjoint(call),
            Call::BackwardDual(call) => self.adjoint(call),
        }
    }
}
