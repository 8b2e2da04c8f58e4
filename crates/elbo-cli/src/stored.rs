//! Fits and other outputs on disk, as the commands see them.
//!
//! The one idea: `elbo-data` knows the files, the models know the numbers; this joins the two, and
//! says every failure as one message with an advice.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use elbo::models::Outcome;
use elbo_data::DataError;
use elbo_data::fit::{self, Draws, FitRecord, Labels, StoredFit, TracePoint};
use serde_json::{Map, Value, json};

use crate::command::draws;
use crate::failure::Failure;
use crate::model::{self, Fitted, Opened};

/// Draws kept with a fit.
const N_DRAWS: usize = 1000;
/// More numbers than this are not drawn beforehand: `elbo draws` makes them when they are needed.
const MOST_DRAWN_NUMBERS: usize = 5_000_000;

impl From<DataError> for Failure {
    /// What is wrong stands before the last `; `, what to do behind it.
    fn from(error: DataError) -> Self {
        let text = error.to_string();
        let (message, help) = text.rsplit_once("; ").unwrap_or((&text, ""));
        let help = match error {
            DataError::OutputExists { .. } => "give another name, or --overwrite",
            _ => help,
        };
        Self::input(message).help(help)
    }
}

/// A fit that was read.
#[derive(Debug)]
pub(crate) struct Stored {
    path: PathBuf,
    fit: StoredFit,
}

impl Stored {
    /// The fit's directory.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Its parts.
    pub(crate) fn fit(&self) -> &StoredFit {
        &self.fit
    }

    /// A list of names that the model has kept.
    ///
    /// # Errors
    /// If there is none of this name.
    pub(crate) fn labels(&self, name: &str) -> Result<&[String], Failure> {
        let labels: &Labels = &self.fit.labels;
        labels.get(name).map(Vec::as_slice).ok_or_else(|| {
            Failure::input(format!(
                "{}: labels.json has no list '{name}'",
                self.path.display()
            ))
            .help("the fit is damaged; fit again")
        })
    }

    /// The row of its model.
    ///
    /// # Errors
    /// If it is of an unknown model.
    pub(crate) fn entry(&self) -> Result<&'static model::Entry, Failure> {
        let name = &self.fit.record.model;
        if crate::stan::is_of_program(&self.fit.record) {
            return Err(Failure::input(format!(
                "{}: a Stan program predicts in its generated quantities",
                self.path.display()
            ))
            .help(format!("elbo draws {} shows them", self.path.display())));
        }
        model::find(name).ok_or_else(|| {
            Failure::input(format!(
                "{}: a fit of '{name}', which this elbo does not know",
                self.path.display()
            ))
            .help("it was written by a newer elbo: update this one, or fit again")
        })
    }

    /// The fit, ready to be asked.
    ///
    /// # Errors
    /// If it is of an unknown model, or damaged.
    pub(crate) fn open(&self) -> Result<Box<dyn Opened>, Failure> {
        self.entry()?.open(self)
    }
}

/// Reads a fit.
///
/// # Errors
/// If the directory is no fit, damaged, or of another version.
pub(crate) fn read(path: &Path) -> Result<Stored, Failure> {
    Ok(Stored {
        path: path.to_path_buf(),
        fit: fit::read_fit(path)?,
    })
}

/// Reads a fit that has to be of a model.
///
/// # Errors
/// As [`read`], and if it is of another model.
pub(crate) fn read_as(path: &Path, model: &str) -> Result<Stored, Failure> {
    let stored = read(path)?;
    let found = &stored.fit.record.model;
    if found == model {
        return Ok(stored);
    }
    Err(Failure::input(format!(
        "{} is a fit of {found}, not of {model}",
        path.display()
    ))
    .help(format!("give a fit of {model}, or start without one")))
}

/// Refuses an output directory that could not be written after the fit.
///
/// # Errors
/// If it exists, or, with `overwrite`, is something else than a fit.
pub(crate) fn check_output(path: &Path, overwrite: bool) -> Result<(), Failure> {
    let above = path.ancestors().skip(1).find(|above| above.exists());
    if let Some(above) = above.filter(|above| !above.is_dir()) {
        return Err(Failure::input(format!(
            "{} cannot be made: {} is not a directory",
            path.display(),
            above.display()
        ))
        .help("give another --out"));
    }
    Ok(fit::check_out(path, overwrite)?)
}

/// Writes a fit, with draws where they are few enough.
///
/// # Errors
/// If it cannot be written; what stood there before is then intact.
pub(crate) fn write(
    path: &Path,
    overwrite: bool,
    record: FitRecord,
    fitted: &Fitted,
    clock: &[f64],
) -> Result<(), Failure> {
    let drawer = fitted.opened.drawer(&[])?;
    let draws = if drawer.names.len() * N_DRAWS <= MOST_DRAWN_NUMBERS {
        let mut kept = Draws::new(drawer.names.clone());
        for i in 0..N_DRAWS {
            kept.push(&draws::draw(&drawer, record.seed, i)?);
        }
        Some(kept)
    } else {
        None
    };
    let stored = StoredFit {
        record,
        arrays: fitted.arrays.clone(),
        labels: fitted.labels.clone(),
        trace: trace(&fitted.outcome, clock),
    };
    fit::write_fit(path, &stored, draws.as_ref(), overwrite)?;
    Ok(())
}

/// The trace with the time of each iteration; iterations of which no time is known have that of
/// the last known one.
fn trace(outcome: &Outcome, clock: &[f64]) -> Vec<TracePoint> {
    let last = clock.last().copied().unwrap_or(0.0);
    outcome
        .trace
        .iter()
        .enumerate()
        .map(|(i, progress)| TracePoint {
            iteration: progress.iteration as u64,
            seconds: clock.get(i).copied().unwrap_or(last),
            elbo: progress.elbo,
            elbo_error: progress.elbo_error,
        })
        .collect()
}

/// The JSON object of a fit: the keys of the contract, then the model's own.
pub(crate) fn result_object(record: &FitRecord, out: Option<&Path>) -> Map<String, Value> {
    let mut object = Map::new();
    let contract = [
        ("model", json!(record.model)),
        ("method", json!(record.method)),
        ("elbo", json!(record.elbo)),
        ("elbo_mcse", json!(record.elbo_mcse)),
        ("converged", json!(record.converged)),
        ("khat", json!(record.khat)),
        ("verdict", json!(record.verdict)),
        ("iterations", json!(record.iterations)),
        ("seconds", json!(record.seconds)),
        ("seed", json!(record.seed)),
        ("out", json!(out.map(|out| out.display().to_string()))),
    ];
    object.extend(contract.map(|(name, value)| (name.to_owned(), value)));
    object.extend(record.extra.clone());
    object
}

/// Writes a file under another name and renames it: it appears whole or not at all.
///
/// # Errors
/// If it cannot be written.
pub(crate) fn write_file(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Failure> {
    let name = path
        .file_name()
        .ok_or_else(|| Failure::input(format!("{} names no file", path.display())))?;
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".tmp-{}", std::process::id()));
    let staged = path.with_file_name(hidden);
    let attempt = || {
        let mut out = BufWriter::with_capacity(1 << 17, File::create(&staged)?);
        write(&mut out)?;
        out.into_inner()?.sync_all()?;
        fs::rename(&staged, path)
    };
    attempt().map_err(|error| {
        // The half-written file is of no use; that it cannot be removed changes nothing.
        let _ = fs::remove_file(&staged);
        Failure::input(format!("{} cannot be written: {error}", path.display()))
            .help("check that the folder exists and that there is space")
    })
}

/// Creates a file inside a directory that is still being staged.
///
/// # Errors
/// If it cannot be written, or what `fill` reports.
pub(crate) fn create<T>(
    path: &Path,
    fill: impl FnOnce(&mut dyn Write) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let failed =
        |error: io::Error| Failure::input(format!("{} cannot be written: {error}", path.display()));
    let mut out = BufWriter::with_capacity(1 << 17, File::create(path).map_err(failed)?);
    let result = fill(&mut out)?;
    out.into_inner().map_err(|e| failed(e.into_error()))?;
    Ok(result)
}
