//! The front end for Stan programs: what a program means, or what is wrong with it.
//!
//! [`check`] reads a program and returns it with every name resolved and every expression typed
//! ([`typed::Program`]), together with diagnostics that point at the text as a compiler's do. It
//! never fails otherwise: whatever the bytes are, there is an answer, in time and memory that
//! [`Limits`] bound. The language is that of Stan 2.38 `[@stan2025reference]` `[@stan2026functions]`.
//!
//! [`run`] checks data against a program's declarations and runs what needs no parameters. Absent:
//! files (an [`Includes`] finds what a program includes), and densities.
//!
//! ```
//! use elbo_stan::{Limits, NoIncludes, Style, check};
//!
//! let source = "parameters { real mu; } model { mu ~ normal(0, sgima); }";
//! let checked = check("model.stan", source.as_bytes(), &mut NoIncludes, &Limits::default());
//! assert!(checked.program.is_none());
//! let text = checked.render(Style::Plain);
//! assert!(text.contains("there is no variable `sgima` here"), "{text}");
//! ```

mod check;
mod diagnostic;
mod functions;
mod include;
mod lexer;
mod limits;
mod lower;
mod model;
mod parser;
mod printer;
pub mod run;
mod source;
mod syntax;
mod token;
mod trace;
pub mod typed;
mod types;

pub use diagnostic::{Code, Diagnostic, Severity, Style};
pub use include::{Included, Includes, NoIncludes};
pub use limits::Limits;
pub use model::{Column, DensityOptions, Model, Quantities};
pub use run::Constants;
pub use source::{Location, SourceFile, Sources, Span};
pub use trace::Jacobian;

/// What a check found.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The program, if it has no errors.
    pub program: Option<typed::Program>,
    /// Errors and warnings, by their place in the program.
    pub diagnostics: Vec<Diagnostic>,
    /// How many diagnostics there were beyond the limit.
    pub more: usize,
    /// The files of the program, for what points into them.
    pub sources: Sources,
}

impl Checked {
    /// All diagnostics as text, and a line that counts them; empty if there are none.
    pub fn render(&self, style: Style) -> String {
        let mut text = String::new();
        for diagnostic in &self.diagnostics {
            text.push_str(&diagnostic::render(diagnostic, &self.sources, style));
            text.push('\n');
        }
        let errors = self.errors();
        let warnings = self.diagnostics.len() - errors;
        let count = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
        let mut parts = Vec::new();
        if errors > 0 {
            parts.push(count(errors, "error"));
        }
        if warnings > 0 {
            parts.push(count(warnings, "warning"));
        }
        if self.more > 0 {
            parts.push(format!("{} more not shown", self.more));
        }
        if !parts.is_empty() {
            text.push_str(&parts.join(", "));
            text.push('\n');
        }
        text
    }

    /// The number of errors among the diagnostics.
    pub fn errors(&self) -> usize {
        self.diagnostics
            .iter()
            .filter(|d| d.severity() == Severity::Error)
            .count()
    }
}

/// Reads and checks a program.
///
/// `name` is what diagnostics call it, `bytes` are its text, and `includes` finds the files that it
/// includes.
pub fn check(name: &str, bytes: &[u8], includes: &mut dyn Includes, limits: &Limits) -> Checked {
    let lexer = lexer::Lexer::new(name, bytes, includes, limits);
    let (tree, sources, diagnostics) = parser::Parser::new(lexer, limits).program();
    let (program, diagnostics) = check::check(&tree, &sources, diagnostics);
    let mut found = diagnostics.found;
    found.sort_by_key(|d| d.span.start);
    Checked {
        program,
        diagnostics: found,
        more: diagnostics.dropped,
        sources,
    }
}
