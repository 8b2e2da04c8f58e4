//! Decompositions against identities and NumPy, and their derivatives against differences.

use elbo_testkit::{assert_all_close, assert_close};

use super::*;
use crate::algebra::{rank, sort_asc, sort_desc, sort_indices_asc, sort_indices_desc};
use crate::tests::check;
use crate::{Program, Shape};

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

/// A matrix whose singular values are well apart: parameters beside a growing diagonal.
fn apart(graph: &mut Graph, shape: Shape) -> NodeId {
    let x = graph.parameter(shape);
    let diagonal: Vec<f64> = (0..shape.len())
        .map(|e| {
            if e / shape.cols == e % shape.cols {
                3.0 * (e / shape.cols) as f64 - 4.0
            } else {
                0.0
            }
        })
        .collect();
    let diagonal = graph.constant(diagonal, shape);
    graph.pointwise(Function::Add, &[x, diagonal])
}

fn points(n: usize) -> Vec<f64> {
    (0..n).map(|k| ((k * k) as f64 * 1.7 + 0.3).sin()).collect()
}

const SHAPES: [Shape; 5] = [
    Shape::matrix(1, 1),
    Shape::matrix(3, 3),
    Shape::matrix(5, 3),
    Shape::matrix(2, 4),
    Shape::matrix(3, 1),
];

fn assert_orthogonal(values: &[f64], n: usize) {
    for i in 0..n {
        for j in 0..n {
            let columns = values.chunks_exact(n).map(|row| row[i] * row[j]);
            let expected = f64::from(u8::from(i == j));
            assert_close("QᵀQ", columns.sum::<f64>(), expected, 1e-14);
        }
    }
}

#[test]
fn singular_values_give_the_matrix_back() {
    for shape in SHAPES {
        let k = shape.rows.min(shape.cols);
        let mut graph = Graph::new();
        let a = graph.parameter(shape);
        let [s, u, v] = [singular_values, svd_u, svd_v].map(|f| f(&mut graph, a));
        let scaled = crate::algebra::diag_post_multiply(&mut graph, u, s);
        let rows = transpose(&mut graph, v);
        let back = graph.matmul(scaled, rows);
        let program = Program::report(&graph, &[a, back, s, u, v]);
        let out = program.outputs(&points(program.dimension()), 1);
        assert_all_close("A", &out[1], &out[0], 1e-14);
        assert!(out[2].is_sorted_by(|a, b| a >= b), "descending");
        assert_orthogonal(&out[3], k);
        assert_orthogonal(&out[4], k);
    }
    // numpy.linalg.svd(a, compute_uv=False)
    let mut graph = Graph::new();
    let a = graph.constant([1.4, 2.3, 1.7, 0.3, -0.2, 0.8], Shape::matrix(3, 2));
    let s = singular_values(&mut graph, a);
    let expected = [3.011549912239513, 1.3566750259698084];
    assert_all_close("values", graph.known(s).expect("known"), &expected, 1e-14);
}

#[test]
fn singular_values_and_vectors_have_derivatives() {
    for shape in SHAPES {
        let mut graph = Graph::new();
        let a = apart(&mut graph, shape);
        for part in [singular_values, svd_u, svd_v] {
            let node = part(&mut graph, a);
            add_mixed(&mut graph, node);
        }
        check(&graph);
    }
}

#[test]
fn orthogonal_and_triangular_factors_give_the_matrix_back() {
    for shape in SHAPES {
        let mut graph = Graph::new();
        let a = graph.parameter(shape);
        let (q, r) = qr(&mut graph, a);
        assert_eq!(graph.shape(q), Shape::matrix(shape.rows, shape.rows));
        let back = graph.matmul(q, r);
        let mut outputs = vec![a, back, q, r];
        if shape.rows >= shape.cols {
            let (q, r) = qr_thin(&mut graph, a);
            assert_eq!(graph.shape(r), Shape::matrix(shape.cols, shape.cols));
            outputs.extend([graph.matmul(q, r), q, r]);
        }
        let program = Program::report(&graph, &outputs);
        let out = program.outputs(&points(program.dimension()), 1);
        assert_all_close("A", &out[1], &out[0], 1e-14);
        assert_orthogonal(&out[2], shape.rows);
        for (e, x) in out[3].iter().enumerate() {
            let (i, j) = (e / shape.cols, e % shape.cols);
            assert!(if i == j { *x > 0.0 } else { i < j || *x == 0.0 }, "R: {x}");
        }
        if let Some(thin) = out.get(4) {
            assert_all_close("A", thin, &out[0], 1e-14);
            assert_orthogonal(&out[5], shape.cols);
            assert_all_close("R", &out[6], &out[3][..out[6].len()], 1e-14);
        }
    }
}

#[test]
fn orthogonal_and_triangular_factors_have_derivatives() {
    for shape in SHAPES {
        let mut graph = Graph::new();
        let a = apart(&mut graph, shape);
        let (q, r) = qr(&mut graph, a);
        add_mixed(&mut graph, q);
        add_mixed(&mut graph, r);
        check(&graph);
    }
}

#[test]
fn generalized_inverses_are_numpys() {
    // numpy.linalg.pinv(a)
    let expected = [
        0.012999538726045324,
        0.5489160062062313,
        -0.24321717616471675,
        0.3743507718850529,
        -0.27568607012562224,
        0.2771238071275813,
    ];
    let mut graph = Graph::new();
    let a = graph.constant([1.4, 2.3, 1.7, 0.3, -0.2, 0.8], Shape::matrix(3, 2));
    let inverse = generalized_inverse(&mut graph, a);
    assert_all_close("A⁺", graph.known(inverse).expect("known"), &expected, 1e-14);
    let transposed = transpose(&mut graph, a);
    let of_transposed = generalized_inverse(&mut graph, transposed);
    let back = transpose(&mut graph, of_transposed);
    assert_all_close("A⁺", graph.known(back).expect("known"), &expected, 1e-14);
    for shape in SHAPES {
        let mut graph = Graph::new();
        let a = apart(&mut graph, shape);
        let inverse = generalized_inverse(&mut graph, a);
        add_mixed(&mut graph, inverse);
        check(&graph);
    }
}

#[test]
fn sorting_permutes_and_has_derivatives() {
    let mut graph = Graph::new();
    let x = graph.parameter(Shape::vector(5));
    let functions = [sort_asc, sort_desc, sort_indices_asc, sort_indices_desc];
    let mut outputs: Vec<NodeId> = functions.iter().map(|f| f(&mut graph, x)).collect();
    outputs.push(rank(&mut graph, x, 3));
    let out = Program::report(&graph, &outputs).outputs(&[0.5, -1.0, 2.0, 0.5, 0.1], 1);
    assert_eq!(out[0], [-1.0, 0.1, 0.5, 0.5, 2.0]);
    assert_eq!(out[1], [2.0, 0.5, 0.5, 0.1, -1.0]);
    assert_eq!(out[2], [2.0, 5.0, 1.0, 4.0, 3.0]);
    assert_eq!(out[3], [3.0, 1.0, 4.0, 5.0, 2.0]);
    assert_eq!(out[4], [2.0]);
    for sorted in &outputs[..2] {
        add_mixed(&mut graph, *sorted);
    }
    check(&graph);
}

#[test]
fn products_and_powers_of_matrices_are_what_they_are_made_of() {
    use crate::algebra::*;
    let mut graph = Graph::new();
    let a = graph.parameter(Shape::matrix(3, 3));
    let b = graph.parameter(Shape::matrix(3, 3));
    let five = matrix_power(&mut graph, a, 5);
    let mut product = matrix_power(&mut graph, a, 0);
    for _ in 0..5 {
        product = graph.matmul(product, a);
    }
    let right = mdivide_right(&mut graph, b, a);
    let back = graph.matmul(right, a);
    let symmetric = symmetrize_from_lower_tri(&mut graph, a);
    let other = transpose(&mut graph, symmetric);
    let spd = crossprod(&mut graph, b);
    let by_spd = mdivide_right_spd(&mut graph, a, spd);
    let again = graph.matmul(by_spd, spd);
    let minus = graph.pointwise(Function::Negate, &[a]);
    let moved = matrix_exp_multiply(&mut graph, a, b);
    let returned = matrix_exp_multiply(&mut graph, minus, moved);
    let one = matrix_power(&mut graph, a, 0);
    let form = trace_gen_quad_form(&mut graph, one, a, b);
    let plain = trace_quad_form(&mut graph, a, b);
    let pairs = [
        (five, product),
        (back, b),
        (symmetric, other),
        (again, a),
        (returned, b),
        (form, plain),
    ];
    for (left, right) in pairs {
        let program = Program::report(&graph, &[left, right]);
        let out = program.outputs(&points(program.dimension()), 1);
        // Conditions are below a thousand.
        assert_all_close("both ways", &out[0], &out[1], 1e-12);
    }
    add_mixed(&mut graph, five);
    check(&graph);
}
