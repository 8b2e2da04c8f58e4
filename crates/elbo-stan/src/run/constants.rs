//! Constants that densities drop, and what may depend on parameters.
//!
//! The one idea: Stan drops a term if the *types* of its arguments are those of data, and a local
//! variable of the model block has a parameter's type whatever its value is. So it is the expression
//! that is asked, not the value; inside a function it depends on the arguments of the call that is
//! running.

use elbo_graph::Function;

use super::{Machine, Run, Value, bad};
use crate::lower::functions::{self, Call as Arguments};
use crate::source::Span;
use crate::trace::{Number, Operand};
use crate::typed::{Call, Callee, Expression, ExpressionKind, Role, Type, VariableId};

/// What a running function knows of its call.
#[derive(Clone, Debug, Default)]
pub(super) struct Levels {
    /// Whether densities that may drop constants do.
    pub(super) drops: bool,
    /// For each argument, whether it may depend on parameters.
    arguments: Vec<bool>,
}

/// What a density that may drop constants does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Dropped {
    /// All of it is a constant.
    Everything,
    /// This much is.
    Some(f64),
}

impl Machine<'_> {
    /// Whether an expression's type is that of a parameter.
    fn depends(&self, e: &Expression) -> bool {
        if *e.r#type.element().0 == Type::Int {
            return false;
        }
        if self.calls == 0 {
            return e.level.any_parameter();
        }
        let any = |items: &[Expression]| items.iter().any(|item| self.depends(item));
        match &e.kind {
            ExpressionKind::Integer(_)
            | ExpressionKind::Real(_)
            | ExpressionKind::Imaginary(_)
            | ExpressionKind::Unknown => false,
            ExpressionKind::Variable(id) => self.variable_depends(*id),
            ExpressionKind::Target => true,
            ExpressionKind::Unary(_, inner)
            | ExpressionKind::Convert(inner)
            | ExpressionKind::Index(inner, _)
            | ExpressionKind::Element(inner, _) => self.depends(inner),
            ExpressionKind::Binary(_, operands) => any(operands.as_slice()),
            ExpressionKind::Ternary(parts) => any(&parts[1..]),
            ExpressionKind::Call(call) => any(&call.arguments),
            ExpressionKind::Array(items)
            | ExpressionKind::Row(items)
            | ExpressionKind::Tuple(items) => any(items),
        }
    }

    /// Locals of a function are of the type that all its arguments together have.
    fn variable_depends(&self, id: VariableId) -> bool {
        let arguments = &self.levels.arguments;
        match self.variables[id.0].role {
            Role::DataArgument => false,
            _ => match arguments.get(id.0) {
                Some(depends) => *depends,
                None => arguments.iter().any(|depends| *depends),
            },
        }
    }

    /// Says what the function that is called next knows of its call: constants in it are dropped if
    /// the call's ending says so, or if it adds to the log density itself.
    pub(super) fn hand_over(&mut self, call: &Call) {
        if !self.levels.drops {
            return;
        }
        let function = match call.callee {
            Callee::User(id) => Some(id),
            Callee::Builtin(_) => call.functions.first().copied(),
        };
        let changes_target =
            |id: crate::typed::FunctionId| self.program.functions[id.0].name.ends_with("_lp");
        let mut arguments: Vec<bool> = call.arguments.iter().map(|a| self.depends(a)).collect();
        if let Callee::Builtin(name) = call.callee
            && name.starts_with("reduce_sum")
            && arguments.len() > 1
        {
            // The grain size makes room for the first and the last element of the slice.
            arguments.insert(2, false);
        }
        self.handed = Some(Levels {
            drops: call.unnormalised || function.is_some_and(changes_target),
            arguments,
        });
    }

    /// The value of `…_lupdf(…)` or `…_lupmf(…)` of Stan.
    pub(super) fn unnormalised(&mut self, call: &Call, values: &[Value], span: Span) -> Run<Value> {
        let Callee::Builtin(name) = call.callee else {
            return Err(bad(span, "the function is the program's"));
        };
        let types: Vec<&Type> = call.arguments.iter().map(|a| &a.r#type).collect();
        let constant = match self.dropped(call, name, values, &types, span)? {
            Some(Dropped::Everything) => return Ok(Value::real(0.0)),
            Some(Dropped::Some(constant)) => constant,
            None => 0.0,
        };
        let value = self.builtin(name, values, &types, span)?;
        if constant == 0.0 {
            return Ok(value);
        }
        let whole = Operand::from_value(&value).ok_or_else(|| bad(span, "a density is a real"))?;
        let less = Operand::of(Number::Known(constant));
        let numbers = self.trace.pointwise(Function::Subtract, &[whole, less]);
        Ok(Value::from_numbers(numbers.map_err(|m| bad(span, m))?))
    }

    /// What a call of a density of Stan drops here; `None` if it keeps everything.
    pub(super) fn dropped(
        &mut self,
        call: &Call,
        name: &'static str,
        values: &[Value],
        types: &[&Type],
        span: Span,
    ) -> Run<Option<Dropped>> {
        if !self.levels.drops || !call.unnormalised {
            return Ok(None);
        }
        let depends: Vec<bool> = call.arguments.iter().map(|a| self.depends(a)).collect();
        // Stan's own density keeps everything.
        if name == "ordered_probit_lpmf" {
            return Ok(None);
        }
        if !depends.contains(&true) {
            return Ok(Some(Dropped::Everything));
        }
        let arguments = Arguments {
            trace: &mut self.trace,
            name,
            values,
            types,
            limit: self.limits.bytes,
        };
        let constant = functions::dropped(&arguments, &depends).map_err(|m| bad(span, m))?;
        // Where a term is infinite, the density is, whatever is added to it.
        Ok(Some(Dropped::Some(constant)).filter(|_| constant.is_finite()))
    }
}
