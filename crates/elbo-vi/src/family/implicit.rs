//! Implicit reparameterisation: how a draw moves with a parameter when its quantile `u` stays.
//!
//! With `F(x; p) = u` held, `dx/dp = −(∂F/∂p)/f(x)` `[@figurnov2018implicit, eq. 5]`. `∂F/∂p` is a
//! difference of the logarithm of whichever tail is the smaller, so it keeps its relative accuracy
//! in both tails.

use elbo_dist::{Cumulative, StudentT};
use elbo_math::special::{beta_i, gamma_p, gamma_q};

/// A tail probability as a function of a parameter, and which tail it is.
enum Tail<F> {
    Lower(F),
    Upper(F),
}

/// `dx/d log p`, from a tail as a function of `p` and the log density at `x`.
fn derivative<F: Fn(f64) -> f64>(tail: Tail<F>, parameter: f64, log_density: f64) -> f64 {
    let (tail, sign) = match tail {
        Tail::Lower(tail) => (tail, -1.0),
        Tail::Upper(tail) => (tail, 1.0),
    };
    let at = tail(parameter);
    if at == 0.0 {
        return 0.0;
    }
    // A tail changes over a relative 1/√p; h⁴ truncation against ε/h rounding.
    let h = 1e-3 / parameter.sqrt().max(1.0);
    let slope = |h: f64| {
        let ratio = tail(parameter * h.exp()) / tail(parameter * (-h).exp());
        ratio.ln() / (2.0 * h)
    };
    let log_slope = (4.0 * slope(0.5 * h) - slope(h)) / 3.0;
    sign * (at.ln() - log_density).exp() * log_slope
}

/// `dx/d log a` of `x ~ Gamma(a, 1)`, with the log density at `x`.
pub(super) fn gamma(shape: f64, x: f64, log_density: f64) -> f64 {
    if gamma_p(shape, x) < 0.5 {
        derivative(Tail::Lower(|a| gamma_p(a, x)), shape, log_density)
    } else {
        derivative(Tail::Upper(|a| gamma_q(a, x)), shape, log_density)
    }
}

/// `dx/d log a` and `dx/d log b` of `x ~ Beta(a, b)`, with the log density at `x`.
pub(super) fn beta(a: f64, b: f64, x: f64, log_density: f64) -> (f64, f64) {
    if beta_i(a, b, x) < 0.5 {
        (
            derivative(Tail::Lower(|a| beta_i(a, b, x)), a, log_density),
            derivative(Tail::Lower(|b| beta_i(a, b, x)), b, log_density),
        )
    } else {
        (
            derivative(Tail::Upper(|a| beta_i(b, a, 1.0 - x)), a, log_density),
            derivative(Tail::Upper(|b| beta_i(b, a, 1.0 - x)), b, log_density),
        )
    }
}

/// `dt/d log ν` of a standard Student's `t`, with the log density at `t`.
pub(super) fn student_t(degrees_of_freedom: f64, t: f64, log_density: f64) -> f64 {
    let lower = -t.abs();
    let tail = |nu: f64| StudentT::new(nu, 0.0, 1.0).map_or(f64::NAN, |q| q.cdf(lower));
    derivative(Tail::Lower(tail), degrees_of_freedom, log_density) * -t.signum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use elbo_dist::{Beta, Distribution, Gamma};
    use elbo_testkit::assert_close;

    /// mpmath with 40 digits: `-diff(lambda s: gammainc(s, 0, x, regularized=True), a) / pdf(x) * a`,
    /// and likewise with `betainc`.
    #[test]
    fn derivatives_agree_with_high_precision_values() {
        for (kind, p, x, expected) in &GOLDEN {
            let found = match *kind {
                "gamma" => {
                    let q = Gamma::new(p[0], 1.0).unwrap();
                    gamma(p[0], *x, q.log_density(x))
                }
                "beta a" => {
                    let q = Beta::new(p[0], p[1]).unwrap();
                    beta(p[0], p[1], *x, q.log_density(x)).0
                }
                "beta b" => {
                    let q = Beta::new(p[0], p[1]).unwrap();
                    beta(p[0], p[1], *x, q.log_density(x)).1
                }
                _ => {
                    let q = StudentT::new(p[0], 0.0, 1.0).unwrap();
                    student_t(p[0], *x, q.log_density(x))
                }
            };
            // Ten digits of the differences, fewer of the tails of large parameters.
            assert_close(&format!("{kind} {p:?} at {x}"), found / expected, 1.0, 1e-7);
        }
    }

    const GOLDEN: [(&str, [f64; 2], f64, f64); 23] = [
        ("gamma", [0.05, 1.0], 1e-12, 2.71331761246554e-11),
        ("gamma", [0.5, 1.0], 0.3, 0.504900972974427),
        ("gamma", [1.0, 1.0], 2.5, 1.79703223326167),
        ("gamma", [2.5, 1.0], 0.01, 0.0572549220069758),
        ("gamma", [2.5, 1.0], 20.0, 6.30921500612794),
        ("gamma", [30.0, 1.0], 25.0, 27.5004479920697),
        ("gamma", [30.0, 1.0], 55.0, 40.2254443908327),
        ("gamma", [1000.0, 1.0], 1050.0, 1024.76421706234),
        ("beta a", [0.5, 0.5], 0.1, 0.279265606190379),
        ("beta b", [0.5, 0.5], 0.1, -0.13044624265857),
        ("beta a", [2.0, 3.0], 0.9, 0.0689015138868952),
        ("beta b", [2.0, 3.0], 0.9, -0.211654579002166),
        ("beta a", [0.1, 2.0], 1e-06, 1.2906432208441e-05),
        ("beta b", [0.1, 2.0], 1e-06, -1.25103199074771e-06),
        ("beta a", [20.0, 5.0], 0.6, 0.281964162309148),
        ("beta b", [20.0, 5.0], 0.6, -0.17468983866915),
        ("beta a", [300.0, 200.0], 0.65, 0.218786780943062),
        ("beta b", [300.0, 200.0], 0.65, -0.243386494423471),
        ("t", [1.0, 0.0], 0.5, -0.130489840735404),
        ("t", [3.0, 0.0], -2.0, 0.677924375961838),
        ("t", [3.0, 0.0], 30.0, -75.0476204076868),
        ("t", [50.0, 0.0], 1.5, -0.0242348216279276),
        ("t", [0.7, 0.0], -4.0, 6.01648724129263),
    ];
}
