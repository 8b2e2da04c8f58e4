//! What stanli says: reference values, times, and moments from its sampler.
//!
//! The one idea: a kept answer carries checksums of its program and data, so that it is used for
//! nothing else. Times of gradients are never kept: both sides are timed in the same run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::moments::{AllMoments, Moments};
use crate::process::{self, Fault};

/// A call from Python costs this much by itself.
const CALL: f64 = 5e-6;
/// No gradient takes less; times below are errors of the subtraction.
const LEAST: f64 = 1e-7;
/// A second run of the sampler, where the first did not converge.
const THOROUGH: [&str; 3] = ["warmup=2000", "samples=10000", "delta=0.95"];
/// A sampler's R̂ and effective sample size from which it is believed.
const CONVERGED: (f64, f64) = (1.01, 400.0);

/// Python with stanli, and the folder where its answers are kept.
pub(crate) struct Stanli {
    pub(crate) python: Option<PathBuf>,
    pub(crate) folder: PathBuf,
    /// Seconds that a reference run of the sampler may take.
    pub(crate) limit: f64,
}

/// A program and its data, as files and as what they are known by.
pub(crate) struct Files {
    pub(crate) program: PathBuf,
    pub(crate) data: PathBuf,
    pub(crate) key: String,
}

/// Log densities and gradients at a few points.
#[derive(Serialize, Deserialize)]
pub(crate) struct Density {
    pub(crate) dimension: usize,
    pub(crate) points: Vec<Vec<f64>>,
    pub(crate) log_densities: Vec<f64>,
    pub(crate) gradients: Vec<Vec<f64>>,
}

/// What the sampler found.
pub(crate) struct Sampled {
    pub(crate) seconds: f64,
    pub(crate) rhat: f64,
    pub(crate) ess: f64,
    pub(crate) divergences: usize,
    pub(crate) moments: AllMoments,
}

/// What the sampler found, as it is kept. Each quantity's mean, sd, effective sample size, R̂ and
/// kurtosis; nothing if the sampler took longer than it was given.
#[derive(Serialize, Deserialize)]
struct Kept {
    seconds: f64,
    #[serde(default)]
    divergences: usize,
    moments: BTreeMap<String, [Option<f64>; 5]>,
}

impl Sampled {
    pub(crate) fn has_converged(&self) -> bool {
        self.rhat < CONVERGED.0 && self.ess > CONVERGED.1
    }

    fn from_kept(kept: Kept) -> Self {
        let mut sampled = Self {
            seconds: kept.seconds,
            rhat: 1.0,
            ess: f64::INFINITY,
            divergences: kept.divergences,
            moments: AllMoments::new(),
        };
        for (name, [mean, sd, ess, rhat, kurtosis]) in kept.moments {
            // Constants have no effective sample size.
            if let (Some(mean), Some(sd), Some(ess), Some(rhat)) = (mean, sd, ess, rhat) {
                sampled.rhat = sampled.rhat.max(rhat);
                sampled.ess = sampled.ess.min(ess);
                let kurtosis = kurtosis.unwrap_or(3.0);
                let moments = Moments::from_summary(mean, sd, kurtosis, ess);
                sampled.moments.insert(name, moments);
            }
        }
        sampled
    }
}

impl Stanli {
    /// Reference values; without Python, only if they are kept.
    pub(crate) fn density(&self, name: &str, files: &Files) -> Result<Option<Density>, String> {
        let answer = self.kept_or_asked("density", name, files, &[], 600.0)?;
        answer.map(read).transpose()
    }

    /// Where reference values are kept.
    pub(crate) fn density_path(&self, name: &str) -> PathBuf {
        self.path("density", name)
    }

    /// Seconds per gradient, the call left out.
    pub(crate) fn gradient_seconds(
        &self,
        name: &str,
        files: &Files,
    ) -> Result<Option<f64>, String> {
        let points = format!("points={}", self.density_path(name).display());
        let answer = self.ask("gradient", files, &[points], 120.0)?;
        let seconds = answer.and_then(|a| a["seconds"].as_f64());
        Ok(seconds.map(|s| (s - CALL).max(LEAST)))
    }

    /// The moments of a long run, and of a longer one if that has not converged; without Python, only
    /// if they are kept.
    pub(crate) fn nuts(&self, name: &str, files: &Files) -> Result<Option<Sampled>, String> {
        let Some(first) = self.kept_or_asked("nuts", name, files, &[], self.limit)? else {
            return Ok(None);
        };
        let sampled = Sampled::from_kept(read(first.clone())?);
        let again = self.python.is_some() && self.limit > 0.0;
        if sampled.has_converged() || first["thorough"] == true || !again {
            return Ok(Some(sampled));
        }
        let options = THOROUGH.map(str::to_owned);
        let mut answer = match self.ask("nuts", files, &options, self.limit) {
            Ok(Some(answer)) => answer,
            // The first run stays, known to be no better than it is.
            _ => first,
        };
        answer["key"] = files.key.clone().into();
        answer["thorough"] = true.into();
        keep(&self.path("nuts", name), &answer).map_err(|error| error.to_string())?;
        Ok(Some(Sampled::from_kept(read(answer)?)))
    }

    /// Seconds for loading and four chains of 2,000 iterations, half of them to warm up, two chains at
    /// a time.
    pub(crate) fn race(&self, files: &Files) -> Result<Option<f64>, String> {
        let options = ["warmup=1000", "samples=1000", "parallel=2", "moments=no"];
        let options = options.map(str::to_owned);
        let answer = self.ask("nuts", files, &options, self.limit)?;
        Ok(answer.and_then(|a| a["seconds"].as_f64()))
    }

    fn path(&self, task: &str, name: &str) -> PathBuf {
        self.folder.join(task).join(format!("{name}.json"))
    }

    fn kept_or_asked(
        &self,
        task: &str,
        name: &str,
        files: &Files,
        options: &[String],
        limit: f64,
    ) -> Result<Option<Value>, String> {
        let path = self.path(task, name);
        let kept = std::fs::read(&path).ok();
        let kept: Option<Value> = kept.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        if let Some(kept) = kept.filter(|kept| kept["key"].as_str() == Some(&files.key)) {
            match kept["late"].as_f64() {
                // Whoever was too slow for as much time as there is now will be so again.
                Some(given) if given >= limit || self.python.is_none() => return Err(late(given)),
                Some(_) => {}
                None => return Ok(Some(kept)),
            }
        }
        if limit <= 0.0 {
            return Ok(None);
        }
        let mut answer = match self.ask(task, files, options, limit) {
            Ok(None) => return Ok(None),
            Ok(Some(answer)) => answer,
            Err(error) if error == late(limit) => serde_json::json!({ "late": limit }),
            Err(error) => return Err(error),
        };
        answer["key"] = files.key.clone().into();
        keep(&path, &answer).map_err(|error| error.to_string())?;
        match answer["late"].as_f64() {
            Some(given) => Err(late(given)),
            None => Ok(Some(answer)),
        }
    }

    fn ask(
        &self,
        task: &str,
        files: &Files,
        options: &[String],
        limit: f64,
    ) -> Result<Option<Value>, String> {
        let Some(python) = &self.python else {
            return Ok(None);
        };
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("rivals/posteriordb_stanli.py");
        let mut command = Command::new(python);
        command.arg(script).arg(task).arg(&files.program);
        command.arg(&files.data).args(options);
        let ended = process::run(&mut command, limit).map_err(|error| format!("{error:#}"))?;
        match ended.fault {
            None => serde_json::from_str(&ended.stdout)
                .map(Some)
                .map_err(|error| format!("stanli: {error}")),
            Some(Fault::Late) => Err(late(limit)),
            Some(fault) => Err(format!("stanli: {fault}")),
        }
    }
}

fn late(given: f64) -> String {
    format!("stanli takes more than {given} s")
}

fn read<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    serde_json::from_value(value).map_err(|error| format!("stanli's answer: {error}"))
}

/// Under another name first: whoever reads meets a whole file or none.
fn keep(path: &Path, answer: &Value) -> Result<()> {
    let unfinished = path.with_extension(format!("{}.part", std::process::id()));
    std::fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
    std::fs::write(&unfinished, answer.to_string())?;
    std::fs::rename(&unfinished, path).with_context(|| format!("writing {}", path.display()))
}
