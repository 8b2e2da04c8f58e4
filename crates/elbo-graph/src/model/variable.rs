//! A value in a model, with operators, so that Rust reads like the model.
//!
//! The one idea: a known number needs no graph, and becomes a node only when it meets an unknown.
//! Operators work entry by entry and repeat a single row or column, as
//! [`Graph::pointwise`] does. Deliberately absent: names, constraints, densities.

use std::cell::RefCell;
use std::convert::Infallible;
use std::ops::{Add, Div, Mul, Neg, Sub};
use std::rc::Rc;
use std::sync::Arc;

use crate::algebra;
use crate::graph::{Graph, NodeId};
use crate::pointwise::Function;
use crate::shape::Shape;

/// A value: known numbers, or something computed from parameters.
#[derive(Debug, Clone)]
pub struct Variable(Content);

#[derive(Debug, Clone)]
enum Content {
    Known {
        values: Arc<[f64]>,
        shape: Shape,
    },
    Node {
        graph: Rc<RefCell<Graph>>,
        id: NodeId,
    },
}

impl Variable {
    /// A known matrix, row-major.
    ///
    /// # Panics
    /// If the shape holds another number of entries.
    pub fn matrix(rows: usize, cols: usize, values: &[f64]) -> Self {
        assert_eq!(values.len(), rows * cols, "shape and values differ");
        Self(Content::Known {
            values: values.into(),
            shape: Shape::matrix(rows, cols),
        })
    }

    /// A node that stays one although its numbers are known.
    pub(super) fn named(graph: &Rc<RefCell<Graph>>, id: NodeId) -> Self {
        Self(Content::Node {
            graph: Rc::clone(graph),
            id,
        })
    }

    pub(super) fn node(graph: &Rc<RefCell<Graph>>, id: NodeId) -> Self {
        match graph.borrow().known(id) {
            Some(values) => Self(Content::Known {
                values: Arc::clone(values),
                shape: graph.borrow().shape(id),
            }),
            None => Self(Content::Node {
                graph: Rc::clone(graph),
                id,
            }),
        }
    }

    /// The node in `graph`.
    ///
    /// # Panics
    /// If the variable belongs to another model.
    pub(super) fn in_graph(&self, graph: &Rc<RefCell<Graph>>) -> NodeId {
        match &self.0 {
            Content::Known { values, shape } => {
                graph.borrow_mut().constant(Arc::clone(values), *shape)
            }
            Content::Node { graph: own, id } => {
                assert!(Rc::ptr_eq(own, graph), "a variable of another model");
                *id
            }
        }
    }

    /// The number of rows and columns.
    pub fn shape(&self) -> Shape {
        match &self.0 {
            Content::Known { shape, .. } => *shape,
            Content::Node { graph, id } => graph.borrow().shape(*id),
        }
    }

    /// Builds a node from several variables, in the graph of whichever has one.
    ///
    /// # Panics
    /// If they belong to different models, or as `build` does.
    pub(super) fn combine(
        variables: &[&Self],
        build: impl FnOnce(&mut Graph, &[NodeId]) -> NodeId,
    ) -> Self {
        let built = Self::try_combine(variables, |graph, ids| {
            Ok::<_, Infallible>(build(graph, ids))
        });
        match built {
            Ok(variable) => variable,
            Err(never) => match never {},
        }
    }

    /// As [`combine`](Self::combine), with a node that may not be possible.
    pub(super) fn try_combine<E>(
        variables: &[&Self],
        build: impl FnOnce(&mut Graph, &[NodeId]) -> Result<NodeId, E>,
    ) -> Result<Self, E> {
        let graph = variables
            .iter()
            .find_map(|v| match &v.0 {
                Content::Node { graph, .. } => Some(Rc::clone(graph)),
                Content::Known { .. } => None,
            })
            .unwrap_or_default();
        let ids: Vec<NodeId> = variables.iter().map(|v| v.in_graph(&graph)).collect();
        let id = build(&mut graph.borrow_mut(), &ids)?;
        Ok(Self::node(&graph, id))
    }

    /// A function of each entry, with more arguments where it has them.
    ///
    /// # Panics
    /// If the number of arguments or their shapes do not fit.
    #[must_use]
    pub fn apply(&self, function: Function, others: &[&Self]) -> Self {
        let all: Vec<&Self> = std::iter::once(self)
            .chain(others.iter().copied())
            .collect();
        Self::combine(&all, |graph, ids| graph.pointwise(function, ids))
    }

    /// `eˣ` of each entry.
    #[must_use]
    pub fn exp(&self) -> Self {
        self.apply(Function::Exp, &[])
    }

    /// `log x` of each entry.
    #[must_use]
    pub fn ln(&self) -> Self {
        self.apply(Function::Log, &[])
    }

    /// `√x` of each entry.
    #[must_use]
    pub fn sqrt(&self) -> Self {
        self.apply(Function::Sqrt, &[])
    }

    /// `x²` of each entry.
    #[must_use]
    pub fn square(&self) -> Self {
        self.apply(Function::Square, &[])
    }

    /// `1 / (1 + e⁻ˣ)` of each entry.
    #[must_use]
    pub fn inv_logit(&self) -> Self {
        self.apply(Function::InvLogit, &[])
    }

    /// `xᵇ` of each entry.
    #[must_use]
    pub fn pow(&self, exponent: impl Into<Self>) -> Self {
        self.apply(Function::Power, &[&exponent.into()])
    }

    /// The rows `rows`, in that order, counted from 0; a row may occur more than once. Group effects
    /// of observations are the effects `at` the observations' groups.
    ///
    /// # Panics
    /// If a row does not exist.
    #[must_use]
    pub fn at(&self, rows: &[usize]) -> Self {
        let rows: Vec<u32> = rows
            .iter()
            .map(|r| u32::try_from(*r).expect("row numbers are below 2³²"))
            .collect();
        Self::combine(&[self], |graph, ids| graph.gather(ids[0], rows))
    }

    /// Row `row`, counted from 0.
    ///
    /// # Panics
    /// If it does not exist.
    #[must_use]
    pub fn row(&self, row: usize) -> Self {
        self.at(&[row])
    }

    /// Column `column`, counted from 0.
    ///
    /// # Panics
    /// If it does not exist.
    #[must_use]
    pub fn column(&self, column: usize) -> Self {
        let Shape { rows, cols } = self.shape();
        assert!(column < cols, "column {column} of {cols}");
        Self::combine(&[self], |graph, ids| {
            algebra::pick(graph, ids[0], Shape::vector(rows), |i, _| (i, column))
        })
    }

    /// The matrix product.
    ///
    /// # Panics
    /// If the inner sizes differ.
    #[must_use]
    pub fn matmul(&self, other: &Self) -> Self {
        Self::combine(&[self, other], |graph, ids| graph.matmul(ids[0], ids[1]))
    }

    /// The lower-triangular Cholesky factor of a positive definite matrix; draws for which there is
    /// none are rejected.
    ///
    /// # Panics
    /// If the matrix is not square.
    #[must_use]
    pub fn cholesky(&self) -> Self {
        Self::combine(&[self], |graph, ids| {
            algebra::cholesky_decompose(graph, ids[0])
        })
    }

    /// The sum of all entries.
    #[must_use]
    pub fn sum(&self) -> Self {
        Self::combine(&[self], |graph, ids| graph.sum(ids[0]))
    }

    /// Each row's sum.
    #[must_use]
    pub fn row_sum(&self) -> Self {
        Self::combine(&[self], |graph, ids| graph.row_sum(ids[0]))
    }

    /// Each row's `log Σ exp`.
    #[must_use]
    pub fn row_log_sum_exp(&self) -> Self {
        Self::combine(&[self], |graph, ids| graph.row_log_sum_exp(ids[0]))
    }

    /// Values side by side.
    ///
    /// # Panics
    /// If there are none, their rows differ, or they belong to different models.
    pub fn columns(parts: &[&Self]) -> Self {
        Self::combine(parts, Graph::columns)
    }

    /// Values one below the other.
    ///
    /// # Panics
    /// If there are none, their columns differ, or they belong to different models.
    pub fn rows(parts: &[&Self]) -> Self {
        Self::combine(parts, Graph::rows)
    }
}

impl From<f64> for Variable {
    fn from(value: f64) -> Self {
        Self::matrix(1, 1, &[value])
    }
}

impl From<&[f64]> for Variable {
    fn from(values: &[f64]) -> Self {
        Self::matrix(values.len(), 1, values)
    }
}

impl From<&Vec<f64>> for Variable {
    fn from(values: &Vec<f64>) -> Self {
        Self::from(values.as_slice())
    }
}

impl<const N: usize> From<&[f64; N]> for Variable {
    fn from(values: &[f64; N]) -> Self {
        Self::from(values.as_slice())
    }
}

impl From<&Self> for Variable {
    fn from(variable: &Self) -> Self {
        variable.clone()
    }
}

/// An operator between variables, references to them, and numbers.
macro_rules! operator {
    ($($trait:ident $method:ident $function:ident;)+) => {
        $(
            impl<B: Into<Variable>> $trait<B> for Variable {
                type Output = Variable;

                fn $method(self, other: B) -> Variable {
                    self.apply(Function::$function, &[&other.into()])
                }
            }

            impl<B: Into<Variable>> $trait<B> for &Variable {
                type Output = Variable;

                fn $method(self, other: B) -> Variable {
                    self.apply(Function::$function, &[&other.into()])
                }
            }

            impl $trait<Variable> for f64 {
                type Output = Variable;

                fn $method(self, other: Variable) -> Variable {
                    Variable::from(self).apply(Function::$function, &[&other])
                }
            }

            impl $trait<&Variable> for f64 {
                type Output = Variable;

                fn $method(self, other: &Variable) -> Variable {
                    Variable::from(self).apply(Function::$function, &[other])
                }
            }
        )+
    };
}

operator! {
    Add add Add;
    Sub sub Subtract;
    Mul mul Multiply;
    Div div Divide;
}

impl Neg for Variable {
    type Output = Self;

    fn neg(self) -> Self {
        self.apply(Function::Negate, &[])
    }
}

impl Neg for &Variable {
    type Output = Variable;

    fn neg(self) -> Variable {
        self.apply(Function::Negate, &[])
    }
}
