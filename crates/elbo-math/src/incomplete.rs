//! The incomplete gamma and beta functions, for any size of their parameters.
//!
//! The one idea: the integrand's peak is computed by differences of Stirling's series, so that
//! parameters of 10⁸ (a posterior after that many rows) lose no digits, and every loop is bounded,
//! so that none hangs. Series and continued fractions need `O(√a)` terms; from 10⁶ on the gamma's
//! uniform asymptotic expansion takes over.

use std::f64::consts::PI;

use crate::special::{LN_2PI, erfc, ln_beta, ln_gamma};

/// No loop runs longer. Parameters up to 10¹¹ converge long before.
const MAX_TERMS: usize = 2_000_000;

/// From here on Stirling's remainder is exact to rounding.
const STIRLING_FROM: f64 = 25.0;

/// From here on the expansion of [`temme`] is exact to rounding.
const TEMME_FROM: f64 = 1e6;

/// The regularised lower incomplete gamma function `P(a, x)`; NaN unless `a > 0`.
pub fn gamma_p(a: f64, x: f64) -> f64 {
    gamma_pq(a, x).0
}

/// The regularised upper incomplete gamma function `Q(a, x) = 1 − P(a, x)`, exact in the tail.
pub fn gamma_q(a: f64, x: f64) -> f64 {
    gamma_pq(a, x).1
}

fn gamma_pq(a: f64, x: f64) -> (f64, f64) {
    if a.is_nan() || x.is_nan() || a <= 0.0 {
        (f64::NAN, f64::NAN)
    } else if x <= 0.0 {
        (0.0, 1.0)
    } else if x == f64::INFINITY {
        (1.0, 0.0)
    } else if a >= TEMME_FROM {
        temme(a, x)
    } else if x < a + 1.0 {
        let p = gamma_peak(a, x) * gamma_series(a, x);
        (p, 1.0 - p)
    } else {
        let q = a * gamma_peak(a, x) * gamma_fraction(a, x);
        (1.0 - q, q)
    }
}

/// `xᵃ e⁻ˣ / Γ(a + 1)`.
fn gamma_peak(a: f64, x: f64) -> f64 {
    if a < STIRLING_FROM {
        return (a * x.ln() - x - ln_gamma(a + 1.0)).exp();
    }
    let exponent = -a * excess((x - a) / a) - stirling(a);
    exponent.exp() / (2.0 * PI * a).sqrt()
}

/// `μ − log(1 + μ)`, by its Taylor series where the difference would cancel.
fn excess(mu: f64) -> f64 {
    if mu.abs() > 0.1 {
        return mu - mu.ln_1p();
    }
    let tail = |acc: f64, k: i32| 1.0 / f64::from(k) - mu * acc;
    mu * mu * (2..=18).rev().fold(0.0, tail)
}

/// `Σ_n xⁿ / ((a + 1) ⋯ (a + n))`, `[@dlmf, 8.7.1]`.
fn gamma_series(a: f64, x: f64) -> f64 {
    let (mut term, mut sum) = (1.0, 1.0);
    for n in 1..MAX_TERMS {
        term *= x / (a + n as f64);
        sum += term;
        if term < f64::EPSILON * 0.1 * sum {
            break;
        }
    }
    sum
}

/// `Γ(a, x) eˣ x⁻ᵃ` by Legendre's continued fraction, `[@dlmf, 8.9.2]`.
fn gamma_fraction(a: f64, x: f64) -> f64 {
    let first = x + 1.0 - a;
    lentz(first, |n| {
        let n = n as f64;
        (-n * (n - a), first + 2.0 * n)
    })
}

/// `1 / (b₀ + a₁/(b₁ + a₂/(b₂ + …)))` by Lentz's method.
///
/// # References
/// `[@press2007numerical, sec. 5.2]`.
fn lentz(first: f64, coefficients: impl Fn(usize) -> (f64, f64)) -> f64 {
    const TINY: f64 = 1e-300;
    let away_from_zero = |v: f64| if v.abs() < TINY { TINY } else { v };
    let mut d = away_from_zero(first).recip();
    let mut c = TINY.recip();
    let mut value = d;
    for n in 1..MAX_TERMS {
        let (a, b) = coefficients(n);
        d = away_from_zero(a.mul_add(d, b)).recip();
        c = away_from_zero(b + a / c);
        value *= d * c;
        if (d * c - 1.0).abs() < f64::EPSILON {
            break;
        }
    }
    value
}

/// `P` and `Q` for a large `a`.
///
/// The coefficients are Taylor's in `η`; for `a ≥ 10⁶` the region where they do not converge holds
/// no probability that an `f64` could tell from 0 or 1.
///
/// # References
/// `[@temme1979uniform]`; `[@dlmf, 8.12]`.
fn temme(a: f64, x: f64) -> (f64, f64) {
    const C0: [f64; 7] = [
        -1.0 / 3.0,
        1.0 / 12.0,
        -2.0 / 135.0,
        1.0 / 864.0,
        1.0 / 2835.0,
        -139.0 / 777_600.0,
        1.0 / 25_515.0,
    ];
    const C1: [f64; 4] = [-1.0 / 540.0, -1.0 / 288.0, 1.0 / 378.0, -77.0 / 77_760.0];
    let mu = (x - a) / a;
    let half_square = excess(mu); // ½ η²
    if a * half_square > 800.0 {
        return if mu < 0.0 { (0.0, 1.0) } else { (1.0, 0.0) };
    }
    let eta = (2.0 * half_square).sqrt().copysign(mu);
    let polynomial = |c: &[f64]| c.iter().rev().fold(0.0, |acc: f64, v| acc * eta + v);
    let correction =
        (-a * half_square).exp() / (2.0 * PI * a).sqrt() * (polynomial(&C0) + polynomial(&C1) / a);
    let root = eta * (a / 2.0).sqrt();
    (
        0.5 * erfc(-root) - correction,
        0.5 * erfc(root) + correction,
    )
}

/// The regularised incomplete beta function `I_x(a, b)`; NaN unless `a, b > 0`.
pub fn beta_i(a: f64, b: f64, x: f64) -> f64 {
    if a.is_nan() || b.is_nan() || x.is_nan() || a <= 0.0 || b <= 0.0 {
        f64::NAN
    } else if x <= 0.0 {
        0.0
    } else if x >= 1.0 {
        1.0
    } else if x * (a + b + 2.0) > a + 1.0 {
        1.0 - beta_peak(a, b, x) * beta_fraction(b, a, 1.0 - x) / b
    } else {
        beta_peak(a, b, x) * beta_fraction(a, b, x) / a
    }
}

/// `xᵃ (1 − x)ᵇ / B(a, b)`.
fn beta_peak(a: f64, b: f64, x: f64) -> f64 {
    if a < STIRLING_FROM || b < STIRLING_FROM {
        return (a * x.ln() + b * (-x).ln_1p() - ln_beta(a, b)).exp();
    }
    let total = a + b;
    // Both logarithms are relative to the peak at a/(a + b), where they vanish.
    let shift = x * total - a;
    let exponent = a * (shift / a).ln_1p() + b * (-shift / b).ln_1p();
    let stirling = stirling(total) - stirling(a) - stirling(b);
    (exponent + stirling + 0.5 * (a.ln() + b.ln() - total.ln() - LN_2PI)).exp()
}

/// `[@dlmf, 8.17.22]`.
fn beta_fraction(a: f64, b: f64, x: f64) -> f64 {
    lentz(1.0, |n| {
        let m = (n / 2) as f64;
        let numerator = if n % 2 == 0 {
            m * (b - m) / ((a + 2.0 * m - 1.0) * (a + 2.0 * m))
        } else {
            -(a + m) * (a + b + m) / ((a + 2.0 * m) * (a + 2.0 * m + 1.0))
        };
        (numerator * x, 1.0)
    })
}

/// `log Γ(x)` less its leading terms: Stirling's remainder, `[@dlmf, 5.11.1]`.
fn stirling(x: f64) -> f64 {
    let s = (x * x).recip();
    (1.0 / 12.0 + s * (-1.0 / 360.0 + s * (1.0 / 1260.0 - s / 1680.0))) / x
}

/// `log Γ(m) − log Γ(m + n)` for `m ≥ 25`, without cancellation.
pub(crate) fn ln_gamma_drop(m: f64, n: f64) -> f64 {
    -(m + n - 0.5) * (n / m).ln_1p() - n * (m.ln() - 1.0) + stirling(m) - stirling(m + n)
}

/// `log B(a, b)` for `a, b ≥ 25`, without cancellation.
pub(crate) fn ln_beta_of_large(a: f64, b: f64) -> f64 {
    let total = a + b;
    let leading = a * (b / a).ln_1p() + b * (a / b).ln_1p();
    let root = 0.5 * (LN_2PI + total.ln() - a.ln() - b.ln());
    root - leading + stirling(a) + stirling(b) - stirling(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `scipy.special.gammainc`, `gammaincc` and `betainc`, SciPy 1.17.1; `(a, x, P, Q)` and
    /// `(a, b, x, I)`.
    #[test]
    fn values_agree_with_scipy_for_parameters_of_every_size() {
        for (a, x, p, q) in [
            (0.001, 1e-300, 0.5014761980108868, 0.49852380198911317),
            (0.001, 1e-05, 0.9891230446957835, 0.010876955304217334),
            (0.001, 1.0, 0.9997803916424145, 0.0002196083575855568),
            (0.5, 1e-10, 1.1283791670578994e-05, 0.9999887162083294),
            (0.5, 0.3, 0.5614219739190003, 0.4385780260809997),
            (0.5, 30.0, 0.9999999999999906, 9.485737571073857e-15),
            (2.5, 1.7, 0.36143007689620493, 0.6385699231037951),
            (50.0, 20.0, 1.2458926079719434e-08, 0.9999999875410739),
            (50.0, 50.0, 0.5188083154720433, 0.48119168452795674),
            (50.0, 90.0, 0.9999983505014983, 1.6494985017178526e-06),
            (100000.0, 98000.0, 9.69083515816044e-11, 0.9999999999030916),
            (100000.0, 100000.0, 0.5004205221103651, 0.4995794778896348),
            (
                100000.0,
                101500.0,
                0.9999988263154863,
                1.173684513722169e-06,
            ),
            (
                100000000.0,
                99990000.0,
                0.15865525352814386,
                0.8413447464718561,
            ),
            (
                100000000.0,
                100000000.0,
                0.5000132980760141,
                0.49998670192398587,
            ),
            (
                100000000.0,
                100010000.0,
                0.8413447464717987,
                0.15865525352820123,
            ),
        ] {
            assert!(
                (gamma_p(a, x) / p - 1.0).abs() < 1e-11,
                "P({a}, {x}) = {}",
                gamma_p(a, x)
            );
            assert!(
                (gamma_q(a, x) / q - 1.0).abs() < 1e-11,
                "Q({a}, {x}) = {}",
                gamma_q(a, x)
            );
        }
        for (a, b, x, i) in [
            (0.01, 0.02, 0.001, 0.6223759113277754),
            (0.01, 0.02, 0.99, 0.6958391691195323),
            (2.0, 3.5, 0.4, 0.5984490866652151),
            (200.0, 3.0, 0.9, 1.5662275621214906e-07),
            (200.0, 3.0, 0.99, 0.6712381710383889),
            (10000.0, 20000.0, 0.32, 4.0773717349740383e-07),
            (10000.0, 20000.0, 0.3334, 0.51031338419141),
            (1000000.0, 1000000.0, 0.499, 0.002338849406931976),
            (1000000.0, 1000000.0, 0.5005, 0.9213504224190758),
            (5000.0, 0.5, 0.99, 1.1849636488949144e-23),
            (5000.0, 0.5, 0.9999, 0.3173105072579534),
            (0.001, 100000.0, 1e-09, 0.9914031147163669),
            (30.0, 0.1, 0.5, 8.308781048700072e-12),
            (30.0, 0.1, 0.97, 0.028386195066193918),
        ] {
            assert!(
                (beta_i(a, b, x) / i - 1.0).abs() < 1e-11,
                "I({a}, {b}, {x}) = {}",
                beta_i(a, b, x)
            );
        }
    }

    #[test]
    fn the_asymptotic_expansion_continues_the_series() {
        let a = TEMME_FROM;
        for z in [-8.0, -1.0, 0.0, 1e-3, 2.0, 7.0] {
            let x = a + z * a.sqrt();
            let below = gamma_pq(a * (1.0 - f64::EPSILON), x);
            let above = gamma_pq(a, x);
            assert!((above.0 / below.0 - 1.0).abs() < 1e-10, "P at z = {z}");
            assert!((above.1 / below.1 - 1.0).abs() < 1e-10, "Q at z = {z}");
        }
    }

    #[test]
    fn no_argument_hangs_or_panics() {
        let values = [
            f64::NAN,
            -1.0,
            0.0,
            1e-300,
            1e-3,
            1.0,
            1e3,
            1e9,
            1e18,
            f64::INFINITY,
        ];
        for a in values {
            for b in values {
                let p = gamma_p(a, b);
                assert!(
                    p.is_nan() || (-1e-12..=1.0 + 1e-12).contains(&p),
                    "P({a}, {b}) = {p}"
                );
                for x in [f64::NAN, 0.0, 1e-300, 0.3, 1.0] {
                    beta_i(a, b, x);
                }
            }
        }
    }
}
