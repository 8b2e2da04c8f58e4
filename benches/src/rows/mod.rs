//! The rows of the table, by model.

mod ard;
mod factor;
mod gmm;
mod gradient;
mod reading;

use std::time::Instant;

use crate::row::Row;

/// All rows, in the order of `benches/README.md`.
pub(crate) fn all() -> Vec<Row> {
    let rows = [
        factor::rows(),
        gmm::rows(),
        ard::rows(),
        reading::rows(),
        gradient::rows(),
    ];
    rows.into_iter().flatten().collect()
}

/// An observer's clock: the median time between iterations.
#[derive(Default)]
pub(crate) struct Laps(Vec<Instant>);

impl Laps {
    pub(crate) fn lap(&mut self) {
        self.0.push(Instant::now());
    }

    /// Median seconds from one lap to the next; NaN for fewer than two.
    pub(crate) fn median(&self) -> f64 {
        let mut seconds: Vec<f64> = self
            .0
            .windows(2)
            .map(|w| (w[1] - w[0]).as_secs_f64())
            .collect();
        seconds.sort_by(f64::total_cmp);
        seconds.get(seconds.len() / 2).copied().unwrap_or(f64::NAN)
    }
}
