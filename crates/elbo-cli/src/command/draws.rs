//! `elbo draws FIT --n N`: independent draws from `q`, one per row, constrained names as columns.
//!
//! The one idea: draw `i` has its own random stream, so it is the same whatever `--n` is, and rows
//! leave as they are made: memory does not grow with `--n` (CSV).

use std::path::PathBuf;

use clap::{ArgMatches, Args, Command, FromArgMatches};
use elbo::math::random;
use elbo_data::fit::Draws;

use crate::failure::Failure;
use crate::frame::{self, push_number, push_separator, push_text};
use crate::model::Drawer;
use crate::stan::{self, Format, output};
use crate::stored;

/// Not a comment on the field: rustdoc would take `A[1001]` for a link.
const PARAMETERS_HELP: &str = "\
Only these parameters, by name (mu) or by group (weights stands for weights.1, weights.2, …); of a fit \
of ratings also a and A (users' biases and factors), b and B (items'), or those of one id, as in \
A[1001] [default: all, of ratings mu]";

#[derive(Debug, Args)]
struct Options {
    /// Directory of a fit
    #[arg(value_name = "FIT")]
    fit: PathBuf,
    /// Number of draws
    #[arg(long, short, default_value_t = 1000, value_name = "N")]
    n: usize,
    /// Key of the draws: the same seed gives the same draws
    #[arg(long, default_value_t = 0, value_name = "N")]
    seed: u64,
    #[arg(long, value_name = "NAMES", value_delimiter = ',', help = PARAMETERS_HELP)]
    parameters: Vec<String>,
    /// Format of the output: cmdstan is csv with log densities and the comments that readers of Stan's output want, for fits of Stan programs; parquet needs --out
    #[arg(long, value_enum, default_value = "csv", value_name = "FORMAT")]
    format: Format,
    /// File to write instead of stdout; it must not exist
    #[arg(long, value_name = "FILE", required_if_eq("format", "parquet"))]
    out: Option<PathBuf>,
}

/// The command for clap.
pub(crate) fn command() -> Command {
    Options::augment_args(Command::new("draws"))
        .about("Draw from the approximate posterior, as many times as asked")
}

/// Runs it.
///
/// # Errors
/// If the fit cannot be used, a parameter is unknown, or the output exists.
pub(crate) fn run(matches: &ArgMatches) -> Result<u8, Failure> {
    let options = Options::from_arg_matches(matches).expect("clap has parsed these very options");
    if options.n == 0 {
        return Err(Failure::input("--n 0 asks for nothing").help("give at least 1"));
    }
    if let Some(out) = &options.out {
        frame::refuse_existing(out)?;
    }
    let stored = stored::read(&options.fit)?;
    if stan::is_of_program(&stored.fit().record) {
        let request = output::Request {
            n: options.n,
            seed: options.seed,
            parameters: &options.parameters,
            format: options.format,
            out: options.out.as_ref(),
        };
        output::write(&stored, &request)?;
        return Ok(0);
    }
    let opened = stored.open()?;
    let drawer = opened.drawer(&options.parameters)?;
    match options.format {
        Format::Csv => write_csv(&drawer, &options)?,
        Format::Cmdstan => {
            return Err(Failure::input(
                "only fits of Stan programs are written in CmdStan's format",
            )
            .help("use --format csv"));
        }
        Format::Parquet => {
            let mut draws = Draws::new(drawer.names.clone());
            for i in 0..options.n {
                draws.push(&draw(&drawer, options.seed, i)?);
            }
            let path = options
                .out
                .as_deref()
                .expect("clap requires --out with parquet");
            draws.write_parquet(path)?;
        }
    }
    Ok(0)
}

/// Draw `i` under a seed.
///
/// # Errors
/// A numerical failure.
pub(crate) fn draw(drawer: &Drawer<'_>, seed: u64, i: usize) -> Result<Vec<f64>, Failure> {
    (drawer.draw)(&mut random::stream(seed, "cli/draws", i as u64))
}

fn write_csv(drawer: &Drawer<'_>, options: &Options) -> Result<(), Failure> {
    let mut failure = None;
    frame::deliver(options.out.as_deref(), |out| {
        let mut line = String::new();
        for (column, name) in drawer.names.iter().enumerate() {
            push_separator(column, &mut line);
            push_text(name, &mut line);
        }
        writeln!(out, "{line}")?;
        for i in 0..options.n {
            let values = draw(drawer, options.seed, i).map_err(|e| {
                failure = Some(e);
                std::io::Error::other("the draw failed")
            })?;
            line.clear();
            for (column, value) in values.iter().enumerate() {
                push_separator(column, &mut line);
                push_number(*value, &mut line);
            }
            writeln!(out, "{line}")?;
        }
        out.flush()
    })
    .map_err(|delivery| failure.unwrap_or(delivery))
}
