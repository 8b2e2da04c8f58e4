//! A compiled graph: the log density and its gradient for a block of draws.
//!
//! The one idea: a graph becomes instructions once ([`crate::plan`]) and these run as often as needed
//! ([`crate::evaluate`]); where the data allow it, on fewer rows than there are ([`crate::condense`]).
//! Deliberately absent: how many draws there are in all; whoever calls cuts them into blocks of at
//! most [`MOST_LANES`].

use crate::block::Run;
use crate::condense::condense;
use crate::evaluate::Pool;
use crate::geometry::Geometry;
use crate::graph::{Graph, NodeId};
use crate::number::Dual;
use crate::op::Values;
use crate::plan::Plan;
use crate::summary::{PlateSummary, Summary};

/// The most draws that are evaluated together.
pub const MOST_LANES: usize = 16;

/// A graph made ready to run; see the module's documentation.
#[derive(Debug)]
pub struct Program {
    pub(crate) plan: Plan,
    /// The same log density from fewer rows, for when no subset is asked for.
    condensed: Option<Plan>,
    summary: Summary,
    geometry: Option<Box<Geometry>>,
    real: Pool<f64>,
    dual: Pool<Dual>,
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
        let condensed = condense(graph, terms);
        let rows = condensed.as_ref().map_or(&[][..], |c| &c.rows);
        let summary = Summary::new(graph, &plan, terms, outputs, rows);
        let condensed = condensed.map(|c| Plan::new(&c.graph, &c.terms, &[]));
        Self {
            summary,
            plan,
            condensed,
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
        self.real.with_space(|space| {
            self.plan.forward(space, parameters, lanes, None);
            let outputs = self.plan.outputs.iter().map(|slot| {
                match self.plan.operand(slot, &space.values, lanes).values {
                    Values::Lanes(values) => values.to_vec(),
                    Values::Data(values) => values
                        .iter()
                        .flat_map(|v| std::iter::repeat_n(*v, lanes))
                        .collect(),
                }
            });
            outputs.collect()
        })
    }

    /// The first of the values asked for, with tangents.
    #[cfg(test)]
    pub(crate) fn first_output(&self, parameters: &[Dual], lanes: usize) -> Vec<Dual> {
        self.dual.with_space(|space| {
            self.plan.forward(space, parameters, lanes, None);
            let slot = &self.plan.outputs[0];
            match self.plan.operand(slot, &space.values, lanes).values {
                Values::Lanes(values) => values.to_vec(),
                Values::Data(_) => unreachable!("known values have no tangents"),
            }
        })
    }

    fn evaluate<T: Run>(
        &self,
        pool: &Pool<T>,
        parameters: &[T],
        lanes: usize,
        subset: Option<Subset<'_>>,
        values: &mut [T],
        gradients: Option<&mut [T]>,
    ) {
        let plan = match (&self.condensed, subset) {
            (Some(condensed), None) => condensed,
            _ => &self.plan,
        };
        plan.evaluate(pool, parameters, lanes, subset, values, gradients);
    }
}
