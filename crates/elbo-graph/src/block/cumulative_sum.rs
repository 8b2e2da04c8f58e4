//! Each row's partial sums. Row-local.

use super::{Backward, Block};
use crate::number::Number;
use crate::op::with_lanes;
use crate::shape::Shape;

/// `out_rc = Σ_{k ≤ c} x_rk`.
#[derive(Debug, Clone, Copy)]
pub struct CumulativeSum {
    /// Entries of a row.
    pub cols: usize,
}

impl Block for CumulativeSum {
    fn name(&self) -> &'static str {
        "cumulative_sum"
    }

    fn shape(&self, args: &[Shape]) -> Shape {
        assert_eq!(args[0].cols, self.cols, "entries of a row");
        args[0]
    }

    fn by_row(&self, _: usize) -> bool {
        true
    }

    fn forward<T: Number>(&self, lanes: usize, args: &[&[T]], out: &mut [T]) {
        with_lanes!(lanes, forward::<T, W>(args[0], out, self.cols));
    }

    fn backward<T: Number>(&self, call: Backward<'_, T>) {
        let Backward {
            lanes,
            adjoint,
            gradient,
            ..
        } = call;
        with_lanes!(lanes, backward::<T, W>(adjoint, gradient, self.cols));
    }
}

fn forward<T: Number, const W: usize>(x: &[T], out: &mut [T], cols: usize) {
    for (x, out) in x.chunks_exact(cols * W).zip(out.chunks_exact_mut(cols * W)) {
        let mut sum = [T::default(); W];
        for (x, out) in x.chunks_exact(W).zip(out.chunks_exact_mut(W)) {
            for l in 0..W {
                sum[l] += x[l];
            }
            out.copy_from_slice(&sum);
        }
    }
}

/// The adjoint of `x_k` is the sum of those of all later partial sums.
fn backward<T: Number, const W: usize>(adjoint: &[T], gradient: &mut [T], cols: usize) {
    let rows = adjoint
        .chunks_exact(cols * W)
        .zip(gradient.chunks_exact_mut(cols * W));
    for (adjoint, gradient) in rows {
        let mut sum = [T::default(); W];
        let entries = adjoint.chunks_exact(W).zip(gradient.chunks_exact_mut(W));
        for (a, g) in entries.rev() {
            for l in 0..W {
                sum[l] += a[l];
                g[l] += sum[l];
            }
        }
    }
}
