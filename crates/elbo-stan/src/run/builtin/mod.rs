//! Functions of Stan on known values: a row is a name and what it does.

mod arrangement;
mod containers;
mod eigen;
mod matrices;
mod numbers;
pub(super) mod random;

use std::collections::HashMap;
use std::sync::LazyLock;

use super::{Tensor, Value};
use crate::typed::Type;

/// What a function says when it cannot.
type Outcome = Result<Value, String>;
/// A function on known values.
pub(super) type Function = fn(&Arguments) -> Outcome;

/// The arguments of a call, already of the signature's types.
pub(super) struct Arguments<'a> {
    pub(super) values: &'a [Value],
    pub(super) types: &'a [&'a Type],
    /// Bytes that a value may have.
    pub(super) limit: usize,
}

impl Arguments<'_> {
    fn reals(&self, i: usize) -> Result<Tensor<f64>, String> {
        self.values
            .get(i)
            .and_then(Value::as_reals)
            .ok_or_else(|| "it is not evaluated for these arguments".to_owned())
    }

    fn real(&self, i: usize) -> Result<f64, String> {
        Ok(self.reals(i)?.entries()[0])
    }

    fn int(&self, i: usize) -> Result<i32, String> {
        self.values
            .get(i)
            .and_then(Value::as_int)
            .ok_or_else(|| "it is not evaluated for these arguments".to_owned())
    }

    /// A size: an int that is not negative.
    fn size(&self, i: usize) -> Result<usize, String> {
        let size = self.int(i)?;
        usize::try_from(size).map_err(|_| format!("argument {} is a size, and {size}", i + 1))
    }

    /// A shape whose value fits into the limit.
    fn allowed(&self, shape: Vec<usize>) -> Result<Vec<usize>, String> {
        let places = shape
            .iter()
            .try_fold(1_usize, |product, &n| product.checked_mul(n));
        match places.and_then(|places| places.checked_mul(8)) {
            Some(bytes) if bytes <= self.limit => Ok(shape),
            _ => Err(format!(
                "a value of shape {shape:?} needs more than {} bytes, the limit",
                self.limit
            )),
        }
    }
}

/// What a name does.
pub(super) fn find(name: &str) -> Option<Function> {
    static BY_NAME: LazyLock<Names> = LazyLock::new(|| {
        by_name(&[
            arrangement::ROWS,
            numbers::ROWS,
            containers::ROWS,
            matrices::ROWS,
            eigen::ROWS,
        ])
    });
    BY_NAME.get(name).copied()
}

/// What a name does that only looks at sizes or puts entries elsewhere; its arguments may depend on
/// parameters.
pub(super) fn arrangement(name: &str) -> Option<Function> {
    static BY_NAME: LazyLock<Names> = LazyLock::new(|| by_name(&[arrangement::ROWS]));
    BY_NAME.get(name).copied()
}

type Names = HashMap<&'static str, Function>;

fn by_name(tables: &[&'static [(&'static str, Function)]]) -> Names {
    tables
        .iter()
        .copied()
        .flatten()
        .flat_map(|(names, function)| names.split_whitespace().map(|name| (name, *function)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions;

    #[test]
    fn every_row_is_a_function_of_the_language() {
        let tables = [
            arrangement::ROWS,
            numbers::ROWS,
            containers::ROWS,
            matrices::ROWS,
            eigen::ROWS,
        ];
        for (names, _) in tables.into_iter().flatten() {
            for name in names.split_whitespace() {
                assert!(functions::exists(name), "{name}");
            }
        }
    }
}
