//! `elbo`: variational inference at the command line.
//!
//! The one idea: a command is one file in `command/`, a model one file in `model/`, and two tables
//! list them; help, dispatch, summaries, predictions and tests follow from the tables. Results go to
//! stdout, everything else to stderr, and the exit code says how it went: 0 good or usable, 2 wrong
//! usage or input, 3 a bad verdict, 4 a numerical failure, 130 interrupted. Deliberately absent:
//! numerics and file formats, which are the libraries'.

mod command;
mod console;
mod failure;
mod frame;
mod interrupt;
mod model;
mod progress;
mod simulate;
mod stan;
mod stored;
mod table;
mod verdict;

use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use failure::{Failure, Kind};

fn main() -> ExitCode {
    interrupt::install();
    let matches =
        match command::root().try_get_matches_from(command::arguments(std::env::args_os())) {
            Ok(matches) => matches,
            Err(error) => return usage(&error),
        };
    match command::run(&matches) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            console::to_stderr(&failure.to_string());
            ExitCode::from(failure.kind().exit_code())
        }
    }
}

/// Prints help, the version or what is wrong with the arguments.
fn usage(error: &clap::Error) -> ExitCode {
    match unknown_model(error) {
        Some(failure) => console::to_stderr(&failure.to_string()),
        // Nobody reading help is no error.
        None => drop(error.print()),
    }
    if error.use_stderr() {
        ExitCode::from(Kind::Input.exit_code())
    } else {
        ExitCode::SUCCESS
    }
}

/// `fit` has models where clap sees subcommands; an unknown one is said in our words.
fn unknown_model(error: &clap::Error) -> Option<Failure> {
    if error.kind() != ErrorKind::InvalidSubcommand {
        return None;
    }
    let Some(ContextValue::String(given)) = error.get(ContextKind::InvalidSubcommand) else {
        return None;
    };
    let usage = error.get(ContextKind::Usage).map(ToString::to_string)?;
    Some(if usage.contains("elbo fit") {
        model::unknown(given)
    } else if usage.contains("elbo generate") {
        command::generate::unknown(given)
    } else {
        command::unknown(given)
    })
}
