//! The tree as it was written: nothing resolved, nothing typed.
//!
//! It is made by the parser and read by the checker only. Whatever the parser could not understand is
//! `Unknown` or left out, and has been reported.

pub(crate) mod expression;
pub(crate) mod statement;

use std::sync::Arc;

use crate::source::Span;

// The typed tree keeps these.
pub use expression::{BinaryOperator, UnaryOperator};
pub use statement::{BlockKind, Message, Structure};

pub(crate) use expression::{Expression, ExpressionKind, Index};
pub(crate) use statement::{
    Argument, Block, Bounds, Declaration, FunctionDefinition, Printable, SizedBase, SizedType,
    Statement, StatementKind, Truncation, Variable,
};

/// A name and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Name {
    pub(crate) text: Arc<str>,
    pub(crate) span: Span,
}

/// A whole program, in the order of its blocks.
#[derive(Debug, Default)]
pub(crate) struct Program {
    pub(crate) blocks: Vec<Block>,
}
