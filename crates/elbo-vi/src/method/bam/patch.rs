//! The low-rank version: match a batch, then patch the covariance back to diagonal plus low rank.
//!
//! The one idea: the matched covariance is a diagonal plus a few outer products, so the closest
//! `diag(d²) + U Uᵀ` is found by the EM algorithm of factor analysis with nothing larger than `D` times
//! the batch `[@modi2025patch, sec. 3]`. Deliberately absent: choosing the rank.

use elbo_math::linalg::{Cholesky, Matrix, dot, matmul, matmul_tn};

use super::update::{Moments, Structured, mean_of};
use crate::ViError;
use crate::family::LowRank;

/// Rounds of EM per update; it goes on from the last factor, so few suffice.
const ROUNDS: usize = 10;

/// The update, patched.
pub(super) fn low_rank(q: &LowRank, moments: &Moments) -> Result<LowRank, ViError> {
    let mean = mean_of(q);
    let (factor, variances) = (q.factor(), squares(q.scales()));
    let (rank, n) = (factor.cols(), moments.spread.cols());
    let spread = Matrix::from_fn(mean.len(), rank + n, |i, k| {
        if k < rank {
            factor[(i, k)]
        } else {
            moments.spread[(i, k - rank)]
        }
    });
    let matched = Structured::solve(variances.clone(), spread, moments)?;
    let gradient = Matrix::from_vec(mean.len(), 1, moments.mean_gradient.clone());
    let step = matched.times(&gradient).into_vec();
    let total = matched.variances();
    let (variances, factor) =
        factor_analysis(|m| matched.times(m), &total, variances, factor, ROUNDS)?;
    let scales = variances.into_iter().map(f64::sqrt).collect();
    LowRank::new(moments.new_mean(&mean, &step), scales, factor)
}

/// The `diag(ψ) + Λ Λᵀ` closest to a covariance `S` in `KL(N(0, S) ‖ ·)`, from a start, by EM
/// `[@rubin1982factoranalysis]`; `S` is known by its products and its diagonal.
pub(super) fn factor_analysis(
    times: impl Fn(&Matrix) -> Matrix,
    diagonal: &[f64],
    mut variances: Vec<f64>,
    mut factor: Matrix,
    rounds: usize,
) -> Result<(Vec<f64>, Matrix), ViError> {
    /// The share of a variance that the diagonal part keeps at least, so that it stays invertible.
    const LEAST_SHARE: f64 = 1e-6;
    for _ in 0..rounds {
        // β = (I + Λᵀ ψ⁻¹ Λ)⁻¹ Λᵀ ψ⁻¹: the regression of the factors on the coordinates.
        let whitened = Matrix::from_fn(factor.rows(), factor.cols(), |i, k| {
            factor[(i, k)] / variances[i]
        });
        let mut inner = matmul_tn(&factor, &whitened);
        inner.add_to_diagonal(1.0);
        let inner = Cholesky::new(&inner)?.inverse();
        let regression = matmul(&whitened, &inner); // βᵀ, (D, r)
        let cross = times(&regression); // S βᵀ
        let mut second = matmul_tn(&regression, &cross);
        second.add_scaled(1.0, &inner);
        let second = Cholesky::new(&second)?;
        factor = second.solve_matrix(&cross.transpose()).transpose();
        for (i, v) in variances.iter_mut().enumerate() {
            let explained = dot(factor.row(i), cross.row(i));
            *v = (diagonal[i] - explained).max(LEAST_SHARE * diagonal[i]);
        }
    }
    Ok((variances, factor))
}

pub(super) fn squares(values: &[f64]) -> Vec<f64> {
    values.iter().map(|v| v * v).collect()
}

#[cfg(test)]
mod tests {
    use elbo_math::linalg::matmul_nt;
    use elbo_math::random::{standard_normal, stream};
    use elbo_testkit::assert_all_close;

    use super::*;

    #[test]
    fn a_covariance_of_the_right_structure_is_recovered() {
        let mut rng = stream(1, "bam/patch", 0);
        let (d, r) = (12, 2);
        let truth = Matrix::from_fn(d, r, |_, _| standard_normal(&mut rng));
        let mut s = matmul_nt(&truth, &truth);
        for i in 0..d {
            s[(i, i)] += 0.5 + 0.1 * i as f64;
        }
        let start = Matrix::from_fn(d, r, |_, _| 0.1 * standard_normal(&mut rng));
        let (variances, factor) =
            factor_analysis(|m| matmul(&s, m), &s.diagonal(), s.diagonal(), start, 2000).unwrap();
        let mut got = matmul_nt(&factor, &factor);
        for (i, v) in variances.iter().enumerate() {
            got[(i, i)] += v;
        }
        // EM converges linearly; 2000 rounds leave less than this.
        assert_all_close("covariance", got.as_slice(), s.as_slice(), 1e-4);
    }
}
