//! Functions of numbers that are made of others, or take a known int.

use std::sync::Arc;

use elbo_graph::{Function, Hypergeometric, Shape};

use super::{Call, FunctionRow, Outcome};
use crate::lower::operator;
use crate::run::{Tensor, Value};
use crate::trace::{Number, Operand};
use crate::typed::UnaryOperator;

pub(super) const ROWS: &[FunctionRow] = &[
    ("minus", |call| unary(call, UnaryOperator::Minus)),
    ("plus", |call| Ok(call.values[0].clone())),
    ("std_normal_qf", |call| {
        let x = call.operand(0)?;
        let quantiles = call.trace.pointwise(Function::InvPhi, &[x])?;
        Ok(Value::from_numbers(quantiles))
    }),
    ("pow", |call| {
        let (a, b) = (call.operand(0)?, call.operand(1)?);
        operator::power(call.trace, &[a, b])
    }),
    ("ldexp", |call| {
        let (x, n) = (call.operand(0)?, call.operand(1)?);
        let n = n.known().ok_or("the exponent is not known")?;
        let factors = n.iter().map(|n| n.exp2()).collect::<Vec<f64>>();
        let factors = match factors.as_slice() {
            [one] => Operand::of(Number::Known(*one)),
            _ => Operand::Known(Tensor::list(factors)),
        };
        let products = call.trace.pointwise(Function::Multiply, &[x, factors])?;
        Ok(Value::from_numbers(products))
    }),
    ("lmgamma", |call| {
        let dimensions = call.operand(0)?;
        let x = call.operand(1)?;
        let shape = match x.shape() {
            [] => dimensions.shape().to_vec(),
            shape => shape.to_vec(),
        };
        let n = shape.iter().product();
        let at = |o: &Operand, i: usize| o.number(if o.len() == 1 { 0 } else { i });
        if ![1, n].contains(&x.len()) || ![1, n].contains(&dimensions.len()) {
            return Err("the sizes of arguments differ".into());
        }
        let entries = call.trace.each(0..n, |trace, i| {
            let size = at(&dimensions, i).known().filter(|d| *d >= 1.0);
            let size = size.ok_or("dimensions are known and at least 1")?;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "an int of at least 1"
            )]
            let size = size as usize;
            let args = vec![(Operand::of(at(&x, i)), Shape::SCALAR)];
            let one = trace.block(
                "lmgamma",
                args,
                Shape::SCALAR,
                Vec::new(),
                move |graph, args| {
                    let make = elbo_graph::multivariate::log_multivariate_gamma;
                    Ok(make(graph, size, args[0]))
                },
            )?;
            Ok(one.entries()[0])
        })?;
        Ok(Value::from_numbers(Tensor::new(shape, entries)))
    }),
    ("hypergeometric_1F0", |call| {
        // (1 − z)⁻ᵃ
        let (a, z) = (call.operand(0)?, call.operand(1)?);
        let log = call.trace.pointwise(Function::Log1m, &[z])?;
        let args = [a, Operand::Numbers(log)];
        let power = call.trace.pointwise(Function::Multiply, &args)?;
        let power = Operand::Numbers(power);
        let power = call.trace.pointwise(Function::Negate, &[power])?;
        let value = call
            .trace
            .pointwise(Function::Exp, &[Operand::Numbers(power)])?;
        Ok(Value::from_numbers(value))
    }),
    ("hypergeometric_2F1", |call| {
        let args = call.operands()?;
        hypergeometric(call, 2, 1, &args)
    }),
    ("hypergeometric_3F2 hypergeometric_pFq", |call| {
        let args = call.operands()?;
        let (upper, lower) = (args[0].len(), args[1].len());
        if call.name.ends_with("3F2") && (upper, lower) != (3, 2) {
            return Err(format!("it takes 3 and 2 numbers, not {upper} and {lower}"));
        }
        hypergeometric(call, upper, lower, &args)
    }),
    ("generate_laplace_options", |call| {
        // What the language gives where nothing is said.
        let start = match &call.values[0] {
            Value::Ints(t) if t.shape().is_empty() => {
                Value::Reals(Tensor::list(vec![0.0; call.size(0)?]))
            }
            other => other.clone(),
        };
        let (tolerance, steps) = (Value::real(1e-6), Value::int(100));
        let rest = [1, 0, 1].map(Value::int);
        let mut parts = vec![start, tolerance, steps];
        parts.extend(rest);
        Ok(Value::Tuple(parts))
    }),
];

/// The function of all numbers in the arguments, one after the other.
fn hypergeometric(call: &mut Call<'_>, upper: usize, lower: usize, args: &[Operand]) -> Outcome {
    let all: Vec<Number> = args.iter().flat_map(Operand::numbers).collect();
    let shape = Shape::vector(all.len());
    let args = vec![(Operand::Numbers(Tensor::list(all)), shape)];
    call.number_of(args, move |graph, args| {
        graph.block(Arc::new(Hypergeometric { upper, lower }), args)
    })
}

fn unary(call: &mut Call<'_>, operator: UnaryOperator) -> Outcome {
    let value = &call.values[0];
    if let Value::Ints(t) = value {
        return Ok(Value::Ints(t.map(|i| i.wrapping_neg())));
    }
    operator::unary(call.trace, operator, call.types[0], value)
}
