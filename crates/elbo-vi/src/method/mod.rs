//! The contract of a method, one file per method beside this one.
//!
//! The one idea: `init → State`, `step`, `finish`. The driver owns the loop, so budget, progress,
//! stopping and checkpoints exist once. A `State` holds what the next step needs and nothing else.

use crate::{Approximation, Target, ViError};

/// Where a fit begins.
#[derive(Debug, Clone, PartialEq)]
pub enum Start {
    /// Drawn uniformly from `[−2, 2]` in every coordinate, as Stan does, until the density is finite.
    Random,
    /// A point.
    Point(Vec<f64>),
}

/// What one step reports.
#[derive(Debug, Clone, PartialEq)]
pub struct Info {
    /// The current estimate of the ELBO in nats, where the step made one.
    pub elbo: Option<f64>,
    /// Its standard error; 0 when exact.
    pub elbo_error: f64,
    /// Whether the method's own stopping rule is met: another step would change nothing that matters.
    pub converged: bool,
}

/// A way to approximate a target.
pub trait Method {
    /// What the next step needs.
    type State: Clone + Send;

    /// Makes the first state.
    ///
    /// # Errors
    /// Unusable settings or start.
    fn init(&self, target: &Target<'_>, start: &Start, seed: u64) -> Result<Self::State, ViError>;

    /// Moves the state on. After an error the state is as it was.
    ///
    /// # Errors
    /// What the method cannot step around.
    fn step(&self, target: &Target<'_>, state: &mut Self::State) -> Result<Info, ViError>;

    /// The approximation that the state stands for.
    ///
    /// # Errors
    /// A state from which none can be made.
    fn finish(
        &self,
        target: &Target<'_>,
        state: Self::State,
    ) -> Result<Box<dyn Approximation>, ViError>;
}
