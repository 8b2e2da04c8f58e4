//! Constraints: from free coordinates to values that satisfy them, with the log-Jacobian.
//!
//! The one idea: a table of constraints ([`Transform`]) with one meaning each, that of the Stan
//! Reference Manual from version 2.37 on (`[@stan2025reference, ch. Constraint Transforms]`), so that
//! a free point means the same here and there. [`apply`](Transform::apply) builds nodes;
//! [`unconstrain`](Transform::unconstrain) is the inverse on numbers. The log-Jacobian comes as nodes
//! apart: whoever wants the density without it leaves them out. Deliberately absent: names, and
//! checks that bounds are in order (a lower bound above the upper one gives a log density of NaN).

mod entrywise;
mod matrix;
#[cfg(test)]
mod stan;
#[cfg(test)]
mod tests;
mod unconstrain;
mod vector;
mod words;

use crate::graph::{Graph, NodeId};
use crate::shape::Shape;

pub use unconstrain::TransformError;

/// A constraint; `B` is a bound: a node in a graph, or numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Transform<B = NodeId> {
    /// Any real numbers.
    Identity,
    /// Numbers above a bound. A bound of −∞ is none.
    Lower(B),
    /// Numbers below a bound. A bound of +∞ is none.
    Upper(B),
    /// Numbers between two bounds, either of which may be infinite.
    LowerUpper(B, B),
    /// Any real numbers, `offset + multiplier · y`.
    OffsetMultiplier(B, B),
    /// Increasing numbers.
    Ordered {
        /// How many.
        size: usize,
    },
    /// Increasing positive numbers.
    PositiveOrdered {
        /// How many.
        size: usize,
    },
    /// Positive numbers whose sum is 1: the softmax of numbers that sum to zero.
    Simplex {
        /// How many.
        size: usize,
    },
    /// Numbers whose squares sum to 1; as many free ones, divided by their norm.
    UnitVector {
        /// How many.
        size: usize,
    },
    /// Numbers whose sum is 0.
    SumToZero {
        /// How many.
        size: usize,
    },
    /// A matrix whose rows and columns sum to 0.
    SumToZeroMatrix {
        /// Rows of the matrix.
        rows: usize,
        /// Columns of the matrix.
        cols: usize,
    },
    /// A matrix whose columns are simplexes.
    ColumnStochastic {
        /// Rows of the matrix.
        rows: usize,
        /// Columns of the matrix.
        cols: usize,
    },
    /// A matrix whose rows are simplexes.
    RowStochastic {
        /// Rows of the matrix.
        rows: usize,
        /// Columns of the matrix.
        cols: usize,
    },
    /// A correlation matrix.
    CorrMatrix {
        /// Rows of the matrix.
        size: usize,
    },
    /// A covariance matrix.
    CovMatrix {
        /// Rows of the matrix.
        size: usize,
    },
    /// The lower-triangular Cholesky factor of a correlation matrix.
    CholeskyFactorCorr {
        /// Rows of the matrix.
        size: usize,
    },
    /// A lower-triangular matrix with a positive diagonal.
    CholeskyFactorCov {
        /// Rows of the matrix, no fewer than its columns.
        rows: usize,
        /// Columns of the matrix.
        cols: usize,
    },
}

/// What a constraint makes of free coordinates.
#[derive(Debug, Clone)]
pub struct Constrained {
    /// The values that satisfy it.
    pub value: NodeId,
    /// Nodes whose entries add up to the logarithm of the absolute Jacobian determinant.
    pub log_jacobian: Vec<NodeId>,
}

impl Constrained {
    fn plain(value: NodeId) -> Self {
        Self {
            value,
            log_jacobian: Vec::new(),
        }
    }

    /// Adds the log-Jacobian to the log density.
    pub fn add_log_jacobian(&self, graph: &mut Graph) {
        for term in &self.log_jacobian {
            if !graph.is_parameter(*term) && !graph.labels.contains_key(term) {
                graph.label(*term, "log Jacobian");
            }
            graph.add_to_log_density(*term);
        }
    }
}

impl<B> Transform<B> {
    /// The constraint, as Stan writes it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Identity => "real",
            Self::Lower(_) => "lower",
            Self::Upper(_) => "upper",
            Self::LowerUpper(..) => "lower, upper",
            Self::OffsetMultiplier(..) => "offset, multiplier",
            Self::Ordered { .. } => "ordered",
            Self::PositiveOrdered { .. } => "positive_ordered",
            Self::Simplex { .. } => "simplex",
            Self::UnitVector { .. } => "unit_vector",
            Self::SumToZero { .. } => "sum_to_zero_vector",
            Self::SumToZeroMatrix { .. } => "sum_to_zero_matrix",
            Self::ColumnStochastic { .. } => "column_stochastic_matrix",
            Self::RowStochastic { .. } => "row_stochastic_matrix",
            Self::CorrMatrix { .. } => "corr_matrix",
            Self::CovMatrix { .. } => "cov_matrix",
            Self::CholeskyFactorCorr { .. } => "cholesky_factor_corr",
            Self::CholeskyFactorCov { .. } => "cholesky_factor_cov",
        }
    }

    /// The shape of one value: a scalar for constraints on single numbers, which apply to each entry
    /// of any shape.
    pub const fn shape(&self) -> Shape {
        match *self {
            Self::Identity
            | Self::Lower(_)
            | Self::Upper(_)
            | Self::LowerUpper(..)
            | Self::OffsetMultiplier(..) => Shape::SCALAR,
            Self::Ordered { size }
            | Self::PositiveOrdered { size }
            | Self::Simplex { size }
            | Self::UnitVector { size }
            | Self::SumToZero { size } => Shape::vector(size),
            Self::SumToZeroMatrix { rows, cols }
            | Self::ColumnStochastic { rows, cols }
            | Self::RowStochastic { rows, cols }
            | Self::CholeskyFactorCov { rows, cols } => Shape::matrix(rows, cols),
            Self::CorrMatrix { size }
            | Self::CovMatrix { size }
            | Self::CholeskyFactorCorr { size } => Shape::matrix(size, size),
        }
    }

    /// The number of free coordinates of one value.
    pub const fn free_len(&self) -> usize {
        match *self {
            Self::Identity
            | Self::Lower(_)
            | Self::Upper(_)
            | Self::LowerUpper(..)
            | Self::OffsetMultiplier(..) => 1,
            Self::Ordered { size } | Self::PositiveOrdered { size } | Self::UnitVector { size } => {
                size
            }
            Self::Simplex { size } | Self::SumToZero { size } => size.saturating_sub(1),
            Self::SumToZeroMatrix { rows, cols } => rows.saturating_sub(1) * cols.saturating_sub(1),
            Self::ColumnStochastic { rows, cols } => rows.saturating_sub(1) * cols,
            Self::RowStochastic { rows, cols } => rows * cols.saturating_sub(1),
            Self::CorrMatrix { size } | Self::CholeskyFactorCorr { size } => {
                size * size.saturating_sub(1) / 2
            }
            Self::CovMatrix { size } => size * (size + 1) / 2,
            Self::CholeskyFactorCov { rows, cols } => {
                cols * (cols + 1) / 2 + rows.saturating_sub(cols) * cols
            }
        }
    }

    /// The constraint with other bounds.
    pub fn map_bounds<C>(self, mut f: impl FnMut(B) -> C) -> Transform<C> {
        match self {
            Self::Identity => Transform::Identity,
            Self::Lower(b) => Transform::Lower(f(b)),
            Self::Upper(b) => Transform::Upper(f(b)),
            Self::LowerUpper(a, b) => Transform::LowerUpper(f(a), f(b)),
            Self::OffsetMultiplier(a, b) => Transform::OffsetMultiplier(f(a), f(b)),
            Self::Ordered { size } => Transform::Ordered { size },
            Self::PositiveOrdered { size } => Transform::PositiveOrdered { size },
            Self::Simplex { size } => Transform::Simplex { size },
            Self::UnitVector { size } => Transform::UnitVector { size },
            Self::SumToZero { size } => Transform::SumToZero { size },
            Self::SumToZeroMatrix { rows, cols } => Transform::SumToZeroMatrix { rows, cols },
            Self::ColumnStochastic { rows, cols } => Transform::ColumnStochastic { rows, cols },
            Self::RowStochastic { rows, cols } => Transform::RowStochastic { rows, cols },
            Self::CorrMatrix { size } => Transform::CorrMatrix { size },
            Self::CovMatrix { size } => Transform::CovMatrix { size },
            Self::CholeskyFactorCorr { size } => Transform::CholeskyFactorCorr { size },
            Self::CholeskyFactorCov { rows, cols } => Transform::CholeskyFactorCov { rows, cols },
        }
    }

    pub(crate) const fn is_entrywise(&self) -> bool {
        matches!(
            self,
            Self::Identity
                | Self::Lower(_)
                | Self::Upper(_)
                | Self::LowerUpper(..)
                | Self::OffsetMultiplier(..)
        )
    }
}

impl Transform<NodeId> {
    /// New free coordinates for one value of [`shape`](Self::shape).
    pub fn parameter(&self, graph: &mut Graph) -> Constrained {
        let free = graph.parameter(Shape::matrix(1, self.free_len()));
        let rows = self.apply(graph, free);
        if self.is_entrywise() {
            return rows;
        }
        Constrained {
            value: reshape(graph, rows.value, self.shape()),
            log_jacobian: rows.log_jacobian,
        }
    }

    /// New free coordinates for an array of `n` values, each a row of the result, row-major.
    pub fn parameters(&self, graph: &mut Graph, n: usize) -> Constrained {
        let free = graph.parameter(Shape::matrix(n, self.free_len()));
        self.apply(graph, free)
    }

    /// Constrains coordinates: rows of [`free_len`](Self::free_len) of them become rows of values,
    /// row-major. A constraint on single numbers applies to each entry of any shape, and its bounds
    /// are repeated as arguments of [`Graph::pointwise`] are.
    ///
    /// # Panics
    /// If `free` has other columns, or a bound's shape does not fit.
    pub fn apply(&self, graph: &mut Graph, free: NodeId) -> Constrained {
        if !self.is_entrywise() {
            let cols = graph.shape(free).cols;
            assert_eq!(cols, self.free_len(), "free coordinates of {}", self.name());
        }
        match *self {
            Self::Identity => Constrained::plain(free),
            Self::Lower(lower) => entrywise::between(graph, free, Some(lower), None),
            Self::Upper(upper) => entrywise::between(graph, free, None, Some(upper)),
            Self::LowerUpper(lower, upper) => {
                entrywise::between(graph, free, Some(lower), Some(upper))
            }
            Self::OffsetMultiplier(offset, multiplier) => {
                entrywise::affine(graph, free, offset, multiplier)
            }
            Self::Ordered { size } => vector::ordered(graph, free, size),
            Self::PositiveOrdered { size } => vector::positive_ordered(graph, free, size),
            Self::Simplex { size } => vector::simplex(graph, free, size),
            Self::UnitVector { .. } => vector::unit(graph, free),
            Self::SumToZero { size } => Constrained::plain(vector::sum_to_zero(graph, free, size)),
            Self::SumToZeroMatrix { rows, cols } => {
                Constrained::plain(matrix::sum_to_zero(graph, free, rows, cols))
            }
            Self::ColumnStochastic { rows, cols } => {
                matrix::column_stochastic(graph, free, rows, cols)
            }
            Self::RowStochastic { rows, cols } => matrix::row_stochastic(graph, free, rows, cols),
            Self::CorrMatrix { size } => matrix::correlation(graph, free, size),
            Self::CovMatrix { size } => matrix::covariance(graph, free, size),
            Self::CholeskyFactorCorr { size } => matrix::correlation_cholesky(graph, free, size),
            Self::CholeskyFactorCov { rows, cols } => {
                matrix::covariance_cholesky(graph, free, rows, cols)
            }
        }
    }
}

/// The same numbers in the same order, in another shape.
pub fn reshape(graph: &mut Graph, source: NodeId, shape: Shape) -> NodeId {
    if graph.shape(source) == shape {
        return source;
    }
    let index: Vec<u32> = (0..position(shape.len())).collect();
    graph.elements(source, index, shape)
}

/// Rows of matrices that are written column by column, as Stan does, to rows of matrices of `shape`
/// that are written row by row; every row of `source` is one matrix.
pub fn from_column_major(graph: &mut Graph, source: NodeId, shape: Shape) -> NodeId {
    let Shape { rows, cols } = shape;
    permute(graph, source, shape.len(), |entry| {
        (entry % cols) * rows + entry / cols
    })
}

/// Entry `e < len` of each row of the result is entry `from(e)` of that row of `source`.
fn permute(graph: &mut Graph, source: NodeId, len: usize, from: impl Fn(usize) -> usize) -> NodeId {
    let Shape { rows, cols } = graph.shape(source);
    let index: Vec<u32> = (0..rows)
        .flat_map(|r| (0..len).map(move |e| (r, e)))
        .map(|(r, e)| position(r * cols + from(e)))
        .collect();
    graph.elements(source, index, Shape::matrix(rows, len))
}

fn position(i: usize) -> u32 {
    u32::try_from(i).expect("a value has below 2³² entries")
}

/// The constant `value`, one number.
fn number(graph: &mut Graph, value: f64) -> NodeId {
    graph.constant([value], Shape::SCALAR)
}
