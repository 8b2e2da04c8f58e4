//! Function definitions and types without sizes.

use super::{Failed, Parsed, Parser};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::{Argument, FunctionDefinition, Statement, StatementKind};
use crate::token::TokenKind;
use crate::types::Type;

impl Parser<'_> {
    /// A definition, in the block that holds nothing else.
    pub(super) fn function_item(&mut self) -> Parsed<Statement> {
        let first = self.peek();
        if first.kind == TokenKind::Semicolon {
            self.bump();
            return Ok(Statement {
                kind: StatementKind::Empty,
                span: first.span,
            });
        }
        if first.kind != TokenKind::Void && !first.kind.starts_type() {
            if first.kind.starts_statement() || first.kind == TokenKind::Identifier {
                self.report(
                    Diagnostic::new(
                        Code::StatementNotAllowed,
                        first.span,
                        "the block `functions` holds function definitions only",
                    )
                    .hint(
                        "a function looks like `real square_sum(vector x) { return dot_self(x); }`",
                    ),
                );
                return Err(Failed);
            }
            return Err(self.unexpected("a function definition"));
        }
        let returns = if self.eat(TokenKind::Void) {
            None
        } else {
            Some(self.unsized_type()?)
        };
        let name = self.name("the name of a function")?;
        let open = self.expect(TokenKind::LeftParenthesis)?;
        let mut arguments = Vec::new();
        if !self.at(TokenKind::RightParenthesis) {
            loop {
                arguments.push(self.argument()?);
                if !self.eat(TokenKind::Comma) {
                    break;
                }
            }
        }
        self.expect_close(TokenKind::RightParenthesis, open)?;
        let body = if self.eat(TokenKind::Semicolon) {
            None
        } else if self.at(TokenKind::LeftBrace) {
            Some(self.statement(false)?)
        } else {
            return Err(self.unexpected("the function's body in braces, or `;`"));
        };
        Ok(Statement {
            span: first.span.to(self.previous),
            kind: StatementKind::Function(Box::new(FunctionDefinition {
                returns,
                name,
                arguments,
                body,
            })),
        })
    }

    fn argument(&mut self) -> Parsed<Argument> {
        let data_only = self.eat(TokenKind::Data);
        if !self.peek().kind.starts_type() {
            return Err(self.unexpected("the type of an argument"));
        }
        let mut r#type = self.unsized_type()?;
        let name = self.name("the name of an argument")?;
        if self.at(TokenKind::LeftBracket) {
            let dimensions = self.old_dimensions(&r#type.to_string(), Some(&name.text))?;
            r#type = r#type.array(dimensions);
        }
        Ok(Argument {
            data_only,
            r#type,
            name,
        })
    }

    /// A type as arguments and results have it.
    pub(super) fn unsized_type(&mut self) -> Parsed<Type> {
        self.nested(Self::unsized_type_here)
    }

    fn unsized_type_here(&mut self) -> Parsed<Type> {
        if self.eat(TokenKind::Array) {
            let dimensions = self.unsized_dimensions()?;
            let element = self.unsized_type_here()?;
            return Ok(element.array(dimensions));
        }
        let token = self.peek();
        let base = match token.kind {
            TokenKind::Int => Type::Int,
            TokenKind::RealType => Type::Real,
            TokenKind::Complex => Type::Complex,
            TokenKind::Vector => Type::Vector,
            TokenKind::RowVector => Type::RowVector,
            TokenKind::Matrix => Type::Matrix,
            TokenKind::ComplexVector => Type::ComplexVector,
            TokenKind::ComplexRowVector => Type::ComplexRowVector,
            TokenKind::ComplexMatrix => Type::ComplexMatrix,
            TokenKind::Tuple => return self.unsized_tuple(),
            kind if kind.is_constrained_type() => {
                let word = self.text(token.span).to_owned();
                self.constraint_not_allowed(
                    token.span,
                    &format!(
                        "arguments and results have no constraints, so `{word}` is no type here"
                    ),
                );
                let matrix = matches!(
                    kind,
                    TokenKind::SumToZeroMatrix
                        | TokenKind::CholeskyFactorCorr
                        | TokenKind::CholeskyFactorCov
                        | TokenKind::CorrMatrix
                        | TokenKind::CovMatrix
                        | TokenKind::ColumnStochasticMatrix
                        | TokenKind::RowStochasticMatrix
                );
                if matrix { Type::Matrix } else { Type::Vector }
            }
            _ => return Err(self.unexpected("a type")),
        };
        self.bump();
        if self.at(TokenKind::Less) {
            let span = self.peek().span;
            self.constraint_not_allowed(span, "arguments and results have no constraints");
            self.bounds(true)?;
        }
        if self.at(TokenKind::LeftBracket) {
            return self.misplaced_brackets(base);
        }
        Ok(base)
    }

    fn unsized_tuple(&mut self) -> Parsed<Type> {
        self.bump();
        let open = self.expect(TokenKind::LeftParenthesis)?;
        let mut parts = vec![self.unsized_type()?];
        self.expect(TokenKind::Comma)?;
        while !self.at(TokenKind::RightParenthesis) {
            parts.push(self.unsized_type()?);
            if !self.eat(TokenKind::Comma) {
                break;
            }
        }
        self.expect_close(TokenKind::RightParenthesis, open)?;
        Ok(Type::Tuple(parts.into()))
    }

    /// `[,]` after `array`: the number of dimensions.
    fn unsized_dimensions(&mut self) -> Parsed<usize> {
        let open = self.expect(TokenKind::LeftBracket)?;
        let mut dimensions = 1;
        loop {
            if self.eat(TokenKind::Comma) {
                dimensions += 1;
            } else if self.at(TokenKind::RightBracket) || self.at(TokenKind::End) {
                break;
            } else {
                let start = self.peek().span;
                self.expression()?;
                self.size_not_allowed(start.to(self.previous));
            }
        }
        self.expect_close(TokenKind::RightBracket, open)?;
        Ok(dimensions)
    }

    /// `real[]` as it was once written, or `vector[N]` where no size belongs.
    fn misplaced_brackets(&mut self, base: Type) -> Parsed<Type> {
        if matches!(
            self.peek_at(1).kind,
            TokenKind::RightBracket | TokenKind::Comma
        ) {
            let dimensions = self.old_dimensions(&base.to_string(), None)?;
            return Ok(base.array(dimensions));
        }
        let open = self.bump();
        let start = open.span;
        self.expression()?;
        while self.eat(TokenKind::Comma) {
            self.expression()?;
        }
        self.expect_close(TokenKind::RightBracket, open)?;
        self.size_not_allowed(start.to(self.previous));
        Ok(base)
    }

    fn size_not_allowed(&mut self, span: Span) {
        self.report(
            Diagnostic::new(
                Code::SizeNotAllowed,
                span,
                "arguments and results have no sizes",
            )
            .hint("a function takes any size; write `vector x` or `array[,] real x`"),
        );
    }

    /// Brackets where arrays once had them, reported; returns how many dimensions they have.
    pub(super) fn old_dimensions(&mut self, r#type: &str, name: Option<&str>) -> Parsed<usize> {
        let open = self.bump();
        let mut dimensions = 1;
        while !self.at(TokenKind::RightBracket) && !self.at(TokenKind::End) {
            if self.eat(TokenKind::Comma) {
                dimensions += 1;
            } else {
                self.expression()?;
            }
        }
        let close = self.expect_close(TokenKind::RightBracket, open)?;
        let commas = ",".repeat((dimensions - 1).min(20));
        let name = name.map_or(String::new(), |n| format!(" {n}"));
        self.report(
            Diagnostic::new(
                Code::OldArraySyntax,
                open.span.to(close),
                "arrays are no longer written with brackets behind",
            )
            .hint(format!("write `array[{commas}] {type}{name}`")),
        );
        Ok(dimensions)
    }
}
