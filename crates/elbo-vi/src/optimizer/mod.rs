//! Optimisers, one per file.
//!
//! Deliberately absent: what is optimised (objectives) and when to stop a noisy run.

pub mod lbfgs;
mod line_search;
pub mod smooth;
pub mod trust_region;

pub use lbfgs::{Lbfgs, LbfgsState, Progress};
pub use smooth::Smooth;
pub use trust_region::{TrustRegion, TrustRegionState};
