//! Distributions by name, with arguments that are variables or numbers.
//!
//! Parameterisations and the order of arguments are Stan's. Deliberately absent: the formulas
//! ([`crate::density`]).

use std::f64::consts::LN_2;

use super::variable::Variable;
use crate::density::DensityError;

/// A distribution of entries or rows, with its arguments.
#[derive(Debug, Clone)]
#[must_use = "a distribution says nothing until it is assumed or observed"]
pub struct Distribution {
    name: &'static str,
    arguments: Vec<Variable>,
    /// The logarithm of what truncation leaves of the mass, negated.
    truncation: f64,
}

impl Distribution {
    /// A row of [`DENSITIES`](crate::density::DENSITIES), with the arguments after the variable.
    pub fn new(name: &'static str, arguments: Vec<Variable>) -> Self {
        Self {
            name,
            arguments,
            truncation: 0.0,
        }
    }

    /// The log density of a value, one per row.
    pub(super) fn log_density(&self, value: &Variable) -> Result<Variable, DensityError> {
        let all: Vec<&Variable> = std::iter::once(value).chain(&self.arguments).collect();
        let density = Variable::try_combine(&all, |graph, ids| graph.log_density(self.name, ids))?;
        if self.truncation == 0.0 {
            return Ok(density);
        }
        Ok(density + self.truncation)
    }
}

macro_rules! distributions {
    ($($(#[$doc:meta])* $name:ident($($argument:ident),+);)+) => {
        $(
            $(#[$doc])*
            pub fn $name($($argument: impl Into<Variable>),+) -> Distribution {
                Distribution::new(stringify!($name), vec![$($argument.into()),+])
            }
        )+
    };
}

distributions! {
    /// Normal with a mean and a standard deviation.
    normal(mean, sd);
    /// Student's t.
    student_t(degrees_of_freedom, location, scale);
    /// Cauchy.
    cauchy(location, scale);
    /// Laplace.
    double_exponential(location, scale);
    /// Logistic.
    logistic(location, scale);
    /// Log-normal, with the mean and standard deviation of the logarithm.
    lognormal(mean, sd);
    /// Exponential.
    exponential(rate);
    /// Gamma.
    gamma(shape, rate);
    /// Inverse gamma.
    inv_gamma(shape, scale);
    /// Weibull.
    weibull(shape, scale);
    /// Beta.
    beta(a, b);
    /// Uniform.
    uniform(lower, upper);
    /// Von Mises.
    von_mises(location, concentration);
    /// Bernoulli with a probability.
    bernoulli(probability);
    /// Bernoulli with log odds.
    bernoulli_logit(log_odds);
    /// Binomial with a probability.
    binomial(trials, probability);
    /// Binomial with log odds.
    binomial_logit(trials, log_odds);
    /// Poisson with a mean.
    poisson(mean);
    /// Poisson with a log mean.
    poisson_log(log_mean);
    /// Negative binomial with a mean and a dispersion: variance `μ + μ²/φ`.
    neg_binomial_2(mean, dispersion);
    /// Negative binomial with a log mean and a dispersion.
    neg_binomial_2_log(log_mean, dispersion);
    /// Categories, counted from 1, with log probabilities up to a constant.
    categorical_logit(logits);
    /// Ordered categories, counted from 1, with increasing cuts on the logistic scale.
    ordered_logistic(location, cuts);
}

/// A normal of mean 0, cut off below 0: for positive parameters.
pub fn half_normal(scale: impl Into<Variable>) -> Distribution {
    Distribution {
        truncation: LN_2,
        ..normal(0.0, scale)
    }
}

/// A Cauchy of location 0, cut off below 0: for positive parameters.
pub fn half_cauchy(scale: impl Into<Variable>) -> Distribution {
    Distribution {
        truncation: LN_2,
        ..cauchy(0.0, scale)
    }
}
