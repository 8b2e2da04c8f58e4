//! Missing entries against integrals over them.

use elbo_math::special::{LN_2PI, digamma};
use elbo_testkit::{assert_all_close, assert_close, integrate};

use super::*;
use crate::driver::silent;

/// A fitted model on complete rows, and one further row with gaps.
fn fitted(covariance: Covariance) -> GmmModel {
    let data = GmmData::new(clusters(60, 3, 2, 7), 3).unwrap();
    GmmModel::new(
        fit(&data, &config(2, covariance), 1, &mut silent)
            .unwrap()
            .posterior,
    )
    .unwrap()
}

/// Local bound and statistics of one complete row.
fn complete(model: &GmmModel, row: &[f64]) -> (f64, Vec<f64>) {
    let mut statistics = model.zero_statistics();
    let data = GmmData::new(row.to_vec(), 3).unwrap();
    let bound = model.local_step(&data, &mut statistics).unwrap();
    (bound, crate::Statistics::as_slice(&statistics).to_vec())
}

#[test]
fn with_full_matrices_bound_and_statistics_are_integrals_over_what_is_missing() {
    for covariance in [Covariance::Full, Covariance::Tied] {
        let model = fitted(covariance);
        // One and two entries missing; the box is 20 units wide around the data, far into the tails.
        for (observed, gaps) in [(vec![0, 2], vec![1]), (vec![1], vec![0, 2])] {
            let centre = model.posterior().means().row(0).to_vec();
            let base = [centre[0] + 0.4, centre[1] - 0.7, centre[2] + 0.2];
            let mut row = base;
            for j in &gaps {
                row[*j] = f64::NAN;
            }
            assert_eq!(observed.len() + gaps.len(), 3);
            let (bound, statistics) = complete(&model, &row);

            let fill = |x: &[f64]| {
                let mut row = base;
                gaps.iter()
                    .zip(x)
                    .for_each(|(j, v)| row[*j] = centre[*j] + v);
                row
            };
            // exp of a complete row's bound is Σ_k exp E[log p(x, z = k)]: its integral is the
            // marginal's, and its mean statistics are the expected ones.
            let points = if gaps.len() == 1 { 2001 } else { 241 };
            let mut sums = vec![0.0; statistics.len() + 1];
            let total = integrate(gaps.len(), 24.0, points, |x| {
                let (bound, statistics) = complete(&model, &fill(x));
                for (sum, s) in sums.iter_mut().zip(statistics.iter().chain([&1.0])) {
                    *sum += bound.exp() * s;
                }
                bound.exp()
            });
            assert_close("bound", bound, total.ln(), 1e-9);
            let mass = sums[statistics.len()];
            let expected: Vec<f64> = sums[..statistics.len()].iter().map(|s| s / mass).collect();
            assert_all_close("statistics", &statistics, &expected, 1e-8);
        }
    }
}

#[test]
fn with_independent_coordinates_a_missing_entry_is_a_factor_less() {
    for covariance in [Covariance::Diagonal, Covariance::Spherical] {
        let model = fitted(covariance);
        let p = model.posterior();
        let row = [p.means()[(0, 0)] + 0.4, f64::NAN, p.means()[(1, 2)] - 0.3];
        let (bound, statistics) = complete(&model, &row);
        let total: f64 = p.concentration().iter().sum();
        let log_rho: Vec<f64> = (0..2)
            .map(|k| {
                let shape = |j: usize| match covariance {
                    Covariance::Spherical => 1.5 * p.degrees_of_freedom()[(k, j)],
                    _ => 0.5 * p.degrees_of_freedom()[(k, j)],
                };
                let factor = |j: usize| {
                    let mean = p.covariance(k)[(j, j)].recip();
                    let log = digamma(shape(j)) - (shape(j) / mean).ln();
                    let distance = mean * (row[j] - p.means()[(k, j)]).powi(2);
                    0.5 * (log - LN_2PI - p.mean_precision()[(k, j)].recip() - distance)
                };
                digamma(p.concentration()[k]) - digamma(total) + factor(0) + factor(2)
            })
            .collect();
        let sum = elbo_math::log_space::log_sum_exp(&log_rho);
        assert_close("bound", bound, sum, 1e-12);
        for (k, part) in statistics.chunks_exact(statistics.len() / 2).enumerate() {
            let r = (log_rho[k] - sum).exp();
            let d = |j: usize| r * (row[j] - p.means()[(k, j)]);
            let squares = |j: usize| d(j) * d(j) / r;
            let expected = [r, d(0), 0.0, d(2), squares(0), 0.0, squares(2), 0.0, r, 0.0];
            assert_all_close("statistics", part, &expected, 1e-10);
        }
    }
}

#[test]
fn a_column_that_is_mostly_missing_keeps_the_uncertainty_of_what_is_there() {
    // 400 rows of one cluster, the second column there in 20: its mean's sd is that of 20 rows.
    let mut values = clusters(400, 2, 1, 11);
    for (i, row) in values.chunks_exact_mut(2).enumerate() {
        if i % 20 != 0 {
            row[1] = f64::NAN;
        }
    }
    let few: Vec<f64> = values
        .chunks_exact(2)
        .map(|r| r[1])
        .filter(|x| !x.is_nan())
        .collect();
    let prior = GmmConfig {
        mean: Some(vec![0.0; 2]),
        covariance_prior: Some(vec![1.0; 2]),
        degrees_of_freedom: Some(2.0),
        ..config(1, Covariance::Diagonal)
    };
    let alone = GmmConfig {
        mean: Some(vec![0.0]),
        covariance_prior: Some(vec![1.0]),
        ..prior.clone()
    };
    let fit = |values, dim, config: &GmmConfig| {
        let data = GmmData::new(values, dim).unwrap();
        fit(&data, config, 1, &mut silent).unwrap().posterior
    };
    let (both, one) = (fit(values, 2, &prior), fit(few, 1, &alone));
    assert_close("β", both.mean_precision()[(0, 1)], 21.0, 1e-12);
    assert_close(
        "β",
        both.mean_precision()[(0, 1)],
        one.mean_precision()[(0, 0)],
        1e-12,
    );
    assert_close(
        "ν",
        both.degrees_of_freedom()[(0, 1)],
        one.degrees_of_freedom()[(0, 0)],
        1e-12,
    );
    assert_close("mean", both.means()[(0, 1)], one.means()[(0, 0)], 1e-12);
    assert_close(
        "V/ν",
        both.covariance(0)[(1, 1)],
        one.covariance(0)[(0, 0)],
        1e-12,
    );
}

#[test]
fn predictive_density_of_a_row_with_gaps_is_the_marginal() {
    for covariance in TYPES {
        let posterior = fitted(covariance).into_posterior();
        let density = |row: Vec<f64>| {
            let data = GmmData::new(row, 3).unwrap();
            posterior.log_predictive_density(&data).unwrap()[0]
        };
        let m = posterior.means().row(0).to_vec();
        let marginal = density(vec![m[0] + 0.3, f64::NAN, m[2] - 0.5]);
        // Student-t tails with 60 degrees of freedom are negligible 60 units out.
        let whole = integrate(1, 60.0, 6001, |x| {
            density(vec![m[0] + 0.3, m[1] + x[0], m[2] - 0.5]).exp()
        });
        assert_close("marginal", marginal, whole.ln(), 1e-9);
    }
}

#[test]
fn a_pattern_does_not_depend_on_the_order_of_rows() {
    let values = with_gaps(clusters(50, 3, 2, 8), 3, 3, 8);
    let data = GmmData::new(values.clone(), 3).unwrap();
    let reversed: Vec<f64> = values.chunks_exact(3).rev().flatten().copied().collect();
    let posterior = fit(&data, &config(2, Covariance::Full), 1, &mut silent)
        .unwrap()
        .posterior;
    let forward = posterior.responsibilities(&data).unwrap();
    let backward = posterior
        .responsibilities(&GmmData::new(reversed, 3).unwrap())
        .unwrap();
    let restored: Vec<f64> = backward.chunks_exact(2).rev().flatten().copied().collect();
    assert_all_close("responsibilities", &restored, &forward, 1e-12);
}

#[test]
fn entries_missing_at_random_leave_the_means_near_those_of_complete_data() {
    let complete = clusters(1200, 3, 2, 9);
    let gaps = with_gaps(complete.clone(), 3, 8, 9);
    let fit = |values| {
        let data = GmmData::new(values, 3).unwrap();
        fit(&data, &config(2, Covariance::Full), 1, &mut silent)
            .unwrap()
            .posterior
    };
    let (complete, gaps) = (fit(complete), fit(gaps));
    // Means of 600 unit-variance rows have a standard error of 0.05; an eighth of them is lost.
    for (a, b) in gaps
        .means()
        .as_slice()
        .iter()
        .zip(complete.means().as_slice())
    {
        assert!((a - b).abs() < 0.1, "{a} is far from {b}");
    }
}
