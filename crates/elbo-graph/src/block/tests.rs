//! Blocks against identities, and their derivatives against differences.

use std::sync::Arc;

use elbo_testkit::assert_close;

use super::*;
use crate::algebra::{self, transpose};
use crate::{Function, Graph, NodeId, Program};

/// A positive definite matrix of parameters: `X Xᵀ + n I / 4`.
fn positive_definite(graph: &mut Graph, n: usize) -> NodeId {
    let x = graph.parameter(Shape::matrix(n, n));
    let transposed = transpose(graph, x);
    let square = graph.matmul(x, transposed);
    let identity: Vec<f64> = (0..n * n)
        .map(|e| {
            if e % (n + 1) == 0 {
                n as f64 / 4.0
            } else {
                0.0
            }
        })
        .collect();
    let identity = graph.constant(identity, Shape::matrix(n, n));
    graph.pointwise(Function::Add, &[square, identity])
}

/// A sum of all entries with different weights, squared, so that no derivative is constant.
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
    (0..n).map(|k| (k as f64 * 1.7 + 0.3).sin()).collect()
}

#[test]
fn cholesky_factors_give_the_matrix_back() {
    for n in [1, 3, 4, 9, 21] {
        let mut graph = Graph::new();
        let a = positive_definite(&mut graph, n);
        let factor = graph.block(Arc::new(Cholesky { n }), &[a]);
        let transposed = transpose(&mut graph, factor);
        let back = graph.matmul(factor, transposed);
        let program = Program::with_outputs(&graph, &[a, back, factor]);
        let out = program.outputs(&points(n * n * 4), 4);
        for (a, b) in out[0].iter().zip(&out[1]) {
            // Backward stable: n ε of the largest entry, which is below 3 n.
            assert_close("entry", *a, *b, 1e-15 * (3 * n * n) as f64);
        }
        assert!((0..n * n).all(|e| e % n <= e / n || out[2][e * 4] == 0.0));
    }
}

#[test]
fn cholesky_has_the_derivatives_of_its_values() {
    for n in [1, 3, 4, 6, 9] {
        let mut graph = Graph::new();
        let a = positive_definite(&mut graph, n);
        let factor = graph.block(Arc::new(Cholesky { n }), &[a]);
        add_mixed(&mut graph, factor);
        crate::tests::check(&graph);
    }
}

#[test]
fn a_matrix_that_is_not_positive_definite_gives_nan_in_its_lane() {
    let mut graph = Graph::new();
    let x = graph.parameter(Shape::matrix(2, 2));
    let factor = graph.block(Arc::new(Cholesky { n: 2 }), &[x]);
    graph.add_to_log_density(factor);
    let program = Program::new(&graph);
    let mut values = [0.0; 2];
    program.log_densities(&[1.0, 1.0, 9.0, 9.0, 2.0, 0.0, 1.0, 1.0], 2, &mut values);
    assert!(values[0].is_nan());
    assert_eq!(values[1], 2.0);
}

#[test]
fn triangular_solutions_solve_and_have_derivatives() {
    for (n, rows) in [(1, 1), (3, 5), (5, 8), (4, 70)] {
        for transposed in [false, true] {
            let mut graph = Graph::new();
            let a = positive_definite(&mut graph, n);
            let factor = graph.block(Arc::new(Cholesky { n }), &[a]);
            let b = graph.parameter(Shape::matrix(rows, n));
            let x = graph.block(Arc::new(TriangularSolve { n, transposed }), &[factor, b]);
            // Rows: b = x Lᵀ, or x L.
            let times = if transposed {
                factor
            } else {
                transpose(&mut graph, factor)
            };
            let back = graph.matmul(x, times);
            let program = Program::with_outputs(&graph, &[b, back]);
            let out = program.outputs(&points(program.dimension() * 2), 2);
            for (a, b) in out[0].iter().zip(&out[1]) {
                assert_close("entry", *a, *b, 1e-13);
            }
            add_mixed(&mut graph, x);
            assert_eq!(Program::new(&graph).plates().len(), usize::from(rows >= 64));
            crate::tests::check(&graph);
        }
    }
}

#[test]
fn inverses_and_determinants_of_positive_definite_matrices() {
    let n = 5;
    let mut graph = Graph::new();
    let a = positive_definite(&mut graph, n);
    let b = graph.parameter(Shape::matrix(n, 3));
    let inverse = algebra::inverse_spd(&mut graph, a);
    let one = graph.matmul(a, inverse);
    let solved = algebra::mdivide_left_spd(&mut graph, a, b);
    let product = graph.matmul(inverse, b);
    let factor = algebra::cholesky_decompose(&mut graph, a);
    let right = transpose(&mut graph, b);
    let right = algebra::mdivide_right_tri_low(&mut graph, right, factor);
    let back = graph.matmul(right, factor);
    let back = transpose(&mut graph, back);
    let program = Program::with_outputs(&graph, &[one, solved, product, b, back]);
    let out = program.outputs(&points(program.dimension()), 1);
    for (e, x) in out[0].iter().enumerate() {
        assert_close("A A⁻¹", *x, f64::from(e % (n + 1) == 0), 1e-12);
    }
    for e in 0..3 * n {
        assert_close("A⁻¹ b", out[1][e], out[2][e], 1e-12);
        assert_close("b L⁻¹ L", out[4][e], out[3][e], 1e-12);
    }
    let log_det = algebra::log_determinant_spd(&mut graph, a);
    let form = algebra::quad_form(&mut graph, inverse, b);
    let trace = algebra::trace(&mut graph, form);
    let same = algebra::trace_quad_form(&mut graph, inverse, b);
    let ratio = graph.pointwise(Function::Divide, &[trace, same]);
    let d = graph.parameter(Shape::vector(n));
    let scaled = algebra::quad_form_diag(&mut graph, inverse, d);
    for node in [log_det, trace, ratio, solved, back, scaled] {
        add_mixed(&mut graph, node);
    }
    crate::tests::check(&graph);
}
