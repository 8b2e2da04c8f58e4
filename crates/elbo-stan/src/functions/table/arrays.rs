//! Functions of containers as such: sizes, parts, order, sums, conversions, repetition.

use super::{Row, row};

pub(super) const ROWS: &[Row] = &[
    row("append_array", "X[d+1], X[d+1] -> X[d+1] for X: any"),
    row(
        "dims",
        "X -> int[] for X: int real complex vector row_vector matrix; X[d+1] -> int[] for X: any",
    ),
    row("size", "X[d] -> int for X: any"),
    row(
        "num_elements",
        "X[d+1] -> int for X: any; \
         X -> int for X: vector row_vector matrix complex_vector complex_row_vector complex_matrix",
    ),
    row(
        "rows cols",
        "X -> int for X: vector row_vector matrix complex_vector complex_row_vector complex_matrix",
    ),
    row(
        "head tail",
        "X, int -> X for X: vector row_vector complex_vector complex_row_vector; \
         X[d+1], int -> X[d+1] for X: any",
    ),
    row(
        "segment",
        "X, int, int -> X for X: vector row_vector complex_vector complex_row_vector; \
         X[d+1], int, int -> X[d+1] for X: any",
    ),
    row(
        "reverse",
        "X -> X for X: vector row_vector complex_vector complex_row_vector; \
         X[d+1] -> X[d+1] for X: any",
    ),
    row(
        "cumulative_sum",
        "X[] -> X[] for X: int real complex; \
         X -> X for X: vector row_vector complex_vector complex_row_vector",
    ),
    row(
        "sort_asc sort_desc",
        "X[] -> X[] for X: int real; X -> X for X: vector row_vector",
    ),
    row(
        "sort_indices_asc sort_indices_desc",
        "X[] -> int[] for X: int real; X -> int[] for X: vector row_vector",
    ),
    row(
        "rank",
        "X[], int -> int for X: int real; X, int -> int for X: vector row_vector",
    ),
    row(
        "sum prod",
        "X[] -> X for X: int real complex; X -> real for X: vector row_vector matrix; \
         X -> complex for X: complex_vector complex_row_vector complex_matrix",
    ),
    row(
        "max min",
        "X[] -> X for X: int real; X -> real for X: vector row_vector matrix; int, int -> int",
    ),
    row(
        "mean sd variance",
        "real[] -> real; X -> real for X: vector row_vector matrix",
    ),
    row("norm1 norm2", "list -> real"),
    row(
        "quantile",
        "data list, data real -> real; data list, data real[] -> real[]",
    ),
    row(
        "rep_array",
        "X[d], int -> X[d+1] for X: any; X[d], int, int -> X[d+2] for X: any; \
         X, int, int, int -> X[,,] for X: any; X[], int, int, int -> X[,,,] for X: any; \
         X[,], int, int, int -> X[,,,,] for X: any",
    ),
    row(
        "rep_matrix",
        "real, int, int -> matrix; X, int -> matrix for X: vector row_vector; \
         complex, int, int -> complex_matrix; \
         X, int -> complex_matrix for X: complex_vector complex_row_vector",
    ),
    row(
        "rep_vector",
        "real, int -> vector; complex, int -> complex_vector",
    ),
    row(
        "rep_row_vector",
        "real, int -> row_vector; complex, int -> complex_row_vector",
    ),
    row(
        "linspaced_int_array",
        "data int, data int, data int -> int[]",
    ),
    row(
        "linspaced_array",
        "data int, data real, data real -> real[]",
    ),
    row(
        "linspaced_vector",
        "data int, data real, data real -> vector",
    ),
    row(
        "linspaced_row_vector",
        "data int, data real, data real -> row_vector",
    ),
    row("one_hot_int_array", "int, int -> int[]"),
    row("one_hot_array", "int, int -> real[]"),
    row("one_hot_vector", "int, int -> vector"),
    row("one_hot_row_vector", "int, int -> row_vector"),
    row("ones_int_array zeros_int_array", "int -> int[]"),
    row("ones_array zeros_array", "int -> real[]"),
    row("ones_vector zeros_vector uniform_simplex", "int -> vector"),
    row("ones_row_vector zeros_row_vector", "int -> row_vector"),
    row(
        "to_array_1d",
        "X -> real[] for X: vector row_vector matrix; \
         X -> complex[] for X: complex_vector complex_row_vector complex_matrix; \
         X[d+1] -> X[] for X: int real",
    ),
    row(
        "to_array_2d",
        "matrix -> real[,]; complex_matrix -> complex[,]",
    ),
    row(
        "to_vector",
        "X -> vector for X: vector row_vector matrix; X[] -> vector for X: int real; \
         X -> complex_vector for X: complex_vector complex_row_vector complex_matrix; \
         complex[] -> complex_vector",
    ),
    row(
        "to_row_vector",
        "X -> row_vector for X: vector row_vector matrix; X[] -> row_vector for X: int real; \
         X -> complex_row_vector for X: complex_vector complex_row_vector complex_matrix; \
         complex[] -> complex_row_vector",
    ),
    row(
        "to_matrix",
        "X -> matrix for X: vector row_vector matrix; row_vector[] -> matrix; \
         X, int, int -> matrix for X: vector row_vector matrix; \
         X, int, int, int -> matrix for X: vector row_vector matrix; \
         X[,] -> matrix for X: int real; \
         X[], int, int -> matrix for X: int real; X[], int, int, int -> matrix for X: int real",
    ),
    row(
        "to_matrix",
        "X -> complex_matrix for X: complex_vector complex_row_vector complex_matrix; \
         complex_row_vector[] -> complex_matrix; \
         X, int, int -> complex_matrix for X: complex_vector complex_row_vector complex_matrix; \
         X, int, int, int -> complex_matrix \
         for X: complex_vector complex_row_vector complex_matrix; \
         complex[,] -> complex_matrix; \
         complex[], int, int -> complex_matrix; complex[], int, int, int -> complex_matrix",
    ),
    row(
        "generate_laplace_options",
        "X -> tuple(vector, real, int, int, int, int) for X: int vector",
    ),
];
