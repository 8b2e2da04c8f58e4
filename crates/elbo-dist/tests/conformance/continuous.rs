//! Rows of the distributions of one real variable.

use elbo_dist::{
    Beta, Exponential, Gamma, HalfCauchy, HalfNormal, InverseGamma, Laplace, LogNormal, Normal,
    StudentT, Uniform,
};

use crate::flat::real;
use crate::row::{Finished, Row};
use crate::support::Support;

const EXPONENTIAL_FAMILY: [&str; 5] = [
    "exponential_form",
    "natural_params_round_trip",
    "mean_params_are_gradient",
    "mean_params_are_expectations",
    "kl",
];

const NAN: f64 = f64::NAN;

/// How many checks these rows skip.
pub(crate) const N_SKIPS: usize = 26;

pub(crate) fn rows() -> Vec<Finished> {
    vec![
        normal(),
        student_t(),
        gamma(),
        inverse_gamma(),
        beta(),
        exponential(),
        log_normal(),
        laplace(),
        half_cauchy(),
        half_normal(),
        uniform(),
    ]
}

fn normal() -> Finished {
    Row::new("normal", Normal::new(1.5, 0.7).unwrap(), real)
        .support(Support::real_line(1.5, 0.7))
        .moments()
        .entropy()
        .cumulative()
        .exponential_family(Normal::new(0.5, 1.1).unwrap())
        .outside(vec![f64::INFINITY, f64::NEG_INFINITY])
        .rejects(vec![
            (Normal::new(NAN, 1.0), "mean"),
            (Normal::new(0.0, 0.0), "std_dev"),
            (Normal::new(0.0, f64::INFINITY), "std_dev"),
            (Normal::from_precision(0.0, -1.0), "precision"),
        ])
        .done()
}

fn student_t() -> Finished {
    Row::new("student_t", StudentT::new(6.5, -0.4, 1.3).unwrap(), real)
        .support(Support::real_line(-0.4, 1.3))
        .moments()
        .entropy()
        .cumulative()
        .outside(vec![f64::INFINITY, f64::NEG_INFINITY])
        .rejects(vec![
            (StudentT::new(0.0, 0.0, 1.0), "degrees_of_freedom"),
            (StudentT::new(3.0, f64::INFINITY, 1.0), "location"),
            (StudentT::new(3.0, 0.0, -1.0), "scale"),
        ])
        .skip(&EXPONENTIAL_FAMILY, "not an exponential family")
        .done()
}

fn gamma() -> Finished {
    Row::new("gamma", Gamma::new(2.3, 1.7).unwrap(), real)
        .support(Support::positive())
        .moments()
        .entropy()
        .cumulative()
        .exponential_family(Gamma::new(0.8, 2.5).unwrap())
        .outside(vec![0.0, -1.0, f64::INFINITY])
        .rejects(vec![
            (Gamma::new(0.0, 1.0), "shape"),
            (Gamma::new(1.0, NAN), "rate"),
        ])
        .done()
}

fn inverse_gamma() -> Finished {
    Row::new("inverse_gamma", InverseGamma::new(9.3, 4.1).unwrap(), real)
        .support(Support::positive())
        .moments()
        .entropy()
        .marginal(|x| x[0].recip(), Gamma::new(9.3, 4.1).unwrap())
        .skip(
            &["quantile_inverts_cdf"],
            "no distribution function is offered; 1/x is a gamma",
        )
        .exponential_family(InverseGamma::new(8.0, 5.0).unwrap())
        .outside(vec![0.0, -1.0, f64::INFINITY])
        .rejects(vec![
            (InverseGamma::new(-1.0, 1.0), "shape"),
            (InverseGamma::new(1.0, 0.0), "scale"),
        ])
        .done()
}

fn beta() -> Finished {
    Row::new("beta", Beta::new(1.4, 3.1).unwrap(), real)
        .support(Support::interval(0.0, 1.0))
        .moments()
        .entropy()
        .cumulative()
        .exponential_family(Beta::new(2.2, 0.9).unwrap())
        .outside(vec![0.0, 1.0, -0.5, 1.5])
        .rejects(vec![(Beta::new(0.0, 1.0), "a"), (Beta::new(1.0, NAN), "b")])
        .done()
}

fn exponential() -> Finished {
    Row::new("exponential", Exponential::new(1.7).unwrap(), real)
        .support(Support::positive())
        .moments()
        .entropy()
        .cumulative()
        .exponential_family(Exponential::new(0.6).unwrap())
        .outside(vec![-1e-9, f64::INFINITY])
        .rejects(vec![(Exponential::new(0.0), "rate")])
        .done()
}

fn log_normal() -> Finished {
    Row::new("log_normal", LogNormal::new(0.3, 0.5).unwrap(), real)
        .support(Support::positive())
        .moments()
        .entropy()
        .cumulative()
        .outside(vec![0.0, -1.0, f64::INFINITY])
        .rejects(vec![
            (LogNormal::new(f64::INFINITY, 1.0), "log_mean"),
            (LogNormal::new(0.0, -1.0), "log_std_dev"),
        ])
        .skip(
            &EXPONENTIAL_FAMILY,
            "its logarithm is the family; see the normal",
        )
        .done()
}

fn laplace() -> Finished {
    Row::new("laplace", Laplace::new(-0.4, 1.3).unwrap(), real)
        .support(Support::kinked_line(-0.4))
        .moments()
        .entropy()
        .cumulative()
        .exponential_family(Laplace::new(-0.4, 0.7).unwrap())
        .outside(vec![f64::INFINITY, f64::NEG_INFINITY])
        .rejects(vec![
            (Laplace::new(NAN, 1.0), "location"),
            (Laplace::new(0.0, 0.0), "scale"),
        ])
        .done()
}

fn half_cauchy() -> Finished {
    Row::new("half_cauchy", HalfCauchy::new(1.3).unwrap(), real)
        .support(Support::positive())
        .infinite_moments()
        .entropy()
        .cumulative()
        .outside(vec![-1e-9, f64::INFINITY])
        .rejects(vec![(HalfCauchy::new(-1.0), "scale")])
        .skip(&EXPONENTIAL_FAMILY, "not an exponential family")
        .done()
}

fn half_normal() -> Finished {
    Row::new("half_normal", HalfNormal::new(1.3).unwrap(), real)
        .support(Support::positive())
        .moments()
        .entropy()
        .cumulative()
        .outside(vec![-1e-9, f64::INFINITY])
        .rejects(vec![(HalfNormal::new(0.0), "scale")])
        .skip(
            &EXPONENTIAL_FAMILY,
            "its square is the family; see the gamma",
        )
        .done()
}

fn uniform() -> Finished {
    Row::new("uniform", Uniform::new(-0.5, 2.0).unwrap(), real)
        .support(Support::interval(-0.5, 2.0))
        .moments()
        .entropy()
        .cumulative()
        .outside(vec![-0.6, 2.1])
        .rejects(vec![
            (Uniform::new(NAN, 1.0), "lower"),
            (Uniform::new(1.0, 1.0), "upper"),
            (Uniform::new(-f64::MAX, f64::MAX), "upper"),
        ])
        .skip(&EXPONENTIAL_FAMILY, "its support depends on the parameters")
        .done()
}
