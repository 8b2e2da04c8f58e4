//! Matrices of which only the entries that are not zero are given, row by row.

use std::ops::Range;

use super::{Call, FunctionRow, Outcome};
use crate::run::{Tensor, Value};
use crate::trace::Number;

pub(super) const ROWS: &[FunctionRow] = &[
    ("csr_to_dense_matrix", |call| {
        let (rows, cols) = (call.size(0)?, call.size(1)?);
        let entries = call.operand(2)?;
        let ranges = self::rows(call, rows, entries.len(), 4)?;
        let columns = columns(call, cols, entries.len(), 3)?;
        let n = rows.checked_mul(cols).filter(|n| *n <= call.limit / 8);
        let n = n.ok_or_else(|| format!("a matrix of {rows} × {cols} is beyond the limit"))?;
        let mut all = vec![Number::Known(0.0); n];
        for (i, row) in ranges.into_iter().enumerate() {
            for at in row {
                all[i * cols + columns[at]] = entries.number(at);
            }
        }
        Ok(Value::from_numbers(Tensor::new(vec![rows, cols], all)))
    }),
    ("csr_extract_w", |call| {
        let (m, _) = call.matrix(0)?;
        let entries = m.numbers().filter(|x| !is_zero(*x));
        Ok(Value::from_numbers(Tensor::list(entries.collect())))
    }),
    ("csr_extract_v", extracted_columns),
    ("csr_extract_u", extracted_starts),
    ("csr_extract", |call| {
        let (m, _) = call.matrix(0)?;
        let entries = m.numbers().filter(|x| !is_zero(*x)).collect();
        let entries = Value::from_numbers(Tensor::list(entries));
        Ok(Value::Tuple(vec![
            entries,
            extracted_columns(call)?,
            extracted_starts(call)?,
        ]))
    }),
];

fn is_zero(number: Number) -> bool {
    number == Number::Known(0.0)
}

fn position(n: usize) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

fn extracted_columns(call: &mut Call<'_>) -> Outcome {
    let (m, shape) = call.matrix(0)?;
    let places = m.numbers().enumerate().filter(|(_, x)| !is_zero(*x));
    let columns = places.map(|(at, _)| position(at % shape.cols + 1));
    Ok(Value::Ints(Tensor::list(columns.collect())))
}

fn extracted_starts(call: &mut Call<'_>) -> Outcome {
    let (m, shape) = call.matrix(0)?;
    let mut starts = vec![1];
    let mut next = 1;
    for i in 0..shape.rows {
        let row = (0..shape.cols).map(|j| m.number(i * shape.cols + j));
        next += row.filter(|x| !is_zero(*x)).count();
        starts.push(position(next));
    }
    Ok(Value::Ints(Tensor::list(starts)))
}

fn ints(call: &Call<'_>, i: usize) -> Result<Vec<i32>, String> {
    match call.values.get(i) {
        Some(Value::Ints(t)) => Ok(t.entries().to_vec()),
        _ => Err(format!("argument {} holds no known ints", i + 1)),
    }
}

/// Where the entries of each row are; argument `i` says where rows begin, and after the last the end.
pub(super) fn rows(
    call: &Call<'_>,
    rows: usize,
    n: usize,
    i: usize,
) -> Result<Vec<Range<usize>>, String> {
    let starts = ints(call, i)?;
    if starts.len() != rows + 1 {
        return Err(format!("{} starts for {rows} rows", starts.len()));
    }
    let place = |start: i32| {
        let place = usize::try_from(start).ok().and_then(|s| s.checked_sub(1));
        place
            .filter(|p| *p <= n)
            .ok_or_else(|| format!("a row begins at {start}, outside 1 to {}", n + 1))
    };
    starts
        .windows(2)
        .map(|pair| {
            let row = place(pair[0])?..place(pair[1])?;
            if row.start > row.end {
                return Err(format!("a row begins at {} and ends before", pair[0]));
            }
            Ok(row)
        })
        .collect()
}

/// The columns of all entries from 0, argument `i`.
pub(super) fn columns(
    call: &Call<'_>,
    cols: usize,
    n: usize,
    i: usize,
) -> Result<Vec<usize>, String> {
    let columns = ints(call, i)?;
    if columns.len() != n {
        return Err(format!("{} columns for {n} entries", columns.len()));
    }
    columns
        .iter()
        .map(|j| {
            usize::try_from(*j)
                .ok()
                .filter(|j| (1..=cols).contains(j))
                .map(|j| j - 1)
                .ok_or_else(|| format!("column {j} is outside 1 to {cols}"))
        })
        .collect()
}
