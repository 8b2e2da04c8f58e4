//! Solutions against SciPy's and closed forms, derivatives against differences.

use elbo_testkit::assert_close;

use super::*;
use crate::{Function, Program};

const TIGHT: Tolerances = Tolerances {
    relative: 1e-13,
    absolute: 1e-13,
    most_steps: 100_000,
};

fn entry(graph: &mut Graph, node: NodeId, i: u32) -> NodeId {
    graph.elements(node, [i], Shape::SCALAR)
}

/// Predators and prey: `x′ = a x − b x y`, `y′ = −c y + d x y`.
fn lotka_volterra() -> Arc<OdeSystem> {
    Arc::new(OdeSystem::new(2, 4, |graph, _, y, theta| {
        let product = |graph: &mut Graph, a, b| graph.pointwise(Function::Multiply, &[a, b]);
        let (prey, predators) = (entry(graph, y, 0), entry(graph, y, 1));
        let [a, b, c, d] = [0, 1, 2, 3].map(|i| entry(graph, theta, i));
        let both = product(graph, prey, predators);
        let (growth, eaten) = (product(graph, a, prey), product(graph, b, both));
        let (death, food) = (product(graph, c, predators), product(graph, d, both));
        let first = graph.pointwise(Function::Subtract, &[growth, eaten]);
        let second = graph.pointwise(Function::Subtract, &[food, death]);
        graph.rows(&[first, second])
    }))
}

/// `y′ = −r y + sin-like forcing t`, whose right-hand side knows the time.
fn forced_decay() -> Arc<OdeSystem> {
    Arc::new(OdeSystem::new(1, 1, |graph, t, y, rate| {
        let decay = graph.pointwise(Function::Multiply, &[rate, y]);
        graph.pointwise(Function::Subtract, &[t, decay])
    }))
}

#[test]
fn solutions_are_scipys() {
    let mut graph = Graph::new();
    let theta = graph.parameter(Shape::vector(4));
    let initial = graph.constant([1.2, 0.8], Shape::vector(2));
    let start = graph.constant([0.5], Shape::SCALAR);
    let times = graph.constant([1.0, 3.0, 8.0], Shape::vector(3));
    let system = lotka_volterra();
    let tolerances = [TIGHT, Tolerances::default()];
    let outputs: Vec<NodeId> = tolerances
        .iter()
        .map(|t| ode_rk45(&mut graph, &system, *t, initial, start, times, theta))
        .collect();
    let program = Program::with_outputs(&graph, &outputs);
    // The second lane has other parameters, and so other steps.
    let theta = [0.9, 0.5, 0.4, 1.4, 0.6, 0.2, 0.3, 0.9];
    let out = program.outputs(&theta, 2);
    // scipy.integrate.solve_ivp(…, method="DOP853", rtol=1e-13, atol=1e-13), SciPy 1.17
    let expected = [
        1.6163082707400693,
        0.73073182418311,
        4.8762327193685655,
        1.3917663689556845,
        0.5109691258558141,
        1.6107010144097798,
    ];
    for (e, expected) in expected.iter().enumerate() {
        assert_close("tight", out[0][2 * e], *expected, 1e-11);
        // Errors of steps add up to more than what is tolerated of one.
        assert_close("default", out[1][2 * e], *expected, 1e-4);
    }
    let alone = program.outputs(&[0.5, 1.4, 0.2, 0.9], 1);
    for e in 0..6 {
        assert_eq!(out[1][2 * e + 1], alone[1][e], "lanes do not meet");
    }
}

/// `y(t) = (t − 1/r)/r + (y₀ − (t₀ − 1/r)/r) e^{−r (t − t₀)}`.
#[test]
fn a_right_hand_side_may_depend_on_time() {
    let mut graph = Graph::new();
    let rate = graph.parameter(Shape::SCALAR);
    let initial = graph.constant([2.0], Shape::SCALAR);
    let start = graph.constant([0.5], Shape::SCALAR);
    // The start itself, and a time that comes twice.
    let times = graph.constant([0.5, 2.0, 2.0, 3.5], Shape::vector(4));
    let y = ode_rk45(
        &mut graph,
        &forced_decay(),
        TIGHT,
        initial,
        start,
        times,
        rate,
    );
    let program = Program::with_outputs(&graph, &[y]);
    let r = 0.7;
    let out = program.outputs(&[r], 1).remove(0);
    let particular = |t: f64| (t - 1.0 / r) / r;
    for (y, t) in out.iter().zip([0.5, 2.0, 2.0, 3.5]) {
        let expected = particular(t) + (2.0 - particular(0.5)) * f64::exp(-r * (t - 0.5));
        assert_close("decay", *y, expected, 1e-11);
    }
}

#[test]
fn derivatives_by_states_parameters_and_times() {
    let mut graph = Graph::new();
    let theta = graph.parameter(Shape::vector(4));
    let initial = graph.parameter(Shape::vector(2));
    let start = graph.parameter(Shape::SCALAR);
    let gaps = graph.parameter(Shape::vector(3));
    let gaps = crate::transform::reshape(&mut graph, gaps, Shape::matrix(1, 3));
    let times = graph.block(Arc::new(crate::CumulativeSum { cols: 3 }), &[gaps]);
    let times = graph.pointwise(Function::Add, &[start, times]);
    let y = ode_rk45(
        &mut graph,
        &lotka_volterra(),
        TIGHT,
        initial,
        start,
        times,
        theta,
    );
    let square = graph.pointwise(Function::Square, &[y]);
    let rate = entry(&mut graph, theta, 0);
    let first = entry(&mut graph, initial, 0);
    let forced = ode_rk45(
        &mut graph,
        &forced_decay(),
        TIGHT,
        first,
        start,
        times,
        rate,
    );
    for node in [square, y, forced] {
        graph.add_to_log_density(node);
    }
    crate::tests::check(&graph);
}

/// `y′ = y²` from 1 on is infinite at 1.
#[test]
fn a_solution_that_does_not_exist_is_nan_in_its_lane() {
    let system = Arc::new(OdeSystem::new(1, 0, |graph, _, y, _| {
        graph.pointwise(Function::Square, &[y])
    }));
    let mut graph = Graph::new();
    let initial = graph.parameter(Shape::SCALAR);
    let start = graph.constant([0.0], Shape::SCALAR);
    let times = graph.constant([2.0], Shape::SCALAR);
    let none = graph.constant([], Shape::vector(0));
    let y = ode_rk45(
        &mut graph,
        &system,
        Tolerances::default(),
        initial,
        start,
        times,
        none,
    );
    graph.add_to_log_density(y);
    let mut values = [0.0; 2];
    let mut gradient = [0.0; 2];
    Program::new(&graph).log_densities_and_gradients(
        &[1.0, 0.25],
        2,
        None,
        &mut values,
        &mut gradient,
    );
    assert!(values[0].is_nan());
    // y = y₀ / (1 − t y₀), and its derivative.
    assert_close("value", values[1], 0.5, 1e-5);
    assert_close("gradient", gradient[1], 4.0, 1e-4);
}
