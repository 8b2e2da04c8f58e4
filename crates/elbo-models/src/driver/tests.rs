//! The drivers on a model whose evidence is known: a normal mean with a normal prior.

use std::f64::consts::PI;

use super::*;
use crate::{ConjugateModel, ModelError, Statistics, conformance};

/// `y_n ~ N(μ, 1)`, `μ ~ N(0, 1)`; natural parameters are (precision × mean, precision).
#[derive(Debug, Clone, PartialEq)]
struct NormalMean {
    precision_mean: f64,
    precision: f64,
}

/// `n`, `Σ y`, `Σ y²`.
#[derive(Debug, Clone)]
struct Sums([f64; 3]);

impl Statistics for Sums {
    fn as_slice(&self) -> &[f64] {
        &self.0
    }

    fn as_mut_slice(&mut self) -> &mut [f64] {
        &mut self.0
    }
}

impl NormalMean {
    fn at_prior() -> Self {
        Self {
            precision_mean: 0.0,
            precision: 1.0,
        }
    }

    fn mean(&self) -> f64 {
        self.precision_mean / self.precision
    }
}

impl ConjugateModel for NormalMean {
    type Batch = Vec<f64>;
    type Statistics = Sums;

    fn zero_statistics(&self) -> Sums {
        Sums([0.0; 3])
    }

    fn batch_len(batch: &Vec<f64>) -> usize {
        batch.len()
    }

    fn local_step(&self, batch: &Vec<f64>, sums: &mut Sums) -> Result<f64, ModelError> {
        if batch.iter().any(|y| y.is_nan()) {
            return Err(ModelError::data("a value is missing"));
        }
        let (mean, variance) = (self.mean(), 1.0 / self.precision);
        let mut bound = 0.0;
        for y in batch {
            bound -= 0.5 * ((2.0 * PI).ln() + (y - mean).powi(2) + variance);
            sums.0[0] += 1.0;
            sums.0[1] += y;
            sums.0[2] += y * y;
        }
        Ok(bound)
    }

    fn global_step(&mut self, sums: &Sums, step_size: f64) -> Result<(), ModelError> {
        self.precision_mean += step_size * (sums.0[1] - self.precision_mean);
        self.precision += step_size * (1.0 + sums.0[0] - self.precision);
        Ok(())
    }

    fn global_bound(&self, _: &Sums) -> f64 {
        // −KL(N(m, v) ‖ N(0, 1)).
        let (m, v) = (self.mean(), 1.0 / self.precision);
        0.5 * (1.0 + v.ln() - v - m * m)
    }
}

fn data() -> Vec<f64> {
    (0..50).map(|i| 1.5 + (f64::from(i) * 0.9).sin()).collect()
}

impl Gather for Vec<f64> {
    type Batch = Vec<f64>;

    fn len(&self) -> usize {
        self.as_slice().len()
    }

    fn gather(&self, units: &[usize]) -> Vec<f64> {
        units.iter().map(|i| self[*i]).collect()
    }
}

/// `log N(y | 0, I + 11ᵀ)`.
fn log_evidence(y: &[f64]) -> f64 {
    let n = y.len() as f64;
    let (sum, squares): (f64, f64) = (y.iter().sum(), y.iter().map(|v| v * v).sum());
    -0.5 * (n * (2.0 * PI).ln() + (1.0 + n).ln() + squares - sum * sum / (1.0 + n))
}

#[test]
fn the_toy_model_conforms() {
    let y = data();
    let shards = vec![y[..20].to_vec(), y[20..21].to_vec(), y[21..].to_vec()];
    conformance::check(&NormalMean::at_prior(), &y, shards, |m| {
        vec![m.precision_mean, m.precision]
    });
}

#[test]
fn coordinate_ascent_reaches_the_log_evidence() {
    let y = data();
    let mut model = NormalMean::at_prior();
    let config = CoordinateAscentConfig::default();
    let outcome =
        coordinate_ascent(&mut model, &mut Whole::new(&y, 50), &config, &mut silent).unwrap();
    assert!(outcome.converged());
    assert!((outcome.elbo - log_evidence(&y)).abs() < 1e-10);
    assert_eq!(outcome.largest_relative_decrease(), 0.0);
}

#[test]
fn the_reported_elbo_is_that_of_the_returned_posterior() {
    let y = data();
    for max_iters in 1..4 {
        let mut model = NormalMean::at_prior();
        let config = CoordinateAscentConfig {
            max_iters,
            ..Default::default()
        };
        let mut source = Whole::new(&y, 50);
        let outcome = coordinate_ascent(&mut model, &mut source, &config, &mut silent).unwrap();
        let mut sums = model.zero_statistics();
        let elbo = model.local_step(&y, &mut sums).unwrap() + model.global_bound(&sums);
        assert_eq!(outcome.elbo, elbo);
        assert_eq!(outcome.stopped, Stopped::MaxIters);
    }
}

#[test]
fn an_observer_can_stop_a_fit() {
    let y = data();
    let mut model = NormalMean::at_prior();
    let mut seen = 0;
    let mut stop_at_two = |progress: &Progress| {
        seen = progress.iteration;
        if seen == 2 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let config = CoordinateAscentConfig::default();
    let mut source = Whole::new(&y, 50);
    let outcome = coordinate_ascent(&mut model, &mut source, &config, &mut stop_at_two).unwrap();
    assert_eq!((outcome.stopped, seen), (Stopped::Interrupted, 2));
}

#[test]
fn stochastic_steps_reach_the_exact_posterior_with_uneven_batches() {
    // 50 = 7 · 7 + 1: a last batch of one unit, whose scale must be 50 and not 50/7.
    let y = data();
    let mut source = Shuffled::new(&y, 7, 3).unwrap();
    let mut model = NormalMean::at_prior();
    let config = StochasticConfig {
        max_passes: 400,
        rel_tol: 0.0,
        ..Default::default()
    };
    stochastic(&mut model, &mut source, &config, None, &mut silent).unwrap();
    // The exact posterior has mean Σy/51 and precision 51; the last steps, of size
    // (8·400)^−0.7 = 0.0035, leave noise of a few per mille of a batch's.
    let exact = y.iter().sum::<f64>() / 51.0;
    assert!((model.precision - 51.0).abs() < 1e-6, "{}", model.precision);
    assert!(
        (model.mean() - exact).abs() < 0.05,
        "{} != {exact}",
        model.mean()
    );
}

#[test]
fn stochastic_estimates_of_the_elbo_are_unbiased() {
    // With steps of size 0 in effect (one pass, at the optimum) the mean of a pass is the ELBO.
    let y = data();
    let exact = NormalMean {
        precision_mean: y.iter().sum(),
        precision: 51.0,
    };
    let mut sums = exact.zero_statistics();
    let elbo = exact.local_step(&y, &mut sums).unwrap() + exact.global_bound(&sums);
    let mut total = 0.0;
    let mut source = Shuffled::new(&y, 7, 5).unwrap();
    source
        .for_each(0, &mut |batch| {
            let mut sums = exact.zero_statistics();
            let scale = 50.0 / batch.len() as f64;
            let estimate = scale * exact.local_step(batch, &mut sums)? + exact.global_bound(&sums);
            total += estimate * batch.len() as f64 / 50.0;
            Ok(ControlFlow::Continue(()))
        })
        .unwrap();
    assert!((total - elbo).abs() < 1e-10, "{total} != {elbo}");
}

#[test]
fn a_stochastic_fit_stops_on_heldout_density() {
    let y = data();
    let mut source = Shuffled::new(&y, 10, 1).unwrap();
    let mut model = NormalMean::at_prior();
    let heldout = |m: &NormalMean| Ok(-0.5 * (m.mean() - 1.5).powi(2) - 1.0);
    let config = StochasticConfig {
        rel_tol: 1e-3,
        ..Default::default()
    };
    let outcome = stochastic(
        &mut model,
        &mut source,
        &config,
        Some(&heldout),
        &mut silent,
    )
    .unwrap();
    assert!(outcome.converged());
    assert!(outcome.trace.iter().all(|p| p.heldout.is_some()));
}

#[test]
fn a_heldout_density_that_is_no_number_ends_the_fit() {
    let y = data();
    let mut source = Shuffled::new(&y, 10, 1).unwrap();
    let mut model = NormalMean::at_prior();
    let heldout = |_: &NormalMean| Ok(f64::NAN);
    let config = StochasticConfig::default();
    let error = stochastic(
        &mut model,
        &mut source,
        &config,
        Some(&heldout),
        &mut silent,
    );
    assert!(error.unwrap_err().to_string().contains("held-out"));
}

#[test]
fn wrong_settings_are_named() {
    let y = data();
    let mut model = NormalMean::at_prior();
    let mut source = Whole::new(&y, 50);
    let config = CoordinateAscentConfig {
        max_iters: 0,
        ..Default::default()
    };
    let error = coordinate_ascent(&mut model, &mut source, &config, &mut silent).unwrap_err();
    assert!(error.to_string().contains("max_iters"), "{error}");
    let config = StochasticConfig {
        forgetting_rate: 0.4,
        ..Default::default()
    };
    let error = stochastic(&mut model, &mut source, &config, None, &mut silent).unwrap_err();
    assert!(error.to_string().contains("(0.5, 1]"), "{error}");
    assert!(Shuffled::new(&y, 0, 1).is_err());
}

#[test]
fn a_failing_batch_ends_the_fit_and_keeps_the_state() {
    let y = vec![1.0, f64::NAN];
    let mut model = NormalMean::at_prior();
    let config = CoordinateAscentConfig::default();
    let result = coordinate_ascent(&mut model, &mut Whole::new(&y, 2), &config, &mut silent);
    assert!(matches!(result, Err(ModelError::Data { .. })));
    assert_eq!(model, NormalMean::at_prior());
}

#[test]
fn the_best_restart_is_kept_and_failures_are_passed_over() {
    let outcome = |elbo| Outcome {
        elbo,
        elbo_error: 0.0,
        stopped: Stopped::Converged,
        trace: vec![],
    };
    let elbos = [-3.0, f64::NAN, -1.0, -2.0];
    let (best, _) = best_of(4, |restart| {
        if elbos[restart].is_nan() {
            return Err(ModelError::NonFinite {
                what: "the ELBO",
                iteration: 1,
            });
        }
        Ok((restart, outcome(elbos[restart])))
    })
    .unwrap();
    assert_eq!(best, 2);
    let all_fail: Result<((), Outcome), _> = best_of(2, |_| {
        Err(ModelError::NonFinite {
            what: "the ELBO",
            iteration: 7,
        })
    });
    assert!(all_fail.unwrap_err().to_string().contains("iteration 7"));
}
