//! The layout of a text file: its delimiter, whether it has a header, its columns' names.
//!
//! The one idea: the delimiter is the one that splits the most of the first lines into the same
//! number of cells, two at least; a header is told by text above numbers.

use std::path::Path;
use std::sync::Arc;

use super::records::{LIMIT, Record, Records};
use super::split::{Cells, Taken};
use crate::DataError;
use crate::number::{self, Cell};
use crate::place::{Place, Row};
use crate::source::Delimiter;

/// What is tried, the more specific before what may occur inside a cell.
const CANDIDATES: [Delimiter; 6] = [
    Delimiter::Byte(b'\t'),
    Delimiter::DoubleColon,
    Delimiter::Byte(b','),
    Delimiter::Byte(b';'),
    Delimiter::Byte(b'|'),
    Delimiter::Blanks,
];

/// How many records the layout is told from.
const SAMPLED: usize = 100;

/// The layout of a text file.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    /// What separates the cells.
    pub(crate) delimiter: Delimiter,
    /// Whether the first record holds the columns' names.
    pub(crate) has_header: bool,
    /// The columns' names; `column_1`, `column_2`, … where the file gives none.
    pub(crate) names: Vec<String>,
    /// Another delimiter, which splits the rows more evenly.
    instead: Option<Delimiter>,
}

impl Layout {
    /// Tells the layout of a file from its first lines, as far as it is not given.
    pub(crate) fn of(
        path: &Arc<Path>,
        delimiter: Option<Delimiter>,
        has_header: Option<bool>,
    ) -> Result<Self, DataError> {
        let mut records = Records::open(path, Delimiter::Byte(b','))?;
        let mut size = 1 << 16;
        let (rows, best, delimiter, whole) = loop {
            let (sample, whole) = records.sample(size)?;
            let best = sniff(sample, whole);
            let delimiter = delimiter.or(best).unwrap_or(Delimiter::Byte(b','));
            let rows = rows_of(sample, whole, delimiter);
            // A table may have so many columns that its first line exceeds the sample.
            if whole || rows.len() > 1 || size > LIMIT {
                break (rows, best, delimiter, whole);
            }
            size *= 4;
        };
        let Some(first) = rows.first() else {
            // Blank lines only; or no record has an end, and reading it says why.
            let _ = Records::open(path, delimiter)?.next()?;
            return Err(DataError::Empty {
                path: path.to_path_buf(),
            });
        };
        let has_header = has_header.unwrap_or_else(|| looks_like_header(&rows));
        if has_header && rows.len() == 1 && whole {
            return Err(DataError::HeaderOnly {
                path: path.to_path_buf(),
            });
        }
        let names = if has_header {
            header_names(path, first)?
        } else {
            numbered(first.len())
        };
        let instead = best.filter(|best| *best != delimiter);
        Ok(Self {
            delimiter,
            has_header,
            names,
            instead,
        })
    }

    /// Opens the file behind its header.
    pub(crate) fn records(&self, path: &Arc<Path>) -> Result<Records, DataError> {
        let mut records = Records::open(path, self.delimiter)?;
        if self.has_header {
            records.next()?;
        }
        Ok(records)
    }

    /// The error for a column that is not there: that of a wrong delimiter if there is a better one.
    pub(crate) fn unknown_column(&self, path: &Path, column: &str) -> DataError {
        if self.names.len() == 1 && self.instead.is_some() {
            return self.wrong_delimiter(path);
        }
        DataError::unknown_column(path, column, &self.names)
    }

    /// Whether another delimiter splits the rows, other than blanks, which may stand inside cells.
    pub(crate) fn is_split_better_otherwise(&self) -> bool {
        self.instead.is_some_and(|d| d != Delimiter::Blanks)
    }

    /// The error for a row of another length than the first.
    pub(crate) fn ragged(&self, path: &Path, record: &Record<'_>) -> DataError {
        let row = Some(Row::Line(record.line));
        DataError::Ragged {
            place: Place {
                file: path.to_path_buf(),
                row,
                column: None,
            },
            expected: self.names.len(),
            found: record.len(),
            delimiter: self.delimiter.to_string(),
        }
    }

    /// The error for rows that do not split.
    pub(crate) fn wrong_delimiter(&self, path: &Path) -> DataError {
        DataError::WrongDelimiter {
            path: path.to_path_buf(),
            delimiter: self.delimiter.to_string(),
            instead: self.instead.map(|d| d.to_string()),
        }
    }
}

type Rows = Vec<Vec<Vec<u8>>>;

/// The first records of a sample, split.
fn rows_of(sample: &[u8], whole: bool, delimiter: Delimiter) -> Rows {
    let (mut rows, mut rest, mut cells) = (Rows::new(), sample, Cells::default());
    while rows.len() < SAMPLED && !rest.is_empty() {
        let Taken::Record { length, .. } = cells.take(rest, whole, delimiter) else {
            break;
        };
        let row: Vec<Vec<u8>> = (0..cells.len())
            .map(|i| cells.get(rest, i).0.to_vec())
            .collect();
        if row.len() > 1
            || row
                .first()
                .is_some_and(|cell| !cell.trim_ascii().is_empty())
        {
            rows.push(row);
        }
        rest = &rest[length..];
    }
    rows
}

/// The delimiter that splits the most lines alike.
fn sniff(sample: &[u8], whole: bool) -> Option<Delimiter> {
    let mut best = (0.0, None);
    for delimiter in CANDIDATES {
        let rows = rows_of(sample, whole, delimiter);
        let mut lengths: Vec<usize> = rows.iter().map(Vec::len).filter(|n| *n > 1).collect();
        lengths.sort_unstable();
        let alike = lengths
            .chunk_by(|a, b| a == b)
            .map(<[usize]>::len)
            .max()
            .unwrap_or(0);
        let share = alike as f64 / rows.len().max(1) as f64;
        // Blanks occur inside cells of text, so they must split every row alike. Strictly better only:
        // ties go to the more specific delimiter, which comes first.
        if share > best.0 && (delimiter != Delimiter::Blanks || share == 1.0) {
            best = (share, Some(delimiter));
        }
    }
    best.1
}

/// Whether the first row names the columns.
fn looks_like_header(rows: &[Vec<Vec<u8>>]) -> bool {
    let (first, rest) = rows.split_first().expect("called with at least one row");
    let is_number = |cell: &Vec<u8>| matches!(number::parse(cell), Cell::Number(_));
    let text_above_numbers = first.iter().enumerate().any(|(column, cell)| {
        let mut below = rest
            .iter()
            .filter_map(|row| row.get(column))
            .map(|cell| number::parse(cell))
            .filter(|cell| *cell != Cell::Missing)
            .peekable();
        number::parse(cell) == Cell::Text
            && below.peek().is_some()
            && below.all(|cell| matches!(cell, Cell::Number(_)))
    });
    text_above_numbers || !first.iter().any(is_number)
}

fn header_names(path: &Path, header: &[Vec<u8>]) -> Result<Vec<String>, DataError> {
    let mut names: Vec<String> = Vec::with_capacity(header.len());
    for (index, cell) in header.iter().enumerate() {
        let name = std::str::from_utf8(cell.trim_ascii()).map_err(|_| DataError::Encoding {
            place: Place {
                file: path.to_path_buf(),
                row: Some(Row::Line(1)),
                column: None,
            },
        })?;
        names.push(match name {
            "" => format!("column_{}", index + 1),
            name => name.to_owned(),
        });
    }
    let mut sorted: Vec<&String> = names.iter().collect();
    sorted.sort_unstable();
    if let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(DataError::DuplicateColumn {
            path: path.to_path_buf(),
            column: pair[0].clone(),
        });
    }
    Ok(names)
}

fn numbered(n: usize) -> Vec<String> {
    (1..=n).map(|i| format!("column_{i}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delimiter_is_told_by_lines_that_split_alike() {
        let cases = [
            ("a,b\n1,2\n3,4\n", Some(Delimiter::Byte(b','))),
            ("a\tb c\n1\t2 x\n", Some(Delimiter::Byte(b'\t'))),
            ("1::2::3::4\n5::6::7::8\n", Some(Delimiter::DoubleColon)),
            ("a;b\n1;2\n", Some(Delimiter::Byte(b';'))),
            ("1 2  3\n4 5 6\n", Some(Delimiter::Blanks)),
            ("x\n1\n2\n", None),
            ("city\nNew York\nLos Angeles\n", None),
            // One ragged row in many does not hide the comma.
            ("a b,c\n1,2\n3,4\n5,6,7\n8,9\n", Some(Delimiter::Byte(b','))),
        ];
        for (text, delimiter) in cases {
            assert_eq!(sniff(text.as_bytes(), true), delimiter, "{text:?}");
        }
    }

    #[test]
    fn a_header_is_text_above_numbers_or_all_text() {
        let comma = Delimiter::Byte(b',');
        let header = |text: &str| looks_like_header(&rows_of(text.as_bytes(), true, comma));
        assert!(header("userId,movieId,rating\n1,2,3\n"));
        assert!(header("name,kind\nann,x\n"));
        assert!(header("\"\",x\n1,2\n"));
        assert!(header("country,x,2019\nfr,1,2\n"));
        assert!(!header("196,242,3\n186,302,3\n"));
        assert!(!header("ann,matrix,4.5\nbob,alien,3\n"));
        assert!(!header("NA,1\n2,3\n"));
    }
}
