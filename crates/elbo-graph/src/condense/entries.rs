//! Which entries of values are equal by what they are computed from, and some entries alone.
//!
//! The one idea: an entry is numbered by its operation and the numbers of the entries that it reads, so
//! that equal numbers mean equal values at every point. A gather that reads few of many entries, or equal
//! ones many times, then asks only for those that differ. Deliberately absent: equalities that need
//! algebra.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::graph::{Graph, Node, NodeId, Op};
use crate::pointwise::Function;
use crate::shape::Shape;

/// Operations that entries are followed through, one after the other.
const DEPTH: usize = 32;

/// Values with more entries are not looked into, which bounds the memory for numbers.
const MOST: usize = 1 << 21;

/// Numbers of entries, found when they are asked for.
#[derive(Debug, Default)]
pub(super) struct Entries {
    of_node: BTreeMap<NodeId, Arc<[u32]>>,
    numbers: FxHashMap<(u64, u64), u32>,
    /// How often fewer entries were found to do.
    pub(super) savings: usize,
}

/// What an entry is computed by: the first half of a key, above all numbers of entries.
enum Tag {
    Known = 1,
    Itself = 2,
    Function = 3,
}

impl Entries {
    fn number(&mut self, key: (u64, u64)) -> u32 {
        let next = narrow(self.numbers.len());
        *self.numbers.entry(key).or_insert(next)
    }

    /// The number of every entry of a value.
    pub(super) fn of(&mut self, graph: &Graph, node: NodeId) -> Arc<[u32]> {
        let mut open = vec![(node, false)];
        while let Some((id, is_ready)) = open.pop() {
            if self.of_node.contains_key(&id) {
                continue;
            }
            let Node { op, shape } = &graph.nodes[id.index()];
            if is_followed(op, *shape) && !is_ready {
                open.push((id, true));
                open.extend(op.args().into_iter().map(|arg| (arg, false)));
                continue;
            }
            let numbers = self.computed(graph, id, op, *shape);
            self.of_node.insert(id, numbers);
        }
        Arc::clone(&self.of_node[&node])
    }

    fn computed(&mut self, graph: &Graph, id: NodeId, op: &Op, shape: Shape) -> Arc<[u32]> {
        let tagged = |tag: Tag, what: u64| ((tag as u64) << 60) + what;
        match op {
            op if !is_followed(op, shape) && !matches!(op, Op::Constant(_)) => {
                let itself = tagged(Tag::Itself, id.index() as u64);
                (0..shape.len())
                    .map(|entry| self.number((itself, entry as u64)))
                    .collect()
            }
            Op::Gather {
                source,
                index,
                width,
                ..
            } => {
                let from = &self.of_node[source];
                let read = |entry| from[read_by_gather(index, *width, entry)];
                (0..shape.len()).map(read).collect()
            }
            Op::Rows(parts) => {
                let numbers = parts.iter().flat_map(|part| self.of_node[part].iter());
                numbers.copied().collect()
            }
            Op::Columns(parts) => {
                let row = |r: usize| {
                    let of_node = &self.of_node;
                    parts.iter().flat_map(move |part| {
                        let cols = graph.shape(*part).cols;
                        of_node[part][r * cols..(r + 1) * cols].iter().copied()
                    })
                };
                (0..shape.rows).flat_map(row).collect()
            }
            Op::Pointwise { function, args } => {
                let args: Vec<(Arc<[u32]>, Shape)> = args
                    .iter()
                    .map(|arg| (Arc::clone(&self.of_node[arg]), graph.shape(*arg)))
                    .collect();
                let function = tagged(Tag::Function, *function as u64);
                let number = |entry: usize| {
                    args.iter()
                        .fold(None, |before: Option<u32>, (numbers, from)| {
                            let own = u64::from(numbers[repeated(entry, shape, *from)]);
                            let first = before.map_or(function, u64::from);
                            Some(self.number((first, own)))
                        })
                };
                let numbers: Option<Vec<u32>> = (0..shape.len()).map(number).collect();
                numbers.expect("functions have arguments").into()
            }
            Op::Constant(values) => {
                let known = tagged(Tag::Known, 0);
                let number = |x: &f64| self.number((known, x.to_bits()));
                values.iter().map(number).collect()
            }
            _ => unreachable!("what is followed is one of these"),
        }
    }

    /// Entries `at` of a value, in this shape, computed without those that are not asked for.
    pub(super) fn pick(
        &mut self,
        graph: &mut Graph,
        node: NodeId,
        at: &[u32],
        shape: Shape,
    ) -> NodeId {
        self.pick_within(graph, node, at, shape, DEPTH)
    }

    fn pick_within(
        &mut self,
        graph: &mut Graph,
        node: NodeId,
        at: &[u32],
        shape: Shape,
        depth: usize,
    ) -> NodeId {
        let is_computed = matches!(graph.nodes[node.index()].op, Op::Pointwise { .. });
        let (distinct, class) = self.distinct(graph, node, at);
        if 2 * distinct.len() > at.len() {
            return self.follow(graph, node, at, shape, depth);
        }
        self.savings += usize::from(is_computed);
        let column = Shape::vector(distinct.len());
        let few = self.follow(graph, node, &distinct, column, depth);
        gather(graph, few, &class, shape)
    }

    /// The first of equal entries each, and for every entry which of them it is.
    pub(super) fn distinct(
        &mut self,
        graph: &Graph,
        node: NodeId,
        at: &[u32],
    ) -> (Vec<u32>, Vec<u32>) {
        let numbers = self.of(graph, node);
        let (mut first, mut seen) = (Vec::new(), FxHashMap::default());
        let class = at.iter().map(|entry| {
            let next = narrow(first.len());
            *seen.entry(numbers[*entry as usize]).or_insert_with(|| {
                first.push(*entry);
                next
            })
        });
        let class = class.collect();
        (first, class)
    }

    fn follow(
        &mut self,
        graph: &mut Graph,
        node: NodeId,
        at: &[u32],
        shape: Shape,
        depth: usize,
    ) -> NodeId {
        let Node { op, shape: from } = graph.nodes[node.index()].clone();
        let is_all = at.len() == from.len() && (0..).zip(at).all(|(i, a)| i == *a);
        if depth == 0 || (is_all && !matches!(op, Op::Pointwise { .. })) {
            return gather(graph, node, at, shape);
        }
        match op {
            Op::Constant(values) => {
                let some: Vec<f64> = at.iter().map(|e| values[*e as usize]).collect();
                graph.constant(some, shape)
            }
            Op::Gather {
                source,
                index,
                width,
                ..
            } => {
                let entry = |e: &u32| narrow(read_by_gather(&index, width, *e as usize));
                let at: Vec<u32> = at.iter().map(entry).collect();
                self.pick_within(graph, source, &at, shape, depth - 1)
            }
            Op::Rows(parts) => self.of_parts(graph, &parts, at, shape, depth - 1),
            Op::Pointwise { function, args } => {
                let before = self.savings;
                let args: Vec<NodeId> = args
                    .into_iter()
                    .map(|arg| {
                        let own = graph.shape(arg);
                        if own.is_scalar() {
                            return arg;
                        }
                        let entry = |e: &u32| narrow(repeated(*e as usize, from, own));
                        let at: Vec<u32> = at.iter().map(entry).collect();
                        self.pick_within(graph, arg, &at, shape, depth - 1)
                    })
                    .collect();
                if 2 * at.len() > from.len() && self.savings == before {
                    return gather(graph, node, at, shape);
                }
                self.savings += 1;
                let some = graph.pointwise(function, &args);
                // Functions of common numbers alone are common.
                if graph.shape(some) == shape {
                    some
                } else {
                    gather(graph, node, at, shape)
                }
            }
            _ => gather(graph, node, at, shape),
        }
    }

    /// Entries of values that lie one below the other.
    fn of_parts(
        &mut self,
        graph: &mut Graph,
        parts: &[NodeId],
        at: &[u32],
        shape: Shape,
        depth: usize,
    ) -> NodeId {
        let mut ends = Vec::new();
        for part in parts {
            let before = ends.last().copied().unwrap_or(0);
            ends.push(before + graph.shape(*part).len());
        }
        let mut wanted: Vec<Vec<u32>> = vec![Vec::new(); parts.len()];
        let mut places = Vec::with_capacity(at.len());
        for entry in at {
            let part = ends.partition_point(|end| *end <= *entry as usize);
            let first = part.checked_sub(1).map_or(0, |before| ends[before]);
            places.push((part, wanted[part].len()));
            let within = *entry as usize - first;
            wanted[part].push(narrow(within));
        }
        let mut offsets = vec![0; parts.len()];
        let (mut some, mut offset) = (Vec::new(), 0);
        for (k, (part, at)) in parts.iter().zip(&wanted).enumerate() {
            offsets[k] = offset;
            offset += at.len();
            if !at.is_empty() {
                let column = Shape::vector(at.len());
                some.push(self.pick_within(graph, *part, at, column, depth));
            }
        }
        let all = match some[..] {
            [one] => one,
            _ => graph.rows(&some),
        };
        let index = places.into_iter();
        let index: Vec<u32> = index.map(|(part, at)| narrow(offsets[part] + at)).collect();
        gather(graph, all, &index, shape)
    }
}

/// The entry of its source that a gather's entry is.
pub(super) fn read_by_gather(index: &[u32], width: usize, entry: usize) -> usize {
    index[entry / width] as usize * width + entry % width
}

/// Whether equal entries of what an operation computes are looked for.
pub(super) fn is_followed(op: &Op, shape: Shape) -> bool {
    let kind = matches!(
        op,
        Op::Gather { .. } | Op::Rows(_) | Op::Columns(_) | Op::Pointwise { .. }
    );
    kind && shape.len() <= MOST
}

/// Whether a function takes much longer than reading its arguments.
pub(super) fn is_costly(function: Function) -> bool {
    use Function::{Add, Divide, Multiply, MultiplyAdd, Negate, Square, Subtract};
    !matches!(
        function,
        Add | Divide | Multiply | MultiplyAdd | Negate | Square | Subtract
    )
}

/// The entry of a value of shape `own` that is repeated at `entry` of `shape`.
fn repeated(entry: usize, shape: Shape, own: Shape) -> usize {
    let (row, col) = (entry / shape.cols, entry % shape.cols);
    let row = if own.rows == 1 { 0 } else { row };
    let col = if own.cols == 1 { 0 } else { col };
    row * own.cols + col
}

fn gather(graph: &mut Graph, source: NodeId, at: &[u32], shape: Shape) -> NodeId {
    let is_whole = graph.shape(source) == shape && (0..).zip(at).all(|(i, a)| i == *a);
    if is_whole {
        return source;
    }
    graph.elements(source, at, shape)
}

pub(super) fn narrow(entry: usize) -> u32 {
    u32::try_from(entry).expect("entries are 32 bits")
}
