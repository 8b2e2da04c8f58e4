//! Differentiable programs over lanes of draws.
//!
//! The one idea: variational inference needs a gradient at many points, so a model is one static
//! program that runs on a block of draws at a time, draws innermost. Dispatch is shared, loops
//! vectorise, a matrix times a vector becomes a matrix times a matrix. Sums over rows of data become
//! *plates*, which run fused, in cache, on any subset of rows.
//!
//! Build a [`Graph`], compile it into a [`Program`], evaluate that as often as needed. Deliberately
//! absent: inference, files, and any syntax but Rust's.

pub mod algebra;
mod block;
mod condense;
pub mod decomposition;
mod density;
pub mod equations;
mod evaluate;
mod fold;
pub mod gaussian_process;
pub mod geometry;
mod graph;
mod lanes;
pub mod model;
pub mod multivariate;
mod number;
pub mod ode;
mod op;
mod plan;
mod plate;
mod pointwise;
mod program;
mod run;
mod shape;
mod summary;
mod tape;
#[cfg(test)]
mod tests;
mod transform;

pub use block::{
    Backward, Block, BlockOperation, Call, Cholesky, CorrelationCholesky, CumulativeSum, Forward,
    HiddenMarkov, HiddenStateProbabilities, Hypergeometric, Inverse, LogAbsDeterminant,
    LogMultivariateGamma, MatrixExponential, SingularValues, Sort, SortIndices, SumToZero,
    SymmetricEigen, Tcrossprod, TriangularSolve,
};
pub use density::{DENSITIES, Density, DensityError, Relation, Support};
pub use graph::{Graph, NodeId};
pub use lanes::LaneBlock;
pub use number::{Dual, FusedReal, Number};
pub use pointwise::Function;
pub use program::{MOST_LANES, Program, Subset};
pub use shape::Shape;
pub use summary::{Computation, CondensedSummary, ParameterSummary, PlateSummary, Summary};
pub use transform::{Constrained, Transform, TransformError, from_column_major, reshape};
