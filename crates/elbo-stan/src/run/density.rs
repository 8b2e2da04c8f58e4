//! What a program adds to its log density: distribution statements, `target +=`, `jacobian +=`.

use elbo_graph::Function;

use super::constants::Dropped;
use super::parameters::known_or_not;
use super::{Machine, Run, Tensor, Value, bad};
use crate::lower::functions::{self, Call};
use crate::source::Span;
use crate::trace::{Number, Operand, Site};
use crate::typed::{self, Callee, Expression, Type};

impl Machine<'_> {
    /// The place where the next operations happen.
    pub(super) fn visit(&mut self, span: Span) {
        let calls = self.calls_so_far;
        self.trace.visit(Site { calls, span });
    }

    /// `target += value` or `jacobian += value`
    pub(super) fn add(&mut self, value: &Value, jacobian: bool, span: Span) -> Run<()> {
        let numbers = value
            .as_numbers()
            .ok_or_else(|| bad(span, "the log density is a real number"))?;
        self.trace.add(&numbers, jacobian);
        Ok(())
    }

    /// `y ~ distribution(…) T[lower, upper]`
    pub(super) fn distribution(&mut self, d: &typed::Distribution, span: Span) -> Run<()> {
        let values = self.all(&d.density.arguments)?;
        let types: Vec<&Type> = d.density.arguments.iter().map(|a| &a.r#type).collect();
        match d.density.callee {
            Callee::User(id) => {
                self.hand_over(&d.density);
                let value = self
                    .user(id, values.clone(), span)?
                    .ok_or_else(|| bad(span, "the density returned no value"))?;
                self.add(&value, false, span)?;
            }
            Callee::Builtin(name) => {
                let dropped = self.dropped(&d.density, name, &values, &types, span)?;
                if dropped != Some(Dropped::Everything) {
                    self.visit(span);
                    let mut call = Call {
                        trace: &mut self.trace,
                        name,
                        values: &values,
                        types: &types,
                        limit: self.limits.bytes,
                    };
                    let terms =
                        functions::terms(&mut call).map_err(|message| bad(span, message))?;
                    self.trace.add(&terms, false);
                }
                if let Some(Dropped::Some(constant)) = dropped {
                    let less = Tensor::scalar(Number::Known(-constant));
                    self.trace.add(&less, false);
                }
            }
        }
        if d.lower.is_some() || d.upper.is_some() {
            self.truncate(d, &values, &types, span)?;
        }
        Ok(())
    }

    /// Subtracts the log probability of lying between the bounds.
    fn truncate(
        &mut self,
        d: &typed::Distribution,
        values: &[Value],
        types: &[&Type],
        span: Span,
    ) -> Run<()> {
        let cumulative = d
            .cumulative
            .as_ref()
            .ok_or_else(|| bad(span, "the distribution has no cumulative function"))?;
        let bound = |machine: &mut Self, e: &Option<Expression>| {
            e.as_ref().map(|e| machine.evaluate(e)).transpose()
        };
        let (lower, upper) = (bound(self, &d.lower)?, bound(self, &d.upper)?);
        let fails = |message: String| bad(span, message);
        self.visit(span);
        for (bound, is_lower) in [(&lower, true), (&upper, false)] {
            if let Some(bound) = bound {
                self.inside(&values[0], bound, is_lower).map_err(fails)?;
            }
        }
        let is_discrete = types[0].is_discrete();
        // P(lower ≤ y) counts the bound itself, which P(y > bound) of a discrete y does not.
        let below = match &lower {
            Some(value) if is_discrete => {
                let bound = value
                    .as_int()
                    .ok_or_else(|| bad(span, "the lower bound of a discrete variable is an int"))?;
                Some(Value::int(bound.saturating_sub(1)))
            }
            other => other.clone(),
        };
        let at = |machine: &mut Self, callee: Callee, bound: Value| -> Run<Operand> {
            let mut arguments = values.to_vec();
            arguments[0] = bound;
            let value = machine.apply(callee, arguments, types, span)?;
            Operand::from_value(&value).ok_or_else(|| bad(span, "a probability is a real number"))
        };
        let probability = match (below, upper) {
            (None, None) => return Ok(()),
            (Some(lower), None) => at(self, cumulative.lccdf, lower)?,
            (None, Some(upper)) => at(self, cumulative.lcdf, upper)?,
            (Some(lower), Some(upper)) => {
                let upper = at(self, cumulative.lcdf, upper)?;
                let lower = at(self, cumulative.lcdf, lower)?;
                self.visit(span);
                let difference = self
                    .trace
                    .pointwise(Function::LogDiffExp, &[upper, lower])
                    .map_err(fails)?;
                known_or_not(difference)
            }
        };
        // Every element of the variate is truncated by itself.
        let count = values[0].shape().iter().product::<usize>() as f64;
        let share = Operand::of(Number::Known(-count));
        let total = match probability.len() {
            1 => self
                .trace
                .pointwise(Function::Multiply, &[probability, share]),
            _ => self.trace.pointwise(Function::Negate, &[probability]),
        };
        let total: Tensor<Number> = total.map_err(fails)?;
        self.trace.add(&total, false);
        Ok(())
    }

    /// A function of the program or of Stan on values.
    pub(super) fn apply(
        &mut self,
        callee: Callee,
        values: Vec<Value>,
        types: &[&Type],
        span: Span,
    ) -> Run<Value> {
        match callee {
            Callee::User(id) => self
                .user(id, values, span)?
                .ok_or_else(|| bad(span, "the function returned no value")),
            Callee::Builtin(name) => self.builtin(name, &values, types, span),
        }
    }
}
