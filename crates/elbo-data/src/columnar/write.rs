//! Writing a Parquet file of flat columns.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Compression, ConvertedType, LogicalType, Repetition, Type as Physical};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{Type, TypePtr};

use crate::DataError;

/// A column to be written.
pub(crate) enum NamedColumn<'a> {
    /// Double precision.
    Numbers(&'a str, &'a [f64]),
    /// Single precision.
    Singles(&'a str, &'a [f32]),
    /// UTF-8.
    Texts(&'a str, &'a [String]),
}

impl NamedColumn<'_> {
    fn schema(&self) -> Result<TypePtr, ParquetError> {
        let (name, physical) = match self {
            Self::Numbers(name, _) => (name, Physical::DOUBLE),
            Self::Singles(name, _) => (name, Physical::FLOAT),
            Self::Texts(name, _) => (name, Physical::BYTE_ARRAY),
        };
        let builder =
            Type::primitive_type_builder(name, physical).with_repetition(Repetition::REQUIRED);
        let builder = match self {
            Self::Texts(..) => builder
                .with_converted_type(ConvertedType::UTF8)
                .with_logical_type(Some(LogicalType::String)),
            _ => builder,
        };
        Ok(Arc::new(builder.build()?))
    }
}

/// Writes a file with columns of equal length as one row group, and waits for the disk.
pub(crate) fn write_columns(path: &Path, columns: &[NamedColumn<'_>]) -> Result<(), DataError> {
    let file = File::create(path).map_err(|e| DataError::from_write(path, e))?;
    let output = BufWriter::with_capacity(1 << 18, file);
    let written = try_write(output, columns)
        .map_err(into_io)
        .and_then(|output| {
            output
                .into_inner()
                .map_err(io::IntoInnerError::into_error)?
                .sync_all()
        });
    written.map_err(|e| DataError::from_write(path, e))
}

/// The system's own error where there is one, so that a full disk is recognised.
fn into_io(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(inner) => inner
            .downcast::<io::Error>()
            .map_or_else(io::Error::other, |e| *e),
        other => io::Error::other(other),
    }
}

fn try_write<W: Write + Send>(output: W, columns: &[NamedColumn<'_>]) -> Result<W, ParquetError> {
    let fields = columns
        .iter()
        .map(NamedColumn::schema)
        .collect::<Result<_, _>>()?;
    let schema = Type::group_type_builder("schema")
        .with_fields(fields)
        .build()?;
    // Draws of a continuous quantity hardly repeat: a dictionary would only cost time.
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_dictionary_enabled(false)
        .build();
    let mut writer = SerializedFileWriter::new(output, Arc::new(schema), Arc::new(properties))?;
    let mut group = writer.next_row_group()?;
    for column in columns {
        let mut out = group
            .next_column()?
            .ok_or_else(|| ParquetError::General("fewer columns than declared".to_owned()))?;
        match (out.untyped(), column) {
            (ColumnWriter::DoubleColumnWriter(w), NamedColumn::Numbers(_, values)) => {
                w.write_batch(values, None, None)?;
            }
            (ColumnWriter::FloatColumnWriter(w), NamedColumn::Singles(_, values)) => {
                w.write_batch(values, None, None)?;
            }
            (ColumnWriter::ByteArrayColumnWriter(w), NamedColumn::Texts(_, texts)) => {
                let values: Vec<ByteArray> =
                    texts.iter().map(|t| ByteArray::from(t.as_str())).collect();
                w.write_batch(&values, None, None)?;
            }
            _ => return Err(ParquetError::General("a column of another type".to_owned())),
        }
        out.close()?;
    }
    group.close()?;
    writer.into_inner()
}
