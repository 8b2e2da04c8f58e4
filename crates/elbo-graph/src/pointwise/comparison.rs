//! Functions that are constant in pieces, whose derivatives are therefore 0, and choices.
//!
//! Truth is 1 and falsehood 0; what is not 0 is true. Deliberately absent: the derivatives that are
//! 0, which no row of the table asks for.

use super::Pointwise;
use super::define::several;
use super::elementary::indicator;
use crate::number::Number;

/// A function that is constant in pieces.
macro_rules! steps {
    ($($variant:ident $n:literal: |[$($x:ident),+]| $value:expr;)+) => {
        $(
            pub(crate) struct $variant;

            impl Pointwise<$n> for $variant {
                #[inline(always)]
                fn value<T: Number>(x: [T; $n]) -> T {
                    let [$($x),+] = x.map(Number::value);
                    T::constant(f64::from($value))
                }

                #[inline(always)]
                fn partial<T: Number, const I: usize>(_: [T; $n], _: T) -> T {
                    T::constant(0.0)
                }
            }
        )+
    };
}

steps! {
    Floor 1: |[x]| x.floor();
    Ceil 1: |[x]| x.ceil();
    Round 1: |[x]| x.round();
    Trunc 1: |[x]| x.trunc();
    Step 1: |[x]| x >= 0.0;
    IntStep 1: |[x]| x > 0.0;
    IsInf 1: |[x]| x.is_infinite();
    IsNan 1: |[x]| x.is_nan();
    Not 1: |[x]| x == 0.0;
    Equal 2: |[a, b]| a == b;
    NotEqual 2: |[a, b]| a != b;
    Less 2: |[a, b]| a < b;
    LessOrEqual 2: |[a, b]| a <= b;
    Greater 2: |[a, b]| a > b;
    GreaterOrEqual 2: |[a, b]| a >= b;
    And 2: |[a, b]| a != 0.0 && b != 0.0;
    Or 2: |[a, b]| a != 0.0 || b != 0.0;
}

several! {
    Select 3: |[condition, yes, no], y| T::select(condition.value() != 0.0, yes, no), [
        1: indicator(condition.value() != 0.0),
        2: indicator(condition.value() == 0.0)
    ];
    WhereEqual 3: |[x, a, b], y| T::select(a.value() == b.value(), x, T::constant(0.0)), [
        0: indicator(a.value() == b.value())
    ];
    WherePositive 2: |[x, slack], y| T::select(slack.value() > 0.0, x, T::constant(f64::NEG_INFINITY)), [
        0: indicator(slack.value() > 0.0)
    ];
    WhereNonNegative 2: |[x, slack], y| T::select(slack.value() >= 0.0, x, T::constant(f64::NEG_INFINITY)), [
        0: indicator(slack.value() >= 0.0)
    ];
    // From 0 to 1, with the ends and without them.
    WhereUnit 2: |[x, p], y| T::select(p.value() >= 0.0 && p.value() <= 1.0, x, T::constant(f64::NEG_INFINITY)), [
        0: indicator(p.value() >= 0.0 && p.value() <= 1.0)
    ];
    WhereOpen 2: |[x, p], y| T::select(p.value() > 0.0 && p.value() < 1.0, x, T::constant(f64::NEG_INFINITY)), [
        0: indicator(p.value() > 0.0 && p.value() < 1.0)
    ];
}
