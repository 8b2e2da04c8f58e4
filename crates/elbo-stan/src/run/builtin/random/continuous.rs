//! Draws of single real numbers `[@stan2026functions, continuous distributions]`.

use std::f64::consts::{PI, TAU};

use elbo_dist::{Distribution, Gamma, StudentT};
use elbo_math::random::{Rng, Stream, standard_normal, uniform};
use rand_distr::Distribution as _;

use super::Domain::{Finite, NonNegative, OpenProbability, Positive};
use super::discrete::{beta, exponential};
use super::{Domain, Draw, Scalar};

/// A row whose draw cannot fail.
macro_rules! real {
    ($name:literal, [$($parameter:literal $domain:expr),*], $draw:expr) => {
        Scalar {
            name: $name,
            parameters: &[$(($parameter, $domain)),*],
            draw: Draw::Real(|a, r| {
                let draw: fn(&[f64], &mut Stream) -> f64 = $draw;
                Ok(draw(a, r))
            }),
        }
    };
}

const LOCATION: Domain = Finite;
const SCALE: Domain = Positive;

pub(super) const ROWS: &[Scalar] = &[
    real!("std_normal", [], |_, r| standard_normal(r)),
    real!("normal", ["mu" LOCATION, "sigma" SCALE], |a, r| {
        a[0] + a[1] * standard_normal(r)
    }),
    real!("exp_mod_normal", ["mu" LOCATION, "sigma" SCALE, "lambda" SCALE], |a, r| {
        a[0] + a[1] * standard_normal(r) + exponential(a[2], r)
    }),
    // δ|z₀| + √(1 − δ²) z₁ with δ = α/√(1 + α²).
    real!("skew_normal", ["xi" LOCATION, "omega" SCALE, "alpha" LOCATION], |a, r| {
        let length = a[2].hypot(1.0);
        let half = standard_normal(r).abs();
        a[0] + a[1] * (a[2] / length * half + standard_normal(r) / length)
    }),
    Scalar {
        name: "student_t",
        parameters: &[("nu", Positive), ("mu", LOCATION), ("sigma", SCALE)],
        draw: Draw::Real(|a, r| {
            let t = StudentT::new(a[0], a[1], a[2]).map_err(|error| error.to_string())?;
            Ok(t.sample(r))
        }),
    },
    real!("cauchy", ["mu" LOCATION, "sigma" SCALE], |a, r| {
        a[0] + a[1] * (PI * (uniform(r) - 0.5)).tan()
    }),
    real!("double_exponential", ["mu" LOCATION, "sigma" SCALE], |a, r| {
        a[0] + a[1] * (exponential(1.0, r) - exponential(1.0, r))
    }),
    real!("logistic", ["mu" LOCATION, "sigma" SCALE], |a, r| {
        a[0] + a[1] * standard_logistic(r)
    }),
    real!("gumbel", ["mu" LOCATION, "beta" SCALE], |a, r| {
        a[0] - a[1] * exponential(1.0, r).ln()
    }),
    // The probability below μ is τ, and both sides are exponential.
    real!(
        "skew_double_exponential",
        ["mu" LOCATION, "sigma" SCALE, "tau" OpenProbability],
        |a, r| {
            let (sigma, tau) = (a[1], a[2]);
            if uniform(r) < tau {
                a[0] - exponential(2.0 * (1.0 - tau) / sigma, r)
            } else {
                a[0] + exponential(2.0 * tau / sigma, r)
            }
        }
    ),
    real!("lognormal", ["mu" LOCATION, "sigma" SCALE], |a, r| {
        (a[0] + a[1] * standard_normal(r)).exp()
    }),
    real!("exponential", ["beta" SCALE], |a, r| exponential(a[0], r)),
    real!("weibull", ["alpha" Positive, "sigma" SCALE], |a, r| {
        a[1] * exponential(1.0, r).powf(1.0 / a[0])
    }),
    real!("frechet", ["alpha" Positive, "sigma" SCALE], |a, r| {
        a[1] * exponential(1.0, r).powf(-1.0 / a[0])
    }),
    real!("rayleigh", ["sigma" SCALE], |a, r| {
        a[0] * (2.0 * exponential(1.0, r)).sqrt()
    }),
    real!("loglogistic", ["alpha" SCALE, "beta" Positive], |a, r| {
        a[0] * (standard_logistic(r) / a[1]).exp()
    }),
    real!("pareto", ["y_min" SCALE, "alpha" Positive], |a, r| {
        a[0] * exponential(a[1], r).exp()
    }),
    real!(
        "pareto_type_2",
        ["mu" LOCATION, "lambda" SCALE, "alpha" Positive],
        |a, r| a[0] + a[1] * exponential(a[2], r).exp_m1()
    ),
    gamma_row(
        "gamma",
        &[("alpha", Positive), ("beta", Positive)],
        |a, r| gamma(a[0], a[1], r),
    ),
    gamma_row(
        "inv_gamma",
        &[("alpha", Positive), ("beta", Positive)],
        |a, r| Ok(a[1] / gamma(a[0], 1.0, r)?),
    ),
    gamma_row("chi_square", &[("nu", Positive)], |a, r| {
        gamma(0.5 * a[0], 0.5, r)
    }),
    gamma_row("inv_chi_square", &[("nu", Positive)], |a, r| {
        Ok(1.0 / gamma(0.5 * a[0], 0.5, r)?)
    }),
    gamma_row(
        "scaled_inv_chi_square",
        &[("nu", Positive), ("sigma", SCALE)],
        |a, r| Ok(a[0] * a[1] * a[1] / gamma(0.5 * a[0], 0.5, r)?),
    ),
    gamma_row(
        "beta",
        &[("alpha", Positive), ("beta", Positive)],
        |a, r| beta(a[0], a[1], r),
    ),
    gamma_row(
        "beta_proportion",
        &[("mu", OpenProbability), ("kappa", Positive)],
        |a, r| beta(a[0] * a[1], (1.0 - a[0]) * a[1], r),
    ),
    Scalar {
        name: "uniform",
        parameters: &[("alpha", LOCATION), ("beta", LOCATION)],
        draw: Draw::Real(|a, r| {
            if a[0] >= a[1] {
                return Err(format!(
                    "alpha is {}, and must be below beta, {}",
                    a[0], a[1]
                ));
            }
            Ok(a[0] + (a[1] - a[0]) * uniform(r))
        }),
    },
    real!("von_mises", ["mu" LOCATION, "kappa" NonNegative], |a, r| {
        a[0].rem_euclid(TAU) + von_mises(a[1], r)
    }),
];

type Fallible = fn(&[f64], &mut Stream) -> Result<f64, String>;

const fn gamma_row(
    name: &'static str,
    parameters: &'static [(&'static str, Domain)],
    draw: Fallible,
) -> Scalar {
    Scalar {
        name,
        parameters,
        draw: Draw::Real(draw),
    }
}

fn gamma(shape: f64, rate: f64, random: &mut Stream) -> Result<f64, String> {
    Ok(Gamma::new(shape, rate)
        .map_err(|error| error.to_string())?
        .sample(random))
}

/// `log(u/(1 − u))` for a uniform `u` that is neither 0 nor 1.
pub(super) fn standard_logistic(random: &mut impl Rng) -> f64 {
    let u: f64 = rand_distr::Open01.sample(random);
    (u / (1.0 - u)).ln()
}

/// An angle from −π to π with density `∝ exp(κ cos x)`, by rejection from a wrapped Cauchy variable
/// `[@best1979vonmises]`. Where the envelope's constant would lose all digits, its expansion in κ, and
/// for the narrowest densities their normal limit, take its place.
fn von_mises(kappa: f64, random: &mut impl Rng) -> f64 {
    if kappa < 1e-8 {
        return PI * (2.0 * uniform(random) - 1.0);
    }
    if kappa > 1e6 {
        return (standard_normal(random) / kappa.sqrt()).clamp(-PI, PI);
    }
    let s = if kappa < 1e-5 {
        1.0 / kappa + kappa
    } else {
        let r = 1.0 + (1.0 + 4.0 * kappa * kappa).sqrt();
        let rho = (r - (2.0 * r).sqrt()) / (2.0 * kappa);
        (1.0 + rho * rho) / (2.0 * rho)
    };
    loop {
        let z = (PI * uniform(random)).cos();
        let w = (1.0 + s * z) / (s + z);
        let y = kappa * (s - w);
        let v = uniform(random);
        if y * (2.0 - y) - v >= 0.0 || (y / v).ln() + 1.0 - y >= 0.0 {
            let angle = w.clamp(-1.0, 1.0).acos();
            return if uniform(random) < 0.5 { -angle } else { angle };
        }
    }
}
