//! The gamma distribution, by shape and rate.

use elbo_math::random::{Rng, uniform};
use elbo_math::special::{digamma, gamma_p, ln_gamma, normal_quantile};
use rand_distr::Distribution as _;

use crate::error::Check;
use crate::root::{quantile_at, solve_increasing};
use crate::{Cumulative, DistError, Distribution, Draw, Entropy, ExponentialFamily, Moments};

const CHECK: Check = Check("gamma");

/// `Gamma(x | a, b)`, with density `bᵃ xᵃ⁻¹ exp(−b x) / Γ(a)` on `x > 0`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gamma {
    shape: f64,
    rate: f64,
}

impl Gamma {
    /// Builds the distribution from its shape `a` and rate `b`.
    ///
    /// # Errors
    /// [`DistError`] unless both are positive.
    pub fn new(shape: f64, rate: f64) -> Result<Self, DistError> {
        let shape = CHECK.positive("shape", shape)?;
        let rate = CHECK.positive("rate", rate)?;
        Ok(Self { shape, rate })
    }

    /// The shape `a`.
    pub fn shape(&self) -> f64 {
        self.shape
    }

    /// The rate `b`.
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// `E[log x]`.
    pub fn mean_log(&self) -> f64 {
        digamma(self.shape) - self.rate.ln()
    }
}

impl Distribution for Gamma {
    type Point = f64;

    fn log_density(&self, x: &f64) -> f64 {
        if *x <= 0.0 || *x == f64::INFINITY {
            return f64::NEG_INFINITY;
        }
        (self.shape - 1.0) * x.ln() - self.rate * x - self.log_partition()
    }

    fn sample(&self, rng: &mut impl Rng) -> Draw<Self> {
        // A tiny shape may underflow; a draw has to lie in the support.
        (ln_standard_gamma(self.shape, rng).exp() / self.rate).max(f64::MIN_POSITIVE)
    }
}

impl Moments for Gamma {
    type Mean = f64;
    type Variance = f64;

    fn mean(&self) -> f64 {
        self.shape / self.rate
    }

    fn variance(&self) -> f64 {
        self.shape / self.rate / self.rate
    }
}

impl Entropy for Gamma {
    fn entropy(&self) -> f64 {
        let a = self.shape;
        a - self.rate.ln() + ln_gamma(a) + (1.0 - a) * digamma(a)
    }
}

impl Cumulative for Gamma {
    fn cdf(&self, x: f64) -> f64 {
        gamma_p(self.shape, self.rate * x)
    }

    /// Solved in `log x`, where the distribution function's logarithm is concave.
    fn quantile(&self, p: f64) -> f64 {
        let standard = Self {
            shape: self.shape,
            rate: 1.0,
        };
        quantile_at(p, (0.0, f64::INFINITY), |p| {
            let start = standard.ln_quantile_start(p);
            let log_x = solve_increasing(-745.0, 709.0, start, |u| {
                let cdf = standard.cdf(u.exp());
                (
                    cdf.ln() - p.ln(),
                    (standard.log_density(&u.exp()) + u).exp() / cdf,
                )
            });
            log_x.exp() / self.rate
        })
    }
}

impl Gamma {
    /// `[@wilson1931]` for the body; the leading term `xᵃ / Γ(a + 1)` for the lower tail.
    fn ln_quantile_start(self, p: f64) -> f64 {
        let a = self.shape;
        let cube = 1.0 - 1.0 / (9.0 * a) + normal_quantile(p) / (3.0 * a.sqrt());
        if cube > 0.1 {
            a.ln() + 3.0 * cube.ln()
        } else {
            (p.ln() + ln_gamma(a + 1.0)) / a
        }
    }
}

/// `η = (a − 1, −b)`, `T = (log x, x)`.
impl ExponentialFamily for Gamma {
    fn natural_params(&self) -> Vec<f64> {
        vec![self.shape - 1.0, -self.rate]
    }

    fn with_natural_params(&self, natural: &[f64]) -> Result<Self, DistError> {
        CHECK.natural(natural, 2)?;
        Self::new(natural[0] + 1.0, -natural[1])
    }

    fn log_partition(&self) -> f64 {
        ln_gamma(self.shape) - self.shape * self.rate.ln()
    }

    fn sufficient_stats(&self, x: &f64) -> Vec<f64> {
        vec![x.ln(), *x]
    }

    fn expected_sufficient_stats(&self) -> Vec<f64> {
        vec![self.mean_log(), self.mean()]
    }
}

/// The logarithm of a draw from `Gamma(shape, 1)`, which does not underflow for a tiny shape.
///
/// # References
/// `rand_distr`'s `[@marsaglia2000gamma]` for `shape ≥ 1`; below, `G(a) = G(a + 1) U^(1/a)`.
pub(crate) fn ln_standard_gamma(shape: f64, rng: &mut impl Rng) -> f64 {
    let (boosted, shift) = if shape < 1.0 {
        // 1 − U lies in (0, 1], so that its logarithm is finite.
        (shape + 1.0, (1.0 - uniform(rng)).ln() / shape)
    } else {
        (shape, 0.0)
    };
    let gamma = rand_distr::Gamma::new(boosted, 1.0).expect("the shape is positive and finite");
    gamma.sample(rng).ln() + shift
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `scipy.stats.gamma`, SciPy 1.17.1: `(a, x, P(X ≤ x))`.
    #[test]
    fn quantiles_invert_scipy_s_distribution_function_for_any_shape() {
        for (shape, x, p) in [
            (0.001, 1e-300, 0.5014761980108868),
            (0.001, 1e-05, 0.9891230446957835),
            (0.001, 1.0, 0.9997803916424145),
            (0.5, 1e-10, 1.1283791670578994e-05),
            (0.5, 0.3, 0.5614219739190003),
            (0.5, 30.0, 0.9999999999999906),
            (50.0, 20.0, 1.2458926079719434e-08),
            (50.0, 50.0, 0.5188083154720433),
            (50.0, 90.0, 0.9999983505014983),
            (100000.0, 98000.0, 9.69083515816044e-11),
            (100000.0, 100000.0, 0.5004205221103651),
            (100000.0, 101500.0, 0.9999988263154863),
            (100000000.0, 99990000.0, 0.15865525352814386),
            (100000000.0, 100000000.0, 0.5000132980760141),
            (100000000.0, 100010000.0, 0.8413447464717987),
        ] {
            let gamma = Gamma::new(shape, 1.0).unwrap();
            let relative = gamma.quantile(p) / x - 1.0;
            // The upper tail is conditioned as badly as 1 − p.
            let tolerance = 1e-11 + f64::EPSILON / (1.0 - p);
            assert!(
                relative.abs() < tolerance,
                "shape {shape}, p = {p}: off by {relative:e}"
            );
        }
    }

    #[test]
    fn a_tiny_shape_draws_positive_numbers() {
        let gamma = Gamma::new(1e-4, 1.0).unwrap();
        let mut rng = elbo_math::random::stream(1, "gamma/tests", 0);
        assert!((0..1000).all(|_| gamma.sample(&mut rng) > 0.0));
    }
}
