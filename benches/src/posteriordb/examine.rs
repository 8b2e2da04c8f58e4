//! How a row comes about: stanli's values, our side in processes of its own, the comparison.
//!
//! The one idea: whatever fails leaves its field empty and a word why, and the rest goes on.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::checkout::{Checkout, Posterior};
use crate::moments::{AllMoments, Comparison, Moments};
use crate::process::{self, Fault};
use crate::row::{DensityErrors, Reference, Row};
use crate::side::{At, Line};
use crate::stanli::{Files, Stanli};
use crate::tolerances::tightened;

/// Loading and evaluating may take this long, in seconds.
const DENSITY_LIMIT: f64 = 120.0;
/// The checkout's own draws are believed: they were made with these.
const DRAWS_HAVE_CONVERGED: bool = true;

/// What is wanted of every posterior.
pub(crate) struct Examination {
    pub(crate) checkout: Checkout,
    pub(crate) stanli: Stanli,
    pub(crate) seed: u64,
    pub(crate) threads: usize,
    /// Seconds that a fit may take.
    pub(crate) limit: f64,
    /// Values only.
    pub(crate) no_fit: bool,
    /// The `elbo` program that races stanli's sampler.
    pub(crate) elbo: Option<PathBuf>,
}

/// A posterior's files: the program as it is, and with tight tolerances if it solves equations.
struct Written {
    files: Files,
    tight: Option<Files>,
}

impl Examination {
    pub(crate) fn row(&self, posterior: &Posterior) -> Result<Row> {
        let mut row = Row {
            name: posterior.name.clone(),
            program: posterior.program.clone(),
            has_draws: posterior.draws.is_some(),
            ..Row::default()
        };
        let Some(written) = self.write(posterior)? else {
            row.no_data = true;
            return Ok(row);
        };
        self.density(&mut row, &written)?;
        if !self.no_fit && row.dimension.is_some() {
            self.fit(&mut row, posterior, &written)?;
            self.race(&mut row, &written)?;
        }
        Ok(row)
    }

    /// Writes what both sides read into the references' folder.
    fn write(&self, posterior: &Posterior) -> Result<Option<Written>> {
        let Some(bytes) = self.checkout.data(posterior)? else {
            return Ok(None);
        };
        let data = self.file("data", &format!("{}.json", posterior.data), &bytes)?;
        let text = self.checkout.program(posterior)?;
        let files = |text: &str, suffix: &str| -> Result<Files> {
            let name = format!("{}{suffix}.stan", posterior.program);
            Ok(Files {
                program: self.file("programs", &name, text.as_bytes())?,
                data: data.clone(),
                key: format!("{:08x}-{:08x}", checksum(text.as_bytes()), checksum(&bytes)),
            })
        };
        Ok(Some(Written {
            files: files(&text, "")?,
            tight: tightened(&text).map(|t| files(&t, "-tight")).transpose()?,
        }))
    }

    fn file(&self, folder: &str, name: &str, bytes: &[u8]) -> Result<PathBuf> {
        let folder = self.stanli.folder.join(folder);
        std::fs::create_dir_all(&folder)?;
        let path = folder.join(name);
        std::fs::write(&path, bytes).with_context(|| format!("writing {}", path.display()))?;
        Ok(path)
    }

    fn density(&self, row: &mut Row, written: &Written) -> Result<()> {
        let compared = written.tight.as_ref().unwrap_or(&written.files);
        let theirs = or_note(self.stanli.density(&row.name, compared), row);
        let points = self.stanli.density_path(&row.name);
        let mut command = self.side("density", &written.files)?;
        if theirs.is_some() {
            command.arg("--points").arg(&points);
        }
        if let Some(tight) = &written.tight {
            command.arg("--tight").arg(&tight.program);
        }
        let (lines, fault) = lines(&mut command, DENSITY_LIMIT)?;
        row.failure = fault.map(|fault| fault.to_string());
        let mut evaluated: Option<Vec<At>> = None;
        for line in lines {
            match line {
                Line::Loaded {
                    dimension, seconds, ..
                } => {
                    (row.dimension, row.load_seconds) = (Some(dimension), Some(seconds));
                }
                Line::Evaluated(values) => evaluated = Some(values),
                Line::Gradient(seconds) => row.gradient_seconds = Some(seconds),
                Line::Fitted(_) | Line::Moments(_) => {}
            }
        }
        if let (Some(ours), Some(theirs)) = (&evaluated, &theirs) {
            row.density = Some(DensityErrors::of(ours, theirs, written.tight.is_some()));
        }
        if row.gradient_seconds.is_some() {
            let seconds = self.stanli.gradient_seconds(&row.name, &written.files);
            row.stanli_gradient_seconds = or_note(seconds, row);
        }
        Ok(())
    }

    fn fit(&self, row: &mut Row, posterior: &Posterior, written: &Written) -> Result<()> {
        let mut command = self.side("fit", &written.files)?;
        let (lines, fault) = lines(&mut command, self.limit)?;
        let mut ours = None;
        for line in lines {
            match line {
                Line::Fitted(fitted) => row.fit = Some(fitted),
                Line::Moments(moments) => ours = Some(moments),
                Line::Loaded { .. } | Line::Evaluated(_) | Line::Gradient(_) => {}
            }
        }
        if let Some(fault) = fault {
            let what = if row.fit.is_some() { "draws" } else { "fit" };
            row.failure = Some(format!("{what}: {fault}"));
        }
        let Some(theirs) = self.reference(row, posterior, written)? else {
            return Ok(());
        };
        row.comparison = ours.map(|ours| Comparison::of(&ours, &theirs));
        Ok(())
    }

    /// The reference's moments: those of the checkout's draws, or else the sampler's.
    fn reference(
        &self,
        row: &mut Row,
        posterior: &Posterior,
        written: &Written,
    ) -> Result<Option<AllMoments>> {
        if let Some(name) = &posterior.draws {
            let mut reference = Reference {
                draws: true,
                rhat: 1.0,
                ess: f64::INFINITY,
                divergences: 0,
                converged: DRAWS_HAVE_CONVERGED,
                seconds: None,
            };
            let mut all = AllMoments::new();
            for (quantity, chains) in self.checkout.draws(name)? {
                let (moments, summary) = Moments::of_chains(&chains);
                reference.rhat = reference.rhat.max(summary.rhat);
                reference.ess = reference.ess.min(summary.bulk_ess);
                all.insert(quantity, moments);
            }
            row.reference = Some(reference);
            return Ok(Some(all));
        }
        let sampled = or_note(self.stanli.nuts(&row.name, &written.files), row);
        Ok(sampled.map(|sampled| {
            row.reference = Some(Reference {
                draws: false,
                rhat: sampled.rhat,
                ess: sampled.ess,
                divergences: sampled.divergences,
                converged: sampled.has_converged(),
                seconds: Some(sampled.seconds),
            });
            sampled.moments
        }))
    }

    /// `elbo fit`, process and all, against the sampler, each with two threads.
    fn race(&self, row: &mut Row, written: &Written) -> Result<()> {
        let (Some(elbo), true) = (&self.elbo, row.is_good_and_right()) else {
            return Ok(());
        };
        let folder = tempfile::tempdir()?;
        let mut command = Command::new(elbo);
        command.arg("fit").arg(&written.files.program);
        command.arg(&written.files.data);
        command.args(["--seed", &self.seed.to_string(), "--json", "--out"]);
        command.arg(folder.path().join("fit"));
        command.env("RAYON_NUM_THREADS", self.threads.to_string());
        let ended = process::run(&mut command, self.limit)?;
        if let Some(fault) = ended.fault {
            row.failure = Some(format!("elbo fit: {fault}"));
            return Ok(());
        }
        let theirs = or_note(self.stanli.race(&written.files), row);
        row.race = theirs.map(|theirs| (ended.seconds, theirs));
        Ok(())
    }

    /// This program again, as our side of one posterior.
    fn side(&self, task: &str, files: &Files) -> Result<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("--side").arg(task);
        command.args(["--seed", &self.seed.to_string()]);
        command.args(["--threads", &self.threads.to_string()]);
        command.arg(&files.program).arg(&files.data);
        Ok(command)
    }
}

/// The value, or nothing and a note.
fn or_note<T>(answer: Result<Option<T>, String>, row: &mut Row) -> Option<T> {
    answer.unwrap_or_else(|error| {
        row.stanli_failure = Some(error);
        None
    })
}

/// What a side said, and how it failed.
fn lines(command: &mut Command, limit: f64) -> Result<(Vec<Line>, Option<Fault>)> {
    let ended = process::run(command, limit)?;
    let lines = ended.stdout.lines();
    // A side that was killed may have left half a line.
    let lines = lines.filter_map(|line| serde_json::from_str(line).ok());
    Ok((lines.collect(), ended.fault))
}

fn checksum(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// The folder of a references' file, for whoever has none.
pub(crate) fn folder_or_temporary(
    given: Option<&Path>,
) -> Result<(PathBuf, Option<tempfile::TempDir>)> {
    if let Some(folder) = given {
        return Ok((folder.to_path_buf(), None));
    }
    let folder = tempfile::tempdir()?;
    Ok((folder.path().to_path_buf(), Some(folder)))
}
