//! The right-hand side of a differential equation.

use crate::graph::{Graph, NodeId};
use crate::shape::Shape;
use crate::tape::Tape;

/// `f(t, y, θ)`.
#[derive(Debug)]
pub struct OdeSystem {
    n_states: usize,
    n_parameters: usize,
    /// From time, states and parameters, one after the other.
    pub(super) tape: Tape,
}

impl OdeSystem {
    /// A system from nodes: `build` is given time (a scalar), states and parameters (vectors), and
    /// gives the derivatives of the states, in any shape.
    ///
    /// # Panics
    /// If there are not as many derivatives as states, or `build` adds parameters.
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
        assert_eq!(
            graph.n_parameters(),
            1 + n_states + n_parameters,
            "a system's parameters are given to it"
        );
        Self {
            n_states,
            n_parameters,
            tape: Tape::new(&graph, derivatives),
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
}
