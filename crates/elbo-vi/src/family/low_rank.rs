//! The Gaussian whose covariance is diagonal plus low rank, in memory and time linear in `D`.
//!
//! `λ = (m, log d, U row by row)`, `q(θ) = N(θ | m, diag(d²) + U Uᵀ)` with `U` of size `D × r`, and
//! `θ = m + d ε₁ + U ε₂` with noise of `D + r` coordinates. With `V = diag(d)⁻¹ U` and
//! `K = I + Vᵀ V` (Woodbury), no matrix of size `D × D` is ever made. Deliberately absent: a
//! closed-form inverse of the Fisher information.

use elbo_math::arrays::{Array, Arrays};
use elbo_math::linalg::{Cholesky, Matrix, dot, matmul, matmul_nt, matmul_tn};
use elbo_math::random::{Stream, standard_normal};
use elbo_math::special::LN_2PI;

use super::full_rank::{as_draws, as_matrix};
use super::{
    Family, MeanField, Reparameterised, Scored, array, check_finite, check_scales, scales,
    standard_normal_draws,
};
use crate::{Approximation, Draws, ViError};

/// `N(θ | m, diag(d²) + U Uᵀ)`.
///
/// ```
/// use elbo_math::linalg::Matrix;
/// use elbo_vi::Approximation;
/// use elbo_vi::family::LowRank;
///
/// let factor = Matrix::from_rows(&[[2.0], [1.0], [0.0]]);
/// let q = LowRank::new(vec![0.0; 3], vec![1.0; 3], factor)?;
/// let sds = q.standard_deviations().unwrap();
/// assert_eq!(sds[0], 5.0_f64.sqrt());
/// # Ok::<(), elbo_vi::ViError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct LowRank {
    params: Vec<f64>, // m, log d, U
    scales: Vec<f64>,
    whitened: Matrix, // V, (dimension, rank)
    inner: Cholesky,  // of K
}

/// What the density needs of some points.
struct Standardised {
    log_q: Vec<f64>,
    precision_times: Matrix, // Σ⁻¹ (θ − m), (dimension, n_draws)
}

impl LowRank {
    /// The family's name.
    pub const NAME: &'static str = "low_rank";

    /// From the mean, the diagonal part's standard deviations `d` and the factor `U` (`D × r`).
    ///
    /// # Errors
    /// [`ViError::ZeroDimension`]; [`ViError::Parameters`] unless all numbers are finite, the scales
    /// positive and the shapes agree.
    pub fn new(mean: Vec<f64>, scales: Vec<f64>, factor: Matrix) -> Result<Self, ViError> {
        let (d, rank) = (mean.len(), factor.cols());
        check_finite(Self::NAME, "mean", &mean, d)?;
        check_finite(Self::NAME, "scale", &scales, d)?;
        check_scales(Self::NAME, &scales)?;
        if rank == 0 || factor.rows() != d {
            return Err(ViError::Parameters {
                family: Self::NAME,
                name: "factor",
                found: format!("{} × {rank}", factor.rows()),
                requirement: "of as many rows as the mean, and at least one column",
            });
        }
        check_finite(Self::NAME, "factor", factor.as_slice(), d * rank)?;
        let mut params = mean;
        params.extend(scales.iter().map(|s| s.ln()));
        params.extend_from_slice(factor.as_slice());
        let (whitened, inner) = whiten(&scales, factor)?;
        Ok(Self {
            params,
            scales,
            whitened,
            inner,
        })
    }

    /// Nearly a mean-field member: the factor's entries are random and a tenth of the scales in all,
    /// because a factor of zeros has a gradient of zero.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn near(start: &MeanField, rank: usize, stream: &mut Stream) -> Result<Self, ViError> {
        let size = 0.1 / (rank.max(1) as f64).sqrt();
        let factor = Matrix::from_fn(start.scales().len(), rank, |i, _| {
            size * start.scales()[i] * standard_normal(stream)
        });
        Self::new(start.means().to_vec(), start.scales().to_vec(), factor)
    }

    /// The rank `r`.
    pub fn rank(&self) -> usize {
        self.whitened.cols()
    }

    /// The diagonal part's standard deviations `d`.
    pub fn scales(&self) -> &[f64] {
        &self.scales
    }

    /// The factor `U`.
    pub fn factor(&self) -> Matrix {
        let d = self.scales.len();
        Matrix::from_vec(d, self.rank(), self.params[2 * d..].to_vec())
    }

    /// From what [`arrays`](Approximation::arrays) gave.
    ///
    /// # Errors
    /// [`ViError::Parameters`] if an array is missing or unusable.
    pub fn from_arrays(arrays: &Arrays) -> Result<Self, ViError> {
        let mean = array(Self::NAME, arrays, "mean")?.to_f64();
        let scales = array(Self::NAME, arrays, "scales")?.to_f64();
        let factor = array(Self::NAME, arrays, "factor")?.to_f64();
        let rank = factor.len() / mean.len().max(1);
        check_finite(Self::NAME, "factor", &factor, mean.len() * rank)?;
        let factor = Matrix::from_vec(mean.len(), rank, factor);
        Self::new(mean, scales, factor)
    }

    fn log_normaliser(&self) -> f64 {
        let d = self.scales.len();
        // From the scales, not their logarithms in λ: a restored fit has the same bits.
        let log_scales: f64 = self.scales.iter().map(|s| s.ln()).sum();
        let log_det = 2.0 * log_scales + self.inner.log_det();
        -0.5 * (d as f64 * LN_2PI + log_det)
    }

    /// With `y = (θ − m)/d` and `k = K⁻¹ Vᵀ y`: the quadratic form is `|y − V k|² + |k|²`, a sum of
    /// squares, and `Σ⁻¹ (θ − m) = (y − V k)/d`.
    fn standardise(&self, points: &Draws) -> Standardised {
        let mut y = as_matrix(points);
        for (i, s) in self.scales.iter().enumerate() {
            for v in y.row_mut(i) {
                *v = (*v - self.params[i]) / s;
            }
        }
        let k = self.inner.solve_matrix(&matmul_tn(&self.whitened, &y));
        y.add_scaled(-1.0, &matmul(&self.whitened, &k));
        let mut log_q = vec![self.log_normaliser(); points.n_draws()];
        for row in (0..k.rows())
            .map(|j| k.row(j))
            .chain((0..y.rows()).map(|i| y.row(i)))
        {
            for (value, v) in log_q.iter_mut().zip(row) {
                *value -= 0.5 * v * v;
            }
        }
        for (i, s) in self.scales.iter().enumerate() {
            for v in y.row_mut(i) {
                *v /= s;
            }
        }
        Standardised {
            log_q,
            precision_times: y,
        }
    }

    /// `V K⁻¹`, `(dimension, rank)`.
    fn whitened_over_inner(&self) -> Matrix {
        // K⁻¹ is small and symmetric.
        matmul(&self.whitened, &self.inner.inverse())
    }

    /// `∂H/∂λ`: with `Σ⁻¹ U = diag(d)⁻¹ V K⁻¹` and `d_i² (Σ⁻¹)_ii = 1 − (V K⁻¹ Vᵀ)_ii`.
    fn add_entropy_gradient(&self, weight: f64, gradient: &mut [f64]) {
        let (d, rank) = (self.scales.len(), self.rank());
        let solved = self.whitened_over_inner();
        for i in 0..d {
            let row = solved.row(i);
            gradient[d + i] += weight * (1.0 - dot(row, self.whitened.row(i)));
            for j in 0..rank {
                gradient[2 * d + i * rank + j] += weight * row[j] / self.scales[i];
            }
        }
    }
}

/// `V = diag(scales)⁻¹ U` and the factor of `I + Vᵀ V`.
fn whiten(scales: &[f64], mut factor: Matrix) -> Result<(Matrix, Cholesky), ViError> {
    for (i, s) in scales.iter().enumerate() {
        for v in factor.row_mut(i) {
            *v /= s;
        }
    }
    let mut inner = matmul_tn(&factor, &factor);
    inner.add_to_diagonal(1.0);
    let inner = Cholesky::new(&inner)?;
    Ok((factor, inner))
}

impl Approximation for LowRank {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn dimension(&self) -> usize {
        self.scales.len()
    }

    fn sample(&self, n_draws: usize, stream: &mut Stream) -> (Draws, Vec<f64>) {
        let noise = standard_normal_draws(self.noise_dimension(), n_draws, stream);
        self.transform(&noise)
    }

    fn log_density(&self, points: &Draws) -> Vec<f64> {
        self.standardise(points).log_q
    }

    fn mean(&self) -> Option<Vec<f64>> {
        Some(self.params[..self.scales.len()].to_vec())
    }

    fn standard_deviations(&self) -> Option<Vec<f64>> {
        let v = &self.whitened;
        let sd = |(i, s): (usize, &f64)| s * (1.0 + dot(v.row(i), v.row(i))).sqrt();
        Some(self.scales.iter().enumerate().map(sd).collect())
    }

    fn arrays(&self) -> Arrays {
        let (d, rank) = (self.scales.len(), self.rank());
        Arrays::from([
            ("mean".into(), Array::f64(&[d], self.params[..d].to_vec())),
            ("scales".into(), Array::f64(&[d], self.scales.clone())),
            (
                "factor".into(),
                Array::f64(&[d, rank], self.params[2 * d..].to_vec()),
            ),
        ])
    }
}

impl Family for LowRank {
    fn params(&self) -> &[f64] {
        &self.params
    }

    fn set_params(&mut self, params: &[f64]) -> Result<(), ViError> {
        check_finite(Self::NAME, "params", params, self.params.len())?;
        let (d, rank) = (self.scales.len(), self.rank());
        let scales = scales(Self::NAME, &params[d..2 * d])?;
        let factor = Matrix::from_vec(d, rank, params[2 * d..].to_vec());
        (self.whitened, self.inner) = whiten(&scales, factor)?;
        self.scales = scales;
        self.params.copy_from_slice(params);
        Ok(())
    }

    fn log_density_and_gradient(&self, points: &Draws) -> (Vec<f64>, Draws) {
        let mut standardised = self.standardise(points);
        standardised.precision_times.scale(-1.0);
        (standardised.log_q, as_draws(standardised.precision_times))
    }

    fn entropy(&self) -> Option<f64> {
        Some(0.5 * self.dimension() as f64 - self.log_normaliser())
    }
}

impl Reparameterised for LowRank {
    /// One coordinate per coordinate of `θ`, then one per column of `U`.
    fn noise_dimension(&self) -> usize {
        self.dimension() + self.rank()
    }

    fn transform(&self, noise: &Draws) -> (Draws, Vec<f64>) {
        let (d, n) = (self.dimension(), noise.n_draws());
        let (own, shared) = noise.as_slice().split_at(d * n);
        let shared = Matrix::from_vec(self.rank(), n, shared.to_vec());
        let mut points = matmul(&self.whitened, &shared);
        for (i, s) in self.scales.iter().enumerate() {
            for (v, e) in points.row_mut(i).iter_mut().zip(&own[i * n..]) {
                *v = self.params[i] + s * (*v + e);
            }
        }
        let points = as_draws(points);
        let log_q = self.log_density(&points);
        (points, log_q)
    }

    fn pull_back(&self, noise: &Draws, cotangents: &Draws, gradient: &mut [f64]) {
        let (d, n) = (self.dimension(), noise.n_draws());
        for (i, s) in self.scales.iter().enumerate() {
            let v = cotangents.coordinate(i);
            gradient[i] += v.iter().sum::<f64>();
            gradient[d + i] += s * dot(v, noise.coordinate(i));
        }
        let shared = Matrix::from_vec(self.rank(), n, noise.as_slice()[d * n..].to_vec());
        let outer = matmul_nt(&as_matrix(cotangents), &shared);
        elbo_math::linalg::axpy(1.0, outer.as_slice(), &mut gradient[2 * d..]);
    }

    fn pull_back_log_density(&self, noise: &Draws, weights: &[f64], gradient: &mut [f64]) {
        // Along the draws, and then the score at fixed draws: ½ tr((a aᵀ − Σ⁻¹) dΣ) + aᵀ dm.
        let (d, rank) = (self.dimension(), self.rank());
        let a = self.standardise(&self.transform(noise).0).precision_times;
        let mut weighted = a.clone();
        for i in 0..d {
            for (v, w) in weighted.row_mut(i).iter_mut().zip(weights) {
                *v *= w;
            }
        }
        let mut along = weighted.clone();
        along.scale(-1.0);
        self.pull_back(noise, &as_draws(along), gradient);
        let factor = self.factor();
        let outer = matmul_nt(&weighted, &matmul_tn(&factor, &a)); // Σ_s w a (Uᵀ a)ᵀ
        for (i, s) in self.scales.iter().enumerate() {
            gradient[i] += weighted.row(i).iter().sum::<f64>();
            gradient[d + i] += s * s * dot(weighted.row(i), a.row(i));
            for j in 0..rank {
                gradient[2 * d + i * rank + j] += outer[(i, j)];
            }
        }
        self.add_entropy_gradient(-weights.iter().sum::<f64>(), gradient);
    }

    fn entropy_gradient(&self) -> Option<Vec<f64>> {
        let mut gradient = vec![0.0; self.params.len()];
        self.add_entropy_gradient(1.0, &mut gradient);
        Some(gradient)
    }
}

impl Scored for LowRank {
    fn scores(&self, points: &Draws) -> Draws {
        let (d, rank, n) = (self.dimension(), self.rank(), points.n_draws());
        let a = self.standardise(points).precision_times;
        let projected = matmul_tn(&self.factor(), &a); // (rank, n_draws)
        let mut constant = vec![0.0; self.params.len()];
        self.add_entropy_gradient(-1.0, &mut constant);
        let mut scores = Draws::zeros(self.params.len(), n);
        for (i, s) in self.scales.iter().enumerate() {
            let row = a.row(i);
            scores.coordinate_mut(i).copy_from_slice(row);
            for (v, a) in scores.coordinate_mut(d + i).iter_mut().zip(row) {
                *v = constant[d + i] + s * s * a * a;
            }
            for j in 0..rank {
                let k = 2 * d + i * rank + j;
                let out = scores.coordinate_mut(k).iter_mut();
                for ((v, a), p) in out.zip(row).zip(projected.row(j)) {
                    *v = constant[k] + a * p;
                }
            }
        }
        scores
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::FullRank;
    use elbo_math::random::stream;
    use elbo_testkit::{assert_all_close, assert_close};

    #[test]
    fn woodbury_agrees_with_the_dense_covariance() {
        let mut rng = stream(5, "low_rank/tests", 0);
        let start = MeanField::new(vec![1.0, -2.0, 0.5, 0.0], vec![0.5, 2.0, 1e-3, 1.0]).unwrap();
        let mut q = LowRank::near(&start, 2, &mut rng).unwrap();
        let mut params = q.params().to_vec();
        for (k, v) in params[8..].iter_mut().enumerate() {
            *v = (k as f64).sin();
        }
        q.set_params(&params).unwrap();
        let mut covariance = matmul_nt(&q.factor(), &q.factor());
        for (i, s) in q.scales().iter().enumerate() {
            covariance[(i, i)] += s * s;
        }
        let dense = FullRank::from_covariance(start.means().to_vec(), &covariance).unwrap();
        let points = dense.sample(6, &mut rng).0;
        // The covariance's condition number is 1e6.
        assert_all_close(
            "log q",
            &q.log_density(&points),
            &dense.log_density(&points),
            1e-9,
        );
        assert_close(
            "entropy",
            q.entropy().unwrap(),
            dense.entropy().unwrap(),
            1e-10,
        );
        let sds = dense.standard_deviations().unwrap();
        assert_all_close("sds", &q.standard_deviations().unwrap(), &sds, 1e-12);
    }

    #[test]
    fn a_hundred_thousand_coordinates_are_no_trouble() {
        let d = 100_000;
        let mut rng = stream(6, "low_rank/tests", 0);
        let q = LowRank::near(&MeanField::standard(d).unwrap(), 3, &mut rng).unwrap();
        let (points, log_q) = q.sample(2, &mut rng);
        assert_eq!((points.dimension(), log_q.len()), (d, 2));
        assert!(log_q.iter().all(|v| v.is_finite()));
    }
}
