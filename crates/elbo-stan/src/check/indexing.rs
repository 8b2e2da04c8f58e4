//! Indices, and elements of tuples.
//!
//! A single int takes a dimension away; a range or an array of ints keeps it
//! `[@stan2025reference, ch. expressions]`.

use super::Checker;
use super::expression::unknown;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax;
use crate::typed::{Expression, ExpressionKind, Index, Level, Type};

impl Checker<'_> {
    pub(super) fn indexed(
        &mut self,
        base: Expression,
        indices: &[syntax::Index],
        span: Span,
    ) -> Expression {
        let indices: Vec<Index> = indices.iter().map(|index| self.index(index)).collect();
        let Some(r#type) = self.type_of_indexed(&base.r#type, &indices, base.span, span) else {
            return unknown(span);
        };
        let moving = indices.iter().any(|index| match index {
            Index::All => false,
            Index::Single(e) | Index::Several(e) | Index::From(e) | Index::UpTo(e) => {
                e.level.any_parameter()
            }
            Index::Between(a, b) => a.level.any_parameter() || b.level.any_parameter(),
        });
        let by_index = if moving {
            Level::Parameter
        } else {
            Level::Data
        };
        Expression {
            level: base.level.join(&by_index).shaped(&r#type),
            kind: ExpressionKind::Index(Box::new(base), indices),
            r#type,
            span,
        }
    }

    pub(super) fn index(&mut self, index: &syntax::Index) -> Index {
        match index {
            syntax::Index::All => Index::All,
            syntax::Index::Single(e) => {
                let value = self.expression(e);
                if value.r#type == Type::Int.array(1) {
                    return Index::Several(value);
                }
                if value.r#type != Type::Int && !value.r#type.is_unknown() {
                    let found = Diagnostic::new(
                        Code::IndexType,
                        value.span,
                        format!(
                            "an index is an int, an array of ints or a range, and this is {}",
                            value.r#type
                        ),
                    )
                    .label(value.r#type.to_string());
                    self.report(found);
                }
                Index::Single(value)
            }
            syntax::Index::From(e) => Index::From(self.bound(e)),
            syntax::Index::UpTo(e) => Index::UpTo(self.bound(e)),
            syntax::Index::Between(a, b) => Index::Between(self.bound(a), self.bound(b)),
        }
    }

    fn bound(&mut self, e: &syntax::Expression) -> Expression {
        let value = self.expression(e);
        self.expect_int(&value, Code::IndexType, "the end of a range");
        value
    }

    /// The type of what is indexed; reports where there are more indices than dimensions.
    pub(super) fn type_of_indexed(
        &mut self,
        base: &Type,
        indices: &[Index],
        base_span: Span,
        span: Span,
    ) -> Option<Type> {
        let (element, dimensions) = base.element();
        let array = indices.len().min(dimensions);
        let kept = indices[..array].iter().filter(|i| !i.is_single()).count();
        let left = dimensions - array + kept;
        let rest: Vec<bool> = indices[array..].iter().map(Index::is_single).collect();
        let complex = element.is_complex();
        let pick = |real: Type, other: Type| if complex { other } else { real };
        let inner = match (element, rest.as_slice()) {
            (element, []) => element.clone(),
            (Type::Unknown, _) => return None,
            (
                Type::Vector | Type::RowVector | Type::ComplexVector | Type::ComplexRowVector,
                [true],
            )
            | (Type::Matrix | Type::ComplexMatrix, [true, true]) => pick(Type::Real, Type::Complex),
            (
                Type::Vector | Type::RowVector | Type::ComplexVector | Type::ComplexRowVector,
                [false],
            )
            | (Type::Matrix | Type::ComplexMatrix, [false] | [false, false]) => element.clone(),
            (Type::Matrix | Type::ComplexMatrix, [true] | [true, false]) => {
                pick(Type::RowVector, Type::ComplexRowVector)
            }
            (Type::Matrix | Type::ComplexMatrix, [false, true]) => {
                pick(Type::Vector, Type::ComplexVector)
            }
            _ => {
                let most = dimensions
                    + match element {
                        Type::Vector
                        | Type::RowVector
                        | Type::ComplexVector
                        | Type::ComplexRowVector => 1,
                        Type::Matrix | Type::ComplexMatrix => 2,
                        _ => 0,
                    };
                let found = Diagnostic::new(
                    Code::TooManyIndices,
                    span,
                    if most == 0 {
                        format!("a value of type {base} has no parts to index")
                    } else {
                        format!(
                            "a value of type {base} takes at most {most} {}, and here are {}",
                            if most == 1 { "index" } else { "indices" },
                            indices.len()
                        )
                    },
                )
                .related(base_span, base.to_string());
                let tuple = matches!(element, Type::Tuple(_))
                    .then(|| "an element of a tuple is written `t.1`".to_owned());
                self.report(found.hint_if(tuple));
                return None;
            }
        };
        Some(inner.array(left))
    }

    pub(super) fn element(&mut self, base: Expression, slot: u32, span: Span) -> Expression {
        let Some((index, r#type)) = self.type_of_element(&base.r#type, slot, base.span, span)
        else {
            return unknown(span);
        };
        Expression {
            level: base.level.part(index).shaped(&r#type),
            kind: ExpressionKind::Element(Box::new(base), index),
            r#type,
            span,
        }
    }

    /// Index from 0 and type of a tuple's element.
    pub(super) fn type_of_element(
        &mut self,
        base: &Type,
        slot: u32,
        base_span: Span,
        span: Span,
    ) -> Option<(usize, Type)> {
        let parts = match base {
            Type::Tuple(parts) => parts,
            Type::Unknown => return None,
            _ => {
                let found = Diagnostic::new(
                    Code::TupleElement,
                    span,
                    format!("`.{slot}` is an element of a tuple, and this is {base}"),
                )
                .related(base_span, base.to_string());
                let hint = match base.element() {
                    (Type::Tuple(_), 1..) => Some("index the array first".to_owned()),
                    (_, 1..) => Some("elements of an array are written `x[1]`".to_owned()),
                    _ => None,
                };
                self.report(found.hint_if(hint));
                return None;
            }
        };
        let index = (slot as usize).checked_sub(1);
        if let Some((index, part)) = index.and_then(|i| Some((i, parts.get(i)?))) {
            return Some((index, part.clone()));
        }
        let found = Diagnostic::new(
            Code::TupleElement,
            span,
            format!("the tuple has {} elements, and no `.{slot}`", parts.len()),
        )
        .related(base_span, base.to_string())
        .hint("elements are counted from 1");
        self.report(found);
        None
    }
}
