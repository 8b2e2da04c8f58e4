//! Functions of numbers, applied element by element to containers, and the operators on numbers.

use super::{Row, row};

/// One argument of any shape; ints become reals.
const ELEMENTWISE: &str = "X[d] -> real(X)[d] for X: int real vector row_vector matrix";

/// The same, with complex numbers one by one.
const ELEMENTWISE_OR_COMPLEX: &str =
    "X[d] -> real(X)[d] for X: int real vector row_vector matrix; complex -> complex";

/// Two arguments of the same shape, or one of them a number.
const PAIRWISE: &str = "scalar, scalar -> real; \
     X[d+1], X[d+1] -> real[d+1] for X: int real; \
     X[d], X[d] -> X[d] for X: vector row_vector matrix; \
     X[d+1], scalar -> real[d+1] for X: int real; \
     X[d], scalar -> X[d] for X: vector row_vector matrix; \
     scalar, X[d+1] -> real[d+1] for X: int real; \
     scalar, X[d] -> X[d] for X: vector row_vector matrix";

/// Like [`PAIRWISE`], of reals only.
const PAIRWISE_REAL: &str = "real, real -> real; \
     X[d], X[d] -> X[d] for X: vector row_vector matrix; \
     X[d], real -> X[d] for X: vector row_vector matrix; \
     real, X[d] -> X[d] for X: vector row_vector matrix; \
     real[d+1], real[d+1] -> real[d+1]; real[d+1], real -> real[d+1]; \
     real, real[d+1] -> real[d+1]";

/// An int, or an array of ints of the other's shape, and reals.
const INT_REAL: &str = "int, real[d] -> real[d]; \
     int, X[d] -> X[d] for X: vector row_vector matrix; \
     int[d+1], real -> real[d+1]; int[d+1], real[d+1] -> real[d+1]; \
     int[d+1], X[d] -> X[d] for X: vector row_vector; int[d+2], matrix[d] -> matrix[d]";

/// The same the other way round.
const REAL_INT: &str = "real[d], int -> real[d]; \
     X[d], int -> X[d] for X: vector row_vector matrix; \
     real, int[d+1] -> real[d+1]; real[d+1], int[d+1] -> real[d+1]; \
     X[d], int[d+1] -> X[d] for X: vector row_vector; matrix[d], int[d+2] -> matrix[d]";

const INT_INT: &str = "int[d], int -> int[d]; int, int[d+1] -> int[d+1]; \
     int[d+1], int[d+1] -> int[d+1]";

pub(super) const ROWS: &[Row] = &[
    row(
        "cbrt ceil digamma erf erfc exp2 expm1 floor inv inv_cloglog inv_erfc inv_logit inv_Phi \
         inv_sqrt inv_square lambert_w0 lambert_wm1 lgamma log1m log1m_exp log1m_inv_logit log1p \
         log1p_exp log2 log_inv_logit logit Phi Phi_approx round square std_normal_qf \
         std_normal_log_qf tgamma trunc trigamma",
        ELEMENTWISE,
    ),
    row(
        "acos acosh asin asinh atan atanh cos cosh exp log log10 sin sinh sqrt tan tanh",
        ELEMENTWISE_OR_COMPLEX,
    ),
    row(
        "abs",
        "X[d] -> X[d] for X: int real vector row_vector matrix; \
         X[d] -> real(X)[d] for X: complex complex_vector complex_row_vector complex_matrix",
    ),
    row(
        "minus",
        "X[d] -> X[d] for X: int real vector row_vector matrix \
         complex complex_vector complex_row_vector complex_matrix",
    ),
    row(
        "plus",
        "X -> X for X: int real complex vector row_vector matrix",
    ),
    row("step", "real -> real"),
    row("int_step", "X -> int for X: real int"),
    row("is_inf is_nan", "real -> int"),
    row(
        "atan2 beta fdim fmax fmin fmod hypot lbeta lchoose lmultiply log_diff_exp \
         log_falling_factorial log_inv_logit_diff log_modified_bessel_first_kind \
         log_rising_factorial log_sum_exp pow",
        PAIRWISE,
    ),
    row(
        "pow",
        "complex, complex -> complex; \
         complex[d+1], complex[d+1] -> complex[d+1]; complex[d+1], complex -> complex[d+1]; \
         complex, complex[d+1] -> complex[d+1]; \
         X[d], X[d] -> X[d] for X: complex_vector complex_row_vector complex_matrix; \
         X[d], complex -> X[d] for X: complex_vector complex_row_vector complex_matrix; \
         complex, X[d] -> X[d] for X: complex_vector complex_row_vector complex_matrix",
    ),
    row("gamma_p gamma_q owens_t", PAIRWISE_REAL),
    row(
        "bessel_first_kind bessel_second_kind binary_log_loss lmgamma \
         modified_bessel_first_kind modified_bessel_second_kind",
        INT_REAL,
    ),
    row("ldexp falling_factorial rising_factorial", REAL_INT),
    row("choose falling_factorial rising_factorial", INT_INT),
    row("student_t_qf", "reals, reals, reals, reals -> each(real)"),
    row("hypergeometric_1F0", "real, real -> real"),
    row("hypergeometric_2F1", "real, real, real, real -> real"),
    row(
        "hypergeometric_3F2 hypergeometric_pFq",
        "list, list, real -> real",
    ),
    row("inc_beta inv_inc_beta", "real, real, real -> real"),
    row(
        "fma",
        "real, real, real -> real; \
         X, X, X -> X for X: vector row_vector matrix; \
         X, X, real -> X for X: vector row_vector matrix; \
         X, real, X -> X for X: vector row_vector matrix; \
         X, real, real -> X for X: vector row_vector matrix; \
         real, X, X -> X for X: vector row_vector matrix; \
         real, X, real -> X for X: vector row_vector matrix; \
         real, real, X -> X for X: vector row_vector matrix",
    ),
    row(
        "log_mix",
        "real, real, real -> real; list, list -> real; list, X[] -> real for X: vector row_vector",
    ),
    row(
        "log_sum_exp",
        "X -> real for X: vector row_vector matrix; real[] -> real",
    ),
    row("logical_and logical_or modulus", "int, int -> int"),
    row("logical_negation", "int -> int"),
    row(
        "logical_lt logical_lte logical_gt logical_gte",
        "scalar, scalar -> int",
    ),
    row(
        "logical_eq logical_neq",
        "scalar, scalar -> int; complex, real -> int; complex, complex -> int",
    ),
    row(
        "e log10 log2 machine_precision negative_infinity not_a_number pi positive_infinity sqrt2",
        "-> real",
    ),
    row("to_int", "data X[d] -> int[d] for X: real int"),
];
