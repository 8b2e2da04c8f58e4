//! Values while a program runs: numbers with a shape.
//!
//! An array of vectors and a matrix are both a block of numbers, row by row; the type, known from the
//! check, says which axes are which. Entries are shared until one of the sharers writes.

use std::sync::Arc;

use crate::trace::Number;
use crate::typed::Type;

/// What an int has before it is assigned, as in Stan.
const UNSET: i32 = i32::MIN;

/// Entries in row-major order and the length of every axis; a scalar has none.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor<T> {
    shape: Vec<usize>,
    entries: Entries<T>,
}

/// One entry in its place, or any number of them, shared.
#[derive(Clone, Debug)]
enum Entries<T> {
    One(T),
    Many(Arc<[T]>),
}

impl<T> Entries<T> {
    fn as_slice(&self) -> &[T] {
        match self {
            Self::One(entry) => std::slice::from_ref(entry),
            Self::Many(entries) => entries,
        }
    }
}

impl<T: PartialEq> PartialEq for Entries<T> {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl<T: Clone> Tensor<T> {
    /// A tensor of `shape` with these entries.
    ///
    /// # Panics
    ///
    /// If there are not as many entries as the shape has places.
    pub fn new(shape: Vec<usize>, entries: Vec<T>) -> Self {
        assert_eq!(shape.iter().product::<usize>(), entries.len());
        Self {
            shape,
            entries: Entries::Many(entries.into()),
        }
    }

    /// One number.
    pub fn scalar(entry: T) -> Self {
        Self {
            shape: Vec::new(),
            entries: Entries::One(entry),
        }
    }

    /// One axis.
    pub fn list(entries: Vec<T>) -> Self {
        Self::new(vec![entries.len()], entries)
    }

    /// The length of every axis.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// All entries, row by row.
    pub fn entries(&self) -> &[T] {
        self.entries.as_slice()
    }

    /// All entries, for whoever keeps them beyond this tensor.
    pub(crate) fn shared(&self) -> Arc<[T]> {
        match &self.entries {
            Entries::One(entry) => Arc::from([entry.clone()]),
            Entries::Many(entries) => Arc::clone(entries),
        }
    }

    /// All entries to write to; copied first if others share them.
    pub fn entries_mut(&mut self) -> &mut [T] {
        match &mut self.entries {
            Entries::One(entry) => std::slice::from_mut(entry),
            Entries::Many(entries) => Arc::make_mut(entries),
        }
    }

    /// The same entries along other axes.
    ///
    /// # Panics
    ///
    /// If the shape has another number of places.
    #[must_use]
    pub fn reshaped(self, shape: Vec<usize>) -> Self {
        assert_eq!(shape.iter().product::<usize>(), self.entries().len());
        Self { shape, ..self }
    }

    /// Every entry through a function.
    pub fn map<U: Clone>(&self, mut f: impl FnMut(&T) -> U) -> Tensor<U> {
        match &self.entries {
            Entries::One(entry) => Tensor {
                shape: self.shape.clone(),
                entries: Entries::One(f(entry)),
            },
            Entries::Many(entries) => {
                Tensor::new(self.shape.clone(), entries.iter().map(f).collect())
            }
        }
    }

    /// Part `i` (from 0) of the first axis.
    #[must_use]
    pub fn part(&self, i: usize) -> Self {
        self.slice(1, i)
    }

    /// Part `i` (from 0) of the first `axes` axes, taken as one.
    #[must_use]
    pub(crate) fn slice(&self, axes: usize, i: usize) -> Self {
        let shape = &self.shape[axes..];
        if shape.is_empty() {
            return Self::scalar(self.entries()[i].clone());
        }
        let size: usize = shape.iter().product();
        Self::new(
            shape.to_vec(),
            self.entries()[i * size..(i + 1) * size].to_vec(),
        )
    }
}

/// A complex number: real and imaginary part.
pub type Complex = [f64; 2];

/// A value of a program.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Ints, alone or in arrays.
    Ints(Tensor<i32>),
    /// Reals, alone, in vectors, row vectors, matrices and arrays of them.
    Reals(Tensor<f64>),
    /// Complex numbers, in whatever reals can be in.
    Complexes(Tensor<Complex>),
    /// Reals, or ints made by comparisons, some of which depend on parameters.
    Symbolic(Tensor<Number>),
    /// Complex numbers, some of whose parts depend on parameters.
    Pairs(Tensor<[Number; 2]>),
    /// A tuple.
    Tuple(Vec<Value>),
    /// An array of tuples: the array's shape, and the tuples in row-major order.
    Tuples(Vec<usize>, Vec<Value>),
}

impl Value {
    /// One int.
    pub fn int(value: i32) -> Self {
        Self::Ints(Tensor::scalar(value))
    }

    /// One real.
    pub fn real(value: f64) -> Self {
        Self::Reals(Tensor::scalar(value))
    }

    /// The length of every axis, those of matrices included.
    pub fn shape(&self) -> &[usize] {
        match self {
            Self::Ints(t) => t.shape(),
            Self::Reals(t) => t.shape(),
            Self::Complexes(t) => t.shape(),
            Self::Symbolic(t) => t.shape(),
            Self::Pairs(t) => t.shape(),
            Self::Tuple(_) => &[],
            Self::Tuples(shape, _) => shape,
        }
    }

    /// The int, of a value that is one.
    pub fn as_int(&self) -> Option<i32> {
        match self {
            Self::Ints(t) if t.shape().is_empty() => t.entries().first().copied(),
            _ => None,
        }
    }

    /// The numbers themselves if all are known, symbols otherwise.
    pub(crate) fn from_numbers(numbers: Tensor<Number>) -> Self {
        if numbers.entries().iter().any(|n| n.known().is_none()) {
            return Self::Symbolic(numbers);
        }
        if let ([], [Number::Known(x)]) = (numbers.shape(), numbers.entries()) {
            return Self::real(*x);
        }
        let known: Option<Vec<f64>> = numbers.entries().iter().map(|n| n.known()).collect();
        match known {
            Some(known) => Self::Reals(Tensor::new(numbers.shape().to_vec(), known)),
            None => Self::Symbolic(numbers),
        }
    }

    /// Numbers, known or not; `None` for complex numbers and tuples.
    pub(crate) fn as_numbers(&self) -> Option<Tensor<Number>> {
        match self {
            Self::Symbolic(t) => Some(t.clone()),
            other => Some(other.as_reals()?.map(|x| Number::Known(*x))),
        }
    }

    /// Complex numbers themselves if all are known, symbols otherwise.
    pub(crate) fn from_pairs(pairs: Tensor<[Number; 2]>) -> Self {
        let known: Option<Vec<Complex>> = pairs
            .entries()
            .iter()
            .map(|[re, im]| Some([re.known()?, im.known()?]))
            .collect();
        match known {
            Some(known) if pairs.shape().is_empty() => Self::Complexes(Tensor::scalar(known[0])),
            Some(known) => Self::Complexes(Tensor::new(pairs.shape().to_vec(), known)),
            None => Self::Pairs(pairs),
        }
    }

    /// Numbers as complex numbers, known or not; `None` for tuples.
    pub(crate) fn as_pairs(&self) -> Option<Tensor<[Number; 2]>> {
        match self {
            Self::Pairs(t) => Some(t.clone()),
            Self::Complexes(t) => Some(t.map(|z| z.map(Number::Known))),
            other => Some(other.as_numbers()?.map(|re| [*re, Number::Known(0.0)])),
        }
    }

    /// Whether it depends on parameters.
    pub(crate) fn is_symbolic(&self) -> bool {
        match self {
            Self::Symbolic(_) | Self::Pairs(_) => true,
            Self::Tuple(parts) | Self::Tuples(_, parts) => parts.iter().any(Self::is_symbolic),
            _ => false,
        }
    }

    /// Numbers as reals; `None` for complex numbers, tuples and what depends on parameters.
    pub fn as_reals(&self) -> Option<Tensor<f64>> {
        match self {
            Self::Ints(t) => Some(t.map(|&i| if i == UNSET { f64::NAN } else { f64::from(i) })),
            Self::Reals(t) => Some(t.clone()),
            _ => None,
        }
    }

    /// Numbers as complex numbers; `None` for tuples.
    pub fn as_complexes(&self) -> Option<Tensor<Complex>> {
        match self {
            Self::Complexes(t) => Some(t.clone()),
            other => Some(other.as_reals()?.map(|&re| [re, 0.0])),
        }
    }

    /// The same value in a larger type.
    #[must_use]
    pub fn converted(self, to: &Type) -> Self {
        match (self, to.element().0) {
            (Self::Tuple(parts), Type::Tuple(types)) => Self::Tuple(
                parts
                    .into_iter()
                    .zip(types.iter())
                    .map(|(part, t)| part.converted(t))
                    .collect(),
            ),
            (Self::Tuples(shape, tuples), element) => {
                let tuples = tuples.into_iter().map(|t| t.converted(element));
                Self::Tuples(shape, tuples.collect())
            }
            (value @ Self::Ints(_), Type::Int) => value,
            (value, element) if element.is_complex() => match value.as_pairs() {
                Some(t) => Self::from_pairs(t),
                None => value,
            },
            (value, _) => match value.as_reals() {
                Some(t) => Self::Reals(t),
                None => value,
            },
        }
    }

    /// A value of a type and shape whose entries have not been assigned: NaN, and for ints the
    /// smallest int.
    pub(super) fn unset(element: &Type, shape: Vec<usize>) -> Self {
        let places = shape.iter().product();
        match element {
            Type::Int => Self::Ints(Tensor::new(shape, vec![UNSET; places])),
            t if t.is_complex() => Self::Complexes(Tensor::new(shape, vec![[f64::NAN; 2]; places])),
            _ => Self::Reals(Tensor::new(shape, vec![f64::NAN; places])),
        }
    }

    /// How many numbers there are.
    pub(super) fn numbers(&self) -> usize {
        match self {
            Self::Ints(t) => t.entries().len(),
            Self::Reals(t) => t.entries().len(),
            Self::Complexes(t) => 2 * t.entries().len(),
            Self::Symbolic(t) => t.entries().len(),
            Self::Pairs(t) => 2 * t.entries().len(),
            Self::Tuple(parts) | Self::Tuples(_, parts) => parts.iter().map(Self::numbers).sum(),
        }
    }

    /// Bytes that the entries take.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Ints(t) => t.entries().len() * 4,
            Self::Reals(t) => t.entries().len() * 8,
            Self::Complexes(t) => t.entries().len() * 16,
            Self::Symbolic(t) => size_of_val(t.entries()),
            Self::Pairs(t) => size_of_val(t.entries()),
            Self::Tuple(parts) | Self::Tuples(_, parts) => parts.iter().map(Self::bytes).sum(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sharing_ends_when_one_writes() {
        let a = Tensor::list(vec![1.0, 2.0]);
        let mut b = a.clone();
        b.entries_mut()[0] = 5.0;
        assert_eq!((a.entries()[0], b.entries()[0]), (1.0, 5.0));
    }

    #[test]
    fn conversion_reaches_into_tuples() {
        let t = Type::Tuple([Type::Real, Type::Complex].into());
        let value = Value::Tuple(vec![Value::int(1), Value::real(2.0)]).converted(&t);
        assert_eq!(
            value,
            Value::Tuple(vec![
                Value::real(1.0),
                Value::Complexes(Tensor::scalar([2.0, 0.0]))
            ])
        );
    }
}
