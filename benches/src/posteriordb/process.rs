//! A command that may take too long: what it said, and how it ended.

use std::io::Read;
use std::process::{Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

/// Between two looks at whether it has ended.
const PAUSE: Duration = Duration::from_millis(1);

/// What a command said.
pub(crate) struct Ended {
    pub(crate) stdout: String,
    /// Why it did not succeed, if it did not.
    pub(crate) fault: Option<Fault>,
    pub(crate) seconds: f64,
}

/// How a command failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It took longer than it was given.
    Late,
    /// Its exit code, if it was not killed, and its last words.
    Failed(Option<i32>, String),
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Late => write!(f, "takes too long"),
            Self::Failed(_, words) => write!(f, "{words}"),
        }
    }
}

/// Runs a command, killing it after `limit` seconds.
pub(crate) fn run(command: &mut Command, limit: f64) -> Result<Ended> {
    let start = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("starting {}", command.get_program().display()))?;
    // Read while it runs: a full pipe would stop it.
    let stdout = reader(child.stdout.take());
    let stderr = reader(child.stderr.take());
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break Some(status);
        }
        if start.elapsed().as_secs_f64() > limit {
            child.kill()?;
            child.wait()?;
            break None;
        }
        thread::sleep(PAUSE);
    };
    let seconds = start.elapsed().as_secs_f64();
    let (stdout, stderr) = (text(stdout), text(stderr));
    let fault = match status {
        None => Some(Fault::Late),
        Some(status) if status.success() => None,
        Some(status) => Some(Fault::Failed(status.code(), last_words(&stderr))),
    };
    Ok(Ended {
        stdout,
        fault,
        seconds,
    })
}

fn reader(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // A broken pipe ends the text.
            let _ = pipe.read_to_end(&mut bytes);
        }
        bytes
    })
}

fn text(reader: JoinHandle<Vec<u8>>) -> String {
    let bytes = reader.join().unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The last line that says something, cut to a table's cell.
fn last_words(stderr: &str) -> String {
    let line = stderr
        .lines()
        .rev()
        .find(|line| !line.trim().is_empty() && !line.starts_with("note: run with"));
    let line = line.unwrap_or("without a word").trim();
    line.chars().take(200).collect()
}
