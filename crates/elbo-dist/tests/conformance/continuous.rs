//! Rows of the distributions of one real variable.

use elbo_dist::{Gamma, Normal, StudentT};

use crate::flat::real;
use crate::row::{Finished, Row};
use crate::support::Support;

const NO_EXPONENTIAL_FAMILY: [&str; 5] = [
    "exponential_form",
    "natural_params_round_trip",
    "mean_params_are_gradient",
    "mean_params_are_expectations",
    "kl",
];

const NAN: f64 = f64::NAN;

pub(crate) fn rows() -> Vec<Finished> {
    vec![normal(), student_t(), gamma()]
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
        .skip(&NO_EXPONENTIAL_FAMILY, "not an exponential family")
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
