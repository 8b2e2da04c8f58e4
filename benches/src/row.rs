//! A row of the table: what is measured, on which data, against whom.

use std::fmt;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

/// One claim about speed and accuracy.
pub(crate) struct Row {
    /// What it is called on the command line.
    pub(crate) name: &'static str,
    /// What is measured.
    pub(crate) title: &'static str,
    /// What the seconds are for: `sweep`, `iteration`, `fit`.
    pub(crate) per: &'static str,
    /// What the accuracy is.
    pub(crate) accuracy: &'static str,
    /// The ratio rival ÷ ours that is aimed at, for each number of threads that is measured.
    pub(crate) goals: &'static [(usize, Option<f64>)],
    /// The rival's script in `rivals/` and its number of threads (0: the same as ours).
    pub(crate) rival: Option<(&'static str, usize)>,
    /// Sizes and settings, the same for both sides.
    pub(crate) options: &'static [(&'static str, &'static str)],
    /// Writes the data.
    pub(crate) prepare: fn(&Case) -> Result<()>,
    /// Our side.
    pub(crate) ours: fn(&Case) -> Result<Report>,
    /// The seconds are those of the whole process, from its start to its end, as the parent sees them.
    pub(crate) whole_process: bool,
    /// Where accuracy is not for the sides to say: reads the answer that a side left in the folder.
    pub(crate) judge: Option<fn(&Case) -> Result<Judgement>>,
}

/// A row on prepared data.
pub(crate) struct Case<'a> {
    /// Where the data lie.
    pub(crate) folder: &'a Path,
    /// Of the random numbers that the data are made of.
    pub(crate) seed: u64,
    options: &'a [(&'static str, &'static str)],
}

impl Case<'_> {
    /// The option as a number.
    pub(crate) fn get(&self, key: &str) -> usize {
        let found = self.options.iter().find(|(name, _)| *name == key);
        found
            .and_then(|(_, value)| value.parse().ok())
            .expect("a row names its own sizes")
    }
}

/// What a judge says of an answer.
pub(crate) struct Judgement {
    accuracy: f64,
    more: Vec<(String, f64)>,
}

impl Judgement {
    pub(crate) fn of(accuracy: f64) -> Self {
        let more = Vec::new();
        Self { accuracy, more }
    }

    pub(crate) fn with(mut self, name: &str, value: f64) -> Self {
        self.more.push((name.to_owned(), value));
        self
    }
}

/// What one side of one run says.
#[derive(Clone)]
pub(crate) struct Report {
    pub(crate) name: String,
    pub(crate) seconds: f64,
    pub(crate) accuracy: f64,
    pub(crate) peak_mb: f64,
    /// Further figures, printed as they are.
    pub(crate) more: Vec<(String, f64)>,
}

impl Report {
    pub(crate) fn ours(seconds: f64, accuracy: f64) -> Self {
        let name = format!("elbo {}", env!("CARGO_PKG_VERSION"));
        Self {
            name,
            seconds,
            accuracy,
            peak_mb: peak_mb(),
            more: Vec::new(),
        }
    }

    pub(crate) fn with(mut self, name: &str, value: f64) -> Self {
        self.more.push((name.to_owned(), value));
        self
    }

    /// CPU seconds of all threads, where the side says them.
    fn cpu(&self) -> Option<f64> {
        let found = self.more.iter().find(|(name, _)| name == "cpu");
        found.map(|(_, seconds)| *seconds)
    }

    pub(crate) fn to_json(&self) -> Value {
        let mut object = json!({
            "name": self.name, "seconds": self.seconds,
            "accuracy": self.accuracy, "peak_mb": self.peak_mb,
        });
        for (name, value) in &self.more {
            object[name] = json!(value);
        }
        object
    }

    fn from_json(value: &Value) -> Option<Self> {
        let known = ["name", "seconds", "accuracy", "peak_mb"];
        let more = value
            .as_object()?
            .iter()
            .filter(|(key, _)| !known.contains(&key.as_str()));
        Some(Self {
            name: value["name"].as_str()?.to_owned(),
            seconds: value["seconds"].as_f64()?,
            // A side may leave it to the judge.
            accuracy: value["accuracy"].as_f64().unwrap_or(f64::NAN),
            peak_mb: value["peak_mb"].as_f64()?,
            more: more
                .filter_map(|(k, v)| Some((k.clone(), v.as_f64()?)))
                .collect(),
        })
    }
}

/// The peak resident memory of this process so far; NaN where the system does not say.
fn peak_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kilobytes = line.and_then(|l| l.split_whitespace().nth(1)?.parse::<f64>().ok());
    kilobytes.map_or(f64::NAN, |kb| kb / 1024.0)
}

/// Both sides' medians for one number of threads.
pub(crate) struct Comparison {
    name: &'static str,
    title: &'static str,
    per: &'static str,
    accuracy: &'static str,
    threads: usize,
    goal: Option<f64>,
    ours: Report,
    rival: Option<Report>,
}

impl Comparison {
    /// Rival's seconds by ours.
    fn ratio(&self) -> Option<f64> {
        self.rival
            .as_ref()
            .map(|rival| rival.seconds / self.ours.seconds)
    }

    /// The same of all threads' CPU seconds, where both sides say them.
    fn cpu_ratio(&self) -> Option<f64> {
        Some(self.rival.as_ref()?.cpu()? / self.ours.cpu()?)
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({
            "row": self.name, "title": self.title, "per": self.per, "threads": self.threads,
            "accuracy": self.accuracy, "goal": self.goal, "ratio": self.ratio(), "cpu_ratio": self.cpu_ratio(),
            "ours": self.ours.to_json(), "rival": self.rival.as_ref().map(Report::to_json),
        })
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} ({} thread(s)): {}",
            self.name, self.threads, self.title
        )?;
        for side in [Some(&self.ours), self.rival.as_ref()]
            .into_iter()
            .flatten()
        {
            write!(
                f,
                "  {:<28} {:>10.4} s per {}   {} {:.4}   {:.0} MB",
                side.name, side.seconds, self.per, self.accuracy, side.accuracy, side.peak_mb
            )?;
            for (name, value) in &side.more {
                write!(f, "   {name} {value:.4}")?;
            }
            writeln!(f)?;
        }
        match (self.ratio(), self.goal) {
            (Some(ratio), Some(goal)) => write!(f, "  ratio {ratio:.1} (goal {goal})"),
            (Some(ratio), None) => write!(f, "  ratio {ratio:.1}"),
            (None, _) => write!(f, "  no rival was run"),
        }?;
        match self.cpu_ratio() {
            Some(ratio) => write!(f, ", of CPU seconds {ratio:.1}"),
            None => Ok(()),
        }
    }
}

/// Runs our side in this process, in a pool of `threads` threads.
pub(crate) fn our_side(row: &Row, folder: &Path, threads: usize) -> Result<Report> {
    let case = Case {
        folder,
        seed: 0, // the data are made already
        options: row.options,
    };
    elbo::math::parallel::with_threads(threads, || (row.ours)(&case))
}

/// Only prepares the data, in a folder that stays.
pub(crate) fn prepare(row: &Row, folder: &Path, seed: u64) -> Result<()> {
    let case = Case {
        folder,
        seed,
        options: row.options,
    };
    (row.prepare)(&case).with_context(|| format!("preparing {}", row.name))
}

/// Prepares the data, lets the sides alternate, and takes medians.
pub(crate) fn compare(
    row: &Row,
    python: Option<&Path>,
    runs: usize,
    seed: u64,
) -> Result<Vec<Comparison>> {
    let folder = tempfile::tempdir().context("a folder for the data")?;
    let case = Case {
        folder: folder.path(),
        seed,
        options: row.options,
    };
    (row.prepare)(&case).with_context(|| format!("preparing {}", row.name))?;
    let mut comparisons = Vec::new();
    for &(threads, goal) in row.goals {
        let (mut ours, mut rivals) = (Vec::new(), Vec::new());
        for _ in 0..runs.max(1) {
            let command = &mut our_command(row, folder.path(), threads)?;
            ours.push(run(row, &case, command)?);
            if let (Some(python), Some((script, fixed))) = (python, row.rival) {
                let threads = if fixed == 0 { threads } else { fixed };
                let command = &mut rival_command(row, python, script, folder.path(), threads);
                rivals.push(run(row, &case, command)?);
            }
        }
        comparisons.push(Comparison {
            name: row.name,
            title: row.title,
            per: row.per,
            accuracy: row.accuracy,
            threads,
            goal,
            ours: median(ours).context("no run of ours")?,
            rival: median(rivals),
        });
    }
    Ok(comparisons)
}

fn our_command(row: &Row, folder: &Path, threads: usize) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .arg("--side")
        .arg(folder)
        .arg(threads.to_string())
        .arg("--")
        .arg(row.name);
    Ok(command)
}

fn rival_command(row: &Row, python: &Path, script: &str, folder: &Path, threads: usize) -> Command {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("rivals");
    let mut command = Command::new(python);
    command
        .arg(scripts.join(script))
        .arg(folder)
        .arg(threads.to_string());
    command.args(
        row.options
            .iter()
            .map(|(key, value)| format!("{key}={value}")),
    );
    command
}

/// Runs one side; its last line is its report.
fn run(row: &Row, case: &Case, command: &mut Command) -> Result<Report> {
    let start = Instant::now();
    let output = command
        .output()
        .with_context(|| format!("starting {command:?}"))?;
    let elapsed = start.elapsed().as_secs_f64();
    if !output.status.success() {
        bail!(
            "{command:?} failed:\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let last = text.lines().last().unwrap_or_default();
    let report = serde_json::from_str(last)
        .ok()
        .as_ref()
        .and_then(Report::from_json);
    let mut report =
        report.with_context(|| format!("{command:?} ends with '{last}', which is no report"))?;
    if row.whole_process {
        report.seconds = elapsed;
    }
    if let Some(judge) = row.judge {
        let judgement = judge(case).with_context(|| format!("judging {}", row.name))?;
        report.accuracy = judgement.accuracy;
        report.more.extend(judgement.more);
    }
    Ok(report)
}

/// The run with the median time.
fn median(mut runs: Vec<Report>) -> Option<Report> {
    runs.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
    let middle = runs.len() / 2;
    runs.into_iter().nth(middle)
}
