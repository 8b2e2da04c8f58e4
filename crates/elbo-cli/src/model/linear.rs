//! `elbo fit linear`: Bayesian linear regression, exact.

use clap::Args;
use elbo::models::Posterior;
use elbo::models::regression::NoisePrior;
use elbo::models::regression::linear::{self, LinearConfig, LinearPosterior, PriorPrecision};
use elbo_data::fit::Labels;
use serde_json::{Map, json};

use super::regression::{self, Columns, Shared};
use super::{Drawer, Fitted, Model, Opened, Prediction, damaged};
use crate::command::fit::effect::Uses;
use crate::command::fit::{FitRun, Method};
use crate::failure::Failure;
use crate::frame::Frame;
use crate::stored::Stored;
use crate::table::Marginal;
use crate::verdict::Approximation;

/// The row of the table of models.
pub(crate) struct Linear;

/// Options of `elbo fit linear`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    shared: Shared,
    /// Prior precision of the weights, on standardised columns [default: the one with the highest evidence]
    #[arg(long, value_name = "X")]
    prior_precision: Option<f64>,
    /// Standard deviation of the noise, in the target's unit, if it is known [default: learnt]
    #[arg(long, value_name = "X")]
    noise_sd: Option<f64>,
    /// Prior standard deviation of the intercept around the target's mean, in standard deviations of the noise (of the target, where the noise is known)
    #[arg(long, default_value_t = 10.0, value_name = "X")]
    intercept_sd: f64,
}

const DETAILS: &str = "\
Model: target = intercept + weights · columns + noise, normal priors on the weights, a gamma prior on \
the noise's precision. The posterior is exact and the ELBO is the log evidence. Coefficients are \
reported on the scale of the table. Missing values are refused.

Example:
  elbo fit linear data/diabetes.csv --target target --out line";

impl Model for Linear {
    const NAME: &'static str = "linear";
    const ABOUT: &'static str = "Bayesian linear regression: exact posterior and log evidence";
    const DETAILS: &'static str = DETAILS;
    const PREDICTS: &'static str = regression::PREDICTS;
    const METHODS: &'static [Method] = &[Method::Batch, Method::Stochastic];
    const USES: Uses = Uses {
        warm_start: &[Method::Stochastic],
        holdout: Self::METHODS,
        ..Uses::NOTHING
    };
    type Options = Options;

    fn fit(options: &Options, run: &mut FitRun<'_>) -> Result<Fitted, Failure> {
        let selection = regression::read(&options.shared, run)?;
        let y = selection.table.numeric(&options.shared.target)?;
        let design = regression::design(&options.shared, &selection, run)?;
        let data = regression::Data::split(design, y, run)?;
        let mut config = LinearConfig {
            intercept_sd: options.intercept_sd,
            ..LinearConfig::default()
        };
        if let Some(precision) = options.prior_precision {
            config.prior_precision = PriorPrecision::Fixed(precision);
        }
        if let Some(sd) = options.noise_sd {
            config.noise = NoisePrior::Fixed { sd };
        }
        config.method = regression::method(run, data.design.n_rows(), config.method);
        config.heldout.clone_from(&data.heldout);
        config.warm_start = regression::earlier(run, &options.shared.target)?;
        run.begin();
        let fit = linear::fit(&data.design, &data.y, &config, run.seed(), &mut |p| {
            run.observe(p)
        })?;
        let posterior = fit.posterior;
        let exact = run.method() == Method::Batch;
        let evidence = exact.then(|| posterior.log_evidence());
        let mut keys = Map::from_iter([
            ("log_evidence".to_owned(), json!(evidence)),
            ("n_rows".to_owned(), json!(selection.table.n_rows())),
            ("sigma".to_owned(), json!(posterior.noise_sd())),
        ]);
        keys.extend(data.heldout_keys(|rows| posterior.log_predictive_density(rows))?);
        Ok(Fitted {
            arrays: posterior.to_arrays(),
            labels: Labels::from([("columns".to_owned(), posterior.coding().column_names())]),
            data: selection.record(),
            outcome: fit.outcome,
            approximation: if exact {
                Approximation::Exact
            } else {
                Approximation::Factorised
            },
            keys,
            opened: Box::new(OpenedLinear { posterior }),
        })
    }

    fn open(stored: &Stored) -> Result<Box<dyn Opened>, Failure> {
        let posterior =
            LinearPosterior::from_arrays(&stored.fit().arrays).map_err(damaged(stored))?;
        Ok(Box::new(OpenedLinear { posterior }))
    }
}

struct OpenedLinear {
    posterior: LinearPosterior,
}

impl Opened for OpenedLinear {
    fn marginals(&self, all: bool) -> Result<Vec<Marginal>, Failure> {
        regression::marginals(&self.posterior, self.posterior.coefficients(), all)
    }

    fn drawer(&self, asked: &[String]) -> Result<Drawer<'_>, Failure> {
        Drawer::of(&self.posterior, asked)
    }

    fn predict(&self, request: &Prediction<'_>) -> Result<Frame, Failure> {
        let table = regression::rows(self.posterior.coding(), request)?;
        let columns = Columns::of(&table);
        let prediction = self.posterior.predict(&columns.view(), request.level)?;
        Ok(regression::predicted(prediction))
    }
}
