//! A plate's rows, block by block: forward, at once backward, and forgotten.
//!
//! The one idea: what the rows of a block need (parameters seen by row, data, positions) is brought
//! into contiguous buffers first, so that the same instructions run a range of rows and a list of
//! them. Adjoints of what every row reads are summed per chunk. Deliberately absent: threads.

use std::ops::Range;

use crate::block::Run;
use crate::evaluate::add_lanes;
use crate::number::Number;
use crate::op::{Gradients, Operand, Values};
use crate::plan::{Index, Instruction, Kind, Partial, Place, Plan, Plate, Role, Slot};
use crate::pointwise::Function;
use crate::program::MOST_LANES;
use crate::run::{self, Extent, InstructionSpace, Output};
use crate::shape::Shape;

/// Numbers that a block's values may take: with as many adjoints, half of a 256 KiB cache.
const BLOCK_NUMBERS: usize = 8192;

/// Rows in a block: one strip of lanes each, unless rows are so wide that fewer fit the cache.
fn rows_per_block(plate: &Plate, lanes: usize) -> usize {
    let fitting = BLOCK_NUMBERS / (plate.local_cols.max(1) * lanes);
    // A multiple of the tiles of matrix products.
    fitting.clamp(8, (512 / lanes).max(8)) / 8 * 8
}

/// Rows in a chunk, which has adjoints of its own for whatever every row reads.
pub(crate) fn rows_per_chunk(plate: &Plate, n_rows: usize) -> usize {
    const MOST_CHUNKS: usize = 64;
    const LEAST_ROWS: usize = 512;
    // Together the chunks' adjoints take no more memory than a few numbers per row.
    let affordable = (4 * n_rows / plate.outer_input_len.max(1)).max(1);
    let chunks = (n_rows / LEAST_ROWS).clamp(1, MOST_CHUNKS).min(affordable);
    n_rows.div_ceil(chunks).max(1)
}

/// Which rows.
#[derive(Debug, Clone)]
pub(crate) enum Rows<'a> {
    Range(Range<usize>),
    Listed(&'a [usize]),
}

impl Rows<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Range(range) => range.len(),
            Self::Listed(rows) => rows.len(),
        }
    }

    fn get(&self, i: usize) -> usize {
        match self {
            Self::Range(range) => range.start + i,
            Self::Listed(rows) => rows[i],
        }
    }
}

/// Working memory of one chunk, and what it leaves behind.
#[derive(Debug, Default)]
pub(crate) struct PlateSpace<T> {
    values: Vec<T>,
    adjoints: Vec<T>,
    data: Vec<Vec<f64>>,
    index: Vec<Vec<u32>>,
    instruction: InstructionSpace<T>,
    /// The chunk's part of the log density, per lane.
    pub totals: Vec<T>,
    /// Adjoints of the plate's outer inputs, one after the other.
    outer_adjoints: Vec<T>,
    /// Adjoints of the row inputs: for each input, `rows × cols × lanes`.
    row_adjoints: Vec<T>,
}

/// What all blocks of a chunk share.
pub(crate) struct Context<'a, T> {
    pub plan: &'a Plan,
    pub plate: &'a Plate,
    pub outer: &'a [T],
    pub lanes: usize,
    pub scale: f64,
    pub backward: bool,
}

/// The rows at hand.
#[derive(Clone, Copy)]
struct Block {
    /// Position in the chunk.
    first: usize,
    n_rows: usize,
    /// Rows that the arena has room for, which fixes where columns begin.
    stride: usize,
}

impl<T: Run> Context<'_, T> {
    /// Runs all rows; leaves totals and adjoints in `space`.
    pub(crate) fn run(&self, rows: &Rows<'_>, space: &mut PlateSpace<T>) {
        let (plate, lanes) = (self.plate, self.lanes);
        let stride = rows_per_block(plate, lanes);
        space
            .values
            .resize(plate.local_cols * stride * lanes, T::default());
        space
            .adjoints
            .resize(plate.local_cols * stride * lanes, T::default());
        space.data.resize(plate.row_data.len(), Vec::new());
        space.index.resize(plate.row_index.len(), Vec::new());
        reset(&mut space.totals, lanes);
        if self.backward {
            reset(&mut space.outer_adjoints, plate.outer_input_len * lanes);
            reset(
                &mut space.row_adjoints,
                plate.row_input_cols * rows.len() * lanes,
            );
        }
        for first in (0..rows.len()).step_by(stride) {
            let block = Block {
                first,
                n_rows: stride.min(rows.len() - first),
                stride,
            };
            self.load(rows, block, space);
            for instruction in &plate.instructions {
                self.forward(instruction, rows, block, space);
            }
            self.add_terms(rows, block, space);
            if self.backward {
                for instruction in plate.instructions.iter().rev() {
                    self.backward(instruction, rows, block, space);
                }
                self.store_row_adjoints(rows.len(), block, space);
            }
        }
    }

    /// Brings the block's row inputs into the arena, and listed rows of data into buffers.
    fn load(&self, rows: &Rows<'_>, block: Block, space: &mut PlateSpace<T>) {
        let lanes = self.lanes;
        for input in &self.plate.row_inputs {
            let size = input.cols * lanes;
            let local = &mut space.values[input.local * block.stride * lanes..];
            for (i, row) in local.chunks_exact_mut(size).take(block.n_rows).enumerate() {
                let from = input.outer * lanes + rows.get(block.first + i) * size;
                row.copy_from_slice(&self.outer[from..from + size]);
            }
        }
        if let Rows::Listed(listed) = rows {
            let listed = &listed[block.first..block.first + block.n_rows];
            for ((values, cols), buffer) in self.plate.row_data.iter().zip(&mut space.data) {
                buffer.clear();
                for row in listed {
                    buffer.extend_from_slice(&values[row * cols..(row + 1) * cols]);
                }
            }
            for ((index, per_row), buffer) in self.plate.row_index.iter().zip(&mut space.index) {
                buffer.clear();
                for row in listed {
                    buffer.extend_from_slice(&index[row * per_row..(row + 1) * per_row]);
                }
            }
        }
        if self.backward {
            zero(&mut space.adjoints);
        }
    }

    fn forward(
        &self,
        instruction: &Instruction,
        rows: &Rows<'_>,
        block: Block,
        space: &mut PlateSpace<T>,
    ) {
        let (kind, extent) = (&instruction.kind, self.extent(instruction, block));
        if let (Kind::Pointwise(function), Role::Term { shared }) = (kind, instruction.role) {
            self.add_up(*function, shared, instruction, rows, block, space);
            return;
        }
        let at = local(instruction.out.place) * block.stride * self.lanes;
        let (before, rest) = space.values.split_at_mut(at);
        let len = extent.shape.len() * self.lanes;
        let operand = |k: usize| -> Operand<'_, T> {
            self.operand(&instruction.args[k], rows, block, before, &space.data)
        };
        match (kind, instruction.partial) {
            (Kind::Pointwise(function), Some(Partial { which, column })) if self.backward => {
                let (out, after) = rest.split_at_mut(column * block.stride * self.lanes - at);
                let results = (&mut out[..len], &mut after[..len]);
                let scratch = &mut space.instruction;
                run::forward_with_partial(*function, which, results, extent, operand, scratch);
            }
            _ => run::forward(
                (
                    kind,
                    instruction.args.len(),
                    instruction.role == Role::Addend,
                ),
                &mut rest[..len],
                extent,
                operand,
                self.index(instruction, rows, block, &space.index),
                &mut space.instruction,
            ),
        }
    }

    /// A pointwise function that is a term and nothing else: its values need no place, and its adjoint
    /// is known beforehand.
    fn add_up(
        &self,
        function: Function,
        shared: Option<usize>,
        instruction: &Instruction,
        rows: &Rows<'_>,
        block: Block,
        space: &mut PlateSpace<T>,
    ) {
        let mut gradients = PlateGradients {
            args: &instruction.args,
            block,
            lanes: self.lanes,
            local: &mut space.adjoints,
            outer: &mut space.outer_adjoints,
        };
        let mut sums = [T::default(); MOST_LANES];
        let sums = &mut sums[..self.lanes];
        run::add_up(
            function,
            shared,
            self.scale,
            sums,
            self.extent(instruction, block),
            |k| {
                let arg = &instruction.args[k];
                self.operand(arg, rows, block, &space.values, &space.data)
            },
            &mut space.instruction,
            self.backward.then_some(&mut gradients),
        );
        self.add_to_totals(sums, &mut space.totals);
    }

    fn backward(
        &self,
        instruction: &Instruction,
        rows: &Rows<'_>,
        block: Block,
        space: &mut PlateSpace<T>,
    ) {
        if matches!(instruction.role, Role::Term { .. }) {
            return;
        }
        let extent = self.extent(instruction, block);
        let at = local(instruction.out.place) * block.stride * self.lanes;
        let (before, rest) = space.adjoints.split_at_mut(at);
        let len = extent.shape.len() * self.lanes;
        let output = Output {
            adjoint: &rest[..len],
            values: &space.values[at..at + len],
            extent,
        };
        let mut gradients = PlateGradients {
            args: &instruction.args,
            block,
            lanes: self.lanes,
            local: before,
            outer: &mut space.outer_adjoints,
        };
        let operand = |k: usize| {
            let arg = &instruction.args[k];
            self.operand(arg, rows, block, &space.values, &space.data)
        };
        if let Some(Partial { which, column }) = instruction.partial {
            // adjoint × partial is how a product passes on its adjoint.
            let partial = &space.values[column * block.stride * self.lanes..][..len];
            let partial = Operand {
                values: Values::Lanes(partial),
                shape: extent.shape,
            };
            let args = [operand(which), partial];
            let scratch = &mut space.instruction;
            run::backward_product(args, output, scratch, &mut Only(which, &mut gradients));
            return;
        }
        run::backward(
            (&instruction.kind, instruction.args.len()),
            output,
            operand,
            self.index(instruction, rows, block, &space.index),
            &mut space.instruction,
            &mut gradients,
        );
    }

    fn extent(&self, instruction: &Instruction, block: Block) -> Extent {
        Extent {
            shape: in_block(&instruction.out, block),
            lanes: self.lanes,
        }
    }

    /// Adds the terms to the totals and sets their adjoints.
    fn add_terms(&self, rows: &Rows<'_>, block: Block, space: &mut PlateSpace<T>) {
        let lanes = self.lanes;
        let mut sums = [T::default(); MOST_LANES];
        let sums = &mut sums[..lanes];
        for term in &self.plate.terms {
            let operand = self.operand(term, rows, block, &space.values, &space.data);
            match operand.values {
                Values::Lanes(values) => add_lanes(sums, values),
                Values::Data(values) => {
                    let known = T::constant(values.iter().sum());
                    for sum in sums.iter_mut() {
                        *sum += known;
                    }
                }
            }
            if let (Place::Local(column), true) = (term.place, self.backward) {
                let len = in_block(term, block).len() * lanes;
                for a in &mut space.adjoints[column * block.stride * lanes..][..len] {
                    *a += T::constant(self.scale);
                }
            }
        }
        self.add_to_totals(sums, &mut space.totals);
    }

    fn add_to_totals(&self, sums: &[T], totals: &mut [T]) {
        for (total, sum) in totals.iter_mut().zip(sums) {
            *total += sum.times(self.scale);
        }
    }

    fn store_row_adjoints(&self, n_rows: usize, block: Block, space: &mut PlateSpace<T>) {
        let lanes = self.lanes;
        for input in &self.plate.row_inputs {
            let size = input.cols * lanes;
            let from = input.local * block.stride * lanes;
            let to = input.adjoint * n_rows * lanes + block.first * size;
            let len = block.n_rows * size;
            space.row_adjoints[to..to + len].copy_from_slice(&space.adjoints[from..from + len]);
        }
    }

    fn operand<'a>(
        &'a self,
        slot: &Slot,
        rows: &Rows<'_>,
        block: Block,
        values: &'a [T],
        data: &'a [Vec<f64>],
    ) -> Operand<'a, T> {
        let shape = in_block(slot, block);
        let (len, lanes) = (shape.len(), self.lanes);
        let values = match slot.place {
            Place::Local(column) => {
                Values::Lanes(&values[column * block.stride * lanes..][..len * lanes])
            }
            Place::Outer { at, .. } => Values::Lanes(&self.outer[at * lanes..][..len * lanes]),
            Place::Data(number) => Values::Data(&self.plan.data[number]),
            Place::RowData(number) => Values::Data(match rows {
                Rows::Range(range) => {
                    let (all, cols) = &self.plate.row_data[number];
                    &all[(range.start + block.first) * cols..][..len]
                }
                Rows::Listed(_) => &data[number],
            }),
        };
        Operand { values, shape }
    }

    fn index<'a>(
        &'a self,
        instruction: &Instruction,
        rows: &Rows<'_>,
        block: Block,
        listed: &'a [Vec<u32>],
    ) -> &'a [u32] {
        let Kind::Gather {
            index: Index::ByRow(number),
            ..
        } = instruction.kind
        else {
            return &[];
        };
        match rows {
            Rows::Range(range) => {
                let (all, per_row) = &self.plate.row_index[number];
                &all[(range.start + block.first) * per_row..][..block.n_rows * per_row]
            }
            Rows::Listed(_) => &listed[number],
        }
    }
}

/// Adjoints of arguments in a plate.
struct PlateGradients<'a, T> {
    args: &'a [Slot],
    block: Block,
    lanes: usize,
    /// Of the block's values, from the first column on.
    local: &'a mut [T],
    /// Of the plate's outer inputs.
    outer: &'a mut [T],
}

impl<T> Gradients<T> for PlateGradients<'_, T> {
    fn of(&mut self, which: usize) -> Option<&mut [T]> {
        let arg = &self.args[which];
        let len = in_block(arg, self.block).len() * self.lanes;
        match arg.place {
            Place::Local(column) => {
                Some(&mut self.local[column * self.block.stride * self.lanes..][..len])
            }
            Place::Outer { input, .. } => Some(&mut self.outer[input * self.lanes..][..len]),
            Place::Data(_) | Place::RowData(_) => None,
        }
    }
}

/// The adjoint of one argument, as that of a function's first.
struct Only<'a, G>(usize, &'a mut G);

impl<T, G: Gradients<T>> Gradients<T> for Only<'_, G> {
    fn of(&mut self, which: usize) -> Option<&mut [T]> {
        if which == 0 { self.1.of(self.0) } else { None }
    }
}

/// Adds what a chunk left behind to the adjoints of the outer arena.
pub(crate) fn scatter_adjoints<T: Number>(
    plate: &Plate,
    done: &PlateSpace<T>,
    rows: &Rows<'_>,
    adjoints: &mut [T],
    lanes: usize,
) {
    for input in &plate.outer_inputs {
        let from = &done.outer_adjoints[input.input * lanes..][..input.len * lanes];
        for (a, part) in adjoints[input.outer * lanes..].iter_mut().zip(from) {
            *a += *part;
        }
    }
    for input in &plate.row_inputs {
        let size = input.cols * lanes;
        let from = &done.row_adjoints[input.adjoint * rows.len() * lanes..];
        for (i, part) in from.chunks_exact(size).take(rows.len()).enumerate() {
            let to = &mut adjoints[input.outer * lanes + rows.get(i) * size..][..size];
            for (a, part) in to.iter_mut().zip(part) {
                *a += *part;
            }
        }
    }
}

/// As many zeros.
pub(crate) fn reset<T: Number>(buffer: &mut Vec<T>, len: usize) {
    buffer.resize(len, T::default());
    zero(buffer);
}

/// Fills with zeros. Where the zero is in sight, the compiler makes it one call that clears memory.
#[inline]
pub(crate) fn zero<T: Number>(buffer: &mut [T]) {
    for number in buffer {
        *number = T::default();
    }
}

fn local(place: Place) -> usize {
    match place {
        Place::Local(column) => column,
        _ => unreachable!("results lie in the plate's arena"),
    }
}

/// A slot's shape with the block's number of rows.
fn in_block(slot: &Slot, block: Block) -> Shape {
    Shape {
        rows: if slot.by_row {
            block.n_rows
        } else {
            slot.shape.rows
        },
        cols: slot.shape.cols,
    }
}
