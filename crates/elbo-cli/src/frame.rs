//! Columns of equal length, on their way out as CSV.
//!
//! Deliberately absent: types beyond the three that results need, and reading.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::Path;

use crate::console::Results;
use crate::failure::Failure;

/// One column of results.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Column {
    /// Numbers; a NaN is written as an empty cell.
    Number(Vec<f64>),
    /// Counts and labels.
    Count(Vec<usize>),
    /// Names and identifiers.
    Text(Vec<String>),
}

impl Column {
    fn len(&self) -> usize {
        match self {
            Self::Number(v) => v.len(),
            Self::Count(v) => v.len(),
            Self::Text(v) => v.len(),
        }
    }

    fn push_cell(&self, row: usize, line: &mut String) {
        match self {
            Self::Number(v) => push_number(v[row], line),
            Self::Count(v) => write!(line, "{}", v[row]).expect("a String accepts all text"),
            Self::Text(v) => push_text(&v[row], line),
        }
    }
}

/// A table of results.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Frame {
    columns: Vec<(String, Column)>,
}

impl Frame {
    /// A table without columns.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds a column.
    ///
    /// # Panics
    /// If its length differs from that of the others.
    pub(crate) fn with(mut self, name: impl Into<String>, column: Column) -> Self {
        if let Some((_, first)) = self.columns.first() {
            assert_eq!(first.len(), column.len(), "columns must be of equal length");
        }
        self.columns.push((name.into(), column));
        self
    }

    /// The number of rows.
    pub(crate) fn len(&self) -> usize {
        self.columns.first().map_or(0, |(_, c)| c.len())
    }

    /// Writes a header and the rows.
    ///
    /// # Errors
    /// What `out` reports.
    pub(crate) fn write_csv(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut line = String::new();
        for (j, (name, _)) in self.columns.iter().enumerate() {
            push_separator(j, &mut line);
            push_text(name, &mut line);
        }
        writeln!(out, "{line}")?;
        for row in 0..self.len() {
            line.clear();
            for (j, (_, column)) in self.columns.iter().enumerate() {
                push_separator(j, &mut line);
                column.push_cell(row, &mut line);
            }
            writeln!(out, "{line}")?;
        }
        out.flush()
    }
}

/// A line of cells.
pub(crate) fn push_row<T>(cells: &[T], push: impl Fn(&T, &mut String), line: &mut String) {
    for (column, cell) in cells.iter().enumerate() {
        push_separator(column, line);
        push(cell, line);
    }
    line.push('\n');
}

/// What stands before the cell of a column.
pub(crate) fn push_separator(column: usize, line: &mut String) {
    if column > 0 {
        line.push(',');
    }
}

/// The shortest text that reads back as the same number.
pub(crate) fn push_number(x: f64, line: &mut String) {
    if !x.is_nan() {
        write!(line, "{x:?}").expect("a String accepts all text");
    }
}

/// RFC 4180: quoted where a separator, a quote or a line break is inside.
pub(crate) fn push_text(text: &str, line: &mut String) {
    if text.contains(['"', ',', '\n', '\r']) {
        line.push('"');
        line.push_str(&text.replace('"', "\"\""));
        line.push('"');
    } else {
        line.push_str(text);
    }
}

/// Sends what `write` produces to a file, or to stdout where there is none.
///
/// A file appears whole or not at all: it is written under another name beside its place.
///
/// # Errors
/// If the file exists, or writing fails.
pub(crate) fn deliver(
    out: Option<&Path>,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Failure> {
    let Some(path) = out else {
        let mut stdout = Results::stdout();
        return match write(&mut stdout) {
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Err(e) => Err(Failure::input(format!("cannot write to stdout: {e}"))),
            Ok(()) => stdout.finish(),
        };
    };
    refuse_existing(path)?;
    crate::stored::write_file(path, write)
}

/// Refuses to write over a file.
///
/// # Errors
/// If there is anything at `path`.
pub(crate) fn refuse_existing(path: &Path) -> Result<(), Failure> {
    if path.exists() {
        return Err(Failure::input(format!("{} exists already", path.display()))
            .help("give another --out, or remove it first"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_read_back_as_what_they_were() {
        let frame = Frame::new()
            .with("id", Column::Text(vec!["a,b".into(), "say \"x\"".into()]))
            .with("mean", Column::Number(vec![0.1 + 0.2, f64::NAN]))
            .with("label", Column::Count(vec![1, 12]));
        let mut out = Vec::new();
        frame.write_csv(&mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "id,mean,label\n\"a,b\",0.30000000000000004,1\n\"say \"\"x\"\"\",,12\n"
        );
    }
}
