//! What can go wrong, with what to try.

use crate::DensityError;

/// Why a fit could not be made or could not go on.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ViError {
    /// There is nothing to infer.
    #[error("the density has dimension 0: there is nothing to infer")]
    ZeroDimension,
    /// A setting is out of its range.
    #[error("{name} is {value}; it must be {requirement}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// What was given.
        value: String,
        /// What is allowed.
        requirement: &'static str,
    },
    /// Numbers that no member of a family has.
    #[error("{family}: {name} is {found}; it must be {requirement}")]
    Parameters {
        /// The family.
        family: &'static str,
        /// The parameter.
        name: &'static str,
        /// What was given.
        found: String,
        /// What is allowed.
        requirement: &'static str,
    },
    /// A point has another length than the density.
    #[error("a point of length {got} was given for a density of dimension {expected}")]
    Length {
        /// The density's dimension.
        expected: usize,
        /// The point's length.
        got: usize,
    },
    /// The density is not finite where the fit has to begin.
    #[error(
        "the log density is {value} at the start; start inside the support, or check the density \
         there"
    )]
    Start {
        /// The value found.
        value: f64,
    },
    /// The density returned +∞ or NaN, or a gradient that is not finite, more often than a fit can
    /// step around.
    #[error(
        "the log density or its gradient was not finite at {rejected} of {evaluated} points (one of \
         them: log density {value}, gradient of coordinate {coordinate} {gradient}); check the \
         density there, or start closer to its mode"
    )]
    NotFinite {
        /// Points rejected.
        rejected: u64,
        /// Points evaluated.
        evaluated: u64,
        /// The log density at one of them.
        value: f64,
        /// A coordinate of its gradient.
        coordinate: usize,
        /// Its value.
        gradient: f64,
    },
    /// Not one draw of the approximation lies where the function is finite.
    #[error(
        "the log density was not finite at any of {n_draws} draws; start the approximation inside \
         the support, or with smaller scales"
    )]
    NoUsableDraw {
        /// Draws made.
        n_draws: usize,
    },
    /// The ELBO grows without bound: the posterior is improper.
    #[error(
        "the ELBO keeps growing ({elbo:.3e} nats) while the approximation spreads along coordinate \
         {coordinate}: the posterior seems to be improper; give every parameter a proper prior"
    )]
    Improper {
        /// The ELBO reached.
        elbo: f64,
        /// The coordinate whose scale runs away.
        coordinate: usize,
    },
    /// The density is not curved downwards where its ascent ended.
    #[error(
        "the log density has no quadratic peak where the ascent ended: along a direction mostly of \
         coordinate {coordinate} its second derivative is {curvature:.3e}, not negative; start \
         elsewhere, check that every parameter has a prior, or use a method that needs no mode"
    )]
    NoPeak {
        /// The coordinate with the largest share in the direction.
        coordinate: usize,
        /// The second derivative along it.
        curvature: f64,
    },
    /// The density gave up.
    #[error("the log density failed: {0}")]
    Density(#[from] DensityError),
    /// The density panicked.
    #[error("the log density panicked: {message}")]
    Panicked {
        /// What it said.
        message: String,
    },
    /// It was stopped before there was anything to keep.
    #[error("stopped before there was anything to keep; let it run longer")]
    Interrupted,
    /// A matrix could not be decomposed.
    #[error(transparent)]
    Matrix(#[from] elbo_math::MathError),
    /// A decomposition or another numerical step failed.
    #[error("{what} failed numerically; {advice}")]
    Numerical {
        /// The step.
        what: &'static str,
        /// What to try.
        advice: &'static str,
    },
}
