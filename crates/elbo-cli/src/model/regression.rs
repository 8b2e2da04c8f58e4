//! What the three regressions share at the command line: columns in, coefficients and predictions out.

use clap::Args;
use elbo::models::regression::{
    Coding, Coefficient, Column, Design, DesignConfig, HeldOut, Method,
};
use elbo::models::{ModelError, Posterior};
use elbo_data::table::{Table, Values};
use serde_json::{Map, Value, json};

use super::tabular::{Selection, Wanted};
use super::{Drawer, Prediction, damaged};
use crate::command::fit::{self, FitRun};
use crate::failure::Failure;
use crate::frame::{self, Frame};
use crate::table::{self, Marginal};

/// Options of every regression.
#[derive(Debug, Args)]
pub(crate) struct Shared {
    /// The column to explain
    #[arg(long, value_name = "NAME")]
    pub target: String,
    /// Columns to explain it by; text is coded as categories [default: all others]
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    columns: Vec<String>,
    /// Column of row weights: a row of weight 2 counts as two rows
    #[arg(long, value_name = "NAME")]
    weights: Option<String>,
    /// Leave the intercept out
    #[arg(long)]
    no_intercept: bool,
    /// Take numbers as they are; priors then refer to the columns' own scales
    #[arg(long)]
    no_standardize: bool,
}

/// The columns of a table as the models take them.
pub(crate) struct Columns<'a> {
    names: Vec<&'a str>,
    values: Vec<Cells<'a>>,
}

enum Cells<'a> {
    Numbers(&'a [f64]),
    Labels(Vec<Option<&'a str>>),
}

impl<'a> Columns<'a> {
    /// All columns of a table.
    pub(crate) fn of(table: &'a Table) -> Self {
        let values = table.columns().iter().map(|c| match c.values() {
            Values::Numeric(v) => Cells::Numbers(v),
            Values::Text(t) => Cells::Labels((0..table.n_rows()).map(|i| t.get(i)).collect()),
        });
        Self {
            names: table
                .columns()
                .iter()
                .map(elbo_data::table::Column::name)
                .collect(),
            values: values.collect(),
        }
    }

    /// For the models.
    pub(crate) fn view(&self) -> Vec<Column<'_>> {
        self.names
            .iter()
            .zip(&self.values)
            .map(|(name, cells)| match cells {
                Cells::Numbers(values) => Column::Numeric { name, values },
                Cells::Labels(values) => Column::Categorical { name, values },
            })
            .collect()
    }
}

/// Reads the table of a regression and refuses missing cells.
///
/// # Errors
/// If it cannot be read, a column is unknown, or a cell is missing.
pub(crate) fn read(shared: &Shared, run: &FitRun<'_>) -> Result<Selection, Failure> {
    let wanted = Wanted {
        columns: &shared.columns,
        target: Some(&shared.target),
        weights: shared.weights.as_deref(),
        categories: true,
    };
    let selection = Selection::read(&run.input, &wanted, run.notes)?;
    selection.features.require_complete()?;
    selection
        .table
        .select(&[&shared.target])?
        .require_complete()?;
    Ok(selection)
}

/// Codes and standardises the inputs.
///
/// # Errors
/// If they cannot be used.
pub(crate) fn design(
    shared: &Shared,
    selection: &Selection,
    run: &FitRun<'_>,
) -> Result<Design, Failure> {
    let columns = Columns::of(&selection.features);
    let config = DesignConfig {
        standardize: !shared.no_standardize,
        intercept: !shared.no_intercept,
    };
    let design = match &selection.weights {
        Some(weights) => Design::weighted(&columns.view(), weights, config)?,
        None => Design::new(&columns.view(), config)?,
    };
    for note in design.notes() {
        run.notes.note(note);
    }
    Ok(design)
}

/// A design and a target, less what is kept back.
pub(crate) struct Data {
    /// The rows to fit.
    pub design: Design,
    /// Their target.
    pub y: Vec<f64>,
    /// The rows that are kept back.
    pub heldout: Option<HeldOut>,
}

impl Data {
    /// Keeps rows back, if the user wants to.
    ///
    /// # Errors
    /// If all or none would be.
    pub(crate) fn split(design: Design, y: &[f64], run: &FitRun<'_>) -> Result<Self, Failure> {
        let rows = run.heldout_rows(design.n_rows())?;
        if rows.is_empty() {
            return Ok(Self {
                design,
                y: y.to_vec(),
                heldout: None,
            });
        }
        let (kept, back) = design.split(&rows);
        let is_kept = |i: &usize| rows.binary_search(i).is_err();
        Ok(Self {
            y: (0..y.len()).filter(is_kept).map(|i| y[i]).collect(),
            heldout: Some(HeldOut {
                design: back,
                y: rows.iter().map(|i| y[*i]).collect(),
            }),
            design: kept,
        })
    }

    /// Number and mean log density of the rows that were kept back, for the JSON object.
    ///
    /// # Errors
    /// What `density` reports.
    pub(crate) fn heldout_keys(
        &self,
        density: impl FnOnce(&HeldOut) -> Result<Vec<f64>, ModelError>,
    ) -> Result<Map<String, Value>, Failure> {
        let mean = match &self.heldout {
            Some(rows) => Some(rows.weighted_mean(&density(rows)?)),
            None => None,
        };
        let n = self.heldout.as_ref().map_or(0, |rows| rows.y.len());
        Ok(Map::from_iter([
            ("heldout_log_density".to_owned(), json!(mean)),
            ("n_heldout".to_owned(), json!(n)),
        ]))
    }
}

/// How the user wants it fitted to `n_rows` rows.
pub(crate) fn method(run: &FitRun<'_>, n_rows: usize, default: Method) -> Method {
    match (run.method(), default) {
        (fit::Method::Stochastic, _) => {
            let batch_size = run.batch_size(fit::MINI_BATCH);
            Method::Stochastic {
                batch_size,
                config: run.stochastic(n_rows, batch_size),
            }
        }
        (_, Method::CoordinateAscent(config)) => {
            Method::CoordinateAscent(run.coordinate_ascent(config))
        }
        (_, other) => other,
    }
}

/// The fit to go on from, which must be of the same target.
///
/// # Errors
/// If it is damaged, or of another target.
pub(crate) fn earlier<P: Posterior>(
    run: &FitRun<'_>,
    target: &str,
) -> Result<Option<Box<P>>, Failure> {
    let Some(stored) = &run.warm_start else {
        return Ok(None);
    };
    let known = stored.fit().record.options.get("target");
    if let Some(known) = known.and_then(|t| t.as_str())
        && known != target
    {
        let path = stored.path().display();
        return Err(
            Failure::input(format!("--warm-start {path} has the target '{known}'"))
                .help("give the same target, or start without it"),
        );
    }
    let posterior = P::from_arrays(&stored.fit().arrays).map_err(damaged(stored))?;
    Ok(Some(Box::new(posterior)))
}

/// Coefficients with exact moments and quantiles of draws, then whatever else is drawn; of that,
/// without `all`, the precisions of the prior are left out.
///
/// # Errors
/// A numerical failure.
pub(crate) fn marginals(
    posterior: &impl Posterior,
    coefficients: Vec<Coefficient>,
    all: bool,
) -> Result<Vec<Marginal>, Failure> {
    let mut marginals = table::from_draws(&Drawer::of(posterior, &[])?)?;
    for (marginal, coefficient) in marginals.iter_mut().zip(coefficients) {
        marginal.name = coefficient.name;
        marginal.mean = coefficient.mean;
        marginal.sd = coefficient.sd;
    }
    if !all {
        marginals.retain(|m| !m.name.starts_with("alpha."));
    }
    Ok(marginals)
}

/// The rows to predict.
///
/// # Errors
/// If the file cannot be read, a column of the fit is not there, or a cell is missing.
pub(crate) fn rows(coding: &Coding, request: &Prediction<'_>) -> Result<Table, Failure> {
    let table = request.input.table(Some(coding.input_names()))?;
    table.require_complete()?;
    Ok(table)
}

/// The columns of [`predicted`], for the help.
pub(crate) const PREDICTS: &str = "mean, sd, lower, upper";

/// Mean, spread and interval per row.
pub(crate) fn predicted(prediction: elbo::models::regression::Prediction) -> Frame {
    Frame::new()
        .with("mean", frame::Column::Number(prediction.mean))
        .with("sd", frame::Column::Number(prediction.sd))
        .with("lower", frame::Column::Number(prediction.lower))
        .with("upper", frame::Column::Number(prediction.upper))
}

/// Which of the inputs with a precision of their own are off; nothing if there are none.
pub(crate) fn say_off(off: &[String], n_inputs: usize) -> Vec<String> {
    if n_inputs == 0 {
        return Vec::new();
    }
    vec![if off.is_empty() {
        format!("all {n_inputs} inputs are on")
    } else {
        format!(
            "{} of {n_inputs} inputs are off (shown by summary --all): {}",
            off.len(),
            off.join(", ")
        )
    }]
}
