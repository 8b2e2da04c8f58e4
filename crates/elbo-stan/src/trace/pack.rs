//! Numbers from anywhere as one node.
//!
//! The one idea: most arguments are consecutive entries of one node, which is then taken as it is or
//! by its rows; only what is mixed is copied together.

use std::collections::HashMap;
use std::sync::Arc;

use elbo_graph::{Graph, NodeId, Shape, reshape};

use super::narrow;
use super::number::{Number, Symbol};

/// Where the entries of a group's instances are.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// Not made.
    Absent,
    /// One node holds all instances, one after the other.
    Whole(NodeId),
    /// For each instance a node, and where in it its entries begin.
    Parts(Vec<Option<(NodeId, u32)>>),
}

/// In place of a source: a known number.
const KNOWN: u32 = u32::MAX;

/// Nodes so far.
#[derive(Debug)]
pub(super) struct Packer {
    pub(super) graph: Graph,
    pub(super) places: Vec<Place>,
    /// The number of entries of an instance of each group.
    pub(super) lengths: Vec<u32>,
    /// Entries that have been picked before.
    picked: HashMap<(NodeId, Shape, Arc<[u32]>), NodeId>,
}

impl Packer {
    pub(super) fn new(graph: Graph, lengths: Vec<u32>) -> Self {
        Self {
            graph,
            places: vec![Place::Absent; lengths.len()],
            lengths,
            picked: HashMap::new(),
        }
    }

    fn locate(&self, symbol: Symbol) -> (NodeId, u32) {
        match &self.places[symbol.group as usize] {
            Place::Whole(node) => (*node, symbol.entry),
            Place::Parts(parts) => {
                let length = self.lengths[symbol.group as usize];
                let part = parts[(symbol.entry / length) as usize];
                let (node, first) = part.expect("what is needed is made before");
                (node, first + symbol.entry % length)
            }
            Place::Absent => unreachable!("what is needed is made before"),
        }
    }

    /// The numbers as a node of a shape, row-major.
    pub(super) fn pack(&mut self, numbers: &[Number], shape: Shape) -> NodeId {
        let mut known = Vec::new();
        // Sources in the order in which they are met, and for each number its source and entry.
        let mut sources: Vec<NodeId> = Vec::new();
        let mut seen: HashMap<NodeId, u32> = HashMap::new();
        let mut entries: Vec<(u32, u32)> = Vec::with_capacity(numbers.len());
        let mut last = None;
        for number in numbers {
            match number {
                Number::Known(x) => {
                    entries.push((KNOWN, narrow(known.len())));
                    known.push(*x);
                }
                Number::Symbol(symbol) => {
                    let (node, entry) = self.locate(*symbol);
                    let source = match last {
                        Some((n, source)) if n == node => source,
                        _ => *seen.entry(node).or_insert_with(|| {
                            sources.push(node);
                            narrow(sources.len()) - 1
                        }),
                    };
                    last = Some((node, source));
                    entries.push((source, entry));
                }
            }
        }
        match sources.as_slice() {
            [] => self.graph.constant(known, shape),
            [source] if known.is_empty() => {
                let index: Vec<u32> = entries.into_iter().map(|(_, entry)| entry).collect();
                self.pick(*source, index, shape)
            }
            _ => self.mixed(&sources, known, &entries, shape),
        }
    }

    /// Entries of one node.
    fn pick(&mut self, source: NodeId, index: Vec<u32>, shape: Shape) -> NodeId {
        let from = self.graph.shape(source);
        let follow = |index: &[u32]| index.windows(2).all(|pair| pair[0] + 1 == pair[1]);
        if index.len() == from.len() && index[0] == 0 && follow(&index) {
            if from == shape {
                return source;
            }
        } else if shape.cols > 1 && shape.cols == from.cols {
            let width = narrow(shape.cols);
            let whole = |row: &[u32]| row[0].is_multiple_of(width) && follow(row);
            if index.chunks_exact(shape.cols).all(whole) {
                let rows: Arc<[u32]> = index
                    .chunks_exact(shape.cols)
                    .map(|row| row[0] / width)
                    .collect();
                let key = (source, shape, Arc::clone(&rows));
                let graph = &mut self.graph;
                return *self
                    .picked
                    .entry(key)
                    .or_insert_with(|| graph.gather(source, rows));
            }
        }
        let index: Arc<[u32]> = index.into();
        let key = (source, shape, Arc::clone(&index));
        let graph = &mut self.graph;
        *self
            .picked
            .entry(key)
            .or_insert_with(|| graph.elements(source, index, shape))
    }

    /// Entries of several nodes, and known numbers: those of each source are put one below the other.
    fn mixed(
        &mut self,
        sources: &[NodeId],
        known: Vec<f64>,
        entries: &[(u32, u32)],
        shape: Shape,
    ) -> NodeId {
        if let Some(node) = self.side_by_side(sources, &known, entries, shape) {
            return node;
        }
        let mut used: Vec<Vec<u32>> = vec![Vec::new(); sources.len()];
        let mut places = Vec::with_capacity(entries.len());
        for (source, entry) in entries {
            if let Some(used) = used.get_mut(*source as usize) {
                places.push(narrow(used.len()));
                used.push(*entry);
            } else {
                places.push(*entry);
            }
        }
        let mut parts = Vec::new();
        let mut offsets = Vec::new();
        let mut offset = 0;
        for (source, used) in sources.iter().zip(used) {
            offsets.push(offset);
            offset += narrow(used.len());
            let column = Shape::vector(used.len());
            parts.push(self.pick(*source, used, column));
        }
        if !known.is_empty() {
            let column = Shape::vector(known.len());
            parts.push(self.graph.constant(known, column));
        }
        let all = self.graph.rows(&parts);
        let index: Vec<u32> = entries
            .iter()
            .zip(places)
            .map(|((source, _), place)| offsets.get(*source as usize).unwrap_or(&offset) + place)
            .collect();
        let identity = index.iter().enumerate().all(|(i, at)| narrow(i) == *at);
        if identity {
            return reshape(&mut self.graph, all, shape);
        }
        self.graph.elements(all, index, shape)
    }

    /// Rows that are rows of several nodes after each other: what is done row by row may go on so.
    fn side_by_side(
        &mut self,
        sources: &[NodeId],
        known: &[f64],
        entries: &[(u32, u32)],
        shape: Shape,
    ) -> Option<NodeId> {
        let Shape { rows, cols } = shape;
        if rows < 2 || cols < 2 {
            return None;
        }
        let mut parts = Vec::new();
        let mut col = 0;
        while col < cols {
            let (source, first) = entries[col];
            let column = |c: usize| (0..rows).map(move |r| entries[r * cols + c]);
            if source == KNOWN {
                if column(col).any(|(source, _)| source != KNOWN) {
                    return None;
                }
                let numbers: Vec<f64> = column(col).map(|(_, at)| known[at as usize]).collect();
                parts.push(self.graph.constant(numbers, Shape::vector(rows)));
                col += 1;
                continue;
            }
            let node = sources[source as usize];
            let from = self.graph.shape(node);
            let is_whole = first == 0
                && from.rows == rows
                && col + from.cols <= cols
                && (0..from.cols).all(|c| {
                    let expected = |r: usize| (source, narrow(r * from.cols + c));
                    (0..rows).all(|r| entries[r * cols + col + c] == expected(r))
                });
            if !is_whole {
                return None;
            }
            parts.push(node);
            col += from.cols;
        }
        Some(self.graph.columns(&parts))
    }
}
