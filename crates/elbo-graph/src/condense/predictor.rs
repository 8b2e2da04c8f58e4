//! Linear predictors with as few operations as they need.
//!
//! The one idea: numbers that all rows read go through one product with a matrix, however many they are
//! and however the program has written it. Deliberately absent: finding what is linear.

use std::collections::BTreeMap;

use super::Work;
use super::linear::{Entry, linear};
use super::rows::by_row;
use crate::graph::{Graph, NodeId, Op};
use crate::plan::is_row_local;
use crate::pointwise::Function;
use crate::shape::Shape;

/// `Σ_k c_k s_k`, given `(s_k, c_k)` with a coefficient for each row; row `r` reads what row `like[r]` of
/// the data reads. `None` if nothing is added up.
pub(super) fn predictor<'a>(
    graph: &mut Graph,
    parts: impl Iterator<Item = (&'a (NodeId, Entry), &'a [f64])>,
    like: &[u32],
) -> Option<NodeId> {
    let rows = Shape::vector(like.len());
    let (mut shared, mut columns) = (Vec::new(), Vec::new());
    let mut effects = Vec::new();
    for ((source, entry), coefficients) in parts {
        match entry {
            Entry::One(at) => {
                shared.push((*source, *at));
                columns.push(coefficients);
            }
            Entry::ByRow(index) => {
                let at: Vec<u32> = like.iter().map(|r| index[*r as usize]).collect();
                let mut effect = entries(graph, *source, at);
                if coefficients.iter().any(|c| *c != 1.0) {
                    let by = graph.constant(coefficients, rows);
                    effect = graph.pointwise(Function::Multiply, &[by, effect]);
                }
                effects.push(effect);
            }
        }
    }
    if !shared.is_empty() {
        let numbers = stacked(graph, &shared);
        let design = (0..like.len()).flat_map(|r| columns.iter().map(move |c| c[r]));
        let design: Vec<f64> = design.collect();
        let shape = Shape::matrix(like.len(), columns.len());
        let design = graph.constant(design, shape);
        // First, since others can be added to it in place.
        effects.insert(0, graph.matmul(design, numbers));
    }
    let sum = |a, b| graph.pointwise(Function::Add, &[a, b]);
    effects.into_iter().reduce(sum)
}

/// Rows of a linear value from fewer operations than it is written in; `None` if it is not.
pub(super) fn shorter(work: &mut Work, node: NodeId, rows: &[u32]) -> Option<NodeId> {
    let shape = work.graph.shape(node);
    if shape.cols != 1 || shape.rows < 3 {
        return None;
    }
    let nodes = by_row(&work.graph, node).into_iter();
    let written = nodes.filter(|id| is_row_local(&work.graph.nodes[id.index()].op));
    let written = written.count();
    // A product with a matrix and an addition are as short as can be.
    if written < 3 {
        return None;
    }
    let form = linear(work, node, shape.rows)?.pop()?;
    // Rows of what is not linear are left where they are computed row by row.
    let is_all = rows.len() == shape.rows && (0..).zip(rows).all(|(i, r)| i == *r);
    let is_local =
        |(source, _): &(NodeId, Entry)| is_row_local(&work.graph.nodes[source.index()].op);
    if !is_all && form.parts.keys().any(is_local) {
        return None;
    }
    let of_rows = |column: &Vec<f64>| rows.iter().map(|r| column[*r as usize]).collect();
    let columns: Vec<Vec<f64>> = form.parts.values().map(of_rows).collect();
    let known: Vec<f64> = of_rows(&form.known);
    let has_known = known.iter().any(|x| *x != 0.0);
    let needed = form.parts.iter().map(|((_, entry), c)| match entry {
        Entry::One(_) => 0,
        // A gather, an addition, and a product.
        Entry::ByRow(_) => 2 + usize::from(c.iter().any(|c| *c != 1.0)),
    });
    let is_shared = form.parts.keys().any(|(_, e)| matches!(e, Entry::One(_)));
    let needed = needed.sum::<usize>() + usize::from(is_shared) + usize::from(has_known);
    if needed >= written {
        return None;
    }
    let parts = form.parts.keys().zip(&columns);
    let parts = parts.map(|(part, c)| (part, c.as_slice()));
    let sum = predictor(&mut work.graph, parts, rows)?;
    work.entries.savings += 1;
    if !has_known {
        return Some(sum);
    }
    let known = work.graph.constant(known, Shape::vector(rows.len()));
    Some(work.graph.pointwise(Function::Add, &[sum, known]))
}

/// Sums that something else than a sum reads, among what `node` is made of.
pub(super) fn sums(graph: &Graph, node: NodeId) -> Vec<NodeId> {
    let mut read_by_sums = BTreeMap::new();
    for id in by_row(graph, node) {
        let op = &graph.nodes[id.index()].op;
        let is_sum = is_linear(op);
        if is_sum {
            read_by_sums.entry(id).or_insert(true);
        }
        for arg in op.args() {
            read_by_sums
                .entry(arg)
                .and_modify(|all| *all &= is_sum)
                .or_insert(is_sum);
        }
    }
    let outer = |id: &NodeId| {
        let op = &graph.nodes[id.index()].op;
        is_linear(op) && !read_by_sums[id]
    };
    by_row(graph, node).into_iter().filter(outer).collect()
}

fn is_linear(op: &Op) -> bool {
    use Function::{Add, Multiply, MultiplyAdd, Negate, Subtract};
    match op {
        Op::Pointwise { function, .. } => {
            matches!(function, Add | Multiply | MultiplyAdd | Negate | Subtract)
        }
        Op::RowSum(_) => true,
        _ => false,
    }
}

/// Entries of a value as a column.
fn entries(graph: &mut Graph, source: NodeId, at: Vec<u32>) -> NodeId {
    let shape = Shape::vector(at.len());
    let is_whole = graph.shape(source) == shape && (0..).zip(&at).all(|(i, a)| i == *a);
    if is_whole {
        return source;
    }
    graph.elements(source, at, shape)
}

/// Entries of values, one below the other.
fn stacked(graph: &mut Graph, numbers: &[(NodeId, u32)]) -> NodeId {
    let parts: Vec<NodeId> = numbers
        .chunk_by(|a, b| a.0 == b.0)
        .map(|same| entries(graph, same[0].0, same.iter().map(|n| n.1).collect()))
        .collect();
    match parts[..] {
        [one] => one,
        _ => graph.rows(&parts),
    }
}
