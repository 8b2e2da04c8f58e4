//! Pairs that are rated more than once.
//!
//! The one idea: sorted by user, a repeated item is found by one mark per item; no set of pairs is
//! ever built.

use std::fmt;

use crate::place::Place;

/// What was found of repeated (user, item) pairs, of which the last rating is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Duplicates {
    /// The number of ratings that were dropped for a later one.
    pub count: usize,
    /// The repetition that comes first in the file.
    pub first: Option<Duplicate>,
}

/// One repeated pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duplicate {
    /// The user's id.
    pub user: String,
    /// The item's id.
    pub item: String,
    /// Where the pair stands again, if that is known.
    pub place: Option<Place>,
}

impl fmt::Display for Duplicates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(first) = &self.first else {
            return f.write_str("no pair is rated twice");
        };
        let ratings = if self.count == 1 {
            "rating is"
        } else {
            "ratings are"
        };
        write!(
            f,
            "{} {ratings} of a pair that is rated again; the last is kept",
            self.count
        )?;
        write!(f, " (first: user '{}', item '{}'", first.user, first.item)?;
        match &first.place {
            Some(place) => write!(f, " at {place})"),
            None => f.write_str(")"),
        }
    }
}

/// Positions of entries grouped by a key below `n_keys`, in order within a group: group `k` is
/// `order[starts[k]..starts[k + 1]]`.
#[expect(
    clippy::cast_possible_truncation,
    reason = "entries are limited to 2^32 when read"
)]
pub(super) fn group(keys: &[u32], n_keys: usize) -> (Vec<usize>, Vec<u32>) {
    let mut starts = vec![0usize; n_keys + 1];
    for key in keys {
        starts[*key as usize + 1] += 1;
    }
    for k in 0..n_keys {
        starts[k + 1] += starts[k];
    }
    let mut next = starts.clone();
    let mut order = vec![0u32; keys.len()];
    for (position, key) in keys.iter().enumerate() {
        order[next[*key as usize]] = position as u32;
        next[*key as usize] += 1;
    }
    (starts, order)
}

/// The entries that a later entry of the same pair replaces, and the first entry that replaces one.
#[derive(Debug, Default)]
pub(super) struct Replaced {
    /// Positions, in no particular order.
    pub(super) positions: Vec<u32>,
    /// The position of the first repetition.
    pub(super) first: Option<u32>,
}

/// Finds entries that are replaced.
pub(super) fn replaced(user: &[u32], item: &[u32], n_users: usize, n_items: usize) -> Replaced {
    let (starts, order) = group(user, n_users);
    // For each item the user (plus 1) and position of its latest entry.
    let mut latest = vec![(0u32, 0u32); n_items];
    let mut replaced = Replaced::default();
    for (k, bounds) in (1..).zip(starts.windows(2)) {
        for position in &order[bounds[0]..bounds[1]] {
            let mark = &mut latest[item[*position as usize] as usize];
            if mark.0 == k {
                replaced.positions.push(mark.1);
                replaced.first = Some(replaced.first.map_or(*position, |f| f.min(*position)));
            }
            *mark = (k, *position);
        }
    }
    replaced
}
