//! Declarations: sizes, constraints, first values.

use super::Checker;
use super::assignment::mentions;
use super::expression::convert;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::{self, Bounds, SizedBase};
use crate::typed::{
    BlockKind, Constraint, Declaration, Expression, ExpressionKind, Role, SizedType, Structure,
    Type, UnaryOperator,
};

impl Checker<'_> {
    pub(super) fn declaration(
        &mut self,
        declaration: &syntax::Declaration,
        role: Role,
    ) -> Declaration {
        let global = role == Role::Global;
        self.context.sizes = global;
        let sized = self.sized_type(&declaration.r#type);
        self.context.sizes = false;
        let r#type = type_of(&sized);
        let constraint = self.constraint(&declaration.r#type, &r#type, global);
        let parameters = matches!(
            self.context.block,
            BlockKind::Parameters | BlockKind::TransformedParameters
        );
        if global && parameters && r#type.contains_int() {
            self.integer_parameter(declaration);
        }
        let mut variables = Vec::new();
        for variable in &declaration.variables {
            let id = self.declare(&variable.name, r#type.clone(), role);
            let value = variable.value.as_ref().and_then(|value| {
                let value = self.expression(value);
                if mentions(&value, &[id]) {
                    let found = Diagnostic::new(
                        Code::SelfAssignment,
                        value.span,
                        format!(
                            "`{}` has no value yet, and its first value is made of it",
                            variable.name.text
                        ),
                    );
                    self.report(found);
                }
                if r#type.cost_from(&value.r#type).is_none() {
                    self.wrong_value(&r#type, variable.name.span, &value);
                    return None;
                }
                Some(convert(value, &r#type))
            });
            variables.push((id, value));
        }
        Declaration {
            r#type: sized,
            constraint,
            variables,
        }
    }

    fn integer_parameter(&mut self, declaration: &syntax::Declaration) {
        let block = self.context.block;
        let found = Diagnostic::new(
            Code::IntegerParameter,
            declaration.r#type.span,
            format!("the block `{}` has no ints", block.name()),
        )
        .hint(if block == BlockKind::Parameters {
            "parameters are real; a discrete unknown is summed out of the density"
        } else {
            "put it in braces, in the model or in generated quantities"
        });
        self.report(found);
    }

    fn sized_type(&mut self, r#type: &syntax::SizedType) -> SizedType {
        let dimensions: Vec<Expression> = r#type
            .dimensions
            .iter()
            .map(|e| self.size(e, "a size of an array"))
            .collect();
        let base = match &r#type.base {
            SizedBase::Int(_) => SizedType::Scalar(Type::Int),
            SizedBase::Real(_) => SizedType::Scalar(Type::Real),
            SizedBase::Complex(_) => SizedType::Scalar(Type::Complex),
            SizedBase::Container {
                r#type: container,
                sizes,
                ..
            } => {
                let mut checked: Vec<Expression> =
                    sizes.iter().map(|e| self.size(e, "a size")).collect();
                let matrix = matches!(container, Type::Matrix | Type::ComplexMatrix);
                if matrix && checked.len() == 1 {
                    checked.push(checked[0].clone());
                }
                SizedType::Container(container.clone(), checked)
            }
            SizedBase::Tuple(parts) => {
                SizedType::Tuple(parts.iter().map(|part| self.sized_type(part)).collect())
            }
        };
        if dimensions.is_empty() {
            base
        } else {
            SizedType::Array(dimensions, Box::new(base))
        }
    }

    fn size(&mut self, e: &syntax::Expression, what: &str) -> Expression {
        let value = self.expression(e);
        self.expect_int(&value, Code::SizeType, what);
        value
    }

    fn constraint(
        &mut self,
        written: &syntax::SizedType,
        r#type: &Type,
        global: bool,
    ) -> Constraint {
        match &written.base {
            SizedBase::Int(bounds) => {
                let constraint = self.bounds(bounds, r#type);
                if let (true, Some(span)) = (written.dimensions.is_empty(), bounds.span) {
                    self.check_int_bounds(&constraint, span);
                }
                constraint
            }
            SizedBase::Real(bounds) => self.bounds(bounds, r#type),
            SizedBase::Complex(bounds) => {
                let constraint = self.bounds(bounds, r#type);
                self.check_complex(bounds, global);
                constraint
            }
            SizedBase::Container {
                bounds,
                structure,
                r#type: container,
                ..
            } => {
                if *structure != Structure::Free {
                    return Constraint::Structure(*structure);
                }
                let constraint = self.bounds(bounds, r#type);
                if container.is_complex() {
                    self.check_complex(bounds, global);
                }
                constraint
            }
            SizedBase::Tuple(parts) => {
                let types = r#type.parts().unwrap_or_default().to_vec();
                Constraint::Tuple(
                    parts
                        .iter()
                        .zip(&types)
                        .map(|(part, t)| self.constraint(part, t, global))
                        .collect(),
                )
            }
        }
    }

    fn check_complex(&mut self, bounds: &Bounds, global: bool) {
        if let (Some(span), true) = (bounds.span, global) {
            let found = Diagnostic::new(
                Code::ComplexConstraint,
                span,
                "complex values have no constraints",
            )
            .hint("constrain real and imaginary part apart, and join them with `to_complex`");
            self.report(found);
        }
    }

    fn bounds(&mut self, bounds: &Bounds, r#type: &Type) -> Constraint {
        let mut check = |bound: &Option<syntax::Expression>, what: &str| {
            bound.as_ref().map(|e| {
                let value = self.expression(e);
                let fits = value.r#type.is_number()
                    || value.r#type == *r#type
                    || value.r#type.is_unknown()
                    || r#type.is_unknown();
                if !fits {
                    let found = Diagnostic::new(
                        Code::BoundType,
                        value.span,
                        format!(
                            "{what} of a variable of type {type} is a number or of that type, \
                             and this is {}",
                            value.r#type
                        ),
                    )
                    .label(value.r#type.to_string());
                    self.report(found);
                }
                value
            })
        };
        let lower = check(&bounds.lower, "the lower bound");
        let upper = check(&bounds.upper, "the upper bound");
        let offset = check(&bounds.offset, "the offset");
        let multiplier = check(&bounds.multiplier, "the multiplier");
        if let (Some(low), Some(high)) = (&lower, &upper)
            && let (Some(l), Some(h)) = (constant(low), constant(high))
            && l > h
        {
            let found = Diagnostic::new(
                Code::CrossedBounds,
                low.span.to(high.span),
                format!("no value is at least {l} and at most {h}"),
            )
            .hint("exchange the bounds");
            self.report(found);
        }
        if offset.is_some() || multiplier.is_some() {
            Constraint::Affine { offset, multiplier }
        } else if lower.is_some() || upper.is_some() {
            Constraint::Bounds { lower, upper }
        } else {
            Constraint::Structure(Structure::Free)
        }
    }

    /// An int has bounds that are ints.
    fn check_int_bounds(&mut self, constraint: &Constraint, span: Span) {
        let bounds: Vec<&Expression> = match constraint {
            Constraint::Bounds { lower, upper } => lower.iter().chain(upper).collect(),
            Constraint::Affine { .. } => {
                let found = Diagnostic::new(
                    Code::BadConstraint,
                    span,
                    "an int has no offset and no multiplier",
                )
                .hint("an int has bounds: `int<lower=0> n`");
                self.report(found);
                return;
            }
            _ => return,
        };
        if let Some(real) = bounds.iter().find(|b| b.r#type == Type::Real) {
            let found = Diagnostic::new(
                Code::BoundType,
                real.span,
                "the bound of an int is an int, and this is real",
            )
            .label("real");
            self.report(found);
        }
    }
}

fn type_of(sized: &SizedType) -> Type {
    match sized {
        SizedType::Scalar(t) | SizedType::Container(t, _) => t.clone(),
        SizedType::Array(dimensions, element) => type_of(element).array(dimensions.len()),
        SizedType::Tuple(parts) => Type::Tuple(parts.iter().map(type_of).collect()),
    }
}

/// The value of a bound that is written as a number.
fn constant(e: &Expression) -> Option<f64> {
    match &e.kind {
        ExpressionKind::Integer(value) => Some(f64::from(*value)),
        ExpressionKind::Real(value) => Some(*value),
        ExpressionKind::Unary(UnaryOperator::Minus, inner) => Some(-constant(inner)?),
        ExpressionKind::Convert(inner) => constant(inner),
        _ => None,
    }
}
