//! The Cholesky factor of a symmetric positive definite matrix.
//!
//! The one idea: the adjoint is that of the blocked algorithm (`[@murray2016differentiation, §4]`):
//! four columns at a time, so that rows of the factor, which fill the second cache, pass by a quarter
//! as often.

use elbo_math::fused_or_separate;
use elbo_math::simd::Products;
use multiversion::multiversion;

use super::tile::{TILE, dots, entries, four, four_mut, subtract_combination, subtract_multiples};
use super::{Backward, Block};
use crate::number::Number;
use crate::op::with_lanes;
use crate::shape::Shape;

/// `L` with `L Lᵀ = A` and zeros above its diagonal. Only the lower triangle of `A` is read; a lane in
/// which `A` is not positive definite becomes NaN.
#[derive(Debug, Clone, Copy)]
pub struct Cholesky {
    /// Rows of the matrix.
    pub n: usize,
}

impl Block for Cholesky {
    fn name(&self) -> &'static str {
        "cholesky_decompose"
    }

    fn shape(&self, args: &[Shape]) -> Shape {
        assert_eq!(args[0], Shape::matrix(self.n, self.n), "a square matrix");
        args[0]
    }

    fn forward<T: Number>(&self, lanes: usize, args: &[&[T]], out: &mut [T]) {
        out.fill(T::default());
        with_lanes!(lanes, forward::<T, W>(args[0], out, self.n));
    }

    fn backward<T: Number>(&self, call: Backward<'_, T>) {
        let Backward {
            lanes,
            out,
            adjoint,
            gradient,
            scratch,
            ..
        } = call;
        scratch.clear();
        scratch.extend_from_slice(adjoint);
        with_lanes!(lanes, backward::<T, W>(out, scratch, self.n));
        for i in 0..self.n {
            let row = i * self.n * lanes..(i * self.n + i + 1) * lanes;
            for (g, a) in gradient[row.clone()].iter_mut().zip(&scratch[row]) {
                *g += *a;
            }
        }
    }
}

/// A tile of rows at a time: `L_ij = (A_ij − Σ_{k<j} L_ik L_jk) / L_jj`.
#[multiversion(targets(
    "x86_64+avx512f+avx512dq+avx512vl+fma",
    "x86_64+avx2+fma",
    "aarch64+neon"
))]
fn forward<T: Number, const W: usize>(a: &[T], out: &mut [T], n: usize) {
    fused_or_separate!(factorise::<T, W>(a, out, n));
}

#[expect(
    clippy::inline_always,
    reason = "compiled with the instruction set of its caller"
)]
#[inline(always)]
fn factorise<P: Products, T: Number, const W: usize>(a: &[T], out: &mut [T], n: usize) {
    let row = n * W;
    for first in (0..n).step_by(TILE) {
        let rows = TILE.min(n - first);
        let (done, tile) = out.split_at_mut(first * row);
        for j in 0..first {
            let other = &done[j * row..][..(j + 1) * W];
            let sums = if rows == TILE {
                dots::<P, T, W>(entries(other, j), four(tile, row, j))
            } else {
                let mut sums = [[T::default(); W]; TILE];
                for r in 0..rows {
                    for k in 0..j {
                        for l in 0..W {
                            sums[r][l] += tile[r * row + k * W + l] * other[k * W + l];
                        }
                    }
                }
                sums
            };
            for r in 0..rows {
                let at = r * row + j * W;
                for l in 0..W {
                    tile[at + l] = (a[first * row + at + l] - sums[r][l]) / other[j * W + l];
                }
            }
        }
        for r in 0..rows {
            for s in 0..=r {
                let j = first + s;
                let mut sum = [T::default(); W];
                for k in 0..j {
                    for l in 0..W {
                        sum[l] += tile[r * row + k * W + l] * tile[s * row + k * W + l];
                    }
                }
                for l in 0..W {
                    let rest = a[(first + r) * row + j * W + l] - sum[l];
                    tile[r * row + j * W + l] = if r == s {
                        let positive = rest.value() > 0.0;
                        T::select(positive, rest.sqrt(), T::constant(f64::NAN))
                    } else {
                        rest / tile[s * row + j * W + l]
                    };
                }
            }
        }
    }
}

/// Columns of which a tile's rows and their adjoints fit the nearest cache.
const COLUMNS: usize = 8;

/// Turns the adjoint of `L` into that of `A`, in the lower triangle; the rest stays as it was.
///
/// Notation of the paper: `D` the tile's own square, `R` its rows to the left, `C` the rows below in
/// its columns, `B` those to the left.
#[multiversion(targets(
    "x86_64+avx512f+avx512dq+avx512vl+fma",
    "x86_64+avx2+fma",
    "aarch64+neon"
))]
fn backward<T: Number, const W: usize>(factor: &[T], work: &mut [T], n: usize) {
    fused_or_separate!(adjoint_of_factor::<T, W>(factor, work, n));
}

#[expect(
    clippy::inline_always,
    reason = "compiled with the instruction set of its caller"
)]
#[inline(always)]
fn adjoint_of_factor<P: Products, T: Number, const W: usize>(
    factor: &[T],
    work: &mut [T],
    n: usize,
) {
    let row = n * W;
    for first in (0..n).step_by(TILE).rev() {
        let cols = TILE.min(n - first);
        let end = first + cols;
        let (upper, below) = work.split_at_mut(end * row);
        let of_rows = &mut upper[first * row..];
        let rows = &factor[first * row..];
        // C̄ ← C̄ D⁻¹ and D̄ ← D̄ − tril(C̄ᵀ C).
        for (i, bar) in below.chunks_exact_mut(row).enumerate() {
            let bar = &mut bar[first * W..end * W];
            for k in (0..cols).rev() {
                for m in k + 1..cols {
                    for l in 0..W {
                        let part = bar[m * W + l] * rows[m * row + (first + k) * W + l];
                        bar[k * W + l] = bar[k * W + l] - part;
                    }
                }
                for l in 0..W {
                    bar[k * W + l] = bar[k * W + l] / rows[k * row + (first + k) * W + l];
                }
            }
            let c = &factor[(end + i) * row + first * W..][..cols * W];
            for k in 0..cols {
                for m in 0..=k {
                    let at = k * row + (first + m) * W;
                    for l in 0..W {
                        of_rows[at + l] = of_rows[at + l] - bar[k * W + l] * c[m * W + l];
                    }
                }
            }
        }
        // B̄ ← B̄ − C̄ R and R̄ ← R̄ − C̄ᵀ B.
        for begin in (0..first).step_by(COLUMNS) {
            let stop = first.min(begin + COLUMNS);
            for (i, bar) in below.chunks_exact_mut(row).enumerate() {
                let mut c = [[T::default(); W]; TILE];
                for (k, c) in c.iter_mut().take(cols).enumerate() {
                    c.copy_from_slice(&bar[(first + k) * W..][..W]);
                }
                let b = &factor[(end + i) * row..][..row];
                if cols == TILE {
                    let (from, n) = (begin * W, stop - begin);
                    let r = [
                        entries(&rows[from..], n),
                        entries(&rows[row + from..], n),
                        entries(&rows[2 * row + from..], n),
                        entries(&rows[3 * row + from..], n),
                    ];
                    let bar = &mut bar.as_chunks_mut().0[begin..stop];
                    subtract_combination::<P, T, W>(bar, r, &c);
                    let of_r = four_mut(&mut of_rows[from..from + TILE * row - from], row, n);
                    subtract_multiples::<P, T, W>(of_r, entries(&b[from..], n), &c);
                    continue;
                }
                for j in begin..stop {
                    let (bar, b) = (&mut bar[j * W..][..W], &b[j * W..][..W]);
                    for k in 0..cols {
                        let r = &rows[k * row + j * W..][..W];
                        let of_r = &mut of_rows[k * row + j * W..][..W];
                        for l in 0..W {
                            bar[l] = bar[l] - c[k][l] * r[l];
                            of_r[l] = of_r[l] - c[k][l] * b[l];
                        }
                    }
                }
            }
        }
        square_backward::<T, W>(rows, of_rows, (n, first, cols));
    }
}

/// The adjoint of a tile's own square, and `R̄ ← R̄ − (D̄ + D̄ᵀ) R`.
#[expect(
    clippy::inline_always,
    reason = "compiled with the instruction set of its caller"
)]
#[inline(always)]
fn square_backward<T: Number, const W: usize>(
    rows: &[T],
    of_rows: &mut [T],
    (n, first, cols): (usize, usize, usize),
) {
    let at = |i: usize, j: usize| (i * n + j) * W;
    for j in (0..cols).rev() {
        let diagonal = at(j, first + j);
        for i in j + 1..cols {
            let entry = at(i, first + j);
            for l in 0..W {
                let part = of_rows[entry + l] * rows[entry + l] / rows[diagonal + l];
                of_rows[diagonal + l] = of_rows[diagonal + l] - part;
                of_rows[entry + l] = of_rows[entry + l] / rows[diagonal + l];
            }
        }
        for l in 0..W {
            of_rows[diagonal + l] = of_rows[diagonal + l].times(0.5) / rows[diagonal + l];
        }
        for k in 0..j {
            for i in j..cols {
                // Row j's own entry counts twice.
                let twice = if i == j { 2.0 } else { 1.0 };
                for l in 0..W {
                    let bar = of_rows[at(i, first + j) + l].times(twice);
                    let (a, b) = (at(j, first + k) + l, at(i, first + k) + l);
                    of_rows[a] = of_rows[a] - bar * rows[b];
                    if i > j {
                        of_rows[b] = of_rows[b] - bar * rows[a];
                    }
                }
            }
        }
    }
    for k in 0..cols {
        for m in 0..=k {
            for j in 0..first {
                for l in 0..W {
                    let bar = of_rows[at(k, first + m) + l];
                    let (a, b) = (at(k, j) + l, at(m, j) + l);
                    of_rows[a] = of_rows[a] - bar * rows[b];
                    of_rows[b] = of_rows[b] - bar * rows[a];
                }
            }
        }
    }
}
