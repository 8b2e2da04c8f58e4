//! Arithmetic, and the exponential, logistic and gamma families of functions, in loops that
//! vectorise.

#![expect(
    clippy::inline_always,
    reason = "a function that is not inlined into its loop cannot be vectorised"
)]

use super::Pointwise;
use super::define::{binary, real_binary, several, unary};
use crate::number::Number;

unary! {
    Negate: |x, y| -x, T::constant(-1.0);
    Exp: |x, y| x.exp(), y;
    Log: |x, y| x.ln(), finite_reciprocal(x);
    Log1p: |x, y| x.ln_1p(), x.plus(1.0).recip();
    Log1m: |x, y| (-x).ln_1p(), -finite_reciprocal(T::constant(1.0) - x);
    Expm1: |x, y| x.exp_m1(), y.plus(1.0);
    Sqrt: |x, y| x.sqrt(), T::select(y.value() == 0.0, T::constant(0.0), T::constant(0.5) / y);
    Square: |x, y| x * x, x + x;
    Inverse: |x, y| x.recip(), -(y * y);
    InvSqrt: |x, y| x.sqrt().recip(), (y / x).times(-0.5);
    InvSquare: |x, y| (x * x).recip(), (y / x).times(-2.0);
    Abs: |x, y| x.abs(), T::constant(sign(x.value()));
    InvLogit: |x, y| x.inv_logit(), y * (T::constant(1.0) - y);
    Logit: |x, y| x.ln() - (-x).ln_1p(), (x * (T::constant(1.0) - x)).recip();
    Log1mExp: |x, y| log1m_exp(x), -inverse_expm1(-x);
    LogInvLogit: |x, y| x.ln_inv_logit_and_slope().0, (-x).inv_logit();
    Log1mInvLogit: |x, y| -x.ln_1p_exp(), -x.inv_logit();
    CLogLog: |x, y| (-(-x).ln_1p()).ln(), -((T::constant(1.0) - x) * (-x).ln_1p()).recip();
    InvCLogLog: |x, y| -(-x.exp()).exp_m1(), (x - x.exp()).exp();
    Tanh: |x, y| x.tanh_and_sech().0, x.tanh_and_sech().1.square();
    PhiApprox: |x, y| phi_approx_logit(x).inv_logit(), y * (T::constant(1.0) - y) * (x * x).times(3.0 * 0.07056).plus(1.5976);
    LogGamma: |x, y| x.ln_gamma(), x.digamma();
    Digamma: |x, y| x.digamma(), x.trigamma();
    Trigamma: |x, y| x.trigamma(), x.tetragamma();
}

binary! {
    Add: |a, b, y| a + b, T::constant(1.0), T::constant(1.0);
    Subtract: |a, b, y| a - b, T::constant(1.0), T::constant(-1.0);
    Multiply: |a, b, y| a * b, b, a;
    Divide: |a, b, y| a / b, b.recip(), -y / b;
    Power: |a, b, y| a.pow(b), a.pow_slope(b, y), T::select(a.value() == 0.0, T::constant(0.0), y * a.ln());
    Maximum: |a, b, y| T::select(a.value() >= b.value(), a, b), indicator(a.value() >= b.value()), indicator(a.value() < b.value());
    Minimum: |a, b, y| T::select(a.value() <= b.value(), a, b), indicator(a.value() <= b.value()), indicator(a.value() > b.value());
    PositiveDifference: |a, b, y| T::select(a.value() > b.value(), a - b, T::constant(0.0)), indicator(a.value() > b.value()), -indicator::<T>(a.value() > b.value());
    Weigh: |a, x, y| times_unless_zero(a, x), T::select(a.value() == 0.0 && !x.value().is_finite(), T::constant(0.0), x), a;
    LogMultiply: |a, b, y| times_unless_zero(a, b.ln()), T::select(a.value() == 0.0 && b.value() == 0.0, T::constant(0.0), b.ln()), times_unless_zero(a, b.recip());
    Log1mMultiply: |a, b, y| times_unless_zero(a, (-b).ln_1p()), T::select(a.value() == 0.0 && b.value() == 1.0, T::constant(0.0), (-b).ln_1p()), -times_unless_zero(a, (T::constant(1.0) - b).recip());
    LogInvLogitDifference: |a, b, y| log_inv_logit_difference(a, b), inverse_expm1(a - b) + (-a).inv_logit(), -inverse_expm1(a - b) - b.inv_logit();
    LogRisingFactorial: |x, n, y| x.ln_rising(n), (x + n).digamma_positive() - x.digamma_positive(), (x + n).digamma_positive();
}

real_binary! {
    LogSumExp: log_sum_exp, |a, b, y| gap(a, b).inv_logit(), gap(b, a).inv_logit();
    LogDiffExp: log_diff_exp, |a, b, y| inverse_expm1(a - b).plus(1.0), -inverse_expm1(a - b);
}

several! {
    // Rounded twice.
    MultiplyAdd 3: |[a, b, c], y| a * b + c, [0: b, 1: a, 2: T::constant(1.0)];
    LogMix 3: |[p, a, b], y| log_mix(p, a, b), [
        0: (a - y).exp() - (b - y).exp(),
        1: p * (a - y).exp(),
        2: (T::constant(1.0) - p) * (b - y).exp()
    ];
}

/// `log(1 + eˣ)`.
pub(crate) struct Log1pExp;

impl Pointwise<1> for Log1pExp {
    #[inline(always)]
    fn value<T: Number>([x]: [T; 1]) -> T {
        x.ln_1p_exp()
    }

    #[inline(always)]
    fn partial<T: Number, const I: usize>([x]: [T; 1], _: T) -> T {
        x.inv_logit()
    }

    #[inline(always)]
    fn value_and_partial<T: Number, const I: usize>([x]: [T; 1]) -> (T, T) {
        x.ln_1p_exp_and_inv_logit()
    }
}

#[inline(always)]
fn sign(x: f64) -> f64 {
    if x > 0.0 {
        1.0
    } else if x < 0.0 {
        -1.0
    } else {
        0.0
    }
}

#[inline(always)]
pub(super) fn indicator<T: Number>(condition: bool) -> T {
    T::constant(if condition { 1.0 } else { 0.0 })
}

/// `1/x`, but the largest number at 0: times an adjoint of 0 (a power of 0) it must give 0.
#[inline(always)]
fn finite_reciprocal<T: Number>(x: T) -> T {
    T::select(x.value() == 0.0, T::constant(f64::MAX), x.recip())
}

/// `log(1 − eˣ)` for `x < 0`, by whichever form keeps the digits (`[@maechler2012log1mexp]`).
#[inline(always)]
fn log1m_exp<T: Number>(x: T) -> T {
    let near = (-x.exp_m1()).ln();
    let far = (-x.exp()).ln_1p();
    T::select(x.value() > -std::f64::consts::LN_2, near, far)
}

/// `1 / (eˣ − 1)` for `x > 0`, without overflow.
#[inline(always)]
fn inverse_expm1<T: Number>(x: T) -> T {
    -(-x).exp() / (-x).exp_m1()
}

/// The cubic inside of Stan's `Phi_approx`.
#[inline(always)]
fn phi_approx_logit<T: Number>(x: T) -> T {
    x * (x * x).times(0.07056).plus(1.5976)
}

/// `a x`, and 0 where `a` is 0 whatever `x` is: a power of 0 counts for nothing.
#[inline(always)]
fn times_unless_zero<T: Number>(a: T, x: T) -> T {
    T::select(
        a.value() == 0.0 && !x.value().is_finite(),
        T::constant(0.0),
        a * x,
    )
}

/// `a − b`, and 0 for equal infinities.
#[inline(always)]
fn gap<T: Number>(a: T, b: T) -> T {
    let undefined = a.value() == b.value() && a.value().abs() == f64::INFINITY;
    T::select(undefined, T::constant(0.0), a - b)
}

#[inline(always)]
fn log_sum_exp(a: f64, b: f64) -> f64 {
    let most = if a > b { a } else { b };
    // Equal infinities have no difference.
    let apart = if a == b { 0.0 } else { -(a - b).abs() };
    most + Number::ln_1p(Number::exp(apart))
}

#[inline(always)]
fn log_diff_exp(a: f64, b: f64) -> f64 {
    let apart = if a == b { 0.0 } else { b - a };
    let value = a + log1m_exp(apart);
    if a == b { f64::NEG_INFINITY } else { value }
}

/// `log(inv_logit(a) − inv_logit(b))`, −∞ unless `a > b`: the difference is
/// `inv_logit(a) inv_logit(−b) (1 − e^(b − a))`.
#[inline(always)]
fn log_inv_logit_difference<T: Number>(a: T, b: T) -> T {
    let value = log1m_exp(b - a) - (-a).ln_1p_exp() - b.ln_1p_exp();
    T::select(a.value() > b.value(), value, T::constant(f64::NEG_INFINITY))
}

/// `log(p eᵃ + (1 − p) eᵇ)`.
#[inline(always)]
fn log_mix<T: Number>(p: T, a: T, b: T) -> T {
    let most = T::select(a.value() > b.value(), a, b);
    let finite = most.value().abs() != f64::INFINITY;
    let shift = T::constant(if finite { most.value() } else { 0.0 });
    (p * (a - shift).exp() + (T::constant(1.0) - p) * (b - shift).exp()).ln() + shift
}
