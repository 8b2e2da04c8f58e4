//! Eigenvalues and eigenvectors of matrices that need not be symmetric, which are known.

use elbo_math::linalg::GeneralEigen;

use super::{Arguments, Function};
use crate::run::{Complex, Tensor, Value};

pub(super) const ROWS: &[(&str, Function)] = &[
    ("eigenvalues", |a| Ok(values(decomposed(a)?.0.values))),
    ("eigenvectors", |a| {
        let (eigen, n) = decomposed(a)?;
        Ok(vectors(eigen.vectors, n))
    }),
    ("eigendecompose", |a| {
        let (eigen, n) = decomposed(a)?;
        Ok(Value::Tuple(vec![
            vectors(eigen.vectors, n),
            values(eigen.values),
        ]))
    }),
];

fn decomposed(a: &Arguments) -> Result<(GeneralEigen, usize), String> {
    let matrix = a.values.first().and_then(Value::as_complexes);
    let matrix = matrix.ok_or_else(|| "it is not evaluated for these arguments".to_owned())?;
    let [rows, cols] = matrix.shape() else {
        return Err("it takes a matrix".to_owned());
    };
    if rows != cols {
        return Err(format!("the matrix is {rows} × {cols}, and must be square"));
    }
    let eigen = GeneralEigen::new(matrix.entries(), *rows).map_err(|error| error.to_string())?;
    Ok((eigen, *rows))
}

fn values(values: Vec<Complex>) -> Value {
    Value::Complexes(Tensor::list(values))
}

fn vectors(vectors: Vec<Complex>, n: usize) -> Value {
    Value::Complexes(Tensor::new(vec![n, n], vectors))
}
