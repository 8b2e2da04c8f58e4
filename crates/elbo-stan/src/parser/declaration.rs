//! Declarations: types with sizes and constraints, names and first values.

use super::{Failed, Parsed, Parser};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::{
    BlockKind, Bounds, Declaration, Expression, SizedBase, SizedType, Statement, StatementKind,
    Structure, Variable,
};
use crate::token::TokenKind;
use crate::types::Type;

impl Parser<'_> {
    /// A declaration, in a block that holds nothing else.
    pub(super) fn declaration_item(&mut self, block: BlockKind) -> Parsed<Statement> {
        let first = self.peek();
        if first.kind == TokenKind::Semicolon {
            self.bump();
            return Ok(Statement {
                kind: StatementKind::Empty,
                span: first.span,
            });
        }
        if !first.kind.starts_type() {
            let instead = match block {
                BlockKind::Data => "transformed data",
                _ => "transformed parameters",
            };
            if first.kind.starts_statement() || first.kind == TokenKind::Identifier {
                self.report(
                    Diagnostic::new(
                        Code::StatementNotAllowed,
                        first.span,
                        format!("the block `{}` holds declarations only", block.name()),
                    )
                    .hint(format!("statements belong into `{instead}` or `model`")),
                );
                return Err(Failed);
            }
            return Err(self.unexpected("a declaration"));
        }
        let statement = self.declaration(true)?;
        if let StatementKind::Declaration(declaration) = &statement.kind {
            for variable in &declaration.variables {
                if let Some(value) = &variable.value {
                    self.report(
                        Diagnostic::new(
                            Code::ValueNotAllowed,
                            value.span,
                            format!(
                                "`{}` gets its value from outside; the block `{}` only declares it",
                                variable.name.text,
                                block.name()
                            ),
                        )
                        .hint(match block {
                            BlockKind::Data => "compute it in `transformed data`",
                            _ => "compute it in `transformed parameters`, or start values in the call of the sampler",
                        }),
                    );
                }
            }
        }
        Ok(statement)
    }

    /// A declaration; `constraints` says whether the block has them.
    pub(super) fn declaration(&mut self, constraints: bool) -> Parsed<Statement> {
        let start = self.peek().span;
        let mut r#type = self.sized_type(constraints)?;
        let mut variables = Vec::new();
        loop {
            let token = self.peek();
            if !variables.is_empty() && token.kind.starts_type() {
                self.report(
                    Diagnostic::new(
                        Code::MixedDeclaration,
                        token.span,
                        "after a comma comes another variable of the same type",
                    )
                    .hint("end the declaration with `;` and begin a new one"),
                );
                return Err(Failed);
            }
            let name = self.name("the name of a variable")?;
            if self.at(TokenKind::LeftParenthesis) {
                self.report(
                    Diagnostic::new(
                        Code::StatementNotAllowed,
                        name.span,
                        "functions are defined in the block `functions`",
                    )
                    .hint("move the definition to the top of the program, into `functions { … }`"),
                );
                return Err(Failed);
            }
            if self.at(TokenKind::LeftBracket) {
                self.old_array(&mut r#type, &name.text)?;
            }
            let mut value = None;
            if self.eat(TokenKind::Assign) {
                let Ok(first) = self.expression() else {
                    // The variable exists all the same, so that its uses are no mistakes.
                    self.recover();
                    variables.push(Variable { name, value });
                    return Ok(Statement {
                        kind: StatementKind::Declaration(Declaration { r#type, variables }),
                        span: start.to(self.previous),
                    });
                };
                value = Some(first);
            }
            variables.push(Variable { name, value });
            if !self.eat(TokenKind::Comma) {
                break;
            }
        }
        let span = start.to(self.previous);
        if self.at(TokenKind::Less) && self.adjacent_arrow() {
            let arrow = self.bump().span;
            let arrow = arrow.to(self.bump().span);
            self.old_arrow(arrow);
            let value = self.expression()?;
            if let Some(last) = variables.last_mut() {
                last.value = Some(value);
            }
        }
        self.semicolon()?;
        Ok(Statement {
            kind: StatementKind::Declaration(Declaration { r#type, variables }),
            span,
        })
    }

    /// `real x[3]`, as it was once written.
    fn old_array(&mut self, r#type: &mut SizedType, name: &str) -> Parsed<()> {
        let open = self.bump();
        let mut sizes = Vec::new();
        while !self.at(TokenKind::RightBracket) {
            sizes.push(self.expression()?);
            if !self.eat(TokenKind::Comma) {
                break;
            }
        }
        let close = self.expect_close(TokenKind::RightBracket, open)?;
        let brackets = open.span.to(close);
        let base = self.text(r#type.span).to_owned();
        let written = self.text(brackets).to_owned();
        self.report(
            Diagnostic::new(
                Code::OldArraySyntax,
                brackets,
                "arrays are no longer written with brackets behind the name",
            )
            .hint(format!("write `array{written} {base} {name};`")),
        );
        if r#type.dimensions.is_empty() {
            r#type.dimensions = sizes;
        }
        Ok(())
    }

    pub(super) fn constraint_not_allowed(&mut self, span: Span, message: &str) {
        self.report(
            Diagnostic::new(Code::ConstraintNotAllowed, span, message).hint(
                "constraints belong to `data`, `transformed data`, `parameters`, \
                 `transformed parameters` and `generated quantities`",
            ),
        );
    }

    fn sized_type(&mut self, constraints: bool) -> Parsed<SizedType> {
        self.nested(|parser| parser.sized_type_here(constraints))
    }

    fn sized_type_here(&mut self, constraints: bool) -> Parsed<SizedType> {
        let start = self.peek().span;
        let mut dimensions = Vec::new();
        if self.eat(TokenKind::Array) {
            let open = self.expect(TokenKind::LeftBracket)?;
            if self.at(TokenKind::RightBracket) || self.at(TokenKind::Comma) {
                self.missing_size(open.span, "an array");
                return Err(Failed);
            }
            dimensions.push(self.expression()?);
            while self.eat(TokenKind::Comma) {
                dimensions.push(self.expression()?);
            }
            self.expect_close(TokenKind::RightBracket, open)?;
        }
        let base = self.sized_base(constraints)?;
        Ok(SizedType {
            dimensions,
            base,
            span: start.to(self.previous),
        })
    }

    fn sized_base(&mut self, constraints: bool) -> Parsed<SizedBase> {
        let token = self.peek();
        let container = |r#type, structure| Some((r#type, structure));
        let row = match token.kind {
            TokenKind::Int => {
                self.bump();
                return Ok(SizedBase::Int(self.optional_bounds(constraints)?));
            }
            TokenKind::RealType => {
                self.bump();
                return Ok(SizedBase::Real(self.optional_bounds(constraints)?));
            }
            TokenKind::Complex => {
                self.bump();
                return Ok(SizedBase::Complex(self.optional_bounds(constraints)?));
            }
            TokenKind::Tuple => return self.sized_tuple(constraints),
            TokenKind::Vector => container(Type::Vector, Structure::Free),
            TokenKind::RowVector => container(Type::RowVector, Structure::Free),
            TokenKind::Matrix => container(Type::Matrix, Structure::Free),
            TokenKind::ComplexVector => container(Type::ComplexVector, Structure::Free),
            TokenKind::ComplexRowVector => container(Type::ComplexRowVector, Structure::Free),
            TokenKind::ComplexMatrix => container(Type::ComplexMatrix, Structure::Free),
            TokenKind::Ordered => container(Type::Vector, Structure::Ordered),
            TokenKind::PositiveOrdered => container(Type::Vector, Structure::PositiveOrdered),
            TokenKind::Simplex => container(Type::Vector, Structure::Simplex),
            TokenKind::UnitVector => container(Type::Vector, Structure::UnitVector),
            TokenKind::SumToZeroVector => container(Type::Vector, Structure::SumToZero),
            TokenKind::SumToZeroMatrix => container(Type::Matrix, Structure::SumToZero),
            TokenKind::CholeskyFactorCorr => {
                container(Type::Matrix, Structure::CholeskyCorrelation)
            }
            TokenKind::CholeskyFactorCov => container(Type::Matrix, Structure::CholeskyCovariance),
            TokenKind::CorrMatrix => container(Type::Matrix, Structure::Correlation),
            TokenKind::CovMatrix => container(Type::Matrix, Structure::Covariance),
            TokenKind::ColumnStochasticMatrix => {
                container(Type::Matrix, Structure::ColumnStochastic)
            }
            TokenKind::RowStochasticMatrix => container(Type::Matrix, Structure::RowStochastic),
            _ => None,
        };
        let Some((r#type, structure)) = row else {
            return Err(self.unexpected("a type"));
        };
        self.bump();
        if structure != Structure::Free && !constraints {
            let word = self.text(token.span).to_owned();
            self.constraint_not_allowed(
                token.span,
                &format!("local variables have no constraints, so `{word}` is no type here"),
            );
        }
        let bounds = self.optional_bounds(constraints)?;
        if structure != Structure::Free
            && let Some(span) = bounds.span
        {
            let word = self.text(token.span).to_owned();
            self.report(
                Diagnostic::new(
                    Code::BadConstraint,
                    span,
                    format!("`{word}` is a constraint itself and takes no other"),
                )
                .hint("bounds belong to real, int, vector, row_vector and matrix"),
            );
        }
        let sizes = self.container_sizes(token.span, &r#type, structure)?;
        Ok(SizedBase::Container {
            r#type,
            bounds,
            structure,
            sizes,
        })
    }

    fn container_sizes(
        &mut self,
        word: Span,
        r#type: &Type,
        structure: Structure,
    ) -> Parsed<Vec<Expression>> {
        let name = self.text(word).to_owned();
        if !self.at(TokenKind::LeftBracket) {
            self.missing_size(word, &format!("a {name}"));
            return Err(Failed);
        }
        let open = self.bump();
        if self.at(TokenKind::RightBracket) {
            self.missing_size(word.to(open.span), &format!("a {name}"));
            return Err(Failed);
        }
        let two = matches!(r#type, Type::Matrix | Type::ComplexMatrix)
            && !matches!(
                structure,
                Structure::Correlation | Structure::Covariance | Structure::CholeskyCorrelation
            );
        let mut sizes = vec![self.expression()?];
        if two && self.eat(TokenKind::Comma) {
            sizes.push(self.expression()?);
        }
        if two && sizes.len() == 1 && structure != Structure::CholeskyCovariance {
            self.report(
                Diagnostic::new(
                    Code::MissingSize,
                    word.to(self.previous),
                    format!("a {name} is declared with its rows and its columns"),
                )
                .hint(format!("write `{name}[rows, columns]`")),
            );
            return Err(Failed);
        }
        self.expect_close(TokenKind::RightBracket, open)?;
        Ok(sizes)
    }

    fn missing_size(&mut self, span: Span, what: &str) {
        self.report(
            Diagnostic::new(
                Code::MissingSize,
                span,
                format!("{what} is declared with its size"),
            )
            .hint("write, for example, `vector[N] x`, `matrix[N, K] x` or `array[N] real x`"),
        );
    }

    fn sized_tuple(&mut self, constraints: bool) -> Parsed<SizedBase> {
        self.bump();
        let open = self.expect(TokenKind::LeftParenthesis)?;
        let mut parts = vec![self.sized_type(constraints)?];
        self.expect(TokenKind::Comma)?;
        while !self.at(TokenKind::RightParenthesis) {
            parts.push(self.sized_type(constraints)?);
            if !self.eat(TokenKind::Comma) {
                break;
            }
        }
        self.expect_close(TokenKind::RightParenthesis, open)?;
        Ok(SizedBase::Tuple(parts))
    }

    fn optional_bounds(&mut self, constraints: bool) -> Parsed<Bounds> {
        if self.at(TokenKind::Less) && !self.adjacent_arrow() {
            self.bounds(constraints)
        } else {
            Ok(Bounds::default())
        }
    }

    /// `<lower=…, upper=…>` or `<offset=…, multiplier=…>`.
    pub(super) fn bounds(&mut self, constraints: bool) -> Parsed<Bounds> {
        let open = self.expect(TokenKind::Less)?;
        let mut bounds = Bounds::default();
        loop {
            let token = self.peek();
            let (slot, bound) = match token.kind {
                TokenKind::Lower => (&mut bounds.lower, true),
                TokenKind::Upper => (&mut bounds.upper, true),
                TokenKind::Offset => (&mut bounds.offset, false),
                TokenKind::Multiplier => (&mut bounds.multiplier, false),
                _ => {
                    return Err(self.unexpected("`lower`, `upper`, `offset` or `multiplier`"));
                }
            };
            let twice = slot.is_some();
            self.bump();
            self.expect(TokenKind::Assign)?;
            let value = self.constraint_expression()?;
            *slot = Some(value);
            let mixed = if bound {
                bounds.offset.is_some() || bounds.multiplier.is_some()
            } else {
                bounds.lower.is_some() || bounds.upper.is_some()
            };
            if twice || mixed {
                let word = self.text(token.span).to_owned();
                self.report(
                    Diagnostic::new(
                        Code::BadConstraint,
                        token.span,
                        if twice {
                            format!("`{word}` is given twice")
                        } else {
                            format!("`{word}` does not go with what is before it")
                        },
                    )
                    .hint("a constraint has `lower` and `upper`, or `offset` and `multiplier`"),
                );
            }
            if !self.eat(TokenKind::Comma) {
                break;
            }
        }
        let close = self.expect_close(TokenKind::Greater, open)?;
        let span = open.span.to(close);
        bounds.span = Some(span);
        if !constraints {
            self.constraint_not_allowed(span, "local variables have no constraints");
        }
        Ok(bounds)
    }
}
