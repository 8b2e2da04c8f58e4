//! Singular values and vectors.
//!
//! The one idea: rotations of Jacobi between columns until all are orthogonal; the angles are smooth
//! where columns are orthogonal already, so that tangents go through the same code, and small singular
//! values keep their digits (`[@golub2013matrix, §8.6.4]`).

use super::{add_to_lane, identity, lane, set_lane};
use crate::block::{Backward, Block};
use crate::number::Number;
use crate::shape::Shape;

/// `A = U diag(s) Vᵀ` of an m × n matrix with `k = min(m, n)`, one below the other in a vector: `s` in
/// descending order, `U` (m × k) and `V` (n × k), row-major. The largest entry of each column of `U`
/// is positive. Derivatives of the vectors do not exist where singular values coincide or are 0; they
/// are then not finite.
#[derive(Debug, Clone, Copy)]
pub struct SingularValues {
    /// Rows of the matrix.
    pub rows: usize,
    /// Columns of the matrix.
    pub cols: usize,
}

impl SingularValues {
    fn rank(self) -> usize {
        self.rows.min(self.cols)
    }
}

impl Block for SingularValues {
    fn name(&self) -> &'static str {
        "svd"
    }

    fn shape(&self, args: &[Shape]) -> Shape {
        assert_eq!(args[0], Shape::matrix(self.rows, self.cols), "the matrix");
        Shape::vector(self.rank() * (1 + self.rows + self.cols))
    }

    fn forward<T: Number>(&self, lanes: usize, args: &[&[T]], out: &mut [T]) {
        let (m, n, k) = (self.rows, self.cols, self.rank());
        for l in 0..lanes {
            let a = lane(args[0], lanes, l);
            let (values, mut u, mut v) = if m >= n {
                decompose(&a, m, n)
            } else {
                let (values, v, u) = decompose(&transpose(&a, n), n, m);
                (values, u, v)
            };
            turn_positive(&mut u, &mut v, k);
            let all: Vec<T> = values.into_iter().chain(u).chain(v).collect();
            set_lane(out, lanes, l, &all);
        }
    }

    /// `Ā += U (diag s̄ + (F ∘ (UᵀŪ − ŪᵀU)) S + S (F ∘ (VᵀV̄ − V̄ᵀV))) Vᵀ + (I − U Uᵀ) Ū S⁻¹ Vᵀ +
    /// U S⁻¹ V̄ᵀ (I − V Vᵀ)` with `F_ij = 1/(s_j² − s_i²)` (`[@townsend2016differentiating]`).
    fn backward<T: Number>(&self, call: Backward<'_, T>) {
        let Backward {
            lanes,
            out,
            adjoint,
            gradient,
            ..
        } = call;
        let (m, n, k) = (self.rows, self.cols, self.rank());
        for l in 0..lanes {
            let (out, adjoint) = (lane(out, lanes, l), lane(adjoint, lanes, l));
            let (s, vectors) = out.split_at(k);
            let (u, v) = vectors.split_at(m * k);
            let (of_s, of_vectors) = adjoint.split_at(k);
            let (of_u, of_v) = of_vectors.split_at(m * k);
            let (uu, vv) = (cross(u, of_u, k), cross(v, of_v, k));
            let mut inner = vec![T::default(); k * k];
            for i in 0..k {
                for j in 0..k {
                    let (e, t) = (i * k + j, j * k + i);
                    let of_u = (uu[e] - uu[t]) * s[j];
                    let of_v = s[i] * (vv[e] - vv[t]);
                    let sum = of_u + of_v;
                    inner[e] = if i == j {
                        of_s[i]
                    } else if sum.value() == 0.0 && s[i].value() == s[j].value() {
                        // Without an adjoint of the vectors, values that coincide do no harm.
                        T::default()
                    } else {
                        sum / ((s[j] - s[i]) * (s[j] + s[i]))
                    };
                }
            }
            let left = outside(u, of_u, &uu, s, k);
            let right = outside(v, of_v, &vv, s, k);
            let mut part = vec![T::default(); m * n];
            for i in 0..m {
                for j in 0..n {
                    let mut sum = T::default();
                    for p in 0..k {
                        let mut row = left[i * k + p];
                        for q in 0..k {
                            row += u[i * k + q] * inner[q * k + p];
                        }
                        sum += row * v[j * k + p] + u[i * k + p] * right[j * k + p];
                    }
                    part[i * n + j] = sum;
                }
            }
            add_to_lane(gradient, lanes, l, &part);
        }
    }
}

/// `aᵀ b`, k × k.
fn cross<T: Number>(a: &[T], b: &[T], k: usize) -> Vec<T> {
    let mut out = vec![T::default(); k * k];
    for (a, b) in a.chunks_exact(k).zip(b.chunks_exact(k)) {
        for (i, a) in a.iter().enumerate() {
            for (j, b) in b.iter().enumerate() {
                out[i * k + j] += *a * *b;
            }
        }
    }
    out
}

/// `(X̄ − X (Xᵀ X̄)) S⁻¹`: the part of an adjoint that leaves the span of the vectors. Square matrices
/// have none.
fn outside<T: Number>(x: &[T], of_x: &[T], inner: &[T], s: &[T], k: usize) -> Vec<T> {
    let mut out = vec![T::default(); x.len()];
    if x.len() == k * k {
        return out;
    }
    let rows = x.chunks_exact(k).zip(of_x.chunks_exact(k));
    for (out, (x, of_x)) in out.chunks_exact_mut(k).zip(rows) {
        for j in 0..k {
            let mut rest = of_x[j];
            for i in 0..k {
                rest = rest - x[i] * inner[i * k + j];
            }
            // An adjoint that is not there does no harm where a value is 0.
            if rest.value() != 0.0 || s[j].value() != 0.0 {
                out[j] = rest / s[j];
            }
        }
    }
    out
}

fn transpose<T: Number>(a: &[T], cols: usize) -> Vec<T> {
    let rows = a.len() / cols.max(1);
    (0..a.len())
        .map(|e| a[(e % rows) * cols + e / rows])
        .collect()
}

/// Singular values, `U` and `V` of an m × n matrix that is no wider than tall.
fn decompose<T: Number>(a: &[T], m: usize, n: usize) -> (Vec<T>, Vec<T>, Vec<T>) {
    /// Sweeps that any matrix of doubles needs at most, with room; convergence is quadratic.
    const MOST_SWEEPS: usize = 60;
    let mut a = a.to_vec();
    let mut v = identity::<T>(n);
    let mut after = 0;
    for _ in 0..MOST_SWEEPS {
        let mut orthogonal = true;
        for p in 0..n {
            for q in p + 1..n {
                orthogonal &= rotate(&mut a, &mut v, (p, q), (m, n));
            }
        }
        // Tangents lag behind values by one step: two sweeps more once the values are there.
        after += usize::from(orthogonal);
        if after > 2 {
            break;
        }
    }
    let mut values: Vec<T> = (0..n)
        .map(|j| {
            let mut square = T::default();
            for i in 0..m {
                square += a[i * n + j] * a[i * n + j];
            }
            square.sqrt()
        })
        .collect();
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|i, j| values[*j].value().total_cmp(&values[*i].value()));
    let pick = |x: &[T], rows: usize| -> Vec<T> {
        (0..rows * n).map(|e| x[e / n * n + order[e % n]]).collect()
    };
    let (mut u, v) = (pick(&a, m), pick(&v, n));
    values = order.iter().map(|j| values[*j]).collect();
    for (e, u) in u.iter_mut().enumerate() {
        *u = *u / values[e % n];
    }
    (values, u, v)
}

/// Makes columns p and q orthogonal; whether they were, to rounding.
fn rotate<T: Number>(
    a: &mut [T],
    v: &mut [T],
    (p, q): (usize, usize),
    (m, n): (usize, usize),
) -> bool {
    let (mut pp, mut qq, mut pq) = (T::default(), T::default(), T::default());
    for row in a.chunks_exact(n).take(m) {
        pp += row[p] * row[p];
        qq += row[q] * row[q];
        pq += row[p] * row[q];
    }
    let twice = pq.times(2.0);
    let difference = qq - pp;
    if twice.value() == 0.0 && difference.value() == 0.0 {
        return true;
    }
    // tan of the angle: 2 pq / (d ± √(d² + 4 pq²)), the smaller root.
    let root = (difference * difference + twice * twice).sqrt();
    let negative = difference.value() < 0.0;
    let t = twice / (difference + T::select(negative, -root, root));
    let c = (t * t).plus(1.0).sqrt().recip();
    let s = t * c;
    for row in a.chunks_exact_mut(n).chain(v.chunks_exact_mut(n)) {
        let (x, y) = (row[p], row[q]);
        row[p] = c * x - s * y;
        row[q] = s * x + c * y;
    }
    // What is not finite does not get better.
    !(pq.value().abs() > 1e-16 * (pp.value() * qq.value()).sqrt())
}

/// Changes signs so that the largest entry of each column of `u` is positive.
fn turn_positive<T: Number>(u: &mut [T], v: &mut [T], k: usize) {
    for j in 0..k {
        let column = u.iter().skip(j).step_by(k).map(|x| x.value());
        let most = column.fold(0.0_f64, |m, x| if x.abs() > m.abs() { x } else { m });
        if most < 0.0 {
            for x in u.iter_mut().chain(v.iter_mut()).skip(j).step_by(k) {
                *x = -*x;
            }
        }
    }
}
