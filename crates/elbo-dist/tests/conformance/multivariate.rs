//! Rows of the distributions of vectors, matrices and pairs.

use elbo_dist::{
    Beta, Dirichlet, Gamma, InverseWishart, Lkj, MeanAndPrecision, MultivariateNormal,
    MultivariateStudentT, NormalGamma, NormalWishart, Wishart,
};
use elbo_math::linalg::{Cholesky, Matrix};

use crate::flat::{matrix, mean_and_precision, pair, vector};
use crate::row::{Finished, Row};
use crate::support::Support;

const NO_CDF: &str = "only a real variable has a distribution function here";
const NOT_EXPONENTIAL: &str = "not an exponential family";
const EXPONENTIAL: [&str; 5] = [
    "exponential_form",
    "natural_params_round_trip",
    "mean_params_are_gradient",
    "mean_params_are_expectations",
    "kl",
];

/// How many checks these rows skip.
pub(crate) const N_SKIPS: usize = 25;

pub(crate) fn rows() -> Vec<Finished> {
    vec![
        multivariate_normal(),
        multivariate_normal_by_precision(),
        multivariate_student_t(),
        dirichlet(),
        wishart(),
        inverse_wishart(),
        lkj(),
        normal_gamma(),
        normal_wishart(),
        normal_wishart_in_one_dimension(),
    ]
}

fn spd() -> Matrix {
    Matrix::from_rows(&[[1.3, 0.4], [0.4, 0.8]])
}

fn other_spd() -> Matrix {
    Matrix::from_rows(&[[0.9, -0.2], [-0.2, 1.1]])
}

fn indefinite() -> Matrix {
    Matrix::from_rows(&[[1.0, 2.0], [2.0, 1.0]])
}

/// A positive definite 2×2 matrix from three reals, by the logarithm of its Cholesky factor.
fn spd_from(u: &[f64]) -> (Matrix, f64) {
    let (a, b, c) = (u[0].exp(), u[1], u[2].exp());
    let x = Matrix::from_rows(&[[a * a, a * b], [a * b, b * b + c * c]]);
    // |∂(x00, x10, x11)/∂(a, b, c)| = 2a · a · 2c, and da = a du.
    (x, (4.0 * a * a * a * c * c).ln())
}

/// The same for small matrices.
fn small_spd_from(u: &[f64]) -> (Matrix, f64) {
    let (mut x, log_jacobian) = spd_from(u);
    x.scale(0.1);
    (x, log_jacobian + 3.0 * 0.1_f64.ln())
}

fn multivariate_normal() -> Finished {
    type Mvn = MultivariateNormal;
    let other = Mvn::from_precision(vec![0.1, -0.5], &other_spd()).unwrap();
    let d = Mvn::from_covariance(vec![0.6, -0.3], &spd()).unwrap();
    let marginal = d.marginal(1);
    Row::new("multivariate_normal", d, vector)
        .support(Support::vectors(2, 10.0, 201))
        .moments()
        .entropy()
        .marginal(|x| x[1], marginal)
        .exponential_family(other)
        .outside(vec![vec![f64::INFINITY, 0.0]])
        .rejects(vec![
            (Mvn::from_covariance(vec![0.0, f64::NAN], &spd()), "mean"),
            (Mvn::from_covariance(vec![], &Matrix::zeros(0, 0)), "mean"),
            (Mvn::from_covariance(vec![0.0; 3], &spd()), "covariance"),
            (
                Mvn::from_covariance(vec![0.0; 2], &indefinite()),
                "covariance",
            ),
            (
                Mvn::from_covariance(vec![0.0; 2], &Matrix::zeros(2, 3)),
                "covariance",
            ),
            (
                Mvn::from_precision(vec![0.0; 2], &indefinite()),
                "precision",
            ),
            (
                Mvn::from_covariance_cholesky(vec![0.0], Cholesky::new(&spd()).unwrap()),
                "covariance_cholesky",
            ),
        ])
        .skip(&["quantile_inverts_cdf"], NO_CDF)
        .done()
}

fn multivariate_normal_by_precision() -> Finished {
    type Mvn = MultivariateNormal;
    let d = Mvn::from_precision(vec![0.6, -0.3], &spd()).unwrap();
    let marginal = d.marginal(0);
    Row::new("multivariate_normal_by_precision", d, vector)
        .support(Support::vectors(2, 10.0, 201))
        .moments()
        .entropy()
        .marginal(|x| x[0], marginal)
        .exponential_family(Mvn::from_covariance(vec![0.1, -0.5], &other_spd()).unwrap())
        .skip(&["quantile_inverts_cdf"], NO_CDF)
        .skip(
            &["outside_support", "invalid_parameters"],
            "checked in the row by covariance",
        )
        .done()
}

fn multivariate_student_t() -> Finished {
    type Mvt = MultivariateStudentT;
    let d = Mvt::new(7.0, vec![0.6, -0.3], &spd()).unwrap();
    let marginal = d.marginal(0);
    Row::new("multivariate_student_t", d, vector)
        .support(Support::transformed(2, 14.0, 281, |u| {
            (
                u.iter().map(|v| v.sinh()).collect(),
                u.iter().map(|v| v.cosh().ln()).sum(),
            )
        }))
        .moments()
        .entropy()
        .marginal(|x| x[0], marginal)
        .outside(vec![vec![f64::INFINITY, 0.0]])
        .rejects(vec![
            (Mvt::new(0.0, vec![0.0; 2], &spd()), "degrees_of_freedom"),
            (Mvt::new(1.0, vec![f64::NAN; 2], &spd()), "location"),
            (Mvt::new(1.0, vec![0.0; 2], &indefinite()), "scale"),
            (Mvt::new(1.0, vec![0.0; 3], &spd()), "scale"),
        ])
        .skip(&["quantile_inverts_cdf"], NO_CDF)
        .skip(&EXPONENTIAL, NOT_EXPONENTIAL)
        .done()
}

fn dirichlet() -> Finished {
    Row::new(
        "dirichlet",
        Dirichlet::new(vec![1.4, 0.6, 2.5]).unwrap(),
        vector,
    )
    .support(Support::simplex(2, 60.0, 601))
    .moments()
    .entropy()
    .skip(
        &["goodness_of_fit"],
        "its marginals are beta; see the row of beta",
    )
    .exponential_family(Dirichlet::new(vec![0.9, 1.6, 1.5]).unwrap())
    .outside(vec![
        vec![0.5, 0.5, 0.5],
        vec![1.2, -0.1, -0.1],
        vec![0.0, 0.5, 0.5],
    ])
    .rejects(vec![
        (Dirichlet::new(vec![1.0, 0.0]), "concentration"),
        (Dirichlet::new(vec![]), "concentration"),
        (Dirichlet::symmetric(3, f64::INFINITY), "concentration"),
    ])
    .skip(&["quantile_inverts_cdf"], NO_CDF)
    .done()
}

fn wishart() -> Finished {
    Row::new("wishart", Wishart::new(5.5, &spd()).unwrap(), matrix)
        .support(Support::transformed(3, 7.0, 81, spd_from))
        .moments()
        .entropy()
        // X_00 / V_00 is χ² with ν degrees of freedom.
        .marginal(|x| x[0], Gamma::new(2.75, 0.5 / 1.3).unwrap())
        .exponential_family(Wishart::new(4.0, &other_spd()).unwrap())
        .outside(vec![indefinite(), Matrix::zeros(2, 2)])
        .rejects(vec![
            (Wishart::new(0.9, &spd()), "degrees_of_freedom"),
            (Wishart::new(3.0, &indefinite()), "scale"),
            (Wishart::new(3.0, &Matrix::zeros(2, 3)), "scale"),
            (
                Wishart::from_inverse_scale(3.0, indefinite()),
                "inverse_scale",
            ),
        ])
        .skip(&["quantile_inverts_cdf"], NO_CDF)
        .done()
}

fn normal_wishart() -> Finished {
    let make = |mean: Vec<f64>, kappa, nu, scale: &Matrix| {
        NormalWishart::new(mean, kappa, Wishart::new(nu, scale)?)
    };
    let d = make(vec![0.6, -0.3], 1.7, 8.5, &spd()).unwrap();
    let marginal = d.marginal_mean().marginal(0);
    Row::new("normal_wishart", d, mean_and_precision)
        .entropy()
        .marginal(|x| x[0], marginal)
        .exponential_family(make(vec![0.1, -0.5], 0.9, 7.0, &other_spd()).unwrap())
        .outside(vec![MeanAndPrecision {
            mean: vec![0.0; 2],
            precision: indefinite(),
        }])
        .rejects(vec![
            (make(vec![f64::NAN, 0.0], 1.0, 3.0, &spd()), "mean"),
            (make(vec![0.0; 3], 1.0, 3.0, &spd()), "mean"),
            (make(vec![0.0; 2], 0.0, 3.0, &spd()), "mean_precision"),
            (make(vec![0.0; 2], 1.0, 1.0, &spd()), "degrees_of_freedom"),
        ])
        .skip(
            &["normalisation"],
            "five dimensions; one dimension and SciPy's factors are checked",
        )
        .skip(&["moments"], "the moments in use are its mean parameters")
        .skip(&["quantile_inverts_cdf"], NO_CDF)
        .done()
}

fn normal_wishart_in_one_dimension() -> Finished {
    let make = |mean: f64, kappa, nu, scale: f64| {
        let precision = Wishart::new(nu, &Matrix::from_diagonal(&[scale])).unwrap();
        NormalWishart::new(vec![mean], kappa, precision).unwrap()
    };
    let support = Support::transformed(2, 40.0, 601, |u| {
        // The mean is scaled by the precision, or its tails are too long for the box.
        let point = MeanAndPrecision {
            mean: vec![0.4 + u[0].sinh()],
            precision: Matrix::from_diagonal(&[u[1].exp()]),
        };
        (point, u[0].cosh().ln() + u[1])
    });
    Row::new(
        "normal_wishart_in_one_dimension",
        make(0.4, 1.7, 4.5, 0.8),
        mean_and_precision,
    )
    .support(support)
    .entropy()
    .skip(&["goodness_of_fit"], "checked in two dimensions")
    .exponential_family(make(0.1, 0.9, 3.0, 1.2))
    .skip(
        &["outside_support", "invalid_parameters"],
        "checked in two dimensions",
    )
    .skip(&["moments"], "the moments in use are its mean parameters")
    .skip(&["quantile_inverts_cdf"], NO_CDF)
    .done()
}

fn inverse_wishart() -> Finished {
    Row::new(
        "inverse_wishart",
        InverseWishart::new(14.0, spd()).unwrap(),
        matrix,
    )
    .support(Support::transformed(3, 6.0, 121, small_spd_from))
    .moments()
    .entropy()
    // X_00 is inverse gamma with shape (ν − D + 1)/2 and scale Ψ_00/2.
    .marginal(|x| x[0].recip(), Gamma::new(6.5, 0.65).unwrap())
    .exponential_family(InverseWishart::new(12.0, other_spd()).unwrap())
    .outside(vec![indefinite(), Matrix::zeros(2, 2)])
    .rejects(vec![
        (InverseWishart::new(1.0, spd()), "degrees_of_freedom"),
        (InverseWishart::new(3.0, indefinite()), "scale"),
    ])
    .skip(&["quantile_inverts_cdf"], NO_CDF)
    .done()
}

fn lkj() -> Finished {
    Row::new("lkj", Lkj::new(3, 1.7).unwrap(), matrix)
        .support(Support::transformed(3, 10.0, 81, correlation_from))
        .moments()
        .entropy()
        // (r + 1)/2 is beta with both shapes η + D/2 − 1.
        .marginal(|x| 0.5 * (x[7] + 1.0), Beta::new(2.2, 2.2).unwrap())
        .exponential_family(Lkj::new(3, 0.8).unwrap())
        .outside(vec![
            matrix(&[1.0, 0.9, 0.9, 0.9, 1.0, -0.9, 0.9, -0.9, 1.0]),
            Matrix::from_diagonal(&[1.0, 1.0, 1.1]),
        ])
        .rejects(vec![(Lkj::new(0, 1.0), "dim"), (Lkj::new(2, 0.0), "shape")])
        .skip(&["quantile_inverts_cdf"], NO_CDF)
        .done()
}

/// A 3×3 correlation matrix from its two correlations with the first variable and the partial
/// correlation of the others, each the hyperbolic tangent of a real.
fn correlation_from(u: &[f64]) -> (Matrix, f64) {
    let t: Vec<f64> = u.iter().map(|v| v.tanh()).collect();
    // 1 − tanh² = cosh⁻², which does not round to 0.
    let complement: Vec<f64> = u.iter().map(|v| v.cosh().powi(-2)).collect();
    let root = (complement[0] * complement[1]).sqrt();
    let last = t[0] * t[1] + t[2] * root;
    let r = matrix(&[1.0, t[0], t[1], t[0], 1.0, last, t[1], last, 1.0]);
    (
        r,
        root.ln() + complement.iter().map(|c| c.ln()).sum::<f64>(),
    )
}

fn normal_gamma() -> Finished {
    let make = |mean, kappa, shape, rate| NormalGamma::new(mean, kappa, Gamma::new(shape, rate)?);
    let support = Support::transformed(2, 40.0, 601, |u| {
        ((0.4 + u[0].sinh(), u[1].exp()), u[0].cosh().ln() + u[1])
    });
    let d = make(0.4, 1.7, 3.1, 0.8).unwrap();
    let marginal = d.marginal_mean();
    Row::new("normal_gamma", d, pair)
        .support(support)
        .skip(&["moments"], "the moments in use are its mean parameters")
        .entropy()
        .marginal(|x| x[0], marginal)
        .exponential_family(make(0.1, 0.9, 2.0, 1.2).unwrap())
        .outside(vec![(0.0, 0.0), (0.0, -1.0)])
        .rejects(vec![
            (make(f64::NAN, 1.0, 1.0, 1.0), "mean"),
            (make(0.0, 0.0, 1.0, 1.0), "mean_precision"),
            (make(0.0, 1.0, 1.0, 0.0), "rate"),
        ])
        .skip(&["quantile_inverts_cdf"], NO_CDF)
        .done()
}
