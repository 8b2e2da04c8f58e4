//! Complex numbers: operators and functions, of what is known and of what depends on parameters.
//!
//! The one idea: a complex number is two real ones, and what is done with it is recorded in terms of
//! them, with the derivatives that follow. Absent: decompositions, and what only puts entries elsewhere
//! (`run/builtin/arrangement.rs`).

mod arithmetic;
mod elementary;
mod matrices;

use std::collections::HashMap;
use std::sync::LazyLock;

use elbo_graph::Function;

use crate::run::{Tensor, Value};
use crate::trace::{Number, Operand, Trace};
use crate::typed::Type;

pub(crate) use arithmetic::{binary, unary};

type Outcome = Result<Value, String>;

/// Complex numbers, in whatever reals can be in.
#[derive(Clone, Debug)]
pub(super) struct Parts {
    re: Operand,
    im: Operand,
}

type Made = Result<Parts, String>;

impl Parts {
    fn of(value: &Value) -> Result<Self, String> {
        let pairs = value.as_pairs().ok_or("a tuple is no complex number")?;
        let part = |i: usize| match Value::from_numbers(pairs.map(|pair| pair[i])) {
            Value::Symbolic(t) => Operand::Numbers(t),
            known => Operand::Known(known.as_reals().expect("numbers that are known are reals")),
        };
        Ok(Self {
            re: part(0),
            im: part(1),
        })
    }

    fn known(re: f64, im: f64) -> Self {
        Self {
            re: number(re),
            im: number(im),
        }
    }

    fn value(&self) -> Value {
        let (re, im) = (self.re.to_numbers(), self.im.to_numbers());
        let pairs = re.entries().iter().zip(im.entries());
        let pairs: Vec<[Number; 2]> = pairs.map(|(re, im)| [*re, *im]).collect();
        Value::from_pairs(if re.shape().is_empty() {
            Tensor::scalar(pairs[0])
        } else {
            Tensor::new(re.shape().to_vec(), pairs)
        })
    }

    fn shape(&self) -> &[usize] {
        self.re.shape()
    }

    fn len(&self) -> usize {
        self.re.len()
    }

    /// Entry `i`.
    fn entry(&self, i: usize) -> Self {
        Self {
            re: Operand::of(self.re.number(i)),
            im: Operand::of(self.im.number(i)),
        }
    }

    /// Entries in another order or shape.
    fn picked(&self, shape: &[usize], places: &[usize]) -> Self {
        let pick = |part: &Operand| {
            let numbers = places.iter().map(|at| part.number(*at)).collect();
            Operand::Numbers(Tensor::new(shape.to_vec(), numbers))
        };
        Self {
            re: pick(&self.re),
            im: pick(&self.im),
        }
    }
}

fn number(x: f64) -> Operand {
    Operand::of(Number::Known(x))
}

/// Whether a part is known to be nothing.
fn is_zero(part: &Operand) -> bool {
    part.known()
        .is_some_and(|part| part.iter().all(|x| *x == 0.0))
}

fn one(trace: &mut Trace, f: Function, x: &Operand) -> Result<Operand, String> {
    let numbers = trace.pointwise(f, std::slice::from_ref(x))?;
    Ok(Operand::Numbers(numbers))
}

fn two(trace: &mut Trace, f: Function, a: &Operand, b: &Operand) -> Result<Operand, String> {
    let numbers = trace.pointwise(f, &[a.clone(), b.clone()])?;
    Ok(Operand::Numbers(numbers))
}

fn real(part: &Operand) -> Value {
    Value::from_numbers(part.to_numbers())
}

/// A call with its arguments.
pub(super) struct Call<'a> {
    trace: &'a mut Trace,
    values: &'a [Value],
    types: &'a [&'a Type],
}

impl Call<'_> {
    fn arg(&self, i: usize) -> Made {
        Parts::of(self.values.get(i).ok_or("an argument is missing")?)
    }
}

type Does = fn(&mut Call<'_>) -> Outcome;
type Row = (&'static str, Does);

fn find(name: &str) -> Option<Does> {
    static BY_NAME: LazyLock<HashMap<&'static str, Does>> = LazyLock::new(|| {
        [elementary::ROWS, arithmetic::ROWS, matrices::ROWS]
            .into_iter()
            .flatten()
            .flat_map(|(names, row)| names.split_whitespace().map(|name| (name, *row)))
            .collect()
    });
    BY_NAME.get(name).copied()
}

/// Whether a call is one of complex numbers that is evaluated here.
pub(crate) fn is_row(name: &str, values: &[Value], types: &[&Type]) -> bool {
    let makes_complex = matches!(name, "to_complex" | "polar");
    let is_complex = |t: &&Type| t.element().0.is_complex();
    !values
        .iter()
        .any(|v| matches!(v, Value::Tuple(_) | Value::Tuples(..)))
        && (makes_complex || types.iter().any(is_complex))
        && find(name).is_some()
}

/// The value of a call.
pub(crate) fn value(trace: &mut Trace, name: &str, values: &[Value], types: &[&Type]) -> Outcome {
    let row = find(name).ok_or("it is not evaluated")?;
    row(&mut Call {
        trace,
        values,
        types,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_a_function_of_the_language() {
        let rows = [elementary::ROWS, arithmetic::ROWS, matrices::ROWS];
        for (names, _) in rows.into_iter().flatten() {
            for name in names.split_whitespace() {
                assert!(crate::functions::exists(name), "{name}");
            }
        }
    }
}
