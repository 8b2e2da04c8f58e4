//! Macros that turn a row `Name: |x, y| value, derivatives…` into a [`Pointwise`](super::Pointwise)
//! function.
//!
//! Deliberately absent: any function.

/// A function of one number from its value and derivative; `y` is the value.
macro_rules! unary {
    ($($variant:ident: |$x:ident, $y:ident| $value:expr, $derivative:expr;)+) => {
        $(
            pub(crate) struct $variant;

            impl Pointwise<1> for $variant {
                #[inline(always)]
                fn value<T: Number>([$x]: [T; 1]) -> T {
                    $value
                }

                #[inline(always)]
                fn partial<T: Number, const I: usize>([$x]: [T; 1], $y: T) -> T {
                    // A derivative is written in whichever of x and y is cheaper.
                    let _ = ($x, $y);
                    $derivative
                }
            }
        )+
    };
}
pub(super) use unary;

/// A function of one number from its value on reals and its derivative on any number.
macro_rules! real {
    ($($variant:ident: $value:expr, |$x:ident, $y:ident| $derivative:expr;)+) => {
        $(
            pub(crate) struct $variant;

            impl Pointwise<1> for $variant {
                #[inline(always)]
                fn value<T: Number>([x]: [T; 1]) -> T {
                    let value: fn(f64) -> f64 = $value;
                    let y = value(x.value());
                    x.chain(y, || Self::partial::<f64, 0>([x.value()], y))
                }

                #[inline(always)]
                fn partial<T: Number, const I: usize>([$x]: [T; 1], $y: T) -> T {
                    let _ = ($x, $y);
                    $derivative
                }
            }
        )+
    };
}
pub(super) use real;

/// A function of two numbers from its value and both derivatives.
macro_rules! binary {
    ($($variant:ident: |$a:ident, $b:ident, $y:ident| $value:expr, $first:expr, $second:expr;)+) => {
        $(
            pub(crate) struct $variant;

            impl Pointwise<2> for $variant {
                #[inline(always)]
                fn value<T: Number>([$a, $b]: [T; 2]) -> T {
                    $value
                }

                #[inline(always)]
                fn partial<T: Number, const I: usize>([$a, $b]: [T; 2], $y: T) -> T {
                    let _ = ($a, $b, $y);
                    if I == 0 { $first } else { $second }
                }
            }
        )+
    };
}
pub(super) use binary;

/// A function of two numbers from its value on reals and its derivatives on any number.
macro_rules! real_binary {
    ($($variant:ident: $value:expr, |$a:ident, $b:ident, $y:ident| $first:expr, $second:expr;)+) => {
        $(
            pub(crate) struct $variant;

            impl Pointwise<2> for $variant {
                #[inline(always)]
                fn value<T: Number>([a, b]: [T; 2]) -> T {
                    let value: fn(f64, f64) -> f64 = $value;
                    let x = [a.value(), b.value()];
                    let y = value(x[0], x[1]);
                    a.chain_two(
                        b,
                        y,
                        || Self::partial::<f64, 0>(x, y),
                        || Self::partial::<f64, 1>(x, y),
                    )
                }

                #[inline(always)]
                fn partial<T: Number, const I: usize>([$a, $b]: [T; 2], $y: T) -> T {
                    let _ = ($a, $b, $y);
                    if I == 0 { $first } else { $second }
                }
            }
        )+
    };
}
pub(super) use real_binary;

/// A function of several numbers from its value and its derivatives, in the order of the arguments.
macro_rules! several {
    ($($variant:ident $n:literal: |[$($x:ident),+], $y:ident| $value:expr, [$($index:literal: $partial:expr),+];)+) => {
        $(
            pub(crate) struct $variant;

            impl Pointwise<$n> for $variant {
                #[inline(always)]
                fn value<T: Number>([$($x),+]: [T; $n]) -> T {
                    $value
                }

                #[inline(always)]
                fn partial<T: Number, const I: usize>([$($x),+]: [T; $n], $y: T) -> T {
                    let _ = ($($x),+, $y);
                    match I {
                        $($index => $partial,)+
                        _ => T::constant(0.0),
                    }
                }
            }
        )+
    };
}
pub(super) use several;
