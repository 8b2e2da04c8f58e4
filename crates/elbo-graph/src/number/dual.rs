//! Numbers with a tangent, for one directional derivative.

#![expect(
    clippy::inline_always,
    reason = "a function that is not inlined into its loop cannot be vectorised"
)]

use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub};

use elbo_math::simd::{Products, Separate};

use super::Number;

/// `value + tangent · ε` with `ε² = 0`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Dual {
    /// The number.
    pub value: f64,
    /// Its derivative along a direction.
    pub tangent: f64,
}

impl Number for Dual {
    // Second derivatives are not worth a second set of kernels.
    type Products = Separate;
    type Fused = Self;

    #[inline(always)]
    fn fuse(self) -> Self {
        self
    }

    #[inline(always)]
    fn unfuse(fused: Self) -> Self {
        fused
    }

    #[inline(always)]
    fn mul_add<P: Products>(self, b: Self, c: Self) -> Self {
        let tangent = P::mul_add(self.value, b.tangent, c.tangent);
        Self {
            value: P::mul_add(self.value, b.value, c.value),
            tangent: P::mul_add(self.tangent, b.value, tangent),
        }
    }

    #[inline(always)]
    fn known_mul_add<P: Products>(self, a: f64, c: Self) -> Self {
        Self {
            value: P::mul_add(a, self.value, c.value),
            tangent: P::mul_add(a, self.tangent, c.tangent),
        }
    }

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

    fn differences<const N: usize>(x: [Self; N], f: impl Fn([f64; N]) -> f64) -> Self {
        let at = x.map(Self::value);
        let slope = |k: usize, step: f64| {
            let moved = |by: f64| {
                let mut moved = at;
                moved[k] += by;
                f(moved)
            };
            (moved(step) - moved(-step)) / (2.0 * step)
        };
        let mut tangent = 0.0;
        for (k, x) in x.iter().enumerate().filter(|(_, x)| x.tangent != 0.0) {
            // The step is absolute near 0, unless 0 is the end of the domain.
            let size = x.value.abs();
            let wide = slope(k, 1e-5 * size.max(1e-3));
            let slope = if wide.is_finite() {
                wide
            } else {
                slope(k, 1e-5 * size)
            };
            tangent += slope * x.tangent;
        }
        Self {
            value: f(at),
            tangent,
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
