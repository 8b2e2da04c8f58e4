//! Directories that appear whole or not at all.
//!
//! The one idea: everything is written beside its destination under a hidden name and renamed at the
//! end. What stood there before is moved aside, and back if the last step fails; whatever goes wrong
//! earlier leaves it untouched.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::DataError;

/// A directory under a temporary name, removed unless it is committed.
#[derive(Debug)]
pub struct StagedDirectory {
    staging: PathBuf,
    target: PathBuf,
    overwrite: bool,
    marker: String,
}

/// Refuses an output that could not be committed, before any work is done for it.
///
/// An existing empty directory counts as absent. One that does not hold the file `marker` is never
/// overwritten: it is something else.
///
/// # Errors
/// [`DataError::OutputExists`], [`DataError::NotOverwritten`].
pub fn check_output(
    target: impl AsRef<Path>,
    overwrite: bool,
    marker: &str,
) -> Result<(), DataError> {
    let target = target.as_ref();
    let path = || target.to_path_buf();
    let metadata = match fs::symlink_metadata(target) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found.map_err(|e| DataError::from_write(target, e))?,
    };
    let is_empty = || fs::read_dir(target).is_ok_and(|mut entries| entries.next().is_none());
    if metadata.is_dir() && is_empty() {
        return Ok(());
    }
    if !overwrite {
        return Err(DataError::OutputExists { path: path() });
    }
    if !metadata.is_dir() || !target.join(marker).exists() {
        return Err(DataError::NotOverwritten {
            path: path(),
            marker: marker.to_owned(),
        });
    }
    Ok(())
}

impl StagedDirectory {
    /// Creates the temporary directory beside `target`, and the directories above it.
    ///
    /// # Errors
    /// As [`check_output`]; [`DataError::Write`] if it cannot be created.
    pub fn create(
        target: impl AsRef<Path>,
        overwrite: bool,
        marker: &str,
    ) -> Result<Self, DataError> {
        let target = target.as_ref();
        check_output(target, overwrite, marker)?;
        let parent = parent(target);
        fs::create_dir_all(parent).map_err(|e| DataError::from_write(parent, e))?;
        let staging = unused_sibling(target, "tmp");
        fs::create_dir(&staging).map_err(|e| DataError::from_write(target, e))?;
        Ok(Self {
            staging,
            target: target.to_path_buf(),
            overwrite,
            marker: marker.to_owned(),
        })
    }

    /// Where to write.
    pub fn path(&self) -> &Path {
        &self.staging
    }

    /// An error of a file in here as one of the file that it was to become.
    #[must_use]
    pub fn name_target(&self, mut error: DataError) -> DataError {
        if let DataError::DiskFull { path }
        | DataError::Write { path, .. }
        | DataError::ParameterIsNan { path, .. } = &mut error
            && let Ok(file) = path.strip_prefix(&self.staging)
        {
            *path = self.target.join(file);
        }
        error
    }

    /// Puts the directory in its place.
    ///
    /// # Errors
    /// As [`create`](Self::create); what stood in its place is intact then.
    pub fn commit(self) -> Result<(), DataError> {
        check_output(&self.target, self.overwrite, &self.marker)?;
        self.swap()
            .map_err(|e| DataError::from_write(&self.target, e))
    }

    fn swap(&self) -> io::Result<()> {
        sync_directory(&self.staging)?;
        let aside = self
            .target
            .exists()
            .then(|| unused_sibling(&self.target, "old"));
        if let Some(aside) = &aside {
            fs::rename(&self.target, aside)?;
        }
        if let Err(error) = fs::rename(&self.staging, &self.target) {
            if let Some(aside) = &aside {
                fs::rename(aside, &self.target)?;
            }
            return Err(error);
        }
        sync_directory(parent(&self.target))?;
        aside.map_or(Ok(()), fs::remove_dir_all)
    }
}

impl Drop for StagedDirectory {
    fn drop(&mut self) {
        // Nothing is left after a commit, and nothing can be done about a failure.
        let _ = fs::remove_dir_all(&self.staging);
    }
}

fn parent(target: &Path) -> &Path {
    match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// `.NAME.KIND-PID-COUNT` beside the target: the process and the count make it unique.
fn unused_sibling(target: &Path, kind: &str) -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let name = target
        .file_name()
        .map(|n| n.to_string_lossy().into_owned())
        .unwrap_or_default();
    loop {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let sibling = format!(".{name}.{kind}-{}-{count}", std::process::id());
        let sibling = parent(target).join(sibling);
        if fs::symlink_metadata(&sibling).is_err() {
            return sibling;
        }
    }
}

/// Makes the names in a directory durable, where the system can do that.
fn sync_directory(path: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(path)?.sync_all()
    } else {
        Ok(())
    }
}
