//! Products, diagonals, quadratic forms, solutions of linear systems.

use elbo_graph::{Function, Graph, NodeId, Shape, algebra};

use super::call::same;
use super::{Call, FunctionRow, Outcome};
use crate::run::{Tensor, Value};
use crate::trace::Operand;

/// A function of one matrix.
type Unary = fn(&mut Graph, NodeId) -> NodeId;
/// A function of two.
type Binary = fn(&mut Graph, NodeId, NodeId) -> NodeId;

pub(super) const ROWS: &[FunctionRow] = &[
    ("crossprod", |call| {
        let (m, shape) = call.matrix(0)?;
        call.matrix_of(vec![(m, shape)], (shape.cols, shape.cols), |graph, args| {
            algebra::crossprod(graph, args[0])
        })
    }),
    ("tcrossprod", |call| {
        let (m, shape) = call.matrix(0)?;
        call.matrix_of(vec![(m, shape)], (shape.rows, shape.rows), |graph, args| {
            algebra::tcrossprod(graph, args[0])
        })
    }),
    ("multiply_lower_tri_self_transpose", |call| {
        let (m, shape) = lower_triangle(call)?;
        call.matrix_of(vec![(m, shape)], (shape.rows, shape.rows), |graph, args| {
            algebra::tcrossprod(graph, args[0])
        })
    }),
    ("diag_pre_multiply", |call| {
        let (d, (m, shape)) = (call.operand(0)?, call.matrix(1)?);
        same(d.len(), shape.rows, "factors and rows")?;
        scaled(call, &m, shape, Some(&d), None)
    }),
    ("diag_post_multiply", |call| {
        let ((m, shape), d) = (call.matrix(0)?, call.operand(1)?);
        same(d.len(), shape.cols, "factors and columns")?;
        scaled(call, &m, shape, None, Some(&d))
    }),
    ("quad_form_diag", |call| {
        let ((m, shape), d) = (call.square(0)?, call.operand(1)?);
        same(d.len(), shape.rows, "factors and rows")?;
        scaled(call, &m, shape, Some(&d), Some(&d))
    }),
    ("add_diag", |call| {
        let ((m, shape), d) = (call.matrix(0)?, call.operand(1)?);
        let n = shape.rows.min(shape.cols);
        if d.len() != 1 && d.len() != n {
            return Err(format!("{} numbers for a diagonal of {n}", d.len()));
        }
        let diagonal = (0..n).map(|i| m.number(i * (shape.cols + 1)));
        let diagonal = Operand::Numbers(Tensor::list(diagonal.collect()));
        let d = match d.len() {
            1 => Operand::of(d.number(0)),
            _ => d,
        };
        let sums = call.trace.pointwise(Function::Add, &[diagonal, d])?;
        let mut all = m.to_numbers();
        for (i, sum) in sums.entries().iter().enumerate() {
            all.entries_mut()[i * (shape.cols + 1)] = *sum;
        }
        Ok(Value::from_numbers(all))
    }),
    ("trace", |call| {
        let (m, shape) = call.matrix(0)?;
        let n = shape.rows.min(shape.cols);
        let diagonal = (0..n).map(|i| m.number(i * (shape.cols + 1)));
        let sum = call.trace.sum(&Tensor::list(diagonal.collect()))?;
        Ok(super::call::value_of(sum))
    }),
    ("trace_dot", |call| {
        let ((a, shape), (b, other)) = (call.matrix(0)?, call.matrix(1)?);
        same(shape, other, "sizes")?;
        Ok(super::call::value_of(call.trace.dot(a, b)?))
    }),
    ("quad_form quad_form_sym", |call| {
        let (args, shape) = form(call, 0)?;
        if matches!(call.types[1], crate::typed::Type::Vector) {
            return call.number_of(args, |graph, args| {
                algebra::quad_form(graph, args[0], args[1])
            });
        }
        call.matrix_of(args, (shape.cols, shape.cols), |graph, args| {
            algebra::quad_form(graph, args[0], args[1])
        })
    }),
    ("trace_quad_form", |call| {
        let (args, _) = form(call, 0)?;
        call.number_of(args, |graph, args| {
            algebra::trace_quad_form(graph, args[0], args[1])
        })
    }),
    ("trace_gen_quad_form", |call| {
        let (d, square) = call.square(0)?;
        let (rest, shape) = form(call, 1)?;
        same(square.rows, shape.cols, "rows and columns")?;
        let mut args = vec![(d, square)];
        args.extend(rest);
        call.number_of(args, |graph, args| {
            algebra::trace_gen_quad_form(graph, args[0], args[1], args[2])
        })
    }),
    ("mdivide_left_spd", |call| {
        solved(call, algebra::mdivide_left_spd)
    }),
    ("mdivide_left_tri_low", |call| {
        solved(call, algebra::mdivide_left_tri_low)
    }),
    ("mdivide_right_spd", |call| {
        solved_right(call, algebra::mdivide_right_spd)
    }),
    ("mdivide_right_tri_low", |call| {
        solved_right(call, algebra::mdivide_right_tri_low)
    }),
    ("cholesky_decompose", |call| {
        square(call, algebra::cholesky_decompose)
    }),
    ("inverse", |call| square(call, algebra::inverse)),
    ("inverse_spd", |call| square(call, algebra::inverse_spd)),
    ("chol2inv", |call| square(call, algebra::chol2inv)),
    ("matrix_exp", |call| square(call, algebra::matrix_exp)),
    ("determinant", |call| {
        number(call, 1.0, algebra::determinant)
    }),
    ("log_determinant", |call| {
        number(call, 0.0, algebra::log_determinant)
    }),
    ("log_determinant_spd", |call| {
        number(call, 0.0, algebra::log_determinant_spd)
    }),
    ("matrix_exp_multiply", |call| {
        solved(call, algebra::matrix_exp_multiply)
    }),
    ("scale_matrix_exp_multiply", |call| {
        let (factor, (a, square), (b, shape)) =
            (call.operand(0)?, call.square(1)?, call.matrix(2)?);
        same(square.cols, shape.rows, "columns and rows")?;
        let args = vec![(factor, Shape::SCALAR), (a, square), (b, shape)];
        call.matrix_of(args, (shape.rows, shape.cols), |graph, args| {
            let scaled = graph.pointwise(Function::Multiply, &[args[0], args[1]]);
            algebra::matrix_exp_multiply(graph, scaled, args[2])
        })
    }),
    ("matrix_power", |call| {
        let (m, shape) = call.square(0)?;
        let n = u32::try_from(call.size(1)?).map_err(|_| "the power is too large")?;
        call.matrix_of(
            vec![(m, shape)],
            (shape.rows, shape.cols),
            move |graph, args| algebra::matrix_power(graph, args[0], n),
        )
    }),
    ("csr_matrix_times_vector", sparse_product),
];

/// Rows and columns each times a number.
fn scaled(
    call: &mut Call<'_>,
    m: &Operand,
    shape: Shape,
    of_rows: Option<&Operand>,
    of_cols: Option<&Operand>,
) -> Outcome {
    let factors = |d: &Operand, at: fn(usize, usize) -> usize| {
        let entries = (0..shape.len()).map(|e| d.number(at(e, shape.cols)));
        Operand::Numbers(Tensor::new(m.shape().to_vec(), entries.collect()))
    };
    let mut all = m.clone();
    for factors in [
        of_rows.map(|d| factors(d, |e, cols| e / cols)),
        of_cols.map(|d| factors(d, |e, cols| e % cols)),
    ]
    .into_iter()
    .flatten()
    {
        all = Operand::Numbers(call.trace.pointwise(Function::Multiply, &[factors, all])?);
    }
    Ok(Value::from_numbers(all.to_numbers()))
}

/// The lower triangle of a matrix, zero above.
fn lower_triangle(call: &Call<'_>) -> Result<(Operand, Shape), String> {
    let (m, shape) = call.matrix(0)?;
    let entries = (0..shape.len()).map(|e| {
        if e % shape.cols <= e / shape.cols {
            m.number(e)
        } else {
            crate::trace::Number::Known(0.0)
        }
    });
    let lower = Tensor::new(m.shape().to_vec(), entries.collect());
    Ok((Operand::Numbers(lower), shape))
}

/// A square matrix and what it is multiplied with from both sides, from argument `first` on.
fn form(call: &Call<'_>, first: usize) -> Result<(Vec<(Operand, Shape)>, Shape), String> {
    let ((a, square), (b, shape)) = (call.square(first)?, call.matrix(first + 1)?);
    same(square.cols, shape.rows, "columns and rows")?;
    Ok((vec![(a, square), (b, shape)], shape))
}

fn square(call: &mut Call<'_>, f: Unary) -> Outcome {
    let (m, shape) = call.square(0)?;
    call.matrix_of(
        vec![(m, shape)],
        (shape.rows, shape.cols),
        move |graph, args| f(graph, args[0]),
    )
}

fn number(call: &mut Call<'_>, empty: f64, f: Unary) -> Outcome {
    let (m, shape) = call.square(0)?;
    if shape.is_empty() {
        return Ok(Value::real(empty));
    }
    call.number_of(vec![(m, shape)], move |graph, args| f(graph, args[0]))
}

/// A function of a square matrix and of columns.
fn solved(call: &mut Call<'_>, f: Binary) -> Outcome {
    let ((a, square), (b, shape)) = (call.square(0)?, call.matrix(1)?);
    same(square.cols, shape.rows, "columns and rows")?;
    let out = b.shape().to_vec();
    call.block(
        vec![(a, square), (b, shape)],
        shape,
        out,
        move |graph, args| f(graph, args[0], args[1]),
    )
}

/// A function of rows and of a square matrix.
fn solved_right(call: &mut Call<'_>, f: Binary) -> Outcome {
    let ((b, shape), (a, square)) = (call.matrix(0)?, call.square(1)?);
    same(shape.cols, square.rows, "columns and rows")?;
    let out = b.shape().to_vec();
    call.block(
        vec![(b, shape), (a, square)],
        shape,
        out,
        move |graph, args| f(graph, args[0], args[1]),
    )
}

/// A matrix of which only the entries that are not zero are given, row by row, times a vector.
fn sparse_product(call: &mut Call<'_>) -> Outcome {
    let (rows, cols) = (call.size(0)?, call.size(1)?);
    let (entries, factors) = (call.operand(2)?, call.operand(5)?);
    same(cols, factors.len(), "columns and numbers")?;
    let starts = super::sparse::rows(call, rows, entries.len(), 4)?;
    let columns = super::sparse::columns(call, cols, entries.len(), 3)?;
    let products = columns.iter().map(|j| factors.number(*j)).collect();
    let factors = Operand::Numbers(Tensor::list(products));
    let products = call
        .trace
        .pointwise(Function::Multiply, &[entries, factors])?;
    let sums = call.trace.each(starts, |trace, row| {
        trace.sum(&Tensor::list(products.entries()[row].to_vec()))
    })?;
    Ok(Value::from_numbers(Tensor::list(sums)))
}
