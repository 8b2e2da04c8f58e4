//! Differential equations in a model: the right-hand side is written with variables too.
//!
//! The one idea: the right-hand side is given variables of a graph of its own, so it reads like the
//! rest of the model. Deliberately absent: solving anything ([`crate::ode`]).

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use super::variable::Variable;
use crate::ode::{OdeMethod, OdeSystem, Tolerances, ode_solve};

/// `dy/dt = f(t, y, θ)`, and how to solve it.
///
/// ```
/// use elbo_graph::model::{Model, Ode, normal};
///
/// // A cup of tea of 90 °C in a room of 20 °C.
/// let cooling = Ode::new(1, 1, |_, y, rate| -rate * (y - 20.0));
/// let times = [5.0, 10.0, 20.0];
///
/// let mut m = Model::new();
/// let rate = m.positive("rate");
/// m.assume(&rate, normal(0.0, 0.1));
/// let temperature = cooling.solve(90.0, 0.0, &times, &rate);
/// m.observe(normal(&temperature, 1.0), &[73.1, 60.5, 45.3]);
/// assert_eq!(m.compile()?.dimension(), 1);
/// # Ok::<(), elbo_graph::DensityError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Ode {
    system: Arc<OdeSystem>,
    method: OdeMethod,
    tolerances: Tolerances,
}

impl Ode {
    /// A system from its right-hand side: a function of the time, the states and the parameters, the
    /// latter two vectors, that gives the states' derivatives.
    ///
    /// It is solved by the method of Dormand and Prince with Stan's tolerances.
    ///
    /// # Panics
    /// If there are not as many derivatives as states.
    pub fn new(
        n_states: usize,
        n_parameters: usize,
        right_hand_side: impl FnOnce(&Variable, &Variable, &Variable) -> Variable,
    ) -> Self {
        let system = OdeSystem::new(n_states, n_parameters, |graph, time, states, parameters| {
            let shared = Rc::new(RefCell::new(std::mem::take(graph)));
            let [t, y, theta] = [time, states, parameters].map(|id| Variable::node(&shared, id));
            let derivatives = right_hand_side(&t, &y, &theta).in_graph(&shared);
            *graph = shared.take();
            derivatives
        });
        Self {
            system: Arc::new(system),
            method: OdeMethod::DormandPrince,
            tolerances: Tolerances::default(),
        }
    }

    /// Solved by an implicit method, for systems whose rates differ by orders of magnitude.
    #[must_use]
    pub fn stiff(mut self) -> Self {
        self.method = OdeMethod::Sdirk4;
        self
    }

    /// Solved to other tolerances.
    #[must_use]
    pub fn tolerances(mut self, tolerances: Tolerances) -> Self {
        self.tolerances = tolerances;
        self
    }

    /// `y` at each of `times`, a row each, where `y` is `initial` at `start`. Times are in order; any
    /// argument may depend on parameters of the model. Draws for which there is no solution are
    /// rejected.
    ///
    /// # Panics
    /// If `initial` or `parameters` has another size than the system's, or variables belong to
    /// different models.
    pub fn solve(
        &self,
        initial: impl Into<Variable>,
        start: impl Into<Variable>,
        times: impl Into<Variable>,
        parameters: impl Into<Variable>,
    ) -> Variable {
        let (initial, start) = (initial.into(), start.into());
        let (times, parameters) = (times.into(), parameters.into());
        Variable::combine(&[&initial, &start, &times, &parameters], |graph, ids| {
            ode_solve(
                graph,
                &self.system,
                self.method,
                self.tolerances,
                ids[0],
                ids[1],
                ids[2],
                ids[3],
            )
        })
    }
}
