//! The loops that apply a [`Pointwise`] function to slices, compiled for several instruction sets.
//!
//! Each number of arguments has loops of its own: over an array of slices the compiler does not
//! vectorise. Deliberately absent: which function, and where the slices lie.

use multiversion::{multiversion, target::target_cfg_f};

use super::Pointwise;
use crate::number::{Number, fused};

/// The loops for a number of arguments.
macro_rules! kernels {
    ($($n:literal $forward:ident $backward:ident: $($x:ident $k:literal),+;)+) => {
        $(
            /// `out_i = f(x_i)`.
            #[multiversion(targets(
                "x86_64+avx512f+avx512dq+avx512vl+fma",
                "x86_64+avx2+fma",
                "aarch64+neon"
            ))]
            pub(super) fn $forward<F: Pointwise<$n>, T: Number>(out: &mut [T], x: &[&[T]]) {
                // Equal lengths, known to the compiler, leave no bounds checks in the loop.
                let n = out.len();
                $(let $x = &x[$k][..n];)+
                for i in 0..n {
                    $(let $x = $x[i];)+
                    out[i] = fused!(T, |$($x),+| F::value([$($x),+]));
                }
            }

            /// `out_i += adjoint_i ∂f/∂x_I`.
            #[multiversion(targets(
                "x86_64+avx512f+avx512dq+avx512vl+fma",
                "x86_64+avx2+fma",
                "aarch64+neon"
            ))]
            pub(super) fn $backward<F: Pointwise<$n>, T: Number, const I: usize>(
                out: &mut [T],
                adjoint: &[T],
                values: &[T],
                x: &[&[T]],
            ) {
                let n = out.len();
                let (adjoint, values) = (&adjoint[..n], &values[..n]);
                $(let $x = &x[$k][..n];)+
                for i in 0..n {
                    $(let $x = $x[i];)+
                    let y = values[i];
                    out[i] += adjoint[i] * fused!(T, |$($x,)+ y| F::partial::<_, I>([$($x),+], y));
                }
            }
        )+
    };
}

kernels! {
    1 forward_1 backward_1: a 0;
    2 forward_2 backward_2: a 0, b 1;
    3 forward_3 backward_3: a 0, b 1, c 2;
    4 forward_4 backward_4: a 0, b 1, c 2, d 3;
    5 forward_5 backward_5: a 0, b 1, c 2, d 3, e 4;
}

/// The loops for a value and a derivative together, which functions of fewer arguments have.
macro_rules! both_kernels {
    ($($n:literal $both:ident: $($x:ident $k:literal),+;)+) => {
        $(
            /// `out_i = f(x_i)` and `partial_i = ∂f/∂x_I`.
            #[multiversion(targets(
                "x86_64+avx512f+avx512dq+avx512vl+fma",
                "x86_64+avx2+fma",
                "aarch64+neon"
            ))]
            pub(super) fn $both<F: Pointwise<$n>, T: Number, const I: usize>(
                out: &mut [T],
                partial: &mut [T],
                x: &[&[T]],
            ) {
                let n = out.len();
                let partial = &mut partial[..n];
                $(let $x = &x[$k][..n];)+
                for i in 0..n {
                    $(let $x = $x[i];)+
                    (out[i], partial[i]) = fused!(
                        T,
                        |$($x),+| pair F::value_and_partial::<_, I>([$($x),+])
                    );
                }
            }
        )+
    };
}

both_kernels! {
    1 both_1: a 0;
    2 both_2: a 0, b 1;
    3 both_3: a 0, b 1, c 2;
    4 both_4: a 0, b 1, c 2, d 3;
}

/// The forward loop for a number of arguments.
macro_rules! forward {
    (1, $f:ty, $t:ty, $($arg:expr),+) => { kernel::forward_1::<$f, $t>($($arg),+) };
    (2, $f:ty, $t:ty, $($arg:expr),+) => { kernel::forward_2::<$f, $t>($($arg),+) };
    (3, $f:ty, $t:ty, $($arg:expr),+) => { kernel::forward_3::<$f, $t>($($arg),+) };
    (4, $f:ty, $t:ty, $($arg:expr),+) => { kernel::forward_4::<$f, $t>($($arg),+) };
    (5, $f:ty, $t:ty, $($arg:expr),+) => { kernel::forward_5::<$f, $t>($($arg),+) };
}

/// The loop for a value and a derivative, for a number of arguments.
macro_rules! both {
    (1, $f:ty, $t:ty, $i:literal, $($arg:expr),+) => { kernel::both_1::<$f, $t, $i>($($arg),+) };
    (2, $f:ty, $t:ty, $i:literal, $($arg:expr),+) => { kernel::both_2::<$f, $t, $i>($($arg),+) };
    (3, $f:ty, $t:ty, $i:literal, $($arg:expr),+) => { kernel::both_3::<$f, $t, $i>($($arg),+) };
    (4, $f:ty, $t:ty, $i:literal, $($arg:expr),+) => { kernel::both_4::<$f, $t, $i>($($arg),+) };
}

/// The backward loop for a number of arguments.
macro_rules! backward {
    (1, $f:ty, $t:ty, $i:literal, $($arg:expr),+) => { kernel::backward_1::<$f, $t, $i>($($arg),+) };
    (2, $f:ty, $t:ty, $i:literal, $($arg:expr),+) => { kernel::backward_2::<$f, $t, $i>($($arg),+) };
    (3, $f:ty, $t:ty, $i:literal, $($arg:expr),+) => { kernel::backward_3::<$f, $t, $i>($($arg),+) };
    (4, $f:ty, $t:ty, $i:literal, $($arg:expr),+) => { kernel::backward_4::<$f, $t, $i>($($arg),+) };
    (5, $f:ty, $t:ty, $i:literal, $($arg:expr),+) => { kernel::backward_5::<$f, $t, $i>($($arg),+) };
}

pub(super) use {backward, both, forward};
