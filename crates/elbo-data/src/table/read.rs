//! Reading tables, whole or in batches.
//!
//! The one idea: reading whole and reading in batches are the same passes over the same rows; only
//! how much is kept differs. A source in batches needs memory for one batch and the categories.

use std::path::Path;
use std::sync::Arc;

use super::build::{Builder, Kind};
use super::{Column, Table};
use crate::DataError;
use crate::columnar::{ParquetFile, ParquetRows, Values, refuse_no_header};
use crate::delimited::{Layout, Records};
use crate::place::{Lines, Row};
use crate::prefetch::Prefetch;
use crate::source::{self, Delimiter, Format};

/// How a table is to be read; by default everything is told from the file.
#[derive(Debug, Clone, Default)]
pub struct TableOptions {
    /// The format, if not to be told from the content.
    pub format: Option<Format>,
    /// Whether the first row holds the columns' names, if not to be told from the content.
    pub header: Option<bool>,
    /// The columns to keep, in this order; all if `None`.
    pub columns: Option<Vec<String>>,
    /// Columns whose numbers are categories.
    pub text_columns: Vec<String>,
}

/// A file that holds a table, to be read in batches as often as needed.
#[derive(Debug, Clone)]
pub struct TableSource {
    file: Chosen,
    kinds: Vec<Kind>,
    n_rows: usize,
}

/// Reads a whole table.
///
/// # Errors
/// If the file cannot be read as a table, a column asked for is not there, or a numeric column holds
/// an infinity.
pub fn read_table(path: impl AsRef<Path>, options: &TableOptions) -> Result<Table, DataError> {
    let chosen = Chosen::open(path.as_ref(), options)?;
    chosen
        .pass(chosen.first_kinds(options), true)
        .map(|(table, _)| table)
}

impl TableSource {
    /// Goes through the file once, or twice if it has categories, to learn what its columns are.
    ///
    /// # Errors
    /// As [`read_table`].
    pub fn open(path: impl AsRef<Path>, options: &TableOptions) -> Result<Self, DataError> {
        let file = Chosen::open(path.as_ref(), options)?;
        let (table, kinds) = file.pass(file.first_kinds(options), false)?;
        Ok(Self {
            file,
            kinds,
            n_rows: table.n_rows,
        })
    }

    /// The number of rows of a pass.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// The names of the columns that are read.
    pub fn names(&self) -> &[String] {
        &self.file.names
    }

    /// Begins a pass over the rows in batches of `batch_rows`, the last one smaller. The next batch is
    /// read while one is worked on.
    ///
    /// # Errors
    /// If `batch_rows` is 0, or the file cannot be opened again.
    pub fn batches(&self, batch_rows: usize) -> Result<TableBatches, DataError> {
        if batch_rows == 0 {
            return Err(DataError::Setting {
                name: "batch_rows",
                value: "0".to_owned(),
                expected: "give at least 1",
            });
        }
        let rows = self.file.rows()?;
        let source = self.clone();
        Ok(TableBatches(Prefetch::new(Pass {
            source,
            rows,
            batch_rows,
            ended: false,
        })))
    }
}

/// The batches of one pass.
#[derive(Debug)]
pub struct TableBatches(Prefetch<Result<Table, DataError>>);

impl Iterator for TableBatches {
    type Item = Result<Table, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}

/// A pass as it is run.
struct Pass {
    source: TableSource,
    rows: Rows,
    batch_rows: usize,
    ended: bool,
}

impl Iterator for Pass {
    type Item = Result<Table, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let batch = self.read();
        self.ended = !matches!(&batch, Ok(table) if table.n_rows == self.batch_rows);
        match batch {
            Ok(table) if table.n_rows == 0 => None,
            batch => Some(batch),
        }
    }
}

impl Pass {
    fn read(&mut self) -> Result<Table, DataError> {
        let file = &self.source.file;
        let mut builders = file.builders(&self.source.kinds, true);
        let mut lines = file.lines();
        let n_rows = self.rows.fill(&mut builders, &mut lines, self.batch_rows)?;
        if builders.iter().any(Builder::is_refuted) {
            return Err(DataError::Damaged {
                path: file.path.to_path_buf(),
                detail: "it changed while it was being read".to_owned(),
            });
        }
        let columns = finish(builders)?
            .into_iter()
            .map(|(column, _)| column)
            .collect();
        Ok(Table {
            columns,
            n_rows,
            lines,
        })
    }
}

/// A file and the columns of it that are read.
#[derive(Debug, Clone)]
struct Chosen {
    path: Arc<Path>,
    /// `None` for Parquet.
    layout: Option<Layout>,
    names: Vec<String>,
    /// The positions of `names` in the file.
    indices: Vec<usize>,
    is_text: Vec<bool>,
}

impl Chosen {
    fn open(path: &Path, options: &TableOptions) -> Result<Self, DataError> {
        let path: Arc<Path> = path.into();
        let told = source::kind(&path)?;
        match options.format.unwrap_or(told.into()) {
            Format::Parquet => {
                refuse_no_header(options.header)?;
                let file = ParquetFile::open(&path)?;
                let unknown = |name: &str| DataError::unknown_column(&path, name, file.names());
                let (names, indices) = choose(file.names(), options, &unknown)?;
                let is_text = indices.iter().map(|i| file.is_text(*i)).collect();
                Ok(Self {
                    path: Arc::clone(&path),
                    layout: None,
                    names,
                    indices,
                    is_text,
                })
            }
            Format::Delimited(_) => {
                let layout = Layout::of(&path, delimiter(options.format), options.header)?;
                if layout.names.len() == 1 && layout.is_split_better_otherwise() {
                    return Err(layout.wrong_delimiter(&path));
                }
                let unknown = |name: &str| layout.unknown_column(&path, name);
                let (names, indices) = choose(&layout.names, options, &unknown)?;
                let is_text = vec![false; indices.len()];
                Ok(Self {
                    path: Arc::clone(&path),
                    layout: Some(layout),
                    names,
                    indices,
                    is_text,
                })
            }
        }
    }

    fn first_kinds(&self, options: &TableOptions) -> Vec<Kind> {
        let is_text = |(name, is_text): (&String, &bool)| {
            if *is_text || options.text_columns.contains(name) {
                Kind::Text
            } else {
                Kind::Numeric
            }
        };
        self.names.iter().zip(&self.is_text).map(is_text).collect()
    }

    fn builders(&self, kinds: &[Kind], keeps: bool) -> Vec<Builder> {
        self.names
            .iter()
            .zip(kinds)
            .map(|(name, k)| Builder::new(name, k.clone(), keeps))
            .collect()
    }

    fn lines(&self) -> Lines {
        Lines::new(Arc::clone(&self.path), self.layout.is_some())
    }

    fn rows(&self) -> Result<Rows, DataError> {
        let indices = self.indices.clone();
        Ok(match &self.layout {
            Some(layout) => Rows::Text {
                records: layout.records(&self.path)?,
                indices,
                layout: layout.clone(),
            },
            None => Rows::Parquet {
                rows: ParquetFile::open(&self.path)?.rows(&indices)?,
                next_row: 1,
            },
        })
    }

    /// Reads all rows, and again if a column is not what it was taken to be.
    fn pass(&self, mut kinds: Vec<Kind>, keeps: bool) -> Result<(Table, Vec<Kind>), DataError> {
        loop {
            let (mut builders, mut lines) = (self.builders(&kinds, keeps), self.lines());
            let n_rows = self.rows()?.fill(&mut builders, &mut lines, usize::MAX)?;
            if !builders.iter().any(Builder::is_refuted) {
                if n_rows == 0 {
                    return Err(DataError::HeaderOnly {
                        path: self.path.to_path_buf(),
                    });
                }
                let (columns, kinds): (Vec<Column>, _) = finish(builders)?.into_iter().unzip();
                return Ok((
                    Table {
                        columns,
                        n_rows,
                        lines,
                    },
                    kinds,
                ));
            }
            for (kind, builder) in kinds.iter_mut().zip(&builders) {
                if builder.is_refuted() {
                    *kind = Kind::Text;
                }
            }
        }
    }
}

fn finish(builders: Vec<Builder>) -> Result<Vec<(Column, Kind)>, DataError> {
    builders.into_iter().map(Builder::finish).collect()
}

fn delimiter(format: Option<Format>) -> Option<Delimiter> {
    match format {
        Some(Format::Delimited(delimiter)) => Some(delimiter),
        _ => None,
    }
}

/// The names and positions of the columns to read; every column named in the options must be there.
fn choose(
    names: &[String],
    options: &TableOptions,
    unknown: &dyn Fn(&str) -> DataError,
) -> Result<(Vec<String>, Vec<usize>), DataError> {
    let position = |name: &String| {
        names
            .iter()
            .position(|n| n == name)
            .ok_or_else(|| unknown(name))
    };
    for name in &options.text_columns {
        position(name)?;
    }
    let Some(chosen) = &options.columns else {
        return Ok((names.to_vec(), (0..names.len()).collect()));
    };
    let indices = chosen.iter().map(position).collect::<Result<_, _>>()?;
    Ok((chosen.clone(), indices))
}

/// Rows of either kind of file.
enum Rows {
    Text {
        records: Records,
        indices: Vec<usize>,
        layout: Layout,
    },
    Parquet {
        rows: ParquetRows,
        next_row: u64,
    },
}

impl Rows {
    /// Appends at most `max_rows` rows to the builders; the number of rows.
    fn fill(
        &mut self,
        builders: &mut [Builder],
        lines: &mut Lines,
        max_rows: usize,
    ) -> Result<usize, DataError> {
        let mut n_rows = 0;
        match self {
            Self::Text {
                records,
                indices,
                layout,
            } => {
                while n_rows < max_rows {
                    let Some(record) = records.next()? else { break };
                    let row = Row::Line(record.line);
                    if record.len() != layout.names.len() {
                        return Err(layout.ragged(lines.file(), &record));
                    }
                    lines.push(record.line);
                    for (index, builder) in indices.iter().zip(builders.iter_mut()) {
                        builder.push_cell(lines, row, record.cell(*index))?;
                    }
                    n_rows += 1;
                }
            }
            Self::Parquet { rows, next_row } => {
                const CHUNK: usize = 1 << 14;
                while n_rows < max_rows {
                    let Some(chunk) = rows.next(CHUNK.min(max_rows - n_rows))? else {
                        break;
                    };
                    let n = chunk.first().map_or(0, Values::len);
                    for row in *next_row..*next_row + n as u64 {
                        lines.push(row);
                    }
                    for (values, builder) in chunk.iter().zip(builders.iter_mut()) {
                        push_values(values, builder, lines, *next_row)?;
                    }
                    *next_row += n as u64;
                    n_rows += n;
                }
            }
        }
        Ok(n_rows)
    }
}

fn push_values(
    values: &Values,
    builder: &mut Builder,
    lines: &Lines,
    first_row: u64,
) -> Result<(), DataError> {
    let rows = (first_row..).map(Row::Row);
    match values {
        Values::Integers(v) => rows.zip(v).try_for_each(|(row, x)| {
            builder.push_number(lines, row, x.map_or(f64::NAN, |x| x as f64))
        }),
        Values::Numbers(v) => rows
            .zip(v)
            .try_for_each(|(row, x)| builder.push_number(lines, row, *x)),
        Values::Texts(v) => rows.zip(v).try_for_each(|(row, x)| {
            builder.push_text(
                lines,
                row,
                x.as_ref().map(parquet::data_type::ByteArray::data),
            )
        }),
    }
}
