//! `elbo fit logistic`: Bayesian logistic regression.

use clap::{Args, ValueEnum};
use elbo::models::Posterior;
use elbo::models::regression::logistic::{self, LogisticConfig, LogisticPosterior, WeightPrior};
use elbo_data::fit::Labels;
use elbo_data::table::{Table, Values};
use serde_json::{Map, json};

use super::regression::{self, Columns, Shared};
use super::{Drawer, Fitted, Model, Opened, Prediction, damaged};
use crate::command::fit::effect::{Uses, no_effect};
use crate::command::fit::{FitRun, Method};
use crate::failure::{Failure, did_you_mean};
use crate::frame::{Column, Frame};
use crate::stored::Stored;
use crate::table::Marginal;
use crate::verdict::Approximation;

/// The row of the table of models.
pub(crate) struct Logistic;

/// Options of `elbo fit logistic`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    shared: Shared,
    /// The value of the target whose probability is modelled [default: the larger, or last in the alphabet]
    #[arg(long, value_name = "VALUE")]
    positive: Option<String>,
    /// Prior of the weights: shared (one precision, learnt), fixed (see --prior-sd), or relevance (a precision for every input: useless ones are switched off)
    #[arg(long, value_enum, default_value = "shared", value_name = "KIND")]
    prior: PriorKind,
    /// Standard deviation of the weights under --prior fixed, on standardised columns [default: 1]
    #[arg(long, value_name = "X")]
    prior_sd: Option<f64>,
    /// Shape of the gamma prior of the precisions, under --prior shared or relevance [default: 1, relevance 0.5]
    #[arg(long, value_name = "X")]
    prior_shape: Option<f64>,
    /// Rate of that prior, on standardised columns [default: 1, relevance 1e-6]
    #[arg(long, value_name = "X")]
    prior_rate: Option<f64>,
    /// Under --prior relevance: an input is on when the sign of a weight of it is at least this certain, between 0.5 and 1 [default: 0.99]
    #[arg(long, value_name = "P")]
    sign_certainty: Option<f64>,
    /// Prior standard deviation of the intercept, in log odds
    #[arg(long, default_value_t = 10.0, value_name = "X")]
    intercept_sd: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PriorKind {
    Shared,
    Fixed,
    Relevance,
}

const DETAILS: &str = "\
Model: log odds of the target = intercept + weights · columns, normal priors on the weights. Fitted \
by the Jaakkola-Jordan bound; the ELBO that is reported is the true one of the result. The target is \
a column with two values, numbers or text. Coefficients are in log odds per unit of the table's \
columns. Missing values are refused.

Example:
  elbo fit logistic patients.csv --target outcome --out risk";

impl Model for Logistic {
    const NAME: &'static str = "logistic";
    const ABOUT: &'static str = "Bayesian logistic regression of a yes/no on the other columns";
    const DETAILS: &'static str = DETAILS;
    const PREDICTS: &'static str = "probability, lower, upper";
    const METHODS: &'static [Method] = &[Method::Batch, Method::Stochastic];
    const USES: Uses = Uses {
        warm_start: Self::METHODS,
        holdout: Self::METHODS,
        ..Uses::NOTHING
    };
    type Options = Options;

    fn fit(options: &Options, run: &mut FitRun<'_>) -> Result<Fitted, Failure> {
        check_prior_options(options)?;
        let selection = regression::read(&options.shared, run)?;
        let name = &options.shared.target;
        let classes = Classes::of(&selection.table, name, options.positive.as_deref())?;
        run.notes.note(format!(
            "modelled is the probability that '{name}' is {} and not {}",
            classes.positive, classes.negative
        ));
        let design = regression::design(&options.shared, &selection, run)?;
        let data = regression::Data::split(design, &classes.coded, run)?;
        let default = LogisticConfig::default();
        let config = LogisticConfig {
            prior: weight_prior(options),
            intercept_sd: options.intercept_sd,
            sign_certainty: options.sign_certainty.unwrap_or(default.sign_certainty),
            warm_start: earlier(run, name, &classes)?,
            heldout: data.heldout.clone(),
            method: regression::method(run, data.design.n_rows(), default.method),
        };
        run.begin();
        let seed = run.seed();
        let fit = logistic::fit(&data.design, &data.y, &config, seed, &mut |p| {
            run.observe(p)
        })?;
        let opened = OpenedLogistic {
            posterior: fit.posterior,
        };
        let posterior = &opened.posterior;
        let off = (options.prior == PriorKind::Relevance).then(|| posterior.off());
        let mut keys = Map::from_iter([
            ("positive".to_owned(), json!(classes.positive)),
            ("off".to_owned(), json!(off)),
            ("n_rows".to_owned(), json!(selection.table.n_rows())),
            (
                "jaakkola_jordan_bound".to_owned(),
                json!(posterior.jaakkola_jordan_bound()),
            ),
        ]);
        keys.extend(data.heldout_keys(|rows| posterior.log_predictive_density(rows))?);
        Ok(Fitted {
            arrays: posterior.to_arrays(),
            labels: Labels::from([
                ("columns".to_owned(), posterior.coding().column_names()),
                (
                    "classes".to_owned(),
                    vec![classes.negative.clone(), classes.positive.clone()],
                ),
            ]),
            data: selection.record(),
            outcome: fit.outcome,
            approximation: Approximation::Factorised,
            keys,
            opened: Box::new(opened),
        })
    }

    fn open(stored: &Stored) -> Result<Box<dyn Opened>, Failure> {
        let posterior =
            LogisticPosterior::from_arrays(&stored.fit().arrays).map_err(damaged(stored))?;
        Ok(Box::new(OpenedLogistic { posterior }))
    }
}

/// The fit to go on from, which must be of the same target and classes.
fn earlier(
    run: &FitRun<'_>,
    target: &str,
    classes: &Classes,
) -> Result<Option<Box<LogisticPosterior>>, Failure> {
    let posterior = regression::earlier(run, target)?;
    if let Some(stored) = &run.warm_start {
        let known = stored.labels("classes")?;
        if known != [classes.negative.as_str(), classes.positive.as_str()] {
            return Err(Failure::input(format!(
                "--warm-start {} has the classes {}",
                stored.path().display(),
                known.join(" and ")
            ))
            .help("give the same classes and --positive, or start without it"));
        }
    }
    Ok(posterior)
}

/// Refuses options of a prior that was not chosen.
fn check_prior_options(options: &Options) -> Result<(), Failure> {
    use PriorKind::{Fixed, Relevance, Shared};
    let (now, learnt) = match options.prior {
        Shared => ("--prior shared", true),
        Fixed => ("--prior fixed", false),
        Relevance => ("--prior relevance", true),
    };
    for (option, given, used, needed) in [
        ("--prior-sd", options.prior_sd, !learnt, "--prior fixed"),
        (
            "--prior-shape",
            options.prior_shape,
            learnt,
            "--prior shared or relevance",
        ),
        (
            "--prior-rate",
            options.prior_rate,
            learnt,
            "--prior shared or relevance",
        ),
        (
            "--sign-certainty",
            options.sign_certainty,
            options.prior == Relevance,
            "--prior relevance",
        ),
    ] {
        if given.is_some() && !used {
            return Err(no_effect(option, now, needed));
        }
    }
    Ok(())
}

fn weight_prior(options: &Options) -> WeightPrior {
    let gamma = |shape: f64, rate: f64| {
        (
            options.prior_shape.unwrap_or(shape),
            options.prior_rate.unwrap_or(rate),
        )
    };
    match options.prior {
        PriorKind::Fixed => WeightPrior::Fixed {
            sd: options.prior_sd.unwrap_or(1.0),
        },
        PriorKind::Shared => {
            let (shape, rate) = gamma(1.0, 1.0);
            WeightPrior::Shared { shape, rate }
        }
        PriorKind::Relevance => {
            let (shape, rate) = gamma(0.5, 1e-6);
            WeightPrior::Relevance { shape, rate }
        }
    }
}

/// The two values of a target, and each row's as 0 or 1.
struct Classes {
    negative: String,
    positive: String,
    coded: Vec<f64>,
}

impl Classes {
    /// Codes a column with two values, which has no missing cell.
    fn of(table: &Table, name: &str, positive: Option<&str>) -> Result<Self, Failure> {
        let (levels, codes): (Vec<String>, Vec<usize>) = match table.column(name)?.values() {
            Values::Text(text) => (
                text.levels().to_vec(),
                text.codes().iter().map(|c| *c as usize).collect(),
            ),
            Values::Numeric(numbers) => {
                let mut levels = numbers.clone();
                levels.sort_by(f64::total_cmp);
                levels.dedup();
                let code = |x: &f64| levels.partition_point(|l| l < x);
                let codes = numbers.iter().map(code).collect();
                (levels.iter().map(f64::to_string).collect(), codes)
            }
        };
        let [first, second] = levels.as_slice() else {
            return Err(Failure::input(format!(
                "{}, column '{name}': {} different values, expected two",
                table.path().display(),
                levels.len()
            ))
            .help("a logistic regression tells two classes apart; for numbers use linear or ard"));
        };
        let known = [first.as_str(), second.as_str()];
        let one = match positive {
            None => 1,
            Some(value) => known.iter().position(|k| *k == value).ok_or_else(|| {
                Failure::input(format!("--positive {value} is no value of column '{name}'"))
                    .help(did_you_mean(value, &known))
            })?,
        };
        Ok(Self {
            negative: levels[1 - one].clone(),
            positive: levels[one].clone(),
            coded: codes
                .iter()
                .map(|c| f64::from(u8::from(*c == one)))
                .collect(),
        })
    }
}

struct OpenedLogistic {
    posterior: LogisticPosterior,
}

impl Opened for OpenedLogistic {
    fn marginals(&self, all: bool) -> Result<Vec<Marginal>, Failure> {
        let mut marginals =
            regression::marginals(&self.posterior, self.posterior.coefficients(), all)?;
        if !all {
            let off = self.posterior.off();
            marginals.retain(|m| !off.contains(&m.name));
        }
        Ok(marginals)
    }

    fn remarks(&self) -> Vec<String> {
        regression::say_off(&self.posterior.off(), self.posterior.relevance().len())
    }

    fn drawer(&self, asked: &[String]) -> Result<Drawer<'_>, Failure> {
        Drawer::of(&self.posterior, asked)
    }

    fn predict(&self, request: &Prediction<'_>) -> Result<Frame, Failure> {
        let table = regression::rows(self.posterior.coding(), request)?;
        let columns = Columns::of(&table);
        let prediction = self.posterior.predict(&columns.view(), request.level)?;
        Ok(Frame::new()
            .with("probability", Column::Number(prediction.probability))
            .with("lower", Column::Number(prediction.lower))
            .with("upper", Column::Number(prediction.upper)))
    }
}
