//! Logistic densities whose outcomes are part of the design matrix.
//!
//! The one idea: `log inv_logit(s (α + xᵀβ))`, with the known sign `s` of an outcome, is that of one
//! product of the numbers `(α, β)` with the row `(s, s x)`. Deliberately absent: effects of groups, of
//! which each would take a product.

use super::Work;
use super::linear::{Entry, linear};
use super::predictor::predictor;
use crate::graph::{Node, NodeId, Op};
use crate::pointwise::Function;
use crate::shape::Shape;

/// The most coefficients: where there are more, their product takes most of the time, and the matrix
/// most of the memory.
const MOST_COLUMNS: usize = 16;

/// The density `term` with outcomes in its design matrix; `None` if it is no such density.
pub(super) fn logistic(work: &mut Work, term: NodeId) -> Option<NodeId> {
    let Node { op, shape } = &work.graph.nodes[term.index()];
    let (Op::Pointwise { function, args }, n) = (op, shape.rows) else {
        return None;
    };
    let (Function::BernoulliLogit, &[sign, logit], 1) = (function, args.as_slice(), shape.cols)
    else {
        return None;
    };
    let sign = work.graph.known(sign)?.to_vec();
    let mut form = linear(work, logit, n)?.pop()?;
    let is_shared = |(_, entry): &(NodeId, Entry)| matches!(entry, Entry::One(_));
    if !(1..=MOST_COLUMNS).contains(&form.parts.len()) || !form.parts.keys().all(is_shared) {
        return None;
    }
    form.scale(|row| sign[row % sign.len()]);
    let all: Vec<u32> = (0..u32::try_from(n).ok()?).collect();
    let parts = form.parts.iter().map(|(part, c)| (part, c.as_slice()));
    let mut sum = predictor(&mut work.graph, parts, &all)?;
    if form.known.iter().any(|x| *x != 0.0) {
        let known = work.graph.constant(form.known, Shape::vector(n));
        sum = work.graph.pointwise(Function::Add, &[sum, known]);
    }
    let success = work.graph.constant([1.0], Shape::SCALAR);
    let args = [success, sum];
    Some(work.graph.pointwise(Function::BernoulliLogit, &args))
}
