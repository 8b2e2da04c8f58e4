//! Log densities over nodes, by name.
//!
//! The one idea: a density is a row of [`DENSITIES`] (its arguments and where they must lie) and one
//! function that writes its formula as nodes, all constants kept. What is known is checked and
//! computed when the graph is built; derivatives follow from the nodes; a density of many rows
//! becomes a plate. Deliberately absent: multivariate densities that need a decomposition, and
//! random numbers.

mod category;
mod count;
mod cumulative;
mod form;
mod glm;
mod location_scale;
mod positive;
mod support;
mod table;
mod value;

use std::cell::RefCell;

use crate::geometry::Assumed;
use crate::graph::{Graph, NodeId};
use crate::shape::Shape;
use form::Form;
pub use support::{DensityError, Relation, Support};
pub use table::DENSITIES;
use value::Value;

/// A log density, or the logarithm of a distribution function, that a graph can hold.
#[derive(Debug, Clone, Copy)]
pub struct Density {
    /// The name, as Stan writes it after `~`, or with `_lcdf` or `_lccdf`.
    pub name: &'static str,
    /// Names and supports of the arguments, the variable first.
    pub arguments: &'static [(&'static str, Support)],
    /// What must hold between arguments.
    pub relations: &'static [Relation],
    form: Form,
    build: for<'b> fn(&[Value<'b>]) -> Value<'b>,
}

impl Density {
    /// The row of that name.
    pub fn named(name: &str) -> Option<&'static Self> {
        DENSITIES.iter().find(|d| d.name == name)
    }

    /// Whether corresponding entries of the arguments belong together, each with a density of its own.
    pub fn is_entrywise(&self) -> bool {
        self.form == Form::Entrywise
    }

    /// Adds the log density to a graph, one value per row.
    ///
    /// Unknown arguments outside of their support give −∞; derivatives there mean nothing.
    ///
    /// # Errors
    /// [`DensityError`] if the number, sizes or known values of the arguments do not fit.
    pub fn build(&self, graph: &mut Graph, args: &[NodeId]) -> Result<NodeId, DensityError> {
        self.check(graph, args)?;
        if args.first().is_some_and(|y| graph.known(*y).is_none()) {
            graph.assumed.push(Assumed {
                density: self.name,
                args: args.to_vec(),
            });
        }
        let known: Vec<bool> = args.iter().map(|a| graph.known(*a).is_some()).collect();
        let shared = RefCell::new(graph);
        let x: Vec<Value<'_>> = args.iter().map(|a| Value::new(&shared, *a)).collect();
        let formula = |y| {
            let mut x = x.clone();
            x[0] = y;
            self.guarded(&x, &known)
        };
        let alike = self.form == Form::Entrywise && x[1..].iter().all(|v| v.shape().is_scalar());
        // Equal data with equal parameters have one density.
        let density = if alike {
            x[0].at_distinct(formula)
        } else {
            formula(x[0])
        };
        let node = density.node;
        shared.borrow_mut().label(node, self.name);
        Ok(node)
    }

    /// The formula, and −∞ where unknown arguments are out of place.
    fn guarded<'b>(&self, x: &[Value<'b>], known: &[bool]) -> Value<'b> {
        let mut density = (self.build)(x);
        for (k, (_, support)) in self.arguments.iter().enumerate() {
            if !known[k] {
                density = support.guard(density, x[k]);
            }
        }
        for relation in self.relations {
            let (a, b) = relation.arguments();
            if !(known[a] && known[b]) {
                density = relation.guard(density, x);
            }
        }
        density
    }

    fn check(&self, graph: &Graph, args: &[NodeId]) -> Result<(), DensityError> {
        if args.len() != self.arguments.len() {
            let names: Vec<&str> = self.arguments.iter().map(|(name, _)| *name).collect();
            return Err(DensityError::Arity {
                density: self.name,
                expected: names.join(", "),
                found: args.len(),
            });
        }
        let shapes: Vec<Shape> = args.iter().map(|a| graph.shape(*a)).collect();
        if !self.form.fits(&shapes) {
            return Err(DensityError::Shapes {
                density: self.name,
                shapes,
                expected: self.form.expected(),
            });
        }
        for ((argument, support), arg) in self.arguments.iter().zip(args) {
            match graph.known(*arg) {
                Some(values) => {
                    let cols = graph.shape(*arg).cols;
                    let fault = values.iter().position(|v| !support.contains(*v));
                    if let Some(at) = fault {
                        let expected = support.expected().to_owned();
                        return Err(self.fault(argument, at / cols, values[at], expected));
                    }
                }
                None if support.is_discrete() => {
                    return Err(DensityError::NotKnown {
                        density: self.name,
                        argument,
                    });
                }
                None => {}
            }
        }
        self.check_categories(graph, args, &shapes)?;
        self.check_relations(graph, args, &shapes)
    }

    fn fault(
        &self,
        argument: &'static str,
        row: usize,
        value: f64,
        expected: String,
    ) -> DensityError {
        DensityError::Support {
            density: self.name,
            argument,
            row,
            value,
            expected,
        }
    }

    fn check_categories(
        &self,
        graph: &Graph,
        args: &[NodeId],
        shapes: &[Shape],
    ) -> Result<(), DensityError> {
        let Some(n) = self.form.categories(shapes) else {
            return Ok(());
        };
        let values = graph.known(args[0]).expect("categories are known");
        match values.iter().position(|v| *v > n as f64) {
            Some(row) => {
                let expected = format!("a category from 1 to {n}");
                Err(self.fault(self.arguments[0].0, row, values[row], expected))
            }
            None => Ok(()),
        }
    }

    fn check_relations(
        &self,
        graph: &Graph,
        args: &[NodeId],
        shapes: &[Shape],
    ) -> Result<(), DensityError> {
        for relation in self.relations {
            let (a, b) = relation.arguments();
            let (Some(left), Some(right)) = (graph.known(args[a]), graph.known(args[b])) else {
                continue;
            };
            let Some(shape) = shapes[a].broadcast(shapes[b]) else {
                continue;
            };
            for row in 0..shape.rows {
                for col in 0..shape.cols {
                    let at = |s: Shape| row % s.rows * s.cols + col % s.cols;
                    let (x, bound) = (left[at(shapes[a])], right[at(shapes[b])]);
                    if !relation.holds(x, bound) {
                        let other = self.arguments[b].0;
                        let expected = format!("{} {other}, which is {bound}", relation.words());
                        return Err(self.fault(self.arguments[a].0, row, x, expected));
                    }
                }
            }
        }
        Ok(())
    }
}

impl Graph {
    /// Adds a log density by name, one value per row; see [`DENSITIES`].
    ///
    /// # Errors
    /// [`DensityError`] if there is no such density, or its arguments do not fit.
    pub fn log_density(&mut self, name: &str, args: &[NodeId]) -> Result<NodeId, DensityError> {
        let density = Density::named(name).ok_or_else(|| DensityError::Unknown {
            name: name.to_owned(),
        })?;
        density.build(self, args)
    }
}

#[cfg(test)]
mod tests;
