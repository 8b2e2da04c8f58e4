//! Linear algebra as functions on a graph: compositions of matrix products, blocks and copies.
//!
//! The one idea: few operations have an adjoint of their own (Cholesky, triangular solves, …); all
//! else is said in terms of those. Deliberately absent: checks of shapes beyond those of the
//! operations, which panic.

use std::sync::Arc;

use crate::block::{
    Cholesky, Inverse, LogAbsDeterminant, MatrixExponential, Sort, SortIndices, SymmetricEigen,
    TriangularSolve,
};
use crate::graph::{Graph, NodeId};
use crate::pointwise::Function;
use crate::shape::Shape;

/// `aᵀ`.
pub fn transpose(graph: &mut Graph, a: NodeId) -> NodeId {
    let Shape { rows, cols } = graph.shape(a);
    if rows == 1 || cols == 1 {
        return crate::transform::reshape(graph, a, Shape::matrix(cols, rows));
    }
    pick(graph, a, Shape::matrix(cols, rows), |i, j| (j, i))
}

/// The entries `from(i, j)` of `a` as a value of `shape`.
pub(crate) fn pick(
    graph: &mut Graph,
    a: NodeId,
    shape: Shape,
    from: impl Fn(usize, usize) -> (usize, usize),
) -> NodeId {
    let cols = graph.shape(a).cols;
    let index: Vec<u32> = (0..shape.len())
        .map(|e| {
            let (i, j) = from(e / shape.cols, e % shape.cols);
            u32::try_from(i * cols + j).expect("a value has below 2³² entries")
        })
        .collect();
    graph.elements(a, index, shape)
}

/// The diagonal, a vector.
pub fn diagonal(graph: &mut Graph, a: NodeId) -> NodeId {
    let Shape { rows, cols } = graph.shape(a);
    pick(graph, a, Shape::vector(rows.min(cols)), |i, _| (i, i))
}

/// The matrix with vector `d` on its diagonal and zeros elsewhere.
pub fn diag_matrix(graph: &mut Graph, d: NodeId) -> NodeId {
    let n = graph.shape(d).len();
    let zero = graph.constant([0.0], Shape::SCALAR);
    let column = crate::transform::reshape(graph, d, Shape::vector(n));
    let all = graph.rows(&[column, zero]);
    pick(graph, all, Shape::matrix(n, n), |i, j| {
        (if i == j { i } else { n }, 0)
    })
}

/// `diag(d) · a`.
pub fn diag_pre_multiply(graph: &mut Graph, d: NodeId, a: NodeId) -> NodeId {
    let n = graph.shape(d).len();
    let column = crate::transform::reshape(graph, d, Shape::vector(n));
    graph.pointwise(Function::Multiply, &[column, a])
}

/// `a · diag(d)`.
pub fn diag_post_multiply(graph: &mut Graph, a: NodeId, d: NodeId) -> NodeId {
    let n = graph.shape(d).len();
    let row = crate::transform::reshape(graph, d, Shape::matrix(1, n));
    graph.pointwise(Function::Multiply, &[a, row])
}

/// `a · aᵀ`.
pub fn tcrossprod(graph: &mut Graph, a: NodeId) -> NodeId {
    let transposed = transpose(graph, a);
    graph.matmul(a, transposed)
}

/// `aᵀ · a`.
pub fn crossprod(graph: &mut Graph, a: NodeId) -> NodeId {
    let transposed = transpose(graph, a);
    graph.matmul(transposed, a)
}

/// The sum of the diagonal.
pub fn trace(graph: &mut Graph, a: NodeId) -> NodeId {
    let d = diagonal(graph, a);
    graph.sum(d)
}

/// The lower-triangular `L` with `L Lᵀ = a`.
pub fn cholesky_decompose(graph: &mut Graph, a: NodeId) -> NodeId {
    let n = graph.shape(a).rows;
    graph.block(Arc::new(Cholesky { n }), &[a])
}

/// Each row `b` of `sides` replaced with the solution of `L x = b`, or of `Lᵀ x = b`.
pub(crate) fn solve_rows(
    graph: &mut Graph,
    factor: NodeId,
    sides: NodeId,
    transposed: bool,
) -> NodeId {
    let n = graph.shape(factor).rows;
    graph.block(
        Arc::new(TriangularSolve { n, transposed }),
        &[factor, sides],
    )
}

fn solve_columns(graph: &mut Graph, factor: NodeId, b: NodeId, transposed: bool) -> NodeId {
    let sides = transpose(graph, b);
    let rows = solve_rows(graph, factor, sides, transposed);
    transpose(graph, rows)
}

/// `L⁻¹ b` for a lower-triangular `L`.
pub fn mdivide_left_tri_low(graph: &mut Graph, factor: NodeId, b: NodeId) -> NodeId {
    solve_columns(graph, factor, b, false)
}

/// `b L⁻¹` for a lower-triangular `L`.
pub fn mdivide_right_tri_low(graph: &mut Graph, b: NodeId, factor: NodeId) -> NodeId {
    // Each row x of the result has xᵀ L = bᵀ.
    solve_rows(graph, factor, b, true)
}

/// `(L Lᵀ)⁻¹ b` from the factor.
pub fn cholesky_solve(graph: &mut Graph, factor: NodeId, b: NodeId) -> NodeId {
    let half = solve_columns(graph, factor, b, false);
    solve_columns(graph, factor, half, true)
}

/// `a⁻¹ b` for a symmetric positive definite `a`.
pub fn mdivide_left_spd(graph: &mut Graph, a: NodeId, b: NodeId) -> NodeId {
    let factor = cholesky_decompose(graph, a);
    cholesky_solve(graph, factor, b)
}

/// `(L Lᵀ)⁻¹` from the factor.
pub fn chol2inv(graph: &mut Graph, factor: NodeId) -> NodeId {
    let n = graph.shape(factor).rows;
    let ones = graph.constant(vec![1.0; n], Shape::vector(n));
    let identity = diag_matrix(graph, ones);
    // Rows of L⁻ᵀ.
    let half = solve_rows(graph, factor, identity, false);
    let other = transpose(graph, half);
    graph.matmul(half, other)
}

/// `a⁻¹` for a symmetric positive definite `a`.
pub fn inverse_spd(graph: &mut Graph, a: NodeId) -> NodeId {
    let factor = cholesky_decompose(graph, a);
    chol2inv(graph, factor)
}

/// `Σ log L_ii`: half of the log-determinant of `L Lᵀ`.
pub fn sum_log_diagonal(graph: &mut Graph, factor: NodeId) -> NodeId {
    let d = diagonal(graph, factor);
    let logs = graph.pointwise(Function::Log, &[d]);
    graph.sum(logs)
}

/// `log det a` for a symmetric positive definite `a`.
pub fn log_determinant_spd(graph: &mut Graph, a: NodeId) -> NodeId {
    let factor = cholesky_decompose(graph, a);
    let half = sum_log_diagonal(graph, factor);
    graph.pointwise(Function::Add, &[half, half])
}

/// `bᵀ a b`.
pub fn quad_form(graph: &mut Graph, a: NodeId, b: NodeId) -> NodeId {
    let product = graph.matmul(a, b);
    let transposed = transpose(graph, b);
    graph.matmul(transposed, product)
}

/// `tr(bᵀ a b)`.
pub fn trace_quad_form(graph: &mut Graph, a: NodeId, b: NodeId) -> NodeId {
    let product = graph.matmul(a, b);
    let entries = graph.pointwise(Function::Multiply, &[b, product]);
    graph.sum(entries)
}

/// `diag(d) a diag(d)`.
pub fn quad_form_diag(graph: &mut Graph, a: NodeId, d: NodeId) -> NodeId {
    let left = diag_pre_multiply(graph, d, a);
    diag_post_multiply(graph, left, d)
}

/// `a⁻¹` for any square matrix; [`inverse_spd`] is better where it applies.
pub fn inverse(graph: &mut Graph, a: NodeId) -> NodeId {
    let n = graph.shape(a).rows;
    graph.block(Arc::new(Inverse { n }), &[a])
}

/// `a⁻¹ b` for any square `a`.
pub fn mdivide_left(graph: &mut Graph, a: NodeId, b: NodeId) -> NodeId {
    let inverse = inverse(graph, a);
    graph.matmul(inverse, b)
}

/// `log |det a|`.
pub fn log_determinant(graph: &mut Graph, a: NodeId) -> NodeId {
    let n = graph.shape(a).rows;
    let both = graph.block(Arc::new(LogAbsDeterminant { n }), &[a]);
    graph.elements(both, [0], Shape::SCALAR)
}

/// `det a`.
pub fn determinant(graph: &mut Graph, a: NodeId) -> NodeId {
    let n = graph.shape(a).rows;
    let both = graph.block(Arc::new(LogAbsDeterminant { n }), &[a]);
    let log = graph.elements(both, [0], Shape::SCALAR);
    let sign = graph.elements(both, [1], Shape::SCALAR);
    let size = graph.pointwise(Function::Exp, &[log]);
    graph.pointwise(Function::Multiply, &[sign, size])
}

/// The eigenvalues of `(a + aᵀ)/2`, ascending.
pub fn eigenvalues_sym(graph: &mut Graph, a: NodeId) -> NodeId {
    let n = graph.shape(a).rows;
    let both = graph.block(Arc::new(SymmetricEigen { n }), &[a]);
    pick(graph, both, Shape::vector(n), |i, _| (0, i))
}

/// The eigenvectors of `(a + aᵀ)/2` as columns, in the order of the values; see [`SymmetricEigen`].
pub fn eigenvectors_sym(graph: &mut Graph, a: NodeId) -> NodeId {
    let n = graph.shape(a).rows;
    let both = graph.block(Arc::new(SymmetricEigen { n }), &[a]);
    pick(graph, both, Shape::matrix(n, n), |i, j| (i + 1, j))
}

/// `exp(a)`, the exponential of a square matrix.
pub fn matrix_exp(graph: &mut Graph, a: NodeId) -> NodeId {
    let n = graph.shape(a).rows;
    graph.block(Arc::new(MatrixExponential { n }), &[a])
}

/// A vector's entries in ascending order.
pub fn sort_asc(graph: &mut Graph, v: NodeId) -> NodeId {
    graph.block(Arc::new(Sort { descending: false }), &[v])
}

/// A vector's entries in descending order.
pub fn sort_desc(graph: &mut Graph, v: NodeId) -> NodeId {
    graph.block(Arc::new(Sort { descending: true }), &[v])
}

/// The positions, counted from 1, that the entries of [`sort_asc`] had; without derivatives.
pub fn sort_indices_asc(graph: &mut Graph, v: NodeId) -> NodeId {
    graph.block(Arc::new(SortIndices { descending: false }), &[v])
}

/// The positions, counted from 1, that the entries of [`sort_desc`] had; without derivatives.
pub fn sort_indices_desc(graph: &mut Graph, v: NodeId) -> NodeId {
    graph.block(Arc::new(SortIndices { descending: true }), &[v])
}

/// How many entries of a vector are below its entry `s`, counted from 0; without derivatives.
///
/// # Panics
/// If there is no such entry.
pub fn rank(graph: &mut Graph, v: NodeId, s: usize) -> NodeId {
    let cols = graph.shape(v).cols;
    let entry = pick(graph, v, Shape::SCALAR, |_, _| (s / cols, s % cols));
    let below = graph.pointwise(Function::Less, &[v, entry]);
    graph.sum(below)
}

/// `aⁿ` of a square matrix by squarings; the identity for `n = 0`.
pub fn matrix_power(graph: &mut Graph, a: NodeId, n: u32) -> NodeId {
    let size = graph.shape(a).rows;
    let mut power = None;
    let (mut square, mut rest) = (a, n);
    while rest > 0 {
        if rest % 2 == 1 {
            power = Some(match power {
                Some(power) => graph.matmul(power, square),
                None => square,
            });
        }
        rest /= 2;
        if rest > 0 {
            square = graph.matmul(square, square);
        }
    }
    power.unwrap_or_else(|| {
        let ones = graph.constant(vec![1.0; size], Shape::vector(size));
        diag_matrix(graph, ones)
    })
}

/// `b a⁻¹` for any square `a`.
pub fn mdivide_right(graph: &mut Graph, b: NodeId, a: NodeId) -> NodeId {
    let inverse = inverse(graph, a);
    graph.matmul(b, inverse)
}

/// `b a⁻¹` for a symmetric positive definite `a`.
pub fn mdivide_right_spd(graph: &mut Graph, b: NodeId, a: NodeId) -> NodeId {
    let side = transpose(graph, b);
    let solution = mdivide_left_spd(graph, a, side);
    transpose(graph, solution)
}

/// `exp(a) b`.
pub fn matrix_exp_multiply(graph: &mut Graph, a: NodeId, b: NodeId) -> NodeId {
    let exponential = matrix_exp(graph, a);
    graph.matmul(exponential, b)
}

/// `tr(d bᵀ a b)`.
pub fn trace_gen_quad_form(graph: &mut Graph, d: NodeId, a: NodeId, b: NodeId) -> NodeId {
    let form = quad_form(graph, a, b);
    let product = graph.matmul(d, form);
    trace(graph, product)
}

/// The symmetric matrix with the lower triangle of `a`.
pub fn symmetrize_from_lower_tri(graph: &mut Graph, a: NodeId) -> NodeId {
    let shape = graph.shape(a);
    pick(graph, a, shape, |i, j| (i.max(j), i.min(j)))
}
