//! The normal–Wishart distribution: the conjugate prior of a normal's mean and precision matrix.
//!
//! The one idea: it is a Wishart for the precision `Λ` and, given it, a normal for the mean, so
//! everything is a Wishart's answer plus a normal's. Deliberately absent: the update from data,
//! which belongs to the models.

use elbo_math::linalg::{Cholesky, Matrix, axpy, dot};
use elbo_math::random::{Rng, fill_standard_normal};
use elbo_math::special::LN_2PI;

use crate::error::Check;
use crate::half_vector::{from_half_dual, half_len, push_half, push_half_dual, squared_norm};
use crate::normal::gaussian_entropy;
use crate::{
    DistError, Distribution, Draw, Entropy, ExponentialFamily, MultivariateStudentT, Wishart,
};

const CHECK: Check = Check("normal–Wishart");

/// `N(μ | m, (κΛ)⁻¹) W(Λ | V, ν)`.
#[derive(Debug, Clone, PartialEq)]
pub struct NormalWishart {
    mean: Vec<f64>,
    mean_precision: f64,
    precision: Wishart,
}

/// A point of the normal–Wishart: a normal's mean and precision matrix.
#[derive(Debug, Clone, PartialEq)]
pub struct MeanAndPrecision {
    /// `μ`.
    pub mean: Vec<f64>,
    /// `Λ`.
    pub precision: Matrix,
}

impl NormalWishart {
    /// Builds the distribution from the mean `m`, the factor `κ` of the mean's precision, and the
    /// Wishart distribution of the precision `Λ`.
    ///
    /// # Errors
    /// [`DistError`] unless `mean` is finite and as long as `precision` is wide, and
    /// `mean_precision` is positive.
    pub fn new(mean: Vec<f64>, mean_precision: f64, precision: Wishart) -> Result<Self, DistError> {
        CHECK.each_finite("mean", &mean)?;
        CHECK.positive("mean_precision", mean_precision)?;
        let dim = precision.dim();
        CHECK.length("mean", mean.len(), mean.len() == dim, || {
            format!("{dim} entries")
        })?;
        Ok(Self {
            mean,
            mean_precision,
            precision,
        })
    }

    /// The dimension `D`.
    pub fn dim(&self) -> usize {
        self.mean.len()
    }

    /// `m = E[μ]`.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// `κ`, how many observations the knowledge of the mean is worth.
    pub fn mean_precision(&self) -> f64 {
        self.mean_precision
    }

    /// The marginal distribution of `Λ`.
    pub fn precision(&self) -> &Wishart {
        &self.precision
    }

    /// `E[log |Λ|]`.
    pub fn expected_log_det(&self) -> f64 {
        self.precision.expected_log_det()
    }

    /// `E[(x − μ)ᵀ Λ (x − μ)] = D/κ + ν (x − m)ᵀ V (x − m)`.
    ///
    /// # Panics
    /// If `x` has another length than the mean.
    pub fn expected_quadratic_form(&self, x: &[f64]) -> f64 {
        self.dim() as f64 / self.mean_precision
            + self.precision.expected_quadratic_form(&self.centred(x))
    }

    /// The distribution of a new observation from the normal with this mean and precision.
    ///
    /// A Student-t with `ν − D + 1` degrees of freedom.
    pub fn predictive(&self) -> MultivariateStudentT {
        self.student_t((self.mean_precision + 1.0) / self.mean_precision)
    }

    /// The marginal distribution of `μ`.
    pub fn marginal_mean(&self) -> MultivariateStudentT {
        self.student_t(self.mean_precision.recip())
    }

    fn student_t(&self, factor: f64) -> MultivariateStudentT {
        let nu = self.precision.degrees_of_freedom() - self.dim() as f64 + 1.0;
        let mut scale = self.precision.inverse_scale_cholesky().lower().clone();
        scale.scale((factor / nu).sqrt());
        let scale = Cholesky::from_lower(scale).expect("a positive multiple of a factor is one");
        MultivariateStudentT::from_scale_cholesky(nu, self.mean.clone(), scale)
            .expect("the degrees of freedom exceed the dimension less one")
    }

    fn centred(&self, x: &[f64]) -> Vec<f64> {
        assert_eq!(
            x.len(),
            self.dim(),
            "point and distribution differ in dimension"
        );
        x.iter().zip(&self.mean).map(|(a, b)| a - b).collect()
    }
}

impl Distribution for NormalWishart {
    type Point = MeanAndPrecision;

    fn log_density(&self, x: &MeanAndPrecision) -> f64 {
        let dim = self.dim() as f64;
        let centred = self.centred(&x.mean);
        let wishart = self.precision.log_density(&x.precision);
        let Ok(factor) = Cholesky::new(&x.precision) else {
            return f64::NEG_INFINITY;
        };
        let z = factor.lower().matvec_transpose(&centred);
        let log_det = dim * (self.mean_precision.ln() - LN_2PI) + factor.log_det();
        wishart + 0.5 * (log_det - self.mean_precision * squared_norm(&z, &x.mean))
    }

    /// With `Λ = BBᵀ` and `B = R⁻ᵀA`, the mean is `m + B⁻ᵀz/√κ = m + R A⁻ᵀz/√κ`.
    fn sample(&self, rng: &mut impl Rng) -> Draw<Self> {
        let factor = self.precision.sample_standard_factor(rng);
        let mut z = vec![0.0; self.dim()];
        fill_standard_normal(rng, &mut z);
        factor.solve_lower_transpose_in_place(&mut z);
        let mut mean = self.mean.clone();
        let shift = self.precision.inverse_scale_cholesky().lower_times(&z);
        axpy(self.mean_precision.sqrt().recip(), &shift, &mut mean);
        MeanAndPrecision {
            mean,
            precision: self.precision.draw_from_factor(&factor),
        }
    }
}

impl Entropy for NormalWishart {
    fn entropy(&self) -> f64 {
        let expected_log_det =
            -(self.dim() as f64) * self.mean_precision.ln() - self.expected_log_det();
        self.precision.entropy() + gaussian_entropy(self.dim(), expected_log_det)
    }
}

/// `η = (κm, −½κ, (ν − D)/2, −½(V⁻¹ + κ m mᵀ))`, `T = (Λμ, μᵀΛμ, log |Λ|, Λ)`; matrices as lower
/// triangles, those in `η` with their off-diagonal entries doubled.
impl ExponentialFamily for NormalWishart {
    fn natural_params(&self) -> Vec<f64> {
        let kappa = self.mean_precision;
        let mut eta: Vec<f64> = self.mean.iter().map(|m| kappa * m).collect();
        eta.push(-0.5 * kappa);
        eta.push(0.5 * (self.precision.degrees_of_freedom() - self.dim() as f64));
        let mut second = self.precision.inverse_scale().clone();
        second.add_outer(kappa, &self.mean, &self.mean);
        push_half_dual(&mut eta, -0.5, &second);
        eta
    }

    fn with_natural_params(&self, natural: &[f64]) -> Result<Self, DistError> {
        let dim = self.dim();
        CHECK.natural(natural, dim + 2 + half_len(dim))?;
        let kappa = CHECK.positive("mean_precision", -2.0 * natural[dim])?;
        let mean: Vec<f64> = natural[..dim].iter().map(|v| v / kappa).collect();
        let mut inverse_scale = from_half_dual(dim, &natural[dim + 2..]);
        inverse_scale.scale(-2.0);
        inverse_scale.add_outer(-kappa, &mean, &mean);
        let degrees_of_freedom = 2.0 * natural[dim + 1] + dim as f64;
        Self::new(
            mean,
            kappa,
            Wishart::from_inverse_scale(degrees_of_freedom, inverse_scale)?,
        )
    }

    fn log_partition(&self) -> f64 {
        let normal = 0.5 * self.dim() as f64 * (LN_2PI - self.mean_precision.ln());
        normal + self.precision.log_partition()
    }

    fn sufficient_stats(&self, x: &MeanAndPrecision) -> Vec<f64> {
        let mut stats = x.precision.matvec(&x.mean);
        stats.push(dot(&stats, &x.mean));
        stats.extend(self.precision.sufficient_stats(&x.precision));
        stats
    }

    fn expected_sufficient_stats(&self) -> Vec<f64> {
        let mut precision = self.precision.scale();
        precision.scale(self.precision.degrees_of_freedom());
        let mut stats = precision.matvec(&self.mean);
        stats.push(dot(&stats, &self.mean) + self.dim() as f64 / self.mean_precision);
        stats.push(self.expected_log_det());
        push_half(&mut stats, 1.0, &precision);
        stats
    }

    // Written out: the Bregman form subtracts squares of the means.
    fn kl(&self, other: &Self) -> f64 {
        assert_eq!(
            self.dim(),
            other.dim(),
            "KL needs two members of the same family"
        );
        let ratio = other.mean_precision / self.mean_precision;
        let spread = self.dim() as f64 * (ratio - 1.0 - ratio.ln());
        let shift = self
            .precision
            .expected_quadratic_form(&self.centred(&other.mean));
        self.precision.kl(&other.precision) + 0.5 * (spread + other.mean_precision * shift)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Moments;
    use elbo_testkit::assert_close;

    fn prior() -> NormalWishart {
        let scale = Matrix::from_rows(&[[1.3, 0.4], [0.4, 0.8]]);
        NormalWishart::new(vec![0.6, -0.3], 1.7, Wishart::new(4.5, &scale).unwrap()).unwrap()
    }

    /// `η` after one observation: each natural parameter grows by what multiplies its statistic in
    /// the normal's log density.
    fn posterior(prior: &NormalWishart, x: &[f64]) -> NormalWishart {
        let mut eta = prior.natural_params();
        let mut step = x.to_vec();
        step.extend([-0.5, 0.5]);
        let mut outer = Matrix::zeros(x.len(), x.len());
        outer.add_outer(1.0, x, x);
        push_half_dual(&mut step, -0.5, &outer);
        axpy(1.0, &step, &mut eta);
        prior.with_natural_params(&eta).unwrap()
    }

    #[test]
    fn the_predictive_density_is_the_ratio_of_normalisers() {
        let (prior, x) = (prior(), [1.4, -2.0]);
        let ratio = posterior(&prior, &x).log_partition() - prior.log_partition();
        assert_close(
            "log predictive",
            prior.predictive().log_density(&x),
            ratio - LN_2PI,
            1e-12,
        );
    }

    #[test]
    fn one_observation_updates_as_the_textbook_says() {
        // `[@bishop2006prml, sec. 10.2.1]`, equations 10.60 to 10.63 with one observation.
        let (prior, x) = (prior(), [1.4, -2.0]);
        let posterior = posterior(&prior, &x);
        assert_close("κ", posterior.mean_precision(), 2.7, 1e-12);
        assert_close("ν", posterior.precision().degrees_of_freedom(), 5.5, 1e-12);
        let mut inverse_scale = prior.precision().inverse_scale().clone();
        let centred = [0.8, -1.7];
        inverse_scale.add_outer(1.7 / 2.7, &centred, &centred);
        for i in 0..2 {
            let mean = (1.7 * prior.mean()[i] + x[i]) / 2.7;
            assert_close("m", posterior.mean()[i], mean, 1e-12);
            for j in 0..2 {
                let actual = posterior.precision().inverse_scale()[(i, j)];
                assert_close("V⁻¹", actual, inverse_scale[(i, j)], 1e-12);
            }
        }
    }

    #[test]
    fn the_expected_quadratic_form_is_a_sum_of_mean_params() {
        let (d, x) = (prior(), [1.4, -2.0]);
        let stats = d.expected_sufficient_stats();
        let precision = d.precision().mean();
        let expected = precision.quadratic_form(&x) - 2.0 * dot(&x, &stats[..2]) + stats[2];
        assert_close(
            "quadratic form",
            d.expected_quadratic_form(&x),
            expected,
            1e-12,
        );
    }
}
