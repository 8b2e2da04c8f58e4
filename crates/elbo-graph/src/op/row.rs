//! Reductions of each row, and columns side by side.

use multiversion::{multiversion, target::target_cfg_f};

use crate::number::{Number, fused};
use crate::op::strip::sum_lanes;

/// `out_r = Σ_c x_rc`.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2", "aarch64+neon"))]
pub(crate) fn sum_forward<T: Number, const W: usize>(out: &mut [T], x: &[T], cols: usize) {
    for (out, row) in out.chunks_exact_mut(W).zip(x.chunks_exact(cols * W)) {
        out.fill(T::default());
        sum_lanes::<T, W>(row, out);
    }
}

/// Adds a row's adjoint to each of its entries.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2", "aarch64+neon"))]
pub(crate) fn sum_backward<T: Number, const W: usize>(
    gradient: &mut [T],
    adjoint: &[T],
    cols: usize,
) {
    let ((gradient, _), (adjoint, _)) = (gradient.as_chunks_mut::<W>(), adjoint.as_chunks::<W>());
    for (row, a) in gradient.chunks_exact_mut(cols).zip(adjoint) {
        for entry in row {
            for l in 0..W {
                entry[l] += a[l];
            }
        }
    }
}

/// `out_r = log Σ_c exp x_rc`, without overflow; −∞ where all entries are.
#[multiversion(targets(
    "x86_64+avx512f+avx512dq+avx512vl+fma",
    "x86_64+avx2+fma",
    "aarch64+neon"
))]
pub(crate) fn log_sum_exp_forward<T: Number, const W: usize>(out: &mut [T], x: &[T], cols: usize) {
    for (out, row) in out.chunks_exact_mut(W).zip(x.chunks_exact(cols * W)) {
        let mut most = [f64::NEG_INFINITY; W];
        for entry in row.chunks_exact(W) {
            for l in 0..W {
                let v = entry[l].value();
                most[l] = if v > most[l] { v } else { most[l] };
            }
        }
        // exp(x − ∞) would be NaN; with a shift of 0 the sum is 0 or ∞ as it should be.
        for m in &mut most {
            *m = if m.abs() == f64::INFINITY { 0.0 } else { *m };
        }
        let mut total = [T::default(); W];
        for entry in row.chunks_exact(W) {
            for l in 0..W {
                let x = entry[l].plus(-most[l]);
                total[l] += fused!(T, |x| x.exp());
            }
        }
        for l in 0..W {
            let sum = total[l];
            out[l] = fused!(T, |sum| sum.ln()).plus(most[l]);
        }
    }
}

/// Adds `adjoint_r softmax(x_r)`.
#[multiversion(targets(
    "x86_64+avx512f+avx512dq+avx512vl+fma",
    "x86_64+avx2+fma",
    "aarch64+neon"
))]
pub(crate) fn log_sum_exp_backward<T: Number, const W: usize>(
    gradient: &mut [T],
    adjoint: &[T],
    out: &[T],
    x: &[T],
    cols: usize,
) {
    let ((gradient, _), (x, _)) = (gradient.as_chunks_mut::<W>(), x.as_chunks::<W>());
    let ((adjoint, _), (out, _)) = (adjoint.as_chunks::<W>(), out.as_chunks::<W>());
    let rows = gradient.chunks_exact_mut(cols).zip(x.chunks_exact(cols));
    for ((gradient, row), (a, y)) in rows.zip(adjoint.iter().zip(out)) {
        for (g, entry) in gradient.iter_mut().zip(row) {
            let mut weights = [T::default(); W];
            for l in 0..W {
                let x = entry[l] - y[l];
                weights[l] = fused!(T, |x| x.exp());
            }
            for l in 0..W {
                // An entry of −∞ has weight 0 even where the whole row is −∞.
                let zero = entry[l].value() == f64::NEG_INFINITY;
                g[l] += T::select(zero, T::default(), a[l] * weights[l]);
            }
        }
    }
}

/// Writes `part`, of `cols` columns, into `out`, of `all` columns, from column `first` on.
pub(crate) fn place<T: Number>(
    out: &mut [T],
    part: &[T],
    (first, cols, all): (usize, usize, usize),
    lanes: usize,
) {
    for (out, part) in out
        .chunks_exact_mut(all * lanes)
        .zip(part.chunks_exact(cols * lanes))
    {
        out[first * lanes..(first + cols) * lanes].copy_from_slice(part);
    }
}

/// The adjoint of [`place`].
pub(crate) fn unplace<T: Number>(
    gradient: &mut [T],
    adjoint: &[T],
    (first, cols, all): (usize, usize, usize),
    lanes: usize,
) {
    for (gradient, row) in gradient
        .chunks_exact_mut(cols * lanes)
        .zip(adjoint.chunks_exact(all * lanes))
    {
        for (g, a) in gradient
            .iter_mut()
            .zip(&row[first * lanes..(first + cols) * lanes])
        {
            *g += *a;
        }
    }
}
