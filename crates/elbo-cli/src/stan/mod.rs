//! Stan programs at the command line: what `fit`, `sample`, `draws`, `summary`, `compare`, `check` and
//! `log-density` do with them.
//!
//! The one idea: a directory that a fit or a sample leaves holds the program and its data beside the
//! numbers, so that everything after it needs the directory alone. Deliberately absent: the language
//! and its evaluation, which are `elbo-stan`'s.

pub(crate) mod answer;
pub(crate) mod fit;
mod load;
mod method;
pub(crate) mod output;
pub(crate) mod record;
pub(crate) mod report;
mod watch;

use std::path::Path;

use elbo_data::fit::FitRecord;

pub(crate) use load::{Folder, Loaded, load, read_program, unreadable};

pub(crate) use output::Format;
pub(crate) use record::{Parts, write};

/// The folder of a sample's chains in `CmdStan`'s format.
pub(crate) const CHAINS: &str = "cmdstan";

/// Whether a name is one of a Stan program's file.
pub(crate) fn is_program(name: impl AsRef<Path>) -> bool {
    name.as_ref()
        .extension()
        .is_some_and(|e| e.eq_ignore_ascii_case("stan"))
}

/// Whether a directory holds the fit of a program, or a sample.
pub(crate) fn is_of_program(record: &FitRecord) -> bool {
    is_program(&record.model)
}
