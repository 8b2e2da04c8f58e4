//! What can go wrong in a numerical routine that was called correctly.

/// A numerical failure. Wrong shapes are bugs of the caller and panic instead.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MathError {
    /// A matrix that has to be positive definite is not.
    #[error(
        "the {dim}×{dim} matrix is not positive definite (pivot {pivot}); \
         add to its diagonal, or remove inputs that are copies of one another"
    )]
    NotPositiveDefinite {
        /// Number of rows.
        dim: usize,
        /// Index of the first pivot that was not positive.
        pivot: usize,
    },
    /// An iterative decomposition did not converge; in practice the matrix held a NaN.
    #[error("the eigendecomposition of a {dim}×{dim} matrix did not converge; does it hold a NaN?")]
    NoConvergence {
        /// Number of rows.
        dim: usize,
    },
    /// Adaptive quadrature ran out of subdivisions.
    #[error(
        "quadrature reached {error:.1e} where {tolerance:.1e} was asked, after {intervals} intervals"
    )]
    Quadrature {
        /// The error estimate that was reached.
        error: f64,
        /// The tolerance that was asked for.
        tolerance: f64,
        /// How many intervals were used.
        intervals: usize,
    },
}
