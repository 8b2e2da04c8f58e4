//! Rows a second of reading and writing ratings, one thread.
//!
//! `cargo bench -p elbo-data --bench ratings [-- ROWS]`; the file looks like `MovieLens`'
//! `ratings.csv`, and lies in the system's temporary directory while the bench runs.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use std::error::Error;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::time::Instant;

use elbo_data::ratings::{RatingsOptions, RatingsStore, RatingsWriter, StoreOptions, read_ratings};
use elbo_math::random::{self, RngExt};

fn main() -> Result<(), Box<dyn Error>> {
    let rows = std::env::args()
        .find_map(|a| a.parse().ok())
        .unwrap_or(5_000_000usize);
    let folder = std::env::temp_dir().join(format!("elbo-bench-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let result = run(rows, &folder);
    fs::remove_dir_all(&folder)?;
    result
}

fn run(rows: usize, folder: &std::path::Path) -> Result<(), Box<dyn Error>> {
    let path = folder.join("ratings.csv");
    let mut out = BufWriter::new(File::create(&path)?);
    writeln!(out, "userId,movieId,rating,timestamp")?;
    let mut rng = random::stream(1, "bench/ratings", 0);
    let mut up_to = |n: u32| rng.random_range(1..=n);
    for row in 0..rows {
        // About a hundred ratings a user, as sorted as the real file; ids of up to six digits.
        let (user, half_stars) = (row / 100 + 1, up_to(10));
        let item = up_to(200_000);
        let (stars, half) = (half_stars / 2, 5 * (half_stars % 2));
        writeln!(out, "{user},{item},{stars}.{half},{}", 964_982_703 + row)?;
    }
    out.flush()?;
    let bytes = fs::metadata(&path)?.len();

    // With the environment's ELBO_STORE_ONLY the peak of memory is that of the store.
    let passes = if std::env::var_os("ELBO_STORE_ONLY").is_some() {
        0
    } else {
        3
    };
    for pass in 1..=passes {
        let start = Instant::now();
        let ratings = read_ratings(&path, &RatingsOptions::default())?;
        let seconds = start.elapsed().as_secs_f64();
        println!(
            "read pass {pass}: {:.2} M rows/s, {:.0} MB/s ({} rows, {} users, {} items, {} repeated)",
            rows as f64 / seconds / 1e6,
            bytes as f64 / seconds / 1e6,
            ratings.len(),
            ratings.users().len(),
            ratings.items().len(),
            ratings.duplicates().count,
        );
    }

    let start = Instant::now();
    let store = RatingsStore::build(
        &path,
        &RatingsOptions::default(),
        folder,
        &StoreOptions::default(),
    )?;
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "store, build: {:.2} M rows/s ({} batches)",
        rows as f64 / seconds / 1e6,
        store.n_batches()
    );
    let start = Instant::now();
    let mut n = 0;
    for batch in store.batches()? {
        n += batch?.items.len();
    }
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "store, a pass: {:.2} M rows/s ({n} rows)",
        rows as f64 / seconds / 1e6
    );
    drop(store);

    let start = Instant::now();
    let mut writer = RatingsWriter::create(folder.join("w.csv"), ["user", "item", "rating"])?;
    for row in 0..rows as u64 {
        writer.push_numbered(
            row % 6040 + 1,
            row % 3706 + 1,
            (row % 10) as f32 / 2.0 + 0.5,
        )?;
    }
    writer.finish()?;
    let seconds = start.elapsed().as_secs_f64();
    println!("write: {:.2} M rows/s", rows as f64 / seconds / 1e6);
    Ok(())
}
