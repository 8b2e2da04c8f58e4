//! Expressions, by precedence climbing.
//!
//! The table of binding powers is that of the language `[@stan2025reference, ch. expressions]`: from `?:`,
//! which binds least, to transposition. A sum is a loop here and not a recursion, so only brackets
//! and prefix operators use the stack.

use super::{Failed, Parsed, Parser};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::{BinaryOperator, Expression, ExpressionKind, Index, Name, UnaryOperator};
use crate::token::{Token, TokenKind};

const TERNARY: u8 = 1;
/// Constraints stop before comparisons, since `>` ends them.
const ADDITIVE: u8 = 6;
const UNARY: u8 = 9;
const POWER: u8 = 10;
const POSTFIX: u8 = 11;

fn binary(kind: TokenKind) -> Option<(BinaryOperator, u8)> {
    use BinaryOperator as B;
    use TokenKind as T;
    Some(match kind {
        T::OrOr => (B::Or, 2),
        T::AndAnd => (B::And, 3),
        T::Equal => (B::Equal, 4),
        T::NotEqual => (B::NotEqual, 4),
        T::Less => (B::Less, 5),
        T::LessEqual => (B::LessEqual, 5),
        T::Greater => (B::Greater, 5),
        T::GreaterEqual => (B::GreaterEqual, 5),
        T::Plus => (B::Add, ADDITIVE),
        T::Minus => (B::Subtract, ADDITIVE),
        T::Times => (B::Multiply, 7),
        T::Divide => (B::Divide, 7),
        T::Percent => (B::Modulo, 7),
        T::ElementTimes => (B::ElementMultiply, 7),
        T::ElementDivide => (B::ElementDivide, 7),
        T::IntegerDivide => (B::IntegerDivide, 8),
        T::Backslash => (B::LeftDivide, 8),
        T::Power => (B::Power, POWER),
        T::ElementPower => (B::ElementPower, POWER),
        _ => return None,
    })
}

impl Parser<'_> {
    pub(super) fn expression(&mut self) -> Parsed<Expression> {
        self.climb(0)
    }

    /// Without comparisons, logic and `?:`, which would run into the closing `>`.
    pub(super) fn constraint_expression(&mut self) -> Parsed<Expression> {
        self.climb(ADDITIVE)
    }

    fn climb(&mut self, least: u8) -> Parsed<Expression> {
        self.nested(|parser| {
            let first = parser.prefix()?;
            parser.climb_from(first, least)
        })
    }

    /// Everything that can follow a first operand.
    pub(super) fn climb_from(&mut self, first: Expression, least: u8) -> Parsed<Expression> {
        let mut left = first;
        loop {
            let token = self.peek();
            if token.kind == TokenKind::Apostrophe && POSTFIX >= least {
                self.bump();
                let span = left.span.to(token.span);
                let depth = left.depth;
                left = self.node(
                    ExpressionKind::Unary(UnaryOperator::Transpose, Box::new(left)),
                    span,
                    depth,
                )?;
                continue;
            }
            if token.kind == TokenKind::Question && TERNARY >= least {
                self.bump();
                let yes = self.climb(TERNARY)?;
                if !self.at(TokenKind::Colon) {
                    return Err(
                        self.unexpected("`:` and the value for when the condition does not hold")
                    );
                }
                self.bump();
                let no = self.climb(TERNARY)?;
                let span = left.span.to(no.span);
                let depth = left.depth.max(yes.depth).max(no.depth);
                left = self.node(
                    ExpressionKind::Ternary(Box::new([left, yes, no])),
                    span,
                    depth,
                )?;
                continue;
            }
            let Some((operator, power)) = binary(token.kind).filter(|&(_, p)| p >= least) else {
                return Ok(left);
            };
            self.bump();
            // `^` groups to the right, everything else to the left.
            let right = self.climb(if power == POWER { power } else { power + 1 })?;
            let span = left.span.to(right.span);
            let depth = left.depth.max(right.depth);
            left = self.node(
                ExpressionKind::Binary(operator, token.span, Box::new([left, right])),
                span,
                depth,
            )?;
        }
    }

    /// A node above others, whose height is kept within the limit.
    fn node(&mut self, kind: ExpressionKind, span: Span, below: u32) -> Parsed<Expression> {
        let depth = below + 1;
        if depth as usize > self.limits.depth {
            return Err(self.too_deep(span, self.limits.depth, "built of operators"));
        }
        Ok(Expression { kind, span, depth })
    }

    fn prefix(&mut self) -> Parsed<Expression> {
        let token = self.peek();
        let operator = match token.kind {
            TokenKind::Not => UnaryOperator::Not,
            TokenKind::Minus => UnaryOperator::Minus,
            TokenKind::Plus => UnaryOperator::Plus,
            _ => return self.postfix(),
        };
        self.bump();
        let operand = self.climb(UNARY + 1)?;
        let span = token.span.to(operand.span);
        let depth = operand.depth;
        self.node(
            ExpressionKind::Unary(operator, Box::new(operand)),
            span,
            depth,
        )
    }

    /// An operand with its indices and tuple elements.
    pub(super) fn postfix(&mut self) -> Parsed<Expression> {
        let mut base = self.primary()?;
        loop {
            let token = self.peek();
            if token.kind == TokenKind::LeftBracket {
                self.bump();
                let indices = self.indices()?;
                let close = self.expect_close(TokenKind::RightBracket, token)?;
                let below = indices.iter().map(index_depth).max().unwrap_or(0);
                let (span, depth) = (base.span.to(close), base.depth.max(below));
                base = self.node(ExpressionKind::Index(Box::new(base), indices), span, depth)?;
            } else if token.kind == TokenKind::DotNumeral {
                self.bump();
                let digits = self.text(token.span)[1..].to_owned();
                let Ok(slot) = digits.replace('_', "").parse::<u32>() else {
                    self.report(Diagnostic::new(
                        Code::NumberTooLarge,
                        token.span,
                        "no tuple has that many elements",
                    ));
                    return Err(Failed);
                };
                let (span, depth) = (base.span.to(token.span), base.depth);
                base = self.node(ExpressionKind::Element(Box::new(base), slot), span, depth)?;
            } else {
                return Ok(base);
            }
        }
    }

    fn primary(&mut self) -> Parsed<Expression> {
        let token = self.peek();
        let kind = match token.kind {
            TokenKind::Integer => {
                self.bump();
                self.integer(token.span)
            }
            TokenKind::Real | TokenKind::DotNumeral => {
                self.bump();
                let value = self.float(token.span);
                if value.is_infinite() {
                    self.report(
                        Diagnostic::new(
                            Code::NumberTooLarge,
                            token.span,
                            "this number is too large for a real, which ends near 1.8e308",
                        )
                        .hint("infinity is `positive_infinity()`"),
                    );
                }
                ExpressionKind::Real(value)
            }
            TokenKind::Imaginary => {
                self.bump();
                let digits = Span {
                    end: token.span.end - 1,
                    ..token.span
                };
                ExpressionKind::Imaginary(self.float(digits))
            }
            TokenKind::Target => {
                self.bump();
                let open = self.expect(TokenKind::LeftParenthesis)?;
                self.expect_close(TokenKind::RightParenthesis, open)?;
                ExpressionKind::Target
            }
            TokenKind::Identifier => return self.name_or_call(),
            TokenKind::LeftParenthesis => return self.parenthesis(),
            TokenKind::LeftBrace => {
                self.bump();
                let items = self.expressions(TokenKind::RightBrace)?;
                let close = self.expect_close(TokenKind::RightBrace, token)?;
                if items.is_empty() {
                    self.report(
                        Diagnostic::new(
                            Code::EmptyLiteral,
                            token.span.to(close),
                            "an array expression needs an element, which gives it its type",
                        )
                        .hint("an empty array is declared: `array[0] real x;`"),
                    );
                    return Err(Failed);
                }
                return self.many(ExpressionKind::Array, items, token.span);
            }
            TokenKind::LeftBracket => {
                self.bump();
                let items = self.expressions(TokenKind::RightBracket)?;
                self.expect_close(TokenKind::RightBracket, token)?;
                return self.many(ExpressionKind::Row, items, token.span);
            }
            kind if kind.is_word() && self.peek_at(1).kind == TokenKind::LeftParenthesis => {
                return self.word_as_function();
            }
            kind if kind.is_word() => {
                let name = self.name("a variable")?;
                return self.node(ExpressionKind::Name(name), token.span, 0);
            }
            _ => return Err(self.unexpected("an expression")),
        };
        self.node(kind, token.span.to(self.previous), 0)
    }

    fn integer(&mut self, span: Span) -> ExpressionKind {
        let digits = self.text(span).replace('_', "");
        if let Ok(value) = digits.parse::<i32>() {
            return ExpressionKind::Integer(value);
        }
        self.report(
            Diagnostic::new(
                Code::NumberTooLarge,
                span,
                "this number is too large for an int, which ends at 2147483647",
            )
            .hint("write it as a real, with a point behind: `4000000000.0`"),
        );
        ExpressionKind::Unknown
    }

    fn float(&mut self, span: Span) -> f64 {
        // The lexer lets only numbers through that Rust reads too.
        self.text(span).replace('_', "").parse().unwrap_or(f64::NAN)
    }

    fn many(
        &mut self,
        kind: fn(Vec<Expression>) -> ExpressionKind,
        items: Vec<Expression>,
        start: Span,
    ) -> Parsed<Expression> {
        let depth = items.iter().map(|e| e.depth).max().unwrap_or(0);
        let span = start.to(self.previous);
        self.node(kind(items), span, depth)
    }

    /// Expressions with commas between them, up to but without the closing token.
    pub(super) fn expressions(&mut self, close: TokenKind) -> Parsed<Vec<Expression>> {
        let mut items = Vec::new();
        if self.at(close) {
            return Ok(items);
        }
        loop {
            items.push(self.expression()?);
            if !self.eat(TokenKind::Comma) {
                return Ok(items);
            }
        }
    }

    /// `(x)`, or a tuple.
    fn parenthesis(&mut self) -> Parsed<Expression> {
        let open = self.bump();
        if self.at(TokenKind::RightParenthesis) {
            let close = self.bump();
            self.report(Diagnostic::new(
                Code::EmptyLiteral,
                open.span.to(close.span),
                "there is no empty tuple",
            ));
            return Err(Failed);
        }
        let first = self.expression()?;
        if !self.eat(TokenKind::Comma) {
            let close = self.expect_close(TokenKind::RightParenthesis, open)?;
            let depth = first.depth;
            return self.node(
                ExpressionKind::Parenthesised(Box::new(first)),
                open.span.to(close),
                depth,
            );
        }
        let mut items = vec![first];
        items.extend(self.expressions(TokenKind::RightParenthesis)?);
        self.expect_close(TokenKind::RightParenthesis, open)?;
        self.many(ExpressionKind::Tuple, items, open.span)
    }

    fn name_or_call(&mut self) -> Parsed<Expression> {
        let token = self.bump();
        let name = Name {
            text: self.text(token.span).into(),
            span: token.span,
        };
        if self.at(TokenKind::LeftParenthesis) {
            self.call(name)
        } else {
            self.node(ExpressionKind::Name(name), token.span, 0)
        }
    }

    /// `reject(…)` or `int(…)` inside an expression.
    fn word_as_function(&mut self) -> Parsed<Expression> {
        let token = self.bump();
        let word = self.text(token.span).to_owned();
        let hint = match token.kind {
            TokenKind::Print | TokenKind::Reject | TokenKind::FatalError => {
                "it is a statement of its own"
            }
            TokenKind::Int => "`to_int` makes an int of a real",
            TokenKind::Vector => "`to_vector` makes a vector, `rep_vector` a constant one",
            TokenKind::Matrix => "`to_matrix` makes a matrix, `rep_matrix` a constant one",
            _ => "choose another name",
        };
        self.report(
            Diagnostic::new(
                Code::ReservedWord,
                token.span,
                format!("`{word}` is a word of the language and not a function with a value"),
            )
            .hint(hint),
        );
        Err(Failed)
    }

    fn call(&mut self, name: Name) -> Parsed<Expression> {
        let open = self.bump();
        let start = name.span;
        let (arguments, bar) = self.arguments(open)?;
        let depth = arguments.iter().map(|e| e.depth).max().unwrap_or(0);
        let span = start.to(self.previous);
        self.node(
            ExpressionKind::Call {
                name,
                arguments,
                bar,
            },
            span,
            depth,
        )
    }

    /// Arguments up to and with the closing parenthesis, and whether a bar follows the first.
    fn arguments(&mut self, open: Token) -> Parsed<(Vec<Expression>, bool)> {
        let mut arguments = Vec::new();
        let mut bar = false;
        if !self.at(TokenKind::RightParenthesis) {
            arguments.push(self.expression()?);
            if self.eat(TokenKind::Bar) {
                bar = true;
                arguments.extend(self.expressions(TokenKind::RightParenthesis)?);
            } else if self.eat(TokenKind::Comma) {
                loop {
                    arguments.push(self.expression()?);
                    if !self.eat(TokenKind::Comma) {
                        break;
                    }
                }
            }
        }
        self.expect_close(TokenKind::RightParenthesis, open)?;
        Ok((arguments, bar))
    }

    fn indices(&mut self) -> Parsed<Vec<Index>> {
        let mut indices = Vec::new();
        loop {
            indices.push(self.index()?);
            if !self.eat(TokenKind::Comma) {
                return Ok(indices);
            }
        }
    }

    fn index(&mut self) -> Parsed<Index> {
        let ends = |kind| matches!(kind, TokenKind::Comma | TokenKind::RightBracket);
        if ends(self.peek().kind) {
            return Ok(Index::All);
        }
        if self.eat(TokenKind::Colon) {
            if ends(self.peek().kind) {
                return Ok(Index::All);
            }
            return Ok(Index::UpTo(self.expression()?));
        }
        let first = self.expression()?;
        if !self.eat(TokenKind::Colon) {
            return Ok(Index::Single(first));
        }
        if ends(self.peek().kind) {
            return Ok(Index::From(first));
        }
        Ok(Index::Between(first, self.expression()?))
    }
}

fn index_depth(index: &Index) -> u32 {
    match index {
        Index::All => 0,
        Index::Single(e) | Index::From(e) | Index::UpTo(e) => e.depth,
        Index::Between(a, b) => a.depth.max(b.depth),
    }
}
