//! Writing rows of text.
//!
//! The one idea: numbers are printed in the shortest form that reads back to the same bits. Cells
//! are quoted only where reading them back needs it.

use std::fmt::Display;
use std::io::{self, Write};

/// A writer of CSV: cells are appended to a row, and the row is ended.
#[derive(Debug)]
pub struct CsvWriter<W: Write> {
    output: W,
    row: Vec<u8>,
}

impl<W: Write> CsvWriter<W> {
    /// Writes to `output`, which should be buffered.
    pub fn new(output: W) -> Self {
        Self {
            output,
            row: Vec::new(),
        }
    }

    /// Writes a row of names.
    ///
    /// # Errors
    /// Those of the output.
    pub fn header<S: AsRef<str>>(&mut self, names: &[S]) -> io::Result<()> {
        for name in names {
            self.text(name.as_ref());
        }
        self.end_row()
    }

    /// Appends a cell of text to the row.
    pub fn text(&mut self, cell: &str) {
        let special = |b: u8| matches!(b, b',' | b'"' | b'\n' | b'\r' | b'\t' | b';' | b'|');
        let plain = !cell.is_empty()
            && !cell.bytes().any(special)
            && cell.trim_ascii().len() == cell.len()
            && !crate::number::is_missing(cell.as_bytes())
            && !cell.contains("::");
        if plain {
            self.row.extend_from_slice(cell.as_bytes());
        } else {
            self.row.push(b'"');
            self.row
                .extend_from_slice(cell.replace('"', "\"\"").as_bytes());
            self.row.push(b'"');
        }
        self.row.push(b',');
    }

    /// Appends a number to the row; NaN becomes an empty cell.
    pub fn number(&mut self, value: f64) {
        if value.is_nan() {
            self.row.push(b',');
        } else {
            self.display(Shortest(value));
        }
    }

    /// Appends a number of storage precision to the row.
    pub fn number_f32(&mut self, value: f32) {
        // Ratings in tenths are most of all ratings, and need no search for the shortest form.
        let tenths = value * 10.0;
        if (0.0..1e6).contains(&tenths) && tenths.fract() == 0.0 && tenths / 10.0 == value {
            self.tenths(tenths);
        } else {
            self.display(value);
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked: whole"
    )]
    fn tenths(&mut self, tenths: f32) {
        let tenths = tenths as u64;
        self.digits(tenths / 10);
        self.row
            .extend_from_slice(&[b'.', b'0' + (tenths % 10) as u8, b',']);
    }

    /// Appends a whole number to the row.
    pub fn whole(&mut self, value: u64) {
        self.digits(value);
        self.row.push(b',');
    }

    fn digits(&mut self, mut value: u64) {
        let mut digits = [0; 20];
        let mut first = digits.len();
        loop {
            first -= 1;
            digits[first] = b"0123456789"[usize::try_from(value % 10).unwrap_or(0)];
            value /= 10;
            if value == 0 {
                break;
            }
        }
        self.row.extend_from_slice(&digits[first..]);
    }

    /// Appends a count to the row.
    pub(crate) fn display(&mut self, value: impl Display) {
        write!(self.row, "{value},").expect("writing to memory cannot fail");
    }

    /// Ends the row.
    ///
    /// # Errors
    /// Those of the output.
    pub fn end_row(&mut self) -> io::Result<()> {
        if let Some(last) = self.row.last_mut() {
            *last = b'\n';
        }
        self.output.write_all(&self.row)?;
        self.row.clear();
        Ok(())
    }

    /// The output, with all rows written to it.
    ///
    /// # Errors
    /// Those of the output.
    pub fn finish(mut self) -> io::Result<W> {
        self.output.flush()?;
        Ok(self.output)
    }
}

/// A double in the shortest form that reads back, in scientific notation where that is shorter.
struct Shortest(f64);

impl Display for Shortest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let magnitude = self.0.abs();
        if magnitude != 0.0 && !(1e-5..1e16).contains(&magnitude) {
            write!(f, "{:e}", self.0)
        } else {
            write!(f, "{}", self.0)
        }
    }
}
