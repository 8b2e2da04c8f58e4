//! `log Γ(x + d/2) − log Γ(x)` and its derivative, without cancellation for large `x`.
//!
//! The one idea: a Student-t with millions of degrees of freedom (a predictive density after
//! millions of rows) needs the difference of two numbers of size 10⁸ to 10⁻¹²; the asymptotic
//! series gives the difference itself.

use elbo_math::special::{digamma, ln_gamma};

/// From here on the series is exact to rounding: its first omitted term is below 1e-16.
const SERIES_FROM: f64 = 25.0;

/// `log Γ(x + d/2) − log Γ(x)` for `x > 0`.
pub(crate) fn ln_gamma_ratio(x: f64, d: usize) -> f64 {
    let (half, x) = if d % 2 == 1 {
        (ln_half_step(x), x + 0.5)
    } else {
        (0.0, x)
    };
    half + (0..d / 2).map(|j| (x + j as f64).ln()).sum::<f64>()
}

/// `ψ(x + d/2) − ψ(x)` for `x > 0`.
pub(crate) fn digamma_difference(x: f64, d: usize) -> f64 {
    let (half, x) = if d % 2 == 1 {
        (digamma_half_step(x), x + 0.5)
    } else {
        (0.0, x)
    };
    half + (0..d / 2).map(|j| (x + j as f64).recip()).sum::<f64>()
}

/// `log Γ(x + ½) − log Γ(x)`.
///
/// # References
/// `[@tricomi1951gamma]`; the coefficients are Taylor's of `log Γ(x + ½) − log Γ(x) − ½ log x`.
fn ln_half_step(x: f64) -> f64 {
    if x < SERIES_FROM {
        return ln_gamma(x + 0.5) - ln_gamma(x);
    }
    let s = (x * x).recip();
    let series = -1.0 / 8.0 + s * (1.0 / 192.0 + s * (-1.0 / 640.0 + s * 17.0 / 14336.0));
    0.5 * x.ln() + series / x
}

/// The derivative of [`ln_half_step`].
fn digamma_half_step(x: f64) -> f64 {
    if x < SERIES_FROM {
        return digamma(x + 0.5) - digamma(x);
    }
    let s = (x * x).recip();
    let series = 1.0 / 8.0 + s * (-1.0 / 64.0 + s * (1.0 / 128.0 - s * 17.0 / 2048.0));
    0.5 / x + s * series
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_series_continues_the_difference() {
        // Just below the switch both forms hold; their difference is the rounding of ln Γ.
        for x in [SERIES_FROM, 30.0, 60.0] {
            assert!((ln_half_step(x) - (ln_gamma(x + 0.5) - ln_gamma(x))).abs() < 1e-12);
            assert!((digamma_half_step(x) - (digamma(x + 0.5) - digamma(x))).abs() < 1e-14);
        }
    }

    #[test]
    fn ratios_agree_with_their_definition() {
        for d in 0..7 {
            let (x, h) = (3.7, d as f64 / 2.0);
            assert!((ln_gamma_ratio(x, d) - (ln_gamma(x + h) - ln_gamma(x))).abs() < 1e-13);
            assert!((digamma_difference(x, d) - (digamma(x + h) - digamma(x))).abs() < 1e-13);
        }
    }

    #[test]
    fn a_huge_argument_keeps_its_digits() {
        // Γ(x + 1) / Γ(x) = x, in two half steps.
        let x = 1e12;
        assert!((ln_half_step(x) + ln_half_step(x + 0.5) - x.ln()).abs() < 1e-14);
    }
}
