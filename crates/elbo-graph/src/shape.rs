//! The size of a value: rows × columns, row-major, a vector being one column.
//!
//! Deliberately absent: lanes, which every value has alike, and arrays of more dimensions, which
//! whoever builds a graph lays out as rows.

/// Rows × columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    /// The number of rows.
    pub rows: usize,
    /// The number of columns.
    pub cols: usize,
}

impl Shape {
    /// One number.
    pub const SCALAR: Self = Self { rows: 1, cols: 1 };

    /// A column of `rows` numbers.
    pub const fn vector(rows: usize) -> Self {
        Self { rows, cols: 1 }
    }

    /// `rows × cols` numbers.
    pub const fn matrix(rows: usize, cols: usize) -> Self {
        Self { rows, cols }
    }

    /// The number of entries.
    pub const fn len(self) -> usize {
        self.rows * self.cols
    }

    /// Whether there are no entries.
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Whether there is one entry.
    pub const fn is_scalar(self) -> bool {
        self.rows == 1 && self.cols == 1
    }

    /// The shape of an entrywise operation: in each direction the sizes agree, or one of them is 1
    /// and is repeated. `None` if neither holds.
    pub fn broadcast(self, other: Self) -> Option<Self> {
        let size = |a, b| match (a, b) {
            (a, b) if a == b => Some(a),
            (1, b) => Some(b),
            (a, 1) => Some(a),
            _ => None,
        };
        Some(Self {
            rows: size(self.rows, other.rows)?,
            cols: size(self.cols, other.cols)?,
        })
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.rows, self.cols) {
            (1, 1) => write!(f, "scalar"),
            (rows, 1) => write!(f, "vector[{rows}]"),
            (rows, cols) => write!(f, "matrix[{rows}, {cols}]"),
        }
    }
}
