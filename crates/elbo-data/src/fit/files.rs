//! Single files of a fit.
//!
//! The one idea: a file counts as written when the disk says so, not when the system has taken it.

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use crate::DataError;

/// Creates a file, lets `fill` write it, and waits for the disk.
pub(crate) fn write(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), DataError> {
    let attempt = || {
        let mut output = BufWriter::with_capacity(1 << 17, File::create(path)?);
        fill(&mut output)?;
        output
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?
            .sync_all()
    };
    attempt().map_err(|e| DataError::from_write(path, e))
}

/// Reads a file that every fit has.
pub(super) fn read(dir: &Path, name: &'static str) -> Result<(PathBuf, Vec<u8>), DataError> {
    let path = dir.join(name);
    if dir.is_dir() && !path.exists() {
        return Err(DataError::NotAFit {
            path: dir.to_path_buf(),
            missing: name,
        });
    }
    if dir.is_file() {
        return Err(DataError::NotAFit {
            path: dir.to_path_buf(),
            missing: "directory",
        });
    }
    if !dir.exists() {
        return Err(DataError::NotFound {
            path: dir.to_path_buf(),
        });
    }
    match fs::read(&path) {
        Ok(bytes) => Ok((path, bytes)),
        Err(e) => Err(DataError::from_read(&path, e)),
    }
}
