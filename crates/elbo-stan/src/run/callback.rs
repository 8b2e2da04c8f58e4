//! Functions that are handed to functions: differential equations, integrals, sums in slices.
//!
//! The one idea: what is handed over is a function of the program, which is run with symbols like
//! everything else. Where it is needed at points that are only known later, as the right-hand side of
//! a differential equation is, it is recorded apart and becomes a small graph of its own.

use std::sync::Arc;

use elbo_graph::Shape;
use elbo_graph::ode::{OdeMethod, OdeSystem, Tolerances, ode_solve};

use super::evaluate::unsupported;
use super::integral;
use super::parameters::known_or_not;
use super::{Machine, Run, Tensor, Value, bad};
use crate::source::Span;
use crate::trace::{Number, Operand, Symbol, Trace};
use crate::typed::{Call, FunctionId};

/// How a name of Stan solves a differential equation, its tolerances unless they are given.
fn ode_method(name: &str) -> Option<(OdeMethod, Tolerances)> {
    let name = name.strip_prefix("integrate_").unwrap_or(name);
    let loose = Tolerances::default();
    let tight = Tolerances {
        relative: 1e-10,
        absolute: 1e-10,
        most_steps: 100_000_000,
    };
    Some(match name {
        "ode" | "ode_rk45" | "ode_rk45_tol" | "ode_ckrk" | "ode_ckrk_tol" => {
            (OdeMethod::DormandPrince, loose)
        }
        "ode_adams" | "ode_adams_tol" => (OdeMethod::DormandPrince, tight),
        "ode_bdf" | "ode_bdf_tol" => (OdeMethod::Sdirk4, tight),
        "ode_adjoint_tol_ctl" => (OdeMethod::Sdirk4, loose),
        _ => return None,
    })
}

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
            return self.differential_equation(name, method, tolerances, function, values, span);
        }
        match name {
            "reduce_sum" | "reduce_sum_static" => self.reduce_sum(function, values, span),
            "map_rect" => self.map_rect(function, &values, span),
            _ if name.starts_with("integrate_1d") => self.integrate(name, function, values, span),
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
        values: Vec<Value>,
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

    fn differential_equation(
        &mut self,
        name: &'static str,
        method: OdeMethod,
        tolerances: Tolerances,
        function: FunctionId,
        values: Vec<Value>,
        span: Span,
    ) -> Run<Value> {
        let fails = |message: String| bad(span, format!("{name}: {message}"));
        let (mut tolerances, mut rest) = (tolerances, values[3..].to_vec());
        let number = |value: &Value| {
            value
                .as_reals()
                .and_then(|t| t.entries().first().copied())
                .ok_or_else(|| fails("a tolerance is a known number".into()))
        };
        if name.starts_with("integrate_") {
            let given: Vec<Value> = rest.drain(3..).collect();
            if let [relative, absolute, steps] = given.as_slice() {
                tolerances = Tolerances {
                    relative: number(relative)?,
                    absolute: number(absolute)?,
                    most_steps: number(steps)? as usize,
                };
            }
        } else if name.ends_with("_tol") {
            tolerances = Tolerances {
                relative: number(&rest[0])?,
                absolute: number(&rest[1])?,
                most_steps: number(&rest[2])? as usize,
            };
            rest.drain(..3);
        } else if name == "ode_adjoint_tol_ctl" {
            tolerances = Tolerances {
                relative: number(&rest[0])?,
                absolute: number(&rest[1])?,
                most_steps: number(&rest[6])? as usize,
            };
            rest.drain(..11);
        }
        let operand = |value: &Value| {
            Operand::from_value(value).ok_or_else(|| fails("the state is real".into()))
        };
        let (initial, start, times) = (
            operand(&values[0])?,
            operand(&values[1])?,
            operand(&values[2])?,
        );
        let (n, n_times) = (initial.len(), times.len());
        if n == 0 || n_times == 0 {
            return Ok(Value::Reals(Tensor::new(vec![n_times, n], Vec::new())));
        }
        check_times(&start, &times).map_err(fails)?;
        let (system, parameters) = self.system(function, n, rest, span)?;
        let system = Arc::new(system);
        let args = vec![
            (initial, Shape::vector(n)),
            (start, Shape::SCALAR),
            (times, Shape::vector(n_times)),
            (parameters.clone(), Shape::vector(parameters.len())),
        ];
        self.visit(span);
        let numbers = self
            .trace
            .block(
                name,
                args,
                Shape::matrix(n_times, n),
                vec![n_times, n],
                move |graph, args| {
                    Ok(ode_solve(
                        graph, &system, method, tolerances, args[0], args[1], args[2], args[3],
                    ))
                },
            )
            .map_err(fails)?;
        Ok(Value::from_numbers(numbers))
    }

    /// The right-hand side as a graph of its own, and the numbers of the outer program in it.
    fn system(
        &mut self,
        function: FunctionId,
        n: usize,
        rest: Vec<Value>,
        span: Span,
    ) -> Run<(OdeSystem, Operand)> {
        let fails = |message: String| bad(span, message);
        let mut symbols = Vec::new();
        for value in &rest {
            collect(value, &mut symbols);
        }
        let outer = std::mem::replace(&mut self.trace, Trace::new());
        let mut right_hand_side = |machine: &mut Self| -> Run<(Vec<Tensor<Number>>, Value)> {
            machine.visit(span);
            let mut free = |shape: Shape| {
                if shape.is_empty() {
                    return Ok(Tensor::list(Vec::new()));
                }
                machine.trace.free(shape).map_err(fails)
            };
            let inputs = vec![
                free(Shape::SCALAR)?,
                free(Shape::vector(n))?,
                free(Shape::vector(symbols.len()))?,
            ];
            let time = Value::from_numbers(Tensor::scalar(inputs[0].entries()[0]));
            let mut arguments = vec![time, Value::from_numbers(inputs[1].clone())];
            let mut inner = inputs[2].entries().iter().copied();
            arguments.extend(rest.iter().map(|value| replaced(value, &mut inner)));
            let value = machine.on_all_paths(span, &mut |machine| {
                machine.returned(function, arguments.clone(), span)
            })?;
            Ok((inputs, value))
        };
        let result = right_hand_side(self);
        let inner = std::mem::replace(&mut self.trace, outer);
        let (inputs, value) = result?;
        let slopes = value
            .as_numbers()
            .ok_or_else(|| bad(span, "a right-hand side is real"))?;
        if slopes.entries().len() != n {
            return Err(bad(
                span,
                format!(
                    "the right-hand side has {} numbers for {n} states",
                    slopes.entries().len()
                ),
            ));
        }
        let mut fault = None;
        let parameters = symbols.len();
        let system = OdeSystem::new(n, parameters, |graph, time, states, parameters| {
            let given = [time, states, parameters];
            let count = if inputs[2].entries().is_empty() { 2 } else { 3 };
            match inner.emit_into(std::mem::take(graph), &given[..count], slopes.entries()) {
                Ok((emitted, node)) => {
                    *graph = emitted;
                    node
                }
                Err((_, message)) => {
                    fault = Some(message);
                    *graph = elbo_graph::Graph::new();
                    for shape in [
                        Shape::SCALAR,
                        Shape::vector(n),
                        Shape::vector(symbols.len()),
                    ] {
                        graph.parameter(shape);
                    }
                    graph.constant(vec![0.0; n], Shape::vector(n))
                }
            }
        });
        if let Some(message) = fault {
            return Err(bad(span, message));
        }
        let numbers = symbols.into_iter().map(Number::Symbol).collect();
        Ok((system, known_or_not(Tensor::list(numbers))))
    }
}

/// Times must not run backwards.
fn check_times(start: &Operand, times: &Operand) -> Result<(), String> {
    let mut last = start.number(0).known();
    for time in times.numbers() {
        let time = time.known();
        if let (Some(a), Some(b)) = (last, time)
            && b < a
        {
            return Err(format!("the times must ascend, and {b} comes after {a}"));
        }
        last = time;
    }
    Ok(())
}

/// The symbols of a value, in row-major order.
pub(crate) fn collect(value: &Value, symbols: &mut Vec<Symbol>) {
    match value {
        Value::Symbolic(t) => symbols.extend(t.entries().iter().filter_map(|n| match n {
            Number::Symbol(symbol) => Some(*symbol),
            Number::Known(_) => None,
        })),
        Value::Tuple(parts) | Value::Tuples(_, parts) => {
            parts.iter().for_each(|part| collect(part, symbols));
        }
        Value::Ints(_) | Value::Reals(_) | Value::Complexes(_) => {}
    }
}

/// A value with other numbers in place of its symbols, in the order of [`collect`].
pub(crate) fn replaced(value: &Value, numbers: &mut dyn Iterator<Item = Number>) -> Value {
    match value {
        Value::Symbolic(t) => Value::from_numbers(t.map(|n| match n {
            Number::Known(_) => *n,
            Number::Symbol(_) => numbers.next().unwrap_or(Number::Known(f64::NAN)),
        })),
        Value::Tuple(parts) => {
            Value::Tuple(parts.iter().map(|part| replaced(part, numbers)).collect())
        }
        Value::Tuples(shape, parts) => Value::Tuples(
            shape.clone(),
            parts.iter().map(|part| replaced(part, numbers)).collect(),
        ),
        known => known.clone(),
    }
}
