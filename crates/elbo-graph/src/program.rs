//! A compiled graph: the log density and its gradient for a block of draws.
//!
//! The one idea: the outer instructions run forward, then the plates run forward and backward row
//! block by row block and leave their adjoints behind, then the outer instructions run backward.
//! Deliberately absent: how many draws there are in all; whoever calls cuts them into blocks of at
//! most [`MOST_LANES`].

use std::sync::Mutex;

use elbo_math::parallel;

use crate::block::Run;
use crate::geometry::Geometry;
use crate::graph::{Graph, NodeId};
use crate::number::Dual;
use crate::op::strip::sum_lanes;
use crate::op::{Gradients, Operand, Values, with_lanes};
use crate::plan::{Index, Instruction, Kind, Outer, Place, Plan, Slot};
use crate::plate::{self, PlateSpace, Rows};
use crate::run::{self, Extent, InstructionSpace, Output};
use crate::summary::{PlateSummary, Summary};
use crate::tape::{self, backward as steps_backward, forward as steps_forward};

/// The most draws that are evaluated together.
pub const MOST_LANES: usize = 16;

/// A graph made ready to run; see the module's documentation.
#[derive(Debug)]
pub struct Program {
    pub(crate) plan: Plan,
    summary: Summary,
    geometry: Option<Box<Geometry>>,
    real: Pool<f64>,
    dual: Pool<Dual>,
}

/// Working memory, kept between evaluations so that none is allocated in the steady state.
#[derive(Debug, Default)]
pub(crate) struct Pool<T> {
    outer: Mutex<Vec<Space<T>>>,
    plates: Mutex<Vec<PlateSpace<T>>>,
}

/// Working memory of one evaluation outside of plates.
#[derive(Debug, Default)]
struct Space<T> {
    values: Vec<T>,
    adjoints: Vec<T>,
    instruction: InstructionSpace<T>,
    steps: tape::Scratch<T>,
}

/// Some rows of a plate, in place of all of them.
#[derive(Debug, Clone, Copy)]
pub struct Subset<'a> {
    /// Which plate; see [`Program::plates`].
    pub plate: usize,
    /// Its rows.
    pub rows: &'a [usize],
    /// What the sum over these rows is multiplied by.
    pub scale: f64,
}

impl Program {
    /// Compiles the sum of a graph's terms.
    pub fn new(graph: &Graph) -> Self {
        Self::with_outputs(graph, &[])
    }

    /// Compiles the sum of a graph's terms, and values to be read with [`outputs`](Self::outputs).
    pub fn with_outputs(graph: &Graph, outputs: &[NodeId]) -> Self {
        Self {
            geometry: Geometry::of(graph).map(Box::new),
            ..Self::compiled(graph, &graph.terms, outputs)
        }
    }

    /// Compiles values to be read with [`outputs`](Self::outputs), without the terms.
    pub fn report(graph: &Graph, outputs: &[NodeId]) -> Self {
        Self::compiled(graph, &[], outputs)
    }

    fn compiled(graph: &Graph, terms: &[NodeId], outputs: &[NodeId]) -> Self {
        let plan = Plan::new(graph, terms, outputs);
        Self {
            summary: Summary::new(graph, &plan, terms, outputs),
            plan,
            geometry: None,
            real: Pool::default(),
            dual: Pool::default(),
        }
    }

    /// The number of unconstrained coordinates.
    pub fn dimension(&self) -> usize {
        self.plan.n_parameters
    }

    /// What is computed, for a person to read.
    ///
    /// ```
    /// use elbo_graph::{Graph, Program, Shape};
    ///
    /// let mut graph = Graph::new();
    /// let mean = graph.parameter(Shape::SCALAR);
    /// graph.describe_parameter("mean", mean, String::new());
    /// let heights: Vec<f64> = (0..100).map(|i| 1.5 + 0.004 * f64::from(i)).collect();
    /// let heights = graph.constant(heights, Shape::vector(100));
    /// graph.label(heights, "height");
    /// let sd = graph.constant([0.1], Shape::SCALAR);
    /// let term = graph.log_density("normal", &[heights, mean, sd])?;
    /// graph.add_to_log_density(term);
    /// let summary = Program::new(&graph).summary().to_string();
    /// assert!(summary.contains("plate of 100 rows"));
    /// assert!(summary.contains("  data      height\n"));
    /// # Ok::<(), elbo_graph::DensityError>(())
    /// ```
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Other coordinates that the graph suggests, if it does.
    pub fn geometry(&self) -> Option<&Geometry> {
        self.geometry.as_deref()
    }

    /// The sums over rows that run fused, smallest first.
    pub fn plates(&self) -> &[PlateSummary] {
        &self.summary.plates
    }

    /// Log densities and gradients of `lanes` draws; `parameters` and `gradients` hold
    /// `dimension × lanes` numbers, lanes innermost.
    ///
    /// # Panics
    /// If a buffer has another length, `lanes` is not 1, 2, 4, 8 or 16, or a row does not exist.
    pub fn log_densities_and_gradients(
        &self,
        parameters: &[f64],
        lanes: usize,
        subset: Option<Subset<'_>>,
        values: &mut [f64],
        gradients: &mut [f64],
    ) {
        self.evaluate(
            &self.real,
            parameters,
            lanes,
            subset,
            values,
            Some(gradients),
        );
    }

    /// Log densities of `lanes` draws.
    ///
    /// # Panics
    /// As [`log_densities_and_gradients`](Self::log_densities_and_gradients).
    pub fn log_densities(&self, parameters: &[f64], lanes: usize, values: &mut [f64]) {
        self.evaluate(&self.real, parameters, lanes, None, values, None);
    }

    /// Hessian–vector products of `lanes` draws, one direction each.
    ///
    /// # Panics
    /// As [`log_densities_and_gradients`](Self::log_densities_and_gradients).
    pub fn hessian_vector_products(
        &self,
        parameters: &[f64],
        directions: &[f64],
        lanes: usize,
        products: &mut [f64],
    ) {
        let duals: Vec<Dual> = parameters
            .iter()
            .zip(directions)
            .map(|(value, tangent)| Dual {
                value: *value,
                tangent: *tangent,
            })
            .collect();
        let mut values = vec![Dual::default(); lanes];
        let mut gradients = vec![Dual::default(); parameters.len()];
        self.evaluate(
            &self.dual,
            &duals,
            lanes,
            None,
            &mut values,
            Some(&mut gradients),
        );
        for (product, gradient) in products.iter_mut().zip(&gradients) {
            *product = gradient.tangent;
        }
    }

    /// The values asked for, in order, each `entries × lanes`.
    ///
    /// # Panics
    /// As [`log_densities_and_gradients`](Self::log_densities_and_gradients).
    pub fn outputs(&self, parameters: &[f64], lanes: usize) -> Vec<Vec<f64>> {
        let mut space = take(&self.real.outer);
        self.forward(&mut space, parameters, lanes);
        let outputs = self.plan.outputs.iter().map(|slot| {
            match self.operand(slot, &space.values, lanes).values {
                Values::Lanes(values) => values.to_vec(),
                Values::Data(values) => values
                    .iter()
                    .flat_map(|v| std::iter::repeat_n(*v, lanes))
                    .collect(),
            }
        });
        let outputs = outputs.collect();
        give(&self.real.outer, space);
        outputs
    }

    /// The first of the values asked for, with tangents.
    #[cfg(test)]
    pub(crate) fn first_output(&self, parameters: &[Dual], lanes: usize) -> Vec<Dual> {
        let mut space = take(&self.dual.outer);
        self.forward(&mut space, parameters, lanes);
        let operand = self.operand(&self.plan.outputs[0], &space.values, lanes);
        match operand.values {
            Values::Lanes(values) => values.to_vec(),
            Values::Data(_) => unreachable!("known values have no tangents"),
        }
    }

    fn evaluate<T: Run>(
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
        self.forward(&mut space, parameters, lanes);
        totals.fill(T::constant(self.plan.constant));
        for term in &self.plan.terms {
            if let Values::Lanes(values) = self.operand(term, &space.values, lanes).values {
                add_lanes(totals, values);
            }
        }
        let backward = gradients.is_some();
        space.adjoints.clear();
        if backward {
            space
                .adjoints
                .resize(self.plan.outer_len * lanes, T::default());
        }
        for p in 0..self.plan.plates.len() {
            self.run_plate(p, pool, &mut space, lanes, subset, totals, backward);
        }
        if let Some(gradients) = gradients {
            for term in &self.plan.terms {
                if let Place::Local(at) = term.place {
                    let range = at * lanes..(at + term.shape.len()) * lanes;
                    for a in &mut space.adjoints[range] {
                        *a += T::constant(1.0);
                    }
                }
            }
            for outer in self.plan.outer.iter().rev() {
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
            gradients.copy_from_slice(&space.adjoints[..self.plan.n_parameters * lanes]);
        }
        give(&pool.outer, space);
    }

    fn forward<T: Run>(&self, space: &mut Space<T>, parameters: &[T], lanes: usize) {
        let plan = &self.plan;
        assert_eq!(
            parameters.len(),
            plan.n_parameters * lanes,
            "dimension × lanes"
        );
        space.values.resize(plan.outer_len * lanes, T::default());
        space.values[..parameters.len()].copy_from_slice(parameters);
        for (entry, value) in &plan.constants {
            space.values[entry * lanes..(entry + 1) * lanes].fill(T::constant(*value));
        }
        for outer in &plan.outer {
            match outer {
                Outer::Whole(instruction) => self.forward_whole(instruction, space, lanes),
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

    fn backward<T: Run>(&self, instruction: &Instruction, space: &mut Space<T>, lanes: usize) {
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

    fn operand<'a, T>(&'a self, slot: &Slot, values: &'a [T], lanes: usize) -> Operand<'a, T> {
        let values = match slot.place {
            Place::Local(at) => Values::Lanes(&values[at * lanes..(at + slot.shape.len()) * lanes]),
            Place::Data(number) => Values::Data(&self.plan.data[number]),
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
        let plate = &self.plan.plates[number];
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
                plan: &self.plan,
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
