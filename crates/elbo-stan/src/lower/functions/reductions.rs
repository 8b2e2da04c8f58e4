//! Sums, products, norms and what is made of them.
//!
//! The one idea: what loops over rows call is said in operations that are recorded row by row, so that
//! a loop over `softmax(x[n])` is a few nodes for all rows.

use std::sync::Arc;

use elbo_graph::{CumulativeSum, Function, Shape, algebra};

use super::call::{range, same, value_of};
use super::{Call, FunctionRow, Outcome};
use crate::run::{Tensor, Value};
use crate::trace::{Number, Operand, RowFunction, Trace};

pub(super) const ROWS: &[FunctionRow] = &[
    ("sum", |call| {
        let numbers = call.operand(0)?.to_numbers();
        Ok(value_of(call.trace.sum(&numbers)?))
    }),
    ("prod", |call| {
        let all = call.operand(0)?;
        halves(call.trace, all, Function::Multiply, 1.0)
    }),
    ("max", |call| {
        extreme(call, Function::Maximum, f64::NEG_INFINITY)
    }),
    ("min", |call| {
        extreme(call, Function::Minimum, f64::INFINITY)
    }),
    ("mean", |call| {
        let all = filled(call)?;
        Ok(value_of(mean(call.trace, &all)?))
    }),
    ("variance", |call| {
        let all = filled(call)?;
        Ok(value_of(variance(call.trace, &all)?))
    }),
    ("sd", |call| {
        let all = filled(call)?;
        let variance = variance(call.trace, &all)?;
        call.entrywise(Function::Sqrt, &[variance])
    }),
    ("norm1", |call| {
        let all = call.operand(0)?;
        let sizes = call.trace.pointwise(Function::Abs, &[all])?;
        Ok(value_of(call.trace.sum(&sizes)?))
    }),
    ("norm2", |call| {
        let all = call.operand(0)?;
        let square = call.trace.dot(all.clone(), all)?;
        call.entrywise(Function::Sqrt, &[square])
    }),
    ("dot_product", |call| {
        let (a, b) = (call.operand(0)?, call.operand(1)?);
        Ok(value_of(call.trace.dot(a, b)?))
    }),
    ("dot_self", |call| {
        let all = call.operand(0)?;
        Ok(value_of(call.trace.dot(all.clone(), all)?))
    }),
    ("squared_distance", |call| {
        Ok(value_of(squared_distance(call)?))
    }),
    ("distance", |call| {
        let square = squared_distance(call)?;
        call.entrywise(Function::Sqrt, &[square])
    }),
    ("columns_dot_product", |call| dots(call, 1, false)),
    ("columns_dot_self", |call| dots(call, 0, false)),
    ("rows_dot_product", |call| dots(call, 1, true)),
    ("rows_dot_self", |call| dots(call, 0, true)),
    ("log_sum_exp", |call| match call.values.len() {
        1 => {
            let all = call.operand(0)?;
            Ok(value_of(call.trace.log_sum_exp(all)?))
        }
        _ => pairs(call, Function::LogSumExp),
    }),
    ("softmax", |call| {
        by_list(call, |trace, x| {
            let logs = log_softmax(trace, x)?;
            trace.pointwise(Function::Exp, &[Operand::Numbers(logs)])
        })
    }),
    ("log_softmax", |call| by_list(call, log_softmax)),
    ("cumulative_sum", |call| {
        static SUMS: RowFunction = RowFunction {
            name: "cumulative_sum",
            shared: &[],
            build: |graph, args| {
                let cols = graph.shape(args[0]).cols;
                Ok(graph.block(Arc::new(CumulativeSum { cols }), args))
            },
        };
        let all = call.operand(0)?;
        let (shape, row) = (all.shape().to_vec(), Shape::matrix(1, all.len()));
        let sums = call.trace.row_by_row(&SUMS, vec![(all, row)], shape)?;
        Ok(Value::from_numbers(sums))
    }),
    ("log_mix", |call| match call.values.len() {
        3 => {
            let args = call.operands()?;
            let mixed = call.trace.pointwise(Function::LogMix, &args)?;
            Ok(Value::from_numbers(mixed))
        }
        _ => log_mix(call),
    }),
    (
        "sort_asc sort_desc sort_indices_asc sort_indices_desc",
        |call| {
            let (all, shape) = call.column(0)?;
            let build = match call.name {
                "sort_asc" => algebra::sort_asc,
                "sort_desc" => algebra::sort_desc,
                "sort_indices_asc" => algebra::sort_indices_asc,
                _ => algebra::sort_indices_desc,
            };
            let out = all.shape().to_vec();
            call.block(vec![(all, shape)], shape, out, move |graph, args| {
                build(graph, args[0])
            })
        },
    ),
    ("rank", |call| {
        let (all, shape) = call.column(0)?;
        let at = call.size(1)?;
        if at == 0 || at > all.len() {
            return Err(format!("index {at} is outside 1 to {}", all.len()));
        }
        call.number_of(vec![(all, shape)], move |graph, args| {
            algebra::rank(graph, args[0], at - 1)
        })
    }),
];

/// A function of two arguments of one shape, or of one and a number.
fn pairs(call: &mut Call<'_>, function: Function) -> Outcome {
    let args = call.operands()?;
    Ok(Value::from_numbers(call.trace.pointwise(function, &args)?))
}

/// The numbers of a container that has some.
fn filled(call: &Call<'_>) -> Result<Operand, String> {
    let all = call.operand(0)?;
    if all.len() == 0 {
        return Err("there are no numbers".into());
    }
    Ok(all)
}

fn times(trace: &mut Trace, number: Number, factor: f64) -> Result<Number, String> {
    let args = [Operand::of(number), Operand::of(Number::Known(factor))];
    Ok(trace.pointwise(Function::Multiply, &args)?.entries()[0])
}

fn mean(trace: &mut Trace, all: &Operand) -> Result<Number, String> {
    let sum = trace.sum(&all.to_numbers())?;
    times(trace, sum, 1.0 / all.len() as f64)
}

/// With n − 1 below; zero for a single number, as in Stan.
fn variance(trace: &mut Trace, all: &Operand) -> Result<Number, String> {
    if all.len() == 1 {
        return Ok(Number::Known(0.0));
    }
    let mean = mean(trace, all)?;
    let args = [all.clone(), Operand::of(mean)];
    let residuals = Operand::Numbers(trace.pointwise(Function::Subtract, &args)?);
    let square = trace.dot(residuals.clone(), residuals)?;
    times(trace, square, 1.0 / (all.len() - 1) as f64)
}

fn squared_distance(call: &mut Call<'_>) -> Result<Number, String> {
    let (a, b) = (call.operand(0)?, call.operand(1)?);
    same(a.len(), b.len(), "sizes")?;
    let difference = call.trace.pointwise(Function::Subtract, &[a, b])?;
    let difference = Operand::Numbers(difference);
    call.trace.dot(difference.clone(), difference)
}

/// An associative function of all entries, by halves.
fn halves(trace: &mut Trace, all: Operand, function: Function, empty: f64) -> Outcome {
    let mut rest = all;
    while rest.len() > 1 {
        let (n, half) = (rest.len(), rest.len() / 2);
        let pairs = [range(&rest, 0, half), range(&rest, half, 2 * half)];
        let made = trace.pointwise(function, &pairs)?;
        let last = range(&rest, 2 * half, n).to_numbers();
        let entries = made.entries().iter().chain(last.entries()).copied();
        rest = Operand::Numbers(Tensor::list(entries.collect()));
    }
    Ok(value_of(match rest.len() {
        0 => Number::Known(empty),
        _ => rest.number(0),
    }))
}

fn extreme(call: &mut Call<'_>, function: Function, empty: f64) -> Outcome {
    if call.values.len() == 2 {
        return pairs(call, function);
    }
    let all = call.operand(0)?;
    halves(call.trace, all, function, empty)
}

/// Products of corresponding rows or columns of argument 0 and argument `second`.
fn dots(call: &mut Call<'_>, second: usize, of_rows: bool) -> Outcome {
    let (a, shape) = call.matrix(0)?;
    let (b, other) = call.matrix(second)?;
    same(shape, other, "sizes")?;
    let (n, stride, step, length) = if of_rows {
        (shape.rows, shape.cols, 1, shape.cols)
    } else {
        (shape.cols, 1, shape.cols, shape.rows)
    };
    let list = |x: &Operand, i: usize| {
        let entries = (0..length).map(|k| x.number(i * stride + k * step));
        Operand::Numbers(Tensor::list(entries.collect()))
    };
    let dots = call
        .trace
        .each(0..n, |trace, i| trace.dot(list(&a, i), list(&b, i)))?;
    Ok(Value::from_numbers(Tensor::list(dots)))
}

fn log_softmax(trace: &mut Trace, x: Operand) -> Result<Tensor<Number>, String> {
    let total = trace.log_sum_exp(x.clone())?;
    trace.pointwise(Function::Subtract, &[x, Operand::of(total)])
}

/// A function of a list, or of each list in an array.
fn by_list(
    call: &mut Call<'_>,
    f: fn(&mut Trace, Operand) -> Result<Tensor<Number>, String>,
) -> Outcome {
    let shape = call.values[0].shape().to_vec();
    if shape.contains(&0) {
        return Ok(call.values[0].clone());
    }
    let lists = call.lists(0)?;
    let results = call.trace.each(lists, f)?;
    let entries = results.iter().flat_map(|t| t.entries().iter().copied());
    Ok(Value::from_numbers(Tensor::new(shape, entries.collect())))
}

/// `Σ_n log Σ_k θ_k exp(λ_nk)`
fn log_mix(call: &mut Call<'_>) -> Outcome {
    let weights = call.operand(0)?;
    let lists = call.lists(1)?;
    let logs = call.trace.pointwise(Function::Log, &[weights])?;
    let logs = Operand::Numbers(logs);
    let terms = call.trace.each(lists, |trace, list| {
        same(logs.len(), list.len(), "weights and components")?;
        let args = [logs.clone(), list];
        let weighted = Operand::Numbers(trace.pointwise(Function::Add, &args)?);
        trace.log_sum_exp(weighted)
    })?;
    Ok(value_of(call.trace.sum(&Tensor::list(terms))?))
}
