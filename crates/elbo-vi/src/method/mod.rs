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

/// What one step reports; `..Info::default()` leaves out what a method does not know.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Info {
    /// The current estimate of the ELBO in nats, where the step made one.
    pub elbo: Option<f64>,
    /// Its standard error; 0 when exact.
    pub elbo_error: f64,
    /// Whether the method's own stopping rule is met: another step would change nothing that matters.
    pub converged: bool,
    /// Whether the step met points that are not finite and left the approximation as it was; the
    /// next step draws others. The driver ends a fit that does nothing else.
    pub rejected: bool,
    /// The coordinate with the largest standard deviation under `q`, and that standard deviation,
    /// where the step knows it; the driver ends a fit in which it runs away.
    pub widest: Option<(usize, f64)>,
}

/// A method as help, documentation and conformance tests list it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Description {
    /// What it is called everywhere.
    pub name: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// What can be set: the name, the default, what it does.
    pub options: &'static [(&'static str, &'static str, &'static str)],
}

/// Every method; a new one adds its file's `DESCRIPTION` here, in alphabetical order.
pub const METHODS: &[Description] = &[];

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
