//! Ratings of every format, and what bad input is answered with.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::columnar::{NamedColumn, write_columns};

fn read(name: &str, content: impl AsRef<[u8]>) -> Result<Ratings, String> {
    read_with(name, content, &RatingsOptions::default())
}

fn read_with(
    name: &str,
    content: impl AsRef<[u8]>,
    options: &RatingsOptions,
) -> Result<Ratings, String> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, content).unwrap();
    let prefix = format!("{}/", folder.path().display());
    read_ratings(&path, options).map_err(|e| e.to_string().replace(&prefix, ""))
}

/// The ratings with their ids.
fn triplets(ratings: &Ratings) -> Vec<(&str, &str, f32)> {
    (0..ratings.len())
        .map(|k| {
            let user = ratings.users().name(ratings.user()[k]);
            let item = ratings.items().name(ratings.item()[k]);
            (user, item, ratings.value()[k])
        })
        .collect()
}

#[test]
fn every_layout_of_movielens_reads_as_the_same_ratings() {
    let cases = [
        (
            "ratings.csv",
            "userId,movieId,rating,timestamp\n1,31,2.5,1260759144\n7,31,3.0,1260759179\n",
        ),
        (
            "ratings.dat",
            "1::31::2.5::1260759144\n7::31::3::1260759179\n",
        ),
        ("u.data", "1\t31\t2.5\t1260759144\n7\t31\t3\t1260759179\n"),
        (
            "r.csv",
            "rating,item_id,note,user_id\n2.5,31,\"a,b\",1\n3,\"31\",,7\n",
        ),
        ("r.csv", "1, 31, 2.5\r\n7, 31, 3.\r\n"),
    ];
    for (name, text) in cases {
        let ratings = read(name, text).unwrap();
        assert_eq!(
            triplets(&ratings),
            [("1", "31", 2.5), ("7", "31", 3.0)],
            "{text:?}"
        );
        assert_eq!((ratings.users().len(), ratings.items().len()), (2, 1));
        assert_eq!(ratings.duplicates(), &Duplicates::default());
    }
}

#[test]
fn parquet_reads_as_the_same_ratings() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("r.parquet");
    let columns = [
        NamedColumn::Texts("user", &["ann", "7", "NA"].map(str::to_owned)),
        NamedColumn::Numbers("item", &[31.0, 2.0, 31.0]),
        NamedColumn::Singles("rating", &[2.5, 3.0, -1.0]),
    ];
    write_columns(&path, &columns).unwrap();
    let ratings = read_ratings(&path, &RatingsOptions::default()).unwrap();
    assert_eq!(
        triplets(&ratings),
        [("ann", "31", 2.5), ("7", "2", 3.0), ("NA", "31", -1.0)]
    );
}

#[test]
fn the_last_rating_of_a_repeated_pair_is_kept_and_reported() {
    let text = "u,i,r\na,x,1\nb,x,2\n\na,y,3\na,x,4\nb,x,5\na,x,6\n";
    let ratings = read("r.csv", text).unwrap();
    assert_eq!(
        triplets(&ratings),
        [("a", "y", 3.0), ("b", "x", 5.0), ("a", "x", 6.0)]
    );
    let duplicates = ratings.duplicates();
    assert_eq!(duplicates.count, 3);
    let said = duplicates.to_string();
    assert!(
        said.starts_with(
            "3 ratings are of a pair that is rated again; the last is kept \
                              (first: user 'a', item 'x' at "
        ),
        "{said}"
    );
    assert!(said.ends_with("r.csv, line 6)"), "{said}");
}

#[test]
fn bad_ratings_are_named_with_their_place() {
    let cases = [
        (
            "u,i,r\na,x,1\na,y,\n",
            "r.csv, line 3, column 'r': the value is missing",
        ),
        (
            "u,i,r\na,x,1\na,y,NaN\n",
            "r.csv, line 3, column 'r': the value is missing",
        ),
        (
            "u,i,r\na,x,1\na,y,inf\n",
            "r.csv, line 3, column 'r': 'inf' is infinite",
        ),
        (
            "u,i,r\na,x,1\na,y,1e39\n",
            "r.csv, line 3, column 'r': '1e39",
        ),
        (
            "u,i,r\na,x,1\na,y,good\n",
            "r.csv, line 3, column 'r': expected a number, found 'good'",
        ),
        (
            "u,i,r\na,x,1\n,y,2\n",
            "r.csv, line 3, column 'u': the value is missing",
        ),
        (
            "u,i,r\na,x,1\nb,NA,2\n",
            "r.csv, line 3, column 'i': the value is missing",
        ),
        (
            "u,i,r\na,x,1\nb,2\n",
            "r.csv, line 3: expected 3 cells, found 2",
        ),
        ("u,i,r\n", "r.csv has a header but no rows"),
        ("", "r.csv is empty"),
        (
            "u,i\na,b\n",
            "r.csv: expected at least 3 columns (user, item, rating), found 2",
        ),
        (
            "u#i#r\n1#2#3\n",
            "r.csv: split at ',', every row is a single cell; set the delimiter",
        ),
    ];
    for (text, message) in cases {
        let error = read("r.csv", text).unwrap_err();
        assert!(error.starts_with(message), "{text:?} says: {error}");
    }
    let error = read("r.csv", b"u,i,r\n1,\xe9,3\n").unwrap_err();
    assert!(
        error.starts_with("r.csv, line 2, column 'i': not UTF-8"),
        "{error}"
    );
}

#[test]
fn pairs_need_no_ratings() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("pairs.csv");
    fs::write(&path, "user,item\n1,x\n1,y\n1,x\n").unwrap();
    let pairs = read_pairs(&path, &RatingsOptions::default()).unwrap();
    assert_eq!((pairs.user, pairs.item), (vec![0, 0, 0], vec![0, 1, 0]));
    assert_eq!(pairs.items.name(1), "y");
}

#[test]
fn grouping_keeps_every_rating_and_the_order_of_the_file() {
    let ratings = read("r.csv", "b,x,1\na,y,2\nb,y,3\na,x,4\nc,x,5\n").unwrap();
    let by_user = ratings.by_user();
    assert_eq!(by_user.row_starts, [0, 2, 4, 5]);
    assert_eq!(by_user.column, [0, 1, 1, 0, 0]);
    assert_eq!(by_user.value, [1.0, 3.0, 2.0, 4.0, 5.0]);
    let by_item = ratings.by_item();
    assert_eq!(by_item.row_starts, [0, 3, 5]);
    assert_eq!(by_item.value, [1.0, 4.0, 5.0, 2.0, 3.0]);
}

#[test]
fn a_holdout_is_exact_in_number_and_fixed_by_its_seed() {
    let lines: Vec<String> = (0..1000)
        .map(|k| format!("{},{k},{}", k % 37, k % 5))
        .collect();
    let text = lines.join(
        "
",
    );
    let ratings = read("r.csv", text).unwrap();
    let (rest, held) = ratings.split_holdout(0.1, 1).unwrap();
    assert_eq!((rest.len(), held.len()), (900, 100));
    let mut all = [triplets(&rest), triplets(&held)].concat();
    let mut whole = triplets(&ratings);
    all.sort_by(|a, b| a.partial_cmp(b).unwrap());
    whole.sort_by(|a, b| a.partial_cmp(b).unwrap());
    assert_eq!(all, whole, "nothing is lost or doubled");
    let (_, again) = ratings.split_holdout(0.1, 1).unwrap();
    let (_, other) = ratings.split_holdout(0.1, 2).unwrap();
    assert_eq!(triplets(&again), triplets(&held));
    assert_ne!(triplets(&other), triplets(&held));
    // Each half of the file gives its share: 50 ± 5 sd of a hypergeometric count (sd 4.7).
    let early = held.item().iter().filter(|i| **i < 500).count();
    assert!(
        (26..=74).contains(&early),
        "{early} of 100 from the first half"
    );
    assert_eq!(ratings.split_holdout(0.0, 1).unwrap().1.len(), 0);
    for fraction in [1.0, -0.1, f64::NAN] {
        let error = ratings.split_holdout(fraction, 1).unwrap_err().to_string();
        assert!(
            error.contains("give a fraction from 0 to less than 1"),
            "{error}"
        );
    }
}

#[test]
fn movielens_latest_small_has_its_published_counts() {
    let Some(folder) = std::env::var_os("ELBO_DATA").map(PathBuf::from) else {
        let reason = "skipped: the data may not be shipped, and ELBO_DATA names no folder of them";
        writeln!(std::io::stderr(), "{reason}").unwrap();
        return;
    };
    let path = folder.join("ratings/ml-latest-small.ratings.csv.gz");
    let ratings = read_ratings(path, &RatingsOptions::default()).unwrap();
    assert_eq!(ratings.len(), 100_836);
    assert_eq!((ratings.users().len(), ratings.items().len()), (610, 9_724));
    assert_eq!(ratings.duplicates().count, 0);
    assert_eq!(ratings.users().name(0), "1001");
}

proptest! {
    // The oracle is a plain map from pair to its latest rating.
    #[test]
    fn ratings_survive_writing_and_reading(
        rows in prop::collection::vec(
            ("[0-9]{1,2}|[a-c \"\n,]{1,3}|NA", "[0-9]{1,8}|é{1,2}", proptest::num::f32::NORMAL),
            1..40,
        )
    ) {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("r.csv");
        let mut writer = RatingsWriter::create(&path, ["user", "item", "rating"]).unwrap();
        let mut latest = std::collections::BTreeMap::new();
        for (user, item, rating) in &rows {
            writer.push(user, item, *rating).unwrap();
            latest.insert((user.as_str(), item.as_str()), *rating);
        }
        writer.finish().unwrap();
        let ratings = read_ratings(&path, &RatingsOptions::default()).unwrap();
        let found: std::collections::BTreeMap<_, _> =
            triplets(&ratings).into_iter().map(|(u, i, r)| ((u, i), r)).collect();
        prop_assert_eq!(ratings.len(), latest.len());
        prop_assert_eq!(found, latest);
        prop_assert_eq!(ratings.duplicates().count, rows.len() - ratings.len());

        for name in ["again.csv", "again.parquet"] {
            let path = folder.path().join(name);
            write_ratings(&path, &ratings).unwrap();
            let again = read_ratings(&path, &RatingsOptions::default()).unwrap();
            prop_assert_eq!(triplets(&again), triplets(&ratings));
        }
    }

    #[test]
    fn short_ratings_print_as_the_standard_library_would(tenths in 0u32..2000) {
        let rating = tenths as f32 / 10.0;
        let mut csv = crate::delimited::CsvWriter::new(Vec::new());
        csv.number_f32(rating);
        csv.whole(u64::from(tenths));
        csv.end_row().unwrap();
        let text = String::from_utf8(csv.finish().unwrap()).unwrap();
        prop_assert_eq!(text, format!("{rating:.1},{tenths}\n"));
    }
}
