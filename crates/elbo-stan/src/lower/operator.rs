//! Operators on values that depend on parameters.

use elbo_graph::{Function, Shape, algebra};

use crate::run::{Tensor, Value};
use crate::trace::{Number, Operand, Trace};
use crate::typed::{BinaryOperator, Type, UnaryOperator};

type Outcome = Result<Value, String>;

/// Numbers of a value; what is complex is not computed from parameters.
pub(crate) fn operand(value: &Value) -> Result<Operand, String> {
    Operand::from_value(value)
        .ok_or_else(|| "complex numbers are not computed from parameters".to_owned())
}

/// A value as a node: columns and rows as such, arrays with a row for each element.
pub(crate) fn node_shape(r#type: &Type, shape: &[usize]) -> Shape {
    match (r#type, shape) {
        (_, []) => Shape::SCALAR,
        (Type::RowVector, [n]) => Shape::matrix(1, *n),
        (_, [n]) => Shape::vector(*n),
        (_, [outer @ .., cols]) => Shape::matrix(outer.iter().product(), *cols),
    }
}

pub(crate) fn unary(
    trace: &mut Trace,
    operator: UnaryOperator,
    r#type: &Type,
    value: &Value,
) -> Outcome {
    if matches!(value, Value::Pairs(_)) {
        return super::complex::unary(trace, operator, r#type, value);
    }
    let function = match operator {
        UnaryOperator::Plus => return Ok(value.clone()),
        UnaryOperator::Minus => Function::Negate,
        UnaryOperator::Not => Function::Not,
        UnaryOperator::Transpose => {
            let numbers = operand(value)?.to_numbers();
            return Ok(match r#type {
                Type::Matrix => Value::from_numbers(transposed(&numbers)),
                _ => value.clone(),
            });
        }
    };
    Ok(Value::from_numbers(
        trace.pointwise(function, &[operand(value)?])?,
    ))
}

/// Rows as columns.
pub(crate) fn transposed(t: &Tensor<Number>) -> Tensor<Number> {
    let (rows, columns) = (t.shape()[0], t.shape()[1]);
    let entries = (0..columns)
        .flat_map(|j| (0..rows).map(move |i| t.entries()[i * columns + j]))
        .collect();
    Tensor::new(vec![columns, rows], entries)
}

/// Whether `*` and `/` of operands of these types are those of linear algebra.
pub(super) fn is_product(types: [&Type; 2]) -> bool {
    let is_scalar = |t: &Type| matches!(t, Type::Int | Type::Real | Type::Complex);
    !types.into_iter().any(is_scalar)
}

pub(crate) fn binary(
    trace: &mut Trace,
    operator: BinaryOperator,
    types: [&Type; 2],
    left: &Value,
    right: &Value,
) -> Outcome {
    use BinaryOperator as B;
    if types.iter().any(|t| t.element().0.is_complex()) {
        return super::complex::binary(trace, operator, types, left, right);
    }
    let operands = [operand(left)?, operand(right)?];
    let is_product = is_product(types);
    let function = match operator {
        B::Multiply if is_product => return product(trace, types, operands),
        B::Divide if is_product => {
            return divided(trace, types, operands);
        }
        B::LeftDivide => return left_divided(trace, types, operands),
        B::Add => Function::Add,
        B::Subtract => Function::Subtract,
        B::Multiply | B::ElementMultiply => Function::Multiply,
        B::Divide | B::ElementDivide | B::IntegerDivide => Function::Divide,
        B::Power | B::ElementPower => return power(trace, &operands),
        B::Modulo => Function::Remainder,
        B::Equal => Function::Equal,
        B::NotEqual => Function::NotEqual,
        B::Less => Function::Less,
        B::LessEqual => Function::LessOrEqual,
        B::Greater => Function::Greater,
        B::GreaterEqual => Function::GreaterOrEqual,
        B::And => Function::And,
        B::Or => Function::Or,
    };
    agree(&operands)?;
    let numbers = trace.pointwise(function, &operands)?;
    let is_int = types.iter().all(|t| **t == Type::Int);
    if is_int && function == Function::Divide {
        // Ints are divided towards zero.
        let whole = trace.pointwise(Function::Trunc, &[Operand::Numbers(numbers)])?;
        return Ok(Value::from_numbers(whole));
    }
    Ok(Value::from_numbers(numbers))
}

/// Entry by entry needs one shape, or a single number.
fn agree(operands: &[Operand; 2]) -> Result<(), String> {
    let [a, b] = [operands[0].shape(), operands[1].shape()];
    if a == b || a.is_empty() || b.is_empty() {
        return Ok(());
    }
    Err(format!("the shapes {a:?} and {b:?} do not agree"))
}

/// `aᵇ`; small whole exponents are products, which have a derivative at zero too.
pub(crate) fn power(trace: &mut Trace, operands: &[Operand; 2]) -> Outcome {
    agree(operands)?;
    let exponent = operands[1]
        .known()
        .filter(|known| known.len() == 1)
        .map(|known| known[0]);
    let base = operands[0].clone();
    let numbers = match exponent {
        Some(1.0) => base.to_numbers(),
        Some(2.0) => trace.pointwise(Function::Square, &[base])?,
        Some(0.5) => trace.pointwise(Function::Sqrt, &[base])?,
        Some(-1.0) => trace.pointwise(Function::Inverse, &[base])?,
        Some(-2.0) => trace.pointwise(Function::InvSquare, &[base])?,
        Some(3.0) => {
            let square = trace.pointwise(Function::Square, std::slice::from_ref(&base))?;
            trace.pointwise(Function::Multiply, &[Operand::Numbers(square), base])?
        }
        _ => trace.pointwise(Function::Power, operands)?,
    };
    Ok(Value::from_numbers(numbers))
}

/// Rows and columns of a vector, a row vector or a matrix.
fn sizes(r#type: &Type, shape: &[usize]) -> (usize, usize) {
    let Shape { rows, cols } = node_shape(r#type, shape);
    (rows, cols)
}

/// Products of vectors and matrices.
pub(crate) fn product(trace: &mut Trace, types: [&Type; 2], [a, b]: [Operand; 2]) -> Outcome {
    let (m, inner) = sizes(types[0], a.shape());
    let (other, n) = sizes(types[1], b.shape());
    if inner != other {
        return Err(format!("{inner} columns times {other} rows"));
    }
    if let (Type::RowVector, Type::Vector) = (types[0], types[1]) {
        let number = trace.dot(a, b)?;
        return Ok(Value::from_numbers(Tensor::scalar(number)));
    }
    let shape = match (types[0], types[1]) {
        (Type::Matrix, Type::Vector) => vec![m],
        (Type::RowVector, Type::Matrix) => vec![n],
        _ => vec![m, n],
    };
    if inner == 0 {
        return Ok(Value::Reals(Tensor::new(shape, vec![0.0; m * n])));
    }
    let args = vec![(a, Shape::matrix(m, inner)), (b, Shape::matrix(inner, n))];
    let numbers = trace.block(
        "multiply",
        args,
        Shape::matrix(m, n),
        shape,
        |graph, args| Ok(graph.matmul(args[0], args[1])),
    )?;
    Ok(Value::from_numbers(numbers))
}

/// `a B⁻¹`
fn divided(trace: &mut Trace, types: [&Type; 2], [a, b]: [Operand; 2]) -> Outcome {
    let (m, inner) = sizes(types[0], a.shape());
    let (rows, n) = sizes(types[1], b.shape());
    if rows != n || inner != n {
        return Err(format!(
            "{m} × {inner} cannot be divided by {rows} × {n}; the second must be square"
        ));
    }
    let shape = a.shape().to_vec();
    let args = vec![(a, Shape::matrix(m, n)), (b, Shape::matrix(n, n))];
    let numbers = trace.block(
        "mdivide_right",
        args,
        Shape::matrix(m, n),
        shape,
        |graph, args| Ok(algebra::mdivide_right(graph, args[0], args[1])),
    )?;
    Ok(Value::from_numbers(numbers))
}

/// `A⁻¹ b`
pub(crate) fn left_divided(trace: &mut Trace, types: [&Type; 2], [a, b]: [Operand; 2]) -> Outcome {
    let (rows, n) = sizes(types[0], a.shape());
    let (inner, m) = sizes(types[1], b.shape());
    if rows != n || inner != n {
        return Err(format!(
            "{rows} × {n} cannot divide {inner} × {m}; the first must be square"
        ));
    }
    let shape = b.shape().to_vec();
    let args = vec![(a, Shape::matrix(n, n)), (b, Shape::matrix(n, m))];
    let numbers = trace.block(
        "mdivide_left",
        args,
        Shape::matrix(n, m),
        shape,
        |graph, args| Ok(algebra::mdivide_left(graph, args[0], args[1])),
    )?;
    Ok(Value::from_numbers(numbers))
}
