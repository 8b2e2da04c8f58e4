//! The constraint transforms as functions: from unconstrained values, back, and with the
//! log-Jacobian added to the density.

use super::{Row, row};

const ONE_BOUND: &str = "real[d], real -> real[d]; real[d+1], real[d+1] -> real[d+1]; \
     X[d], real -> X[d] for X: vector row_vector matrix; \
     X[d], X[d] -> X[d] for X: vector row_vector matrix";

const TWO_BOUNDS: &str = "real[d], real, real -> real[d]; \
     real[d+1], real[d+1], real -> real[d+1]; real[d+1], real, real[d+1] -> real[d+1]; \
     real[d+1], real[d+1], real[d+1] -> real[d+1]; \
     X[d], real, real -> X[d] for X: vector row_vector matrix; \
     X[d], X[d], real -> X[d] for X: vector row_vector matrix; \
     X[d], real, X[d] -> X[d] for X: vector row_vector matrix; \
     X[d], X[d], X[d] -> X[d] for X: vector row_vector matrix";

pub(super) const ROWS: &[Row] = &[
    row(
        "lower_bound_constrain lower_bound_unconstrain lower_bound_jacobian \
         upper_bound_constrain upper_bound_unconstrain upper_bound_jacobian",
        ONE_BOUND,
    ),
    row(
        "lower_upper_bound_constrain lower_upper_bound_unconstrain lower_upper_bound_jacobian \
         offset_multiplier_constrain offset_multiplier_unconstrain offset_multiplier_jacobian",
        TWO_BOUNDS,
    ),
    row(
        "ordered_constrain ordered_unconstrain ordered_jacobian \
         positive_ordered_constrain positive_ordered_unconstrain positive_ordered_jacobian \
         simplex_constrain simplex_unconstrain simplex_jacobian \
         unit_vector_constrain unit_vector_unconstrain unit_vector_jacobian",
        "vector[d] -> vector[d]",
    ),
    row(
        "sum_to_zero_constrain sum_to_zero_unconstrain sum_to_zero_jacobian",
        "X[d] -> X[d] for X: vector matrix",
    ),
    row(
        "stochastic_column_constrain stochastic_column_unconstrain stochastic_column_jacobian \
         stochastic_row_constrain stochastic_row_unconstrain stochastic_row_jacobian",
        "matrix[d] -> matrix[d]",
    ),
    row(
        "corr_matrix_constrain corr_matrix_jacobian cov_matrix_constrain cov_matrix_jacobian \
         cholesky_factor_corr_constrain cholesky_factor_corr_jacobian",
        "vector[d], int -> matrix[d]",
    ),
    row(
        "corr_matrix_unconstrain cov_matrix_unconstrain cholesky_factor_corr_unconstrain \
         cholesky_factor_cov_unconstrain",
        "matrix[d] -> vector[d]",
    ),
    row(
        "cholesky_factor_cov_constrain cholesky_factor_cov_jacobian",
        "vector[d], int, int -> matrix[d]",
    ),
];
