//! Statements.

use super::Checker;
use super::expression::convert;
use super::flow::{Flow, always, escapes};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::{self, Name};
use crate::typed::{
    BlockKind, Expression, Message, Printable, Role, Statement, StatementKind, Type,
};

impl Checker<'_> {
    /// Statements one after another; `top` at the top of a block.
    pub(super) fn statements(
        &mut self,
        statements: &[syntax::Statement],
        top: bool,
    ) -> (Vec<Statement>, Flow) {
        let mut checked: Vec<Statement> = Vec::with_capacity(statements.len());
        let mut flow = Flow::Passes;
        let mut escaped = false;
        for statement in statements {
            let (statement, next) = self.statement(statement, top);
            match checked.last() {
                Some(before) if !escaped && escapes(before) => {
                    self.warn_unreachable(before, &statement);
                    escaped = true;
                }
                _ => {}
            }
            if !escaped {
                flow = flow.then(next);
            }
            checked.push(statement);
        }
        (checked, flow)
    }

    /// Statements in a scope of their own.
    fn scoped(&mut self, statements: &[syntax::Statement]) -> (Vec<Statement>, Flow) {
        let mark = self.scope.len();
        let result = self.statements(statements, false);
        self.leave(mark);
        result
    }

    /// A statement whose declarations nobody else sees.
    fn alone(&mut self, statement: &syntax::Statement) -> (Statement, Flow) {
        let mark = self.scope.len();
        let result = self.statement(statement, false);
        self.leave(mark);
        result
    }

    pub(super) fn statement(&mut self, s: &syntax::Statement, top: bool) -> (Statement, Flow) {
        use syntax::StatementKind as S;
        let span = s.span;
        match &s.kind {
            S::Block(_)
            | S::Profile(..)
            | S::If { .. }
            | S::While(..)
            | S::For { .. }
            | S::ForEach { .. } => {
                let (kind, flow) = self.compound(&s.kind);
                (Statement { kind, span }, flow)
            }
            _ => {
                let (kind, flow) = self.atom(s, top);
                let kind = kind.unwrap_or(StatementKind::Empty);
                (Statement { kind, span }, flow)
            }
        }
    }

    /// A statement that holds others.
    fn compound(&mut self, kind: &syntax::StatementKind) -> (StatementKind, Flow) {
        use syntax::StatementKind as S;
        match kind {
            S::Block(statements) => {
                let (statements, flow) = self.scoped(statements);
                (StatementKind::Block(statements), flow)
            }
            S::Profile(name, statements) => {
                let (statements, flow) = self.scoped(statements);
                (StatementKind::Profile(name.clone(), statements), flow)
            }
            S::If { arms, otherwise } => self.conditional(arms, otherwise.as_deref()),
            S::While(condition, body) => {
                let condition = self.expression(condition);
                self.expect_condition(&condition);
                let (body, inner) = self.loop_body(body);
                let flow = if inner == Flow::Passes && always(&condition) {
                    Flow::Leaves
                } else {
                    inner.of_loop()
                };
                (StatementKind::While(condition, Box::new(body)), flow)
            }
            S::For {
                variable,
                lower,
                upper,
                body,
            } => self.range_loop(variable, [lower, upper], body),
            S::ForEach {
                variable,
                over,
                body,
            } => self.each_loop(variable, over, body),
            _ => (StatementKind::Empty, Flow::Passes),
        }
    }

    /// A statement that holds no other; nothing if it was reported.
    fn atom(&mut self, s: &syntax::Statement, top: bool) -> (Option<StatementKind>, Flow) {
        use syntax::StatementKind as S;
        let mut flow = Flow::Passes;
        let kind = match &s.kind {
            S::Assign {
                target,
                operator,
                value,
            } => self.assignment(target, *operator, value, s.span),
            S::Call { name, arguments } => self
                .call_without_value(name, arguments, s.span)
                .map(StatementKind::Call),
            S::Distribution {
                value,
                name,
                arguments,
                truncation,
            } => self.distribution(value, name, arguments, truncation, s.span),
            S::Target(value) => {
                if !self.in_lp_function() && self.context.block != BlockKind::Model {
                    self.target_not_allowed(s.span, "`target +=` stands");
                }
                Some(StatementKind::Target(self.increment(value)))
            }
            S::Jacobian(value) => {
                if !self.in_jacobian_function()
                    && self.context.block != BlockKind::TransformedParameters
                {
                    self.jacobian_not_allowed(s.span);
                }
                Some(StatementKind::Jacobian(self.increment(value)))
            }
            S::Message(message, items) => {
                if *message != Message::Print {
                    flow = Flow::Leaves;
                }
                Some(StatementKind::Message(*message, self.printables(items)))
            }
            S::Break => {
                flow = Flow::Jumps;
                self.expect_loop("break", s.span);
                Some(StatementKind::Break)
            }
            S::Continue => {
                self.expect_loop("continue", s.span);
                Some(StatementKind::Continue)
            }
            S::Return(value) => {
                flow = Flow::Leaves;
                Some(self.returning(value.as_ref(), s.span))
            }
            S::Declaration(declaration) => {
                let top = top && self.context.block != BlockKind::Model;
                let role = if top { Role::Global } else { Role::Local };
                Some(StatementKind::Declaration(
                    self.declaration(declaration, role),
                ))
            }
            S::Unknown => {
                // It may have been a `return`.
                flow = Flow::Leaves;
                None
            }
            // Definitions were taken from the block before; the rest is no atom.
            _ => None,
        };
        (kind, flow)
    }

    fn conditional(
        &mut self,
        arms: &[(syntax::Expression, syntax::Statement)],
        otherwise: Option<&syntax::Statement>,
    ) -> (StatementKind, Flow) {
        let mut flows = Vec::new();
        let arms = arms
            .iter()
            .map(|(condition, body)| {
                let condition = self.expression(condition);
                self.expect_condition(&condition);
                let (body, flow) = self.alone(body);
                flows.push(flow);
                (condition, body)
            })
            .collect();
        let otherwise = otherwise.map(|body| {
            let (body, flow) = self.alone(body);
            flows.push(flow);
            Box::new(body)
        });
        if otherwise.is_none() {
            flows.push(Flow::Passes);
        }
        let flow = flows.into_iter().rev().reduce(|rest, arm| arm.or(rest));
        (
            StatementKind::If { arms, otherwise },
            flow.unwrap_or(Flow::Passes),
        )
    }

    fn loop_body(&mut self, body: &syntax::Statement) -> (Statement, Flow) {
        self.context.loops += 1;
        let result = self.alone(body);
        self.context.loops -= 1;
        result
    }

    fn range_loop(
        &mut self,
        variable: &Name,
        ends: [&syntax::Expression; 2],
        body: &syntax::Statement,
    ) -> (StatementKind, Flow) {
        let [lower, upper] = ends.map(|end| self.expression(end));
        self.expect_int(&lower, Code::LoopRange, "the beginning of a loop's range");
        self.expect_int(&upper, Code::LoopRange, "the end of a loop's range");
        let mark = self.scope.len();
        let variable = self.declare(variable, Type::Int, Role::Loop);
        let (body, flow) = self.loop_body(body);
        self.leave(mark);
        let kind = StatementKind::For {
            variable,
            lower,
            upper,
            body: Box::new(body),
        };
        (kind, flow.of_loop())
    }

    fn each_loop(
        &mut self,
        variable: &Name,
        over: &syntax::Expression,
        body: &syntax::Statement,
    ) -> (StatementKind, Flow) {
        let over = self.expression(over);
        let element = match &over.r#type {
            Type::Array(element, dimensions) => (**element).clone().array(dimensions - 1),
            Type::Vector | Type::RowVector | Type::Matrix => Type::Real,
            Type::Unknown => Type::Unknown,
            other => {
                let found = Diagnostic::new(
                    Code::LoopRange,
                    over.span,
                    format!("a loop goes through a range or a container, and this is {other}"),
                )
                .label(other.to_string());
                let hint = (*other == Type::Int).then(|| {
                    let end = self.sources.text(over.span);
                    format!("write `1:{end}`")
                });
                self.report(found.hint_if(hint));
                Type::Unknown
            }
        };
        let mark = self.scope.len();
        let variable = self.declare(variable, element, Role::Loop);
        let (body, flow) = self.loop_body(body);
        self.leave(mark);
        let kind = StatementKind::ForEach {
            variable,
            over,
            body: Box::new(body),
        };
        (kind, flow.of_loop())
    }

    fn printables(&mut self, items: &[syntax::Printable]) -> Vec<Printable> {
        items
            .iter()
            .map(|item| match item {
                syntax::Printable::Text(text) => Printable::Text(text.clone()),
                syntax::Printable::Value(value) => Printable::Value(self.expression(value)),
            })
            .collect()
    }

    fn expect_loop(&mut self, word: &str, span: Span) {
        if self.context.loops == 0 {
            let found = Diagnostic::new(
                Code::OutsideLoop,
                span,
                format!("`{word}` belongs into a loop"),
            )
            .hint("`return` leaves a function");
            self.report(found);
        }
    }

    fn returning(&mut self, value: Option<&syntax::Expression>, span: Span) -> StatementKind {
        let returns = self.context.function.as_ref().map(|(_, r)| r.clone());
        let value = value.map(|value| self.expression(value));
        match (returns, value) {
            (None, value) => {
                let found = Diagnostic::new(Code::ReturnNotAllowed, span, "only functions return")
                    .hint("`reject(…)` gives a point up");
                self.report(found);
                StatementKind::Return(value)
            }
            (Some(None), Some(value)) => {
                let found = Diagnostic::new(
                    Code::ReturnNotAllowed,
                    value.span,
                    "a `void` function returns no value",
                )
                .hint("write `return;`, or give the function a type");
                self.report(found);
                StatementKind::Return(None)
            }
            (Some(Some(wanted)), None) => {
                let found = Diagnostic::new(
                    Code::ReturnNotAllowed,
                    span,
                    format!("the function returns {wanted}, and here is no value"),
                );
                self.report(found);
                StatementKind::Return(None)
            }
            (Some(Some(wanted)), Some(value)) => {
                if wanted.cost_from(&value.r#type).is_none() {
                    let found = Diagnostic::new(
                        Code::ReturnType,
                        value.span,
                        format!(
                            "the function returns {wanted}, and this is {}",
                            value.r#type
                        ),
                    )
                    .label(value.r#type.to_string());
                    self.report(found);
                }
                StatementKind::Return(Some(convert(value, &wanted)))
            }
            (Some(None), None) => StatementKind::Return(None),
        }
    }

    /// What is added to the log density: numbers, or containers of them.
    fn increment(&mut self, value: &syntax::Expression) -> Expression {
        let value = self.expression(value);
        let element = value.r#type.element().0;
        if matches!(element, Type::Tuple(_)) || element.is_complex() {
            let found = Diagnostic::new(
                Code::IncrementType,
                value.span,
                format!(
                    "reals are added to the log density, and this is {}",
                    value.r#type
                ),
            )
            .label(value.r#type.to_string());
            self.report(found);
        }
        value
    }

    pub(super) fn target_not_allowed(&mut self, span: Span, what: &str) {
        let found = Diagnostic::new(
            Code::TargetNotAllowed,
            span,
            format!("{what} in the block `model` only"),
        )
        .hint("functions that change the log density have names ending in `_lp`");
        self.report(found);
    }

    pub(super) fn jacobian_not_allowed(&mut self, span: Span) {
        let found = Diagnostic::new(
            Code::JacobianNotAllowed,
            span,
            "Jacobian terms belong to transformed parameters",
        )
        .hint("functions that add them have names ending in `_jacobian`");
        self.report(found);
    }
}
