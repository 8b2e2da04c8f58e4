//! Whether a product and a sum are rounded once or twice.
//!
//! The one idea: a core takes the answer as a type, so that a loop compiled for processors that have
//! fused multiply-adds uses them, and any other loop never calls the C library's slow emulation.
//! [`fused_or_separate`](crate::fused_or_separate) picks the type from the instruction set that a
//! `multiversion` function is compiled for.

#![expect(
    clippy::inline_always,
    reason = "a product that is not inlined into its loop cannot be vectorised"
)]

/// How `a b + c` is computed.
pub trait Products: Copy + Send + Sync + 'static {
    /// `a b + c`.
    fn mul_add(a: f64, b: f64, c: f64) -> f64;
}

/// Rounded after the product and after the sum, as on any processor.
#[derive(Debug, Clone, Copy)]
pub struct Separate;

/// Rounded once.
#[derive(Debug, Clone, Copy)]
pub struct Fused;

impl Products for Separate {
    #[inline(always)]
    fn mul_add(a: f64, b: f64, c: f64) -> f64 {
        a * b + c
    }
}

impl Products for Fused {
    #[inline(always)]
    fn mul_add(a: f64, b: f64, c: f64) -> f64 {
        a.mul_add(b, c)
    }
}

/// Inside of a function under `#[multiversion]`, calls `function::<Fused, …>(…)` where the
/// instruction set at hand has fused multiply-adds, `function::<Separate, …>(…)` elsewhere.
///
/// A target's string must name `fma` for this to see it.
#[macro_export]
macro_rules! fused_or_separate {
    ($function:ident $(:: <$($kind:tt),+>)? ($($arg:expr),* $(,)?)) => {
        // AArch64 has them always.
        if multiversion::target::target_cfg_f!(any(target_feature = "fma", target_arch = "aarch64"))
        {
            $function::<$crate::simd::Fused $($(, $kind)+)?>($($arg),*)
        } else {
            $function::<$crate::simd::Separate $($(, $kind)+)?>($($arg),*)
        }
    };
}
