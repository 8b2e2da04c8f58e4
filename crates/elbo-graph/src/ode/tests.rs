//! Solutions against SciPy's and closed forms, derivatives against differences.

use elbo_testkit::assert_close;

use super::*;
use crate::{Dual, Function, Program};

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
        .map(|t| {
            ode_solve(
                &mut graph,
                &system,
                OdeMethod::DormandPrince,
                *t,
                initial,
                start,
                times,
                theta,
            )
        })
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
    let y = ode_solve(
        &mut graph,
        &forced_decay(),
        OdeMethod::DormandPrince,
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

/// Predators and prey, and forced decay, with every argument unknown; and all states.
fn unknown_everything(method: OdeMethod, tolerances: Tolerances) -> (Graph, NodeId) {
    let mut graph = Graph::new();
    let theta = graph.parameter(Shape::vector(4));
    let initial = graph.parameter(Shape::vector(2));
    let start = graph.parameter(Shape::SCALAR);
    let gaps = graph.parameter(Shape::vector(3));
    let gaps = crate::transform::reshape(&mut graph, gaps, Shape::matrix(1, 3));
    let times = graph.block(Arc::new(crate::CumulativeSum { cols: 3 }), &[gaps]);
    let times = graph.pointwise(Function::Add, &[start, times]);
    let rate = entry(&mut graph, theta, 0);
    let first = entry(&mut graph, initial, 0);
    let mut solve = |system: Arc<OdeSystem>, initial, theta| {
        let graph = &mut graph;
        ode_solve(
            graph, &system, method, tolerances, initial, start, times, theta,
        )
    };
    let y = solve(lotka_volterra(), initial, theta);
    let forced = solve(forced_decay(), first, rate);
    let all = graph.columns(&[y, forced]);
    let square = graph.pointwise(Function::Square, &[all]);
    graph.add_to_log_density(square);
    (graph, all)
}

#[test]
fn derivatives_by_states_parameters_and_times() {
    let (graph, _) = unknown_everything(OdeMethod::DormandPrince, TIGHT);
    crate::tests::check(&graph);
}

/// However rough the solution, its adjoint belongs to it: the same steps, with tangents.
#[test]
fn adjoints_are_those_of_the_steps() {
    let rough = Tolerances {
        relative: 1e-2,
        absolute: 1e-2,
        most_steps: 1000,
    };
    for method in [OdeMethod::DormandPrince, OdeMethod::Sdirk4] {
        let (graph, all) = unknown_everything(method, rough);
        let program = Program::with_outputs(&graph, &[all]);
        let x: Vec<Dual> = (0..program.dimension() * 2)
            .map(|k| Dual {
                value: 0.9 + 0.4 * (k as f64).sin(),
                tangent: (3.0 * k as f64).cos(),
            })
            .collect();
        let out = program.first_output(&x, 2);
        let values: Vec<f64> = x.iter().map(|x| x.value).collect();
        let mut gradient = vec![0.0; x.len()];
        program.log_densities_and_gradients(&values, 2, None, &mut [0.0; 2], &mut gradient);
        for l in 0..2 {
            let of_lane = out.iter().skip(l).step_by(2);
            let forward: f64 = of_lane.map(|y| 2.0 * y.value * y.tangent).sum();
            let of_lane = gradient.iter().zip(&x).skip(l).step_by(2);
            let backward: f64 = of_lane.map(|(g, x)| g * x.tangent).sum();
            // Equations of implicit stages are solved to 10⁻⁵ of what is tolerated, then once more.
            assert_close("slope", backward, forward, 1e-7 * forward.abs().max(1.0));
        }
    }
}

#[test]
fn both_methods_find_the_same_solution_and_derivatives() {
    let fine = Tolerances {
        relative: 1e-9,
        absolute: 1e-9,
        most_steps: 100_000,
    };
    let all = [(OdeMethod::DormandPrince, TIGHT), (OdeMethod::Sdirk4, fine)];
    let results = all.map(|(method, tolerances)| {
        let program = Program::new(&unknown_everything(method, tolerances).0);
        let x: Vec<f64> = (0..program.dimension())
            .map(|k| 0.9 + 0.4 * (k as f64).sin())
            .collect();
        let direction: Vec<f64> = (0..x.len()).map(|k| (3.0 * k as f64).cos()).collect();
        let (mut value, mut gradient) = ([0.0], vec![0.0; x.len()]);
        program.log_densities_and_gradients(&x, 1, None, &mut value, &mut gradient);
        let mut products = vec![0.0; x.len()];
        program.hessian_vector_products(&x, &direction, 1, &mut products);
        gradient.push(value[0]);
        gradient.extend(products);
        gradient
    });
    for (a, b) in results[0].iter().zip(&results[1]) {
        // Errors of a few hundred steps, each within 10⁻⁹.
        assert_close("result", *a, *b, 1e-6 * a.abs().max(1.0));
    }
}

/// Robertson's reactions: rates that differ by nine orders of magnitude.
#[test]
fn a_stiff_system_takes_few_steps() {
    let system = Arc::new(OdeSystem::new(3, 3, |graph, _, y, k| {
        let product = |graph: &mut Graph, a, b| graph.pointwise(Function::Multiply, &[a, b]);
        let [a, b, c] = [0, 1, 2].map(|i| entry(graph, y, i));
        let [slow, fast, middle] = [0, 1, 2].map(|i| entry(graph, k, i));
        let first = product(graph, slow, a);
        let both = product(graph, b, c);
        let second = product(graph, middle, both);
        let square = product(graph, b, b);
        let third = product(graph, fast, square);
        let of_a = graph.pointwise(Function::Subtract, &[second, first]);
        let minus = graph.pointwise(Function::Negate, &[of_a]);
        let of_b = graph.pointwise(Function::Subtract, &[minus, third]);
        graph.rows(&[of_a, of_b, third])
    }));
    let tolerances = Tolerances {
        relative: 1e-7,
        absolute: 1e-10,
        // An explicit method needs hundreds of thousands.
        most_steps: 2000,
    };
    let mut graph = Graph::new();
    let k = graph.parameter(Shape::vector(3));
    let initial = graph.constant([1.0, 0.0, 0.0], Shape::vector(3));
    let start = graph.constant([0.0], Shape::SCALAR);
    let times = graph.constant([0.4, 4.0, 40.0], Shape::vector(3));
    let y = ode_solve(
        &mut graph,
        &system,
        OdeMethod::Sdirk4,
        tolerances,
        initial,
        start,
        times,
        k,
    );
    let program = Program::with_outputs(&graph, &[y]);
    let out = program.outputs(&[0.04, 3e7, 1e4], 1).remove(0);
    // scipy.integrate.solve_ivp(…, method="Radau", rtol=1e-12, atol=1e-16), SciPy 1.17
    let expected = [
        0.9851721138609885,
        3.3863953789748744e-5,
        0.014794022185221486,
        0.9055186785842508,
        2.240475687560267e-5,
        0.09445891665887171,
        0.7158270687194137,
        9.185534764558203e-6,
        0.2841637457458199,
    ];
    for (y, expected) in out.iter().zip(expected) {
        assert_close("state", *y, expected, 1e-5 * expected + 1e-9);
    }
}

/// A lane in which the right-hand side is infinite at time 0 gives up after a few hundred attempts:
/// with 10⁹ allowed, this test would not end.
#[test]
fn a_lane_without_a_first_step_gives_up() {
    let system = Arc::new(OdeSystem::new(1, 0, |graph, _, y, _| {
        graph.pointwise(Function::Exp, &[y])
    }));
    let mut graph = Graph::new();
    let initial = graph.parameter(Shape::SCALAR);
    let start = graph.constant([0.0], Shape::SCALAR);
    let times = graph.constant([1.0, 2.0], Shape::vector(2));
    let none = graph.constant([], Shape::vector(0));
    for method in [OdeMethod::DormandPrince, OdeMethod::Sdirk4] {
        let tolerances = Tolerances {
            most_steps: 1_000_000_000,
            ..Tolerances::default()
        };
        let system = &system;
        let graph = &mut graph.clone();
        let y = ode_solve(
            graph, system, method, tolerances, initial, start, times, none,
        );
        let out = Program::report(graph, &[y]).outputs(&[800.0, -30.0], 2);
        assert!(out[0][0].is_nan() && out[0][1].is_finite());
    }
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
    let y = ode_solve(
        &mut graph,
        &system,
        OdeMethod::DormandPrince,
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
