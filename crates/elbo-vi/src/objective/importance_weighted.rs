//! The importance-weighted bound: `E log (1/K) Σ_k w_k`, `w_k = p(θ_k)/q(θ_k)`, tighter than the ELBO
//! and equal to it for `K = 1` `[@burda2016iwae, eq. 8]`.

use elbo_math::log_space::softmax_in_place;
use elbo_math::random::Stream;

use super::Objective;
use crate::ViError;
use crate::family::Reparameterised;
use crate::gradient::{Estimate, Integrand};

/// How the gradient of the bound is estimated; both are unbiased.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum WeightGradient {
    /// `Σ_k w̃_k d log w_k/dλ` `[@burda2016iwae, eq. 14]`.
    Total,
    /// `Σ_k w̃_k² ∂log w_k/∂θ_k · dθ_k/dλ` `[@tucker2019dreg, eq. 8]`: its signal does not drown as
    /// `K` grows.
    #[default]
    DoublyReparameterised,
}

/// The bound with `K = n_importance` weights; draws come in groups of that size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImportanceWeighted {
    /// `K`.
    pub n_importance: usize,
    /// How the gradient is estimated.
    pub gradient: WeightGradient,
}

impl<F: Reparameterised + ?Sized> Objective<F> for ImportanceWeighted {
    /// `n_draws` is rounded up to whole groups. A draw outside the support has weight 0.
    fn estimate(
        &mut self,
        q: &F,
        log_density: &dyn Integrand,
        n_draws: usize,
        stream: &mut Stream,
    ) -> Result<Estimate, ViError> {
        let k = self.n_importance;
        if k == 0 {
            return Err(ViError::Setting {
                name: "n_importance",
                value: "0".into(),
                requirement: "at least 1",
            });
        }
        let n_groups = n_draws.div_ceil(k).max(1);
        let noise = q.noise(n_groups * k, stream);
        let (points, log_q) = q.transform(&noise);
        let (log_p, mut cotangents) = log_density.values_and_gradients(&points)?;
        let mut weights: Vec<f64> = log_p.iter().zip(&log_q).map(|(p, q)| p - q).collect();
        let rejected = log_p.iter().filter(|v| !v.is_finite()).count();
        let mut bounds = Vec::with_capacity(n_groups);
        for group in weights.chunks_mut(k) {
            if group.iter().any(|w| w.is_finite()) {
                bounds.push(softmax_in_place(group) - (k as f64).ln());
            } else {
                group.fill(0.0);
            }
        }
        if bounds.is_empty() {
            return Err(ViError::NoUsableDraw {
                n_draws: n_groups * k,
            });
        }
        let n = bounds.len() as f64;
        let mut gradient = vec![0.0; q.params().len()];
        match self.gradient {
            WeightGradient::Total => {
                for w in &mut weights {
                    *w /= n;
                }
                for i in 0..q.dimension() {
                    for (v, w) in cotangents.coordinate_mut(i).iter_mut().zip(&weights) {
                        *v *= w;
                    }
                }
                let negated: Vec<f64> = weights.iter().map(|w| -w).collect();
                q.pull_back_both(&noise, &cotangents, &negated, &mut gradient);
            }
            WeightGradient::DoublyReparameterised => {
                let of_q = q.log_density_and_gradient(&points).1;
                for i in 0..q.dimension() {
                    let of_q = of_q.coordinate(i);
                    for (s, v) in cotangents.coordinate_mut(i).iter_mut().enumerate() {
                        *v = weights[s] * weights[s] / n * (*v - of_q[s]);
                    }
                }
                q.pull_back(&noise, &cotangents, &mut gradient);
            }
        }
        let value = bounds.iter().sum::<f64>() / n;
        let squares: f64 = bounds.iter().map(|b| (b - value).powi(2)).sum();
        Ok(Estimate {
            value,
            standard_error: (squares / (n - 1.0) / n).sqrt(),
            gradient,
            rejected,
        })
    }
}
