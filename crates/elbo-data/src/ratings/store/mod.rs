//! Ratings that do not fit into memory, grouped by user on disk.
//!
//! The one idea: the file of ratings is read once and in any order; what is left on disk is a
//! sequence of batches that each hold all ratings of their users, to be gone through as often as
//! needed while one batch is read ahead. In memory stay the ids, four bytes for each user, and two
//! batches. Deliberately absent: a batch's meaning to a model.

mod batches;
mod build;

#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use self::batches::Grouping;
use super::{Duplicates, IdMap, RatingsOptions};
use crate::DataError;

pub use batches::{UserBatch, UserBatches};

/// How a [`RatingsStore`] is laid out.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// A batch takes users until it has this many ratings; only a single user with more exceeds it.
    pub ratings_per_batch: usize,
    /// The fraction of ratings to set aside; each is set aside on its own with this probability.
    pub holdout: f64,
    /// The seed of what is set aside.
    pub seed: u64,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            ratings_per_batch: 1 << 20,
            holdout: 0.0,
            seed: 0,
        }
    }
}

/// Ratings on disk, each (user, item) pair at most once; removed when dropped.
#[derive(Debug)]
pub struct RatingsStore {
    users: Arc<IdMap>,
    items: Arc<IdMap>,
    duplicates: Duplicates,
    kept: Grouping,
    held_out: Grouping,
    /// Dropped last: the files of the groupings lie in it.
    _scratch: Scratch,
}

impl RatingsStore {
    /// Reads a file of ratings into batches below `directory`, which needs room for 24 bytes a rating
    /// while building and 8 after.
    ///
    /// # Errors
    /// As [`read_ratings`](super::read_ratings); [`DataError::Setting`] for options out of range;
    /// [`DataError::DiskFull`] and other failures to write.
    pub fn build(
        path: impl AsRef<Path>,
        options: &RatingsOptions,
        directory: impl AsRef<Path>,
        store: &StoreOptions,
    ) -> Result<Self, DataError> {
        if store.ratings_per_batch == 0 {
            return Err(DataError::Setting {
                name: "ratings_per_batch",
                value: "0".to_owned(),
                expected: "give at least 1",
            });
        }
        if !(0.0..1.0).contains(&store.holdout) {
            return Err(DataError::Setting {
                name: "holdout",
                value: store.holdout.to_string(),
                expected: "give a fraction from 0 to less than 1",
            });
        }
        build::build(
            path.as_ref(),
            options,
            Scratch::create(directory.as_ref())?,
            store,
        )
    }

    /// The users' ids, in the order of their first rating in the file.
    pub fn users(&self) -> &Arc<IdMap> {
        &self.users
    }

    /// The items' ids, in the order of their first rating in the file.
    pub fn items(&self) -> &Arc<IdMap> {
        &self.items
    }

    /// What was found of repeated pairs; their places in the file are not known.
    pub fn duplicates(&self) -> &Duplicates {
        &self.duplicates
    }

    /// The number of ratings, those set aside not among them.
    pub fn len(&self) -> u64 {
        self.kept.n_ratings()
    }

    /// Whether there are no ratings.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of ratings set aside.
    pub fn n_held_out(&self) -> u64 {
        self.held_out.n_ratings()
    }

    /// The number of batches of a pass.
    pub fn n_batches(&self) -> usize {
        self.kept.n_batches()
    }

    /// Begins a pass over the ratings, the users in the order of their numbers.
    ///
    /// # Errors
    /// If the files cannot be opened.
    pub fn batches(&self) -> Result<UserBatches, DataError> {
        self.batches_in((0..self.n_batches()).collect())
    }

    /// Begins a pass over some batches in the order given.
    ///
    /// # Errors
    /// If the files cannot be opened.
    ///
    /// # Panics
    /// If there is no such batch.
    pub fn batches_in(&self, order: Vec<usize>) -> Result<UserBatches, DataError> {
        self.kept.batches(order)
    }

    /// Begins a pass over the ratings set aside; the users of a batch are those of
    /// [`batches`](Self::batches).
    ///
    /// # Errors
    /// If the files cannot be opened.
    pub fn held_out_batches(&self) -> Result<UserBatches, DataError> {
        self.held_out.batches((0..self.n_batches()).collect())
    }
}

/// A directory of one's own, removed when dropped.
#[derive(Debug)]
struct Scratch(PathBuf);

impl Scratch {
    fn create(parent: &Path) -> Result<Self, DataError> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        loop {
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let path = parent.join(format!(".elbo-ratings-{}-{count}", std::process::id()));
            match fs::create_dir(&path) {
                // Left by a process of the same number that was killed.
                Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
                created => {
                    created.map_err(|e| DataError::from_write(&path, e))?;
                    return Ok(Self(path));
                }
            }
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Nothing can be done about a failure.
        let _ = fs::remove_dir_all(&self.0);
    }
}
