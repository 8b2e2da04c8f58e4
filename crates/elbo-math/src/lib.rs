//! The numerics of elbo: special functions, log-space arithmetic, dense linear algebra, vectorised
//! elementary functions, quadrature, random streams and parallel sums.
//!
//! The one idea: everything above this crate speaks in slices, `usize` and the few types defined
//! here. No other crate names the matrix library, the random generator or the thread pool, so each
//! can be replaced in one place. Deliberately absent: probability distributions (`elbo-dist`),
//! files, clocks and printing.

pub mod arrays;
pub mod linalg;
pub mod log_space;
pub mod parallel;
pub mod quadrature;
pub mod random;
pub mod simd;
pub mod special;

mod error;
mod incomplete;

pub use error::MathError;
