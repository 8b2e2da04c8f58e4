//! Functions of a few numbers that give one, applied entry by entry; densities are among them.
//!
//! The one idea: a function is its value and its partial derivatives, written once over
//! [`Number`], plus a row in the table below. Kernels, adjoints, second derivatives, constant folding
//! and the conformance tests follow from the row. Each argument's adjoint is a loop of its own, so a
//! derivative with respect to data is never computed. Deliberately absent: shapes and broadcasting
//! (kernels see slices of one length).

#![expect(
    clippy::inline_always,
    reason = "a function that is not inlined into its loop cannot be vectorised"
)]

mod elementary;
mod kernel;

use crate::number::Number;

/// A function of `N` numbers.
pub(crate) trait Pointwise<const N: usize> {
    /// The value at `x`.
    fn value<T: Number>(x: [T; N]) -> T;

    /// The derivative with respect to `x[I]`; `y` is the value at `x`.
    fn partial<T: Number, const I: usize>(x: [T; N], y: T) -> T;

    /// Whether a value and a partial derivative together cost much less than one after the other.
    const SHARES: bool = false;

    /// The value, and the derivative with respect to `x[I]`.
    #[inline(always)]
    fn value_and_partial<T: Number, const I: usize>(x: [T; N]) -> (T, T) {
        let y = Self::value(x);
        (y, Self::partial::<T, I>(x, y))
    }
}

/// Declares [`Function`] and its dispatch from rows `Variant "name" arity`.
macro_rules! functions {
    ($($module:ident: $($variant:ident $name:literal $arity:tt [$($index:literal)*]),+ $(,)?;)+) => {
        /// A pointwise function, by name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Function {
            $($(
                #[doc = concat!("`", $name, "`, with ", $arity, " argument(s).")]
                $variant,
            )+)+
        }

        impl Function {
            /// Every function.
            pub const ALL: &[Self] = &[$($(Self::$variant,)+)+];

            /// The name, as Stan writes it where Stan has the function.
            pub const fn name(self) -> &'static str {
                match self {
                    $($(Self::$variant => $name,)+)+
                }
            }

            /// The number of arguments.
            pub const fn arity(self) -> usize {
                match self {
                    $($(Self::$variant => $arity,)+)+
                }
            }

            /// `out_i = f(args_i)`; all slices have one length.
            pub(crate) fn forward<T: Number>(self, out: &mut [T], args: &[&[T]]) {
                match self {
                    $($(Self::$variant => {
                        kernel::forward!($arity, $module::$variant, T, out, args);
                    })+)+
                }
            }

            /// Whether [`forward_with_partial`](Self::forward_with_partial) is worth its memory.
            pub(crate) const fn shares(self) -> bool {
                match self {
                    $($(Self::$variant => {
                        <$module::$variant as Pointwise<$arity>>::SHARES
                    })+)+
                }
            }

            /// `out_i = f(args_i)` and `partial_i = ∂f/∂args[which]`.
            pub(crate) fn forward_with_partial<T: Number>(
                self,
                which: usize,
                out: &mut [T],
                partial: &mut [T],
                args: &[&[T]],
            ) {
                match self {
                    $($(Self::$variant => match which {
                        $($index => kernel::both!(
                            $arity, $module::$variant, T, $index, out, partial, args
                        ),)*
                        _ => unreachable!("{} has {} arguments", $name, $arity),
                    },)+)+
                }
            }

            /// `out_i += adjoint_i ∂f/∂args[which]`; `values` are the function's.
            pub(crate) fn backward<T: Number>(
                self,
                which: usize,
                out: &mut [T],
                adjoint: &[T],
                values: &[T],
                args: &[&[T]],
            ) {
                match self {
                    $($(Self::$variant => match which {
                        $($index => kernel::backward!(
                            $arity, $module::$variant, T, $index, out, adjoint, values, args
                        ),)*
                        _ => unreachable!("{} has {} arguments", $name, $arity),
                    },)+)+
                }
            }
        }
    };
}

functions! {
    elementary:
        Negate "negate" 1 [0],
        Exp "exp" 1 [0],
        Log "log" 1 [0],
        Log1p "log1p" 1 [0],
        Expm1 "expm1" 1 [0],
        Sqrt "sqrt" 1 [0],
        Square "square" 1 [0],
        Inverse "inv" 1 [0],
        Abs "abs" 1 [0],
        InvLogit "inv_logit" 1 [0],
        Logit "logit" 1 [0],
        Log1pExp "log1p_exp" 1 [0],
        Log1mExp "log1m_exp" 1 [0],
        LogInvLogit "log_inv_logit" 1 [0],
        Add "add" 2 [0 1],
        Subtract "subtract" 2 [0 1],
        Multiply "multiply" 2 [0 1],
        Divide "divide" 2 [0 1],
        Power "pow" 2 [0 1],
        Maximum "fmax" 2 [0 1],
        Minimum "fmin" 2 [0 1],
        MultiplyAdd "fma" 3 [0 1 2];
}
