//! Factors of one number, and the moments of a Gaussian tilted by one.
//!
//! The one idea: expectation propagation asks of a factor `t(s)` only `∫ t(s) N(s | m, v) ds` and the
//! mean and variance of what is integrated; closed forms where they exist, else quadrature.
//! Deliberately absent: where `s` comes from.

use elbo_math::log_space::{inv_logit, log1p_exp};
use elbo_math::special::{LN_2PI, ln_factorial, ln_gamma, normal_cdf};

use super::quadrature::by_quadrature;

/// A factor `t(s)`.
pub trait Factor: Send + Sync {
    /// `log t(s)`; −∞ where the factor is 0.
    fn log_value(&self, s: f64) -> f64;

    /// Its derivative.
    fn slope(&self, s: f64) -> f64;

    /// Whether `log t` is concave, so that its product with a Gaussian has one peak.
    fn is_log_concave(&self) -> bool {
        false
    }

    /// The moments of `t(s) N(s | mean, variance)`; `None` if they cannot be had.
    fn tilt(&self, mean: f64, variance: f64) -> Option<Tilted> {
        by_quadrature(self, mean, variance)
    }
}

/// A tilted Gaussian's moments.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tilted {
    /// `log ∫ t(s) N(s | m, v) ds`.
    pub log_mass: f64,
    /// The mean.
    pub mean: f64,
    /// The variance.
    pub variance: f64,
}

/// `Φ(±s)`: probit regression with a positive or negative outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probit {
    /// The outcome.
    pub positive: bool,
}

/// `1/(1 + exp(∓s))`: logistic regression with a positive or negative outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Logit {
    /// The outcome.
    pub positive: bool,
}

/// `Poisson(count | exp(s))`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Poisson {
    /// The outcome.
    pub count: u64,
}

/// `StudentT(observed | s, scale, degrees)`; not log-concave.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StudentT {
    /// The outcome.
    pub observed: f64,
    /// The scale; positive.
    pub scale: f64,
    /// The degrees of freedom; positive.
    pub degrees: f64,
}

/// 1 on one side of a threshold, 0 on the other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// Where it jumps.
    pub threshold: f64,
    /// Whether `s` must lie above.
    pub above: bool,
}

fn sign(positive: bool) -> f64 {
    if positive { 1.0 } else { -1.0 }
}

/// `log Φ(z)` and `φ(z)/Φ(z)`.
fn normal_tail(z: f64) -> (f64, f64) {
    let log_density = -0.5 * (z * z + LN_2PI);
    if z > -30.0 {
        let cdf = normal_cdf(z);
        return (cdf.ln(), log_density.exp() / cdf);
    }
    // Φ(z) = φ(z)/|z| · (1 − 1/z² + 3/z⁴ − 15/z⁶ + …) `[@dlmf, §7.12.1]`; at −30 the first term left
    // out is 1e-10.
    let w = 1.0 / (z * z);
    let series = 1.0 - w * (1.0 - 3.0 * w * (1.0 - 5.0 * w));
    (log_density - (-z).ln() + series.ln(), -z / series)
}

/// `1 − ρ (z + ρ)` with `ρ = φ(z)/Φ(z)`: the share of its variance that a truncated normal keeps.
fn kept_variance(z: f64, ratio: f64) -> f64 {
    if z > -30.0 {
        1.0 - ratio * (z + ratio)
    } else {
        // The difference cancels to 1/z² − 6/z⁴ + 50/z⁶.
        let w = 1.0 / (z * z);
        w * (1.0 - w * (6.0 - 50.0 * w))
    }
}

impl Factor for Probit {
    fn log_value(&self, s: f64) -> f64 {
        normal_tail(sign(self.positive) * s).0
    }

    fn slope(&self, s: f64) -> f64 {
        let y = sign(self.positive);
        y * normal_tail(y * s).1
    }

    fn is_log_concave(&self) -> bool {
        true
    }

    /// `[@rasmussen2006gp, eqs. 3.82–3.85]`.
    fn tilt(&self, mean: f64, variance: f64) -> Option<Tilted> {
        let (y, scale) = (sign(self.positive), (1.0 + variance).sqrt());
        let z = y * mean / scale;
        let (log_mass, ratio) = normal_tail(z);
        // 1 − v/(1 + v) · ρ (z + ρ), without cancelling when the second factor is nearly 1.
        let kept = (1.0 + variance * kept_variance(z, ratio)) / (1.0 + variance);
        Some(Tilted {
            log_mass,
            mean: mean + y * variance * ratio / scale,
            variance: variance * kept,
        })
    }
}

impl Factor for Step {
    fn log_value(&self, s: f64) -> f64 {
        if (s > self.threshold) == self.above {
            0.0
        } else {
            f64::NEG_INFINITY
        }
    }

    fn slope(&self, _: f64) -> f64 {
        0.0
    }

    fn is_log_concave(&self) -> bool {
        true
    }

    /// The moments of a truncated normal.
    fn tilt(&self, mean: f64, variance: f64) -> Option<Tilted> {
        let (y, sd) = (sign(self.above), variance.sqrt());
        let z = y * (mean - self.threshold) / sd;
        let (log_mass, ratio) = normal_tail(z);
        Some(Tilted {
            log_mass,
            mean: mean + y * sd * ratio,
            variance: variance * kept_variance(z, ratio),
        })
    }
}

impl Factor for Logit {
    fn log_value(&self, s: f64) -> f64 {
        -log1p_exp(-sign(self.positive) * s)
    }

    fn slope(&self, s: f64) -> f64 {
        let y = sign(self.positive);
        y * inv_logit(-y * s)
    }

    fn is_log_concave(&self) -> bool {
        true
    }
}

impl Factor for Poisson {
    fn log_value(&self, s: f64) -> f64 {
        self.count as f64 * s - s.exp() - ln_factorial(self.count as f64)
    }

    fn slope(&self, s: f64) -> f64 {
        self.count as f64 - s.exp()
    }

    fn is_log_concave(&self) -> bool {
        true
    }
}

impl Factor for StudentT {
    fn log_value(&self, s: f64) -> f64 {
        let (nu, r) = (self.degrees, (self.observed - s) / self.scale);
        ln_gamma(0.5 * (nu + 1.0))
            - ln_gamma(0.5 * nu)
            - 0.5 * (nu * std::f64::consts::PI).ln()
            - self.scale.ln()
            - 0.5 * (nu + 1.0) * (r * r / nu).ln_1p()
    }

    fn slope(&self, s: f64) -> f64 {
        let (nu, r) = (self.degrees, (self.observed - s) / self.scale);
        (nu + 1.0) * r / ((nu + r * r) * self.scale)
    }
}

#[cfg(test)]
mod tests {
    use elbo_math::quadrature::integrate;
    use elbo_testkit::assert_close;

    use super::*;

    /// The moments by adaptive Gauss–Kronrod, over pieces small enough to find every peak.
    fn reference(factor: &dyn Factor, mean: f64, variance: f64) -> Tilted {
        let sd = variance.sqrt();
        let moment = |power: i32, centre: f64| -> f64 {
            (-40..40)
                .map(|k| {
                    let (a, b) = (0.25 * f64::from(k), 0.25 * f64::from(k + 1));
                    let f = |z: f64| {
                        let s = mean + sd * z;
                        (factor.log_value(s) - 0.5 * (z * z + LN_2PI)).exp()
                            * (s - centre).powi(power)
                    };
                    integrate(f, a, b, 1e-14, 1e-11).unwrap().value
                })
                .sum()
        };
        let mass = moment(0, 0.0);
        let centre = moment(1, 0.0) / mass;
        Tilted {
            log_mass: mass.ln(),
            mean: centre,
            variance: moment(2, centre) / mass,
        }
    }

    fn factors() -> Vec<Box<dyn Factor>> {
        vec![
            Box::new(Probit { positive: true }),
            Box::new(Probit { positive: false }),
            Box::new(Logit { positive: true }),
            Box::new(Logit { positive: false }),
            Box::new(Poisson { count: 0 }),
            Box::new(Poisson { count: 7 }),
            Box::new(StudentT {
                observed: 2.5,
                scale: 0.7,
                degrees: 3.0,
            }),
        ]
    }

    #[test]
    fn moments_agree_with_adaptive_quadrature() {
        for (f, factor) in factors().iter().enumerate() {
            for (mean, variance) in [(0.3, 0.5), (-2.0, 4.0), (1.5, 30.0)] {
                let got = factor.tilt(mean, variance).unwrap();
                let expected = reference(&**factor, mean, variance);
                let what = format!("factor {f} at ({mean}, {variance})");
                assert_close(&what, got.log_mass, expected.log_mass, 1e-8);
                assert_close(&what, got.mean, expected.mean, 1e-8);
                assert_close(&what, got.variance / expected.variance, 1.0, 1e-8);
            }
        }
    }

    #[test]
    fn slopes_are_derivatives() {
        for factor in factors() {
            for s in [-3.0, 0.2, 2.0] {
                let slope = elbo_testkit::gradient(|s| factor.log_value(s[0]), &[s])[0];
                assert_close("slope", factor.slope(s), slope, 1e-8);
            }
        }
    }

    #[test]
    fn a_step_is_the_limit_of_a_sharp_probit() {
        // Φ((s − c)/ε) with s ~ N(m, v) is a probit in (s − c)/ε.
        let (m, v, c, e) = (0.4, 2.0, 1.0, 1e-5);
        for above in [true, false] {
            let step = Step {
                threshold: c,
                above,
            };
            let got = step.tilt(m, v).unwrap();
            let sharp = Probit { positive: above }
                .tilt((m - c) / e, v / (e * e))
                .unwrap();
            assert_close("mass", got.log_mass, sharp.log_mass, 1e-8);
            assert_close("mean", got.mean, c + e * sharp.mean, 1e-8);
            assert_close("variance", got.variance, e * e * sharp.variance, 1e-8);
        }
    }

    #[test]
    fn far_tails_stay_finite_and_continuous() {
        let at = |m: f64| {
            Step {
                threshold: 0.0,
                above: true,
            }
            .tilt(m, 1.0)
            .unwrap()
        };
        // The two forms meet at −30.
        let (a, b) = (at(-30.0 + 1e-9), at(-30.0 - 1e-9));
        assert_close("mass", a.log_mass, b.log_mass, 1e-9);
        assert_close("mean", a.mean, b.mean, 1e-8);
        // 1 − ρ(z + ρ) has lost six digits here.
        assert_close("variance", a.variance / b.variance, 1.0, 1e-3);
        let far = at(-1e4);
        assert!(far.log_mass.is_finite() && far.mean > 0.0 && far.variance > 0.0);
        let narrow = Poisson { count: 1_000_000 }.tilt(0.0, 100.0).unwrap();
        assert_close("mean", narrow.mean, 1e6_f64.ln(), 1e-5);
    }
}
