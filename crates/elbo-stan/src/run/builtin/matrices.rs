//! Functions of vectors and matrices.

use elbo_math::linalg::{Cholesky, Matrix};

use super::{Arguments, Function, Outcome};
use crate::run::operator::{binary, transposed};
use crate::run::{Tensor, Value};
use crate::typed::{BinaryOperator, Type};

pub(super) const ROWS: &[(&str, Function)] = &[
    ("identity_matrix", |a| {
        let n = a.size(0)?;
        let shape = a.allowed(vec![n, n])?;
        let entries = (0..n * n).map(|at| if at % (n + 1) == 0 { 1.0 } else { 0.0 });
        Ok(Value::Reals(Tensor::new(shape, entries.collect())))
    }),
    ("transpose", |a| {
        Ok(transposed(a.types[0], a.values[0].clone()))
    }),
    ("dot_product", |a| {
        Ok(Value::real(dot(
            a.reals(0)?.entries(),
            a.reals(1)?.entries(),
        )?))
    }),
    ("dot_self", |a| {
        let x = a.reals(0)?;
        Ok(Value::real(dot(x.entries(), x.entries())?))
    }),
    ("squared_distance", |a| {
        Ok(Value::real(squared_distance(a)?))
    }),
    ("distance", |a| Ok(Value::real(squared_distance(a)?.sqrt()))),
    ("trace", |a| {
        let m = matrix(a, 0)?;
        Ok(Value::real(m.diagonal().iter().sum()))
    }),
    ("diagonal", |a| {
        Ok(Value::Reals(Tensor::list(matrix(a, 0)?.diagonal())))
    }),
    ("diag_matrix", |a| {
        let diagonal = a.reals(0)?;
        let n = diagonal.entries().len();
        a.allowed(vec![n, n])?;
        Ok(of(&Matrix::from_diagonal(diagonal.entries())))
    }),
    ("row", |a| {
        let m = matrix(a, 0)?;
        let i = index(a, 1, m.rows())?;
        Ok(Value::Reals(Tensor::list(m.row(i).to_vec())))
    }),
    ("col", |a| {
        let m = matrix(a, 0)?;
        let j = index(a, 1, m.cols())?;
        Ok(Value::Reals(Tensor::list(
            (0..m.rows()).map(|i| m.row(i)[j]).collect(),
        )))
    }),
    ("block", |a| {
        let m = matrix(a, 0)?;
        let (i, j) = (index(a, 1, m.rows() + 1)?, index(a, 2, m.cols() + 1)?);
        let (rows, columns) = (a.size(3)?, a.size(4)?);
        if i + rows > m.rows() || j + columns > m.cols() {
            return Err("the block reaches outside".into());
        }
        Ok(of(&Matrix::from_fn(rows, columns, |p, q| {
            m.row(i + p)[j + q]
        })))
    }),
    ("append_row", |a| append(a, true)),
    ("append_col", |a| append(a, false)),
    ("crossprod", |a| {
        times(
            &transposed(&Type::Matrix, a.values[0].clone()),
            &a.values[0],
        )
    }),
    ("tcrossprod", |a| {
        times(
            &a.values[0],
            &transposed(&Type::Matrix, a.values[0].clone()),
        )
    }),
    ("diag_pre_multiply", |a| {
        let d = a.reals(0)?;
        scaled(&matrix(a, 1)?, d.entries(), true)
    }),
    ("diag_post_multiply", |a| {
        let d = a.reals(1)?;
        scaled(&matrix(a, 0)?, d.entries(), false)
    }),
    ("quad_form_diag", |a| {
        let d = a.reals(1)?;
        let Value::Reals(left) = scaled(&matrix(a, 0)?, d.entries(), true)? else {
            return Err("no numbers".into());
        };
        let left = Matrix::from_vec(left.shape()[0], left.shape()[1], left.entries().to_vec());
        scaled(&left, d.entries(), false)
    }),
    ("add_diag", |a| {
        let mut m = matrix(a, 0)?;
        let d = a.reals(1)?;
        let n = m.rows().min(m.cols());
        if d.entries().len() != 1 && d.entries().len() != n {
            return Err(format!(
                "{} numbers for a diagonal of {n}",
                d.entries().len()
            ));
        }
        for i in 0..n {
            m.row_mut(i)[i] += d.entries()[if d.entries().len() == 1 { 0 } else { i }];
        }
        Ok(of(&m))
    }),
    ("rows_dot_self", |a| {
        let m = matrix(a, 0)?;
        Ok(Value::Reals(Tensor::list(
            (0..m.rows())
                .map(|i| m.row(i).iter().map(|x| x * x).sum())
                .collect(),
        )))
    }),
    ("columns_dot_self", |a| {
        let m = matrix(a, 0)?.transpose();
        Ok(Value::Reals(Tensor::list(
            (0..m.rows())
                .map(|i| m.row(i).iter().map(|x| x * x).sum())
                .collect(),
        )))
    }),
    ("cholesky_decompose", |a| Ok(of(cholesky(a)?.lower()))),
    ("inverse_spd", |a| Ok(of(&cholesky(a)?.inverse()))),
    ("log_determinant_spd", |a| {
        Ok(Value::real(cholesky(a)?.log_det()))
    }),
    ("softmax", |a| softmax(a, f64::exp)),
    ("log_softmax", |a| softmax(a, |x| x)),
    ("gp_exp_quad_cov", |a| {
        if a.values.len() != 3 || a.values[2].shape() != [] as [usize; 0] {
            return Err("it is not evaluated for these arguments".into());
        }
        let x = a.reals(0)?;
        let n = x.shape()[0];
        a.allowed(vec![n, n])?;
        let (scale, length) = (a.real(1)?, a.real(2)?);
        let size = x.entries().len().checked_div(n).unwrap_or(0);
        let point = |i: usize| &x.entries()[i * size..(i + 1) * size];
        let kernel = |i: usize, j: usize| {
            let pairs = point(i).iter().zip(point(j));
            let square: f64 = pairs.map(|(a, b)| (a - b).powi(2)).sum();
            scale * scale * (-square / (2.0 * length * length)).exp()
        };
        Ok(of(&Matrix::from_fn(n, n, kernel)))
    }),
];

pub(super) fn of(m: &Matrix) -> Value {
    Value::Reals(Tensor::new(vec![m.rows(), m.cols()], m.as_slice().to_vec()))
}

/// An argument as a matrix; a vector is a column, a row vector a row.
pub(super) fn matrix(a: &Arguments, i: usize) -> Result<Matrix, String> {
    let t = a.reals(i)?;
    if t.shape().is_empty() {
        return Err("a number is no matrix".into());
    }
    let (rows, columns) = crate::run::operator::rows_and_columns(a.types[i], t.shape());
    Ok(Matrix::from_vec(rows, columns, t.entries().to_vec()))
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

fn dot(x: &[f64], y: &[f64]) -> Result<f64, String> {
    if x.len() != y.len() {
        return Err(format!("{} numbers times {}", x.len(), y.len()));
    }
    Ok(x.iter().zip(y).map(|(x, y)| x * y).sum())
}

fn squared_distance(a: &Arguments) -> Result<f64, String> {
    let (x, y) = (a.reals(0)?, a.reals(1)?);
    if x.entries().len() != y.entries().len() {
        return Err("the two have different lengths".into());
    }
    let pairs = x.entries().iter().zip(y.entries());
    Ok(pairs.map(|(x, y)| (x - y).powi(2)).sum())
}

fn times(a: &Value, b: &Value) -> Outcome {
    binary(BinaryOperator::Multiply, [&Type::Matrix; 2], a, b)
}

/// Rows, or columns, each times a number.
fn scaled(m: &Matrix, d: &[f64], rows: bool) -> Outcome {
    let wanted = if rows { m.rows() } else { m.cols() };
    if d.len() != wanted {
        return Err(format!("{} factors for {wanted}", d.len()));
    }
    Ok(of(&Matrix::from_fn(m.rows(), m.cols(), |i, j| {
        m.row(i)[j] * d[if rows { i } else { j }]
    })))
}

fn cholesky(a: &Arguments) -> Result<Cholesky, String> {
    let m = matrix(a, 0)?;
    if m.rows() != m.cols() {
        return Err(format!("the matrix is {} × {}", m.rows(), m.cols()));
    }
    for i in 0..m.rows() {
        if (0..i).any(|j| !((m.row(i)[j] - m.row(j)[i]).abs() <= 1e-8)) {
            return Err("the matrix is not symmetric".into());
        }
    }
    Cholesky::new(&m).map_err(|_| "the matrix is not positive definite".into())
}

fn softmax(a: &Arguments, f: fn(f64) -> f64) -> Outcome {
    let t = a.reals(0)?;
    if t.shape().len() != 1 {
        return Err("it is not evaluated for arrays".into());
    }
    let most = t
        .entries()
        .iter()
        .copied()
        .fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = t.entries().iter().map(|x| (x - most).exp()).sum();
    Ok(Value::Reals(t.map(|x| f(x - most - sum.ln()))))
}

/// One below the other, or beside it.
fn append(a: &Arguments, below: bool) -> Outcome {
    // A number is a row or a column of one.
    let part = |i: usize| -> Result<Matrix, String> {
        if a.types[i].is_number() {
            return Ok(Matrix::from_vec(1, 1, vec![a.real(i)?]));
        }
        matrix(a, i)
    };
    let (x, y) = (part(0)?, part(1)?);
    let agree = if below {
        x.cols() == y.cols()
    } else {
        x.rows() == y.rows()
    };
    if !agree {
        return Err(format!(
            "{} × {} and {} × {} do not fit together",
            x.rows(),
            x.cols(),
            y.rows(),
            y.cols()
        ));
    }
    let joined = if below {
        Matrix::from_fn(x.rows() + y.rows(), x.cols(), |i, j| {
            if i < x.rows() {
                x.row(i)[j]
            } else {
                y.row(i - x.rows())[j]
            }
        })
    } else {
        Matrix::from_fn(x.rows(), x.cols() + y.cols(), |i, j| {
            if j < x.cols() {
                x.row(i)[j]
            } else {
                y.row(i)[j - x.cols()]
            }
        })
    };
    let list = |t: &Type| matches!(t, Type::Vector | Type::RowVector);
    let is = |t: &Type, wanted: &Type| t == wanted || t.is_number();
    let line = if below {
        is(a.types[0], &Type::Vector) && is(a.types[1], &Type::Vector)
    } else {
        is(a.types[0], &Type::RowVector) && is(a.types[1], &Type::RowVector)
    };
    if line && (list(a.types[0]) || list(a.types[1])) {
        return Ok(Value::Reals(Tensor::list(joined.into_vec())));
    }
    Ok(of(&joined))
}
