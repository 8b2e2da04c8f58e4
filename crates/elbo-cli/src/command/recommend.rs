//! `elbo recommend FIT --user ID`: the items a user has not rated and would rate highest, as CSV.

use std::path::PathBuf;

use clap::{ArgMatches, Args, Command, FromArgMatches};

use super::{Input, check_level};
use crate::console::Notes;
use crate::failure::Failure;
use crate::model::Recommendation;
use crate::{frame, stored};

#[derive(Debug, Args)]
struct Options {
    /// Directory of a fit of ratings
    #[arg(value_name = "FIT")]
    fit: PathBuf,
    /// A user's id as in the data; repeat it, or separate several by commas
    #[arg(
        long = "user",
        value_name = "ID",
        required = true,
        value_delimiter = ','
    )]
    users: Vec<String>,
    /// Items for each user
    #[arg(long, short, default_value_t = 10, value_name = "N")]
    n: usize,
    /// Probability that an interval holds, between 0 and 1
    #[arg(long, default_value_t = 0.9, value_name = "P")]
    level: f64,
    /// Ratings of users that the fit has not seen; they are folded in
    #[arg(long, value_name = "FILE")]
    new_ratings: Option<PathBuf>,
    /// File to write instead of stdout; it must not exist
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print no notes
    #[arg(long, short)]
    quiet: bool,
}

/// The command for clap.
pub(crate) fn command() -> Command {
    Options::augment_args(Command::new("recommend"))
        .about("Recommend unseen items to a user, with intervals, as CSV")
        .after_help("Columns: user, item, mean, sd, lower, upper; the highest mean comes first.")
}

/// Runs it.
///
/// # Errors
/// If the fit cannot be used, a user is unknown, or the output exists.
pub(crate) fn run(matches: &ArgMatches) -> Result<u8, Failure> {
    let options = Options::from_arg_matches(matches).expect("clap has parsed these very options");
    check_level(options.level)?;
    if options.n == 0 {
        return Err(Failure::input("--n 0 asks for nothing").help("give at least 1"));
    }
    if let Some(out) = &options.out {
        frame::refuse_existing(out)?;
    }
    let opened = stored::read(&options.fit)?.open()?;
    let new_ratings = options
        .new_ratings
        .as_deref()
        .map(|path| Input::new(path, None, false))
        .transpose()?;
    let frame = opened.recommend(&Recommendation {
        users: &options.users,
        n: options.n,
        level: options.level,
        new_ratings: new_ratings.as_ref(),
        notes: Notes::new(options.quiet),
    })?;
    frame::deliver(options.out.as_deref(), |out| frame.write_csv(out))?;
    Ok(0)
}
