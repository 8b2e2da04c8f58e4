//! Functions of containers: sizes, parts, order, sums, conversions, repetition.

use super::{Arguments, Function, Outcome};
use crate::run::operator::transposed;
use crate::run::{Tensor, Value};
use crate::typed::Type;

pub(super) const ROWS: &[(&str, Function)] = &[
    ("size", |a| {
        let shape = a.values[0].shape();
        Ok(count(match a.types[0] {
            Type::Array(..) => shape[0],
            _ => shape.iter().product(),
        }))
    }),
    ("num_elements", |a| {
        Ok(count(a.values[0].shape().iter().product()))
    }),
    ("rows", |a| Ok(count(rows_and_columns(a)?.0))),
    ("cols", |a| Ok(count(rows_and_columns(a)?.1))),
    ("dims", |a| {
        let shape = a.values[0].shape().iter();
        Ok(Value::Ints(Tensor::list(
            shape.map(|&n| as_int(n)).collect(),
        )))
    }),
    ("sum", |a| match &a.values[0] {
        Value::Ints(t) => {
            let sum = t
                .entries()
                .iter()
                .try_fold(0_i32, |sum, &i| sum.checked_add(i));
            Ok(Value::int(
                sum.ok_or("the sum is no number that an int can hold")?,
            ))
        }
        _ => Ok(Value::real(a.reals(0)?.entries().iter().sum())),
    }),
    ("prod", |a| match &a.values[0] {
        Value::Ints(t) => {
            let product = t.entries().iter().try_fold(1_i32, |p, &i| p.checked_mul(i));
            Ok(Value::int(
                product.ok_or("the product is no number that an int can hold")?,
            ))
        }
        _ => Ok(Value::real(a.reals(0)?.entries().iter().product())),
    }),
    ("mean", |a| {
        let t = filled(a)?;
        Ok(Value::real(mean(t.entries())))
    }),
    ("variance", |a| {
        Ok(Value::real(variance(filled(a)?.entries())))
    }),
    ("sd", |a| {
        Ok(Value::real(variance(filled(a)?.entries()).sqrt()))
    }),
    ("max", |a| extreme(a, i32::max, f64::max, f64::NEG_INFINITY)),
    ("min", |a| extreme(a, i32::min, f64::min, f64::INFINITY)),
    ("norm1", |a| {
        Ok(Value::real(
            a.reals(0)?.entries().iter().map(|x| x.abs()).sum(),
        ))
    }),
    ("norm2", |a| {
        let square: f64 = a.reals(0)?.entries().iter().map(|x| x * x).sum();
        Ok(Value::real(square.sqrt()))
    }),
    ("head", |a| part(a, |length, n| (0, n.min(length + 1)))),
    ("tail", |a| {
        part(a, |length, n| (length.wrapping_sub(n), length))
    }),
    ("segment", |a| {
        let from = a.size(1)?;
        let n = a.size(2)?;
        let start = from
            .checked_sub(1)
            .ok_or("a segment begins at 1 or later")?;
        slice(&a.values[0], start, start + n)
    }),
    ("append_array", |a| joined(&a.values[0], &a.values[1])),
    ("reverse", |a| {
        let length = a.values[0].shape()[0];
        permuted(&a.values[0], &(0..length).rev().collect::<Vec<_>>())
    }),
    ("cumulative_sum", cumulative_sum),
    ("sort_asc", |a| permuted(&a.values[0], &order(a, false)?)),
    ("sort_desc", |a| permuted(&a.values[0], &order(a, true)?)),
    ("sort_indices_asc", |a| Ok(positions(&order(a, false)?))),
    ("sort_indices_desc", |a| Ok(positions(&order(a, true)?))),
    ("rank", |a| {
        let t = a.reals(0)?;
        let at = a.size(1)?.checked_sub(1).filter(|&i| i < t.entries().len());
        let x = t.entries()[at.ok_or("the index is outside")?];
        Ok(count(t.entries().iter().filter(|y| **y < x).count()))
    }),
    ("rep_vector rep_row_vector", |a| {
        repeated(&a.values[0], a.allowed(vec![a.size(1)?])?)
    }),
    ("rep_array", |a| {
        let sizes: Result<Vec<usize>, String> = (1..a.values.len()).map(|i| a.size(i)).collect();
        let mut shape = sizes?;
        let outer: usize = shape.iter().product();
        shape.extend_from_slice(a.values[0].shape());
        let shape = a.allowed(shape)?;
        copies(&a.values[0], outer, shape)
    }),
    ("rep_matrix", |a| {
        if a.values.len() == 3 {
            return repeated(&a.values[0], a.allowed(vec![a.size(1)?, a.size(2)?])?);
        }
        let n = a.size(1)?;
        let length = a.values[0].shape()[0];
        let rows = copies(&a.values[0], n, a.allowed(vec![n, length])?)?;
        Ok(match a.types[0] {
            Type::Vector => transposed(&Type::Matrix, rows),
            _ => rows,
        })
    }),
    ("zeros_vector zeros_row_vector zeros_array", |a| {
        filled_with(a, 0.0)
    }),
    ("ones_vector ones_row_vector ones_array", |a| {
        filled_with(a, 1.0)
    }),
    ("zeros_int_array", |a| {
        Ok(Value::Ints(Tensor::list(vec![
            0;
            a.allowed(vec![a.size(0)?])?
                [0]
        ])))
    }),
    ("ones_int_array", |a| {
        Ok(Value::Ints(Tensor::list(vec![
            1;
            a.allowed(vec![a.size(0)?])?
                [0]
        ])))
    }),
    ("uniform_simplex", |a| {
        let n = a.size(0)?;
        filled_with(a, 1.0 / n as f64)
    }),
    ("one_hot_vector one_hot_row_vector one_hot_array", |a| {
        let (n, k) = one_hot(a)?;
        let entries = (0..n).map(|i| if i == k { 1.0 } else { 0.0 });
        Ok(Value::Reals(Tensor::list(entries.collect())))
    }),
    ("one_hot_int_array", |a| {
        let (n, k) = one_hot(a)?;
        Ok(Value::Ints(Tensor::list(
            (0..n).map(|i| i32::from(i == k)).collect(),
        )))
    }),
    (
        "linspaced_vector linspaced_row_vector linspaced_array",
        |a| {
            let n = a.allowed(vec![a.size(0)?])?[0];
            let (from, to) = (a.real(1)?, a.real(2)?);
            let step = (to - from) / (n.max(2) - 1) as f64;
            let entry = |i: usize| {
                if i + 1 == n {
                    to
                } else {
                    from + step * i as f64
                }
            };
            Ok(Value::Reals(Tensor::list((0..n).map(entry).collect())))
        },
    ),
    ("to_vector to_row_vector", |a| {
        let t = a.reals(0)?;
        let t = by_columns(a.types[0], t);
        let places = t.entries().len();
        Ok(Value::Reals(t.reshaped(vec![places])))
    }),
    ("to_array_1d", |a| {
        if let Value::Ints(t) = &a.values[0] {
            let places = t.entries().len();
            return Ok(Value::Ints(t.clone().reshaped(vec![places])));
        }
        let t = by_columns(a.types[0], a.reals(0)?);
        let places = t.entries().len();
        Ok(Value::Reals(t.reshaped(vec![places])))
    }),
    ("to_array_2d", |a| Ok(a.values[0].clone())),
    ("to_matrix", to_matrix),
    ("quantile", quantile),
];

fn as_int(n: usize) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

fn count(n: usize) -> Value {
    Value::int(as_int(n))
}

fn rows_and_columns(a: &Arguments) -> Result<(usize, usize), String> {
    match a.values.first() {
        Some(value) if !value.shape().is_empty() => Ok(crate::run::operator::rows_and_columns(
            a.types[0],
            value.shape(),
        )),
        _ => Err("a value without rows".into()),
    }
}

/// The numbers of a container that has some.
fn filled(a: &Arguments) -> Result<Tensor<f64>, String> {
    let t = a.reals(0)?;
    if t.entries().is_empty() {
        return Err("there are no numbers".into());
    }
    Ok(t)
}

fn mean(x: &[f64]) -> f64 {
    x.iter().sum::<f64>() / x.len() as f64
}

/// With n − 1 below; zero for a single number, as in Stan.
fn variance(x: &[f64]) -> f64 {
    if x.len() == 1 {
        return 0.0;
    }
    let centre = mean(x);
    x.iter().map(|x| (x - centre).powi(2)).sum::<f64>() / (x.len() - 1) as f64
}

fn extreme(
    a: &Arguments,
    ints: fn(i32, i32) -> i32,
    reals: fn(f64, f64) -> f64,
    start: f64,
) -> Outcome {
    if a.values.len() == 2 {
        return Ok(Value::int(ints(a.int(0)?, a.int(1)?)));
    }
    match &a.values[0] {
        Value::Ints(t) => t
            .entries()
            .iter()
            .copied()
            .reduce(ints)
            .map(Value::int)
            .ok_or_else(|| "there are no numbers".into()),
        _ => Ok(Value::real(
            a.reals(0)?.entries().iter().copied().fold(start, reals),
        )),
    }
}

/// A function from the length and the second argument to a range.
fn part(a: &Arguments, range: fn(usize, usize) -> (usize, usize)) -> Outcome {
    let (from, to) = range(a.values[0].shape()[0], a.size(1)?);
    slice(&a.values[0], from, to)
}

fn slice(value: &Value, from: usize, to: usize) -> Outcome {
    let length = value.shape()[0];
    if from > to || to > length {
        return Err(format!("the part lies outside 1 to {length}"));
    }
    permuted(value, &(from..to).collect::<Vec<_>>())
}

/// Parts of the first axis, in this order.
fn permuted(value: &Value, places: &[usize]) -> Outcome {
    fn pick<T: Clone>(t: &Tensor<T>, places: &[usize]) -> Tensor<T> {
        let size: usize = t.shape()[1..].iter().product();
        let mut shape = t.shape().to_vec();
        shape[0] = places.len();
        let entries = places
            .iter()
            .flat_map(|p| t.entries()[p * size..(p + 1) * size].iter().cloned());
        Tensor::new(shape, entries.collect())
    }
    Ok(match value {
        Value::Ints(t) => Value::Ints(pick(t, places)),
        Value::Reals(t) => Value::Reals(pick(t, places)),
        Value::Complexes(t) => Value::Complexes(pick(t, places)),
        _ => return Err("it is not evaluated for tuples".into()),
    })
}

fn joined(a: &Value, b: &Value) -> Outcome {
    fn join<T: Clone>(a: &Tensor<T>, b: &Tensor<T>) -> Result<Tensor<T>, String> {
        let mut shape = a.shape().to_vec();
        if a.shape()[0] > 0 && b.shape()[0] > 0 && a.shape()[1..] != b.shape()[1..] {
            return Err("the elements have different shapes".into());
        }
        if a.shape()[0] == 0 {
            shape = b.shape().to_vec();
        }
        shape[0] = a.shape()[0] + b.shape()[0];
        let entries = a.entries().iter().chain(b.entries()).cloned().collect();
        Ok(Tensor::new(shape, entries))
    }
    Ok(match (a, b) {
        (Value::Ints(a), Value::Ints(b)) => Value::Ints(join(a, b)?),
        (Value::Reals(a), Value::Reals(b)) => Value::Reals(join(a, b)?),
        (Value::Complexes(a), Value::Complexes(b)) => Value::Complexes(join(a, b)?),
        _ => return Err("it is not evaluated for tuples".into()),
    })
}

fn cumulative_sum(a: &Arguments) -> Outcome {
    if let Value::Ints(t) = &a.values[0] {
        let mut sum = 0_i32;
        return Ok(Value::Ints(t.map(|i| {
            sum = sum.wrapping_add(*i);
            sum
        })));
    }
    let mut sum = 0.0;
    Ok(Value::Reals(a.reals(0)?.map(|x| {
        sum += x;
        sum
    })))
}

/// The order that sorts; what is equal keeps its order.
fn order(a: &Arguments, descending: bool) -> Result<Vec<usize>, String> {
    let t = a.reals(0)?;
    if t.entries().iter().any(|x| x.is_nan()) {
        return Err("NaN has no place in an order".into());
    }
    let mut order: Vec<usize> = (0..t.entries().len()).collect();
    order.sort_by(|&i, &j| {
        let (x, y) = (t.entries()[i], t.entries()[j]);
        if descending {
            y.total_cmp(&x)
        } else {
            x.total_cmp(&y)
        }
    });
    Ok(order)
}

fn positions(places: &[usize]) -> Value {
    Value::Ints(Tensor::list(
        places.iter().map(|&p| as_int(p + 1)).collect(),
    ))
}

/// A number in every place of a shape.
fn repeated(value: &Value, shape: Vec<usize>) -> Outcome {
    let outer = shape.iter().product();
    copies(value, outer, shape)
}

fn copies(value: &Value, n: usize, shape: Vec<usize>) -> Outcome {
    fn repeat<T: Copy>(t: &Tensor<T>, n: usize, shape: Vec<usize>) -> Tensor<T> {
        Tensor::new(shape, t.entries().repeat(n))
    }
    Ok(match value {
        Value::Ints(t) => Value::Ints(repeat(t, n, shape)),
        Value::Reals(t) => Value::Reals(repeat(t, n, shape)),
        Value::Complexes(t) => Value::Complexes(repeat(t, n, shape)),
        _ => return Err("it is not evaluated for tuples".into()),
    })
}

fn filled_with(a: &Arguments, x: f64) -> Outcome {
    let n = a.allowed(vec![a.size(0)?])?[0];
    Ok(Value::Reals(Tensor::list(vec![x; n])))
}

/// Length, and the place (from 0) of the one.
fn one_hot(a: &Arguments) -> Result<(usize, usize), String> {
    let n = a.allowed(vec![a.size(0)?])?[0];
    let k = a.size(1)?;
    if k == 0 || k > n {
        return Err(format!("place {k} is outside 1 to {n}"));
    }
    Ok((n, k - 1))
}

/// Stan takes the entries of a matrix by columns; here they are stored by rows.
fn by_columns(r#type: &Type, t: Tensor<f64>) -> Tensor<f64> {
    match (r#type, transposed(r#type, Value::Reals(t.clone()))) {
        (Type::Matrix, Value::Reals(flipped)) => flipped,
        _ => t,
    }
}

fn to_matrix(a: &Arguments) -> Outcome {
    let t = a.reals(0)?;
    if a.values.len() == 1 {
        return Ok(Value::Reals(match a.types[0] {
            Type::Vector => {
                let n = t.entries().len();
                t.reshaped(vec![n, 1])
            }
            Type::RowVector => {
                let n = t.entries().len();
                t.reshaped(vec![1, n])
            }
            _ => t,
        }));
    }
    let (m, n) = (a.size(1)?, a.size(2)?);
    let t = by_columns(a.types[0], t);
    if m.checked_mul(n) != Some(t.entries().len()) {
        return Err(format!(
            "{} numbers do not make {m} × {n}",
            t.entries().len()
        ));
    }
    let by_rows = a.values.len() == 4 && a.int(3)? == 0;
    if by_rows {
        return Ok(Value::Reals(t.reshaped(vec![m, n])));
    }
    Ok(transposed(
        &Type::Matrix,
        Value::Reals(t.reshaped(vec![n, m])),
    ))
}

/// By linear interpolation between order statistics, as R does by default (type 7).
fn quantile(a: &Arguments) -> Outcome {
    let t = filled(a)?;
    let mut x = t.entries().to_vec();
    if x.iter().any(|x| x.is_nan()) {
        return Err("NaN has no place in an order".into());
    }
    x.sort_by(f64::total_cmp);
    let one = |p: f64| -> Result<f64, String> {
        if !(0.0..=1.0).contains(&p) {
            return Err(format!("{p} is no probability"));
        }
        let at = p * (x.len() - 1) as f64;
        let (low, high) = (x[floor(at)], x[floor(at.ceil())]);
        Ok(low + (at - at.floor()) * (high - low))
    };
    let p = a.reals(1)?;
    let values: Result<Vec<f64>, String> = p.entries().iter().map(|&p| one(p)).collect();
    Ok(Value::Reals(Tensor::new(p.shape().to_vec(), values?)))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a place in a slice, not negative"
)]
fn floor(x: f64) -> usize {
    x as usize
}
