//! Probability functions whose arguments fit no row of the distributions.

use super::{Row, row};

pub(super) const ROWS: &[Row] = &[
    row(
        "bernoulli_logit_glm_lpmf poisson_log_glm_lpmf",
        "ints, matrix, vector, vector -> real; int[], row_vector, real, vector -> real; \
         int[], row_vector, vector, vector -> real",
    ),
    row(
        "binomial_logit_glm_lpmf",
        "int[], int[], matrix, vector, vector -> real; int, int, matrix, vector, vector -> real; \
         int[], int[], row_vector, real, vector -> real; \
         int[], int[], row_vector, vector, vector -> real",
    ),
    row(
        "categorical_logit_glm_lpmf",
        "ints, row_vector, vector, matrix -> real",
    ),
    row(
        "ordered_logistic_glm_lpmf",
        "ints, row_vector, vector, vector -> real",
    ),
    row(
        "neg_binomial_2_log_glm_lpmf",
        "ints, matrix, vector, vector, real -> real; int[], row_vector, real, vector, real -> real; \
         int[], row_vector, vector, vector, real -> real",
    ),
    row(
        "normal_id_glm_lpdf",
        "vector, matrix, vector, vector, real -> real; real, matrix, real, vector, real -> real; \
         real, matrix, vector, vector, real -> real; real, matrix, real, vector, vector -> real; \
         real, matrix, vector, vector, vector -> real; \
         vector, row_vector, real, vector, vector -> real; \
         vector, row_vector, vector, vector, real -> real; \
         vector, row_vector, vector, vector, vector -> real; \
         vector, row_vector, real, vector, real -> real; \
         vector, matrix, real, vector, vector -> real; \
         vector, matrix, vector, vector, vector -> real",
    ),
    row(
        "ordered_logistic_lpmf",
        "int[], vector, vector -> real; int[], vector, vector[] -> real",
    ),
    row(
        "ordered_probit_lpmf",
        "int[], real, vector -> real; int[], real, vector[] -> real; \
         int[], vector, vector -> real; int[], vector, vector[] -> real",
    ),
    row(
        "gaussian_dlm_obs_lpdf",
        "matrix, matrix, matrix, vector, matrix, vector, matrix -> real",
    ),
    row(
        "wiener_lpdf",
        "X, X, X, X, X, X -> real for X: real vector; \
         X, X, X, X, X, X, data real -> real for X: real vector; \
         X, X, X, X, X, X, X, X -> real for X: real vector; \
         X, X, X, X, X, X, X, X, data real -> real for X: real vector",
    ),
    row(
        "wiener_lcdf_unnorm wiener_lccdf_unnorm",
        "X, X, X, X, X -> real for X: real vector; \
         X, X, X, X, X, data real -> real for X: real vector; \
         X, X, X, X, X, X, X, X -> real for X: real vector; \
         X, X, X, X, X, X, X, X, data real -> real for X: real vector",
    ),
    row("hmm_marginal", "matrix, matrix, vector -> real"),
    row(
        "hmm_hidden_state_prob",
        "data matrix, data matrix, data vector -> matrix",
    ),
    row("hmm_latent_rng", "matrix, matrix, vector -> int[]"),
    row(
        "bernoulli_logit_glm_rng",
        "matrix, vector, vector -> int[]; row_vector, vector, vector -> int[]",
    ),
    row("beta_proportion_rng", "reals, numbers -> draws(real)"),
    row("categorical_rng categorical_logit_rng", "vector -> int"),
    row("dirichlet_rng", "vector -> vector"),
    row(
        "dirichlet_multinomial_rng multinomial_rng multinomial_logit_rng",
        "vector, int -> int[]",
    ),
    row(
        "inv_wishart_rng inv_wishart_cholesky_rng",
        "real, matrix -> matrix",
    ),
    row("wishart_rng wishart_cholesky_rng", "real, matrix -> matrix"),
    row("lkj_corr_rng lkj_corr_cholesky_rng", "int, real -> matrix"),
    row(
        "multi_normal_rng multi_normal_cholesky_rng",
        "X, matrix -> vector for X: vector row_vector; \
         X[], matrix -> vector[] for X: vector row_vector",
    ),
    row(
        "multi_student_t_rng multi_student_t_cholesky_rng",
        "real, X, matrix -> vector for X: vector row_vector; \
         real, X[], matrix -> vector[] for X: vector row_vector",
    ),
    row(
        "ordered_logistic_rng ordered_probit_rng",
        "real, vector -> int",
    ),
];
