//! The inverse Wishart distribution: that of `X⁻¹` for a Wishart-distributed `X`.
//!
//! The one idea: it keeps the Wishart of the inverse, and every answer is that one's, moved by the
//! Jacobian `|X|^(−D−1)` of the inversion.

use elbo_math::linalg::{Cholesky, Matrix, matmul_nt};
use elbo_math::random::Rng;

use crate::error::Check;
use crate::half_vector::{from_half_dual, half_len, push_half, push_half_dual};
use crate::{DistError, Distribution, Draw, Entropy, ExponentialFamily, Moments, Wishart};

const CHECK: Check = Check("inverse Wishart");

/// `IW(X | Ψ, ν)`, density `∝ |X|^(−(ν+D+1)/2) exp(−½ tr ΨX⁻¹)` on positive definite matrices.
#[derive(Debug, Clone, PartialEq)]
pub struct InverseWishart {
    inverse: Wishart,
}

impl InverseWishart {
    /// Builds the distribution from its degrees of freedom `ν` and scale `Ψ`, of which the lower
    /// triangle is read; `X⁻¹` is `W(Ψ⁻¹, ν)`.
    ///
    /// # Errors
    /// [`DistError`] unless `degrees_of_freedom > D − 1` and `scale` is positive definite.
    pub fn new(degrees_of_freedom: f64, scale: Matrix) -> Result<Self, DistError> {
        CHECK.cholesky("scale", &scale, scale.rows())?;
        Ok(Self {
            inverse: Wishart::from_inverse_scale(degrees_of_freedom, scale)?,
        })
    }

    /// The dimension `D`.
    pub fn dim(&self) -> usize {
        self.inverse.dim()
    }

    /// The degrees of freedom `ν`.
    pub fn degrees_of_freedom(&self) -> f64 {
        self.inverse.degrees_of_freedom()
    }

    /// The scale `Ψ`.
    pub fn scale(&self) -> &Matrix {
        self.inverse.inverse_scale()
    }

    /// The distribution of `X⁻¹`.
    pub fn inverse(&self) -> &Wishart {
        &self.inverse
    }

    /// `E[log |X|]`.
    pub fn expected_log_det(&self) -> f64 {
        -self.inverse.expected_log_det()
    }
}

impl Distribution for InverseWishart {
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
        let jacobian = (self.dim() as f64 + 1.0) * factor.log_det();
        self.inverse.log_density(&factor.inverse()) - jacobian
    }

    /// With `Ψ = R Rᵀ` and `A` a standard Wishart's factor, `X = R A⁻ᵀ (R A⁻ᵀ)ᵀ`.
    fn sample(&self, rng: &mut impl Rng) -> Draw<Self> {
        let factor = self.inverse.sample_standard_factor(rng);
        let scale = self.inverse.inverse_scale_cholesky();
        let root = matmul_nt(scale.lower(), &factor.lower_inverse());
        matmul_nt(&root, &root)
    }
}

impl Moments for InverseWishart {
    type Mean = Matrix;
    type Variance = Matrix;

    /// `Ψ/(ν − D − 1)`; NaN for `ν ≤ D + 1`.
    fn mean(&self) -> Matrix {
        let excess = self.degrees_of_freedom() - self.dim() as f64 - 1.0;
        let mut mean = self.scale().clone();
        mean.scale(if excess > 0.0 {
            excess.recip()
        } else {
            f64::NAN
        });
        mean
    }

    /// NaN for `ν ≤ D + 3`.
    ///
    /// # References
    /// `[@press1982]`.
    fn variance(&self) -> Matrix {
        let (psi, e) = (self.scale(), self.degrees_of_freedom() - self.dim() as f64);
        let divisor = e * (e - 1.0) * (e - 1.0) * (e - 3.0);
        let divisor = if e > 3.0 { divisor } else { f64::NAN };
        Matrix::from_fn(self.dim(), self.dim(), |i, j| {
            let squares = (e + 1.0) * psi[(i, j)] * psi[(i, j)];
            (squares + (e - 1.0) * psi[(i, i)] * psi[(j, j)]) / divisor
        })
    }
}

impl Entropy for InverseWishart {
    fn entropy(&self) -> f64 {
        self.inverse.entropy() + (self.dim() as f64 + 1.0) * self.expected_log_det()
    }
}

/// `η = (−(ν + D + 1)/2, −½Ψ)`, `T = (log |X|, X⁻¹)`; matrices as lower triangles, those in `η`
/// with their off-diagonal entries doubled.
impl ExponentialFamily for InverseWishart {
    fn natural_params(&self) -> Vec<f64> {
        let mut eta = vec![-0.5 * (self.degrees_of_freedom() + self.dim() as f64 + 1.0)];
        push_half_dual(&mut eta, -0.5, self.scale());
        eta
    }

    fn with_natural_params(&self, natural: &[f64]) -> Result<Self, DistError> {
        let dim = self.dim();
        CHECK.natural(natural, 1 + half_len(dim))?;
        let mut scale = from_half_dual(dim, &natural[1..]);
        scale.scale(-2.0);
        Self::new(-2.0 * natural[0] - dim as f64 - 1.0, scale)
    }

    fn log_partition(&self) -> f64 {
        self.inverse.log_partition()
    }

    fn sufficient_stats(&self, x: &Matrix) -> Vec<f64> {
        match Cholesky::new(x) {
            Ok(factor) => {
                let mut stats = vec![factor.log_det()];
                push_half(&mut stats, 1.0, &factor.inverse());
                stats
            }
            Err(_) => vec![f64::NAN; 1 + half_len(self.dim())],
        }
    }

    fn expected_sufficient_stats(&self) -> Vec<f64> {
        let mut stats = vec![self.expected_log_det()];
        push_half(&mut stats, 1.0, &self.inverse.mean());
        stats
    }
}
