//! The Gaussian with any covariance.
//!
//! `λ = (m, L)` with the lower triangle of `L` row by row and its diagonal as logarithms;
//! `q(θ) = N(θ | m, L Lᵀ)`, `θ = m + L ε`. Deliberately absent: structure in the covariance
//! (`low_rank`, `block`).

use elbo_math::arrays::{Array, Arrays};
use elbo_math::linalg::{Cholesky, Matrix, matmul, matmul_nt, matmul_tn};
use elbo_math::random::Stream;
use elbo_math::special::LN_2PI;

use super::{
    Family, Natural, Reparameterised, Scored, array, check_finite, check_scales,
    standard_normal_draws, triangle,
};
use crate::{Approximation, Draws, ViError};

/// `N(θ | m, L Lᵀ)`.
///
/// ```
/// use elbo_math::linalg::Matrix;
/// use elbo_vi::Approximation;
/// use elbo_vi::family::FullRank;
///
/// let covariance = Matrix::from_rows(&[[4.0, 1.0], [1.0, 2.0]]);
/// let q = FullRank::from_covariance(vec![0.0, 1.0], &covariance)?;
/// assert_eq!(q.standard_deviations().unwrap()[0], 2.0);
/// # Ok::<(), elbo_vi::ViError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct FullRank {
    params: Vec<f64>, // mean, then the packed triangle
    factor: Cholesky,
}

impl FullRank {
    /// The family's name.
    pub const NAME: &'static str = "full_rank";

    /// From the mean and the Cholesky factor of the covariance.
    ///
    /// # Errors
    /// [`ViError::ZeroDimension`]; [`ViError::Parameters`] unless all numbers are finite and the
    /// shapes agree.
    pub fn from_cholesky(mean: Vec<f64>, factor: Cholesky) -> Result<Self, ViError> {
        let d = mean.len();
        check_finite(Self::NAME, "mean", &mean, d)?;
        check_finite(Self::NAME, "factor", factor.lower().as_slice(), d * d)?;
        check_scales(Self::NAME, &factor.lower().diagonal())?;
        let mut params = mean;
        triangle::pack(factor.lower(), &mut params);
        Ok(Self { params, factor })
    }

    /// From the mean and the covariance, of which the lower triangle is read.
    ///
    /// # Errors
    /// As [`from_cholesky`](Self::from_cholesky), and if the matrix is not positive definite.
    pub fn from_covariance(mean: Vec<f64>, covariance: &Matrix) -> Result<Self, ViError> {
        let d = mean.len();
        check_finite(Self::NAME, "covariance", covariance.as_slice(), d * d)?;
        Self::from_cholesky(mean, Cholesky::new(covariance)?)
    }

    /// From the mean and the precision (inverse covariance), of which the lower triangle is read.
    ///
    /// # Errors
    /// As [`from_covariance`](Self::from_covariance).
    pub fn from_precision(mean: Vec<f64>, precision: &Matrix) -> Result<Self, ViError> {
        let d = mean.len();
        check_finite(Self::NAME, "precision", precision.as_slice(), d * d)?;
        Self::from_covariance(mean, &Cholesky::new(precision)?.inverse())
    }

    /// The standard normal distribution.
    ///
    /// # Errors
    /// [`ViError::ZeroDimension`].
    pub fn standard(dimension: usize) -> Result<Self, ViError> {
        Self::from_cholesky(
            vec![0.0; dimension],
            Cholesky::from_lower(Matrix::identity(dimension))?,
        )
    }

    /// The mean.
    pub fn mean_slice(&self) -> &[f64] {
        &self.params[..self.factor.dim()]
    }

    /// The Cholesky factor of the covariance.
    pub fn factor(&self) -> &Cholesky {
        &self.factor
    }

    /// The covariance.
    pub fn covariance(&self) -> Matrix {
        self.factor.reconstruct()
    }

    /// From what [`arrays`](Approximation::arrays) gave.
    ///
    /// # Errors
    /// [`ViError::Parameters`] if an array is missing or unusable.
    pub fn from_arrays(arrays: &Arrays) -> Result<Self, ViError> {
        let mean = array(Self::NAME, arrays, "mean")?.to_f64();
        let (d, lower) = (mean.len(), array(Self::NAME, arrays, "cholesky")?.to_f64());
        check_finite(Self::NAME, "cholesky", &lower, d * d)?;
        let factor = Cholesky::from_lower(Matrix::from_vec(d, d, lower))?;
        Self::from_cholesky(mean, factor)
    }

    fn log_normaliser(&self) -> f64 {
        -0.5 * (self.factor.dim() as f64 * LN_2PI + self.factor.log_det())
    }

    /// `z = L⁻¹ (θ − m)` of every point.
    fn standardise(&self, points: &Draws) -> Matrix {
        let mut z = as_matrix(points);
        for (i, m) in self.mean_slice().iter().enumerate() {
            for v in z.row_mut(i) {
                *v -= m;
            }
        }
        self.factor.solve_lower_matrix(&z)
    }

    fn log_density_of_standardised(&self, z: &Matrix) -> Vec<f64> {
        let mut log_q = vec![self.log_normaliser(); z.cols()];
        for i in 0..z.rows() {
            for (value, v) in log_q.iter_mut().zip(z.row(i)) {
                *value -= 0.5 * v * v;
            }
        }
        log_q
    }
}

impl Approximation for FullRank {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn dimension(&self) -> usize {
        self.factor.dim()
    }

    fn sample(&self, n_draws: usize, stream: &mut Stream) -> (Draws, Vec<f64>) {
        self.transform(&standard_normal_draws(self.dimension(), n_draws, stream))
    }

    fn log_density(&self, points: &Draws) -> Vec<f64> {
        self.log_density_of_standardised(&self.standardise(points))
    }

    fn mean(&self) -> Option<Vec<f64>> {
        Some(self.mean_slice().to_vec())
    }

    fn standard_deviations(&self) -> Option<Vec<f64>> {
        let lower = self.factor.lower();
        let norm = |i| lower.row(i).iter().map(|v| v * v).sum::<f64>().sqrt();
        Some((0..self.dimension()).map(norm).collect())
    }

    fn arrays(&self) -> Arrays {
        let d = self.dimension();
        let lower = self.factor.lower().as_slice().to_vec();
        Arrays::from([
            ("mean".into(), Array::f64(&[d], self.mean_slice().to_vec())),
            ("cholesky".into(), Array::f64(&[d, d], lower)),
        ])
    }
}

impl Family for FullRank {
    fn params(&self) -> &[f64] {
        &self.params
    }

    fn set_params(&mut self, params: &[f64]) -> Result<(), ViError> {
        check_finite(Self::NAME, "params", params, self.params.len())?;
        let d = self.dimension();
        self.factor = triangle::unpack(Self::NAME, d, &params[d..])?;
        self.params.copy_from_slice(params);
        Ok(())
    }

    fn log_density_and_gradient(&self, points: &Draws) -> (Vec<f64>, Draws) {
        let z = self.standardise(points);
        let log_q = self.log_density_of_standardised(&z);
        let mut gradient = self.factor.solve_lower_transpose_matrix(&z);
        gradient.scale(-1.0);
        (log_q, as_draws(gradient))
    }

    fn entropy(&self) -> Option<f64> {
        Some(0.5 * self.dimension() as f64 - self.log_normaliser())
    }
}

impl Reparameterised for FullRank {
    fn transform(&self, noise: &Draws) -> (Draws, Vec<f64>) {
        let epsilon = as_matrix(noise);
        let mut points = as_draws(matmul(self.factor.lower(), &epsilon));
        for (i, m) in self.mean_slice().iter().enumerate() {
            for x in points.coordinate_mut(i) {
                *x += m;
            }
        }
        (points, self.log_density_of_standardised(&epsilon))
    }

    fn pull_back(&self, noise: &Draws, cotangents: &Draws, gradient: &mut [f64]) {
        let (mean, triangle) = gradient.split_at_mut(self.dimension());
        for (i, m) in mean.iter_mut().enumerate() {
            *m += cotangents.coordinate(i).iter().sum::<f64>();
        }
        // ∂/∂L_ij = Σ_s v_i ε_j.
        let outer = matmul_nt(&as_matrix(cotangents), &as_matrix(noise));
        triangle::add_packed(self.factor.lower(), |i, j| outer[(i, j)], triangle);
    }

    fn pull_back_log_density(&self, _noise: &Draws, weights: &[f64], gradient: &mut [f64]) {
        // log q(T(ε)) = log N(ε | 0, I) − Σ log L_ii.
        let (total, d): (f64, _) = (weights.iter().sum(), self.dimension());
        for i in 0..d {
            gradient[d + triangle::position(i, i)] -= total;
        }
    }

    fn entropy_gradient(&self) -> Option<Vec<f64>> {
        let mut gradient = vec![0.0; self.params.len()];
        self.pull_back_log_density(&Draws::zeros(0, 0), &[-1.0], &mut gradient);
        Some(gradient)
    }
}

impl Scored for FullRank {
    fn scores(&self, points: &Draws) -> Draws {
        let (d, lower) = (self.dimension(), self.factor.lower());
        let z = self.standardise(points);
        let a = self.factor.solve_lower_transpose_matrix(&z);
        let mut scores = Draws::zeros(self.params.len(), points.n_draws());
        for i in 0..d {
            scores.coordinate_mut(i).copy_from_slice(a.row(i));
            // ∂ log q/∂L_ij = (L⁻ᵀ z)_i z_j − [i = j] / L_ii.
            for j in 0..=i {
                let out = scores.coordinate_mut(d + triangle::position(i, j));
                for (s, v) in out.iter_mut().enumerate() {
                    let entry = a[(i, s)] * z[(j, s)];
                    *v = if i == j {
                        entry * lower[(i, i)] - 1.0
                    } else {
                        entry
                    };
                }
            }
        }
        scores
    }
}

impl Natural for FullRank {
    /// With `dL = L A`, `A` lower triangular, the information is `Σ_{i>j} A_ij² + 2 Σ_i A_ii²`:
    /// `dΣ = L (A + Aᵀ) Lᵀ` in `½ tr(Σ⁻¹ dΣ Σ⁻¹ dΣ)`. The mean's is `Σ⁻¹`.
    fn natural_gradient(&self, gradient: &mut [f64]) {
        let (d, lower) = (self.dimension(), self.factor.lower());
        let (mean, packed) = gradient.split_at_mut(d);
        let mut half = vec![0.0; d];
        for i in 0..d {
            for j in 0..=i {
                half[j] += lower[(i, j)] * mean[i];
            }
        }
        mean.copy_from_slice(&self.factor.lower_times(&half));
        let by_entry = Matrix::from_fn(d, d, |i, j| match j.cmp(&i) {
            std::cmp::Ordering::Less => packed[triangle::position(i, j)],
            std::cmp::Ordering::Equal => packed[triangle::position(i, i)] / lower[(i, i)],
            std::cmp::Ordering::Greater => 0.0,
        });
        let mut a = matmul_tn(lower, &by_entry);
        for i in 0..d {
            a[(i, i)] *= 0.5;
            a.row_mut(i)[i + 1..].fill(0.0);
        }
        let step = matmul(lower, &a);
        for i in 0..d {
            for j in 0..i {
                packed[triangle::position(i, j)] = step[(i, j)];
            }
            packed[triangle::position(i, i)] = a[(i, i)];
        }
    }
}

/// Draws as the matrix that they are.
pub(super) fn as_matrix(draws: &Draws) -> Matrix {
    Matrix::from_vec(
        draws.dimension(),
        draws.n_draws(),
        draws.as_slice().to_vec(),
    )
}

/// A matrix with one column per draw.
pub(super) fn as_draws(matrix: Matrix) -> Draws {
    let (rows, cols) = (matrix.rows(), matrix.cols());
    Draws::from_vec(rows, cols, matrix.into_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use elbo_testkit::assert_all_close;

    fn covariance() -> Matrix {
        Matrix::from_rows(&[[4.0, 1.0], [1.0, 2.0]])
    }

    #[test]
    fn covariance_precision_and_factor_make_the_same_member() {
        let by_covariance = FullRank::from_covariance(vec![1.0, -1.0], &covariance()).unwrap();
        let precision = Cholesky::new(&covariance()).unwrap().inverse();
        let by_precision = FullRank::from_precision(vec![1.0, -1.0], &precision).unwrap();
        // Inverting twice loses a few units in the last place.
        assert_all_close(
            "params",
            by_precision.params(),
            by_covariance.params(),
            1e-14,
        );
        assert_all_close(
            "covariance",
            by_covariance.covariance().as_slice(),
            covariance().as_slice(),
            1e-15,
        );
    }

    #[test]
    fn bad_parameters_are_refused_and_leave_the_member_as_it_was() {
        let mut q = FullRank::from_covariance(vec![1.0, -1.0], &covariance()).unwrap();
        let before = q.clone();
        for bad in [vec![0.0; 4], vec![f64::INFINITY; 5], vec![800.0; 5]] {
            assert!(matches!(
                q.set_params(&bad),
                Err(ViError::Parameters { .. })
            ));
            assert_eq!(q, before);
        }
        let indefinite = Matrix::from_rows(&[[1.0, 2.0], [2.0, 1.0]]);
        assert!(matches!(
            FullRank::from_covariance(vec![0.0; 2], &indefinite),
            Err(ViError::Matrix(_))
        ));
    }
}
