//! Trigonometric and hyperbolic functions and their inverses, other roots and bases: values from the
//! standard library, one entry at a time.

#![expect(
    clippy::inline_always,
    reason = "a derivative that is written once over any number costs nothing when inlined"
)]

use std::f64::consts::{LN_2, LN_10};

use super::Pointwise;
use super::define::{real, real_binary};
use crate::number::Number;

real! {
    Exp2: f64::exp2, |x, y| y.times(LN_2);
    Log2: f64::log2, |x, y| x.times(LN_2).recip();
    Log10: f64::log10, |x, y| x.times(LN_10).recip();
    Cbrt: f64::cbrt, |x, y| (y * y).times(3.0).recip();
    Sin: f64::sin, |x, y| x.cos();
    Cos: f64::cos, |x, y| -x.sin();
    Tan: f64::tan, |x, y| (y * y).plus(1.0);
    Asin: f64::asin, |x, y| one_minus_square(x).sqrt().recip();
    Acos: f64::acos, |x, y| -one_minus_square(x).sqrt().recip();
    Atan: f64::atan, |x, y| (x * x).plus(1.0).recip();
    Sinh: f64::sinh, |x, y| cosh(x);
    Cosh: f64::cosh, |x, y| sinh(x);
    Asinh: f64::asinh, |x, y| (x * x).plus(1.0).sqrt().recip();
    Acosh: f64::acosh, |x, y| (-one_minus_square(x)).sqrt().recip();
    Atanh: f64::atanh, |x, y| one_minus_square(x).recip();
}

real_binary! {
    Atan2: f64::atan2, |a, b, y| b / (a * a + b * b), -a / (a * a + b * b);
    Hypot: f64::hypot, |a, b, y| a / y, b / y;
    Remainder: |a, b| a % b, |a, b, y| T::constant(1.0), T::constant(-(a.value() / b.value()).trunc());
}

/// `1 − x²`, exact near 1.
#[inline(always)]
fn one_minus_square<T: Number>(x: T) -> T {
    (T::constant(1.0) - x) * x.plus(1.0)
}

#[inline(always)]
fn sinh<T: Number>(x: T) -> T {
    let v = x.value();
    x.chain(v.sinh(), || v.cosh())
}

#[inline(always)]
fn cosh<T: Number>(x: T) -> T {
    let v = x.value();
    x.chain(v.cosh(), || v.sinh())
}
