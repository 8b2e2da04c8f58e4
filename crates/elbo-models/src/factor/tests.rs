//! The model against its naive twin, the claims of conformance, coverage, and edges.

use std::ops::ControlFlow;

use elbo_math::linalg::Matrix;
use elbo_math::parallel::with_threads;
use elbo_math::random::stream;

use super::model::FactorModel;
use super::naive::{Naive, NaiveRow};
use super::*;
use crate::conformance::{self, assert_close};
use crate::driver::{
    CoordinateAscentConfig, Gather, Shuffled, StochasticConfig, Whole, coordinate_ascent, silent,
};
use crate::{ConjugateModel, ModelError, Posterior};

fn small(rank: usize) -> Generated {
    generate(&GenerateConfig::new(40, 25, 400, rank), 1).unwrap()
}

fn config(rank: usize) -> FactorConfig {
    FactorConfig {
        rank,
        precision: Precision::Double,
        ascent: CoordinateAscentConfig {
            max_iters: 30,
            ..CoordinateAscentConfig::default()
        },
        ..FactorConfig::default()
    }
}

/// Rank and shapes that between them take every path.
const VARIANTS: [(usize, RowCovariance, PriorShape, NoiseShape); 6] = [
    (3, RowCovariance::Full, PriorShape::Full, NoiseShape::Shared),
    (
        3,
        RowCovariance::Full,
        PriorShape::Full,
        NoiseShape::PerUser,
    ),
    (
        2,
        RowCovariance::Diagonal,
        PriorShape::Diagonal,
        NoiseShape::Shared,
    ),
    (
        2,
        RowCovariance::Diagonal,
        PriorShape::Full,
        NoiseShape::PerUser,
    ),
    (
        4,
        RowCovariance::Full,
        PriorShape::Isotropic,
        NoiseShape::Shared,
    ),
    (0, RowCovariance::Full, PriorShape::Full, NoiseShape::Shared),
];

fn variance(ratings: &Ratings) -> f64 {
    ratings.sum_squares(ratings.mean()) / ratings.n_ratings() as f64
}

fn model<T: kernel::Real>(ratings: &Ratings, config: &FactorConfig) -> FactorModel<T> {
    FactorModel::start(
        config,
        ratings.n_items(),
        ratings.mean(),
        variance(ratings),
        7,
    )
    .unwrap()
}

/// Every number that defines `q` and the hyperparameters.
fn parameters(model: &FactorModel<f64>) -> Vec<f64> {
    let dof = model.noise_dof.unwrap_or(0.0);
    let mut out = vec![model.mu, model.mu_variance, model.noise, dof];
    out.extend_from_slice(model.items.records.as_slice());
    out.extend_from_slice(model.user_prior.covariance.as_slice());
    out.extend_from_slice(model.item_prior.covariance.as_slice());
    out
}

fn thirds(ratings: &Ratings) -> Vec<Ratings> {
    let n = ratings.n_users();
    [0..n / 3, n / 3..n / 2, n / 2..n]
        .map(|range| ratings.gather(&range.collect::<Vec<_>>()))
        .into()
}

#[test]
fn model_keeps_the_claims_of_conjugate_models() {
    for (rank, covariance, prior, noise) in VARIANTS {
        let data = small(rank).ratings;
        let config = FactorConfig {
            covariance,
            prior,
            noise,
            ..config(rank)
        };
        conformance::check(
            &model::<f64>(&data, &config),
            &data,
            thirds(&data),
            parameters,
        );
    }
}

/// The twin in the state of a model.
fn twin(model: &FactorModel<f64>, ratings: &Ratings, shape: PriorShape) -> Naive {
    let dim = model.layout.dim;
    let mut items = Vec::new();
    let n_items = ratings.n_items();
    model
        .items
        .for_each(model.layout, model.diagonal, 0..n_items, |_, w, lane| {
            let packed: Vec<f64> = w.covariance(lane).collect();
            items.push(NaiveRow {
                mean: w.mean(lane).collect(),
                covariance: Matrix::from_fn(dim, dim, |p, q| {
                    packed[p.max(q) * (p.max(q) + 1) / 2 + p.min(q)]
                }),
            });
        })
        .unwrap();
    let unknown = NaiveRow {
        mean: vec![0.0; dim],
        covariance: Matrix::identity(dim),
    };
    Naive {
        triplets: ratings
            .triplets()
            .map(|(u, i, y)| (u as usize, i as usize, f64::from(y)))
            .collect(),
        diagonal: model.diagonal,
        shape,
        mu: model.mu + model.offset,
        mu_variance: model.mu_variance,
        mu_sd: model.mu_sd,
        noise: model.noise,
        dof: model.noise_dof,
        weights: vec![(1.0, 1.0); ratings.n_users()],
        user_prior: model.user_prior.covariance.clone(),
        item_prior: model.item_prior.covariance.clone(),
        users: vec![unknown; ratings.n_users()],
        items,
    }
}

#[test]
fn elbo_and_updates_agree_with_plain_loops() {
    for (rank, covariance, prior, noise) in VARIANTS {
        let data = small(rank).ratings;
        let config = FactorConfig {
            covariance,
            prior,
            noise,
            ..config(rank)
        };
        let mut fast = model::<f64>(&data, &config);
        let mut naive = twin(&fast, &data, prior);
        for _ in 0..5 {
            let mut statistics = fast.zero_statistics();
            let bound = fast.local_step(&data, &mut statistics).unwrap();
            naive.update_users();
            let elbo = bound + fast.global_bound(&statistics);
            assert_close([elbo], [naive.elbo()], 1e-8, "elbo");
            fast.global_step(&statistics, 1.0).unwrap();
            naive.update_items();
            naive.update_mu();
            fast.update_hyperparameters(&statistics, 1.0).unwrap();
            naive.update_hyperparameters();
            let copy = twin(&fast, &data, prior);
            assert_close(numbers(&copy), numbers(&naive), 1e-8, "parameters");
        }
    }
}

fn numbers(naive: &Naive) -> Vec<f64> {
    let dof = naive.dof.unwrap_or(0.0);
    let mut out = vec![naive.mu, naive.mu_variance, naive.noise, dof];
    out.extend_from_slice(naive.user_prior.as_slice());
    out.extend_from_slice(naive.item_prior.as_slice());
    for item in &naive.items {
        out.extend_from_slice(&item.mean);
        out.extend_from_slice(item.covariance.as_slice());
    }
    out
}

#[test]
fn rounded_moments_do_not_lower_the_elbo() {
    // Small data, where roundings average out the least.
    let data = generate(&GenerateConfig::new(300, 60, 9000, 4), 2)
        .unwrap()
        .ratings;
    let mut model = model::<f32>(&data, &config(4));
    let ascent = CoordinateAscentConfig {
        max_iters: 150,
        rel_tol: 0.0,
        ..CoordinateAscentConfig::default()
    };
    let mut source = Whole::new(&data, data.n_users());
    let outcome = coordinate_ascent(&mut model, &mut source, &ascent, &mut silent).unwrap();
    let fall = outcome.largest_relative_decrease();
    assert!(fall <= 1e-9, "the ELBO fell by {fall:e} of its size");
}

#[test]
fn single_precision_reaches_the_same_elbo() {
    let data = generate(&GenerateConfig::new(200, 80, 4000, 3), 3)
        .unwrap()
        .ratings;
    let elbo = |precision| {
        let config = FactorConfig {
            precision,
            ..config(3)
        };
        fit(&data, &config, 1, &mut silent).unwrap().outcome.elbo
    };
    // 30 iterations from the same start: rounding may grow a little, not more.
    let (single, double) = (elbo(Precision::Single), elbo(Precision::Double));
    assert_close([single], [double], 1e-5, "elbo");
}

/// Splits off every tenth rating.
fn split(data: &Ratings) -> (Ratings, Vec<(u32, u32, f32)>) {
    let (mut kept, mut held) = (Vec::new(), Vec::new());
    for (k, t) in data.triplets().enumerate() {
        if k % 10 == 3 {
            held.push(t);
        } else {
            kept.push(t);
        }
    }
    let users: Vec<u32> = kept.iter().map(|t| t.0).collect();
    let items: Vec<u32> = kept.iter().map(|t| t.1).collect();
    let values: Vec<f32> = kept.iter().map(|t| t.2).collect();
    let train =
        Ratings::from_triplets(data.n_users(), data.n_items(), &users, &items, &values).unwrap();
    (train, held)
}

#[test]
fn ninety_percent_intervals_cover_ninety_percent_of_simulated_ratings() {
    for (rank, seed, noise) in [
        (0, 4, NoiseShape::Shared),
        (3, 5, NoiseShape::Shared),
        (10, 6, NoiseShape::Shared),
        // More general than the truth, which it must find out.
        (3, 5, NoiseShape::PerUser),
    ] {
        let data = generate(&GenerateConfig::new(600, 300, 40_000, rank), seed).unwrap();
        let (train, held) = split(&data.ratings);
        let config = FactorConfig {
            rank,
            noise,
            ..FactorConfig::default()
        };
        let fitted = fit(&train, &config, 1, &mut silent).unwrap().posterior;
        let triplets = held
            .iter()
            .map(|t| (Some(t.0 as usize), Some(t.1 as usize), f64::from(t.2)));
        let score = fitted.heldout(triplets).unwrap();
        assert!(
            (0.88..=0.92).contains(&score.coverage_90),
            "rank {rank}: {score:?}"
        );
        // Nobody predicts better than the noise, and what is left unknown is a small part of it.
        assert!(
            score.rmse < 1.25 * data.noise_rmse,
            "rank {rank}: {score:?}"
        );
    }
}

#[test]
fn fold_in_of_a_training_user_gives_the_training_posterior() {
    let data = small(3).ratings;
    for noise in [NoiseShape::Shared, NoiseShape::PerUser] {
        let config = FactorConfig { noise, ..config(3) };
        let fitted = fit(&data, &config, 1, &mut silent).unwrap().posterior;
        fold_in_agrees(&data, &fitted);
    }
}

fn fold_in_agrees(data: &Ratings, fitted: &FactorPosterior) {
    for user in [0, 7, 39] {
        let (items, values) = data.row(user);
        let folded = fitted.fold_in(items, values).unwrap();
        let kept = fitted.user(Some(user));
        assert_close(
            [fitted.predict_rows(&folded, &kept).sd],
            [fitted.predict_rows(&kept, &kept).sd],
            1e-5,
            "sd",
        );
        // Kept rows are rounded to single precision.
        assert_close(folded.mean(), kept.mean(), 1e-5, "mean");
        assert_close(
            folded.covariance().as_slice(),
            kept.covariance().as_slice(),
            1e-5,
            "covariance",
        );
    }
}

#[test]
fn prediction_has_the_moments_of_draws() {
    let data = small(2).ratings;
    let fitted = fit(&data, &config(2), 1, &mut silent).unwrap().posterior;
    let prediction = fitted.predict(Some(3), Some(5));
    let mut rng = stream(11, "tests/draws", 0);
    let n = 20_000;
    let draws: Vec<f64> = (0..n)
        .map(|_| {
            let d = fitted.draw_rows(&[3], &[5], &mut rng).unwrap();
            let (u, w) = (&d.users[0], &d.items[0]);
            d.mu + u[0] + w[0] + u[1] * w[1] + u[2] * w[2]
        })
        .collect();
    let mean = draws.iter().sum::<f64>() / f64::from(n);
    let squares: Vec<f64> = draws.iter().map(|d| (d - mean).powi(2)).collect();
    let variance = squares.iter().sum::<f64>() / f64::from(n);
    let mcse = (variance / f64::from(n)).sqrt();
    assert!((mean - prediction.mean).abs() < 5.0 * mcse);
    let spread = squares.iter().map(|s| (s - variance).powi(2)).sum::<f64>() / f64::from(n);
    let mcse = (spread / f64::from(n)).sqrt();
    assert!((variance - prediction.latent_sd.powi(2)).abs() < 5.0 * mcse);
}

#[test]
fn unknown_rows_fall_back_to_the_prior_with_wider_intervals() {
    let data = small(2).ratings;
    let fitted = fit(&data, &config(2), 1, &mut silent).unwrap().posterior;
    let user = (0..40).max_by_key(|u| data.row(*u).0.len()).unwrap();
    let known = fitted.predict(Some(user), Some(3));
    let new_item = fitted.predict(Some(user), None);
    let nobody = fitted.predict(None, None);
    assert!(known.sd < new_item.sd && new_item.sd < nobody.sd);
    let bias = fitted.user(Some(user)).mean()[0];
    assert_close(
        [new_item.mean, nobody.mean],
        [fitted.mu().0 + bias, fitted.mu().0],
        1e-12,
        "means",
    );
}

#[test]
fn recommendations_are_the_best_unseen_items() {
    let data = small(2).ratings;
    let fitted = fit(&data, &config(2), 1, &mut silent).unwrap().posterior;
    let (seen, _) = data.row(4);
    let got = fitted.recommend(&fitted.user(Some(4)), 5, seen);
    let mut all: Vec<(usize, f64)> = (0..25)
        .filter(|i| !seen.contains(&u32::try_from(*i).unwrap()))
        .map(|i| (i, fitted.predict(Some(4), Some(i)).mean))
        .collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1));
    let expected: Vec<usize> = all.iter().take(5).map(|a| a.0).collect();
    assert_eq!(got.iter().map(|r| r.item).collect::<Vec<_>>(), expected);
    assert_eq!(
        got[0].prediction,
        fitted.predict(Some(4), Some(expected[0]))
    );
}

#[test]
fn fits_survive_their_arrays() {
    let data = small(2).ratings;
    for (covariance, noise) in [
        (RowCovariance::Full, NoiseShape::Shared),
        (RowCovariance::Diagonal, NoiseShape::PerUser),
    ] {
        let config = FactorConfig {
            covariance,
            noise,
            ..config(2)
        };
        let fitted = fit(&data, &config, 1, &mut silent).unwrap().posterior;
        let arrays = fitted.to_arrays();
        assert_eq!(FactorPosterior::from_arrays(&arrays).unwrap(), fitted);
        let mut damaged = arrays;
        damaged.remove("item_means");
        assert!(FactorPosterior::from_arrays(&damaged).is_err());
    }
}

#[test]
fn threads_change_no_bit_of_a_fit() {
    let data = generate(&GenerateConfig::new(9000, 200, 60_000, 4), 8)
        .unwrap()
        .ratings;
    let run = |threads| {
        with_threads(threads, || {
            let config = FactorConfig {
                precision: Precision::Single,
                ascent: CoordinateAscentConfig {
                    max_iters: 3,
                    ..CoordinateAscentConfig::default()
                },
                ..config(4)
            };
            let fitted = fit(&data, &config, 1, &mut silent).unwrap();
            (fitted.outcome.elbo.to_bits(), fitted.posterior)
        })
    };
    let one = run(1);
    assert_eq!(one, run(2));
    assert_eq!(one, run(7));
}

#[test]
fn generated_data_do_not_depend_on_threads_and_have_the_asked_shape() {
    let config = GenerateConfig::new(700, 90, 9000, 3);
    let run = |threads| with_threads(threads, || generate(&config, 9).unwrap());
    let (one, two) = (run(1), run(2));
    assert_eq!(
        one.ratings.triplets().collect::<Vec<_>>(),
        two.ratings.triplets().collect::<Vec<_>>()
    );
    assert_eq!(one.ratings.n_ratings(), 9000);
    // Every pair observed is the hardest case for sampling without duplicates.
    let full = generate(&GenerateConfig::new(20, 10, 200, 1), 1).unwrap();
    assert_eq!(full.ratings.n_ratings(), 200);
}

#[test]
fn users_with_one_rating_and_unseen_items_are_fitted() {
    let users: Vec<u32> = (0..30).collect();
    let items: Vec<u32> = (0..30).map(|u| u % 4).collect();
    let values: Vec<f32> = (0..30u8).map(|u| f32::from(u % 5) + 1.0).collect();
    let data = Ratings::from_triplets(33, 6, &users, &items, &values).unwrap();
    let fitted = fit(&data, &config(2), 1, &mut silent).unwrap();
    assert!(fitted.outcome.largest_relative_decrease() <= 1e-9);
    let prediction = fitted.posterior.predict(Some(32), Some(5));
    assert!(prediction.mean.is_finite() && prediction.sd.is_finite());
}

#[test]
fn mini_batches_approach_the_fit_of_all_data() {
    let data = generate(&GenerateConfig::new(400, 50, 8000, 2), 10)
        .unwrap()
        .ratings;
    let whole = fit(&data, &config(2), 1, &mut silent).unwrap().outcome.elbo;
    let mut source = Shuffled::new(&data, 100, 3).unwrap();
    let steps = StochasticConfig {
        max_passes: 60,
        ..StochasticConfig::default()
    };
    let fitted = fit_stochastic(&mut source, 50, &config(2), &steps, None, 1, &mut silent).unwrap();
    let elbo = fitted.outcome.elbo;
    // Both ascend the same bound; noise of the last steps leaves a little.
    assert!((elbo - whole).abs() < 0.01 * whole.abs(), "{elbo} {whole}");
}

#[test]
fn mini_batches_stop_on_the_density_of_ratings_kept_back() {
    let all = generate(&GenerateConfig::new(200, 40, 4000, 2), 12)
        .unwrap()
        .ratings;
    let (mut kept, mut back) = (Vec::new(), Vec::new());
    for user in 0..all.n_users() {
        let (items, values) = all.row(user);
        for (i, (item, value)) in items.iter().zip(values).enumerate() {
            let triplet = (u32::try_from(user).unwrap(), *item, *value);
            if i % 8 == 3 { &mut back } else { &mut kept }.push(triplet);
        }
    }
    let column = |f: fn(&(u32, u32, f32)) -> u32| kept.iter().map(f).collect::<Vec<u32>>();
    let values: Vec<f32> = kept.iter().map(|t| t.2).collect();
    let data =
        Ratings::from_triplets(200, 40, &column(|t| t.0), &column(|t| t.1), &values).unwrap();
    let mut source = Shuffled::new(&data, 50, 3).unwrap();
    let steps = StochasticConfig::default();
    let judges = HeldoutRatings::new(&data, back.clone());
    let observer = &mut silent;
    let fitted = fit_stochastic(
        &mut source,
        40,
        &config(2),
        &steps,
        Some(&judges),
        1,
        observer,
    )
    .unwrap();
    assert!(fitted.outcome.converged());
    let triplets = back.iter();
    let triplets = triplets.map(|(u, i, y)| (Some(*u as usize), Some(*i as usize), f64::from(*y)));
    let scores = fitted.posterior.heldout(triplets).unwrap();
    // The users that are kept in the end are those that were solved for the density.
    let last = fitted.outcome.trace.last().unwrap().heldout.unwrap();
    assert_close(&[last], &[scores.log_density], 1e-9, "last density");
    let first = fitted.outcome.trace[0].heldout.unwrap();
    assert!(last > first, "{first} {last}");
}

#[test]
fn observers_can_stop_a_fit() {
    let data = small(1).ratings;
    let stopped = fit(&data, &config(1), 1, &mut |p| {
        if p.iteration == 3 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    })
    .unwrap();
    assert_eq!(stopped.outcome.iterations(), 3);
    assert!(!stopped.outcome.converged());
}

#[test]
fn unusable_input_is_refused_with_its_place() {
    let message = |result: Result<Ratings, ModelError>| result.unwrap_err().to_string();
    let nan = Ratings::from_triplets(2, 2, &[0, 1], &[0, 1], &[1.0, f32::NAN]);
    assert!(message(nan).contains("user 1"));
    let twice = Ratings::from_triplets(2, 2, &[0, 0], &[1, 1], &[1.0, 2.0]);
    assert!(message(twice).contains("twice"));
    let item = Ratings::from_triplets(2, 2, &[0], &[2], &[1.0]);
    assert!(message(item).contains("item 2"));
    let user = Ratings::from_triplets(2, 2, &[5], &[0], &[1.0]);
    assert!(message(user).contains("user 5"));
    let empty = Ratings::from_triplets(2, 2, &[], &[], &[]).unwrap();
    assert!(fit(&empty, &config(1), 1, &mut silent).is_err());
    let data = small(1).ratings;
    assert!(fit(&data, &config(10_000), 1, &mut silent).is_err());
}

#[test]
fn a_warm_start_goes_on_where_the_earlier_fit_ended() {
    let data = small(3).ratings;
    for noise in [NoiseShape::Shared, NoiseShape::PerUser] {
        let mut config = FactorConfig { noise, ..config(3) };
        let first = fit(&data, &config, 1, &mut silent).unwrap();
        let reversed: Vec<Option<usize>> = (0..25).rev().map(Some).collect();
        let there_and_back = first.posterior.with_items(&reversed).with_items(&reversed);
        config.warm_start = Some(Box::new(there_and_back));
        config.ascent.max_iters = 1;
        let second = fit(&data, &config, 2, &mut silent).unwrap();
        // Means and covariances of items were kept in single precision.
        let (before, after) = (first.outcome.elbo, second.outcome.elbo);
        assert!(
            (after - before).abs() < 1e-5 * before.abs(),
            "{before} → {after}"
        );
    }
}

#[test]
fn a_warm_start_of_another_rank_is_refused() {
    let data = small(2).ratings;
    let earlier = fit(&data, &config(2), 1, &mut silent).unwrap().posterior;
    let config = FactorConfig {
        warm_start: Some(Box::new(earlier)),
        ..config(3)
    };
    let error = fit(&data, &config, 1, &mut silent).unwrap_err();
    assert!(error.to_string().contains("rank 2"), "{error}");
}
