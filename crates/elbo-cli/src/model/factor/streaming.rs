//! Fitting ratings that do not fit into memory: users pass by in blocks, items stay.

use elbo::models::driver::{BatchSource, Visit};
use elbo::models::factor::{self, FactorConfig, FactorPosterior, Heldout, Prediction, Ratings};
use elbo::models::{Fit, ModelError};
use elbo_data::ratings::{Grouped, RatingsStore, UserBatch};

use crate::command::fit::FitRun;
use crate::failure::Failure;

/// A store of ratings as the drivers read it.
struct Stream<'a>(&'a RatingsStore);

impl BatchSource for Stream<'_> {
    type Batch = Ratings;

    fn n_total(&self) -> usize {
        self.0.users().len()
    }

    fn for_each(&mut self, _pass: usize, visit: &mut Visit<'_, Ratings>) -> Result<(), ModelError> {
        let unreadable = |e| ModelError::Source(Box::new(e));
        for batch in self.0.batches().map_err(unreadable)? {
            let batch = for_model(batch.map_err(unreadable)?, self.0.items().len())?;
            if visit(&batch)?.is_break() {
                break;
            }
        }
        Ok(())
    }
}

fn for_model(batch: UserBatch, n_items: usize) -> Result<Ratings, ModelError> {
    Ratings::from_rows(
        n_items,
        batch.users,
        batch.row_starts,
        batch.items,
        batch.values,
    )
}

/// Fits what a store holds.
///
/// # Errors
/// Wrong settings, unreadable batches, or a numerical failure.
pub(super) fn fit(
    store: &RatingsStore,
    config: &FactorConfig,
    seed: u64,
    run: &mut FitRun<'_>,
) -> Result<Fit<FactorPosterior>, ModelError> {
    let n_items = store.items().len();
    factor::fit_source(&mut Stream(store), n_items, config, seed, &mut |p| {
        run.observe(p)
    })
}

/// Scores the ratings that the store has set aside, batch by batch; users who are not kept are
/// folded in from their other ratings.
///
/// # Errors
/// If the store cannot be read, or a numerical failure.
pub(super) fn heldout(
    store: &RatingsStore,
    posterior: &FactorPosterior,
) -> Result<Option<Heldout>, Failure> {
    let mut scores = Scores::default();
    for (kept, held_out) in store.batches()?.zip(store.held_out_batches()?) {
        let (kept, held_out) = (kept?, held_out?);
        for (row, user) in held_out.users.iter().enumerate() {
            let entries = held_out.row_starts[row]..held_out.row_starts[row + 1];
            if entries.is_empty() {
                continue;
            }
            let q = if posterior.n_users() > 0 {
                posterior.user(Some(*user as usize))
            } else {
                let others = kept.row_starts[row]..kept.row_starts[row + 1];
                posterior.fold_in(&kept.items[others.clone()], &kept.values[others])?
            };
            for entry in entries {
                let item = posterior.item(Some(held_out.items[entry] as usize));
                let rating = f64::from(held_out.values[entry]);
                scores.add(&posterior.predict_rows(&q, &item), rating)?;
            }
        }
    }
    Ok(scores.finish())
}

/// Sums over held-out ratings.
#[derive(Default)]
struct Scores {
    n: usize,
    squares: f64,
    log_density: f64,
    inside: usize,
}

impl Scores {
    fn add(&mut self, prediction: &Prediction, rating: f64) -> Result<(), ModelError> {
        let (lower, upper) = prediction.interval(0.9)?;
        self.n += 1;
        self.squares += (rating - prediction.mean).powi(2);
        self.log_density += prediction.log_density(rating);
        self.inside += usize::from((lower..=upper).contains(&rating));
        Ok(())
    }

    fn finish(self) -> Option<Heldout> {
        let n = self.n as f64;
        (self.n > 0).then(|| Heldout {
            n: self.n,
            rmse: (self.squares / n).sqrt(),
            log_density: self.log_density / n,
            coverage_90: self.inside as f64 / n,
        })
    }
}

/// What each user has rated, the ratings that were set aside among it.
///
/// # Errors
/// If the store cannot be read.
pub(super) fn seen(store: &RatingsStore) -> Result<Grouped, Failure> {
    let mut seen = Grouped {
        row_starts: vec![0],
        column: Vec::new(),
        value: Vec::new(),
    };
    for (kept, held_out) in store.batches()?.zip(store.held_out_batches()?) {
        let batches = [kept?, held_out?];
        for row in 0..batches[0].users.len() {
            for batch in &batches {
                let entries = batch.row_starts[row]..batch.row_starts[row + 1];
                seen.column.extend_from_slice(&batch.items[entries]);
            }
            seen.row_starts.push(seen.column.len());
        }
    }
    Ok(seen)
}
