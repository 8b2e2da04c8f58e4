//! `elbo-bench`: speed and accuracy beside the rivals, on the same data, in alternating runs.
//!
//! A row prepares its data once, in a folder of raw arrays. Each side is then a process of its own
//! (ours: this program called again; the rival's: a Python script of `rivals/`), so that memory is
//! told apart and neither side profits from the other's warm cache. Medians are reported, with the
//! accuracy both sides reached.

#![expect(clippy::print_stdout, reason = "a report for the terminal")]

mod accuracy;
mod raw;
mod row;
mod rows;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Parser;

use row::{Comparison, Row};

/// Speed and accuracy of elbo beside its rivals.
#[derive(Parser)]
#[command(name = "cargo xtask bench", version)]
struct Args {
    /// Rows to run; without any, all of them.
    rows: Vec<String>,
    /// List the rows and stop.
    #[arg(long)]
    list: bool,
    /// How often each side runs.
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Makes other data of the same kind: the figures of `benches/README.md` are those of seed 1
    /// unless they say otherwise.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The Python that has the rivals (`rivals/requirements.txt`); without it, the one that the
    /// variable `ELBO_BENCH_PYTHON` names; without either, ours alone.
    #[arg(long)]
    python: Option<PathBuf>,
    /// Only prepare the data of one row, in this folder: a rival's script runs on it by hand.
    #[arg(long)]
    prepare: Option<PathBuf>,
    /// One JSON object per row.
    #[arg(long)]
    json: bool,
    /// The answers of `auto` on ten posteriors beside NUTS's, instead of the rows; names are those of
    /// posteriors.
    #[arg(long)]
    accuracy: bool,
    /// The folder with the real data of the posteriors; the variable `ELBO_DATA` does as well.
    #[arg(long, requires = "accuracy")]
    data: Option<PathBuf>,
    /// A folder for the sampler's moments: read where they belong to the same posterior, otherwise
    /// computed and written. Without it NUTS runs every time.
    #[arg(long, requires = "accuracy")]
    references: Option<PathBuf>,
    /// Run our side of one row on a prepared folder (used by the program itself).
    #[arg(long, hide = true, num_args = 2, value_names = ["FOLDER", "THREADS"])]
    side: Option<Vec<String>>,
}

fn main() -> Result<ExitCode> {
    let args = Args::parse();
    if args.accuracy {
        let data = args
            .data
            .or_else(|| std::env::var_os("ELBO_DATA").map(PathBuf::from))
            .unwrap_or_else(|| PathBuf::from("data"));
        let references = args.references.as_deref();
        accuracy::run(&args.rows, &data, references, args.seed, |answer| {
            if args.json {
                println!("{}", answer.to_json());
            } else {
                println!("{answer}");
            }
        })?;
        return Ok(ExitCode::SUCCESS);
    }
    let rows = rows::all();
    if args.list {
        for row in &rows {
            println!("{:<22} {}", row.name, row.title);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let chosen = choose(&rows, &args.rows)?;
    if let Some(side) = &args.side {
        let threads = side[1].parse().context("the number of threads")?;
        println!(
            "{}",
            row::our_side(chosen[0], side[0].as_ref(), threads)?.to_json()
        );
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(folder) = &args.prepare {
        row::prepare(chosen[0], folder, args.seed)?;
        return Ok(ExitCode::SUCCESS);
    }
    let python = args
        .python
        .or_else(|| std::env::var_os("ELBO_BENCH_PYTHON").map(PathBuf::from));
    for row in chosen {
        for comparison in row::compare(row, python.as_deref(), args.runs, args.seed)? {
            print(&comparison, args.json);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn choose<'a>(rows: &'a [Row], names: &[String]) -> Result<Vec<&'a Row>> {
    if names.is_empty() {
        return Ok(rows.iter().collect());
    }
    let find = |name: &String| {
        rows.iter().find(|row| row.name == name).with_context(|| {
            let known: Vec<_> = rows.iter().map(|row| row.name).collect();
            format!(
                "no row is called '{name}'; the rows are {}",
                known.join(", ")
            )
        })
    };
    names.iter().map(find).collect()
}

fn print(comparison: &Comparison, json: bool) {
    if json {
        println!("{}", comparison.to_json());
    } else {
        println!("{comparison}\n");
    }
}
