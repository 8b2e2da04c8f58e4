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
