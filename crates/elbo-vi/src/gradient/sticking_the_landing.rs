//! The path derivative of the ELBO: zero in every single draw once `q` is the target.
//!
//! In `d/dλ log q(T(ε; λ); λ)` the part at fixed `θ` is a score, whose expectation is 0. Leaving it
//! out keeps the estimate unbiased and removes the noise that remains at the optimum
//! `[@roeder2017sticking, sec. 3]`.

use elbo_math::random::Stream;

use super::{Estimate, Expectation, GradientEstimator, Usable};
use crate::ViError;
use crate::family::Reparameterised;

/// Through the draws only, also for `log q`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StickingTheLanding;

impl<F: Reparameterised + ?Sized> GradientEstimator<F> for StickingTheLanding {
    fn estimate(
        &mut self,
        q: &F,
        expectation: &Expectation<'_>,
        n_draws: usize,
        stream: &mut Stream,
    ) -> Result<Estimate, ViError> {
        let noise = q.noise(n_draws, stream);
        let (points, _) = q.transform(&noise);
        let (mut values, mut gradients) = expectation.function.values_and_gradients(&points)?;
        let usable = Usable::new(&values)?;
        let beta = expectation.entropy_weight;
        let (log_q, log_q_gradients) = q.log_density_and_gradient(&points);
        for i in 0..q.dimension() {
            let of_q = log_q_gradients.coordinate(i);
            for (s, v) in gradients.coordinate_mut(i).iter_mut().enumerate() {
                *v = usable.weights[s] * (*v - beta * of_q[s]);
            }
        }
        for (v, l) in values.iter_mut().zip(&log_q) {
            *v -= beta * l;
        }
        let mut gradient = vec![0.0; q.params().len()];
        q.pull_back(&noise, &gradients, &mut gradient);
        let (value, standard_error) = usable.mean(&values);
        Ok(Estimate {
            value,
            standard_error,
            gradient,
            rejected: usable.rejected,
        })
    }
}
