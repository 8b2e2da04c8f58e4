//! The error, gamma, beta and Bessel families, one entry at a time.
//!
//! The one idea: a value comes from a library or a scalar routine, its derivatives from an identity
//! written over any number, so that second derivatives are exact too. Deliberately absent: functions
//! whose derivatives have no closed form ([`super::incomplete`]).

#![expect(
    clippy::inline_always,
    reason = "a derivative that is written once over any number costs nothing when inlined"
)]

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI, PI, SQRT_2};

use elbo_math::special::{self, LN_SQRT_2PI, normal_quantile};

use super::Pointwise;
use super::bessel;
use super::define::{binary, real, real_binary, several, unary};
use crate::number::Number;

unary! {
    Erf: |x, y| x.erf(), (-(x * x)).exp().times(FRAC_2_SQRT_PI);
    Erfc: |x, y| x.erfc(), (-(x * x)).exp().times(-FRAC_2_SQRT_PI);
    Phi: |x, y| x.times(-FRAC_1_SQRT_2).erfc().times(0.5), standard_normal(x);
}

real! {
    InvPhi: normal_quantile, |x, y| standard_normal(y).recip();
    InvErfc: |x| -normal_quantile(0.5 * x) * FRAC_1_SQRT_2, |x, y| (y * y).exp().times(-1.0 / FRAC_2_SQRT_PI);
    StdNormalLcdf: std_normal_lcdf, |x, y| ((x * x).times(-0.5).plus(-LN_SQRT_2PI) - y).exp();
    // ½x² + log Φ(−x), which neither grows nor cancels in the upper tail.
    LogScaledTail: log_scaled_tail, |x, y| x - (-y).plus(-LN_SQRT_2PI).exp();
    StdNormalLogQf: std_normal_log_qf, |x, y| (x + (y * y).times(0.5).plus(LN_SQRT_2PI)).exp();
    TrueGamma: special::gamma, |x, y| y * x.digamma();
    LambertW0: |x| lambert_w(x, false), |x, y| (y.exp() * y.plus(1.0)).recip();
    LambertWm1: |x| lambert_w(x, true), |x, y| (y.exp() * y.plus(1.0)).recip();
}

real_binary! {
    LogBeta: special::ln_beta, |a, b, y| a.digamma() - (a + b).digamma(), b.digamma() - (a + b).digamma();
    Beta: |a, b| special::ln_beta(a, b).exp(), |a, b, y| y * (a.digamma() - (a + b).digamma()), y * (b.digamma() - (a + b).digamma());
    LogChoose: log_choose, |n, k, y| n.plus(1.0).digamma() - (n - k).plus(1.0).digamma(), (n - k).plus(1.0).digamma() - k.plus(1.0).digamma();
    Choose: |n, k| log_choose(n, k).exp().round(), |n, k, y| T::constant(0.0), T::constant(0.0);
    LogPhiDifference: log_phi_difference, |a, b, y| phi_ratio(a, y), -phi_ratio(b, y);
    OwensT: owens_t, |h, a, y| (h * h).times(-0.5).exp() * (a * h).times(FRAC_1_SQRT_2).erf() * T::constant(-0.25 * FRAC_2_SQRT_PI / SQRT_2), ((h * h) * (a * a).plus(1.0)).times(-0.5).exp() / (a * a).plus(1.0).times(2.0 * PI);
    BesselFirstKind: bessel::j, |v, x, y| T::constant(0.0), (cylinder(bessel::j, v.plus(-1.0), x) - cylinder(bessel::j, v.plus(1.0), x)).times(0.5);
    BesselSecondKind: bessel::y, |v, x, y| T::constant(0.0), (cylinder(bessel::y, v.plus(-1.0), x) - cylinder(bessel::y, v.plus(1.0), x)).times(0.5);
    ModifiedBesselFirstKind: bessel::i, |v, x, y| T::constant(0.0), (modified(bessel::i, v.plus(-1.0), x, 1.0) + modified(bessel::i, v.plus(1.0), x, 1.0)).times(0.5);
    ModifiedBesselSecondKind: bessel::k, |v, x, y| T::constant(0.0), (modified(bessel::k, v.plus(-1.0), x, -1.0) + modified(bessel::k, v.plus(1.0), x, -1.0)).times(-0.5);
}

binary! {
    LogFallingFactorial: |x, n, y| log_falling(x, n), x.plus(1.0).digamma() - (x - n).plus(1.0).digamma(), (x - n).plus(1.0).digamma();
    RisingFactorial: |x, n, y| product(x, n.value(), 1.0), logarithmic_slope(x, n.value(), 1.0) * y, T::constant(0.0);
    FallingFactorial: |x, n, y| product(x, n.value(), -1.0), logarithmic_slope(x, n.value(), -1.0) * y, T::constant(0.0);
}

several! {
    BinaryLogLoss 2: |[success, p], y| -T::select(success.value() != 0.0, p.ln(), (-p).ln_1p()), [
        1: T::select(success.value() != 0.0, -p.recip(), (T::constant(1.0) - p).recip())
    ];
}

/// The standard normal density.
#[inline(always)]
fn standard_normal<T: Number>(x: T) -> T {
    (x * x).times(-0.5).plus(-LN_SQRT_2PI).exp()
}

/// The standard normal density at `x` over a probability, by its logarithm.
#[inline(always)]
fn phi_ratio<T: Number>(x: T, log_probability: T) -> T {
    if x.value().is_infinite() {
        return T::constant(0.0);
    }
    ((x * x).times(-0.5).plus(-LN_SQRT_2PI) - log_probability).exp()
}

/// `log Φ(x)`; far out by the asymptotic series of Mills' ratio (`[@dlmf, eq. 7.12.1]`).
pub(super) fn std_normal_lcdf(x: f64) -> f64 {
    if x > -30.0 {
        let tail = 0.5 * special::erfc(x.abs() * FRAC_1_SQRT_2);
        return if x > 0.0 { (-tail).ln_1p() } else { tail.ln() };
    }
    if x == f64::NEG_INFINITY {
        return x;
    }
    -0.5 * x * x + log_scaled_tail(-x)
}

/// `½x² + log Φ(−x)`: the logarithm of Mills' ratio over `√(2π)`.
fn log_scaled_tail(x: f64) -> f64 {
    if x < 30.0 {
        return 0.5 * x * x + std_normal_lcdf(-x);
    }
    // Terms fall by (2k − 1)/x² ≤ 2%: the tenth is below rounding.
    let u = 1.0 / (x * x);
    let series = (1..=10)
        .rev()
        .fold(1.0, |sum, k| 1.0 - f64::from(2 * k - 1) * u * sum);
    series.ln() - LN_SQRT_2PI - x.ln()
}

/// The `x` with `log Φ(x) = p`, by Newton's method on a concave function.
fn std_normal_log_qf(p: f64) -> f64 {
    if !(p <= 0.0) {
        return f64::NAN;
    }
    if p > -std::f64::consts::LN_2 {
        return -normal_quantile(-p.exp_m1());
    }
    if p > -600.0 {
        return normal_quantile(p.exp());
    }
    if p == f64::NEG_INFINITY {
        return p;
    }
    let mut x = -(-2.0 * p).sqrt();
    for _ in 0..8 {
        let value = std_normal_lcdf(x);
        x -= (value - p) / (-0.5 * x * x - LN_SQRT_2PI - value).exp();
    }
    x
}

/// `log(Φ(a) − Φ(b))`, −∞ unless `a > b`, in the tail where it does not cancel.
fn log_phi_difference(a: f64, b: f64) -> f64 {
    if !(a > b) {
        return f64::NEG_INFINITY;
    }
    let (upper, lower) = if b > 0.0 { (-b, -a) } else { (a, b) };
    let most = std_normal_lcdf(upper);
    if lower == f64::NEG_INFINITY {
        return most;
    }
    // Close together the midpoint's density serves: the error is of the order of (a − b)².
    let (middle, width) = (f64::midpoint(upper, lower), upper - lower);
    if width * middle.abs().max(1.0) < 1e-5 {
        let bend = 1.0 + (middle * middle - 1.0) * width * width / 24.0;
        return width.ln() - 0.5 * middle * middle - LN_SQRT_2PI + bend.ln();
    }
    most + elbo_math::log_space::log1m_exp(std_normal_lcdf(lower) - most)
}

fn log_choose(n: f64, k: f64) -> f64 {
    if k == 0.0 || k == n {
        return 0.0;
    }
    if k <= -1.0 || k >= n + 1.0 {
        return f64::NEG_INFINITY;
    }
    -special::ln_beta(n - k + 1.0, k + 1.0) - n.ln_1p()
}

/// `W(x)` with `W e^W = x`, the branch above −1 or the one below, by Halley's method.
///
/// # References
/// `[@corless1996lambertw, eq. 5.9]`; the starts are its series at the branch point and at 0 and ∞.
fn lambert_w(x: f64, lower: bool) -> f64 {
    let branch = (x * std::f64::consts::E + 1.0) * 2.0;
    if !(branch >= -1e-15) || (lower && x >= 0.0) {
        return if lower && x == 0.0 {
            f64::NEG_INFINITY
        } else {
            f64::NAN
        };
    }
    let p = branch.max(0.0).sqrt() * if lower { -1.0 } else { 1.0 };
    let mut w = if p.abs() < 0.5 {
        -1.0 + p - p * p / 3.0 + 11.0 / 72.0 * p * p * p
    } else if lower {
        let l = (-x).ln();
        l - (-l).ln()
    } else if x < 3.0 {
        x.ln_1p() * (1.0 - 0.25 * x.ln_1p().abs().min(1.0))
    } else {
        x.ln() - x.ln().ln()
    };
    if p == 0.0 || x == 0.0 || x == f64::INFINITY {
        return if p == 0.0 { -1.0 } else { x };
    }
    for _ in 0..40 {
        let e = w.exp();
        let f = w * e - x;
        let step = f / (e * (w + 1.0) - (w + 2.0) * f / (2.0 * w + 2.0));
        if !step.is_finite() {
            break;
        }
        w -= step;
        if step.abs() <= 2.0 * f64::EPSILON * w.abs() {
            break;
        }
    }
    w
}

/// Owen's function, `1/(2π) ∫_0^a exp(−h²(1 + x²)/2) / (1 + x²) dx`, by adaptive quadrature where
/// the integrand lives.
///
/// # References
/// `[@owen1956tables]`.
fn owens_t(h: f64, a: f64) -> f64 {
    if h.is_nan() || a.is_nan() {
        return f64::NAN;
    }
    let (h, size) = (h.abs(), a.abs());
    // For |a| > 1 by the reflection that exchanges h and ah.
    let value = if size <= 1.0 {
        owens_t_below_one(h, size)
    } else if size == f64::INFINITY {
        0.25 * special::erfc(h * FRAC_1_SQRT_2)
    } else {
        let (p, q) = (special::normal_cdf(-h), special::normal_cdf(-h * size));
        0.5 * (p + q) - p * q - owens_t_below_one(h * size, 1.0 / size)
    };
    value.copysign(a)
}

fn owens_t_below_one(h: f64, a: f64) -> f64 {
    // Beyond h x = 9 the integrand is below rounding relative to its start.
    let upper = a.min(9.0 / h.max(1e-300));
    let f = |x: f64| (-0.5 * h * h * x * x).exp() / (1.0 + x * x);
    elbo_math::quadrature::integrate(f, 0.0, upper, 0.0, 1e-14)
        .map_or(f64::NAN, |i| i.value * (-0.5 * h * h).exp() / (2.0 * PI))
}

/// A Bessel function of integer order with `f′ = (f_{v−1} − f_{v+1})/2`.
fn cylinder<T: Number>(f: fn(f64, f64) -> f64, v: T, x: T) -> T {
    let (v, at) = (v.value(), x.value());
    x.chain(f(v, at), || 0.5 * (f(v - 1.0, at) - f(v + 1.0, at)))
}

/// A modified Bessel function of integer order with `f′ = sign (f_{v−1} + f_{v+1})/2`.
fn modified<T: Number>(f: fn(f64, f64) -> f64, v: T, x: T, sign: f64) -> T {
    let (v, at) = (v.value(), x.value());
    x.chain(f(v, at), || 0.5 * sign * (f(v - 1.0, at) + f(v + 1.0, at)))
}

/// `log |Γ(x + 1)| − log |Γ(x − n + 1)|`; where both are positive, without cancellation.
fn log_falling<T: Number>(x: T, n: T) -> T {
    let (first, last) = ((x - n).plus(1.0), x.plus(1.0));
    let are_positive = first.value() > 0.0 && last.value() > 0.0;
    T::select(
        are_positive,
        first.ln_rising(n),
        last.ln_gamma() - first.ln_gamma(),
    )
}

/// Factors of a rising (`step` = 1) or falling factorial; more are taken by log-gammas.
const MOST_FACTORS: f64 = 200.0;

/// `x (x + s) (x + 2s) ⋯`, `n` factors.
fn product<T: Number>(x: T, n: f64, step: f64) -> T {
    if n <= MOST_FACTORS && n == n.trunc() && n >= 0.0 {
        let mut value = T::constant(1.0);
        let mut k = 0.0;
        while k < n {
            value = value * x.plus(step * k);
            k += 1.0;
        }
        return value;
    }
    let first = if step > 0.0 { x } else { x.plus(1.0 - n) };
    first.ln_rising(T::constant(n)).exp()
}

/// `d/dx log` of [`product`].
fn logarithmic_slope<T: Number>(x: T, n: f64, step: f64) -> T {
    if n <= MOST_FACTORS && n == n.trunc() && n >= 0.0 {
        let mut value = T::constant(0.0);
        let mut k = 0.0;
        while k < n {
            value += x.plus(step * k).recip();
            k += 1.0;
        }
        return value;
    }
    let first = if step > 0.0 { x } else { x.plus(1.0 - n) };
    first.plus(n).digamma_positive() - first.digamma_positive()
}
