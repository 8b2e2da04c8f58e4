//! Text with a row a line: records, and what their layout is.
//!
//! The one idea: a record is split in place, without copying, unless it has quotes. Deliberately
//! absent: what a cell means, which is `number`'s and the readers' business.

mod layout;
mod records;
mod split;
mod write;

pub(crate) use layout::Layout;
pub(crate) use records::{Record, Records};
pub use write::CsvWriter;
