//! The store against the reader that keeps everything in memory.

use std::collections::BTreeMap;
use std::path::PathBuf;

use proptest::prelude::*;
use tempfile::TempDir;

use super::super::{Ratings, read_ratings};
use super::*;

/// Writes a file of ratings and reads it both ways.
fn both(text: &str, store: &StoreOptions) -> (TempDir, PathBuf, Ratings, RatingsStore) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("r.csv");
    fs::write(&path, text).unwrap();
    let options = RatingsOptions::default();
    let ratings = read_ratings(&path, &options).unwrap();
    let store = RatingsStore::build(&path, &options, folder.path(), store).unwrap();
    (folder, path, ratings, store)
}

fn options(ratings_per_batch: usize) -> StoreOptions {
    StoreOptions {
        ratings_per_batch,
        ..StoreOptions::default()
    }
}

type Pairs = BTreeMap<(u32, u32), f32>;

fn pairs_of(batches: UserBatches) -> Pairs {
    let mut pairs = Pairs::new();
    for batch in batches {
        let batch = batch.unwrap();
        assert_eq!(batch.row_starts.len(), batch.users.len() + 1);
        for (row, user) in batch.users.iter().enumerate() {
            for k in batch.row_starts[row]..batch.row_starts[row + 1] {
                let old = pairs.insert((*user, batch.items[k]), batch.values[k]);
                assert_eq!(old, None, "a pair occurs once");
            }
        }
    }
    pairs
}

fn pairs(ratings: &Ratings) -> Pairs {
    (0..ratings.len())
        .map(|k| ((ratings.user()[k], ratings.item()[k]), ratings.value()[k]))
        .collect()
}

proptest! {
    // The oracle is the reader that keeps everything in memory.
    #[test]
    fn a_store_holds_the_ratings_that_memory_would(
        rows in prop::collection::vec((0u32..12, 0u32..15, 0u32..10), 1..200),
        ratings_per_batch in 1usize..60,
    ) {
        let lines: Vec<String> =
            rows.iter().map(|(u, i, v)| format!("u{u},i{i},{v}")).collect();
        let (_folder, _, ratings, store) = both(&lines.join("\n"), &options(ratings_per_batch));
        for pass in 0..2 {
            prop_assert_eq!(pairs_of(store.batches().unwrap()), pairs(&ratings), "pass {}", pass);
        }
        prop_assert_eq!(store.len(), ratings.len() as u64);
        prop_assert_eq!(store.users(), ratings.users());
        prop_assert_eq!(store.items(), ratings.items());
        prop_assert_eq!(store.duplicates().count, ratings.duplicates().count);
        for batch in store.batches().unwrap() {
            let batch = batch.unwrap();
            prop_assert!(batch.items.len() <= ratings_per_batch || batch.users.len() == 1);
        }
    }
}

#[test]
fn a_batch_keeps_the_order_of_the_file_within_a_user() {
    let (_folder, _, _, store) = both("a,x,1\nb,x,2\na,y,3\na,x,4\na,z,5\n", &options(4));
    let batches: Vec<UserBatch> = store.batches().unwrap().map(Result::unwrap).collect();
    let (users, row_starts) = (vec![0], vec![0, 3]);
    let first = UserBatch {
        users,
        row_starts,
        items: vec![1, 0, 2],
        values: vec![3.0, 4.0, 5.0],
    };
    let (users, row_starts) = (vec![1], vec![0, 1]);
    let second = UserBatch {
        users,
        row_starts,
        items: vec![0],
        values: vec![2.0],
    };
    assert_eq!(batches, [first.clone(), second.clone()]);
    let turned: Vec<UserBatch> = store
        .batches_in(vec![1, 0])
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(turned, [second, first]);
    assert_eq!(
        store.duplicates().first.as_ref().map(|d| d.user.as_str()),
        Some("a")
    );
}

#[test]
fn a_holdout_splits_the_ratings_and_is_fixed_by_its_seed() {
    let lines: Vec<String> = (0..5000)
        .map(|k| format!("{},{k},{}", k % 97, k % 5))
        .collect();
    let text = lines.join("\n");
    let held = |seed, ratings_per_batch| {
        let mut chosen = options(ratings_per_batch);
        (chosen.holdout, chosen.seed) = (0.1, seed);
        let (_folder, _, ratings, store) = both(&text, &chosen);
        let (mut all, held) = (
            pairs_of(store.batches().unwrap()),
            pairs_of(store.held_out_batches().unwrap()),
        );
        assert_eq!(
            (all.len() as u64, held.len() as u64),
            (store.len(), store.n_held_out())
        );
        all.extend(held.clone());
        assert_eq!(all, pairs(&ratings), "nothing is lost or doubled");
        held
    };
    let first = held(1, 300);
    // 500 ± 5 sd of a binomial count (sd 21.2).
    assert!(
        (394..=606).contains(&first.len()),
        "{} of 5000",
        first.len()
    );
    assert_eq!(first, held(1, 1000), "whatever the size of a batch");
    assert_ne!(first, held(2, 300));
}

#[test]
fn a_store_leaves_nothing_behind_even_if_a_pass_is_abandoned() {
    let lines: Vec<String> = (0..100).map(|k| format!("{},{k},1", k % 10)).collect();
    let (folder, path, _, store) = both(&lines.join("\n"), &options(10));
    let entries = || fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(entries(), 2);
    let mut pass = store.batches().unwrap();
    assert!(pass.next().is_some());
    drop(pass);
    drop(store);
    assert_eq!(entries(), 1);
    fs::write(&path, "a,x,1\nb,x,inf\n").unwrap();
    let options = RatingsOptions::default();
    let error = RatingsStore::build(&path, &options, folder.path(), &StoreOptions::default());
    assert!(
        error
            .unwrap_err()
            .to_string()
            .contains("line 2, column 'column_3': 'inf' is infinite")
    );
    assert_eq!(entries(), 1, "a failed build cleans up");
}
