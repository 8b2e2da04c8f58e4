//! Data against their declarations: there, of the right type, of the right shape, within bounds.

use std::collections::BTreeMap;

use super::{Machine, Run, RunError, RunErrorKind, Tensor, Value};
use crate::source::Span;
use crate::typed::{BlockKind, SizedType, Type};

impl Machine<'_> {
    /// Reads every declaration of the data block in order, since sizes depend on what comes before.
    pub(super) fn read_data(&mut self, data: &BTreeMap<String, Value>) -> Run<()> {
        let program = self.program;
        for declaration in program.declarations(BlockKind::Data) {
            for (id, _) in &declaration.variables {
                let variable = &self.variables[id.0];
                let (name, span) = (variable.name.clone(), variable.span);
                let r#type = variable.r#type.clone();
                let value = match data.get(&*name) {
                    Some(value) => self.fitted(&name, span, &r#type, &declaration.r#type, value)?,
                    None => self.missing(&name, span, &r#type, &declaration.r#type)?,
                };
                self.frame[id.0] = Some(value);
            }
            self.check_declared(declaration)?;
        }
        Ok(())
    }

    /// A variable without places may be left out.
    fn missing(&mut self, name: &str, span: Span, r#type: &Type, sized: &SizedType) -> Run<Value> {
        let (shape, _) = self.shape(sized)?;
        if shape.contains(&0) {
            return Ok(match r#type.element().0 {
                Type::Tuple(_) => Value::Tuples(shape, Vec::new()),
                element => Value::unset(element, shape),
            });
        }
        Err(data_error(
            span,
            format!("the data have no `{name}`, which is declared as {type}"),
        ))
    }

    pub(super) fn fitted(
        &mut self,
        name: &str,
        span: Span,
        r#type: &Type,
        sized: &SizedType,
        value: &Value,
    ) -> Run<Value> {
        let (shape, inner) = self.shape(sized)?;
        if let SizedType::Tuple(parts) = inner {
            return self.fitted_tuples(name, span, (r#type, parts), shape, value);
        }
        let element = r#type.element().0;
        let value = match (element, value) {
            (_, Value::Tuple(_) | Value::Tuples(..)) => {
                return Err(data_error(
                    span,
                    format!("`{name}` is declared as {type}, and the data have tuples"),
                ));
            }
            (Type::Int, Value::Ints(_)) => value.clone(),
            (Type::Int, other) => ints(name, span, r#type, other)?,
            (t, other) if t.is_complex() => {
                Value::Complexes(complexes(other, &shape).ok_or_else(|| {
                    data_error(
                        span,
                        format!(
                            "`{name}` is complex: a list of real and imaginary part for every number"
                        ),
                    )
                })?)
            }
            (t, other) => other.clone().converted(t),
        };
        if value.shape() == shape {
            return Ok(value);
        }
        // Lists without elements say nothing about the axes inside them.
        if value.bytes() == 0 && shape.contains(&0) {
            return Ok(Value::unset(element, shape));
        }
        Err(data_error(
            span,
            format!(
                "`{name}` is declared with {}, and the data have {}",
                describe(&shape),
                describe(value.shape())
            ),
        ))
    }

    fn fitted_tuples(
        &mut self,
        name: &str,
        span: Span,
        (r#type, parts): (&Type, &[SizedType]),
        shape: Vec<usize>,
        value: &Value,
    ) -> Run<Value> {
        let types = r#type.parts().unwrap_or_default().to_vec();
        let wrong = |what: &str| {
            data_error(
                span,
                format!("`{name}` is declared as {type}, and the data have {what}"),
            )
        };
        let one = |machine: &mut Self, tuple: &Value| match tuple {
            Value::Tuple(values) if values.len() == parts.len() => {
                let fitted = values
                    .iter()
                    .zip(parts)
                    .zip(&types)
                    .enumerate()
                    .map(|(i, ((value, sized), t))| {
                        machine.fitted(&format!("{name}.{}", i + 1), span, t, sized, value)
                    })
                    .collect::<Run<Vec<_>>>()?;
                Ok(Value::Tuple(fitted))
            }
            Value::Tuple(values) => Err(wrong(&format!("{} elements", values.len()))),
            _ => Err(wrong("numbers")),
        };
        match value {
            Value::Tuples(given, tuples) if *given == shape => {
                let tuples = tuples
                    .iter()
                    .map(|tuple| one(self, tuple))
                    .collect::<Run<_>>()?;
                Ok(Value::Tuples(shape, tuples))
            }
            Value::Tuples(given, _) => Err(wrong(&describe(given))),
            tuple if shape.is_empty() => one(self, tuple),
            _ if shape.contains(&0) => Ok(Value::Tuples(shape, Vec::new())),
            _ => Err(wrong("no tuples")),
        }
    }
}

/// Whole numbers given as reals are ints; anything else is named with its place.
fn ints(name: &str, span: Span, r#type: &Type, value: &Value) -> Run<Value> {
    let Value::Reals(t) = value else {
        return Err(data_error(
            span,
            format!("`{name}` is declared as {type}, and the data have complex numbers"),
        ));
    };
    let whole = |x: f64| x.fract() == 0.0 && x.abs() <= f64::from(i32::MAX);
    if let Some(at) = t.entries().iter().position(|&x| !whole(x)) {
        return Err(data_error(
            span,
            format!(
                "`{name}{}` is {}, and an int is declared",
                place(t.shape(), at),
                t.entries()[at]
            ),
        ));
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "whole and in range, as just checked"
    )]
    let entries = t.map(|&x| x as i32);
    Ok(Value::Ints(entries))
}

/// Pairs along a last axis as complex numbers.
fn complexes(value: &Value, shape: &[usize]) -> Option<Tensor<[f64; 2]>> {
    if let Value::Complexes(t) = value {
        return Some(t.clone());
    }
    let reals = value.as_reals()?;
    let (last, outer) = reals.shape().split_last()?;
    if *last != 2 || outer != shape {
        return None;
    }
    let entries = reals.entries().chunks(2).map(|pair| [pair[0], pair[1]]);
    Some(Tensor::new(outer.to_vec(), entries.collect()))
}

/// The index of an entry as it is written: `[2, 1]`; nothing for a scalar.
pub(super) fn place(shape: &[usize], at: usize) -> String {
    let mut rest = at;
    let mut parts = Vec::new();
    for &length in shape.iter().rev() {
        parts.push((rest % length + 1).to_string());
        rest /= length;
    }
    parts.reverse();
    if parts.is_empty() {
        String::new()
    } else {
        format!("[{}]", parts.join(", "))
    }
}

fn describe(shape: &[usize]) -> String {
    if shape.is_empty() {
        return "a single number".to_owned();
    }
    let lengths: Vec<String> = shape.iter().map(ToString::to_string).collect();
    format!("size {}", lengths.join(" × "))
}

fn data_error(span: Span, message: String) -> RunError {
    RunError::new(RunErrorKind::Data, span, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_written_as_indices() {
        assert_eq!(place(&[2, 3], 4), "[2, 2]");
        assert_eq!(place(&[], 0), "");
    }
}
