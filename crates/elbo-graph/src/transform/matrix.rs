//! Constraints on matrices, each a row that holds the matrix row by row.
//!
//! Free coordinates come in Stan's order: matrices column by column, triangles as each function
//! says.

use std::sync::Arc;

use super::{Constrained, from_column_major, number, permute, reshape, vector};
use crate::block::{CorrelationCholesky, Tcrossprod};
use crate::graph::{Graph, NodeId};
use crate::pointwise::Function;
use crate::shape::Shape;

/// The isometry of vectors along the columns, then along the rows. Stan's program, unlike its
/// manual, begins with what is the second entry of a vector and ends with the first.
pub(super) fn sum_to_zero(graph: &mut Graph, free: NodeId, rows: usize, cols: usize) -> NodeId {
    let n = graph.shape(free).rows;
    if rows <= 1 || cols <= 1 {
        let shape = Shape::matrix(n, rows * cols);
        return graph.constant(vec![0.0; shape.len()], shape);
    }
    // Column by column, each column is a row here.
    let columns = reshape(graph, free, Shape::matrix(n * (cols - 1), rows - 1));
    let tall = vector::sum_to_zero(graph, columns, rows);
    let tall = reshape(graph, tall, Shape::matrix(n, (cols - 1) * rows));
    let by_row = from_column_major(graph, tall, Shape::matrix(rows, cols - 1));
    let by_row = reshape(graph, by_row, Shape::matrix(n * rows, cols - 1));
    let wide = vector::sum_to_zero(graph, by_row, cols);
    let wide = reshape(graph, wide, Shape::matrix(n, rows * cols));
    permute(graph, wide, rows * cols, |e| {
        (e / cols + 1) % rows * cols + (e % cols + 1) % cols
    })
}

/// Every column a simplex.
pub(super) fn column_stochastic(
    graph: &mut Graph,
    free: NodeId,
    rows: usize,
    cols: usize,
) -> Constrained {
    let n = graph.shape(free).rows;
    let columns = reshape(graph, free, Shape::matrix(n * cols, rows.saturating_sub(1)));
    let simplexes = vector::simplex(graph, columns, rows);
    let by_column = reshape(graph, simplexes.value, Shape::matrix(n, rows * cols));
    Constrained {
        value: from_column_major(graph, by_column, Shape::matrix(rows, cols)),
        log_jacobian: simplexes.log_jacobian,
    }
}

/// Every row a simplex.
pub(super) fn row_stochastic(
    graph: &mut Graph,
    free: NodeId,
    rows: usize,
    cols: usize,
) -> Constrained {
    let n = graph.shape(free).rows;
    let free_cols = cols.saturating_sub(1);
    let by_row = from_column_major(graph, free, Shape::matrix(rows, free_cols));
    let by_row = reshape(graph, by_row, Shape::matrix(n * rows, free_cols));
    let simplexes = vector::simplex(graph, by_row, cols);
    Constrained {
        value: reshape(graph, simplexes.value, Shape::matrix(n, rows * cols)),
        log_jacobian: simplexes.log_jacobian,
    }
}

/// `Ω = L Lᵀ`, where partial correlations come column by column
/// (`[@lewandowski2009lkj, eq. 11]`).
pub(super) fn correlation(graph: &mut Graph, free: NodeId, size: usize) -> Constrained {
    if size <= 1 {
        return correlation_cholesky(graph, free, size);
    }
    // Entry (i, j), i > j, of a lower triangle that is written column by column.
    let place = |i: usize, j: usize| j * size - j * (j + 1) / 2 + (i - j - 1);
    let order = lower_entries(size);
    let by_row = permute(graph, free, order.len(), |e| place(order[e].0, order[e].1));
    let factor = graph.block(Arc::new(CorrelationCholesky { n: size }), &[by_row]);
    // d(z → Ω): (K − k − 1)/2 log(1 − z²) in the k-th column; d(y → z): log(1 − z²).
    let weights = order.iter().map(|(_, j)| (size - j) as f64).collect();
    Constrained {
        value: graph.block(Arc::new(Tcrossprod { n: size }), &[factor]),
        log_jacobian: vec![weighted_log_sech(graph, by_row, weights)],
    }
}

/// The factor itself, where partial correlations come row by row.
pub(super) fn correlation_cholesky(graph: &mut Graph, free: NodeId, size: usize) -> Constrained {
    if size <= 1 {
        let rows = graph.shape(free).rows;
        let value = graph.constant(vec![1.0; rows * size], Shape::matrix(rows, size));
        return Constrained::plain(value);
    }
    let value = graph.block(Arc::new(CorrelationCholesky { n: size }), &[free]);
    // 2 log sech y for y → z; log sech y_ij for each later entry of the row, which it scales.
    let entries = lower_entries(size);
    let weights = entries.iter().map(|(i, j)| (1 + i - j) as f64).collect();
    Constrained {
        value,
        log_jacobian: vec![weighted_log_sech(graph, free, weights)],
    }
}

/// Entries (i, j), i > j, row by row.
fn lower_entries(size: usize) -> Vec<(usize, usize)> {
    (0..size)
        .flat_map(|i| (0..i).map(move |j| (i, j)))
        .collect()
}

/// `Σ_j w_j log sech y_j` of each row; `log sech y = log 2 + y − log(1 + e^{2y})`.
fn weighted_log_sech(graph: &mut Graph, y: NodeId, weights: Vec<f64>) -> NodeId {
    let twice = graph.pointwise(Function::Add, &[y, y]);
    let log_sum = graph.pointwise(Function::Log1pExp, &[twice]);
    let log_sech = graph.pointwise(Function::Subtract, &[y, log_sum]);
    let log_two = number(graph, std::f64::consts::LN_2);
    let log_sech = graph.pointwise(Function::Add, &[log_sech, log_two]);
    let shape = Shape::vector(weights.len());
    let weights = graph.constant(weights, shape);
    graph.matmul(log_sech, weights)
}

/// `Σ = L Lᵀ`; the determinant is `2ᴷ Π L_kk^{K − k + 2}`, counted from 1.
pub(super) fn covariance(graph: &mut Graph, free: NodeId, size: usize) -> Constrained {
    if size == 0 {
        return Constrained::plain(free);
    }
    let (factor, log_diagonal) = triangle(graph, free, size, size);
    let powers: Vec<f64> = (0..size).map(|k| (size - k + 1) as f64).collect();
    let powers = graph.constant(powers, Shape::vector(size));
    let log_powers = graph.matmul(log_diagonal, powers);
    let log_two = number(graph, size as f64 * std::f64::consts::LN_2);
    Constrained {
        value: graph.block(Arc::new(Tcrossprod { n: size }), &[factor]),
        log_jacobian: vec![graph.pointwise(Function::Add, &[log_powers, log_two])],
    }
}

/// A triangle with a positive diagonal, free coordinates row by row.
pub(super) fn covariance_cholesky(
    graph: &mut Graph,
    free: NodeId,
    rows: usize,
    cols: usize,
) -> Constrained {
    assert!(
        rows >= cols,
        "a Cholesky factor of {rows} rows, {cols} columns"
    );
    if cols == 0 {
        return Constrained::plain(free);
    }
    let (value, log_diagonal) = triangle(graph, free, rows, cols);
    Constrained {
        value,
        log_jacobian: vec![log_diagonal],
    }
}

/// A triangle's entries, and the logarithms of its diagonal.
fn triangle(graph: &mut Graph, free: NodeId, rows: usize, cols: usize) -> (NodeId, NodeId) {
    let Shape { rows: n, cols: len } = graph.shape(free);
    // Where row i begins, and its diagonal entry.
    let begin = |i: usize| {
        if i <= cols {
            i * (i + 1) / 2
        } else {
            cols * (cols + 1) / 2 + (i - cols) * cols
        }
    };
    let log_diagonal = permute(graph, free, cols, |k| begin(k) + k);
    let diagonal = graph.pointwise(Function::Exp, &[log_diagonal]);
    let zero = graph.constant(vec![0.0; n], Shape::vector(n));
    let all = graph.columns(&[free, diagonal, zero]);
    let factor = permute(graph, all, rows * cols, |e| match (e / cols, e % cols) {
        (i, j) if i == j => len + j,
        (i, j) if i > j => begin(i) + j,
        _ => len + cols,
    });
    (factor, log_diagonal)
}
