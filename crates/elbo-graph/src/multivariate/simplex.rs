//! Densities of probabilities, and of counts whose probabilities are integrated out, one row each.
//!
//! Deliberately absent: the multinomial itself, which is a row of [`DENSITIES`](crate::DENSITIES).

use super::{add, log_gamma, plus, subtract};
use crate::graph::{Graph, NodeId};
use crate::pointwise::Function;

/// `log Dirichlet(θ | α)` of each row of `theta`.
pub fn dirichlet(graph: &mut Graph, theta: NodeId, alpha: NodeId) -> NodeId {
    let powers = plus(graph, alpha, -1.0);
    let entries = graph.pointwise(Function::LogMultiply, &[powers, theta]);
    let kernel = graph.row_sum(entries);
    let constant = log_inverse_beta(graph, alpha);
    add(graph, kernel, constant)
}

/// `log Γ(Σ α) − Σ log Γ(α)` of each row.
fn log_inverse_beta(graph: &mut Graph, alpha: NodeId) -> NodeId {
    let sum = graph.row_sum(alpha);
    let of_sum = log_gamma(graph, sum);
    let each = log_gamma(graph, alpha);
    let of_each = graph.row_sum(each);
    subtract(graph, of_sum, of_each)
}

/// `log (N! / Π n!)` of each row.
fn log_coefficient(graph: &mut Graph, counts: NodeId) -> NodeId {
    let total = graph.row_sum(counts);
    let total = plus(graph, total, 1.0);
    let total = log_gamma(graph, total);
    let each = plus(graph, counts, 1.0);
    let each = log_gamma(graph, each);
    let each = graph.row_sum(each);
    subtract(graph, total, each)
}

/// `log DirichletMultinomial(n | α)` of each row of `counts`.
pub fn dirichlet_multinomial(graph: &mut Graph, counts: NodeId, alpha: NodeId) -> NodeId {
    let coefficient = log_coefficient(graph, counts);
    let prior = log_inverse_beta(graph, alpha);
    let posterior = add(graph, counts, alpha);
    let posterior = log_inverse_beta(graph, posterior);
    let ratio = subtract(graph, prior, posterior);
    add(graph, coefficient, ratio)
}
