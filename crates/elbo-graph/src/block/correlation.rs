//! Cholesky factors of correlation matrices from canonical partial correlations. Row-local.
//!
//! The one idea: `√(1 − Σ L²)`, what a row has left, is the product of `sech y` over the entries so
//! far, which no cancellation spoils (`[@lewandowski2009lkj, eq. 11]`).

use super::{Backward, Block};
use crate::number::Number;
use crate::op::with_lanes;
use crate::shape::Shape;

/// Rows of `n (n − 1) / 2` numbers `y`, a lower triangle without its diagonal row by row → rows of
/// `n²` entries of `L`: `L_ij = tanh y_ij Π_{k<j} sech y_ik`, `L_ii = Π_{k<i} sech y_ik`.
#[derive(Debug, Clone, Copy)]
pub struct CorrelationCholesky {
    /// Rows of the factor.
    pub n: usize,
}

impl Block for CorrelationCholesky {
    fn name(&self) -> &'static str {
        "correlation_cholesky"
    }

    fn shape(&self, args: &[Shape]) -> Shape {
        assert_eq!(
            args[0].cols,
            self.n * (self.n - 1) / 2,
            "partial correlations"
        );
        Shape::matrix(args[0].rows, self.n * self.n)
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

fn forward<T: Number, const W: usize>(y: &[T], out: &mut [T], n: usize) {
    let free = n * (n - 1) / 2;
    out.fill(T::default());
    for (copy, factor) in out.chunks_exact_mut(n * n * W).enumerate() {
        let mut y = y[copy * free * W..].chunks_exact(W);
        for (i, row) in factor.chunks_exact_mut(n * W).enumerate() {
            let mut left = [T::constant(1.0); W];
            for (x, y) in row.chunks_exact_mut(W).take(i).zip(&mut y) {
                for l in 0..W {
                    let (tanh, sech) = y[l].tanh_and_sech();
                    x[l] = tanh * left[l];
                    left[l] = left[l] * sech;
                }
            }
            row[i * W..(i + 1) * W].copy_from_slice(&left);
        }
    }
}

/// Back along a row: the adjoint of what is left after an entry goes to that entry and to what was
/// left before it.
fn backward<T: Number, const W: usize>(y: &[T], adjoint: &[T], gradient: &mut [T], n: usize) {
    let free = n * (n - 1) / 2;
    // tanh, sech and what is left before, of each entry of one row.
    let mut along = vec![[[T::default(); W]; 3]; n];
    for (copy, factor) in adjoint.chunks_exact(n * n * W).enumerate() {
        let mut first = copy * free;
        for (i, row) in factor.chunks_exact(n * W).enumerate() {
            let mut left = [T::constant(1.0); W];
            for (j, entry) in along.iter_mut().take(i).enumerate() {
                for l in 0..W {
                    let (tanh, sech) = y[(first + j) * W + l].tanh_and_sech();
                    entry[0][l] = tanh;
                    entry[1][l] = sech;
                    entry[2][l] = left[l];
                    left[l] = left[l] * sech;
                }
            }
            let mut of_left = [T::default(); W];
            of_left.copy_from_slice(&row[i * W..(i + 1) * W]);
            for j in (0..i).rev() {
                let [tanh, sech, before] = &along[j];
                for l in 0..W {
                    let a = row[j * W + l];
                    gradient[(first + j) * W + l] +=
                        before[l] * sech[l] * (a * sech[l] - of_left[l] * tanh[l]);
                    of_left[l] = a * tanh[l] + of_left[l] * sech[l];
                }
            }
            first += i;
        }
    }
}
