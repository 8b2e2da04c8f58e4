//! Decompositions of general matrices as functions on a graph: singular values, QR, generalised
//! inverses.
//!
//! The one idea: QR is written as reflections in nodes, so that its derivatives, of every part of it,
//! are those of the reflections; a known matrix is decomposed when the graph is built. Deliberately
//! absent: complex numbers.

use std::sync::Arc;

use crate::algebra::{crossprod, inverse_spd, pick, tcrossprod, transpose};
use crate::block::SingularValues;
use crate::graph::{Graph, NodeId};
use crate::pointwise::Function;
use crate::shape::Shape;

fn svd(graph: &mut Graph, a: NodeId) -> (NodeId, Shape) {
    let shape = graph.shape(a);
    let block = SingularValues {
        rows: shape.rows,
        cols: shape.cols,
    };
    (graph.block(Arc::new(block), &[a]), shape)
}

/// The singular values, in descending order.
pub fn singular_values(graph: &mut Graph, a: NodeId) -> NodeId {
    let (all, Shape { rows, cols }) = svd(graph, a);
    pick(graph, all, Shape::vector(rows.min(cols)), |i, _| (i, 0))
}

/// The left singular vectors as columns, in the order of the values; see [`SingularValues`].
pub fn svd_u(graph: &mut Graph, a: NodeId) -> NodeId {
    let (all, Shape { rows, cols }) = svd(graph, a);
    let k = rows.min(cols);
    pick(graph, all, Shape::matrix(rows, k), |i, j| {
        (k + i * k + j, 0)
    })
}

/// The right singular vectors as columns.
pub fn svd_v(graph: &mut Graph, a: NodeId) -> NodeId {
    let (all, Shape { rows, cols }) = svd(graph, a);
    let k = rows.min(cols);
    pick(graph, all, Shape::matrix(cols, k), |i, j| {
        (k + rows * k + i * k + j, 0)
    })
}

/// `Q` and `R` with `a = Q R`: `Q` orthogonal (rows × rows), `R` zero below its diagonal, which is
/// positive.
pub fn qr(graph: &mut Graph, a: NodeId) -> (NodeId, NodeId) {
    let rows = graph.shape(a).rows;
    reflect(graph, a, rows)
}

/// [`qr`] with the first columns of `Q`, as many as `a` has, and the square `R`.
///
/// # Panics
/// If `a` is wider than tall.
pub fn qr_thin(graph: &mut Graph, a: NodeId) -> (NodeId, NodeId) {
    let Shape { rows, cols } = graph.shape(a);
    assert!(rows >= cols, "a thin decomposition of {rows} × {cols}");
    let (q, r) = reflect(graph, a, cols);
    let r = pick(graph, r, Shape::matrix(cols, cols), |i, j| (i, j));
    (q, r)
}

/// `R`, and the first `n_columns` columns of `Q` (`[@golub2013matrix, §5.2]`).
fn reflect(graph: &mut Graph, a: NodeId, n_columns: usize) -> (NodeId, NodeId) {
    let Shape { rows, cols } = graph.shape(a);
    let mut r = a;
    let mut mirrors = Vec::new();
    let steps = cols.min(rows.saturating_sub(1));
    for k in 0..steps {
        let mirror = mirror(graph, r, k);
        r = mirrored(graph, mirror, r);
        mirrors.push(mirror);
    }
    let mut identity = vec![0.0; rows * n_columns];
    for i in 0..n_columns.min(rows) {
        identity[i * n_columns + i] = 1.0;
    }
    let mut q = graph.constant(identity, Shape::matrix(rows, n_columns));
    for mirror in mirrors.into_iter().rev() {
        q = mirrored(graph, mirror, q);
    }
    // A reflection leaves a diagonal of either sign.
    let k = rows.min(cols);
    let diagonal = pick(graph, r, Shape::vector(k), |i, _| (i, i));
    let sign = signs(graph, diagonal);
    let one = graph.constant([1.0], Shape::SCALAR);
    let padded = graph.rows(&[sign, one]);
    let of_rows = pick(graph, padded, Shape::vector(rows), |i, _| (i.min(k), 0));
    let of_columns = pick(graph, padded, Shape::matrix(1, n_columns), |_, j| {
        (j.min(k), 0)
    });
    // What the reflections made zero is zero.
    let upper: Vec<f64> = (0..rows * cols)
        .map(|e| f64::from(u8::from(e % cols >= e / cols)))
        .collect();
    let upper = graph.constant(upper, Shape::matrix(rows, cols));
    let r = graph.pointwise(Function::Multiply, &[r, of_rows]);
    let zero = graph.constant([0.0], Shape::SCALAR);
    let r = graph.pointwise(Function::Select, &[upper, r, zero]);
    (graph.pointwise(Function::Multiply, &[q, of_columns]), r)
}

/// −1 for negative entries, else 1; without derivatives.
fn signs(graph: &mut Graph, x: NodeId) -> NodeId {
    let zero = graph.constant([0.0], Shape::SCALAR);
    let negative = graph.pointwise(Function::Less, &[x, zero]);
    let two = graph.constant([-2.0], Shape::SCALAR);
    let one = graph.constant([1.0], Shape::SCALAR);
    graph.pointwise(Function::MultiplyAdd, &[two, negative, one])
}

/// The unit vector whose reflection makes column `k` of `r` zero below the diagonal; itself zero above.
fn mirror(graph: &mut Graph, r: NodeId, k: usize) -> NodeId {
    let rows = graph.shape(r).rows;
    let column = pick(graph, r, Shape::vector(rows - k), |i, _| (i + k, k));
    let square = graph.pointwise(Function::Square, &[column]);
    let square = graph.sum(square);
    let norm = graph.pointwise(Function::Sqrt, &[square]);
    // The sign of the first entry, against cancellation.
    let first = pick(graph, column, Shape::SCALAR, |_, _| (0, 0));
    let sign = signs(graph, first);
    let end = graph.pointwise(Function::Multiply, &[sign, norm]);
    let head = graph.pointwise(Function::Add, &[first, end]);
    let direction = if rows - k > 1 {
        let tail = pick(graph, column, Shape::vector(rows - k - 1), |i, _| {
            (i + 1, 0)
        });
        graph.rows(&[head, tail])
    } else {
        head
    };
    let square = graph.pointwise(Function::Square, &[direction]);
    let square = graph.sum(square);
    let scale = graph.pointwise(Function::InvSqrt, &[square]);
    let unit = graph.pointwise(Function::Multiply, &[direction, scale]);
    if k == 0 {
        return unit;
    }
    let above = graph.constant(vec![0.0; k], Shape::vector(k));
    graph.rows(&[above, unit])
}

/// `x − 2 v vᵀ x`.
fn mirrored(graph: &mut Graph, v: NodeId, x: NodeId) -> NodeId {
    let row = transpose(graph, v);
    let along = graph.matmul(row, x);
    let part = graph.matmul(v, along);
    let minus_two = graph.constant([-2.0], Shape::SCALAR);
    graph.pointwise(Function::MultiplyAdd, &[minus_two, part, x])
}

/// The inverse of Moore and Penrose of a matrix of full rank.
pub fn generalized_inverse(graph: &mut Graph, a: NodeId) -> NodeId {
    let Shape { rows, cols } = graph.shape(a);
    let transposed = transpose(graph, a);
    if rows >= cols {
        let square = crossprod(graph, a);
        let inverse = inverse_spd(graph, square);
        graph.matmul(inverse, transposed)
    } else {
        let square = tcrossprod(graph, a);
        let inverse = inverse_spd(graph, square);
        graph.matmul(transposed, inverse)
    }
}

#[cfg(test)]
mod tests;
