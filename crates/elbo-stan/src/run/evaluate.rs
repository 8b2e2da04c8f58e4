//! Expressions.

use super::index::read;
use super::operator::{binary, unary};
use super::{Machine, Run, RunError, RunErrorKind, Tensor, Value, bad, builtin};
use crate::lower;
use crate::source::Span;
use crate::typed::{
    BinaryOperator, Call, Callee, Expression, ExpressionKind, FunctionId, Index, Type,
};

/// Products of numbers that are added up in about the time of a step.
const PRODUCTS_PER_STEP: usize = 256;

impl Machine<'_> {
    pub(super) fn evaluate(&mut self, e: &Expression) -> Run<Value> {
        let value = self.deeper(e.span, |machine| machine.evaluate_here(e))?;
        // A variable's value is shared, not computed.
        if !matches!(e.kind, ExpressionKind::Variable(_)) {
            self.steps_for(&value, e.span)?;
        }
        Ok(value)
    }

    fn evaluate_here(&mut self, e: &Expression) -> Run<Value> {
        Ok(match &e.kind {
            ExpressionKind::Integer(value) => Value::int(*value),
            ExpressionKind::Real(value) => Value::real(*value),
            ExpressionKind::Imaginary(value) => Value::Complexes(Tensor::scalar([0.0, *value])),
            ExpressionKind::Variable(id) => self.frame[id.0].clone().ok_or_else(|| {
                bad(
                    e.span,
                    format!("`{}` has no value yet", self.variables[id.0].name),
                )
            })?,
            ExpressionKind::Target => {
                self.visit(e.span);
                let jacobian = self.jacobian;
                let total = self
                    .trace
                    .total(jacobian)
                    .map_err(|message| bad(e.span, message))?;
                Value::from_numbers(Tensor::scalar(total))
            }
            ExpressionKind::Unary(operator, operand) => {
                let value = self.evaluate(operand)?;
                if value.is_symbolic() {
                    self.visit(e.span);
                    lower::operator::unary(&mut self.trace, *operator, &operand.r#type, &value)
                } else {
                    unary(*operator, &operand.r#type, value)
                }
                .map_err(|message| bad(e.span, message))?
            }
            ExpressionKind::Binary(operator, operands) => {
                return self.binary(*operator, operands, e.span);
            }
            ExpressionKind::Ternary(parts) => {
                let condition = self.condition(&parts[0])?;
                self.evaluate(&parts[if condition { 1 } else { 2 }])?
            }
            ExpressionKind::Call(call) => self
                .call(call, e.span)?
                .ok_or_else(|| bad(e.span, "the function returned no value"))?,
            ExpressionKind::Index(base, indices) => {
                let fails = |message| bad(e.span, message);
                // A variable is read where it is.
                if let ExpressionKind::Variable(id) = base.kind
                    && self.frame[id.0].is_some()
                {
                    let indices = self.indices(indices)?;
                    match &self.frame[id.0] {
                        Some(value) => read(value, &indices).map_err(fails)?,
                        None => return Err(bad(e.span, "the variable has no value yet")),
                    }
                } else {
                    let base = self.evaluate(base)?;
                    let indices = self.indices(indices)?;
                    read(&base, &indices).map_err(fails)?
                }
            }
            ExpressionKind::Element(base, index) => match self.evaluate(base)? {
                Value::Tuple(mut parts) if *index < parts.len() => parts.swap_remove(*index),
                _ => return Err(bad(e.span, "the value is no such tuple")),
            },
            ExpressionKind::Array(items) => {
                let values = self.all(items)?;
                stack(values, &items[0].r#type).map_err(|m| bad(e.span, m))?
            }
            ExpressionKind::Row(items) if items.is_empty() => {
                Value::unset(e.r#type.element().0, vec![0])
            }
            ExpressionKind::Row(items) => {
                let values = self.all(items)?;
                stack(values, &items[0].r#type).map_err(|m| bad(e.span, m))?
            }
            ExpressionKind::Tuple(items) => Value::Tuple(self.all(items)?),
            ExpressionKind::Convert(inner) => self.evaluate(inner)?.converted(&e.r#type),
            ExpressionKind::Unknown => return Err(bad(e.span, "the program has errors")),
        })
    }

    pub(super) fn all(&mut self, items: &[Expression]) -> Run<Vec<Value>> {
        items.iter().map(|item| self.evaluate(item)).collect()
    }

    /// An int. One that depends on parameters is decided.
    pub(super) fn int(&mut self, e: &Expression) -> Run<i32> {
        match self.evaluate(e)? {
            Value::Symbolic(t) if t.shape().is_empty() => self.decide(t.entries()[0], e.span),
            value => value.as_int().ok_or_else(|| bad(e.span, "this is no int")),
        }
    }

    pub(super) fn condition(&mut self, e: &Expression) -> Run<bool> {
        Ok(self.int(e)? != 0)
    }

    fn binary(
        &mut self,
        operator: BinaryOperator,
        operands: &[Expression; 2],
        span: Span,
    ) -> Run<Value> {
        // The right side of `&&` and `||` is only looked at when it decides.
        if matches!(operator, BinaryOperator::And | BinaryOperator::Or) {
            let left = self.condition(&operands[0])?;
            let decided = left == (operator == BinaryOperator::Or);
            let result = if decided {
                left
            } else {
                self.condition(&operands[1])?
            };
            return Ok(Value::int(i32::from(result)));
        }
        let left = self.evaluate(&operands[0])?;
        let right = self.evaluate(&operands[1])?;
        let types = [&operands[0].r#type, &operands[1].r#type];
        self.operate(operator, types, &left, &right, span)
    }

    /// An operator on two values, known or not.
    pub(super) fn operate(
        &mut self,
        operator: BinaryOperator,
        types: [&Type; 2],
        left: &Value,
        right: &Value,
        span: Span,
    ) -> Run<Value> {
        let is_division = matches!(
            operator,
            BinaryOperator::Divide | BinaryOperator::LeftDivide
        );
        let scalar = |t: &Type| matches!(t, Type::Int | Type::Real | Type::Complex);
        let is_solved = is_division && !types.iter().any(|t| scalar(t) || t.is_complex());
        if operator == BinaryOperator::Multiply
            && let ([.., inner], [_, ..]) = (left.shape(), right.shape())
        {
            // A product of matrices takes more than its result tells.
            let products = right
                .numbers()
                .saturating_mul(left.numbers() / inner.max(&1));
            self.steps_of((products / PRODUCTS_PER_STEP) as u64, span)?;
        }
        let is_complex_product =
            types.iter().any(|t| t.is_complex()) && !types.iter().any(|t| scalar(t));
        if left.is_symbolic() || right.is_symbolic() || is_solved || is_complex_product {
            self.visit(span);
            lower::operator::binary(&mut self.trace, operator, types, left, right)
        } else {
            binary(operator, types, left, right)
        }
        .map_err(|message| bad(span, message))
    }

    /// Indices, each as a list of positions from 1, or one position, or all.
    pub(super) fn indices(&mut self, indices: &[Index]) -> Run<Vec<Chosen>> {
        indices
            .iter()
            .map(|index| {
                Ok(match index {
                    Index::All => Chosen::Between(1, None),
                    Index::Single(e) => Chosen::Single(self.int(e)?),
                    Index::Several(e) => match self.evaluate(e)? {
                        Value::Ints(t) => Chosen::Several(t.entries().to_vec()),
                        Value::Symbolic(t) => Chosen::Several(
                            t.entries()
                                .iter()
                                .map(|n| self.decide(*n, e.span))
                                .collect::<Run<_>>()?,
                        ),
                        _ => return Err(bad(e.span, "these are no ints")),
                    },
                    Index::From(e) => Chosen::Between(self.int(e)?, None),
                    Index::UpTo(e) => Chosen::Between(1, Some(self.int(e)?)),
                    Index::Between(a, b) => Chosen::Between(self.int(a)?, Some(self.int(b)?)),
                })
            })
            .collect()
    }

    pub(super) fn call(&mut self, call: &Call, span: Span) -> Run<Option<Value>> {
        let values = self.all(&call.arguments)?;
        match call.callee {
            Callee::User(id) => {
                self.hand_over(call);
                self.user(id, values, span)
            }
            Callee::Builtin(name) => {
                let types: Vec<&Type> = call.arguments.iter().map(|a| &a.r#type).collect();
                if !call.functions.is_empty() {
                    return self.higher_order(name, call, values, span).map(Some);
                }
                if call.unnormalised {
                    return self.unnormalised(call, &values, span).map(Some);
                }
                self.builtin(name, &values, &types, span).map(Some)
            }
        }
    }

    /// A function of Stan.
    pub(super) fn builtin(
        &mut self,
        name: &'static str,
        values: &[Value],
        types: &[&Type],
        span: Span,
    ) -> Run<Value> {
        if let ([a, b], [left, right]) = (values, types)
            && let Some(operator) = lower::functions::operator(name)
        {
            return self.operate(operator, [left, right], a, b, span);
        }
        if self.records_random && name.ends_with("_rng") {
            return self.later(name, values, types, span);
        }
        if lower::complex::is_row(name, values, types) && builtin::arrangement(name).is_none() {
            self.visit(span);
            return lower::complex::value(&mut self.trace, name, values, types)
                .map_err(|message| bad(span, format!("{name}: {message}")));
        }
        let is_known = !values.iter().any(Value::is_symbolic);
        let of_known = || builtin::find(name).filter(|_| is_known);
        let result = match builtin::arrangement(name).or_else(of_known) {
            Some(function) => function(&builtin::Arguments {
                values,
                types,
                limit: self.limits.bytes,
            }),
            None if lower::functions::exists(name) => {
                self.visit(span);
                lower::functions::value(&mut lower::functions::Call {
                    trace: &mut self.trace,
                    name,
                    values,
                    types,
                    limit: self.limits.bytes,
                })
            }
            None => {
                let arguments = builtin::Arguments {
                    values,
                    types,
                    limit: self.limits.bytes,
                };
                self.random
                    .as_mut()
                    .and_then(|random| builtin::random::draw(name, &arguments, random))
                    .ok_or_else(|| unsupported(span, name))?
            }
        };
        result.map_err(|message| bad(span, format!("{name}: {message}")))
    }

    /// A function of the program, in a frame of its own.
    pub(super) fn user(
        &mut self,
        id: FunctionId,
        values: Vec<Value>,
        span: Span,
    ) -> Run<Option<Value>> {
        let function = &self.program.functions[id.0];
        if self.calls >= self.limits.calls {
            return Err(RunError::new(
                RunErrorKind::Limit,
                span,
                format!(
                    "functions call each other more than {} deep, the limit",
                    self.limits.calls
                ),
            ));
        }
        let levels = self.handed.take().unwrap_or_default();
        let levels = std::mem::replace(&mut self.levels, levels);
        let mut frame: Vec<Option<Value>> = values.into_iter().map(Some).collect();
        frame.resize(function.variables.len(), None);
        let frame = std::mem::replace(&mut self.frame, frame);
        let variables = std::mem::replace(&mut self.variables, &function.variables);
        let calls_before = self.calls_so_far;
        let next = u32::try_from(self.call_sites.len()).unwrap_or(u32::MAX - 1) + 1;
        self.calls_so_far = *self.call_sites.entry((calls_before, span)).or_insert(next);
        self.calls += 1;
        let result = self.execute(&function.body);
        self.calls -= 1;
        self.calls_so_far = calls_before;
        self.frame = frame;
        self.variables = variables;
        self.levels = levels;
        match result? {
            super::execute::Flow::Return(value) => Ok(value),
            _ => Ok(None),
        }
    }
}

/// An index with its numbers known.
#[derive(Clone, Debug)]
pub(super) enum Chosen {
    Single(i32),
    Several(Vec<i32>),
    /// Both ends included; to the end if the second is left out.
    Between(i32, Option<i32>),
}

pub(super) fn unsupported(span: Span, name: &str) -> RunError {
    RunError::new(
        RunErrorKind::Unsupported,
        span,
        format!("`{name}` is not evaluated yet"),
    )
}

/// Values of one type along a new first axis.
pub(super) fn stack(values: Vec<Value>, element: &Type) -> Result<Value, String> {
    fn join<T: Clone>(parts: &[Tensor<T>]) -> Result<Tensor<T>, String> {
        let first = parts[0].shape();
        if let Some(other) = parts.iter().find(|part| part.shape() != first) {
            return Err(format!(
                "the elements have different shapes: {first:?} and {:?}",
                other.shape()
            ));
        }
        let mut shape = vec![parts.len()];
        shape.extend_from_slice(first);
        let entries = parts.iter().flat_map(|p| p.entries().iter().cloned());
        Ok(Tensor::new(shape, entries.collect()))
    }
    let mistake = || "the elements have different types".to_owned();
    match element.element().0 {
        Type::Int => {
            let parts: Option<Vec<_>> = values
                .into_iter()
                .map(|v| match v {
                    Value::Ints(t) => Some(t),
                    _ => None,
                })
                .collect();
            Ok(Value::Ints(join(&parts.ok_or_else(mistake)?)?))
        }
        Type::Tuple(_) => {
            let mut shape = vec![values.len()];
            let mut tuples = Vec::new();
            for value in values {
                match value {
                    Value::Tuples(inner, parts) => {
                        shape.truncate(1);
                        shape.extend(inner);
                        tuples.extend(parts);
                    }
                    tuple => tuples.push(tuple),
                }
            }
            Ok(Value::Tuples(shape, tuples))
        }
        t if t.is_complex() => {
            let parts: Option<Vec<_>> = values.iter().map(Value::as_pairs).collect();
            Ok(Value::from_pairs(join(&parts.ok_or_else(mistake)?)?))
        }
        _ if values.iter().any(Value::is_symbolic) => {
            let parts: Option<Vec<_>> = values.iter().map(Value::as_numbers).collect();
            Ok(Value::Symbolic(join(&parts.ok_or_else(mistake)?)?))
        }
        _ => {
            let parts: Option<Vec<_>> = values.iter().map(Value::as_reals).collect();
            Ok(Value::Reals(join(&parts.ok_or_else(mistake)?)?))
        }
    }
}
