//! The eigendecomposition of any square matrix, in complex numbers.

use crate::MathError;
use crate::simd::clear_upper_halves;

/// A complex number: real and imaginary part.
type Complex = [f64; 2];

/// `A V = V diag(values)`.
#[derive(Debug, Clone, PartialEq)]
pub struct GeneralEigen {
    /// Eigenvalues, in no order; those of a real matrix that are not real come in conjugate pairs.
    pub values: Vec<Complex>,
    /// Eigenvectors of length one, one per column, row by row.
    pub vectors: Vec<Complex>,
}

impl GeneralEigen {
    /// Decomposes an n × n matrix, given row by row.
    ///
    /// # Errors
    /// [`MathError::NoConvergence`], in practice when the matrix holds a NaN.
    pub fn new(entries: &[Complex], dim: usize) -> Result<Self, MathError> {
        assert_eq!(entries.len(), dim * dim, "eigenvalues need a square matrix");
        let fails = || MathError::NoConvergence { dim };
        if entries.iter().flatten().any(|x| !x.is_finite()) {
            return Err(fails());
        }
        let is_real = entries.iter().all(|[_, im]| *im == 0.0);
        let eigen = if is_real {
            faer::Mat::from_fn(dim, dim, |i, j| entries[i * dim + j][0]).eigen()
        } else {
            let at = |i: usize, j: usize| entries[i * dim + j];
            faer::Mat::from_fn(dim, dim, |i, j| faer::c64::new(at(i, j)[0], at(i, j)[1])).eigen()
        };
        let eigen = eigen.map_err(|_| fails())?;
        clear_upper_halves();
        let (values, vectors) = (eigen.S().column_vector(), eigen.U());
        let lengths: Vec<f64> = (0..dim)
            .map(|j| {
                let squares =
                    (0..dim).map(|i| vectors[(i, j)].re.powi(2) + vectors[(i, j)].im.powi(2));
                squares.sum::<f64>().sqrt()
            })
            .collect();
        let vector = |e: usize| {
            let (z, length) = (vectors[(e / dim, e % dim)], lengths[e % dim]);
            [z.re / length, z.im / length]
        };
        Ok(Self {
            values: (0..dim).map(|i| [values[i].re, values[i].im]).collect(),
            vectors: (0..dim * dim).map(vector).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(a: Complex, b: Complex) -> Complex {
        [a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]]
    }

    /// `A v = λ v` for every pair, to rounding errors of numbers of this size.
    fn check(a: &[Complex], n: usize) -> GeneralEigen {
        let eigen = GeneralEigen::new(a, n).unwrap();
        for j in 0..n {
            for i in 0..n {
                let mut sum = [0.0; 2];
                for k in 0..n {
                    let term = times(a[i * n + k], eigen.vectors[k * n + j]);
                    sum = [sum[0] + term[0], sum[1] + term[1]];
                }
                let expected = times(eigen.values[j], eigen.vectors[i * n + j]);
                assert!((sum[0] - expected[0]).abs() < 1e-13);
                assert!((sum[1] - expected[1]).abs() < 1e-13);
            }
        }
        eigen
    }

    #[test]
    fn vectors_are_scaled_by_their_values() {
        // A turn by 90 degrees and a stretch: ± i and 2.
        let turn = [0.0, -1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 2.0].map(|x| [x, 0.0]);
        let mut values = check(&turn, 3).values;
        values.sort_by(|a, b| a[1].total_cmp(&b[1]));
        for (found, expected) in values.iter().zip([[0.0, -1.0], [2.0, 0.0], [0.0, 1.0]]) {
            assert!((found[0] - expected[0]).abs() < 1e-14);
            assert!((found[1] - expected[1]).abs() < 1e-14);
        }
        check(&[[1.0, 0.5], [0.2, -1.0], [-0.4, 0.3], [0.9, 2.0]], 2);
    }

    #[test]
    fn what_is_not_a_number_has_no_eigenvalues() {
        assert!(GeneralEigen::new(&[[f64::NAN, 0.0]], 1).is_err());
    }
}
