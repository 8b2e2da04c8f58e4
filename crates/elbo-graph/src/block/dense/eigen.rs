//! Eigenvalues and eigenvectors of symmetric matrices.
//!
//! The one idea: rotations of Jacobi, whose angles are smooth where an entry is already zero, so that
//! tangents go through the same code (`[@golub2013matrix, §8.5]`).

use super::{add_to_lane, identity, lane, product, set_lane, transposed};
use crate::block::{Backward, Block};
use crate::number::Number;
use crate::shape::Shape;

/// Row 0 of the result holds the eigenvalues, in ascending order; below it the columns are the
/// eigenvectors, of length one, the largest entry positive. The matrix is `(A + Aᵀ)/2`. Derivatives
/// of the vectors do not exist where values coincide; what they would say there counts as zero.
#[derive(Debug, Clone, Copy)]
pub struct SymmetricEigen {
    /// Rows of the matrix.
    pub n: usize,
}

/// Values closer than this, relative to the largest, are taken to be equal: a function that has a
/// derivative there does not tell their vectors apart, and what rounding leaves of its adjoint would be
/// divided by almost nothing. Of a kernel matrix with a small diagonal added, most values are so close.
const CLOSE: f64 = 1e-10;

impl Block for SymmetricEigen {
    fn name(&self) -> &'static str {
        "eigendecompose_sym"
    }

    fn shape(&self, args: &[Shape]) -> Shape {
        assert_eq!(args[0], Shape::matrix(self.n, self.n), "a square matrix");
        Shape::matrix(self.n + 1, self.n)
    }

    fn forward<T: Number>(&self, lanes: usize, args: &[&[T]], out: &mut [T]) {
        for l in 0..lanes {
            let result = decompose(&lane(args[0], lanes, l), self.n);
            set_lane(out, lanes, l, &result);
        }
    }

    /// `Ā += V (diag λ̄ + F ∘ (Vᵀ V̄)) Vᵀ`, its symmetric part, with `F_ij = 1/(λ_j − λ_i)`
    /// (`[@giles2008collected, §3.1]`).
    fn backward<T: Number>(&self, call: Backward<'_, T>) {
        let Backward {
            lanes,
            out,
            adjoint,
            gradient,
            ..
        } = call;
        let n = self.n;
        for l in 0..lanes {
            let (result, adjoint) = (lane(out, lanes, l), lane(adjoint, lanes, l));
            let (values, vectors) = result.split_at(n);
            let rows = transposed(vectors, n);
            let mut inner = product(&rows, &adjoint[n..], n);
            let largest = values[0].value().abs().max(values[n - 1].value().abs());
            let noise = (largest * CLOSE).powi(2) + f64::MIN_POSITIVE;
            for i in 0..n {
                for j in 0..n {
                    let e = i * n + j;
                    let gap = values[j] - values[i];
                    inner[e] = if i == j {
                        adjoint[i]
                    } else {
                        inner[e] * gap / (gap * gap).plus(noise)
                    };
                }
            }
            let part = product(&product(vectors, &inner, n), &rows, n);
            let other = transposed(&part, n);
            let symmetric: Vec<T> = part
                .iter()
                .zip(&other)
                .map(|(a, b)| (*a + *b).times(0.5))
                .collect();
            add_to_lane(gradient, lanes, l, &symmetric);
        }
    }
}

fn decompose<T: Number>(a: &[T], n: usize) -> Vec<T> {
    /// Sweeps that any matrix of doubles needs at most, with room; convergence is quadratic.
    const MOST_SWEEPS: usize = 40;
    let other = transposed(a, n);
    let mut a: Vec<T> = a
        .iter()
        .zip(&other)
        .map(|(a, b)| (*a + *b).times(0.5))
        .collect();
    let mut v = identity::<T>(n);
    let mut after = 0;
    for _ in 0..MOST_SWEEPS {
        // Tangents lag behind values by one step: two sweeps more once the values are there.
        after += usize::from(is_diagonal(&a, n));
        if after > 2 {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                rotate(&mut a, &mut v, (p, q), n);
            }
        }
    }
    ordered(&a, &v, n)
}

fn is_diagonal<T: Number>(a: &[T], n: usize) -> bool {
    let (mut off, mut all) = (0.0, 0.0);
    for (e, x) in a.iter().enumerate() {
        let square = x.value() * x.value();
        all += square;
        off += if e.is_multiple_of(n + 1) { 0.0 } else { square };
    }
    // What is not finite does not get better.
    !(off > all * 1e-32)
}

/// Makes entry (p, q) zero.
fn rotate<T: Number>(a: &mut [T], v: &mut [T], (p, q): (usize, usize), n: usize) {
    let twice = a[p * n + q].times(2.0);
    let difference = a[q * n + q] - a[p * n + p];
    if twice.value() == 0.0 && difference.value() == 0.0 {
        return;
    }
    // tan of the angle: 2a / (d ± √(d² + 4a²)), the smaller root.
    let root = (difference * difference + twice * twice).sqrt();
    let negative = difference.value() < 0.0;
    let t = twice / (difference + T::select(negative, -root, root));
    let c = (t * t).plus(1.0).sqrt().recip();
    let s = t * c;
    for k in 0..n {
        turn(a, (k * n + p, k * n + q), c, s);
    }
    for k in 0..n {
        turn(a, (p * n + k, q * n + k), c, s);
    }
    for k in 0..n {
        turn(v, (k * n + p, k * n + q), c, s);
    }
}

fn turn<T: Number>(a: &mut [T], (i, j): (usize, usize), c: T, s: T) {
    let (x, y) = (a[i], a[j]);
    a[i] = c * x - s * y;
    a[j] = s * x + c * y;
}

/// Values in ascending order, then the vectors as columns.
fn ordered<T: Number>(a: &[T], v: &[T], n: usize) -> Vec<T> {
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|i, j| a[i * (n + 1)].value().total_cmp(&a[j * (n + 1)].value()));
    let mut out = vec![T::default(); (n + 1) * n];
    for (to, from) in order.into_iter().enumerate() {
        out[to] = a[from * (n + 1)];
        let column: Vec<T> = (0..n).map(|k| v[k * n + from]).collect();
        let most = column.iter().map(|x| x.value());
        let most = most.fold(0.0_f64, |m, x| if x.abs() > m.abs() { x } else { m });
        for (k, x) in column.into_iter().enumerate() {
            out[(k + 1) * n + to] = if most < 0.0 { -x } else { x };
        }
    }
    out
}
