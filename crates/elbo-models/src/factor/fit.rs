//! Fits the model: biases alone first, then with factors, then one more pass for the users.

use std::ops::ControlFlow;

use elbo_math::parallel;

use super::config::{FactorConfig, Precision};
use super::kernel::{LANES, Real};
use super::layout::Layout;
use super::model::FactorModel;
use super::posterior::{FactorPosterior, Rows};
use super::ratings::Ratings;
use crate::driver::{
    BatchSource, CoordinateAscentConfig, Gather, Heldout, Observer, StochasticConfig, Whole,
    coordinate_ascent, silent, stochastic,
};
use crate::{Fit, ModelError};

/// Bytes of items' moments up to which [`Precision::Auto`] keeps double precision.
const DOUBLE_BYTES: usize = 1 << 20;
/// Users per parallel task of the last pass.
const CHUNK: usize = 8 * LANES;

/// Fits ratings in memory by coordinate ascent.
///
/// # Errors
/// Wrong settings, no ratings, or a numerical failure.
pub fn fit(
    ratings: &Ratings,
    config: &FactorConfig,
    seed: u64,
    observer: &mut Observer<'_>,
) -> Result<Fit<FactorPosterior>, ModelError> {
    let mut source = Whole::new(ratings, ratings.n_users());
    fit_source(&mut source, ratings.n_items(), config, seed, observer)
}

/// Fits ratings that are read batch by batch, users in blocks, by coordinate ascent.
///
/// `source.n_total()` is the number of users, and every batch names its users' indices. Memory is
/// bounded by a batch, the items' moments and sums, and what is kept of the users.
///
/// # Errors
/// Wrong settings, no ratings, unreadable batches, or a numerical failure.
pub fn fit_source<S: BatchSource<Batch = Ratings>>(
    source: &mut S,
    n_items: usize,
    config: &FactorConfig,
    seed: u64,
    observer: &mut Observer<'_>,
) -> Result<Fit<FactorPosterior>, ModelError> {
    let steps = Steps::Ascent(&config.ascent);
    fit_by(source, n_items, config, &steps, seed, observer)
}

/// Fits by natural-gradient steps after every batch of users, such as those of
/// [`Shuffled`](crate::driver::Shuffled) ratings.
///
/// `config.ascent` still bounds the passes with biases alone; the outcome's ELBO is an estimate. The
/// fit ends when the predictive density of `heldout` ratings, or without any the ELBO, no longer
/// rises.
///
/// # Errors
/// Wrong settings, no ratings, unreadable batches, or a numerical failure.
pub fn fit_stochastic<S: BatchSource<Batch = Ratings>>(
    source: &mut S,
    n_items: usize,
    config: &FactorConfig,
    steps: &StochasticConfig,
    heldout: Option<&HeldoutRatings>,
    seed: u64,
    observer: &mut Observer<'_>,
) -> Result<Fit<FactorPosterior>, ModelError> {
    let steps = Steps::Stochastic(steps, heldout);
    fit_by(source, n_items, config, &steps, seed, observer)
}

/// The driver that does the work.
enum Steps<'a> {
    Ascent(&'a CoordinateAscentConfig),
    Stochastic(&'a StochasticConfig, Option<&'a HeldoutRatings>),
}

/// Ratings kept back from a fit, with the fitted ratings of the same users.
#[derive(Debug, Clone)]
pub struct HeldoutRatings {
    n_users: usize,
    others: Ratings,
    triplets: Vec<(u32, u32, f32)>,
}

impl HeldoutRatings {
    /// Ratings `(user, item, value)` kept back from those that are `fitted`, which hold every user.
    pub fn new(fitted: &Ratings, triplets: Vec<(u32, u32, f32)>) -> Self {
        let mut users: Vec<usize> = triplets.iter().map(|t| t.0 as usize).collect();
        users.sort_unstable();
        users.dedup();
        Self {
            n_users: fitted.n_users(),
            others: fitted.gather(&users),
            triplets,
        }
    }

    /// Their mean log predictive density under the current items.
    fn log_density<T: Real>(
        &self,
        model: &FactorModel<T>,
        config: &FactorConfig,
    ) -> Result<f64, ModelError> {
        let config = FactorConfig {
            keep_users: true,
            warm_start: None,
            ..config.clone()
        };
        let mut source = Whole::new(&self.others, self.n_users);
        let posterior = posterior(model, &mut source, &config)?;
        let triplets = self.triplets.iter();
        let triplets =
            triplets.map(|(u, i, y)| (Some(*u as usize), Some(*i as usize), f64::from(*y)));
        let scores = posterior.heldout(triplets);
        Ok(scores.map_or(f64::NAN, |s| s.log_density))
    }
}

fn fit_by<S: BatchSource<Batch = Ratings>>(
    source: &mut S,
    n_items: usize,
    config: &FactorConfig,
    steps: &Steps<'_>,
    seed: u64,
    observer: &mut Observer<'_>,
) -> Result<Fit<FactorPosterior>, ModelError> {
    config.check()?;
    let bytes = n_items * Layout::new(config.rank).width() * size_of::<f64>();
    let single = match config.precision {
        Precision::Auto => bytes > DOUBLE_BYTES,
        Precision::Single => true,
        Precision::Double => false,
    };
    if single {
        run::<f32, S>(source, n_items, config, steps, seed, observer)
    } else {
        run::<f64, S>(source, n_items, config, steps, seed, observer)
    }
}

fn run<T: Real, S: BatchSource<Batch = Ratings>>(
    source: &mut S,
    n_items: usize,
    config: &FactorConfig,
    steps: &Steps<'_>,
    seed: u64,
    observer: &mut Observer<'_>,
) -> Result<Fit<FactorPosterior>, ModelError> {
    let mut model = start::<T, S>(source, n_items, config, seed)?;
    let outcome = match steps {
        Steps::Ascent(ascent) => coordinate_ascent(&mut model, source, ascent, observer)?,
        Steps::Stochastic(steps, heldout) => {
            let density =
                heldout.map(|h| move |model: &FactorModel<T>| h.log_density(model, config));
            let density = density.as_ref().map(|f| f as &Heldout<'_, _>);
            stochastic(&mut model, source, steps, density, observer)?
        }
    };
    Ok(Fit {
        posterior: posterior(&model, source, config)?,
        outcome,
    })
}

/// The model at which coordinate ascent starts.
fn start<T: Real, S: BatchSource<Batch = Ratings>>(
    source: &mut S,
    n_items: usize,
    config: &FactorConfig,
    seed: u64,
) -> Result<FactorModel<T>, ModelError> {
    let summary = Summary::read(source)?;
    if let Some(earlier) = &config.warm_start {
        return FactorModel::resume(config, earlier, n_items, summary.mean, summary.variance());
    }
    let start =
        |config| FactorModel::start(config, n_items, summary.mean, summary.variance(), seed);
    if config.rank == 0 || config.bias_passes == 0 {
        return start(config);
    }
    let mut biases = start(&FactorConfig {
        rank: 0,
        ..config.clone()
    })?;
    let ascent = CoordinateAscentConfig {
        max_iters: config.bias_passes,
        ..config.ascent.clone()
    };
    coordinate_ascent(&mut biases, source, &ascent, &mut silent)?;
    biases.with_factors(config, seed)
}

/// The last pass, which solves the users once more and keeps them.
fn posterior<T: Real, S: BatchSource<Batch = Ratings>>(
    model: &FactorModel<T>,
    source: &mut S,
    config: &FactorConfig,
) -> Result<FactorPosterior, ModelError> {
    let n_users = if config.keep_users {
        source.n_total()
    } else {
        0
    };
    let mut users =
        Rows::at_prior(&model.user_prior, model.diagonal, n_users).with_noise(model.noise_dof);
    if config.keep_users {
        source.for_each(0, &mut |batch| {
            keep_users(model, batch, &mut users)?;
            Ok(ControlFlow::Continue(()))
        })?;
    }
    Ok(FactorPosterior {
        layout: model.layout,
        diagonal: model.diagonal,
        mu: model.mu + model.offset,
        mu_variance: model.mu_variance,
        noise: model.noise,
        noise_dof: model.noise_dof,
        user_prior: model.user_prior.clone(),
        item_prior: model.item_prior.clone(),
        users,
        items: item_rows(model)?,
    })
}

fn keep_users<T: Real>(
    model: &FactorModel<T>,
    batch: &Ratings,
    users: &mut Rows,
) -> Result<(), ModelError> {
    let chunks = parallel::map_chunks(batch.n_users(), CHUNK, |rows| {
        let mut kept = Rows::at_prior(&model.user_prior, model.diagonal, rows.len())
            .with_noise(model.noise_dof);
        let first = rows.start;
        model.solve_users(batch, rows, |user| {
            let (workspace, lane) = (user.workspace, user.lane);
            let row = user.row - first;
            kept.set(row, workspace.mean(lane), workspace.covariance(lane));
            kept.set_weight(row, user.weight);
        })?;
        Ok(kept)
    });
    for (c, chunk) in chunks.into_iter().enumerate() {
        let chunk = chunk?;
        for k in 0..chunk.len() {
            let user = batch.users()[c * CHUNK + k] as usize;
            if user >= users.len() {
                return Err(ModelError::data(format!(
                    "user {user} is out of range: there are {}",
                    users.len()
                )));
            }
            users.copy_row(user, &chunk, k);
        }
    }
    Ok(())
}

fn item_rows<T: Real>(model: &FactorModel<T>) -> Result<Rows, ModelError> {
    let n_items = model.items.len(model.layout);
    let mut items = Rows::at_prior(&model.item_prior, model.diagonal, n_items);
    let chunks = parallel::map_chunks(n_items, CHUNK, |range| {
        let mut kept = Rows::at_prior(&model.item_prior, model.diagonal, range.len());
        let first = range.start;
        model
            .items
            .for_each(model.layout, model.diagonal, range, |j, workspace, lane| {
                kept.set(j - first, workspace.mean(lane), workspace.covariance(lane));
            })?;
        Ok(kept)
    });
    for (c, chunk) in chunks.into_iter().enumerate() {
        let chunk: Rows = chunk?;
        for k in 0..chunk.len() {
            items.copy_row(c * CHUNK + k, &chunk, k);
        }
    }
    Ok(items)
}

/// Number, mean and spread of all ratings.
#[derive(Debug, Default)]
struct Summary {
    n: f64,
    mean: f64,
    squares: f64,
}

impl Summary {
    fn read<S: BatchSource<Batch = Ratings>>(source: &mut S) -> Result<Self, ModelError> {
        let mut all = Self::default();
        source.for_each(0, &mut |batch| {
            let n = batch.n_ratings() as f64;
            if n > 0.0 {
                let mean = all.mean + (batch.mean() - all.mean) * n / (all.n + n);
                all.squares += batch.sum_squares(mean) + all.n * (all.mean - mean).powi(2);
                (all.n, all.mean) = (all.n + n, mean);
            }
            Ok(ControlFlow::Continue(()))
        })?;
        if all.n == 0.0 {
            return Err(ModelError::data("there are no ratings to fit"));
        }
        Ok(all)
    }

    fn variance(&self) -> f64 {
        self.squares / self.n
    }
}
