//! The progress line of a black-box fit, and the clock of its steps.
//!
//! `auto` runs several methods one after the other, each counting its steps from 1; what grows over all
//! of them is the number of gradients.

use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::time::Instant;

use elbo::vi::driver::Progress;
use elbo_data::fit::TracePoint;
use indicatif::ProgressBar;

use crate::{interrupt, progress};

/// Watches a fit: draws the line, keeps the clock, stops on Ctrl-C.
pub(crate) struct Watch {
    bar: ProgressBar,
    start: Instant,
    trace: Vec<TracePoint>,
}

impl Watch {
    /// Starts the clock; `visible` allows the line, a terminal is needed too.
    pub(crate) fn start(visible: bool) -> Self {
        interrupt::begin_fit();
        Self {
            bar: progress::line(visible),
            start: Instant::now(),
            trace: Vec::new(),
        }
    }

    /// The observer of the drivers.
    pub(crate) fn observe(&mut self, progress: &Progress) -> ControlFlow<()> {
        self.trace.push(TracePoint {
            iteration: self.trace.len() as u64 + 1,
            seconds: self.start.elapsed().as_secs_f64(),
            elbo: progress.elbo.unwrap_or(f64::NAN),
            elbo_error: progress.elbo_error,
        });
        if !self.bar.is_hidden() {
            let mut text = format!("step {}", self.trace.len());
            if let Some(elbo) = progress.elbo {
                let _ = write!(text, "  ELBO {elbo:.3}");
                if progress.elbo_error > 0.0 {
                    let _ = write!(text, " ± {:.1e}", progress.elbo_error);
                }
            }
            let _ = write!(text, "  {} gradients", progress.gradient_evaluations);
            self.bar.set_message(text);
        }
        if interrupt::requested() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }

    /// Removes the line; all steps of all methods.
    pub(crate) fn finish(self) -> Vec<TracePoint> {
        self.bar.finish_and_clear();
        self.trace
    }
}
