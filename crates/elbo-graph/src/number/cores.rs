//! What the branch-free cores of `elbo_math::simd` leave out: arguments near 0, very large ones, and
//! negative ones of the gamma family.

#![expect(
    clippy::inline_always,
    reason = "a function that is not inlined into its loop cannot be vectorised"
)]

use elbo_math::simd::{Products, digamma_core, exp_by, ln_by, ln_gamma_core, trigamma_core};

/// `log(1 + x)` from `log`: what rounding `1 + x` lost is put back to first order.
#[inline(always)]
pub(super) fn ln_1p<P: Products>(x: f64) -> f64 {
    let u = 1.0 + x;
    let lost = (x - (u - 1.0)) / u;
    let value = ln_by::<P>(u) + lost;
    // At −1 and +∞ the correction is 0/0 or ∞ − ∞.
    if u == 0.0 || u == f64::INFINITY {
        ln_by::<P>(u)
    } else {
        value
    }
}

/// `eˣ − 1`: a polynomial where `eˣ` is near 1, the difference elsewhere.
#[inline(always)]
pub(super) fn exp_m1<P: Products>(x: f64) -> f64 {
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
        p = P::mul_add(p, x, c);
    }
    let near = P::mul_add(x * x, p, x);
    let far = exp_by::<P>(x) - 1.0;
    if x.abs() < 0.5 { near } else { far }
}

/// Above this the rational parts of the gamma cores lose their meaning; leading terms are exact.
const LARGE: f64 = 1e17;

#[inline(always)]
pub(super) fn ln_gamma_positive<P: Products>(x: f64) -> f64 {
    let core = ln_gamma_core::<P>(if x < LARGE { x } else { 1.0 });
    let large = x * (ln_by::<P>(x) - 1.0);
    let value = if x < LARGE { core } else { large };
    if x > 0.0 { value } else { f64::NAN }
}

#[inline(always)]
pub(super) fn digamma_positive<P: Products>(x: f64) -> f64 {
    let core = digamma_core::<P>(if x < LARGE { x } else { 1.0 });
    let value = if x < LARGE { core } else { ln_by::<P>(x) };
    if x > 0.0 { value } else { f64::NAN }
}

#[inline(always)]
pub(super) fn trigamma_positive(x: f64) -> f64 {
    let core = trigamma_core(if x < LARGE { x } else { 1.0 });
    let value = if x < LARGE { core } else { 1.0 / x };
    if x > 0.0 { value } else { f64::NAN }
}

/// `ψ″(x)` for `x > 0`: the recurrence to 10 and beyond, then the asymptotic series
/// (`[@dlmf, eqs. 5.15.5, 5.15.8]`, differentiated).
#[inline(always)]
pub(super) fn tetragamma_positive(x: f64) -> f64 {
    const SHIFT: usize = 10;
    let small = x < SHIFT as f64;
    let shifted = if small { x + SHIFT as f64 } else { x };
    let mut correction = 0.0;
    for k in 0..SHIFT {
        let factor = (if small { x } else { 1.0 }) + k as f64;
        correction += 2.0 / (factor * factor * factor);
    }
    let correction = if small { correction } else { 0.0 };
    let v = 1.0 / shifted;
    let u = v * v;
    // Σ (2k + 1) B_2k / x^(2k+2), k = 1 … 7.
    let series = u
        * u
        * (0.5
            - u * (1.0 / 6.0
                - u * (1.0 / 6.0
                    - u * (3.0 / 10.0 - u * (5.0 / 6.0 - u * (691.0 / 210.0 - u * 17.5))))));
    let value = -(u + u * v + series + correction);
    if x > 0.0 { value } else { f64::NAN }
}

/// `±1/(2k + first)!`, the Taylor coefficients of the sine (`first` = 1) or cosine (0).
const fn alternating_factorials(first: usize) -> [f64; 12] {
    let mut coefficients = [1.0; 12];
    let mut k = 1;
    while k < 12 {
        let n = (2 * k + first) as f64;
        coefficients[k] = -coefficients[k - 1] / (n * (n - 1.0));
        k += 1;
    }
    coefficients
}

/// `sin πx` and `cos πx` up to a common sign, as if `x` were moved by an integer into `[−½, ½]`.
#[inline(always)]
fn sin_cos_pi(x: f64) -> (f64, f64) {
    // Taylor to t²³ and t²²: the first omitted terms are below 10⁻¹⁷ at |t| = π/2.
    const SIN: [f64; 12] = alternating_factorials(1);
    const COS: [f64; 12] = alternating_factorials(0);
    let t = std::f64::consts::PI * (x - x.round_ties_even());
    let u = t * t;
    let (mut sin, mut cos) = (0.0, 0.0);
    for k in (0..12).rev() {
        sin = sin * u + SIN[k];
        cos = cos * u + COS[k];
    }
    (t * sin, cos)
}

/// `log |Γ(x)|`, below 0 by reflection (`[@dlmf, eq. 5.5.3]`).
#[inline(always)]
pub(super) fn ln_gamma<P: Products>(x: f64) -> f64 {
    let positive = ln_gamma_positive::<P>(if x > 0.0 { x } else { 1.0 - x });
    let (sin, _) = sin_cos_pi(x);
    let reflected = elbo_math::special::LN_PI - ln_by::<P>(sin.abs()) - positive;
    let value = if x > 0.0 { positive } else { reflected };
    // The reflection of −∞ is ∞ − ∞.
    if x == f64::NEG_INFINITY {
        f64::INFINITY
    } else {
        value
    }
}

/// `ψ(x)`, below 0 by reflection (`[@dlmf, eq. 5.5.4]`).
#[inline(always)]
pub(super) fn digamma<P: Products>(x: f64) -> f64 {
    let positive = digamma_positive::<P>(if x > 0.0 { x } else { 1.0 - x });
    let (sin, cos) = sin_cos_pi(x);
    let reflected = positive - std::f64::consts::PI * cos / sin;
    if x > 0.0 { positive } else { reflected }
}

/// `ψ′(x)`, below 0 by reflection (`[@dlmf, eq. 5.15.6]`).
#[inline(always)]
pub(super) fn trigamma(x: f64) -> f64 {
    let positive = trigamma_positive(if x > 0.0 { x } else { 1.0 - x });
    let (sin, _) = sin_cos_pi(x);
    let ratio = std::f64::consts::PI / sin;
    if x > 0.0 {
        positive
    } else {
        ratio * ratio - positive
    }
}

/// `ψ″(x)`, below 0 by the derivative of [`trigamma`]'s reflection.
#[inline(always)]
pub(super) fn tetragamma(x: f64) -> f64 {
    let positive = tetragamma_positive(if x > 0.0 { x } else { 1.0 - x });
    let (sin, cos) = sin_cos_pi(x);
    let ratio = std::f64::consts::PI / sin;
    let reflected = positive - 2.0 * ratio * ratio * ratio * cos;
    if x > 0.0 { positive } else { reflected }
}

/// Stirling's remainder, `log Γ(x)` less its leading terms, for `x ≥ 10` (`[@dlmf, eq. 5.11.1]`).
#[inline(always)]
fn stirling(x: f64) -> f64 {
    let v = 1.0 / x;
    let u = v * v;
    v * (1.0 / 12.0
        - u * (1.0 / 360.0
            - u * (1.0 / 1260.0
                - u * (1.0 / 1680.0 - u * (1.0 / 1188.0 - u * (691.0 / 360_360.0 - u / 156.0))))))
}

/// `log Γ(x + n) − log Γ(x)` for `x > 0`, `x + n > 0`, without cancellation for large `x`.
#[inline(always)]
pub(super) fn ln_rising<P: Products>(x: f64, n: f64) -> f64 {
    const LARGE: f64 = 10.0;
    let near = x < LARGE || x + n < LARGE;
    let small = if near { x } else { 1.0 };
    let difference =
        ln_gamma_positive::<P>(small + if near { n } else { 0.0 }) - ln_gamma_positive::<P>(small);
    let large = if near { LARGE } else { x };
    let m = if near { 0.0 } else { n };
    let far = (large + m - 0.5) * ln_1p::<P>(m / large)
        + m * (ln_by::<P>(large) - 1.0)
        + (stirling(large + m) - stirling(large));
    if near { difference } else { far }
}
