//! A real number in a kernel that is compiled for fused multiply-adds.
//!
//! Deliberately absent: any arithmetic but that of `f64`; only the cores of functions differ.

#![expect(
    clippy::inline_always,
    reason = "a function that is not inlined into its loop cannot be vectorised"
)]

use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub};

use elbo_math::simd::{Fused, Products};

use super::Number;

/// An `f64` whose functions use fused multiply-adds.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct FusedReal(pub f64);

impl Number for FusedReal {
    type Products = Fused;
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
        Self(P::mul_add(self.0, b.0, c.0))
    }

    #[inline(always)]
    fn known_mul_add<P: Products>(self, a: f64, c: Self) -> Self {
        Self(P::mul_add(a, self.0, c.0))
    }

    #[inline(always)]
    fn constant(value: f64) -> Self {
        Self(value)
    }

    #[inline(always)]
    fn value(self) -> f64 {
        self.0
    }

    #[inline(always)]
    fn chain(self, value: f64, _: impl Fn() -> f64) -> Self {
        Self(value)
    }

    #[inline(always)]
    fn chain_two(self, _: Self, value: f64, _: impl Fn() -> f64, _: impl Fn() -> f64) -> Self {
        Self(value)
    }

    #[inline(always)]
    fn differences<const N: usize>(x: [Self; N], f: impl Fn([f64; N]) -> f64) -> Self {
        Self(f(x.map(|x| x.0)))
    }
}

macro_rules! operators {
    ($($trait:ident $method:ident $operator:tt;)+) => {
        $(
            impl $trait for FusedReal {
                type Output = Self;

                #[inline(always)]
                fn $method(self, other: Self) -> Self {
                    Self(self.0 $operator other.0)
                }
            }
        )+
    };
}

operators! {
    Add add +;
    Sub sub -;
    Mul mul *;
    Div div /;
}

impl Neg for FusedReal {
    type Output = Self;

    #[inline(always)]
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl AddAssign for FusedReal {
    #[inline(always)]
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

/// Inside of a function under `#[multiversion]`, a function of numbers as the instruction set at hand
/// computes with them; of its two results for a `pair`.
macro_rules! fused {
    ($t:ty, |$($x:ident),+| pair $f:expr) => {
        if target_cfg_f!(any(target_feature = "fma", target_arch = "aarch64")) {
            $(let $x = $x.fuse();)+
            let (first, second) = $f;
            (<$t>::unfuse(first), <$t>::unfuse(second))
        } else {
            $f
        }
    };
    ($t:ty, |$($x:ident),+| $f:expr) => {
        if target_cfg_f!(any(target_feature = "fma", target_arch = "aarch64")) {
            $(let $x = $x.fuse();)+
            <$t>::unfuse($f)
        } else {
            $f
        }
    };
}
pub(crate) use fused;
