//! Wishart and inverse Wishart densities of matrices and of their Cholesky factors.

use super::{add, log, log_multivariate_gamma, multiply, plus, squares, subtract, times};
use crate::algebra::{cholesky_decompose, diagonal, solve_rows, sum_log_diagonal, transpose};
use crate::graph::{Graph, NodeId};
use crate::shape::Shape;

/// `log Wishart(W | ν, S)`, a scalar.
pub fn wishart(graph: &mut Graph, w: NodeId, freedom: NodeId, scale: NodeId) -> NodeId {
    let (w, scale) = (
        cholesky_decompose(graph, w),
        cholesky_decompose(graph, scale),
    );
    of_factor(graph, w, freedom, scale)
}

/// The density of `L` if `L Lᵀ` is Wishart with scale `L_S L_Sᵀ`, a scalar.
pub fn wishart_cholesky(
    graph: &mut Graph,
    factor: NodeId,
    freedom: NodeId,
    scale: NodeId,
) -> NodeId {
    let density = of_factor(graph, factor, freedom, scale);
    let log_jacobian = log_jacobian(graph, factor);
    add(graph, density, log_jacobian)
}

/// `log InverseWishart(W | ν, S)`, a scalar.
pub fn inv_wishart(graph: &mut Graph, w: NodeId, freedom: NodeId, scale: NodeId) -> NodeId {
    let (w, scale) = (
        cholesky_decompose(graph, w),
        cholesky_decompose(graph, scale),
    );
    inverse_of_factor(graph, w, freedom, scale)
}

/// The density of `L` if `L Lᵀ` is inverse Wishart with scale `L_S L_Sᵀ`, a scalar.
pub fn inv_wishart_cholesky(
    graph: &mut Graph,
    factor: NodeId,
    freedom: NodeId,
    scale: NodeId,
) -> NodeId {
    let density = inverse_of_factor(graph, factor, freedom, scale);
    let log_jacobian = log_jacobian(graph, factor);
    add(graph, density, log_jacobian)
}

/// `−ν d/2 log 2 − log Γ_d(ν/2) − ν/2 log |S| + (ν − d − 1)/2 log |W| − tr(S⁻¹ W)/2`.
fn of_factor(graph: &mut Graph, w: NodeId, freedom: NodeId, scale: NodeId) -> NodeId {
    let n = graph.shape(w).rows;
    let d = n as f64;
    let (log_w, log_scale) = (sum_log_diagonal(graph, w), sum_log_diagonal(graph, scale));
    let power = plus(graph, freedom, -d - 1.0);
    let of_w = multiply(graph, power, log_w);
    let of_scale = multiply(graph, freedom, log_scale);
    let logs = subtract(graph, of_w, of_scale);
    let trace = trace_of_ratio(graph, w, scale);
    finish(graph, logs, trace, freedom, n)
}

/// `−ν d/2 log 2 − log Γ_d(ν/2) + ν/2 log |S| − (ν + d + 1)/2 log |W| − tr(S W⁻¹)/2`.
fn inverse_of_factor(graph: &mut Graph, w: NodeId, freedom: NodeId, scale: NodeId) -> NodeId {
    let n = graph.shape(w).rows;
    let d = n as f64;
    let (log_w, log_scale) = (sum_log_diagonal(graph, w), sum_log_diagonal(graph, scale));
    let power = plus(graph, freedom, d + 1.0);
    let of_w = multiply(graph, power, log_w);
    let of_scale = multiply(graph, freedom, log_scale);
    let logs = subtract(graph, of_scale, of_w);
    let trace = trace_of_ratio(graph, scale, w);
    finish(graph, logs, trace, freedom, n)
}

fn finish(graph: &mut Graph, logs: NodeId, trace: NodeId, freedom: NodeId, n: usize) -> NodeId {
    let d = n as f64;
    let half = times(graph, freedom, 0.5);
    let gamma = log_multivariate_gamma(graph, n, half);
    let two = times(graph, half, d * std::f64::consts::LN_2);
    let constant = add(graph, gamma, two);
    let exponent = times(graph, trace, -0.5);
    let kernel = add(graph, logs, exponent);
    subtract(graph, kernel, constant)
}

/// `tr((B Bᵀ)⁻¹ A Aᵀ) = ‖B⁻¹ A‖²`.
fn trace_of_ratio(graph: &mut Graph, a: NodeId, b: NodeId) -> NodeId {
    let sides = transpose(graph, a);
    let ratio = solve_rows(graph, b, sides, false);
    let squares = squares(graph, ratio);
    graph.sum(squares)
}

/// Of `L ↦ L Lᵀ`: `d log 2 + Σ_i (d − i + 1) log L_ii`, i from 1.
fn log_jacobian(graph: &mut Graph, factor: NodeId) -> NodeId {
    let n = graph.shape(factor).rows;
    let d = diagonal(graph, factor);
    let logs = log(graph, d);
    let powers: Vec<f64> = (0..n).map(|i| (n - i) as f64).collect();
    let powers = graph.constant(powers, Shape::vector(n));
    let sum = multiply(graph, powers, logs);
    let sum = graph.sum(sum);
    plus(graph, sum, n as f64 * std::f64::consts::LN_2)
}
