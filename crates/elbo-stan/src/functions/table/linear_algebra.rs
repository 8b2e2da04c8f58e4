//! Vectors and matrices: arithmetic, products, decompositions, Gaussian processes.

use super::{Row, row};

/// Between values of the same shape, or a container and a number.
const ARITHMETIC: &str = "X, X -> X for X: any; \
     X, real -> X for X: vector row_vector matrix; real, X -> X for X: vector row_vector matrix; \
     X, complex -> X for X: complex_vector complex_row_vector complex_matrix; \
     complex, X -> X for X: complex_vector complex_row_vector complex_matrix";

/// Kernels with a scale and a length scale.
const KERNEL: &str = "X[], real, real -> matrix for X: real vector; \
     X[], X[], real, real -> matrix for X: real vector; \
     vector[], real, real[] -> matrix; vector[], vector[], real, real[] -> matrix";

pub(super) const ROWS: &[Row] = &[
    row("add subtract elt_multiply elt_divide", ARITHMETIC),
    row(
        "multiply",
        "X, X -> X for X: int real complex; \
         X, real -> X for X: vector row_vector matrix; real, X -> X for X: vector row_vector matrix; \
         row_vector, vector -> real; vector, row_vector -> matrix; matrix, vector -> vector; \
         row_vector, matrix -> row_vector; matrix, matrix -> matrix",
    ),
    row(
        "multiply",
        "X, complex -> X for X: complex_vector complex_row_vector complex_matrix; \
         complex, X -> X for X: complex_vector complex_row_vector complex_matrix; \
         complex_row_vector, complex_vector -> complex; \
         complex_vector, complex_row_vector -> complex_matrix; \
         complex_matrix, complex_vector -> complex_vector; \
         complex_row_vector, complex_matrix -> complex_row_vector; \
         complex_matrix, complex_matrix -> complex_matrix",
    ),
    row(
        "divide",
        "X, X -> X for X: int real complex; \
         X, real -> X for X: vector row_vector matrix; real, X -> X for X: vector row_vector matrix; \
         X, complex -> X for X: complex_vector complex_row_vector complex_matrix; \
         complex, X -> X for X: complex_vector complex_row_vector complex_matrix",
    ),
    row(
        "add_diag",
        "matrix, X -> matrix for X: real vector row_vector; \
         complex_matrix, X -> complex_matrix for X: complex complex_vector complex_row_vector",
    ),
    row(
        "append_col",
        "matrix, X -> matrix for X: matrix vector; vector, X -> matrix for X: matrix vector; \
         row_vector, X -> row_vector for X: row_vector real; real, row_vector -> row_vector; \
         complex_matrix, X -> complex_matrix for X: complex_matrix complex_vector; \
         complex_vector, X -> complex_matrix for X: complex_matrix complex_vector; \
         complex_row_vector, X -> complex_row_vector for X: complex_row_vector complex; \
         complex, complex_row_vector -> complex_row_vector",
    ),
    row(
        "append_row",
        "matrix, X -> matrix for X: matrix row_vector; \
         row_vector, X -> matrix for X: matrix row_vector; \
         vector, X -> vector for X: vector real; real, vector -> vector; \
         complex_matrix, X -> complex_matrix for X: complex_matrix complex_row_vector; \
         complex_row_vector, X -> complex_matrix for X: complex_matrix complex_row_vector; \
         complex_vector, X -> complex_vector for X: complex_vector complex; \
         complex, complex_vector -> complex_vector",
    ),
    row(
        "block",
        "X, int, int, int, int -> X for X: matrix complex_matrix",
    ),
    row(
        "col",
        "matrix, int -> vector; complex_matrix, int -> complex_vector",
    ),
    row(
        "row",
        "matrix, int -> row_vector; complex_matrix, int -> complex_row_vector",
    ),
    row(
        "sub_col",
        "matrix, int, int, int -> vector; complex_matrix, int, int, int -> complex_vector",
    ),
    row(
        "sub_row",
        "matrix, int, int, int -> row_vector; complex_matrix, int, int, int -> complex_row_vector",
    ),
    row(
        "columns_dot_product",
        "X, X -> row_vector for X: vector row_vector matrix; \
         X, X -> complex_row_vector for X: complex_vector complex_row_vector complex_matrix",
    ),
    row(
        "columns_dot_self",
        "X -> row_vector for X: vector row_vector matrix; \
         X -> complex_row_vector for X: complex_vector complex_row_vector complex_matrix",
    ),
    row(
        "rows_dot_product",
        "X, X -> vector for X: vector row_vector matrix; \
         X, X -> complex_vector for X: complex_vector complex_row_vector complex_matrix",
    ),
    row(
        "rows_dot_self",
        "X -> vector for X: vector row_vector matrix; \
         X -> complex_vector for X: complex_vector complex_row_vector complex_matrix",
    ),
    row(
        "dot_product",
        "vector, X -> real for X: vector row_vector; row_vector, X -> real for X: vector row_vector; \
         real[], real[] -> real; complex[], complex[] -> complex; \
         complex_vector, X -> complex for X: complex_vector complex_row_vector; \
         complex_row_vector, X -> complex for X: complex_vector complex_row_vector",
    ),
    row(
        "dot_self",
        "X -> real for X: vector row_vector; X -> complex for X: complex_vector complex_row_vector",
    ),
    row(
        "distance",
        "vector, X -> real for X: vector row_vector; row_vector, X -> real for X: vector row_vector",
    ),
    row(
        "squared_distance",
        "vector, X -> real for X: vector row_vector; \
         row_vector, X -> real for X: vector row_vector; real, real -> real",
    ),
    row(
        "transpose",
        "vector -> row_vector; row_vector -> vector; matrix -> matrix; \
         complex_vector -> complex_row_vector; complex_row_vector -> complex_vector; \
         complex_matrix -> complex_matrix",
    ),
    row("trace", "matrix -> real; complex_matrix -> complex"),
    row("trace_dot", "matrix, matrix -> real"),
    row("trace_gen_quad_form", "matrix, matrix, matrix -> real"),
    row("trace_quad_form", "matrix, X -> real for X: vector matrix"),
    row(
        "quad_form quad_form_sym",
        "matrix, vector -> real; matrix, matrix -> matrix",
    ),
    row(
        "quad_form_diag",
        "matrix, X -> matrix for X: vector row_vector",
    ),
    row(
        "diag_post_multiply",
        "matrix, X -> matrix for X: vector row_vector; \
         complex_matrix, X -> complex_matrix for X: complex_vector complex_row_vector",
    ),
    row(
        "diag_pre_multiply",
        "X, matrix -> matrix for X: vector row_vector; \
         X, complex_matrix -> complex_matrix for X: complex_vector complex_row_vector",
    ),
    row(
        "diag_matrix",
        "vector -> matrix; complex_vector -> complex_matrix",
    ),
    row(
        "diagonal",
        "matrix -> vector; complex_matrix -> complex_vector",
    ),
    row("identity_matrix", "int -> matrix"),
    row(
        "symmetrize_from_lower_tri",
        "X -> X for X: matrix complex_matrix",
    ),
    row(
        "chol2inv cholesky_decompose crossprod tcrossprod generalized_inverse inverse inverse_spd \
         matrix_exp multiply_lower_tri_self_transpose qr_Q qr_R qr_thin_Q qr_thin_R",
        "matrix -> matrix",
    ),
    row("qr qr_thin", "matrix -> tuple(matrix, matrix)"),
    row(
        "determinant log_determinant log_determinant_spd",
        "matrix -> real",
    ),
    row("matrix_exp_multiply", "matrix, matrix -> matrix"),
    row(
        "scale_matrix_exp_multiply",
        "real, matrix, matrix -> matrix",
    ),
    row("matrix_power", "matrix, int -> matrix"),
    row(
        "mdivide_left mdivide_left_spd mdivide_left_tri_low",
        "matrix, X -> X for X: vector matrix",
    ),
    row(
        "mdivide_right",
        "X, matrix -> X for X: row_vector matrix; \
         X, complex_matrix -> X for X: complex_row_vector complex_matrix",
    ),
    row(
        "mdivide_right_spd mdivide_right_tri_low",
        "X, matrix -> X for X: row_vector matrix",
    ),
    row(
        "singular_values",
        "X -> vector for X: matrix complex_matrix",
    ),
    row(
        "svd",
        "X -> tuple(X, vector, X) for X: matrix complex_matrix",
    ),
    row("svd_U svd_V", "X -> X for X: matrix complex_matrix"),
    row(
        "eigenvalues_sym",
        "matrix -> vector; complex_matrix -> complex_vector",
    ),
    row("eigenvectors_sym", "X -> X for X: matrix complex_matrix"),
    row(
        "eigendecompose_sym",
        "matrix -> tuple(matrix, vector); complex_matrix -> tuple(complex_matrix, complex_vector)",
    ),
    row(
        "log_softmax softmax",
        "X -> X for X: vector row_vector; X[] -> X[] for X: vector row_vector",
    ),
    row(
        "csr_matrix_times_vector",
        "int, int, vector, int[], int[], vector -> vector",
    ),
    row(
        "csr_to_dense_matrix",
        "int, int, vector, int[], int[] -> matrix",
    ),
    row("csr_extract", "matrix -> tuple(vector, int[], int[])"),
    row("csr_extract_w", "matrix -> vector"),
    row("csr_extract_u csr_extract_v", "matrix -> int[]"),
    row(
        "gp_dot_prod_cov",
        "X[], real -> matrix for X: real vector; X[], X[], real -> matrix for X: real vector",
    ),
    row(
        "gp_exp_quad_cov gp_matern32_cov gp_matern52_cov gp_exponential_cov",
        KERNEL,
    ),
    row(
        "gp_periodic_cov",
        "X[], real, real, real -> matrix for X: real vector; \
         X[], X[], real, real, real -> matrix for X: real vector",
    ),
];
