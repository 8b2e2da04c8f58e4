//! Data simulated from a model, with the truth: for tests, benchmarks and trying things out.
//!
//! The one idea: a simulator is one file that writes rows to a stream and returns what they were
//! made from; a table lists them. Deliberately absent: where files go (`command/generate.rs`).

mod factor;
mod gmm;
mod regression;

use std::io::Write;

use clap::{ArgMatches, Args, Command, FromArgMatches};
use elbo::math::arrays::Arrays;
use serde_json::{Map, Value};

use crate::failure::{Failure, did_you_mean};

/// All simulators, in the order of the help.
pub(crate) const SIMULATORS: &[Entry] = &[
    Entry::of::<gmm::Mixture>(),
    Entry::of::<gmm::Means>(),
    Entry::of::<regression::Linear>(),
    Entry::of::<regression::Ard>(),
    Entry::of::<regression::Logistic>(),
    Entry::of::<factor::Ratings>(),
];

/// A model that data can be simulated from.
pub(crate) trait Simulator {
    /// The name of the model that the data are for.
    const NAME: &'static str;
    /// One line for the help.
    const ABOUT: &'static str;
    /// What the file of data is called.
    const FILE: &'static str = "data.csv";
    /// Its options.
    type Options: Args;

    /// Writes the data as CSV and returns what they were made from.
    ///
    /// # Errors
    /// Settings out of range, or what `out` reports.
    fn simulate(options: &Self::Options, seed: u64, out: &mut dyn Write) -> Result<Truth, Failure>;
}

/// What data were made from.
#[derive(Debug, Default)]
pub(crate) struct Truth {
    /// Single numbers and names.
    pub scalars: Map<String, Value>,
    /// Arrays.
    pub arrays: Arrays,
}

/// A row of the table: a [`Simulator`] behind function pointers.
pub(crate) struct Entry {
    /// [`Simulator::NAME`].
    pub name: &'static str,
    /// [`Simulator::FILE`].
    pub file: &'static str,
    about: &'static str,
    augment: fn(Command) -> Command,
    simulate: fn(&ArgMatches, u64, &mut dyn Write) -> Result<Truth, Failure>,
}

impl Entry {
    const fn of<S: Simulator>() -> Self {
        Self {
            name: S::NAME,
            file: S::FILE,
            about: S::ABOUT,
            augment: |command| S::Options::augment_args(command),
            simulate: |matches, seed, out| {
                let options = S::Options::from_arg_matches(matches)
                    .expect("clap has parsed these very options");
                S::simulate(&options, seed, out)
            },
        }
    }

    /// `elbo generate MODEL` for clap, with its own options.
    pub(crate) fn command(&self) -> Command {
        (self.augment)(Command::new(self.name)).about(self.about)
    }

    /// [`Simulator::simulate`] with the options that were given.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn simulate(
        &self,
        matches: &ArgMatches,
        seed: u64,
        out: &mut dyn Write,
    ) -> Result<Truth, Failure> {
        (self.simulate)(matches, seed, out)
    }
}

/// What to say about a model that nothing can be simulated from.
pub(crate) fn unknown(given: &str) -> Failure {
    let names: Vec<&str> = SIMULATORS.iter().map(|entry| entry.name).collect();
    Failure::input(format!("cannot generate data from '{given}'")).help(did_you_mean(given, &names))
}

/// A failed write as a failure of the command.
fn write_failed(error: &std::io::Error) -> Failure {
    Failure::input(format!("the data cannot be written: {error}"))
}

/// Refuses a size of nothing.
fn at_least_one(option: &str, value: usize) -> Result<(), Failure> {
    if value == 0 {
        return Err(Failure::input(format!("{option} 0 asks for nothing")).help("give at least 1"));
    }
    Ok(())
}

/// Refuses a standard deviation that is none.
fn non_negative(option: &str, value: f64) -> Result<(), Failure> {
    if value >= 0.0 && value.is_finite() {
        return Ok(());
    }
    Err(Failure::input(format!("{option} {value} is out of range")).help("give 0 or more"))
}
