//! The proximal update of batch and match, in closed form.
//!
//! Among all Gaussians the update takes the one that matches the scores of a batch best while staying
//! close to the last: with the batch's means `z̄, ḡ` and covariances `C, Γ` of points and gradients,
//! `Σ' U Σ' + Σ' = V`, `U = λ Γ + λ/(1+λ) ḡ ḡᵀ`, `V = Σ + λ C + λ/(1+λ) (μ−z̄)(μ−z̄)ᵀ`
//! `[@cai2024bam, eqs. 10–14]`. The one idea: `U` has rank at most `B + 1`, so the equation is solved
//! by the eigenvectors of a matrix of that size: with `V = L Lᵀ`, `Σ' = L X Lᵀ` and `X` is 1 outside
//! the range of `K = Lᵀ √U` and `2/(1 + √(1 + 4n))` along its singular directions, `n` the squares of
//! the singular values. Deliberately absent: how strongly to move (`λ`), and when to stop.

use elbo_math::linalg::{Cholesky, Matrix, SymmetricEigen, axpy, matmul, matmul_nt, matmul_tn};

use crate::family::FullRank;
use crate::{Approximation, Draws, ViError};

/// A batch seen from the Gaussian that it was drawn from.
pub(super) struct Moments {
    lambda: f64,
    mean_point: Vec<f64>,
    pub(super) mean_gradient: Vec<f64>,
    /// `V − Σ` is its product with its transpose: `(D, B + 1)`.
    pub(super) spread: Matrix,
    /// `U` likewise.
    pub(super) pull: Matrix,
}

impl Moments {
    pub(super) fn new(mean: &[f64], points: &Draws, gradients: &Draws, lambda: f64) -> Self {
        let (d, n) = (points.dimension(), points.n_draws());
        let average = |draws: &Draws| -> Vec<f64> {
            (0..d)
                .map(|i| draws.coordinate(i).iter().sum::<f64>() / n as f64)
                .collect()
        };
        let (mean_point, mean_gradient) = (average(points), average(gradients));
        let each = (lambda / n as f64).sqrt();
        let shift = (lambda / (1.0 + lambda)).sqrt();
        let spread = Matrix::from_fn(d, n + 1, |i, s| {
            if s < n {
                each * (points.get(i, s) - mean_point[i])
            } else {
                shift * (mean[i] - mean_point[i])
            }
        });
        let pull = Matrix::from_fn(d, n + 1, |i, s| {
            if s < n {
                each * (gradients.get(i, s) - mean_gradient[i])
            } else {
                shift * mean_gradient[i]
            }
        });
        Self {
            lambda,
            mean_point,
            mean_gradient,
            spread,
            pull,
        }
    }

    /// `μ' = (μ + λ (Σ' ḡ + z̄)) / (1 + λ)`, given `Σ' ḡ`.
    pub(super) fn new_mean(&self, mean: &[f64], covariance_times_gradient: &[f64]) -> Vec<f64> {
        mean.iter()
            .zip(covariance_times_gradient)
            .zip(&self.mean_point)
            .map(|((m, s), z)| (m + self.lambda * (s + z)) / (1.0 + self.lambda))
            .collect()
    }
}

/// The directions in which `X` differs from 1: eigenvalues `n` of `KᵀK` that matter and their
/// eigenvectors, and what `X` is along each.
pub(super) struct Shrinkage {
    pub(super) squares: Vec<f64>,
    pub(super) vectors: Matrix, // (B + 1, rank)
    pub(super) factors: Vec<f64>,
}

impl Shrinkage {
    /// From `KᵀK = √Uᵀ V √U`.
    pub(super) fn new(gram: &Matrix) -> Result<Self, ViError> {
        let eigen = SymmetricEigen::new(gram)?;
        let largest = eigen.values.last().copied().unwrap_or(0.0);
        // Smaller ones are rounding of the largest, and X is 1 to rounding along those below 1e-16.
        let kept: Vec<usize> = (0..eigen.values.len())
            .filter(|k| eigen.values[*k] > (1e-14 * largest).max(1e-16))
            .collect();
        let squares: Vec<f64> = kept.iter().map(|k| eigen.values[*k]).collect();
        Ok(Self {
            vectors: Matrix::from_fn(gram.rows(), kept.len(), |i, k| eigen.vectors[(i, kept[k])]),
            factors: squares
                .iter()
                .map(|n| 2.0 / (1.0 + (1.0 + 4.0 * n).sqrt()))
                .collect(),
            squares,
        })
    }
}

/// The update with a full covariance.
pub(super) fn full(q: &FullRank, moments: &Moments) -> Result<FullRank, ViError> {
    let mut v = q.covariance();
    v.add_scaled(1.0, &matmul_nt(&moments.spread, &moments.spread));
    let lower = Cholesky::new(&v)?;
    let k = matmul_tn(lower.lower(), &moments.pull);
    let shrinkage = Shrinkage::new(&matmul_tn(&k, &k))?;
    // Columns of K W n^{−1/2} are orthonormal; L X^{1/2} = L + (L Q)(√x − 1) Qᵀ.
    let mut directions = matmul(&k, &shrinkage.vectors);
    for i in 0..directions.rows() {
        for (v, n) in directions.row_mut(i).iter_mut().zip(&shrinkage.squares) {
            *v /= n.sqrt();
        }
    }
    let mut moved = matmul(lower.lower(), &directions);
    for i in 0..moved.rows() {
        for (v, x) in moved.row_mut(i).iter_mut().zip(&shrinkage.factors) {
            *v *= x.sqrt() - 1.0;
        }
    }
    let mut root = matmul_nt(&moved, &directions);
    root.add_scaled(1.0, lower.lower());
    let covariance = matmul_nt(&root, &root);
    let step = covariance.matvec(&moments.mean_gradient);
    FullRank::from_covariance(moments.new_mean(q.mean_slice(), &step), &covariance)
}

/// `Σ' v` and the diagonal of `Σ'` without `Σ'`: `V + (V G) F (V G)ᵀ` where `V` is a diagonal plus
/// `R Rᵀ`, and `F = W diag((x − 1)/n) Wᵀ`.
pub(super) struct Structured {
    diagonal: Vec<f64>,
    spread: Matrix, // R, (D, r + B + 1)
    shrunk: Matrix, // V G W √((1 − x)/n), (D, rank)
}

impl Structured {
    /// The solution for `V = diag(diagonal) + spread · spreadᵀ`.
    pub(super) fn solve(
        diagonal: Vec<f64>,
        spread: Matrix,
        moments: &Moments,
    ) -> Result<Self, ViError> {
        let mut v_pull = matmul(&spread, &matmul_tn(&spread, &moments.pull));
        for (i, d) in diagonal.iter().enumerate() {
            axpy(*d, moments.pull.row(i), v_pull.row_mut(i));
        }
        let shrinkage = Shrinkage::new(&matmul_tn(&moments.pull, &v_pull))?;
        let mut shrunk = matmul(&v_pull, &shrinkage.vectors);
        for i in 0..shrunk.rows() {
            for (k, v) in shrunk.row_mut(i).iter_mut().enumerate() {
                *v *= ((1.0 - shrinkage.factors[k]) / shrinkage.squares[k]).sqrt();
            }
        }
        Ok(Self {
            diagonal,
            spread,
            shrunk,
        })
    }

    /// `Σ'` times the columns of a matrix.
    pub(super) fn times(&self, columns: &Matrix) -> Matrix {
        let mut product = matmul(&self.spread, &matmul_tn(&self.spread, columns));
        let shrunk = matmul(&self.shrunk, &matmul_tn(&self.shrunk, columns));
        product.add_scaled(-1.0, &shrunk);
        for (i, d) in self.diagonal.iter().enumerate() {
            axpy(*d, columns.row(i), product.row_mut(i));
        }
        product
    }

    /// The variances; where cancellation took all of one, a sliver of what it was is left.
    pub(super) fn variances(&self) -> Vec<f64> {
        let square = |row: &[f64]| row.iter().map(|v| v * v).sum::<f64>();
        (0..self.diagonal.len())
            .map(|i| {
                let before = self.diagonal[i] + square(self.spread.row(i));
                (before - square(self.shrunk.row(i))).max(1e-12 * before)
            })
            .collect()
    }
}

/// The mean of a Gaussian approximation, which always knows it.
pub(super) fn mean_of(q: &dyn Approximation) -> Vec<f64> {
    q.mean().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use elbo_math::random::stream;
    use elbo_testkit::assert_all_close;

    use super::*;
    use crate::LogDensity;
    use crate::testing::Gaussian;

    /// A batch of a Gaussian target drawn from a Gaussian that is not it.
    fn batch(d: usize, n: usize) -> (FullRank, Draws, Draws) {
        let other = Gaussian::new(d, 10.0, 3);
        let q = FullRank::from_covariance(other.mean.clone(), &other.covariance).unwrap();
        let (points, _) = q.sample(n, &mut stream(1, "bam/test", 0));
        let mut gradients = Draws::zeros(d, n);
        Gaussian::new(d, 30.0, 4)
            .log_densities_and_gradients(&points, &mut vec![0.0; n], &mut gradients)
            .unwrap();
        (q, points, gradients)
    }

    #[test]
    fn the_update_solves_its_quadratic_equation() {
        for (d, n, lambda) in [(5, 3, 2.0), (3, 8, 100.0), (4, 4, 1e-3)] {
            let (q, points, gradients) = batch(d, n);
            let moments = Moments::new(q.mean_slice(), &points, &gradients, lambda);
            let s = full(&q, &moments).unwrap().covariance();
            let u = matmul_nt(&moments.pull, &moments.pull);
            let mut left = matmul(&s, &matmul(&u, &s));
            left.add_scaled(1.0, &s);
            let mut right = q.covariance();
            right.add_scaled(1.0, &matmul_nt(&moments.spread, &moments.spread));
            assert_all_close("S U S + S = V", left.as_slice(), right.as_slice(), 1e-9);
        }
    }

    #[test]
    fn the_structured_solution_is_the_full_one() {
        let (q, points, gradients) = batch(6, 4);
        let lambda = 3.0;
        let moments = Moments::new(q.mean_slice(), &points, &gradients, lambda);
        let full = full(&q, &moments).unwrap().covariance();
        // V with no diagonal of its own beyond a part split off the covariance.
        let mut rest = q.covariance();
        rest.add_to_diagonal(-0.01);
        let root = Cholesky::new(&rest).unwrap();
        let n = moments.spread.cols();
        let spread = Matrix::from_fn(6, 6 + n, |i, k| {
            if k < 6 {
                root.lower()[(i, k)]
            } else {
                moments.spread[(i, k - 6)]
            }
        });
        let structured = Structured::solve(vec![0.01; 6], spread, &moments).unwrap();
        let product = structured.times(&Matrix::identity(6));
        assert_all_close("covariance", product.as_slice(), full.as_slice(), 1e-9);
        assert_all_close("variances", &structured.variances(), &full.diagonal(), 1e-9);
    }

    #[test]
    fn a_gaussian_target_is_a_fixed_point() {
        let gaussian = Gaussian::new(4, 10.0, 5);
        let q = FullRank::from_covariance(gaussian.mean.clone(), &gaussian.covariance).unwrap();
        let (points, _) = q.sample(6, &mut stream(2, "bam/test", 0));
        let mut gradients = Draws::zeros(4, 6);
        gaussian
            .log_densities_and_gradients(&points, &mut [0.0; 6], &mut gradients)
            .unwrap();
        let moments = Moments::new(q.mean_slice(), &points, &gradients, 50.0);
        let next = full(&q, &moments).unwrap();
        assert_all_close("mean", next.mean_slice(), q.mean_slice(), 1e-9);
        assert_all_close(
            "covariance",
            next.covariance().as_slice(),
            q.covariance().as_slice(),
            1e-9,
        );
    }
}
