//! The progress line: iteration, ELBO and its error, time to go.
//!
//! The one idea: coordinate ascent ends when its rises become small, long before `--max-iters`, so
//! the time to go is read off the rate at which the rises shrink. Shown only when stderr is a
//! terminal; the same observer carries Ctrl-C into the loop.

use std::fmt::Write as _;
use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use elbo::models::Progress;
use indicatif::{ProgressBar, ProgressStyle};

use crate::interrupt;

/// How many iterations back the shrinking of the rises is measured.
const WINDOW: usize = 8;

/// The progress line; hidden unless it is `visible` and stderr a terminal.
pub(crate) fn line(visible: bool) -> ProgressBar {
    if !visible || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner();
    bar.set_style(
        ProgressStyle::with_template("{spinner} {msg}").expect("the template is a valid constant"),
    );
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// Watches a fit: draws the line, keeps the clock of every iteration, stops on Ctrl-C.
pub(crate) struct Watch {
    bar: ProgressBar,
    start: Instant,
    rel_tol: f64,
    elbos: Vec<f64>,
    seconds: Vec<f64>,
}

impl Watch {
    /// Starts the clock; `visible` allows the line, a terminal is needed too.
    pub(crate) fn start(visible: bool, rel_tol: f64) -> Self {
        interrupt::begin_fit();
        Self {
            bar: line(visible),
            start: Instant::now(),
            rel_tol,
            elbos: Vec::new(),
            seconds: Vec::new(),
        }
    }

    /// The observer of the drivers.
    pub(crate) fn observe(&mut self, progress: &Progress) -> ControlFlow<()> {
        if progress.iteration == 1 {
            // A restart begins a new sequence.
            self.elbos.clear();
            self.seconds.clear();
        }
        self.elbos.push(progress.elbo);
        self.seconds.push(self.start.elapsed().as_secs_f64());
        if !self.bar.is_hidden() {
            self.bar.set_message(self.message(progress));
        }
        if interrupt::requested() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }

    /// Seconds since the start at the end of each iteration of the last restart.
    pub(crate) fn seconds(&self) -> &[f64] {
        &self.seconds
    }

    /// Removes the line.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn message(&self, progress: &Progress) -> String {
        let mut text = format!(
            "iteration {}  ELBO {:.6e}",
            progress.iteration, progress.elbo
        );
        if progress.elbo_error > 0.0 {
            let _ = write!(text, " ± {:.1e}", progress.elbo_error);
        }
        if let Some(heldout) = progress.heldout {
            let _ = write!(text, "  held-out log density {heldout:.4}");
        }
        let left = remaining(&self.elbos, self.rel_tol)
            .unwrap_or(f64::INFINITY)
            .min((progress.max_iters - progress.iteration) as f64);
        let per_iteration = self.start.elapsed().as_secs_f64() / progress.iteration as f64;
        let time = duration(left * per_iteration);
        let _ = write!(text, "  about {time} to go");
        text
    }
}

/// Iterations until the relative rise of the ELBO falls below `rel_tol`, if rises shrink
/// geometrically at the pace of the last few; `None` while there is no pace.
fn remaining(elbos: &[f64], rel_tol: f64) -> Option<f64> {
    let rise = |i: usize| (elbos[i] - elbos[i - 1]) / elbos[i].abs();
    let last = elbos.len().checked_sub(1)?;
    let span = WINDOW.min(last.checked_sub(1)?);
    let (new, old) = (rise(last), rise(last - span));
    let pace = (new / old).ln() / span as f64;
    (pace < 0.0).then(|| ((rel_tol / new).ln() / pace).max(0.0))
}

/// `8 s`, `3 min`, `2.5 h`.
fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 90.0 => format!("{s:.0} s"),
        s if s < 5400.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_to_go_is_exact_for_geometric_rises() {
        // Rises of 2^-i around an ELBO of -100: relative rise 1e-8 is reached at i = log2(1e6).
        let elbos: Vec<f64> = (0..12).map(|i| -100.0 - 0.5f64.powi(i)).collect();
        let expected = 1e6f64.log2() - 11.0;
        let left = remaining(&elbos, 1e-8).unwrap();
        assert!((left - expected).abs() < 0.1, "{left} against {expected}");
    }

    #[test]
    fn there_is_no_estimate_before_there_is_a_pace() {
        assert_eq!(remaining(&[], 1e-8), None);
        assert_eq!(remaining(&[-5.0, -4.0], 1e-8), None);
        assert_eq!(remaining(&[-5.0, -4.0, -3.0, -1.0], 1e-8), None);
    }
}
