//! Log densities of vectors and matrices, as nodes of a graph.
//!
//! The one idea: a value is a row, and many rows that share a factor are one call: the result has an
//! entry for each, its terms treat rows independently, and so they become a plate. All constants are
//! there. A mean or parameter of one row is repeated. Deliberately absent: univariate densities, and
//! checks of what parameters may be: outside of it the result is NaN.

mod correlation;
mod normal;
mod simplex;
mod state_space;
#[cfg(test)]
mod state_space_tests;
mod student;
#[cfg(test)]
mod tests;
mod wishart;

use std::sync::Arc;

use crate::block::LogMultivariateGamma;
use crate::graph::{Graph, NodeId};
use crate::pointwise::Function;
use crate::shape::Shape;

pub use correlation::{lkj_corr, lkj_corr_cholesky, lkj_cov};
pub use normal::{
    matrix_normal_prec, multi_gp, multi_gp_cholesky, multi_normal, multi_normal_cholesky,
    multi_normal_prec,
};
pub use simplex::{dirichlet, dirichlet_multinomial};
pub use state_space::{DynamicLinearModel, gaussian_dlm_obs, hmm_hidden_state_prob, hmm_marginal};
pub use student::{multi_student_t, multi_student_t_cholesky};
pub use wishart::{inv_wishart, inv_wishart_cholesky, wishart, wishart_cholesky};

fn number(graph: &mut Graph, value: f64) -> NodeId {
    graph.constant([value], Shape::SCALAR)
}

fn add(graph: &mut Graph, a: NodeId, b: NodeId) -> NodeId {
    graph.pointwise(Function::Add, &[a, b])
}

fn subtract(graph: &mut Graph, a: NodeId, b: NodeId) -> NodeId {
    graph.pointwise(Function::Subtract, &[a, b])
}

fn multiply(graph: &mut Graph, a: NodeId, b: NodeId) -> NodeId {
    graph.pointwise(Function::Multiply, &[a, b])
}

/// `c a`.
fn times(graph: &mut Graph, a: NodeId, c: f64) -> NodeId {
    let c = number(graph, c);
    multiply(graph, a, c)
}

/// `a + c`.
fn plus(graph: &mut Graph, a: NodeId, c: f64) -> NodeId {
    let c = number(graph, c);
    add(graph, a, c)
}

fn log(graph: &mut Graph, a: NodeId) -> NodeId {
    graph.pointwise(Function::Log, &[a])
}

/// Each row's sum of squares.
fn squares(graph: &mut Graph, a: NodeId) -> NodeId {
    let square = graph.pointwise(Function::Square, &[a]);
    graph.row_sum(square)
}

fn log_gamma(graph: &mut Graph, a: NodeId) -> NodeId {
    graph.pointwise(Function::LogGamma, &[a])
}

/// `log Γ_d` of each entry.
pub fn log_multivariate_gamma(graph: &mut Graph, dimensions: usize, a: NodeId) -> NodeId {
    graph.block(Arc::new(LogMultivariateGamma { dimensions }), &[a])
}
