//! `elbo generate MODEL --out DIR`: simulated data, and beside them what they were made from.
//!
//! The directory appears whole or not at all. It holds the data (`data.csv` or `ratings.csv`),
//! `truth.json` (single numbers) and `truth.safetensors` (arrays); `elbo fit MODEL DIR` reads it.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, Command, value_parser};
use elbo_data::fit::{StagedDirectory, write_arrays};
use serde_json::Value;

use crate::console::Results;
use crate::failure::Failure;
use crate::simulate::{self, SIMULATORS};
use crate::stored;

/// Single numbers that the data were made from; the file by which such a directory is known.
const TRUTH: &str = "truth.json";

/// The command for clap.
pub(crate) fn command() -> Command {
    let shared = [
        Arg::new("out")
            .long("out")
            .value_name("DIR")
            .required(true)
            .value_parser(value_parser!(PathBuf))
            .help("Directory to write data and truth to; it must not exist"),
        Arg::new("seed")
            .long("seed")
            .value_name("N")
            .default_value("0")
            .value_parser(value_parser!(u64))
            .help("Key of all random numbers: the same seed gives the same data"),
    ];
    Command::new("generate")
        .about("Simulate data from a model, with the truth beside them")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .subcommand_value_name("MODEL")
        .subcommand_help_heading("Models")
        .subcommands(
            SIMULATORS
                .iter()
                .map(|entry| entry.command().args(shared.clone())),
        )
}

/// Runs it.
///
/// # Errors
/// Settings out of range, or an output that exists or cannot be written.
pub(crate) fn run(matches: &ArgMatches) -> Result<u8, Failure> {
    let (name, matches) = matches
        .subcommand()
        .expect("clap refuses to generate without a model");
    let entry = SIMULATORS
        .iter()
        .find(|entry| entry.name == name)
        .expect("clap knows no other models than the table's");
    let out: &PathBuf = matches.get_one("out").expect("clap requires --out");
    let seed: u64 = *matches.get_one("seed").expect("--seed has a default");
    let staged = StagedDirectory::create(out, false, TRUTH)?;
    let mut truth = stored::create(&staged.path().join(entry.file), |data| {
        entry.simulate(matches, seed, data)
    })?;
    truth.scalars.insert("model".into(), name.into());
    truth.scalars.insert("seed".into(), seed.into());
    let text = format!("{:#}\n", Value::Object(truth.scalars));
    stored::create(&staged.path().join(TRUTH), |file| {
        file.write_all(text.as_bytes())
            .map_err(|e| Failure::input(format!("the truth cannot be written: {e}")))
    })?;
    write_arrays(staged.path().join("truth.safetensors"), &truth.arrays)?;
    staged.commit()?;
    let mut stdout = Results::stdout();
    stdout.line(&out.join(entry.file).display().to_string())?;
    stdout.finish()?;
    Ok(0)
}

/// What to say about a model that nothing can be simulated from.
pub(crate) fn unknown(given: &str) -> Failure {
    simulate::unknown(given)
}
