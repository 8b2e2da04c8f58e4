//! Constraints on single numbers: bounds, and an offset with a multiplier.
//!
//! The one idea: where a bound is known to be infinite, there is none. Entries are sorted by the
//! kinds of their bounds when the graph is built, so nothing is decided at run time.

use super::{Constrained, number, position};
use crate::graph::{Graph, NodeId};
use crate::pointwise::Function;
use crate::shape::Shape;

/// Which bounds an entry has: lower, upper.
type Kind = (bool, bool);

/// `lower + eʸ`, `upper − eʸ`, or `lower + (upper − lower) / (1 + e⁻ʸ)`.
pub(super) fn between(
    graph: &mut Graph,
    free: NodeId,
    lower: Option<NodeId>,
    upper: Option<NodeId>,
) -> Constrained {
    let shape = graph.shape(free);
    let kinds: Vec<Kind> = (0..shape.len())
        .map(|entry| {
            let exists = |bound: Option<NodeId>, none: f64| {
                bound.is_some_and(|b| known_entry(graph, b, shape, entry) != Some(none))
            };
            (
                exists(lower, f64::NEG_INFINITY),
                exists(upper, f64::INFINITY),
            )
        })
        .collect();
    let Some(first) = kinds.first() else {
        return Constrained::plain(free);
    };
    if kinds.iter().all(|kind| kind == first) {
        let lower = lower.filter(|_| first.0);
        let upper = upper.filter(|_| first.1);
        return uniform(graph, free, lower, upper);
    }
    sorted(graph, free, &kinds, lower, upper)
}

/// Constrains entries of each kind by themselves and puts them back in their places.
fn sorted(
    graph: &mut Graph,
    free: NodeId,
    kinds: &[Kind],
    lower: Option<NodeId>,
    upper: Option<NodeId>,
) -> Constrained {
    let shape = graph.shape(free);
    let mut places = vec![0; shape.len()];
    let (mut parts, mut log_jacobian, mut done) = (Vec::new(), Vec::new(), 0);
    for kind in [(false, false), (false, true), (true, false), (true, true)] {
        let entries: Vec<usize> = (0..kinds.len()).filter(|e| kinds[*e] == kind).collect();
        if entries.is_empty() {
            continue;
        }
        let pick = |graph: &mut Graph, source: NodeId| {
            let from = graph.shape(source);
            let index: Vec<u32> = entries
                .iter()
                .map(|e| position(source_entry(from, shape, *e)))
                .collect();
            graph.elements(source, index, Shape::vector(entries.len()))
        };
        let part = pick(graph, free);
        let lower = lower.filter(|_| kind.0).map(|b| pick(graph, b));
        let upper = upper.filter(|_| kind.1).map(|b| pick(graph, b));
        let done_part = uniform(graph, part, lower, upper);
        parts.push(done_part.value);
        log_jacobian.extend(done_part.log_jacobian);
        for (i, entry) in entries.iter().enumerate() {
            places[*entry] = position(done + i);
        }
        done += entries.len();
    }
    let all = graph.rows(&parts);
    Constrained {
        value: graph.elements(all, places, shape),
        log_jacobian,
    }
}

fn uniform(
    graph: &mut Graph,
    free: NodeId,
    lower: Option<NodeId>,
    upper: Option<NodeId>,
) -> Constrained {
    let shape = graph.shape(free);
    match (lower, upper) {
        (None, None) => Constrained::plain(free),
        (Some(lower), None) => {
            let e = graph.pointwise(Function::Exp, &[free]);
            Constrained {
                value: graph.pointwise(Function::Add, &[lower, e]),
                log_jacobian: vec![free],
            }
        }
        (None, Some(upper)) => {
            let e = graph.pointwise(Function::Exp, &[free]);
            Constrained {
                value: graph.pointwise(Function::Subtract, &[upper, e]),
                log_jacobian: vec![free],
            }
        }
        (Some(lower), Some(upper)) => {
            let width = graph.pointwise(Function::Subtract, &[upper, lower]);
            let part = graph.pointwise(Function::InvLogit, &[free]);
            let above = graph.pointwise(Function::Multiply, &[width, part]);
            // log p + log (1 − p) with p = 1 / (1 + e⁻ʸ) is 2 log p − y, which loses nothing.
            let log_p = graph.pointwise(Function::LogInvLogit, &[free]);
            let twice = graph.pointwise(Function::Add, &[log_p, log_p]);
            let log_derivative = graph.pointwise(Function::Subtract, &[twice, free]);
            let log_width = graph.pointwise(Function::Log, &[width]);
            Constrained {
                value: graph.pointwise(Function::Add, &[lower, above]),
                log_jacobian: vec![log_derivative, repeated(graph, log_width, shape)],
            }
        }
    }
}

/// `offset + multiplier · y`.
pub(super) fn affine(
    graph: &mut Graph,
    free: NodeId,
    offset: NodeId,
    multiplier: NodeId,
) -> Constrained {
    let shape = graph.shape(free);
    let scaled = graph.pointwise(Function::Multiply, &[multiplier, free]);
    let log_multiplier = graph.pointwise(Function::Log, &[multiplier]);
    Constrained {
        value: graph.pointwise(Function::Add, &[offset, scaled]),
        log_jacobian: vec![repeated(graph, log_multiplier, shape)],
    }
}

/// A node whose entries add up to those of `term` repeated to `shape`.
fn repeated(graph: &mut Graph, term: NodeId, shape: Shape) -> NodeId {
    let times = shape.len() / graph.shape(term).len().max(1);
    if times == 1 {
        return term;
    }
    let times = number(graph, times as f64);
    graph.pointwise(Function::Multiply, &[term, times])
}

/// Entry `entry` of `bound` repeated to `shape`, if it is known.
fn known_entry(graph: &Graph, bound: NodeId, shape: Shape, entry: usize) -> Option<f64> {
    let values = graph.known(bound)?;
    Some(values[source_entry(graph.shape(bound), shape, entry)])
}

/// The entry of a value of shape `from` that entry `entry` of its repetition to `to` repeats.
fn source_entry(from: Shape, to: Shape, entry: usize) -> usize {
    let (row, col) = (entry / to.cols, entry % to.cols);
    let row = if from.rows == 1 { 0 } else { row };
    let col = if from.cols == 1 { 0 } else { col };
    row * from.cols + col
}
