//! What can go wrong when a model is set up or fitted.

use elbo_math::MathError;

/// Wrong settings, unusable data or a numerical failure, kept apart.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// A setting is out of its range.
    #[error("{name} = {value}: {expected}")]
    Setting {
        /// The setting's name as the user knows it.
        name: &'static str,
        /// What was given.
        value: String,
        /// What is required, and what to do.
        expected: String,
    },
    /// The data cannot be used by this model.
    #[error("{message}")]
    Data {
        /// What is wrong, where, and what to do about it.
        message: String,
    },
    /// Two shapes that must agree do not.
    #[error("{what}: expected {expected}, got {got}")]
    Shape {
        /// What has the wrong shape.
        what: &'static str,
        /// The required size.
        expected: usize,
        /// The given size.
        got: usize,
    },
    /// A matrix lost its positive definiteness or a decomposition failed.
    #[error("numerical failure in {what}: {source}")]
    Numerical {
        /// The quantity that was computed.
        what: String,
        /// The failure.
        source: MathError,
    },
    /// A bound or a parameter became NaN or infinite; the model keeps its last finite state.
    #[error("{what} is not finite at iteration {iteration}; the last finite state is kept")]
    NonFinite {
        /// The quantity.
        what: &'static str,
        /// The iteration at which it appeared.
        iteration: usize,
    },
    /// A batch could not be read.
    #[error(transparent)]
    Source(Box<dyn std::error::Error + Send + Sync>),
}

impl ModelError {
    /// A [`ModelError::Setting`].
    pub fn setting(
        name: &'static str,
        value: impl std::fmt::Display,
        expected: impl Into<String>,
    ) -> Self {
        Self::Setting {
            name,
            value: value.to_string(),
            expected: expected.into(),
        }
    }

    /// A [`ModelError::Data`].
    pub fn data(message: impl Into<String>) -> Self {
        Self::Data {
            message: message.into(),
        }
    }

    /// Attaches what was being computed to a numerical failure.
    pub fn numerical(what: impl Into<String>) -> impl FnOnce(MathError) -> Self {
        let what = what.into();
        move |source| Self::Numerical { what, source }
    }
}
