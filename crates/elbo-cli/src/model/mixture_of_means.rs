//! `elbo fit mixture-of-means`: the textbook mixture.

use std::str::FromStr;

use clap::Args;
use elbo::models::gmm::{DataSummary, GmmData, Start};
use elbo::models::mixture_of_means::{self, MixtureOfMeansConfig, MixtureOfMeansPosterior};
use elbo::models::{Fit, ModelError, Posterior};
use elbo_data::fit::Labels;
use serde_json::json;

use super::clusters;
use super::{Drawer, Fitted, Model, Opened, Prediction, damaged};
use crate::command::fit::effect::Uses;
use crate::command::fit::{FitRun, MINI_BATCH, Method};
use crate::failure::Failure;
use crate::frame::Frame;
use crate::stored::Stored;
use crate::table::{self, Marginal, significant};
use crate::verdict::Approximation;

/// The row of the table of models.
pub(crate) struct MixtureOfMeans;

/// Options of `elbo fit mixture-of-means`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Columns to use [default: all numeric ones]
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    columns: Vec<String>,
    /// Column of row weights: a row of weight 2 counts as two rows
    #[arg(long, value_name = "NAME")]
    weights: Option<String>,
    /// The number of components [required, unless --warm-start has it]
    #[arg(
        long,
        visible_alias = "n-components",
        value_name = "K",
        required_unless_present = "warm_start"
    )]
    components: Option<usize>,
    /// Standard deviation of every column within a component, if it is known [default: learnt]
    #[arg(long, value_name = "X")]
    sd: Option<f64>,
    /// Probabilities of the components, if they are known: equal, or K numbers that sum to 1 [default: learnt]
    #[arg(long, value_name = "equal|P,P,…")]
    mixing: Option<Mixing>,
    /// Prior standard deviation of the components' means around the columns' means [default: that of the columns, pooled]
    #[arg(long, value_name = "X")]
    prior_sd: Option<f64>,
    /// Where to start: kmeans (k-means++) or random (responsibilities)
    #[arg(long, default_value = "kmeans", value_name = "HOW", value_parser = ["kmeans", "random"], conflicts_with = "warm_start")]
    init: String,
}

/// Known probabilities of components.
#[derive(Debug, Clone, PartialEq)]
enum Mixing {
    Equal,
    Given(Vec<f64>),
}

impl FromStr for Mixing {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "equal" {
            return Ok(Self::Equal);
        }
        let numbers: Result<Vec<f64>, _> = text.split(',').map(str::parse).collect();
        numbers
            .map(Self::Given)
            .map_err(|_| "give 'equal', or numbers with commas between them".to_owned())
    }
}

const DETAILS: &str = "\
Model: component ~ mixing, row ~ Normal(the component's mean, sd² I), means ~ Normal(the columns' \
means, prior-sd² I): one standard deviation for all columns and components, so that columns should \
be of one unit and size, as for k-means. Missing entries (empty, NA, NaN) are marginalised. For \
covariances of the components' own see gmm.

Example:
  elbo fit mixture-of-means data/galaxies.csv --columns dat --components 3 --out clusters";

impl Model for MixtureOfMeans {
    const NAME: &'static str = "mixture-of-means";
    const ABOUT: &'static str =
        "The textbook mixture: unknown means, one spread for all (as k-means)";
    const DETAILS: &'static str = DETAILS;
    const PREDICTS: &'static str = clusters::PREDICTS;
    const METHODS: &'static [Method] = &[Method::Batch, Method::Stochastic];
    const USES: Uses = Uses {
        restarts: &[Method::Batch],
        warm_start: Self::METHODS,
        holdout: Self::METHODS,
    };
    const INTERVALS: bool = false;
    type Options = Options;

    fn fit(options: &Options, run: &mut FitRun<'_>) -> Result<Fitted, Failure> {
        let (data, record) =
            clusters::read(&options.columns, options.weights.as_deref(), true, run)?;
        let (data, heldout) = clusters::split(data, run)?;
        let config = config(options, run, &data, &record.columns)?;
        run.begin();
        let seed = run.seed();
        let fit = match run.method() {
            Method::Stochastic => {
                let size = run.batch_size(MINI_BATCH);
                let steps = run.stochastic(data.len(), size);
                let observer = &mut |p: &_| run.observe(p);
                mixture_of_means::fit_stochastic(
                    &data,
                    heldout.as_ref(),
                    &config,
                    size,
                    &steps,
                    seed,
                    observer,
                )
            }
            _ => mixture_of_means::fit(&data, &config, seed, &mut |p| run.observe(p)),
        };
        let Fit { posterior, outcome } = fit.map_err(as_typed)?;
        let density = |rows: &GmmData| posterior.log_predictive_density(rows);
        let heldout = clusters::heldout_keys(heldout.as_ref(), density)?;
        let keys = [
            (
                "n_effective_components",
                json!(posterior.n_effective_components()),
            ),
            ("n_components", json!(posterior.n_components())),
            ("sd", json!(posterior.variance().sqrt())),
            ("mixing", json!(posterior.weights())),
            ("n_rows", json!(record.rows)),
            ("n_missing", json!(record.n_missing)),
        ];
        Ok(Fitted {
            arrays: posterior.to_arrays(),
            labels: Labels::from([("columns".to_owned(), record.columns.clone())]),
            opened: Box::new(OpenedMeans {
                posterior,
                columns: record.columns.clone(),
            }),
            data: record,
            outcome,
            approximation: Approximation::Factorised,
            keys: (keys.into_iter().chain(heldout))
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        })
    }

    fn open(stored: &Stored) -> Result<Box<dyn Opened>, Failure> {
        let posterior =
            MixtureOfMeansPosterior::from_arrays(&stored.fit().arrays).map_err(damaged(stored))?;
        let columns = stored.labels("columns")?.to_vec();
        clusters::check_columns(stored, &columns, posterior.dim())?;
        Ok(Box::new(OpenedMeans { posterior, columns }))
    }
}

fn config(
    options: &Options,
    run: &FitRun<'_>,
    data: &GmmData,
    columns: &[String],
) -> Result<MixtureOfMeansConfig, Failure> {
    let earlier = match &run.warm_start {
        Some(stored) => Some(earlier(stored, columns, options)?),
        None => None,
    };
    let given = earlier.as_ref().map(MixtureOfMeansPosterior::n_components);
    let mut config = MixtureOfMeansConfig::new(given.or(options.components).unwrap_or(0));
    let summary = DataSummary::new(data)?;
    let variances = summary.covariance().diagonal();
    let pooled = variances.iter().sum::<f64>() / variances.len() as f64;
    config.variance = squared("--sd", options.sd)?.unwrap_or(pooled);
    config.learn_variance = options.sd.is_none();
    config.learn_weights = options.mixing.is_none();
    if let Some(Mixing::Given(mixing)) = &options.mixing {
        config.weights = Some(mixing.clone());
    }
    config.prior_means = Some(summary.mean().to_vec());
    config.prior_variance = squared("--prior-sd", options.prior_sd)?.unwrap_or(pooled);
    config.n_restarts = run.restarts();
    config.ascent = run.coordinate_ascent(config.ascent);
    config.start = match earlier {
        Some(posterior) => Start::Posterior(Box::new(posterior)),
        None if options.init == "random" => Start::Random,
        None => Start::KMeans,
    };
    Ok(config)
}

/// The variance of a standard deviation that was given.
fn squared(option: &str, sd: Option<f64>) -> Result<Option<f64>, Failure> {
    match sd {
        Some(sd) if !(sd > 0.0 && (sd * sd).is_normal()) => {
            Err(Failure::input(format!("{option} {sd} is out of range"))
                .help("give a positive number"))
        }
        given => Ok(given.map(|sd| sd * sd)),
    }
}

/// The model's name of a setting as the option that it is here.
fn as_typed(error: ModelError) -> Failure {
    match error {
        ModelError::Setting {
            name: "weights",
            value,
            expected,
        } => ModelError::setting("mixing", value, expected).into(),
        other => other.into(),
    }
}

/// The fit to go on from, which must be of the same columns and size.
fn earlier(
    stored: &Stored,
    columns: &[String],
    options: &Options,
) -> Result<MixtureOfMeansPosterior, Failure> {
    let arrays = &stored.fit().arrays;
    let posterior = MixtureOfMeansPosterior::from_arrays(arrays).map_err(damaged(stored))?;
    let k = posterior.n_components();
    clusters::check_earlier(
        stored,
        columns,
        options
            .components
            .filter(|asked| *asked != k)
            .map(|_| format!("{k} components")),
    )?;
    Ok(posterior)
}

/// A fitted mixture and its columns.
struct OpenedMeans {
    posterior: MixtureOfMeansPosterior,
    columns: Vec<String>,
}

impl Opened for OpenedMeans {
    fn marginals(&self, all: bool) -> Result<Vec<Marginal>, Failure> {
        let mut marginals = table::from_draws(&self.drawer(&[])?)?;
        if !all {
            let counts = self.posterior.expected_counts();
            let has_members = |at: usize| counts[at / self.columns.len()] >= 1.0;
            let mut at = 0..;
            marginals.retain(|_| at.next().is_some_and(has_members));
        }
        Ok(marginals)
    }

    fn remarks(&self) -> Vec<String> {
        let mixing = self.posterior.weights().iter();
        let mixing: Vec<String> = mixing.map(|w| significant(*w, 3)).collect();
        vec![
            clusters::name_columns(&self.columns),
            clusters::say_effective(
                self.posterior.n_effective_components(),
                self.posterior.n_components(),
            ),
            format!(
                "sd {}, mixing {}",
                significant(self.posterior.variance().sqrt(), 4),
                mixing.join(", ")
            ),
        ]
    }

    fn drawer(&self, asked: &[String]) -> Result<Drawer<'_>, Failure> {
        Drawer::of(&self.posterior, asked)
    }

    fn predict(&self, request: &Prediction<'_>) -> Result<Frame, Failure> {
        let data = clusters::rows(&self.columns, request)?;
        let density = self.posterior.log_predictive_density(&data)?;
        Ok(clusters::frame(
            &self.posterior.responsibilities(&data)?,
            density,
        ))
    }
}
