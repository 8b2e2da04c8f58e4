//! The same log density from fewer rows, for when all rows are wanted.
//!
//! The one idea: data enter many densities only through a few sums. Normal densities with a linear mean
//! need a triangular factor of the data ([`squares`]); rows that are equal are computed once and
//! counted ([`rows`]); outcomes are signs of a design matrix ([`logistic`]). A mini-batch needs the rows themselves, so a program keeps both. Deliberately
//! absent: approximations; what is condensed is the same number but for rounding.

mod entries;
mod linear;
mod logistic;
mod predictor;
mod rows;
mod squares;
#[cfg(test)]
mod tests;

use crate::graph::{Graph, Node, NodeId, Op};
use crate::plan::is_row_local;
use crate::pointwise::Function;
use crate::shape::Shape;
use entries::Entries;
use logistic::logistic;
use rows::{Classes, select};

/// The same log density from fewer rows.
pub(crate) struct Condensed {
    /// Begins with the graph that was condensed.
    pub graph: Graph,
    pub terms: Vec<NodeId>,
    /// Terms that have fewer rows now, and how many.
    pub rows: Vec<(NodeId, usize)>,
}

/// The graph as it grows, and what is known of its entries.
struct Work {
    graph: Graph,
    entries: Entries,
}

/// Condenses what can be; `None` if nothing can.
pub(crate) fn condense(graph: &Graph, terms: &[NodeId]) -> Option<Condensed> {
    let mut work = Work {
        graph: graph.clone(),
        entries: Entries::default(),
    };
    let (mut new, mut rows) = (Vec::new(), Vec::new());
    for term in terms {
        match parts(&mut work, *term) {
            Some((parts, left)) => {
                new.extend(parts);
                rows.push((*term, left));
            }
            None => new.push(*term),
        }
    }
    (!rows.is_empty()).then_some(Condensed {
        graph: work.graph,
        terms: new,
        rows,
    })
}

fn parts(work: &mut Work, term: NodeId) -> Option<(Vec<NodeId>, usize)> {
    let Node { op, shape } = &work.graph.nodes[term.index()];
    // A known difference, as between a lognormal density and the normal one of the logarithm.
    if let Op::Pointwise {
        function: Function::Subtract,
        args,
    } = op
        && let &[density, known] = args.as_slice()
        && let Some(values) = work.graph.known(known)
        && work.graph.shape(density) == *shape
    {
        let times = shape.len() / values.len();
        let rest = -values.iter().sum::<f64>() * times as f64;
        let (mut parts, rows) = squares::normal(work, density)?;
        parts.push(work.graph.constant([rest], Shape::SCALAR));
        return Some((parts, rows));
    }
    squares::normal(work, term).or_else(|| distinct(work, term))
}

/// Equal rows counted once, and what is equal in many rows computed once.
fn distinct(work: &mut Work, term: NodeId) -> Option<(Vec<NodeId>, usize)> {
    let Node { op, shape } = &work.graph.nodes[term.index()];
    let n = shape.rows;
    if n < 3 || !is_row_local(op) {
        return None;
    }
    let before = work.entries.savings;
    let Some(classes) = Classes::one(n).split_by(n / 2, work, term) else {
        if let Some(shorter) = logistic(work, term) {
            return Some((vec![shorter], n));
        }
        let all: Vec<u32> = (0..entries::narrow(n)).collect();
        let same = select(work, term, &all);
        return (work.entries.savings > before).then_some((vec![same], n));
    };
    let some = select(work, term, &classes.first_rows());
    let counts: Vec<f64> = classes.sizes().into_iter().map(|n| n as f64).collect();
    let counts = work.graph.constant(counts, Shape::vector(classes.n));
    let part = work.graph.pointwise(Function::Multiply, &[counts, some]);
    Some((vec![part], classes.n))
}
