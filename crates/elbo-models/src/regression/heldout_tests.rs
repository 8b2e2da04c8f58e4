//! Rows kept back: their density, and mini-batches that stop on it.

use elbo_testkit::{assert_close, integrate};

use super::ard::{self, ArdConfig};
use super::fixtures::{RAW, Table};
use super::linear::{self, LinearConfig, PriorPrecision};
use super::logistic::{self, LogisticConfig};
use super::{Design, DesignConfig, HeldOut, Method, NoisePrior};
use crate::driver::{StochasticConfig, silent};

fn split(table: &Table, config: DesignConfig, rows: &[usize]) -> (Design, Vec<f64>, HeldOut) {
    let (design, back) = table.design(config).split(rows);
    let y = table.target();
    let kept = (0..y.len()).filter(|i| !rows.contains(i)).map(|i| y[i]);
    let held = HeldOut {
        design: back,
        y: rows.iter().map(|i| y[*i]).collect(),
    };
    (design, kept.collect(), held)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn mini_batches() -> Method {
    Method::Stochastic {
        batch_size: 50,
        config: StochasticConfig::default(),
    }
}

#[test]
fn a_rows_density_is_the_evidence_that_it_adds() {
    let table = Table::simulated(30, 4, 1);
    let (some, y, held) = split(&table, RAW, &[7]);
    for noise in [
        NoisePrior::Fixed { sd: 0.6 },
        NoisePrior::Gamma {
            shape: 2.0,
            rate: 0.5,
        },
    ] {
        let config = LinearConfig {
            prior_precision: PriorPrecision::Fixed(0.3),
            noise,
            ..LinearConfig::default()
        };
        let fit =
            |design: &Design, y: &[f64]| linear::fit(design, y, &config, 0, &mut silent).unwrap();
        let before = fit(&some, &y);
        let after = fit(&table.design(RAW), table.target());
        let density = before.posterior.log_predictive_density(&held).unwrap()[0];
        assert_close(
            "density",
            density,
            after.outcome.elbo - before.outcome.elbo,
            1e-9,
        );
    }
}

#[test]
fn densities_of_targets_integrate_to_one() {
    let table = Table::simulated(40, 3, 2);
    let (design, y, held) = split(&table, DesignConfig::default(), &[3]);
    let fit = ard::fit(&design, &y, &ArdConfig::default(), 0, &mut silent).unwrap();
    // 39 rows make t-tails that are below 1e-12 some twenty noise deviations out.
    let total = integrate(1, 20.0, 4001, |x| {
        let rows = HeldOut {
            design: held.design.clone(),
            y: vec![held.y[0] + x[0]],
        };
        fit.posterior.log_predictive_density(&rows).unwrap()[0].exp()
    });
    assert_close("∫ density", total, 1.0, 1e-9);

    let classes: Vec<f64> = y
        .iter()
        .map(|v| f64::from(u8::from(*v > mean(&y))))
        .collect();
    let fit = logistic::fit(
        &design,
        &classes,
        &LogisticConfig::default(),
        0,
        &mut silent,
    )
    .unwrap();
    let probability = |class: f64| {
        let rows = HeldOut {
            design: held.design.clone(),
            y: vec![class],
        };
        fit.posterior.log_predictive_density(&rows).unwrap()[0].exp()
    };
    assert_close(
        "Σ probability",
        probability(0.0) + probability(1.0),
        1.0,
        1e-12,
    );
}

#[test]
fn mini_batches_stop_on_the_density_of_rows_kept_back() {
    let table = Table::simulated(400, 5, 3);
    let rows: Vec<usize> = (0..400).step_by(8).collect();
    let (design, y, held) = split(&table, DesignConfig::default(), &rows);
    let config = ArdConfig {
        heldout: Some(held.clone()),
        method: mini_batches(),
        ..ArdConfig::default()
    };
    let fit = ard::fit(&design, &y, &config, 1, &mut silent).unwrap();
    assert!(fit.outcome.converged());
    assert!(fit.outcome.trace.iter().all(|p| p.heldout.is_some()));
    let last = fit.outcome.trace.last().unwrap().heldout.unwrap();
    let densities = fit.posterior.log_predictive_density(&held).unwrap();
    assert_close("last density", last, mean(&densities), 1e-12);
    // Noise of sd ½ that is known would give -½ log(2πe/4) = -0.726; 50 rows have an error of 0.1.
    assert!((last + 0.726).abs() < 5.0 * 0.1, "{last}");

    let config = LinearConfig {
        heldout: Some(held),
        method: mini_batches(),
        ..LinearConfig::default()
    };
    let fit = linear::fit(&design, &y, &config, 1, &mut silent).unwrap();
    assert!(fit.outcome.converged() && fit.outcome.trace[0].heldout.is_some());
}

#[test]
fn rows_of_another_coding_are_refused() {
    let table = Table::simulated(40, 3, 4);
    let (design, y, _) = split(&table, DesignConfig::default(), &[1]);
    let fit = ard::fit(&design, &y, &ArdConfig::default(), 0, &mut silent).unwrap();
    let other = HeldOut {
        design: table.select(&[0, 1, 2, 3]).design(DesignConfig::default()),
        y: table.target()[..4].to_vec(),
    };
    let message = fit
        .posterior
        .log_predictive_density(&other)
        .unwrap_err()
        .to_string();
    assert!(message.contains("coded otherwise"), "{message}");
}
