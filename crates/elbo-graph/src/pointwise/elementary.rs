//! Arithmetic, and the exponential and logistic families of functions.

#![expect(
    clippy::inline_always,
    reason = "a function that is not inlined into its loop cannot be vectorised"
)]

use super::Pointwise;
use crate::number::Number;

/// A function of one number from its value and derivative.
macro_rules! unary {
    ($($variant:ident: |$x:ident, $y:ident| $value:expr, $derivative:expr;)+) => {
        $(
            pub(crate) struct $variant;

            impl Pointwise<1> for $variant {
                #[inline(always)]
                fn value<T: Number>([$x]: [T; 1]) -> T {
                    $value
                }

                #[inline(always)]
                fn partial<T: Number, const I: usize>([$x]: [T; 1], $y: T) -> T {
                    // A derivative is written in whichever of x and y is cheaper.
                    let _ = ($x, $y);
                    $derivative
                }
            }
        )+
    };
}

/// A function of two numbers from its value and both derivatives.
macro_rules! binary {
    ($($variant:ident: |$a:ident, $b:ident, $y:ident| $value:expr, $first:expr, $second:expr;)+) => {
        $(
            pub(crate) struct $variant;

            impl Pointwise<2> for $variant {
                #[inline(always)]
                fn value<T: Number>([$a, $b]: [T; 2]) -> T {
                    $value
                }

                #[inline(always)]
                fn partial<T: Number, const I: usize>([$a, $b]: [T; 2], $y: T) -> T {
                    let _ = ($a, $b, $y);
                    if I == 0 { $first } else { $second }
                }
            }
        )+
    };
}

unary! {
    Negate: |x, y| -x, T::constant(-1.0);
    Exp: |x, y| x.exp(), y;
    Log: |x, y| x.ln(), x.recip();
    Log1p: |x, y| x.ln_1p(), x.plus(1.0).recip();
    Expm1: |x, y| x.exp_m1(), y.plus(1.0);
    Sqrt: |x, y| x.sqrt(), T::constant(0.5) / y;
    Square: |x, y| x * x, x + x;
    Inverse: |x, y| x.recip(), -(y * y);
    Abs: |x, y| x.abs(), T::constant(sign(x.value()));
    InvLogit: |x, y| x.inv_logit(), y * (T::constant(1.0) - y);
    Logit: |x, y| x.ln() - (-x).ln_1p(), (x * (T::constant(1.0) - x)).recip();
    Log1mExp: |x, y| log1m_exp(x), -(-x).exp_m1().recip();
    LogInvLogit: |x, y| -(-x).ln_1p_exp(), (-x).inv_logit();
}

binary! {
    Add: |a, b, y| a + b, T::constant(1.0), T::constant(1.0);
    Subtract: |a, b, y| a - b, T::constant(1.0), T::constant(-1.0);
    Multiply: |a, b, y| a * b, b, a;
    Divide: |a, b, y| a / b, b.recip(), -y / b;
    Power: |a, b, y| a.pow(b), b * a.pow(b.plus(-1.0)), T::select(a.value() == 0.0, T::constant(0.0), y * a.ln());
    Maximum: |a, b, y| T::select(a.value() >= b.value(), a, b), indicator(a.value() >= b.value()), indicator(a.value() < b.value());
    Minimum: |a, b, y| T::select(a.value() <= b.value(), a, b), indicator(a.value() <= b.value()), indicator(a.value() > b.value());
}

/// `log(1 + eˣ)`.
pub(crate) struct Log1pExp;

impl Pointwise<1> for Log1pExp {
    const SHARES: bool = true;

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

/// `a b + c`, rounded twice.
pub(crate) struct MultiplyAdd;

impl Pointwise<3> for MultiplyAdd {
    #[inline(always)]
    fn value<T: Number>([a, b, c]: [T; 3]) -> T {
        a * b + c
    }

    #[inline(always)]
    fn partial<T: Number, const I: usize>([a, b, _]: [T; 3], _: T) -> T {
        match I {
            0 => b,
            1 => a,
            _ => T::constant(1.0),
        }
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
fn indicator<T: Number>(condition: bool) -> T {
    T::constant(if condition { 1.0 } else { 0.0 })
}

/// `log(1 − eˣ)` for `x < 0`, by whichever form keeps the digits (`[@maechler2012log1mexp]`).
#[inline(always)]
fn log1m_exp<T: Number>(x: T) -> T {
    let near = (-x.exp_m1()).ln();
    let far = (-x.exp()).ln_1p();
    T::select(x.value() > -std::f64::consts::LN_2, near, far)
}
