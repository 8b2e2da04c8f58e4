//! Assignments: what may be written, and with what.

use super::Checker;
use super::expression::convert;
use crate::diagnostic::{Code, Diagnostic};
use crate::functions::{self, callbacks};
use crate::source::Span;
use crate::syntax::{self, BinaryOperator, Name};
use crate::typed::{
    BlockKind, Expression, ExpressionKind, Index, Place, Role, StatementKind, Step, Target, Type,
    VariableId,
};

impl Checker<'_> {
    pub(super) fn assignment(
        &mut self,
        target: &syntax::Expression,
        operator: Option<BinaryOperator>,
        value: &syntax::Expression,
        span: Span,
    ) -> Option<StatementKind> {
        let checked = self.assignable(target);
        let value = self.expression(value);
        let target = checked?;
        self.check_distinct(&target);
        if let (Target::Place(place), None) = (&target, operator)
            && same_place(place, &value)
        {
            let found = Diagnostic::new(
                Code::SelfAssignment,
                span,
                "this assigns a variable to itself",
            );
            self.report(found);
        }
        let value = match operator {
            None => self.fitting_value(&target, value)?,
            Some(operator) => self.compound_value(&target, operator, value)?,
        };
        Some(StatementKind::Assign {
            target,
            operator,
            value,
        })
    }

    /// An expression as something that can be written.
    fn assignable(&mut self, target: &syntax::Expression) -> Option<Target> {
        if let syntax::ExpressionKind::Tuple(items) = &target.kind {
            let parts: Vec<Option<Target>> =
                items.iter().map(|item| self.assignable(item)).collect();
            return Some(Target::Tuple(parts.into_iter().collect::<Option<_>>()?));
        }
        Some(Target::Place(self.place(target)?))
    }

    fn place(&mut self, target: &syntax::Expression) -> Option<Place> {
        use syntax::ExpressionKind as S;
        // The steps, from the outside in.
        let mut steps = Vec::new();
        let mut base = target;
        loop {
            match &base.kind {
                S::Index(inner, indices) => {
                    steps.push((base.span, Ok(indices)));
                    base = inner;
                }
                S::Element(inner, slot) => {
                    steps.push((base.span, Err(*slot)));
                    base = inner;
                }
                S::Name(name) => {
                    let variable = self.writable(name)?;
                    return self.walk(variable, name.span, steps);
                }
                S::Unknown => return None,
                _ => {
                    let found = Diagnostic::new(
                        Code::NotAssignable,
                        base.span,
                        "this is not a variable, so nothing can be assigned to it",
                    )
                    .hint(
                        "on the left stands a variable, with indices perhaps, or a tuple of them",
                    );
                    self.report(found);
                    return None;
                }
            }
        }
    }

    /// Follows the steps from the variable inwards.
    fn walk(
        &mut self,
        variable: VariableId,
        start: Span,
        steps: Vec<(Span, Result<&Vec<syntax::Index>, u32>)>,
    ) -> Option<Place> {
        let mut place = Place {
            variable,
            path: Vec::new(),
            r#type: self.frame[variable.0].r#type.clone(),
            span: start,
        };
        // An index behind a multi-index would write through a copy.
        let mut several = false;
        for (span, step) in steps.into_iter().rev() {
            match step {
                Ok(indices) => {
                    if several {
                        let found = Diagnostic::new(
                            Code::NestedMultiIndex,
                            span,
                            "an assignment cannot index the result of a multi-index",
                        )
                        .hint("join the indices: `x[:, 1] = …` instead of `x[:][1] = …`");
                        self.report(found);
                        return None;
                    }
                    let indices: Vec<Index> = indices.iter().map(|i| self.index(i)).collect();
                    place.r#type =
                        self.type_of_indexed(&place.r#type, &indices, place.span, span)?;
                    several = indices.iter().any(|index| !index.is_single());
                    place.path.push(Step::Index(indices));
                }
                Err(slot) => {
                    let (index, part) =
                        self.type_of_element(&place.r#type, slot, place.span, span)?;
                    several = false;
                    place.r#type = part;
                    place.path.push(Step::Element(index));
                }
            }
            place.span = span;
        }
        Some(place)
    }

    /// A variable that may be written here.
    fn writable(&mut self, name: &Name) -> Option<VariableId> {
        let is_function = functions::exists(&name.text)
            || callbacks::takes_functions(&name.text)
            || self.by_name.contains_key(&name.text);
        if is_function && !self.visible.contains_key(&name.text) {
            let found = Diagnostic::new(
                Code::NotAssignable,
                name.span,
                format!(
                    "`{}` is a function, so nothing can be assigned to it",
                    name.text
                ),
            )
            .hint("declare a variable of that name first, or choose another name");
            self.report(found);
            return None;
        }
        let id = self.variable(name)?;
        let variable = self.frame[id.0].clone();
        let declared = (variable.span, "declared here".to_owned());
        let found = match variable.role {
            Role::Global if variable.block != self.context.block => Diagnostic::new(
                Code::AssignmentNotAllowed,
                name.span,
                format!(
                    "`{}` belongs to the block `{}` and is read-only here",
                    name.text,
                    variable.block.name()
                ),
            )
            .hint(match variable.block {
                BlockKind::Data => "compute what depends on data in `transformed data`",
                BlockKind::Parameters => {
                    "compute what depends on parameters in `transformed parameters`"
                }
                _ => "a variable is only written in the block that declares it",
            }),
            Role::Loop => Diagnostic::new(
                Code::ReadOnly,
                name.span,
                format!(
                    "`{}` is a loop variable and cannot be assigned to",
                    name.text
                ),
            )
            .hint("copy it into a variable of your own"),
            Role::Argument | Role::DataArgument => Diagnostic::new(
                Code::ReadOnly,
                name.span,
                format!("`{}` is an argument and cannot be assigned to", name.text),
            )
            .hint("copy it into a local variable"),
            Role::Global | Role::Local => return Some(id),
        };
        self.report(found.related(declared.0, declared.1));
        None
    }

    /// The value in the target's type.
    fn fitting_value(&mut self, target: &Target, value: Expression) -> Option<Expression> {
        let wanted = type_of(target);
        if wanted.cost_from(&value.r#type).is_none() {
            self.wrong_value(&wanted, span_of(target), &value);
            return None;
        }
        Some(convert(value, &wanted))
    }

    /// Reports a value that cannot be assigned.
    pub(super) fn wrong_value(&mut self, wanted: &Type, target: Span, value: &Expression) {
        let hint = match (wanted, &value.r#type) {
            (Type::Int, Type::Real) => Some("`to_int(…)` makes an int of a real that is data"),
            (Type::Vector, Type::Array(..) | Type::RowVector | Type::Matrix) => {
                Some("`to_vector(…)` makes a vector")
            }
            (Type::RowVector, Type::Array(..) | Type::Vector | Type::Matrix) => {
                Some("`to_row_vector(…)` makes a row vector")
            }
            (Type::Array(..), Type::Vector | Type::RowVector | Type::Matrix) => {
                Some("`to_array_1d(…)` makes an array; an array expression is written `{…}`")
            }
            (Type::Matrix, Type::Array(..)) => Some("`to_matrix(…)` makes a matrix"),
            (Type::Vector, Type::Real | Type::Int) => {
                Some("`rep_vector(…)` makes a vector of equal elements")
            }
            _ => None,
        };
        let found = Diagnostic::new(
            Code::AssignmentTypes,
            value.span,
            format!(
                "{} cannot be assigned to a variable of type {wanted}",
                value.r#type
            ),
        )
        .label(value.r#type.to_string())
        .related(target, wanted.to_string());
        self.report(found.hint_if(hint.map(str::to_owned)));
    }

    /// `x += …` is `x = x + …`, where the result has the type of `x`.
    fn compound_value(
        &mut self,
        target: &Target,
        operator: BinaryOperator,
        value: Expression,
    ) -> Option<Expression> {
        let wanted = type_of(target);
        if wanted.is_unknown() || value.r#type.is_unknown() {
            return None;
        }
        // Division here never solves a linear system.
        let names: &[&str] = match operator {
            BinaryOperator::Divide => &["divide"],
            other => other.functions(),
        };
        let types = [wanted.clone(), value.r#type.clone()];
        let elementwise = matches!(
            operator,
            BinaryOperator::ElementMultiply | BinaryOperator::ElementDivide
        );
        let signature = Self::operator_signature(names, &types)
            .filter(|s| s.result.as_ref() == Some(&wanted))
            .filter(|_| !(elementwise && wanted.is_number()));
        let Some(signature) = signature else {
            let found = Diagnostic::new(
                Code::OperatorTypes,
                value.span,
                format!(
                    "`{}=` does not apply to {wanted} and {}",
                    operator.symbol(),
                    value.r#type
                ),
            )
            .label(value.r#type.to_string())
            .related(span_of(target), wanted.to_string())
            .hint("the result has the type of the variable");
            self.report(found);
            return None;
        };
        Some(convert(value, &signature.parameters[1]))
    }

    /// No part is written twice, and none is read as an index.
    fn check_distinct(&mut self, target: &Target) {
        let mut places = Vec::new();
        flatten(target, &mut places);
        for (i, place) in places.iter().enumerate() {
            if let Some(other) = places[..i].iter().find(|other| overlap(place, other)) {
                let found = Diagnostic::new(
                    Code::OverlappingTargets,
                    place.span,
                    "this variable is written twice in one assignment",
                )
                .related(other.span, "written here, too")
                .hint("write two assignments, in the order that is meant");
                self.report(found);
                return;
            }
        }
        let written: Vec<VariableId> = places.iter().map(|place| place.variable).collect();
        for place in places {
            for step in &place.path {
                let Step::Index(indices) = step else { continue };
                let reads = indices.iter().any(|index| match index {
                    Index::All => false,
                    Index::Single(e) | Index::Several(e) | Index::From(e) | Index::UpTo(e) => {
                        mentions(e, &written)
                    }
                    Index::Between(a, b) => mentions(a, &written) || mentions(b, &written),
                });
                if reads {
                    let found = Diagnostic::new(
                        Code::OverlappingTargets,
                        place.span,
                        "an index reads a variable that the same assignment writes",
                    )
                    .hint("copy the index into a variable first");
                    self.report(found);
                    return;
                }
            }
        }
    }
}

fn type_of(target: &Target) -> Type {
    match target {
        Target::Place(place) => place.r#type.clone(),
        Target::Tuple(parts) => Type::Tuple(parts.iter().map(type_of).collect()),
    }
}

fn span_of(target: &Target) -> Span {
    match target {
        Target::Place(place) => place.span,
        Target::Tuple(parts) => {
            let spans = parts.iter().map(span_of);
            spans.reduce(Span::to).unwrap_or(Span { start: 0, end: 0 })
        }
    }
}

fn flatten<'t>(target: &'t Target, places: &mut Vec<&'t Place>) {
    match target {
        Target::Place(place) => places.push(place),
        Target::Tuple(parts) => parts.iter().for_each(|part| flatten(part, places)),
    }
}

/// The elements of tuples on the way; disjoint indices are not told apart.
fn elements(place: &Place) -> impl Iterator<Item = usize> {
    place.path.iter().filter_map(|step| match step {
        Step::Element(index) => Some(*index),
        Step::Index(_) => None,
    })
}

fn overlap(a: &Place, b: &Place) -> bool {
    a.variable == b.variable && elements(a).zip(elements(b)).all(|(a, b)| a == b)
}

fn same_place(place: &Place, value: &Expression) -> bool {
    place.path.is_empty()
        && matches!(value.kind, ExpressionKind::Variable(id) if id == place.variable)
}

/// Whether an expression reads one of some variables.
pub(super) fn mentions(e: &Expression, variables: &[VariableId]) -> bool {
    let any = |items: &[Expression]| items.iter().any(|item| mentions(item, variables));
    match &e.kind {
        ExpressionKind::Variable(id) => variables.contains(id),
        ExpressionKind::Unary(_, inner)
        | ExpressionKind::Element(inner, _)
        | ExpressionKind::Convert(inner) => mentions(inner, variables),
        ExpressionKind::Binary(_, operands) => any(&operands[..]),
        ExpressionKind::Ternary(parts) => any(&parts[..]),
        ExpressionKind::Call(call) => any(&call.arguments),
        ExpressionKind::Index(base, indices) => {
            mentions(base, variables)
                || indices.iter().any(|index| match index {
                    Index::All => false,
                    Index::Single(e) | Index::Several(e) | Index::From(e) | Index::UpTo(e) => {
                        mentions(e, variables)
                    }
                    Index::Between(a, b) => mentions(a, variables) || mentions(b, variables),
                })
        }
        ExpressionKind::Array(items)
        | ExpressionKind::Row(items)
        | ExpressionKind::Tuple(items) => any(items),
        ExpressionKind::Integer(_)
        | ExpressionKind::Real(_)
        | ExpressionKind::Imaginary(_)
        | ExpressionKind::Target
        | ExpressionKind::Unknown => false,
    }
}
