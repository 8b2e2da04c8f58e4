//! Terms: values summed over rows, with the adjoints of all arguments, in one pass.
//!
//! The one idea: what is the same for all rows stays in registers, and so do its adjoints; nothing is
//! repeated in memory only to be read again. Logarithms of factors between 1 and 2, of which a logistic
//! density has one in each row, are that of a product. Deliberately absent: repetition along
//! columns, for which the strips of [`crate::op::pointwise`] are.

use multiversion::{multiversion, target::target_cfg_f};

use super::Pointwise;
use crate::number::Number;

/// The most arguments that such a function has.
pub(crate) const MOST_TERM_ARGS: usize = 4;

/// Rows whose factors are multiplied before a logarithm is taken: none is above 2.
const FACTORS: usize = 512;

/// A density that is mostly summed over rows.
pub(crate) trait Term<const N: usize>: Pointwise<N> {
    /// Whether its addends have factors other than 1.
    const IS_FACTORED: bool = false;

    /// The value, and the derivative with respect to each argument.
    fn value_and_partials<T: Number>(x: [T; N]) -> (Addend<T>, [T; N]);
}

/// What a row adds to the sum: `value − log factor`, where the factor lies between 1 and 2. The sum of
/// the logarithms is that of a product, one for many rows.
pub(crate) struct Addend<T> {
    pub value: T,
    pub factor: T,
}

impl<T: Number> From<T> for Addend<T> {
    fn from(value: T) -> Self {
        let factor = T::constant(1.0);
        Self { value, factor }
    }
}

/// Where an argument's numbers come from.
#[derive(Clone, Copy)]
pub(crate) enum Source<'a, T, const W: usize> {
    /// One for all rows.
    Common([T; W]),
    /// One for each row.
    Rows(&'a [[T; W]]),
    /// One for each row, and the same in all lanes.
    Known(&'a [f64]),
}

/// Where an argument's adjoint goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sink {
    Nowhere,
    /// Into the sum over all rows.
    Common,
    /// Into each row's own.
    Rows,
}

/// Rows of a term, and what is added up.
pub(crate) struct Sums<'a, T, const W: usize> {
    pub n: usize,
    pub sources: [Source<'a, T, W>; MOST_TERM_ARGS],
    pub sinks: [Sink; MOST_TERM_ARGS],
    /// The adjoint of every value.
    pub scale: f64,
    /// Of the values.
    pub values: [T; W],
    /// Of the derivatives with respect to common arguments, not yet times the scale.
    pub common: [[T; W]; MOST_TERM_ARGS],
    /// The adjoint of the argument that has one for each row; there is at most one such.
    pub rows: &'a mut [[T; W]],
}

/// Adds all rows up; without `derivatives`, their values alone.
pub(super) fn add_up<F: Term<N>, T: Number, const N: usize, const W: usize>(
    sums: &mut Sums<'_, T, W>,
    derivatives: bool,
) {
    if derivatives {
        add_rows::<F, T, N, W, true>(sums);
    } else {
        add_rows::<F, T, N, W, false>(sums);
    }
}

#[multiversion(targets(
    "x86_64+avx512f+avx512dq+avx512vl+fma",
    "x86_64+avx2+fma",
    "aarch64+neon"
))]
fn add_rows<F: Term<N>, T: Number, const N: usize, const W: usize, const DERIVATIVES: bool>(
    sums: &mut Sums<'_, T, W>,
) {
    let mut values = [T::default(); W];
    let mut factors = [T::constant(1.0); W];
    let mut common = [[T::default(); W]; N];
    for i in 0..sums.n {
        let mut x = [[T::default(); W]; N];
        for k in 0..N {
            x[k] = match sums.sources[k] {
                Source::Common(value) => value,
                Source::Rows(rows) => rows[i],
                Source::Known(rows) => [T::constant(rows[i]); W],
            };
        }
        let mut partials = [[T::default(); W]; N];
        for l in 0..W {
            if target_cfg_f!(any(target_feature = "fma", target_arch = "aarch64")) {
                let mut at = [T::default().fuse(); N];
                for k in 0..N {
                    at[k] = x[k][l].fuse();
                }
                let (addend, by) = F::value_and_partials(at);
                values[l] += T::unfuse(addend.value);
                factors[l] = factors[l] * T::unfuse(addend.factor);
                for k in 0..N {
                    partials[k][l] = T::unfuse(by[k]);
                }
            } else {
                let mut at = [T::default(); N];
                for k in 0..N {
                    at[k] = x[k][l];
                }
                let (addend, by) = F::value_and_partials(at);
                values[l] += addend.value;
                factors[l] = factors[l] * addend.factor;
                for k in 0..N {
                    partials[k][l] = by[k];
                }
            }
        }
        if F::IS_FACTORED && i % FACTORS == FACTORS - 1 {
            take_logarithms(&mut values, &mut factors);
        }
        if !DERIVATIVES {
            continue;
        }
        for k in 0..N {
            match sums.sinks[k] {
                Sink::Nowhere => {}
                Sink::Common => {
                    for l in 0..W {
                        common[k][l] += partials[k][l];
                    }
                }
                Sink::Rows => {
                    let row = &mut sums.rows[i];
                    for l in 0..W {
                        row[l] += partials[k][l].times(sums.scale);
                    }
                }
            }
        }
    }
    if F::IS_FACTORED {
        take_logarithms(&mut values, &mut factors);
    }
    sums.values = values;
    sums.common[..N].copy_from_slice(&common);
}

/// Takes the factors' logarithms off the values.
#[inline(always)]
fn take_logarithms<T: Number, const W: usize>(values: &mut [T; W], factors: &mut [T; W]) {
    for (value, factor) in values.iter_mut().zip(factors) {
        *value = *value - factor.ln();
        *factor = T::constant(1.0);
    }
}
