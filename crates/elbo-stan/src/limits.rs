//! How much a program may ask of the front end.
//!
//! Programs come from strangers. Every quantity that could grow without bound has a limit here, each
//! far above what a person or a generator of programs writes, and each ends in a diagnostic that
//! names it. Memory and time are bounded by [`Limits::source_bytes`] and [`Limits::tokens`]; the
//! stack by [`Limits::nesting`] and [`Limits::depth`], since every pass over the tree recurses only
//! as deep as it is.

/// Limits on a program and on what is reported about it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of all files together, every inclusion counted. Default 8 MiB.
    pub source_bytes: usize,
    /// Tokens of all files together, every inclusion counted. Default one million.
    pub tokens: usize,
    /// Parentheses, brackets and statements inside each other. Default 200.
    pub nesting: usize,
    /// Height of an expression's tree, which a long sum also makes: `a + b + c + …`. Default 1000.
    pub depth: usize,
    /// Files included, repetitions counted. Default 256.
    pub includes: usize,
    /// Diagnostics kept; the rest are counted. Default 50.
    pub diagnostics: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            source_bytes: 8 << 20,
            tokens: 1_000_000,
            nesting: 200,
            depth: 1000,
            includes: 256,
            diagnostics: 50,
        }
    }
}
