//! The directory that a fit or a sample of a program leaves.

use std::path::Path;

use elbo::math::arrays::Arrays;
use elbo_data::DataError;
use elbo_data::fit::{self, DataRecord, Draws, FitRecord, Labels, StoredFit, TracePoint};

use super::{Loaded, answer};
use crate::failure::Failure;

/// Draws that are kept in the program's own quantities.
const N_DRAWS: usize = 4000;
/// Numbers of them, at most; `elbo draws` makes the others when they are needed.
const MOST_NUMBERS: usize = 4_000_000;
/// Fewer draws are not worth keeping.
const FEWEST: usize = 1000;

/// What is written.
pub(crate) struct Parts<'a> {
    /// What is said of it.
    pub record: FitRecord,
    /// The numbers.
    pub arrays: Arrays,
    /// The value of the bound, step by step.
    pub trace: Vec<TracePoint>,
    /// The program with its data.
    pub loaded: &'a Loaded,
    /// Draws in the program's own quantities, where they are few enough.
    pub columns: Option<Vec<Vec<f64>>>,
}

/// How many draws to keep of so many quantities.
pub(crate) fn n_kept(n_columns: usize) -> Option<usize> {
    let n = (MOST_NUMBERS / n_columns.max(1)).min(N_DRAWS);
    (n >= FEWEST).then_some(n)
}

/// Writes it, with whatever `more` puts into the directory.
///
/// # Errors
/// If it cannot be written; what stood there before is then intact.
pub(crate) fn write(
    out: &Path,
    overwrite: bool,
    parts: Parts<'_>,
    more: impl FnOnce(&Path) -> Result<(), DataError>,
) -> Result<(), Failure> {
    let names = answer::names(parts.loaded);
    let draws = parts.columns.map(|columns| {
        let mut draws = Draws::new(names.clone());
        let mut row = vec![0.0; columns.len()];
        for s in 0..columns.first().map_or(0, Vec::len) {
            for (x, column) in row.iter_mut().zip(&columns) {
                *x = column[s];
            }
            draws.push(&row);
        }
        draws
    });
    let stored = StoredFit {
        record: parts.record,
        arrays: parts.arrays,
        labels: Labels::from([("columns".to_owned(), names)]),
        trace: parts.trace,
    };
    let files = &parts.loaded.files;
    fit::write_fit_with(out, &stored, draws.as_ref(), overwrite, |dir| {
        for (name, bytes) in files {
            fit::write_file(&dir.join(name), |out| out.write_all(bytes))?;
        }
        more(dir)
    })?;
    Ok(())
}

/// Where the data came from.
pub(crate) fn data_record(loaded: &Loaded) -> DataRecord {
    DataRecord {
        path: loaded
            .data
            .as_ref()
            .map_or(String::new(), |path| path.display().to_string()),
        ..DataRecord::default()
    }
}
