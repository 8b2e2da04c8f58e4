//! Terms of densities of single numbers: arguments are counted from the variable, which is 0.

use std::f64::consts::{LN_2, PI};

use elbo_graph::{Graph, Shape};
use elbo_math::special::ln_gamma;

use super::Term;

/// `log √2π`
const LN_SQRT_2PI: f64 = 0.918_938_533_204_672_8;

/// The logarithm of a binomial coefficient.
fn ln_choose(n: f64, k: f64) -> f64 {
    ln_gamma(n + 1.0) - ln_gamma(k + 1.0) - ln_gamma(n - k + 1.0)
}

/// `log Γ(n + a) − log Γ(a) − log n!`
fn ln_rising(n: f64, a: f64) -> f64 {
    ln_gamma(n + a) - ln_gamma(a) - ln_gamma(n + 1.0)
}

/// `n log x`, 0 for no n
fn times_ln(n: f64, x: f64) -> f64 {
    if n == 0.0 { 0.0 } else { n * x.ln() }
}

/// What of a von Mises density depends on the concentration alone: at the mean it is `κ − log 2π I₀(κ)`.
fn von_mises(concentration: f64) -> f64 {
    let mut graph = Graph::new();
    let args = [0.0, 0.0, concentration].map(|x| graph.constant([x], Shape::SCALAR));
    let density = graph.log_density("von_mises", &args).ok();
    let at_mean = density.and_then(|node| graph.known(node).map(|known| known[0]));
    at_mean.map_or(f64::NAN, |x| x - concentration + (2.0 * PI).ln())
}

pub(super) const ROWS: &[(&str, &[Term<f64>])] = &[
    ("std_normal", &[(&[], |_| -LN_SQRT_2PI)]),
    ("normal", &[(&[], |_| -LN_SQRT_2PI), (&[2], |x| -x[2].ln())]),
    (
        // Stan keeps log √2π here.
        "lognormal",
        &[(&[2], |x| -x[2].ln()), (&[0], |x| -x[0].ln())],
    ),
    ("exp_mod_normal", &[(&[], |_| -LN_2), (&[3], |x| x[3].ln())]),
    (
        "skew_normal",
        &[
            (&[], |_| -LN_SQRT_2PI),
            (&[2], |x| -x[2].ln()),
            (&[0, 1, 2], |x| -0.5 * ((x[0] - x[1]) / x[2]).powi(2)),
        ],
    ),
    (
        "student_t",
        &[
            (&[], |_| -0.5 * PI.ln()),
            (&[1], |x| {
                ln_gamma(0.5 * x[1] + 0.5) - ln_gamma(0.5 * x[1]) - 0.5 * x[1].ln()
            }),
            (&[3], |x| -x[3].ln()),
        ],
    ),
    ("cauchy", &[(&[], |_| -PI.ln()), (&[2], |x| -x[2].ln())]),
    (
        "double_exponential",
        &[(&[], |_| -LN_2), (&[2], |x| -x[2].ln())],
    ),
    (
        "skew_double_exponential",
        &[
            (&[], |_| LN_2),
            (&[2], |x| -x[2].ln()),
            (&[3], |x| x[3].ln() + (-x[3]).ln_1p()),
        ],
    ),
    ("logistic", &[(&[2], |x| -x[2].ln())]),
    ("gumbel", &[(&[2], |x| -x[2].ln())]),
    (
        "chi_square",
        &[
            (&[1], |x| -0.5 * x[1] * LN_2 - ln_gamma(0.5 * x[1])),
            (&[0], |x| -0.5 * x[0]),
            (&[0, 1], |x| (0.5 * x[1] - 1.0) * x[0].ln()),
        ],
    ),
    (
        "inv_chi_square",
        &[
            (&[1], |x| -0.5 * x[1] * LN_2 - ln_gamma(0.5 * x[1])),
            (&[0], |x| -0.5 / x[0]),
            (&[0, 1], |x| -(0.5 * x[1] + 1.0) * x[0].ln()),
        ],
    ),
    (
        "scaled_inv_chi_square",
        &[
            (&[1], |x| {
                0.5 * x[1] * (0.5 * x[1]).ln() - ln_gamma(0.5 * x[1])
            }),
            (&[1, 2], |x| x[1] * x[2].ln()),
            (&[0, 1], |x| -(0.5 * x[1] + 1.0) * x[0].ln()),
        ],
    ),
    ("exponential", &[(&[1], |x| x[1].ln())]),
    (
        "gamma",
        &[
            (&[1], |x| -ln_gamma(x[1])),
            (&[1, 2], |x| x[1] * x[2].ln()),
            (&[0, 1], |x| (x[1] - 1.0) * x[0].ln()),
            (&[0, 2], |x| -x[2] * x[0]),
        ],
    ),
    (
        "inv_gamma",
        &[
            (&[1], |x| -ln_gamma(x[1])),
            (&[1, 2], |x| x[1] * x[2].ln()),
            (&[0, 1], |x| -(x[1] + 1.0) * x[0].ln()),
            (&[0, 2], |x| -x[2] / x[0]),
        ],
    ),
    (
        "weibull",
        &[
            (&[1], |x| x[1].ln()),
            (&[0, 1], |x| (x[1] - 1.0) * x[0].ln()),
            (&[1, 2], |x| -x[1] * x[2].ln()),
        ],
    ),
    (
        "frechet",
        &[
            (&[1], |x| x[1].ln()),
            (&[0, 1], |x| -(x[1] + 1.0) * x[0].ln()),
            (&[1, 2], |x| x[1] * x[2].ln()),
        ],
    ),
    (
        "rayleigh",
        &[(&[1], |x| -2.0 * x[1].ln()), (&[0], |x| x[0].ln())],
    ),
    (
        "loglogistic",
        &[(&[1, 2], |x| x[2].ln() - x[2] * x[1].ln())],
    ),
    (
        "pareto",
        &[
            (&[2], |x| x[2].ln()),
            (&[1, 2], |x| x[2] * x[1].ln()),
            (&[0, 2], |x| -(x[2] + 1.0) * x[0].ln()),
        ],
    ),
    (
        "pareto_type_2",
        &[(&[3], |x| x[3].ln()), (&[2], |x| -x[2].ln())],
    ),
    (
        "beta",
        &[
            (&[1], |x| -ln_gamma(x[1])),
            (&[2], |x| -ln_gamma(x[2])),
            (&[1, 2], |x| ln_gamma(x[1] + x[2])),
            (&[0, 1], |x| (x[1] - 1.0) * x[0].ln()),
            (&[0, 2], |x| (x[2] - 1.0) * (-x[0]).ln_1p()),
        ],
    ),
    (
        "beta_proportion",
        &[
            (&[2], |x| ln_gamma(x[2])),
            (&[1, 2], |x| {
                -ln_gamma(x[1] * x[2]) - ln_gamma(x[2] - x[1] * x[2])
            }),
        ],
    ),
    ("uniform", &[(&[1, 2], |x| -(x[2] - x[1]).ln())]),
    (
        "von_mises",
        &[(&[], |_| -(2.0 * PI).ln()), (&[2], |x| von_mises(x[2]))],
    ),
    ("binomial", &[(&[], |x| ln_choose(x[1], x[0]))]),
    ("binomial_logit", &[(&[], |x| ln_choose(x[1], x[0]))]),
    ("beta_binomial", &[(&[], |x| ln_choose(x[1], x[0]))]),
    ("neg_binomial", &[(&[1], |x| ln_rising(x[0], x[1]))]),
    (
        "neg_binomial_2",
        &[
            (&[2], |x| ln_rising(x[0], x[2])),
            (&[1], |x| times_ln(x[0], x[1])),
        ],
    ),
    (
        "neg_binomial_2_log",
        &[(&[2], |x| ln_rising(x[0], x[2])), (&[1], |x| x[0] * x[1])],
    ),
    ("poisson", &[(&[], |x| -ln_gamma(x[0] + 1.0))]),
    ("poisson_log", &[(&[], |x| -ln_gamma(x[0] + 1.0))]),
    ("beta_neg_binomial", &[(&[], |x| -ln_gamma(x[0] + 1.0))]),
    ("yule_simon", &[(&[], |x| ln_gamma(x[0]))]),
];
