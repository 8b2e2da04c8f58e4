//! Why a run ends.

use crate::source::{Sources, Span};

/// What ended a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RunErrorKind {
    /// The data do not fit the declarations.
    Data,
    /// A value breaks a constraint of its declaration.
    Constraint,
    /// An index, a size or an argument that has no meaning.
    Value,
    /// `reject(…)`
    Reject,
    /// `fatal_error(…)`
    Fatal,
    /// Time, memory or depth beyond the limits.
    Limit,
    /// A function that is known and cannot be evaluated here.
    Unsupported,
}

/// The end of a run, and the place in the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunError {
    /// What ended it.
    pub kind: RunErrorKind,
    /// One sentence, without a full stop.
    pub message: String,
    /// Where.
    pub span: Span,
}

impl RunError {
    pub(crate) fn new(kind: RunErrorKind, span: Span, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            span,
        }
    }

    /// The sentence with file, line and column before it.
    pub fn describe(&self, sources: &Sources) -> String {
        let place = sources.locate(self.span);
        format!(
            "{}:{}:{}: {}",
            place.file.name, place.line, place.column, self.message
        )
    }
}
