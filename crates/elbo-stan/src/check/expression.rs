//! Expressions.

use super::Checker;
use crate::diagnostic::{Code, Diagnostic};
use crate::functions::{self, Candidate};
use crate::source::Span;
use crate::syntax::{self, BinaryOperator, UnaryOperator};
use crate::typed::{BlockKind, Expression, ExpressionKind, Level, Type, VariableId};

/// An expression that was reported.
pub(super) fn unknown(span: Span) -> Expression {
    Expression {
        kind: ExpressionKind::Unknown,
        r#type: Type::Unknown,
        level: Level::Data,
        span,
    }
}

/// The same value in the type that is wanted.
pub(super) fn convert(value: Expression, to: &Type) -> Expression {
    if value.r#type == *to || value.r#type.is_unknown() || to.is_unknown() {
        return value;
    }
    Expression {
        r#type: to.clone(),
        level: value.level.shaped(to),
        span: value.span,
        kind: ExpressionKind::Convert(Box::new(value)),
    }
}

/// The level of what is made of several values.
pub(super) fn joined<'e>(values: impl IntoIterator<Item = &'e Expression>, r#type: &Type) -> Level {
    let any = values.into_iter().any(|value| value.level.any_parameter());
    let level = if any { Level::Parameter } else { Level::Data };
    level.shaped(r#type)
}

impl Checker<'_> {
    pub(super) fn expression(&mut self, e: &syntax::Expression) -> Expression {
        use syntax::ExpressionKind as S;
        let data = |kind, r#type| Expression {
            kind,
            r#type,
            level: Level::Data,
            span: e.span,
        };
        match &e.kind {
            S::Integer(value) => data(ExpressionKind::Integer(*value), Type::Int),
            S::Real(value) => data(ExpressionKind::Real(*value), Type::Real),
            S::Imaginary(value) => data(ExpressionKind::Imaginary(*value), Type::Complex),
            S::Name(name) => match self.variable(name) {
                Some(id) => self.read(id, e.span),
                None => unknown(e.span),
            },
            S::Target => self.target(e.span),
            S::Parenthesised(inner) => Expression {
                span: e.span,
                ..self.expression(inner)
            },
            S::Unary(operator, operand) => {
                let operand = self.expression(operand);
                self.unary(*operator, operand, e.span)
            }
            S::Binary(..) => self.chain(e),
            S::Ternary(parts) => self.ternary(parts, e.span),
            S::Call {
                name,
                arguments,
                bar,
            } => self.call_with_value(name, arguments, *bar, e.span),
            S::Index(base, indices) => {
                let base = self.expression(base);
                self.indexed(base, indices, e.span)
            }
            S::Element(base, slot) => {
                let base = self.expression(base);
                self.element(base, *slot, e.span)
            }
            S::Array(items) => {
                let items: Vec<_> = items.iter().map(|item| self.expression(item)).collect();
                self.array(items, e.span)
            }
            S::Row(items) => {
                let items: Vec<_> = items.iter().map(|item| self.expression(item)).collect();
                self.row(items, e.span)
            }
            S::Tuple(items) => {
                let items: Vec<_> = items.iter().map(|item| self.expression(item)).collect();
                Expression {
                    r#type: Type::Tuple(items.iter().map(|i| i.r#type.clone()).collect()),
                    level: Level::Tuple(items.iter().map(|i| i.level.clone()).collect()),
                    kind: ExpressionKind::Tuple(items),
                    span: e.span,
                }
            }
            S::Unknown => unknown(e.span),
        }
    }

    /// A variable's value.
    fn read(&mut self, id: VariableId, span: Span) -> Expression {
        let variable = &self.frame[id.0];
        let (r#type, level) = (variable.r#type.clone(), self.level_of(variable));
        let sampled = matches!(
            variable.block,
            BlockKind::Parameters
                | BlockKind::TransformedParameters
                | BlockKind::GeneratedQuantities
        );
        if self.context.sizes && sampled {
            let found = Diagnostic::new(
                Code::SizeNotData,
                span,
                format!(
                    "the size depends on `{}`, which is not known before sampling",
                    variable.name
                ),
            )
            .related(
                variable.span,
                format!("declared in `{}`", variable.block.name()),
            )
            .hint("sizes are made of data, transformed data and numbers");
            self.report(found);
        }
        Expression {
            kind: ExpressionKind::Variable(id),
            r#type,
            level,
            span,
        }
    }

    /// `target()`
    fn target(&mut self, span: Span) -> Expression {
        let allowed = self.in_lp_function()
            || matches!(
                self.context.block,
                BlockKind::Model | BlockKind::TransformedParameters
            );
        if !allowed {
            self.target_not_allowed(span, "`target()` is known");
        }
        Expression {
            kind: ExpressionKind::Target,
            r#type: Type::Real,
            level: Level::Parameter,
            span,
        }
    }

    /// Binary operators, whose left operands may be a long chain: a loop, not a recursion.
    fn chain(&mut self, e: &syntax::Expression) -> Expression {
        let mut spine = Vec::new();
        let mut leftmost = e;
        while let syntax::ExpressionKind::Binary(operator, at, operands) = &leftmost.kind {
            spine.push((*operator, *at, &operands[1], leftmost.span));
            if operator.is_comparison() {
                self.warn_chained(*operator, operands, leftmost.span);
            }
            leftmost = &operands[0];
        }
        let mut left = self.expression(leftmost);
        for (operator, _, right, span) in spine.into_iter().rev() {
            let right = self.expression(right);
            left = self.binary(operator, left, right, span);
        }
        left
    }

    fn warn_chained(
        &mut self,
        operator: BinaryOperator,
        operands: &[syntax::Expression; 2],
        span: Span,
    ) {
        if let syntax::ExpressionKind::Binary(inner, _, inside) = &operands[0].kind
            && inner.is_comparison()
        {
            let text = |e: &syntax::Expression| self.sources.text(e.span).to_owned();
            let (a, b, c) = (text(&inside[0]), text(&inside[1]), text(&operands[1]));
            let (first, second) = (inner.symbol(), operator.symbol());
            let equality =
                |o: BinaryOperator| matches!(o, BinaryOperator::Equal | BinaryOperator::NotEqual);
            let alike = equality(*inner) == equality(operator);
            let short = alike && a.len() + b.len() + c.len() < 80;
            let found = Diagnostic::new(
                Code::ChainedComparison,
                span,
                "the result of a comparison, 0 or 1, is compared again",
            );
            self.report(found.hint(if short {
                format!(
                    "if both are meant to hold, write `{a} {first} {b} && {b} {second} {c}`; \
                     if this is meant, put `{a} {first} {b}` in parentheses"
                )
            } else {
                "parentheses around the first comparison say that this is meant".to_owned()
            }));
        }
    }

    /// The signature of an operator that the operands reach with fewest conversions.
    pub(super) fn operator_signature(names: &[&str], operands: &[Type]) -> Option<Candidate> {
        names.iter().find_map(|name| {
            let found = functions::candidates(name, operands);
            let near = functions::nearest(found.into_iter().map(|c| (c, ())).collect());
            near.into_iter().next().map(|(candidate, ())| candidate)
        })
    }

    fn unary(&mut self, operator: UnaryOperator, operand: Expression, span: Span) -> Expression {
        if operand.r#type.is_unknown() {
            return unknown(span);
        }
        let types = [operand.r#type.clone()];
        let Some(signature) = Self::operator_signature(&[operator.function()], &types) else {
            let found = Diagnostic::new(
                Code::OperatorTypes,
                span,
                format!("`{}` does not apply to {}", operator.symbol(), types[0]),
            )
            .label(types[0].to_string());
            let hint = (operator == UnaryOperator::Not && types[0] == Type::Real)
                .then(|| "write `x == 0`".to_owned());
            self.report(found.hint_if(hint));
            return unknown(span);
        };
        let operand = convert(operand, &signature.parameters[0]);
        let r#type = signature.result.unwrap_or(Type::Unknown);
        Expression {
            level: joined([&operand], &r#type),
            kind: ExpressionKind::Unary(operator, Box::new(operand)),
            r#type,
            span,
        }
    }

    fn binary(
        &mut self,
        operator: BinaryOperator,
        left: Expression,
        right: Expression,
        span: Span,
    ) -> Expression {
        if left.r#type.is_unknown() || right.r#type.is_unknown() {
            return unknown(span);
        }
        let types = [left.r#type.clone(), right.r#type.clone()];
        let Some(signature) = Self::operator_signature(operator.functions(), &types) else {
            self.operator_mismatch(operator, &left, &right, span);
            return unknown(span);
        };
        self.warn_operator(operator, &left, &right, span);
        let left = convert(left, &signature.parameters[0]);
        let right = convert(right, &signature.parameters[1]);
        let r#type = signature.result.unwrap_or(Type::Unknown);
        Expression {
            level: joined([&left, &right], &r#type),
            kind: ExpressionKind::Binary(operator, Box::new([left, right])),
            r#type,
            span,
        }
    }

    fn operator_mismatch(
        &mut self,
        operator: BinaryOperator,
        left: &Expression,
        right: &Expression,
        span: Span,
    ) {
        use BinaryOperator as B;
        let (l, r) = (&left.r#type, &right.r#type);
        let column = |t: &Type| matches!(t, Type::Vector | Type::RowVector | Type::Matrix);
        let hint = match (operator, l, r) {
            (B::Multiply, Type::Vector, Type::Vector)
            | (B::Multiply, Type::RowVector, Type::RowVector) => {
                Some("`.*` multiplies element by element, `dot_product(a, b)` sums the products")
            }
            (B::Divide, _, Type::Vector | Type::RowVector) if column(l) => {
                Some("`./` divides element by element")
            }
            (B::And | B::Or, _, _) => {
                Some("both sides are ints; a real is compared first: `x != 0`")
            }
            (B::Modulo | B::IntegerDivide, _, _) => {
                Some("both sides are ints; of reals, `fmod` gives the remainder")
            }
            (
                B::Equal | B::NotEqual | B::Less | B::LessEqual | B::Greater | B::GreaterEqual,
                ..,
            ) => Some("only numbers are compared; go through containers with a loop"),
            (_, Type::Array(..), _) | (_, _, Type::Array(..)) => {
                Some("arrays have no arithmetic; `to_vector(…)` makes a vector of one")
            }
            _ if column(l) && column(r) && l != r => {
                Some("`'` turns a vector into a row vector and back")
            }
            _ => None,
        };
        let found = Diagnostic::new(
            Code::OperatorTypes,
            span,
            format!("`{}` does not apply to {l} and {r}", operator.symbol()),
        )
        .related(left.span, l.to_string())
        .related(right.span, r.to_string());
        self.report(found.hint_if(hint.map(str::to_owned)));
    }

    fn warn_operator(
        &mut self,
        operator: BinaryOperator,
        left: &Expression,
        right: &Expression,
        span: Span,
    ) {
        let (l, r) = (&left.r#type, &right.r#type);
        if operator == BinaryOperator::Divide && (l, r) == (&Type::Int, &Type::Int) {
            let text = |e: &Expression| self.sources.text(e.span).to_owned();
            let (a, b) = (text(left), text(right));
            let real = if matches!(right.kind, ExpressionKind::Integer(_)) {
                format!("{a} / {b}.0")
            } else if matches!(left.kind, ExpressionKind::Integer(_)) {
                format!("{a}.0 / {b}")
            } else {
                format!("{a} * 1.0 / {b}")
            };
            let found = Diagnostic::new(
                Code::IntegerDivision,
                span,
                "a quotient of ints is rounded towards zero",
            )
            .hint(format!(
                "write `{real}` for the exact quotient, or `{a} %/% {b}` if rounding is meant"
            ));
            self.report(found);
        }
        if operator == BinaryOperator::Power && *l.element().0 == Type::Matrix && r.is_number() {
            let found = Diagnostic::new(
                Code::MatrixPower,
                span,
                "`^` raises every element of the matrix",
            )
            .hint("write `.^` if that is meant, or `matrix_power(…)`");
            self.report(found);
        }
    }

    fn ternary(&mut self, parts: &[syntax::Expression; 3], span: Span) -> Expression {
        let condition = self.expression(&parts[0]);
        let yes = self.expression(&parts[1]);
        let no = self.expression(&parts[2]);
        self.expect_condition(&condition);
        let Some(r#type) = yes.r#type.common(&no.r#type) else {
            let found = Diagnostic::new(
                Code::TernaryTypes,
                span,
                "the two values of a conditional expression have different types",
            )
            .related(yes.span, yes.r#type.to_string())
            .related(no.span, no.r#type.to_string());
            self.report(found);
            return unknown(span);
        };
        let level = condition
            .level
            .join(&yes.level)
            .join(&no.level)
            .shaped(&r#type);
        let (yes, no) = (convert(yes, &r#type), convert(no, &r#type));
        Expression {
            kind: ExpressionKind::Ternary(Box::new([condition, yes, no])),
            r#type,
            level,
            span,
        }
    }

    /// A condition is an int.
    pub(super) fn expect_condition(&mut self, condition: &Expression) {
        if condition.r#type == Type::Int || condition.r#type.is_unknown() {
            return;
        }
        let found = Diagnostic::new(
            Code::ConditionType,
            condition.span,
            format!("a condition is an int, and this is {}", condition.r#type),
        )
        .label(condition.r#type.to_string());
        let hint = (condition.r#type == Type::Real).then(|| "compare it: `x != 0`".to_owned());
        self.report(found.hint_if(hint));
    }

    /// Elements of one type, or the first that does not fit.
    fn common_of(&mut self, items: &[Expression], first: Type) -> Option<Type> {
        let mut common = first;
        for item in items {
            let Some(wider) = common.common(&item.r#type) else {
                let found = Diagnostic::new(
                    Code::ElementTypes,
                    item.span,
                    format!(
                        "the elements have different types: {} after {common}",
                        item.r#type
                    ),
                )
                .label(item.r#type.to_string())
                .related(items[0].span, items[0].r#type.to_string());
                self.report(found);
                return None;
            };
            common = wider;
        }
        Some(common)
    }

    fn array(&mut self, items: Vec<Expression>, span: Span) -> Expression {
        let first = items.first().map_or(Type::Unknown, |i| i.r#type.clone());
        let Some(element) = self.common_of(&items, first) else {
            return unknown(span);
        };
        let level = items
            .iter()
            .fold(Level::Data, |level, item| level.join(&item.level))
            .shaped(&element);
        let items = items.into_iter().map(|i| convert(i, &element)).collect();
        Expression {
            kind: ExpressionKind::Array(items),
            r#type: element.array(1),
            level,
            span,
        }
    }

    /// Numbers make a row vector, row vectors a matrix.
    fn row(&mut self, items: Vec<Expression>, span: Span) -> Expression {
        let rows = matches!(
            items.first().map(|i| &i.r#type),
            Some(Type::RowVector | Type::ComplexRowVector)
        );
        let start = if rows { Type::RowVector } else { Type::Real };
        let mut element = start;
        for item in &items {
            element = match (element.common(&item.r#type), rows) {
                (Some(t @ (Type::RowVector | Type::ComplexRowVector)), true)
                | (Some(t @ (Type::Real | Type::Complex)), false) => t,
                _ => {
                    let wanted = if rows { "row vectors" } else { "numbers" };
                    let found = Diagnostic::new(
                        Code::ElementTypes,
                        item.span,
                        format!("expected {wanted} between these brackets, found {}", item.r#type),
                    )
                    .label(item.r#type.to_string())
                    .hint("`[…]` makes a row vector of numbers or a matrix of row vectors, `{…}` an array");
                    self.report(found);
                    return unknown(span);
                }
            };
        }
        let r#type = match element {
            Type::Real => Type::RowVector,
            Type::Complex => Type::ComplexRowVector,
            Type::RowVector => Type::Matrix,
            _ => Type::ComplexMatrix,
        };
        let level = joined(&items, &r#type);
        let items = items.into_iter().map(|i| convert(i, &element)).collect();
        Expression {
            kind: ExpressionKind::Row(items),
            r#type,
            level,
            span,
        }
    }

    /// An int, for a size, a bound of a range and the like.
    pub(super) fn expect_int(&mut self, value: &Expression, code: Code, what: &str) {
        if value.r#type == Type::Int || value.r#type.is_unknown() {
            return;
        }
        let found = Diagnostic::new(
            code,
            value.span,
            format!("{what} is an int, and this is {}", value.r#type),
        )
        .label(value.r#type.to_string());
        let hint = (value.r#type == Type::Real && !value.level.any_parameter())
            .then(|| "`to_int(…)` makes an int of a real that is data".to_owned());
        self.report(found.hint_if(hint));
    }
}
