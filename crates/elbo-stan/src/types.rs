//! Types of expressions, what may stand for what, and what depends on parameters.
//!
//! An int may stand where a real is wanted and a real where a complex is, also inside arrays and
//! tuples and for real containers of linear algebra; nothing else converts by itself
//! `[@stan2025reference, ch. types]`. Sizes are not part of a type.

use std::fmt;
use std::sync::Arc;

/// The type of an expression.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    /// A whole number.
    Int,
    /// A real number.
    Real,
    /// A complex number.
    Complex,
    /// A column of reals.
    Vector,
    /// A row of reals.
    RowVector,
    /// A matrix of reals.
    Matrix,
    /// A column of complex numbers.
    ComplexVector,
    /// A row of complex numbers.
    ComplexRowVector,
    /// A matrix of complex numbers.
    ComplexMatrix,
    /// An array of one or more dimensions; the elements are no arrays.
    Array(Arc<Type>, usize),
    /// A tuple.
    Tuple(Arc<[Type]>),
    /// The type of what has been reported already: fits everywhere, so that one mistake is one
    /// diagnostic. A checked program without errors has none.
    Unknown,
}

impl Type {
    /// An array of `dimensions` more dimensions; none give the type itself.
    #[must_use]
    pub fn array(self, dimensions: usize) -> Self {
        match self {
            element if dimensions == 0 => element,
            Self::Array(element, more) => Self::Array(element, more + dimensions),
            element => Self::Array(Arc::new(element), dimensions),
        }
    }

    /// What an array holds after all its dimensions, and how many there are.
    pub fn element(&self) -> (&Self, usize) {
        match self {
            Self::Array(element, dimensions) => (element, *dimensions),
            other => (other, 0),
        }
    }

    /// The parts of a tuple, or of the tuples in an array.
    pub fn parts(&self) -> Option<&[Self]> {
        match self.element().0 {
            Self::Tuple(parts) => Some(parts),
            _ => None,
        }
    }

    /// Int or real.
    pub fn is_number(&self) -> bool {
        matches!(self, Self::Int | Self::Real)
    }

    /// Ints through and through: what a probability mass function may take.
    pub fn is_discrete(&self) -> bool {
        match self.element().0 {
            Self::Int => true,
            Self::Tuple(parts) => parts.iter().all(Self::is_discrete),
            _ => false,
        }
    }

    /// Some part is an int.
    pub fn contains_int(&self) -> bool {
        match self.element().0 {
            Self::Int => true,
            Self::Tuple(parts) => parts.iter().any(Self::contains_int),
            _ => false,
        }
    }

    /// Complex numbers, or containers of them.
    pub fn is_complex(&self) -> bool {
        matches!(
            self.element().0,
            Self::Complex | Self::ComplexVector | Self::ComplexRowVector | Self::ComplexMatrix
        )
    }

    /// Reported already, in whole or in part.
    pub fn is_unknown(&self) -> bool {
        match self.element().0 {
            Self::Unknown => true,
            Self::Tuple(parts) => parts.iter().any(Self::is_unknown),
            _ => false,
        }
    }

    /// The number of conversions after which a value of type `from` is one of this type; `None` if
    /// it never is.
    pub fn cost_from(&self, from: &Self) -> Option<usize> {
        use Type as T;
        match (self, from) {
            (T::Unknown, _) | (_, T::Unknown) => Some(0),
            (to, from) if to == from => Some(0),
            (T::Real, T::Int)
            | (T::Complex, T::Real)
            | (T::ComplexVector, T::Vector)
            | (T::ComplexRowVector, T::RowVector)
            | (T::ComplexMatrix, T::Matrix) => Some(1),
            (T::Complex, T::Int) => Some(2),
            (T::Array(to, m), T::Array(from, n)) => {
                if m == n {
                    to.cost_from(from)
                } else if matches!(**to, T::Unknown) || matches!(**from, T::Unknown) {
                    Some(0)
                } else {
                    None
                }
            }
            (T::Tuple(to), T::Tuple(from)) if to.len() == from.len() => to
                .iter()
                .zip(from.iter())
                .map(|(t, f)| t.cost_from(f))
                .sum(),
            _ => None,
        }
    }

    /// The smallest type that both may stand for.
    #[must_use]
    pub fn common(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::Array(a, m), Self::Array(b, n)) if m == n => Some(a.common(b)?.array(*m)),
            (Self::Tuple(a), Self::Tuple(b)) if a.len() == b.len() => a
                .iter()
                .zip(b.iter())
                .map(|(a, b)| a.common(b))
                .collect::<Option<Vec<_>>>()
                .map(|parts| Self::Tuple(parts.into())),
            (Self::Unknown, known) | (known, Self::Unknown) => Some(known.clone()),
            _ if self.cost_from(other).is_some() => Some(self.clone()),
            _ if other.cost_from(self).is_some() => Some(other.clone()),
            _ => None,
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int => f.write_str("int"),
            Self::Real => f.write_str("real"),
            Self::Complex => f.write_str("complex"),
            Self::Vector => f.write_str("vector"),
            Self::RowVector => f.write_str("row_vector"),
            Self::Matrix => f.write_str("matrix"),
            Self::ComplexVector => f.write_str("complex_vector"),
            Self::ComplexRowVector => f.write_str("complex_row_vector"),
            Self::ComplexMatrix => f.write_str("complex_matrix"),
            Self::Array(element, dimensions) => {
                // Nobody reads more commas than this.
                let commas = ",".repeat((dimensions - 1).min(20));
                write!(f, "array[{commas}] {element}")
            }
            Self::Tuple(parts) => {
                f.write_str("tuple(")?;
                for (i, part) in parts.iter().enumerate() {
                    write!(f, "{}{part}", if i == 0 { "" } else { ", " })?;
                }
                f.write_str(if parts.len() == 1 { ",)" } else { ")" })
            }
            Self::Unknown => f.write_str("?"),
        }
    }
}

/// Whether a value can depend on parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Level {
    /// Known once the data are.
    Data,
    /// Possibly a function of parameters.
    Parameter,
    /// Part by part, for tuples.
    Tuple(Arc<[Level]>),
}

impl Level {
    /// Some part may depend on parameters.
    pub fn any_parameter(&self) -> bool {
        match self {
            Self::Data => false,
            Self::Parameter => true,
            Self::Tuple(parts) => parts.iter().any(Self::any_parameter),
        }
    }

    /// The level of something made of both.
    #[must_use]
    pub fn join(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Data, level) | (level, Self::Data) => level.clone(),
            (Self::Tuple(a), Self::Tuple(b)) if a.len() == b.len() => {
                Self::Tuple(a.iter().zip(b.iter()).map(|(a, b)| a.join(b)).collect())
            }
            (Self::Tuple(parts), _) | (_, Self::Tuple(parts)) => Self::Tuple(
                parts
                    .iter()
                    .map(|part| part.join(&Self::Parameter))
                    .collect(),
            ),
            (Self::Parameter, Self::Parameter) => Self::Parameter,
        }
    }

    /// This level for a value of a type: tuples have a level for each part.
    #[must_use]
    pub fn shaped(&self, r#type: &Type) -> Self {
        match r#type.element().0 {
            Type::Tuple(parts) => Self::Tuple(
                parts
                    .iter()
                    .enumerate()
                    .map(|(i, part)| self.part(i).shaped(part))
                    .collect(),
            ),
            _ if self.any_parameter() => Self::Parameter,
            _ => Self::Data,
        }
    }

    /// This level for a variable or a function's value: Stan counts their ints as data, although a
    /// comparison of parameters may have made them.
    #[must_use]
    pub fn stored(&self, r#type: &Type) -> Self {
        match r#type.element().0 {
            Type::Int => Self::Data,
            Type::Tuple(parts) => Self::Tuple(
                parts
                    .iter()
                    .enumerate()
                    .map(|(i, part)| self.part(i).stored(part))
                    .collect(),
            ),
            _ => self.shaped(r#type),
        }
    }

    /// The level of a part of a tuple (from 0).
    #[must_use]
    pub fn part(&self, index: usize) -> Self {
        match self {
            Self::Tuple(parts) => parts.get(index).cloned().unwrap_or(Self::Data),
            level => level.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conversions_count_steps_of_the_tower() {
        assert_eq!(Type::Complex.cost_from(&Type::Int), Some(2));
        assert_eq!(Type::Int.cost_from(&Type::Real), None);
        let (ints, reals) = (Type::Int.array(2), Type::Real.array(2));
        assert_eq!(reals.cost_from(&ints), Some(1));
        assert_eq!(Type::Vector.cost_from(&Type::Real.array(1)), None);
    }

    #[test]
    fn arrays_of_arrays_are_one_array() {
        assert_eq!(Type::Real.array(1).array(2).to_string(), "array[,,] real");
    }

    #[test]
    fn a_common_type_is_taken_part_by_part() {
        let a = Type::Tuple([Type::Int, Type::Real].into());
        let b = Type::Tuple([Type::Real, Type::Int].into());
        assert_eq!(
            a.common(&b).map(|t| t.to_string()),
            Some("tuple(real, real)".into())
        );
    }
}
