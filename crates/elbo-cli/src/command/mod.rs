//! The commands, one file each, and the table that lists them.

pub(crate) mod check;
pub(crate) mod compare;
pub(crate) mod draws;
pub(crate) mod export;
pub(crate) mod fit;
pub(crate) mod generate;
pub(crate) mod log_density;
pub(crate) mod predict;
pub(crate) mod recommend;
pub(crate) mod sample;
pub(crate) mod summary;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::builder::RangedU64ValueParser;
use clap::{ArgMatches, Command};
use elbo_data::Format;
use elbo_data::ratings::RatingsOptions;
use elbo_data::table::{Table, TableOptions, read_table};

use crate::failure::{Failure, did_you_mean};
use crate::simulate::SIMULATORS;
use crate::stan;

/// A row of the table: how the command is described to clap, and what it does.
struct Entry {
    command: fn() -> Command,
    /// Returns the exit code.
    run: fn(&ArgMatches) -> Result<u8, Failure>,
}

/// All commands, in the order of the help.
const COMMANDS: &[Entry] = &[
    Entry {
        command: fit::command,
        run: fit::run,
    },
    Entry {
        command: sample::command,
        run: sample::run,
    },
    Entry {
        command: summary::command,
        run: summary::run,
    },
    Entry {
        command: predict::command,
        run: predict::run,
    },
    Entry {
        command: recommend::command,
        run: recommend::run,
    },
    Entry {
        command: draws::command,
        run: draws::run,
    },
    Entry {
        command: export::command,
        run: export::run,
    },
    Entry {
        command: generate::command,
        run: generate::run,
    },
    Entry {
        command: compare::command,
        run: compare::run,
    },
    Entry {
        command: check::command,
        run: check::run,
    },
    Entry {
        command: log_density::command,
        run: log_density::run,
    },
];

const AFTER_HELP: &str = "\
Exit codes: 0 done, and a fit's verdict is good or usable; 2 wrong usage or input; 3 the verdict is \
bad (the fit is still written); 4 numerical failure; 130 interrupted (the state is saved).
Results go to stdout, everything else to stderr.

Example:
  elbo fit gmm data/faithful.csv --components 6 --weight-concentration 0.001 --out mixture
  elbo predict mixture data/faithful.csv";

/// The whole command line.
pub(crate) fn root() -> Command {
    let root = Command::new("elbo")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Variational inference: an approximate posterior, fast, and an honest verdict on it")
        .after_help(AFTER_HELP)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .subcommands(COMMANDS.iter().map(|entry| (entry.command)()));
    accept_negative_numbers(root)
}

/// The command line, with `fit PROGRAM.stan` written out as `fit stan PROGRAM.stan`.
pub(crate) fn arguments(given: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = given.collect();
    let is_model = |name: &OsString| {
        name.to_str()
            .is_some_and(|name| name == stan::fit::NAME || crate::model::find(name).is_some())
    };
    if arguments.get(1).is_some_and(|command| command == "fit")
        && !arguments.get(2).is_some_and(is_model)
        && arguments[2..].iter().any(stan::is_program)
    {
        arguments.insert(2, stan::fit::NAME.into());
    }
    arguments
}

/// Lets `--intercept -1` through to the option, whose range is checked with a better message.
fn accept_negative_numbers(command: Command) -> Command {
    command
        .mut_args(|argument| {
            let takes_values = argument.get_action().takes_values() && !argument.is_positional();
            argument.allow_negative_numbers(takes_values)
        })
        .mut_subcommands(accept_negative_numbers)
}

/// Runs the command that was given.
///
/// # Errors
/// What the command reports.
pub(crate) fn run(matches: &ArgMatches) -> Result<u8, Failure> {
    let (name, matches) = matches
        .subcommand()
        .expect("clap refuses a command line without a command");
    let entry = COMMANDS
        .iter()
        .find(|entry| (entry.command)().get_name() == name)
        .expect("clap knows no other commands than the table's");
    (entry.run)(matches)
}

/// What to say about a command that does not exist.
pub(crate) fn unknown(given: &str) -> Failure {
    let names: Vec<String> = COMMANDS
        .iter()
        .map(|entry| (entry.command)().get_name().to_owned())
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    Failure::input(format!("unknown command '{given}'")).help(did_you_mean(given, &names))
}

/// Where data are: a file, and how it reads if not as it looks.
#[derive(Debug, Clone)]
pub(crate) struct Input {
    /// The file.
    pub path: PathBuf,
    /// The format that was asked for.
    pub format: Option<Format>,
    /// Whether the first line holds names, if it was said.
    pub header: Option<bool>,
}

impl Input {
    /// A file, or the data within a folder that `elbo generate` wrote.
    ///
    /// # Errors
    /// If the format is unknown.
    pub(crate) fn new(path: &Path, format: Option<&str>, no_header: bool) -> Result<Self, Failure> {
        let inside = SIMULATORS
            .iter()
            .map(|entry| path.join(entry.file))
            .find(|file| file.is_file());
        Ok(Self {
            path: inside.unwrap_or_else(|| path.to_path_buf()),
            format: format.map(str::parse).transpose()?,
            header: no_header.then_some(false),
        })
    }

    /// The whole table.
    ///
    /// # Errors
    /// If it cannot be read, or a column is not there.
    pub(crate) fn table(&self, columns: Option<Vec<String>>) -> Result<Table, Failure> {
        let mut options = self.table_options();
        options.columns = columns;
        Ok(read_table(&self.path, &options)?)
    }

    /// How a table is to be read.
    pub(crate) fn table_options(&self) -> TableOptions {
        TableOptions {
            format: self.format,
            header: self.header,
            ..TableOptions::default()
        }
    }

    /// How ratings or pairs are to be read.
    pub(crate) fn ratings_options(&self) -> RatingsOptions {
        RatingsOptions {
            format: self.format,
            header: self.header,
            ..RatingsOptions::default()
        }
    }
}

/// Parses `--threads`: a typing error must not ask the system for a million of them.
pub(crate) fn thread_count() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(0..=1024)
}

/// Refuses probabilities that make no interval.
///
/// # Errors
/// If `level` is not strictly between 0 and 1.
pub(crate) fn check_level(level: f64) -> Result<(), Failure> {
    if level > 0.0 && level < 1.0 {
        return Ok(());
    }
    Err(Failure::input(format!("--level {level} is out of range"))
        .help("give a probability between 0 and 1, such as 0.9"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clap_finds_no_contradiction_in_the_command_line() {
        root().debug_assert();
    }

    #[test]
    fn every_option_of_every_command_says_what_it_does() {
        fn check(command: &Command) {
            for argument in command.get_arguments() {
                assert!(
                    argument.get_help().is_some(),
                    "{} of '{}' has no help",
                    argument.get_id(),
                    command.get_name()
                );
            }
            command.get_subcommands().for_each(check);
        }
        check(&root());
    }
}
