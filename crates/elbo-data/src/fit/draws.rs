//! Draws from a posterior, as files that other tools read.

use std::path::Path;

use crate::DataError;
use crate::export;
use crate::table::{Table, TableOptions, read_table};

/// Independent draws of constrained parameters.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Draws {
    names: Vec<String>,
    columns: Vec<Vec<f64>>,
}

impl Draws {
    /// Draws of the parameters `names`, in `CmdStan`'s style: `theta.1`, `Sigma.2.1`. Add them with
    /// [`push`](Self::push).
    pub fn new(names: Vec<String>) -> Self {
        let columns = vec![Vec::new(); names.len()];
        Self { names, columns }
    }

    /// Appends one draw.
    ///
    /// # Panics
    /// If it does not have as many numbers as there are names.
    pub fn push(&mut self, draw: &[f64]) {
        assert_eq!(
            draw.len(),
            self.names.len(),
            "a draw has one number for each name"
        );
        for (column, value) in self.columns.iter_mut().zip(draw) {
            column.push(*value);
        }
    }

    /// The number of draws.
    pub fn len(&self) -> usize {
        self.columns.first().map_or(0, Vec::len)
    }

    /// Whether there are no draws.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The parameters' names.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// For each name its draws.
    pub fn columns(&self) -> &[Vec<f64>] {
        &self.columns
    }

    /// Writes a Parquet file, a column of doubles for each parameter.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write_parquet(&self, path: impl AsRef<Path>) -> Result<(), DataError> {
        export::write_columns_parquet(path, &self.names, &self.columns)
    }

    /// Writes a CSV file, the names in its header.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write_csv(&self, path: impl AsRef<Path>) -> Result<(), DataError> {
        export::write_columns_csv(path, &self.names, &self.columns)
    }

    /// Reads draws from either kind of file.
    ///
    /// # Errors
    /// If the file cannot be read, or a column is not numeric.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, DataError> {
        let options = TableOptions {
            header: Some(true),
            ..TableOptions::default()
        };
        let table: Table = read_table(path, &options)?;
        let names = table.names();
        let columns = names
            .iter()
            .map(|name| table.numeric(name).map(<[f64]>::to_vec))
            .collect::<Result<_, _>>()?;
        Ok(Self { names, columns })
    }
}
