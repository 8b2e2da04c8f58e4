//! How the sizes of a density's arguments fit together.
//!
//! Deliberately absent: where their values must lie ([`super::support`]).

use crate::shape::Shape;

/// How the sizes of arguments fit together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Entry by entry, repeated where there is one row or column.
    Entrywise,
    /// Categories, and a row of K numbers for each or for all.
    Categories,
    /// Categories, locations, and a column of K − 1 cuts.
    Ordered,
    /// Rows of counts, and as many numbers for each row or for all.
    Counts,
    /// Argument `design` is a matrix, argument `slopes` multiplies it; the rest is entrywise.
    Regression { design: usize, slopes: usize },
    /// A regression whose slopes have a column for each category.
    CategoryRegression,
    /// A regression with a column of K − 1 cuts at the end.
    OrderedRegression,
}

impl Form {
    pub(super) fn fits(self, shapes: &[Shape]) -> bool {
        // A column of K numbers for all counts as a row.
        let row = |s: Shape| {
            if s.cols == 1 {
                Shape::matrix(1, s.rows)
            } else {
                s
            }
        };
        match self {
            Self::Entrywise => together(shapes),
            Self::Categories => {
                let (y, table) = (shapes[0], row(shapes[1]));
                y.cols == 1 && (table.rows == 1 || y.rows == 1 || table.rows == y.rows)
            }
            Self::Ordered => {
                shapes[0].cols == 1
                    && shapes[2].cols == 1
                    && shapes[1].cols == 1
                    && together(&shapes[..2])
            }
            Self::Counts => {
                let (y, table) = (row(shapes[0]), row(shapes[1]));
                y.cols == table.cols && y.broadcast(table).is_some()
            }
            Self::Regression { design, slopes } => {
                let (x, b) = (shapes[design], shapes[slopes]);
                let mut rest = shapes.to_vec();
                (rest[design], rest[slopes]) = (Shape::vector(x.rows), Shape::SCALAR);
                x.cols == b.rows && b.cols == 1 && together(&rest)
            }
            Self::CategoryRegression => {
                let (y, x, a, b) = (shapes[0], shapes[1], row(shapes[2]), shapes[3]);
                x.cols == b.rows
                    && y.cols == 1
                    && y.rows == x.rows
                    && a.rows == 1
                    && a.cols == b.cols
            }
            Self::OrderedRegression => {
                let (y, x, b, cuts) = (shapes[0], shapes[1], shapes[2], shapes[3]);
                x.cols == b.rows && b.cols == 1 && y == Shape::vector(x.rows) && cuts.cols == 1
            }
        }
    }

    pub(super) const fn expected(self) -> &'static str {
        match self {
            Self::Entrywise => "equal sizes, or one row or column",
            Self::Categories => "a column of categories, and a row of numbers for each or for all",
            Self::Ordered => "columns of categories and locations, and a column of cuts",
            Self::Counts => "rows of counts, and as many numbers for each row or for all",
            Self::Regression { .. } => "a slope for each column of the matrix, a row for each y",
            Self::CategoryRegression => {
                "a row of slopes for each column of the matrix, a column for each category"
            }
            Self::OrderedRegression => {
                "a slope for each column of the matrix, a row for each y, a column of cuts"
            }
        }
    }

    /// The number of categories.
    pub(super) fn categories(self, shapes: &[Shape]) -> Option<usize> {
        match self {
            Self::Categories if shapes[1].cols == 1 => Some(shapes[1].rows),
            Self::Categories => Some(shapes[1].cols),
            Self::Ordered => Some(shapes[2].rows + 1),
            Self::CategoryRegression => Some(shapes[3].cols),
            Self::OrderedRegression => Some(shapes[3].rows + 1),
            Self::Entrywise | Self::Counts | Self::Regression { .. } => None,
        }
    }
}

fn together(shapes: &[Shape]) -> bool {
    let mut all = shapes.iter().copied();
    all.try_fold(Shape::SCALAR, Shape::broadcast).is_some()
}
