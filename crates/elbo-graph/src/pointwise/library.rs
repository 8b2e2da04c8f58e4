//! Loops over functions that no instruction set makes faster, compiled once.
//!
//! The one idea: a [`Library`] function is evaluated on numbers with a tangent; its derivative is
//! that tangent, and its second derivative a central difference of two. Deliberately absent: which
//! function, and where the slices lie.

use super::Pointwise;
use crate::number::{Dual, Number};

/// A function of `N` numbers that is its own derivative, by way of tangents.
pub(crate) trait Library<const N: usize> {
    /// The value at `x`.
    fn value<T: Number>(x: [T; N]) -> T;
}

/// `out_i = f(x_i)`, one entry at a time.
pub(super) fn plain_forward<F: Pointwise<N>, T: Number, const N: usize>(out: &mut [T], x: &[&[T]]) {
    for (i, out) in out.iter_mut().enumerate() {
        *out = F::value(std::array::from_fn(|k| x[k][i]));
    }
}

/// `out_i += adjoint_i ∂f/∂x_I`, one entry at a time.
pub(super) fn plain_backward<F: Pointwise<N>, T: Number, const N: usize, const I: usize>(
    out: &mut [T],
    adjoint: &[T],
    values: &[T],
    x: &[&[T]],
) {
    for (i, out) in out.iter_mut().enumerate() {
        let partial = F::partial::<T, I>(std::array::from_fn(|k| x[k][i]), values[i]);
        *out += adjoint[i] * partial;
    }
}

/// `out_i = f(x_i)`.
pub(super) fn forward<F: Library<N>, T: Number, const N: usize>(out: &mut [T], x: &[&[T]]) {
    for (i, out) in out.iter_mut().enumerate() {
        *out = F::value(std::array::from_fn(|k| x[k][i]));
    }
}

/// `out_i += adjoint_i ∂f/∂x_which`.
pub(super) fn backward<F: Library<N>, T: Number, const N: usize>(
    which: usize,
    out: &mut [T],
    adjoint: &[T],
    x: &[&[T]],
) {
    let partial = |x: [f64; N]| {
        let mut seeded = x.map(Dual::constant);
        seeded[which].tangent = 1.0;
        F::value(seeded).tangent
    };
    for (i, out) in out.iter_mut().enumerate() {
        let entry: [T; N] = std::array::from_fn(|k| x[k][i]);
        *out += adjoint[i] * T::differences(entry, partial);
    }
}
