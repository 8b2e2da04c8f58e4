//! Terms of densities of lists and matrices, and of regressions in one call.

use std::f64::consts::{LN_2, PI};

use elbo_graph::{Graph, NodeId, Shape, multivariate};
use elbo_math::linalg::{Cholesky, Matrix};
use elbo_math::special::{ln_gamma, ln_multigamma};

use super::{List, Term};

/// `log 2π / 2`
const LN_SQRT_2PI: f64 = 0.918_938_533_204_672_8;

type Lists<'a> = &'a [List];

pub(super) const ROWS: &[(&str, &[Term<List>])] = &[
    (
        "multi_normal",
        &[
            (&[], |a| -LN_SQRT_2PI * numbers(a)),
            (&[2], |a| -0.5 * rows(a) * log_det(&a[2])),
        ],
    ),
    (
        "multi_normal_prec",
        &[
            (&[], |a| -LN_SQRT_2PI * numbers(a)),
            (&[2], |a| 0.5 * rows(a) * log_det(&a[2])),
        ],
    ),
    (
        "multi_normal_cholesky",
        &[
            (&[], |a| -LN_SQRT_2PI * numbers(a)),
            (&[2], |a| -rows(a) * log_diagonal(&a[2])),
        ],
    ),
    (
        "multi_student_t",
        &[
            (&[], |a| -0.5 * PI.ln() * student_rows(a) * dimension(&a[3])),
            (&[1], student),
            (&[3], |a| -0.5 * student_rows(a) * log_det(&a[3])),
        ],
    ),
    (
        "multi_student_t_cholesky",
        &[
            (&[], |a| -0.5 * PI.ln() * student_rows(a) * dimension(&a[3])),
            (&[1], student),
            (&[3], |a| -student_rows(a) * log_diagonal(&a[3])),
        ],
    ),
    (
        "multi_gp",
        &[
            (&[], |a| -LN_SQRT_2PI * a[0].len() as f64),
            (&[1], |a| -0.5 * a[0].shape[0] as f64 * log_det(&a[1])),
            (&[2], |a| 0.5 * a[0].shape[1] as f64 * logs(&a[2].entries)),
        ],
    ),
    (
        "multi_gp_cholesky",
        &[
            (&[], |a| -LN_SQRT_2PI * a[0].len() as f64),
            (&[1], |a| -(a[0].shape[0] as f64) * log_diagonal(&a[1])),
            (&[2], |a| 0.5 * a[0].shape[1] as f64 * logs(&a[2].entries)),
        ],
    ),
    (
        "gaussian_dlm_obs",
        &[(&[], |a| -LN_SQRT_2PI * a[0].len() as f64)],
    ),
    ("lkj_corr", &[(&[1], |a| lkj(a[0].shape[0], &a[1]))]),
    (
        "lkj_corr_cholesky",
        &[(&[1], |a| lkj(a[0].shape[0], &a[1]))],
    ),
    (
        "lkj_cov",
        &[
            (&[0], |a| -0.5 * log_diagonal(&a[0])),
            (&[2], |a| {
                let each = dimension(&a[0]) / a[2].len() as f64;
                -each * logs(&a[2].entries)
            }),
            (&[0, 1, 2], |a| {
                let k = a[0].shape[0];
                let one = |i: usize| {
                    let at = |list: &List| list.entries[i.min(list.len() - 1)];
                    let log_sd = 0.5 * a[0].entries[i * k + i].ln();
                    -LN_SQRT_2PI - 0.5 * ((log_sd - at(&a[1])) / at(&a[2])).powi(2)
                };
                (0..k).map(one).sum()
            }),
            (&[3], |a| lkj(a[0].shape[0], &a[3])),
            (&[0, 3], |a| {
                (a[3].entries[0] - 1.0) * (log_det(&a[0]) - log_diagonal(&a[0]))
            }),
        ],
    ),
    (
        "wishart",
        &[
            (&[1], |a| wishart(a, 0.0)),
            (&[1, 2], |a| -0.5 * a[1].entries[0] * log_det(&a[2])),
            (&[0, 1], |a| {
                0.5 * (a[1].entries[0] - dimension(&a[0]) - 1.0) * log_det(&a[0])
            }),
        ],
    ),
    (
        "inv_wishart",
        &[
            (&[1], |a| wishart(a, 0.0)),
            (&[1, 2], |a| 0.5 * a[1].entries[0] * log_det(&a[2])),
            (&[0, 1], |a| {
                -0.5 * (a[1].entries[0] + dimension(&a[0]) + 1.0) * log_det(&a[0])
            }),
        ],
    ),
    ("wishart_cholesky", &[(&[1], |a| wishart(a, 1.0))]),
    ("inv_wishart_cholesky", &[(&[1], |a| wishart(a, 1.0))]),
    (
        "dirichlet",
        &[(&[1], |a| {
            let n = a[0].rows().max(a[1].rows());
            let one = |i: usize| {
                let alpha = a[1].row(i.min(a[1].rows() - 1));
                let gammas = alpha.iter().copied().map(ln_gamma);
                ln_gamma(alpha.iter().sum()) - gammas.sum::<f64>()
            };
            (0..n).map(one).sum()
        })],
    ),
    (
        // What is left are beta functions, log B(α, n), of counts that are not 0.
        "dirichlet_multinomial",
        &[(&[], |a| {
            let counts = || a[0].entries.iter().copied().filter(|n| *n > 0.0);
            let n: f64 = counts().sum();
            if n == 0.0 {
                return 0.0;
            }
            n.ln() - counts().map(f64::ln).sum::<f64>()
        })],
    ),
    ("multinomial", &[(&[], |a| orders(&a[0]))]),
    ("multinomial_logit", &[(&[], |a| orders(&a[0]))]),
    (
        "normal_id_glm",
        &[
            (&[], |a| -LN_SQRT_2PI * cases(a, 1) as f64),
            (&[4], |a| {
                -(cases(a, 1) as f64) / a[4].len() as f64 * logs(&a[4].entries)
            }),
        ],
    ),
    (
        "binomial_logit_glm",
        &[(&[], |a| {
            let n = a[0].len().max(a[1].len());
            let at = |list: &List, i: usize| list.entries[i.min(list.len() - 1)];
            let one = |i: usize| {
                let (y, trials) = (at(&a[0], i), at(&a[1], i));
                ln_gamma(trials + 1.0) - ln_gamma(y + 1.0) - ln_gamma(trials - y + 1.0)
            };
            cases(a, 2) as f64 / n as f64 * (0..n).map(one).sum::<f64>()
        })],
    ),
    ("poisson_log_glm", &[(&[], |a| -factorials(a))]),
    (
        "neg_binomial_2_log_glm",
        &[
            (&[], |a| -factorials(a)),
            (&[4], |a| {
                let n = cases(a, 1);
                let one = |i: usize| {
                    let phi = a[4].entries[i.min(a[4].len() - 1)];
                    let y = a[0].entries[i.min(a[0].len() - 1)];
                    phi * phi.ln() - ln_gamma(phi) + ln_gamma(y + phi)
                };
                (0..n).map(one).sum()
            }),
            (&[1, 2, 3], |a| {
                let n = cases(a, 1);
                let one = |i: usize| {
                    let x = a[1].row(i.min(a[1].rows() - 1));
                    let slope = |k: usize| a[3].entries[k.min(a[3].len() - 1)];
                    let along = x.iter().enumerate().map(|(k, x)| x * slope(k));
                    let intercept = a[2].entries[i.min(a[2].len() - 1)];
                    a[0].entries[i.min(a[0].len() - 1)] * (intercept + along.sum::<f64>())
                };
                (0..n).map(one).sum()
            }),
        ],
    ),
];

/// How many variables a normal density has, as a number.
fn rows(a: Lists<'_>) -> f64 {
    a[0].rows().max(a[1].rows()) as f64
}

fn student_rows(a: Lists<'_>) -> f64 {
    a[0].rows().max(a[2].rows()) as f64
}

fn dimension(a: &List) -> f64 {
    a.shape[0] as f64
}

/// How many numbers a normal density has.
fn numbers(a: Lists<'_>) -> f64 {
    rows(a) * dimension(&a[2])
}

/// What depends on the degrees of freedom.
fn student(a: Lists<'_>) -> f64 {
    let (nu, k) = (a[1].entries[0], dimension(&a[3]));
    let one = ln_gamma(0.5 * (nu + k)) - ln_gamma(0.5 * nu) - 0.5 * k * nu.ln();
    student_rows(a) * one
}

/// Rows of a regression whose matrix is argument `design`.
fn cases(a: Lists<'_>, design: usize) -> usize {
    let rows = if a[design].shape.len() == 2 {
        a[design].shape[0]
    } else {
        1
    };
    let others = a.iter().enumerate();
    let others = others.filter(|(i, _)| *i != design && *i != design + 2);
    others.map(|(_, list)| list.len()).fold(rows, usize::max)
}

fn factorials(a: Lists<'_>) -> f64 {
    let sum: f64 = a[0].entries.iter().map(|y| ln_gamma(y + 1.0)).sum();
    cases(a, 1) as f64 / a[0].len() as f64 * sum
}

/// In how many orders counts come about, as a logarithm.
fn orders(counts: &List) -> f64 {
    let n: f64 = counts.entries.iter().sum();
    let each = counts.entries.iter().map(|k| ln_gamma(k + 1.0));
    ln_gamma(n + 1.0) - each.sum::<f64>()
}

fn logs(entries: &[f64]) -> f64 {
    entries.iter().map(|x| x.ln()).sum()
}

/// The log determinant of a covariance matrix; NaN if it is none.
fn log_det(a: &List) -> f64 {
    let n = a.shape[0];
    let matrix = Matrix::from_vec(n, n, a.entries.clone());
    Cholesky::new(&matrix).map_or(f64::NAN, |factor| factor.log_det())
}

/// The sum of the logarithms on the diagonal: a triangular matrix's log determinant.
fn log_diagonal(a: &List) -> f64 {
    let n = a.shape[0];
    (0..n).map(|i| a.entries[i * n + i].ln()).sum()
}

/// `−ν d/2 log 2 − log Γ_d(ν/2)`, and `d log 2` for a factor.
fn wishart(a: Lists<'_>, of_factor: f64) -> f64 {
    let (nu, d) = (a[1].entries[0], a[0].shape[0]);
    (of_factor - 0.5 * nu) * d as f64 * LN_2 - ln_multigamma(d, 0.5 * nu)
}

/// The normaliser, which is the density where nothing is correlated.
fn lkj(n: usize, eta: &List) -> f64 {
    let mut graph = Graph::new();
    let unit = Matrix::identity(n).into_vec();
    let unit: NodeId = graph.constant(unit, Shape::matrix(n, n));
    let eta = graph.constant(eta.entries.clone(), Shape::SCALAR);
    let density = multivariate::lkj_corr(&mut graph, unit, eta);
    graph.known(density).map_or(f64::NAN, |known| known[0])
}
