//! The symbols in a value, taken out and put in.

use super::Value;
use crate::trace::{Number, Symbol};

/// The symbols of a value, in row-major order.
pub(crate) fn collect(value: &Value, symbols: &mut Vec<Symbol>) {
    match value {
        Value::Symbolic(t) => symbols.extend(t.entries().iter().filter_map(|n| match n {
            Number::Symbol(symbol) => Some(*symbol),
            Number::Known(_) => None,
        })),
        Value::Pairs(t) => symbols.extend(t.entries().iter().flatten().filter_map(|n| match n {
            Number::Symbol(symbol) => Some(*symbol),
            Number::Known(_) => None,
        })),
        Value::Tuple(parts) | Value::Tuples(_, parts) => {
            for part in parts {
                collect(part, symbols);
            }
        }
        Value::Ints(_) | Value::Reals(_) | Value::Complexes(_) => {}
    }
}

/// A value with other numbers in place of its symbols, in the order of [`collect`].
pub(crate) fn replaced(value: &Value, numbers: &mut dyn Iterator<Item = Number>) -> Value {
    match value {
        Value::Symbolic(t) => Value::from_numbers(t.map(|n| match n {
            Number::Known(_) => *n,
            Number::Symbol(_) => numbers.next().unwrap_or(Number::Known(f64::NAN)),
        })),
        Value::Pairs(t) => Value::from_pairs(t.map(|pair| {
            pair.map(|n| match n {
                Number::Known(_) => n,
                Number::Symbol(_) => numbers.next().unwrap_or(Number::Known(f64::NAN)),
            })
        })),
        Value::Tuple(parts) => {
            Value::Tuple(parts.iter().map(|part| replaced(part, numbers)).collect())
        }
        Value::Tuples(shape, parts) => Value::Tuples(
            shape.clone(),
            parts.iter().map(|part| replaced(part, numbers)).collect(),
        ),
        known => known.clone(),
    }
}
