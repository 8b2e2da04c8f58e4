//! Forward and backward of every operation that treats rows independently, on slices.
//!
//! The one idea: an operation sees [`Operand`]s, whatever they are (lanes of draws or plain data,
//! whole or repeated), and one output; the same code runs a whole value and a plate's block of rows.
//! Buffers hold `rows × cols × lanes` numbers, lanes innermost. Deliberately absent: where operands
//! come from ([`crate::run`]).

pub(crate) mod gather;
pub(crate) mod matmul;
pub(crate) mod pointwise;
pub(crate) mod row;
pub(crate) mod strip;

use crate::shape::Shape;

/// An input of an operation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Operand<'a, T> {
    pub values: Values<'a, T>,
    pub shape: Shape,
}

/// Numbers for every lane, or one for all.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Values<'a, T> {
    /// `entries × lanes`.
    Lanes(&'a [T]),
    /// `entries`.
    Data(&'a [f64]),
}

/// Where adjoints are added up.
pub(crate) trait Gradients<T> {
    /// That of argument `which`, laid out as the argument is; `None` if nobody asks for it.
    fn of(&mut self, which: usize) -> Option<&mut [T]>;
}

/// Calls a function with the number of lanes as a constant, which unrolls its inner loops.
macro_rules! with_lanes {
    ($lanes:expr, $function:ident :: <$t:ty, W $(, $more:tt)*> ($($arg:expr),* $(,)?)) => {
        match $lanes {
            1 => $function::<$t, 1 $(, $more)*>($($arg),*),
            2 => $function::<$t, 2 $(, $more)*>($($arg),*),
            4 => $function::<$t, 4 $(, $more)*>($($arg),*),
            8 => $function::<$t, 8 $(, $more)*>($($arg),*),
            _ => $function::<$t, 16 $(, $more)*>($($arg),*),
        }
    };
}
pub(crate) use with_lanes;
