//! What a program computes, for a person to read: parameters, what is computed once, plates.
//!
//! The one idea: names are labels on a graph's nodes, given by whoever builds it (the name of a
//! parameter, of data, of a density); what has none is called by its operation and shape. The text is
//! stable: it depends on the graph alone. Deliberately absent: values.

#[cfg(test)]
mod tests;
mod text;

use std::collections::{BTreeMap, BTreeSet};

use crate::graph::{Graph, NodeId, Op};
use crate::plan::{Division, Plan, Plate, Use, uses};
use crate::shape::Shape;

/// What a program computes; `Display` prints it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Summary {
    /// The number of unconstrained coordinates.
    pub dimension: usize,
    /// Parameters that the builder has described.
    pub parameters: Vec<ParameterSummary>,
    /// What is computed once per evaluation.
    pub once: Computation,
    /// The sums over rows that run fused, smallest first.
    pub plates: Vec<PlateSummary>,
    /// Terms that are computed from fewer rows where all rows are wanted.
    pub condensed: Vec<CondensedSummary>,
}

/// A term of the log density that enters through fewer rows than it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CondensedSummary {
    /// The name of the density or else of the operation.
    pub term: String,
    /// The number of rows.
    pub n_rows: usize,
    /// The number of rows that are computed.
    pub n_computed: usize,
}

/// A parameter as a reader sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterSummary {
    /// Its name.
    pub name: String,
    /// The shape of its value.
    pub shape: Shape,
    /// What its value must satisfy, in words; empty if nothing.
    pub constraint: String,
}

/// Operations, and the terms of the log density among their results. Words come with how often each
/// occurs, most frequent first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Computation {
    /// Operations by name.
    pub operations: Vec<(String, usize)>,
    /// Terms of the log density, by the name of the density or else of the operation.
    pub terms: Vec<(String, usize)>,
}

/// A plate as a reader sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlateSummary {
    /// The number of rows.
    pub n_rows: usize,
    /// Instructions per block of rows.
    pub n_instructions: usize,
    /// Bytes of data that one row reads.
    pub data_bytes_per_row: usize,
    /// Bytes that one row occupies for each draw while it is computed.
    pub working_bytes_per_row: usize,
    /// What is computed of each row, and which of it is summed.
    pub each_row: Computation,
    /// Data that have a row for each row.
    pub data: Vec<(String, usize)>,
    /// Computed values that have a row for each row.
    pub rows_of: Vec<(String, usize)>,
    /// Computed values that every row may read.
    pub reads: Vec<(String, usize)>,
}

impl Computation {
    /// The number of operations.
    pub fn n_operations(&self) -> usize {
        self.operations.iter().map(|(_, count)| count).sum()
    }
}

impl Summary {
    pub(crate) fn new(
        graph: &Graph,
        plan: &Plan,
        terms: &[NodeId],
        outputs: &[NodeId],
        condensed: &[(NodeId, usize)],
    ) -> Self {
        let division = Division::of(graph, terms, outputs);
        let reader = Reader {
            graph,
            division: &division,
            terms,
        };
        Self {
            dimension: graph.n_parameters(),
            parameters: graph.described.clone(),
            once: reader.computation(|id| !division.in_plate[id.index()]),
            plates: plan
                .plates
                .iter()
                .map(|plate| reader.plate(plate))
                .collect(),
            condensed: condensed
                .iter()
                .filter(|(term, rows)| *rows < graph.shape(*term).rows)
                .map(|(term, rows)| CondensedSummary {
                    term: reader.term(*term),
                    n_rows: graph.shape(*term).rows,
                    n_computed: *rows,
                })
                .collect(),
        }
    }
}

struct Reader<'a> {
    graph: &'a Graph,
    division: &'a Division,
    terms: &'a [NodeId],
}

impl Reader<'_> {
    /// The nodes that a program computes.
    fn computed(&self) -> impl Iterator<Item = NodeId> + '_ {
        let nodes = self.graph.nodes.iter().enumerate();
        nodes
            .filter(|(i, node)| {
                self.division.needed[*i]
                    && !matches!(node.op, Op::Parameter { .. } | Op::Constant(_))
            })
            .map(|(i, _)| NodeId(u32::try_from(i).expect("node numbers are 32 bits")))
    }

    fn computation(&self, belongs: impl Fn(NodeId) -> bool) -> Computation {
        let operations = self.computed().filter(|id| belongs(*id));
        let operations = operations.map(|id| self.graph.nodes[id.index()].op.name().to_owned());
        let unknown = self
            .terms
            .iter()
            .filter(|id| self.graph.known(**id).is_none());
        let terms = unknown.filter(|id| belongs(**id));
        Computation {
            operations: counted(operations),
            terms: counted(terms.map(|id| self.term(*id))),
        }
    }

    fn plate(&self, plate: &Plate) -> PlateSummary {
        let belongs = |id: NodeId| {
            self.division.in_plate[id.index()] && self.graph.shape(id).rows == plate.n_rows
        };
        let mut inputs = BTreeSet::new();
        let mut positions = 0;
        for id in self.computed().filter(|id| belongs(*id)) {
            for (arg, kind) in uses(self.graph, id) {
                if !belongs(arg) {
                    inputs.insert((arg, kind == Use::ByRow));
                }
            }
            if let Op::Gather { per_row, .. } = &self.graph.nodes[id.index()].op {
                positions += per_row;
            }
        }
        let of = |known: bool, by_row: bool| {
            let chosen = inputs
                .iter()
                .filter(|(id, rows)| self.graph.known(*id).is_some() == known && *rows == by_row);
            counted(chosen.map(|(id, _)| self.value(*id, by_row)))
        };
        let mut data = of(true, true);
        if positions > 0 {
            data.push(("positions".to_owned(), positions));
        }
        let data_bytes = plate.row_data.iter().map(|(_, cols)| 8 * cols);
        let index_bytes = plate.row_index.iter().map(|(_, n)| 4 * n);
        PlateSummary {
            n_rows: plate.n_rows,
            n_instructions: plate.instructions.len(),
            data_bytes_per_row: data_bytes.chain(index_bytes).sum(),
            working_bytes_per_row: 8 * plate.local_cols,
            each_row: self.computation(belongs),
            data,
            rows_of: of(false, true),
            reads: of(false, false),
        }
    }

    /// The word for a term of the log density.
    fn term(&self, id: NodeId) -> String {
        match (self.graph.labels.get(&id), &self.graph.nodes[id.index()].op) {
            (Some(label), _) => label.to_string(),
            // Coordinates are added by themselves where a value is their exponential.
            (None, Op::Parameter { .. }) => "log Jacobian".to_owned(),
            (None, op) => op.name().to_owned(),
        }
    }

    /// A value that is read: its name, or what made it, and its shape (of one row, or whole).
    fn value(&self, id: NodeId, row: bool) -> String {
        let Shape { rows, cols } = self.graph.shape(id);
        let shape = match (row, cols) {
            (true, 1) => String::new(),
            (true, cols) => format!("[{cols}]"),
            (false, _) if rows * cols == 1 => String::new(),
            (false, 1) => format!("[{rows}]"),
            (false, cols) => format!("[{rows}, {cols}]"),
        };
        match (self.graph.labels.get(&id), &self.graph.nodes[id.index()].op) {
            (Some(label), _) => format!("{label}{shape}"),
            (None, Op::Constant(_)) => format!("numbers{shape}"),
            (None, op) => format!("{}{shape}", op.name()),
        }
    }
}

/// Each word with how often it occurs, most frequent first, else in order of appearance.
fn counted(words: impl Iterator<Item = String>) -> Vec<(String, usize)> {
    let mut positions = BTreeMap::new();
    let mut counts: Vec<(String, usize)> = Vec::new();
    for word in words {
        let at = *positions.entry(word.clone()).or_insert(counts.len());
        match counts.get_mut(at) {
            Some((_, count)) => *count += 1,
            None => counts.push((word, 1)),
        }
    }
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
}
