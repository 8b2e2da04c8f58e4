//! Identities, SciPy's exponentials, and derivatives against differences.

use std::sync::Arc;

use elbo_testkit::assert_close;

use super::*;
use crate::algebra::{self, transpose};
use crate::{Function, Graph, NodeId, Program, Shape};

fn add_mixed(graph: &mut Graph, node: NodeId) {
    let shape = graph.shape(node);
    let weights: Vec<f64> = (0..shape.len()).map(|e| (e as f64 + 1.0).cos()).collect();
    let weights = graph.constant(weights, shape);
    let weighted = graph.pointwise(Function::Multiply, &[weights, node]);
    let square = graph.pointwise(Function::Square, &[node]);
    for part in [weighted, square] {
        graph.add_to_log_density(part);
    }
}

fn points(n: usize) -> Vec<f64> {
    // Squares: sines of a line make matrices of rank two.
    (0..n).map(|k| ((k * k) as f64 * 1.7 + 0.3).sin()).collect()
}

#[test]
fn inverses_and_determinants() {
    for n in [1, 2, 5] {
        let mut graph = Graph::new();
        let a = graph.parameter(Shape::matrix(n, n));
        let inverse = algebra::inverse(&mut graph, a);
        let one = graph.matmul(a, inverse);
        let det = algebra::determinant(&mut graph, a);
        let other = algebra::determinant(&mut graph, inverse);
        let product = graph.pointwise(Function::Multiply, &[det, other]);
        let program = Program::with_outputs(&graph, &[one, product, det]);
        let out = program.outputs(&points(2 * n * n), 2);
        for e in 0..2 * n * n {
            let expected = f64::from((e / 2).is_multiple_of(n + 1));
            assert_close("A A⁻¹", out[0][e], expected, 1e-12);
        }
        assert_close("determinants", out[1][1], 1.0, 1e-12);
        if n == 2 {
            let x = points(8);
            let expected = x[0] * x[6] - x[2] * x[4];
            assert_close("determinant", out[2][0], expected, 1e-14);
        }
        // A matrix far from singular, for differences.
        let mut graph = Graph::new();
        let a = graph.parameter(Shape::matrix(n, n));
        let ridge: Vec<f64> = (0..n * n)
            .map(|e| {
                if e.is_multiple_of(n + 1) {
                    -2.0 * n as f64
                } else {
                    0.0
                }
            })
            .collect();
        let ridge = graph.constant(ridge, Shape::matrix(n, n));
        let a = graph.pointwise(Function::Add, &[a, ridge]);
        let inverse = algebra::inverse(&mut graph, a);
        let log_det = algebra::log_determinant(&mut graph, a);
        add_mixed(&mut graph, inverse);
        graph.add_to_log_density(log_det);
        crate::tests::check(&graph);
    }
}

#[test]
fn eigenvectors_give_the_matrix_back() {
    for n in [1, 2, 3, 6] {
        let mut graph = Graph::new();
        let x = graph.parameter(Shape::matrix(n, n));
        let transposed = transpose(&mut graph, x);
        let a = graph.pointwise(Function::Add, &[x, transposed]);
        let values = algebra::eigenvalues_sym(&mut graph, a);
        let vectors = algebra::eigenvectors_sym(&mut graph, a);
        let scaled = algebra::diag_post_multiply(&mut graph, vectors, values);
        let rows = transpose(&mut graph, vectors);
        let back = graph.matmul(scaled, rows);
        let program = Program::with_outputs(&graph, &[a, back, values]);
        let out = program.outputs(&points(2 * n * n), 2);
        for (a, b) in out[0].iter().zip(&out[1]) {
            assert_close("A", *a, *b, 1e-14 * (n * n) as f64);
        }
        assert!((2..2 * n).all(|e| out[2][e] >= out[2][e - 2]), "ascending");
        // Values apart, for differences.
        let mut graph = Graph::new();
        let x = graph.parameter(Shape::matrix(n, n));
        let apart: Vec<f64> = (0..n * n)
            .map(|e| {
                if e.is_multiple_of(n + 1) {
                    3.0 * e as f64
                } else {
                    0.0
                }
            })
            .collect();
        let apart = graph.constant(apart, Shape::matrix(n, n));
        let a = graph.pointwise(Function::Add, &[x, apart]);
        let values = algebra::eigenvalues_sym(&mut graph, a);
        let vectors = algebra::eigenvectors_sym(&mut graph, a);
        add_mixed(&mut graph, values);
        add_mixed(&mut graph, vectors);
        crate::tests::check(&graph);
    }
}

#[test]
fn exponentials_are_scipys() {
    // scipy.linalg.expm([[0.3, -1.2, 0.5], [2.0, 0.1, -0.4], [9.0, -7.0, 1.5]])
    let a = [0.3, -1.2, 0.5, 2.0, 0.1, -0.4, 9.0, -7.0, 1.5];
    let expected = [
        4.966276993460969,
        -9.090566330779541,
        3.3654620060074807,
        0.8391436286281391,
        1.757029571159732,
        -0.471259119845862,
        26.22999549372401,
        -51.18243536531588,
        19.184816984872484,
    ];
    let mut graph = Graph::new();
    let a = graph.constant(a, Shape::matrix(3, 3));
    let e = algebra::matrix_exp(&mut graph, a);
    for (a, b) in graph.known(e).expect("all is known").iter().zip(expected) {
        assert_close("exponential", *a, b, 1e-13 * b.abs());
    }
    // Nothing, and a matrix whose squares vanish.
    let zero = graph.constant([0.0, 3.0, 0.0, 0.0], Shape::matrix(2, 2));
    let e = algebra::matrix_exp(&mut graph, zero);
    assert_eq!(
        graph.known(e).map(AsRef::as_ref),
        Some(&[1.0, 3.0, 0.0, 1.0][..])
    );
}

#[test]
fn exponentials_have_derivatives() {
    // Without squarings, and with some.
    for scale in [0.5, 4.0] {
        let mut graph = Graph::new();
        let a = graph.parameter(Shape::matrix(3, 3));
        let scale = graph.constant([-scale], Shape::SCALAR);
        let a = graph.pointwise(Function::Multiply, &[a, scale]);
        let block = Arc::new(MatrixExponential { n: 3 });
        let e = graph.block(block, &[a]);
        add_mixed(&mut graph, e);
        crate::tests::check(&graph);
    }
}
