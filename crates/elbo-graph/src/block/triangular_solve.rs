//! Solutions of triangular systems, one for each row of right-hand sides. Row-local in those.
//!
//! The one idea: many rows share the factor, so a tile of rows passes over it at once. Deliberately
//! absent: right-hand sides as columns, which are transposed first.

use elbo_math::fused_or_separate;
use elbo_math::simd::Products;
use multiversion::multiversion;

use super::tile::{TILE, dots, entries, four, four_mut, subtract_combination, subtract_multiples};
use super::{Backward, Block};
use crate::number::Number;
use crate::op::with_lanes;
use crate::shape::Shape;

/// Arguments `L` (n × n, its lower triangle is read) and `B` (rows × n); each row `x` of the result
/// solves `L x = b`, or `Lᵀ x = b`, for that row of `B`.
#[derive(Debug, Clone, Copy)]
pub struct TriangularSolve {
    /// Rows of the factor.
    pub n: usize,
    /// Whether the factor is transposed.
    pub transposed: bool,
}

impl Block for TriangularSolve {
    fn name(&self) -> &'static str {
        if self.transposed {
            "solve_lower_transposed"
        } else {
            "solve_lower"
        }
    }

    fn shape(&self, args: &[Shape]) -> Shape {
        assert_eq!(args[0], Shape::matrix(self.n, self.n), "a square factor");
        assert_eq!(args[1].cols, self.n, "right-hand sides as rows");
        args[1]
    }

    fn by_row(&self, which: usize) -> bool {
        which == 1
    }

    fn forward<T: Number>(&self, lanes: usize, args: &[&[T]], out: &mut [T]) {
        out.copy_from_slice(args[1]);
        solve(lanes, self.n, self.transposed, args[0], out);
    }

    fn backward<T: Number>(&self, call: Backward<'_, T>) {
        let Backward {
            lanes,
            which,
            args,
            out,
            adjoint,
            gradient,
            scratch,
            ..
        } = call;
        let of_sides = scratch;
        of_sides.clear();
        of_sides.extend_from_slice(adjoint);
        solve(lanes, self.n, !self.transposed, args[0], of_sides);
        if which == 1 {
            for (g, a) in gradient.iter_mut().zip(of_sides.iter()) {
                *g += *a;
            }
            return;
        }
        // L̄ −= b̄ xᵀ, or x b̄ᵀ, in the lower triangle.
        let (left, right) = if self.transposed {
            (out, &of_sides[..])
        } else {
            (&of_sides[..], out)
        };
        with_lanes!(lanes, outer::<T, W>(left, right, gradient, self.n));
    }
}

/// Solves for every row of `x` in place.
pub(super) fn solve<T: Number>(
    lanes: usize,
    n: usize,
    transposed: bool,
    factor: &[T],
    x: &mut [T],
) {
    if transposed {
        with_lanes!(lanes, solve_transposed::<T, W>(factor, x, n));
    } else {
        with_lanes!(lanes, solve_lower::<T, W>(factor, x, n));
    }
}

/// `x_i = (b_i − Σ_{k<i} L_ik x_k) / L_ii`.
#[multiversion(targets(
    "x86_64+avx512f+avx512dq+avx512vl+fma",
    "x86_64+avx2+fma",
    "aarch64+neon"
))]
fn solve_lower<T: Number, const W: usize>(factor: &[T], x: &mut [T], n: usize) {
    fused_or_separate!(solve_lower_with::<T, W>(factor, x, n));
}

#[expect(
    clippy::inline_always,
    reason = "compiled with the instruction set of its caller"
)]
#[inline(always)]
fn solve_lower_with<P: Products, T: Number, const W: usize>(factor: &[T], x: &mut [T], n: usize) {
    let row = n * W;
    for tile in x.chunks_mut(TILE * row) {
        let rows = tile.len() / row;
        for i in 0..n {
            let of_factor = &factor[i * row..][..(i + 1) * W];
            let sums = if rows == TILE {
                dots::<P, T, W>(entries(of_factor, i), four(tile, row, i))
            } else {
                let mut sums = [[T::default(); W]; TILE];
                for r in 0..rows {
                    for k in 0..i {
                        for l in 0..W {
                            sums[r][l] += of_factor[k * W + l] * tile[r * row + k * W + l];
                        }
                    }
                }
                sums
            };
            for r in 0..rows {
                for l in 0..W {
                    let x = &mut tile[r * row + i * W + l];
                    *x = (*x - sums[r][l]) / of_factor[i * W + l];
                }
            }
        }
    }
}

/// From the last entry on: `x_i = b_i / L_ii`, then `b_k −= L_ik x_i` for `k < i`.
#[multiversion(targets(
    "x86_64+avx512f+avx512dq+avx512vl+fma",
    "x86_64+avx2+fma",
    "aarch64+neon"
))]
fn solve_transposed<T: Number, const W: usize>(factor: &[T], x: &mut [T], n: usize) {
    fused_or_separate!(solve_transposed_with::<T, W>(factor, x, n));
}

#[expect(
    clippy::inline_always,
    reason = "compiled with the instruction set of its caller"
)]
#[inline(always)]
fn solve_transposed_with<P: Products, T: Number, const W: usize>(
    factor: &[T],
    x: &mut [T],
    n: usize,
) {
    let row = n * W;
    for tile in x.chunks_mut(TILE * row) {
        let rows = tile.len() / row;
        for i in (0..n).rev() {
            let of_factor = &factor[i * row..][..(i + 1) * W];
            let mut x = [[T::default(); W]; TILE];
            for (r, x) in x.iter_mut().take(rows).enumerate() {
                let entry = &mut tile[r * row + i * W..][..W];
                for l in 0..W {
                    x[l] = entry[l] / of_factor[i * W + l];
                }
                entry.copy_from_slice(x);
            }
            if rows == TILE {
                subtract_multiples::<P, T, W>(four_mut(tile, row, i), entries(of_factor, i), &x);
            } else {
                for r in 0..rows {
                    for k in 0..i {
                        for l in 0..W {
                            let b = &mut tile[r * row + k * W + l];
                            *b = *b - of_factor[k * W + l] * x[r][l];
                        }
                    }
                }
            }
        }
    }
}

/// `gradient_ik −= Σ_r left_ri right_rk`, `k ≤ i`.
#[multiversion(targets(
    "x86_64+avx512f+avx512dq+avx512vl+fma",
    "x86_64+avx2+fma",
    "aarch64+neon"
))]
fn outer<T: Number, const W: usize>(left: &[T], right: &[T], gradient: &mut [T], n: usize) {
    fused_or_separate!(outer_with::<T, W>(left, right, gradient, n));
}

#[expect(
    clippy::inline_always,
    reason = "compiled with the instruction set of its caller"
)]
#[inline(always)]
fn outer_with<P: Products, T: Number, const W: usize>(
    left: &[T],
    right: &[T],
    gradient: &mut [T],
    n: usize,
) {
    let row = n * W;
    let tiles = left.chunks(TILE * row).zip(right.chunks(TILE * row));
    for (left, right) in tiles {
        let rows = left.len() / row;
        for i in 0..n {
            let gradient = &mut gradient[i * row..][..(i + 1) * W];
            // Rows that a last tile lacks count as zeros.
            let mut a = [[T::default(); W]; TILE];
            for (r, a) in a.iter_mut().take(rows).enumerate() {
                a.copy_from_slice(&left[r * row + i * W..][..W]);
            }
            if rows == TILE {
                let gradient = &mut gradient.as_chunks_mut().0[..=i];
                subtract_combination::<P, T, W>(gradient, four(right, row, i + 1), &a);
                continue;
            }
            for (k, g) in gradient.chunks_exact_mut(W).enumerate() {
                for r in 0..rows {
                    for l in 0..W {
                        g[l] = g[l] - a[r][l] * right[r * row + k * W + l];
                    }
                }
            }
        }
    }
}
