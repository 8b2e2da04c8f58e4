//! Formulas over nodes that read like formulas.
//!
//! The one idea: a [`Value`] is a node and the graph that it belongs to, with operators. Deliberately
//! absent: anything that a graph cannot do by itself.

use std::cell::RefCell;
use std::ops::{Add, Div, Mul, Neg, Sub};

use crate::graph::{Graph, NodeId, Op};
use crate::pointwise::Function;
use crate::shape::Shape;

/// A graph that several values add nodes to.
pub(super) type Shared<'g> = RefCell<&'g mut Graph>;

/// A node of a shared graph.
#[derive(Clone, Copy)]
pub(super) struct Value<'b> {
    pub node: NodeId,
    graph: &'b Shared<'b>,
}

impl<'b> Value<'b> {
    pub(super) fn new(graph: &'b Shared<'b>, node: NodeId) -> Self {
        Self { node, graph }
    }

    pub(super) fn with(self, add: impl FnOnce(&mut Graph) -> NodeId) -> Self {
        let node = add(&mut self.graph.borrow_mut());
        Self { node, ..self }
    }

    /// A known number.
    pub(super) fn number(self, value: f64) -> Self {
        self.with(|graph| graph.constant([value], Shape::SCALAR))
    }

    /// A 0 for each entry.
    pub(super) fn zeros(self) -> Self {
        let shape = self.shape();
        self.with(|graph| graph.constant(vec![0.0; shape.len()], shape))
    }

    /// The numbers 1, 2, … `n` in a row.
    pub(super) fn count_row(self, n: usize) -> Self {
        let values: Vec<f64> = (1..=n).map(|k| k as f64).collect();
        self.with(|graph| graph.constant(values, Shape::matrix(1, n)))
    }

    pub(super) fn shape(self) -> Shape {
        self.graph.borrow().shape(self.node)
    }

    /// The numbers, if they are known.
    pub(super) fn known(self) -> Option<std::sync::Arc<[f64]>> {
        self.graph.borrow().known(self.node).cloned()
    }

    /// A function of this value.
    pub(super) fn map(self, function: Function) -> Self {
        self.with(|graph| graph.pointwise(function, &[self.node]))
    }

    /// A function of this value and others.
    pub(super) fn apply<const N: usize>(self, function: Function, others: [Self; N]) -> Self {
        let mut args = vec![self.node];
        args.extend(others.map(|o| o.node));
        self.with(|graph| graph.pointwise(function, &args))
    }

    /// `x` of `eˣ`.
    pub(super) fn exponent(self) -> Option<Self> {
        let node = self.graph.borrow().exponent(self.node)?;
        Some(Self { node, ..self })
    }

    /// `a` and `b` of `a − b` where `b` has one entry for each row, and `a` more.
    pub(super) fn less_by_row(self) -> Option<(Self, Self)> {
        let graph = self.graph.borrow();
        let Op::Pointwise { function, args } = &graph.nodes[self.node.index()].op else {
            return None;
        };
        let (Function::Subtract, &[a, b]) = (function, args.as_slice()) else {
            return None;
        };
        let (whole, of_row) = (graph.shape(a), graph.shape(b));
        let fits = whole == graph.shape(self.node) && of_row == Shape::vector(whole.rows);
        (fits && whole.cols > 1).then_some((Self { node: a, ..self }, Self { node: b, ..self }))
    }

    pub(super) fn is_result_of(self, function: Function) -> bool {
        let graph = self.graph.borrow();
        matches!(graph.nodes[self.node.index()].op, Op::Pointwise { function: f, .. } if f == function)
    }

    /// Whether rows are `softmax(z)`, as `exp(z − log Σ exp z)`.
    pub(super) fn is_softmax(self) -> bool {
        let parts = self.exponent().and_then(Self::less_by_row);
        parts.is_some_and(|(logits, total)| {
            let graph = self.graph.borrow();
            matches!(graph.nodes[total.node.index()].op, Op::RowLogSumExp(z) if z == logits.node)
        })
    }

    pub(super) fn ln(self) -> Self {
        self.map(Function::Log)
    }

    pub(super) fn exp(self) -> Self {
        self.map(Function::Exp)
    }

    pub(super) fn square(self) -> Self {
        self.map(Function::Square)
    }

    pub(super) fn ln_gamma(self) -> Self {
        self.map(Function::LogGamma)
    }

    pub(super) fn ln_1p(self) -> Self {
        self.map(Function::Log1p)
    }

    pub(super) fn ln_1m(self) -> Self {
        self.map(Function::Log1m)
    }

    /// `log(1 − eˣ)`.
    pub(super) fn ln_1m_exp(self) -> Self {
        self.map(Function::Log1mExp)
    }

    /// `log Φ(x)`.
    pub(super) fn ln_phi(self) -> Self {
        self.map(Function::StdNormalLcdf)
    }

    /// `a log x`, and 0 for `a = 0` whatever `x` is. The logarithm of known positive numbers is
    /// taken when the graph is built.
    pub(super) fn times_ln(self, x: Self) -> Self {
        match x.known() {
            Some(values) if values.iter().all(|v| *v > 0.0) => self * x.ln(),
            _ if x.is_common_to(self) => self.apply(Function::Weigh, [x.ln()]),
            _ => self.apply(Function::LogMultiply, [x]),
        }
    }

    /// `a log(1 − x)`, and 0 for `a = 0` whatever `x` is.
    pub(super) fn times_ln_1m(self, x: Self) -> Self {
        match x.known() {
            Some(values) if values.iter().all(|v| *v < 1.0) => self * x.ln_1m(),
            _ if x.is_common_to(self) => self.apply(Function::Weigh, [x.ln_1m()]),
            _ => self.apply(Function::Log1mMultiply, [x]),
        }
    }

    /// `f` of known numbers: where many are equal, of each distinct one, then copied to its rows.
    pub(super) fn at_distinct(self, f: impl Fn(Self) -> Self) -> Self {
        let shape = self.shape();
        let Some(values) = self.known().filter(|_| shape.cols == 1) else {
            return f(self);
        };
        let mut distinct = values.to_vec();
        distinct.sort_by(f64::total_cmp);
        distinct.dedup();
        if 2 * distinct.len() > shape.rows {
            return f(self);
        }
        let position = |v: &f64| distinct.partition_point(|d| d < v);
        let rows: Result<Vec<u32>, _> = values.iter().map(|v| u32::try_from(position(v))).collect();
        let Ok(rows) = rows else {
            return f(self);
        };
        let size = Shape::vector(distinct.len());
        let table = f(self.with(|graph| graph.constant(distinct.clone(), size)));
        table.with(|graph| graph.gather(table.node, rows))
    }

    /// Whether many entries of `other` share one of these, so that a function of it is better
    /// computed before it is repeated.
    pub(super) fn is_common_to(self, other: Self) -> bool {
        other.shape().len() > 8 * self.shape().len()
    }

    /// `(x − mean)/scale`.
    pub(super) fn standardise(self, mean: Self, scale: Self) -> Self {
        self.apply(Function::Standardise, [mean, scale.inverse_scale()])
    }

    /// `1/x` of a scale; 1 where it is no scale, since [`ln_scale`](Self::ln_scale) then decides.
    pub(super) fn inverse_scale(self) -> Self {
        self.map(Function::InverseScale)
    }

    /// `log x` of a scale; +∞ where it is no scale.
    pub(super) fn ln_scale(self) -> Self {
        self.map(Function::LogScale)
    }

    /// Each row's sum.
    pub(super) fn row_sum(self) -> Self {
        self.with(|graph| graph.row_sum(self.node))
    }

    /// Each row's `log Σ exp`.
    pub(super) fn row_log_sum_exp(self) -> Self {
        self.with(|graph| graph.row_log_sum_exp(self.node))
    }

    /// The matrix product.
    pub(super) fn matmul(self, other: Self) -> Self {
        self.with(|graph| graph.matmul(self.node, other.node))
    }

    /// A column as a row; a row or a matrix as it is.
    pub(super) fn as_row(self) -> Self {
        let shape = self.shape();
        if shape.cols != 1 || shape.rows == 1 {
            return self;
        }
        let index: Vec<u32> = (0..).take(shape.rows).collect();
        self.with(|graph| graph.elements(self.node, index, Shape::matrix(1, shape.rows)))
    }
}

macro_rules! operators {
    ($($trait:ident $method:ident $function:ident;)+) => {
        $(
            impl $trait for Value<'_> {
                type Output = Self;

                fn $method(self, other: Self) -> Self {
                    self.apply(Function::$function, [other])
                }
            }

            impl $trait<f64> for Value<'_> {
                type Output = Self;

                fn $method(self, other: f64) -> Self {
                    self.apply(Function::$function, [self.number(other)])
                }
            }

            impl<'b> $trait<Value<'b>> for f64 {
                type Output = Value<'b>;

                fn $method(self, other: Value<'b>) -> Value<'b> {
                    other.number(self).apply(Function::$function, [other])
                }
            }
        )+
    };
}

operators! {
    Add add Add;
    Sub sub Subtract;
    Mul mul Multiply;
    Div div Divide;
}

impl Neg for Value<'_> {
    type Output = Self;

    fn neg(self) -> Self {
        self.map(Function::Negate)
    }
}

/// The arguments as an array.
pub(super) fn take<'b, const N: usize>(args: &[Value<'b>]) -> [Value<'b>; N] {
    args.try_into()
        .expect("a density gets as many arguments as its row names")
}
