//! `elbo log-density PROGRAM.stan [DATA] --at POINTS`: the log density and its gradient where asked.
//!
//! Points are unconstrained, as every method sees them. Given are the density on unconstrained space
//! and that of the parameters themselves, without the change of variables; both with all constants and
//! without those that Stan drops.

use std::path::{Path, PathBuf};

use clap::{ArgMatches, Args, Command, FromArgMatches};
use elbo::stan::{Constants, DensityOptions, Jacobian};
use serde_json::{Value, json};

use crate::console::{Notes, Results};
use crate::failure::Failure;
use crate::stan::{self, Loaded};

#[derive(Debug, Args)]
struct Options {
    /// A Stan program
    #[arg(value_name = "PROGRAM")]
    program: PathBuf,
    /// Its data: JSON, or R's dump format
    #[arg(value_name = "DATA")]
    data: Option<PathBuf>,
    /// File with unconstrained points, a JSON list of numbers for each or one list of numbers; or with a value for every parameter, in the format of the data
    #[arg(long, value_name = "FILE")]
    at: PathBuf,
    /// Key of the random numbers of transformed data
    #[arg(long, default_value_t = 0, value_name = "N")]
    seed: u64,
    /// Print one JSON object instead of lines
    #[arg(long)]
    json: bool,
}

/// The command for clap.
pub(crate) fn command() -> Command {
    Options::augment_args(Command::new("log-density"))
        .about("Evaluate the log density of a Stan program and its gradient at given points")
        .after_help(
            "Each point has four values: the log density on unconstrained space, that without the \
             Jacobians of constraints, and each again without the constants that Stan drops: terms of \
             data only in `~`, `_lupdf` and `_lupmf`; `target += …_lpdf` keeps them. With --json they \
             are `log_density` and `gradient` of the point, of `without_jacobian`, `without_constants` \
             and `without_jacobian_and_constants`.",
        )
}

/// Runs it.
///
/// # Errors
/// Wrong program, data or points.
pub(crate) fn run(matches: &ArgMatches) -> Result<u8, Failure> {
    let options = Options::from_arg_matches(matches).expect("clap has parsed these very options");
    let notes = Notes::new(options.json);
    let loaded = stan::load(
        &options.program,
        options.data.as_deref(),
        options.seed,
        notes,
    )?;
    let points = points(&options.at, &loaded)?;
    let mut stdout = Results::stdout();
    let mut values = Vec::new();
    for point in points {
        let evaluated = |jacobian, constants| {
            let options = DensityOptions {
                jacobian,
                constants,
            };
            evaluated(&loaded, &point, options)
        };
        let whole = evaluated(Jacobian::Included, Constants::Kept)?;
        let without_jacobian = evaluated(Jacobian::LeftOut, Constants::Kept)?;
        let without_constants = evaluated(Jacobian::Included, Constants::Dropped)?;
        let without_both = evaluated(Jacobian::LeftOut, Constants::Dropped)?;
        if !options.json {
            stdout.line(&format!(
                "{}  without Jacobian {}  without constants {}  without both {}",
                whole["log_density"],
                without_jacobian["log_density"],
                without_constants["log_density"],
                without_both["log_density"],
            ))?;
        }
        values.push(json!({
            "at": point,
            "log_density": whole["log_density"],
            "gradient": whole["gradient"],
            "without_jacobian": without_jacobian,
            "without_constants": without_constants,
            "without_jacobian_and_constants": without_both,
        }));
    }
    if options.json {
        let object = json!({
            "model": loaded.name,
            "dimension": loaded.model.dimension(),
            "points": values,
        });
        stdout.line(&object.to_string())?;
    }
    stdout.finish()?;
    Ok(0)
}

/// JSON has no word for what is not finite.
fn finite(x: f64) -> Value {
    if x.is_finite() {
        json!(x)
    } else {
        json!(x.to_string())
    }
}

fn evaluated(loaded: &Loaded, point: &[f64], options: DensityOptions) -> Result<Value, Failure> {
    let mut gradient = vec![0.0; point.len()];
    let value = loaded
        .model
        .log_density(options, point, &mut gradient)
        .map_err(|error| loaded.failure(&error))?;
    let gradient: Vec<Value> = gradient.into_iter().map(finite).collect();
    Ok(json!({"log_density": finite(value), "gradient": gradient}))
}

/// Points of the right length.
fn points(path: &Path, loaded: &Loaded) -> Result<Vec<Vec<f64>>, Failure> {
    let dimension = loaded.model.dimension();
    let bytes = std::fs::read(path)
        .map_err(|error| Failure::input(format!("cannot read {}: {error}", path.display())))?;
    let wrong = |what: String| {
        Failure::input(format!("{}: {what}", path.display())).help(
            "--at takes a JSON list of points, each a list of numbers, or a value for every parameter",
        )
    };
    let value = match serde_json::from_slice(&bytes) {
        Ok(Value::Object(mut object)) if object.contains_key("points") => {
            object.remove("points").unwrap_or_default()
        }
        Ok(Value::Object(_)) => return Ok(vec![loaded.point(path)?]),
        Ok(value) => value,
        Err(_) if !bytes.trim_ascii_start().starts_with(b"[") => {
            return Ok(vec![loaded.point(path)?]);
        }
        Err(error) => return Err(wrong(error.to_string())),
    };
    let single = value
        .as_array()
        .is_some_and(|list| list.first().is_none_or(Value::is_number));
    let points: Result<Vec<Vec<f64>>, _> = if single {
        serde_json::from_value(value).map(|point| vec![point])
    } else {
        serde_json::from_value(value)
    };
    let points = points.map_err(|error| wrong(error.to_string()))?;
    match points.iter().position(|point| point.len() != dimension) {
        Some(i) => Err(wrong(format!(
            "point {} has {} coordinates, and the program has {dimension}",
            i + 1,
            points[i].len()
        ))),
        None => Ok(points),
    }
}
