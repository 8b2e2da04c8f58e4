//! Every function of the functions reference `[@stan2026functions]`, as rows.
//!
//! A row is one name, or several with the same signatures, and the signatures in the notation of
//! [`notation`](super::notation); to add a function, add a row. A distribution is one row for all its
//! functions. Functions that take functions are in [`callbacks`](super::callbacks).

mod arrays;
mod complex;
mod densities;
mod distributions;
mod linear_algebra;
mod scalars;
mod transforms;

pub(crate) use distributions::DISTRIBUTIONS;

/// Functions with the same signatures.
pub(crate) struct Row {
    /// Names, with spaces between them.
    pub(crate) names: &'static str,
    /// Signatures, with semicolons between them.
    pub(crate) signatures: &'static str,
}

/// A family of probability functions.
pub(crate) struct Distribution {
    pub(crate) name: &'static str,
    /// Arguments of the density: the variate first.
    pub(crate) arguments: &'static str,
    /// Endings of the functions that exist, with spaces between them.
    pub(crate) endings: &'static str,
}

const fn row(names: &'static str, signatures: &'static str) -> Row {
    Row { names, signatures }
}

const fn family(
    name: &'static str,
    arguments: &'static str,
    endings: &'static str,
) -> Distribution {
    Distribution {
        name,
        arguments,
        endings,
    }
}

/// All rows of functions.
pub(crate) fn rows() -> impl Iterator<Item = &'static Row> {
    [
        scalars::ROWS,
        arrays::ROWS,
        linear_algebra::ROWS,
        complex::ROWS,
        transforms::ROWS,
        densities::ROWS,
    ]
    .into_iter()
    .flatten()
}
