//! Stan's `_rng` functions on known values: a row is a name, its parameters with what they must be,
//! and one draw.
//!
//! Functions of single numbers are vectorised here, once for all: a number goes with every element of
//! the lists beside it. Draws come from the stream that the caller hands in, in the order in which the
//! program asks, so that a stream's key decides every number.

mod continuous;
mod discrete;
mod multivariate;
#[cfg(test)]
mod tests;

use elbo_math::random::Stream;

use super::{Arguments, Outcome};
use crate::run::{Tensor, Value};

/// A function that draws.
pub(in crate::run) type Generator = fn(&Arguments, &mut Stream) -> Outcome;

/// A function of single numbers.
struct Scalar {
    /// The name without `_rng`.
    name: &'static str,
    /// Names of the parameters, as Stan's reference has them, and what they must be.
    parameters: &'static [(&'static str, Domain)],
    draw: Draw,
}

enum Draw {
    Real(fn(&[f64], &mut Stream) -> Result<f64, String>),
    /// A count, perhaps larger than an int can hold.
    Int(fn(&[f64], &mut Stream) -> Result<f64, String>),
}

/// What a parameter must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Domain {
    Finite,
    /// Positive and finite.
    Positive,
    /// At least zero and finite.
    NonNegative,
    /// From 0 to 1.
    Probability,
    /// Between 0 and 1.
    OpenProbability,
}

impl Domain {
    fn holds(self, x: f64) -> bool {
        match self {
            Self::Finite => x.is_finite(),
            Self::Positive => x > 0.0 && x.is_finite(),
            Self::NonNegative => x >= 0.0 && x.is_finite(),
            Self::Probability => (0.0..=1.0).contains(&x),
            Self::OpenProbability => x > 0.0 && x < 1.0,
        }
    }

    fn requirement(self) -> &'static str {
        match self {
            Self::Finite => "finite",
            Self::Positive => "positive and finite",
            Self::NonNegative => "finite and not negative",
            Self::Probability => "from 0 to 1",
            Self::OpenProbability => "between 0 and 1",
        }
    }

    /// What is wrong with a parameter's value, with its index in a list.
    fn check(self, name: &str, index: Option<usize>, x: f64) -> Result<(), String> {
        if self.holds(x) {
            return Ok(());
        }
        let place = index.map_or(String::new(), |i| format!("[{}]", i + 1));
        let requirement = self.requirement();
        Err(format!("{name}{place} is {x}, and must be {requirement}"))
    }

    /// The same for a list.
    fn check_all(self, name: &str, x: &[f64]) -> Result<(), String> {
        x.iter()
            .enumerate()
            .try_for_each(|(i, &x)| self.check(name, Some(i), x))
    }
}

/// Draws from the function of a name; `None` if there is none.
pub(in crate::run) fn draw(
    name: &str,
    arguments: &Arguments,
    random: &mut Stream,
) -> Option<Outcome> {
    let stem = name.strip_suffix("_rng")?;
    if let Some(row) = scalars().find(|row| row.name == stem) {
        return Some(entrywise(row, arguments, random));
    }
    let (_, generator) = multivariate::ROWS.iter().find(|(n, _)| *n == stem)?;
    Some(generator(arguments, random))
}

fn scalars() -> impl Iterator<Item = &'static Scalar> {
    discrete::ROWS.iter().chain(continuous::ROWS)
}

/// One draw, or one for every element of the lists among the arguments.
fn entrywise(row: &Scalar, a: &Arguments, random: &mut Stream) -> Outcome {
    let arguments: Vec<Tensor<f64>> = (0..row.parameters.len())
        .map(|i| a.reals(i))
        .collect::<Result<_, _>>()?;
    let mut length = None;
    for ((name, domain), argument) in row.parameters.iter().zip(&arguments) {
        let list = !argument.shape().is_empty();
        let here = argument.entries().len();
        if list && length.is_some_and(|(_, length)| length != here) {
            let (other, length) = length.unwrap_or(("", 0));
            return Err(format!(
                "{other} has {length} elements and {name} has {here}"
            ));
        }
        if list {
            length = Some((*name, here));
        }
        for (i, &x) in argument.entries().iter().enumerate() {
            domain.check(name, list.then_some(i), x)?;
        }
    }
    let mut point = vec![0.0; arguments.len()];
    let mut one = |i: usize| {
        for (x, argument) in point.iter_mut().zip(&arguments) {
            let entries = argument.entries();
            *x = entries[if argument.shape().is_empty() { 0 } else { i }];
        }
        match row.draw {
            Draw::Real(draw) => draw(&point, random),
            Draw::Int(draw) => draw(&point, random).and_then(fits),
        }
    };
    let shape: Vec<usize> = length.iter().map(|(_, length)| *length).collect();
    let shape = a.allowed(shape)?;
    let draws: Vec<f64> = (0..shape.iter().product())
        .map(&mut one)
        .collect::<Result<_, _>>()?;
    Ok(match row.draw {
        Draw::Real(_) => Value::Reals(Tensor::new(shape, draws)),
        Draw::Int(_) => Value::Ints(Tensor::new(shape, ints(&draws))),
    })
}

/// A count that an int can hold.
fn fits(count: f64) -> Result<f64, String> {
    if count.abs() <= f64::from(i32::MAX) {
        return Ok(count);
    }
    Err(format!(
        "the draw {count} is larger than an int can hold; make the mean smaller"
    ))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "in range, as checked by `fits`"
)]
fn ints(counts: &[f64]) -> Vec<i32> {
    counts.iter().map(|&x| x as i32).collect()
}
