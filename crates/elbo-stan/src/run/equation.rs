//! Differential equations of a program.
//!
//! The right-hand side is recorded apart ([`super::apart`]), since it is needed at points that are only
//! known later.

use std::sync::Arc;

use elbo_graph::Shape;
use elbo_graph::ode::{OdeMethod, OdeSystem, Tolerances, ode_solve};

use super::{Machine, Run, Tensor, Value, bad};
use crate::source::Span;
use crate::trace::Operand;
use crate::typed::FunctionId;

/// How a name of Stan solves a differential equation, its tolerances unless they are given.
pub(super) fn ode_method(name: &str) -> Option<(OdeMethod, Tolerances)> {
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

/// The tolerances of a call, and what is handed on to the right-hand side.
fn given(
    name: &str,
    default: Tolerances,
    rest: &[Value],
) -> Result<(Tolerances, Vec<Value>), String> {
    // Where relative and absolute tolerance and the steps are, and where the rest begins and ends.
    let (at, from, to) = if name.starts_with("integrate_") {
        (Some([3, 4, 5]).filter(|_| rest.len() == 6), 0, 3)
    } else if name == "ode_adjoint_tol_ctl" {
        (Some([0, 1, 6]), 11, rest.len())
    } else if name.ends_with("_tol") {
        (Some([0, 1, 2]), 3, rest.len())
    } else {
        (None, 0, rest.len())
    };
    let Some([relative, absolute, steps]) = at else {
        return Ok((default, rest[from..to].to_vec()));
    };
    let positive = |i: usize| {
        let number = rest[i].as_reals().map(|t| t.entries()[0]);
        number
            .filter(|x| *x > 0.0)
            .ok_or_else(|| "tolerances and the number of steps are known and positive".to_owned())
    };
    let tolerances = Tolerances {
        relative: positive(relative)?,
        absolute: positive(absolute)?,
        most_steps: rest[steps]
            .as_int()
            .and_then(|steps| usize::try_from(steps).ok())
            .map_or_else(|| positive(steps).map(|_| default.most_steps), Ok)?,
    };
    Ok((tolerances, rest[from..to].to_vec()))
}

impl Machine<'_> {
    /// The states at the times, a row each.
    pub(super) fn differential_equation(
        &mut self,
        name: &'static str,
        (method, tolerances): (OdeMethod, Tolerances),
        function: FunctionId,
        values: &[Value],
        span: Span,
    ) -> Run<Value> {
        let fails = |message: String| bad(span, format!("{name}: {message}"));
        let (tolerances, rest) = given(name, tolerances, &values[3..]).map_err(fails)?;
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
        let (system, parameters) = self.system(function, n, &rest, span)?;
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
        rest: &[Value],
        span: Span,
    ) -> Run<(OdeSystem, Operand)> {
        let apart = self.apart(function, &[None, Some(n)], rest, span)?;
        let slopes = apart.value.entries().len();
        if slopes != n {
            return Err(bad(
                span,
                format!("the right-hand side has {slopes} numbers for {n} states"),
            ));
        }
        let mut fault = None;
        let parameters = apart.handed.len();
        let system = OdeSystem::new(n, parameters, |graph, time, states, parameters| {
            apart.build(graph, &[time, states, parameters], &mut fault)
        });
        match fault {
            Some(message) => Err(bad(span, message)),
            None => Ok((system, apart.handed)),
        }
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
