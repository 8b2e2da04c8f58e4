//! `elbo fit ard`: linear regression that switches inputs off.

use clap::Args;
use elbo::models::Posterior;
use elbo::models::regression::NoisePrior;
use elbo::models::regression::ard::{self, ArdConfig, ArdPosterior};
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
pub(crate) struct Ard;

/// Options of `elbo fit ard`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    shared: Shared,
    /// Shape of the gamma prior of every input's precision; 0.5 with a small rate is a Cauchy prior on the weight
    #[arg(long, value_name = "X")]
    prior_shape: Option<f64>,
    /// Rate of that prior, on standardised columns [default: 2 / (rows · inputs²)]
    #[arg(long, value_name = "X")]
    prior_rate: Option<f64>,
    /// An input is on when the sign of a weight of it is at least this certain, between 0.5 and 1 [default: 0.99]
    #[arg(long, value_name = "P")]
    sign_certainty: Option<f64>,
    /// Standard deviation of the noise, in the target's unit, if it is known [default: learnt]
    #[arg(long, value_name = "X")]
    noise_sd: Option<f64>,
    /// Prior standard deviation of the intercept around the target's mean, in standard deviations of the target [default: 10]
    #[arg(long, value_name = "X")]
    intercept_sd: Option<f64>,
}

const DETAILS: &str = "\
Model: target = intercept + weights · columns + noise, every input with a prior precision of its \
own, all of them learnt: inputs that explain nothing are switched off and listed. Coefficients are \
reported on the scale of the table. Missing values are refused.

Example:
  elbo fit ard data/diabetes.csv --target target --out sparse";

impl Model for Ard {
    const NAME: &'static str = "ard";
    const ABOUT: &'static str = "Linear regression with many inputs, most of them useless (ARD)";
    const DETAILS: &'static str = DETAILS;
    const PREDICTS: &'static str = regression::PREDICTS;
    const METHODS: &'static [Method] = &[Method::Batch, Method::Stochastic];
    const USES: Uses = Uses {
        warm_start: Self::METHODS,
        holdout: Self::METHODS,
        ..Uses::NOTHING
    };
    type Options = Options;

    fn fit(options: &Options, run: &mut FitRun<'_>) -> Result<Fitted, Failure> {
        let selection = regression::read(&options.shared, run)?;
        let y = selection.table.numeric(&options.shared.target)?;
        let design = regression::design(&options.shared, &selection, run)?;
        let data = regression::Data::split(design, y, run)?;
        let config = config(options, run, &data)?;
        run.begin();
        let fit = ard::fit(&data.design, &data.y, &config, run.seed(), &mut |p| {
            run.observe(p)
        })?;
        let posterior = fit.posterior;
        let mut keys = Map::from_iter([
            ("off".to_owned(), json!(posterior.off())),
            ("n_rows".to_owned(), json!(selection.table.n_rows())),
            ("sigma".to_owned(), json!(posterior.noise_sd())),
        ]);
        keys.extend(data.heldout_keys(|rows| posterior.log_predictive_density(rows))?);
        Ok(Fitted {
            arrays: posterior.to_arrays(),
            labels: Labels::from([("columns".to_owned(), posterior.coding().column_names())]),
            data: selection.record(),
            outcome: fit.outcome,
            approximation: Approximation::Factorised,
            keys,
            opened: Box::new(OpenedArd { posterior }),
        })
    }

    fn open(stored: &Stored) -> Result<Box<dyn Opened>, Failure> {
        let posterior = ArdPosterior::from_arrays(&stored.fit().arrays).map_err(damaged(stored))?;
        Ok(Box::new(OpenedArd { posterior }))
    }
}

fn config(
    options: &Options,
    run: &FitRun<'_>,
    data: &regression::Data,
) -> Result<ArdConfig, Failure> {
    let default = ArdConfig::default();
    Ok(ArdConfig {
        prior_shape: options.prior_shape.unwrap_or(default.prior_shape),
        prior_rate: options.prior_rate.or(default.prior_rate),
        sign_certainty: options.sign_certainty.unwrap_or(default.sign_certainty),
        intercept_sd: options.intercept_sd.unwrap_or(default.intercept_sd),
        noise: options
            .noise_sd
            .map_or(default.noise, |sd| NoisePrior::Fixed { sd }),
        switches: default.switches,
        warm_start: regression::earlier(run, &options.shared.target)?,
        heldout: data.heldout.clone(),
        method: regression::method(run, data.design.n_rows(), default.method),
    })
}

struct OpenedArd {
    posterior: ArdPosterior,
}

impl Opened for OpenedArd {
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
        Ok(regression::predicted(prediction))
    }
}
