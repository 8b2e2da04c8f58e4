//! What the fixed-draw optimum says: means, linear-response covariances, and how much of both is
//! owed to the draws.
//!
//! The one idea: how the optimum's means move when the log density is tilted, `log p + tᵀ θ`, is a
//! better covariance than the mean-field one, and it is a block of the inverse of the objective's
//! Hessian `[@giordano2018covariances, eq. 9]`. That inverse also carries the spread of the gradient
//! over draws into the optimum: had other draws been taken, it would be off by so much
//! `[@giordano2023dadvi, sec. 4]`.

use elbo_math::linalg::{Cholesky, Matrix, dot};

use super::objective::FixedDraws;
use crate::optimizer::Smooth;
use crate::{Draws, Target, ViError};

/// The optimum and what follows from it.
#[derive(Debug, Clone, PartialEq)]
pub struct DadviSolution {
    /// `μ`.
    pub mean: Vec<f64>,
    /// `σ` of the mean-field Gaussian, which is too small where coordinates are correlated.
    pub mean_field_sds: Vec<f64>,
    /// The linear-response covariance, where all of it was asked for.
    pub covariance: Option<Matrix>,
    /// Standard errors of [`mean`](Self::mean) from having drawn few draws, likewise.
    pub mean_errors: Option<Vec<f64>>,
    /// The same of `log σ`.
    pub log_sd_errors: Option<Vec<f64>>,
}

impl DadviSolution {
    /// The largest standard error of a mean in units of its posterior standard deviation. The number
    /// of draws suffices if this is small; above 0.2 more are due `[@giordano2023dadvi, sec. 4.2]`.
    pub fn largest_relative_error(&self) -> Option<f64> {
        let (errors, covariance) = (self.mean_errors.as_ref()?, self.covariance.as_ref()?);
        let relative = |(i, e): (usize, &f64)| e / covariance[(i, i)].sqrt();
        Some(errors.iter().enumerate().map(relative).fold(0.0, f64::max))
    }
}

/// Everything, by the inverse of the whole Hessian.
pub(super) fn dense(
    target: &Target<'_>,
    noise: &Draws,
    parameters: &[f64],
) -> Result<DadviSolution, ViError> {
    let objective = FixedDraws::new(target, noise);
    let d = noise.dimension();
    let mut information = Matrix::zeros(2 * d, 2 * d);
    for j in 0..2 * d {
        let mut unit = vec![0.0; 2 * d];
        unit[j] = 1.0;
        let column = objective.hessian_vector_product(parameters, &unit)?;
        for (i, v) in column.iter().enumerate() {
            information[(i, j)] -= 0.5 * v;
            information[(j, i)] -= 0.5 * v;
        }
    }
    let inverse = Cholesky::new(&information)?.inverse();
    let errors = standard_errors(&objective, parameters, noise, &inverse)?;
    let (mean_errors, log_sd_errors) = errors.split_at(d);
    Ok(DadviSolution {
        covariance: Some(Matrix::from_fn(d, d, |i, j| inverse[(i, j)])),
        mean_errors: Some(mean_errors.to_vec()),
        log_sd_errors: Some(log_sd_errors.to_vec()),
        ..sparse(parameters)
    })
}

/// What needs no Hessian.
pub(super) fn sparse(parameters: &[f64]) -> DadviSolution {
    let (mean, log_sds) = parameters.split_at(parameters.len() / 2);
    DadviSolution {
        mean: mean.to_vec(),
        mean_field_sds: log_sds.iter().map(|v| v.exp()).collect(),
        covariance: None,
        mean_errors: None,
        log_sd_errors: None,
    }
}

/// `√ diag(H⁻¹ V H⁻¹ / M)` with `V` the covariance of the gradient over the `M` pairs of mirrored
/// draws, which are what was drawn independently.
fn standard_errors(
    objective: &FixedDraws<'_, '_>,
    parameters: &[f64],
    noise: &Draws,
    inverse: &Matrix,
) -> Result<Vec<f64>, ViError> {
    let Some(gradients) = objective.gradient_per_draw(parameters)? else {
        return Err(ViError::Numerical {
            what: "the gradient at the optimum",
            advice: "check the density there",
        });
    };
    let (n, pairs) = (inverse.rows(), noise.n_draws() / 2);
    let mut squares = vec![0.0; n];
    let mut moves: Vec<Vec<f64>> = Vec::with_capacity(pairs);
    for s in 0..pairs {
        let pair: Vec<f64> = (0..n)
            .map(|i| f64::midpoint(gradients.get(i, s), gradients.get(i, pairs + s)))
            .collect();
        moves.push(inverse.matvec(&pair));
    }
    for i in 0..n {
        let mean = moves.iter().map(|m| m[i]).sum::<f64>() / pairs as f64;
        squares[i] = moves.iter().map(|m| (m[i] - mean).powi(2)).sum::<f64>();
    }
    let degrees = (pairs * (pairs - 1)) as f64;
    Ok(squares.iter().map(|s| (s / degrees).sqrt()).collect())
}

/// `Cov(θ, aᵀθ)` by linear response for one `a`, by conjugate gradients preconditioned with the
/// curvature that a mean-field optimum has along its own axes: `σ⁻²` and 2.
///
/// # Errors
/// [`ViError::Numerical`] if the objective is not curved downwards or the iteration does not end.
pub(super) fn respond(
    target: &Target<'_>,
    noise: &Draws,
    parameters: &[f64],
    weights: &[f64],
) -> Result<Vec<f64>, ViError> {
    const RELATIVE: f64 = 1e-8;
    let objective = FixedDraws::new(target, noise);
    let d = noise.dimension();
    let precondition = |r: &[f64]| -> Vec<f64> {
        let at = |i: usize| {
            if i < d {
                (2.0 * parameters[d + i]).exp()
            } else {
                0.5
            }
        };
        r.iter().enumerate().map(|(i, r)| r * at(i)).collect()
    };
    let mut x = vec![0.0; 2 * d];
    let mut residual = weights.to_vec();
    residual.resize(2 * d, 0.0);
    let mut z = precondition(&residual);
    let mut direction = z.clone();
    let mut size = dot(&residual, &z);
    let enough = RELATIVE * RELATIVE * size;
    for _ in 0..20 * d {
        if size <= enough {
            x.truncate(d);
            return Ok(x);
        }
        let mut product = objective.hessian_vector_product(parameters, &direction)?;
        for v in &mut product {
            *v = -*v;
        }
        let curvature = dot(&direction, &product);
        if !(curvature > 0.0) {
            break;
        }
        let step = size / curvature;
        elbo_math::linalg::axpy(step, &direction, &mut x);
        elbo_math::linalg::axpy(-step, &product, &mut residual);
        z = precondition(&residual);
        let before = size;
        size = dot(&residual, &z);
        for (p, z) in direction.iter_mut().zip(&z) {
            *p = z + size / before * *p;
        }
    }
    Err(ViError::Numerical {
        what: "a linear response",
        advice: "the fit may not be at an optimum: let it converge, or use more draws",
    })
}
