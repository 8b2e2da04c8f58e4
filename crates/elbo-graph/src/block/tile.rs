//! The innermost loops of factorisations: four rows against one, a number per lane.
//!
//! The one idea: rows are slices of arrays, one array of lanes per entry, with lengths that the
//! compiler sees are equal; then nothing is checked inside a loop. Deliberately absent: tails of fewer
//! rows, which are rare.

#![expect(
    clippy::inline_always,
    reason = "compiled with the instruction set of the kernel that calls it"
)]

use elbo_math::simd::Products;

use crate::number::Number;

// Arrays are written out: a closure given to `map` or `from_fn` is not inlined into a kernel that has an
// instruction set of its own.

/// Rows that share the loads of a matrix: 4 × 16 numbers fill 8 registers.
pub(super) const TILE: usize = 4;

/// The first `n` entries of a row.
#[inline(always)]
pub(super) fn entries<T: Number, const W: usize>(row: &[T], n: usize) -> &[[T; W]] {
    &row.as_chunks().0[..n]
}

/// The first `n` entries of each of four rows of `size` numbers.
#[inline(always)]
pub(super) fn four<T: Number, const W: usize>(
    rows: &[T],
    size: usize,
    n: usize,
) -> [&[[T; W]]; TILE] {
    [
        entries(&rows[..size], n),
        entries(&rows[size..2 * size], n),
        entries(&rows[2 * size..3 * size], n),
        entries(&rows[3 * size..4 * size], n),
    ]
}

/// As [`four`], to be written to.
#[inline(always)]
pub(super) fn four_mut<T: Number, const W: usize>(
    rows: &mut [T],
    size: usize,
    n: usize,
) -> [&mut [[T; W]]; TILE] {
    let (a, rest) = rows.split_at_mut(size);
    let (b, rest) = rest.split_at_mut(size);
    let (c, d) = rest.split_at_mut(size);
    [
        &mut a.as_chunks_mut().0[..n],
        &mut b.as_chunks_mut().0[..n],
        &mut c.as_chunks_mut().0[..n],
        &mut d.as_chunks_mut().0[..n],
    ]
}

/// `Σ_k a_k b_rk` for each row `r`.
#[inline(always)]
pub(super) fn dots<P: Products, T: Number, const W: usize>(
    a: &[[T; W]],
    [b0, b1, b2, b3]: [&[[T; W]]; TILE],
) -> [[T; W]; TILE] {
    let n = a.len();
    let (b0, b1, b2, b3) = (&b0[..n], &b1[..n], &b2[..n], &b3[..n]);
    let mut sums = [[T::default(); W]; TILE];
    for k in 0..n {
        for l in 0..W {
            sums[0][l] = a[k][l].mul_add::<P>(b0[k][l], sums[0][l]);
            sums[1][l] = a[k][l].mul_add::<P>(b1[k][l], sums[1][l]);
            sums[2][l] = a[k][l].mul_add::<P>(b2[k][l], sums[2][l]);
            sums[3][l] = a[k][l].mul_add::<P>(b3[k][l], sums[3][l]);
        }
    }
    sums
}

/// `b_rk −= a_k x_r` for each row `r`.
#[inline(always)]
pub(super) fn subtract_multiples<P: Products, T: Number, const W: usize>(
    [b0, b1, b2, b3]: [&mut [[T; W]]; TILE],
    a: &[[T; W]],
    x: &[[T; W]; TILE],
) {
    let n = a.len();
    let (b0, b1, b2, b3) = (&mut b0[..n], &mut b1[..n], &mut b2[..n], &mut b3[..n]);
    let mut minus = *x;
    for row in &mut minus {
        for entry in row {
            *entry = -*entry;
        }
    }
    for k in 0..n {
        for l in 0..W {
            b0[k][l] = a[k][l].mul_add::<P>(minus[0][l], b0[k][l]);
            b1[k][l] = a[k][l].mul_add::<P>(minus[1][l], b1[k][l]);
            b2[k][l] = a[k][l].mul_add::<P>(minus[2][l], b2[k][l]);
            b3[k][l] = a[k][l].mul_add::<P>(minus[3][l], b3[k][l]);
        }
    }
}

/// `a_k −= Σ_r x_r b_rk`.
#[inline(always)]
pub(super) fn subtract_combination<P: Products, T: Number, const W: usize>(
    a: &mut [[T; W]],
    [b0, b1, b2, b3]: [&[[T; W]]; TILE],
    x: &[[T; W]; TILE],
) {
    let n = a.len();
    let (b0, b1, b2, b3) = (&b0[..n], &b1[..n], &b2[..n], &b3[..n]);
    for k in 0..n {
        for l in 0..W {
            let first = x[0][l].mul_add::<P>(b0[k][l], x[1][l] * b1[k][l]);
            let second = x[2][l].mul_add::<P>(b2[k][l], x[3][l] * b3[k][l]);
            a[k][l] = a[k][l] - (first + second);
        }
    }
}
