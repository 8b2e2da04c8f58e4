//! Special functions of one `f64`.
//!
//! Thin, named doors to the crates that were found exact against SciPy: `libm` (Γ, ln Γ, erf, Bessel) and
//! `special` (digamma, trigamma). What is written here and in `incomplete` is what those lack.

use std::f64::consts::{PI, SQRT_2};

use special::Gamma as _;

pub use crate::incomplete::{beta_i, gamma_p, gamma_q};
use crate::incomplete::{ln_beta_of_large, ln_gamma_drop};

/// `log √(2π)`.
pub const LN_SQRT_2PI: f64 = 0.918_938_533_204_672_8;
/// `log 2π`.
pub const LN_2PI: f64 = 1.837_877_066_409_345_3;
/// `log π`.
pub const LN_PI: f64 = 1.144_729_885_849_400_2;

/// `log |Γ(x)|`.
pub fn ln_gamma(x: f64) -> f64 {
    libm::lgamma(x)
}

/// `Γ(x)`.
pub fn gamma(x: f64) -> f64 {
    libm::tgamma(x)
}

/// `J_n(x)`, the Bessel function of the first kind.
pub fn bessel_j(n: i32, x: f64) -> f64 {
    libm::jn(n, x)
}

/// `Y_n(x)`, the Bessel function of the second kind.
pub fn bessel_y(n: i32, x: f64) -> f64 {
    libm::yn(n, x)
}

/// `ψ(x) = d/dx log Γ(x)`.
pub fn digamma(x: f64) -> f64 {
    x.digamma()
}

/// `ψ′(x)`.
pub fn trigamma(x: f64) -> f64 {
    x.trigamma()
}

/// `log B(a, b)`.
pub fn ln_beta(a: f64, b: f64) -> f64 {
    let (small, large) = if a < b { (a, b) } else { (b, a) };
    if large < 25.0 {
        return ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b);
    }
    if small < 25.0 {
        return ln_gamma(small) + ln_gamma_drop(large, small);
    }
    ln_beta_of_large(small, large)
}

/// `log Γ_D(x)`, the multivariate gamma function.
pub fn ln_multigamma(dim: usize, x: f64) -> f64 {
    let d = dim as f64;
    let constant = d * (d - 1.0) / 4.0 * PI.ln();
    constant + (0..dim).map(|j| ln_gamma(x - j as f64 / 2.0)).sum::<f64>()
}

/// `Σ_{j<D} ψ(x − j/2)`, the derivative of [`ln_multigamma`].
pub fn multidigamma(dim: usize, x: f64) -> f64 {
    (0..dim).map(|j| digamma(x - j as f64 / 2.0)).sum()
}

/// The error function.
pub fn erf(x: f64) -> f64 {
    libm::erf(x)
}

/// `1 − erf(x)`, without cancellation for large `x`.
pub fn erfc(x: f64) -> f64 {
    libm::erfc(x)
}

/// The standard normal distribution function.
pub fn normal_cdf(x: f64) -> f64 {
    0.5 * erfc(-x / SQRT_2)
}

/// The standard normal quantile function; ±∞ at 1 and 0, NaN outside `[0, 1]`.
///
/// # References
/// Rational start of `[@acklam2003]`, then two Halley steps on the exact distribution function.
pub fn normal_quantile(p: f64) -> f64 {
    if !(0.0..=1.0).contains(&p) {
        return f64::NAN;
    }
    if p == 0.0 || p == 1.0 {
        return if p == 0.0 {
            f64::NEG_INFINITY
        } else {
            f64::INFINITY
        };
    }
    // Work in the lower tail, where `normal_cdf` keeps its relative precision.
    if p > 0.5 {
        return -normal_quantile(1.0 - p);
    }
    let mut x = acklam_lower(p);
    for _ in 0..2 {
        let e = normal_cdf(x) - p;
        let u = e * (x * x / 2.0 + LN_SQRT_2PI).exp();
        x -= u / (1.0 + x * u / 2.0);
    }
    x
}

fn acklam_lower(p: f64) -> f64 {
    const A: [f64; 6] = [
        -3.969_683_028_665_376e1,
        2.209_460_984_245_205e2,
        -2.759_285_104_469_687e2,
        1.383_577_518_672_69e2,
        -3.066_479_806_614_716e1,
        2.506_628_277_459_239,
    ];
    const B: [f64; 5] = [
        -5.447_609_879_822_406e1,
        1.615_858_368_580_409e2,
        -1.556_989_798_598_866e2,
        6.680_131_188_771_972e1,
        -1.328_068_155_288_572e1,
    ];
    const C: [f64; 6] = [
        -7.784_894_002_430_293e-3,
        -3.223_964_580_411_365e-1,
        -2.400_758_277_161_838,
        -2.549_732_539_343_734,
        4.374_664_141_464_968,
        2.938_163_982_698_783,
    ];
    const D: [f64; 4] = [
        7.784_695_709_041_462e-3,
        3.224_671_290_700_398e-1,
        2.445_134_137_142_996,
        3.754_408_661_907_416,
    ];
    if p < 0.02425 {
        let q = (-2.0 * p.ln()).sqrt();
        horner(&C, q) / (horner(&D, q) * q + 1.0)
    } else {
        let q = p - 0.5;
        let r = q * q;
        horner(&A, r) * q / (horner(&B, r) * r + 1.0)
    }
}

fn horner(coefficients: &[f64], x: f64) -> f64 {
    coefficients.iter().fold(0.0, |acc, c| acc * x + c)
}

/// `log(x!)` for an integer count held as `f64`.
pub fn ln_factorial(x: f64) -> f64 {
    ln_gamma(x + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64, rel: f64) {
        assert!((a - b).abs() <= rel * b.abs().max(1e-300), "{a} != {b}");
    }

    #[test]
    fn constants_are_logarithms_of_pi() {
        close(LN_2PI, (2.0 * PI).ln(), 1e-15);
        close(LN_SQRT_2PI, 0.5 * (2.0 * PI).ln(), 1e-15);
        close(LN_PI, PI.ln(), 1e-15);
    }

    /// Values made with SciPy 1.17.1 (`scipy.special`).
    #[test]
    fn values_agree_with_scipy() {
        close(ln_gamma(0.3), 1.0957979948180756, 1e-14);
        close(ln_gamma(123.4), 469.3360974421906, 1e-13);
        close(digamma(0.3), -3.502524222200133, 1e-13);
        close(trigamma(2.5), 0.4903577561002349, 1e-13);
        close(ln_multigamma(3, 4.2), 6.0791276195549875, 1e-13);
        close(erfc(5.0), 1.5374597944280347e-12, 1e-13);
        close(normal_quantile(1e-10), -6.361340902404056, 1e-13);
        close(normal_quantile(0.975), 1.959963984540054, 1e-14);
        close(gamma_p(2.5, 1.7), 0.36143007689620493, 1e-12);
        close(beta_i(2.0, 3.5, 0.4), 0.5984490866652151, 1e-12);
    }

    /// `scipy.special.betaln`, SciPy 1.17.1.
    #[test]
    fn ln_beta_agrees_with_scipy_for_any_size() {
        // B(3, n) = 2 / (n (n + 1) (n + 2)), exactly; SciPy is off by 7e-10 here.
        close(ln_beta(3.0, 1e6), -40.75338749333038, 1e-14);
        close(ln_beta(0.3, 0.4), 1.6316085659881927, 1e-13);
        close(ln_beta(24.0, 25.0), -34.28251868235757, 1e-13);
        close(ln_beta(30.0, 40.0), -48.30174909591612, 1e-13);
        close(ln_beta(1451.0, 3551.0), -3014.888389059608, 1e-13);
        close(
            ln_beta(100000000.0, 200000000.0),
            -190954258.57711267,
            1e-13,
        );
    }

    #[test]
    fn multidigamma_is_the_derivative_of_ln_multigamma() {
        let (d, x, h) = (4, 7.3, 1e-5);
        let numeric = (ln_multigamma(d, x + h) - ln_multigamma(d, x - h)) / (2.0 * h);
        close(multidigamma(d, x), numeric, 1e-8);
    }

    #[test]
    fn quantile_inverts_the_distribution_function() {
        for p in [1e-300, 1e-12, 0.01, 0.3, 0.5, 0.7, 0.999] {
            close(normal_cdf(normal_quantile(p)), p, 1e-12);
        }
        assert!(normal_quantile(1.5).is_nan());
    }
}
