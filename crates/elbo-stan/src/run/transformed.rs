//! Points where a transformed parameter breaks its constraint: they are outside the support.
//!
//! The one idea: what a declaration promises is a list of comparisons, each of which adds 0 to the log
//! density where it holds and −∞ elsewhere, for NaN too. Equalities hold to 1e-8, as in Stan. What is
//! known is checked at once ([`super::constraint`]).

use elbo_graph::{Function, Shape, algebra};

use super::constraint::TOLERANCE;
use super::parameters::known_or_not;
use super::{Machine, Run, Tensor, Value, bad};
use crate::source::Span;
use crate::trace::{Number, Operand, Trace};
use crate::typed::{Structure, Type};

type Done = Result<(), String>;

impl Machine<'_> {
    /// Rejects points where a value has not the structure that it was declared with.
    pub(super) fn keeps(
        &mut self,
        structure: Structure,
        r#type: &Type,
        value: &Value,
        span: Span,
    ) -> Run<()> {
        let Some(numbers) = value.as_numbers() else {
            return Ok(());
        };
        let axes = if *r#type.element().0 == Type::Matrix {
            2
        } else {
            1
        };
        let outer = numbers.shape().len().saturating_sub(axes);
        let parts: usize = numbers.shape()[..outer].iter().product();
        if structure == Structure::Free || numbers.entries().is_empty() {
            return Ok(());
        }
        self.visit(span);
        let trace = &mut self.trace;
        let done = trace.each(0..parts, |trace, i| {
            let part = if outer == 0 {
                numbers.clone()
            } else {
                numbers.slice(outer, i)
            };
            let rows = part.shape()[0];
            let part = &Part {
                cols: part.shape().get(1).copied().unwrap_or(1),
                rows,
                entries: part.entries(),
            };
            structured(trace, structure, part)
        });
        done.map(|_| ()).map_err(|message| bad(span, message))
    }
}

/// A vector or a matrix.
struct Part<'n> {
    entries: &'n [Number],
    rows: usize,
    cols: usize,
}

impl Part<'_> {
    fn at(&self, i: usize, j: usize) -> Number {
        self.entries[i * self.cols + j]
    }

    fn row(&self, i: usize) -> Vec<Number> {
        (0..self.cols).map(|j| self.at(i, j)).collect()
    }

    fn col(&self, j: usize) -> Vec<Number> {
        (0..self.rows).map(|i| self.at(i, j)).collect()
    }

    fn diagonal(&self) -> Vec<Number> {
        (0..self.rows.min(self.cols))
            .map(|i| self.at(i, i))
            .collect()
    }
}

fn structured(trace: &mut Trace, structure: Structure, x: &Part<'_>) -> Done {
    match structure {
        Structure::Free => Ok(()),
        Structure::Ordered => ordered(trace, x.entries),
        Structure::PositiveOrdered => {
            holds(trace, Function::LessOrEqual, &[zero()], &x.entries[..1])?;
            ordered(trace, x.entries)
        }
        Structure::Simplex => simplex(trace, x.entries),
        Structure::ColumnStochastic => (0..x.cols).try_for_each(|j| simplex(trace, &x.col(j))),
        Structure::RowStochastic => (0..x.rows).try_for_each(|i| simplex(trace, &x.row(i))),
        Structure::UnitVector => unit(trace, x.entries),
        Structure::SumToZero => {
            let rows = (0..x.rows).map(|i| x.row(i)).filter(|_| x.cols > 1);
            let lists: Vec<Vec<Number>> = rows.chain((0..x.cols).map(|j| x.col(j))).collect();
            lists.iter().try_for_each(|list| {
                let sum = trace.sum(&Tensor::list(list.clone()))?;
                near(trace, &[sum], &[zero()])
            })
        }
        Structure::CholeskyCovariance => factor(trace, x),
        Structure::CholeskyCorrelation => {
            factor(trace, x)?;
            (0..x.rows).try_for_each(|i| unit(trace, &x.row(i)))
        }
        Structure::Covariance => definite(trace, x),
        Structure::Correlation => {
            near(trace, &x.diagonal(), &[Number::Known(1.0)])?;
            definite(trace, x)
        }
    }
}

fn zero() -> Number {
    Number::Known(0.0)
}

/// −∞ unless a comparison of corresponding numbers holds; one number goes with all.
fn holds(trace: &mut Trace, comparison: Function, a: &[Number], b: &[Number]) -> Done {
    let operand = |numbers: &[Number]| match numbers {
        [one] => Operand::of(*one),
        _ => known_or_not(Tensor::list(numbers.to_vec())),
    };
    if a.is_empty() || b.is_empty() {
        return Ok(());
    }
    let truth = trace.pointwise(comparison, &[operand(a), operand(b)])?;
    let one = Operand::of(Number::Known(1.0));
    let slack = trace.pointwise(Function::Subtract, &[known_or_not(truth), one])?;
    let args = [Operand::of(zero()), known_or_not(slack)];
    let guard = trace.pointwise(Function::WhereNonNegative, &args)?;
    trace.add(&guard, false);
    Ok(())
}

/// Equal to 1e-8.
fn near(trace: &mut Trace, a: &[Number], b: &[Number]) -> Done {
    let operand = |numbers: &[Number]| match numbers {
        [one] => Operand::of(*one),
        _ => known_or_not(Tensor::list(numbers.to_vec())),
    };
    if a.is_empty() || b.is_empty() {
        return Ok(());
    }
    let difference = trace.pointwise(Function::Subtract, &[operand(a), operand(b)])?;
    let distance = trace.pointwise(Function::Abs, &[known_or_not(difference)])?;
    let limit = [Number::Known(TOLERANCE)];
    holds(trace, Function::LessOrEqual, distance.entries(), &limit)
}

fn ordered(trace: &mut Trace, x: &[Number]) -> Done {
    holds(trace, Function::Less, &x[..x.len() - 1], &x[1..])
}

fn simplex(trace: &mut Trace, x: &[Number]) -> Done {
    holds(trace, Function::GreaterOrEqual, x, &[zero()])?;
    let sum = trace.sum(&Tensor::list(x.to_vec()))?;
    near(trace, &[sum], &[Number::Known(1.0)])
}

fn unit(trace: &mut Trace, x: &[Number]) -> Done {
    let list = known_or_not(Tensor::list(x.to_vec()));
    let squares = trace.dot(list.clone(), list)?;
    near(trace, &[squares], &[Number::Known(1.0)])
}

/// Lower-triangular with a positive diagonal.
fn factor(trace: &mut Trace, x: &Part<'_>) -> Done {
    let above: Vec<Number> = (0..x.rows)
        .flat_map(|i| (i + 1..x.cols).map(move |j| (i, j)))
        .map(|(i, j)| x.at(i, j))
        .collect();
    holds(trace, Function::Equal, &above, &[zero()])?;
    holds(trace, Function::Greater, &x.diagonal(), &[zero()])
}

/// Symmetric and positive definite, which is to have a Cholesky factor.
fn definite(trace: &mut Trace, x: &Part<'_>) -> Done {
    let n = x.rows;
    let pairs = || (0..n).flat_map(|i| (0..i).map(move |j| (i, j)));
    let below: Vec<Number> = pairs().map(|(i, j)| x.at(i, j)).collect();
    let above: Vec<Number> = pairs().map(|(i, j)| x.at(j, i)).collect();
    near(trace, &below, &above)?;
    let shape = Shape::matrix(n, n);
    let matrix = known_or_not(Tensor::new(vec![n, n], x.entries.to_vec()));
    let factor = trace.block(
        "cholesky_decompose",
        vec![(matrix, shape)],
        shape,
        vec![n, n],
        |graph, args| Ok(algebra::cholesky_decompose(graph, args[0])),
    )?;
    let factor = Part {
        entries: factor.entries(),
        rows: n,
        cols: n,
    };
    holds(trace, Function::Greater, &factor.diagonal(), &[zero()])
}
