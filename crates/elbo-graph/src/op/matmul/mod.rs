//! Matrix products in which one side or both hold lanes.
//!
//! The one idea: a known matrix times a vector of lanes is a product of two matrices, so it runs at
//! the speed of one: tiles of the result stay in registers while what they are sums of passes by. A
//! loop is written once for any [`Side`], known or in lanes.

#![expect(
    clippy::inline_always,
    reason = "a helper must be compiled with the instruction set of the kernel that calls it"
)]

mod side;
#[cfg(test)]
mod tests;

use elbo_math::fused_or_separate;
use elbo_math::simd::Products;
use multiversion::multiversion;

use super::with_lanes;
use crate::number::Number;
use crate::op::{Operand, Values};
use side::{Side, accumulate, accumulate_either, add_to};

/// Entries of the result that share loads, where 16 numbers are 2 of AVX-512's registers: 8 sums, as many
/// as two units need that finish after four cycles.
const TILE: usize = 4;

/// The same where the lanes fill one register or less.
const NARROW_TILE: usize = 8;

/// Numbers in the widest register.
const EIGHT: usize = 8;

/// Rows that are added up apart where a single lane leaves too few sums to keep the units busy.
const PARTS: usize = 4;

/// `out = a · b`, or `out += a · b` if it `adds`.
pub(crate) fn forward<T: Number>(
    out: &mut [T],
    a: &Operand<'_, T>,
    b: &Operand<'_, T>,
    lanes: usize,
    adds: bool,
) {
    if !adds {
        out.fill(T::default());
    }
    let (inner, cols) = (b.shape.rows, b.shape.cols);
    with_lanes!(
        lanes,
        product_of::<T, W>(out, a.values, b.values, inner, cols)
    );
}

/// Adds `adjoint · bᵀ` to the adjoint of `a`, which holds lanes.
pub(crate) fn backward_a<T: Number>(
    gradient: &mut [T],
    adjoint: &[T],
    b: &Operand<'_, T>,
    lanes: usize,
) {
    let (inner, cols) = (b.shape.rows, b.shape.cols);
    with_lanes!(
        lanes,
        left_of::<T, W>(gradient, adjoint, b.values, inner, cols)
    );
}

/// Adds `aᵀ · adjoint` to the adjoint of `b`, which holds lanes.
pub(crate) fn backward_b<T: Number>(
    gradient: &mut [T],
    adjoint: &[T],
    a: &Operand<'_, T>,
    cols: usize,
    lanes: usize,
) {
    let inner = a.shape.cols;
    with_lanes!(
        lanes,
        right_of::<T, W>(gradient, adjoint, a.values, inner, cols)
    );
}

#[multiversion(targets(
    "x86_64+avx512f+avx512dq+avx512vl+fma",
    "x86_64+avx2+fma",
    "aarch64+neon"
))]
fn product_of<T: Number, const W: usize>(
    out: &mut [T],
    a: Values<'_, T>,
    b: Values<'_, T>,
    inner: usize,
    cols: usize,
) {
    let (out, _) = out.as_chunks_mut::<W>();
    match (a, b) {
        (Values::Data(a), Values::Lanes(b)) => {
            let (b, _) = b.as_chunks::<W>();
            fused_or_separate!(product::<_, _, T, W>(out, a, b, inner, cols));
        }
        (Values::Lanes(a), Values::Data(b)) => {
            let (a, _) = a.as_chunks::<W>();
            fused_or_separate!(product::<_, _, T, W>(out, a, b, inner, cols));
        }
        (Values::Lanes(a), Values::Lanes(b)) => {
            let ((a, _), (b, _)) = (a.as_chunks::<W>(), b.as_chunks::<W>());
            fused_or_separate!(product::<_, _, T, W>(out, a, b, inner, cols));
        }
        (Values::Data(_), Values::Data(_)) => unreachable!("known products are folded"),
    }
}

#[multiversion(targets(
    "x86_64+avx512f+avx512dq+avx512vl+fma",
    "x86_64+avx2+fma",
    "aarch64+neon"
))]
fn left_of<T: Number, const W: usize>(
    gradient: &mut [T],
    adjoint: &[T],
    b: Values<'_, T>,
    inner: usize,
    cols: usize,
) {
    let ((gradient, _), (adjoint, _)) = (gradient.as_chunks_mut::<W>(), adjoint.as_chunks::<W>());
    match b {
        Values::Data(b) => {
            fused_or_separate!(left::<_, T, W>(gradient, adjoint, b, inner, cols));
        }
        Values::Lanes(b) => {
            let (b, _) = b.as_chunks::<W>();
            fused_or_separate!(left::<_, T, W>(gradient, adjoint, b, inner, cols));
        }
    }
}

#[multiversion(targets(
    "x86_64+avx512f+avx512dq+avx512vl+fma",
    "x86_64+avx2+fma",
    "aarch64+neon"
))]
fn right_of<T: Number, const W: usize>(
    gradient: &mut [T],
    adjoint: &[T],
    a: Values<'_, T>,
    inner: usize,
    cols: usize,
) {
    let ((gradient, _), (adjoint, _)) = (gradient.as_chunks_mut::<W>(), adjoint.as_chunks::<W>());
    match a {
        Values::Data(a) => {
            fused_or_separate!(right::<_, T, W>(gradient, adjoint, a, inner, cols));
        }
        Values::Lanes(a) => {
            let (a, _) = a.as_chunks::<W>();
            fused_or_separate!(right::<_, T, W>(gradient, adjoint, a, inner, cols));
        }
    }
}

/// `out_rm += Σ_k a_rk b_km`.
#[inline(always)]
fn product<P: Products, A: Side<T, W>, B: Side<T, W>, T: Number, const W: usize>(
    out: &mut [[T; W]],
    a: A,
    b: B,
    inner: usize,
    cols: usize,
) {
    if W == 1 && cols == 1 && inner >= EIGHT {
        let b = b.part(0, inner);
        for (r, out) in out.iter_mut().enumerate() {
            add_to(
                out,
                dot::<P, _, _, T, W>(a.part(r * inner, inner), b, inner),
            );
        }
    } else if W <= EIGHT {
        by_tiles::<P, A, B, T, W, NARROW_TILE>(out, a, b, inner, cols);
    } else {
        by_tiles::<P, A, B, T, W, TILE>(out, a, b, inner, cols);
    }
}

/// [`product`], a tile of `R` rows at a time.
#[inline(always)]
fn by_tiles<
    P: Products,
    A: Side<T, W>,
    B: Side<T, W>,
    T: Number,
    const W: usize,
    const R: usize,
>(
    out: &mut [[T; W]],
    a: A,
    b: B,
    inner: usize,
    cols: usize,
) {
    let rows = out.len() / cols;
    let b = b.part(0, inner * cols);
    for first in (0..rows - rows % R).step_by(R) {
        // Not `from_fn`, whose closure is then called and not inlined.
        let row = a.part(first * inner, inner);
        let mut tile = [row; R];
        for (r, row) in tile.iter_mut().enumerate() {
            *row = a.part((first + r) * inner, inner);
        }
        for m in 0..cols {
            let mut sums = [[T::default(); W]; R];
            for k in 0..inner {
                for r in 0..R {
                    let at = ((tile[r], k), (b, k * cols + m));
                    accumulate_either::<P, A, B, T, W>(&mut sums[r], at.0, at.1);
                }
            }
            for r in 0..R {
                add_to(&mut out[(first + r) * cols + m], sums[r]);
            }
        }
    }
    for r in rows - rows % R..rows {
        let row = a.part(r * inner, inner);
        for m in 0..cols {
            let mut sum = [T::default(); W];
            for k in 0..inner {
                accumulate_either::<P, A, B, T, W>(&mut sum, (row, k), (b, k * cols + m));
            }
            add_to(&mut out[r * cols + m], sum);
        }
    }
}

/// `Σ a_k b_k` in eight partial sums, for a single lane.
#[inline(always)]
fn dot<P: Products, A: Side<T, W>, B: Side<T, W>, T: Number, const W: usize>(
    a: A,
    b: B,
    n: usize,
) -> [T; W] {
    let mut sums = [[T::default(); W]; EIGHT];
    for first in (0..n - n % EIGHT).step_by(EIGHT) {
        let (a, b) = (a.part(first, EIGHT), b.part(first, EIGHT));
        for i in 0..EIGHT {
            accumulate_either::<P, A, B, T, W>(&mut sums[i], (a, i), (b, i));
        }
    }
    let mut sum = [T::default(); W];
    for part in sums {
        add_to(&mut sum, part);
    }
    for k in n - n % EIGHT..n {
        accumulate_either::<P, A, B, T, W>(&mut sum, (a, k), (b, k));
    }
    sum
}

/// `gradient_rk += Σ_m adjoint_rm b_km`.
#[inline(always)]
fn left<P: Products, B: Side<T, W>, T: Number, const W: usize>(
    gradient: &mut [[T; W]],
    adjoint: &[[T; W]],
    b: B,
    inner: usize,
    cols: usize,
) {
    let rows = gradient.chunks_exact_mut(inner);
    for (gradient, adjoint) in rows.zip(adjoint.chunks_exact(cols)) {
        for (k, gradient) in gradient.iter_mut().enumerate() {
            let b = b.part(k * cols, cols);
            let mut sum = [T::default(); W];
            for m in 0..cols {
                accumulate::<P, B, T, W>(&mut sum, (b, m), adjoint[m]);
            }
            add_to(gradient, sum);
        }
    }
}

/// `gradient_km += Σ_r a_rk adjoint_rm`: a tile of rows `k` at a time.
#[inline(always)]
fn right<P: Products, A: Side<T, W>, T: Number, const W: usize>(
    gradient: &mut [[T; W]],
    adjoint: &[[T; W]],
    a: A,
    inner: usize,
    cols: usize,
) {
    if W == 1 && cols == 1 && inner > EIGHT {
        along_rows::<P, A, T, W>(gradient, adjoint, a);
        return;
    }
    for m in 0..cols {
        let mut k = 0;
        while k < inner {
            let at = ((k, inner), (m, cols));
            k += if W == 1 {
                tile_of_columns::<P, A, T, W, PARTS>(gradient, adjoint, a, at)
            } else {
                tile_of_columns::<P, A, T, W, 1>(gradient, adjoint, a, at)
            };
        }
    }
}

/// [`right`] for a single lane and column: a row's entries lie side by side and make the vectors.
#[inline(always)]
fn along_rows<P: Products, A: Side<T, W>, T: Number, const W: usize>(
    gradient: &mut [[T; W]],
    adjoint: &[[T; W]],
    a: A,
) {
    let inner = gradient.len();
    let (tiles, rest) = adjoint.as_chunks::<PARTS>();
    for (t, adjoint) in tiles.iter().enumerate() {
        let first = t * PARTS * inner;
        let mut rows = [a.part(first, inner); PARTS];
        for (r, row) in rows.iter_mut().enumerate() {
            *row = a.part(first + r * inner, inner);
        }
        for k in 0..inner {
            let mut sum = gradient[k];
            for r in 0..PARTS {
                accumulate::<P, A, T, W>(&mut sum, (rows[r], k), adjoint[r]);
            }
            gradient[k] = sum;
        }
    }
    let done = tiles.len() * PARTS;
    for (r, adjoint) in rest.iter().enumerate() {
        let row = a.part((done + r) * inner, inner);
        for k in 0..inner {
            accumulate::<P, A, T, W>(&mut gradient[k], (row, k), *adjoint);
        }
    }
}

/// [`columns`] for as many rows as make a tile; gives their number.
#[inline(always)]
fn tile_of_columns<P: Products, A: Side<T, W>, T: Number, const W: usize, const R: usize>(
    gradient: &mut [[T; W]],
    adjoint: &[[T; W]],
    a: A,
    at: ((usize, usize), (usize, usize)),
) -> usize {
    let ((k, inner), _) = at;
    // A single row last would wait for its own additions: five are taken together.
    match inner - k {
        1 => columns::<P, A, T, W, 1, R>(gradient, adjoint, a, at),
        2 => columns::<P, A, T, W, 2, R>(gradient, adjoint, a, at),
        3 => columns::<P, A, T, W, 3, R>(gradient, adjoint, a, at),
        5 => columns::<P, A, T, W, 5, R>(gradient, adjoint, a, at),
        _ => columns::<P, A, T, W, TILE, R>(gradient, adjoint, a, at),
    }
}

/// [`right`] for `K` rows from `k` on and column `m`, added up in `R` parts; gives `K`.
#[inline(always)]
fn columns<
    P: Products,
    A: Side<T, W>,
    T: Number,
    const W: usize,
    const K: usize,
    const R: usize,
>(
    gradient: &mut [[T; W]],
    adjoint: &[[T; W]],
    a: A,
    ((k, inner), (m, cols)): ((usize, usize), (usize, usize)),
) -> usize {
    let rows = adjoint.len() / cols;
    let mut sums = [[[T::default(); W]; K]; R];
    for first in (0..rows - rows % R).step_by(R) {
        for part in 0..R {
            let r = first + part;
            let a = a.part(r * inner + k, K);
            for j in 0..K {
                accumulate::<P, A, T, W>(&mut sums[part][j], (a, j), adjoint[r * cols + m]);
            }
        }
    }
    for r in rows - rows % R..rows {
        let a = a.part(r * inner + k, K);
        for j in 0..K {
            accumulate::<P, A, T, W>(&mut sums[0][j], (a, j), adjoint[r * cols + m]);
        }
    }
    for part in sums {
        for (j, sum) in part.into_iter().enumerate() {
            add_to(&mut gradient[(k + j) * cols + m], sum);
        }
    }
    K
}
