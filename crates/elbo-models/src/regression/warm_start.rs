//! An earlier fit's `q` on the scale of new data.
//!
//! The one idea: a fit lives on standardised columns, and other rows have other means and standard
//! deviations. The weights that say the same on the new scale are a linear map of the old ones, so
//! `q(w)` stays a Gaussian; precisions and noise follow from its diagonal. Deliberately absent:
//! other columns, other levels, or an intercept more or less: such fits are refused.

use elbo_math::linalg::{Matrix, matmul, matmul_tn};

use super::scale::Scale;
use super::weights::Weights;
use crate::ModelError;

/// From the weights on one scale to those on another: `w′ = M w + b`.
///
/// With `y = c_y + u ỹ` and `x_d = c_d + s_d x̃_d`, and primes for the new scale,
/// `w′_d = (u s′_d / u′ s_d) w_d` and `w′_0 = (c_y − c′_y)/u′ + (u/u′) (w_0 + Σ_d (c′_d − c_d)/s_d w_d)`.
#[derive(Debug, Clone)]
pub(crate) struct Rescaling {
    /// The diagonal of `M`: the intercept, if there is one, and the columns.
    ratios: Vec<f64>,
    /// The first row of `M` right of its diagonal, and `b_0`, where there is an intercept.
    intercept: Option<(Vec<f64>, f64)>,
    /// `u/u′`.
    unit: f64,
    is_identity: bool,
}

impl Rescaling {
    /// From an earlier fit's scale to that of new data.
    ///
    /// # Errors
    /// If the two have not the same inputs, levels and intercept.
    pub(crate) fn new(earlier: &Scale, new: &Scale) -> Result<Self, ModelError> {
        let (old, now) = (&earlier.coding, &new.coding);
        if old.inputs != now.inputs || old.intercept != now.intercept {
            let names = |scale: &Scale| scale.names().join(", ");
            return Err(ModelError::data(format!(
                "the earlier fit has the coefficients {}, this one {}; they must agree",
                names(earlier),
                names(new)
            )));
        }
        let unit = earlier.unit / new.unit;
        let scales = now.scale.iter().zip(&old.scale);
        let columns = scales.map(|(s_new, s_old)| unit * s_new / s_old);
        let tilt = || {
            let centers = now.center.iter().zip(&old.center).zip(&old.scale);
            centers.map(|((c_new, c_old), s)| unit * (c_new - c_old) / s)
        };
        let shift = (earlier.center - new.center) / new.unit;
        Ok(Self {
            ratios: now
                .intercept
                .then_some(unit)
                .into_iter()
                .chain(columns)
                .collect(),
            intercept: now.intercept.then(|| (tilt().collect(), shift)),
            unit,
            is_identity: earlier == new,
        })
    }

    /// How much larger each weight is on the new scale, the intercept among them.
    pub(crate) fn ratios(&self) -> &[f64] {
        &self.ratios
    }

    /// How much larger the target's residuals are on the new scale.
    pub(crate) fn unit(&self) -> f64 {
        self.unit
    }

    /// `q(w)` on the new scale; `None` where it is kept in the low-rank form, which does not survive
    /// the map. With `per_noise` the covariance is in units of the noise's variance.
    ///
    /// # Errors
    /// A numerical failure.
    pub(crate) fn weights(
        &self,
        earlier: &Weights,
        per_noise: bool,
    ) -> Result<Option<Weights>, ModelError> {
        if self.is_identity {
            return Ok(Some(earlier.clone()));
        }
        let Some(precision) = earlier.precision() else {
            return Ok(None);
        };
        let mut mean: Vec<f64> = self
            .ratios
            .iter()
            .zip(&earlier.mean)
            .map(|(r, m)| r * m)
            .collect();
        // M⁻¹ = (1/u, −g_d/(u r_d); 0, 1/r_d).
        let mut inverse =
            Matrix::from_diagonal(&self.ratios.iter().map(|r| r.recip()).collect::<Vec<_>>());
        if let Some((tilt, shift)) = &self.intercept {
            mean[0] += shift;
            for (d, g) in tilt.iter().enumerate() {
                mean[0] += g * earlier.mean[d + 1];
                inverse[(0, d + 1)] = -g / (self.ratios[0] * self.ratios[d + 1]);
            }
        }
        let mut mapped = matmul_tn(&inverse, &matmul(&precision, &inverse));
        if per_noise {
            mapped.scale(self.unit * self.unit);
        }
        let linear = mapped.matvec(&mean);
        Weights::from_precision(&mapped, &linear).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use elbo_testkit::assert_all_close;

    use super::*;
    use crate::regression::coding::Coding;
    use crate::regression::{Column, Design, DesignConfig};

    fn scale(coding: &Coding, center: f64, unit: f64) -> Scale {
        Scale {
            coding: coding.clone(),
            center,
            unit,
        }
    }

    #[test]
    fn a_rescaled_q_says_the_same_about_any_row() {
        let (a, b) = ([1.0, 4.0, 2.0, 7.0], [10.0, -3.0, 5.0, 0.5]);
        let (c, d) = ([100.0, 140.0, 90.0, 95.0], [1.0, 1.5, 4.0, 0.0]);
        let table = |first: &[f64; 4], second: &[f64; 4], config| {
            let columns = [
                Column::Numeric {
                    name: "a",
                    values: first,
                },
                Column::Numeric {
                    name: "b",
                    values: second,
                },
            ];
            Design::new(&columns, config).unwrap()
        };
        for intercept in [true, false] {
            let config = DesignConfig {
                intercept,
                ..DesignConfig::default()
            };
            let (old, new) = (table(&a, &b, config), table(&c, &d, config));
            let (center, unit) = if intercept { (3.0, 2.0) } else { (0.0, 2.0) };
            let earlier = scale(old.coding(), center, unit);
            let now = scale(new.coding(), if intercept { -1.0 } else { 0.0 }, 5.0);
            let p = old.x.cols();
            let precision = Matrix::from_fn(p, p, |i, j| if i == j { 3.0 + i as f64 } else { 0.7 });
            let linear: Vec<f64> = (0..p).map(|i| 1.0 - i as f64).collect();
            let q = Weights::from_precision(&precision, &linear).unwrap();
            let rescaling = Rescaling::new(&earlier, &now).unwrap();
            let moved = rescaling.weights(&q, false).unwrap().unwrap();
            let rows = [
                Column::Numeric {
                    name: "a",
                    values: &[0.0, 50.0, -3.0],
                },
                Column::Numeric {
                    name: "b",
                    values: &[2.0, 0.0, 8.0],
                },
            ];
            let before = earlier.function(&q, 1.0, &earlier.coding.code(&rows).unwrap());
            let after = now.function(&moved, 1.0, &now.coding.code(&rows).unwrap());
            assert_all_close("means", &after.0, &before.0, 1e-10);
            assert_all_close("variances", &after.1, &before.1, 1e-10);
            // Per unit of the noise's variance, which itself is in squared units of the target.
            let relative = rescaling.weights(&q, true).unwrap().unwrap();
            let spread = rescaling.unit() * rescaling.unit();
            let after = now.function(&relative, spread, &now.coding.code(&rows).unwrap());
            assert_all_close("variances per noise", &after.1, &before.1, 1e-10);
        }
    }
}
