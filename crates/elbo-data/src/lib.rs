//! Files in and out of elbo.
//!
//! The one idea: everything is read in bounded memory and told apart by content, everything is
//! written whole or not at all, and every error names the file, the row and the column. Deliberately
//! absent: models, clocks, printing.
//!
//! ```
//! use elbo_data::table::{TableOptions, read_table};
//!
//! let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/faithful.csv");
//! let table = read_table(path, &TableOptions::default())?;
//! assert_eq!(table.n_rows(), 272);
//! assert_eq!(table.numeric("eruptions")?[0], 3.6);
//! let error = table.numeric("eruption").unwrap_err().to_string();
//! assert!(error.contains("there is no column 'eruption' (did you mean 'eruptions'?)"));
//! # Ok::<(), elbo_data::DataError>(())
//! ```
//!
//! | Module | What |
//! |---|---|
//! | [`table`] | columns of numbers and categories, whole or in batches |
//! | [`ratings`] | (user, item, rating) triplets, in memory or grouped by user on disk |
//! | [`fit`] | the directory that a fit is kept in, and draws |
//! | [`export`] | numbers for other tools |
//! | [`cmdstan`] | draws in the format of `CmdStan` |

pub mod cmdstan;
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
