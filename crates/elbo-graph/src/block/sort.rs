//! Sorting: the result is a permutation of the argument, and so is its adjoint.
//!
//! Equal numbers keep their order. Deliberately absent: derivatives of the permutation itself, which
//! are 0 wherever they exist.

use super::{Backward, Block};
use crate::number::Number;
use crate::shape::Shape;

/// A vector's entries in ascending or descending order; NaN comes last in either.
#[derive(Debug, Clone, Copy)]
pub struct Sort {
    /// From the largest to the smallest.
    pub descending: bool,
}

/// The positions, counted from 1, that a vector's sorted entries had.
#[derive(Debug, Clone, Copy)]
pub struct SortIndices {
    /// From the largest to the smallest.
    pub descending: bool,
}

/// The position of each sorted entry in a lane.
fn order<T: Number>(x: &[T], (lanes, lane): (usize, usize), descending: bool) -> Vec<usize> {
    let at = |i: usize| x[i * lanes + lane].value();
    let mut order: Vec<usize> = (0..x.len() / lanes).collect();
    order.sort_by(|i, j| {
        let (a, b) = (at(*i), at(*j));
        let numbers = if descending {
            b.partial_cmp(&a)
        } else {
            a.partial_cmp(&b)
        };
        numbers.unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
    });
    order
}

impl Block for Sort {
    fn name(&self) -> &'static str {
        if self.descending {
            "sort_desc"
        } else {
            "sort_asc"
        }
    }

    fn shape(&self, args: &[Shape]) -> Shape {
        args[0]
    }

    fn forward<T: Number>(&self, lanes: usize, args: &[&[T]], out: &mut [T]) {
        for l in 0..lanes {
            let order = order(args[0], (lanes, l), self.descending);
            for (to, from) in order.into_iter().enumerate() {
                out[to * lanes + l] = args[0][from * lanes + l];
            }
        }
    }

    fn backward<T: Number>(&self, call: Backward<'_, T>) {
        let Backward {
            lanes,
            args,
            adjoint,
            gradient,
            ..
        } = call;
        for l in 0..lanes {
            let order = order(args[0], (lanes, l), self.descending);
            for (from, to) in order.into_iter().enumerate() {
                gradient[to * lanes + l] += adjoint[from * lanes + l];
            }
        }
    }
}

impl Block for SortIndices {
    fn name(&self) -> &'static str {
        if self.descending {
            "sort_indices_desc"
        } else {
            "sort_indices_asc"
        }
    }

    fn shape(&self, args: &[Shape]) -> Shape {
        args[0]
    }

    fn forward<T: Number>(&self, lanes: usize, args: &[&[T]], out: &mut [T]) {
        for l in 0..lanes {
            let order = order(args[0], (lanes, l), self.descending);
            for (to, from) in order.into_iter().enumerate() {
                out[to * lanes + l] = T::constant((from + 1) as f64);
            }
        }
    }

    fn backward<T: Number>(&self, _: Backward<'_, T>) {}
}
