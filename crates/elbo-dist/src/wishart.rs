//! The Wishart distribution of a positive definite matrix.
//!
//! The one idea: the inverse scale is what is kept, factorised. It is what statistics are added to
//! in a conjugate update, and its factor serves the density, the draws and the expectations.

use elbo_math::linalg::{Cholesky, Matrix, matmul_tn};
use elbo_math::random::{Rng, standard_normal};
use elbo_math::special::{ln_multigamma, multidigamma};
use std::f64::consts::LN_2;

use crate::error::Check;
use crate::gamma::ln_standard_gamma;
use crate::half_vector::{from_half_dual, half_len, push_half, push_half_dual, trace_product};
use crate::{DistError, Distribution, Draw, Entropy, ExponentialFamily, Moments};

const CHECK: Check = Check("Wishart");

/// `W(X | V, ν)`, density `∝ |X|^((ν−D−1)/2) exp(−½ tr V⁻¹X)` on positive definite `D×D` matrices.
///
/// The density is with respect to the entries of the lower triangle, the only ones it reads.
#[derive(Debug, Clone, PartialEq)]
pub struct Wishart {
    degrees_of_freedom: f64,
    inverse_scale: Matrix,
    inverse_scale_cholesky: Cholesky,
}

impl Wishart {
    /// Builds the distribution from its degrees of freedom `ν` and scale `V`, of which the lower
    /// triangle is read; its mean is `ν V`.
    ///
    /// # Errors
    /// [`DistError`] unless `degrees_of_freedom > D − 1` and `scale` is positive definite.
    pub fn new(degrees_of_freedom: f64, scale: &Matrix) -> Result<Self, DistError> {
        let inverse = CHECK.cholesky("scale", scale, scale.rows())?.inverse();
        Self::from_inverse_scale(degrees_of_freedom, inverse)
    }

    /// Builds the distribution from its degrees of freedom `ν` and inverse scale `V⁻¹`, of which
    /// the lower triangle is read.
    ///
    /// # Errors
    /// [`DistError`] unless `degrees_of_freedom > D − 1` and `inverse_scale` is positive definite.
    pub fn from_inverse_scale(
        degrees_of_freedom: f64,
        inverse_scale: Matrix,
    ) -> Result<Self, DistError> {
        let dim = inverse_scale.rows();
        let inverse_scale_cholesky = CHECK.cholesky("inverse_scale", &inverse_scale, dim)?;
        let ok = degrees_of_freedom > dim as f64 - 1.0 && degrees_of_freedom.is_finite();
        let requirement = "finite and greater than the dimension less one";
        CHECK.require(ok, "degrees_of_freedom", degrees_of_freedom, requirement)?;
        Ok(Self {
            degrees_of_freedom,
            inverse_scale,
            inverse_scale_cholesky,
        })
    }

    /// The dimension `D`.
    pub fn dim(&self) -> usize {
        self.inverse_scale.rows()
    }

    /// The degrees of freedom `ν`.
    pub fn degrees_of_freedom(&self) -> f64 {
        self.degrees_of_freedom
    }

    /// The inverse scale `V⁻¹`.
    pub fn inverse_scale(&self) -> &Matrix {
        &self.inverse_scale
    }

    /// The Cholesky factor of the inverse scale.
    pub fn inverse_scale_cholesky(&self) -> &Cholesky {
        &self.inverse_scale_cholesky
    }

    /// The scale `V`.
    pub fn scale(&self) -> Matrix {
        self.inverse_scale_cholesky.inverse()
    }

    /// `E[log |X|] = Σ_j ψ((ν − j)/2) + D log 2 + log |V|`.
    pub fn expected_log_det(&self) -> f64 {
        let dim = self.dim();
        multidigamma(dim, self.degrees_of_freedom / 2.0) + dim as f64 * LN_2
            - self.inverse_scale_cholesky.log_det()
    }

    /// `E[zᵀ X z] = ν zᵀ V z`.
    ///
    /// # Panics
    /// If `z` has another length than the dimension.
    pub fn expected_quadratic_form(&self, z: &[f64]) -> f64 {
        self.degrees_of_freedom * self.inverse_scale_cholesky.inverse_quadratic_form(z)
    }

    /// `(ν − D − 1)/2`.
    fn exponent(&self) -> f64 {
        0.5 * (self.degrees_of_freedom - self.dim() as f64 - 1.0)
    }

    /// `A` of a standard Wishart: the Cholesky factor of a draw with `V = I`.
    ///
    /// # References
    /// `[@bartlett1933]`.
    pub(crate) fn sample_standard_factor(&self, rng: &mut impl Rng) -> Cholesky {
        let dim = self.dim();
        let mut factor = Matrix::zeros(dim, dim);
        for i in 0..dim {
            for j in 0..i {
                factor[(i, j)] = standard_normal(rng);
            }
            let half = 0.5 * (self.degrees_of_freedom - i as f64);
            let root = (0.5 * (LN_2 + ln_standard_gamma(half, rng))).exp();
            // Degrees of freedom close to D − 1 may underflow.
            factor[(i, i)] = root.max(f64::MIN_POSITIVE);
        }
        Cholesky::from_lower(factor).expect("the diagonal is positive")
    }

    /// The draw that belongs to a standard factor `A`: with `V⁻¹ = R Rᵀ`, `X = R⁻ᵀA (R⁻ᵀA)ᵀ`.
    pub(crate) fn draw_from_factor(&self, factor: &Cholesky) -> Matrix {
        let mut root = factor.lower().transpose();
        for i in 0..self.dim() {
            self.inverse_scale_cholesky
                .solve_lower_transpose_in_place(root.row_mut(i));
        }
        matmul_tn(&root, &root)
    }
}

impl Distribution for Wishart {
    type Point = Matrix;

    fn log_density(&self, x: &Matrix) -> f64 {
        let shape = (self.dim(), self.dim());
        assert_eq!(
            (x.rows(), x.cols()),
            shape,
            "point and distribution differ in dimension"
        );
        let Ok(factor) = Cholesky::new(x) else {
            return f64::NEG_INFINITY;
        };
        let trace = trace_product(&self.inverse_scale, x);
        if trace.is_nan() {
            // The factor exists, so the entries are finite and the trace has overflowed.
            return f64::NEG_INFINITY;
        }
        self.exponent() * factor.log_det() - 0.5 * trace - self.log_partition()
    }

    fn sample(&self, rng: &mut impl Rng) -> Draw<Self> {
        self.draw_from_factor(&self.sample_standard_factor(rng))
    }
}

impl Moments for Wishart {
    type Mean = Matrix;
    type Variance = Matrix;

    fn mean(&self) -> Matrix {
        let mut mean = self.scale();
        mean.scale(self.degrees_of_freedom);
        mean
    }

    /// `Var(X_ij) = ν (V_ij² + V_ii V_jj)`.
    fn variance(&self) -> Matrix {
        let v = self.scale();
        Matrix::from_fn(self.dim(), self.dim(), |i, j| {
            self.degrees_of_freedom * (v[(i, j)] * v[(i, j)] + v[(i, i)] * v[(j, j)])
        })
    }
}

impl Entropy for Wishart {
    fn entropy(&self) -> f64 {
        let trace = self.degrees_of_freedom * self.dim() as f64;
        self.log_partition() + 0.5 * trace - self.exponent() * self.expected_log_det()
    }
}

/// `η = ((ν − D − 1)/2, −½V⁻¹)`, `T = (log |X|, X)`; matrices as lower triangles, those in `η`
/// with their off-diagonal entries doubled.
impl ExponentialFamily for Wishart {
    fn natural_params(&self) -> Vec<f64> {
        let mut eta = vec![self.exponent()];
        push_half_dual(&mut eta, -0.5, &self.inverse_scale);
        eta
    }

    fn with_natural_params(&self, natural: &[f64]) -> Result<Self, DistError> {
        let dim = self.dim();
        CHECK.natural(natural, 1 + half_len(dim))?;
        let mut inverse_scale = from_half_dual(dim, &natural[1..]);
        inverse_scale.scale(-2.0);
        Self::from_inverse_scale(2.0 * natural[0] + dim as f64 + 1.0, inverse_scale)
    }

    fn log_partition(&self) -> f64 {
        let (nu, dim) = (self.degrees_of_freedom, self.dim());
        let log_det = dim as f64 * LN_2 - self.inverse_scale_cholesky.log_det();
        0.5 * nu * log_det + ln_multigamma(dim, nu / 2.0)
    }

    fn sufficient_stats(&self, x: &Matrix) -> Vec<f64> {
        let mut stats = vec![Cholesky::new(x).map_or(f64::NAN, |factor| factor.log_det())];
        push_half(&mut stats, 1.0, x);
        stats
    }

    fn expected_sufficient_stats(&self) -> Vec<f64> {
        let mut stats = vec![self.expected_log_det()];
        push_half(&mut stats, 1.0, &self.mean());
        stats
    }
}
