//! A builder that reads like the model: named parameters with constraints, and densities.
//!
//! ```
//! use elbo_graph::model::{Model, half_cauchy, normal};
//!
//! // Eight schools (Rubin 1981), in non-centred form.
//! let y = [28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0];
//! let sigma = [15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0];
//!
//! let mut m = Model::new();
//! let mu = m.real("mu");
//! let tau = m.positive("tau");
//! let eta = m.vector("eta", 8);
//! let theta = &mu + &tau * &eta;
//! m.assume(&mu, normal(0.0, 5.0));
//! m.assume(&tau, half_cauchy(5.0));
//! m.assume(&eta, normal(0.0, 1.0));
//! m.observe(normal(&theta, &sigma), &y);
//! m.derive("theta", &theta);
//!
//! let model = m.compile()?;
//! assert_eq!(model.dimension(), 10);
//! assert_eq!(model.names()[..2], ["mu", "tau"]);
//! # Ok::<(), elbo_graph::DensityError>(())
//! ```
//!
//! The one idea: the builder only writes a [`Graph`]; what a model needs beyond it are the names.
//! Deliberately absent: data files, and inference.

mod distribution;
mod ode;
mod variable;

use std::cell::RefCell;
use std::rc::Rc;

use crate::density::DensityError;
use crate::graph::{Graph, NodeId};
use crate::lanes::LaneBlock;
use crate::program::Program;
use crate::shape::Shape;
use crate::summary::Summary;
use crate::transform::Transform;

pub use distribution::*;
pub use ode::Ode;
pub use variable::Variable;

/// A model under construction.
#[derive(Debug, Default)]
pub struct Model {
    graph: Rc<RefCell<Graph>>,
    outputs: Vec<(String, NodeId)>,
    faults: Vec<DensityError>,
}

impl Model {
    /// A model without parameters.
    pub fn new() -> Self {
        Self::default()
    }

    /// An unconstrained number.
    pub fn real(&mut self, name: &str) -> Variable {
        self.parameter(name, Transform::Identity, Shape::SCALAR)
    }

    /// A column of `n` unconstrained numbers.
    pub fn vector(&mut self, name: &str, n: usize) -> Variable {
        self.parameter(name, Transform::Identity, Shape::vector(n))
    }

    /// A column of `n` unconstrained numbers that are not reported: those of a non-centred form, say,
    /// whose meaning is in what is [derived](Self::derive) from them.
    pub fn latent_vector(&mut self, n: usize) -> Variable {
        let id = self.graph.borrow_mut().parameter(Shape::vector(n));
        Variable::node(&self.graph, id)
    }

    /// `rows × cols` unconstrained numbers.
    pub fn matrix(&mut self, name: &str, rows: usize, cols: usize) -> Variable {
        self.parameter(name, Transform::Identity, Shape::matrix(rows, cols))
    }

    /// A positive number.
    pub fn positive(&mut self, name: &str) -> Variable {
        self.positive_vector(name, 1)
    }

    /// A column of `n` positive numbers.
    pub fn positive_vector(&mut self, name: &str, n: usize) -> Variable {
        let transform = Transform::Lower(Variable::from(0.0));
        self.parameter(name, transform, Shape::vector(n))
    }

    /// A number between `lower` and `upper`.
    pub fn between(
        &mut self,
        name: &str,
        lower: impl Into<Variable>,
        upper: impl Into<Variable>,
    ) -> Variable {
        let transform = Transform::LowerUpper(lower.into(), upper.into());
        self.parameter(name, transform, Shape::SCALAR)
    }

    /// `n` positive numbers whose sum is 1.
    pub fn simplex(&mut self, name: &str, n: usize) -> Variable {
        self.parameter(name, Transform::Simplex { size: n }, Shape::vector(n))
    }

    /// `n` increasing numbers.
    pub fn ordered(&mut self, name: &str, n: usize) -> Variable {
        self.parameter(name, Transform::Ordered { size: n }, Shape::vector(n))
    }

    /// The lower-triangular Cholesky factor of an `n × n` correlation matrix.
    pub fn cholesky_factor_corr(&mut self, name: &str, n: usize) -> Variable {
        let transform = Transform::CholeskyFactorCorr { size: n };
        self.parameter(name, transform, Shape::matrix(n, n))
    }

    /// A parameter under any constraint. A constraint on single numbers applies to each entry of
    /// `shape`; any other gives one value, of its own shape.
    ///
    /// # Panics
    /// If `shape` is not the constraint's own where it has one, or a bound belongs to another model.
    pub fn parameter(
        &mut self,
        name: &str,
        transform: Transform<Variable>,
        shape: Shape,
    ) -> Variable {
        let transform = transform.map_bounds(|bound| bound.in_graph(&self.graph));
        let mut graph = self.graph.borrow_mut();
        let constrained = if transform.is_entrywise() {
            let free = graph.parameter(shape);
            transform.apply(&mut graph, free)
        } else {
            assert_eq!(shape, transform.shape(), "the shape of {name}");
            transform.parameter(&mut graph)
        };
        constrained.add_log_jacobian(&mut graph);
        let words = transform.words(&graph);
        graph.describe_parameter(name, constrained.value, words);
        drop(graph);
        self.outputs.push((name.to_string(), constrained.value));
        Variable::node(&self.graph, constrained.value)
    }

    /// Known numbers with a name, which a [`Summary`] calls them by. They need none to be used.
    #[must_use]
    pub fn data(&self, name: &str, values: impl Into<Variable>) -> Variable {
        let id = values.into().in_graph(&self.graph);
        self.graph.borrow_mut().label(id, name);
        Variable::named(&self.graph, id)
    }

    /// Says how a parameter, or anything computed from parameters, is distributed a priori. For a
    /// computed value the log-Jacobian of its computation is the caller's to [`add`](Self::add).
    ///
    /// What does not fit is reported by [`compile`](Self::compile).
    ///
    /// # Panics
    /// If a variable belongs to another model.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a distribution is written where it is used"
    )]
    pub fn assume(&mut self, variable: &Variable, distribution: Distribution) {
        let term = self.log_density(&distribution, variable);
        self.add(&term);
    }

    /// Says how data are distributed.
    ///
    /// What does not fit is reported by [`compile`](Self::compile).
    ///
    /// # Panics
    /// If a variable belongs to another model.
    pub fn observe(&mut self, distribution: Distribution, data: impl Into<Variable>) {
        self.assume(&data.into(), distribution);
    }

    /// The log density of data, or of any variable: one number per row, to be combined with others.
    /// The log density of a mixture is the [`row_log_sum_exp`](Variable::row_log_sum_exp) of its
    /// components'.
    ///
    /// What does not fit is reported by [`compile`](Self::compile); the density is then 0.
    ///
    /// # Panics
    /// If a variable belongs to another model.
    pub fn log_density(&mut self, distribution: &Distribution, value: &Variable) -> Variable {
        distribution.log_density(value).unwrap_or_else(|error| {
            self.faults.push(error);
            Variable::from(0.0)
        })
    }

    /// Adds the sum of a variable's entries to the log density.
    ///
    /// # Panics
    /// If the variable belongs to another model.
    pub fn add(&mut self, term: &Variable) {
        let id = term.in_graph(&self.graph);
        self.graph.borrow_mut().add_to_log_density(id);
    }

    /// Reports a computed value with the parameters.
    ///
    /// # Panics
    /// If the variable belongs to another model.
    pub fn derive(&mut self, name: &str, variable: &Variable) {
        let id = variable.in_graph(&self.graph);
        self.outputs.push((name.to_string(), id));
    }

    /// The model, ready to be evaluated.
    ///
    /// # Errors
    /// The first density whose arguments do not fit, and how.
    pub fn compile(&self) -> Result<CompiledModel, DensityError> {
        if let Some(fault) = self.faults.first() {
            return Err(fault.clone());
        }
        let graph = self.graph.borrow();
        let nodes: Vec<NodeId> = self.outputs.iter().map(|(_, id)| *id).collect();
        let names = self
            .outputs
            .iter()
            .flat_map(|(name, id)| entry_names(name, graph.shape(*id)))
            .collect();
        Ok(CompiledModel {
            program: Program::new(&graph),
            report: Program::report(&graph, &nodes),
            names,
        })
    }
}

/// `name`, `name[i]` or `name[i,j]`, counted from 1, row-major.
fn entry_names(name: &str, shape: Shape) -> Vec<String> {
    let Shape { rows, cols } = shape;
    let entries = (1..=rows).flat_map(|i| (1..=cols).map(move |j| (i, j)));
    entries
        .map(|(i, j)| match (rows, cols) {
            (1, 1) => name.to_string(),
            (_, 1) => format!("{name}[{i}]"),
            _ => format!("{name}[{i},{j}]"),
        })
        .collect()
}

/// A model that can be evaluated.
#[derive(Debug)]
pub struct CompiledModel {
    program: Program,
    /// Computes what is reported; apart, so that the log density does not pay for it.
    report: Program,
    names: Vec<String>,
}

impl CompiledModel {
    /// The log density on unconstrained space, Jacobians included.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// What is computed, for a person to read.
    ///
    /// ```
    /// use elbo_graph::model::{Model, bernoulli_logit, normal};
    ///
    /// let x: Vec<f64> = (0..500).map(|i| f64::from(i).sin()).collect();
    /// let y: Vec<f64> = (0..500).map(|i| f64::from(i % 3 == 0)).collect();
    /// let mut m = Model::new();
    /// let slope = m.real("slope");
    /// m.assume(&slope, normal(0.0, 1.0));
    /// m.observe(bernoulli_logit(slope * m.data("x", &x)), m.data("y", &y));
    /// let expected = "\
    /// 1 unconstrained coordinate
    ///
    /// parameters
    ///   slope  scalar
    ///
    /// once: 1 operation
    ///   computes  normal_density
    ///   adds      normal
    ///
    /// plate of 500 rows: 2 operations, 16 bytes of data and 8 of work per row
    ///   computes  multiply, bernoulli_logit
    ///   adds      bernoulli_logit
    ///   data      x, y
    ///   reads     slope
    /// ";
    /// assert_eq!(m.compile()?.summary().to_string(), expected);
    /// # Ok::<(), elbo_graph::DensityError>(())
    /// ```
    pub fn summary(&self) -> &Summary {
        self.program.summary()
    }

    /// The number of unconstrained coordinates.
    pub fn dimension(&self) -> usize {
        self.program.dimension()
    }

    /// Names of the entries of every parameter and derived value, row-major, counted from 1.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Parameters and derived values at unconstrained points: `names × n_draws` numbers, draws
    /// innermost, from `dimension × n_draws`.
    ///
    /// # Panics
    /// If `points` has another length.
    pub fn constrain(&self, points: &[f64], n_draws: usize) -> Vec<f64> {
        assert_eq!(
            points.len(),
            self.dimension() * n_draws,
            "dimension × draws"
        );
        let mut all = vec![0.0; self.names.len() * n_draws];
        for block in LaneBlock::all(points, n_draws) {
            let entries = self.report.outputs(block.numbers(), block.lanes()).concat();
            block.store(&entries, &mut all, n_draws);
        }
        all
    }
}

#[cfg(test)]
mod tests;
