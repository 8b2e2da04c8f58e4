//! What the branch-free cores of `elbo_math::simd` leave out: arguments near 0, and very large ones.

#![expect(
    clippy::inline_always,
    reason = "a function that is not inlined into its loop cannot be vectorised"
)]

use elbo_math::simd::{digamma_core, exp_core, ln_core, ln_gamma_core, trigamma_core};

/// `log(1 + x)` from `log`: what rounding `1 + x` lost is put back to first order.
#[inline(always)]
pub(super) fn ln_1p(x: f64) -> f64 {
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

/// `log(1 + e)` for `0 ≤ e ≤ 1`, where what rounding lost need not be divided by `1 + e`: the
/// difference is below half a unit in the last place.
#[inline(always)]
pub(super) fn ln_1p_unit(e: f64) -> f64 {
    let u = 1.0 + e;
    ln_core(u) + (e - (u - 1.0))
}

/// `eˣ − 1`: a polynomial where `eˣ` is near 1, the difference elsewhere.
#[inline(always)]
pub(super) fn exp_m1(x: f64) -> f64 {
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
pub(super) fn ln_gamma_positive(x: f64) -> f64 {
    let core = ln_gamma_core(if x < LARGE { x } else { 1.0 });
    let large = x * (ln_core(x) - 1.0);
    let value = if x < LARGE { core } else { large };
    if x > 0.0 { value } else { f64::NAN }
}

#[inline(always)]
pub(super) fn digamma_positive(x: f64) -> f64 {
    let core = digamma_core(if x < LARGE { x } else { 1.0 });
    let value = if x < LARGE { core } else { ln_core(x) };
    if x > 0.0 { value } else { f64::NAN }
}

#[inline(always)]
pub(super) fn trigamma_positive(x: f64) -> f64 {
    let core = trigamma_core(if x < LARGE { x } else { 1.0 });
    let value = if x < LARGE { core } else { 1.0 / x };
    if x > 0.0 { value } else { f64::NAN }
}
