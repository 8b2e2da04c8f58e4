//! Reading ratings.csv, against pandas.

use std::fmt::Write as _;
use std::time::Instant;

use anyhow::Result;
use elbo::math::random::{RngExt as _, stream};

use elbo_data::ratings::{RatingsOptions, read_ratings};

use crate::row::{Case, Report, Row};

pub(crate) fn rows() -> Vec<Row> {
    vec![Row {
        name: "read",
        title: "ratings.csv, 5 million rows, ids mapped",
        per: "file",
        accuracy: "rows",
        goals: &[(1, None)],
        rival: Some(("read_pandas.py", 1)),
        options: &[("rows", "5000000")],
        prepare,
        ours,
        whole_process: false,
        judge: None,
    }]
}

/// The shape of `MovieLens`' file: header, user, film, rating in halves, seconds since 1970.
fn prepare(case: &Case) -> Result<()> {
    let mut rng = stream(case.seed, "bench/read", 0);
    let rows = case.get("rows");
    let mut text = String::from("userId,movieId,rating,timestamp\n");
    for row in 0..rows {
        // 160 films per user, all different.
        let (user, film) = (row / 160 + 1, (row % 160) * 500 + rng.random_range(1..500));
        let (halves, seconds) = (
            rng.random_range(1..=10),
            rng.random_range(800_000_000..1_600_000_000),
        );
        writeln!(
            text,
            "{user},{film},{}.{},{seconds}",
            halves / 2,
            halves % 2 * 5
        )?;
    }
    Ok(std::fs::write(case.folder.join("ratings.csv"), text)?)
}

fn ours(case: &Case) -> Result<Report> {
    let start = Instant::now();
    let ratings = read_ratings(case.folder.join("ratings.csv"), &RatingsOptions::default())?;
    let seconds = start.elapsed().as_secs_f64();
    let rows = ratings.len() as f64;
    Ok(Report::ours(seconds, rows).with("million rows per second", rows / seconds / 1e6))
}
