//! The rows of the table, by model.

mod ard;
mod factor;
mod gmm;
mod gradient;
mod logistic;
mod lowrank;
mod meanfield;
mod minibatch;
mod pathfinder;
mod reading;

use std::time::Instant;

use rustix::time::{ClockId, clock_gettime};

use crate::row::Row;

/// All rows, in the order of `benches/README.md`.
pub(crate) fn all() -> Vec<Row> {
    let rows = [
        factor::rows(),
        gmm::rows(),
        ard::rows(),
        reading::rows(),
        gradient::rows(),
        meanfield::rows(),
        minibatch::rows(),
        pathfinder::rows(),
        lowrank::rows(),
    ];
    rows.into_iter().flatten().collect()
}

/// An observer's clock: the median time between iterations.
#[derive(Default)]
pub(crate) struct Laps(Vec<(Instant, f64)>);

impl Laps {
    pub(crate) fn lap(&mut self) {
        self.0.push((Instant::now(), cpu_seconds()));
    }

    /// Median seconds from one lap to the next; NaN for fewer than two.
    pub(crate) fn median(&self) -> f64 {
        median(self.0.windows(2).map(|w| (w[1].0 - w[0].0).as_secs_f64()))
    }

    /// The same in seconds of all threads' CPU time: what a busy machine disturbs less.
    pub(crate) fn median_cpu(&self) -> f64 {
        median(self.0.windows(2).map(|w| w[1].1 - w[0].1))
    }
}

fn median(seconds: impl Iterator<Item = f64>) -> f64 {
    let mut seconds: Vec<f64> = seconds.collect();
    seconds.sort_by(f64::total_cmp);
    seconds.get(seconds.len() / 2).copied().unwrap_or(f64::NAN)
}

/// CPU seconds that this process has used since it began, user and system, all threads.
pub(crate) fn cpu_seconds() -> f64 {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    now.tv_sec as f64 + 1e-9 * now.tv_nsec as f64
}
