//! The loops that apply a [`Pointwise`] function to slices, compiled for several instruction sets.
//!
//! Deliberately absent: which function, and where the slices lie.

use multiversion::multiversion;

use super::Pointwise;
use crate::number::Number;

/// The arguments as an array.
pub(super) fn take<'a, T, const N: usize>(args: &[&'a [T]]) -> [&'a [T]; N] {
    args.try_into()
        .expect("a function gets as many arguments as it has")
}

/// `out_i = f(x_i)`.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2", "aarch64+neon"))]
pub(super) fn forward<F: Pointwise<N>, T: Number, const N: usize>(out: &mut [T], x: [&[T]; N]) {
    let n = out.len();
    // Equal lengths, known to the compiler, leave no bounds checks in the loop.
    let x = x.map(|x| &x[..n]);
    for i in 0..n {
        out[i] = F::value(std::array::from_fn(|k| x[k][i]));
    }
}

/// `out_i += adjoint_i ∂f/∂x_I`.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2", "aarch64+neon"))]
pub(super) fn backward<F: Pointwise<N>, T: Number, const N: usize, const I: usize>(
    out: &mut [T],
    adjoint: &[T],
    values: &[T],
    x: [&[T]; N],
) {
    let n = out.len();
    let (adjoint, values) = (&adjoint[..n], &values[..n]);
    let x = x.map(|x| &x[..n]);
    for i in 0..n {
        out[i] += adjoint[i] * F::partial::<T, I>(std::array::from_fn(|k| x[k][i]), values[i]);
    }
}
