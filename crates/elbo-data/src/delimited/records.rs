//! Records of a text file, one after the other.
//!
//! The one idea: one buffer, refilled when it holds no whole record any more; a record is lent out of
//! it. Blank lines are skipped.

use std::path::Path;
use std::sync::Arc;

use super::split::{Cells, Taken};
use crate::DataError;
use crate::place::{Place, Row};
use crate::source::{self, Delimiter, Input};

/// The buffer's first size; it grows to hold the longest record.
const BUFFER: usize = 1 << 18;

/// The longest record that is read. A longer one is a stray quote, or no text table at all.
pub(super) const LIMIT: usize = 1 << 26;

/// A reader of records.
pub(crate) struct Records {
    input: Input,
    path: Arc<Path>,
    delimiter: Delimiter,
    buffer: Vec<u8>,
    /// The bytes of `buffer` not yet taken are `start..end`.
    start: usize,
    end: usize,
    at_end: bool,
    /// The line on which the next record begins.
    next_line: u64,
    cells: Cells,
    /// Where in `buffer` the current record begins, and its line.
    current: usize,
    line: u64,
}

/// One record, as long as the next is not read.
pub(crate) struct Record<'a> {
    bytes: &'a [u8],
    cells: &'a Cells,
    /// The line on which it begins.
    pub(crate) line: u64,
}

impl<'a> Record<'a> {
    /// The number of cells.
    pub(crate) fn len(&self) -> usize {
        self.cells.len()
    }

    /// The text of a cell.
    #[inline]
    pub(crate) fn cell(&self, index: usize) -> &'a [u8] {
        self.cells.get(self.bytes, index).0
    }

    /// The text of a cell, less the blanks around it unless it was quoted; and whether it was.
    #[inline]
    pub(crate) fn cell_exact(&self, index: usize) -> (&'a [u8], bool) {
        let (cell, quoted) = self.cells.get(self.bytes, index);
        (if quoted { cell } else { cell.trim_ascii() }, quoted)
    }
}

impl Records {
    /// Opens a text file, compressed or not.
    pub(crate) fn open(path: &Arc<Path>, delimiter: Delimiter) -> Result<Self, DataError> {
        let mut records = Self {
            input: source::open_text(path)?,
            path: Arc::clone(path),
            delimiter,
            buffer: vec![0; BUFFER],
            start: 0,
            end: 0,
            at_end: false,
            next_line: 1,
            cells: Cells::default(),
            current: 0,
            line: 0,
        };
        records.refill()?;
        if records.buffer[..records.end].starts_with(b"\xef\xbb\xbf") {
            records.start = 3;
        }
        Ok(records)
    }

    /// The first `size` bytes of the file, and whether they are the whole of it.
    pub(super) fn sample(&mut self, size: usize) -> Result<(&[u8], bool), DataError> {
        while self.end - self.start < size && !self.at_end {
            self.refill()?;
        }
        let end = self.end.min(self.start + size);
        Ok((
            &self.buffer[self.start..end],
            self.at_end && end == self.end,
        ))
    }

    /// The next record that is not blank; `None` at the end of the file.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<Option<Record<'_>>, DataError> {
        loop {
            let bytes = &self.buffer[self.start..self.end];
            if bytes.is_empty() && self.at_end {
                return Ok(None);
            }
            match self.cells.take(bytes, self.at_end, self.delimiter) {
                Taken::Record { length, lines } => {
                    (self.current, self.line) = (self.start, self.next_line);
                    self.start += length;
                    self.next_line += lines;
                    if !self.is_blank() {
                        break;
                    }
                }
                taken => self.more(taken)?,
            }
        }
        Ok(Some(Record {
            bytes: &self.buffer[self.current..self.start],
            cells: &self.cells,
            line: self.line,
        }))
    }

    fn is_blank(&self) -> bool {
        match self.cells.len() {
            0 => true,
            1 => {
                let (cell, quoted) = self.cells.get(&self.buffer[self.current..self.start], 0);
                !quoted && cell.trim_ascii().is_empty()
            }
            _ => false,
        }
    }

    /// Reads on, or says why the record at the front has no end.
    fn more(&mut self, taken: Taken) -> Result<(), DataError> {
        let place = || Place {
            file: self.path.to_path_buf(),
            row: Some(Row::Line(self.next_line)),
            column: None,
        };
        let too_long = self.end - self.start > LIMIT;
        if taken == Taken::OpenQuote && (self.at_end || too_long) {
            return Err(DataError::UnclosedQuote { place: place() });
        }
        if too_long {
            return Err(DataError::LineTooLong {
                place: place(),
                limit: LIMIT,
            });
        }
        self.refill()
    }

    fn refill(&mut self) -> Result<(), DataError> {
        self.buffer.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        if self.end == self.buffer.len() {
            self.buffer.resize(2 * self.end, 0);
        }
        let n = loop {
            match self.input.read(&mut self.buffer[self.end..]) {
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                read => break read.map_err(|e| DataError::from_read(&self.path, e))?,
            }
        };
        self.end += n;
        self.at_end = n == 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ours(path: &Path) -> Result<Vec<Vec<Vec<u8>>>, DataError> {
        let mut records = Records::open(&path.into(), Delimiter::Byte(b','))?;
        let mut rows = Vec::new();
        while let Some(record) = records.next()? {
            rows.push((0..record.len()).map(|i| record.cell(i).to_vec()).collect());
        }
        Ok(rows)
    }

    /// What the crate `csv` makes of the same bytes.
    fn theirs(bytes: &[u8]) -> Vec<Vec<Vec<u8>>> {
        let mut builder = csv::ReaderBuilder::new();
        let mut reader = builder.has_headers(false).flexible(true).from_reader(bytes);
        let row = |record: csv::ByteRecord| record.iter().map(<[u8]>::to_vec).collect();
        reader
            .byte_records()
            .map(|record| row(record.unwrap()))
            .collect()
    }

    fn check(text: &str) -> Result<(), TestCaseError> {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("t.csv");
        std::fs::write(&path, text).unwrap();
        match ours(&path) {
            Ok(rows) => prop_assert_eq!(rows, theirs(text.as_bytes())),
            // The other takes the end of the file for a closing quote.
            Err(DataError::UnclosedQuote { .. }) => prop_assert!(text.contains('"')),
            Err(other) => prop_assert!(false, "{}", other),
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn records_are_those_of_an_independent_reader(text in "([ab]|,|\"|\n|\r\n|,\"){0,60}") {
            check(&text)?;
        }
    }

    #[test]
    fn records_across_the_ends_of_the_buffer_are_those_of_an_independent_reader() {
        // Cells of many lengths, so that buffers end at every kind of place.
        let row = |k: usize| {
            let quoted = "x,\"\"\n".repeat(k % 11);
            format!("{k},{},\"{quoted}\",{}\r\n", "y".repeat(k * k % 13), k % 7)
        };
        let rows: Vec<String> = (0..60_000).map(row).collect();
        let text = format!("{}long,\"{}\",z", rows.concat(), "w\n".repeat(BUFFER));
        assert!(text.len() > 10 * BUFFER);
        check(&text).unwrap();
    }
}
