//! Expectations of logistic functions under a normal.
//!
//! The one idea: both integrands are analytic in a strip, so the trapezoidal rule converges
//! geometrically, with a step known beforehand; nothing is adaptive.
//!
//! # References
//! `[@trefethen2014trapezoidal, sec. 5]`: an integrand analytic for `|Im z| < a` leaves an error of
//! order `exp(−2πa/h)`; the logistic functions have their poles at `±iπ`, hence `a = π/sd` here.

use elbo_math::log_space::{inv_logit, log1p_exp};

/// `E[log σ(η)]` for `η ~ N(mean, sd²)`.
pub(super) fn expected_log_sigmoid(mean: f64, sd: f64) -> f64 {
    -expectation(|eta| log1p_exp(-eta), mean, sd)
}

/// `E[σ(η)]` for `η ~ N(mean, sd²)`.
pub(super) fn expected_sigmoid(mean: f64, sd: f64) -> f64 {
    expectation(inv_logit, mean, sd)
}

fn expectation(f: impl Fn(f64) -> f64, mean: f64, sd: f64) -> f64 {
    // exp(−2π²/(sd·h)) and, for the normal itself, exp(−2π²/h²) are below 1e-12 at these steps.
    let h = 0.5_f64.min(0.7 / sd);
    // Beyond 8.5 standard deviations the normal holds 1e-17.
    let (mut sum, mut total, mut z) = (f(mean), 1.0, h);
    while z < 8.5 {
        let density = (-0.5 * z * z).exp();
        sum += density * (f(mean + sd * z) + f(mean - sd * z));
        total += 2.0 * density;
        z += h;
    }
    sum / total
}

#[cfg(test)]
mod tests {
    use super::*;
    use elbo_math::quadrature::integrate;

    #[test]
    fn expectations_agree_with_adaptive_quadrature() {
        for mean in [-30.0, -3.0, 0.0, 0.4, 8.0] {
            for sd in [1e-3, 0.5, 1.0, 3.0, 20.0] {
                let normal = |z: f64| (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt();
                let reference = |f: &dyn Fn(f64) -> f64| {
                    let integrand = |z| normal(z) * f(mean + sd * z);
                    integrate(integrand, -12.0, 12.0, 1e-13, 1e-12)
                        .unwrap()
                        .value
                };
                let log = reference(&|eta| -log1p_exp(-eta));
                let probability = reference(&inv_logit);
                let (a, b) = (expected_log_sigmoid(mean, sd), expected_sigmoid(mean, sd));
                assert!((a - log).abs() < 1e-10 * log.abs().max(1.0), "{a} {log}");
                assert!((b - probability).abs() < 1e-10, "{b} {probability}");
            }
        }
    }

    #[test]
    fn a_normal_without_spread_is_a_point() {
        assert!((expected_sigmoid(0.7, 0.0) - inv_logit(0.7)).abs() < 1e-15);
    }
}
