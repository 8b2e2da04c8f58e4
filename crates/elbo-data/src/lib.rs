//! Files in and out of elbo.
//!
//! The one idea: everything is read in bounded memory and told apart by content, everything is
//! written whole or not at all, and every error names the file, the row and the column. Deliberately
//! absent: models, clocks, printing.

pub mod export;
pub mod fit;
pub mod place;
pub mod ratings;
pub mod table;

mod columnar;
mod delimited;
mod error;
mod number;
mod prefetch;
mod source;

pub use error::DataError;
pub use source::{Delimiter, Format};
