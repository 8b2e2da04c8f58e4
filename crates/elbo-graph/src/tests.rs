//! Programs against finite differences, plates against whole values, lanes against single draws.

use elbo_math::random::{self, RngExt};
use elbo_testkit::assert_close;

use crate::{Function, Graph, Program, Shape, Subset};

/// Draws in lanes: `dimension × lanes`.
fn points(dimension: usize, lanes: usize, seed: u64) -> Vec<f64> {
    let mut rng = random::stream(seed, "graph/tests", 0);
    (0..dimension * lanes)
        .map(|_| rng.random_range(0.2..1.3))
        .collect()
}

fn evaluate(program: &Program, x: &[f64], lanes: usize) -> (Vec<f64>, Vec<f64>) {
    let (mut values, mut gradients) = (vec![0.0; lanes], vec![0.0; x.len()]);
    program.log_densities_and_gradients(x, lanes, None, &mut values, &mut gradients);
    (values, gradients)
}

/// Gradients against central differences, Hessian–vector products against differences of
/// gradients, every lane count against single draws.
pub(crate) fn check(graph: &Graph) {
    let program = Program::new(graph);
    let dimension = program.dimension();
    let x = points(dimension, 16, 1);
    let direction = points(dimension, 16, 2);
    let (values, gradients) = evaluate(&program, &x, 16);
    let mut alone = vec![0.0; 16];
    program.log_densities(&x, 16, &mut alone);
    assert_eq!(alone, values, "values with and without gradients");
    let mut products = vec![0.0; x.len()];
    program.hessian_vector_products(&x, &direction, 16, &mut products);
    // Central differences with this step err by h² f‴ and ε f / h, about 1e-9 of the size.
    let h = 1e-5;
    let moved =
        |by: f64| -> Vec<f64> { x.iter().zip(&direction).map(|(x, d)| x + by * d).collect() };
    let (up, up_gradient) = evaluate(&program, &moved(h), 16);
    let (down, down_gradient) = evaluate(&program, &moved(-h), 16);
    for l in 0..16 {
        let slope: f64 = (0..dimension)
            .map(|i| gradients[i * 16 + l] * direction[i * 16 + l])
            .sum();
        let numeric = (up[l] - down[l]) / (2.0 * h);
        assert_close(
            "directional derivative",
            slope,
            numeric,
            1e-7 * values[l].abs().max(1.0),
        );
    }
    let size = gradients.iter().fold(1.0_f64, |a, g| a.max(g.abs()));
    for i in 0..x.len() {
        let numeric = (up_gradient[i] - down_gradient[i]) / (2.0 * h);
        assert_close("Hessian–vector product", products[i], numeric, 1e-7 * size);
    }
    for lanes in [1, 2, 4, 8] {
        let x: Vec<f64> = x.chunks(16).flat_map(|c| c[..lanes].to_vec()).collect();
        let (v, g) = evaluate(&program, &x, lanes);
        for l in 0..lanes {
            assert_close("value", v[l], values[l], 1e-12);
            for i in 0..dimension {
                assert_close(
                    "gradient",
                    g[i * lanes + l],
                    gradients[i * 16 + l],
                    1e-11 * size,
                );
            }
        }
    }
    one_coordinate_at_a_time(&program, &x, &gradients);
}

fn one_coordinate_at_a_time(program: &Program, x: &[f64], gradients: &[f64]) {
    let h = 1e-5;
    for i in 0..program.dimension() {
        let mut moved = x.to_vec();
        moved[i * 16..(i + 1) * 16].iter_mut().for_each(|v| *v += h);
        let (up, _) = evaluate(program, &moved, 16);
        moved[i * 16..(i + 1) * 16]
            .iter_mut()
            .for_each(|v| *v -= 2.0 * h);
        let (down, _) = evaluate(program, &moved, 16);
        for l in 0..16 {
            let numeric = (up[l] - down[l]) / (2.0 * h);
            let tolerance = 1e-7 * up[l].abs().max(1.0);
            assert_close("derivative", gradients[i * 16 + l], numeric, tolerance);
        }
    }
}

#[test]
fn repeated_arguments_collect_their_adjoints() {
    let mut graph = Graph::new();
    let scalar = graph.parameter(Shape::SCALAR);
    let row = graph.parameter(Shape::matrix(1, 3));
    let column = graph.parameter(Shape::vector(5));
    let full = graph.parameter(Shape::matrix(5, 3));
    let data = graph.constant([0.3, -0.2, 0.9], Shape::matrix(1, 3));
    let a = graph.pointwise(Function::Multiply, &[row, column]);
    let b = graph.pointwise(Function::Add, &[a, scalar]);
    let c = graph.pointwise(Function::Multiply, &[b, full]);
    let d = graph.pointwise(Function::Multiply, &[c, data]);
    let e = graph.pointwise(Function::Exp, &[d]);
    graph.add_to_log_density(e);
    check(&graph);
}

#[test]
fn structural_operations_pass_adjoints_back() {
    let mut graph = Graph::new();
    let a = graph.parameter(Shape::matrix(4, 3));
    let b = graph.parameter(Shape::matrix(3, 2));
    let known = graph.constant(
        (0..15).map(|i| f64::from(i) / 7.0).collect::<Vec<_>>(),
        Shape::matrix(5, 3),
    );
    let known_b = graph.constant([0.3, 0.1, -0.4, 0.8, 0.2, 0.5], Shape::matrix(3, 2));
    let products = [
        graph.matmul(a, b),
        graph.matmul(known, b),
        graph.matmul(a, known_b),
    ];
    let stacked = graph.rows(&products);
    let picked = graph.gather(stacked, [3u32, 0, 0, 12]);
    let beside = graph.columns(&[picked, a]);
    let scattered = graph.elements(beside, [0u32, 7, 7, 19, 2, 3], Shape::matrix(2, 3));
    for node in [beside, scattered] {
        let square = graph.pointwise(Function::Square, &[node]);
        let each = graph.row_log_sum_exp(square);
        let sums = graph.row_sum(square);
        let root = graph.pointwise(Function::Sqrt, &[sums]);
        let total = graph.sum(root);
        let log = graph.pointwise(Function::Log, &[total]);
        graph.add_to_log_density(each);
        graph.add_to_log_density(log);
    }
    check(&graph);
}

/// A regression with group effects and a mixture over rows: gathers, products, data by row, rows of
/// parameters.
fn regression(n: usize, whole: bool) -> Graph {
    let mut rng = random::stream(3, "graph/tests", 1);
    let mut graph = Graph::new();
    let beta = graph.parameter(Shape::vector(3));
    let group = graph.parameter(Shape::vector(7));
    let scale = graph.parameter(Shape::SCALAR);
    let latent = graph.parameter(Shape::vector(n));
    let x: Vec<f64> = (0..3 * n).map(|_| rng.random_range(-1.0..1.0)).collect();
    let x = graph.constant(x, Shape::matrix(n, 3));
    let y: Vec<f64> = (0..n).map(|_| rng.random_range(-1.0..1.0)).collect();
    let y = graph.constant(y, Shape::vector(n));
    let index: Vec<u32> = (0..n).map(|_| rng.random_range(0..7)).collect();
    let effect = graph.gather(group, index);
    let linear = graph.matmul(x, beta);
    let mean = graph.pointwise(Function::Add, &[linear, effect]);
    let mean = graph.pointwise(Function::Add, &[mean, latent]);
    let residual = graph.pointwise(Function::Subtract, &[mean, y]);
    let ratio = graph.pointwise(Function::Divide, &[residual, scale]);
    let square = graph.pointwise(Function::Square, &[ratio]);
    // A function that a plate keeps the derivative of, of rows and of what every row reads.
    let soft = graph.pointwise(Function::Log1pExp, &[mean]);
    let both = graph.columns(&[square, residual, soft]);
    let mixed = graph.row_log_sum_exp(both);
    let known = graph.pointwise(Function::Exp, &[y]);
    if whole {
        // A use that asks for every row keeps the values out of a plate.
        let everything = graph.sum(mixed);
        let twice = graph.pointwise(Function::Multiply, &[everything, everything]);
        let zero = graph.pointwise(Function::Subtract, &[twice, twice]);
        graph.add_to_log_density(zero);
    }
    graph.add_to_log_density(mixed);
    graph.add_to_log_density(known);
    graph
}

#[test]
fn plates_have_the_derivatives_of_their_values() {
    let graph = regression(100, false);
    let program = Program::new(&graph);
    assert_eq!(program.plates().len(), 1);
    assert_eq!(program.plates()[0].n_rows, 100);
    // x, y and exp(y), and one position.
    assert_eq!(program.plates()[0].data_bytes_per_row, 8 * 5 + 4);
    check(&graph);
}

#[test]
fn a_plate_gives_what_its_rows_give_as_whole_values() {
    // Several chunks, and a last block that is not full.
    let n = 5003;
    let (fused, whole) = (
        Program::new(&regression(n, false)),
        Program::new(&regression(n, true)),
    );
    assert_eq!((fused.plates().len(), whole.plates().len()), (1, 0));
    let x = points(fused.dimension(), 16, 5);
    let ((a, da), (b, db)) = (evaluate(&fused, &x, 16), evaluate(&whole, &x, 16));
    let size = db.iter().fold(1.0_f64, |a, g| a.max(g.abs()));
    for (a, b) in a.iter().zip(&b) {
        assert_close("value", *a, *b, 1e-12);
    }
    for (a, b) in da.iter().zip(&db) {
        assert_close("gradient", *a, *b, 1e-12 * size);
    }
}

#[test]
fn threads_do_not_change_bits() {
    let program = Program::new(&regression(9001, false));
    let x = points(program.dimension(), 16, 6);
    let one = elbo_math::parallel::with_threads(1, || evaluate(&program, &x, 16));
    for threads in [2, 7] {
        let more = elbo_math::parallel::with_threads(threads, || evaluate(&program, &x, 16));
        assert!(one == more, "{threads} threads");
    }
}

/// The rows of a partition add up to the whole: a subset's gradient times n/|ℬ| is unbiased, exactly.
#[test]
fn subsets_of_a_plate_average_to_the_whole() {
    let n = 2000;
    let program = Program::new(&regression(n, false));
    let x = points(program.dimension(), 4, 7);
    let (whole, whole_gradient) = evaluate(&program, &x, 4);
    let (mut mean, mut mean_gradient) = (vec![0.0; 4], vec![0.0; x.len()]);
    let parts = 5;
    for part in 0..parts {
        let rows: Vec<usize> = (0..n).rev().filter(|r| (r * 7) % parts == part).collect();
        let subset = Subset {
            plate: 0,
            rows: &rows,
            scale: n as f64 / rows.len() as f64,
        };
        let (mut values, mut gradient) = (vec![0.0; 4], vec![0.0; x.len()]);
        program.log_densities_and_gradients(&x, 4, Some(subset), &mut values, &mut gradient);
        let add = |to: &mut [f64], from: &[f64]| {
            for (t, f) in to.iter_mut().zip(from) {
                *t += f / parts as f64;
            }
        };
        add(&mut mean, &values);
        add(&mut mean_gradient, &gradient);
    }
    for (a, b) in mean.iter().zip(&whole) {
        assert_close("value", *a, *b, 1e-12);
    }
    let size = whole_gradient.iter().fold(1.0_f64, |a, g| a.max(g.abs()));
    for (a, b) in mean_gradient.iter().zip(&whole_gradient) {
        assert_close("gradient", *a, *b, 1e-12 * size);
    }
}

#[test]
fn what_is_known_is_computed_when_the_graph_is_built() {
    let mut graph = Graph::new();
    let a = graph.constant([1.0, 2.0, 3.0, 4.0], Shape::matrix(2, 2));
    let b = graph.matmul(a, a);
    let c = graph.row_sum(b);
    let d = graph.sum(c);
    assert_eq!(
        graph.known(b).map(AsRef::as_ref),
        Some(&[7.0, 10.0, 15.0, 22.0][..])
    );
    assert_eq!(graph.known(d).map(AsRef::as_ref), Some(&[54.0][..]));
    graph.add_to_log_density(d);
    let (values, _) = evaluate(&Program::new(&graph), &[], 2);
    assert_eq!(values, [54.0, 54.0]);
}

#[test]
fn outputs_are_read_lane_by_lane() {
    let mut graph = Graph::new();
    let x = graph.parameter(Shape::vector(2));
    let e = graph.pointwise(Function::Exp, &[x]);
    let known = graph.constant([5.0], Shape::SCALAR);
    let program = Program::with_outputs(&graph, &[e, known]);
    let out = program.outputs(&[0.0, 1.0, 2.0, 3.0], 2);
    assert_close("exp", out[0][3], 3.0_f64.exp(), 1e-15);
    assert_eq!(out[1], [5.0, 5.0]);
}

/// `Σ_r f(x_r β + z_g(r) + w_h(r))` over enough rows for a plate, as one sum in place, or, where the
/// parts are read a second time by a term of weight 0, as separate values.
fn linear_predictor(order: [usize; 3], apart: bool) -> Program {
    let rows = 70_i32;
    let mut graph = Graph::new();
    let slopes = graph.parameter(Shape::vector(3));
    let (z, w) = (
        graph.parameter(Shape::vector(4)),
        graph.parameter(Shape::vector(5)),
    );
    let x: Vec<f64> = (0..3 * rows).map(|i| (f64::from(i)).sin()).collect();
    let x = graph.constant(x, Shape::matrix(70, 3));
    let by = |n: u32| -> Vec<u32> { (0..70).map(|r: u32| (r * r) % n).collect() };
    let mut parts = [None; 3];
    for which in order {
        parts[which] = Some(match which {
            0 => graph.matmul(x, slopes),
            1 => graph.gather(z, by(4)),
            _ => graph.gather(w, by(5)),
        });
    }
    let parts = parts.map(|p| p.expect("each part once"));
    let two = graph.pointwise(Function::Add, &[parts[1], parts[0]]);
    let sum = graph.pointwise(Function::Add, &[two, parts[2]]);
    let term = graph.pointwise(Function::LogInvLogit, &[sum]);
    graph.add_to_log_density(term);
    let root = graph.pointwise(Function::Square, &[sum]);
    graph.add_to_log_density(root);
    if apart {
        let zero = graph.constant([0.0], Shape::SCALAR);
        for part in parts {
            let nothing = graph.pointwise(Function::Multiply, &[part, zero]);
            graph.add_to_log_density(nothing);
        }
    } else {
        check(&graph);
    }
    Program::new(&graph)
}

#[test]
fn sums_in_place_are_sums() {
    for order in [[0, 1, 2], [2, 0, 1], [1, 2, 0]] {
        let (joined, apart) = (
            linear_predictor(order, false),
            linear_predictor(order, true),
        );
        let instructions = joined.plates()[0].n_instructions;
        assert_eq!(instructions, 5, "the two additions need no instruction");
        let x = points(joined.dimension(), 4, 3);
        let rows: Vec<usize> = (0..70).step_by(3).collect();
        let subset = Subset {
            plate: 0,
            rows: &rows,
            scale: 2.5,
        };
        for subset in [None, Some(subset)] {
            let run = |program: &Program| {
                let (mut values, mut gradients) = (vec![0.0; 4], vec![0.0; x.len()]);
                program.log_densities_and_gradients(&x, 4, subset, &mut values, &mut gradients);
                [values, gradients].concat()
            };
            for (a, b) in run(&joined).into_iter().zip(run(&apart)) {
                // Sums of 70 numbers of size 1 in another order.
                assert_close("in place", a, b, 1e-11);
            }
        }
    }
}
