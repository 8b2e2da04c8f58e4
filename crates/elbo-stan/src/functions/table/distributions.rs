//! Distributions: one row for the density, the cumulative functions and the generator of each.
//!
//! The generator takes what follows the variate, every `reals` also as ints, and returns draws of the
//! variate's kind.

use super::{Distribution, family};

const PDF: &str = "lpdf cdf lcdf lccdf rng";
const PMF: &str = "lpmf cdf lcdf lccdf rng";

pub(crate) const DISTRIBUTIONS: &[Distribution] = &[
    // Binary and bounded discrete.
    family("bernoulli", "ints, reals", PMF),
    family("bernoulli_logit", "ints, reals", "lpmf rng"),
    family("bernoulli_logit_glm", "ints, matrix, real, vector", "lpmf"),
    family("binomial", "ints, ints, reals", PMF),
    family("binomial_logit", "ints, ints, reals", "lpmf"),
    family(
        "binomial_logit_glm",
        "ints, ints, matrix, real, vector",
        "lpmf",
    ),
    family("beta_binomial", "ints, ints, reals, reals", PMF),
    family("categorical", "ints, vector", "lpmf"),
    family("categorical_logit", "ints, vector", "lpmf"),
    family(
        "categorical_logit_glm",
        "ints, matrix, vector, matrix",
        "lpmf",
    ),
    family("discrete_range", "ints, ints, ints", PMF),
    family("hypergeometric", "int, int, int, int", "lpmf rng"),
    family("ordered_logistic", "int, real, vector", "lpmf"),
    family(
        "ordered_logistic_glm",
        "ints, matrix, vector, vector",
        "lpmf",
    ),
    family("ordered_probit", "int, real, vector", "lpmf"),
    // Unbounded discrete.
    family("beta_neg_binomial", "ints, reals, reals, reals", PMF),
    family("neg_binomial", "ints, reals, reals", PMF),
    family("neg_binomial_2", "ints, reals, reals", PMF),
    family("neg_binomial_2_log", "ints, reals, reals", "lpmf rng"),
    family(
        "neg_binomial_2_log_glm",
        "ints, matrix, real, vector, real",
        "lpmf",
    ),
    family("poisson", "ints, reals", PMF),
    family("poisson_log", "ints, reals", "lpmf rng"),
    family("poisson_log_glm", "ints, matrix, real, vector", "lpmf"),
    family("yule_simon", "ints, reals", PMF),
    // Multivariate discrete.
    family("dirichlet_multinomial", "int[], vector", "lpmf"),
    family("multinomial", "int[], vector", "lpmf"),
    family("multinomial_logit", "int[], vector", "lpmf"),
    // The real line.
    family("normal", "reals, reals, reals", PDF),
    family("std_normal", "reals", PDF),
    family(
        "normal_id_glm",
        "vector, matrix, real, vector, real",
        "lpdf",
    ),
    family("exp_mod_normal", "reals, reals, reals, reals", PDF),
    family("skew_normal", "reals, reals, reals, reals", PDF),
    family("student_t", "reals, reals, reals, reals", PDF),
    family("cauchy", "reals, reals, reals", PDF),
    family("double_exponential", "reals, reals, reals", PDF),
    family("logistic", "reals, reals, reals", PDF),
    family("gumbel", "reals, reals, reals", PDF),
    family("skew_double_exponential", "reals, reals, reals, reals", PDF),
    // Positive numbers.
    family("lognormal", "reals, reals, reals", PDF),
    family("chi_square", "reals, reals", PDF),
    family("inv_chi_square", "reals, reals", PDF),
    family("scaled_inv_chi_square", "reals, reals, reals", PDF),
    family("exponential", "reals, reals", PDF),
    family("gamma", "reals, reals, reals", PDF),
    family("inv_gamma", "reals, reals, reals", PDF),
    family("weibull", "reals, reals, reals", PDF),
    family("frechet", "reals, reals, reals", PDF),
    family("rayleigh", "reals, reals", PDF),
    family("loglogistic", "reals, reals, reals", "lpdf cdf rng"),
    family("pareto", "reals, reals, reals", PDF),
    family("pareto_type_2", "reals, reals, reals, reals", PDF),
    family("wiener", "reals, reals, reals, reals, reals", "lpdf"),
    // Intervals and the circle.
    family("beta", "reals, reals, reals", PDF),
    family(
        "beta_proportion",
        "reals, reals, numbers",
        "lpdf lcdf lccdf",
    ),
    family("uniform", "reals, reals, reals", PDF),
    family("von_mises", "reals, reals, reals", PDF),
    // Vectors and matrices.
    family("multi_normal", "vectors, vectors, matrix", "lpdf"),
    family("multi_normal_prec", "vectors, vectors, matrix", "lpdf"),
    family("multi_normal_cholesky", "vectors, vectors, matrix", "lpdf"),
    family("multi_gp", "matrix, matrix, vector", "lpdf"),
    family("multi_gp_cholesky", "matrix, matrix, vector", "lpdf"),
    family("multi_student_t", "vectors, real, vectors, matrix", "lpdf"),
    family(
        "multi_student_t_cholesky",
        "vectors, real, vectors, matrix",
        "lpdf",
    ),
    family(
        "gaussian_dlm_obs",
        "matrix, matrix, matrix, matrix, matrix, vector, matrix",
        "lpdf",
    ),
    family("dirichlet", "vectors, vectors", "lpdf"),
    family("lkj_corr", "matrix, real", "lpdf"),
    family("lkj_corr_cholesky", "matrix, real", "lpdf"),
    family("lkj_cov", "matrix, vector, vector, real", "lpdf"),
    family("wishart", "matrix, real, matrix", "lpdf"),
    family("wishart_cholesky", "matrix, real, matrix", "lpdf"),
    family("inv_wishart", "matrix, real, matrix", "lpdf"),
    family("inv_wishart_cholesky", "matrix, real, matrix", "lpdf"),
];
