//! Apache Parquet, flat columns only.
//!
//! The one idea: the low-level column readers are enough for flat tables and spare us Arrow.
//! Deliberately absent: nested columns, and zstd unless the feature `zstd` is on (it needs a C
//! compiler).

mod read;
mod write;

pub(crate) use read::{ParquetFile, ParquetRows, Values, refuse_no_header};
pub(crate) use write::{NamedColumn, write_columns};
