//! The multivariate Student t density.

use super::{add, log, log_gamma, multiply, plus, squares, subtract, times};
use crate::algebra::{cholesky_decompose, solve_rows, sum_log_diagonal};
use crate::graph::{Graph, NodeId};
use crate::pointwise::Function;

/// `log t_ν(y | μ, L Lᵀ)` of each row of `y`; `ν` is a scalar, or a vector with an entry for each row.
pub fn multi_student_t_cholesky(
    graph: &mut Graph,
    y: NodeId,
    freedom: NodeId,
    mean: NodeId,
    factor: NodeId,
) -> NodeId {
    let d = graph.shape(factor).rows as f64;
    let residual = subtract(graph, y, mean);
    let standard = solve_rows(graph, factor, residual, false);
    let distance = squares(graph, standard);
    let ratio = graph.pointwise(Function::Divide, &[distance, freedom]);
    let log_tail = graph.pointwise(Function::Log1p, &[ratio]);
    let half_sum = plus(graph, freedom, d);
    let half_sum = times(graph, half_sum, 0.5);
    let tail = multiply(graph, half_sum, log_tail);

    let half = times(graph, freedom, 0.5);
    let (top, bottom) = (log_gamma(graph, half_sum), log_gamma(graph, half));
    let gammas = subtract(graph, top, bottom);
    let log_freedom = log(graph, freedom);
    let log_scale = plus(graph, log_freedom, std::f64::consts::PI.ln());
    let log_scale = times(graph, log_scale, 0.5 * d);
    let log_det = sum_log_diagonal(graph, factor);
    let log_volume = add(graph, log_scale, log_det);
    let constant = subtract(graph, gammas, log_volume);
    subtract(graph, constant, tail)
}

/// [`multi_student_t_cholesky`] with the scale matrix in place of its factor.
pub fn multi_student_t(
    graph: &mut Graph,
    y: NodeId,
    freedom: NodeId,
    mean: NodeId,
    scale: NodeId,
) -> NodeId {
    let factor = cholesky_decompose(graph, scale);
    multi_student_t_cholesky(graph, y, freedom, mean, factor)
}
