//! Writing a Parquet file of flat columns.

use std::io::Write;
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
    Singles(&'a str, Vec<f32>),
    /// UTF-8.
    Texts(&'a str, Vec<&'a str>),
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

/// Writes columns of equal length as one row group.
pub(crate) fn write_columns<W: Write + Send>(
    path: &Path,
    output: W,
    columns: &[NamedColumn<'_>],
) -> Result<W, DataError> {
    try_write(output, columns).map_err(|error| {
        let source = match error {
            ParquetError::External(inner) => match inner.downcast::<std::io::Error>() {
                Ok(io) => *io,
                Err(other) => std::io::Error::other(other),
            },
            other => std::io::Error::other(other),
        };
        DataError::from_write(path, source)
    })
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
                let values: Vec<ByteArray> = texts.iter().map(|t| ByteArray::from(*t)).collect();
                w.write_batch(&values, None, None)?;
            }
            _ => return Err(ParquetError::General("a column of another type".to_owned())),
        }
        out.close()?;
    }
    group.close()?;
    writer.into_inner()
}
