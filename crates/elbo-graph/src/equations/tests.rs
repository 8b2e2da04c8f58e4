//! Solutions against SciPy's and closed forms, derivatives against differences.

use elbo_testkit::assert_close;

use super::*;
use crate::{Function, Program};

const LIMITS: SearchLimits = SearchLimits {
    residual: 1e-6,
    most_steps: 1000,
};

fn entry(graph: &mut Graph, node: NodeId, i: u32) -> NodeId {
    graph.elements(node, [i], Shape::SCALAR)
}

/// `x₀ + ½ (x₀ − x₁)³ = θ₀` and `½ (x₁ − x₀)³ + x₁ = θ₁`.
fn coupled() -> Arc<Equations> {
    Arc::new(Equations::new(2, 2, |graph, x, theta| {
        let pairs = [(0, 1), (1, 0)];
        let zeros = pairs.map(|(i, j)| {
            let (own, other) = (entry(graph, x, i), entry(graph, x, j));
            let theta = entry(graph, theta, i);
            let difference = graph.pointwise(Function::Subtract, &[own, other]);
            let square = graph.pointwise(Function::Square, &[difference]);
            let cube = graph.pointwise(Function::Multiply, &[square, difference]);
            let half = graph.constant([0.5], Shape::SCALAR);
            let term = graph.pointwise(Function::Multiply, &[half, cube]);
            let sum = graph.pointwise(Function::Add, &[own, term]);
            graph.pointwise(Function::Subtract, &[sum, theta])
        });
        graph.rows(&zeros)
    }))
}

/// `exp(x) = θ`.
fn logarithm() -> Arc<Equations> {
    Arc::new(Equations::new(1, 1, |graph, x, theta| {
        let exp = graph.pointwise(Function::Exp, &[x]);
        graph.pointwise(Function::Subtract, &[exp, theta])
    }))
}

#[test]
fn solutions_are_scipys_and_lanes_do_not_meet() {
    let mut graph = Graph::new();
    let theta = graph.parameter(Shape::vector(2));
    let guess = graph.constant([0.0, 0.0], Shape::vector(2));
    let x = solve_equations(&mut graph, &coupled(), LIMITS, guess, theta);
    let program = Program::with_outputs(&graph, &[x]);
    let out = program.outputs(&[1.0, 3.0, 0.0, -2.0], 2).remove(0);
    // scipy.optimize.root(lambda x: [x[0]+0.5*(x[0]-x[1])**3-1, 0.5*(x[1]-x[0])**3+x[1]], [0,0],
    // tol=1e-14), SciPy 1.17
    for (found, expected) in [out[0], out[2]]
        .iter()
        .zip([0.8411639019140096, 0.15883609808599033])
    {
        assert_close("root", *found, expected, 1e-14);
    }
    let alone = program.outputs(&[3.0, -2.0], 1).remove(0);
    assert_eq!([out[1], out[3]], [alone[0], alone[1]]);
}

#[test]
fn derivatives_are_those_of_the_solution() {
    let mut graph = Graph::new();
    let theta = graph.parameter(Shape::vector(2));
    let more = graph.parameter(Shape::SCALAR);
    // The guess depends on parameters, the solution not on the guess.
    let x = solve_equations(&mut graph, &coupled(), LIMITS, theta, theta);
    let scaled = graph.pointwise(Function::Multiply, &[x, more]);
    let exp = graph.pointwise(Function::Exp, &[scaled]);
    graph.add_to_log_density(exp);
    crate::tests::check(&graph);
}

#[test]
fn a_guess_from_far_away_leads_to_the_solution() {
    for guess in [-30.0, -3.0, 0.0, 5.0, 300.0] {
        let mut graph = Graph::new();
        let theta = graph.parameter(Shape::SCALAR);
        let guess = graph.constant([guess], Shape::SCALAR);
        let x = solve_equations(&mut graph, &logarithm(), LIMITS, guess, theta);
        graph.add_to_log_density(x);
        let program = Program::new(&graph);
        let (mut value, mut gradient) = ([0.0], [0.0]);
        program.log_densities_and_gradients(&[4.2], 1, None, &mut value, &mut gradient);
        assert_close("ln", value[0], 4.2_f64.ln(), 1e-14);
        assert_close("1 / θ", gradient[0], 1.0 / 4.2, 1e-14);
    }
}

#[test]
fn what_has_no_solution_is_nan() {
    let mut graph = Graph::new();
    let theta = graph.parameter(Shape::SCALAR);
    let guess = graph.constant([0.3], Shape::SCALAR);
    let x = solve_equations(&mut graph, &logarithm(), LIMITS, guess, theta);
    let program = Program::with_outputs(&graph, &[x]);
    let out = program.outputs(&[-1.0, 2.0], 2).remove(0);
    assert!(out[0].is_nan());
    assert_close("the other lane", out[1], 2.0_f64.ln(), 1e-14);
}
