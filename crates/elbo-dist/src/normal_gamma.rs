//! The normal–gamma distribution: the conjugate prior of a normal's mean and precision.

use elbo_math::random::Rng;
use elbo_math::special::LN_2PI;

use crate::error::Check;
use crate::normal::gaussian_entropy;
use crate::{
    DistError, Distribution, Draw, Entropy, ExponentialFamily, Gamma, Moments, Normal, StudentT,
};

const CHECK: Check = Check("normal–gamma");

/// `N(μ | m, (κτ)⁻¹) Gamma(τ | a, b)`; a point is the pair `(μ, τ)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NormalGamma {
    mean: f64,
    mean_precision: f64,
    precision: Gamma,
}

impl NormalGamma {
    /// Builds the distribution from the mean `m`, the factor `κ` of the mean's precision, and the
    /// gamma distribution of the precision `τ`.
    ///
    /// # Errors
    /// [`DistError`] unless `mean` is finite and `mean_precision` is positive.
    pub fn new(mean: f64, mean_precision: f64, precision: Gamma) -> Result<Self, DistError> {
        let mean = CHECK.finite("mean", mean)?;
        let mean_precision = CHECK.positive("mean_precision", mean_precision)?;
        Ok(Self {
            mean,
            mean_precision,
            precision,
        })
    }

    /// `m = E[μ]`.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// `κ`, how many observations the knowledge of the mean is worth.
    pub fn mean_precision(&self) -> f64 {
        self.mean_precision
    }

    /// The marginal distribution of `τ`.
    pub fn precision(&self) -> &Gamma {
        &self.precision
    }

    /// `E[τ (x − μ)²] = 1/κ + E[τ] (x − m)²`.
    pub fn expected_quadratic_form(&self, x: f64) -> f64 {
        self.mean_precision.recip() + self.precision.mean() * (x - self.mean).powi(2)
    }

    /// The distribution of a new observation from the normal with this mean and precision.
    ///
    /// A Student-t with `2a` degrees of freedom.
    pub fn predictive(&self) -> StudentT {
        self.student_t((self.mean_precision + 1.0) / self.mean_precision)
    }

    /// The marginal distribution of `μ`.
    pub fn marginal_mean(&self) -> StudentT {
        self.student_t(self.mean_precision.recip())
    }

    fn student_t(&self, factor: f64) -> StudentT {
        let scale = (factor / self.precision.mean()).sqrt();
        StudentT::new(2.0 * self.precision.shape(), self.mean, scale)
            .expect("positive parameters give a positive scale")
    }

    /// The distribution of `μ` given `τ`.
    fn mean_given(&self, precision: f64) -> Result<Normal, DistError> {
        Normal::from_precision(self.mean, self.mean_precision * precision)
    }
}

impl Distribution for NormalGamma {
    type Point = (f64, f64);

    fn log_density(&self, x: &(f64, f64)) -> f64 {
        let (mean, precision) = *x;
        // A product that under- or overflows has no density left to speak of.
        let Ok(normal) = self.mean_given(precision) else {
            return if precision.is_nan() {
                f64::NAN
            } else {
                f64::NEG_INFINITY
            };
        };
        self.precision.log_density(&precision) + normal.log_density(&mean)
    }

    fn sample(&self, rng: &mut impl Rng) -> Draw<Self> {
        let precision = self.precision.sample(rng);
        let z = elbo_math::random::standard_normal(rng);
        (
            self.mean + z / (self.mean_precision * precision).sqrt(),
            precision,
        )
    }
}

impl Entropy for NormalGamma {
    fn entropy(&self) -> f64 {
        let log_variance = -self.mean_precision.ln() - self.precision.mean_log();
        self.precision.entropy() + gaussian_entropy(1, log_variance)
    }
}

/// `η = (κm, −½κ, a − ½, −b − ½κm²)`, `T = (τμ, τμ², log τ, τ)`.
impl ExponentialFamily for NormalGamma {
    fn natural_params(&self) -> Vec<f64> {
        let (m, kappa) = (self.mean, self.mean_precision);
        let rate = self.precision.rate() + 0.5 * kappa * m * m;
        vec![kappa * m, -0.5 * kappa, self.precision.shape() - 0.5, -rate]
    }

    fn with_natural_params(&self, natural: &[f64]) -> Result<Self, DistError> {
        CHECK.natural(natural, 4)?;
        let kappa = CHECK.positive("mean_precision", -2.0 * natural[1])?;
        let mean = natural[0] / kappa;
        let rate = -natural[3] - 0.5 * kappa * mean * mean;
        Self::new(mean, kappa, Gamma::new(natural[2] + 0.5, rate)?)
    }

    fn log_partition(&self) -> f64 {
        0.5 * (LN_2PI - self.mean_precision.ln()) + self.precision.log_partition()
    }

    fn sufficient_stats(&self, x: &(f64, f64)) -> Vec<f64> {
        let (mean, precision) = *x;
        vec![
            precision * mean,
            precision * mean * mean,
            precision.ln(),
            precision,
        ]
    }

    fn expected_sufficient_stats(&self) -> Vec<f64> {
        let (m, precision) = (self.mean, self.precision.mean());
        let second = precision * m * m + self.mean_precision.recip();
        vec![precision * m, second, self.precision.mean_log(), precision]
    }

    // Written out: the Bregman form subtracts squares of the means.
    fn kl(&self, other: &Self) -> f64 {
        let ratio = other.mean_precision / self.mean_precision;
        let shift = self.precision.mean() * (self.mean - other.mean).powi(2);
        let normal = 0.5 * (ratio - 1.0 - ratio.ln() + other.mean_precision * shift);
        self.precision.kl(&other.precision) + normal
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use elbo_testkit::assert_close;

    fn prior() -> NormalGamma {
        NormalGamma::new(0.4, 1.7, Gamma::new(3.1, 0.8).unwrap()).unwrap()
    }

    #[test]
    fn the_predictive_density_is_the_ratio_of_normalisers() {
        let (prior, x) = (prior(), 1.4);
        let mut eta = prior.natural_params();
        // What multiplies (τμ, τμ², log τ, τ) in the log density of N(x | μ, 1/τ).
        for (e, step) in eta.iter_mut().zip([x, -0.5, 0.5, -0.5 * x * x]) {
            *e += step;
        }
        let posterior = prior.with_natural_params(&eta).unwrap();
        let expected = posterior.log_partition() - prior.log_partition() - 0.5 * LN_2PI;
        assert_close(
            "log predictive",
            prior.predictive().log_density(&x),
            expected,
            1e-12,
        );
    }

    #[test]
    fn the_expected_quadratic_form_is_a_sum_of_mean_params() {
        let (d, x) = (prior(), 1.4);
        let stats = d.expected_sufficient_stats();
        let expected = x * x * stats[3] - 2.0 * x * stats[0] + stats[1];
        assert_close(
            "quadratic form",
            d.expected_quadratic_form(x),
            expected,
            1e-12,
        );
    }
}
