//! Solutions of algebraic equations, with the derivatives of what solves them.
//!
//! The one idea: the solution of `g(x, θ) = 0` is found on plain numbers, and derivatives do not go
//! through the search: one step of Newton's method from the solution gives its tangents, and
//! `J = ∂g/∂x` at the solution its adjoint. The equations are a small program of their own. Deliberately
//! absent: which of several solutions is meant (the one that the guess leads to).

mod search;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::block::dense::{Lu, lane, set_lane};
use crate::block::{Backward, BlockOperation, Call, Forward, Run};
use crate::graph::{Graph, NodeId};
use crate::number::Number;
use crate::shape::Shape;
use crate::tape::{Scratch, Tape};

/// `g(x, θ)`, as many numbers as there are unknowns.
#[derive(Debug)]
pub struct Equations {
    n_unknowns: usize,
    n_parameters: usize,
    /// From unknowns and parameters, one after the other.
    tape: Tape,
}

impl Equations {
    /// Equations from nodes: `build` is given unknowns and parameters (vectors), and gives what is to
    /// be zero, in any shape.
    ///
    /// # Panics
    /// If there are not as many equations as unknowns, or `build` adds parameters.
    pub fn new(
        n_unknowns: usize,
        n_parameters: usize,
        build: impl FnOnce(&mut Graph, NodeId, NodeId) -> NodeId,
    ) -> Self {
        let mut graph = Graph::new();
        let unknowns = graph.parameter(Shape::vector(n_unknowns));
        let parameters = graph.parameter(Shape::vector(n_parameters));
        let zeros = build(&mut graph, unknowns, parameters);
        assert_eq!(
            graph.shape(zeros).len(),
            n_unknowns,
            "an equation for each unknown"
        );
        assert_eq!(
            graph.n_parameters(),
            n_unknowns + n_parameters,
            "the parameters of equations are given to them"
        );
        Self {
            n_unknowns,
            n_parameters,
            tape: Tape::new(&graph, zeros),
        }
    }
}

/// When a search ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SearchLimits {
    /// The largest `‖g(x, θ)‖₂` of what counts as a solution. The search does not stop there, but goes
    /// on as long as it gets nearer.
    pub residual: f64,
    /// Steps, taken or not, before a lane gives up and becomes NaN.
    pub most_steps: usize,
}

/// `x` with `g(x, θ) = 0`, found from `guess`, on which it does not depend.
///
/// A lane in which no solution is found becomes NaN.
///
/// # Panics
/// If an argument's size is not that of the equations.
pub fn solve_equations(
    graph: &mut Graph,
    equations: &Arc<Equations>,
    limits: SearchLimits,
    guess: NodeId,
    parameters: NodeId,
) -> NodeId {
    let solution = Solution {
        equations: Arc::clone(equations),
        limits,
    };
    graph.block(Arc::new(solution), &[guess, parameters])
}

#[derive(Debug)]
struct Solution {
    equations: Arc<Equations>,
    limits: SearchLimits,
}

/// The equations at one point of one lane.
struct At<T> {
    registers: Vec<T>,
    scratch: Scratch<T>,
    zeros: Vec<T>,
    adjoints: Vec<T>,
}

impl<T: Run> At<T> {
    fn new(equations: &Equations, parameters: &[T]) -> Self {
        let mut registers = Vec::new();
        equations.tape.registers(1, &mut registers);
        let n = equations.n_unknowns;
        registers[n..n + parameters.len()].copy_from_slice(parameters);
        Self {
            adjoints: vec![T::default(); registers.len()],
            registers,
            scratch: Scratch::default(),
            zeros: vec![T::default(); n],
        }
    }

    /// `g(x, θ)`.
    fn evaluate(&mut self, equations: &Equations, x: &[T]) -> &[T] {
        self.registers[..x.len()].copy_from_slice(x);
        equations
            .tape
            .forward::<T, 1>(&mut self.registers, &mut self.zeros, &mut self.scratch);
        &self.zeros
    }

    /// `wᵀ ∂g/∂(x, θ)` where it was last evaluated.
    fn pulled_back(&mut self, equations: &Equations, w: &[T]) -> &[T] {
        let inputs = equations.n_unknowns + equations.n_parameters;
        self.adjoints.fill(T::default());
        equations
            .tape
            .backward::<T, 1>(&self.registers, w, &mut self.adjoints, &mut self.scratch);
        &self.adjoints[..inputs]
    }

    /// `∂g/∂x` row by row.
    fn jacobian(&mut self, equations: &Equations) -> Vec<T> {
        let n = equations.n_unknowns;
        let mut entries = Vec::with_capacity(n * n);
        for i in 0..n {
            let mut w = vec![T::default(); n];
            w[i] = T::constant(1.0);
            entries.extend_from_slice(&self.pulled_back(equations, &w)[..n]);
        }
        entries
    }
}

impl Solution {
    fn solve<T: Run>(&self, call: Forward<'_, T>) {
        let Forward { lanes, args, out } = call;
        for l in 0..lanes {
            let values = |arg: &[T]| -> Vec<f64> {
                lane(arg, lanes, l).into_iter().map(Number::value).collect()
            };
            let (guess, parameters) = (values(args[0]), values(args[1]));
            let found = search::root(&self.equations, self.limits, guess, &parameters);
            let x = match found {
                Some((x, jacobian)) => self.step(&x, &jacobian, &lane(args[1], lanes, l)),
                None => vec![T::constant(f64::NAN); self.equations.n_unknowns],
            };
            set_lane(out, lanes, l, &x);
        }
    }

    /// One step `x − J⁻¹ g(x, θ)` from the solution, which gives it its tangents
    /// `−J⁻¹ ∂g/∂θ θ̇`.
    fn step<T: Run>(&self, x: &[f64], jacobian: &[f64], parameters: &[T]) -> Vec<T> {
        let x: Vec<T> = x.iter().map(|x| T::constant(*x)).collect();
        let mut at = At::new(&self.equations, parameters);
        let zeros = at.evaluate(&self.equations, &x);
        let mut change = Vec::new();
        Lu::new(jacobian.to_vec(), x.len()).solve_known(zeros, &mut change);
        // A Jacobian that cannot be inverted: the solution stands, but has no derivatives.
        let keeps = change.iter().all(|c| c.value().is_finite());
        x.iter()
            .zip(change)
            .map(|(x, c)| {
                if keeps {
                    *x - c
                } else {
                    *x - c.times(f64::NAN)
                }
            })
            .collect()
    }

    /// `θ̄ −= ∂g/∂θᵀ J⁻ᵀ x̄`; nothing depends on the guess.
    fn adjoint<T: Run>(&self, call: Backward<'_, T>) {
        let Backward {
            lanes,
            which,
            args,
            out,
            adjoint,
            gradient,
            ..
        } = call;
        if which == 0 {
            return;
        }
        let n = self.equations.n_unknowns;
        for l in 0..lanes {
            let mut at = At::new(&self.equations, &lane(args[1], lanes, l));
            at.evaluate(&self.equations, &lane(out, lanes, l));
            let jacobian = at.jacobian(&self.equations);
            let transposed = (0..n * n).map(|e| jacobian[e % n * n + e / n]).collect();
            let w: Vec<T> = Lu::new(transposed, n)
                .solve(&lane(adjoint, lanes, l), 1)
                .into_iter()
                .map(|w| -w)
                .collect();
            let of = &at.pulled_back(&self.equations, &w)[n..];
            for (to, from) in gradient[l..].iter_mut().step_by(lanes).zip(of) {
                *to += *from;
            }
        }
    }
}

impl BlockOperation for Solution {
    fn name(&self) -> &'static str {
        "solve_equations"
    }

    fn shape(&self, args: &[Shape]) -> Shape {
        let equations = &self.equations;
        assert_eq!(args[0].len(), equations.n_unknowns, "a guess");
        assert_eq!(args[1].len(), equations.n_parameters, "parameters");
        Shape::vector(equations.n_unknowns)
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
