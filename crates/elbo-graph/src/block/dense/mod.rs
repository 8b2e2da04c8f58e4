//! Operations on whole matrices that branch on their numbers, one lane at a time.
//!
//! The one idea: pivots and stopping differ between lanes, so each lane's matrix is copied out, worked
//! on, and copied back. These are for the few matrices of a model, not for its rows. Deliberately
//! absent: what Cholesky factors can do, over lanes and faster ([`algebra`](crate::algebra)).

mod eigen;
mod exponential;
mod inverse;
mod lu;
mod singular;
#[cfg(test)]
mod tests;

use crate::number::Number;

pub(crate) use lu::Lu;

pub use eigen::SymmetricEigen;
pub use exponential::MatrixExponential;
pub use inverse::{Inverse, LogAbsDeterminant};
pub use singular::SingularValues;

/// A lane of a buffer.
pub(crate) fn lane<T: Number>(buffer: &[T], lanes: usize, l: usize) -> Vec<T> {
    buffer.iter().skip(l).step_by(lanes).copied().collect()
}

/// Writes a lane of a buffer.
pub(crate) fn set_lane<T: Number>(buffer: &mut [T], lanes: usize, l: usize, values: &[T]) {
    let entries = buffer.iter_mut().skip(l).step_by(lanes);
    for (to, from) in entries.zip(values) {
        *to = *from;
    }
}

/// Adds to a lane of a buffer.
fn add_to_lane<T: Number>(buffer: &mut [T], lanes: usize, l: usize, values: &[T]) {
    let entries = buffer.iter_mut().skip(l).step_by(lanes);
    for (to, from) in entries.zip(values) {
        *to += *from;
    }
}

fn identity<T: Number>(n: usize) -> Vec<T> {
    let entry = |e: usize| T::constant(if e.is_multiple_of(n + 1) { 1.0 } else { 0.0 });
    (0..n * n).map(entry).collect()
}

pub(crate) fn transposed<T: Number>(a: &[T], n: usize) -> Vec<T> {
    (0..n * n).map(|e| a[(e % n) * n + e / n]).collect()
}

/// `a · b`, both n × n.
fn product<T: Number>(a: &[T], b: &[T], n: usize) -> Vec<T> {
    let mut out = vec![T::default(); n * n];
    for (out, a) in out.chunks_exact_mut(n).zip(a.chunks_exact(n)) {
        for (a, b) in a.iter().zip(b.chunks_exact(n)) {
            for (out, b) in out.iter_mut().zip(b) {
                *out += *a * *b;
            }
        }
    }
    out
}
