//! Going on from an earlier fit, with the three regressions.

use std::ops::ControlFlow;

use elbo_math::random;
use elbo_testkit::assert_close;

use super::ard::{self, ArdConfig};
use super::linear::{self, LinearConfig};
use super::logistic::{self, LogisticConfig, WeightPrior};
use super::{Column, Design, DesignConfig, Method};
use crate::driver::{CoordinateAscentConfig, Progress, StochasticConfig, silent};
use crate::{Outcome, Stopped};

const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

/// `n` rows of six correlated inputs far from standardised; the target knows the first two.
fn data(n: usize, key: u64) -> (Vec<Vec<f64>>, Vec<f64>) {
    let mut rng = random::stream(key, "warm-start/tests", 0);
    let mut columns = vec![Vec::with_capacity(n); NAMES.len()];
    let mut y = Vec::with_capacity(n);
    for _ in 0..n {
        let common = random::standard_normal(&mut rng);
        for (j, column) in columns.iter_mut().enumerate() {
            column.push(10.0 * j as f64 + 3.0 * (common + random::standard_normal(&mut rng)));
        }
        let last = |j: usize| columns[j].last().copied().unwrap_or(0.0);
        y.push(0.5 * last(0) - 0.2 * last(1) + 3.0 + random::standard_normal(&mut rng));
    }
    (columns, y)
}

fn design(columns: &[Vec<f64>]) -> Design {
    let named = NAMES.iter().zip(columns);
    let columns: Vec<Column<'_>> = named
        .map(|(name, values)| Column::Numeric { name, values })
        .collect();
    Design::new(&columns, DesignConfig::default()).unwrap()
}

fn ascent(max_iters: usize) -> Method {
    Method::CoordinateAscent(CoordinateAscentConfig {
        max_iters,
        rel_tol: 1e-12,
        ..CoordinateAscentConfig::default()
    })
}

/// The bound of the first iteration is that at which the earlier fit ended.
fn goes_on(earlier: &Outcome, bound: f64, later: &Outcome) {
    assert_eq!(earlier.stopped, Stopped::MaxIters);
    assert_close("first bound", later.trace[0].elbo, bound, 1e-10);
    assert!(
        later
            .trace
            .windows(2)
            .all(|w| w[1].elbo >= w[0].elbo - 1e-9 * w[0].elbo.abs())
    );
}

#[test]
fn an_interrupted_relevance_fit_goes_on_where_it_was() {
    let (columns, y) = data(200, 1);
    let design = design(&columns);
    let fit = |max_iters, warm_start| {
        let config = ArdConfig {
            warm_start,
            method: ascent(max_iters),
            ..ArdConfig::default()
        };
        ard::fit(&design, &y, &config, 0, &mut silent).unwrap()
    };
    let whole = fit(1000, None);
    let short = fit(5, None);
    let long = fit(1000, Some(Box::new(short.posterior.clone())));
    goes_on(&short.outcome, short.outcome.elbo, &long.outcome);
    assert_close("ELBO", long.outcome.elbo, whole.outcome.elbo, 1e-9);
    assert_eq!(long.posterior.off(), whole.posterior.off());
}

#[test]
fn an_interrupted_logistic_fit_goes_on_where_it_was() {
    let (columns, y) = data(300, 2);
    let design = design(&columns);
    let y: Vec<f64> = y.iter().map(|y| f64::from(u8::from(*y > 1.0))).collect();
    for prior in [
        WeightPrior::Fixed { sd: 1.0 },
        WeightPrior::Shared {
            shape: 1.0,
            rate: 1.0,
        },
        WeightPrior::Relevance {
            shape: 0.5,
            rate: 1e-6,
        },
    ] {
        let fit = |max_iters, warm_start| {
            let config = LogisticConfig {
                prior,
                warm_start,
                method: ascent(max_iters),
                ..LogisticConfig::default()
            };
            logistic::fit(&design, &y, &config, 0, &mut silent).unwrap()
        };
        let (whole, short) = (fit(1000, None), fit(3, None));
        let long = fit(1000, Some(Box::new(short.posterior.clone())));
        let bound = short.posterior.jaakkola_jordan_bound();
        goes_on(&short.outcome, bound, &long.outcome);
        assert_close("ELBO", long.outcome.elbo, whole.outcome.elbo, 1e-7);
    }
}

#[test]
fn more_rows_of_other_scale_start_from_what_fewer_have_said() {
    // The second half has other means and spreads, so that the standardised scale moves.
    let (mut columns, mut y) = data(400, 3);
    let half: Vec<Vec<f64>> = columns.iter().map(|c| c[..200].to_vec()).collect();
    for column in &mut columns {
        column[200..].iter_mut().for_each(|v| *v = 2.0 * *v + 7.0);
    }
    for i in 200..400 {
        y[i] = 0.5 * columns[0][i] - 0.2 * columns[1][i] + 3.0 + (y[i] - y[i].round());
    }
    let (few, all) = (design(&half), design(&columns));
    let first = |earlier| {
        let config = ArdConfig {
            warm_start: earlier,
            ..ArdConfig::default()
        };
        let mut first = f64::NAN;
        let mut stop = |p: &Progress| {
            first = p.elbo;
            ControlFlow::Break(())
        };
        ard::fit(&all, &y, &config, 0, &mut stop).unwrap();
        first
    };
    let earlier = ard::fit(&few, &y[..200], &ArdConfig::default(), 0, &mut silent).unwrap();
    let (cold, warm) = (first(None), first(Some(Box::new(earlier.posterior))));
    let best = ard::fit(&all, &y, &ArdConfig::default(), 0, &mut silent)
        .unwrap()
        .outcome
        .elbo;
    // What the first half has taught is most of what there is to know.
    assert!(best - warm < 0.2 * (best - cold), "{cold} {warm} {best}");
}

#[test]
fn mini_batches_go_on_from_a_linear_fit() {
    let (columns, y) = data(1000, 4);
    let design = design(&columns);
    let fit = |max_passes, delay, warm_start| {
        let config = LinearConfig {
            warm_start,
            method: Method::Stochastic {
                batch_size: 100,
                config: StochasticConfig {
                    max_passes,
                    delay,
                    ..StochasticConfig::default()
                },
            },
            ..LinearConfig::default()
        };
        linear::fit(&design, &y, &config, 0, &mut silent).unwrap()
    };
    let exact = linear::fit(&design, &y, &LinearConfig::default(), 0, &mut silent).unwrap();
    let earlier = fit(20, 1.0, None);
    let later = fit(1, 10.0, Some(Box::new(earlier.posterior)));
    let cold = fit(1, 10.0, None);
    let gap = |outcome: &Outcome| exact.outcome.elbo - outcome.trace[0].elbo;
    assert!(
        gap(&later.outcome) < 0.1 * gap(&cold.outcome),
        "{:?} {:?}",
        later.outcome,
        cold.outcome
    );
}

#[test]
fn a_fit_of_other_columns_or_precisions_is_refused() {
    let (columns, y) = data(50, 5);
    let (all, fewer) = (design(&columns), design(&columns[..3]));
    let earlier = ard::fit(&fewer, &y, &ArdConfig::default(), 0, &mut silent).unwrap();
    let config = ArdConfig {
        warm_start: Some(Box::new(earlier.posterior)),
        ..ArdConfig::default()
    };
    let message = ard::fit(&all, &y, &config, 0, &mut silent)
        .unwrap_err()
        .to_string();
    assert!(message.contains("a, b, c, this one"), "{message}");

    let y: Vec<f64> = y.iter().map(|y| f64::from(u8::from(*y > 1.0))).collect();
    let earlier = logistic::fit(&all, &y, &LogisticConfig::default(), 0, &mut silent).unwrap();
    let config = LogisticConfig {
        prior: WeightPrior::Relevance {
            shape: 0.5,
            rate: 1e-6,
        },
        warm_start: Some(Box::new(earlier.posterior)),
        ..LogisticConfig::default()
    };
    let message = logistic::fit(&all, &y, &config, 0, &mut silent)
        .unwrap_err()
        .to_string();
    assert!(message.contains("1 learnt precisions"), "{message}");
}
