//! Draws of vectors, matrices and categories, and of counts that depend on them.

use elbo_dist::{
    Categorical, Dirichlet, Distribution, InverseWishart, Lkj, MultivariateNormal,
    MultivariateStudentT, Wishart,
};
use elbo_math::linalg::{Cholesky, Matrix, dot, matmul_nt};
use elbo_math::log_space::inv_logit;
use elbo_math::random::{Stream, categorical, standard_normal};

use super::super::matrices::{matrix, of};
use super::Domain::{Finite, Positive};
use super::continuous::standard_logistic;
use super::discrete::{bernoulli, binomial};
use super::{Arguments, Domain, Generator, Outcome, ints};
use crate::run::{Tensor, Value};
use crate::typed::Type;

/// How far an equality may be off, as for data.
const TOLERANCE: f64 = 1e-8;

/// Names without `_rng`.
pub(super) const ROWS: &[(&str, Generator)] = &[
    ("categorical", |a, r| {
        let theta = simplex(a, 0)?;
        Ok(category(categorical(r, &theta)))
    }),
    ("categorical_logit", |a, r| {
        let beta = entries(a, 0, "beta", Finite)?;
        Ok(category(log_weights(beta)?.sample(r)))
    }),
    ("ordered_logistic", |a, r| {
        ordered(a, |eta| eta + standard_logistic(r))
    }),
    ("ordered_probit", |a, r| {
        ordered(a, |eta| eta + standard_normal(r))
    }),
    ("bernoulli_logit_glm", bernoulli_logit_glm),
    ("multinomial", |a, r| {
        multinomial(&simplex(a, 0)?, a.size(1)?, r)
    }),
    ("multinomial_logit", |a, r| {
        let gamma = entries(a, 0, "gamma", Finite)?;
        multinomial(log_weights(gamma)?.probabilities(), a.size(1)?, r)
    }),
    ("dirichlet", |a, r| {
        Ok(Value::Reals(Tensor::list(dirichlet(a)?.sample(r))))
    }),
    ("dirichlet_multinomial", |a, r| {
        let theta = dirichlet(a)?.sample(r);
        multinomial(&theta, a.size(1)?, r)
    }),
    ("multi_normal", |a, r| multi_normal(a, false, r)),
    ("multi_normal_cholesky", |a, r| multi_normal(a, true, r)),
    ("multi_student_t", |a, r| multi_student_t(a, false, r)),
    ("multi_student_t_cholesky", |a, r| {
        multi_student_t(a, true, r)
    }),
    ("wishart", |a, r| Ok(of(&wishart(a, false)?.sample(r)))),
    ("wishart_cholesky", |a, r| {
        lower(&wishart(a, true)?.sample(r))
    }),
    ("inv_wishart", |a, r| {
        Ok(of(&inverse_wishart(a, false)?.sample(r)))
    }),
    ("inv_wishart_cholesky", |a, r| {
        lower(&inverse_wishart(a, true)?.sample(r))
    }),
    ("lkj_corr", |a, r| {
        let factor = lkj(a)?.sample_cholesky(r);
        let mut correlation = matmul_nt(&factor, &factor);
        for i in 0..correlation.rows() {
            correlation.row_mut(i)[i] = 1.0;
        }
        Ok(of(&correlation))
    }),
    ("lkj_corr_cholesky", |a, r| {
        Ok(of(&lkj(a)?.sample_cholesky(r)))
    }),
    ("hmm_latent", hmm_latent),
];

/// All numbers of an argument, each within its domain.
fn entries(a: &Arguments, i: usize, name: &str, domain: Domain) -> Result<Vec<f64>, String> {
    let t = a.reals(i)?;
    if t.entries().is_empty() {
        return Err(format!("{name} has no elements"));
    }
    domain.check_all(name, t.entries())?;
    Ok(t.entries().to_vec())
}

/// A vector of probabilities.
fn simplex(a: &Arguments, i: usize) -> Result<Vec<f64>, String> {
    let theta = entries(a, i, "theta", Domain::Probability)?;
    let sum: f64 = theta.iter().sum();
    if (sum - 1.0).abs() > TOLERANCE {
        return Err(format!("theta sums to {sum}, and must sum to 1"));
    }
    Ok(theta)
}

/// Categories count from 1.
fn category(from_zero: usize) -> Value {
    // A vector of as many elements as an int can count is beyond every limit on memory.
    Value::int(i32::try_from(from_zero + 1).unwrap_or(i32::MAX))
}

fn log_weights(weights: Vec<f64>) -> Result<Categorical, String> {
    Categorical::from_log_weights(weights).map_err(|error| error.to_string())
}

/// The number of cut points below a latent variable, and one.
fn ordered(a: &Arguments, latent: impl FnOnce(f64) -> f64) -> Outcome {
    let eta = a.real(0)?;
    Finite.check("eta", None, eta)?;
    let cuts = entries(a, 1, "c", Finite)?;
    if let Some(i) = cuts.windows(2).position(|pair| pair[1] <= pair[0]) {
        return Err(format!(
            "c is not ascending: c[{}] is {} and the next {}",
            i + 1,
            cuts[i],
            cuts[i + 1]
        ));
    }
    let latent = latent(eta);
    Ok(category(cuts.iter().filter(|cut| latent > **cut).count()))
}

fn bernoulli_logit_glm(a: &Arguments, random: &mut Stream) -> Outcome {
    let x = matrix(a, 0)?;
    let (alpha, beta) = (a.reals(1)?, a.reals(2)?);
    Finite.check_all("x", x.as_slice())?;
    Finite.check_all("alpha", alpha.entries())?;
    Finite.check_all("beta", beta.entries())?;
    if beta.entries().len() != x.cols() {
        return Err(format!(
            "x has {} columns and beta has {} elements",
            x.cols(),
            beta.entries().len()
        ));
    }
    // One row goes with every intercept, and one intercept with every row.
    let (rows, intercepts) = (x.rows(), alpha.entries().len());
    let single_row = matches!(a.types[0], Type::RowVector);
    let single_intercept = alpha.shape().is_empty();
    if !single_row && !single_intercept && rows != intercepts {
        return Err(format!(
            "x has {rows} rows and alpha has {intercepts} elements"
        ));
    }
    let n = if single_row { intercepts } else { rows };
    let draws: Vec<f64> = (0..n)
        .map(|i| {
            let row = x.row(if single_row { 0 } else { i });
            let alpha = alpha.entries()[if single_intercept { 0 } else { i }];
            bernoulli(inv_logit(alpha + dot(row, beta.entries())), random)
        })
        .collect();
    Ok(Value::Ints(Tensor::list(ints(&draws))))
}

/// Counts of `n` draws: each category's is binomial among what the earlier ones have left.
fn multinomial(theta: &[f64], n: usize, random: &mut Stream) -> Outcome {
    let (mut left, mut mass) = (n as f64, 1.0_f64);
    let mut counts = Vec::with_capacity(theta.len());
    let last = theta.iter().rposition(|p| *p > 0.0);
    for (k, &p) in theta.iter().enumerate() {
        let count = if Some(k) == last {
            left
        } else {
            binomial(left, (p / mass).clamp(0.0, 1.0), random)?
        };
        counts.push(count);
        left -= count;
        mass = (mass - p).max(0.0);
    }
    Ok(Value::Ints(Tensor::list(ints(&counts))))
}

fn dirichlet(a: &Arguments) -> Result<Dirichlet, String> {
    let alpha = entries(a, 0, "alpha", Positive)?;
    Dirichlet::new(alpha).map_err(|error| error.to_string())
}

/// A square matrix, as itself or as its lower factor.
fn factor(a: &Arguments, i: usize, name: &str, given_factor: bool) -> Result<Cholesky, String> {
    let m = matrix(a, i)?;
    if m.rows() != m.cols() {
        return Err(format!("{name} is {} × {}", m.rows(), m.cols()));
    }
    Finite.check_all(name, m.as_slice())?;
    if given_factor {
        return match Cholesky::from_lower(lower_triangle(&m)) {
            Ok(factor) => Ok(factor),
            Err(_) => Err(format!("{name} has a diagonal that is not positive")),
        };
    }
    for i in 0..m.rows() {
        if let Some(j) = (0..i).find(|&j| (m.row(i)[j] - m.row(j)[i]).abs() > TOLERANCE) {
            return Err(format!(
                "{name} is not symmetric: [{}, {}] is {} and its mirror image {}",
                i + 1,
                j + 1,
                m.row(i)[j],
                m.row(j)[i]
            ));
        }
    }
    Cholesky::new(&m).map_err(|_| format!("{name} is not positive definite"))
}

fn lower_triangle(m: &Matrix) -> Matrix {
    Matrix::from_fn(
        m.rows(),
        m.cols(),
        |i, j| if j <= i { m.row(i)[j] } else { 0.0 },
    )
}

/// The lower factor of a draw.
fn lower(draw: &Matrix) -> Outcome {
    match Cholesky::new(draw) {
        Ok(factor) => Ok(of(factor.lower())),
        Err(_) => Err("the draw is singular to machine precision".to_owned()),
    }
}

/// One location or several, each with a draw.
fn each_location(
    a: &Arguments,
    i: usize,
    dim: usize,
    mut draw: impl FnMut(Vec<f64>) -> Result<Vec<f64>, String>,
) -> Outcome {
    let mu = a.reals(i)?;
    Finite.check_all("mu", mu.entries())?;
    let length = mu.shape().last().copied().unwrap_or(0);
    if length != dim && !mu.entries().is_empty() {
        return Err(format!(
            "mu has {length} elements, and the matrix is {dim} × {dim}"
        ));
    }
    let mut draws = Vec::with_capacity(mu.entries().len());
    for location in mu.entries().chunks(dim.max(1)) {
        draws.extend(draw(location.to_vec())?);
    }
    Ok(Value::Reals(Tensor::new(mu.shape().to_vec(), draws)))
}

fn multi_normal(a: &Arguments, given_factor: bool, random: &mut Stream) -> Outcome {
    let name = if given_factor { "L" } else { "Sigma" };
    let factor = factor(a, 1, name, given_factor)?;
    each_location(a, 0, factor.dim(), |mu| {
        let normal = MultivariateNormal::from_covariance_cholesky(mu, factor.clone());
        Ok(normal.map_err(|error| error.to_string())?.sample(random))
    })
}

fn multi_student_t(a: &Arguments, given_factor: bool, random: &mut Stream) -> Outcome {
    let name = if given_factor { "L" } else { "Sigma" };
    let nu = a.real(0)?;
    Positive.check("nu", None, nu)?;
    let factor = factor(a, 2, name, given_factor)?;
    each_location(a, 1, factor.dim(), |mu| {
        let t = MultivariateStudentT::from_scale_cholesky(nu, mu, factor.clone());
        Ok(t.map_err(|error| error.to_string())?.sample(random))
    })
}

/// Degrees of freedom and the matrix behind them.
fn freedom(a: &Arguments, given_factor: bool) -> Result<(f64, Matrix), String> {
    let nu = a.real(0)?;
    let factor = factor(a, 1, if given_factor { "L_S" } else { "S" }, given_factor)?;
    if factor.dim() == 0 {
        return Err("the matrix has no rows".to_owned());
    }
    if !(nu > factor.dim() as f64 - 1.0 && nu.is_finite()) {
        return Err(format!(
            "nu is {nu}, and must be greater than {} and finite",
            factor.dim() - 1
        ));
    }
    Ok((nu, factor.reconstruct()))
}

fn wishart(a: &Arguments, given_factor: bool) -> Result<Wishart, String> {
    let (nu, scale) = freedom(a, given_factor)?;
    Wishart::new(nu, &scale).map_err(|error| error.to_string())
}

fn inverse_wishart(a: &Arguments, given_factor: bool) -> Result<InverseWishart, String> {
    let (nu, scale) = freedom(a, given_factor)?;
    InverseWishart::new(nu, scale).map_err(|error| error.to_string())
}

fn lkj(a: &Arguments) -> Result<Lkj, String> {
    let (dim, eta) = (a.size(0)?, a.real(1)?);
    if dim == 0 {
        return Err("K is 0, and must be positive".to_owned());
    }
    Positive.check("eta", None, eta)?;
    a.allowed(vec![dim, dim])?;
    Lkj::new(dim, eta).map_err(|error| error.to_string())
}

/// Hidden states given all observations: the forward probabilities, then states drawn backward
/// `[@stan2026functions, hidden Markov models]`. `log_omega[k, n]` is the log density of observation
/// `n` in state `k`.
fn hmm_latent(a: &Arguments, random: &mut Stream) -> Outcome {
    let (log_omega, transitions, rho) = (matrix(a, 0)?, matrix(a, 1)?, a.reals(2)?);
    let (states, n) = (log_omega.rows(), log_omega.cols());
    let square = transitions.rows() == states && transitions.cols() == states;
    if !square || rho.entries().len() != states {
        return Err(format!(
            "log_omega is {states} × {n}, Gamma {} × {} and rho has {} elements",
            transitions.rows(),
            transitions.cols(),
            rho.entries().len()
        ));
    }
    stochastic("rho", rho.entries())?;
    (0..states).try_for_each(|k| stochastic(&format!("Gamma[{}]", k + 1), transitions.row(k)))?;
    let mut forward: Vec<Vec<f64>> = Vec::with_capacity(n);
    for t in 0..n {
        let column = (0..states).map(|k| log_omega.row(k)[t]);
        let most = column.clone().fold(f64::NEG_INFINITY, f64::max);
        let prior = match forward.last() {
            None => rho.entries().to_vec(),
            Some(previous) => transitions.matvec_transpose(previous),
        };
        let joint: Vec<f64> = prior
            .iter()
            .zip(column)
            .map(|(p, l)| p * (l - most).exp())
            .collect();
        let sum: f64 = joint.iter().sum();
        if !(sum > 0.0 && sum.is_finite()) {
            return Err(format!(
                "observation {} is impossible in every state",
                t + 1
            ));
        }
        forward.push(joint.iter().map(|p| p / sum).collect());
    }
    let mut path = vec![0.0; n];
    let mut next: Option<usize> = None;
    for t in (0..n).rev() {
        let weights: Vec<f64> = (0..states)
            .map(|k| forward[t][k] * next.map_or(1.0, |j| transitions.row(k)[j]))
            .collect();
        let state = categorical(random, &weights);
        path[t] = (state + 1) as f64;
        next = Some(state);
    }
    Ok(Value::Ints(Tensor::list(ints(&path))))
}

/// Probabilities that sum to one.
fn stochastic(name: &str, p: &[f64]) -> Result<(), String> {
    Domain::Probability.check_all(name, p)?;
    let sum: f64 = p.iter().sum();
    if (sum - 1.0).abs() > TOLERANCE {
        return Err(format!("{name} sums to {sum}, and must sum to 1"));
    }
    Ok(())
}
