//! `cargo xtask posteriordb`: every program of a posteriordb checkout, beside stanli.
//!
//! The one idea: each posterior is a row that is found out by itself, kept as JSON as soon as it is
//! known, and shown in one table, so that a run may be stopped, and single rows run again.

#![expect(clippy::print_stdout, reason = "a report for the terminal")]
#![expect(clippy::print_stderr, reason = "progress")]

mod checkout;
mod examine;
mod moments;
mod process;
mod row;
mod side;
mod stanli;
mod summary;
mod table;
mod tolerances;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use clap::Parser;

use checkout::Checkout;
use examine::{Examination, folder_or_temporary};
use row::Row;
use side::Line;
use stanli::Stanli;
use table::Head;

/// Every program of a posteriordb checkout, beside stanli.
#[derive(Parser)]
#[command(name = "cargo xtask posteriordb", version)]
struct Args {
    /// The checkout, then the posteriors to run; without any, all of them.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// The Python that has stanli (`rivals/requirements.txt`); without it, the one that the variable
    /// `ELBO_BENCH_PYTHON` names; without either, only what the references' folder holds.
    #[arg(long)]
    python: Option<PathBuf>,
    /// A folder for stanli's answers: read where they belong to the same program and data, otherwise
    /// computed and written.
    #[arg(long)]
    references: Option<PathBuf>,
    /// Writes the table here, and the rows beside it as JSON. Rows that are there already and are not
    /// run again stay.
    #[arg(long)]
    out: Option<PathBuf>,
    /// One JSON object per row.
    #[arg(long)]
    json: bool,
    /// Seconds that a fit may take.
    #[arg(long, default_value_t = 300.0)]
    limit: f64,
    /// Seconds that a run of stanli's sampler may take; kept runs are used however long they took, and
    /// with 0 no others.
    #[arg(long, default_value_t = 400.0)]
    nuts_limit: f64,
    /// Evaluates without fitting.
    #[arg(long)]
    no_fit: bool,
    /// The `elbo` program, to race stanli's sampler where the answer is good and right.
    #[arg(long)]
    race: Option<PathBuf>,
    /// A sentence about the circumstances for the table's head.
    #[arg(long)]
    note: Option<String>,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Our side of one posterior (used by the program itself).
    #[arg(long, hide = true)]
    side: Option<String>,
    #[arg(long, hide = true)]
    points: Option<PathBuf>,
    #[arg(long, hide = true)]
    tight: Option<PathBuf>,
}

fn main() -> Result<()> {
    let args = Args::parse();
    if let Some(task) = &args.side {
        return our_side(task, &args);
    }
    let (checkout, names) = args.paths.split_first().context("a checkout")?;
    let checkout = Checkout::open(checkout)?;
    let mut posteriors = checkout.posteriors()?;
    for name in names {
        let known = posteriors.iter().any(|p| Path::new(&p.name) == name);
        anyhow::ensure!(known, "no posterior '{}'", name.display());
    }
    posteriors.retain(|p| names.is_empty() || names.iter().any(|n| Path::new(&p.name) == n));
    let (folder, _temporary) = folder_or_temporary(args.references.as_deref())?;
    let variable = || std::env::var_os("ELBO_BENCH_PYTHON").map(PathBuf::from);
    let python = args.python.clone().or_else(variable);
    let mut head = Head {
        date: said("date", &["-u", "+%F"]).unwrap_or_default(),
        commit: checkout.commit(),
        stanli: python.as_ref().and_then(|python| {
            let ask = "from importlib.metadata import version; print(version('stanli'))";
            said(python, &["-c", ask])
        }),
        note: args.note.clone(),
        command: command(),
    };
    let examination = Examination {
        checkout,
        stanli: Stanli {
            python,
            folder: std::path::absolute(folder)?,
            limit: args.nuts_limit,
        },
        seed: args.seed,
        threads: args.threads,
        limit: args.limit,
        no_fit: args.no_fit,
        elbo: args.race.as_deref().map(std::path::absolute).transpose()?,
    };
    let mut rows = kept(args.out.as_deref())?;
    for posterior in &posteriors {
        let row = examination
            .row(posterior)
            .with_context(|| format!("posterior {}", posterior.name))?;
        if args.json {
            println!("{}", serde_json::to_string(&row)?);
        }
        eprintln!("{:<60} {}", row.name, row.outcome().join("; "));
        rows.retain(|other| other.name != row.name);
        rows.push(row);
        rows.sort_by(|a, b| a.name.cmp(&b.name));
        if let Some(out) = &args.out {
            head.date = said("date", &["-u", "+%F"]).unwrap_or_default();
            std::fs::write(out.with_extension("json"), serde_json::to_string(&rows)?)?;
            std::fs::write(out, table::page(&head, &rows)?)?;
        }
    }
    for (what, goal, found) in summary::lines(&rows) {
        eprintln!("{what}: {found} (goal {goal})");
    }
    Ok(())
}

/// Rows of an earlier run.
fn kept(out: Option<&Path>) -> Result<Vec<Row>> {
    let Some(path) = out.map(|out| out.with_extension("json")) else {
        return Ok(Vec::new());
    };
    match std::fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .with_context(|| format!("{} is of another version: delete it", path.display())),
        Err(_) => Ok(Vec::new()),
    }
}

fn our_side(task: &str, args: &Args) -> Result<()> {
    let [program, data] = args.paths.as_slice() else {
        anyhow::bail!("a side needs a program and its data");
    };
    let mut say = |line: &Line| {
        if let Ok(text) = serde_json::to_string(line) {
            println!("{text}");
        }
    };
    let (points, tight) = (args.points.as_deref(), args.tight.as_deref());
    match task {
        "density" => side::density(program, data, points, tight, &mut say),
        "fit" => side::fitted(program, data, args.seed, args.threads, &mut say),
        _ => anyhow::bail!("no side '{task}'"),
    }
}

/// What a command says, if it says anything.
fn said(program: impl AsRef<std::ffi::OsStr>, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

/// How this table is made, without the folders of this machine.
fn command() -> String {
    "cargo xtask posteriordb PATH --python rivals/bin/python --references FOLDER \\\n    \
     --race target/release/elbo --out benches/posteriordb.md"
        .to_owned()
}
