//! Systems of algebraic equations of a program.
//!
//! All of Stan's solvers are one here: Powell's, whose search goes on to the last digits, whatever
//! tolerance on steps a call asks for; what a solution may miss is the call's.

use std::sync::Arc;

use elbo_graph::Shape;
use elbo_graph::equations::{Equations, SearchLimits, solve_equations};

use super::{Machine, Run, Tensor, Value, bad};
use crate::source::Span;
use crate::trace::{Number, Operand};
use crate::typed::FunctionId;

/// Whether a name of Stan solves equations.
pub(super) fn is_solver(name: &str) -> bool {
    name.starts_with("solve_") || name.starts_with("algebra_solver")
}

/// What a call says about the search, and what is handed on to the equations.
fn given(name: &str, rest: &[Value]) -> Result<(SearchLimits, Vec<Value>), String> {
    // Where the residual and the steps are, and where the rest begins and ends.
    let (at, from, to) = if name.starts_with("algebra_solver") {
        (Some([4, 5]).filter(|_| rest.len() == 6), 0, 3)
    } else if name.ends_with("_tol") {
        (Some([1, 2]), 3, rest.len())
    } else {
        (None, 0, rest.len())
    };
    let handed = rest[from..to].to_vec();
    let newton = name.contains("newton");
    // Stan's own.
    let mut limits = SearchLimits {
        residual: 1e-6,
        most_steps: if newton { 200 } else { 1000 },
    };
    if let Some([residual, steps]) = at {
        let number = |i: usize| {
            let number = rest[i].as_reals().map(|t| t.entries()[0]);
            number.filter(|x| *x > 0.0).ok_or_else(|| {
                "tolerances and the number of steps are known and positive".to_owned()
            })
        };
        limits.residual = number(residual)?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a positive number; a conversion that saturates"
        )]
        let steps = number(steps)? as usize;
        limits.most_steps = steps;
    }
    Ok((limits, handed))
}

impl Machine<'_> {
    /// What makes the function zero.
    pub(super) fn root(
        &mut self,
        name: &'static str,
        function: FunctionId,
        values: &[Value],
        span: Span,
    ) -> Run<Value> {
        let fails = |message: String| bad(span, format!("{name}: {message}"));
        let (limits, rest) = given(name, &values[1..]).map_err(fails)?;
        let guess =
            Operand::from_value(&values[0]).ok_or_else(|| fails("the guess is real".to_owned()))?;
        let n = guess.len();
        if n == 0 {
            return Err(fails("the guess has no entries".to_owned()));
        }
        let apart = self.apart(function, &[Some(n)], &rest, span)?;
        let zeros = apart.value.entries().len();
        if zeros != n {
            return Err(fails(format!(
                "the function returns {zeros} numbers for {n} unknowns"
            )));
        }
        let mut fault = None;
        let handed = apart.handed.clone();
        let equations = Equations::new(n, handed.len(), |graph, unknowns, parameters| {
            apart.build(graph, &[unknowns, parameters], &mut fault)
        });
        if let Some(message) = fault {
            return Err(bad(span, message));
        }
        let equations = Arc::new(equations);
        let length = Shape::vector(handed.len());
        let args = vec![(guess, Shape::vector(n)), (handed, length)];
        self.visit(span);
        let build = move |graph: &mut elbo_graph::Graph, args: &[elbo_graph::NodeId]| {
            Ok(solve_equations(graph, &equations, limits, args[0], args[1]))
        };
        let numbers: Tensor<Number> = self
            .trace
            .block(name, args, Shape::vector(n), vec![n], build)
            .map_err(fails)?;
        let is_nan = |number: &Number| number.known().is_some_and(f64::is_nan);
        if numbers.entries().iter().any(is_nan) {
            return Err(fails(format!(
                "no solution was found from this guess: after {} steps or less the norm of what the \
                 function returns is above {}",
                limits.most_steps, limits.residual
            )));
        }
        Ok(Value::from_numbers(numbers))
    }
}
