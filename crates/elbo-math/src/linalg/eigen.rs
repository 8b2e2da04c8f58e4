//! The eigendecomposition of a symmetric matrix.

use super::Matrix;
use crate::MathError;
use crate::simd::clear_upper_halves;

/// `A = V diag(values) Vᵀ`, eigenvalues ascending.
#[derive(Debug, Clone, PartialEq)]
pub struct SymmetricEigen {
    /// Eigenvalues, ascending.
    pub values: Vec<f64>,
    /// Eigenvectors, one per column, orthonormal.
    pub vectors: Matrix,
}

impl SymmetricEigen {
    /// Decomposes a symmetric matrix, of which only the lower triangle is read.
    ///
    /// # Errors
    /// [`MathError::NoConvergence`], in practice when the matrix holds a NaN.
    pub fn new(a: &Matrix) -> Result<Self, MathError> {
        let dim = a.rows();
        assert_eq!(dim, a.cols(), "eigenvalues need a square matrix");
        if a.as_slice().iter().any(|v| !v.is_finite()) {
            return Err(MathError::NoConvergence { dim });
        }
        let eigen = a
            .view()
            .self_adjoint_eigen(faer::Side::Lower)
            .map_err(|_| MathError::NoConvergence { dim })?;
        clear_upper_halves();
        let (values, vectors) = (eigen.S().column_vector(), eigen.U());
        Ok(Self {
            values: (0..dim).map(|i| values[i]).collect(),
            vectors: Matrix::from_fn(dim, dim, |i, j| vectors[(i, j)]),
        })
    }
}
