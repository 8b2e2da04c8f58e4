//! Moments and frequencies of draws that are vectors, matrices, or counts that depend on them.

use super::*;

/// What this file tests.
pub(super) const NAMES: &[&str] = &[
    "categorical",
    "categorical_logit",
    "ordered_logistic",
    "ordered_probit",
    "bernoulli_logit_glm",
    "multinomial",
    "multinomial_logit",
    "dirichlet",
    "dirichlet_multinomial",
    "multi_normal",
    "multi_normal_cholesky",
    "multi_student_t",
    "multi_student_t_cholesky",
    "wishart",
    "wishart_cholesky",
    "inv_wishart",
    "inv_wishart_cholesky",
    "lkj_corr",
    "lkj_corr_cholesky",
    "hmm_latent",
];

const VECTOR: &Type = &Type::Vector;
const MATRIX: &Type = &Type::Matrix;
const REAL: &Type = &Type::Real;
const INT: &Type = &Type::Int;

fn list(x: &[f64]) -> Value {
    Value::Reals(Tensor::list(x.to_vec()))
}

fn square(m: &Matrix) -> Value {
    Value::Reals(Tensor::new(vec![m.rows(), m.cols()], m.as_slice().to_vec()))
}

/// A covariance of three variables, its factor, and a location.
fn covariance() -> (Matrix, Matrix, [f64; 3]) {
    let factor = Matrix::from_rows(&[[1.2, 0.0, 0.0], [-0.5, 0.8, 0.0], [0.3, 0.4, 0.6]]);
    (
        elbo_math::linalg::matmul_nt(&factor, &factor),
        factor,
        [1.0, -2.0, 0.5],
    )
}

/// Draws as rows of numbers.
fn draws(name: &str, values: &[Value], types: &[&Type]) -> Vec<Vec<f64>> {
    let mut random = stream(SEED, name, 0);
    (0..DRAWS)
        .map(|_| {
            let draw = call(name, values, types, &mut random).expect(name);
            draw.as_reals().expect(name).entries().to_vec()
        })
        .collect()
}

fn mean(what: &str, draws: &[Vec<f64>], f: impl Fn(&[f64]) -> f64, truth: f64) {
    let values: Vec<f64> = draws.iter().map(|draw| f(draw)).collect();
    assert_mean(what, SEED, &values, truth);
}

/// Means and products of every pair of entries.
fn moments(name: &str, draws: &[Vec<f64>], location: &[f64], covariance: &Matrix) {
    for i in 0..location.len() {
        mean(&format!("{name} {i}"), draws, |x| x[i], location[i]);
        for j in 0..=i {
            let product = |x: &[f64]| (x[i] - location[i]) * (x[j] - location[j]);
            let truth = covariance.row(i)[j];
            mean(&format!("{name} {i} {j}"), draws, product, truth);
        }
    }
}

fn frequencies(name: &str, draws: &[Vec<f64>], probabilities: &[f64]) {
    let mut counts = vec![0; probabilities.len()];
    for draw in draws {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a category"
        )]
        let category = draw[0] as usize;
        counts[category - 1] += 1;
    }
    assert_counts_follow(name, SEED, &counts, probabilities, DRAWS);
}

fn softmax(x: &[f64]) -> Vec<f64> {
    let sum: f64 = x.iter().map(|x| x.exp()).sum();
    x.iter().map(|x| x.exp() / sum).collect()
}

#[test]
fn categories_have_their_probabilities() {
    let theta = [0.2, 0.0, 0.5, 0.3];
    frequencies(
        "categorical",
        &draws("categorical", &[list(&theta)], &[VECTOR]),
        &theta,
    );
    let beta = [0.3, -1.0, 1.2];
    let drawn = draws("categorical_logit", &[list(&beta)], &[VECTOR]);
    frequencies("categorical_logit", &drawn, &softmax(&beta));
    let cuts = [-1.0, 0.4, 1.5];
    for (name, below) in [
        (
            "ordered_logistic",
            (|x| 1.0 / (1.0 + f64::exp(-x))) as fn(f64) -> f64,
        ),
        ("ordered_probit", elbo_math::special::normal_cdf),
    ] {
        let drawn = draws(name, &[Value::real(0.7), list(&cuts)], &[REAL, VECTOR]);
        let cumulative: Vec<f64> = cuts.iter().map(|c| below(c - 0.7)).chain([1.0]).collect();
        let lower = std::iter::once(&0.0).chain(&cumulative);
        let cells: Vec<f64> = cumulative.iter().zip(lower).map(|(b, a)| b - a).collect();
        frequencies(name, &drawn, &cells);
    }
}

#[test]
fn the_glm_draws_bernoulli_variables_row_by_row() {
    let x = Matrix::from_rows(&[[1.0, 2.0], [-1.0, 0.5]]);
    let (alpha, beta) = ([0.3, -0.2], [0.5, -0.4]);
    let arguments = [square(&x), list(&alpha), list(&beta)];
    let drawn = draws("bernoulli_logit_glm", &arguments, &[MATRIX, VECTOR, VECTOR]);
    for i in 0..2 {
        let eta = alpha[i] + x.row(i)[0] * beta[0] + x.row(i)[1] * beta[1];
        mean("glm", &drawn, |y| y[i], 1.0 / (1.0 + (-eta).exp()));
    }
    // One row goes with every intercept.
    let arguments = [list(&[1.0, 2.0]), list(&[0.0, 5.0, 0.0]), list(&beta)];
    let types = [&Type::RowVector, VECTOR, VECTOR];
    let drawn = draws("bernoulli_logit_glm", &arguments, &types);
    assert_eq!(drawn[0].len(), 3);
    mean("glm", &drawn, |y| y[1], 1.0 / (1.0 + f64::exp(-4.7)));
}

#[test]
fn multinomial_counts_have_their_covariance() {
    let theta = [0.2, 0.0, 0.5, 0.3];
    let types = [VECTOR, INT];
    let of = |theta: &[f64]| {
        let mut covariance = Matrix::from_diagonal(theta);
        covariance.add_outer(-1.0, theta, theta);
        covariance.scale(12.0);
        (
            theta.iter().map(|p| 12.0 * p).collect::<Vec<f64>>(),
            covariance,
        )
    };
    let (location, spread) = of(&theta);
    let drawn = draws("multinomial", &[list(&theta), Value::int(12)], &types);
    assert!(drawn.iter().all(|n| n.iter().sum::<f64>() == 12.0));
    moments("multinomial", &drawn, &location, &spread);
    let gamma = [0.3, -1.0, 1.2];
    let (location, spread) = of(&softmax(&gamma));
    let drawn = draws("multinomial_logit", &[list(&gamma), Value::int(12)], &types);
    moments("multinomial_logit", &drawn, &location, &spread);
}

#[test]
fn dirichlet_and_its_counts_have_their_covariance() {
    let alpha = [0.5, 2.0, 1.5];
    let (total, n) = (4.0, 10.0);
    let theta: Vec<f64> = alpha.iter().map(|a| a / total).collect();
    let mut covariance = Matrix::from_diagonal(&theta);
    covariance.add_outer(-1.0, &theta, &theta);
    covariance.scale(1.0 / (total + 1.0));
    let drawn = draws("dirichlet", &[list(&alpha)], &[VECTOR]);
    moments("dirichlet", &drawn, &theta, &covariance);
    // Counts spread n(n + α₀) times as much as the probabilities.
    covariance.scale(n * (n + total));
    let location: Vec<f64> = theta.iter().map(|p| n * p).collect();
    let arguments = [list(&alpha), Value::int(10)];
    let drawn = draws("dirichlet_multinomial", &arguments, &[VECTOR, INT]);
    moments("dirichlet_multinomial", &drawn, &location, &covariance);
}

#[test]
fn normal_and_student_vectors_have_their_covariance() {
    let (sigma, factor, mu) = covariance();
    let spread = |scale: f64| {
        let mut spread = sigma.clone();
        spread.scale(scale);
        spread
    };
    for (name, matrix) in [("multi_normal", &sigma), ("multi_normal_cholesky", &factor)] {
        let drawn = draws(name, &[list(&mu), square(matrix)], &[VECTOR, MATRIX]);
        moments(name, &drawn, &mu, &spread(1.0));
    }
    // Ten degrees of freedom: the variance of squares, on which the error rests, exists.
    for (name, matrix) in [
        ("multi_student_t", &sigma),
        ("multi_student_t_cholesky", &factor),
    ] {
        let arguments = [Value::real(10.0), list(&mu), square(matrix)];
        let drawn = draws(name, &arguments, &[REAL, VECTOR, MATRIX]);
        moments(name, &drawn, &mu, &spread(10.0 / 8.0));
    }
}

#[test]
fn an_array_of_locations_gives_an_array_of_draws() {
    let (_, factor, mu) = covariance();
    let both = Value::Reals(Tensor::new(vec![2, 3], [mu, [100.0, 0.0, 0.0]].concat()));
    let vectors = Type::Vector.array(1);
    let arguments = [both, square(&factor)];
    let types = [&vectors, MATRIX];
    let draw = call(
        "multi_normal_cholesky",
        &arguments,
        &types,
        &mut stream(SEED, "", 0),
    );
    let draw = draw.expect("a draw").as_reals().expect("reals");
    assert_eq!(draw.shape(), [2, 3]);
    assert!((draw.entries()[3] - 100.0).abs() < 12.0); // Ten standard deviations.
}

/// The matrix whose lower factor is given.
fn squared(draws: &[Vec<f64>], n: usize) -> Vec<Vec<f64>> {
    let square = |draw: &Vec<f64>| {
        let factor = Matrix::from_vec(n, n, draw.clone());
        assert!((0..n).all(|i| (i + 1..n).all(|j| factor.row(i)[j] == 0.0)));
        elbo_math::linalg::matmul_nt(&factor, &factor).into_vec()
    };
    draws.iter().map(square).collect()
}

#[test]
fn wishart_matrices_have_their_moments() {
    let (sigma, factor, _) = covariance();
    let nu = 12.5;
    let types = [REAL, MATRIX];
    let plain = draws("wishart", &[Value::real(nu), square(&sigma)], &types);
    let factors = draws(
        "wishart_cholesky",
        &[Value::real(nu), square(&factor)],
        &types,
    );
    for drawn in [plain, squared(&factors, 3)] {
        for i in 0..3 {
            for j in 0..=i {
                let s = |i: usize, j: usize| sigma.row(i)[j];
                let at = 3 * i + j;
                mean("wishart", &drawn, |x| x[at], nu * s(i, j));
                let variance = nu * (s(i, j).powi(2) + s(i, i) * s(j, j));
                let square = |x: &[f64]| (x[at] - nu * s(i, j)).powi(2);
                mean("wishart's square", &drawn, square, variance);
            }
        }
    }
    let plain = draws("inv_wishart", &[Value::real(nu), square(&sigma)], &types);
    let factors = draws(
        "inv_wishart_cholesky",
        &[Value::real(nu), square(&factor)],
        &types,
    );
    for drawn in [plain, squared(&factors, 3)] {
        for at in 0..9 {
            let truth = sigma.as_slice()[at] / (nu - 4.0);
            mean("inverse wishart", &drawn, |x| x[at], truth);
        }
    }
}

#[test]
fn lkj_correlations_are_beta_distributed() {
    // Each is 2 Beta(b, b) − 1 with b = η + K/2 − 1 `[@lewandowski2009lkj]`, of variance 1/(2b + 1).
    let (k, eta) = (4, 1.5);
    let arguments = [Value::int(k), Value::real(eta)];
    let plain = draws("lkj_corr", &arguments, &[INT, REAL]);
    let factors = draws("lkj_corr_cholesky", &arguments, &[INT, REAL]);
    let variance = 1.0 / (2.0 * (eta + f64::from(k) / 2.0 - 1.0) + 1.0);
    for drawn in [plain, squared(&factors, 4)] {
        for i in 0..4 {
            for j in 0..i {
                mean("correlation", &drawn, |x| x[4 * i + j], 0.0);
                mean("its square", &drawn, |x| x[4 * i + j].powi(2), variance);
            }
            mean("diagonal", &drawn, |x| x[5 * i], 1.0);
        }
    }
}

#[test]
fn hidden_states_are_drawn_jointly_given_all_observations() {
    let log_omega = Matrix::from_rows(&[[-0.5, -2.0, -0.3], [-1.5, -0.2, -1.0]]);
    let transitions = Matrix::from_rows(&[[0.8, 0.2], [0.3, 0.7]]);
    let rho = [0.6, 0.4];
    // The oracle: all eight paths by enumeration.
    let mut joint = [0.0; 8];
    for (path, weight) in joint.iter_mut().enumerate() {
        let state = |t: usize| (path >> t) & 1;
        let steps = (1..3).map(|t| transitions.row(state(t - 1))[state(t)]);
        let seen: f64 = (0..3).map(|t| log_omega.row(state(t))[t]).sum();
        *weight = rho[state(0)] * steps.product::<f64>() * seen.exp();
    }
    let total: f64 = joint.iter().sum();
    let probabilities: Vec<f64> = joint.iter().map(|w| w / total).collect();
    let arguments = [square(&log_omega), square(&transitions), list(&rho)];
    let drawn = draws("hmm_latent", &arguments, &[MATRIX, MATRIX, VECTOR]);
    let path = |s: &Vec<f64>| vec![s[0] + 2.0 * (s[1] - 1.0) + 4.0 * (s[2] - 1.0)];
    let paths: Vec<Vec<f64>> = drawn.iter().map(path).collect();
    frequencies("paths", &paths, &probabilities);
}
