//! The LKJ density of correlation matrices and of their Cholesky factors
//! (`[@lewandowski2009lkj, §3]`).

use super::{add, log, log_gamma, multiply, plus, subtract, times};
use crate::algebra::{cholesky_decompose, diagonal, quad_form_diag, sum_log_diagonal};
use crate::density::DensityError;
use crate::graph::{Graph, NodeId};
use crate::pointwise::Function;
use crate::shape::Shape;

/// `log LKJ(Ω | η) = c(η) + (η − 1) log det Ω`, a scalar.
pub fn lkj_corr(graph: &mut Graph, correlation: NodeId, eta: NodeId) -> NodeId {
    let n = graph.shape(correlation).rows;
    let constant = log_normaliser(graph, n, eta);
    let factor = cholesky_decompose(graph, correlation);
    let half = sum_log_diagonal(graph, factor);
    let log_det = times(graph, half, 2.0);
    let power = plus(graph, eta, -1.0);
    let kernel = multiply(graph, power, log_det);
    add(graph, constant, kernel)
}

/// The density that Stan once had for covariances: log-normal standard deviations with locations `mu`
/// and scales `sigma`, times LKJ(η) of the correlations, without the Jacobian of taking them apart; a
/// scalar.
///
/// # Errors
/// [`DensityError`] if known locations or scales are none.
pub fn lkj_cov(
    graph: &mut Graph,
    covariance: NodeId,
    mu: NodeId,
    sigma: NodeId,
    eta: NodeId,
) -> Result<NodeId, DensityError> {
    let variances = diagonal(graph, covariance);
    let deviations = graph.pointwise(Function::Sqrt, &[variances]);
    let of_deviations = graph.log_density("lognormal", &[deviations, mu, sigma])?;
    let of_deviations = graph.sum(of_deviations);
    let inverse = graph.pointwise(Function::InvSqrt, &[variances]);
    let correlation = quad_form_diag(graph, covariance, inverse);
    let of_correlation = lkj_corr(graph, correlation, eta);
    Ok(add(graph, of_deviations, of_correlation))
}

/// The density of `L` if `L Lᵀ` has density LKJ(η), a scalar:
/// `c(η) + Σ_k (K − k + 2 η − 2) log L_kk`, k from 2.
pub fn lkj_corr_cholesky(graph: &mut Graph, factor: NodeId, eta: NodeId) -> NodeId {
    let n = graph.shape(factor).rows;
    let constant = log_normaliser(graph, n, eta);
    let d = diagonal(graph, factor);
    let logs = log(graph, d);
    // L_11 is 1.
    let offsets: Vec<f64> = (1..=n).map(|k| (n - k) as f64 - 2.0).collect();
    let offsets = graph.constant(offsets, Shape::vector(n));
    let twice = times(graph, eta, 2.0);
    let powers = add(graph, twice, offsets);
    let kernel = multiply(graph, powers, logs);
    let kernel = graph.sum(kernel);
    add(graph, constant, kernel)
}

/// `c(η) = (K − 1) log Γ(η + (K − 1)/2) − Σ_{k=1}^{K−1} [k/2 log π + log Γ(η + (K − 1 − k)/2)]`.
fn log_normaliser(graph: &mut Graph, n: usize, eta: NodeId) -> NodeId {
    let m = n.saturating_sub(1);
    if m == 0 {
        return graph.constant([0.0], Shape::SCALAR);
    }
    let top = plus(graph, eta, 0.5 * m as f64);
    let top = log_gamma(graph, top);
    let top = times(graph, top, m as f64);
    let shifts: Vec<f64> = (0..m).map(|k| 0.5 * k as f64).collect();
    let shifts = graph.constant(shifts, Shape::vector(m));
    let each = add(graph, eta, shifts);
    let each = log_gamma(graph, each);
    let each = graph.sum(each);
    let difference = subtract(graph, top, each);
    let pi = -0.25 * (m * (m + 1)) as f64 * std::f64::consts::PI.ln();
    plus(graph, difference, pi)
}
