//! Where arguments must lie, and what to say when they do not.
//!
//! The one idea: known arguments are checked when a density is built, with the entry at fault in the
//! error; unknown ones make the density −∞ at the draws where they are out of place.

use thiserror::Error;

use super::value::Value;
use crate::pointwise::Function;
use crate::shape::Shape;

/// What an argument may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Support {
    /// Any number.
    Real,
    /// A positive number.
    Positive,
    /// A positive number that the density's own formula refuses otherwise.
    Scale,
    /// A number that is not negative.
    NonNegative,
    /// A number that is not negative; the density's own formula refuses others.
    Mean,
    /// A number strictly between 0 and 1.
    Open,
    /// A number from 0 to 1.
    Unit,
    /// An integer.
    Integer,
    /// An integer that is not negative.
    Count,
    /// 0 or 1.
    Binary,
    /// An integer from 1 on; the number of categories, where there is one, bounds it.
    Category,
}

impl Support {
    /// Whether a number may be an argument.
    pub fn contains(self, x: f64) -> bool {
        let integer = x == x.trunc();
        match self {
            Self::Real => !x.is_nan(),
            Self::Positive | Self::Scale => x > 0.0 && x.is_finite(),
            Self::NonNegative | Self::Mean => x >= 0.0 && x.is_finite(),
            Self::Open => x > 0.0 && x < 1.0,
            Self::Unit => (0.0..=1.0).contains(&x),
            Self::Integer => integer && x.is_finite(),
            Self::Count => integer && x >= 0.0 && x.is_finite(),
            Self::Binary => x == 0.0 || x == 1.0,
            Self::Category => integer && x >= 1.0 && x.is_finite(),
        }
    }

    /// Whether an argument is an integer, which only data can be.
    pub fn is_discrete(self) -> bool {
        matches!(
            self,
            Self::Integer | Self::Count | Self::Binary | Self::Category
        )
    }

    /// What is expected, in words.
    pub const fn expected(self) -> &'static str {
        match self {
            Self::Real => "a number",
            Self::Positive | Self::Scale => "a positive number",
            Self::NonNegative | Self::Mean => "a number of at least 0",
            Self::Open => "a number strictly between 0 and 1",
            Self::Unit => "a number from 0 to 1",
            Self::Integer => "an integer",
            Self::Count => "an integer of at least 0",
            Self::Binary => "0 or 1",
            Self::Category => "an integer of at least 1",
        }
    }

    /// `density`, and −∞ where an unknown argument is out of place.
    pub(super) fn guard<'b>(self, density: Value<'b>, x: Value<'b>) -> Value<'b> {
        let always = match self {
            Self::NonNegative => x.exponent().is_some(),
            Self::Unit => x.is_softmax() || x.is_result_of(Function::InvLogit),
            _ => false,
        };
        if always {
            return density;
        }
        let (inside, function) = match self {
            Self::Positive => (x, Function::WherePositive),
            Self::NonNegative => (x, Function::WhereNonNegative),
            Self::Open => (x, Function::WhereOpen),
            Self::Unit => (x, Function::WhereUnit),
            _ => return density,
        };
        let (shape, rows) = (inside.shape(), density.shape());
        if shape.broadcast(rows) == Some(rows) {
            return density.apply(function, [inside]);
        }
        let slack = match self {
            Self::Open | Self::Unit => x * (1.0 - x),
            _ => x,
        };
        // Several numbers belong to one density: none of them may be out of place.
        let table = slack.as_row();
        let below = table.apply(Function::Minimum, [slack.number(0.0)]);
        density.apply(Function::WhereNonNegative, [below.row_sum()])
    }
}

/// A relation between two arguments, by their positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Relation {
    /// The first is less than the second.
    Below(usize, usize),
    /// The first is at most the second.
    AtMost(usize, usize),
}

impl Relation {
    pub(super) const fn arguments(self) -> (usize, usize) {
        match self {
            Self::Below(a, b) | Self::AtMost(a, b) => (a, b),
        }
    }

    pub(super) fn holds(self, a: f64, b: f64) -> bool {
        match self {
            Self::Below(..) => a < b,
            Self::AtMost(..) => a <= b,
        }
    }

    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Below(..) => "less than",
            Self::AtMost(..) => "at most",
        }
    }

    /// `density`, and −∞ where the relation does not hold.
    pub(super) fn guard<'b>(self, density: Value<'b>, x: &[Value<'b>]) -> Value<'b> {
        let (a, b) = self.arguments();
        let slack = x[b] - x[a];
        match self {
            Self::Below(..) => density.apply(Function::WherePositive, [slack]),
            Self::AtMost(..) => density.apply(Function::WhereNonNegative, [slack]),
        }
    }
}

/// Why a density could not be added to a graph.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum DensityError {
    /// No row of the table has the name.
    #[error("there is no density `{name}`")]
    Unknown {
        /// The name.
        name: String,
    },
    /// A wrong number of arguments.
    #[error("{density} has the arguments {expected}, but got {found} of them")]
    Arity {
        /// The density.
        density: &'static str,
        /// The arguments' names.
        expected: String,
        /// How many were given.
        found: usize,
    },
    /// Sizes that do not fit together.
    #[error("{density}: arguments of sizes {shapes:?} do not fit together; expected {expected}")]
    Shapes {
        /// The density.
        density: &'static str,
        /// The arguments' shapes.
        shapes: Vec<Shape>,
        /// What fits.
        expected: &'static str,
    },
    /// An argument that only data can be depends on parameters.
    #[error("{density}: {argument} is an integer, so it must be known")]
    NotKnown {
        /// The density.
        density: &'static str,
        /// The argument.
        argument: &'static str,
    },
    /// A known argument is out of place, so that the density would be 0 or undefined everywhere.
    #[error("{density}: {argument} is {value} in row {row} (counted from 0); expected {expected}")]
    Support {
        /// The density.
        density: &'static str,
        /// The argument.
        argument: &'static str,
        /// The row, counted from 0.
        row: usize,
        /// The value there.
        value: f64,
        /// What is expected.
        expected: String,
    },
}
