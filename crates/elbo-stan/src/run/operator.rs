//! Operators on known values.

use super::{Complex, Tensor, Value};
use crate::typed::{BinaryOperator, Type, UnaryOperator};

type Outcome = Result<Value, String>;

pub(super) fn unary(operator: UnaryOperator, r#type: &Type, value: Value) -> Outcome {
    Ok(match (operator, value) {
        (UnaryOperator::Plus, value) => value,
        (UnaryOperator::Not, value) => Value::int(i32::from(value.as_int().ok_or("no int")? == 0)),
        (UnaryOperator::Minus, Value::Ints(t)) => Value::Ints(t.map(|i| i.wrapping_neg())),
        (UnaryOperator::Minus, Value::Reals(t)) => Value::Reals(t.map(|x| -x)),
        (UnaryOperator::Minus, Value::Complexes(t)) => Value::Complexes(t.map(|[a, b]| [-a, -b])),
        (UnaryOperator::Transpose, value) => transposed(r#type, value),
        (UnaryOperator::Minus, _) => return Err("a tuple has no sign".into()),
    })
}

/// Rows as columns; a vector and a row vector are the same numbers.
pub(super) fn transposed(r#type: &Type, value: Value) -> Value {
    fn flip<T: Clone>(t: &Tensor<T>) -> Tensor<T> {
        let (rows, columns) = (t.shape()[0], t.shape()[1]);
        let entries = (0..columns)
            .flat_map(|j| (0..rows).map(move |i| t.entries()[i * columns + j].clone()))
            .collect();
        Tensor::new(vec![columns, rows], entries)
    }
    match (r#type, value) {
        (Type::Matrix, Value::Reals(t)) => Value::Reals(flip(&t)),
        (Type::ComplexMatrix, Value::Complexes(t)) => Value::Complexes(flip(&t)),
        (_, value) => value,
    }
}

pub(super) fn binary(
    operator: BinaryOperator,
    types: [&Type; 2],
    left: &Value,
    right: &Value,
) -> Outcome {
    use BinaryOperator as B;
    if operator.is_comparison() {
        return compare(operator, left, right);
    }
    let scalar = |t: &Type| matches!(t, Type::Int | Type::Real | Type::Complex);
    let products = matches!(operator, B::Multiply | B::Divide | B::LeftDivide);
    if products && !scalar(types[0]) && !scalar(types[1]) {
        return product(operator, types, left, right);
    }
    match (left, right) {
        (Value::Ints(a), Value::Ints(b)) if !matches!(operator, B::Power | B::ElementPower) => {
            Ok(Value::Ints(try_pairs(a, b, |a, b| {
                int_operation(operator, *a, *b)
            })?))
        }
        (Value::Complexes(_), _) | (_, Value::Complexes(_)) => {
            let a = left.as_complexes().ok_or("no numbers")?;
            let b = right.as_complexes().ok_or("no numbers")?;
            Ok(Value::Complexes(try_pairs(&a, &b, |a, b| {
                Ok(complex_operation(operator, *a, *b))
            })?))
        }
        _ => {
            let a = left.as_reals().ok_or("no numbers")?;
            let b = right.as_reals().ok_or("no numbers")?;
            Ok(Value::Reals(pairs(&a, &b, |a, b| {
                real_operation(operator, a, b)
            })?))
        }
    }
}

fn compare(operator: BinaryOperator, left: &Value, right: &Value) -> Outcome {
    use BinaryOperator as B;
    if let (Value::Complexes(_), _) | (_, Value::Complexes(_)) = (left, right) {
        let equal = left.as_complexes() == right.as_complexes();
        return Ok(Value::int(i32::from(equal == (operator == B::Equal))));
    }
    let number = |value: &Value| {
        value
            .as_reals()
            .and_then(|t| t.entries().first().copied())
            .ok_or("no number")
    };
    // Every int is a real exactly.
    let (a, b) = (number(left)?, number(right)?);
    let holds = match operator {
        B::Equal => a == b,
        B::NotEqual => a != b,
        B::Less => a < b,
        B::LessEqual => a <= b,
        B::Greater => a > b,
        _ => a >= b,
    };
    Ok(Value::int(i32::from(holds)))
}

fn int_operation(operator: BinaryOperator, a: i32, b: i32) -> Result<i32, String> {
    use BinaryOperator as B;
    let result = match operator {
        B::Add => a.checked_add(b),
        B::Subtract => a.checked_sub(b),
        B::Multiply | B::ElementMultiply => a.checked_mul(b),
        B::Divide | B::IntegerDivide | B::ElementDivide => {
            if b == 0 {
                return Err(format!("{a} is divided by zero"));
            }
            a.checked_div(b)
        }
        B::Modulo => {
            if b == 0 {
                return Err(format!("{a} is divided by zero"));
            }
            a.checked_rem(b)
        }
        _ => None,
    };
    result.ok_or_else(|| {
        format!(
            "{a} {} {b} is no number that an int can hold",
            operator.symbol()
        )
    })
}

fn real_operation(operator: BinaryOperator, a: f64, b: f64) -> f64 {
    use BinaryOperator as B;
    match operator {
        B::Add => a + b,
        B::Subtract => a - b,
        B::Multiply | B::ElementMultiply => a * b,
        B::Divide | B::ElementDivide => a / b,
        _ => a.powf(b),
    }
}

fn complex_operation(operator: BinaryOperator, a: Complex, b: Complex) -> Complex {
    use BinaryOperator as B;
    let times = |a: Complex, b: Complex| [a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]];
    match operator {
        B::Add => [a[0] + b[0], a[1] + b[1]],
        B::Subtract => [a[0] - b[0], a[1] - b[1]],
        B::Multiply | B::ElementMultiply => times(a, b),
        B::Divide | B::ElementDivide => {
            let norm = b[0] * b[0] + b[1] * b[1];
            let [re, im] = times(a, [b[0], -b[1]]);
            [re / norm, im / norm]
        }
        _ => {
            // exp(b log a)
            let log = [a[0].hypot(a[1]).ln(), a[1].atan2(a[0])];
            let [re, im] = times(b, log);
            [re.exp() * im.cos(), re.exp() * im.sin()]
        }
    }
}

/// Entry by entry; a scalar goes with every entry.
pub(super) fn pairs<T: Clone, U: Clone>(
    a: &Tensor<T>,
    b: &Tensor<T>,
    mut f: impl FnMut(T, T) -> U,
) -> Result<Tensor<U>, String> {
    try_pairs(a, b, |a, b| Ok(f(a.clone(), b.clone())))
}

fn try_pairs<T: Clone, U: Clone>(
    a: &Tensor<T>,
    b: &Tensor<T>,
    mut f: impl FnMut(&T, &T) -> Result<U, String>,
) -> Result<Tensor<U>, String> {
    if let ([], [], [a], [b]) = (a.shape(), b.shape(), a.entries(), b.entries()) {
        return Ok(Tensor::scalar(f(a, b)?));
    }
    let (shape, entries): (_, Result<Vec<U>, String>) = if a.shape() == b.shape() {
        let pairs = a.entries().iter().zip(b.entries());
        (a.shape(), pairs.map(|(a, b)| f(a, b)).collect())
    } else if b.shape().is_empty() {
        let b = &b.entries()[0];
        (a.shape(), a.entries().iter().map(|a| f(a, b)).collect())
    } else if a.shape().is_empty() {
        let a = &a.entries()[0];
        (b.shape(), b.entries().iter().map(|b| f(a, b)).collect())
    } else {
        return Err(format!(
            "the shapes {:?} and {:?} do not agree",
            a.shape(),
            b.shape()
        ));
    };
    Ok(Tensor::new(shape.to_vec(), entries?))
}

/// Rows and columns of a vector, a row vector or a matrix.
pub(super) fn rows_and_columns(r#type: &Type, shape: &[usize]) -> (usize, usize) {
    match r#type {
        Type::Vector | Type::ComplexVector => (shape[0], 1),
        Type::RowVector | Type::ComplexRowVector => (1, shape[0]),
        _ => (shape[0], shape[1]),
    }
}

/// Products of vectors and matrices.
fn product(operator: BinaryOperator, types: [&Type; 2], left: &Value, right: &Value) -> Outcome {
    if operator != BinaryOperator::Multiply {
        return Err("linear systems are not solved before sampling".into());
    }
    if types.iter().any(|t| t.is_complex()) {
        return Err("complex matrices are not multiplied before sampling".into());
    }
    let a = left.as_reals().ok_or("no numbers")?;
    let b = right.as_reals().ok_or("no numbers")?;
    let (m, inner) = rows_and_columns(types[0], a.shape());
    let (other, n) = rows_and_columns(types[1], b.shape());
    if inner != other {
        return Err(format!("{inner} columns times {other} rows"));
    }
    let (a, b) = (a.entries(), b.entries());
    let mut entries = vec![0.0; m * n];
    for i in 0..m {
        for k in 0..inner {
            let factor = a[i * inner + k];
            for j in 0..n {
                entries[i * n + j] += factor * b[k * n + j];
            }
        }
    }
    let shape = match (types[0], types[1]) {
        (Type::RowVector, Type::Vector) => vec![],
        (Type::Matrix, Type::Vector) => vec![m],
        (Type::RowVector, Type::Matrix) => vec![n],
        _ => vec![m, n],
    };
    Ok(Value::Reals(Tensor::new(shape, entries)))
}
