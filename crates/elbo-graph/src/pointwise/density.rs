//! The inner parts of frequent densities, fused so that a row of data is read once.
//!
//! The one idea: what depends on a scale or a count alone (a logarithm, a reciprocal, a log-gamma)
//! is an argument, so that it is computed where it varies: once for a common scale, when the graph
//! is built for data. Deliberately absent: whole densities, which [`crate::density`] puts together.

#![expect(
    clippy::inline_always,
    reason = "a function that is not inlined into its loop cannot be vectorised"
)]

use elbo_math::special::LN_SQRT_2PI;

use super::Pointwise;
use super::define::{several, unary};
use super::elementary::indicator;
use super::term::{Addend, Term};
use crate::number::Number;

unary! {
    // A scale that is not positive makes the density −∞, by way of its logarithm +∞.
    LogScale: |x, y| T::select(x.value() > 0.0, x.ln(), T::constant(f64::INFINITY)), x.recip();
    InverseScale: |x, y| T::select(x.value() > 0.0, x.recip(), indicator(true)), -(y * y);
    // −|z| − 2 log(1 + e⁻|z|), even in z.
    LogisticDensity: |z, y| -z.abs() - (-z.abs()).exp().ln_1p().times(2.0), T::constant(1.0) - z.inv_logit().times(2.0);
    // At −∞ it would be ∞ − ∞.
    GumbelDensity: |z, y| T::select(z.value() == f64::NEG_INFINITY, z, -z - (-z).exp()), (-z).exp().plus(-1.0);
}

several! {
    Standardise 3: |[y, mean, inverse], z| (y - mean) * inverse, [0: inverse, 1: -inverse, 2: y - mean];
    NormalDensity 4: |[y, mean, inverse, log], value| normal((y - mean) * inverse, log), [
        0: (mean - y) * inverse * inverse,
        1: (y - mean) * inverse * inverse,
        2: (mean - y) * (y - mean) * inverse,
        3: T::constant(-1.0)
    ];
    // z²/ν inside of −(ν + 1)/2 log(1 + z²/ν) + rest.
    StudentTDensity 5: |[y, mean, inverse, nu, rest], value| student_t((y - mean) * inverse, nu, rest), [
        0: student_t_slope((y - mean) * inverse, nu) * inverse,
        1: -student_t_slope((y - mean) * inverse, nu) * inverse,
        2: student_t_slope((y - mean) * inverse, nu) * (y - mean),
        3: student_t_by_nu((y - mean) * inverse, nu),
        4: T::constant(1.0)
    ];
    // Counts with mean λ ≥ 0; a mean of 0 gives 0 for certain.
    Poisson 3: |[y, mean, log_factorial], value| poisson(y, mean, log_factorial), [
        0: mean.ln(),
        1: T::select(y.value() == 0.0, T::constant(-1.0), (y / mean).plus(-1.0)),
        2: T::constant(-1.0)
    ];
    // y x − (y + φ) log(1 + eˣ), x being the log of the odds.
    NegativeBinomialLog 3: |[y, x, phi], value| y * x - (y + phi) * x.ln_1p_exp(), [
        0: -(-x).ln_1p_exp(),
        1: y * (-x).inv_logit() - phi * x.inv_logit(),
        2: -x.ln_1p_exp()
    ];
}

/// `log p` for a success, `y = 1`, and `log(1 − p)` for a failure, `y = 0`.
pub(crate) struct Bernoulli;

impl Pointwise<2> for Bernoulli {
    #[inline(always)]
    fn value<T: Number>(x: [T; 2]) -> T {
        Self::value_and_partial::<T, 1>(x).0
    }

    #[inline(always)]
    fn partial<T: Number, const I: usize>(x: [T; 2], _: T) -> T {
        Self::value_and_partial::<T, I>(x).1
    }

    #[inline(always)]
    fn value_and_partial<T: Number, const I: usize>([y, p]: [T; 2]) -> (T, T) {
        let success = y.value() != 0.0;
        let failure = (-p).plus(1.0);
        let chance = T::select(success, p, failure);
        let slope = chance.recip();
        // What rounding took from 1 − p, to first order.
        let lost = (-p - failure.plus(-1.0)) * slope;
        let lost = T::select(success || chance.value() == 0.0, T::constant(0.0), lost);
        (chance.ln() + lost, T::select(success, slope, -slope))
    }
}

/// `−log(1 + e^(−sx))`; `s` is 1 for a success and −1 for a failure.
pub(crate) struct BernoulliLogit;

impl Pointwise<2> for BernoulliLogit {
    #[inline(always)]
    fn value<T: Number>([s, x]: [T; 2]) -> T {
        (s * x).ln_inv_logit_and_slope().0
    }

    #[inline(always)]
    fn partial<T: Number, const I: usize>([s, x]: [T; 2], _: T) -> T {
        (if I == 0 { x } else { s }) * (-(s * x)).inv_logit()
    }

    #[inline(always)]
    fn value_and_partial<T: Number, const I: usize>([s, x]: [T; 2]) -> (T, T) {
        let (value, slope) = (s * x).ln_inv_logit_and_slope();
        (value, (if I == 0 { x } else { s }) * slope)
    }
}

/// `y log inv_logit(x) + (n − y) log inv_logit(−x) + rest`.
pub(crate) struct BinomialLogit;

impl Pointwise<4> for BinomialLogit {
    #[inline(always)]
    fn value<T: Number>([y, n, x, rest]: [T; 4]) -> T {
        let [below, above] = ln_logistic(x);
        rest + y * below.0 + (n - y) * above.0
    }

    #[inline(always)]
    fn partial<T: Number, const I: usize>([y, n, x, _]: [T; 4], _: T) -> T {
        let [below, above] = ln_logistic(x);
        match I {
            0 => x,
            1 => above.0,
            2 => y * below.1 - (n - y) * above.1,
            _ => T::constant(1.0),
        }
    }

    #[inline(always)]
    fn value_and_partial<T: Number, const I: usize>(x: [T; 4]) -> (T, T) {
        let (addend, partials) = Self::value_and_partials(x);
        (addend.value, partials[I])
    }
}

/// `log inv_logit(x)` and `log inv_logit(−x)`, each with the size of its derivative.
#[inline(always)]
fn ln_logistic<T: Number>(x: T) -> [(T, T); 2] {
    let negative = x.value() < 0.0;
    let distance = T::select(negative, -x, x);
    let (value, near) = distance.ln_inv_logit_and_slope();
    let far = (-near).plus(1.0);
    let (less, at) = ((value - distance, far), (value, near));
    let choose =
        |a: (T, T), b: (T, T)| (T::select(negative, a.0, b.0), T::select(negative, a.1, b.1));
    [choose(less, at), choose(at, less)]
}

/// `y x − eˣ − log y!`: counts with mean `eˣ`.
pub(crate) struct PoissonLog;

impl Pointwise<3> for PoissonLog {
    #[inline(always)]
    fn value<T: Number>([y, x, log_factorial]: [T; 3]) -> T {
        y * x - x.exp() - log_factorial
    }

    #[inline(always)]
    fn partial<T: Number, const I: usize>([y, x, _]: [T; 3], _: T) -> T {
        match I {
            0 => x,
            1 => y - x.exp(),
            _ => T::constant(-1.0),
        }
    }

    #[inline(always)]
    fn value_and_partial<T: Number, const I: usize>(x: [T; 3]) -> (T, T) {
        let (addend, partials) = Self::value_and_partials(x);
        (addend.value, partials[I])
    }
}

impl Term<4> for NormalDensity {
    #[inline(always)]
    fn value_and_partials<T: Number>([y, mean, inverse, log]: [T; 4]) -> (Addend<T>, [T; 4]) {
        let rest = y - mean;
        let z = rest * inverse;
        let slope = z * inverse;
        let minus_one = T::constant(-1.0);
        let partials = [-slope, slope, -(z * rest), minus_one];
        (normal(z, log).into(), partials)
    }
}

impl Term<2> for BernoulliLogit {
    const IS_FACTORED: bool = true;

    #[inline(always)]
    fn value_and_partials<T: Number>([s, x]: [T; 2]) -> (Addend<T>, [T; 2]) {
        let (value, factor, slope) = (s * x).ln_inv_logit_factor_and_slope();
        (Addend { value, factor }, [x * slope, s * slope])
    }
}

impl Term<4> for BinomialLogit {
    #[inline(always)]
    fn value_and_partials<T: Number>([y, n, x, rest]: [T; 4]) -> (Addend<T>, [T; 4]) {
        let [below, above] = ln_logistic(x);
        let failures = n - y;
        let value = rest + y * below.0 + failures * above.0;
        let by_x = y * below.1 - failures * above.1;
        (value.into(), [x, above.0, by_x, T::constant(1.0)])
    }
}

impl Term<3> for PoissonLog {
    #[inline(always)]
    fn value_and_partials<T: Number>([y, x, log_factorial]: [T; 3]) -> (Addend<T>, [T; 3]) {
        let mean = x.exp();
        let value = y * x - mean - log_factorial;
        (value.into(), [x, y - mean, T::constant(-1.0)])
    }
}

#[inline(always)]
fn normal<T: Number>(z: T, log_scale: T) -> T {
    (z * z).times(-0.5) - log_scale.plus(LN_SQRT_2PI)
}

#[inline(always)]
fn student_t<T: Number>(z: T, nu: T, rest: T) -> T {
    rest - nu.plus(1.0).times(0.5) * (z * z / nu).ln_1p()
}

/// The derivative of [`student_t`] by `z`.
#[inline(always)]
fn student_t_slope<T: Number>(z: T, nu: T) -> T {
    -nu.plus(1.0) * z / (nu + z * z)
}

/// The derivative of [`student_t`] by `ν`.
#[inline(always)]
fn student_t_by_nu<T: Number>(z: T, nu: T) -> T {
    let square = z * z;
    let last = nu.plus(1.0) * square / (nu * (nu + square));
    (last - (square / nu).ln_1p()).times(0.5)
}

#[inline(always)]
fn poisson<T: Number>(y: T, mean: T, log_factorial: T) -> T {
    let none = y.value() == 0.0;
    let power = T::select(none, T::constant(0.0), y * mean.ln());
    let value = power - mean - log_factorial;
    T::select(mean.value() >= 0.0, value, T::constant(f64::NEG_INFINITY))
}
