//! Operators on complex numbers, sums and products.

use elbo_graph::Function;

use super::{Call, Made, Outcome, Parts, Row, elementary, is_zero, matrices, one, two};
use crate::lower::operator::is_product;
use crate::run::{Tensor, Value};
use crate::trace::{Operand, Trace};
use crate::typed::{BinaryOperator, Type, UnaryOperator};

pub(super) const ROWS: &[Row] = &[
    ("pow", |call| {
        let (a, b) = (call.arg(0)?, call.arg(1)?);
        Ok(elementary::power(call.trace, &a, &b)?.value())
    }),
    ("minus", |call| {
        let z = call.arg(0)?;
        Ok(negated(call.trace, &z)?.value())
    }),
    ("sum", |call| {
        let z = call.arg(0)?;
        Ok(total(call.trace, &z)?.value())
    }),
    ("prod", |call| {
        let z = call.arg(0)?;
        let mut product = Parts::known(1.0, 0.0);
        for i in 0..z.len() {
            product = times(call.trace, &product, &z.entry(i))?;
        }
        Ok(product.value())
    }),
    ("cumulative_sum", |call| {
        let z = call.arg(0)?;
        let (mut re, mut im) = (Vec::new(), Vec::new());
        let mut sum = Parts::known(0.0, 0.0);
        for i in 0..z.len() {
            sum = plus(call.trace, &sum, &z.entry(i))?;
            re.push(sum.re.number(0));
            im.push(sum.im.number(0));
        }
        let shaped = |all| Operand::Numbers(Tensor::new(z.shape().to_vec(), all));
        let sums = Parts {
            re: shaped(re),
            im: shaped(im),
        };
        Ok(sums.value())
    }),
];

pub(super) fn plus(trace: &mut Trace, a: &Parts, b: &Parts) -> Made {
    Ok(Parts {
        re: two(trace, Function::Add, &a.re, &b.re)?,
        im: two(trace, Function::Add, &a.im, &b.im)?,
    })
}

pub(super) fn less(trace: &mut Trace, a: &Parts, b: &Parts) -> Made {
    Ok(Parts {
        re: two(trace, Function::Subtract, &a.re, &b.re)?,
        im: two(trace, Function::Subtract, &a.im, &b.im)?,
    })
}

pub(super) fn negated(trace: &mut Trace, z: &Parts) -> Made {
    Ok(Parts {
        re: one(trace, Function::Negate, &z.re)?,
        im: one(trace, Function::Negate, &z.im)?,
    })
}

pub(super) fn conjugate(trace: &mut Trace, z: &Parts) -> Made {
    Ok(Parts {
        re: z.re.clone(),
        im: one(trace, Function::Negate, &z.im)?,
    })
}

/// `a b`, without products of what is known to be real.
pub(super) fn times(trace: &mut Trace, a: &Parts, b: &Parts) -> Made {
    use Function::{Add, Multiply, Subtract};
    let rr = two(trace, Multiply, &a.re, &b.re)?;
    let ri = two(trace, Multiply, &a.re, &b.im)?;
    if is_zero(&a.im) {
        return Ok(Parts { re: rr, im: ri });
    }
    let ir = two(trace, Multiply, &a.im, &b.re)?;
    if is_zero(&b.im) {
        return Ok(Parts { re: rr, im: ir });
    }
    let ii = two(trace, Multiply, &a.im, &b.im)?;
    Ok(Parts {
        re: two(trace, Subtract, &rr, &ii)?,
        im: two(trace, Add, &ri, &ir)?,
    })
}

/// `|z|²`
pub(super) fn squared_size(trace: &mut Trace, z: &Parts) -> Result<Operand, String> {
    let re = one(trace, Function::Square, &z.re)?;
    let im = one(trace, Function::Square, &z.im)?;
    two(trace, Function::Add, &re, &im)
}

/// `a / b = a b̄ / |b|²`
pub(super) fn over(trace: &mut Trace, a: &Parts, b: &Parts) -> Made {
    use Function::Divide;
    let (above, below) = if is_zero(&b.im) {
        (a.clone(), b.re.clone())
    } else {
        let conjugate = conjugate(trace, b)?;
        (times(trace, a, &conjugate)?, squared_size(trace, b)?)
    };
    Ok(Parts {
        re: two(trace, Divide, &above.re, &below)?,
        im: two(trace, Divide, &above.im, &below)?,
    })
}

pub(super) fn total(trace: &mut Trace, z: &Parts) -> Made {
    let re = trace.sum(&z.re.to_numbers())?;
    let im = trace.sum(&z.im.to_numbers())?;
    Ok(Parts {
        re: Operand::of(re),
        im: Operand::of(im),
    })
}

/// An operator on one value.
pub(crate) fn unary(
    trace: &mut Trace,
    operator: UnaryOperator,
    r#type: &Type,
    value: &Value,
) -> Outcome {
    let z = Parts::of(value)?;
    match operator {
        UnaryOperator::Plus => Ok(value.clone()),
        UnaryOperator::Minus => Ok(negated(trace, &z)?.value()),
        UnaryOperator::Not => Err("a complex number is neither true nor false".to_owned()),
        UnaryOperator::Transpose => Ok(match r#type {
            Type::ComplexMatrix => matrices::transposed(&z).value(),
            _ => value.clone(),
        }),
    }
}

/// An operator on two values, one of which is complex at least.
pub(crate) fn binary(
    trace: &mut Trace,
    operator: BinaryOperator,
    types: [&Type; 2],
    left: &Value,
    right: &Value,
) -> Outcome {
    use BinaryOperator as B;
    let (a, b) = (Parts::of(left)?, Parts::of(right)?);
    let is_product = is_product(types);
    if is_product && operator == B::Multiply {
        return matrices::product(trace, types, &a, &b);
    }
    if is_product && matches!(operator, B::Divide | B::LeftDivide) {
        return matrices::divided(trace, operator, types, &a, &b);
    }
    let agrees = a.shape() == b.shape() || a.shape().is_empty() || b.shape().is_empty();
    if !agrees {
        return Err(format!(
            "the shapes {:?} and {:?} do not agree",
            a.shape(),
            b.shape()
        ));
    }
    let result = match operator {
        B::Add => plus(trace, &a, &b)?,
        B::Subtract => less(trace, &a, &b)?,
        B::Multiply | B::ElementMultiply => times(trace, &a, &b)?,
        B::Divide | B::ElementDivide => over(trace, &a, &b)?,
        B::Power | B::ElementPower => elementary::power(trace, &a, &b)?,
        B::Equal | B::NotEqual => return equal(trace, operator == B::Equal, &a, &b),
        _ => return Err(format!("complex numbers have no `{}`", operator.symbol())),
    };
    Ok(result.value())
}

fn equal(trace: &mut Trace, positive: bool, a: &Parts, b: &Parts) -> Outcome {
    let re = two(trace, Function::Equal, &a.re, &b.re)?;
    let im = two(trace, Function::Equal, &a.im, &b.im)?;
    let both = two(trace, Function::And, &re, &im)?;
    let result = if positive {
        both
    } else {
        one(trace, Function::Not, &both)?
    };
    Ok(super::real(&result))
}

/// The dot product of two lists: the first is conjugated.
pub(super) fn dot(trace: &mut Trace, a: &Parts, b: &Parts) -> Made {
    if a.len() != b.len() {
        return Err(format!("the sizes {} and {} differ", a.len(), b.len()));
    }
    let a = conjugate(trace, a)?;
    let products = times(trace, &a, b)?;
    total(trace, &products)
}

/// Rows of the dot products of corresponding parts.
pub(super) fn dots(call: &mut Call<'_>, pairs: &[(Parts, Parts)]) -> Outcome {
    let sums = call.trace.each(pairs, |trace, (a, b)| dot(trace, a, b))?;
    let list = |part: fn(&Parts) -> &Operand| {
        let numbers = sums.iter().map(|sum| part(sum).number(0)).collect();
        Operand::Numbers(Tensor::list(numbers))
    };
    let all = Parts {
        re: list(|sum| &sum.re),
        im: list(|sum| &sum.im),
    };
    Ok(all.value())
}
