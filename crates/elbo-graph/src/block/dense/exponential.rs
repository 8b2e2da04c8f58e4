//! The exponential of a matrix.
//!
//! The one idea: the adjoint is the derivative of the exponential at `Aᵀ`, and that is a corner of the
//! exponential of a matrix twice as large (`[@higham2008functions, §3.2]`).

use super::lu::Lu;
use super::{add_to_lane, identity, lane, product, set_lane};
use crate::block::{Backward, Block};
use crate::number::Number;
use crate::shape::Shape;

/// `exp(A) = Σ Aᵏ / k!`.
#[derive(Debug, Clone, Copy)]
pub struct MatrixExponential {
    /// Rows of the matrix.
    pub n: usize,
}

impl Block for MatrixExponential {
    fn name(&self) -> &'static str {
        "matrix_exp"
    }

    fn shape(&self, args: &[Shape]) -> Shape {
        assert_eq!(args[0], Shape::matrix(self.n, self.n), "a square matrix");
        args[0]
    }

    fn forward<T: Number>(&self, lanes: usize, args: &[&[T]], out: &mut [T]) {
        for l in 0..lanes {
            let result = exponential(lane(args[0], lanes, l), self.n);
            set_lane(out, lanes, l, &result);
        }
    }

    fn backward<T: Number>(&self, call: Backward<'_, T>) {
        let Backward {
            lanes,
            args,
            adjoint,
            gradient,
            ..
        } = call;
        let n = self.n;
        for l in 0..lanes {
            let (a, bar) = (lane(args[0], lanes, l), lane(adjoint, lanes, l));
            let mut large = vec![T::default(); 4 * n * n];
            for i in 0..n {
                for j in 0..n {
                    large[i * 2 * n + j] = a[j * n + i];
                    large[(n + i) * 2 * n + n + j] = a[j * n + i];
                    large[i * 2 * n + n + j] = bar[i * n + j];
                }
            }
            let large = exponential(large, 2 * n);
            let corner: Vec<T> = (0..n * n)
                .map(|e| large[(e / n) * 2 * n + n + e % n])
                .collect();
            add_to_lane(gradient, lanes, l, &corner);
        }
    }
}

/// Scaling, the Padé approximant of degree 13, and squaring (`[@higham2005scaling, alg. 2.3]`).
fn exponential<T: Number>(mut a: Vec<T>, n: usize) -> Vec<T> {
    /// Up to this 1-norm the approximant is exact to rounding.
    const THETA: f64 = 5.371920351148152;
    const B: [f64; 14] = [
        64764752532480000.0,
        32382376266240000.0,
        7771770303897600.0,
        1187353796428800.0,
        129060195264000.0,
        10559470521600.0,
        670442572800.0,
        33522128640.0,
        1323241920.0,
        40840800.0,
        960960.0,
        16380.0,
        182.0,
        1.0,
    ];
    let norm = (0..n)
        .map(|j| (0..n).map(|i| a[i * n + j].value().abs()).sum::<f64>())
        .fold(0.0, f64::max);
    if !norm.is_finite() {
        return vec![T::constant(f64::NAN); n * n];
    }
    let mut squarings = 0;
    while norm * f64::powi(0.5, squarings) > THETA {
        squarings += 1;
    }
    let scale = f64::powi(0.5, squarings);
    for x in &mut a {
        *x = x.times(scale);
    }
    let a2 = product(&a, &a, n);
    let a4 = product(&a2, &a2, n);
    let a6 = product(&a4, &a2, n);
    let one = identity::<T>(n);
    let sum = |c: [f64; 4]| -> Vec<T> {
        (0..n * n)
            .map(|e| a6[e].times(c[3]) + a4[e].times(c[2]) + a2[e].times(c[1]) + one[e].times(c[0]))
            .collect()
    };
    let add = |a: Vec<T>, b: Vec<T>| -> Vec<T> { a.iter().zip(b).map(|(a, b)| *a + b).collect() };
    let high = product(&a6, &sum([0.0, B[9], B[11], B[13]]), n);
    let odd = product(&a, &add(high, sum([B[1], B[3], B[5], B[7]])), n);
    let high = product(&a6, &sum([0.0, B[8], B[10], B[12]]), n);
    let even = add(high, sum([B[0], B[2], B[4], B[6]]));
    let minus: Vec<T> = even.iter().zip(&odd).map(|(v, u)| *v - *u).collect();
    let mut result = Lu::new(minus, n).solve(&add(even, odd), n);
    for _ in 0..squarings {
        result = product(&result, &result, n);
    }
    result
}
