//! The numbers that kernels compute with: `f64`, and `Dual` for derivatives of gradients.
//!
//! The one idea: every kernel, forward and backward, is written once over [`Number`]. Run on `f64`
//! it gives a gradient; run on [`Dual`] it gives the gradient and its directional derivative, which
//! is a Hessian–vector product (forward over reverse). The cores behind `f64` are branch-free, so a
//! loop over them vectorises. Deliberately absent: anything about arrays.

#![expect(
    clippy::inline_always,
    reason = "a function that is not inlined into its loop cannot be vectorised"
)]

use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub};

use elbo_math::simd::{digamma_core, exp_core, ln_core, ln_gamma_core, trigamma_core};
use elbo_math::special;

/// A real number, or one with a tangent.
pub trait Number:
    Copy
    + Default
    + Send
    + Sync
    + 'static
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
{
    /// A constant.
    fn constant(value: f64) -> Self;

    /// The number without its tangent.
    fn value(self) -> f64;

    /// `f(x)` given its value and derivative at `x`.
    #[must_use]
    fn chain(self, value: f64, derivative: impl Fn() -> f64) -> Self;

    /// `f(x, b)` given its value and both derivatives.
    #[must_use]
    fn chain_two(
        self,
        b: Self,
        value: f64,
        first: impl Fn() -> f64,
        second: impl Fn() -> f64,
    ) -> Self;

    /// `xᵇ`.
    #[inline(always)]
    #[must_use]
    fn pow(self, b: Self) -> Self {
        let (x, e) = (self.value(), b.value());
        let y = x.powf(e);
        self.chain_two(
            b,
            y,
            || if e == 0.0 { 0.0 } else { e * x.powf(e - 1.0) },
            || if y == 0.0 { 0.0 } else { y * x.ln() },
        )
    }

    /// `yes` if `condition`, else `no`; both are computed.
    #[inline(always)]
    #[must_use]
    fn select(condition: bool, yes: Self, no: Self) -> Self {
        if condition { yes } else { no }
    }

    /// `eˣ`.
    #[inline(always)]
    #[must_use]
    fn exp(self) -> Self {
        let y = exp_core(self.value());
        self.chain(y, || y)
    }

    /// `log x`.
    #[inline(always)]
    #[must_use]
    fn ln(self) -> Self {
        let x = self.value();
        self.chain(ln_core(x), || 1.0 / x)
    }

    /// `log(1 + x)`, exact to rounding near 0.
    #[inline(always)]
    #[must_use]
    fn ln_1p(self) -> Self {
        let x = self.value();
        self.chain(ln_1p(x), || 1.0 / (1.0 + x))
    }

    /// `eˣ − 1`, exact to rounding near 0.
    #[inline(always)]
    #[must_use]
    fn exp_m1(self) -> Self {
        let x = self.value();
        let y = exp_m1(x);
        self.chain(y, || y + 1.0)
    }

    /// `√x`.
    #[inline(always)]
    #[must_use]
    fn sqrt(self) -> Self {
        let y = self.value().sqrt();
        self.chain(y, || 0.5 / y)
    }

    /// `|x|`, with derivative 0 at 0.
    #[inline(always)]
    #[must_use]
    fn abs(self) -> Self {
        let x = self.value();
        let sign = if x > 0.0 { 1.0 } else { -1.0 };
        self.chain(x.abs(), || if x == 0.0 { 0.0 } else { sign })
    }

    /// `log Γ(x)` for `x > 0`; NaN elsewhere.
    #[inline(always)]
    #[must_use]
    fn ln_gamma_positive(self) -> Self {
        let x = self.value();
        self.chain(ln_gamma_positive(x), || digamma_positive(x))
    }

    /// `ψ(x)` for `x > 0`; NaN elsewhere.
    #[inline(always)]
    #[must_use]
    fn digamma_positive(self) -> Self {
        let x = self.value();
        self.chain(digamma_positive(x), || trigamma_positive(x))
    }

    /// `ψ′(x)` for `x > 0`; its derivative by central differences.
    #[inline(always)]
    #[must_use]
    fn trigamma_positive(self) -> Self {
        let x = self.value();
        self.chain(trigamma_positive(x), || {
            let h = 1e-5 * x;
            (trigamma_positive(x + h) - trigamma_positive(x - h)) / (2.0 * h)
        })
    }

    /// `erf x`.
    #[inline(always)]
    #[must_use]
    fn erf(self) -> Self {
        let x = self.value();
        self.chain(special::erf(x), || {
            std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp()
        })
    }

    /// `1 − erf x`, without cancellation for large `x`.
    #[inline(always)]
    #[must_use]
    fn erfc(self) -> Self {
        let x = self.value();
        self.chain(special::erfc(x), || {
            -std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp()
        })
    }

    /// `sin x`.
    #[inline(always)]
    #[must_use]
    fn sin(self) -> Self {
        let x = self.value();
        self.chain(x.sin(), || x.cos())
    }

    /// `cos x`.
    #[inline(always)]
    #[must_use]
    fn cos(self) -> Self {
        let x = self.value();
        self.chain(x.cos(), || -x.sin())
    }

    /// `arctan x`.
    #[inline(always)]
    #[must_use]
    fn atan(self) -> Self {
        let x = self.value();
        self.chain(x.atan(), || 1.0 / (1.0 + x * x))
    }

    /// `1 / x`.
    #[inline(always)]
    #[must_use]
    fn recip(self) -> Self {
        Self::constant(1.0) / self
    }

    /// `x²`.
    #[inline(always)]
    #[must_use]
    fn square(self) -> Self {
        self * self
    }

    /// `c x` for a constant `c`.
    #[inline(always)]
    #[must_use]
    fn times(self, c: f64) -> Self {
        self * Self::constant(c)
    }

    /// `x + c` for a constant `c`.
    #[inline(always)]
    #[must_use]
    fn plus(self, c: f64) -> Self {
        self + Self::constant(c)
    }

    /// `1 / (1 + e⁻ˣ)`, without overflow.
    #[inline(always)]
    #[must_use]
    fn inv_logit(self) -> Self {
        let e = (-self.abs()).exp();
        let small = e / e.plus(1.0);
        Self::select(self.value() < 0.0, small, e.plus(1.0).recip())
    }

    /// `log(1 + eˣ)`, without overflow.
    #[inline(always)]
    #[must_use]
    fn ln_1p_exp(self) -> Self {
        let e = (-self.abs()).exp();
        Self::select(self.value() > 0.0, self, Self::constant(0.0)) + e.ln_1p()
    }
}

impl Number for f64 {
    #[inline(always)]
    fn constant(value: f64) -> Self {
        value
    }

    #[inline(always)]
    fn value(self) -> f64 {
        self
    }

    #[inline(always)]
    fn chain(self, value: f64, _: impl Fn() -> f64) -> Self {
        value
    }

    #[inline(always)]
    fn chain_two(self, _: Self, value: f64, _: impl Fn() -> f64, _: impl Fn() -> f64) -> Self {
        value
    }
}

/// `value + tangent · ε` with `ε² = 0`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Dual {
    /// The number.
    pub value: f64,
    /// Its derivative along a direction.
    pub tangent: f64,
}

impl Number for Dual {
    #[inline(always)]
    fn constant(value: f64) -> Self {
        Self {
            value,
            tangent: 0.0,
        }
    }

    #[inline(always)]
    fn value(self) -> f64 {
        self.value
    }

    #[inline(always)]
    fn chain(self, value: f64, derivative: impl Fn() -> f64) -> Self {
        Self {
            value,
            tangent: derivative() * self.tangent,
        }
    }

    #[inline(always)]
    fn chain_two(
        self,
        b: Self,
        value: f64,
        first: impl Fn() -> f64,
        second: impl Fn() -> f64,
    ) -> Self {
        // A derivative that is not finite must not spoil a direction that has no part of it.
        let part = |derivative: &dyn Fn() -> f64, tangent: f64| {
            if tangent == 0.0 {
                0.0
            } else {
                derivative() * tangent
            }
        };
        Self {
            value,
            tangent: part(&first, self.tangent) + part(&second, b.tangent),
        }
    }
}

impl Add for Dual {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self {
            value: self.value + other.value,
            tangent: self.tangent + other.tangent,
        }
    }
}

impl Sub for Dual {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self {
            value: self.value - other.value,
            tangent: self.tangent - other.tangent,
        }
    }
}

impl Mul for Dual {
    type Output = Self;

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self {
            value: self.value * other.value,
            tangent: self.tangent * other.value + self.value * other.tangent,
        }
    }
}

impl Div for Dual {
    type Output = Self;

    #[inline(always)]
    fn div(self, other: Self) -> Self {
        let value = self.value / other.value;
        Self {
            value,
            tangent: (self.tangent - value * other.tangent) / other.value,
        }
    }
}

impl Neg for Dual {
    type Output = Self;

    #[inline(always)]
    fn neg(self) -> Self {
        Self {
            value: -self.value,
            tangent: -self.tangent,
        }
    }
}

impl AddAssign for Dual {
    #[inline(always)]
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

/// `log(1 + x)` from `log`: what rounding `1 + x` lost is put back to first order.
#[inline(always)]
fn ln_1p(x: f64) -> f64 {
    let u = 1.0 + x;
    let lost = (x - (u - 1.0)) / u;
    let value = ln_core(u) + lost;
    // At −1 and +∞ the correction is 0/0 or ∞ − ∞.
    if u == 0.0 || u == f64::INFINITY {
        ln_core(u)
    } else {
        value
    }
}

/// `eˣ − 1`: a polynomial where `eˣ` is near 1, the difference elsewhere.
#[inline(always)]
fn exp_m1(x: f64) -> f64 {
    // |x| < ½: Taylor, whose first omitted term is below x¹⁵/16! < 2·10⁻¹⁸ relative to x.
    let mut p = 1.0 / 1_307_674_368_000.0;
    for c in [
        1.0 / 87_178_291_200.0,
        1.0 / 6_227_020_800.0,
        1.0 / 479_001_600.0,
        1.0 / 39_916_800.0,
        1.0 / 3_628_800.0,
        1.0 / 362_880.0,
        1.0 / 40_320.0,
        1.0 / 5_040.0,
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5,
    ] {
        p = p * x + c;
    }
    let near = x + x * x * p;
    let far = exp_core(x) - 1.0;
    if x.abs() < 0.5 { near } else { far }
}

/// Above this the rational parts of the gamma cores lose their meaning; leading terms are exact.
const LARGE: f64 = 1e17;

#[inline(always)]
fn ln_gamma_positive(x: f64) -> f64 {
    let core = ln_gamma_core(if x < LARGE { x } else { 1.0 });
    let large = x * (ln_core(x) - 1.0);
    let value = if x < LARGE { core } else { large };
    if x > 0.0 { value } else { f64::NAN }
}

#[inline(always)]
fn digamma_positive(x: f64) -> f64 {
    let core = digamma_core(if x < LARGE { x } else { 1.0 });
    let value = if x < LARGE { core } else { ln_core(x) };
    if x > 0.0 { value } else { f64::NAN }
}

#[inline(always)]
fn trigamma_positive(x: f64) -> f64 {
    let core = trigamma_core(if x < LARGE { x } else { 1.0 });
    let value = if x < LARGE { core } else { 1.0 / x };
    if x > 0.0 { value } else { f64::NAN }
}

#[cfg(test)]
mod tests {
    use elbo_testkit::assert_close;

    use super::*;

    #[test]
    fn elementary_cores_agree_with_std() {
        for i in 0..4001 {
            let x = -20.0 + 0.01 * f64::from(i);
            assert_close("ln_1p", ln_1p(x.abs()), f64::ln_1p(x.abs()), 1e-15);
            assert_close("exp_m1", exp_m1(x), f64::exp_m1(x), 2e-15);
            assert_close(
                "inv_logit",
                x.inv_logit(),
                1.0 / (1.0 + f64::exp(-x)),
                1e-15,
            );
        }
        for x in [1e-300, 1e-20, 1e-9, -1e-9, -0.999_999, 1e300] {
            assert_close("ln_1p", ln_1p(x) / f64::ln_1p(x), 1.0, 5e-16);
        }
        assert_eq!(ln_1p(-1.0), f64::NEG_INFINITY);
        assert_eq!(ln_1p(f64::INFINITY), f64::INFINITY);
        assert!(ln_1p(-1.5).is_nan());
        assert_eq!(Number::ln_1p_exp(800.0), 800.0);
        assert_eq!(Number::ln_1p_exp(-800.0), 0.0);
    }

    #[test]
    fn gamma_cores_hold_for_any_positive_number() {
        for x in [1e-300, 1e-8, 0.3, 2.5, 123.0, 1e9, 1e16, 1e18, 1e200] {
            assert_close(
                "ln_gamma",
                ln_gamma_positive(x),
                special::ln_gamma(x),
                1e-14,
            );
            assert_close("digamma", digamma_positive(x), special::digamma(x), 1e-14);
            if x > 1e-100 {
                assert_close(
                    "trigamma",
                    trigamma_positive(x) / special::trigamma(x),
                    1.0,
                    1e-12,
                );
            }
        }
        assert!(ln_gamma_positive(-0.5).is_nan());
    }

    /// Every function of one number: the tangent of a dual is the derivative by differences.
    #[test]
    fn tangents_are_derivatives() {
        let functions: [(&str, fn(Dual) -> Dual, fn(f64) -> f64); 14] = [
            ("exp", Number::exp, Number::exp),
            ("ln", Number::ln, Number::ln),
            ("ln_1p", Number::ln_1p, Number::ln_1p),
            ("exp_m1", Number::exp_m1, Number::exp_m1),
            ("sqrt", Number::sqrt, Number::sqrt),
            (
                "ln_gamma",
                Number::ln_gamma_positive,
                Number::ln_gamma_positive,
            ),
            (
                "digamma",
                Number::digamma_positive,
                Number::digamma_positive,
            ),
            (
                "trigamma",
                Number::trigamma_positive,
                Number::trigamma_positive,
            ),
            ("erf", Number::erf, Number::erf),
            ("erfc", Number::erfc, Number::erfc),
            ("sin", Number::sin, Number::sin),
            ("atan", Number::atan, Number::atan),
            ("inv_logit", Number::inv_logit, Number::inv_logit),
            ("ln_1p_exp", Number::ln_1p_exp, Number::ln_1p_exp),
        ];
        for (name, dual, real) in functions {
            for x in [0.2, 0.9, 3.7] {
                let tangent = dual(Dual {
                    value: x,
                    tangent: 2.0,
                })
                .tangent;
                // Central differences with this step err by about 1e-10 relative.
                let h = 1e-5;
                let numeric = (real(x + h) - real(x - h)) / h;
                assert_close(name, tangent, numeric, 1e-8);
            }
        }
    }
}
