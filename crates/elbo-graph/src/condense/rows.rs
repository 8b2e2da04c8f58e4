//! Which rows of a value are alike, and the same value with some of its rows.
//!
//! The one idea: what a row-local operation makes of a row is decided by the known numbers and the
//! positions that the row reads. Rows that agree in these have equal values at every point. Deliberately
//! absent: rows that are alike by algebra only.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;

use super::Work;
use super::entries::{is_costly, is_followed, narrow, read_by_gather};
use super::predictor::{shorter, sums};
use crate::graph::{Graph, Node, NodeId, Op};
use crate::plan::{Use, is_row_local, uses};
use crate::shape::Shape;

/// A partition of rows into classes, numbered in order of their first rows.
#[derive(Debug, Clone)]
pub(super) struct Classes {
    pub of_row: Vec<u32>,
    pub n: usize,
}

impl Classes {
    /// All rows in one class.
    pub(super) fn one(n_rows: usize) -> Self {
        Self {
            of_row: vec![0; n_rows],
            n: n_rows.min(1),
        }
    }

    /// Takes rows apart whose keys differ; gives up, with `None`, where there are more than `most`
    /// classes.
    fn split(self, most: usize, key: impl Fn(usize) -> u64) -> Option<Self> {
        let mut numbers = FxHashMap::default();
        let mut of_row = self.of_row;
        for (row, class) in of_row.iter_mut().enumerate() {
            let next = numbers.len();
            let number = *numbers.entry((*class, key(row))).or_insert(next);
            if number == most {
                return None;
            }
            *class = u32::try_from(number).ok()?;
        }
        let n = numbers.len();
        Some(Self { of_row, n })
    }

    /// Takes rows apart that read other positions.
    pub(super) fn split_by_index(self, most: usize, index: &[u32], per_row: usize) -> Option<Self> {
        (0..per_row).try_fold(self, |classes, k| {
            classes.split(most, |row| u64::from(index[row * per_row + k]))
        })
    }

    /// Takes rows apart in which a value may differ.
    pub(super) fn split_by(self, most: usize, work: &mut Work, node: NodeId) -> Option<Self> {
        by_row(&work.graph, node)
            .into_iter()
            .try_fold(self, |classes, id| {
                let Node { op, shape } = &work.graph.nodes[id.index()];
                match op {
                    Op::Constant(values) => (0..shape.cols).try_fold(classes, |classes, k| {
                        classes.split(most, |row| values[row * shape.cols + k].to_bits())
                    }),
                    Op::Gather {
                        source,
                        index,
                        per_row,
                        width,
                    } => {
                        let from = &work.graph.nodes[source.index()];
                        if !is_followed(&from.op, from.shape) {
                            return classes.split_by_index(most, index, *per_row);
                        }
                        let numbers = work.entries.of(&work.graph, *source);
                        (0..per_row * width).try_fold(classes, |classes, k| {
                            classes.split(most, |row| {
                                let entry = row * per_row * width + k;
                                u64::from(numbers[read_by_gather(index, *width, entry)])
                            })
                        })
                    }
                    op if is_row_local(op) => Some(classes),
                    // Rows of their own.
                    _ => classes.split(most, |row| row as u64),
                }
            })
    }

    /// The first row of each class.
    pub(super) fn first_rows(&self) -> Vec<u32> {
        let mut first = vec![0; self.n];
        for (row, class) in self.of_row.iter().enumerate().rev() {
            first[*class as usize] = u32::try_from(row).expect("positions are 32 bits");
        }
        first
    }

    /// The number of rows in each class.
    pub(super) fn sizes(&self) -> Vec<usize> {
        let mut sizes = vec![0; self.n];
        for class in &self.of_row {
            sizes[*class as usize] += 1;
        }
        sizes
    }
}

/// The node and all that it reads row by row, in order of definition.
pub(super) fn by_row(graph: &Graph, node: NodeId) -> Vec<NodeId> {
    let mut found = BTreeSet::from([node]);
    let mut open = vec![node];
    while let Some(id) = open.pop() {
        if !is_row_local(&graph.nodes[id.index()].op) {
            continue;
        }
        for (arg, kind) in uses(graph, id) {
            if kind == Use::ByRow && found.insert(arg) {
                open.push(arg);
            }
        }
    }
    found.into_iter().collect()
}

/// `node` with rows `rows` alone; what is costly and the same in many of them is computed once.
pub(super) fn select(work: &mut Work, node: NodeId, rows: &[u32]) -> NodeId {
    let mut selected = BTreeMap::new();
    let sums = sums(&work.graph, node);
    for id in by_row(&work.graph, node) {
        if sums.contains(&id)
            && let Some(shorter) = shorter(work, id, rows)
        {
            selected.insert(id, shorter);
            continue;
        }
        let Node { op, shape } = work.graph.nodes[id.index()].clone();
        let some = Shape::matrix(rows.len(), shape.cols);
        let new = match op {
            Op::Constant(values) => work.graph.constant(pick(&values, shape.cols, rows), some),
            Op::Gather {
                source,
                index,
                per_row,
                width,
            } => {
                let index = pick(&index, per_row, rows);
                let from = &work.graph.nodes[source.index()];
                if is_followed(&from.op, from.shape) {
                    let read = |entry| narrow(read_by_gather(&index, width, entry));
                    let at: Vec<u32> = (0..some.len()).map(read).collect();
                    work.entries.pick(&mut work.graph, source, &at, some)
                } else {
                    let op = Op::Gather {
                        source,
                        index: index.into(),
                        per_row,
                        width,
                    };
                    work.graph.add(op, some)
                }
            }
            Op::Pointwise { function, .. }
                if is_costly(function)
                    && id != node
                    && let Some(few) = few(work, id, rows) =>
            {
                few
            }
            op if is_row_local(&op) => {
                let kinds: BTreeMap<NodeId, Use> = uses(&work.graph, id).into_iter().collect();
                let op = op.with_args(|arg| match kinds[&arg] {
                    Use::ByRow => selected[&arg],
                    Use::Whole => arg,
                });
                work.graph.add(op, some)
            }
            _ => work.graph.gather(id, rows),
        };
        selected.insert(id, new);
    }
    selected[&node]
}

/// Rows of a value of which many are alike: the others, and copies.
fn few(work: &mut Work, node: NodeId, rows: &[u32]) -> Option<NodeId> {
    let n = work.graph.shape(node).rows;
    let classes = Classes::one(n).split_by(rows.len() / 2, work, node)?;
    let first = classes.first_rows();
    let copies: Vec<u32> = rows.iter().map(|r| classes.of_row[*r as usize]).collect();
    let column = select(work, node, &first);
    work.entries.savings += 1;
    Some(work.graph.gather(column, copies))
}

fn pick<T: Copy>(values: &[T], cols: usize, rows: &[u32]) -> Vec<T> {
    let of = |row: &u32| &values[*row as usize * cols..(*row as usize + 1) * cols];
    rows.iter().flat_map(of).copied().collect()
}
