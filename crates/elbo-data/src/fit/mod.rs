//! A fit on disk: a directory that appears whole or not at all, and can be read by anyone.
//!
//! | File | Content |
//! |---|---|
//! | `fit.json` | [`FitRecord`]: model, options, seed, verdict, timings |
//! | `variational.safetensors` | every number of `q`, by name |
//! | `labels.json` | lists of names: columns, levels, ids |
//! | `trace.csv` | the ELBO by iteration |
//! | `draws.parquet` | draws of the constrained parameters, if there are any |
//! | others | what a model needs to be opened again: a program, its data |
//!
//! Deliberately absent: what the arrays mean, which is the models' business; and the clock: times
//! are passed in.

mod draws;
pub(crate) mod files;
mod record;
mod staged;
mod tensors;
mod trace;

#[cfg(test)]
mod tests;

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use elbo_math::arrays::Arrays;

use crate::DataError;

pub use draws::Draws;
pub use record::{DataRecord, FORMAT_VERSION, FitRecord, Labels, Verdict, read_record};
pub use staged::{StagedDirectory, check_output};
pub use tensors::write_arrays;
pub use trace::TracePoint;

/// The name of the draws within a fit.
const DRAWS: &str = "draws.parquet";

/// All that is kept of a fit, except its draws.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StoredFit {
    /// What was fitted, how, and whether to believe it.
    pub record: FitRecord,
    /// Every number of `q`.
    pub arrays: Arrays,
    /// Lists of names: columns, levels, ids.
    pub labels: Labels,
    /// The ELBO by iteration.
    pub trace: Vec<TracePoint>,
}

/// Refuses an output that [`write_fit`] would refuse; to be asked before a long fit.
///
/// # Errors
/// [`DataError::OutputExists`] without `overwrite`; with it [`DataError::NotOverwritten`] if `dir` is
/// something else than a fit.
pub fn check_out(dir: impl AsRef<Path>, overwrite: bool) -> Result<(), DataError> {
    check_output(dir, overwrite, record::FILE)
}

/// Writes a fit. On any error the directory is as it was before.
///
/// # Errors
/// As [`check_out`]; [`DataError::ParameterIsNan`]; [`DataError::DiskFull`] and other failures to
/// write.
pub fn write_fit(
    dir: impl AsRef<Path>,
    fit: &StoredFit,
    draws: Option<&Draws>,
    overwrite: bool,
) -> Result<(), DataError> {
    write_fit_with(dir, fit, draws, overwrite, |_| Ok(()))
}

/// Writes a fit with further files, which `more` writes with [`write_file`] into the directory that it
/// is given; they are read with [`read_file`].
///
/// # Errors
/// As [`write_fit`], and what `more` reports.
pub fn write_fit_with(
    dir: impl AsRef<Path>,
    fit: &StoredFit,
    draws: Option<&Draws>,
    overwrite: bool,
    more: impl FnOnce(&Path) -> Result<(), DataError>,
) -> Result<(), DataError> {
    let staged = StagedDirectory::create(dir, overwrite, record::FILE)?;
    more(staged.path())
        .and_then(|()| fill(staged.path(), fit, draws))
        .map_err(|error| staged.name_target(error))?;
    staged.commit()
}

/// Writes a further file of a fit, in a folder of its own if its path has one.
///
/// # Errors
/// If it cannot be written.
pub fn write_file(
    path: &Path,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), DataError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|e| DataError::from_write(folder, e))?;
    }
    files::write(path, |output| fill(output))
}

fn fill(dir: &Path, fit: &StoredFit, draws: Option<&Draws>) -> Result<(), DataError> {
    tensors::write(dir, &fit.arrays)?;
    record::write_labels(dir, &fit.labels)?;
    trace::write(&dir.join(trace::FILE), &fit.trace)?;
    if let Some(draws) = draws {
        draws.write_parquet(dir.join(DRAWS))?;
    }
    record::write(dir, &fit.record)
}

/// Reads a fit.
///
/// # Errors
/// [`DataError::NotAFit`] if a file is missing, [`DataError::FormatVersion`] if it was written in
/// another version of the format, [`DataError::Damaged`] and [`DataError::ParameterIsNan`] if its
/// content cannot be used.
pub fn read_fit(dir: impl AsRef<Path>) -> Result<StoredFit, DataError> {
    let dir = dir.as_ref();
    Ok(StoredFit {
        record: read_record(dir)?,
        arrays: tensors::read(dir)?,
        labels: record::read_labels(dir)?,
        trace: trace::read(&dir.join(trace::FILE))?,
    })
}

/// Reads a further file of a fit.
///
/// # Errors
/// [`DataError::NotAFit`] if there is none of this name; if it cannot be read.
pub fn read_file(dir: impl AsRef<Path>, name: &'static str) -> Result<Vec<u8>, DataError> {
    Ok(files::read(dir.as_ref(), name)?.1)
}

/// Reads the draws that were written with a fit; `None` if there are none.
///
/// # Errors
/// If the file cannot be read.
pub fn read_draws(dir: impl AsRef<Path>) -> Result<Option<Draws>, DataError> {
    let path = dir.as_ref().join(DRAWS);
    if path.exists() {
        Draws::read(path).map(Some)
    } else {
        Ok(None)
    }
}
