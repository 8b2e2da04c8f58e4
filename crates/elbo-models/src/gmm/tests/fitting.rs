//! Starts, weights, symmetries, far-away data, saving, drawing, and refusals.

use elbo_math::parallel::with_threads;
use elbo_testkit::{Estimate, assert_all_close, assert_close};

use super::*;
use crate::driver::{Gather, Shuffled, StochasticConfig, silent, stochastic};

fn data() -> GmmData {
    GmmData::new(clusters(120, 2, 3, 10), 2).unwrap()
}

fn fitted(covariance: Covariance) -> GmmPosterior {
    fit(&data(), &config(3, covariance), 1, &mut silent)
        .unwrap()
        .posterior
}

#[test]
fn a_weight_of_two_is_a_row_given_twice() {
    let data = data();
    let weights: Vec<f64> = (0..120).map(|i| f64::from(i % 3)).collect();
    let rows: Vec<usize> = (0..120).flat_map(|i| vec![i; i % 3]).collect();
    let r = |rows: &[usize]| {
        rows.iter()
            .flat_map(|i| [[1.0, 0.0], [0.3, 0.7]][i % 2])
            .collect()
    };
    for covariance in TYPES {
        let fit = |data: &GmmData, r| {
            let start = Start::Responsibilities(r);
            fit(
                data,
                &GmmConfig {
                    start,
                    ..config(2, covariance)
                },
                1,
                &mut silent,
            )
            .unwrap()
        };
        let weighted = data.clone().with_weights(weights.clone()).unwrap();
        let all: Vec<usize> = (0..120).collect();
        let a = fit(&weighted, r(&all));
        let b = fit(&data.gather(&rows), r(&rows));
        assert_close("ELBO", a.outcome.elbo, b.outcome.elbo, 1e-10);
        assert_all_close(
            "q",
            &parameters(&a.posterior),
            &parameters(&b.posterior),
            1e-6,
        );
    }
}

#[test]
fn permuting_labels_commutes_with_fitting() {
    let data = data();
    let base = fitted(Covariance::Full).responsibilities(&data).unwrap();
    let permuted: Vec<f64> = base
        .chunks_exact(3)
        .flat_map(|r| [r[2], r[0], r[1]])
        .collect();
    for covariance in TYPES {
        let fit = |r| {
            let start = Start::Responsibilities(r);
            fit(
                &data,
                &GmmConfig {
                    start,
                    ..config(3, covariance)
                },
                1,
                &mut silent,
            )
            .unwrap()
        };
        let (a, b) = (fit(base.clone()), fit(permuted.clone()));
        assert_close("ELBO", b.outcome.elbo, a.outcome.elbo, 1e-12);
        let (a, b) = (a.posterior, b.posterior);
        for (k, source) in [2, 0, 1].into_iter().enumerate() {
            assert_all_close("means", b.means().row(k), a.means().row(source), 1e-9);
            assert_close("α", b.concentration()[k], a.concentration()[source], 1e-9);
        }
    }
}

#[test]
fn data_far_from_the_origin_lose_no_precision() {
    // Multiples of 2⁻²⁰, so that adding a million is exact in the data.
    let near: Vec<f64> = clusters(120, 2, 3, 10)
        .iter()
        .map(|v| (v * f64::from(1 << 20)).round() / f64::from(1 << 20))
        .collect();
    let far: Vec<f64> = near.iter().map(|v| v + 1e6).collect();
    for covariance in TYPES {
        let fit = |values: &[f64]| {
            let data = GmmData::new(values.to_vec(), 2).unwrap();
            fit(&data, &config(3, covariance), 1, &mut silent).unwrap()
        };
        let (a, b) = (fit(&near), fit(&far));
        // A mean of a million is stored to 1e-10.
        assert_close("ELBO", b.outcome.elbo, a.outcome.elbo, 1e-9);
        for k in 0..3 {
            let shifted: Vec<f64> = b.posterior.means().row(k).iter().map(|m| m - 1e6).collect();
            assert_all_close("means", &shifted, a.posterior.means().row(k), 1e-7);
            let (va, vb) = (a.posterior.covariance(k), b.posterior.covariance(k));
            assert_all_close("covariance", vb.as_slice(), va.as_slice(), 1e-7);
        }
    }
}

#[test]
fn clusters_far_apart_keep_their_covariances() {
    // Two copies of one cluster, 2²⁶ apart: raw second moments would lose every digit.
    let cluster: Vec<f64> = clusters(100, 2, 1, 11)
        .iter()
        .map(|v| (v * f64::from(1 << 20)).round() / f64::from(1 << 20))
        .collect();
    let far = cluster.iter().map(|v| v + f64::from(1 << 26));
    let values: Vec<f64> = cluster.iter().copied().chain(far).collect();
    let data = GmmData::new(values, 2).unwrap();
    for covariance in TYPES {
        let covariance_prior = match covariance {
            Covariance::Full | Covariance::Tied => vec![1.0, 0.0, 0.0, 1.0],
            Covariance::Diagonal => vec![1.0; 2],
            Covariance::Spherical => vec![1.0],
        };
        // A vague prior mean, whose pull would otherwise dominate the spread.
        let config = GmmConfig {
            covariance_prior: Some(covariance_prior),
            mean_precision: 1e-18,
            ..config(2, covariance)
        };
        let posterior = fit(&data, &config, 1, &mut silent).unwrap().posterior;
        let (a, b) = (posterior.covariance(0), posterior.covariance(1));
        assert_all_close("covariance", a.as_slice(), b.as_slice(), 1e-6);
        assert!(a[(0, 0)] < 10.0, "{covariance}: {a:?}");
    }
}

#[test]
fn more_restarts_never_end_lower() {
    let data = data();
    for start in [Start::KMeans, Start::Random] {
        let elbo = |n_restarts| {
            let config = GmmConfig {
                start: start.clone(),
                n_restarts,
                ..GmmConfig::new(3)
            };
            fit(&data, &config, 2, &mut silent).unwrap().outcome.elbo
        };
        assert!(elbo(4) >= elbo(1));
    }
}

#[test]
fn a_whole_fit_has_the_same_bits_for_any_number_of_threads() {
    // Enough rows for k-means to work on a sample.
    let values = with_gaps(clusters(12_000, 2, 3, 13), 2, 50, 13);
    let data = GmmData::new(values, 2).unwrap();
    for start in [Start::KMeans, Start::Random] {
        let run = |threads| {
            let mut config = GmmConfig {
                start: start.clone(),
                ..config(3, Covariance::Full)
            };
            config.ascent.max_iters = 5;
            with_threads(threads, || fit(&data, &config, 4, &mut silent).unwrap())
        };
        let one = run(1);
        let bits = |fit: &Fit<GmmPosterior>| -> Vec<u64> {
            let numbers = parameters(&fit.posterior);
            numbers.iter().map(|v| v.to_bits()).collect()
        };
        for threads in [2, 7] {
            let other = run(threads);
            assert_eq!(other.outcome.elbo.to_bits(), one.outcome.elbo.to_bits());
            assert_eq!(bits(&other), bits(&one), "{threads} threads, {start:?}");
        }
    }
}

#[test]
fn a_warm_start_continues_where_the_earlier_fit_ended() {
    let data = data();
    let mut short = config(3, Covariance::Full);
    short.ascent.max_iters = 3;
    let first = fit(&data, &short, 1, &mut silent).unwrap();
    assert!(!first.outcome.converged());
    let start = Start::Posterior(Box::new(first.posterior));
    let second = fit(
        &data,
        &GmmConfig {
            start,
            ..short.clone()
        },
        9,
        &mut silent,
    )
    .unwrap();
    assert_close(
        "ELBO",
        second.outcome.trace[0].elbo,
        first.outcome.elbo,
        1e-14,
    );
    short.n_components = 2;
    let start = Start::Posterior(Box::new(second.posterior));
    assert!(fit(&data, &GmmConfig { start, ..short }, 9, &mut silent).is_err());
}

#[test]
fn mini_batches_find_the_clusters_of_the_whole() {
    // Around (0, 0), (8, 0) and (0, 8), so that there is one answer to find.
    let mut values = clusters(3000, 2, 1, 12);
    for (i, row) in values.chunks_exact_mut(2).enumerate() {
        let shift = [[0.0, 0.0], [8.0, 0.0], [0.0, 8.0]][i % 3];
        row[0] += shift[0];
        row[1] += shift[1];
    }
    let data = GmmData::new(values, 2).unwrap();
    let config = config(3, Covariance::Full);
    let whole = fit(&data, &config, 1, &mut silent).unwrap().posterior;
    let mut model = start(&config, &data);
    let mut source = Shuffled::new(&data, 100, 1).unwrap();
    let steps = StochasticConfig {
        max_passes: 20,
        ..StochasticConfig::default()
    };
    stochastic(&mut model, &mut source, &steps, None, &mut silent).unwrap();
    // The same start, hence the same labels; a mean of 1000 rows has a standard error of 0.04.
    let pairs = model
        .posterior()
        .means()
        .as_slice()
        .iter()
        .zip(whole.means().as_slice());
    for (a, b) in pairs {
        assert!((a - b).abs() < 0.2, "{a} is far from {b}");
    }
}

#[test]
fn arrays_hold_the_whole_posterior() {
    for covariance in TYPES {
        let posterior = fitted(covariance);
        let mut arrays = posterior.to_arrays();
        assert_eq!(GmmPosterior::from_arrays(&arrays).unwrap(), posterior);
        arrays.remove("means");
        assert!(GmmPosterior::from_arrays(&arrays).is_err());
    }
}

#[test]
fn draws_have_the_moments_of_q() {
    for covariance in TYPES {
        let posterior = fitted(covariance);
        let names = posterior.draw_names();
        let draws: Vec<Vec<f64>> = (0..4000)
            .map(|i| posterior.draw(&mut random::stream(3, "gmm/tests/draws", i)))
            .collect();
        assert!(draws.iter().all(|d| d.len() == names.len()));
        let check = |name: &str, truth: f64| {
            let at = names.iter().position(|n| n == name).unwrap();
            let column: Vec<f64> = draws.iter().map(|d| d[at]).collect();
            Estimate::from_draws(&column).assert_agrees(&format!("{covariance} {name}"), 3, truth);
        };
        check("weights.2", posterior.weights()[1]);
        check("means.3.2", posterior.means()[(2, 1)]);
        // E[Λ⁻¹]: V/(ν − D − 1), per coordinate V/(ν − 2), or DV/(Dν − 2).
        let nu = posterior.degrees_of_freedom()[(0, 0)];
        let v = nu * posterior.covariance(0)[(1, 1)];
        match covariance {
            Covariance::Full => check("covariances.1.2.2", v / (nu - 3.0)),
            Covariance::Tied => check("covariance.2.2", v / (nu - 3.0)),
            Covariance::Diagonal => check("covariances.1.2", v / (nu - 2.0)),
            Covariance::Spherical => check("covariances.1", 2.0 * v / (2.0 * nu - 2.0)),
        }
    }
}

#[test]
fn settings_out_of_range_say_what_to_give() {
    let data = data();
    let message = |config: GmmConfig| fit(&data, &config, 1, &mut silent).unwrap_err().to_string();
    let base = || GmmConfig::new(3);
    assert!(message(GmmConfig::new(121)).contains("only 120 rows"));
    assert!(message(GmmConfig::new(0)).contains("n_components"));
    let cases = [
        (
            "weight_concentration",
            GmmConfig {
                weight_concentration: Some(0.0),
                ..base()
            },
        ),
        (
            "mean_precision",
            GmmConfig {
                mean_precision: f64::NAN,
                ..base()
            },
        ),
        (
            "mean_prior",
            GmmConfig {
                mean: Some(vec![0.0]),
                ..base()
            },
        ),
        (
            "degrees_of_freedom_prior",
            GmmConfig {
                degrees_of_freedom: Some(1.0),
                ..base()
            },
        ),
        (
            "covariance_prior",
            GmmConfig {
                covariance_prior: Some(vec![1.0]),
                ..base()
            },
        ),
        (
            "prior covariance",
            GmmConfig {
                covariance_prior: Some(vec![1.0, 2.0, 2.0, 1.0]),
                ..base()
            },
        ),
        (
            "n_restarts",
            GmmConfig {
                n_restarts: 0,
                ..base()
            },
        ),
        (
            "responsibilities",
            GmmConfig {
                start: Start::Responsibilities(vec![0.5; 360]),
                ..base()
            },
        ),
        (
            "responsibilities",
            GmmConfig {
                start: Start::Responsibilities(vec![1.0]),
                ..base()
            },
        ),
    ];
    for (word, config) in cases {
        let message = message(config);
        assert!(message.contains(word), "{message}");
    }
}

#[test]
fn columns_that_cannot_be_modelled_are_named() {
    let fit = |values: Vec<f64>| {
        fit(
            &GmmData::new(values, 2).unwrap(),
            &GmmConfig::new(1),
            1,
            &mut silent,
        )
    };
    let constant = fit((0..20)
        .map(|i| if i % 2 == 0 { f64::from(i) } else { 7.0 })
        .collect());
    assert!(
        constant
            .unwrap_err()
            .to_string()
            .contains("column 2 is constant")
    );
    // The second column is twice the first.
    let copies = fit((0..20)
        .map(|i| f64::from(i / 2) * f64::from(1 + i % 2))
        .collect());
    assert!(
        copies
            .unwrap_err()
            .to_string()
            .contains("column 2 is a combination")
    );
    let empty = fit((0..20)
        .map(|i| if i % 2 == 0 { f64::from(i) } else { f64::NAN })
        .collect());
    assert!(
        empty
            .unwrap_err()
            .to_string()
            .contains("column 2: every entry is missing")
    );
    let single = fit(vec![1.0, 2.0]);
    assert!(single.unwrap_err().to_string().contains("no variance"));
    let huge = fit((0..20).map(|i| 1e200 * f64::from(i)).collect());
    assert!(huge.unwrap_err().to_string().contains("overflows"));
}

#[test]
fn fewer_distinct_rows_than_components_leave_components_empty() {
    let values =
        (0..40).flat_map(|i| [f64::from(i % 2), f64::from(i % 2) * 2.0 + f64::from(i % 4)]);
    let data = GmmData::new(values.collect(), 2).unwrap();
    let fit = fit(&data, &GmmConfig::new(8), 1, &mut silent).unwrap();
    assert!(fit.posterior.n_effective_components() <= 4);
}

#[test]
fn mini_batches_stop_on_the_density_of_rows_kept_back() {
    let all = GmmData::new(clusters(900, 2, 3, 21), 2).unwrap();
    let (back, kept): (Vec<usize>, Vec<usize>) = (0..900).partition(|i| i % 9 == 0);
    let (data, heldout) = (all.gather(&kept), all.gather(&back));
    let config = config(3, Covariance::Full);
    let steps = StochasticConfig::default();
    let fit_batch = fit;
    let fit = fit_stochastic(&data, Some(&heldout), &config, 100, &steps, 1, &mut silent).unwrap();
    assert!(fit.outcome.converged());
    let last = fit.outcome.trace.last().unwrap().heldout.unwrap();
    let densities = fit.posterior.log_predictive_density(&heldout).unwrap();
    assert_close(
        "last density",
        last,
        heldout.weighted_mean(&densities),
        1e-12,
    );
    let batch = fit_batch(&data, &config, 1, &mut silent).unwrap();
    let exact = batch.posterior.log_predictive_density(&heldout).unwrap();
    // Steps that have shrunk to a few per cent leave parameters, and densities, as close.
    assert!(
        (last - heldout.weighted_mean(&exact)).abs() < 0.02,
        "{last}"
    );
}
