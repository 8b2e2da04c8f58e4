//! Which statements may end without reaching what follows them.

use super::Checker;
use crate::diagnostic::{Code, Diagnostic};
use crate::typed::{Expression, ExpressionKind, Statement, StatementKind};

/// How a statement ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// What follows is reached.
    Passes,
    /// The function is left on every way.
    Leaves,
    /// Some way goes to the end of the loop.
    Jumps,
}

impl Flow {
    /// One statement after another.
    pub(super) fn then(self, next: Self) -> Self {
        match (self, next) {
            (Self::Jumps, _) | (_, Self::Jumps) => Self::Jumps,
            (_, Self::Leaves) => Self::Leaves,
            _ => Self::Passes,
        }
    }

    /// One way or the other.
    pub(super) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Leaves, Self::Leaves) => Self::Leaves,
            (Self::Jumps, _) | (_, Self::Jumps) => Self::Jumps,
            _ => Self::Passes,
        }
    }

    /// The body of a loop, seen from outside.
    pub(super) fn of_loop(self) -> Self {
        match self {
            Self::Leaves => Self::Leaves,
            _ => Self::Passes,
        }
    }
}

/// A condition that is written to hold for ever.
pub(super) fn always(condition: &Expression) -> bool {
    matches!(condition.kind, ExpressionKind::Integer(value) if value != 0)
}

/// What follows directly is never reached.
pub(super) fn escapes(statement: &Statement) -> bool {
    use crate::typed::Message;
    matches!(
        statement.kind,
        StatementKind::Break
            | StatementKind::Continue
            | StatementKind::Return(_)
            | StatementKind::Message(Message::Reject | Message::FatalError, _)
    )
}

impl Checker<'_> {
    pub(super) fn warn_unreachable(&mut self, before: &Statement, after: &Statement) {
        let found = Diagnostic::new(
            Code::Unreachable,
            after.span,
            "this statement is never reached",
        )
        .related(before.span, "nothing goes past this");
        self.report(found);
    }
}
