//! From constrained values that depend on parameters back to free ones.
//!
//! Deliberately absent: known values, which [`Transform::unconstrain`] takes and checks.

use std::sync::Arc;

use elbo_graph::{CumulativeSum, Function, Graph, NodeId, Shape, SumToZero, Transform, algebra};

use super::{Call, Outcome};
use crate::run::Value;
use crate::trace::Operand;

pub(super) fn position(at: usize) -> u32 {
    u32::try_from(at).expect("a value has below 2³² entries")
}

/// Free coordinates of entries with bounds.
pub(super) fn entries(
    call: &mut Call<'_>,
    transform: &Transform<usize>,
    args: &[Operand],
) -> Outcome {
    let trace = &mut *call.trace;
    let mut two = |f, a: Operand, b: Operand| trace.pointwise(f, &[a, b]).map(Operand::Numbers);
    let minus = Function::Subtract;
    let x = || args[0].clone();
    if let Transform::OffsetMultiplier(..) = transform {
        let distance = two(minus, x(), args[1].clone())?;
        let standard = two(Function::Divide, distance, args[2].clone())?;
        return Ok(Value::from_numbers(standard.to_numbers()));
    }
    let infinite = |bound: &Operand| {
        bound
            .numbers()
            .all(|b| b.known().is_some_and(f64::is_infinite))
    };
    let (lower, upper) = match transform {
        Transform::Lower(_) => (Some(&args[1]), None),
        Transform::Upper(_) => (None, Some(&args[1])),
        _ => (Some(&args[1]), Some(&args[2])),
    };
    let above = lower
        .filter(|b| !infinite(b))
        .map(|b| two(minus, x(), b.clone()));
    let below = upper
        .filter(|b| !infinite(b))
        .map(|b| two(minus, b.clone(), x()));
    let ratio = match (above.transpose()?, below.transpose()?) {
        (None, None) => return Ok(call.values[0].clone()),
        (Some(one), None) | (None, Some(one)) => one,
        (Some(above), Some(below)) => two(Function::Divide, above, below)?,
    };
    let numbers = trace.pointwise(Function::Log, &[ratio])?;
    Ok(Value::from_numbers(numbers))
}

/// The free coordinates of one value as a row, in the order of the language's own container.
pub(super) fn back(graph: &mut Graph, transform: &Transform<usize>, x: NodeId) -> NodeId {
    use Transform as T;
    let shape = graph.shape(x);
    match transform {
        T::Ordered { size } | T::PositiveOrdered { size } => {
            let index = |from: usize, to: usize| (from..to).map(position).collect::<Vec<_>>();
            let first = graph.elements(x, index(0, 1), Shape::SCALAR);
            let first = match transform {
                T::Ordered { .. } => first,
                _ => graph.pointwise(Function::Log, &[first]),
            };
            if *size == 1 {
                return first;
            }
            let rest = Shape::matrix(1, size - 1);
            let low = graph.elements(x, index(0, size - 1), rest);
            let high = graph.elements(x, index(1, *size), rest);
            let steps = graph.pointwise(Function::Subtract, &[high, low]);
            let logs = graph.pointwise(Function::Log, &[steps]);
            graph.columns(&[first, logs])
        }
        T::Simplex { .. } => {
            let logs = graph.pointwise(Function::Log, &[x]);
            project(graph, logs)
        }
        T::SumToZero { .. } => project(graph, x),
        T::RowStochastic { rows, cols } => {
            let logs = graph.pointwise(Function::Log, &[x]);
            let free = project(graph, logs);
            elbo_graph::reshape(graph, free, Shape::matrix(1, rows * (cols - 1)))
        }
        T::ColumnStochastic { rows, cols } => {
            let logs = graph.pointwise(Function::Log, &[x]);
            let logs = algebra::transpose(graph, logs);
            let free = project(graph, logs);
            let free = algebra::transpose(graph, free);
            elbo_graph::reshape(graph, free, Shape::matrix(1, (rows - 1) * cols))
        }
        T::SumToZeroMatrix { rows, cols } => {
            // The last row and column come first.
            let turned: Vec<u32> = (0..rows * cols)
                .map(|e| (e / cols + rows - 1) % rows * cols + (e % cols + cols - 1) % cols)
                .map(position)
                .collect();
            let turned = graph.elements(x, turned, shape);
            let narrow = project(graph, turned);
            let columns = algebra::transpose(graph, narrow);
            let free = project(graph, columns);
            let free = algebra::transpose(graph, free);
            elbo_graph::reshape(graph, free, Shape::matrix(1, (rows - 1) * (cols - 1)))
        }
        T::CholeskyFactorCov { rows, cols } => log_diagonal(graph, x, (*rows, *cols)),
        T::CovMatrix { size } => {
            let factor = algebra::cholesky_decompose(graph, x);
            log_diagonal(graph, factor, (*size, *size))
        }
        T::CholeskyFactorCorr { size } => {
            let below = (0..*size).flat_map(|i| (0..i).map(move |j| (i, j)));
            partial_correlations(graph, x, *size, &below.collect::<Vec<_>>())
        }
        T::CorrMatrix { size } => {
            let factor = algebra::cholesky_decompose(graph, x);
            let below = (0..*size).flat_map(|j| (j + 1..*size).map(move |i| (i, j)));
            partial_correlations(graph, factor, *size, &below.collect::<Vec<_>>())
        }
        _ => x,
    }
}

/// Coordinates of rows in the basis of rows that sum to zero, which is orthonormal.
fn project(graph: &mut Graph, rows: NodeId) -> NodeId {
    let size = graph.shape(rows).cols;
    let ones = graph.constant(vec![1.0; size - 1], Shape::vector(size - 1));
    let identity = algebra::diag_matrix(graph, ones);
    let basis = graph.block(Arc::new(SumToZero { free: size - 1 }), &[identity]);
    let basis = algebra::transpose(graph, basis);
    graph.matmul(rows, basis)
}

/// The lower triangle row by row, the diagonal as logarithms.
fn log_diagonal(graph: &mut Graph, factor: NodeId, (rows, cols): (usize, usize)) -> NodeId {
    let below: Vec<(usize, usize)> = (0..rows)
        .flat_map(|i| (0..cols.min(i + 1)).map(move |j| (i, j)))
        .collect();
    let index: Vec<u32> = below.iter().map(|(i, j)| position(i * cols + j)).collect();
    let n = index.len();
    let plain = graph.elements(factor, index, Shape::matrix(1, n));
    let is_diagonal: Vec<f64> = below.iter().map(|(i, j)| f64::from(i == j)).collect();
    let is_diagonal = graph.constant(is_diagonal, Shape::matrix(1, n));
    // Only the diagonal is positive.
    let one = graph.constant([1.0], Shape::SCALAR);
    let safe = graph.pointwise(Function::Select, &[is_diagonal, plain, one]);
    let logs = graph.pointwise(Function::Log, &[safe]);
    graph.pointwise(Function::Select, &[is_diagonal, logs, plain])
}

/// `artanh` of the partial correlations at these places of a factor.
fn partial_correlations(
    graph: &mut Graph,
    factor: NodeId,
    size: usize,
    places: &[(usize, usize)],
) -> NodeId {
    let squares = graph.pointwise(Function::Square, &[factor]);
    let sums = graph.block(Arc::new(CumulativeSum { cols: size }), &[squares]);
    let before = graph.pointwise(Function::Subtract, &[sums, squares]);
    let index: Vec<u32> = places.iter().map(|(i, j)| position(i * size + j)).collect();
    let row = Shape::matrix(1, index.len());
    let entries = graph.elements(factor, index.clone(), row);
    let before = graph.elements(before, index, row);
    let one = graph.constant([1.0], Shape::SCALAR);
    let rest = graph.pointwise(Function::Subtract, &[one, before]);
    let root = graph.pointwise(Function::Sqrt, &[rest]);
    let partial = graph.pointwise(Function::Divide, &[entries, root]);
    graph.pointwise(Function::Atanh, &[partial])
}
