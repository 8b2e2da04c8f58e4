//! Kullback–Leibler divergences: in closed form, by quadrature, by Monte Carlo.
//!
//! `KL(a‖b) = E_a[log a − log b] ≥ 0` in nats, for normalised densities. The reverse divergence of a
//! fit is `KL(q‖p)`, the forward one `KL(p‖q)`.

use elbo_math::quadrature::integrate;
use elbo_math::random::Stream;

use crate::family::{Family, FullRank, MeanField};
use crate::{Approximation, Draws, ViError};

/// A closed-form divergence to members of `P`, with its gradient in the own `λ`.
pub trait KlTo<P>: Family {
    /// `KL(self ‖ other)` and `∂/∂λ` of it.
    fn kl_to(&self, other: &P) -> (f64, Vec<f64>);
}

impl KlTo<Self> for MeanField {
    fn kl_to(&self, other: &Self) -> (f64, Vec<f64>) {
        let d = self.dimension();
        assert_eq!(d, other.dimension(), "the dimensions differ");
        let (mut kl, mut gradient) = (0.0, vec![0.0; 2 * d]);
        for i in 0..d {
            let (s, t) = (self.scales()[i], other.scales()[i]);
            let z = (self.means()[i] - other.means()[i]) / t;
            let ratio = (s / t).powi(2);
            kl += 0.5 * (ratio - 1.0 - ratio.ln() + z * z);
            gradient[i] = z / t;
            gradient[d + i] = ratio - 1.0;
        }
        (kl, gradient)
    }
}

impl KlTo<Self> for FullRank {
    /// `½ (tr(P⁻¹ L Lᵀ) + |z|² − D + log |P| − log |L Lᵀ|)`, `z` the whitened difference of means.
    fn kl_to(&self, other: &Self) -> (f64, Vec<f64>) {
        let d = self.dimension();
        assert_eq!(d, other.dimension(), "the dimensions differ");
        let (lower, prior) = (self.factor().lower(), other.factor());
        let mut z: Vec<f64> = self.mean_slice().to_vec();
        elbo_math::linalg::axpy(-1.0, other.mean_slice(), &mut z);
        prior.solve_lower_in_place(&mut z);
        let whitened = prior.solve_lower_matrix(lower);
        let size = elbo_math::linalg::dot(whitened.as_slice(), whitened.as_slice())
            + elbo_math::linalg::dot(&z, &z);
        let kl = 0.5 * (size - d as f64 + prior.log_det() - self.factor().log_det());
        prior.solve_lower_transpose_in_place(&mut z);
        let mut gradient = z;
        let by_entry = prior.solve_lower_transpose_matrix(&whitened);
        for i in 0..d {
            gradient.extend_from_slice(&by_entry.row(i)[..i]);
            gradient.push(by_entry[(i, i)] * lower[(i, i)] - 1.0);
        }
        (kl, gradient)
    }
}

/// `KL(a‖b)` in one or two dimensions, by adaptive quadrature over the whole line or plane.
///
/// Densities are given by their normalised logarithms at one point.
///
/// # Errors
/// [`ViError::Setting`] in more dimensions; [`ViError::Matrix`] where quadrature does not reach the
/// accuracy asked for, which the second dimension has to reach for every line.
pub fn kl_by_quadrature(
    dimension: usize,
    log_a: &dyn Fn(&[f64]) -> f64,
    log_b: &dyn Fn(&[f64]) -> f64,
    tolerance: f64,
) -> Result<f64, ViError> {
    let term = |x: &[f64]| {
        let a = log_a(x);
        // The limit of a log a where a underflows.
        if a < -700.0 {
            0.0
        } else {
            a.exp() * (a - log_b(x))
        }
    };
    match dimension {
        1 => Ok(integrate(
            |x| term(&[x]),
            f64::NEG_INFINITY,
            f64::INFINITY,
            tolerance,
            0.0,
        )?
        .value),
        2 => {
            let mut failure = None;
            let line = |x: f64| {
                let along = |y: f64| term(&[x, y]);
                match integrate(
                    along,
                    f64::NEG_INFINITY,
                    f64::INFINITY,
                    0.1 * tolerance,
                    1e-9,
                ) {
                    Ok(integral) => integral.value,
                    Err(error) => {
                        failure = Some(error);
                        0.0
                    }
                }
            };
            let value = integrate(line, f64::NEG_INFINITY, f64::INFINITY, tolerance, 0.0);
            match failure {
                Some(error) => Err(error.into()),
                None => Ok(value?.value),
            }
        }
        _ => Err(ViError::Setting {
            name: "dimension",
            value: dimension.to_string(),
            requirement: "1 or 2 for quadrature; use Monte Carlo in more",
        }),
    }
}

/// `KL(a‖b)` from draws of `a`, and its standard error.
pub fn kl_by_monte_carlo(
    a: &dyn Approximation,
    log_b: impl Fn(&Draws) -> Vec<f64>,
    n_draws: usize,
    stream: &mut Stream,
) -> (f64, f64) {
    let (points, log_a) = a.sample(n_draws, stream);
    let terms: Vec<f64> = log_a
        .iter()
        .zip(log_b(&points))
        .map(|(a, b)| a - b)
        .collect();
    let n = n_draws as f64;
    let mean = terms.iter().sum::<f64>() / n;
    let variance = terms.iter().map(|t| (t - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, (variance / n).sqrt())
}
