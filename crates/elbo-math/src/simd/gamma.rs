//! Branch-free digamma, trigamma and log-gamma of one positive number.
//!
//! Arguments below 10 are moved up by the recurrence, all ten steps folded into one product, then
//! the asymptotic series serves (`[@dlmf, eqs. 5.5.1, 5.11.1, 5.11.2]`).

#![expect(
    clippy::inline_always,
    reason = "a core that is not inlined cannot be vectorised"
)]

use super::{Products, ln_by};
use crate::special::LN_SQRT_2PI;

/// Above this the series' products could overflow; callers use the scalar functions there.
pub(super) const MAX_ARGUMENT: f64 = 1e25;
const SHIFT: usize = 10;

/// `x (x+1) … (x+9)` and its logarithmic derivative's numerator.
#[inline(always)]
fn rising_factorial(x: f64) -> (f64, f64) {
    let (mut product, mut derivative) = (1.0, 0.0);
    for k in 0..SHIFT {
        let factor = x + k as f64;
        derivative = derivative * factor + product;
        product *= factor;
    }
    (product, derivative)
}

/// `ψ(x)` for `0 < x < 1e25`.
#[inline(always)]
pub fn digamma_core<P: Products>(x: f64) -> f64 {
    let small = x < SHIFT as f64;
    let shifted = if small { x + SHIFT as f64 } else { x };
    let (product, derivative) = rising_factorial(if small { x } else { 1.0 });
    let correction = if small { derivative / product } else { 0.0 };
    let u = 1.0 / (shifted * shifted);
    // Σ B_2k / (2k x^2k), k = 1 … 7.
    let series = u
        * (1.0 / 12.0
            - u * (1.0 / 120.0
                - u * (1.0 / 252.0
                    - u * (1.0 / 240.0 - u * (1.0 / 132.0 - u * (691.0 / 32_760.0 - u / 12.0))))));
    ln_by::<P>(shifted) - 0.5 / shifted - series - correction
}

/// `log Γ(x)` for `0 < x < 1e25`.
#[inline(always)]
pub fn ln_gamma_core<P: Products>(x: f64) -> f64 {
    let small = x < SHIFT as f64;
    let shifted = if small { x + SHIFT as f64 } else { x };
    let (product, _) = rising_factorial(if small { x } else { 1.0 });
    let correction = if small { ln_by::<P>(product) } else { 0.0 };
    let v = 1.0 / shifted;
    let u = v * v;
    // Σ B_2k / (2k (2k−1) x^(2k−1)), k = 1 … 7.
    let series = v
        * (1.0 / 12.0
            - u * (1.0 / 360.0
                - u * (1.0 / 1260.0
                    - u * (1.0 / 1680.0
                        - u * (1.0 / 1188.0 - u * (691.0 / 360_360.0 - u / 156.0))))));
    (shifted - 0.5) * ln_by::<P>(shifted) - shifted + LN_SQRT_2PI + series - correction
}

/// `ψ′(x)` for `0 < x < 1e25`: the recurrence to 10 and beyond, then the asymptotic series
/// (`[@dlmf, eqs. 5.15.5, 5.15.8]`).
#[inline(always)]
pub fn trigamma_core(x: f64) -> f64 {
    let small = x < SHIFT as f64;
    let shifted = if small { x + SHIFT as f64 } else { x };
    let mut correction = 0.0;
    for k in 0..SHIFT {
        let factor = (if small { x } else { 1.0 }) + k as f64;
        correction += 1.0 / (factor * factor);
    }
    let correction = if small { correction } else { 0.0 };
    let v = 1.0 / shifted;
    let u = v * v;
    // Σ B_2k / x^(2k+1), k = 1 … 7.
    let series = v
        * u
        * (1.0 / 6.0
            - u * (1.0 / 30.0
                - u * (1.0 / 42.0
                    - u * (1.0 / 30.0
                        - u * (5.0 / 66.0 - u * (691.0 / 2730.0 - u * (7.0 / 6.0)))))));
    v + 0.5 * u + series + correction
}
