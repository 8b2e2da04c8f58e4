//! Matrix products in which one side or both hold lanes.
//!
//! The one idea: a known matrix times a vector of lanes is a product of two matrices, so it runs at
//! the speed of one: tiles of the result stay in registers while what they are sums of passes by. A
//! loop is written once for any [`Side`], known or in lanes.

#![expect(
    clippy::inline_always,
    reason = "a helper must be compiled with the instruction set of the kernel that calls it"
)]

use elbo_math::fused_or_separate;
use elbo_math::simd::Products;
use multiversion::multiversion;

use super::with_lanes;
use crate::number::Number;
use crate::op::{Operand, Values};

/// Entries of the result that share loads: 4 × 16 numbers fill 8 of AVX-512's registers.
const TILE: usize = 4;

/// A matrix's entries, as numbers in every lane.
trait Side<T, const W: usize>: Copy {
    /// Entries `first..first + n`.
    fn part(self, first: usize, n: usize) -> Self;

    /// Entry `i`.
    fn at(self, i: usize) -> [T; W];
}

impl<T: Number, const W: usize> Side<T, W> for &[f64] {
    #[inline(always)]
    fn part(self, first: usize, n: usize) -> Self {
        &self[first..first + n]
    }

    #[inline(always)]
    fn at(self, i: usize) -> [T; W] {
        [T::constant(self[i]); W]
    }
}

impl<T: Number, const W: usize> Side<T, W> for &[[T; W]] {
    #[inline(always)]
    fn part(self, first: usize, n: usize) -> Self {
        &self[first..first + n]
    }

    #[inline(always)]
    fn at(self, i: usize) -> [T; W] {
        self[i]
    }
}

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

/// `sum_l += a_l b_l`.
#[inline(always)]
fn accumulate<P: Products, T: Number, const W: usize>(sum: &mut [T; W], a: [T; W], b: [T; W]) {
    for l in 0..W {
        sum[l] = a[l].mul_add::<P>(b[l], sum[l]);
    }
}

#[inline(always)]
fn add_to<T: Number, const W: usize>(out: &mut [T; W], part: [T; W]) {
    for l in 0..W {
        out[l] += part[l];
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
    if W == 1 && cols == 1 {
        let b = b.part(0, inner);
        for (r, out) in out.iter_mut().enumerate() {
            add_to(
                out,
                dot::<P, _, _, T, W>(a.part(r * inner, inner), b, inner),
            );
        }
        return;
    }
    let rows = out.len() / cols;
    let b = b.part(0, inner * cols);
    for first in (0..rows - rows % TILE).step_by(TILE) {
        // Not `from_fn`, whose closure is then called and not inlined.
        let row = a.part(first * inner, inner);
        let mut tile = [row; TILE];
        for (r, row) in tile.iter_mut().enumerate() {
            *row = a.part((first + r) * inner, inner);
        }
        for m in 0..cols {
            let mut sums = [[T::default(); W]; TILE];
            for k in 0..inner {
                let b = b.at(k * cols + m);
                for r in 0..TILE {
                    accumulate::<P, T, W>(&mut sums[r], tile[r].at(k), b);
                }
            }
            for r in 0..TILE {
                add_to(&mut out[(first + r) * cols + m], sums[r]);
            }
        }
    }
    for r in rows - rows % TILE..rows {
        let row = a.part(r * inner, inner);
        for m in 0..cols {
            let mut sum = [T::default(); W];
            for k in 0..inner {
                accumulate::<P, T, W>(&mut sum, row.at(k), b.at(k * cols + m));
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
    const PARTS: usize = 8;
    let mut sums = [[T::default(); W]; PARTS];
    for first in (0..n - n % PARTS).step_by(PARTS) {
        let (a, b) = (a.part(first, PARTS), b.part(first, PARTS));
        for i in 0..PARTS {
            accumulate::<P, T, W>(&mut sums[i], a.at(i), b.at(i));
        }
    }
    let mut sum = [T::default(); W];
    for part in sums {
        add_to(&mut sum, part);
    }
    for k in n - n % PARTS..n {
        accumulate::<P, T, W>(&mut sum, a.at(k), b.at(k));
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
                accumulate::<P, T, W>(&mut sum, adjoint[m], b.at(m));
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
    if W == 1 && cols == 1 {
        for (r, adjoint) in adjoint.iter().enumerate() {
            let row = a.part(r * inner, inner);
            for (k, gradient) in gradient.iter_mut().enumerate() {
                accumulate::<P, T, W>(gradient, row.at(k), *adjoint);
            }
        }
        return;
    }
    for m in 0..cols {
        let mut k = 0;
        while k < inner {
            let at = ((k, inner), (m, cols));
            // A single row last would wait for its own additions: five are taken together.
            k += match inner - k {
                1 => columns::<P, A, T, W, 1>(gradient, adjoint, a, at),
                2 => columns::<P, A, T, W, 2>(gradient, adjoint, a, at),
                3 => columns::<P, A, T, W, 3>(gradient, adjoint, a, at),
                5 => columns::<P, A, T, W, 5>(gradient, adjoint, a, at),
                _ => columns::<P, A, T, W, TILE>(gradient, adjoint, a, at),
            };
        }
    }
}

/// [`right`] for `K` rows from `k` on and column `m`; gives `K`.
#[inline(always)]
fn columns<P: Products, A: Side<T, W>, T: Number, const W: usize, const K: usize>(
    gradient: &mut [[T; W]],
    adjoint: &[[T; W]],
    a: A,
    ((k, inner), (m, cols)): ((usize, usize), (usize, usize)),
) -> usize {
    let mut sums = [[T::default(); W]; K];
    for (r, adjoint) in adjoint.chunks_exact(cols).enumerate() {
        let a = a.part(r * inner + k, K);
        for j in 0..K {
            accumulate::<P, T, W>(&mut sums[j], a.at(j), adjoint[m]);
        }
    }
    for (j, sum) in sums.into_iter().enumerate() {
        add_to(&mut gradient[(k + j) * cols + m], sum);
    }
    K
}
