//! The measure-valued gradient of a factorised Gaussian: a difference of two expectations.
//!
//! `∂N(m, s²)/∂m = (W₊ − W₋) / (s √(2π))`, with `W± = m ± s·Weibull(2, √2)`, and
//! `∂N(m, s²)/∂s = (M − N)/s`, with `M` double-sided Maxwell `[@mohamed2020monte, table 1]`. One
//! coordinate at a time is drawn from such a part and the others from `q`, so the cost is
//! `4 D n_draws` values of `f`, and neither gradients nor densities are needed.
//!
//! Coupled parts share random numbers. For `s`: a uniform share of a Maxwell draw is normal. For `m`
//! both signs use one Weibull draw, and every second draw is its predecessor's mirror image (`u` and
//! `1 − u` in the quantile): with the shared draw alone, a slope of `f` would be felt twice, and the
//! variance on `(x − k)²` would exceed the uncoupled one for `|m − k| > 1.53 s`.

use elbo_math::random::{Stream, standard_normal, uniform};

use super::{Estimate, Expectation, GradientEstimator, Usable};
use crate::family::{MeanField, Reparameterised};
use crate::{Approximation, Draws, ViError};

/// Whether the two parts of a derivative share random numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Coupling {
    /// They do, which lowers the variance.
    #[default]
    Coupled,
    /// Independent draws.
    Uncoupled,
}

/// Differences between expectations under the two parts of `∂q/∂λ`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MeasureValued {
    /// How the parts are drawn.
    pub coupling: Coupling,
}

/// Standardised draws of the two parts for one coordinate.
pub(super) struct Parts {
    pub(super) positive: Vec<f64>,
    pub(super) negative: Vec<f64>,
}

impl MeasureValued {
    pub(super) fn of_mean(self, n_draws: usize, stream: &mut Stream) -> Parts {
        let mut independent = |n: usize| (0..n).map(|_| rayleigh(uniform(stream))).collect();
        match self.coupling {
            Coupling::Uncoupled => {
                let (positive, negative): (Vec<f64>, Vec<f64>) =
                    (independent(n_draws), independent(n_draws));
                Parts {
                    positive,
                    negative: negative.iter().map(|w| -w).collect(),
                }
            }
            Coupling::Coupled => {
                let mut positive = Vec::with_capacity(n_draws);
                while positive.len() < n_draws {
                    let u = uniform(stream);
                    positive.extend([rayleigh(u), rayleigh(1.0 - u)]);
                }
                positive.truncate(n_draws);
                Parts {
                    negative: positive.iter().map(|w| -w).collect(),
                    positive,
                }
            }
        }
    }

    pub(super) fn of_scale(self, n_draws: usize, stream: &mut Stream) -> Parts {
        let positive: Vec<f64> = (0..n_draws).map(|_| double_sided_maxwell(stream)).collect();
        let negative = positive
            .iter()
            .map(|m| match self.coupling {
                Coupling::Coupled => m * uniform(stream),
                Coupling::Uncoupled => standard_normal(stream),
            })
            .collect();
        Parts { positive, negative }
    }
}

/// The quantile of a Weibull distribution with shape 2 and scale √2, which is Rayleigh's.
pub(super) fn rayleigh(u: f64) -> f64 {
    (-2.0 * (-u).ln_1p()).sqrt()
}

/// Density `x² exp(−x²/2)/√(2π)`: the length of three normal numbers with a random sign.
fn double_sided_maxwell(stream: &mut Stream) -> f64 {
    let squared: f64 = (0..3).map(|_| standard_normal(stream).powi(2)).sum();
    squared.sqrt() * if uniform(stream) < 0.5 { -1.0 } else { 1.0 }
}

/// `h = f − β log q` at the draws that some noise makes.
pub(super) fn values_at<F: Reparameterised>(
    q: &F,
    expectation: &Expectation<'_>,
    noise: &Draws,
) -> Result<Vec<f64>, ViError> {
    let (points, log_q) = q.transform(noise);
    let mut values = expectation.function.values(&points)?;
    for (v, l) in values.iter_mut().zip(log_q) {
        *v -= expectation.entropy_weight * l;
    }
    Ok(values)
}

/// The same with one coordinate of the noise replaced.
fn values_with(
    q: &MeanField,
    expectation: &Expectation<'_>,
    noise: &Draws,
    (i, part): (usize, &[f64]),
) -> Result<Vec<f64>, ViError> {
    let mut replaced = noise.clone();
    replaced.coordinate_mut(i).copy_from_slice(part);
    values_at(q, expectation, &replaced)
}

impl GradientEstimator<MeanField> for MeasureValued {
    fn estimate(
        &mut self,
        q: &MeanField,
        expectation: &Expectation<'_>,
        n_draws: usize,
        stream: &mut Stream,
    ) -> Result<Estimate, ViError> {
        let d = q.dimension();
        let mut gradient = vec![0.0; 2 * d];
        let noise = q.noise(n_draws, stream);
        let values = values_at(q, expectation, &noise)?;
        let usable = Usable::new(&values)?;
        let mut rejected = usable.rejected;
        let (value, standard_error) = usable.mean(&values);
        for (i, s) in q.scales().iter().enumerate() {
            let parts = [
                (i, self.of_mean(n_draws, stream), (s * root_tau()).recip()),
                // ∂/∂log s = s ∂/∂s.
                (d + i, self.of_scale(n_draws, stream), 1.0),
            ];
            for (k, parts, constant) in parts {
                let others = match self.coupling {
                    Coupling::Coupled => noise.clone(),
                    Coupling::Uncoupled => q.noise(n_draws, stream),
                };
                let positive = values_with(q, expectation, &noise, (i, &parts.positive))?;
                let negative = values_with(q, expectation, &others, (i, &parts.negative))?;
                // Not finite where either part is not.
                let differences: Vec<f64> = positive
                    .iter()
                    .zip(&negative)
                    .map(|(p, n)| if n.is_finite() { p - n } else { *n })
                    .collect();
                let usable = Usable::new(&differences)?;
                rejected += usable.rejected;
                gradient[k] = constant * usable.mean(&differences).0;
            }
        }
        Ok(Estimate {
            value,
            standard_error,
            gradient,
            rejected,
        })
    }
}

/// `√(2π)`.
fn root_tau() -> f64 {
    std::f64::consts::TAU.sqrt()
}
