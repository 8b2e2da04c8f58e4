//! Tokens into a tree, by recursive descent.
//!
//! The parser always returns a tree. Where a statement makes no sense it reports once, skips to a
//! place from which a new statement can begin, and goes on, so that one mistake hides no other. It
//! recurses only as deep as [`Limits::nesting`](crate::Limits::nesting), and no tree that it makes is
//! higher than [`Limits::depth`](crate::Limits::depth).

mod block;
mod declaration;
mod expression;
mod function;
mod statement;

use std::collections::VecDeque;

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::lexer::Lexer;
use crate::limits::Limits;
use crate::source::{Sources, Span};
use crate::syntax::{Name, Program};
use crate::token::{Token, TokenKind};

/// The mistake has been reported; the caller looks for a place to go on from.
pub(crate) struct Failed;

pub(crate) type Parsed<T> = Result<T, Failed>;

pub(crate) struct Parser<'a> {
    lexer: Lexer<'a>,
    limits: &'a Limits,
    ahead: VecDeque<Token>,
    previous: Span,
    nesting: usize,
    last_report: Option<u32>,
    /// A limit was reached: nothing more is read and nothing more is reported.
    exhausted: bool,
}

impl<'a> Parser<'a> {
    pub(crate) fn new(lexer: Lexer<'a>, limits: &'a Limits) -> Self {
        Self {
            lexer,
            limits,
            ahead: VecDeque::new(),
            previous: Span { start: 0, end: 0 },
            nesting: 0,
            last_report: None,
            exhausted: false,
        }
    }

    /// Reads everything.
    pub(crate) fn program(mut self) -> (Program, Sources, Diagnostics) {
        let program = self.blocks();
        (program, self.lexer.sources, self.lexer.diagnostics)
    }

    fn peek(&mut self) -> Token {
        self.peek_at(0)
    }

    fn peek_at(&mut self, n: usize) -> Token {
        if self.exhausted {
            return Token {
                kind: TokenKind::End,
                span: self.previous.after(),
            };
        }
        while self.ahead.len() <= n {
            let token = self.lexer.next();
            // Whatever could be said about a program that was cut short would be noise.
            self.exhausted |= self.lexer.stopped;
            self.ahead.push_back(token);
        }
        self.ahead[n]
    }

    fn bump(&mut self) -> Token {
        let token = self.peek();
        self.ahead.pop_front();
        if token.kind != TokenKind::End {
            self.previous = token.span;
        }
        token
    }

    fn at(&mut self, kind: TokenKind) -> bool {
        self.peek().kind == kind
    }

    fn eat(&mut self, kind: TokenKind) -> bool {
        let there = self.at(kind);
        if there {
            self.bump();
        }
        there
    }

    fn text(&self, span: Span) -> &str {
        self.lexer.text(span)
    }

    /// Whether the next token is this identifier.
    fn at_identifier(&mut self, text: &str) -> bool {
        let token = self.peek();
        token.kind == TokenKind::Identifier && self.text(token.span) == text
    }

    /// Reports, unless something was already reported at the same place.
    fn report(&mut self, diagnostic: Diagnostic) {
        let at = diagnostic.span.start;
        if !self.exhausted && self.last_report != Some(at) {
            self.last_report = Some(at);
            self.lexer.diagnostics.push(diagnostic);
        }
    }

    /// `expected …, found …` at the next token.
    fn unexpected(&mut self, expected: &str) -> Failed {
        let token = self.peek();
        let found = if token.kind == TokenKind::Identifier {
            format!("`{}`", shorten(self.text(token.span)))
        } else {
            token.kind.describe().to_owned()
        };
        let span = if token.kind == TokenKind::End {
            self.previous.after()
        } else {
            token.span
        };
        self.report(
            Diagnostic::new(
                Code::UnexpectedToken,
                span,
                format!("expected {expected}, found {found}"),
            )
            .label(format!("expected {expected}")),
        );
        Failed
    }

    fn expect(&mut self, kind: TokenKind) -> Parsed<Token> {
        if self.at(kind) {
            Ok(self.bump())
        } else {
            Err(self.unexpected(kind.describe()))
        }
    }

    /// The partner of a bracket; names both when it is missing.
    fn expect_close(&mut self, kind: TokenKind, open: Token) -> Parsed<Span> {
        if self.at(kind) {
            return Ok(self.bump().span);
        }
        let token = self.peek();
        let found = token.kind.describe();
        let span = if token.kind == TokenKind::End {
            self.previous.after()
        } else {
            token.span
        };
        self.report(
            Diagnostic::new(
                Code::Unclosed,
                span,
                format!("expected {}, found {found}", kind.describe()),
            )
            .label(format!("expected {}", kind.describe()))
            .related(open.span, format!("to close this {}", open.kind.describe())),
        );
        Err(Failed)
    }

    /// A name that is being introduced or used. A word of the language is reported and taken for one.
    fn name(&mut self, what: &str) -> Parsed<Name> {
        let token = self.peek();
        if token.kind == TokenKind::Identifier {
            self.bump();
        } else if token.kind.is_word() {
            self.bump();
            let word = self.text(token.span).to_owned();
            self.report(
                Diagnostic::new(
                    Code::ReservedWord,
                    token.span,
                    format!("`{word}` is a word of the language and cannot be {what}"),
                )
                .hint(format!("choose another name, such as `my_{word}`")),
            );
        } else {
            return Err(self.unexpected(what));
        }
        Ok(Name {
            text: self.text(token.span).into(),
            span: token.span,
        })
    }

    /// The end of a statement. Where the next line begins something new, only the semicolon is missing.
    fn semicolon(&mut self) -> Parsed<()> {
        if self.eat(TokenKind::Semicolon) {
            return Ok(());
        }
        let next = self.peek();
        let something_new = next.kind == TokenKind::RightBrace
            || next.kind == TokenKind::End
            || next.kind == TokenKind::Identifier
            || next.kind.starts_type()
            || next.kind.starts_statement();
        let here = self.lexer.sources.line(self.previous);
        let there = self.lexer.sources.line(next.span);
        if something_new && (here != there || next.kind == TokenKind::RightBrace) {
            self.report(
                Diagnostic::new(
                    Code::MissingSemicolon,
                    self.previous.after(),
                    "this statement lacks its semicolon",
                )
                .label("`;` expected"),
            );
            return Ok(());
        }
        Err(self.unexpected("`;`"))
    }

    /// Goes one level deeper for the time of `inside`.
    fn nested<T>(&mut self, inside: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.nesting >= self.limits.nesting {
            let span = self.peek().span;
            return Err(self.too_deep(span, self.limits.nesting, "nested"));
        }
        self.nesting += 1;
        let result = inside(self);
        self.nesting -= 1;
        result
    }

    fn too_deep(&mut self, span: Span, limit: usize, how: &str) -> Failed {
        self.report(
            Diagnostic::new(
                Code::NestingTooDeep,
                span,
                format!("the program is {how} deeper than {limit} levels, the limit"),
            )
            .hint("give parts of it names; the limits can be raised by whoever runs the check"),
        );
        self.exhausted = true;
        Failed
    }

    /// After a mistake: skips to the end of the statement, or to where a new one can begin.
    fn recover(&mut self) {
        let mut braces = 0_usize;
        loop {
            let token = self.peek();
            match token.kind {
                TokenKind::End => return,
                TokenKind::Semicolon if braces == 0 => {
                    self.bump();
                    return;
                }
                TokenKind::RightBrace if braces == 0 => return,
                TokenKind::LeftBrace => braces += 1,
                TokenKind::RightBrace => {
                    braces -= 1;
                    if braces == 0 {
                        self.bump();
                        return;
                    }
                }
                _ if braces == 0 && self.at_block() => return,
                _ => {}
            }
            self.bump();
        }
    }
}

/// A name cut to what fits into a message.
pub(crate) fn shorten(name: &str) -> String {
    if name.chars().count() <= 60 {
        name.to_owned()
    } else {
        name.chars().take(57).chain("…".chars()).collect()
    }
}
