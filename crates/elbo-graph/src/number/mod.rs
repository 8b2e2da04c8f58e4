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

mod cores;
mod dual;
mod fused;

use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub};

use elbo_math::simd::{
    Products, Separate, exp_by, ln_by, log_logistic_core, logistic_core, pow_by,
};
use elbo_math::special;

use cores::{
    digamma_positive, exp_m1, ln_1p, ln_gamma_positive, tetragamma_positive, trigamma_positive,
};
pub use dual::Dual;
pub use fused::FusedReal;
pub(crate) use fused::fused;

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
    /// How the cores behind this number's functions multiply and add.
    type Products: Products;

    /// The number as kernels see it that are compiled for fused multiply-adds.
    type Fused: Number;

    /// The same number, for such a kernel.
    fn fuse(self) -> Self::Fused;

    /// The number that such a kernel computed.
    fn unfuse(fused: Self::Fused) -> Self;

    /// `x b + c`, rounded as `P` does.
    #[must_use]
    fn mul_add<P: Products>(self, b: Self, c: Self) -> Self;

    /// `a x + c` for a constant `a`, rounded as `P` does.
    #[must_use]
    fn known_mul_add<P: Products>(self, a: f64, c: Self) -> Self;

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

    /// `f(x)` for a function of reals alone: its tangent is a central difference.
    #[must_use]
    fn differences<const N: usize>(x: [Self; N], f: impl Fn([f64; N]) -> f64) -> Self;

    /// `xᵇ`.
    #[inline(always)]
    #[must_use]
    fn pow(self, b: Self) -> Self {
        let (x, e) = (self.value(), b.value());
        let y = pow_by::<Self::Products>(x, e);
        self.chain_two(
            b,
            y,
            || power_slope(x, e, y),
            || if y == 0.0 { 0.0 } else { y * x.ln() },
        )
    }

    /// The derivative `b xᵇ⁻¹` of `y = xᵇ` by `x`.
    #[inline(always)]
    #[must_use]
    fn pow_slope(self, b: Self, y: Self) -> Self {
        let (x, e) = (self.value(), b.value());
        let at_zero = self.chain(power_slope(0.0, e, 0.0), || {
            (e - 1.0) * power_slope(0.0, e - 1.0, 0.0)
        });
        Self::select(x == 0.0, at_zero, b * y / self)
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
        let y = exp_by::<Self::Products>(self.value());
        self.chain(y, || y)
    }

    /// `log x`.
    #[inline(always)]
    #[must_use]
    fn ln(self) -> Self {
        let x = self.value();
        self.chain(ln_by::<Self::Products>(x), || 1.0 / x)
    }

    /// `log(1 + x)`, exact to rounding near 0.
    #[inline(always)]
    #[must_use]
    fn ln_1p(self) -> Self {
        let x = self.value();
        self.chain(ln_1p::<Self::Products>(x), || 1.0 / (1.0 + x))
    }

    /// `eˣ − 1`, exact to rounding near 0.
    #[inline(always)]
    #[must_use]
    fn exp_m1(self) -> Self {
        let x = self.value();
        let y = exp_m1::<Self::Products>(x);
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
        self.chain(ln_gamma_positive::<Self::Products>(x), || {
            digamma_positive::<Self::Products>(x)
        })
    }

    /// `ψ(x)` for `x > 0`; NaN elsewhere.
    #[inline(always)]
    #[must_use]
    fn digamma_positive(self) -> Self {
        let x = self.value();
        self.chain(digamma_positive::<Self::Products>(x), || {
            trigamma_positive(x)
        })
    }

    /// `ψ′(x)` for `x > 0`; NaN elsewhere.
    #[inline(always)]
    #[must_use]
    fn trigamma_positive(self) -> Self {
        let x = self.value();
        self.chain(trigamma_positive(x), || tetragamma_positive(x))
    }

    /// `log |Γ(x)|` for any `x`; +∞ at 0, −1, −2, ….
    #[inline(always)]
    #[must_use]
    fn ln_gamma(self) -> Self {
        let x = self.value();
        self.chain(cores::ln_gamma::<Self::Products>(x), || {
            cores::digamma::<Self::Products>(x)
        })
    }

    /// `ψ(x)` for any `x`.
    #[inline(always)]
    #[must_use]
    fn digamma(self) -> Self {
        let x = self.value();
        self.chain(cores::digamma::<Self::Products>(x), || cores::trigamma(x))
    }

    /// `ψ′(x)` for any `x`.
    #[inline(always)]
    #[must_use]
    fn trigamma(self) -> Self {
        let x = self.value();
        self.chain(cores::trigamma(x), || cores::tetragamma(x))
    }

    /// `ψ″(x)` for any `x`; its derivative by central differences.
    #[inline(always)]
    #[must_use]
    fn tetragamma(self) -> Self {
        let x = self.value();
        self.chain(cores::tetragamma(x), || {
            let h = 1e-5 * x;
            (cores::tetragamma(x + h) - cores::tetragamma(x - h)) / (2.0 * h)
        })
    }

    /// `log Γ(x + n) − log Γ(x)` for positive `x` and `x + n`, without cancellation for large `x`.
    #[inline(always)]
    #[must_use]
    fn ln_rising(self, n: Self) -> Self {
        let (x, m) = (self.value(), n.value());
        self.chain_two(
            n,
            cores::ln_rising::<Self::Products>(x, m),
            || digamma_positive::<Self::Products>(x + m) - digamma_positive::<Self::Products>(x),
            || digamma_positive::<Self::Products>(x + m),
        )
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
        let x = self.value();
        let e = exp_by::<Self::Products>(-x.abs());
        let y = (if x < 0.0 { e } else { 1.0 }) / (1.0 + e);
        // Not y (1 − y), which is 0 where y rounds to 1.
        self.chain(y, || e / ((1.0 + e) * (1.0 + e)))
    }

    /// `tanh x`, exact to rounding near 0, and `sech x`, without overflow.
    #[inline(always)]
    #[must_use]
    fn tanh_and_sech(self) -> (Self, Self) {
        let negative = self.value() < 0.0;
        let a = Self::select(negative, self, -self);
        let e = a.exp();
        let t = a.times(2.0).exp_m1();
        let tanh = -t / t.plus(2.0);
        (
            Self::select(negative, -tanh, tanh),
            e.times(2.0) / t.plus(2.0),
        )
    }

    /// `log(1 + eˣ)`, without overflow.
    #[inline(always)]
    #[must_use]
    fn ln_1p_exp(self) -> Self {
        self.ln_1p_exp_and_inv_logit().0
    }

    /// `log(1 + eˣ)` and its derivative, from one exponential.
    #[inline(always)]
    #[must_use]
    fn ln_1p_exp_and_inv_logit(self) -> (Self, Self) {
        let (value, slope) = (-self).ln_inv_logit_and_slope();
        (-value, slope)
    }

    /// `log inv_logit(x)` and its derivative `inv_logit(−x)`, from one exponential.
    #[inline(always)]
    #[must_use]
    fn ln_inv_logit_and_slope(self) -> (Self, Self) {
        let (value, slope) = log_logistic_core::<Self::Products>(self.value());
        (
            self.chain(value, || slope),
            // Not slope − 1, which is 0 where the slope rounds to 1.
            self.chain(slope, || -slope * exp_by::<Self::Products>(value)),
        )
    }

    /// `a`, `b` and `inv_logit(−x)` with `log inv_logit(x) = a − log b` and `1 ≤ b ≤ 2`: sums of many
    /// need the logarithm of a product only.
    #[inline(always)]
    #[must_use]
    fn ln_inv_logit_factor_and_slope(self) -> (Self, Self, Self) {
        let x = self.value();
        let (e, above) = logistic_core::<Self::Products>(x);
        let below = e * above;
        let negative = x < 0.0;
        let (slope, rest) = if negative {
            (above, below)
        } else {
            (below, above)
        };
        (
            Self::select(negative, self, Self::constant(0.0)),
            self.chain(1.0 + e, || if negative { e } else { -e }),
            self.chain(slope, || -slope * rest),
        )
    }
}

/// `e xᵉ⁻¹` given `y = xᵉ`.
#[inline(always)]
fn power_slope(x: f64, e: f64, y: f64) -> f64 {
    let steep = if e < 0.0 {
        f64::NEG_INFINITY
    } else {
        f64::INFINITY
    };
    let at_zero = if e == 1.0 { 1.0 } else { steep };
    let at_zero = if e == 0.0 || e > 1.0 { 0.0 } else { at_zero };
    if x == 0.0 { at_zero } else { e * y / x }
}

impl Number for f64 {
    type Products = Separate;
    type Fused = FusedReal;

    #[inline(always)]
    fn fuse(self) -> FusedReal {
        FusedReal(self)
    }

    #[inline(always)]
    fn unfuse(fused: FusedReal) -> Self {
        fused.0
    }

    #[inline(always)]
    fn mul_add<P: Products>(self, b: Self, c: Self) -> Self {
        P::mul_add(self, b, c)
    }

    #[inline(always)]
    fn known_mul_add<P: Products>(self, a: f64, c: Self) -> Self {
        P::mul_add(a, self, c)
    }

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

    #[inline(always)]
    fn differences<const N: usize>(x: [Self; N], f: impl Fn([f64; N]) -> f64) -> Self {
        f(x)
    }
}

#[cfg(test)]
mod tests;
