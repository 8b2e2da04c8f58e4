//! Constraint transforms as functions: from free values, with the log-Jacobian, and back.

use std::sync::Arc;

use elbo_graph::{Function, NodeId, Shape, Transform};

use super::call::same;
use super::inverses::{back, entries, position};
use super::{Call, FunctionRow, Outcome};
use crate::run::{Tensor, Value};
use crate::trace::Operand;
use crate::typed::Type;

pub(super) const ROWS: &[FunctionRow] = &[
    (
        "lower_bound_constrain lower_bound_jacobian \
         upper_bound_constrain upper_bound_jacobian \
         lower_upper_bound_constrain lower_upper_bound_jacobian \
         offset_multiplier_constrain offset_multiplier_jacobian \
         ordered_constrain ordered_jacobian \
         positive_ordered_constrain positive_ordered_jacobian \
         simplex_constrain simplex_jacobian \
         unit_vector_constrain unit_vector_jacobian \
         sum_to_zero_constrain sum_to_zero_jacobian \
         stochastic_column_constrain stochastic_column_jacobian \
         stochastic_row_constrain stochastic_row_jacobian \
         corr_matrix_constrain corr_matrix_jacobian \
         cov_matrix_constrain cov_matrix_jacobian \
         cholesky_factor_corr_constrain cholesky_factor_corr_jacobian \
         cholesky_factor_cov_constrain cholesky_factor_cov_jacobian",
        constrain,
    ),
    (
        "lower_bound_unconstrain upper_bound_unconstrain lower_upper_bound_unconstrain \
         offset_multiplier_unconstrain ordered_unconstrain positive_ordered_unconstrain \
         simplex_unconstrain unit_vector_unconstrain sum_to_zero_unconstrain \
         stochastic_column_unconstrain stochastic_row_unconstrain corr_matrix_unconstrain \
         cov_matrix_unconstrain cholesky_factor_corr_unconstrain cholesky_factor_cov_unconstrain",
        unconstrain,
    ),
];

/// A constraint whose bounds are positions of arguments, with the shapes of one value.
struct Constraint {
    transform: Transform<usize>,
    /// Of the free coordinates as the language has them.
    free: Vec<usize>,
    value: Vec<usize>,
}

/// Axes of one value, after those of arrays.
fn axes(r#type: &Type) -> usize {
    match r#type.element().0 {
        Type::Matrix => 2,
        Type::Real | Type::Int => 0,
        _ => 1,
    }
}

/// The constraint of a call, from the shape of one free or one constrained value.
fn constraint(
    call: &Call<'_>,
    name: &str,
    one: &[usize],
    is_free: bool,
) -> Result<Constraint, String> {
    use Transform as T;
    let lists = |transform: fn(usize) -> Transform<usize>, less: usize| {
        let size = if is_free { one[0] + less } else { one[0] };
        Ok(Constraint {
            transform: transform(size),
            free: vec![size.saturating_sub(less)],
            value: vec![size],
        })
    };
    let matrices = |transform: fn(usize, usize) -> Transform<usize>, less: [usize; 2]| {
        let [rows, cols] = match (one, is_free) {
            (&[rows, cols], true) => [rows + less[0], cols + less[1]],
            (&[rows, cols], false) => [rows, cols],
            _ => return Err("it takes a matrix".to_owned()),
        };
        Ok(Constraint {
            transform: transform(rows, cols),
            free: vec![rows.saturating_sub(less[0]), cols.saturating_sub(less[1])],
            value: vec![rows, cols],
        })
    };
    let sized = |transform: fn(usize, usize) -> Transform<usize>| {
        let (rows, cols) = match (is_free, one) {
            (true, _) if call.values.len() == 3 => (call.size(1)?, call.size(2)?),
            (true, _) => (call.size(1)?, call.size(1)?),
            (false, &[rows, cols]) => (rows, cols),
            _ => return Err("it takes a matrix".to_owned()),
        };
        if rows < cols {
            return Err(format!("{rows} rows are fewer than {cols} columns"));
        }
        let transform = transform(rows, cols);
        let free = transform.free_len();
        if is_free {
            same(one[0], free, "free coordinates")?;
        }
        Ok(Constraint {
            transform,
            free: vec![free],
            value: vec![rows, cols],
        })
    };
    let entries = |transform| {
        Ok(Constraint {
            transform,
            free: one.to_vec(),
            value: one.to_vec(),
        })
    };
    match name {
        "lower_bound" => entries(T::Lower(1)),
        "upper_bound" => entries(T::Upper(1)),
        "lower_upper_bound" => entries(T::LowerUpper(1, 2)),
        "offset_multiplier" => entries(T::OffsetMultiplier(1, 2)),
        "ordered" => lists(|size| T::Ordered { size }, 0),
        "positive_ordered" => lists(|size| T::PositiveOrdered { size }, 0),
        "unit_vector" => lists(|size| T::UnitVector { size }, 0),
        "simplex" => lists(|size| T::Simplex { size }, 1),
        "sum_to_zero" if one.len() == 1 => lists(|size| T::SumToZero { size }, 1),
        "sum_to_zero" => matrices(|rows, cols| T::SumToZeroMatrix { rows, cols }, [1, 1]),
        "stochastic_column" => matrices(|rows, cols| T::ColumnStochastic { rows, cols }, [1, 0]),
        "stochastic_row" => matrices(|rows, cols| T::RowStochastic { rows, cols }, [0, 1]),
        "corr_matrix" => sized(|size, _| T::CorrMatrix { size }),
        "cov_matrix" => sized(|size, _| T::CovMatrix { size }),
        "cholesky_factor_corr" => sized(|size, _| T::CholeskyFactorCorr { size }),
        "cholesky_factor_cov" => sized(|rows, cols| T::CholeskyFactorCov { rows, cols }),
        _ => Err("there is no such constraint".to_owned()),
    }
}

/// The constraint, the axes of the array around it, and how many values there are.
fn prepared(
    call: &Call<'_>,
    name: &str,
    is_free: bool,
) -> Result<(Constraint, Vec<usize>, usize), String> {
    let shape = call.values[0].shape();
    let (outer, one) = shape.split_at(shape.len() - axes(call.types[0]).min(shape.len()));
    let constraint = constraint(call, name, one, is_free)?;
    Ok((constraint, outer.to_vec(), outer.iter().product()))
}

/// Places of a matrix's entries, column by column, in every value.
fn by_columns(shape: &[usize], n: usize) -> Vec<usize> {
    let size: usize = shape.iter().product();
    let place = |e: usize| match shape {
        [rows, cols] => e % rows * cols + e / rows,
        _ => e,
    };
    (0..n)
        .flat_map(|i| (0..size).map(move |e| (i, e)))
        .map(|(i, e)| i * size + place(e))
        .collect()
}

fn constrain(call: &mut Call<'_>) -> Outcome {
    let name = call.name;
    let (base, has_jacobian) = match name.strip_suffix("_jacobian") {
        Some(base) => (base, true),
        None => (name.trim_end_matches("_constrain"), false),
    };
    let (constraint, outer, n) = prepared(call, base, true)?;
    let free = call.operand(0)?;
    let Constraint {
        transform,
        free: one,
        value,
    } = constraint;
    let (args, out) = if transform.shape().is_scalar()
        && one == value
        && n * one.iter().product::<usize>() == free.len()
        && is_entrywise(&transform)
    {
        let mut args = vec![(free.clone(), Shape::vector(free.len()))];
        for i in 1..call.values.len() {
            let bound = call.column(i)?;
            if bound.1.rows != 1 {
                same(bound.1.rows, free.len(), "sizes")?;
            }
            args.push(bound);
        }
        (args, Shape::vector(free.len()))
    } else {
        let places = by_columns(&one, n);
        let entries = places.iter().map(|at| free.number(*at));
        let rows = Operand::Numbers(Tensor::list(entries.collect()));
        let len = transform.free_len();
        same(one.iter().product(), len, "free coordinates")?;
        let size: usize = value.iter().product();
        (vec![(rows, Shape::matrix(n, len))], Shape::matrix(n, size))
    };
    let mut shape = outer;
    shape.extend(value);
    if has_jacobian && args.iter().all(|(_, shape)| !shape.is_empty()) {
        let terms = call.trace.block(
            name,
            args.clone(),
            Shape::SCALAR,
            Vec::new(),
            move |graph, args| {
                let bounded = transform.map_bounds(|p| args[p]);
                let terms = bounded.apply(graph, args[0]).log_jacobian;
                let zero = graph.constant([0.0], Shape::SCALAR);
                Ok(terms.into_iter().fold(zero, |sum, term| {
                    let term = graph.sum(term);
                    graph.pointwise(Function::Add, &[sum, term])
                }))
            },
        )?;
        call.trace.add(&terms, true);
    }
    // A value without free coordinates is known.
    if args[0].1.is_empty() && !out.is_empty() && transform.free_len() == 0 {
        let fixed = match transform {
            Transform::SumToZero { .. } | Transform::SumToZeroMatrix { .. } => 0.0,
            _ => 1.0,
        };
        return Ok(Value::Reals(Tensor::new(shape, vec![fixed; out.len()])));
    }
    call.block(args, out, shape, move |graph, args| {
        let bounded = transform.map_bounds(|p| args[p]);
        bounded.apply(graph, args[0]).value
    })
}

fn is_entrywise<B>(transform: &Transform<B>) -> bool {
    matches!(
        transform,
        Transform::Lower(_)
            | Transform::Upper(_)
            | Transform::LowerUpper(..)
            | Transform::OffsetMultiplier(..)
    )
}

fn unconstrain(call: &mut Call<'_>) -> Outcome {
    let base = call.name.trim_end_matches("_unconstrain");
    let (constraint, outer, n) = prepared(call, base, false)?;
    let value = call.operand(0)?;
    let Constraint {
        transform,
        free: one,
        value: of_value,
    } = constraint;
    let mut shape = outer;
    shape.extend(&one);
    let bounds: Result<Vec<Operand>, String> =
        (1..call.values.len()).map(|i| call.operand(i)).collect();
    let bounds = bounds?;
    let known: Option<Vec<Arc<[f64]>>> = bounds.iter().map(Operand::known).collect();
    if let (Some(value), Some(known)) = (value.known(), known) {
        let transform = transform.map_bounds(|p| known[p - 1].to_vec());
        let flat = transform.unconstrain(&value).map_err(|e| e.to_string())?;
        if one == of_value {
            return Ok(Value::Reals(Tensor::new(shape, flat)));
        }
        // Free coordinates of a matrix come column by column.
        let mut entries = vec![0.0; flat.len()];
        for (at, x) in by_columns(&one, n).into_iter().zip(flat) {
            entries[at] = x;
        }
        return Ok(Value::Reals(Tensor::new(shape, entries)));
    }
    if is_entrywise(&transform) {
        let mut args = vec![value];
        args.extend(bounds);
        return entries(call, &transform, &args);
    }
    let size: usize = of_value.iter().product();
    let free: usize = one.iter().product();
    let args = vec![(value, Shape::matrix(n, size))];
    let (rows, cols) = match *of_value {
        [rows, cols] => (rows, cols),
        _ => (1, size),
    };
    call.block(args, Shape::matrix(n, free), shape, move |graph, args| {
        let each: Vec<NodeId> = (0..n)
            .map(|i| {
                let index: Vec<u32> = (i * size..(i + 1) * size).map(position).collect();
                let one = graph.elements(args[0], index, Shape::matrix(rows, cols));
                back(graph, &transform, one)
            })
            .collect();
        graph.rows(&each)
    })
}
