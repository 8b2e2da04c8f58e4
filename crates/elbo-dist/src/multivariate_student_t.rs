//! Student's t distribution of a vector: the predictive density under a normal–Wishart.

use elbo_math::linalg::{Cholesky, Matrix, dot};
use elbo_math::random::{Rng, fill_standard_normal};
use elbo_math::special::LN_PI;

use crate::error::Check;
use crate::gamma_ratio::{digamma_difference, ln_gamma_ratio};
use crate::half_vector::squared_norm;
use crate::student_t::ln_mixing;
use crate::{DistError, Distribution, Draw, Entropy, Moments, StudentT};

const CHECK: Check = Check("multivariate Student-t");

/// `t_ν(x | m, S)` in `D` dimensions, density `∝ (1 + (x − m)ᵀS⁻¹(x − m)/ν)^(−(ν+D)/2)`.
#[derive(Debug, Clone, PartialEq)]
pub struct MultivariateStudentT {
    degrees_of_freedom: f64,
    location: Vec<f64>,
    scale: Cholesky,
}

impl MultivariateStudentT {
    /// Builds the distribution from its degrees of freedom `ν`, location `m` and scale matrix `S`,
    /// of which the lower triangle is read.
    ///
    /// # Errors
    /// [`DistError`] unless `degrees_of_freedom` is positive, `location` is finite and `scale` is
    /// positive definite and of its size.
    pub fn new(
        degrees_of_freedom: f64,
        location: Vec<f64>,
        scale: &Matrix,
    ) -> Result<Self, DistError> {
        let scale = CHECK.cholesky("scale", scale, location.len())?;
        Self::from_scale_cholesky(degrees_of_freedom, location, scale)
    }

    /// Builds the distribution with the Cholesky factor of its scale matrix.
    ///
    /// # Errors
    /// [`DistError`] unless `degrees_of_freedom` is positive, `location` is finite and `scale` is
    /// of its size.
    pub fn from_scale_cholesky(
        degrees_of_freedom: f64,
        location: Vec<f64>,
        scale: Cholesky,
    ) -> Result<Self, DistError> {
        CHECK.positive("degrees_of_freedom", degrees_of_freedom)?;
        CHECK.each_finite("location", &location)?;
        CHECK.length("scale", scale.dim(), scale.dim() == location.len(), || {
            format!("{} rows", location.len())
        })?;
        Ok(Self {
            degrees_of_freedom,
            location,
            scale,
        })
    }

    /// The dimension `D`.
    pub fn dim(&self) -> usize {
        self.location.len()
    }

    /// The degrees of freedom `ν`.
    pub fn degrees_of_freedom(&self) -> f64 {
        self.degrees_of_freedom
    }

    /// The location `m`.
    pub fn location(&self) -> &[f64] {
        &self.location
    }

    /// The Cholesky factor of the scale matrix `S`.
    pub fn scale_cholesky(&self) -> &Cholesky {
        &self.scale
    }

    /// The marginal distribution of coordinate `i`.
    ///
    /// # Panics
    /// If `i` is not below the dimension.
    pub fn marginal(&self, i: usize) -> StudentT {
        let row = self.scale.lower().row(i);
        StudentT::new(
            self.degrees_of_freedom,
            self.location[i],
            dot(row, row).sqrt(),
        )
        .expect("a positive definite matrix has a positive diagonal")
    }

    fn log_constant(&self) -> f64 {
        let (nu, dim) = (self.degrees_of_freedom, self.dim());
        let normaliser = 0.5 * (dim as f64 * (nu.ln() + LN_PI) + self.scale.log_det());
        ln_gamma_ratio(nu / 2.0, dim) - normaliser
    }
}

impl Distribution for MultivariateStudentT {
    type Point = [f64];

    fn log_density(&self, x: &[f64]) -> f64 {
        assert_eq!(
            x.len(),
            self.dim(),
            "point and distribution differ in dimension"
        );
        let mut z: Vec<f64> = x.iter().zip(&self.location).map(|(a, b)| a - b).collect();
        self.scale.solve_lower_in_place(&mut z);
        let nu = self.degrees_of_freedom;
        self.log_constant() - 0.5 * (nu + self.dim() as f64) * (squared_norm(&z, x) / nu).ln_1p()
    }

    fn sample(&self, rng: &mut impl Rng) -> Draw<Self> {
        let mut z = vec![0.0; self.dim()];
        fill_standard_normal(rng, &mut z);
        let mixing = ln_mixing(self.degrees_of_freedom, rng).exp();
        let z = self.scale.lower_times(&z);
        z.iter()
            .zip(&self.location)
            .map(|(a, m)| m + mixing * a)
            .collect()
    }
}

impl Moments for MultivariateStudentT {
    type Mean = Vec<f64>;
    type Variance = Matrix;

    /// NaN for `ν ≤ 1`.
    fn mean(&self) -> Vec<f64> {
        (0..self.dim()).map(|i| self.marginal(i).mean()).collect()
    }

    /// NaN for `ν ≤ 2`, where the covariance does not exist.
    fn variance(&self) -> Matrix {
        let nu = self.degrees_of_freedom;
        let mut covariance = self.scale.reconstruct();
        covariance.scale(if nu > 2.0 { nu / (nu - 2.0) } else { f64::NAN });
        covariance
    }
}

impl Entropy for MultivariateStudentT {
    fn entropy(&self) -> f64 {
        let (nu, dim) = (self.degrees_of_freedom, self.dim());
        0.5 * (nu + dim as f64) * digamma_difference(nu / 2.0, dim) - self.log_constant()
    }
}
