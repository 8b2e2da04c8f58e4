//! `elbo summary FIT`: the table and the verdict of a saved fit, again.

use std::path::PathBuf;

use clap::{ArgMatches, Args, Command, FromArgMatches};
use elbo_data::fit::FitRecord;
use serde_json::json;

use crate::console::Results;
use crate::failure::Failure;
use crate::model::Opened;
use crate::stan::answer::Answer;
use crate::stan::{self, report};
use crate::stored::Stored;
use crate::{stored, table};

#[derive(Debug, Args)]
struct Options {
    /// Directory of a fit
    #[arg(value_name = "FIT")]
    fit: PathBuf,
    /// Print one JSON object: the fit's, and every parameter's marginal under "parameters"
    #[arg(long)]
    json: bool,
    /// Show all parameters; on a terminal a long table is cut in the middle
    #[arg(long)]
    all: bool,
}

/// The command for clap.
pub(crate) fn command() -> Command {
    Options::augment_args(Command::new("summary"))
        .about("Print the parameters (mean, sd, quantiles) and the verdict of a fit")
}

/// Runs it.
///
/// # Errors
/// If the fit cannot be read.
pub(crate) fn run(matches: &ArgMatches) -> Result<u8, Failure> {
    let options = Options::from_arg_matches(matches).expect("clap has parsed these very options");
    let stored = stored::read(&options.fit)?;
    if stan::is_of_program(&stored.fit().record) {
        return of_program(&stored, &options);
    }
    let opened = stored.open()?;
    let record = &stored.fit().record;
    let mut stdout = Results::stdout();
    if options.json {
        let mut object = stored::result_object(record, Some(&options.fit));
        object.insert("parameters".into(), json!(opened.marginals(true)?));
        stdout.line(&serde_json::Value::Object(object).to_string())?;
    } else {
        print(&mut stdout, record, &*opened, options.all)?;
    }
    stdout.finish()?;
    Ok(0)
}

/// The same of a program's fit or sample.
fn of_program(stored: &Stored, options: &Options) -> Result<u8, Failure> {
    let record = &stored.fit().record;
    let marginals = if let Some(draws) = elbo_data::fit::read_draws(&options.fit)? {
        report::marginals(draws.names(), draws.columns())
    } else {
        let answer = Answer::open(stored)?;
        report::few_marginals(&answer.loaded, &answer.source, record.seed)?
    };
    let mut stdout = Results::stdout();
    if options.json {
        let mut object = stored::result_object(record, Some(&options.fit));
        object.insert("parameters".into(), json!(marginals));
        stdout.line(&serde_json::Value::Object(object).to_string())?;
    } else {
        report::print(&mut stdout, record, &marginals, options.all)?;
    }
    stdout.finish()?;
    Ok(0)
}

/// The table, what the model says, the bound and the verdict.
///
/// # Errors
/// If stdout cannot be written.
pub(crate) fn print(
    stdout: &mut Results,
    record: &FitRecord,
    opened: &dyn Opened,
    all: bool,
) -> Result<(), Failure> {
    let limit = if all {
        usize::MAX
    } else {
        table::TERMINAL_ROWS
    };
    stdout.line(&table::render(&opened.marginals(all)?, limit))?;
    stdout.line("")?;
    for remark in opened.remarks() {
        stdout.line(&remark)?;
    }
    if record.data.n_missing > 0 {
        stdout.line(&format!(
            "{} missing entries were marginalised",
            record.data.n_missing
        ))?;
    }
    if let Some(heldout) = heldout(record) {
        stdout.line(&heldout)?;
    }
    let elbo = record.elbo.unwrap_or(f64::NAN);
    let error = match record.elbo_mcse {
        Some(error) if error > 0.0 => format!(" ± {error:.1e}"),
        _ => String::new(),
    };
    stdout.line(&format!(
        "{}: ELBO {elbo:.4}{error} nats, {} iterations, {:.2} s",
        record.model, record.iterations, record.seconds
    ))?;
    stdout.line(&format!("verdict: {}", record.verdict_text))
}

/// How well what was kept back is predicted, if anything was.
fn heldout(record: &FitRecord) -> Option<String> {
    let number = |key: &str| record.extra.get(key).and_then(serde_json::Value::as_f64);
    let (n, density) = (number("n_heldout")?, number("heldout_log_density")?);
    let rmse = number("heldout_rmse").map_or_else(String::new, |v| format!("RMSE {v:.4}, "));
    let coverage = number("heldout_coverage_90").map_or_else(String::new, |v| {
        format!(", 90% intervals cover {:.1}%", 100.0 * v)
    });
    Some(format!(
        "{n} held out: {rmse}mean log density {density:.4}{coverage}"
    ))
}
