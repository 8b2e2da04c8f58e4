//! The sides of a product, known or in lanes, and what one step of a sum does with an entry of each.
//!
//! Deliberately absent: which entries meet.

#![expect(
    clippy::inline_always,
    reason = "a helper must be compiled with the instruction set of the kernel that calls it"
)]

use elbo_math::simd::Products;

use crate::number::Number;

/// A matrix's entries, as numbers in every lane.
pub(super) trait Side<T, const W: usize>: Copy {
    /// Whether the numbers are the same in every lane.
    const KNOWN: bool;

    /// Entries `first..first + n`.
    fn part(self, first: usize, n: usize) -> Self;

    /// Entry `i`.
    fn at(self, i: usize) -> [T; W];

    /// Entry `i`, where it is [`KNOWN`](Self::KNOWN).
    fn known(self, i: usize) -> f64;
}

impl<T: Number, const W: usize> Side<T, W> for &[f64] {
    const KNOWN: bool = true;

    #[inline(always)]
    fn part(self, first: usize, n: usize) -> Self {
        &self[first..first + n]
    }

    #[inline(always)]
    fn at(self, i: usize) -> [T; W] {
        [T::constant(self[i]); W]
    }

    #[inline(always)]
    fn known(self, i: usize) -> f64 {
        self[i]
    }
}

impl<T: Number, const W: usize> Side<T, W> for &[[T; W]] {
    const KNOWN: bool = false;

    #[inline(always)]
    fn part(self, first: usize, n: usize) -> Self {
        &self[first..first + n]
    }

    #[inline(always)]
    fn at(self, i: usize) -> [T; W] {
        self[i]
    }

    #[inline(always)]
    fn known(self, _: usize) -> f64 {
        unreachable!("numbers in lanes")
    }
}

/// `sum_l += a_il b_l`. A number that is known has no tangent, and none is multiplied.
#[inline(always)]
pub(super) fn accumulate<P: Products, A: Side<T, W>, T: Number, const W: usize>(
    sum: &mut [T; W],
    (a, i): (A, usize),
    b: [T; W],
) {
    if A::KNOWN {
        let a = a.known(i);
        for l in 0..W {
            sum[l] = b[l].known_mul_add::<P>(a, sum[l]);
        }
        return;
    }
    let a = a.at(i);
    for l in 0..W {
        sum[l] = a[l].mul_add::<P>(b[l], sum[l]);
    }
}

/// As [`accumulate`], of two entries either of which may be known.
#[inline(always)]
pub(super) fn accumulate_either<
    P: Products,
    A: Side<T, W>,
    B: Side<T, W>,
    T: Number,
    const W: usize,
>(
    sum: &mut [T; W],
    (a, i): (A, usize),
    (b, j): (B, usize),
) {
    if B::KNOWN {
        accumulate::<P, B, T, W>(sum, (b, j), a.at(i));
    } else {
        accumulate::<P, A, T, W>(sum, (a, i), b.at(j));
    }
}

#[inline(always)]
pub(super) fn add_to<T: Number, const W: usize>(out: &mut [T; W], part: [T; W]) {
    for l in 0..W {
        out[l] += part[l];
    }
}
