//! The score-function gradient (REINFORCE): needs values of `f` alone.
//!
//! `∇_λ E_q[h] = E_q[(h − b) ∇_λ log q]` with `h = f − β log q` `[@ranganath2014bbvi, eq. 2]`; the
//! part through `h`'s own `λ` is a mean score, 0. The baseline `b` is a [`ControlVariate`].

use elbo_math::linalg::{axpy, dot};
use elbo_math::random::Stream;

use super::control_variate::{RunningMean, leave_one_out, optimal};
use super::{ControlVariate, Estimate, Expectation, GradientEstimator, Usable};
use crate::ViError;
use crate::family::Scored;

/// Values weighted by scores.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ScoreFunction {
    control: ControlVariate,
    history: RunningMean,
}

impl ScoreFunction {
    /// With a control variate.
    pub fn new(control: ControlVariate) -> Self {
        Self {
            control,
            history: RunningMean::default(),
        }
    }
}

impl<F: Scored + ?Sized> GradientEstimator<F> for ScoreFunction {
    fn estimate(
        &mut self,
        q: &F,
        expectation: &Expectation<'_>,
        n_draws: usize,
        stream: &mut Stream,
    ) -> Result<Estimate, ViError> {
        let (points, log_q) = q.sample(n_draws, stream);
        let mut values = expectation.function.values(&points)?;
        for (v, l) in values.iter_mut().zip(&log_q) {
            *v -= expectation.entropy_weight * l;
        }
        let usable = Usable::new(&values)?;
        let (value, standard_error) = usable.mean(&values);
        let kept: Vec<usize> = (0..n_draws).filter(|s| values[*s].is_finite()).collect();
        let fewest = self.control.fewest_draws();
        if kept.len() < fewest {
            return Err(ViError::Setting {
                name: "n_draws",
                value: kept.len().to_string(),
                requirement: "at least 2 where the density is finite, for this control variate",
            });
        }
        let values: Vec<f64> = kept.iter().map(|s| values[*s]).collect();
        let scores = q.scores(&points.select(&kept));
        let n = values.len() as f64;
        let mut gradient = vec![0.0; q.params().len()];
        let against = |baseline: &[f64], gradient: &mut [f64]| {
            let mut centred = values.clone();
            axpy(-1.0, baseline, &mut centred);
            for (i, g) in gradient.iter_mut().enumerate() {
                *g = dot(&centred, scores.coordinate(i)) / n;
            }
        };
        match self.control {
            ControlVariate::None => against(&vec![0.0; values.len()], &mut gradient),
            ControlVariate::RunningMean => {
                against(&vec![self.history.value(); values.len()], &mut gradient);
                self.history.add(&values);
            }
            ControlVariate::LeaveOneOut => against(&leave_one_out(&values), &mut gradient),
            ControlVariate::Optimal => {
                let half = values.len() / 2;
                let (first, second) = values.split_at(half);
                for (i, g) in gradient.iter_mut().enumerate() {
                    let (s, t) = scores.coordinate(i).split_at(half);
                    let (a, b) = (optimal(first, s), optimal(second, t));
                    let part = |values: &[f64], scores: &[f64], baseline: f64| {
                        let total: f64 = scores.iter().sum();
                        dot(values, scores) - baseline * total
                    };
                    *g = (part(first, s, b) + part(second, t, a)) / n;
                }
            }
        }
        Ok(Estimate {
            value,
            standard_error,
            gradient,
            rejected: usable.rejected,
        })
    }
}
