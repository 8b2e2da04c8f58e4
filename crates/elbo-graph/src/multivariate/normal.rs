//! Normal densities of vectors and matrices, in all their parameterisations.

use super::{add, log, multiply, plus, squares, subtract, times};
use crate::algebra::{self, cholesky_decompose, solve_rows, sum_log_diagonal};
use crate::graph::{Graph, NodeId};

const HALF_LOG_TWO_PI: f64 = 0.918_938_533_204_672_8;

/// `log N(y | μ, L Lᵀ)` of each row of `y`.
pub fn multi_normal_cholesky(graph: &mut Graph, y: NodeId, mean: NodeId, factor: NodeId) -> NodeId {
    let residual = subtract(graph, y, mean);
    let standard = solve_rows(graph, factor, residual, false);
    let log_det = sum_log_diagonal(graph, factor);
    let minus_log_det = times(graph, log_det, -1.0);
    normal(graph, standard, minus_log_det)
}

/// `log N(y | μ, Σ)` of each row of `y`.
pub fn multi_normal(graph: &mut Graph, y: NodeId, mean: NodeId, covariance: NodeId) -> NodeId {
    let factor = cholesky_decompose(graph, covariance);
    multi_normal_cholesky(graph, y, mean, factor)
}

/// `log N(y | μ, Ω⁻¹)` of each row of `y`.
pub fn multi_normal_prec(graph: &mut Graph, y: NodeId, mean: NodeId, precision: NodeId) -> NodeId {
    let factor = cholesky_decompose(graph, precision);
    let residual = subtract(graph, y, mean);
    let standard = graph.matmul(residual, factor);
    let log_det = sum_log_diagonal(graph, factor);
    normal(graph, standard, log_det)
}

/// `−‖z‖²/2 + log det − D/2 log 2π` of each row `z`.
fn normal(graph: &mut Graph, standard: NodeId, log_det: NodeId) -> NodeId {
    let d = graph.shape(standard).cols as f64;
    let distance = squares(graph, standard);
    let exponent = times(graph, distance, -0.5);
    let constant = plus(graph, log_det, -d * HALF_LOG_TWO_PI);
    add(graph, exponent, constant)
}

/// `Σ_i log N(y_i | 0, L Lᵀ / w_i)`, one entry for each row `y_i`; `w` is a vector.
pub fn multi_gp_cholesky(graph: &mut Graph, y: NodeId, factor: NodeId, w: NodeId) -> NodeId {
    let n = graph.shape(y).cols as f64;
    let standard = solve_rows(graph, factor, y, false);
    let distance = squares(graph, standard);
    let weighted = multiply(graph, distance, w);
    let exponent = times(graph, weighted, -0.5);
    let log_w = log(graph, w);
    let scale = times(graph, log_w, 0.5 * n);
    let log_det = sum_log_diagonal(graph, factor);
    let minus_log_det = times(graph, log_det, -1.0);
    let constant = plus(graph, minus_log_det, -n * HALF_LOG_TWO_PI);
    let sum = add(graph, exponent, scale);
    add(graph, sum, constant)
}

/// [`multi_gp_cholesky`] with the covariance in place of its factor.
pub fn multi_gp(graph: &mut Graph, y: NodeId, covariance: NodeId, w: NodeId) -> NodeId {
    let factor = cholesky_decompose(graph, covariance);
    multi_gp_cholesky(graph, y, factor, w)
}

/// `log N(vec Y | vec M, V⁻¹ ⊗ U⁻¹)` of an n × m matrix, `U` n × n and `V` m × m.
pub fn matrix_normal_prec(
    graph: &mut Graph,
    y: NodeId,
    mean: NodeId,
    of_rows: NodeId,
    of_cols: NodeId,
) -> NodeId {
    let shape = graph.shape(y);
    let (n, m) = (shape.rows as f64, shape.cols as f64);
    let (u, v) = (
        cholesky_decompose(graph, of_rows),
        cholesky_decompose(graph, of_cols),
    );
    let residual = subtract(graph, y, mean);
    let right = graph.matmul(residual, v);
    let left = algebra::transpose(graph, u);
    let standard = graph.matmul(left, right);
    let distance = squares(graph, standard);
    let distance = graph.sum(distance);
    let exponent = times(graph, distance, -0.5);
    let (log_u, log_v) = (sum_log_diagonal(graph, u), sum_log_diagonal(graph, v));
    let (log_u, log_v) = (times(graph, log_u, m), times(graph, log_v, n));
    let log_det = add(graph, log_u, log_v);
    let constant = plus(graph, log_det, -n * m * HALF_LOG_TWO_PI);
    add(graph, exponent, constant)
}
