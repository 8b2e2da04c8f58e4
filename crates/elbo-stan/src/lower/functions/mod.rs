//! Functions of Stan on values that depend on parameters: a row is a name and what it does.
//!
//! The one idea: a row says how the result is made of the operations that a [`Trace`] can record; for
//! known arguments those are computed at once, so that what is written here serves known values too.
//! A density is a row that gives numbers whose sum is the log density. Names that are functions of
//! single numbers or densities of single variables in `elbo-graph` need no row.

mod densities;

use elbo_graph::{Density, Function};

use super::operator::operand;
use crate::run::{Tensor, Value};
use crate::trace::{Number, Operand, Trace};
use crate::typed::Type;

/// What a function says when it cannot.
pub(crate) type Outcome = Result<Value, String>;
/// Numbers whose sum is a log density.
pub(crate) type Terms = Result<Tensor<Number>, String>;

/// A call: arguments of the signature's types.
pub(crate) struct Call<'a> {
    pub(crate) trace: &'a mut Trace,
    /// The name with its ending.
    pub(crate) name: &'a str,
    pub(crate) values: &'a [Value],
    pub(crate) types: &'a [&'a Type],
    /// Bytes that a value may have.
    pub(crate) limit: usize,
}

impl Call<'_> {
    /// Argument `i` as numbers.
    fn operand(&self, i: usize) -> Result<Operand, String> {
        operand(self.values.get(i).ok_or("an argument is missing")?)
    }

    /// All arguments as numbers.
    fn operands(&self) -> Result<Vec<Operand>, String> {
        self.values.iter().map(operand).collect()
    }

    /// Argument `i`, an int.
    fn int(&self, i: usize) -> Result<i32, String> {
        self.values
            .get(i)
            .and_then(Value::as_int)
            .ok_or_else(|| format!("argument {} is no known int", i + 1))
    }
}

/// A function by its name.
type FunctionRow = (&'static str, fn(&mut Call<'_>) -> Outcome);
/// A density by its name, with its ending.
type DensityRow = (&'static str, fn(&mut Call<'_>) -> Terms);

const FUNCTIONS: &[&[FunctionRow]] = &[];
const DENSITIES: &[&[DensityRow]] = &[densities::ROWS];

/// The rows of a name; a row may have several.
fn find<T: Copy>(tables: &[&[(&'static str, T)]], name: &str) -> Option<T> {
    tables
        .iter()
        .copied()
        .flatten()
        .find(|(names, _)| names.split_whitespace().any(|n| n == name))
        .map(|(_, row)| *row)
}

/// Whether there is such a function.
pub(crate) fn exists(name: &str) -> bool {
    find(FUNCTIONS, name).is_some()
        || find(DENSITIES, name).is_some()
        || Function::named(name).is_some()
        || univariate(name).is_some()
}

/// The value of a call.
pub(crate) fn value(call: &mut Call<'_>) -> Outcome {
    if let Some(row) = find(FUNCTIONS, call.name) {
        return row(call);
    }
    if let Some(function) = Function::named(call.name) {
        let numbers = call.trace.pointwise(function, &call.operands()?)?;
        return Ok(Value::from_numbers(numbers));
    }
    let numbers = terms(call)?;
    let sum = call.trace.sum(&numbers)?;
    Ok(Value::from_numbers(Tensor::scalar(sum)))
}

/// Numbers whose sum is the value of a density or of the logarithm of a distribution function.
pub(crate) fn terms(call: &mut Call<'_>) -> Terms {
    if let Some(row) = find(DENSITIES, call.name) {
        return row(call);
    }
    match univariate(call.name) {
        Some(density) => call.trace.density(density, &call.operands()?),
        None => Err(format!("{} is not evaluated", call.name)),
    }
}

/// A density of single variables.
fn univariate(name: &str) -> Option<&'static Density> {
    let base = name
        .strip_suffix("_lpdf")
        .or_else(|| name.strip_suffix("_lpmf"))
        .unwrap_or(name);
    Density::named(base).filter(|density| density.is_entrywise())
}
