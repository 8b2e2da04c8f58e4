//! Condensed densities against the same ones row by row, as a mini-batch of all rows computes them.

use elbo_math::random::{self, RngExt};
use elbo_testkit::assert_close;

use crate::tests::check;
use crate::{Function, Graph, NodeId, Program, Shape, Subset};

const N: usize = 120;

fn numbers(n: usize, seed: u64) -> Vec<f64> {
    let mut rng = random::stream(seed, "graph/condense", 0);
    (0..n).map(|_| rng.random_range(-1.0..1.0)).collect()
}

/// `n` positions below `most`, each of which occurs.
fn positions(n: usize, most: u32) -> Vec<u32> {
    (0..most).cycle().take(n).collect()
}

fn known(graph: &mut Graph, seed: u64) -> NodeId {
    graph.constant(numbers(N, seed), Shape::vector(N))
}

fn apply(graph: &mut Graph, function: Function, args: &[NodeId]) -> NodeId {
    graph.pointwise(function, args)
}

/// Adds a density, and checks that `N` rows become `rows` without changing it.
fn condenses(graph: &mut Graph, name: &str, args: &[NodeId], rows: usize) {
    let term = graph.log_density(name, args).expect("arguments fit");
    graph.add_to_log_density(term);
    check(graph);
    let program = Program::new(graph);
    let [condensed] = program.summary().condensed.as_slice() else {
        panic!("{name} is not condensed");
    };
    assert_eq!(
        (condensed.n_rows, condensed.n_computed),
        (N, rows),
        "{name}"
    );
    agrees_with_rows(&program);
}

/// Checks the density against the one of a mini-batch of all rows.
fn agrees_with_rows(program: &Program) {
    let dimension = program.dimension();
    let point = numbers(dimension, 7);
    let all: Vec<usize> = (0..N).collect();
    let by_row = Subset {
        plate: program.plates().len() - 1,
        rows: &all,
        scale: 1.0,
    };
    let evaluate = |subset| {
        let (mut value, mut gradient) = ([0.0], vec![0.0; dimension]);
        program.log_densities_and_gradients(&point, 1, subset, &mut value, &mut gradient);
        (value[0], gradient)
    };
    let (value, gradient) = evaluate(None);
    let (expected, expected_gradient) = evaluate(Some(by_row));
    // A few hundred roundings of numbers of that size.
    let size = expected_gradient
        .iter()
        .fold(expected.abs(), |a, g| a.max(g.abs()));
    assert_close("value", value, expected, 1e-13 * size);
    for (a, b) in gradient.iter().zip(&expected_gradient) {
        assert_close("derivative", *a, *b, 1e-13 * size);
    }
}

#[test]
fn a_regression_needs_a_row_per_coefficient_and_one() {
    let mut graph = Graph::new();
    let (intercept, slopes) = (
        graph.parameter(Shape::SCALAR),
        graph.parameter(Shape::vector(3)),
    );
    let log_scale = graph.parameter(Shape::SCALAR);
    let scale = apply(&mut graph, Function::Exp, &[log_scale]);
    let design = graph.constant(numbers(3 * N, 1), Shape::matrix(N, 3));
    let y = known(&mut graph, 2);
    condenses(
        &mut graph,
        "normal_id_glm",
        &[y, design, intercept, slopes, scale],
        5,
    );
}

#[test]
fn predictors_may_be_written_in_any_way() {
    let mut graph = Graph::new();
    let all = graph.parameter(Shape::vector(3));
    let [a, b, c] = [0, 1, 2].map(|i| graph.elements(all, [i], Shape::SCALAR));
    let (x, z, y) = (
        known(&mut graph, 1),
        known(&mut graph, 2),
        known(&mut graph, 3),
    );
    // a (b + c x) + (c + x)/z − y: the products a b and a c are unknown numbers too.
    let line = apply(&mut graph, Function::MultiplyAdd, &[c, x, b]);
    let line = apply(&mut graph, Function::Multiply, &[a, line]);
    let ratio = apply(&mut graph, Function::Add, &[c, x]);
    let ratio = apply(&mut graph, Function::Divide, &[ratio, z]);
    let sides = graph.columns(&[line, ratio]);
    let mean = graph.row_sum(sides);
    let mean = apply(&mut graph, Function::Negate, &[mean]);
    let scale = graph.constant([0.7], Shape::SCALAR);
    condenses(&mut graph, "normal", &[y, mean, scale], 4);
}

#[test]
fn sums_of_parts_that_were_put_together_are_regressions_too() {
    let mut graph = Graph::new();
    let (intercept, slopes) = (
        graph.parameter(Shape::SCALAR),
        graph.parameter(Shape::vector(2)),
    );
    // As a loop over the columns adds up: a + b₁ x + b₂ z, each row's terms side by side.
    let copies = graph.gather(slopes, positions(2 * N, 2));
    let x = graph.constant(numbers(2 * N, 1), Shape::vector(2 * N));
    let products = apply(&mut graph, Function::Multiply, &[copies, x]);
    let intercepts = graph.gather(intercept, vec![0; N]);
    let all = graph.rows(&[products, intercepts]);
    let order = (0..120_u32).flat_map(|row| [2 * row, 240 + row, 2 * row + 1]);
    let terms = graph.elements(all, order.collect::<Vec<u32>>(), Shape::matrix(N, 3));
    let mean = graph.row_sum(terms);
    let y = known(&mut graph, 2);
    let scale = graph.constant([0.7], Shape::SCALAR);
    condenses(&mut graph, "normal", &[y, mean, scale], 4);
}

#[test]
fn groups_are_condensed_each() {
    let mut graph = Graph::new();
    let (effects, slope) = (
        graph.parameter(Shape::vector(6)),
        graph.parameter(Shape::SCALAR),
    );
    let scales = graph.parameter(Shape::vector(2));
    let (x, y) = (known(&mut graph, 1), known(&mut graph, 2));
    let effect = graph.gather(effects, positions(N, 6));
    let line = apply(&mut graph, Function::Multiply, &[x, slope]);
    let mean = apply(&mut graph, Function::Add, &[effect, line]);
    let scale = graph.gather(scales, positions(N, 2));
    let scale = apply(&mut graph, Function::Exp, &[scale]);
    // Six groups of 20 rows, each an intercept, a slope and, since scales differ, what is known.
    condenses(&mut graph, "normal", &[y, mean, scale], 18);
}

#[test]
fn what_is_not_linear_counts_by_its_distinct_values() {
    let mut graph = Graph::new();
    let (a, rate) = (
        graph.parameter(Shape::SCALAR),
        graph.parameter(Shape::SCALAR),
    );
    let times: Vec<f64> = positions(N, 4).into_iter().map(f64::from).collect();
    let times = graph.constant(times, Shape::vector(N));
    let decay = apply(&mut graph, Function::Multiply, &[rate, times]);
    let decay = apply(&mut graph, Function::Exp, &[decay]);
    let mean = apply(&mut graph, Function::Subtract, &[a, decay]);
    let positive: Vec<f64> = numbers(N, 3).into_iter().map(f64::exp).collect();
    let y = graph.constant(positive, Shape::vector(N));
    // Scales that are known rescale the rows. At each of four times the intercept and the decay are
    // multiples of each other; what is known is one row for all.
    let scales: Vec<f64> = numbers(N, 4).into_iter().map(|u| 1.5 + u).collect();
    let scale = graph.constant(scales, Shape::vector(N));
    condenses(&mut graph, "lognormal", &[y, mean, scale], 5);
}

#[test]
fn equal_rows_are_counted() {
    let mut graph = Graph::new();
    let (a, b) = (
        graph.parameter(Shape::SCALAR),
        graph.parameter(Shape::vector(3)),
    );
    let effect = graph.gather(b, positions(N, 3));
    let dose: Vec<f64> = positions(N, 2).into_iter().map(f64::from).collect();
    let dose = graph.constant(dose, Shape::vector(N));
    let logit = apply(&mut graph, Function::MultiplyAdd, &[a, dose, effect]);
    let y: Vec<f64> = positions(N, 4)
        .into_iter()
        .map(|i| f64::from(i / 2))
        .collect();
    let y = graph.constant(y, Shape::vector(N));
    // Three effects, two doses and two outcomes.
    condenses(&mut graph, "bernoulli_logit", &[y, logit], 12);
}

#[test]
fn equal_rows_are_seen_through_what_they_are_copied_from() {
    let mut graph = Graph::new();
    let log_a = graph.parameter(Shape::SCALAR);
    let a = apply(&mut graph, Function::InvLogit, &[log_a]);
    // Powers of a, put together from parts and then copied: rows depend on the exponent alone.
    let exponents: Vec<f64> = positions(N - 20, 5).into_iter().map(f64::from).collect();
    let exponents = graph.constant(exponents, Shape::vector(N - 20));
    let powers = apply(&mut graph, Function::Power, &[a, exponents]);
    let square = apply(&mut graph, Function::Square, &[a]);
    let squares = graph.gather(square, vec![0; 20]);
    let all = graph.rows(&[powers, squares]);
    let order: Vec<u32> = (0..120).rev().collect();
    let chance = graph.gather(all, order);
    let y = graph.constant(vec![1.0; N], Shape::vector(N));
    // Five powers, and squares.
    condenses(&mut graph, "bernoulli", &[y, chance], 6);
}

#[test]
fn what_many_rows_share_is_computed_once() {
    let mut graph = Graph::new();
    let (topics, words) = (
        graph.parameter(Shape::vector(4)),
        graph.parameter(Shape::vector(90)),
    );
    let [topic, word] = [(topics, 4), (words, 90)].map(|(source, most)| {
        let weight = graph.pointwise(Function::Exp, &[source]);
        let copies = graph.gather(weight, positions(2 * N, most));
        graph.pointwise(Function::Log1p, &[copies])
    });
    let sum = apply(&mut graph, Function::Add, &[topic, word]);
    let pairs = graph.elements(sum, (0..240).collect::<Vec<u32>>(), Shape::matrix(N, 2));
    let term = graph.row_log_sum_exp(pairs);
    graph.add_to_log_density(term);
    check(&graph);
    // No rows are equal, but logarithms are.
    let condensed = super::condense(&graph, &graph.terms).expect("fewer logarithms");
    let logarithms = condensed.graph.nodes[graph.nodes.len()..]
        .iter()
        .filter(|node| {
            matches!(
                node.op,
                crate::graph::Op::Pointwise {
                    function: Function::Log1p,
                    ..
                }
            )
        });
    let rows: Vec<usize> = logarithms.map(|node| node.shape.len()).collect();
    assert!(rows.contains(&4) && rows.contains(&90), "{rows:?}");
}

#[test]
fn rows_of_their_own_are_left_alone() {
    let mut graph = Graph::new();
    let x = graph.parameter(Shape::vector(N));
    let y = known(&mut graph, 1);
    let scale = graph.constant([1.0], Shape::SCALAR);
    let term = graph.log_density("normal", &[y, x, scale]).expect("fits");
    graph.add_to_log_density(term);
    assert!(Program::new(&graph).summary().condensed.is_empty());
}

#[test]
fn outcomes_are_signs_of_a_design_matrix() {
    let mut graph = Graph::new();
    let (alpha, beta) = (
        graph.parameter(Shape::SCALAR),
        graph.parameter(Shape::vector(3)),
    );
    let x = graph.constant(numbers(3 * N, 2), Shape::matrix(N, 3));
    let product = graph.matmul(x, beta);
    let offset = known(&mut graph, 3);
    let logit = apply(&mut graph, Function::Add, &[product, alpha]);
    let logit = apply(&mut graph, Function::Add, &[logit, offset]);
    let outcomes: Vec<f64> = numbers(N, 4)
        .into_iter()
        .map(|u| f64::from(u > 0.2))
        .collect();
    let y = graph.constant(outcomes, Shape::vector(N));
    let term = graph
        .log_density("bernoulli_logit", &[y, logit])
        .expect("fits");
    graph.add_to_log_density(term);
    check(&graph);
    let condensed = super::condense(&graph, &graph.terms).expect("one product");
    let term = &condensed.graph.nodes[condensed.terms[0].index()];
    let first = term.op.args()[0];
    assert_eq!(
        condensed.graph.known(first),
        Some(&[1.0].into()),
        "no signs are left"
    );
    agrees_with_rows(&Program::new(&graph));
}
