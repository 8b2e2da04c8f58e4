//! `elbo predict FIT DATA`: the posterior predictive for every row, as CSV.

use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command, FromArgMatches};

use super::{Input, check_level, thread_count};
use crate::console::Notes;
use crate::failure::Failure;
use crate::model::{self, Prediction};
use crate::{frame, stored};

#[derive(Debug, Args)]
struct Options {
    /// Directory of a fit
    #[arg(value_name = "FIT")]
    fit: PathBuf,
    /// Rows to predict: the columns that the fit used, or (user, item) pairs for a fit of ratings
    #[arg(value_name = "DATA")]
    data: PathBuf,
    /// Format of DATA, where it is told wrongly: csv, tsv, semicolon, pipe, space, :: or parquet
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// The first line of DATA holds data, not names
    #[arg(long)]
    no_header: bool,
    /// Probability that an interval holds, between 0 and 1
    #[arg(long, default_value_t = 0.9, value_name = "P")]
    level: f64,
    /// Ratings of users that the fit has not seen; they are folded in (fits of ratings only)
    #[arg(long, value_name = "FILE")]
    new_ratings: Option<PathBuf>,
    /// File to write instead of stdout; it must not exist
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Threads to use; 0: as many as there are cores
    #[arg(long, default_value_t = 0, value_name = "N", value_parser = thread_count())]
    threads: usize,
    /// Print no notes
    #[arg(long, short)]
    quiet: bool,
}

/// The command for clap.
pub(crate) fn command() -> Command {
    let columns = |entry: &model::Entry| format!("\n  {:<16}  {}", entry.name, entry.predicts);
    let columns: String = model::MODELS.iter().map(columns).collect();
    Options::augment_args(Command::new("predict"))
        .about("Predict new rows, with intervals, as CSV")
        .after_help(format!("Columns, by the model of the fit:{columns}"))
}

/// Runs it.
///
/// # Errors
/// If the fit or the data cannot be used, or the output exists.
pub(crate) fn run(matches: &ArgMatches) -> Result<u8, Failure> {
    let options = Options::from_arg_matches(matches).expect("clap has parsed these very options");
    check_level(options.level)?;
    if let Some(out) = &options.out {
        frame::refuse_existing(out)?;
    }
    let stored = stored::read(&options.fit)?;
    check_effect(stored.entry()?, &options, matches)?;
    let opened = stored.open()?;
    let input = Input::new(&options.data, options.format.as_deref(), options.no_header)?;
    let new_ratings = options
        .new_ratings
        .as_deref()
        .map(|path| Input::new(path, None, false))
        .transpose()?;
    let request = Prediction {
        input: &input,
        level: options.level,
        new_ratings: new_ratings.as_ref(),
        notes: Notes::new(options.quiet),
    };
    let frame = elbo::math::parallel::with_threads(options.threads, || opened.predict(&request))?;
    frame::deliver(options.out.as_deref(), |out| frame.write_csv(out))?;
    Ok(0)
}

/// Refuses options that the fit's model would ignore.
fn check_effect(
    entry: &model::Entry,
    options: &Options,
    matches: &ArgMatches,
) -> Result<(), Failure> {
    let level_is_typed = matches.value_source("level") == Some(ValueSource::CommandLine);
    let ignored = [
        ("--level", level_is_typed && !entry.intervals, "intervals"),
        (
            "--new-ratings",
            options.new_ratings.is_some() && !entry.folds_in,
            "users",
        ),
    ];
    match ignored.iter().find(|(_, ignored, _)| *ignored) {
        Some((option, _, what)) => Err(Failure::input(format!(
            "{option} has no effect: {} predicts no {what}",
            entry.name
        ))
        .help("leave it out")),
        None => Ok(()),
    }
}
