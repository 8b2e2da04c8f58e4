//! Black-box variational inference: an approximation to any density that can be evaluated with its
//! gradient, and a verdict on whether to believe it.
//!
//! The one idea: everything works on many draws at once ([`Draws`], draws innermost), so a density
//! that runs on lanes of draws is used at its full speed, and one written for a single draw works
//! as well. A [`Target`] stands between methods and the user's [`LogDensity`]: it counts, checks and
//! parallelises, so that no method does. Deliberately absent: constraint transforms (densities live
//! on unconstrained space; models own their transforms), files, clocks, printing.

pub mod approximation;
pub mod coupled;
pub mod density;
pub mod diagnostic;
pub mod draws;
pub mod driver;
pub mod family;
pub mod fit;
pub mod gradient;
pub mod method;
pub mod objective;
pub mod optimizer;
pub mod reparameterised;
pub mod sample;
pub mod target;

mod error;
mod hamiltonian;
mod program;
#[cfg(test)]
mod testing;

pub use approximation::{Approximation, Halves};
pub use density::{DensityError, LogDensity, Subsampled};
pub use draws::Draws;
pub use error::ViError;
pub use fit::{Fit, FitConfig, fit};
pub use target::Target;
