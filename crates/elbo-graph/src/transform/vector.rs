//! Constraints on vectors, each a row: ordered, simplex, unit length, sum to zero.

use std::sync::Arc;

use super::{Constrained, number, permute};
use crate::block::{CumulativeSum, SumToZero};
use crate::graph::{Graph, NodeId};
use crate::pointwise::Function;
use crate::shape::Shape;

/// `x_1 = y_1`, `x_k = x_{k−1} + exp(y_k)`.
pub(super) fn ordered(graph: &mut Graph, free: NodeId, size: usize) -> Constrained {
    if size <= 1 {
        return Constrained::plain(free);
    }
    let first = permute(graph, free, 1, |_| 0);
    let rest = permute(graph, free, size - 1, |e| e + 1);
    let steps = graph.pointwise(Function::Exp, &[rest]);
    let all = graph.columns(&[first, steps]);
    Constrained {
        value: graph.block(Arc::new(CumulativeSum { cols: size }), &[all]),
        log_jacobian: vec![rest],
    }
}

/// `x_k = Σ_{i ≤ k} exp(y_i)`.
pub(super) fn positive_ordered(graph: &mut Graph, free: NodeId, size: usize) -> Constrained {
    if size == 0 {
        return Constrained::plain(free);
    }
    let steps = graph.pointwise(Function::Exp, &[free]);
    Constrained {
        value: graph.block(Arc::new(CumulativeSum { cols: size }), &[steps]),
        log_jacobian: vec![free],
    }
}

/// Rows that sum to zero, from one coordinate fewer. The map is an isometry: no Jacobian.
pub(super) fn sum_to_zero(graph: &mut Graph, free: NodeId, size: usize) -> NodeId {
    let rows = graph.shape(free).rows;
    if size <= 1 {
        return graph.constant(vec![0.0; rows * size], Shape::matrix(rows, size));
    }
    graph.block(Arc::new(SumToZero { free: size - 1 }), &[free])
}

/// `x = softmax(z)`, `z` the rows that sum to zero. In terms of all but one entry of `x`, the
/// Jacobian determinant is `√K Π x_k`; and `Σ log x_k = −K log Σ e^{z_k}`, because `Σ z_k = 0`.
pub(super) fn simplex(graph: &mut Graph, free: NodeId, size: usize) -> Constrained {
    let rows = graph.shape(free).rows;
    if size <= 1 {
        let value = graph.constant(vec![1.0; rows * size], Shape::matrix(rows, size));
        return Constrained::plain(value);
    }
    let z = sum_to_zero(graph, free, size);
    let log_sum = graph.row_log_sum_exp(z);
    let log_x = graph.pointwise(Function::Subtract, &[z, log_sum]);
    let k = size as f64;
    let minus_k = number(graph, -k);
    let log_product = graph.pointwise(Function::Multiply, &[log_sum, minus_k]);
    let log_root = number(graph, 0.5 * k.ln());
    Constrained {
        value: graph.pointwise(Function::Exp, &[log_x]),
        log_jacobian: vec![graph.pointwise(Function::Add, &[log_product, log_root])],
    }
}

/// `x = y / ‖y‖`. The norm is left over; it gets the density that makes `y` standard normal where
/// `x` is uniform, up to a constant: `−‖y‖²/2` (`[@muller1959note]`).
pub(super) fn unit(graph: &mut Graph, free: NodeId) -> Constrained {
    let squares = graph.pointwise(Function::Square, &[free]);
    let square = graph.row_sum(squares);
    let norm = graph.pointwise(Function::Sqrt, &[square]);
    let minus_half = number(graph, -0.5);
    Constrained {
        value: graph.pointwise(Function::Divide, &[free, norm]),
        log_jacobian: vec![graph.pointwise(Function::Multiply, &[square, minus_half])],
    }
}
