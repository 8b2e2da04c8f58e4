//! Dense linear algebra behind a small interface of our own.
//!
//! Matrices are row-major. Decompositions and products are the `faer` crate's, run on one thread:
//! parallel work is cut by [`crate::parallel`] so that its bits do not depend on the number of
//! threads. Wrong shapes panic; numerical failures are [`crate::MathError`].

mod cholesky;
mod eigen;
mod general_eigen;
mod matrix;
mod product;
mod triangular_factor;

pub use cholesky::Cholesky;
pub use eigen::SymmetricEigen;
pub use general_eigen::GeneralEigen;
pub use matrix::{Matrix, axpy, dot};
pub use product::{View, gram, matmul, matmul_into, matmul_nt, matmul_tn};
pub use triangular_factor::triangular_factor;

#[cfg(test)]
mod tests;
