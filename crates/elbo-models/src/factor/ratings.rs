//! Ratings in memory: all of them, a mini-batch, or a block read from a file.
//!
//! Stored twice: by user, for solving users, and within blocks of users by item, so that sums for
//! items can be formed by many threads without locks and always in the same order.

use elbo_math::parallel;

use crate::ModelError;
use crate::driver::Gather;

/// Users per block: the block's user records stay in a nearby cache while items read them.
const BLOCK_USERS: usize = 8192;

/// Ratings per parallel task of a plain sum.
const SUM_CHUNK: usize = 1 << 14;

/// Ratings of some users, by user (compressed sparse rows).
#[derive(Debug, Clone)]
pub struct Ratings {
    n_items: usize,
    users: Vec<u32>,
    starts: Vec<usize>, // (n_users + 1)
    items: Vec<u32>,
    values: Vec<f32>,
    mean: f64,
    squares: f64, // Σ (y − mean)²
    pub(super) blocks: Vec<Block>,
}

/// The ratings of consecutive users, by item.
#[derive(Debug, Clone)]
pub(super) struct Block {
    /// The rows of the users.
    pub users: std::ops::Range<usize>,
    /// Where each item's ratings start; (`n_items` + 1).
    pub starts: Vec<u32>,
    /// Users, counted from the block's first, ascending for each item.
    pub rows: Vec<u32>,
    /// Ratings.
    pub values: Vec<f32>,
}

impl Ratings {
    /// Takes ratings that are already sorted by user.
    ///
    /// `users[r]` is the index of row `r`'s user among all users; the row's ratings are the entries
    /// `starts[r]..starts[r + 1]` of `items` and `values`.
    ///
    /// # Errors
    /// Shapes that do not agree, an item out of range, a rating that is not finite, or a user who
    /// rates an item twice.
    pub fn from_rows(
        n_items: usize,
        users: Vec<u32>,
        starts: Vec<usize>,
        mut items: Vec<u32>,
        mut values: Vec<f32>,
    ) -> Result<Self, ModelError> {
        let shape = |what, expected, got| ModelError::Shape {
            what,
            expected,
            got,
        };
        if starts.len() != users.len() + 1 {
            return Err(shape("starts of rows", users.len() + 1, starts.len()));
        }
        if items.len() != values.len() {
            return Err(shape("ratings", items.len(), values.len()));
        }
        if starts[0] != 0
            || starts[users.len()] != items.len()
            || starts.windows(2).any(|w| w[0] > w[1])
        {
            return Err(ModelError::data(
                "starts of rows must rise from 0 to the number of ratings",
            ));
        }
        if u32::try_from(n_items).is_err()
            || u32::try_from(items.len() / users.len().max(1)).is_err()
        {
            return Err(ModelError::data("more than 4294967295 items"));
        }
        for (row, w) in starts.windows(2).enumerate() {
            sort_row(&mut items[w[0]..w[1]], &mut values[w[0]..w[1]]);
            check_row(users[row], n_items, &items[w[0]..w[1]], &values[w[0]..w[1]])?;
        }
        Ok(Self::build(n_items, users, starts, items, values))
    }

    /// Assembles checked rows.
    fn build(
        n_items: usize,
        users: Vec<u32>,
        starts: Vec<usize>,
        items: Vec<u32>,
        values: Vec<f32>,
    ) -> Self {
        let n = values.len();
        let mean = parallel::sum(n, SUM_CHUNK, |k| f64::from(values[k])) / n.max(1) as f64;
        let squares = parallel::sum(n, SUM_CHUNK, |k| (f64::from(values[k]) - mean).powi(2));
        let blocks = by_item(n_items, users.len(), &starts, &items, &values);
        Self {
            n_items,
            users,
            starts,
            items,
            values,
            mean,
            squares,
            blocks,
        }
    }

    /// Sorts triplets (user, item, rating) by user; users without ratings get an empty row.
    ///
    /// # Errors
    /// As [`from_rows`](Self::from_rows), and a user out of range.
    pub fn from_triplets(
        n_users: usize,
        n_items: usize,
        users: &[u32],
        items: &[u32],
        values: &[f32],
    ) -> Result<Self, ModelError> {
        for (what, got) in [("items of ratings", items.len()), ("ratings", values.len())] {
            if got != users.len() {
                return Err(ModelError::Shape {
                    what,
                    expected: users.len(),
                    got,
                });
            }
        }
        let mut starts = vec![0usize; n_users + 1];
        for user in users {
            let count = starts.get_mut(*user as usize + 1).ok_or_else(|| {
                ModelError::data(format!("user {user} is out of range: there are {n_users}"))
            })?;
            *count += 1;
        }
        for u in 0..n_users {
            starts[u + 1] += starts[u];
        }
        let mut next = starts.clone();
        let (mut by_item, mut by_value) = (vec![0; users.len()], vec![0.0; users.len()]);
        for ((user, item), value) in users.iter().zip(items).zip(values) {
            let slot = &mut next[*user as usize];
            (by_item[*slot], by_value[*slot]) = (*item, *value);
            *slot += 1;
        }
        let users = (0..n_users).map(index).collect();
        Self::from_rows(n_items, users, starts, by_item, by_value)
    }

    /// The number of users, with or without ratings.
    pub fn n_users(&self) -> usize {
        self.users.len()
    }

    /// The number of items, rated or not.
    pub fn n_items(&self) -> usize {
        self.n_items
    }

    /// The number of ratings.
    pub fn n_ratings(&self) -> usize {
        self.items.len()
    }

    /// The mean rating; 0 without any.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// `Σ (y − centre)²`.
    pub(super) fn sum_squares(&self, centre: f64) -> f64 {
        self.squares + self.n_ratings() as f64 * (self.mean - centre).powi(2)
    }

    /// The index of each row's user among all users.
    pub fn users(&self) -> &[u32] {
        &self.users
    }

    /// Items, ascending, and ratings of a row.
    pub fn row(&self, row: usize) -> (&[u32], &[f32]) {
        let range = self.starts[row]..self.starts[row + 1];
        (&self.items[range.clone()], &self.values[range])
    }

    /// All ratings, in the order of the rows.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// All `(user, item, rating)`, in the order of the rows.
    pub fn triplets(&self) -> impl Iterator<Item = (u32, u32, f32)> + '_ {
        (0..self.n_users()).flat_map(move |r| {
            let (items, values) = self.row(r);
            items
                .iter()
                .zip(values)
                .map(move |(i, v)| (self.users[r], *i, *v))
        })
    }
}

impl Gather for Ratings {
    type Batch = Self;

    fn len(&self) -> usize {
        self.n_users()
    }

    fn gather(&self, units: &[usize]) -> Self {
        let mut starts = vec![0];
        let (mut items, mut values) = (Vec::new(), Vec::new());
        for row in units {
            let (i, v) = self.row(*row);
            items.extend_from_slice(i);
            values.extend_from_slice(v);
            starts.push(items.len());
        }
        let users = units.iter().map(|row| self.users[*row]).collect();
        Self::build(self.n_items, users, starts, items, values)
    }
}

/// An index as it is stored.
#[expect(
    clippy::cast_possible_truncation,
    reason = "numbers of users and items were checked to fit"
)]
pub(super) fn index(i: usize) -> u32 {
    i as u32
}

fn sort_row(items: &mut [u32], values: &mut [f32]) {
    if items.is_sorted() {
        return;
    }
    let mut pairs: Vec<(u32, f32)> = items.iter().copied().zip(values.iter().copied()).collect();
    pairs.sort_by_key(|p| p.0);
    for (k, (item, value)) in pairs.into_iter().enumerate() {
        (items[k], values[k]) = (item, value);
    }
}

/// Checks a sorted row.
fn check_row(user: u32, n_items: usize, items: &[u32], values: &[f32]) -> Result<(), ModelError> {
    if let Some(item) = items.last().filter(|i| **i as usize >= n_items) {
        return Err(ModelError::data(format!(
            "item {item} is out of range: there are {n_items}"
        )));
    }
    if let Some([twice, ..]) = items.windows(2).find(|w| w[0] == w[1]) {
        return Err(ModelError::data(format!(
            "user {user} rates item {twice} twice; keep one of the ratings"
        )));
    }
    match values.iter().zip(items).find(|(v, _)| !v.is_finite()) {
        Some((value, item)) => Err(ModelError::data(format!(
            "the rating of user {user} for item {item} is {value}; ratings must be finite"
        ))),
        None => Ok(()),
    }
}

/// Cuts rows into blocks and sorts each block's ratings by item.
fn by_item(
    n_items: usize,
    n_users: usize,
    starts: &[usize],
    items: &[u32],
    values: &[f32],
) -> Vec<Block> {
    parallel::map_chunks(n_users, BLOCK_USERS, |users| {
        let ratings = starts[users.start]..starts[users.end];
        let mut item_starts = vec![0u32; n_items + 1];
        for item in &items[ratings.clone()] {
            item_starts[*item as usize + 1] += 1;
        }
        for i in 0..n_items {
            item_starts[i + 1] += item_starts[i];
        }
        let mut next = item_starts.clone();
        let (mut rows, mut by_value) = (vec![0; ratings.len()], vec![0.0; ratings.len()]);
        for user in users.clone() {
            for k in starts[user]..starts[user + 1] {
                let slot = &mut next[items[k] as usize];
                rows[*slot as usize] = index(user - users.start);
                by_value[*slot as usize] = values[k];
                *slot += 1;
            }
        }
        Block {
            users,
            starts: item_starts,
            rows,
            values: by_value,
        }
    })
}
