//! The incomplete gamma and beta functions with derivatives in all arguments.
//!
//! The one idea: series of positive terms and continued fractions are evaluated on numbers with a
//! tangent, so that derivatives which have no closed form come out of the same loop. Everything is
//! computed as a logarithm, which keeps the tails. Deliberately absent: second derivatives, which
//! [`super::library`] takes by differences.

use elbo_math::special;

use super::Library;
use super::bessel;
use super::special::std_normal_lcdf;
use crate::number::{Dual, Number};

/// No loop runs longer.
const MOST_TERMS: u32 = 2_000_000;

/// A function evaluated on numbers with a tangent.
macro_rules! library {
    ($($variant:ident $n:literal: |[$($x:ident),+]| $value:expr;)+) => {
        $(
            pub(crate) struct $variant;

            impl Library<$n> for $variant {
                fn value<T: Number>([$($x),+]: [T; $n]) -> T {
                    $value
                }
            }
        )+
    };
}

library! {
    LogGammaP 2: |[a, x]| log_gamma_pq(a, x).0;
    LogGammaQ 2: |[a, x]| log_gamma_pq(a, x).1;
    GammaP 2: |[a, x]| log_gamma_pq(a, x).0.exp();
    GammaQ 2: |[a, x]| log_gamma_pq(a, x).1.exp();
    LogIncBeta 3: |[a, b, x]| log_inc_beta(a, b, x);
    IncBeta 3: |[a, b, x]| log_inc_beta(a, b, x).exp();
    StudentTLcdf 2: |[z, nu]| student_t_lcdf(z, nu);
    InvIncBeta 3: |[a, b, p]| inv_inc_beta(a, b, p);
    LogModifiedBesselFirstKind 2: |[v, x]| bessel::log_i(v, x);
}

/// `log(1 − eˣ)` for `x ≤ 0`.
fn complement<T: Number>(x: T) -> T {
    if x.value() > -std::f64::consts::LN_2 {
        (-x.exp_m1()).ln()
    } else {
        (-x.exp()).ln_1p()
    }
}

/// `log P(a, x)` and `log Q(a, x)`.
///
/// # References
/// `[@dlmf, eqs. 8.7.1, 8.9.2]`.
fn log_gamma_pq<T: Number>(a: T, x: T) -> (T, T) {
    let (shape, at) = (a.value(), x.value());
    let nothing = T::constant(f64::NEG_INFINITY);
    if !(shape > 0.0) || at.is_nan() {
        return (T::constant(f64::NAN), T::constant(f64::NAN));
    }
    if at <= 0.0 {
        return (nothing, T::constant(0.0));
    }
    if at == f64::INFINITY {
        return (T::constant(0.0), nothing);
    }
    let power = a * x.ln() - x;
    if at < shape + 1.0 {
        let (mut term, mut sum) = (T::constant(1.0), T::constant(1.0));
        for n in 1..MOST_TERMS {
            term = term * x / a.plus(f64::from(n));
            sum += term;
            if term.value() < 1e-17 * sum.value() {
                break;
            }
        }
        let log_p = power - a.plus(1.0).ln_gamma_positive() + sum.ln();
        (log_p, complement(log_p))
    } else {
        let first = (x - a).plus(1.0);
        let fraction = lentz(first, |n| {
            let n = f64::from(n);
            ((a.plus(-n)).times(n), first.plus(2.0 * n))
        });
        let log_q = power - a.ln_gamma_positive() + fraction.ln();
        (complement(log_q), log_q)
    }
}

/// `log I_x(a, b)`.
///
/// # References
/// `[@dlmf, eq. 8.17.22]`.
fn log_inc_beta<T: Number>(a: T, b: T, x: T) -> T {
    let at = x.value();
    if !(a.value() > 0.0) || !(b.value() > 0.0) || at.is_nan() {
        T::constant(f64::NAN)
    } else if at <= 0.0 {
        T::constant(f64::NEG_INFINITY)
    } else if at >= 1.0 {
        T::constant(0.0)
    } else {
        log_inner_beta(a, b, x, T::constant(1.0) - x)
    }
}

/// [`log_inc_beta`] of `x` and `rest = 1 − x` in `(0, 1)`.
fn log_inner_beta<T: Number>(a: T, b: T, x: T, rest: T) -> T {
    if x.value() * (a.value() + b.value() + 2.0) > a.value() + 1.0 {
        complement(log_lower_beta(b, a, rest, x))
    } else {
        log_lower_beta(a, b, x, rest)
    }
}

/// [`log_inner_beta`] below the mean.
fn log_lower_beta<T: Number>(a: T, b: T, x: T, rest: T) -> T {
    let log_beta = a.chain_two(
        b,
        special::ln_beta(a.value(), b.value()),
        || special::digamma(a.value()) - special::digamma(a.value() + b.value()),
        || special::digamma(b.value()) - special::digamma(a.value() + b.value()),
    );
    let fraction = lentz(T::constant(1.0), |n| {
        let m = f64::from(n / 2);
        let numerator = if n % 2 == 0 {
            b.plus(-m).times(m) / (a.plus(2.0 * m - 1.0) * a.plus(2.0 * m))
        } else {
            -(a.plus(m) * (a + b).plus(m)) / (a.plus(2.0 * m) * a.plus(2.0 * m + 1.0))
        };
        (numerator * x, T::constant(1.0))
    });
    a * x.ln() + b * rest.ln() - log_beta - a.ln() + fraction.ln()
}

/// `1 / (b₀ + a₁/(b₁ + a₂/(b₂ + …)))` by Lentz's method, `[@press2007numerical, sec. 5.2]`.
fn lentz<T: Number>(first: T, coefficients: impl Fn(u32) -> (T, T)) -> T {
    const TINY: f64 = 1e-300;
    let away_from_zero = |v: T| {
        if v.value().abs() < TINY {
            T::constant(TINY)
        } else {
            v
        }
    };
    let mut d = away_from_zero(first).recip();
    let mut value = d;
    // The first c is infinite.
    let mut c: Option<T> = None;
    let mut settled = 0;
    for n in 1..MOST_TERMS {
        let (a, b) = coefficients(n);
        d = away_from_zero(a * d + b).recip();
        let next = c.map_or(b, |c| away_from_zero(b + a / c));
        c = Some(next);
        let factor = d * next;
        value = value * factor;
        // A few rounds more than the value needs let the tangent settle.
        settled = if (factor.value() - 1.0).abs() < 1e-16 {
            settled + 1
        } else {
            0
        };
        if settled > 4 {
            break;
        }
    }
    value
}

/// The logarithm of Student's distribution function; by `z` its derivative is the density.
fn student_t_lcdf<T: Number>(z: T, nu: T) -> T {
    let (at, shape) = (z.value(), nu.value());
    if !(shape > 0.0) || at.is_nan() {
        return T::constant(f64::NAN);
    }
    if at.is_infinite() {
        return T::constant(if at > 0.0 { 0.0 } else { at });
    }
    // Half of the probability beyond |z|, and its derivative by ν.
    let nu_only = |nu: Dual| {
        if shape > LARGE_NU {
            return hill(at, nu);
        }
        // Beyond this the square overflows.
        let square = Dual::constant(at.abs().min(1e150).powi(2));
        let (x, rest) = (nu / (nu + square), square / (nu + square));
        let beyond = if rest.value() == 0.0 {
            Dual::constant(0.0)
        } else {
            log_inner_beta(nu.times(0.5), Dual::constant(0.5), x, rest)
        };
        let tail = beyond.plus(-std::f64::consts::LN_2);
        if at > 0.0 { complement(tail) } else { tail }
    };
    let seeded = nu_only(Dual {
        value: shape,
        tangent: 1.0,
    });
    let log_density = Number::ln_rising(0.5 * shape, 0.5)
        - 0.5 * (shape.ln() + special::LN_PI)
        - 0.5 * (shape + 1.0) * (at * at / shape).ln_1p();
    z.chain_two(
        nu,
        seeded.value,
        || (log_density - seeded.value).exp(),
        || seeded.tangent,
    )
}

/// From here on [`hill`]'s expansion is exact to rounding, and the fraction needs `O(√ν)` terms.
const LARGE_NU: f64 = 1e6;

/// [`student_t_lcdf`] for large `ν`, by the normal distribution at a stretched `z`.
///
/// # References
/// `[@hill1970student]`, the expansion of algorithm 395.
fn hill<T: Number>(z: f64, nu: T) -> T {
    let a = nu.plus(-0.5);
    let b = (a * a).times(48.0);
    // z² may overflow where its logarithm does not.
    let growth = if z.abs() < 1e100 {
        (T::constant(z * z) / nu).ln_1p()
    } else {
        T::constant(2.0 * z.abs().ln()) - nu.ln()
    };
    let y = a * growth;
    let ratio = if y.value() < 1e10 {
        let cubic = ((y.times(-0.4).plus(-3.3) * y).plus(-24.0) * y).plus(-85.5);
        cubic / ((y * y).times(0.8) + b.plus(100.0))
    } else {
        y.times(-0.5)
    };
    let stretched = y.sqrt() * ((ratio + y.plus(3.0)) / b).plus(1.0);
    let x = stretched.value().copysign(z);
    let value = std_normal_lcdf(x);
    // A z of 0 stays there.
    let slope = || {
        (-0.5 * x * x - special::LN_SQRT_2PI - value)
            .exp()
            .copysign(z)
    };
    if z == 0.0 {
        T::constant(value)
    } else {
        stretched.chain(value, slope)
    }
}

/// The `x` with `I_x(a, b) = p`, by bisection of its logit; derivatives by the implicit function.
fn inv_inc_beta<T: Number>(a: T, b: T, p: T) -> T {
    let target = p.value();
    if !(0.0..=1.0).contains(&target) {
        return T::constant(f64::NAN);
    }
    if target == 0.0 || target == 1.0 {
        return T::constant(target);
    }
    let (mut low, mut high) = (-745.0, 745.0);
    for _ in 0..80 {
        let middle = f64::midpoint(low, high);
        let x = Number::inv_logit(middle);
        if special::beta_i(a.value(), b.value(), x) < target {
            low = middle;
        } else {
            high = middle;
        }
    }
    let x = Number::inv_logit(f64::midpoint(low, high));
    // I(a, b, x) = p: with x held, what I changes by must be made up for by x.
    let reached = log_inc_beta(a, b, T::constant(x)).exp();
    let (shape, other) = (a.value(), b.value());
    let density = ((shape - 1.0) * x.ln() + (other - 1.0) * (-x).ln_1p()
        - special::ln_beta(shape, other))
    .exp();
    (p - reached).chain(x, || density.recip())
}
