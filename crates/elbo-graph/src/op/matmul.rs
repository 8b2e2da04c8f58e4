//! Matrix products in which one side or both hold lanes.
//!
//! The one idea: a known matrix times a vector of lanes is a product of two matrices, so it runs at
//! the speed of one: tiles of rows by lanes stay in registers while a row of the known matrix
//! passes by. Products and sums stay separate operations, so every machine gives the same bits.

#![expect(
    clippy::inline_always,
    reason = "a helper must be compiled with the instruction set of the kernel that calls it"
)]

use multiversion::multiversion;

use super::with_lanes;
use crate::number::Number;
use crate::op::{Operand, Values};

/// Rows of the known matrix that share the loads of the lanes: 4 × 16 numbers fill 8 registers.
const TILE: usize = 4;

/// `out = a · b`.
pub(crate) fn forward<T: Number>(
    out: &mut [T],
    a: &Operand<'_, T>,
    b: &Operand<'_, T>,
    lanes: usize,
) {
    let (inner, cols) = (b.shape.rows, b.shape.cols);
    out.fill(T::default());
    match (a.values, b.values) {
        (Values::Data(a), Values::Lanes(b)) => {
            with_lanes!(lanes, data_lanes::<T, W>(out, a, b, inner, cols));
        }
        (Values::Lanes(a), Values::Data(b)) => {
            with_lanes!(lanes, lanes_data::<T, W>(out, a, b, inner, cols));
        }
        (Values::Lanes(a), Values::Lanes(b)) => {
            with_lanes!(lanes, lanes_lanes::<T, W>(out, a, b, inner, cols));
        }
        (Values::Data(_), Values::Data(_)) => unreachable!("known products are folded"),
    }
}

/// Adds `adjoint · bᵀ` to the adjoint of `a`, which holds lanes.
pub(crate) fn backward_a<T: Number>(
    gradient: &mut [T],
    adjoint: &[T],
    b: &Operand<'_, T>,
    lanes: usize,
) {
    let (inner, cols) = (b.shape.rows, b.shape.cols);
    match b.values {
        Values::Data(b) => {
            with_lanes!(
                lanes,
                lanes_data_transposed::<T, W>(gradient, adjoint, b, inner, cols)
            );
        }
        Values::Lanes(b) => {
            with_lanes!(
                lanes,
                lanes_lanes_transposed::<T, W>(gradient, adjoint, b, inner, cols)
            );
        }
    }
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
    match a.values {
        Values::Data(a) => {
            with_lanes!(
                lanes,
                data_transposed_lanes::<T, W>(gradient, adjoint, a, inner, cols)
            );
        }
        Values::Lanes(a) => {
            with_lanes!(
                lanes,
                lanes_transposed_lanes::<T, W>(gradient, adjoint, a, inner, cols)
            );
        }
    }
}

/// `out_rm += Σ_k a_rk b_km`, `a` known.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2", "aarch64+neon"))]
fn data_lanes<T: Number, const W: usize>(
    out: &mut [T],
    a: &[f64],
    b: &[T],
    inner: usize,
    cols: usize,
) {
    if W == 1 && cols == 1 {
        for (out, row) in out.iter_mut().zip(a.chunks_exact(inner)) {
            *out = dot(row, b);
        }
        return;
    }
    let tiles = out.chunks_mut(TILE * cols * W).zip(a.chunks(TILE * inner));
    for (out, a) in tiles {
        let rows = a.len() / inner;
        for m in 0..cols {
            let mut sums = [[T::default(); W]; TILE];
            if rows == TILE {
                for k in 0..inner {
                    let b = &b[(k * cols + m) * W..][..W];
                    for r in 0..TILE {
                        let a = T::constant(a[r * inner + k]);
                        for l in 0..W {
                            sums[r][l] += a * b[l];
                        }
                    }
                }
            } else {
                for r in 0..rows {
                    for k in 0..inner {
                        let a = T::constant(a[r * inner + k]);
                        for l in 0..W {
                            sums[r][l] += a * b[(k * cols + m) * W + l];
                        }
                    }
                }
            }
            for r in 0..rows {
                out[(r * cols + m) * W..][..W].copy_from_slice(&sums[r]);
            }
        }
    }
}

/// `Σ a_k b_k` in eight partial sums.
#[inline(always)]
fn dot<T: Number>(a: &[f64], b: &[T]) -> T {
    let mut sums = [T::default(); 8];
    let (a_blocks, a_rest) = a.as_chunks::<8>();
    let (b_blocks, b_rest) = b.as_chunks::<8>();
    for (a, b) in a_blocks.iter().zip(b_blocks) {
        for i in 0..8 {
            sums[i] += T::constant(a[i]) * b[i];
        }
    }
    let mut sum = T::default();
    for part in sums {
        sum += part;
    }
    for (a, b) in a_rest.iter().zip(b_rest) {
        sum += T::constant(*a) * *b;
    }
    sum
}

/// `gradient_km += Σ_r a_rk adjoint_rm`, `a` known.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2", "aarch64+neon"))]
fn data_transposed_lanes<T: Number, const W: usize>(
    gradient: &mut [T],
    adjoint: &[T],
    a: &[f64],
    inner: usize,
    cols: usize,
) {
    if W == 1 && cols == 1 {
        for (adjoint, row) in adjoint.iter().zip(a.chunks_exact(inner)) {
            for (g, a) in gradient.iter_mut().zip(row) {
                *g += T::constant(*a) * *adjoint;
            }
        }
        return;
    }
    for m in 0..cols {
        for k in 0..inner {
            let sum = column_times::<T, W>(adjoint, a, (k, inner), (m, cols));
            add_to(&mut gradient[(k * cols + m) * W..][..W], &sum);
        }
    }
}

/// `Σ_r a_rk adjoint_rm`, even and odd rows apart: one sum alone would wait for its own additions.
///
/// Tiles over `k` gain nothing, since the block's adjoints lie in the nearest cache; and side by side
/// the compiler vectorises over `k`, with gathers.
#[inline(always)]
fn column_times<T: Number, const W: usize>(
    adjoint: &[T],
    a: &[f64],
    (k, inner): (usize, usize),
    (m, cols): (usize, usize),
) -> [T; W] {
    let (mut even, mut odd) = ([T::default(); W], [T::default(); W]);
    let stride = cols * W;
    let rows = adjoint.len() / stride;
    for r in (0..rows - rows % 2).step_by(2) {
        let (a0, a1) = (
            T::constant(a[r * inner + k]),
            T::constant(a[(r + 1) * inner + k]),
        );
        let x0 = &adjoint[r * stride + m * W..][..W];
        let x1 = &adjoint[(r + 1) * stride + m * W..][..W];
        for l in 0..W {
            even[l] += a0 * x0[l];
            odd[l] += a1 * x1[l];
        }
    }
    if rows % 2 == 1 {
        let a0 = T::constant(a[(rows - 1) * inner + k]);
        let x0 = &adjoint[(rows - 1) * stride + m * W..][..W];
        for l in 0..W {
            even[l] += a0 * x0[l];
        }
    }
    for l in 0..W {
        even[l] += odd[l];
    }
    even
}

#[inline(always)]
fn add_to<T: Number>(out: &mut [T], part: &[T]) {
    for (o, p) in out.iter_mut().zip(part) {
        *o += *p;
    }
}

/// `out_rm += Σ_k a_rk b_km`, `b` known.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2", "aarch64+neon"))]
fn lanes_data<T: Number, const W: usize>(
    out: &mut [T],
    a: &[T],
    b: &[f64],
    inner: usize,
    cols: usize,
) {
    for (out, a) in out
        .chunks_exact_mut(cols * W)
        .zip(a.chunks_exact(inner * W))
    {
        for (m, out) in out.chunks_exact_mut(W).enumerate() {
            for (k, a) in a.chunks_exact(W).enumerate() {
                let b = T::constant(b[k * cols + m]);
                for l in 0..W {
                    out[l] += a[l] * b;
                }
            }
        }
    }
}

/// `gradient_rk += Σ_m adjoint_rm b_km`, `b` known.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2", "aarch64+neon"))]
fn lanes_data_transposed<T: Number, const W: usize>(
    gradient: &mut [T],
    adjoint: &[T],
    b: &[f64],
    inner: usize,
    cols: usize,
) {
    let rows = gradient
        .chunks_exact_mut(inner * W)
        .zip(adjoint.chunks_exact(cols * W));
    for (gradient, adjoint) in rows {
        for (k, gradient) in gradient.chunks_exact_mut(W).enumerate() {
            for (m, adjoint) in adjoint.chunks_exact(W).enumerate() {
                let b = T::constant(b[k * cols + m]);
                for l in 0..W {
                    gradient[l] += adjoint[l] * b;
                }
            }
        }
    }
}

/// `out_rm += Σ_k a_rk b_km`.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2", "aarch64+neon"))]
fn lanes_lanes<T: Number, const W: usize>(
    out: &mut [T],
    a: &[T],
    b: &[T],
    inner: usize,
    cols: usize,
) {
    for (out, a) in out
        .chunks_exact_mut(cols * W)
        .zip(a.chunks_exact(inner * W))
    {
        for (m, out) in out.chunks_exact_mut(W).enumerate() {
            for (k, a) in a.chunks_exact(W).enumerate() {
                let b = &b[(k * cols + m) * W..][..W];
                for l in 0..W {
                    out[l] += a[l] * b[l];
                }
            }
        }
    }
}

/// `gradient_rk += Σ_m adjoint_rm b_km`.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2", "aarch64+neon"))]
fn lanes_lanes_transposed<T: Number, const W: usize>(
    gradient: &mut [T],
    adjoint: &[T],
    b: &[T],
    inner: usize,
    cols: usize,
) {
    let rows = gradient
        .chunks_exact_mut(inner * W)
        .zip(adjoint.chunks_exact(cols * W));
    for (gradient, adjoint) in rows {
        for (k, gradient) in gradient.chunks_exact_mut(W).enumerate() {
            for (m, adjoint) in adjoint.chunks_exact(W).enumerate() {
                let b = &b[(k * cols + m) * W..][..W];
                for l in 0..W {
                    gradient[l] += adjoint[l] * b[l];
                }
            }
        }
    }
}

/// `gradient_km += Σ_r a_rk adjoint_rm`.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2", "aarch64+neon"))]
fn lanes_transposed_lanes<T: Number, const W: usize>(
    gradient: &mut [T],
    adjoint: &[T],
    a: &[T],
    inner: usize,
    cols: usize,
) {
    for (adjoint, a) in adjoint
        .chunks_exact(cols * W)
        .zip(a.chunks_exact(inner * W))
    {
        for (k, a) in a.chunks_exact(W).enumerate() {
            for (m, adjoint) in adjoint.chunks_exact(W).enumerate() {
                let gradient = &mut gradient[(k * cols + m) * W..][..W];
                for l in 0..W {
                    gradient[l] += a[l] * adjoint[l];
                }
            }
        }
    }
}
