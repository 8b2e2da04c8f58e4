//! Singular values, QR, eigenvalues of symmetric matrices, generalised inverses.

use elbo_graph::{Graph, NodeId, Shape, algebra, decomposition};

use super::{Call, FunctionRow, Outcome};
use crate::run::Value;
use crate::trace::Operand;

pub(super) const ROWS: &[FunctionRow] = &[
    ("singular_values", |call| {
        let (m, shape) = call.matrix(0)?;
        list(call, (m, shape), shape.rows.min(shape.cols), |graph, m| {
            decomposition::singular_values(graph, m)
        })
    }),
    ("svd_U", left),
    ("svd_V", right),
    ("svd", |call| {
        let (m, shape) = call.matrix(0)?;
        let least = shape.rows.min(shape.cols);
        let values = list(call, (m, shape), least, decomposition::singular_values)?;
        Ok(Value::Tuple(vec![left(call)?, values, right(call)?]))
    }),
    ("qr_Q", |call| q(call, false)),
    ("qr_R", |call| r(call, false)),
    ("qr", |call| {
        Ok(Value::Tuple(vec![q(call, false)?, r(call, false)?]))
    }),
    ("qr_thin_Q", |call| q(call, true)),
    ("qr_thin_R", |call| r(call, true)),
    ("qr_thin", |call| {
        Ok(Value::Tuple(vec![q(call, true)?, r(call, true)?]))
    }),
    ("eigenvalues_sym", values),
    ("eigenvectors_sym", vectors),
    ("eigendecompose_sym", |call| {
        Ok(Value::Tuple(vec![vectors(call)?, values(call)?]))
    }),
    ("generalized_inverse", |call| {
        let (m, shape) = call.matrix(0)?;
        call.matrix_of(vec![(m, shape)], (shape.cols, shape.rows), |graph, args| {
            decomposition::generalized_inverse(graph, args[0])
        })
    }),
];

fn list(
    call: &mut Call<'_>,
    arg: (Operand, Shape),
    n: usize,
    f: fn(&mut Graph, NodeId) -> NodeId,
) -> Outcome {
    call.block(vec![arg], Shape::vector(n), vec![n], move |graph, args| {
        f(graph, args[0])
    })
}

fn left(call: &mut Call<'_>) -> Outcome {
    let (m, shape) = call.matrix(0)?;
    let least = shape.rows.min(shape.cols);
    call.matrix_of(vec![(m, shape)], (shape.rows, least), |graph, args| {
        decomposition::svd_u(graph, args[0])
    })
}

fn right(call: &mut Call<'_>) -> Outcome {
    let (m, shape) = call.matrix(0)?;
    let least = shape.rows.min(shape.cols);
    call.matrix_of(vec![(m, shape)], (shape.cols, least), |graph, args| {
        decomposition::svd_v(graph, args[0])
    })
}

fn qr(call: &Call<'_>, thin: bool) -> Result<((Operand, Shape), usize), String> {
    let (m, shape) = call.matrix(0)?;
    if thin && shape.rows < shape.cols {
        return Err(format!(
            "the matrix is {} × {}, and must not be wider than tall",
            shape.rows, shape.cols
        ));
    }
    Ok(((m, shape), if thin { shape.cols } else { shape.rows }))
}

fn q(call: &mut Call<'_>, thin: bool) -> Outcome {
    let ((m, shape), cols) = qr(call, thin)?;
    call.matrix_of(vec![(m, shape)], (shape.rows, cols), move |graph, args| {
        let both = if thin {
            decomposition::qr_thin(graph, args[0])
        } else {
            decomposition::qr(graph, args[0])
        };
        both.0
    })
}

fn r(call: &mut Call<'_>, thin: bool) -> Outcome {
    let ((m, shape), rows) = qr(call, thin)?;
    call.matrix_of(vec![(m, shape)], (rows, shape.cols), move |graph, args| {
        let both = if thin {
            decomposition::qr_thin(graph, args[0])
        } else {
            decomposition::qr(graph, args[0])
        };
        both.1
    })
}

fn values(call: &mut Call<'_>) -> Outcome {
    let (m, shape) = call.square(0)?;
    list(call, (m, shape), shape.rows, algebra::eigenvalues_sym)
}

fn vectors(call: &mut Call<'_>) -> Outcome {
    let (m, shape) = call.square(0)?;
    call.matrix_of(vec![(m, shape)], (shape.rows, shape.cols), |graph, args| {
        algebra::eigenvectors_sym(graph, args[0])
    })
}
