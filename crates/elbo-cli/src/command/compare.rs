//! `elbo compare FIT REFERENCE`: how far a fit's quantities are from a reference's.
//!
//! Every figure is in standard deviations of the reference, so that one limit serves all quantities.

use std::path::{Path, PathBuf};

use clap::{ArgMatches, Args, Command, FromArgMatches};
use elbo::vi::Draws;
use elbo::vi::diagnostic::compare::compare;
use elbo::vi::diagnostic::monte_carlo_error::Summary;
use serde_json::{Value, json};

use crate::console::{Notes, Results};
use crate::failure::Failure;
use crate::stan::answer::{self, Answer, Source};
use crate::stored;

/// Draws that a fit is compared by, and a reference that has more is.
const N_DRAWS: usize = 4000;

#[derive(Debug, Args)]
struct Options {
    /// Directory of a fit of a Stan program
    #[arg(value_name = "FIT")]
    fit: PathBuf,
    /// Directory of what it is compared with: a sample, or another fit
    #[arg(value_name = "REFERENCE")]
    reference: PathBuf,
    /// Print one JSON object instead of the table
    #[arg(long)]
    json: bool,
}

/// The command for clap.
pub(crate) fn command() -> Command {
    Options::augment_args(Command::new("compare"))
        .about("Compare a fit of a Stan program with a sample, quantity by quantity")
}

/// A directory's quantities.
struct Side {
    names: Vec<String>,
    columns: Vec<Vec<f64>>,
    /// Monte Carlo errors of the means; `None` where there are no chains to tell.
    errors: Option<Vec<f64>>,
    /// Effective draws behind every quantity of a fit.
    effective: f64,
}

/// Runs it.
///
/// # Errors
/// If a directory cannot be used, or they have no quantity in common.
pub(crate) fn run(matches: &ArgMatches) -> Result<u8, Failure> {
    let options = Options::from_arg_matches(matches).expect("clap has parsed these very options");
    let (fit, reference) = (side(&options.fit)?, side(&options.reference)?);
    let mut pairs = Vec::new();
    for (i, name) in fit.names.iter().enumerate() {
        if let Some(j) = reference.names.iter().position(|other| other == name) {
            pairs.push((i, j));
        }
    }
    if pairs.is_empty() {
        return Err(Failure::input(format!(
            "{} and {} have no quantity in common",
            options.fit.display(),
            options.reference.display()
        ))
        .help("compare fits and samples of the same program"));
    }
    let missing = fit.names.len() - pairs.len() + reference.names.len() - pairs.len();
    if missing > 0 {
        Notes::new(false).note(format!("{missing} quantities are only in one of them"));
    }
    // What is the same number in every draw of both has nothing to compare.
    let varies = |column: &[f64]| column.iter().any(|x| *x != column[0]);
    let (moving, constant): (Vec<_>, Vec<_>) = pairs.into_iter().partition(|(i, j)| {
        varies(&reference.columns[*j])
            || varies(&fit.columns[*i])
            || fit.columns[*i][0] != reference.columns[*j][0]
    });
    let gather = |side: &Side, which: &dyn Fn(&(usize, usize)) -> usize| {
        let chosen = moving
            .iter()
            .map(|pair| side.columns[which(pair)].as_slice());
        let values: Vec<f64> = chosen.collect::<Vec<_>>().concat();
        let n = side.columns.first().map_or(0, Vec::len);
        Draws::from_vec(moving.len(), n, values)
    };
    let found = compare(&gather(&fit, &|p| p.0), &gather(&reference, &|p| p.1))?;
    let quantities: Vec<Quantity> = moving
        .iter()
        .enumerate()
        .map(|(k, (i, j))| Quantity {
            name: fit.names[*i].clone(),
            mean_error: found.mean_errors[k],
            mean_mcse: mcse(&fit, &reference, *j),
            sd_ratio: found.sd_ratios[k],
            wasserstein: found.wasserstein[k],
        })
        .collect();
    let mut stdout = Results::stdout();
    if options.json {
        let object = json!({
            "fit": options.fit.display().to_string(),
            "reference": options.reference.display().to_string(),
            "n_quantities": quantities.len(),
            "n_constant": constant.len(),
            "worst_mean_error": finite(found.worst_mean()),
            "worst_sd_ratio": worst_ratio(&quantities),
            "mmd_squared": finite(found.mmd_squared),
            "quantities": quantities.iter().map(Quantity::object).collect::<Vec<Value>>(),
        });
        stdout.line(&object.to_string())?;
    } else {
        print(&mut stdout, &quantities)?;
    }
    stdout.finish()?;
    Ok(0)
}

fn side(path: &Path) -> Result<Side, Failure> {
    let stored = stored::read(path)?;
    let answer = Answer::open(&stored)?;
    let seed = stored.fit().record.seed;
    let n = answer.source.n_kept().unwrap_or(N_DRAWS);
    let chosen = answer.source.choose(&answer.loaded.model, n, seed)?;
    let columns = answer::columns(&answer.loaded, &chosen.points, seed)?;
    let (errors, effective) = match &answer.source {
        Source::Chains { n_chains, .. } => {
            let errors = columns.iter().map(|column| {
                let length = (column.len() / n_chains).max(1);
                let chains: Vec<&[f64]> = column.chunks(length).collect();
                Summary::of(&chains).mcse_mean
            });
            (Some(errors.collect()), f64::INFINITY)
        }
        Source::Weighted(weighted) => (None, weighted.effective_sample_size()),
        Source::Own(_) => (None, n as f64),
    };
    Ok(Side {
        names: answer::names(&answer.loaded),
        columns,
        errors,
        effective,
    })
}

/// The Monte Carlo error of the difference of means, in standard deviations of the reference.
fn mcse(fit: &Side, reference: &Side, j: usize) -> f64 {
    let sd = sd(&reference.columns[j]);
    let own = match &reference.errors {
        Some(errors) => errors[j] / sd,
        None => 1.0 / reference.effective.sqrt(),
    };
    own.hypot(1.0 / fit.effective.sqrt())
}

fn sd(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt()
}

/// One quantity beside its reference.
struct Quantity {
    name: String,
    mean_error: f64,
    mean_mcse: f64,
    sd_ratio: f64,
    wasserstein: f64,
}

impl Quantity {
    fn object(&self) -> Value {
        json!({
            "name": self.name,
            "mean_error": finite(self.mean_error),
            "mean_error_mcse": finite(self.mean_mcse),
            "sd_ratio": finite(self.sd_ratio),
            "wasserstein": finite(self.wasserstein),
        })
    }
}

/// JSON has no word for what is not finite.
fn finite(x: f64) -> Option<f64> {
    x.is_finite().then_some(x)
}

/// The ratio of standard deviations that is farthest from one.
fn worst_ratio(quantities: &[Quantity]) -> Option<f64> {
    let ratios = quantities.iter().map(|q| q.sd_ratio);
    ratios
        .max_by(|a, b| (a - 1.0).abs().total_cmp(&(b - 1.0).abs()))
        .and_then(finite)
}

fn print(stdout: &mut Results, quantities: &[Quantity]) -> Result<(), Failure> {
    let widest = quantities.iter().map(|q| q.name.len()).max().unwrap_or(0);
    stdout.line(&format!(
        "{:widest$}  mean error   mcse  sd ratio  Wasserstein",
        ""
    ))?;
    for q in quantities {
        stdout.line(&format!(
            "{:widest$}  {:10.3}  {:5.3}  {:8.3}  {:11.3}",
            q.name, q.mean_error, q.mean_mcse, q.sd_ratio, q.wasserstein
        ))?;
    }
    stdout.line("")?;
    stdout.line("errors and distances are in standard deviations of the reference")
}
