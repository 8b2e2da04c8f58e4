//! The right-hand side of a differential equation, as two programs.
//!
//! One gives `f(t, y, θ)`. The other has more unknowns `λ` and the log density `λᵀ f`, whose gradient
//! is the product of `λ` with the Jacobian.

use crate::graph::{Graph, NodeId};
use crate::pointwise::Function;
use crate::program::{Pooled, Program};
use crate::shape::Shape;

/// `f(t, y, θ)`.
#[derive(Debug)]
pub struct OdeSystem {
    n_states: usize,
    n_parameters: usize,
    value: Program,
    product: Program,
}

impl OdeSystem {
    /// A system from nodes: `build` is given time (a scalar), states and parameters (vectors), and
    /// gives the derivatives of the states, in any shape.
    ///
    /// # Panics
    /// If there are not as many derivatives as states.
    pub fn new(
        n_states: usize,
        n_parameters: usize,
        build: impl FnOnce(&mut Graph, NodeId, NodeId, NodeId) -> NodeId,
    ) -> Self {
        let mut graph = Graph::new();
        let time = graph.parameter(Shape::SCALAR);
        let states = graph.parameter(Shape::vector(n_states));
        let parameters = graph.parameter(Shape::vector(n_parameters));
        let derivatives = build(&mut graph, time, states, parameters);
        assert_eq!(
            graph.shape(derivatives).len(),
            n_states,
            "a derivative for each state"
        );
        let value = Program::with_outputs(&graph, &[derivatives]);
        let weights = graph.parameter(graph.shape(derivatives));
        let product = graph.pointwise(Function::Multiply, &[weights, derivatives]);
        graph.add_to_log_density(product);
        Self {
            n_states,
            n_parameters,
            value,
            product: Program::new(&graph),
        }
    }

    /// The number of states.
    pub fn n_states(&self) -> usize {
        self.n_states
    }

    /// The number of parameters.
    pub fn n_parameters(&self) -> usize {
        self.n_parameters
    }

    /// `f`, given time, states and parameters one after the other.
    pub(super) fn derivatives<T: Pooled>(&self, point: &[T], lanes: usize, out: &mut [T]) {
        self.value.first_output(point, lanes, out);
    }

    /// `λᵀ ∂f/∂(t, y, θ)`, given time, states, parameters and `λ` one after the other; what is written
    /// has as many numbers, `f` where `λ` was.
    pub(super) fn products<T: Pooled>(&self, point: &[T], lanes: usize, out: &mut [T]) {
        self.product.gradients(point, lanes, out);
    }
}
