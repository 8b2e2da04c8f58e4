//! Numbers that may depend on parameters, and arguments made of them.

use std::sync::Arc;

use crate::run::{Tensor, Value};

/// An entry of what a group of operations computes, counted through all instances.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Symbol {
    pub(crate) group: u32,
    pub(crate) entry: u32,
}

/// A number that is known, or one that is computed from parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// Known when the program is run.
    Known(f64),
    /// Computed from parameters.
    Symbol(Symbol),
}

impl Number {
    /// The number, if it is known.
    pub(crate) fn known(self) -> Option<f64> {
        match self {
            Self::Known(x) => Some(x),
            Self::Symbol(_) => None,
        }
    }
}

/// An argument of an operation.
#[derive(Clone, Debug)]
pub(crate) enum Operand {
    /// Known throughout.
    Known(Tensor<f64>),
    /// Not known throughout.
    Numbers(Tensor<Number>),
}

impl Operand {
    /// One number.
    pub(crate) fn of(number: Number) -> Self {
        match number {
            Number::Known(x) => Self::Known(Tensor::scalar(x)),
            symbol @ Number::Symbol(_) => Self::Numbers(Tensor::scalar(symbol)),
        }
    }

    /// A value's numbers; `None` for complex numbers and tuples.
    pub(crate) fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Symbolic(t) => Some(Self::Numbers(t.clone())),
            other => Some(Self::Known(other.as_reals()?)),
        }
    }

    pub(crate) fn is_known(&self) -> bool {
        match self {
            Self::Known(_) => true,
            Self::Numbers(t) => t.entries().iter().all(|n| n.known().is_some()),
        }
    }

    pub(crate) fn shape(&self) -> &[usize] {
        match self {
            Self::Known(t) => t.shape(),
            Self::Numbers(t) => t.shape(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Known(t) => t.entries().len(),
            Self::Numbers(t) => t.entries().len(),
        }
    }

    /// Entry `i` in row-major order.
    pub(crate) fn number(&self, i: usize) -> Number {
        match self {
            Self::Known(t) => Number::Known(t.entries()[i]),
            Self::Numbers(t) => t.entries()[i],
        }
    }

    /// All entries in row-major order.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = Number> + '_ {
        (0..self.len()).map(|i| self.number(i))
    }

    /// All entries with their shape.
    pub(crate) fn to_numbers(&self) -> Tensor<Number> {
        match self {
            Self::Known(t) => t.map(|x| Number::Known(*x)),
            Self::Numbers(t) => t.clone(),
        }
    }

    /// The known entries, shared with whoever else has them.
    pub(crate) fn known(&self) -> Option<Arc<[f64]>> {
        match self {
            Self::Known(t) => Some(t.shared()),
            Self::Numbers(t) => t.entries().iter().map(|n| n.known()).collect(),
        }
    }

    /// Whether both are the same numbers; NaN is the same as NaN.
    pub(crate) fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Known(a), Self::Known(b)) => {
                std::ptr::eq(a.entries(), b.entries())
                    || (a.entries().len() == b.entries().len()
                        && a.entries()
                            .iter()
                            .zip(b.entries())
                            .all(|(a, b)| a.to_bits() == b.to_bits()))
            }
            (Self::Numbers(a), Self::Numbers(b)) => {
                std::ptr::eq(a.entries(), b.entries()) || a.entries() == b.entries()
            }
            _ => false,
        }
    }
}
