//! Draws of counts `[@stan2026functions, binary, bounded and unbounded discrete distributions]`.

use elbo_dist::{Beta, Binomial, Distribution, NegativeBinomial};
use elbo_math::random::{Rng, RngExt, Stream, uniform};
use rand_distr::Distribution as _;

use super::Domain::{Finite, NonNegative, Positive, Probability};
use super::{Draw, Scalar};

/// `2⁵³`: up to here every count is a floating-point number of its own.
const LARGEST_RATE: f64 = 9_007_199_254_740_992.0;

pub(super) const ROWS: &[Scalar] = &[
    Scalar {
        name: "bernoulli",
        parameters: &[("theta", Probability)],
        draw: Draw::Int(|a, r| Ok(bernoulli(a[0], r))),
    },
    Scalar {
        name: "bernoulli_logit",
        parameters: &[("alpha", Finite)],
        draw: Draw::Int(|a, r| Ok(bernoulli(1.0 / (1.0 + (-a[0]).exp()), r))),
    },
    Scalar {
        name: "binomial",
        parameters: &[("N", NonNegative), ("theta", Probability)],
        draw: Draw::Int(|a, r| binomial(a[0], a[1], r)),
    },
    Scalar {
        name: "beta_binomial",
        parameters: &[("N", NonNegative), ("alpha", Positive), ("beta", Positive)],
        draw: Draw::Int(|a, r| {
            let theta = beta(a[1], a[2], r)?;
            binomial(a[0], theta, r)
        }),
    },
    Scalar {
        name: "discrete_range",
        parameters: &[("lower", Finite), ("upper", Finite)],
        draw: Draw::Int(|a, r| {
            if a[0] > a[1] {
                return Err(format!("lower is {}, above upper, {}", a[0], a[1]));
            }
            let steps = r.random_range(0..=count(a[1] - a[0]));
            Ok(a[0] + steps as f64)
        }),
    },
    Scalar {
        name: "hypergeometric",
        parameters: &[("N", NonNegative), ("a", NonNegative), ("b", NonNegative)],
        draw: Draw::Int(|a, r| {
            let total = a[1] + a[2];
            if a[0] > total {
                return Err(format!("N is {}, more than a + b, {total}", a[0]));
            }
            let urn = rand_distr::Hypergeometric::new(count(total), count(a[1]), count(a[0]))
                .map_err(|error| error.to_string())?;
            Ok(urn.sample(r) as f64)
        }),
    },
    Scalar {
        name: "poisson",
        parameters: &[("lambda", NonNegative)],
        draw: Draw::Int(|a, r| Ok(poisson(a[0], r))),
    },
    Scalar {
        name: "poisson_log",
        parameters: &[("alpha", Finite)],
        draw: Draw::Int(|a, r| Ok(poisson(a[0].exp(), r))),
    },
    Scalar {
        name: "neg_binomial",
        parameters: &[("alpha", Positive), ("beta", Positive)],
        draw: Draw::Int(|a, r| neg_binomial_2(a[0] / a[1], a[0], r)),
    },
    Scalar {
        name: "neg_binomial_2",
        parameters: &[("mu", Positive), ("phi", Positive)],
        draw: Draw::Int(|a, r| neg_binomial_2(a[0], a[1], r)),
    },
    Scalar {
        name: "neg_binomial_2_log",
        parameters: &[("eta", Finite), ("phi", Positive)],
        draw: Draw::Int(|a, r| neg_binomial_2(a[0].exp(), a[1], r)),
    },
    Scalar {
        name: "beta_neg_binomial",
        parameters: &[("r", Positive), ("alpha", Positive), ("beta", Positive)],
        // Failures before the r-th success, the probability of a success being beta distributed.
        draw: Draw::Int(|a, r| {
            let p = beta(a[1], a[2], r)?;
            neg_binomial_2(a[0] * (1.0 - p) / p, a[0], r)
        }),
    },
    Scalar {
        name: "yule_simon",
        parameters: &[("alpha", Positive)],
        // A geometric count whose log-probability of success is minus an exponential variable.
        draw: Draw::Int(|a, r| {
            let failure = -(-exponential(a[0], r)).exp_m1();
            Ok(1.0 + (-exponential(1.0, r) / failure.ln()).floor())
        }),
    },
];

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an int that is not negative"
)]
fn count(x: f64) -> u64 {
    x as u64
}

pub(super) fn bernoulli(theta: f64, random: &mut Stream) -> f64 {
    f64::from(u8::from(uniform(random) < theta))
}

/// An exponential variable of a rate.
pub(super) fn exponential(rate: f64, random: &mut impl Rng) -> f64 {
    let standard: f64 = rand_distr::Exp1.sample(random);
    standard / rate
}

pub(super) fn beta(alpha: f64, beta: f64, random: &mut Stream) -> Result<f64, String> {
    Ok(Beta::new(alpha, beta)
        .map_err(|error| error.to_string())?
        .sample(random))
}

pub(super) fn binomial(trials: f64, theta: f64, random: &mut Stream) -> Result<f64, String> {
    if trials == 0.0 || theta == 0.0 {
        return Ok(0.0);
    }
    if theta == 1.0 {
        return Ok(trials);
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a number of trials is an int and not negative"
    )]
    let binomial = Binomial::new(trials as usize, theta).map_err(|error| error.to_string())?;
    Ok(binomial.sample(random) as f64)
}

/// A Poisson count of any rate from 0 on.
fn poisson(rate: f64, random: &mut Stream) -> f64 {
    // A rate of zero is no distribution to the library, and a huge one gives a count that `fits`
    // refuses anyway.
    rand_distr::Poisson::new(rate.min(LARGEST_RATE)).map_or(0.0, |poisson| poisson.sample(random))
}

fn neg_binomial_2(mu: f64, phi: f64, random: &mut Stream) -> Result<f64, String> {
    // A mean that rounds to zero or to infinity.
    if mu == 0.0 {
        return Ok(0.0);
    }
    let mu = mu.min(LARGEST_RATE);
    let distribution = NegativeBinomial::new(mu, phi).map_err(|error| error.to_string())?;
    Ok(distribution.sample(random) as f64)
}
