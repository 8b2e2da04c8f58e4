//! `trace.csv`: the ELBO from iteration to iteration.

use std::path::Path;

use super::files;
use crate::DataError;
use crate::delimited::CsvWriter;
use crate::table::{TableOptions, read_table};

/// The name of the trace within a fit.
pub(super) const FILE: &str = "trace.csv";

/// One iteration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TracePoint {
    /// The iteration, from 1.
    pub iteration: u64,
    /// Seconds since the fit began.
    pub seconds: f64,
    /// The ELBO in nats.
    pub elbo: f64,
    /// Its Monte Carlo standard error; 0 if it is exact.
    pub elbo_error: f64,
}

/// Writes a trace as CSV.
pub(super) fn write(path: &Path, trace: &[TracePoint]) -> Result<(), DataError> {
    files::write(path, |output| {
        let mut csv = CsvWriter::new(output);
        csv.header(&["iteration", "seconds", "elbo", "elbo_error"])?;
        for point in trace {
            csv.display(point.iteration);
            csv.number(point.seconds);
            // An infinite bound is one that was not reached.
            let finite = |x: f64| if x.is_finite() { x } else { f64::NAN };
            csv.number(finite(point.elbo));
            csv.number(finite(point.elbo_error));
            csv.end_row()?;
        }
        csv.finish().map(|_| ())
    })
}

/// Reads a trace; that of a fit without iterations is empty.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "iterations are counts and far below 2^53"
)]
pub(super) fn read(path: &Path) -> Result<Vec<TracePoint>, DataError> {
    let options = TableOptions {
        header: Some(true),
        ..TableOptions::default()
    };
    let table = match read_table(path, &options) {
        Err(DataError::HeaderOnly { .. }) => return Ok(Vec::new()),
        read => read?,
    };
    let column = |name| table.numeric(name);
    let (iteration, seconds) = (column("iteration")?, column("seconds")?);
    let (elbo, elbo_error) = (column("elbo")?, column("elbo_error")?);
    Ok((0..table.n_rows())
        .map(|i| TracePoint {
            iteration: iteration[i] as u64,
            seconds: seconds[i],
            elbo: elbo[i],
            elbo_error: elbo_error[i],
        })
        .collect())
}
