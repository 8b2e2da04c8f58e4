//! What can go wrong with files, said so that the user can put it right.
//!
//! The one idea: a variant names the file, the row and the column where there is one, says what was
//! expected, and what to do. Deliberately absent: exit codes, which are the front end's.

use std::io;
use std::path::{Path, PathBuf};

use crate::place::Place;

/// An error of reading or writing a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// There is no such file.
    #[error("{}: there is no such file; check the path", .path.display())]
    NotFound {
        /// The path asked for.
        path: PathBuf,
    },
    /// The path is a folder or a pipe.
    #[error("{} is {what}, expected a file that can be read more than once", .path.display())]
    NotAFile {
        /// The path asked for.
        path: PathBuf,
        /// What it is instead.
        what: &'static str,
    },
    /// The operating system refuses to read.
    #[error("{} cannot be read: {source}", .path.display())]
    Read {
        /// The path asked for.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The operating system refuses to write.
    #[error("{} cannot be written: {source}", .path.display())]
    Write {
        /// The path asked for.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// No space is left; what stood there before is intact.
    #[error("{} cannot be written: the disk is full; free some space or write elsewhere", .path.display())]
    DiskFull {
        /// The path asked for.
        path: PathBuf,
    },
    /// The file has no content.
    #[error("{} is empty, expected rows of data", .path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The file has a header and nothing below it.
    #[error("{} has a header but no rows; if its first line is data, say that there is no header", .path.display())]
    HeaderOnly {
        /// The file.
        path: PathBuf,
    },
    /// The content is not what the format promises.
    #[error("{} is damaged: {detail}; fetch or write it anew", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// A format or compression that is not read.
    #[error("{}: {detail}", .path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// What is not read, and what to do instead.
        detail: String,
    },
    /// A name of a format that does not exist.
    #[error(
        "unknown format '{name}'; known are csv, tsv, semicolon, pipe, space, '::' and parquet"
    )]
    UnknownFormat {
        /// The name given.
        name: String,
    },
    /// Bytes that are not UTF-8.
    #[error("{place}: not UTF-8; convert the file first, for example by: iconv -f LATIN1 -t UTF-8")]
    Encoding {
        /// Where.
        place: Place,
    },
    /// A quote that is never closed.
    #[error("{place}: a quote opened here is never closed; double a quote inside a quoted cell")]
    UnclosedQuote {
        /// The line on which the record begins.
        place: Place,
    },
    /// A line of unreasonable length.
    #[error("{place}: a line of more than {limit} bytes; is this a text table?")]
    LineTooLong {
        /// The line.
        place: Place,
        /// The longest line that is read.
        limit: usize,
    },
    /// A row with another number of cells than the rows before.
    #[error(
        "{place}: expected {expected} cells, found {found}; mend the row, or set the delimiter (split at {delimiter})"
    )]
    Ragged {
        /// The line.
        place: Place,
        /// Cells in the first row.
        expected: usize,
        /// Cells in this row.
        found: usize,
        /// What the rows were split at.
        delimiter: String,
    },
    /// Two columns of the same name.
    #[error("{}: two columns are named '{column}'; rename one", .path.display())]
    DuplicateColumn {
        /// The file.
        path: PathBuf,
        /// The name.
        column: String,
    },
    /// A column that is asked for and not there.
    #[error("{}: there is no column '{column}'{}; it has {}", .path.display(), suggestion(.nearest.as_deref()), list(.available))]
    UnknownColumn {
        /// The file.
        path: PathBuf,
        /// The name asked for.
        column: String,
        /// The name most like it.
        nearest: Option<String>,
        /// All names, in order.
        available: Vec<String>,
    },
    /// The rows do not split into the columns that are needed.
    #[error("{}: split at {delimiter}, every row is a single cell{}; set the delimiter or the format", .path.display(), found_instead(.instead.as_deref()))]
    WrongDelimiter {
        /// The file.
        path: PathBuf,
        /// What the rows were split at.
        delimiter: String,
        /// A delimiter that would split them evenly.
        instead: Option<String>,
    },
    /// Fewer columns than needed.
    #[error("{}: expected at least {needed} columns ({what}), found {found}", .path.display())]
    TooFewColumns {
        /// The file.
        path: PathBuf,
        /// How many are needed.
        needed: usize,
        /// For what.
        what: &'static str,
        /// How many there are.
        found: usize,
    },
    /// A column whose place cannot be told.
    #[error("{}: cannot tell which column holds the {what}; name it (it has {})", .path.display(), list(.available))]
    UnclearColumn {
        /// The file.
        path: PathBuf,
        /// What the column holds.
        what: &'static str,
        /// All names, in order.
        available: Vec<String>,
    },
    /// Text where a number is due.
    #[error(
        "{place}: expected a number, found '{cell}'; a missing value is an empty cell, NA or NaN"
    )]
    NotANumber {
        /// Where.
        place: Place,
        /// The cell's text.
        cell: String,
    },
    /// A number where text is due.
    #[error("{}: column '{column}' is numeric, expected categories", .path.display())]
    NotText {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
    },
    /// An infinite number, or one too large for double precision.
    #[error(
        "{place}: '{cell}' is infinite; every number must be finite, write a missing one as an empty cell or NA"
    )]
    Infinite {
        /// Where.
        place: Place,
        /// The cell's text.
        cell: String,
    },
    /// A missing value where one is needed.
    #[error("{place}: the value is missing, and is needed here; drop the row or fill it in")]
    MissingValue {
        /// Where.
        place: Place,
    },
    /// More rows, users or items than can be counted.
    #[error("{}: more than {limit} {what}", .path.display())]
    TooMany {
        /// The file.
        path: PathBuf,
        /// Of what.
        what: &'static str,
        /// The most there can be.
        limit: u64,
    },
    /// An option with a value outside its range.
    #[error("{name} is {value}; {expected}")]
    Setting {
        /// The option.
        name: &'static str,
        /// Its value.
        value: String,
        /// The values that are accepted.
        expected: &'static str,
    },
    /// The output is there already.
    #[error("{} exists already; choose another name, or allow it to be overwritten", .path.display())]
    OutputExists {
        /// The output.
        path: PathBuf,
    },
    /// The output is there, may be overwritten, but holds something else.
    #[error("{} is not a fit (it has no {marker}) and will not be overwritten; choose another name", .path.display())]
    NotOverwritten {
        /// The output.
        path: PathBuf,
        /// The file by which the output would be recognised.
        marker: String,
    },
    /// The directory is not a fit.
    #[error("{} is not a fit: it has no {missing}; give the directory that a fit was written to", .path.display())]
    NotAFit {
        /// The directory.
        path: PathBuf,
        /// The file that is not there.
        missing: &'static str,
    },
    /// The fit was written in another version of the format.
    #[error("{} has format version {found}, this elbo reads version {known}; {}", .path.display(), version_advice(*.found, *.known))]
    FormatVersion {
        /// The file.
        path: PathBuf,
        /// The version in it.
        found: u64,
        /// The version known.
        known: u64,
    },
    /// A NaN among numbers that are to be kept.
    #[error("{}: entry {index} of '{name}' is not a number; the fit cannot be used", .path.display())]
    ParameterIsNan {
        /// The file.
        path: PathBuf,
        /// The array.
        name: String,
        /// Row-major position in it.
        index: usize,
    },
    /// A shape that does not hold the numbers given.
    #[error("{}: expected {expected} {what}, found {found}", .path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// What is counted.
        what: &'static str,
        /// How many are due.
        expected: usize,
        /// How many there are.
        found: usize,
    },
}

impl DataError {
    /// The variant that says what a failed read means.
    pub(crate) fn from_read(path: &Path, source: io::Error) -> Self {
        let path = path.to_path_buf();
        match source.kind() {
            io::ErrorKind::NotFound => Self::NotFound { path },
            io::ErrorKind::InvalidData
            | io::ErrorKind::InvalidInput
            | io::ErrorKind::UnexpectedEof => Self::Damaged {
                path,
                detail: source.to_string(),
            },
            _ => Self::Read { path, source },
        }
    }

    /// The variant that says what a failed write means.
    pub(crate) fn from_write(path: &Path, source: io::Error) -> Self {
        let path = path.to_path_buf();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { path },
            _ => Self::Write { path, source },
        }
    }

    /// A column that is not among the `available` ones, with the one most like it.
    pub(crate) fn unknown_column(path: &Path, column: &str, available: &[String]) -> Self {
        let likeness =
            |name: &str| strsim::jaro_winkler(&name.to_lowercase(), &column.to_lowercase());
        let nearest = available
            .iter()
            .max_by(|a, b| likeness(a).total_cmp(&likeness(b)))
            // Below this, Jaro–Winkler pairs words that share hardly a letter.
            .filter(|name| likeness(name) > 0.7)
            .cloned();
        Self::UnknownColumn {
            path: path.to_path_buf(),
            column: column.to_owned(),
            nearest,
            available: available.to_vec(),
        }
    }
}

fn suggestion(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| format!(" (did you mean '{name}'?)"))
}

fn found_instead(instead: Option<&str>) -> String {
    instead.map_or_else(String::new, |name| {
        format!(", but the rows split evenly at {name}")
    })
}

/// The first few names; a table may have thousands.
fn list(names: &[String]) -> String {
    const SHOWN: usize = 12;
    let shown: Vec<String> = names.iter().take(SHOWN).map(|n| format!("'{n}'")).collect();
    let more = names.len().saturating_sub(SHOWN);
    if more == 0 {
        shown.join(", ")
    } else {
        format!("{} and {more} more", shown.join(", "))
    }
}

fn version_advice(found: u64, known: u64) -> &'static str {
    if found > known {
        "it was written by a newer elbo: update this one, or fit again"
    } else {
        "it was written by an older elbo: fit again"
    }
}
