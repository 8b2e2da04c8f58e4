//! What the mixtures share at the command line: rows in, labels and densities out.

use elbo::models::ModelError;
use elbo::models::driver::Gather;
use elbo::models::gmm::GmmData;
use elbo_data::fit::DataRecord;
use serde_json::{Value, json};

use super::Prediction;
use super::tabular::{Selection, Wanted, refuse_empty_rows};
use crate::command::fit::FitRun;
use crate::failure::Failure;
use crate::frame::{Column, Frame};
use crate::stored::Stored;

/// The columns of [`frame`], for the help.
pub(crate) const PREDICTS: &str = "label, log_density, responsibility.1 …";

/// Reads the rows of a mixture and says how many entries are missing; `independent` says whether columns
/// are independent within a component.
///
/// # Errors
/// If they cannot be read, or a row is empty.
pub(crate) fn read(
    columns: &[String],
    weights: Option<&str>,
    independent: bool,
    run: &FitRun<'_>,
) -> Result<(GmmData, DataRecord), Failure> {
    let wanted = Wanted {
        columns,
        target: None,
        weights,
        categories: false,
    };
    let selection = Selection::read(&run.input, &wanted, run.notes)?;
    selection.refuse_empty_rows()?;
    let record = selection.record();
    say_missing(&record, independent, run);
    let data = GmmData::new(selection.features.matrix()?, record.columns.len())?;
    let data = match selection.weights {
        Some(weights) => data.with_weights(weights)?,
        None => data,
    };
    Ok((data, record))
}

/// The rows to fit, and those that are kept back.
///
/// # Errors
/// If one of the two is empty.
pub(crate) fn split(
    data: GmmData,
    run: &FitRun<'_>,
) -> Result<(GmmData, Option<GmmData>), Failure> {
    let rows = run.heldout_rows(data.len())?;
    if rows.is_empty() {
        return Ok((data, None));
    }
    let kept: Vec<usize> = (0..data.len())
        .filter(|i| rows.binary_search(i).is_err())
        .collect();
    Ok((data.gather(&kept), Some(data.gather(&rows))))
}

/// Number and mean log density of the rows that were kept back, for the JSON object.
///
/// # Errors
/// What `density` reports.
pub(crate) fn heldout_keys(
    rows: Option<&GmmData>,
    density: impl FnOnce(&GmmData) -> Result<Vec<f64>, ModelError>,
) -> Result<[(&'static str, Value); 2], Failure> {
    let mean = match rows {
        Some(rows) => Some(rows.weighted_mean(&density(rows)?)),
        None => None,
    };
    Ok([
        ("heldout_log_density", json!(mean)),
        ("n_heldout", json!(rows.map_or(0, GmmData::len))),
    ])
}

/// Says how many entries are marginalised, if any are, and how: exactly where columns are independent
/// within a component.
pub(crate) fn say_missing(data: &DataRecord, independent: bool, run: &FitRun<'_>) {
    if data.n_missing > 0 {
        let all = data.rows * data.columns.len() as u64;
        let how = if independent {
            "marginalised exactly"
        } else {
            "marginalised under q: in a column with many gaps sds are too small (--covariance \
             diagonal and spherical are exact)"
        };
        run.notes.note(format!(
            "{} missing entries ({:.1}% of all) are {how}",
            data.n_missing,
            100.0 * data.n_missing as f64 / all as f64
        ));
    }
}

/// The rows to predict, as many columns as the fit has.
///
/// # Errors
/// If the file cannot be read, a column of the fit is not there, or a row is empty.
pub(crate) fn rows(columns: &[String], request: &Prediction<'_>) -> Result<GmmData, Failure> {
    let table = request.input.table(Some(columns.to_vec()))?;
    refuse_empty_rows(&table)?;
    Ok(GmmData::new(table.matrix()?, columns.len())?)
}

/// Per row: the likeliest component, from 1, the log density, and every responsibility.
pub(crate) fn frame(responsibilities: &[f64], density: Vec<f64>) -> Frame {
    let k = responsibilities.len() / density.len();
    let labels = responsibilities.chunks_exact(k).map(likeliest).collect();
    let frame = Frame::new()
        .with("label", Column::Count(labels))
        .with("log_density", Column::Number(density));
    (0..k).fold(frame, |frame, c| {
        let column = responsibilities.iter().skip(c).step_by(k).copied();
        frame.with(
            format!("responsibility.{}", c + 1),
            Column::Number(column.collect()),
        )
    })
}

/// From 1; ties go to the first.
fn likeliest(responsibilities: &[f64]) -> usize {
    let mut best = 0;
    for (k, r) in responsibilities.iter().enumerate() {
        if *r > responsibilities[best] {
            best = k;
        }
    }
    best + 1
}

/// `columns: 1 eruptions, 2 waiting`: what the numbers in the parameters' names stand for.
pub(crate) fn name_columns(columns: &[String]) -> String {
    let named = columns.iter().enumerate();
    let named: Vec<String> = named.map(|(j, c)| format!("{} {c}", j + 1)).collect();
    format!("columns: {}", named.join(", "))
}

/// How many of `k` components have members.
pub(crate) fn say_effective(effective: usize, k: usize) -> String {
    let empty = match k - effective {
        0 => String::new(),
        n => format!("; {n} empty, shown by summary --all"),
    };
    format!("{effective} effective components of {k}{empty}")
}

/// Refuses a fit whose labels do not name its columns.
///
/// # Errors
/// If there are not `dim` names.
pub(crate) fn check_columns(
    stored: &Stored,
    columns: &[String],
    dim: usize,
) -> Result<(), Failure> {
    if columns.len() == dim {
        return Ok(());
    }
    Err(Failure::input(format!(
        "{}: labels.json names {} columns, the fit has {dim}",
        stored.path().display(),
        columns.len()
    ))
    .help("the fit is damaged; fit again"))
}

/// Refuses to go on from a fit of other columns, or one that differs as `differs` says.
///
/// # Errors
/// If it differs.
pub(crate) fn check_earlier(
    stored: &Stored,
    columns: &[String],
    differs: Option<String>,
) -> Result<(), Failure> {
    let known = stored.labels("columns")?;
    let what = if known == columns {
        differs
    } else {
        Some(format!("columns {}", known.join(", ")))
    };
    let Some(what) = what else {
        return Ok(());
    };
    let path = stored.path().display();
    Err(Failure::input(format!("--warm-start {path} has {what}"))
        .help("give the same columns and options, or start without it"))
}
