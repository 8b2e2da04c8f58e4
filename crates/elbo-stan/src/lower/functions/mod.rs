//! Functions of Stan on values that depend on parameters: a row is a name and what it does.
//!
//! The one idea: a row says how the result is made of the operations that a [`Trace`] can record; for
//! known arguments those are computed at once, so that what is written here serves known values too.
//! A density is a row that gives numbers whose sum is the log density. Names that are functions of
//! single numbers or densities of single variables in `elbo-graph` need no row; nor do functions that
//! only put entries elsewhere (`run/builtin/arrangement.rs`).

mod call;
mod constants;
mod cumulative;
mod decompositions;
mod densities;
mod first_passage;
mod gaussian_processes;
mod inverses;
mod linear_algebra;
mod matrix_densities;
mod reductions;
mod regressions;
mod scalars;
mod sparse;
mod transforms;

use std::collections::HashMap;
use std::sync::LazyLock;

use elbo_graph::{Density, Function};

pub(crate) use call::Call;
pub(crate) use constants::dropped;

use crate::run::{Tensor, Value};
use crate::trace::Number;
use crate::typed::{BinaryOperator, Type};

/// What a function says when it cannot.
pub(crate) type Outcome = Result<Value, String>;
/// Numbers whose sum is a log density.
pub(crate) type Terms = Result<Tensor<Number>, String>;

/// Functions by their names.
type FunctionRow = (&'static str, fn(&mut Call<'_>) -> Outcome);
/// Densities by their names, with their endings.
type DensityRow = (&'static str, fn(&mut Call<'_>) -> Terms);

const FUNCTIONS: &[&[FunctionRow]] = &[
    cumulative::FUNCTIONS,
    reductions::ROWS,
    linear_algebra::ROWS,
    decompositions::ROWS,
    gaussian_processes::ROWS,
    matrix_densities::FUNCTIONS,
    scalars::ROWS,
    sparse::ROWS,
    transforms::ROWS,
];
const DENSITIES: &[&[DensityRow]] = &[
    cumulative::ROWS,
    densities::ROWS,
    first_passage::ROWS,
    matrix_densities::ROWS,
    regressions::ROWS,
];

/// What a name does.
#[derive(Clone, Copy)]
enum Row {
    Function(fn(&mut Call<'_>) -> Outcome),
    Density(fn(&mut Call<'_>) -> Terms),
    Pointwise(Function),
    Univariate(&'static Density),
    /// The logarithm of a distribution function or of its complement.
    Tail(&'static Density),
    /// The logarithm of the probability.
    Probability(&'static Density),
}

/// The row of a name, and whether there is one.
fn find(name: &str) -> Option<Row> {
    static BY_NAME: LazyLock<HashMap<&'static str, Row>> = LazyLock::new(|| {
        let mut rows: HashMap<&'static str, Row> = HashMap::new();
        for name in crate::functions::names() {
            let univariate = |name: &str| Density::named(name).filter(|d| d.is_entrywise());
            let base = name
                .strip_suffix("_lpdf")
                .or_else(|| name.strip_suffix("_lpmf"));
            let is_tail = name.ends_with("_lcdf") || name.ends_with("_lccdf");
            let row = if let Some(density) = base.and_then(univariate) {
                Row::Univariate(density)
            } else if let Some(tail) = Some(name).filter(|_| is_tail).and_then(univariate) {
                Row::Tail(tail)
            } else if let Some(function) = Function::named(name) {
                Row::Pointwise(function)
            } else if let Some(family) = name.strip_suffix("_cdf")
                && let Some(logarithm) = univariate(&format!("{family}_lcdf"))
            {
                Row::Probability(logarithm)
            } else {
                continue;
            };
            rows.insert(name, row);
        }
        // What is written here goes before what only has the name.
        for (names, row) in FUNCTIONS.iter().copied().flatten() {
            rows.extend(names.split_whitespace().map(|n| (n, Row::Function(*row))));
        }
        for (names, row) in DENSITIES.iter().copied().flatten() {
            rows.extend(names.split_whitespace().map(|n| (n, Row::Density(*row))));
        }
        rows
    });
    BY_NAME.get(name).copied()
}

/// Whether there is such a function.
pub(crate) fn exists(name: &str) -> bool {
    find(name).is_some()
}

/// The operator that a function of two arguments is a name of.
pub(crate) fn operator(name: &str) -> Option<BinaryOperator> {
    use BinaryOperator as B;
    Some(match name {
        "add" => B::Add,
        "subtract" => B::Subtract,
        "multiply" => B::Multiply,
        "divide" | "mdivide_right" => B::Divide,
        "elt_multiply" => B::ElementMultiply,
        "elt_divide" => B::ElementDivide,
        "mdivide_left" => B::LeftDivide,
        "modulus" => B::Modulo,
        "logical_lt" => B::Less,
        "logical_lte" => B::LessEqual,
        "logical_gt" => B::Greater,
        "logical_gte" => B::GreaterEqual,
        "logical_eq" => B::Equal,
        "logical_neq" => B::NotEqual,
        _ => return None,
    })
}

/// The value of a call.
pub(crate) fn value(call: &mut Call<'_>) -> Outcome {
    let logarithm = match find(call.name) {
        Some(Row::Function(row)) => return row(call),
        Some(Row::Pointwise(function)) if function.arity() == call.values.len() => {
            let numbers = call.trace.pointwise(function, &call.operands()?)?;
            let value = Value::from_numbers(numbers);
            return Ok(if is_int(call) { as_ints(value) } else { value });
        }
        Some(Row::Probability(logarithm)) => {
            // The probability of all entries together.
            let numbers = cumulative::tail(call, logarithm)?;
            let sum = call.trace.sum(&numbers)?;
            return call.entrywise(Function::Exp, &[sum]);
        }
        _ => terms(call)?,
    };
    let sum = call.trace.sum(&logarithm)?;
    Ok(Value::from_numbers(Tensor::scalar(sum)))
}

/// Numbers whose sum is the value of a density or of the logarithm of a distribution function.
pub(crate) fn terms(call: &mut Call<'_>) -> Terms {
    match find(call.name) {
        Some(Row::Density(row)) => row(call),
        Some(Row::Tail(density)) => cumulative::tail(call, density),
        Some(Row::Univariate(density)) => call.trace.density(density, &call.operands()?),
        _ => Err(format!("{} is not evaluated", call.name)),
    }
}

/// Whether the result is an int, or a container of them.
fn is_int(call: &Call<'_>) -> bool {
    match call.name {
        "int_step" | "is_inf" | "is_nan" | "logical_and" | "logical_or" | "logical_negation" => {
            true
        }
        "choose" | "falling_factorial" | "rising_factorial" => {
            call.types.iter().all(|t| *t.element().0 == Type::Int)
        }
        _ => false,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a conversion that saturates; what is larger is no int of Stan either"
)]
fn as_ints(value: Value) -> Value {
    match value {
        Value::Reals(t) => Value::Ints(t.map(|x| *x as i32)),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions;

    #[test]
    fn every_row_is_a_function_of_the_language() {
        let names = FUNCTIONS.iter().copied().flatten().map(|row| row.0);
        let names = names.chain(DENSITIES.iter().copied().flatten().map(|row| row.0));
        for name in names.flat_map(str::split_whitespace) {
            assert!(functions::exists(name), "{name}");
        }
    }
}
