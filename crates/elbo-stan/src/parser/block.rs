//! The blocks of a program and their order.

use super::{Parser, shorten};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::{Block, BlockKind, Program, Statement, StatementKind};
use crate::token::TokenKind;

impl Parser<'_> {
    /// All blocks up to the end of the program.
    pub(super) fn blocks(&mut self) -> Program {
        let mut program = Program::default();
        while !self.at(TokenKind::End) {
            match self.block_header() {
                Some((kind, span)) => {
                    self.check_order(&program, kind, span);
                    let statements = self.block_body(kind, span);
                    program.blocks.push(Block {
                        kind,
                        span,
                        statements,
                    });
                }
                None => self.not_a_block(),
            }
        }
        if program.blocks.is_empty() && self.lexer.diagnostics.errors == 0 {
            let span = self.peek().span;
            self.report(
                Diagnostic::new(Code::EmptyProgram, span, "the program has no blocks").hint(
                    "a program consists of blocks such as `data { … }`, `parameters { … }` and `model { … }`",
                ),
            );
        }
        program
    }

    /// Whether a block begins here.
    pub(super) fn at_block(&mut self) -> bool {
        let first = self.peek();
        if first.kind.starts_block() {
            return self.peek_at(1).kind == TokenKind::LeftBrace;
        }
        first.kind == TokenKind::Identifier
            && matches!(self.text(first.span), "transformed" | "generated")
            && self.peek_at(2).kind == TokenKind::LeftBrace
    }

    /// The words before a block's brace.
    fn block_header(&mut self) -> Option<(BlockKind, Span)> {
        let first = self.peek();
        let second = self.peek_at(1);
        let (kind, words) = match first.kind {
            TokenKind::Functions => (BlockKind::Functions, 1),
            TokenKind::Data => (BlockKind::Data, 1),
            TokenKind::Parameters => (BlockKind::Parameters, 1),
            TokenKind::Model => (BlockKind::Model, 1),
            TokenKind::Identifier => match (self.text(first.span), second.kind) {
                ("transformed", TokenKind::Data) => (BlockKind::TransformedData, 2),
                ("transformed", TokenKind::Parameters) => (BlockKind::TransformedParameters, 2),
                ("generated", TokenKind::Identifier) if self.text(second.span) == "quantities" => {
                    (BlockKind::GeneratedQuantities, 2)
                }
                _ => return None,
            },
            _ => return None,
        };
        for _ in 0..words {
            self.bump();
        }
        Some((kind, first.span.to(self.previous)))
    }

    fn check_order(&mut self, program: &Program, kind: BlockKind, span: Span) {
        let name = kind.name();
        if let Some(earlier) = program.blocks.iter().find(|b| b.kind == kind) {
            self.report(
                Diagnostic::new(
                    Code::BlockTwice,
                    span,
                    format!("the block `{name}` occurs twice"),
                )
                .related(earlier.span, "first here")
                .hint("join the two blocks"),
            );
        } else if let Some(later) = program.blocks.iter().find(|b| b.kind > kind) {
            self.report(
                Diagnostic::new(
                    Code::BlockOrder,
                    span,
                    format!("the block `{name}` comes after `{}`", later.kind.name()),
                )
                .related(later.span, format!("`{name}` belongs before this"))
                .hint(
                    "the order is: functions, data, transformed data, parameters, \
                     transformed parameters, model, generated quantities",
                ),
            );
        }
    }

    fn block_body(&mut self, kind: BlockKind, header: Span) -> Vec<Statement> {
        let mut statements = Vec::new();
        if self.expect(TokenKind::LeftBrace).is_err() {
            self.skip_to_block();
            return statements;
        }
        loop {
            if self.eat(TokenKind::RightBrace) {
                return statements;
            }
            if self.at(TokenKind::End) || self.at_block() {
                let span = if self.at(TokenKind::End) {
                    self.previous.after()
                } else {
                    self.peek().span
                };
                self.report(
                    Diagnostic::new(
                        Code::Unclosed,
                        span,
                        format!("the block `{}` is not closed", kind.name()),
                    )
                    .label("expected `}` before this")
                    .related(header, "the block begins here"),
                );
                return statements;
            }
            let parsed = match kind {
                BlockKind::Functions => self.function_item(),
                BlockKind::Data | BlockKind::Parameters => self.declaration_item(kind),
                BlockKind::Model => self.statement(false),
                _ => self.statement(true),
            };
            match parsed {
                Ok(statement) => {
                    if !matches!(statement.kind, StatementKind::Empty) {
                        statements.push(statement);
                    }
                }
                Err(_) => self.recover(),
            }
        }
    }

    /// Something between blocks.
    fn not_a_block(&mut self) {
        let token = self.peek();
        let mut found = Diagnostic::new(
            Code::UnknownBlock,
            token.span,
            format!("no block begins with `{}`", shorten(self.text(token.span))),
        );
        let word = self.text(token.span).to_lowercase();
        let names = [
            "functions",
            "data",
            "transformed data",
            "parameters",
            "transformed parameters",
            "model",
            "generated quantities",
        ];
        let near = names
            .into_iter()
            .map(|name| (strsim::damerau_levenshtein(name, &word), name))
            .min()
            .filter(|&(distance, _)| distance <= 2);
        if token.kind == TokenKind::RightBrace {
            found.message = "there is a `}` too many".into();
        } else if let Some((_, near)) = near.filter(|_| token.kind == TokenKind::Identifier) {
            found = found.hint(format!("did you mean `{near}`?"));
        } else if self.at_block_word_without_brace() {
            found.message = format!("expected `{{` after `{}`", self.text(token.span));
        } else {
            found = found.hint(
                "the blocks are: functions, data, transformed data, parameters, \
                 transformed parameters, model, generated quantities",
            );
        }
        self.report(found);
        self.bump();
        self.skip_to_block();
    }

    fn at_block_word_without_brace(&mut self) -> bool {
        self.peek().kind.starts_block()
    }

    fn skip_to_block(&mut self) {
        while !self.at(TokenKind::End) && !self.at_block() {
            self.bump();
        }
    }
}
