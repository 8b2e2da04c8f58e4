//! The numbers of a draw, in the order and with the names that `CmdStan` gives them.
//!
//! `theta.2`, `L.2.1`, with matrices column by column; parts of tuples after a colon
//! (`[@stan2026cmdstan, ch. Stan CSV]`).

use crate::run::{self, Complex, Known, RunError, RunLimits, Tensor, Value};
use crate::typed::{BlockKind, Program, Type};

/// A number of a draw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name, as in a CSV file of `CmdStan`.
    pub name: String,
    /// The block that declares it.
    pub block: BlockKind,
}

pub(super) fn columns(
    program: &Program,
    known: &Known,
    limits: &RunLimits,
) -> Result<Vec<Column>, RunError> {
    let mut columns = Vec::new();
    for block in [
        BlockKind::Parameters,
        BlockKind::TransformedParameters,
        BlockKind::GeneratedQuantities,
    ] {
        for (id, value) in run::unset(program, known, limits, block)? {
            let variable = &program.variables[id.0];
            let mut names = Vec::new();
            name(&value, &variable.r#type, &variable.name, &mut names);
            columns.extend(names.into_iter().map(|name| Column { name, block }));
        }
    }
    Ok(columns)
}

/// Names of a value's numbers, in the order of [`flatten`].
fn name(value: &Value, r#type: &Type, stem: &str, names: &mut Vec<String>) {
    let shape = value.shape();
    let element = r#type.element().0;
    let indexed = |at: usize| {
        let mut rest = at;
        let mut index: Vec<String> = shape
            .iter()
            .rev()
            .map(|n| {
                let i = rest % n;
                rest /= n;
                format!(".{}", i + 1)
            })
            .collect();
        index.reverse();
        format!("{stem}{}", index.concat())
    };
    match value {
        Value::Tuple(parts) => {
            let types = r#type.parts().unwrap_or_default();
            for (i, (part, t)) in parts.iter().zip(types).enumerate() {
                name(part, t, &format!("{stem}:{}", i + 1), names);
            }
        }
        Value::Tuples(_, tuples) => {
            for at in order(shape) {
                name(&tuples[at], element, &indexed(at), names);
            }
        }
        Value::Complexes(_) | Value::Pairs(_) => {
            for at in order(shape) {
                names.push(format!("{}.real", indexed(at)));
                names.push(format!("{}.imag", indexed(at)));
            }
        }
        _ => names.extend(order(shape).into_iter().map(indexed)),
    }
}

/// The numbers of a value in the order of its columns.
pub(super) fn flatten(value: &Value, r#type: &Type, numbers: &mut Vec<f64>) {
    let element = r#type.element().0;
    let places = order(value.shape());
    match value {
        Value::Tuple(parts) => {
            for (part, t) in parts.iter().zip(r#type.parts().unwrap_or_default()) {
                flatten(part, t, numbers);
            }
        }
        Value::Tuples(_, tuples) => {
            for at in places {
                flatten(&tuples[at], element, numbers);
            }
        }
        Value::Complexes(t) => {
            let both = |t: &Tensor<Complex>, at: usize| t.entries()[at];
            numbers.extend(places.into_iter().flat_map(|at| both(t, at)));
        }
        Value::Ints(t) => numbers.extend(places.into_iter().map(|at| f64::from(t.entries()[at]))),
        Value::Reals(t) => numbers.extend(places.into_iter().map(|at| t.entries()[at])),
        Value::Pairs(t) => {
            let parts = places.into_iter().flat_map(|at| t.entries()[at]);
            numbers.extend(parts.map(|part| part.known().unwrap_or(f64::NAN)));
        }
        Value::Symbolic(t) => numbers.extend(
            places
                .into_iter()
                .map(|at| t.entries()[at].known().unwrap_or(f64::NAN)),
        ),
    }
}

/// Positions in row-major order, the first index moving fastest: `CmdStan` writes everything so.
fn order(shape: &[usize]) -> Vec<usize> {
    let places: usize = shape.iter().product();
    (0..places)
        .map(|at| {
            let mut rest = at;
            let mut position = 0;
            let mut stride = places;
            for n in shape {
                stride /= n;
                position += rest % n * stride;
                rest /= n;
            }
            position
        })
        .collect()
}
