//! From a graph to instructions: what is computed once, and what runs row by row in plates.
//!
//! The one idea: a term of the log density that is a sum over many rows, together with everything
//! that only its rows need, becomes a *plate*. Nothing reads a plate's rows, so each block of rows can
//! run forward and at once backward, and be forgotten. Deliberately absent: running anything
//! ([`crate::run`]).

mod division;
mod instruction;
mod outer;
mod sums;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::graph::{Graph, NodeId, Op};
pub(crate) use instruction::{Index, Instruction, Kind, Partial, Place, Role, Slot};

pub(crate) use division::{Division, Use, is_row_local, uses};
pub(crate) use outer::Outer;
use sums::Sums;

/// A value with rows that a plate reads row by row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowInput {
    /// Its first entry in the outer arena.
    pub outer: usize,
    /// Its first column in the plate's arena.
    pub local: usize,
    pub cols: usize,
    /// Its first column among the plate's row adjoints.
    pub adjoint: usize,
}

/// A value of the outer arena that every row reads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OuterInput {
    pub outer: usize,
    pub len: usize,
    /// Its first entry among the adjoints of the plate's inputs.
    pub input: usize,
}

/// A sum over rows, with all that only its rows need.
#[derive(Debug, Clone, Default)]
pub(crate) struct Plate {
    pub n_rows: usize,
    /// Columns of all local values together.
    pub local_cols: usize,
    pub row_inputs: Vec<RowInput>,
    pub row_input_cols: usize,
    pub outer_inputs: Vec<OuterInput>,
    pub outer_input_len: usize,
    /// Known matrices with a row per row, and their columns.
    pub row_data: Vec<(Arc<[f64]>, usize)>,
    /// Gathers' positions, and how many a row has.
    pub row_index: Vec<(Arc<[u32]>, usize)>,
    pub instructions: Vec<Instruction>,
    /// Added up over all entries.
    pub terms: Vec<Slot>,
}

/// Everything that a program runs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Plan {
    pub n_parameters: usize,
    /// Entries of the outer arena; the parameters come first.
    pub outer_len: usize,
    pub data: Vec<Arc<[f64]>>,
    pub outer: Vec<Outer>,
    /// Known numbers that steps read, and their entries in the outer arena.
    pub constants: Vec<(usize, f64)>,
    pub plates: Vec<Plate>,
    /// Lanes of the outer arena that are added up over all entries.
    pub terms: Vec<Slot>,
    /// Terms that are known.
    pub constant: f64,
    /// Values that are asked for besides the log density.
    pub outputs: Vec<Slot>,
}

impl Plan {
    /// Instructions for the sum of the graph's terms, and for `outputs`.
    pub(crate) fn new(graph: &Graph, terms: &[NodeId], outputs: &[NodeId]) -> Self {
        let division = Division::of(graph, terms, outputs);
        let mut plan = Self {
            n_parameters: graph.n_parameters(),
            outer_len: graph.n_parameters(),
            ..Self::default()
        };
        let sums = Sums::of(graph, &division, terms, outputs);
        let mut planner = Planner {
            graph,
            division: &division,
            sums: &sums,
            outer: BTreeMap::new(),
            data: BTreeMap::new(),
            constants: BTreeMap::new(),
        };
        planner.outer_instructions(&mut plan);
        let mut plates: BTreeMap<usize, Vec<NodeId>> = BTreeMap::new();
        for (i, inside) in division.in_plate.iter().enumerate() {
            if *inside {
                let id = NodeId(u32::try_from(i).expect("node numbers are 32 bits"));
                plates
                    .entry(graph.nodes[i].shape.rows)
                    .or_default()
                    .push(id);
            }
        }
        for (n_rows, nodes) in plates {
            let plate = planner.plate(&mut plan, n_rows, &nodes, terms);
            plan.plates.push(plate);
        }
        for term in terms.iter().filter(|t| !division.in_plate[t.index()]) {
            match graph.known(*term) {
                // Rows of known numbers belong to the plate of as many rows, where there is one.
                Some(_) if planner.add_known_rows(&mut plan, *term) => {}
                Some(values) => plan.constant += values.iter().sum::<f64>(),
                // Others are added up where they are computed.
                None if planner.outer.contains_key(term) => {
                    let slot = planner.outer_slot(&mut plan, *term);
                    plan.terms.push(slot);
                }
                None => {}
            }
        }
        for output in outputs {
            let slot = planner.outer_slot(&mut plan, *output);
            plan.outputs.push(slot);
        }
        plan
    }
}

struct Planner<'a> {
    graph: &'a Graph,
    division: &'a Division,
    sums: &'a Sums,
    /// First entries of values in the outer arena.
    outer: BTreeMap<NodeId, usize>,
    /// Numbers of known values in the program's data.
    data: BTreeMap<NodeId, usize>,
    /// Entries in the outer arena of known numbers, by their bits.
    constants: BTreeMap<u64, usize>,
}

impl Planner<'_> {
    /// A value outside of plates.
    fn outer_slot(&mut self, plan: &mut Plan, id: NodeId) -> Slot {
        let place = match self.graph.known(id) {
            Some(values) => Place::Data(*self.data.entry(id).or_insert_with(|| {
                plan.data.push(Arc::clone(values));
                plan.data.len() - 1
            })),
            None => Place::Local(self.outer[&id]),
        };
        Slot {
            place,
            shape: self.graph.shape(id),
            by_row: false,
        }
    }

    fn plate(
        &mut self,
        plan: &mut Plan,
        n_rows: usize,
        nodes: &[NodeId],
        terms: &[NodeId],
    ) -> Plate {
        let mut plate = Plate {
            n_rows,
            ..Plate::default()
        };
        let mut slots = PlateSlots::default();
        // Inputs come first in the arena, since instructions find their arguments before them.
        for id in nodes {
            for (arg, kind) in uses(self.graph, *id) {
                let known = self.graph.known(arg).is_some();
                if kind == Use::ByRow && !known && !self.division.in_plate[arg.index()] {
                    self.row_input(&mut plate, &mut slots, arg);
                }
            }
        }
        for id in nodes {
            self.plate_instruction(plan, &mut plate, &mut slots, *id);
        }
        for term in terms {
            if let Some(slot) = slots.local.get(term)
                && self.division.in_plate[term.index()]
            {
                plate.terms.push(*slot);
            }
        }
        plate
    }

    fn plate_instruction(
        &mut self,
        plan: &mut Plan,
        plate: &mut Plate,
        slots: &mut PlateSlots,
        id: NodeId,
    ) {
        let node = &self.graph.nodes[id.index()];
        let first = self.sums.first(id).map(|first| slots.local[&first]);
        if let (Some(slot), Op::Pointwise { .. }) = (first, &node.op) {
            slots.local.insert(id, slot);
            return;
        }
        let args: Vec<Slot> = uses(self.graph, id)
            .into_iter()
            .map(|(arg, kind)| self.plate_slot(plan, plate, slots, arg, kind))
            .collect();
        let kind = match &node.op {
            Op::Gather {
                index,
                per_row,
                width,
                ..
            } => {
                plate.row_index.push((Arc::clone(index), *per_row));
                Kind::Gather {
                    index: Index::ByRow(plate.row_index.len() - 1),
                    width: *width,
                }
            }
            op => Kind::with_args(op, &args),
        };
        let mut columns = || {
            plate.local_cols += node.shape.cols;
            plate.local_cols - node.shape.cols
        };
        let shared = shared_partial(&kind, &args);
        let is_term = matches!(kind, Kind::Pointwise(_)) && self.sums.is_term(id);
        let (role, column) = match first {
            Some(slot) => (Role::Addend, slot.place),
            None if is_term => (Role::Term { shared }, Place::Local(usize::MAX)),
            None => (Role::Value, Place::Local(columns())),
        };
        let out = Slot {
            place: column,
            shape: node.shape,
            by_row: true,
        };
        let partial = shared.filter(|_| role == Role::Value).map(|which| Partial {
            which,
            column: columns(),
        });
        if !is_term {
            slots.local.insert(id, out);
        }
        plate.instructions.push(Instruction {
            kind,
            args,
            out,
            role,
            partial,
        });
    }

    fn row_input(&self, plate: &mut Plate, slots: &mut PlateSlots, id: NodeId) {
        if slots.local.contains_key(&id) {
            return;
        }
        let shape = self.graph.shape(id);
        plate.row_inputs.push(RowInput {
            outer: self.outer[&id],
            local: plate.local_cols,
            cols: shape.cols,
            adjoint: plate.row_input_cols,
        });
        let slot = Slot {
            place: Place::Local(plate.local_cols),
            shape,
            by_row: true,
        };
        plate.local_cols += shape.cols;
        plate.row_input_cols += shape.cols;
        slots.local.insert(id, slot);
    }

    fn plate_slot(
        &mut self,
        plan: &mut Plan,
        plate: &mut Plate,
        slots: &mut PlateSlots,
        id: NodeId,
        kind: Use,
    ) -> Slot {
        let shape = self.graph.shape(id);
        match (kind, self.graph.known(id)) {
            (Use::ByRow, Some(values)) => {
                let number = *slots.row_data.entry(id).or_insert_with(|| {
                    plate.row_data.push((Arc::clone(values), shape.cols));
                    plate.row_data.len() - 1
                });
                Slot {
                    place: Place::RowData(number),
                    shape,
                    by_row: true,
                }
            }
            (Use::ByRow, None) => slots.local[&id],
            (Use::Whole, Some(_)) => self.outer_slot(plan, id),
            (Use::Whole, None) => {
                let outer = self.outer[&id];
                let input = *slots.outer.entry(id).or_insert_with(|| {
                    let input = plate.outer_input_len;
                    plate.outer_input_len += shape.len();
                    plate.outer_inputs.push(OuterInput {
                        outer,
                        len: shape.len(),
                        input,
                    });
                    input
                });
                Slot {
                    place: Place::Outer { at: outer, input },
                    shape,
                    by_row: false,
                }
            }
        }
    }

    /// Makes a known term part of the plate with as many rows, so that a mini-batch scales it too.
    fn add_known_rows(&mut self, plan: &mut Plan, id: NodeId) -> bool {
        let shape = self.graph.shape(id);
        let Some(values) = self.graph.known(id).cloned() else {
            return false;
        };
        let Some(plate) = plan.plates.iter_mut().find(|p| p.n_rows == shape.rows) else {
            return false;
        };
        plate.row_data.push((values, shape.cols));
        plate.terms.push(Slot {
            place: Place::RowData(plate.row_data.len() - 1),
            shape,
            by_row: true,
        });
        true
    }
}

/// The one argument whose derivative is worth keeping, if the function shares work with it.
fn shared_partial(kind: &Kind, args: &[Slot]) -> Option<usize> {
    let Kind::Pointwise(function) = kind else {
        return None;
    };
    let mut unknown = args
        .iter()
        .enumerate()
        .filter(|(_, arg)| !matches!(arg.place, Place::Data(_) | Place::RowData(_)));
    match (unknown.next(), unknown.next()) {
        (Some((which, _)), None) if function.shares() => Some(which),
        _ => None,
    }
}

#[derive(Default)]
struct PlateSlots {
    local: BTreeMap<NodeId, Slot>,
    outer: BTreeMap<NodeId, usize>,
    row_data: BTreeMap<NodeId, usize>,
}
