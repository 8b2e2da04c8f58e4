//! The fully factorised Gaussian.
//!
//! `λ = (m_1 … m_D, log s_1 … log s_D)`, `q(θ) = Π N(θ_i | m_i, s_i²)`, `θ = m + s ε`.
//! Deliberately absent: groups of dependent coordinates (`block`).

use elbo_math::arrays::{Array, Arrays};
use elbo_math::random::Stream;
use elbo_math::special::LN_2PI;

use super::{
    Family, Natural, Reparameterised, Scored, array, check_finite, check_scales, scales,
    standard_normal_draws,
};
use crate::{Approximation, Draws, ViError};

/// `Π_i N(θ_i | m_i, s_i²)`.
///
/// ```
/// use elbo_vi::family::{Family, MeanField};
/// use elbo_vi::{Approximation, Draws};
///
/// let q = MeanField::new(vec![1.0, 2.0], vec![0.5, 3.0])?;
/// assert_eq!(q.params(), [1.0, 2.0, 0.5_f64.ln(), 3.0_f64.ln()]);
/// let at_mean = q.log_density(&Draws::from_points(2, &[[1.0, 2.0]]))[0];
/// assert!((at_mean + (1.5 * std::f64::consts::TAU).ln()).abs() < 1e-15);
/// # Ok::<(), elbo_vi::ViError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct MeanField {
    params: Vec<f64>, // means, then log scales
    scales: Vec<f64>,
}

impl MeanField {
    /// The family's name.
    pub const NAME: &'static str = "mean_field";

    /// From means and standard deviations.
    ///
    /// # Errors
    /// [`ViError::ZeroDimension`]; [`ViError::Parameters`] unless the means are finite and the
    /// standard deviations as many, positive and finite.
    pub fn new(mean: Vec<f64>, standard_deviations: Vec<f64>) -> Result<Self, ViError> {
        check_finite(Self::NAME, "mean", &mean, mean.len())?;
        check_finite(Self::NAME, "scale", &standard_deviations, mean.len())?;
        check_scales(Self::NAME, &standard_deviations)?;
        let mut params = mean;
        params.extend(standard_deviations.iter().map(|s| s.ln()));
        Ok(Self {
            params,
            scales: standard_deviations,
        })
    }

    /// The standard normal distribution.
    ///
    /// # Errors
    /// [`ViError::ZeroDimension`].
    pub fn standard(dimension: usize) -> Result<Self, ViError> {
        Self::new(vec![0.0; dimension], vec![1.0; dimension])
    }

    /// The means.
    pub fn means(&self) -> &[f64] {
        &self.params[..self.scales.len()]
    }

    /// The standard deviations.
    pub fn scales(&self) -> &[f64] {
        &self.scales
    }

    /// From what [`arrays`](Approximation::arrays) gave.
    ///
    /// # Errors
    /// [`ViError::Parameters`] if an array is missing or unusable.
    pub fn from_arrays(arrays: &Arrays) -> Result<Self, ViError> {
        Self::new(
            array(Self::NAME, arrays, "mean")?.to_f64(),
            array(Self::NAME, arrays, "standard_deviations")?.to_f64(),
        )
    }

    /// `−½ D log 2π − Σ log s`: the log density at the mean.
    fn log_normaliser(&self) -> f64 {
        // From the scales, not their logarithms in λ: a restored fit has the same bits.
        let log_scales: f64 = self.scales.iter().map(|s| s.ln()).sum();
        -0.5 * self.scales.len() as f64 * LN_2PI - log_scales
    }

    /// Adds `−½ Σ z²` of every draw, coordinate by coordinate.
    fn log_density_with(
        &self,
        points: &Draws,
        mut each: impl FnMut(usize, usize, f64),
    ) -> Vec<f64> {
        let mut log_q = vec![self.log_normaliser(); points.n_draws()];
        for (i, (m, s)) in self.means().iter().zip(&self.scales).enumerate() {
            for (n, (value, x)) in log_q.iter_mut().zip(points.coordinate(i)).enumerate() {
                let z = (x - m) / s;
                *value -= 0.5 * z * z;
                each(i, n, z);
            }
        }
        log_q
    }
}

impl Approximation for MeanField {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn dimension(&self) -> usize {
        self.scales.len()
    }

    fn sample(&self, n_draws: usize, stream: &mut Stream) -> (Draws, Vec<f64>) {
        self.transform(&standard_normal_draws(self.dimension(), n_draws, stream))
    }

    fn log_density(&self, points: &Draws) -> Vec<f64> {
        self.log_density_with(points, |_, _, _| ())
    }

    fn mean(&self) -> Option<Vec<f64>> {
        Some(self.means().to_vec())
    }

    fn standard_deviations(&self) -> Option<Vec<f64>> {
        Some(self.scales.clone())
    }

    fn arrays(&self) -> Arrays {
        let d = [self.scales.len()];
        Arrays::from([
            ("mean".into(), Array::f64(&d, self.means().to_vec())),
            (
                "standard_deviations".into(),
                Array::f64(&d, self.scales.clone()),
            ),
        ])
    }
}

impl Family for MeanField {
    fn params(&self) -> &[f64] {
        &self.params
    }

    fn set_params(&mut self, params: &[f64]) -> Result<(), ViError> {
        check_finite(Self::NAME, "params", params, self.params.len())?;
        self.scales = scales(Self::NAME, &params[self.scales.len()..])?;
        self.params.copy_from_slice(params);
        Ok(())
    }

    fn log_density_and_gradient(&self, points: &Draws) -> (Vec<f64>, Draws) {
        let mut gradients = Draws::zeros(self.dimension(), points.n_draws());
        let log_q = self.log_density_with(points, |i, n, z| {
            gradients.coordinate_mut(i)[n] = -z / self.scales[i];
        });
        (log_q, gradients)
    }

    fn entropy(&self) -> Option<f64> {
        Some(0.5 * self.dimension() as f64 - self.log_normaliser())
    }
}

impl Reparameterised for MeanField {
    fn transform(&self, noise: &Draws) -> (Draws, Vec<f64>) {
        let mut points = noise.clone();
        let mut log_q = vec![self.log_normaliser(); noise.n_draws()];
        for (i, (m, s)) in self.means().iter().zip(&self.scales).enumerate() {
            for (x, value) in points.coordinate_mut(i).iter_mut().zip(&mut log_q) {
                *value -= 0.5 * *x * *x;
                *x = m + s * *x;
            }
        }
        (points, log_q)
    }

    fn pull_back(&self, noise: &Draws, cotangents: &Draws, gradient: &mut [f64]) {
        let (means, logs) = gradient.split_at_mut(self.dimension());
        for (i, s) in self.scales.iter().enumerate() {
            let v = cotangents.coordinate(i);
            means[i] += v.iter().sum::<f64>();
            logs[i] += s * elbo_math::linalg::dot(v, noise.coordinate(i));
        }
    }

    fn pull_back_log_density(&self, _noise: &Draws, weights: &[f64], gradient: &mut [f64]) {
        // log q(T(ε)) = log N(ε | 0, I) − Σ log s.
        let total: f64 = weights.iter().sum();
        for g in &mut gradient[self.dimension()..] {
            *g -= total;
        }
    }

    fn entropy_gradient(&self) -> Option<Vec<f64>> {
        let mut gradient = vec![0.0; self.params.len()];
        gradient[self.dimension()..].fill(1.0);
        Some(gradient)
    }
}

impl Scored for MeanField {
    fn scores(&self, points: &Draws) -> Draws {
        let d = self.dimension();
        let mut scores = Draws::zeros(2 * d, points.n_draws());
        self.log_density_with(points, |i, n, z| {
            scores.coordinate_mut(i)[n] = z / self.scales[i];
            scores.coordinate_mut(d + i)[n] = z * z - 1.0;
        });
        scores
    }
}

impl Natural for MeanField {
    /// The information of a normal distribution in `(m, log s)` is `diag(1/s², 2)`.
    fn natural_gradient(&self, gradient: &mut [f64]) {
        let (means, logs) = gradient.split_at_mut(self.dimension());
        for ((m, l), s) in means.iter_mut().zip(logs).zip(&self.scales) {
            *m *= s * s;
            *l *= 0.5;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_parameters_are_refused_and_leave_the_member_as_it_was() {
        let mut q = MeanField::standard(2).unwrap();
        let before = q.clone();
        for bad in [
            vec![0.0; 3],
            vec![f64::NAN, 0.0, 0.0, 0.0],
            vec![0.0, 0.0, 800.0, 0.0],
            vec![0.0, 0.0, -800.0, 0.0],
        ] {
            assert!(matches!(
                q.set_params(&bad),
                Err(ViError::Parameters { .. })
            ));
            assert_eq!(q, before);
        }
        assert!(matches!(
            MeanField::standard(0),
            Err(ViError::ZeroDimension)
        ));
        assert!(MeanField::new(vec![0.0], vec![0.0]).is_err());
        assert!(MeanField::new(vec![0.0], vec![1.0, 1.0]).is_err());
    }
}
