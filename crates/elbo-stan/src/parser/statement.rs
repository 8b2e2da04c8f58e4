//! Statements.

use std::sync::Arc;

use super::{Failed, Parsed, Parser};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::{
    BinaryOperator, Expression, ExpressionKind, Message, Printable, Statement, StatementKind,
    Truncation,
};
use crate::token::TokenKind;

#[expect(
    clippy::option_option,
    reason = "`=` is an assignment without an operator"
)]
fn assignment(kind: TokenKind) -> Option<Option<BinaryOperator>> {
    Some(match kind {
        TokenKind::Assign => None,
        TokenKind::PlusAssign => Some(BinaryOperator::Add),
        TokenKind::MinusAssign => Some(BinaryOperator::Subtract),
        TokenKind::TimesAssign => Some(BinaryOperator::Multiply),
        TokenKind::DivideAssign => Some(BinaryOperator::Divide),
        TokenKind::ElementTimesAssign => Some(BinaryOperator::ElementMultiply),
        TokenKind::ElementDivideAssign => Some(BinaryOperator::ElementDivide),
        _ => return None,
    })
}

impl Parser<'_> {
    /// A statement or a declaration; `constraints` says whether a declaration here may have them.
    pub(super) fn statement(&mut self, constraints: bool) -> Parsed<Statement> {
        self.nested(|parser| parser.statement_here(constraints))
    }

    fn statement_here(&mut self, constraints: bool) -> Parsed<Statement> {
        let first = self.peek();
        if first.kind.starts_type() {
            return self.declaration(constraints);
        }
        let kind = match first.kind {
            TokenKind::Semicolon => {
                self.bump();
                StatementKind::Empty
            }
            TokenKind::LeftBrace if !self.at_array() => StatementKind::Block(self.braces()?),
            TokenKind::If => self.conditional()?,
            TokenKind::While => {
                self.bump();
                let condition = self.condition()?;
                StatementKind::While(condition, Box::new(self.statement(false)?))
            }
            TokenKind::For => self.for_loop()?,
            TokenKind::Profile => self.profile()?,
            TokenKind::Break => {
                self.bump();
                self.semicolon()?;
                StatementKind::Break
            }
            TokenKind::Continue => {
                self.bump();
                self.semicolon()?;
                StatementKind::Continue
            }
            TokenKind::Return => {
                self.bump();
                let value = if self.at(TokenKind::Semicolon) {
                    None
                } else {
                    Some(self.expression()?)
                };
                self.semicolon()?;
                StatementKind::Return(value)
            }
            TokenKind::Print => self.message(Message::Print)?,
            TokenKind::Reject => self.message(Message::Reject)?,
            TokenKind::FatalError => self.message(Message::FatalError)?,
            TokenKind::Target if self.peek_at(1).kind != TokenKind::LeftParenthesis => {
                self.bump();
                StatementKind::Target(self.increment("target")?)
            }
            TokenKind::Jacobian => {
                self.bump();
                StatementKind::Jacobian(self.increment("jacobian")?)
            }
            TokenKind::Void => {
                self.report(
                    Diagnostic::new(
                        Code::StatementNotAllowed,
                        first.span,
                        "functions are defined in the block `functions`",
                    )
                    .hint("move the definition to the top of the program, into `functions { … }`"),
                );
                return Err(Failed);
            }
            TokenKind::Else => {
                self.report(
                    Diagnostic::new(
                        Code::UnexpectedToken,
                        first.span,
                        "this `else` belongs to no `if`",
                    )
                    .hint("several statements after `if (…)` need braces around them"),
                );
                self.bump();
                return Err(Failed);
            }
            _ => self.simple()?,
        };
        Ok(Statement {
            kind,
            span: first.span.to(self.previous),
        })
    }

    /// Statements in braces; a mistake in one of them does not end the block.
    fn braces(&mut self) -> Parsed<Vec<Statement>> {
        let open = self.expect(TokenKind::LeftBrace)?;
        let mut statements = Vec::new();
        loop {
            if self.eat(TokenKind::RightBrace) {
                return Ok(statements);
            }
            if self.at(TokenKind::End) || self.at_block() {
                self.expect_close(TokenKind::RightBrace, open)?;
            }
            if let Ok(statement) = self.statement(false) {
                statements.push(statement);
            } else {
                self.recover();
                statements.push(Statement {
                    kind: StatementKind::Unknown,
                    span: self.previous,
                });
            }
        }
    }

    /// Whether a brace opens an array expression, `{1, 2} ~ normal(0, 1)`, and not a block: then a
    /// comma or its end comes before anything that only statements have.
    fn at_array(&mut self) -> bool {
        const FAR: usize = 100;
        let mut depth = 0_usize;
        let second = self.peek_at(1).kind;
        if second == TokenKind::RightBrace
            || second.starts_type()
            || second.starts_statement() && second != TokenKind::LeftBrace
        {
            return false;
        }
        for n in 1..FAR {
            match self.peek_at(n).kind {
                TokenKind::LeftBrace | TokenKind::LeftBracket | TokenKind::LeftParenthesis => {
                    depth += 1;
                }
                TokenKind::Comma | TokenKind::RightBrace if depth == 0 => return true,
                TokenKind::RightBrace | TokenKind::RightBracket | TokenKind::RightParenthesis => {
                    depth = depth.saturating_sub(1);
                }
                TokenKind::Semicolon | TokenKind::End | TokenKind::Tilde => return false,
                kind if assignment(kind).is_some() => return false,
                _ => {}
            }
        }
        false
    }

    fn condition(&mut self) -> Parsed<Expression> {
        let open = self.expect(TokenKind::LeftParenthesis)?;
        let condition = self.expression()?;
        if self.at(TokenKind::Assign) {
            let span = self.peek().span;
            self.report(
                Diagnostic::new(
                    Code::UnexpectedToken,
                    span,
                    "`=` assigns and does not compare",
                )
                .hint("write `==` to compare"),
            );
            return Err(Failed);
        }
        self.expect_close(TokenKind::RightParenthesis, open)?;
        Ok(condition)
    }

    /// `if`, with all its `else if` as arms of one statement.
    fn conditional(&mut self) -> Parsed<StatementKind> {
        let mut arms = Vec::new();
        loop {
            self.expect(TokenKind::If)?;
            let condition = self.condition()?;
            arms.push((condition, self.statement(false)?));
            if !self.eat(TokenKind::Else) {
                return Ok(StatementKind::If {
                    arms,
                    otherwise: None,
                });
            }
            if !self.at(TokenKind::If) {
                let otherwise = Some(Box::new(self.statement(false)?));
                return Ok(StatementKind::If { arms, otherwise });
            }
        }
    }

    fn for_loop(&mut self) -> Parsed<StatementKind> {
        self.bump();
        let open = self.expect(TokenKind::LeftParenthesis)?;
        if self.peek().kind.starts_type() {
            let span = self.bump().span;
            self.report(
                Diagnostic::new(
                    Code::UnexpectedToken,
                    span,
                    "a loop variable is not declared with a type",
                )
                .hint("write `for (i in 1:N)`"),
            );
        }
        let variable = self.name("a loop variable")?;
        self.expect(TokenKind::In)?;
        let first = self.expression()?;
        if !self.eat(TokenKind::Colon) {
            self.expect_close(TokenKind::RightParenthesis, open)?;
            let body = Box::new(self.statement(false)?);
            return Ok(StatementKind::ForEach {
                variable,
                over: first,
                body,
            });
        }
        let upper = self.expression()?;
        self.expect_close(TokenKind::RightParenthesis, open)?;
        let body = Box::new(self.statement(false)?);
        Ok(StatementKind::For {
            variable,
            lower: first,
            upper,
            body,
        })
    }

    fn profile(&mut self) -> Parsed<StatementKind> {
        self.bump();
        let open = self.expect(TokenKind::LeftParenthesis)?;
        if !self.at(TokenKind::String) {
            return Err(self.unexpected("the name of the profile, a string"));
        }
        let name = self.string();
        self.expect_close(TokenKind::RightParenthesis, open)?;
        Ok(StatementKind::Profile(name, self.braces()?))
    }

    /// The text of a string, without its quotes.
    fn string(&mut self) -> Arc<str> {
        let token = self.bump();
        let text = self.text(token.span);
        let text = text.strip_prefix('"').unwrap_or(text);
        text.strip_suffix('"').unwrap_or(text).into()
    }

    fn message(&mut self, message: Message) -> Parsed<StatementKind> {
        self.bump();
        let open = self.expect(TokenKind::LeftParenthesis)?;
        let mut items = Vec::new();
        loop {
            if self.at(TokenKind::String) {
                items.push(Printable::Text(self.string()));
            } else {
                items.push(Printable::Value(self.expression()?));
            }
            if !self.eat(TokenKind::Comma) {
                break;
            }
        }
        self.expect_close(TokenKind::RightParenthesis, open)?;
        self.semicolon()?;
        Ok(StatementKind::Message(message, items))
    }

    /// What follows `target` or `jacobian`.
    fn increment(&mut self, what: &str) -> Parsed<Expression> {
        if !self.at(TokenKind::PlusAssign) {
            let span = self.peek().span;
            self.report(
                Diagnostic::new(
                    Code::UnexpectedToken,
                    span,
                    format!("`{what}` can only be added to"),
                )
                .label("expected `+=`")
                .hint(format!("write `{what} += …;`")),
            );
            return Err(Failed);
        }
        self.bump();
        let value = self.expression()?;
        self.semicolon()?;
        Ok(value)
    }

    /// `<` and `-` without anything between them.
    pub(super) fn adjacent_arrow(&mut self) -> bool {
        let (first, second) = (self.peek(), self.peek_at(1));
        first.kind == TokenKind::Less
            && second.kind == TokenKind::Minus
            && first.span.end == second.span.start
    }

    pub(super) fn old_arrow(&mut self, span: Span) {
        self.report(
            Diagnostic::new(
                Code::OldAssignment,
                span,
                "assignment is no longer written `<-`",
            )
            .hint("write `=`"),
        );
    }

    /// An assignment, a call, or a distribution statement.
    fn simple(&mut self) -> Parsed<StatementKind> {
        let first = self.peek().kind;
        let assignable = matches!(
            first,
            TokenKind::Identifier | TokenKind::LeftParenthesis | TokenKind::LeftBracket
        ) || first.is_word();
        let mut left = if assignable {
            self.postfix()?
        } else {
            self.expression()?
        };
        if self.adjacent_arrow() {
            let arrow = self.bump().span;
            let arrow = arrow.to(self.bump().span);
            self.old_arrow(arrow);
            return self.assign(left, None);
        }
        if let Some(operator) = assignment(self.peek().kind) {
            self.bump();
            return self.assign(left, operator);
        }
        if assignable {
            left = self.climb_from(left, 0)?;
        }
        if self.eat(TokenKind::Tilde) {
            return self.distribution(left);
        }
        if assignment(self.peek().kind).is_some() {
            self.report(
                Diagnostic::new(
                    Code::NotAssignable,
                    left.span,
                    "this is not a variable, so nothing can be assigned to it",
                )
                .hint("on the left stands a variable, with indices perhaps, or a tuple of them"),
            );
            return Err(Failed);
        }
        match left.kind {
            ExpressionKind::Call {
                name,
                mut arguments,
                bar: false,
            } => {
                self.semicolon()?;
                if &*name.text == "increment_log_prob" && arguments.len() == 1 {
                    self.report(
                        Diagnostic::new(
                            Code::OldTargetStatement,
                            name.span,
                            "`increment_log_prob` is gone",
                        )
                        .hint("write `target += …;`"),
                    );
                    return Ok(StatementKind::Target(arguments.remove(0)));
                }
                Ok(StatementKind::Call { name, arguments })
            }
            _ if self.at(TokenKind::Semicolon) => {
                self.report(
                    Diagnostic::new(
                        Code::UnusedValue,
                        left.span,
                        "this is a value and not a statement",
                    )
                    .hint("assign it to a variable, or add it to the log density: `target += …;`"),
                );
                Err(Failed)
            }
            _ => Err(self.unexpected("`=`, `~` or another way to make this a statement")),
        }
    }

    fn assign(
        &mut self,
        target: Expression,
        operator: Option<BinaryOperator>,
    ) -> Parsed<StatementKind> {
        let value = self.expression()?;
        self.semicolon()?;
        Ok(StatementKind::Assign {
            target,
            operator,
            value,
        })
    }

    fn distribution(&mut self, value: Expression) -> Parsed<StatementKind> {
        let name = self.name("the name of a distribution")?;
        let open = self.expect(TokenKind::LeftParenthesis)?;
        let arguments = self.expressions(TokenKind::RightParenthesis)?;
        self.expect_close(TokenKind::RightParenthesis, open)?;
        let truncation = if self.at_identifier("T") {
            self.bump();
            self.truncation()?
        } else {
            Truncation::default()
        };
        self.semicolon()?;
        Ok(StatementKind::Distribution {
            value,
            name,
            arguments,
            truncation,
        })
    }

    /// `[lower, upper]`, either of which may be left out.
    fn truncation(&mut self) -> Parsed<Truncation> {
        let open = self.expect(TokenKind::LeftBracket)?;
        let mut truncation = Truncation::default();
        if !self.at(TokenKind::Comma) {
            truncation.lower = Some(self.expression()?);
        }
        self.expect(TokenKind::Comma)?;
        if !self.at(TokenKind::RightBracket) {
            truncation.upper = Some(self.expression()?);
        }
        self.expect_close(TokenKind::RightBracket, open)?;
        Ok(truncation)
    }
}
