//! The same log density from fewer rows, for when all rows are wanted.
//!
//! The one idea: data enter many densities only through a few sums. Normal densities with a linear mean
//! need a triangular factor of the data ([`squares`]); rows that are equal are computed once and
//! counted ([`rows`]). A mini-batch needs the rows themselves, so a program keeps both. Deliberately
//! absent: approximations; what is condensed is the same number but for rounding.

mod linear;
mod rows;
mod squares;
#[cfg(test)]
mod tests;

use crate::graph::{Graph, NodeId, Op};
use crate::pointwise::Function;
use crate::shape::Shape;
use rows::{Classes, select};

/// The same log density from fewer rows.
pub(crate) struct Condensed {
    /// Begins with the graph that was condensed.
    pub graph: Graph,
    pub terms: Vec<NodeId>,
    /// Terms that have fewer rows now, and how many.
    pub rows: Vec<(NodeId, usize)>,
}

/// Condenses what can be; `None` if nothing can.
pub(crate) fn condense(graph: &Graph, terms: &[NodeId]) -> Option<Condensed> {
    let mut condensed = Condensed {
        graph: graph.clone(),
        terms: Vec::new(),
        rows: Vec::new(),
    };
    for term in terms {
        match parts(&mut condensed.graph, *term) {
            Some((parts, rows)) => {
                condensed.terms.extend(parts);
                condensed.rows.push((*term, rows));
            }
            None => condensed.terms.push(*term),
        }
    }
    (!condensed.rows.is_empty()).then_some(condensed)
}

fn parts(graph: &mut Graph, term: NodeId) -> Option<(Vec<NodeId>, usize)> {
    if graph.known(term).is_some() {
        return None;
    }
    // A known difference, as between a lognormal density and the normal one of the logarithm.
    if let Op::Pointwise {
        function: Function::Subtract,
        args,
    } = &graph.nodes[term.index()].op
        && let &[density, known] = args.as_slice()
        && let Some(values) = graph.known(known)
        && graph.shape(density) == graph.shape(term)
    {
        let times = graph.shape(term).len() / values.len();
        let rest = -values.iter().sum::<f64>() * times as f64;
        let (mut parts, rows) = squares::normal(graph, density)?;
        parts.push(graph.constant([rest], Shape::SCALAR));
        return Some((parts, rows));
    }
    squares::normal(graph, term).or_else(|| distinct(graph, term))
}

/// Equal rows counted once.
fn distinct(graph: &mut Graph, term: NodeId) -> Option<(Vec<NodeId>, usize)> {
    let n = graph.shape(term).rows;
    let classes = Classes::one(n).split_by(n / 2, graph, term)?;
    let some = select(graph, term, &classes.first_rows());
    let counts: Vec<f64> = classes.sizes().into_iter().map(|n| n as f64).collect();
    let counts = graph.constant(counts, Shape::vector(classes.n));
    let part = graph.pointwise(Function::Multiply, &[counts, some]);
    Some((vec![part], classes.n))
}
