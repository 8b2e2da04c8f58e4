//! Where in a file something stands.
//!
//! The one idea: rows are kept without their line numbers, which are recovered when an error needs
//! one from the few places where lines and rows get out of step (blank lines, cells with newlines).

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A position in a file of data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// The row, where there is one.
    pub row: Option<Row>,
    /// The column's name, where there is one.
    pub column: Option<String>,
}

/// How a row is counted, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Row {
    /// The line in a text file, header and blank lines included.
    Line(u64),
    /// The row of a file that has no lines.
    Row(u64),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        match self.row {
            Some(Row::Line(line)) => write!(f, ", line {line}")?,
            Some(Row::Row(row)) => write!(f, ", row {row}")?,
            None => {}
        }
        match &self.column {
            Some(column) => write!(f, ", column '{column}'"),
            None => Ok(()),
        }
    }
}

/// The line of each row of a file.
#[derive(Debug, Clone)]
pub(crate) struct Lines {
    file: Arc<Path>,
    is_text: bool,
    n_rows: u64,
    /// `(row, line)` wherever the line is not that of the row before plus one.
    jumps: Vec<(u64, u64)>,
}

impl Lines {
    /// No rows yet, of a file with lines (text) or without (Parquet).
    pub(crate) fn new(file: Arc<Path>, is_text: bool) -> Self {
        Self {
            file,
            is_text,
            n_rows: 0,
            jumps: Vec::new(),
        }
    }

    /// The file.
    pub(crate) fn file(&self) -> &Arc<Path> {
        &self.file
    }

    /// Appends a row that stands on `line`.
    #[inline]
    pub(crate) fn push(&mut self, line: u64) {
        let expected = match self.jumps.last() {
            Some((row, at)) => at + (self.n_rows - row),
            None => u64::MAX,
        };
        if line != expected {
            self.jumps.push((self.n_rows, line));
        }
        self.n_rows += 1;
    }

    /// Where a row, counted from 0, stands.
    pub(crate) fn place(&self, row: usize, column: Option<&str>) -> Place {
        let row = row as u64;
        let after = self.jumps.partition_point(|(first, _)| *first <= row);
        let line = match after.checked_sub(1).map(|i| self.jumps[i]) {
            Some((first, line)) => line + (row - first),
            None => row + 1,
        };
        let row = if self.is_text {
            Row::Line(line)
        } else {
            Row::Row(line)
        };
        Place {
            file: self.file.to_path_buf(),
            row: Some(row),
            column: column.map(str::to_owned),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_found_on_its_line_after_jumps() {
        let mut lines = Lines::new(Path::new("t.csv").into(), true);
        let truth = [2, 3, 4, 7, 8, 20, 21];
        for line in truth {
            lines.push(line);
        }
        assert_eq!(lines.jumps.len(), 3);
        for (row, line) in truth.into_iter().enumerate() {
            assert_eq!(lines.place(row, None).row, Some(Row::Line(line)));
        }
    }

    #[test]
    fn a_place_reads_as_a_person_would_say_it() {
        let mut lines = Lines::new(Path::new("t.csv").into(), true);
        lines.push(2);
        assert_eq!(
            lines.place(0, Some("x")).to_string(),
            "t.csv, line 2, column 'x'"
        );
        let place = Place {
            file: "t.parquet".into(),
            row: Some(Row::Row(7)),
            column: None,
        };
        assert_eq!(place.to_string(), "t.parquet, row 7");
    }
}
