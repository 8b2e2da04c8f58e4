//! A call of a function, and how its arguments are taken.

use std::fmt::Display;

use elbo_graph::{Function, Graph, NodeId, Shape};

use super::Outcome;
use crate::lower::operator::{node_shape, operand};
use crate::run::{Tensor, Value};
use crate::trace::{Number, Operand, Trace};
use crate::typed::Type;

/// A call: arguments of the signature's types.
pub(crate) struct Call<'a> {
    pub(crate) trace: &'a mut Trace,
    /// The name with its ending.
    pub(crate) name: &'static str,
    pub(crate) values: &'a [Value],
    pub(crate) types: &'a [&'a Type],
    /// Bytes that a value may have.
    pub(crate) limit: usize,
}

impl Call<'_> {
    /// Argument `i` as numbers.
    pub(super) fn operand(&self, i: usize) -> Result<Operand, String> {
        operand(self.values.get(i).ok_or("an argument is missing")?)
    }

    /// All arguments as numbers.
    pub(super) fn operands(&self) -> Result<Vec<Operand>, String> {
        self.values.iter().map(operand).collect()
    }

    /// Argument `i`, an int.
    pub(super) fn int(&self, i: usize) -> Result<i32, String> {
        self.values
            .get(i)
            .and_then(Value::as_int)
            .ok_or_else(|| format!("argument {} is no known int", i + 1))
    }

    /// Argument `i`, an int that is not negative.
    pub(super) fn size(&self, i: usize) -> Result<usize, String> {
        let size = self.int(i)?;
        usize::try_from(size).map_err(|_| format!("argument {} is a size, and {size}", i + 1))
    }

    /// Argument `i` with the shape of its node: columns and rows as such, arrays with a row for each
    /// element.
    pub(super) fn matrix(&self, i: usize) -> Result<(Operand, Shape), String> {
        let operand = self.operand(i)?;
        let shape = node_shape(self.types[i], operand.shape());
        Ok((operand, shape))
    }

    /// Argument `i`, whose rows and columns are equally many.
    pub(super) fn square(&self, i: usize) -> Result<(Operand, Shape), String> {
        let (operand, shape) = self.matrix(i)?;
        if shape.rows != shape.cols {
            return Err(format!(
                "argument {} is {} × {}, and must be square",
                i + 1,
                shape.rows,
                shape.cols
            ));
        }
        Ok((operand, shape))
    }

    /// Argument `i` as a column of numbers.
    pub(super) fn column(&self, i: usize) -> Result<(Operand, Shape), String> {
        let operand = self.operand(i)?;
        let shape = Shape::vector(operand.len());
        Ok((operand, shape))
    }

    /// The elements of argument `i`, an array of lists, or the list that it is.
    pub(super) fn lists(&self, i: usize) -> Result<Vec<Operand>, String> {
        let operand = self.operand(i)?;
        if operand.shape().len() < 2 {
            return Ok(vec![operand]);
        }
        let n = operand.shape()[0];
        Ok((0..n).map(|k| part(&operand, k)).collect())
    }

    /// A function of corresponding entries of numbers.
    pub(super) fn entrywise(&mut self, function: Function, numbers: &[Number]) -> Outcome {
        Ok(Value::from_numbers(Tensor::scalar(
            self.scalar(function, numbers)?,
        )))
    }

    /// A function of single numbers.
    pub(super) fn scalar(
        &mut self,
        function: Function,
        numbers: &[Number],
    ) -> Result<Number, String> {
        let args: Vec<Operand> = numbers.iter().map(|n| Operand::of(*n)).collect();
        Ok(self.trace.pointwise(function, &args)?.entries()[0])
    }

    /// An operation on whole values; see [`Trace::block`].
    pub(super) fn block(
        &mut self,
        args: Vec<(Operand, Shape)>,
        out: Shape,
        shape: Vec<usize>,
        build: impl Fn(&mut Graph, &[NodeId]) -> NodeId + Send + Sync + 'static,
    ) -> Outcome {
        if out.len().saturating_mul(8) > self.limit {
            return Err(format!(
                "a value of {} × {} needs more than {} bytes, the limit",
                out.rows, out.cols, self.limit
            ));
        }
        // What holds nothing is nothing that a node could be.
        if out.is_empty() || args.iter().any(|(_, shape)| shape.is_empty()) {
            let n = shape.iter().product();
            return Ok(Value::Reals(Tensor::new(shape, vec![0.0; n])));
        }
        let name = self.name;
        let numbers = self
            .trace
            .block(name, args, out, shape, move |graph, args| {
                Ok(build(graph, args))
            })?;
        Ok(Value::from_numbers(numbers))
    }

    /// As [`block`](Self::block), a square or other matrix as the result.
    pub(super) fn matrix_of(
        &mut self,
        args: Vec<(Operand, Shape)>,
        (rows, cols): (usize, usize),
        build: impl Fn(&mut Graph, &[NodeId]) -> NodeId + Send + Sync + 'static,
    ) -> Outcome {
        self.block(args, Shape::matrix(rows, cols), vec![rows, cols], build)
    }

    /// As [`block`](Self::block), with a number as the result.
    pub(super) fn number_of(
        &mut self,
        args: Vec<(Operand, Shape)>,
        build: impl Fn(&mut Graph, &[NodeId]) -> NodeId + Send + Sync + 'static,
    ) -> Outcome {
        self.block(args, Shape::SCALAR, Vec::new(), build)
    }
}

/// Element `k` of the first axis.
pub(super) fn part(operand: &Operand, k: usize) -> Operand {
    match operand {
        Operand::Known(t) => Operand::Known(t.part(k)),
        Operand::Numbers(t) => Operand::Numbers(t.part(k)),
    }
}

/// Entries of an operand from one position to another, as a list.
pub(super) fn range(operand: &Operand, from: usize, to: usize) -> Operand {
    match operand {
        Operand::Known(t) => Operand::Known(Tensor::list(t.entries()[from..to].to_vec())),
        Operand::Numbers(t) => Operand::Numbers(Tensor::list(t.entries()[from..to].to_vec())),
    }
}

/// A single number as a value.
pub(super) fn value_of(number: Number) -> Value {
    Value::from_numbers(Tensor::scalar(number))
}

/// That two sizes agree.
pub(super) fn same<T: Copy + PartialEq + Display>(a: T, b: T, what: &str) -> Result<(), String> {
    if a == b {
        return Ok(());
    }
    Err(format!("{what}: {a} and {b}, which should be the same"))
}
