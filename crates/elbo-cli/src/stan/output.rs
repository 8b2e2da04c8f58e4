//! `elbo draws` of a program's fit: as many draws as asked, in the program's own quantities.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use elbo_data::cmdstan::{CmdStanMethod, CmdStanRun, CmdStanWriter};
use elbo_data::fit::Draws;

use super::answer::{self, Answer, Source};
use crate::console::Notes;
use crate::failure::Failure;
use crate::frame::{self, push_number, push_text};
use crate::model;
use crate::stored::Stored;

/// How draws are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A header and a row per draw.
    Csv,
    /// The same, as `CmdStan` writes them: with comments and the log densities.
    Cmdstan,
    /// Columns of doubles.
    Parquet,
}

/// What is asked for.
pub(crate) struct Request<'a> {
    /// Number of draws.
    pub n: usize,
    /// Their key.
    pub seed: u64,
    /// Names or groups; all if there are none.
    pub parameters: &'a [String],
    /// How to write them.
    pub format: Format,
    /// Where to, if not to stdout.
    pub out: Option<&'a PathBuf>,
}

/// Writes draws of a fit or a sample of a program.
///
/// # Errors
/// If it is damaged, a quantity is unknown or cannot be computed, or the output cannot be written.
pub(crate) fn write(stored: &Stored, request: &Request<'_>) -> Result<(), Failure> {
    let answer = Answer::open(stored)?;
    if request.format == Format::Cmdstan && matches!(answer.source, Source::Chains { .. }) {
        return Err(
            Failure::input("a sample is in CmdStan's format already").help(format!(
                "its chains are the files in {}",
                stored.path().join(super::CHAINS).display()
            )),
        );
    }
    if let Some(kept) = answer.source.n_kept().filter(|kept| *kept < request.n) {
        Notes::new(false).note(format!(
            "{kept} different draws are kept; some occur more than once"
        ));
    }
    let names = answer::names(&answer.loaded);
    let chosen = model::choose(&names, request.parameters)?;
    let names: Vec<String> = chosen.iter().map(|&i| names[i].clone()).collect();
    let draws = answer
        .source
        .choose(&answer.loaded.model, request.n, request.seed)?;
    let out = request.out.map(PathBuf::as_path);
    let points = &draws.points;
    if request.format == Format::Parquet {
        let path = out.ok_or_else(|| Failure::input("parquet needs --out"))?;
        let mut table = Draws::new(names);
        answer::each_draw::<Failure>(&answer.loaded, points, request.seed, |_, row| {
            table.push(&pick(row, &chosen));
            Ok(())
        })?;
        return Ok(table.write_parquet(path)?);
    }
    if request.format == Format::Csv {
        return delivered(out, |out| {
            let mut line = String::new();
            frame::push_row(&names, |name, line| push_text(name, line), &mut line);
            out.write_all(line.as_bytes())?;
            answer::each_draw(&answer.loaded, points, request.seed, |_, row| {
                line.clear();
                let row = pick(row, &chosen);
                frame::push_row(&row, |x, line| push_number(*x, line), &mut line);
                out.write_all(line.as_bytes()).map_err(Ended::Broken)
            })?;
            Ok(out.flush()?)
        });
    }
    let record = &stored.fit().record;
    let data = record.data.path.as_str();
    let run = CmdStanRun {
        model: stem(&answer.loaded.name),
        data: Some(data).filter(|path| !path.is_empty()),
        seed: record.seed,
        method: CmdStanMethod::Approximation { n_draws: request.n },
    };
    delivered(out, |out| {
        let mut writer = CmdStanWriter::new(out, run, &names)?;
        answer::each_draw(&answer.loaded, points, request.seed, |s, row| {
            let own = [draws.log_q[s], draws.log_target[s]];
            writer.row(&own, &pick(row, &chosen)).map_err(Ended::Broken)
        })?;
        Ok(writer.finish()?)
    })
}

/// Why rows stopped.
enum Ended {
    Failed(Failure),
    Broken(io::Error),
}

impl From<Failure> for Ended {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<io::Error> for Ended {
    fn from(error: io::Error) -> Self {
        Self::Broken(error)
    }
}

/// As [`frame::deliver`], where rows may fail as well as the output.
fn delivered(
    out: Option<&Path>,
    write: impl FnOnce(&mut dyn Write) -> Result<(), Ended>,
) -> Result<(), Failure> {
    let mut failure = None;
    let delivery = frame::deliver(out, |out| match write(out) {
        Ok(()) => Ok(()),
        Err(Ended::Broken(error)) => Err(error),
        Err(Ended::Failed(found)) => {
            failure = Some(found);
            Err(io::Error::other("a draw failed"))
        }
    });
    delivery.map_err(|delivery| failure.unwrap_or(delivery))
}

/// A program's name without the ending of its file.
pub(crate) fn stem(name: &str) -> &str {
    name.strip_suffix(".stan").unwrap_or(name)
}

fn pick(row: &[f64], chosen: &[usize]) -> Vec<f64> {
    chosen.iter().map(|&i| row[i]).collect()
}
