//! The Gaussian that an ascent's history stands for: a diagonal changed in a few directions.
//!
//! `N(m, S (I + Q (T Tᵀ − I) Qᵀ) S)` with `S` diagonal, `Q` of few orthonormal columns and `T` lower
//! triangular. The one idea: sampling and evaluating cost a few passes over the draws for any
//! dimension; no `D × D` matrix is ever made. Deliberately absent: gradients in the parameters.

use std::collections::VecDeque;

use elbo_math::arrays::{Array, Arrays};
use elbo_math::linalg::{Cholesky, Matrix, axpy, dot, matmul, matmul_nt, matmul_tn};
use elbo_math::random::{Stream, fill_standard_normal};
use elbo_math::special::LN_2PI;

use crate::family::{array, check_finite, check_scales};
use crate::optimizer::lbfgs::Pair;
use crate::{Approximation, Draws, ViError};

/// A row whose part outside the earlier rows is smaller than this share of it adds no direction.
const NO_DIRECTION: f64 = 1e-10;

/// `N(m, S (I + Q (T Tᵀ − I) Qᵀ) S)`.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryGaussian {
    mean: Vec<f64>,
    scale: Vec<f64>,
    basis: Matrix, // (rank, D), rows orthonormal
    core: Cholesky,
}

impl HistoryGaussian {
    /// The Gaussian of L-BFGS's inverse Hessian, with `variances` as the diagonal that the pairs
    /// update, and its Newton step from `position` as the mean; `None` if rounding made it indefinite.
    ///
    /// # References
    /// `[@zhang2022pathfinder, algs. 3 and 4; eq. 12]`: `H⁻¹ = diag(α) + β γ βᵀ`.
    pub fn from_history(
        position: &[f64],
        gradient: &[f64],
        variances: &[f64],
        pairs: &VecDeque<Pair>,
    ) -> Option<Self> {
        if !variances.iter().all(|v| v.is_normal() && *v > 0.0) {
            return None;
        }
        let scale: Vec<f64> = variances.iter().map(|v| v.sqrt()).collect();
        // S⁻¹ β, row by row: S yᵢ, then S⁻¹ sᵢ.
        let (j, d) = (pairs.len(), position.len());
        let mut rows = Matrix::zeros(2 * j, d);
        for (k, pair) in pairs.iter().enumerate() {
            for i in 0..d {
                rows[(k, i)] = pair.change[i] * scale[i];
                rows[(j + k, i)] = pair.step[i] / scale[i];
            }
        }
        let gamma = gamma(&rows, pairs);
        let (coefficients, basis) = orthonormal_rows(&rows);
        let mut core = matmul_tn(&coefficients, &matmul(&gamma, &coefficients));
        core.add_to_diagonal(1.0);
        let core = Cholesky::new(&core).ok()?;
        let mut q = Self {
            mean: position.to_vec(),
            scale,
            basis,
            core,
        };
        let newton = q.covariance_times(gradient);
        axpy(1.0, &newton, &mut q.mean);
        q.mean.iter().all(|m| m.is_finite()).then_some(q)
    }

    /// The family's name.
    pub const NAME: &'static str = "history_gaussian";

    /// From what [`arrays`](Approximation::arrays) gave.
    ///
    /// # Errors
    /// [`ViError::Parameters`] if an array is missing or unusable.
    pub fn from_arrays(arrays: &Arrays) -> Result<Self, ViError> {
        let numbers = |name| Ok::<_, ViError>(array(Self::NAME, arrays, name)?.to_f64());
        let (mean, scale) = (numbers("mean")?, numbers("scale")?);
        let (basis, core) = (numbers("basis")?, numbers("core")?);
        let d = mean.len();
        let rank = basis.len() / d.max(1);
        check_finite(Self::NAME, "mean", &mean, d)?;
        check_finite(Self::NAME, "scale", &scale, d)?;
        check_scales(Self::NAME, &scale)?;
        if rank > 0 {
            check_finite(Self::NAME, "basis", &basis, rank * d)?;
            check_finite(Self::NAME, "core", &core, rank * rank)?;
        }
        Ok(Self {
            mean,
            scale,
            basis: Matrix::from_vec(rank, d, basis),
            core: Cholesky::from_lower(Matrix::from_vec(rank, rank, core))?,
        })
    }

    /// The covariance times a vector.
    pub fn covariance_times(&self, vector: &[f64]) -> Vec<f64> {
        let mut v: Vec<f64> = vector.iter().zip(&self.scale).map(|(v, s)| v * s).collect();
        let along = self.basis.matvec(&v);
        let lower = self.core.lower();
        let changed = lower.matvec(&lower.matvec_transpose(&along));
        for (k, (new, old)) in changed.iter().zip(&along).enumerate() {
            axpy(new - old, self.basis.row(k), &mut v);
        }
        v.iter().zip(&self.scale).map(|(v, s)| v * s).collect()
    }

    /// The covariance times the columns of a matrix.
    pub fn covariance_times_columns(&self, columns: &Matrix) -> Matrix {
        let mut v = columns.clone();
        self.scale_rows(&mut v);
        let along = matmul(&self.basis, &v);
        let lower = self.core.lower();
        let mut change = matmul(lower, &matmul_tn(lower, &along));
        change.add_scaled(-1.0, &along);
        v.add_scaled(1.0, &matmul_tn(&self.basis, &change));
        self.scale_rows(&mut v);
        v
    }

    /// The covariance; a `D × D` matrix, for those who want one.
    pub fn covariance(&self) -> Matrix {
        self.covariance_times_columns(&Matrix::identity(self.mean.len()))
    }

    fn scale_rows(&self, rows: &mut Matrix) {
        for (i, s) in self.scale.iter().enumerate() {
            for v in rows.row_mut(i) {
                *v *= s;
            }
        }
    }

    /// The draws that standard normal noise stands for, and `log q` at them.
    pub fn transform(&self, noise: &Draws) -> (Draws, Vec<f64>) {
        let n = noise.n_draws();
        let mut log_q = vec![self.log_normaliser(); n];
        for i in 0..self.mean.len() {
            for (l, u) in log_q.iter_mut().zip(noise.coordinate(i)) {
                *l -= 0.5 * u * u;
            }
        }
        let u = Matrix::from_vec(self.mean.len(), n, noise.as_slice().to_vec());
        let along = matmul(&self.basis, &u);
        let mut change = matmul(self.core.lower(), &along);
        change.add_scaled(-1.0, &along);
        let mut x = matmul_tn(&self.basis, &change);
        x.add_scaled(1.0, &u);
        for (i, (m, s)) in self.mean.iter().zip(&self.scale).enumerate() {
            for v in x.row_mut(i) {
                *v = m + s * *v;
            }
        }
        (Draws::from_vec(self.mean.len(), n, x.into_vec()), log_q)
    }

    fn log_normaliser(&self) -> f64 {
        let diagonal: f64 = self.scale.iter().map(|s| s.ln()).sum();
        -0.5 * (self.mean.len() as f64 * LN_2PI + self.core.log_det()) - diagonal
    }

    pub(in crate::method) fn mean_slice(&self) -> &[f64] {
        &self.mean
    }

    /// The diagonal of the covariance.
    pub(in crate::method) fn variances(&self) -> Vec<f64> {
        let d = self.mean.len();
        // Rows of Tᵀ Q, whose squares add up to the part of the variance along the basis.
        let spread = matmul_tn(self.core.lower(), &self.basis);
        (0..d)
            .map(|i| {
                let (mut with, mut without) = (0.0, 0.0);
                for k in 0..self.basis.rows() {
                    with += spread[(k, i)].powi(2);
                    without += self.basis[(k, i)].powi(2);
                }
                // Rounding can make the part outside the basis slightly negative.
                self.scale[i].powi(2) * ((1.0 - without).max(0.0) + with)
            })
            .collect()
    }
}

impl Approximation for HistoryGaussian {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn dimension(&self) -> usize {
        self.mean.len()
    }

    fn sample(&self, n_draws: usize, stream: &mut Stream) -> (Draws, Vec<f64>) {
        let mut noise = Draws::zeros(self.dimension(), n_draws);
        fill_standard_normal(stream, noise.as_mut_slice());
        self.transform(&noise)
    }

    fn log_density(&self, points: &Draws) -> Vec<f64> {
        let (d, n) = (self.dimension(), points.n_draws());
        let mut z = Matrix::from_vec(d, n, points.as_slice().to_vec());
        for i in 0..d {
            let (mean, scale) = (self.mean[i], self.scale[i]);
            for v in z.row_mut(i) {
                *v = (*v - mean) / scale;
            }
        }
        let along = matmul(&self.basis, &z);
        let solved = self.core.solve_lower_matrix(&along);
        let mut log_q = vec![self.log_normaliser(); n];
        let mut add = |weight: f64, rows: &Matrix| {
            for i in 0..rows.rows() {
                for (l, v) in log_q.iter_mut().zip(rows.row(i)) {
                    *l -= 0.5 * weight * v * v;
                }
            }
        };
        // ‖u‖² = ‖z − Qᵀ Q z‖² + ‖T⁻¹ Q z‖².
        let mut outside = matmul_tn(&self.basis, &along);
        outside.scale(-1.0);
        outside.add_scaled(1.0, &z);
        add(1.0, &outside);
        add(1.0, &solved);
        log_q
    }

    fn mean(&self) -> Option<Vec<f64>> {
        Some(self.mean.clone())
    }

    fn standard_deviations(&self) -> Option<Vec<f64>> {
        Some(self.variances().into_iter().map(f64::sqrt).collect())
    }

    fn arrays(&self) -> Arrays {
        let (d, m) = (self.mean.len(), self.basis.rows());
        Arrays::from([
            ("mean".into(), Array::f64(&[d], self.mean.clone())),
            ("scale".into(), Array::f64(&[d], self.scale.clone())),
            (
                "basis".into(),
                Array::f64(&[m, d], self.basis.as_slice().to_vec()),
            ),
            (
                "core".into(),
                Array::f64(&[m, m], self.core.lower().as_slice().to_vec()),
            ),
        ])
    }
}

/// The middle matrix `γ` of `H⁻¹ = diag(α) + β γ βᵀ`, `(2J, 2J)`; `E` is the upper triangle of
/// `Sᵀ Y`: `γ = [[0, −E⁻¹], [−E⁻ᵀ, E⁻ᵀ (diag(E) + Yᵀ diag(α) Y) E⁻¹]]`.
fn gamma(rows: &Matrix, pairs: &VecDeque<Pair>) -> Matrix {
    let j = pairs.len();
    let mut inverse = Matrix::zeros(j, j);
    // Back substitution of E X = I.
    for column in 0..j {
        for i in (0..=column).rev() {
            let mut rest = if i == column { 1.0 } else { 0.0 };
            for k in i + 1..=column {
                rest -= dot(&pairs[i].step, &pairs[k].change) * inverse[(k, column)];
            }
            inverse[(i, column)] = rest / pairs[i].curvature;
        }
    }
    let changes = Matrix::from_fn(j, rows.cols(), |k, i| rows[(k, i)]);
    let mut middle = matmul_nt(&changes, &changes);
    for (k, pair) in pairs.iter().enumerate() {
        middle[(k, k)] += pair.curvature;
    }
    let corner = matmul_tn(&inverse, &matmul(&middle, &inverse));
    Matrix::from_fn(2 * j, 2 * j, |a, b| match (a < j, b < j) {
        (true, true) => 0.0,
        (true, false) => -inverse[(a, b - j)],
        (false, true) => -inverse[(b, a - j)],
        (false, false) => corner[(a - j, b - j)],
    })
}

/// `rows = C Q` with orthonormal rows in `Q`, by Gram–Schmidt run twice, which is enough to keep them
/// orthogonal to rounding `[@giraud2005reorthogonalization]`. Rows that add no direction add none.
fn orthonormal_rows(rows: &Matrix) -> (Matrix, Matrix) {
    let (n, d) = (rows.rows(), rows.cols());
    let mut basis: Vec<Vec<f64>> = Vec::new();
    let mut coefficients = Matrix::zeros(n, n.min(d));
    for r in 0..n {
        let mut rest = rows.row(r).to_vec();
        let length = dot(&rest, &rest).sqrt();
        for _ in 0..2 {
            for (k, b) in basis.iter().enumerate() {
                let along = dot(b, &rest);
                coefficients[(r, k)] += along;
                axpy(-along, b, &mut rest);
            }
        }
        let left = dot(&rest, &rest).sqrt();
        if left > NO_DIRECTION * length && basis.len() < d {
            coefficients[(r, basis.len())] = left;
            basis.push(rest.iter().map(|v| v / left).collect());
        }
    }
    let m = basis.len();
    (
        Matrix::from_fn(n, m, |i, k| coefficients[(i, k)]),
        Matrix::from_fn(m, d, |k, i| basis[k][i]),
    )
}

#[cfg(test)]
mod tests {
    use elbo_math::random::stream;
    use elbo_testkit::{assert_all_close, assert_close};

    use super::*;
    use crate::family::FullRank;

    /// Pairs of a quadratic with curvatures 1, 2, …: `y = diag(1, 2, …) s`.
    fn pairs(dimension: usize, n: usize) -> VecDeque<Pair> {
        let mut rng = stream(3, "pathfinder/test", 0);
        (0..n)
            .map(|_| {
                let mut step = vec![0.0; dimension];
                fill_standard_normal(&mut rng, &mut step);
                let change: Vec<f64> = step
                    .iter()
                    .enumerate()
                    .map(|(i, s)| (i + 1) as f64 * s)
                    .collect();
                let curvature = dot(&step, &change);
                Pair {
                    step,
                    change,
                    curvature,
                }
            })
            .collect()
    }

    /// The inverse Hessian by the definition: one BFGS update after the other
    /// `[@nocedal2006optimization, eq. 6.17]`.
    fn by_updates(variances: &[f64], pairs: &VecDeque<Pair>) -> Matrix {
        let d = variances.len();
        let mut h = Matrix::from_diagonal(variances);
        for p in pairs {
            let rho = 1.0 / p.curvature;
            let left = Matrix::from_fn(d, d, |i, j| {
                f64::from(u8::from(i == j)) - rho * p.step[i] * p.change[j]
            });
            h = matmul_nt(&matmul(&left, &h), &left);
            h.add_outer(rho, &p.step, &p.step);
        }
        h
    }

    #[test]
    fn the_factored_form_is_the_recursion_of_updates() {
        for (d, n) in [(20, 3), (4, 3), (2, 6), (5, 0)] {
            let variances: Vec<f64> = (0..d).map(|i| 0.3 + 0.2 * i as f64).collect();
            let (position, gradient) = (vec![0.5; d], vec![0.25; d]);
            let pairs = pairs(d, n);
            let q =
                HistoryGaussian::from_history(&position, &gradient, &variances, &pairs).unwrap();
            let covariance = by_updates(&variances, &pairs);
            let mut expected = position.clone();
            axpy(1.0, &covariance.matvec(&gradient), &mut expected);
            let twin = FullRank::from_covariance(expected, &covariance).unwrap();
            assert_all_close("mean", &q.mean, twin.mean_slice(), 1e-10);
            assert_all_close("variances", &q.variances(), &covariance.diagonal(), 1e-10);
            let (draws, log_q) = q.sample(7, &mut stream(4, "pathfinder/test", 1));
            assert_all_close("log q of draws", &log_q, &q.log_density(&draws), 1e-9);
            assert_all_close("log q", &log_q, &twin.log_density(&draws), 1e-9);
        }
    }

    #[test]
    fn draws_have_the_covariance() {
        let variances = [0.5, 1.0, 2.0];
        let pairs = pairs(3, 1);
        let q = HistoryGaussian::from_history(&[0.0; 3], &[0.0; 3], &variances, &pairs).unwrap();
        let (draws, _) = q.sample(40_000, &mut stream(5, "pathfinder/test", 2));
        let covariance = by_updates(&variances, &pairs);
        for i in 0..3 {
            for j in 0..=i {
                let products: Vec<f64> = (0..draws.n_draws())
                    .map(|s| draws.get(i, s) * draws.get(j, s))
                    .collect();
                elbo_testkit::assert_mean("covariance", 5, &products, covariance[(i, j)]);
            }
        }
    }

    #[test]
    fn unusable_variances_give_no_gaussian() {
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let made = HistoryGaussian::from_history(&[0.0], &[1.0], &[bad], &VecDeque::new());
            assert!(made.is_none(), "{bad}");
        }
        let q = HistoryGaussian::from_history(&[1.0], &[2.0], &[4.0], &VecDeque::new()).unwrap();
        assert_close("Newton step", q.mean[0], 9.0, 1e-15);
    }
}
