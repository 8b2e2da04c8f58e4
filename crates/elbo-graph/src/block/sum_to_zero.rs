//! Coordinates of the rows that sum to zero, in an orthonormal basis. Row-local.
//!
//! The one idea: the basis is that of pivot coordinates, whose product with a vector is one pass of
//! partial sums (`[@filzmoser2018compositional, ch. 3]`), so no matrix is stored.

use super::{Backward, Block};
use crate::number::Number;
use crate::op::with_lanes;
use crate::shape::Shape;

/// `n` free coordinates `y` in a row → `n + 1` numbers `x` that sum to zero, with `‖x‖ = ‖y‖`:
/// `x_i = Σ_{j ≥ i} w_j − (i − 1) w_{i−1}`, `w_j = y_j / √(j (j + 1))`, counted from 1.
#[derive(Debug, Clone, Copy)]
pub struct SumToZero {
    /// Free coordinates of a row.
    pub free: usize,
}

impl Block for SumToZero {
    fn name(&self) -> &'static str {
        "sum_to_zero"
    }

    fn shape(&self, args: &[Shape]) -> Shape {
        assert_eq!(args[0].cols, self.free, "free coordinates of a row");
        Shape::matrix(args[0].rows, self.free + 1)
    }

    fn by_row(&self, _: usize) -> bool {
        true
    }

    fn forward<T: Number>(&self, lanes: usize, args: &[&[T]], out: &mut [T]) {
        with_lanes!(lanes, forward::<T, W>(args[0], out, self.free));
    }

    fn backward<T: Number>(&self, call: Backward<'_, T>) {
        let Backward {
            lanes,
            adjoint,
            gradient,
            ..
        } = call;
        with_lanes!(lanes, backward::<T, W>(adjoint, gradient, self.free));
    }
}

/// `1 / √(j (j + 1))`.
fn weight(j: usize) -> f64 {
    let j = j as f64;
    1.0 / (j * (j + 1.0)).sqrt()
}

fn forward<T: Number, const W: usize>(y: &[T], out: &mut [T], free: usize) {
    let rows = y
        .chunks_exact(free * W)
        .zip(out.chunks_exact_mut((free + 1) * W));
    for (y, x) in rows {
        let mut sum = [T::default(); W];
        x[free * W..].fill(T::default());
        for j in (1..=free).rev() {
            let (scale, times) = (weight(j), j as f64);
            for l in 0..W {
                let w = y[(j - 1) * W + l].times(scale);
                sum[l] += w;
                x[j * W + l] += -w.times(times);
                x[(j - 1) * W + l] = sum[l];
            }
        }
    }
}

/// The transpose: `ȳ_j = (Σ_{i ≤ j} x̄_i − j x̄_{j+1}) / √(j (j + 1))`.
fn backward<T: Number, const W: usize>(adjoint: &[T], gradient: &mut [T], free: usize) {
    let rows = adjoint
        .chunks_exact((free + 1) * W)
        .zip(gradient.chunks_exact_mut(free * W));
    for (x, y) in rows {
        let mut sum = [T::default(); W];
        for j in 1..=free {
            let (scale, times) = (weight(j), j as f64);
            for l in 0..W {
                sum[l] += x[(j - 1) * W + l];
                y[(j - 1) * W + l] += (sum[l] - x[j * W + l].times(times)).times(scale);
            }
        }
    }
}
