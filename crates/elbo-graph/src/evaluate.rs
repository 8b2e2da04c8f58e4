//! A plan run on a block of draws: values outside of plates, plates, and the way back.
//!
//! The one idea: the outer instructions run forward, then the plates run forward and backward row
//! block by row block and leave their adjoints behind, then the outer instructions run backward.
//! Deliberately absent: which plan is run, and how many draws there are in all.

use std::sync::Mutex;

use elbo_math::parallel;

use crate::block::Run;
use crate::op::strip::sum_lanes;
use crate::op::{Gradients, Operand, Values, with_lanes};
use crate::plan::{Index, Instruction, Kind, Outer, Place, Plan, Role, Slot};
use crate::plate::{self, PlateSpace, Rows};
use crate::program::Subset;
use crate::run::{self, Extent, InstructionSpace, Output};
use crate::tape::{self, backward as steps_backward, forward as steps_forward};

/// Working memory, kept between evaluations so that none is allocated in the steady state.
#[derive(Debug, Default)]
pub(crate) struct Pool<T> {
    outer: Mutex<Vec<Space<T>>>,
    plates: Mutex<Vec<PlateSpace<T>>>,
}

impl<T: Run> Pool<T> {
    /// Hands a space for values outside of plates to `f`.
    pub(crate) fn with_space<R>(&self, f: impl FnOnce(&mut Space<T>) -> R) -> R {
        let mut space = take(&self.outer);
        let result = f(&mut space);
        give(&self.outer, space);
        result
    }
}

/// Working memory of one evaluation outside of plates.
#[derive(Debug, Default)]
pub(crate) struct Space<T> {
    pub(crate) values: Vec<T>,
    adjoints: Vec<T>,
    instruction: InstructionSpace<T>,
    steps: tape::Scratch<T>,
}

/// What terms are added to, and whether their adjoints are asked for.
pub(crate) struct Sums<'a, T> {
    totals: &'a mut [T],
    backward: bool,
}

impl Plan {
    /// The log density of `lanes` draws and, if `gradients` is there, its gradients.
    pub(crate) fn evaluate<T: Run>(
        &self,
        pool: &Pool<T>,
        parameters: &[T],
        lanes: usize,
        subset: Option<Subset<'_>>,
        totals: &mut [T],
        gradients: Option<&mut [T]>,
    ) {
        assert!(matches!(lanes, 1 | 2 | 4 | 8 | 16), "{lanes} lanes");
        assert_eq!(totals.len(), lanes, "one value per lane");
        let mut space = take(&pool.outer);
        totals.fill(T::constant(self.constant));
        let backward = gradients.is_some();
        if backward {
            plate::reset(&mut space.adjoints, self.outer_len * lanes);
        }
        let sums = Some(Sums { totals, backward });
        self.forward(&mut space, parameters, lanes, sums);
        for term in &self.terms {
            if let Values::Lanes(values) = self.operand(term, &space.values, lanes).values {
                add_lanes(totals, values);
            }
        }
        for p in 0..self.plates.len() {
            self.run_plate(p, pool, &mut space, lanes, subset, totals, backward);
        }
        if let Some(gradients) = gradients {
            for term in &self.terms {
                if let Place::Local(at) = term.place {
                    let range = at * lanes..(at + term.shape.len()) * lanes;
                    for a in &mut space.adjoints[range] {
                        *a += T::constant(1.0);
                    }
                }
            }
            for outer in self.outer.iter().rev() {
                match outer {
                    Outer::Whole(instruction) => self.backward(instruction, &mut space, lanes),
                    Outer::Steps(steps) => {
                        let (values, adjoints) = (&space.values, &mut space.adjoints);
                        with_lanes!(
                            lanes,
                            steps_backward::<T, W>(steps, &[], values, adjoints, &mut space.steps)
                        );
                    }
                }
            }
            gradients.copy_from_slice(&space.adjoints[..self.n_parameters * lanes]);
        }
        give(&pool.outer, space);
    }

    /// Computes all values outside of plates; terms that are nothing else are added to `sums`.
    pub(crate) fn forward<T: Run>(
        &self,
        space: &mut Space<T>,
        parameters: &[T],
        lanes: usize,
        mut sums: Option<Sums<'_, T>>,
    ) {
        let plan = self;
        assert_eq!(
            parameters.len(),
            plan.n_parameters * lanes,
            "dimension × lanes"
        );
        space.values.resize(plan.outer_len * lanes, T::default());
        space.values[..parameters.len()].copy_from_slice(parameters);
        with_lanes!(lanes, set::<T, W>(&mut space.values, &plan.constants));
        for outer in &plan.outer {
            match outer {
                Outer::Whole(instruction) => match (instruction.role, &mut sums) {
                    (Role::Term { shared }, Some(sums)) => {
                        self.add_up(instruction, shared, space, lanes, sums);
                    }
                    (Role::Term { .. }, None) => {}
                    _ => self.forward_whole(instruction, space, lanes),
                },
                Outer::Steps(steps) => {
                    let (values, scratch) = (&mut space.values, &mut space.steps);
                    with_lanes!(lanes, steps_forward::<T, W>(steps, &[], values, scratch));
                }
            }
        }
    }

    fn forward_whole<T: Run>(&self, instruction: &Instruction, space: &mut Space<T>, lanes: usize) {
        let Place::Local(at) = instruction.out.place else {
            unreachable!("results lie in the arena");
        };
        let (before, rest) = space.values.split_at_mut(at * lanes);
        let shape = instruction.out.shape;
        run::forward(
            (&instruction.kind, instruction.args.len(), false),
            &mut rest[..shape.len() * lanes],
            Extent { shape, lanes },
            |k| self.operand(&instruction.args[k], before, lanes),
            index(instruction),
            &mut space.instruction,
        );
    }

    /// A term that is nothing else: its adjoint is known beforehand.
    fn add_up<T: Run>(
        &self,
        instruction: &Instruction,
        shared: Option<usize>,
        space: &mut Space<T>,
        lanes: usize,
        sums: &mut Sums<'_, T>,
    ) {
        let Kind::Pointwise(function) = instruction.kind else {
            unreachable!("only functions of entries have no place");
        };
        let shape = instruction.out.shape;
        let mut gradients = OuterGradients {
            args: &instruction.args,
            adjoints: &mut space.adjoints,
            lanes,
        };
        run::add_up(
            function,
            shared,
            1.0,
            sums.totals,
            Extent { shape, lanes },
            |k| self.operand(&instruction.args[k], &space.values, lanes),
            &mut space.instruction,
            sums.backward.then_some(&mut gradients),
        );
    }

    fn backward<T: Run>(&self, instruction: &Instruction, space: &mut Space<T>, lanes: usize) {
        if matches!(instruction.role, Role::Term { .. }) {
            return;
        }
        let Place::Local(at) = instruction.out.place else {
            unreachable!("results lie in the arena");
        };
        let shape = instruction.out.shape;
        let (before, rest) = space.adjoints.split_at_mut(at * lanes);
        let len = shape.len() * lanes;
        let output = Output {
            adjoint: &rest[..len],
            values: &space.values[at * lanes..at * lanes + len],
            extent: Extent { shape, lanes },
        };
        let mut gradients = OuterGradients {
            args: &instruction.args,
            adjoints: before,
            lanes,
        };
        run::backward(
            (&instruction.kind, instruction.args.len()),
            output,
            |k| self.operand(&instruction.args[k], &space.values, lanes),
            index(instruction),
            &mut space.instruction,
            &mut gradients,
        );
    }

    pub(crate) fn operand<'a, T>(
        &'a self,
        slot: &Slot,
        values: &'a [T],
        lanes: usize,
    ) -> Operand<'a, T> {
        let values = match slot.place {
            Place::Local(at) => Values::Lanes(&values[at * lanes..(at + slot.shape.len()) * lanes]),
            Place::Data(number) => Values::Data(&self.data[number]),
            Place::Outer { .. } | Place::RowData(_) => unreachable!("only plates have these"),
        };
        Operand {
            values,
            shape: slot.shape,
        }
    }

    /// Runs one plate in chunks of rows, which depend on the number of rows alone.
    #[expect(clippy::too_many_arguments, reason = "the state of one evaluation")]
    fn run_plate<T: Run>(
        &self,
        number: usize,
        pool: &Pool<T>,
        space: &mut Space<T>,
        lanes: usize,
        subset: Option<Subset<'_>>,
        totals: &mut [T],
        backward: bool,
    ) {
        let plate = &self.plates[number];
        let subset = subset.filter(|s| s.plate == number);
        let n_rows = subset.map_or(plate.n_rows, |s| s.rows.len());
        let scale = subset.map_or(1.0, |s| s.scale);
        let chunk = plate::rows_per_chunk(plate, n_rows);
        let chunks = parallel::map_chunks(n_rows, chunk, |range| {
            let mut space_of_plate = take(&pool.plates);
            let rows = match subset {
                Some(subset) => Rows::Listed(&subset.rows[range]),
                None => Rows::Range(range),
            };
            let context = plate::Context {
                plan: self,
                plate,
                outer: &space.values,
                lanes,
                scale,
                backward,
            };
            context.run(&rows, &mut space_of_plate);
            space_of_plate
        });
        let mut first = 0;
        for done in chunks {
            let rows = (n_rows - first).min(chunk);
            for (total, part) in totals.iter_mut().zip(&done.totals) {
                *total += *part;
            }
            if backward {
                let rows = match subset {
                    Some(subset) => Rows::Listed(&subset.rows[first..first + rows]),
                    None => Rows::Range(first..first + rows),
                };
                plate::scatter_adjoints(plate, &done, &rows, &mut space.adjoints, lanes);
            }
            first += rows;
            give(&pool.plates, done);
        }
    }
}

/// Adjoints of arguments in the outer arena.
struct OuterGradients<'a, T> {
    args: &'a [Slot],
    adjoints: &'a mut [T],
    lanes: usize,
}

impl<T> Gradients<T> for OuterGradients<'_, T> {
    fn of(&mut self, which: usize) -> Option<&mut [T]> {
        let arg = self.args[which];
        let Place::Local(to) = arg.place else {
            return None;
        };
        Some(&mut self.adjoints[to * self.lanes..(to + arg.shape.len()) * self.lanes])
    }
}

/// Sets entries to known numbers.
fn set<T: Run, const W: usize>(values: &mut [T], known: &[(usize, f64)]) {
    let (entries, _) = values.as_chunks_mut::<W>();
    for (entry, value) in known {
        entries[*entry] = [T::constant(*value); W];
    }
}

fn index(instruction: &Instruction) -> &[u32] {
    match &instruction.kind {
        Kind::Gather {
            index: Index::Whole(index),
            ..
        } => index,
        _ => &[],
    }
}

/// Adds every entry to its lane.
pub(crate) fn add_lanes<T: Run>(totals: &mut [T], values: &[T]) {
    with_lanes!(totals.len(), sum_lanes::<T, W>(values, totals));
}

fn take<S: Default>(pool: &Mutex<Vec<S>>) -> S {
    pool.lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
        .pop()
        .unwrap_or_default()
}

fn give<S>(pool: &Mutex<Vec<S>>, space: S) {
    pool.lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
        .push(space);
}
