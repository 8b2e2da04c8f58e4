//! Natural-gradient steps of Gaussian approximations, in closed form.
//!
//! The one idea: everything is said in the current `q`'s own coordinates, `x = m + L z`, where the
//! step of rate `ρ` towards a target with gradients `g` is
//!
//! ```text
//! P' = I − ρ W,   m ← m + ρ L P'⁻¹ δ,   Σ ← L P'⁻¹ Lᵀ,
//! δ = E[Lᵀg + z],   W = E[z (Lᵀg + z)ᵀ] = I − Lᵀ E[−∇² log p] L
//! ```
//!
//! `[@khan2023blr, eq. 10]`: the precision moves a fraction `ρ` of the way to the expected negative
//! Hessian. `Lᵀg + z` is the sticking-the-landing gradient: it is zero draw by draw where `q` is the
//! target, so the noise of both averages vanishes there. Deliberately absent: how the averages are
//! estimated, and which rate to use.

use elbo_math::linalg::{Cholesky, Matrix, SymmetricEigen, matmul, matmul_nt};

use crate::ViError;

/// No step moves the mean farther than this many of its new standard deviations along a coordinate
/// (of `z`): beyond, the gradients that were averaged say nothing.
const LONGEST: f64 = 4.0;

/// The factor of a precision: `1 − r`, unless that would leave less than half; then `1/(4r)`, which
/// continues it smoothly and stays positive whatever the noise.
pub(crate) fn precision_factor(r: f64) -> f64 {
    if r <= 0.5 { 1.0 - r } else { 0.25 / r }
}

/// One step of `N(m, diag(s²))`; `delta[i] = E[s_i g_i + z_i]`, `excess[i] = E[z_i (s_i g_i + z_i)]`.
///
/// # Panics
/// If the slices differ in length.
pub fn mean_field(
    means: &mut [f64],
    log_scales: &mut [f64],
    delta: &[f64],
    excess: &[f64],
    rate: f64,
) {
    let n = means.len();
    assert!(
        log_scales.len() == n && delta.len() == n && excess.len() == n,
        "lengths differ"
    );
    for i in 0..n {
        let factor = precision_factor(rate * excess[i]);
        let scale = log_scales[i].exp() / factor.sqrt();
        let move_by = rate * delta[i] / factor.sqrt(); // in new standard deviations
        means[i] += scale * move_by.clamp(-LONGEST, LONGEST);
        log_scales[i] -= 0.5 * factor.ln();
    }
}

/// One step of `N(m, L Lᵀ)`; `delta = E[Lᵀg + z]` and `excess = W`, of which the symmetric part is
/// used. Returns the new `L`.
///
/// # Errors
/// [`ViError::Matrix`] if an entry is not finite.
///
/// # Complexity
/// A few times `D³`.
///
/// # Panics
/// If the shapes differ.
pub fn full_rank(
    mean: &mut [f64],
    lower: &Matrix,
    delta: &[f64],
    excess: &Matrix,
    rate: f64,
) -> Result<Matrix, ViError> {
    let n = mean.len();
    let step = Matrix::from_fn(n, n, |i, j| 0.5 * rate * (excess[(i, j)] + excess[(j, i)]));
    let covariance = covariance_factor(&step)?;
    let inner = Cholesky::new(&covariance)?;
    // In units of the new standard deviations: K⁻¹ P'⁻¹ ρδ = Kᵀ ρδ with P'⁻¹ = K Kᵀ.
    let mut moved = inner.lower().matvec_transpose(delta);
    let longest = moved.iter().fold(0.0_f64, |a, v| a.max((rate * v).abs()));
    let shrink = rate * (LONGEST / longest).min(1.0);
    for v in &mut moved {
        *v *= shrink;
    }
    let lower_new = matmul(lower, inner.lower());
    for (m, v) in mean.iter_mut().zip(lower_new.matvec(&moved)) {
        *m += v;
    }
    // The product of triangles is a triangle; what rounding left above the diagonal is cleared.
    Ok(Matrix::from_fn(n, n, |i, j| {
        if j <= i { lower_new[(i, j)] } else { 0.0 }
    }))
}

/// `P'⁻¹` for `P' = I − step`, with [`precision_factor`] applied to the eigenvalues.
fn covariance_factor(step: &Matrix) -> Result<Matrix, ViError> {
    let n = step.rows();
    let below = |level: f64| {
        Matrix::from_fn(n, n, |i, j| {
            f64::from(u8::from(i == j)) * level - step[(i, j)]
        })
    };
    // All eigenvalues of the step are below ½: the guard has nothing to do.
    if Cholesky::new(&below(0.5)).is_ok() {
        return Ok(Cholesky::new(&below(1.0))?.inverse());
    }
    let eigen = SymmetricEigen::new(step)?;
    let scaled = Matrix::from_fn(n, n, |i, j| {
        eigen.vectors[(i, j)] / precision_factor(eigen.values[j]).sqrt()
    });
    Ok(matmul_nt(&scaled, &scaled))
}

/// What a full natural step would gain, were the ELBO quadratic, in nats: `½‖δ‖² + ¼‖W‖²`.
///
/// The natural gradient's squared length is how far `q` is from where it would go, in the metric in
/// which a distance is twice the Kullback–Leibler divergence.
pub fn decrement(delta: &[f64], excess: &[f64]) -> f64 {
    let sum = |v: &[f64]| v.iter().map(|x| x * x).sum::<f64>();
    0.5 * sum(delta) + 0.25 * sum(excess)
}

#[cfg(test)]
mod tests {
    use super::*;
    use elbo_testkit::{assert_all_close, assert_close};

    /// Exact averages for a Gaussian target of mean `mu` and precision `a`.
    fn averages(mean: &[f64], lower: &Matrix, mu: &[f64], a: &Matrix) -> (Vec<f64>, Matrix) {
        let away: Vec<f64> = mu.iter().zip(mean).map(|(u, m)| u - m).collect();
        let delta = lower.matvec_transpose(&a.matvec(&away));
        let al = matmul(a, lower);
        let mut excess = matmul(&lower.transpose(), &al);
        excess.scale(-1.0);
        excess.add_to_diagonal(1.0);
        (delta, excess)
    }

    fn target() -> (Vec<f64>, Matrix) {
        let a = Matrix::from_rows(&[[4.0, 1.0, 0.5], [1.0, 3.0, -0.4], [0.5, -0.4, 2.5]]);
        (vec![0.5, -0.3, 0.2], a)
    }

    #[test]
    fn a_unit_step_lands_on_a_gaussian_target() {
        let (mu, a) = target();
        let lower = Matrix::from_rows(&[[1.0, 0.0, 0.0], [0.3, 0.9, 0.0], [-0.2, 0.1, 1.1]]);
        let mut mean = vec![0.2, -0.1, 0.0];
        let (delta, excess) = averages(&mean, &lower, &mu, &a);
        let new = full_rank(&mut mean, &lower, &delta, &excess, 1.0).unwrap();
        // A few operations on numbers near 1.
        assert_all_close("mean", &mean, &mu, 1e-13);
        let covariance = Cholesky::new(&a).unwrap().inverse();
        let found = matmul_nt(&new, &new);
        assert_all_close("Σ", found.as_slice(), covariance.as_slice(), 1e-13);
    }

    #[test]
    fn the_precision_moves_the_rates_share_of_the_way() {
        let (mu, a) = target();
        let lower = Matrix::from_diagonal(&[0.5, 0.7, 0.6]);
        let mut mean = vec![0.2, -0.1, 0.0];
        let (delta, excess) = averages(&mean, &lower, &mu, &a);
        let new = full_rank(&mut mean, &lower, &delta, &excess, 0.3).unwrap();
        let precision = Cholesky::new(&matmul_nt(&new, &new)).unwrap().inverse();
        let mut expected = Cholesky::new(&matmul_nt(&lower, &lower)).unwrap().inverse();
        expected.scale(0.7);
        expected.add_scaled(0.3, &a);
        assert_all_close("P", precision.as_slice(), expected.as_slice(), 1e-12);
    }

    #[test]
    fn the_diagonal_step_is_the_full_one_where_nothing_is_correlated() {
        let (mu, a) = (vec![1.0, -2.0], Matrix::from_diagonal(&[3.0, 0.8]));
        let lower = Matrix::from_diagonal(&[0.5, 1.2]);
        let start = vec![0.4, -1.0];
        let (delta, excess) = averages(&start, &lower, &mu, &a);
        let mut full = start.clone();
        let new = full_rank(&mut full, &lower, &delta, &excess, 0.4).unwrap();
        let (mut means, mut logs) = (start, vec![0.5_f64.ln(), 1.2_f64.ln()]);
        mean_field(&mut means, &mut logs, &delta, &excess.diagonal(), 0.4);
        assert_all_close("mean", &means, &full, 1e-14);
        let scales: Vec<f64> = logs.iter().map(|l| l.exp()).collect();
        assert_all_close("s", &scales, &new.diagonal(), 1e-14);
    }

    #[test]
    fn noise_of_any_size_leaves_a_positive_definite_covariance_and_a_bounded_step() {
        let lower = Matrix::identity(2);
        let excess = Matrix::from_rows(&[[50.0, -80.0], [-80.0, -20.0]]);
        let mut mean = vec![0.0, 0.0];
        let new = full_rank(&mut mean, &lower, &[1e6, -1e6], &excess, 1.0).unwrap();
        assert!(new.diagonal().iter().all(|v| *v > 0.0 && v.is_finite()));
        let z = Cholesky::from_lower(new)
            .unwrap()
            .inverse_quadratic_form(&mean);
        assert!(z.sqrt() <= LONGEST * 2.0_f64.sqrt() + 1e-9, "{z}");
        let (mut means, mut logs) = (vec![0.0], vec![0.0]);
        mean_field(&mut means, &mut logs, &[-1e9], &[1e9], 1.0);
        assert_close("move", means[0] / logs[0].exp(), -LONGEST, 1e-12);
        let infinite = Matrix::from_rows(&[[f64::NAN, 0.0], [0.0, 0.0]]);
        assert!(full_rank(&mut mean, &lower, &[0.0, 0.0], &infinite, 1.0).is_err());
    }

    #[test]
    fn the_decrement_is_the_divergence_to_second_order() {
        // KL(N(m, s²) ‖ N(0, 1)) near m = 0, s = 1; the third-order term is about 5e-7 here.
        let (m, s) = (0.004_f64, 1.006_f64);
        let kl = 0.5 * (s * s + m * m - 1.0) - s.ln();
        let found = decrement(&[-s * m], &[1.0 - s * s]);
        assert_close("nats", found / kl, 1.0, 0.02);
    }
}
