//! `elbo fit gmm`: a mixture of Gaussians.

mod streaming;

use clap::Args;
use elbo::models::gmm::{self, Covariance, GmmConfig, GmmData, GmmPosterior, Start};
use elbo::models::{Fit, Posterior};
use elbo_data::fit::{DataRecord, Labels};
use serde_json::json;

use self::streaming::Stream;
use super::clusters;
use super::{Drawer, Fitted, Model, Opened, Prediction, damaged};
use crate::command::fit::effect::Uses;
use crate::command::fit::{FitRun, MINI_BATCH, Method};
use crate::failure::Failure;
use crate::frame::Frame;
use crate::stored::Stored;
use crate::table::{self, Marginal};
use crate::verdict::Approximation;

/// The row of the table of models.
pub(crate) struct Gmm;

/// Options of `elbo fit gmm`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Columns to use [default: all numeric ones]
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    columns: Vec<String>,
    /// Column of row weights: a row of weight 2 counts as two rows
    #[arg(long, value_name = "NAME")]
    weights: Option<String>,
    /// The most components; those that the data do not need stay empty [default: 10, or as --warm-start]
    #[arg(long, visible_alias = "n-components", value_name = "K")]
    components: Option<usize>,
    /// Dirichlet concentration of each weight; small values (0.001) empty components [default: 1/K]
    #[arg(long, value_name = "X")]
    weight_concentration: Option<f64>,
    /// Covariance of the components: full, diagonal, spherical, or tied (one for all)
    #[arg(long, default_value = "full", value_name = "TYPE", value_parser = ["full", "diagonal", "spherical", "tied"])]
    covariance: String,
    /// Where to start: kmeans (k-means++) or random (responsibilities)
    #[arg(long, default_value = "kmeans", value_name = "HOW", value_parser = ["kmeans", "random"], conflicts_with = "warm_start")]
    init: String,
    /// How many rows the prior of a mean (around the data's mean) is worth
    #[arg(long, default_value_t = 1.0, value_name = "X")]
    mean_precision: f64,
    /// Degrees of freedom of the prior of a precision matrix, more than columns - 1 [default: columns]
    #[arg(long, value_name = "X")]
    degrees_of_freedom: Option<f64>,
}

impl Options {
    /// Whether columns are independent within a component.
    fn is_independent(&self) -> bool {
        matches!(self.covariance.as_str(), "diagonal" | "spherical")
    }
}

const DETAILS: &str = "\
Model: weights ~ Dirichlet, component ~ weights, row ~ Normal(mean, covariance) of its component, \
with normal-Wishart priors scaled by the data, so that columns need no standardising. Missing \
entries (empty, NA, NaN) are marginalised: exactly with --covariance diagonal or spherical; with full \
or tied under q, which leaves means right but makes sds too small in columns with many gaps.

Example:
  elbo fit gmm data/faithful.csv --components 6 --weight-concentration 0.001 --seed 1 --out mixture";

impl Model for Gmm {
    const NAME: &'static str = "gmm";
    const ABOUT: &'static str = "Mixture of Gaussians: clusters and density of the rows of a table";
    const DETAILS: &'static str = DETAILS;
    const PREDICTS: &'static str = clusters::PREDICTS;
    const METHODS: &'static [Method] = &[Method::Batch, Method::Stochastic, Method::Streaming];
    const USES: Uses = Uses {
        restarts: &[Method::Batch],
        warm_start: Self::METHODS,
        holdout: &[Method::Batch, Method::Stochastic],
    };
    const INTERVALS: bool = false;
    type Options = Options;

    fn fit(options: &Options, run: &mut FitRun<'_>) -> Result<Fitted, Failure> {
        let (fit, data, heldout) = match run.method() {
            Method::Streaming => {
                let mut stream = Stream::open(options, run)?;
                let data = stream.record().clone();
                clusters::say_missing(&data, options.is_independent(), run);
                let config = config(options, run, stream.columns())?;
                run.begin();
                (stream.fit(&config, run)?, data, None)
            }
            _ => fit_in_memory(options, run)?,
        };
        let opened = OpenedGmm {
            posterior: fit.posterior,
            columns: data.columns.clone(),
        };
        let density = |rows: &GmmData| opened.posterior.log_predictive_density(rows);
        let heldout = clusters::heldout_keys(heldout.as_ref(), density)?;
        let keys = [
            (
                "n_effective_components",
                json!(opened.posterior.n_effective_components()),
            ),
            ("n_components", json!(opened.posterior.n_components())),
            ("n_rows", json!(data.rows)),
            ("n_missing", json!(data.n_missing)),
        ];
        Ok(Fitted {
            arrays: opened.posterior.to_arrays(),
            labels: Labels::from([("columns".to_owned(), data.columns.clone())]),
            data,
            outcome: fit.outcome,
            approximation: Approximation::Factorised,
            keys: (keys.into_iter().chain(heldout))
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
            opened: Box::new(opened),
        })
    }

    fn open(stored: &Stored) -> Result<Box<dyn Opened>, Failure> {
        let posterior = GmmPosterior::from_arrays(&stored.fit().arrays).map_err(damaged(stored))?;
        let columns = stored.labels("columns")?.to_vec();
        clusters::check_columns(stored, &columns, posterior.dim())?;
        Ok(Box::new(OpenedGmm { posterior, columns }))
    }
}

fn fit_in_memory(
    options: &Options,
    run: &mut FitRun<'_>,
) -> Result<(Fit<GmmPosterior>, DataRecord, Option<GmmData>), Failure> {
    let (data, record) = clusters::read(
        &options.columns,
        options.weights.as_deref(),
        options.is_independent(),
        run,
    )?;
    let (data, heldout) = clusters::split(data, run)?;
    let config = config(options, run, &record.columns)?;
    run.begin();
    let seed = run.seed();
    let fit = match run.method() {
        Method::Stochastic => {
            let size = run.batch_size(MINI_BATCH);
            let steps = run.stochastic(data.len(), size);
            let observer = &mut |p: &_| run.observe(p);
            let rows = heldout.as_ref();
            gmm::fit_stochastic(&data, rows, &config, size, &steps, seed, observer)?
        }
        _ => gmm::fit(&data, &config, seed, &mut |p| run.observe(p))?,
    };
    Ok((fit, record, heldout))
}

fn config(options: &Options, run: &FitRun<'_>, columns: &[String]) -> Result<GmmConfig, Failure> {
    let earlier = match &run.warm_start {
        Some(stored) => Some(earlier(stored, columns, options)?),
        None => None,
    };
    let n_components = match (&earlier, options.components) {
        (Some(posterior), _) => posterior.n_components(),
        (None, given) => given.unwrap_or(10),
    };
    let mut config = GmmConfig::new(n_components);
    config.covariance = options.covariance.parse::<Covariance>()?;
    config.weight_concentration = options.weight_concentration;
    config.mean_precision = options.mean_precision;
    config.degrees_of_freedom = options.degrees_of_freedom;
    config.n_restarts = run.restarts();
    config.ascent = run.coordinate_ascent(config.ascent);
    config.start = match earlier {
        Some(posterior) => Start::Posterior(Box::new(posterior)),
        None if options.init == "random" => Start::Random,
        None => Start::KMeans,
    };
    Ok(config)
}

/// The fit to go on from, which must be of the same columns, size and covariance.
fn earlier(
    stored: &Stored,
    columns: &[String],
    options: &Options,
) -> Result<GmmPosterior, Failure> {
    let posterior = GmmPosterior::from_arrays(&stored.fit().arrays).map_err(damaged(stored))?;
    let covariance = posterior.prior().covariance();
    let differs = if options
        .components
        .is_some_and(|k| k != posterior.n_components())
    {
        Some(format!("{} components", posterior.n_components()))
    } else if covariance.to_string() != options.covariance {
        Some(format!("{covariance} covariances"))
    } else {
        None
    };
    clusters::check_earlier(stored, columns, differs)?;
    Ok(posterior)
}

/// A fitted mixture and its columns.
struct OpenedGmm {
    posterior: GmmPosterior,
    columns: Vec<String>,
}

impl OpenedGmm {
    /// Whether a parameter belongs to a component with members; shared ones do.
    fn is_of_interest(&self, name: &str) -> bool {
        let mut parts = name.split('.');
        let group = parts.next().unwrap_or_default();
        let component = parts.next().and_then(|k| k.parse::<usize>().ok());
        match component {
            Some(k) if group != "covariance" => self.posterior.expected_counts()[k - 1] >= 1.0,
            _ => true,
        }
    }
}

impl Opened for OpenedGmm {
    fn marginals(&self, all: bool) -> Result<Vec<Marginal>, Failure> {
        let mut marginals = table::from_draws(&self.drawer(&[])?)?;
        if !all {
            marginals.retain(|m| self.is_of_interest(&m.name));
        }
        Ok(marginals)
    }

    fn remarks(&self) -> Vec<String> {
        vec![
            clusters::name_columns(&self.columns),
            clusters::say_effective(
                self.posterior.n_effective_components(),
                self.posterior.n_components(),
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
