//! Ratings: triplets of a user, an item and a number.
//!
//! The one idea: ids become dense numbers as they are read, and a rating takes twelve bytes. Ratings
//! that do not fit into memory go through a [`RatingsStore`]. Deliberately absent: what the model
//! makes of them.

mod columns;
mod duplicates;
mod ids;
mod read;
mod store;
mod write;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use elbo_math::random;

use crate::DataError;

pub use duplicates::{Duplicate, Duplicates};
pub use ids::IdMap;
pub use read::{Pairs, RatingsOptions, read_pairs, read_ratings};
pub use store::{RatingsStore, StoreOptions, UserBatch, UserBatches};
pub use write::{RatingsWriter, write_ratings};

/// Ratings in memory, each (user, item) pair at most once.
#[derive(Debug, Clone)]
pub struct Ratings {
    users: Arc<IdMap>,
    items: Arc<IdMap>,
    user: Vec<u32>,
    item: Vec<u32>,
    value: Vec<f32>,
    duplicates: Duplicates,
}

/// Ratings grouped by one of their sides: row `r` has the entries `row_starts[r]..row_starts[r + 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Grouped {
    /// Where each row begins, and at the end where the last one ends.
    pub row_starts: Vec<usize>,
    /// For each entry the number of the other side.
    pub column: Vec<u32>,
    /// For each entry its rating.
    pub value: Vec<f32>,
}

impl Ratings {
    /// Ratings from their parts; of a pair that occurs more than once the last is kept.
    ///
    /// # Panics
    /// If the slices differ in length, a number is not that of an id, or a rating is not finite.
    pub fn new(
        users: Arc<IdMap>,
        items: Arc<IdMap>,
        user: Vec<u32>,
        item: Vec<u32>,
        value: Vec<f32>,
    ) -> Self {
        assert!(
            user.len() == item.len() && item.len() == value.len(),
            "lengths differ"
        );
        assert!(
            user.iter().all(|u| (*u as usize) < users.len()),
            "a user has no id"
        );
        assert!(
            item.iter().all(|i| (*i as usize) < items.len()),
            "an item has no id"
        );
        assert!(
            value.iter().all(|v| v.is_finite()),
            "a rating is not finite"
        );
        let mut ratings = Self {
            users,
            items,
            user,
            item,
            value,
            duplicates: Duplicates::default(),
        };
        ratings.drop_replaced();
        ratings
    }

    /// Drops all but the last rating of each pair; the position of the first repetition.
    fn drop_replaced(&mut self) -> Option<usize> {
        let found =
            duplicates::replaced(&self.user, &self.item, self.users.len(), self.items.len());
        let first = found.first? as usize;
        self.duplicates = Duplicates {
            count: found.positions.len(),
            first: Some(Duplicate {
                user: self.users.name(self.user[first]).to_owned(),
                item: self.items.name(self.item[first]).to_owned(),
                place: None,
            }),
        };
        let mut keep = vec![true; self.user.len()];
        for position in found.positions {
            keep[position as usize] = false;
        }
        retain(&mut self.user, &keep);
        retain(&mut self.item, &keep);
        retain(&mut self.value, &keep);
        Some(first)
    }

    /// The number of ratings.
    pub fn len(&self) -> usize {
        self.value.len()
    }

    /// Whether there are no ratings.
    pub fn is_empty(&self) -> bool {
        self.value.is_empty()
    }

    /// The users' ids, in the order of their first rating.
    pub fn users(&self) -> &Arc<IdMap> {
        &self.users
    }

    /// The items' ids, in the order of their first rating.
    pub fn items(&self) -> &Arc<IdMap> {
        &self.items
    }

    /// For each rating the number of its user.
    pub fn user(&self) -> &[u32] {
        &self.user
    }

    /// For each rating the number of its item.
    pub fn item(&self) -> &[u32] {
        &self.item
    }

    /// The ratings.
    pub fn value(&self) -> &[f32] {
        &self.value
    }

    /// What was found of repeated pairs.
    pub fn duplicates(&self) -> &Duplicates {
        &self.duplicates
    }

    /// The ratings grouped by user, in the order of the file within each.
    pub fn by_user(&self) -> Grouped {
        self.grouped(&self.user, &self.item, self.users.len())
    }

    /// The ratings grouped by item, in the order of the file within each.
    pub fn by_item(&self) -> Grouped {
        self.grouped(&self.item, &self.user, self.items.len())
    }

    fn grouped(&self, rows: &[u32], columns: &[u32], n_rows: usize) -> Grouped {
        let (row_starts, order) = duplicates::group(rows, n_rows);
        Grouped {
            row_starts,
            column: order.iter().map(|p| columns[*p as usize]).collect(),
            value: order.iter().map(|p| self.value[*p as usize]).collect(),
        }
    }

    /// Splits off `round(fraction · len)` ratings drawn at random, all subsets being equally likely:
    /// the rest and the split-off ones, each in the order of the file. Both know all ids.
    ///
    /// # Errors
    /// [`DataError::Setting`] if `fraction` is not in `[0, 1)`.
    ///
    /// # References
    /// `[@knuth1997seminumerical, algorithm 3.4.2S]`
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a fraction of a length is a length"
    )]
    pub fn split_holdout(&self, fraction: f64, seed: u64) -> Result<(Self, Self), DataError> {
        if !(0.0..1.0).contains(&fraction) {
            return Err(DataError::Setting {
                name: "holdout",
                value: fraction.to_string(),
                expected: "give a fraction from 0 to less than 1",
            });
        }
        let mut wanted = (fraction * self.len() as f64).round() as usize;
        let mut rng = random::stream(seed, "ratings/holdout", 0);
        // Selection sampling: exact in number, and without a permutation in memory.
        let held_out: Vec<bool> = (0..self.len())
            .map(|i| {
                let left = (self.len() - i) as f64;
                let chosen = random::uniform(&mut rng) * left < wanted as f64;
                wanted -= usize::from(chosen);
                chosen
            })
            .collect();
        let kept: Vec<bool> = held_out.iter().map(|h| !h).collect();
        Ok((self.subset(&kept), self.subset(&held_out)))
    }

    fn subset(&self, keep: &[bool]) -> Self {
        let mut part = self.clone();
        part.duplicates = Duplicates::default();
        retain(&mut part.user, keep);
        retain(&mut part.item, keep);
        retain(&mut part.value, keep);
        part
    }
}

/// Keeps the entries that are marked.
fn retain<T>(entries: &mut Vec<T>, keep: &[bool]) {
    let mut marks = keep.iter();
    entries.retain(|_| marks.next().copied().unwrap_or(false));
    entries.shrink_to_fit();
}
