//! Functions that are handed to functions: equations of both kinds, integrals, sums in slices.
//!
//! The one idea: what is handed over is a function of the program, which is run with symbols like
//! everything else. Absent: differential-algebraic equations, and the embedded
//! Laplace approximation.

use super::equation::ode_method;
use super::evaluate::unsupported;
use super::root::is_solver;
use super::{Machine, Run, Tensor, Value, bad, integral};
use crate::source::Span;
use crate::trace::{Number, Operand};
use crate::typed::{Call, FunctionId};

impl Machine<'_> {
    /// A function of Stan that takes functions.
    pub(super) fn higher_order(
        &mut self,
        name: &'static str,
        call: &Call,
        values: Vec<Value>,
        span: Span,
    ) -> Run<Value> {
        let function = call.functions[0];
        if let Some((method, tolerances)) = ode_method(name) {
            return self.differential_equation(name, (method, tolerances), function, &values, span);
        }
        if is_solver(name) {
            return self.root(name, function, &values, span);
        }
        self.hand_over(call);
        match name {
            "reduce_sum" | "reduce_sum_static" => self.reduce_sum(function, values, span),
            "map_rect" => self.map_rect(function, &values, span),
            _ if name.starts_with("integrate_1d") => self.integrate(name, function, &values, span),
            _ => Err(unsupported(span, name)),
        }
    }

    /// The value of a function that must return one.
    pub(super) fn returned(
        &mut self,
        function: FunctionId,
        arguments: Vec<Value>,
        span: Span,
    ) -> Run<Value> {
        self.user(function, arguments, span)?
            .ok_or_else(|| bad(span, "the function returned no value"))
    }

    /// The sum over all slices is the function of the whole.
    fn reduce_sum(
        &mut self,
        function: FunctionId,
        mut values: Vec<Value>,
        span: Span,
    ) -> Run<Value> {
        let length = values[0].shape().first().copied().unwrap_or(0);
        if length == 0 {
            return Ok(Value::real(0.0));
        }
        let last = i32::try_from(length).map_err(|_| bad(span, "the slice is too long"))?;
        // The grain size says how to cut the work, which is cut elsewhere.
        values[1] = Value::int(1);
        values.insert(2, Value::int(last));
        self.returned(function, values, span)
    }

    /// The function of every shard, one after the other.
    fn map_rect(&mut self, function: FunctionId, values: &[Value], span: Span) -> Run<Value> {
        let part = |value: &Value, i: usize| match value {
            Value::Ints(t) => Value::Ints(t.part(i)),
            Value::Reals(t) => Value::Reals(t.part(i)),
            Value::Symbolic(t) => Value::from_numbers(t.part(i)),
            other => other.clone(),
        };
        let shards = values[1].shape().first().copied().unwrap_or(0);
        let mut numbers = Vec::new();
        for i in 0..shards {
            let arguments = vec![
                values[0].clone(),
                part(&values[1], i),
                part(&values[2], i),
                part(&values[3], i),
            ];
            let value = self.returned(function, arguments, span)?;
            let value = value
                .as_numbers()
                .ok_or_else(|| bad(span, "map_rect: the function returns a vector"))?;
            numbers.extend_from_slice(value.entries());
        }
        Ok(Value::from_numbers(Tensor::list(numbers)))
    }

    fn integrate(
        &mut self,
        name: &'static str,
        function: FunctionId,
        values: &[Value],
        span: Span,
    ) -> Run<Value> {
        let one = |value: &Value| {
            Operand::from_value(value)
                .map(|operand| operand.number(0))
                .ok_or_else(|| bad(span, "a limit is a real number"))
        };
        let (from, to) = (one(&values[0])?, one(&values[1])?);
        let mut rest = values[2..].to_vec();
        if name == "integrate_1d" {
            rest.truncate(3);
        } else if name.ends_with("_tol") {
            rest.drain(..3);
        }
        let nodes = integral::nodes(&mut self.trace, from, to)
            .map_err(|message| bad(span, format!("{name}: {message}")))?;
        let mut terms = Vec::with_capacity(nodes.len());
        for node in nodes {
            let scalar = |number: Number| Value::from_numbers(Tensor::scalar(number));
            let mut arguments = vec![scalar(node.x), scalar(node.to_limit)];
            arguments.extend(rest.iter().cloned());
            let value = self.returned(function, arguments, span)?;
            let height = Operand::from_value(&value)
                .ok_or_else(|| bad(span, "an integrand is a real number"))?;
            self.visit(span);
            let term = self
                .trace
                .pointwise(
                    elbo_graph::Function::Multiply,
                    &[height, Operand::of(node.weight)],
                )
                .map_err(|message| bad(span, message))?;
            terms.push(term.entries()[0]);
        }
        self.visit(span);
        let sum = self
            .trace
            .sum(&Tensor::list(terms))
            .map_err(|message| bad(span, message))?;
        Ok(Value::from_numbers(Tensor::scalar(sum)))
    }
}
