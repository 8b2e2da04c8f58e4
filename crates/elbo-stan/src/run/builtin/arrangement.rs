//! Functions that look at sizes or put entries elsewhere, and compute nothing.
//!
//! The one idea: such a function is a shape and, for each place in it, the place that its entry comes
//! from; so it serves ints, reals, complex numbers and what depends on parameters alike.

use super::{Arguments, Function, Outcome};
use crate::run::operator::rows_and_columns;
use crate::run::{Tensor, Value};
use crate::trace::Number;
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
    ("rows", |a| Ok(count(sizes(a, 0)?.0))),
    ("cols", |a| Ok(count(sizes(a, 0)?.1))),
    ("dims", |a| {
        let shape = a.values[0].shape().iter();
        Ok(Value::Ints(Tensor::list(
            shape.map(|&n| as_int(n)).collect(),
        )))
    }),
    ("head", |a| {
        let n = a.size(1)?;
        slice(&a.values[0], 0, n)
    }),
    ("tail", |a| {
        let (length, n) = (length(a), a.size(1)?);
        let from = length.checked_sub(n);
        slice(&a.values[0], from.unwrap_or(usize::MAX), length)
    }),
    ("segment", |a| {
        let (from, n) = (a.size(1)?, a.size(2)?);
        let start = from
            .checked_sub(1)
            .ok_or("a segment begins at 1 or later")?;
        slice(&a.values[0], start, start.saturating_add(n))
    }),
    ("append_array", |a| {
        let (x, y) = (a.values[0].shape(), a.values[1].shape());
        if x[0] > 0 && y[0] > 0 && x[1..] != y[1..] {
            return Err("the elements have different shapes".into());
        }
        let mut shape = if x[0] == 0 { y } else { x }.to_vec();
        shape[0] = x[0] + y[0];
        let both = joined(&a.values[0], &a.values[1])?;
        let n = both.shape()[0];
        pick(&both, shape, 0..n)
    }),
    ("reverse", |a| {
        parts(&a.values[0], &(0..length(a)).rev().collect::<Vec<_>>())
    }),
    ("rep_vector rep_row_vector", |a| {
        copies(&a.values[0], a.allowed(vec![a.size(1)?])?)
    }),
    ("rep_array", |a| {
        let sizes: Result<Vec<usize>, String> = (1..a.values.len()).map(|i| a.size(i)).collect();
        let mut shape = sizes?;
        shape.extend_from_slice(a.values[0].shape());
        copies(&a.values[0], a.allowed(shape)?)
    }),
    ("rep_matrix", |a| {
        let value = &a.values[0];
        if a.values.len() == 3 {
            return copies(value, a.allowed(vec![a.size(1)?, a.size(2)?])?);
        }
        let (n, length) = (a.size(1)?, length(a));
        match a.types[0] {
            Type::Vector | Type::ComplexVector => {
                let shape = a.allowed(vec![length, n])?;
                pick(value, shape, (0..length * n).map(|at| at / n.max(1)))
            }
            _ => copies(value, a.allowed(vec![n, length])?),
        }
    }),
    ("to_vector to_row_vector", |a| {
        Ok(flattened(a)?.converted(&Type::Real))
    }),
    ("to_array_1d", flattened),
    ("to_array_2d", |a| Ok(a.values[0].clone())),
    ("to_matrix", to_matrix),
    ("transpose", |a| match a.types[0] {
        Type::Matrix | Type::ComplexMatrix => {
            let (rows, cols) = sizes(a, 0)?;
            let order = by_columns(a);
            pick(&a.values[0], vec![cols, rows], order.into_iter())
        }
        _ => Ok(a.values[0].clone()),
    }),
    ("diagonal", |a| {
        let (rows, cols) = sizes(a, 0)?;
        let n = rows.min(cols);
        pick(&a.values[0], vec![n], (0..n).map(|i| i * (cols + 1)))
    }),
    ("diag_matrix", |a| {
        let n = length(a);
        let shape = a.allowed(vec![n, n])?;
        let all = joined(&a.values[0], &Value::real(0.0))?;
        let at = |at: usize| if at / n == at % n { at / n } else { n };
        pick(&all, shape, (0..n * n).map(at))
    }),
    ("symmetrize_from_lower_tri", |a| {
        let (n, cols) = sizes(a, 0)?;
        if n != cols {
            return Err(format!("the matrix is {n} × {cols}, and must be square"));
        }
        let at = |at: usize| {
            let (i, j) = (at / n, at % n);
            i.max(j) * n + i.min(j)
        };
        pick(&a.values[0], vec![n, n], (0..n * n).map(at))
    }),
    ("row", |a| {
        let (rows, cols) = sizes(a, 0)?;
        let i = index(a, 1, rows)?;
        pick(&a.values[0], vec![cols], i * cols..(i + 1) * cols)
    }),
    ("col", |a| {
        let (rows, cols) = sizes(a, 0)?;
        let j = index(a, 1, cols)?;
        pick(&a.values[0], vec![rows], (0..rows).map(|i| i * cols + j))
    }),
    ("block", |a| {
        let (rows, cols) = (a.size(3)?, a.size(4)?);
        submatrix(a, rows, cols, vec![rows, cols])
    }),
    ("sub_col", |a| {
        let n = a.size(3)?;
        submatrix(a, n, 1, vec![n])
    }),
    ("sub_row", |a| {
        let n = a.size(3)?;
        submatrix(a, 1, n, vec![n])
    }),
    ("append_row", |a| append(a, true)),
    ("append_col", |a| append(a, false)),
];

fn as_int(n: usize) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

pub(super) fn count(n: usize) -> Value {
    Value::int(as_int(n))
}

/// The length of the first axis of the first argument.
fn length(a: &Arguments) -> usize {
    a.values[0].shape()[0]
}

/// Rows and columns; a number has one of each.
fn sizes(a: &Arguments, i: usize) -> Result<(usize, usize), String> {
    match a.values.get(i).map(Value::shape) {
        Some([]) => Ok((1, 1)),
        Some(shape) => Ok(rows_and_columns(a.types[i], shape)),
        None => Err("an argument is missing".into()),
    }
}

/// An index from 0.
fn index(a: &Arguments, i: usize, length: usize) -> Result<usize, String> {
    let index = a.int(i)?;
    usize::try_from(index)
        .ok()
        .filter(|n| (1..=length).contains(n))
        .map(|n| n - 1)
        .ok_or_else(|| format!("index {index} is outside 1 to {length}"))
}

/// A value of `shape` whose entries are those of another at these places.
fn pick(value: &Value, shape: Vec<usize>, places: impl Iterator<Item = usize>) -> Outcome {
    fn of<T: Clone>(
        t: &Tensor<T>,
        shape: Vec<usize>,
        places: impl Iterator<Item = usize>,
    ) -> Tensor<T> {
        let entries = t.entries();
        Tensor::new(shape, places.map(|at| entries[at].clone()).collect())
    }
    Ok(match value {
        Value::Ints(t) => Value::Ints(of(t, shape, places)),
        Value::Reals(t) => Value::Reals(of(t, shape, places)),
        Value::Complexes(t) => Value::Complexes(of(t, shape, places)),
        Value::Symbolic(t) => Value::from_numbers(of(t, shape, places)),
        Value::Pairs(t) => Value::from_pairs(of(t, shape, places)),
        Value::Tuples(_, tuples) => {
            Value::Tuples(shape, places.map(|at| tuples[at].clone()).collect())
        }
        Value::Tuple(_) => return Err("a tuple has no entries".into()),
    })
}

/// All entries of one value and then all of another, along one axis.
fn joined(a: &Value, b: &Value) -> Outcome {
    fn join<T: Clone>(a: &Tensor<T>, b: &Tensor<T>) -> Tensor<T> {
        let both = a.entries().iter().chain(b.entries());
        Tensor::list(both.cloned().collect())
    }
    let mistake = || "the two hold different things".to_owned();
    Ok(match (a, b) {
        (Value::Ints(a), Value::Ints(b)) => Value::Ints(join(a, b)),
        (Value::Tuples(_, a), Value::Tuples(_, b)) => {
            let both: Vec<Value> = a.iter().chain(b).cloned().collect();
            Value::Tuples(vec![both.len()], both)
        }
        (Value::Complexes(_) | Value::Pairs(_), _) | (_, Value::Complexes(_) | Value::Pairs(_)) => {
            let (a, b) = (a.as_pairs(), b.as_pairs());
            Value::from_pairs(join(&a.ok_or_else(mistake)?, &b.ok_or_else(mistake)?))
        }
        (Value::Reals(_) | Value::Ints(_), Value::Reals(_) | Value::Ints(_)) => {
            let (a, b) = (a.as_reals(), b.as_reals());
            Value::Reals(join(&a.ok_or_else(mistake)?, &b.ok_or_else(mistake)?))
        }
        _ => {
            let (a, b) = (a.as_numbers(), b.as_numbers());
            let all: Tensor<Number> = join(&a.ok_or_else(mistake)?, &b.ok_or_else(mistake)?);
            Value::from_numbers(all)
        }
    })
}

/// A value in every part of a shape.
fn copies(value: &Value, shape: Vec<usize>) -> Outcome {
    let size: usize = value.shape().iter().product();
    let n: usize = shape.iter().product();
    pick(value, shape, (0..n).map(|at| at % size.max(1)))
}

fn slice(value: &Value, from: usize, to: usize) -> Outcome {
    let length = value.shape()[0];
    if from > to || to > length {
        return Err(format!("the part lies outside 1 to {length}"));
    }
    parts(value, &(from..to).collect::<Vec<_>>())
}

/// Parts of the first axis, in this order.
pub(super) fn parts(value: &Value, places: &[usize]) -> Outcome {
    let mut shape = value.shape().to_vec();
    let size: usize = shape[1..].iter().product();
    shape[0] = places.len();
    let entries = places.iter().flat_map(|p| p * size..(p + 1) * size);
    pick(value, shape, entries)
}

/// The order in which Stan takes the entries of the first argument: a matrix by columns.
fn by_columns(a: &Arguments) -> Vec<usize> {
    let shape = a.values[0].shape();
    let n = shape.iter().product();
    match (a.types[0], shape) {
        (Type::Matrix | Type::ComplexMatrix, [rows, cols]) => {
            (0..n).map(|at| at % rows * cols + at / rows).collect()
        }
        _ => (0..n).collect(),
    }
}

fn flattened(a: &Arguments) -> Outcome {
    let order = by_columns(a);
    pick(&a.values[0], vec![order.len()], order.into_iter())
}

fn to_matrix(a: &Arguments) -> Outcome {
    let value = &a.values[0];
    let n: usize = value.shape().iter().product();
    if a.values.len() == 1 {
        let shape = match a.types[0] {
            Type::Vector | Type::ComplexVector => vec![n, 1],
            Type::RowVector | Type::ComplexRowVector => vec![1, n],
            _ => match value.shape() {
                [rows, cols] => vec![*rows, *cols],
                _ => vec![0, 0],
            },
        };
        return Ok(pick(value, shape, 0..n)?.converted(&Type::Real));
    }
    let (rows, cols) = (a.size(1)?, a.size(2)?);
    if rows.checked_mul(cols) != Some(n) {
        return Err(format!("{n} numbers do not make {rows} × {cols}"));
    }
    let order = by_columns(a);
    let is_by_rows = a.values.len() == 4 && a.int(3)? == 0;
    let place = |at: usize| {
        if is_by_rows {
            order[at]
        } else {
            order[at % cols * rows + at / cols]
        }
    };
    let matrix = pick(value, vec![rows, cols], (0..n).map(place))?;
    Ok(matrix.converted(&Type::Real))
}

/// A part of a matrix that begins at the row and column of arguments 1 and 2.
fn submatrix(a: &Arguments, rows: usize, cols: usize, shape: Vec<usize>) -> Outcome {
    let (all_rows, all_cols) = sizes(a, 0)?;
    let (i, j) = (index(a, 1, all_rows + 1)?, index(a, 2, all_cols + 1)?);
    if i.saturating_add(rows) > all_rows || j.saturating_add(cols) > all_cols {
        return Err("the block reaches outside".into());
    }
    let at = |at: usize| (i + at / cols) * all_cols + j + at % cols;
    pick(&a.values[0], shape, (0..rows * cols).map(at))
}

/// One below the other, or beside it.
fn append(a: &Arguments, below: bool) -> Outcome {
    let ((rows, cols), (more_rows, more_cols)) = (sizes(a, 0)?, sizes(a, 1)?);
    let agree = if below {
        cols == more_cols
    } else {
        rows == more_rows
    };
    if !agree {
        return Err(format!(
            "{rows} × {cols} and {more_rows} × {more_cols} do not fit together"
        ));
    }
    let all = joined(&a.values[0], &a.values[1])?;
    let is =
        |t: &Type, wanted: [&Type; 2]| wanted.contains(&t) || t.is_number() || *t == Type::Complex;
    let lists = if below {
        [&Type::Vector, &Type::ComplexVector]
    } else {
        [&Type::RowVector, &Type::ComplexRowVector]
    };
    if is(a.types[0], lists) && is(a.types[1], lists) {
        return Ok(all);
    }
    if below {
        let shape = vec![rows + more_rows, cols];
        let n = all.shape()[0];
        return pick(&all, shape, 0..n);
    }
    let width = cols + more_cols;
    let at = |at: usize| {
        let (i, j) = (at / width, at % width);
        if j < cols {
            i * cols + j
        } else {
            rows * cols + i * more_cols + j - cols
        }
    };
    pick(&all, vec![rows, width], (0..rows * width).map(at))
}
