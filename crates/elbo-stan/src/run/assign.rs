//! Writing to variables and parts of them.

use super::evaluate::Chosen;
use super::index::{offsets, part, selectors, shape_of};
use super::{Machine, Run, Tensor, Value, bad};
use crate::typed::{Place, Step, Target};

/// A step with its numbers known.
enum Known {
    Index(Vec<Chosen>),
    Element(usize),
}

impl Machine<'_> {
    /// Writes a value, part by part where the target is a tuple.
    pub(super) fn write(&mut self, target: &Target, value: Value) -> Run<()> {
        match (target, value) {
            (Target::Place(place), value) => self.write_place(place, value),
            (Target::Tuple(targets), Value::Tuple(parts)) => targets
                .iter()
                .zip(parts)
                .try_for_each(|(target, part)| self.write(target, part)),
            (Target::Tuple(_), _) => Err(bad(self.span_of(target), "the value is no tuple")),
        }
    }

    fn span_of(&self, target: &Target) -> crate::source::Span {
        match target {
            Target::Place(place) => place.span,
            Target::Tuple(parts) => parts
                .first()
                .map_or(self.program.variables[0].span, |part| self.span_of(part)),
        }
    }

    fn write_place(&mut self, place: &Place, value: Value) -> Run<()> {
        let mut steps = Vec::new();
        for step in &place.path {
            steps.push(match step {
                Step::Index(indices) => Known::Index(self.indices(indices)?),
                Step::Element(index) => Known::Element(*index),
            });
        }
        let name = self.variables[place.variable.0].name.clone();
        let slot = &mut self.frame[place.variable.0];
        let root = slot
            .as_mut()
            .ok_or_else(|| bad(place.span, format!("`{name}` is not declared yet")))?;
        put(root, &steps, value).map_err(|message| bad(place.span, format!("`{name}`: {message}")))
    }
}

/// Writes into a value behind some steps.
fn put(root: &mut Value, steps: &[Known], value: Value) -> Result<(), String> {
    match steps.first() {
        None => {
            let (have, new) = (root.shape(), value.shape());
            // What is empty takes any size, as in Stan.
            let empty = have.contains(&0);
            if have != new && !empty {
                return Err(format!(
                    "a value of shape {new:?} does not fit into {have:?}"
                ));
            }
            *root = value;
            Ok(())
        }
        Some(Known::Element(index)) => match root {
            Value::Tuple(parts) if *index < parts.len() => {
                put(&mut parts[*index], &steps[1..], value)
            }
            _ => Err("the value is no such tuple".into()),
        },
        Some(Known::Index(_)) => {
            // Indices behind each other are indices beside each other.
            let mut indices = Vec::new();
            let mut rest = steps;
            while let Some(Known::Index(more)) = rest.first() {
                indices.extend(more.iter().cloned());
                rest = &rest[1..];
            }
            put_indexed(root, &indices, rest, value)
        }
    }
}

fn put_indexed(
    root: &mut Value,
    indices: &[Chosen],
    rest: &[Known],
    value: Value,
) -> Result<(), String> {
    // Most often a single number.
    if rest.is_empty()
        && indices.len() == root.shape().len()
        && value.shape().is_empty()
        && let Some(at) = part(root.shape(), indices)?
    {
        match (&mut *root, &value) {
            (Value::Symbolic(t), Value::Symbolic(new)) => {
                t.entries_mut()[at] = new.entries()[0];
                return Ok(());
            }
            (Value::Ints(t), Value::Ints(new)) => {
                t.entries_mut()[at] = new.entries()[0];
                return Ok(());
            }
            (Value::Reals(t), Value::Reals(new)) => {
                t.entries_mut()[at] = new.entries()[0];
                return Ok(());
            }
            _ => {}
        }
    }
    let shape = root.shape().to_vec();
    let axes = selectors(&shape, indices)?;
    let places = offsets(&shape, &axes);
    if let Value::Tuples(_, tuples) = root {
        if let (false, [only]) = (rest.is_empty(), places.as_slice()) {
            return put(&mut tuples[*only], rest, value);
        }
        let new = match value {
            Value::Tuples(_, new) => new,
            tuple => vec![tuple],
        };
        for (place, tuple) in places.into_iter().zip(new) {
            tuples[place] = tuple;
        }
        return Ok(());
    }
    let chosen = shape_of(&axes);
    if chosen != value.shape() {
        return Err(format!(
            "a value of shape {:?} does not fit into {chosen:?}",
            value.shape()
        ));
    }
    let is_complex = |value: &Value| matches!(value, Value::Pairs(_) | Value::Complexes(_));
    if root.is_symbolic() != value.is_symbolic() && is_complex(root) && is_complex(&value) {
        let pairs = |value: &Value| value.as_pairs().ok_or("the value has another type");
        let (mut t, new) = (pairs(root)?, pairs(&value)?);
        scatter(&mut t, &places, &new);
        *root = Value::from_pairs(t);
        return Ok(());
    }
    if root.is_symbolic() != value.is_symbolic() {
        let numbers = || "the value has another type".to_owned();
        let new = value.as_numbers().ok_or_else(numbers)?;
        let mut t = root.as_numbers().ok_or_else(numbers)?;
        // The old entries are not shared with `root` while they are written.
        *root = Value::Ints(Tensor::list(Vec::new()));
        scatter(&mut t, &places, &new);
        *root = Value::Symbolic(t);
        return Ok(());
    }
    match (root, value) {
        (Value::Symbolic(t), Value::Symbolic(new)) => scatter(t, &places, &new),
        (Value::Ints(t), Value::Ints(new)) => scatter(t, &places, &new),
        (Value::Reals(t), Value::Reals(new)) => scatter(t, &places, &new),
        (Value::Complexes(t), Value::Complexes(new)) => scatter(t, &places, &new),
        (Value::Pairs(t), Value::Pairs(new)) => scatter(t, &places, &new),
        _ => return Err("the value has another type".into()),
    }
    Ok(())
}

fn scatter<T: Clone>(t: &mut Tensor<T>, places: &[usize], new: &Tensor<T>) {
    let entries = t.entries_mut();
    for (&place, entry) in places.iter().zip(new.entries()) {
        entries[place] = entry.clone();
    }
}
