//! Series with hidden states, which are summed or integrated out.
//!
//! The one idea: finitely many states are one operation with passes of its own; the linear Gaussian
//! filter is written in nodes, so that whatever of its matrices is known is computed once, when the
//! graph is built. Deliberately absent: missing observations.

use std::sync::Arc;

use super::{add, subtract, times};
use crate::algebra::{
    cholesky_decompose, crossprod, diag_matrix, mdivide_left_tri_low, pick, sum_log_diagonal,
    transpose,
};
use crate::block::{HiddenMarkov, HiddenStateProbabilities};
use crate::graph::{Graph, NodeId};
use crate::pointwise::Function;
use crate::shape::Shape;

const HALF_LOG_TWO_PI: f64 = 0.918_938_533_204_672_8;

/// `log Σ_z ρ(z_1) Π_t Γ(z_{t−1}, z_t) Π_t ω(z_t, t)`: a hidden Markov model with its paths summed out,
/// from `log ω` (states × times, as Stan has it), `Γ` (rows sum to 1) and `ρ`.
pub fn hmm_marginal(
    graph: &mut Graph,
    log_omega: NodeId,
    transitions: NodeId,
    initial: NodeId,
) -> NodeId {
    let Shape { rows, cols } = graph.shape(log_omega);
    let by_time = transpose(graph, log_omega);
    let block = HiddenMarkov {
        times: cols,
        states: rows,
    };
    let sum = graph.block(Arc::new(block), &[by_time, transitions, initial]);
    graph.label(sum, "hmm_marginal");
    sum
}

/// The probability of each state at each time given all observations (states × times), from the
/// arguments of [`hmm_marginal`].
pub fn hmm_hidden_state_prob(
    graph: &mut Graph,
    log_omega: NodeId,
    transitions: NodeId,
    initial: NodeId,
) -> NodeId {
    let Shape { rows, cols } = graph.shape(log_omega);
    let by_time = transpose(graph, log_omega);
    let block = HiddenStateProbabilities {
        times: cols,
        states: rows,
    };
    let probabilities = graph.block(Arc::new(block), &[by_time, transitions, initial]);
    transpose(graph, probabilities)
}

/// The matrices of a dynamic linear model with `n` states and `r` observed variables:
/// `y_t = Fᵀ θ_t + v_t`, `θ_t = G θ_{t−1} + w_t`, `θ_0 ~ N(m_0, C_0)`.
#[derive(Debug, Clone, Copy)]
pub struct DynamicLinearModel {
    /// `F`, n × r.
    pub design: NodeId,
    /// `G`, n × n.
    pub transition: NodeId,
    /// The covariance of `v`, r × r, or a vector of `r` variances.
    pub observation_noise: NodeId,
    /// The covariance of `w`, n × n.
    pub state_noise: NodeId,
    /// `m_0`, a vector.
    pub initial_mean: NodeId,
    /// `C_0`, n × n.
    pub initial_covariance: NodeId,
}

/// The log density of observations (variables × times) with the states integrated out, by the Kalman
/// filter (`[@west1997bayesian, §4.2]`).
///
/// # Panics
/// If shapes do not fit.
pub fn gaussian_dlm_obs(graph: &mut Graph, y: NodeId, model: &DynamicLinearModel) -> NodeId {
    let Shape {
        rows: r,
        cols: n_times,
    } = graph.shape(y);
    let of_noise = graph.shape(model.observation_noise);
    let noise = if of_noise == Shape::matrix(r, r) {
        model.observation_noise
    } else {
        assert_eq!(of_noise.len(), r, "a variance for each variable");
        diag_matrix(graph, model.observation_noise)
    };
    let (design, transition) = (model.design, model.transition);
    let design_rows = transpose(graph, design);
    let transition_rows = transpose(graph, transition);
    let (mut mean, mut covariance) = (model.initial_mean, model.initial_covariance);
    let mut terms = Vec::with_capacity(n_times);
    for t in 0..n_times {
        let prior_mean = graph.matmul(transition, mean);
        let moved = graph.matmul(transition, covariance);
        let moved = graph.matmul(moved, transition_rows);
        let prior = add(graph, moved, model.state_noise);
        let seen = graph.matmul(design_rows, prior);
        let spread = graph.matmul(seen, design);
        let spread = add(graph, spread, noise);
        let factor = cholesky_decompose(graph, spread);
        let observed = pick(graph, y, Shape::vector(r), |i, _| (i, t));
        let predicted = graph.matmul(design_rows, prior_mean);
        let error = subtract(graph, observed, predicted);
        let standard = mdivide_left_tri_low(graph, factor, error);
        // The gain is Xᵀ L⁻¹ with X = L⁻¹ Fᵀ R, and what it takes off the covariance is Xᵀ X.
        let x = mdivide_left_tri_low(graph, factor, seen);
        let gain = transpose(graph, x);
        let change = graph.matmul(gain, standard);
        mean = add(graph, prior_mean, change);
        let known = crossprod(graph, x);
        covariance = subtract(graph, prior, known);
        let square = graph.pointwise(Function::Square, &[standard]);
        let distance = graph.sum(square);
        let exponent = times(graph, distance, -0.5);
        let log_det = sum_log_diagonal(graph, factor);
        terms.push(subtract(graph, exponent, log_det));
    }
    let constant = -(r as f64) * n_times as f64 * HALF_LOG_TWO_PI;
    let constant = graph.constant([constant], Shape::SCALAR);
    terms.push(constant);
    let all = graph.rows(&terms);
    let sum = graph.sum(all);
    graph.label(sum, "gaussian_dlm_obs");
    sum
}
