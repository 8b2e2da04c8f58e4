//! Tables: named columns of numbers or of categories.
//!
//! The one idea: a column is numeric if and only if every cell of it that is not missing is a number;
//! nobody has to say so. A missing number is NaN, a missing category [`MISSING`]. Deliberately
//! absent: what a model does with categories or missing cells.

mod build;
mod read;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

use crate::DataError;
use crate::place::{Lines, Place};

pub use read::{TableBatches, TableOptions, TableSource, read_table};

/// The code of a missing category.
pub const MISSING: u32 = u32::MAX;

/// A table in memory, or a batch of rows of one that is not.
#[derive(Debug, Clone)]
pub struct Table {
    columns: Vec<Column>,
    n_rows: usize,
    lines: Lines,
}

/// A named column.
#[derive(Debug, Clone)]
pub struct Column {
    name: String,
    values: Values,
}

/// The cells of a column.
#[derive(Debug, Clone)]
pub enum Values {
    /// Numbers; NaN is a missing cell, all others are finite.
    Numeric(Vec<f64>),
    /// Categories.
    Text(Categories),
}

/// A column of categories.
#[derive(Debug, Clone)]
pub struct Categories {
    levels: Arc<Vec<String>>,
    codes: Vec<u32>,
    /// The first cell that is no number.
    text: Option<(Place, String)>,
}

impl Categories {
    /// The distinct texts, sorted. Batches of one source share all its levels.
    pub fn levels(&self) -> &[String] {
        &self.levels
    }

    /// For each row the index of its level, or [`MISSING`].
    pub fn codes(&self) -> &[u32] {
        &self.codes
    }

    /// The text of a row; `None` if missing.
    pub fn get(&self, row: usize) -> Option<&str> {
        self.levels
            .get(self.codes[row] as usize)
            .map(String::as_str)
    }
}

impl Column {
    /// The column's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The cells.
    pub fn values(&self) -> &Values {
        &self.values
    }

    /// Whether the cells are numbers.
    pub fn is_numeric(&self) -> bool {
        matches!(self.values, Values::Numeric(_))
    }

    /// Whether the cell of a row is missing.
    pub fn is_missing(&self, row: usize) -> bool {
        match &self.values {
            Values::Numeric(values) => values[row].is_nan(),
            Values::Text(categories) => categories.codes[row] == MISSING,
        }
    }

    /// The number of missing cells.
    pub fn n_missing(&self) -> usize {
        match &self.values {
            Values::Numeric(values) => values.iter().filter(|v| v.is_nan()).count(),
            Values::Text(categories) => categories.codes.iter().filter(|c| **c == MISSING).count(),
        }
    }

    /// Whether all cells that are not missing are the same; so is a column of missing cells.
    pub fn is_constant(&self) -> bool {
        fn all_equal<T: PartialEq>(mut cells: impl Iterator<Item = T>) -> bool {
            cells
                .next()
                .is_none_or(|first| cells.all(|cell| cell == first))
        }
        match &self.values {
            Values::Numeric(values) => all_equal(values.iter().filter(|v| !v.is_nan())),
            Values::Text(c) => all_equal(c.codes.iter().filter(|c| **c != MISSING)),
        }
    }
}

impl Table {
    /// The file that the table comes from.
    pub fn path(&self) -> &Path {
        self.lines.file()
    }

    /// The number of rows.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// The columns, in the file's order or in that in which they were selected.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The columns' names.
    pub fn names(&self) -> Vec<String> {
        self.columns.iter().map(|c| c.name.clone()).collect()
    }

    /// A column by its name.
    ///
    /// # Errors
    /// [`DataError::UnknownColumn`], with the name most like it.
    pub fn column(&self, name: &str) -> Result<&Column, DataError> {
        self.columns
            .iter()
            .find(|c| c.name == name)
            .ok_or_else(|| DataError::unknown_column(self.path(), name, &self.names()))
    }

    /// The numbers of a column; NaN is missing.
    ///
    /// # Errors
    /// [`DataError::UnknownColumn`]; [`DataError::NotANumber`] with the first cell that is text.
    pub fn numeric(&self, name: &str) -> Result<&[f64], DataError> {
        match &self.column(name)?.values {
            Values::Numeric(values) => Ok(values),
            Values::Text(categories) => Err(self.not_a_number(name, categories)),
        }
    }

    fn not_a_number(&self, name: &str, categories: &Categories) -> DataError {
        let (place, cell) = categories.text.clone().unwrap_or_else(|| {
            let first = categories.levels.first().cloned().unwrap_or_default();
            let column = Some(name.to_owned());
            (
                Place {
                    file: self.path().to_path_buf(),
                    row: None,
                    column,
                },
                first,
            )
        });
        DataError::NotANumber { place, cell }
    }

    /// The categories of a column.
    ///
    /// # Errors
    /// [`DataError::UnknownColumn`]; [`DataError::NotText`] if it is numeric.
    pub fn text(&self, name: &str) -> Result<&Categories, DataError> {
        match &self.column(name)?.values {
            Values::Text(categories) => Ok(categories),
            Values::Numeric(_) => Err(DataError::NotText {
                path: self.path().to_path_buf(),
                column: name.to_owned(),
            }),
        }
    }

    /// The named columns, in that order.
    ///
    /// # Errors
    /// [`DataError::UnknownColumn`].
    pub fn select<S: AsRef<str>>(&self, names: &[S]) -> Result<Self, DataError> {
        let columns = names
            .iter()
            .map(|name| self.column(name.as_ref()).cloned())
            .collect::<Result<_, _>>()?;
        Ok(Self {
            columns,
            n_rows: self.n_rows,
            lines: self.lines.clone(),
        })
    }

    /// All columns as one row-major matrix, `n_rows × n_columns`; NaN is missing.
    ///
    /// # Errors
    /// [`DataError::NotANumber`] if a column is text.
    pub fn matrix(&self) -> Result<Vec<f64>, DataError> {
        let width = self.columns.len();
        let mut matrix = vec![0.0; self.n_rows * width];
        let columns = self
            .columns
            .iter()
            .map(|c| self.numeric(&c.name))
            .collect::<Result<Vec<_>, _>>()?;
        // Some rows at a time, so that they stay in the cache while every column is copied.
        for (block, rows) in matrix.chunks_mut((64 * width).max(1)).enumerate() {
            for (j, column) in columns.iter().enumerate() {
                for (row, value) in rows.chunks_exact_mut(width).zip(&column[64 * block..]) {
                    row[j] = *value;
                }
            }
        }
        Ok(matrix)
    }

    /// The number of missing cells in all columns.
    pub fn n_missing(&self) -> usize {
        self.columns.iter().map(Column::n_missing).sum()
    }

    /// Refuses missing cells.
    ///
    /// # Errors
    /// [`DataError::MissingValue`] for the first one, row by row.
    pub fn require_complete(&self) -> Result<(), DataError> {
        for row in 0..self.n_rows {
            if let Some(column) = self.columns.iter().find(|c| c.is_missing(row)) {
                return Err(DataError::MissingValue {
                    place: self.place(row, Some(&column.name)),
                });
            }
        }
        Ok(())
    }

    /// The rows, counted from 0, in which every cell is missing.
    pub fn all_missing_rows(&self) -> Vec<usize> {
        (0..self.n_rows)
            .filter(|row| self.columns.iter().all(|c| c.is_missing(*row)))
            .collect()
    }

    /// Where a row, counted from 0, stands in the file.
    pub fn place(&self, row: usize, column: Option<&str>) -> Place {
        self.lines.place(row, column)
    }
}
