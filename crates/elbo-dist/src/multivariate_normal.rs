//! The normal distribution of a vector.
//!
//! The one idea: whichever factor is given is kept. A Cholesky factor of the covariance or of the
//! precision serves the density, the draws and the log-determinant equally well, so nothing is
//! inverted until somebody asks for the other matrix.

use elbo_math::linalg::{Cholesky, Matrix, dot};
use elbo_math::random::{Rng, fill_standard_normal};
use elbo_math::special::LN_2PI;

use crate::error::Check;
use crate::half_vector::{from_half_dual, half_len, push_half, push_half_dual, squared_norm};
use crate::normal::gaussian_entropy;
use crate::{DistError, Distribution, Draw, Entropy, ExponentialFamily, Moments, Normal};

const CHECK: Check = Check("multivariate normal");

/// `N(x | m, Σ)` in `D` dimensions.
#[derive(Debug, Clone, PartialEq)]
pub struct MultivariateNormal {
    mean: Vec<f64>,
    factor: Factor,
}

#[derive(Debug, Clone, PartialEq)]
enum Factor {
    Covariance(Cholesky),
    Precision(Cholesky),
}

impl MultivariateNormal {
    /// Builds the distribution from its mean and covariance, of which the lower triangle is read.
    ///
    /// # Errors
    /// [`DistError`] unless `mean` is finite and `covariance` is positive definite and of its size.
    pub fn from_covariance(mean: Vec<f64>, covariance: &Matrix) -> Result<Self, DistError> {
        CHECK.each_finite("mean", &mean)?;
        let factor = CHECK.cholesky("covariance", covariance, mean.len())?;
        Ok(Self {
            mean,
            factor: Factor::Covariance(factor),
        })
    }

    /// Builds the distribution from its mean and precision `Σ⁻¹`, of which the lower triangle is
    /// read.
    ///
    /// # Errors
    /// [`DistError`] unless `mean` is finite and `precision` is positive definite and of its size.
    pub fn from_precision(mean: Vec<f64>, precision: &Matrix) -> Result<Self, DistError> {
        CHECK.each_finite("mean", &mean)?;
        let factor = CHECK.cholesky("precision", precision, mean.len())?;
        Ok(Self {
            mean,
            factor: Factor::Precision(factor),
        })
    }

    /// Builds the distribution from its mean and the Cholesky factor of its covariance.
    ///
    /// # Errors
    /// [`DistError`] unless `mean` is finite and `factor` is of its size.
    pub fn from_covariance_cholesky(mean: Vec<f64>, factor: Cholesky) -> Result<Self, DistError> {
        Self::from_factor(mean, "covariance_cholesky", Factor::Covariance(factor))
    }

    /// Builds the distribution from its mean and the Cholesky factor of its precision.
    ///
    /// # Errors
    /// [`DistError`] unless `mean` is finite and `factor` is of its size.
    pub fn from_precision_cholesky(mean: Vec<f64>, factor: Cholesky) -> Result<Self, DistError> {
        Self::from_factor(mean, "precision_cholesky", Factor::Precision(factor))
    }

    fn from_factor(mean: Vec<f64>, name: &'static str, factor: Factor) -> Result<Self, DistError> {
        CHECK.each_finite("mean", &mean)?;
        let (Factor::Covariance(c) | Factor::Precision(c)) = &factor;
        CHECK.length(name, c.dim(), c.dim() == mean.len(), || {
            format!("{} rows", mean.len())
        })?;
        Ok(Self { mean, factor })
    }

    /// The dimension `D`.
    pub fn dim(&self) -> usize {
        self.mean.len()
    }

    /// The mean, without a copy.
    pub fn mean_slice(&self) -> &[f64] {
        &self.mean
    }

    /// `Σ`.
    pub fn covariance(&self) -> Matrix {
        match &self.factor {
            Factor::Covariance(c) => c.reconstruct(),
            Factor::Precision(c) => c.inverse(),
        }
    }

    /// `Σ⁻¹`.
    pub fn precision(&self) -> Matrix {
        match &self.factor {
            Factor::Covariance(c) => c.inverse(),
            Factor::Precision(c) => c.reconstruct(),
        }
    }

    /// `log |Σ|`.
    pub fn log_det_covariance(&self) -> f64 {
        match &self.factor {
            Factor::Covariance(c) => c.log_det(),
            Factor::Precision(c) => -c.log_det(),
        }
    }

    /// The squared Mahalanobis distance `(x − m)ᵀ Σ⁻¹ (x − m)`.
    ///
    /// # Panics
    /// If `x` has another length than the mean.
    pub fn squared_distance(&self, x: &[f64]) -> f64 {
        assert_eq!(
            x.len(),
            self.dim(),
            "point and distribution differ in dimension"
        );
        let mut z: Vec<f64> = x.iter().zip(&self.mean).map(|(a, b)| a - b).collect();
        match &self.factor {
            Factor::Covariance(c) => c.solve_lower_in_place(&mut z),
            Factor::Precision(c) => z = c.lower().matvec_transpose(&z),
        }
        squared_norm(&z, x)
    }

    /// The marginal distribution of coordinate `i`.
    ///
    /// # Panics
    /// If `i` is not below the dimension.
    pub fn marginal(&self, i: usize) -> Normal {
        let variance = match &self.factor {
            Factor::Covariance(c) => dot(c.lower().row(i), c.lower().row(i)),
            Factor::Precision(c) => {
                let mut e = vec![0.0; self.dim()];
                e[i] = 1.0;
                c.inverse_quadratic_form(&e)
            }
        };
        Normal::new(self.mean[i], variance.sqrt()).expect("a positive definite matrix has them")
    }
}

impl Distribution for MultivariateNormal {
    type Point = [f64];

    fn log_density(&self, x: &[f64]) -> f64 {
        let constant = self.dim() as f64 * LN_2PI + self.log_det_covariance();
        -0.5 * (constant + self.squared_distance(x))
    }

    fn sample(&self, rng: &mut impl Rng) -> Draw<Self> {
        let mut z = vec![0.0; self.dim()];
        fill_standard_normal(rng, &mut z);
        match &self.factor {
            Factor::Covariance(c) => z = c.lower_times(&z),
            Factor::Precision(c) => c.solve_lower_transpose_in_place(&mut z),
        }
        z.iter().zip(&self.mean).map(|(a, b)| a + b).collect()
    }
}

impl Moments for MultivariateNormal {
    type Mean = Vec<f64>;
    type Variance = Matrix;

    fn mean(&self) -> Vec<f64> {
        self.mean.clone()
    }

    fn variance(&self) -> Matrix {
        self.covariance()
    }
}

impl Entropy for MultivariateNormal {
    fn entropy(&self) -> f64 {
        gaussian_entropy(self.dim(), self.log_det_covariance())
    }
}

/// `η = (Λm, −½Λ)` with `Λ = Σ⁻¹`, `T = (x, x xᵀ)`; matrices as lower triangles, those in `η`
/// with their off-diagonal entries doubled.
impl ExponentialFamily for MultivariateNormal {
    fn natural_params(&self) -> Vec<f64> {
        let precision = self.precision();
        let mut eta = precision.matvec(&self.mean);
        push_half_dual(&mut eta, -0.5, &precision);
        eta
    }

    fn with_natural_params(&self, natural: &[f64]) -> Result<Self, DistError> {
        let dim = self.dim();
        CHECK.natural(natural, dim + half_len(dim))?;
        let mut precision = from_half_dual(dim, &natural[dim..]);
        precision.scale(-2.0);
        let factor = CHECK.cholesky("precision", &precision, dim)?;
        Self::from_precision_cholesky(factor.solve(&natural[..dim]), factor)
    }

    fn log_partition(&self) -> f64 {
        let constant = self.dim() as f64 * LN_2PI + self.log_det_covariance();
        0.5 * (constant + self.squared_distance(&vec![0.0; self.dim()]))
    }

    fn sufficient_stats(&self, x: &[f64]) -> Vec<f64> {
        let mut stats = x.to_vec();
        for i in 0..x.len() {
            stats.extend(x[..=i].iter().map(|v| v * x[i]));
        }
        stats
    }

    fn expected_sufficient_stats(&self) -> Vec<f64> {
        let mut second = self.covariance();
        second.add_outer(1.0, &self.mean, &self.mean);
        let mut stats = self.mean.clone();
        push_half(&mut stats, 1.0, &second);
        stats
    }

    // Written out: the Bregman form subtracts squares of the means.
    fn kl(&self, other: &Self) -> f64 {
        assert_eq!(
            self.dim(),
            other.dim(),
            "KL needs two members of the same family"
        );
        let trace = other.precision().inner_product(&self.covariance());
        let log_ratio = other.log_det_covariance() - self.log_det_covariance();
        0.5 * (trace + other.squared_distance(&self.mean) - self.dim() as f64 + log_ratio)
    }
}
