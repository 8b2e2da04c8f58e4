//! Each row, read as a lower-triangular matrix, times its transpose. Row-local.
//!
//! Deliberately absent: products of general matrices, which are nodes of their own.

use super::{Backward, Block};
use crate::number::Number;
use crate::op::with_lanes;
use crate::shape::Shape;

/// Rows of `n²` entries of `L` → rows of `n²` entries of `L Lᵀ`; above its diagonal, `L` is not read.
#[derive(Debug, Clone, Copy)]
pub struct Tcrossprod {
    /// Rows of the matrix.
    pub n: usize,
}

impl Block for Tcrossprod {
    fn name(&self) -> &'static str {
        "tcrossprod"
    }

    fn shape(&self, args: &[Shape]) -> Shape {
        assert_eq!(args[0].cols, self.n * self.n, "entries of a square matrix");
        args[0]
    }

    fn by_row(&self, _: usize) -> bool {
        true
    }

    fn forward<T: Number>(&self, lanes: usize, args: &[&[T]], out: &mut [T]) {
        with_lanes!(lanes, forward::<T, W>(args[0], out, self.n));
    }

    fn backward<T: Number>(&self, call: Backward<'_, T>) {
        let Backward {
            lanes,
            args,
            adjoint,
            gradient,
            ..
        } = call;
        with_lanes!(lanes, backward::<T, W>(args[0], adjoint, gradient, self.n));
    }
}

fn forward<T: Number, const W: usize>(x: &[T], out: &mut [T], n: usize) {
    let size = n * n * W;
    for (x, out) in x.chunks_exact(size).zip(out.chunks_exact_mut(size)) {
        for i in 0..n {
            for j in 0..=i {
                let mut sum = [T::default(); W];
                let (a, b) = (&x[i * n * W..], &x[j * n * W..]);
                for (a, b) in a.chunks_exact(W).zip(b.chunks_exact(W)).take(j + 1) {
                    for l in 0..W {
                        sum[l] += a[l] * b[l];
                    }
                }
                out[(i * n + j) * W..][..W].copy_from_slice(&sum);
                out[(j * n + i) * W..][..W].copy_from_slice(&sum);
            }
        }
    }
}

/// `L̄ = (S̄ + S̄ᵀ) L`, in the lower triangle.
fn backward<T: Number, const W: usize>(x: &[T], adjoint: &[T], gradient: &mut [T], n: usize) {
    let size = n * n * W;
    let copies = x.chunks_exact(size).zip(adjoint.chunks_exact(size));
    for ((x, adjoint), gradient) in copies.zip(gradient.chunks_exact_mut(size)) {
        for i in 0..n {
            for k in 0..n {
                let mut both = [T::default(); W];
                for l in 0..W {
                    both[l] = adjoint[(i * n + k) * W + l] + adjoint[(k * n + i) * W + l];
                }
                let row = gradient[i * n * W..].chunks_exact_mut(W);
                let from = x[k * n * W..].chunks_exact(W);
                for (g, x) in row.zip(from).take(i.min(k) + 1) {
                    for l in 0..W {
                        g[l] += both[l] * x[l];
                    }
                }
            }
        }
    }
}
