//! Functions that make complex numbers, or only make sense for them.

use super::{Row, row};

const DECOMPOSED: &str = "X -> complex_matrix for X: matrix complex_matrix";

pub(super) const ROWS: &[Row] = &[
    row(
        "to_complex",
        "-> complex; real -> complex; real, real -> complex; \
         real[d+1], real[d+1] -> complex[d+1]; real[d+1], real -> complex[d+1]; \
         real, real[d+1] -> complex[d+1]; \
         X[d], X[d] -> complex(X)[d] for X: vector row_vector matrix; \
         X[d], real -> complex(X)[d] for X: vector row_vector matrix; \
         real, X[d] -> complex(X)[d] for X: vector row_vector matrix",
    ),
    row(
        "get_real get_imag",
        "X[d] -> real(X)[d] for X: complex complex_vector complex_row_vector complex_matrix",
    ),
    row(
        "conj",
        "X[d] -> X[d] for X: complex complex_vector complex_row_vector complex_matrix",
    ),
    row("arg norm", "complex -> real"),
    row("polar", "real, real -> complex"),
    row("proj", "complex -> complex"),
    row("fft inv_fft", "complex_vector -> complex_vector"),
    row("fft2 inv_fft2", "complex_matrix -> complex_matrix"),
    row(
        "eigenvectors complex_schur_decompose_t complex_schur_decompose_u",
        DECOMPOSED,
    ),
    row(
        "eigenvalues",
        "X -> complex_vector for X: matrix complex_matrix",
    ),
    row(
        "eigendecompose",
        "X -> tuple(complex_matrix, complex_vector) for X: matrix complex_matrix",
    ),
    row(
        "complex_schur_decompose",
        "X -> tuple(complex_matrix, complex_matrix) for X: matrix complex_matrix",
    ),
];
