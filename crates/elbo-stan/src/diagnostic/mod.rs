//! What is wrong with a program, where, and what to do about it.
//!
//! A [`Diagnostic`] carries no text of the program, only spans; `render` draws it
//! from the sources as `rustc` draws its own. The table of kinds is in [`code`].

pub(crate) mod code;
pub(crate) mod render;

pub use code::Code;
pub use render::Style;
pub(crate) use render::render;

use crate::source::Span;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The program has no meaning.
    Error,
    /// The program has a meaning, but perhaps not the intended one.
    Warning,
}

/// One finding.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnostic {
    /// Its kind.
    pub code: Code,
    /// One sentence about this instance, without a full stop.
    pub message: String,
    /// What is underlined.
    pub span: Span,
    /// A few words beside the underline; may be empty.
    pub label: String,
    /// Other places that explain it, with a few words each.
    pub related: Vec<(Span, String)>,
    /// What to write instead, or where to look; one sentence each.
    pub hints: Vec<String>,
}

impl Diagnostic {
    /// A finding without label, related places or hints.
    pub(crate) fn new(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            span,
            label: String::new(),
            related: Vec::new(),
            hints: Vec::new(),
        }
    }

    pub(crate) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    pub(crate) fn related(mut self, span: Span, label: impl Into<String>) -> Self {
        self.related.push((span, label.into()));
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    pub(crate) fn hint_if(mut self, hint: Option<String>) -> Self {
        self.hints.extend(hint);
        self
    }

    /// How bad it is.
    pub fn severity(&self) -> Severity {
        self.code.severity()
    }
}

/// Findings in the order in which they were made, as many as the limit allows.
#[derive(Debug, Default)]
pub(crate) struct Diagnostics {
    pub(crate) found: Vec<Diagnostic>,
    pub(crate) dropped: usize,
    pub(crate) errors: usize,
    limit: usize,
}

impl Diagnostics {
    pub(crate) fn with_limit(limit: usize) -> Self {
        Self {
            limit,
            ..Self::default()
        }
    }

    /// Whether another finding would only be counted, so that its hints need not be looked for.
    pub(crate) fn is_full(&self) -> bool {
        self.found.len() >= self.limit
    }

    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        if diagnostic.severity() == Severity::Error {
            self.errors += 1;
        }
        if self.found.len() < self.limit {
            self.found.push(diagnostic);
        } else {
            self.dropped += 1;
        }
    }
}
