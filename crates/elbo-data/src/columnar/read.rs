//! Reading chosen columns of a Parquet file, some rows at a time.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Compression, ConvertedType, LogicalType, Type as Physical};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType};
use parquet::errors::ParquetError;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::types::ColumnDescriptor;

use crate::DataError;
use crate::source;

/// Some rows of one column.
pub(crate) enum Values {
    /// Whole numbers; booleans are 0 and 1, dates and times count their own unit.
    Integers(Vec<Option<i64>>),
    /// Numbers, NaN where missing.
    Numbers(Vec<f64>),
    /// Text; not yet checked to be UTF-8.
    Texts(Vec<Option<ByteArray>>),
}

impl Values {
    /// The number of rows.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Integers(v) => v.len(),
            Self::Numbers(v) => v.len(),
            Self::Texts(v) => v.len(),
        }
    }
}

/// An open file and its flat columns.
pub(crate) struct ParquetFile {
    path: Arc<Path>,
    reader: SerializedFileReader<File>,
    n_bytes: u64,
    names: Vec<String>,
}

impl ParquetFile {
    /// Opens a file and reads its footer.
    pub(crate) fn open(path: &Arc<Path>) -> Result<Self, DataError> {
        let file = source::open(path)?;
        let n_bytes = file
            .metadata()
            .map_err(|e| DataError::from_read(path, e))?
            .len();
        let reader = guarded(path, || SerializedFileReader::new(file))?;
        let metadata = reader.metadata().file_metadata();
        if metadata.num_rows() == 0 {
            return Err(DataError::HeaderOnly {
                path: path.to_path_buf(),
            });
        }
        let names = metadata
            .schema_descr()
            .columns()
            .iter()
            .map(|c| c.path().string())
            .collect();
        Ok(Self {
            path: Arc::clone(path),
            reader,
            n_bytes,
            names,
        })
    }

    /// The columns' names.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// Whether a column holds text.
    pub(crate) fn is_text(&self, column: usize) -> bool {
        let schema = self.reader.metadata().file_metadata().schema_descr();
        schema.column(column).physical_type() == Physical::BYTE_ARRAY
    }

    /// Reads these columns from the first row on.
    pub(crate) fn rows(self, columns: &[usize]) -> Result<ParquetRows, DataError> {
        for column in columns {
            self.check(*column)?;
        }
        Ok(ParquetRows {
            file: self,
            columns: columns.to_vec(),
            next_group: 0,
            readers: Vec::new(),
            remaining: 0,
        })
    }

    fn check(&self, column: usize) -> Result<(), DataError> {
        let metadata = self.reader.metadata();
        let schema = metadata.file_metadata().schema_descr();
        let name = &self.names[column];
        let refuse = |detail: String| {
            Err(DataError::Unsupported {
                path: self.path.to_path_buf(),
                detail,
            })
        };
        if let Some(reason) = unsupported(&schema.column(column)) {
            return refuse(format!("column '{name}' {reason}; select other columns"));
        }
        for group in metadata.row_groups() {
            self.check_extent(group.column(column), name)?;
            let codec = match group.column(column).compression() {
                Compression::ZSTD(_) if !cfg!(feature = "zstd") => "zstd",
                Compression::BROTLI(_) => "brotli",
                Compression::LZO => "lzo",
                _ => continue,
            };
            let build = match codec {
                "zstd" => "build elbo with the feature 'zstd', or ",
                _ => "",
            };
            return refuse(format!(
                "column '{name}' is compressed with {codec}, which this build does not read; \
                 {build}write the file with snappy, gzip, lz4 or no compression"
            ));
        }
        Ok(())
    }
}

impl ParquetFile {
    /// The library trusts the footer with where a column lies, and panics if that cannot be.
    fn check_extent(&self, chunk: &ColumnChunkMetaData, name: &str) -> Result<(), DataError> {
        let starts = [
            Some(chunk.data_page_offset()),
            chunk.dictionary_page_offset(),
        ];
        let lies_in_file = starts
            .into_iter()
            .flatten()
            .chain([chunk.compressed_size()])
            .all(|bytes| u64::try_from(bytes).is_ok_and(|bytes| bytes <= self.n_bytes));
        if lies_in_file {
            return Ok(());
        }
        let detail = format!("column '{name}' lies outside the file");
        Err(DataError::Damaged {
            path: self.path.to_path_buf(),
            detail,
        })
    }
}

/// Why a column cannot be read, if so.
fn unsupported(column: &ColumnDescriptor) -> Option<&'static str> {
    let is_unsigned_64 = column.converted_type() == ConvertedType::UINT_64
        || matches!(column.logical_type_ref(), Some(LogicalType::Integer(i))
            if i.bit_width == 64 && !i.is_signed);
    match column.physical_type() {
        _ if column.max_rep_level() > 0 || column.path().parts().len() > 1 => Some("is nested"),
        Physical::INT96 => Some("is an INT96 time"),
        Physical::FIXED_LEN_BYTE_ARRAY => Some("is of fixed-length bytes"),
        Physical::BYTE_ARRAY if column.converted_type() == ConvertedType::DECIMAL => {
            Some("is a decimal of bytes")
        }
        _ if is_unsigned_64 => Some("is of unsigned 64-bit integers"),
        _ => None,
    }
}

/// Rows being read.
pub(crate) struct ParquetRows {
    file: ParquetFile,
    columns: Vec<usize>,
    next_group: usize,
    /// Of the current row group, one for each of `columns`.
    readers: Vec<ColumnReader>,
    /// Rows of the current group not yet read.
    remaining: usize,
}

impl ParquetRows {
    /// At most `max_rows` further rows, a [`Values`] for each column; none at the end of the file.
    pub(crate) fn next(&mut self, max_rows: usize) -> Result<Option<Vec<Values>>, DataError> {
        while self.remaining == 0 {
            if self.next_group == self.file.reader.num_row_groups() {
                return Ok(None);
            }
            let path = Arc::clone(&self.file.path);
            guarded(&path, || self.open_group())?;
        }
        let n = max_rows.min(self.remaining);
        let schema = self
            .file
            .reader
            .metadata()
            .file_metadata()
            .schema_descr_ptr();
        let mut values = Vec::with_capacity(self.columns.len());
        for (column, reader) in self.columns.iter().zip(&mut self.readers) {
            let read = || read_values(reader, n, &schema.column(*column));
            values.push(guarded(&self.file.path, read)?);
        }
        self.remaining -= n;
        Ok(Some(values))
    }

    fn open_group(&mut self) -> Result<(), ParquetError> {
        let group = self.file.reader.get_row_group(self.next_group)?;
        self.readers = self
            .columns
            .iter()
            .map(|column| group.get_column_reader(*column))
            .collect::<Result<_, _>>()?;
        self.remaining = usize::try_from(group.metadata().num_rows())
            .map_err(|_| ParquetError::General("a negative number of rows".to_owned()))?;
        self.next_group += 1;
        Ok(())
    }
}

fn read_values(
    reader: &mut ColumnReader,
    n: usize,
    column: &ColumnDescriptor,
) -> Result<Values, ParquetError> {
    let numbers = |v: Vec<Option<f64>>| {
        Values::Numbers(v.into_iter().map(|x| x.unwrap_or(f64::NAN)).collect())
    };
    let integers = |v: Vec<Option<i64>>| {
        if column.converted_type() != ConvertedType::DECIMAL {
            return Values::Integers(v);
        }
        let unit = 10f64.powi(column.type_scale());
        numbers(v.into_iter().map(|x| x.map(|x| x as f64 / unit)).collect())
    };
    let is_unsigned_32 = column.converted_type() == ConvertedType::UINT_32;
    Ok(match reader {
        ColumnReader::BoolColumnReader(r) => integers(take(r, n, column, i64::from)?),
        ColumnReader::Int32ColumnReader(r) if is_unsigned_32 => {
            integers(take(r, n, column, |x| i64::from(x.cast_unsigned()))?)
        }
        ColumnReader::Int32ColumnReader(r) => integers(take(r, n, column, i64::from)?),
        ColumnReader::Int64ColumnReader(r) => integers(take(r, n, column, |x| x)?),
        ColumnReader::FloatColumnReader(r) => numbers(take(r, n, column, f64::from)?),
        ColumnReader::DoubleColumnReader(r) => numbers(take(r, n, column, |x| x)?),
        ColumnReader::ByteArrayColumnReader(r) => Values::Texts(take(r, n, column, |x| x)?),
        ColumnReader::Int96ColumnReader(_) | ColumnReader::FixedLenByteArrayColumnReader(_) => {
            return Err(ParquetError::General("a type that is not read".to_owned()));
        }
    })
}

/// Exactly `n` values, `None` where null.
fn take<T: DataType, U>(
    reader: &mut ColumnReaderImpl<T>,
    n: usize,
    column: &ColumnDescriptor,
    convert: impl Fn(T::T) -> U,
) -> Result<Vec<Option<U>>, ParquetError> {
    let (mut values, mut levels) = (Vec::with_capacity(n), Vec::new());
    let nullable = column.max_def_level() > 0;
    let (rows, _, _) =
        reader.read_records(n, nullable.then_some(&mut levels), None, &mut values)?;
    if rows != n {
        return Err(ParquetError::EOF(format!(
            "{n} rows promised, {rows} found"
        )));
    }
    if !nullable {
        return Ok(values.into_iter().map(|v| Some(convert(v))).collect());
    }
    let mut present = values.into_iter();
    let full = column.max_def_level();
    Ok(levels
        .iter()
        .map(|level| {
            if *level == full {
                present.next().map(&convert)
            } else {
                None
            }
        })
        .collect())
}

/// Runs a piece of the library, which panics on some files that contradict themselves: the file is at
/// fault then, and what was being read is thrown away.
fn guarded<T>(path: &Path, work: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, DataError> {
    let detail = match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(done)) => return Ok(done),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "its parts contradict each other".to_owned(),
    };
    Err(DataError::Damaged {
        path: path.to_path_buf(),
        detail,
    })
}

/// Refuses to read the first row of a Parquet file as data: its names are elsewhere.
///
/// # Errors
/// If `header` says that there are no names.
pub(crate) fn refuse_no_header(header: Option<bool>) -> Result<(), DataError> {
    if header == Some(false) {
        return Err(DataError::Setting {
            name: "header",
            value: "false".to_owned(),
            expected: "a Parquet file always names its columns: leave this out",
        });
    }
    Ok(())
}
