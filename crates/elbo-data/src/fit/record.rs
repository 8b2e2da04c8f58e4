//! `fit.json`: what was fitted, how, and whether to believe it.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::files;
use crate::DataError;

/// The version of the format that is written, and the only one that is read.
pub const FORMAT_VERSION: u64 = 1;

/// The name of the record within a fit.
pub(super) const FILE: &str = "fit.json";

/// Whether a fit is to be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Nothing speaks against it.
    Good,
    /// To be used with the stated reservation.
    Usable,
    /// Not to be used.
    Bad,
}

/// The data that was fitted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DataRecord {
    /// The file, as it was named.
    pub path: String,
    /// The number of rows used.
    pub rows: u64,
    /// The columns used, in the model's order.
    pub columns: Vec<String>,
    /// The number of missing cells.
    pub n_missing: u64,
    /// Whatever else the model wants to know of its data when it predicts.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// All that a fit says of itself, less its numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FitRecord {
    /// [`FORMAT_VERSION`] when written.
    pub format_version: u64,
    /// The version of elbo that wrote it.
    pub elbo_version: String,
    /// The model's name on the command line.
    pub model: String,
    /// How it was fitted.
    pub method: String,
    /// The model's options, by name.
    #[serde(default)]
    pub options: Map<String, Value>,
    /// The seed.
    pub seed: u64,
    /// The ELBO in nats; `None` (null) if none was reached.
    pub elbo: Option<f64>,
    /// The Monte Carlo standard error of the ELBO; 0 if it is exact.
    pub elbo_mcse: Option<f64>,
    /// Whether the stopping rule was met.
    pub converged: bool,
    /// The Pareto shape of the importance ratios, where it was computed.
    pub khat: Option<f64>,
    /// Whether to believe the fit.
    pub verdict: Verdict,
    /// Why, in a sentence.
    pub verdict_text: String,
    /// Iterations run.
    pub iterations: u64,
    /// Wall-clock time of the fit.
    pub seconds: f64,
    /// The data.
    pub data: DataRecord,
    /// The model's own keys.
    #[serde(default)]
    pub extra: Map<String, Value>,
}

impl Default for FitRecord {
    /// An empty record of the present format and version, to be filled in: of a fit that is bad.
    fn default() -> Self {
        Self {
            format_version: FORMAT_VERSION,
            elbo_version: env!("CARGO_PKG_VERSION").to_owned(),
            model: String::new(),
            method: String::new(),
            options: Map::new(),
            seed: 0,
            elbo: None,
            elbo_mcse: None,
            converged: false,
            khat: None,
            verdict: Verdict::Bad,
            verdict_text: String::new(),
            iterations: 0,
            seconds: 0.0,
            data: DataRecord::default(),
            extra: Map::new(),
        }
    }
}

/// Reads the record of a fit.
///
/// # Errors
/// [`DataError::NotAFit`] if there is none, [`DataError::FormatVersion`] if it is of another version,
/// [`DataError::Damaged`] if it is no record.
pub fn read_record(dir: impl AsRef<Path>) -> Result<FitRecord, DataError> {
    let (path, bytes) = files::read(dir.as_ref(), FILE)?;
    let damaged = |e: serde_json::Error| DataError::Damaged {
        path: path.clone(),
        detail: e.to_string(),
    };
    let value: Value = serde_json::from_slice(&bytes).map_err(damaged)?;
    // The version comes first: a record of another version need not have the other keys.
    match value.get("format_version").and_then(Value::as_u64) {
        Some(FORMAT_VERSION) => serde_json::from_value(value).map_err(damaged),
        Some(found) => Err(DataError::FormatVersion {
            path,
            found,
            known: FORMAT_VERSION,
        }),
        None => Err(DataError::Damaged {
            path,
            detail: "it has no format_version".to_owned(),
        }),
    }
}

/// Writes the record of a fit into its directory.
pub(super) fn write(dir: &Path, record: &FitRecord) -> Result<(), DataError> {
    let record = FitRecord {
        format_version: FORMAT_VERSION,
        ..record.clone()
    };
    write_json(dir, FILE, &record)
}

/// Lists of names, such as the ids of users or the columns of a design.
pub type Labels = BTreeMap<String, Vec<String>>;

/// The name of the labels within a fit.
const LABELS: &str = "labels.json";

/// Reads the lists of names of a fit.
pub(super) fn read_labels(dir: &Path) -> Result<Labels, DataError> {
    let (path, bytes) = files::read(dir, LABELS)?;
    serde_json::from_slice(&bytes).map_err(|e| DataError::Damaged {
        path,
        detail: e.to_string(),
    })
}

/// Writes the lists of names of a fit.
pub(super) fn write_labels(dir: &Path, labels: &Labels) -> Result<(), DataError> {
    write_json(dir, LABELS, labels)
}

fn write_json(dir: &Path, name: &str, value: &impl Serialize) -> Result<(), DataError> {
    files::write(&dir.join(name), |output| {
        serde_json::to_writer_pretty(&mut *output, value).map_err(std::io::Error::from)?;
        output.write_all(b"\n")
    })
}
