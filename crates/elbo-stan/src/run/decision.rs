//! Control flow and indices that depend on parameters.
//!
//! The one idea: a run follows one path. Where a parameter decides, the decision is taken as it falls
//! at one point and noted; what is recorded holds for all points where every decision falls alike
//! ([`crate::model`] finds out which do).

use elbo_graph::{Function, Program, Shape};

use super::{Machine, Run, RunError, RunErrorKind, Value, bad};
use crate::source::Span;
use crate::trace::{Emission, Number, Operand};

/// As many decisions as a run may take.
const MOST: usize = 10_000;

/// As many ways through a function as are put together.
const MOST_PATHS: usize = 256;

/// A number that decided what was run, and how it fell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Decision {
    pub(crate) number: Number,
    pub(crate) value: i32,
}

/// A number as the int that it is.
#[expect(
    clippy::cast_possible_truncation,
    reason = "what was truncated is noticed"
)]
pub(crate) fn as_int(value: f64) -> Option<i32> {
    let int = value as i32;
    (f64::from(int) == value).then_some(int)
}

impl Machine<'_> {
    /// The int that a number is on this path.
    pub(super) fn decide(&mut self, number: Number, span: Span) -> Run<i32> {
        let value = match number {
            Number::Known(x) => x,
            Number::Symbol(symbol) => {
                if let Some(before) = self.decisions.iter().find(|d| d.number == number) {
                    return Ok(before.value);
                }
                if self.decisions.len() >= MOST {
                    return Err(RunError::new(
                        RunErrorKind::Limit,
                        span,
                        format!("parameters decide more than {MOST} times, the limit"),
                    ));
                }
                if let Some(value) = self.path.get(self.decisions.len()) {
                    f64::from(*value)
                } else if self.takes_all_paths {
                    1.0
                } else if self.records_random {
                    return Err(RunError::new(
                        RunErrorKind::Unsupported,
                        span,
                        "generated quantities decide by parameters or random numbers",
                    ));
                } else {
                    let mut emitted = self
                        .trace
                        .emit(Emission {
                            density: None,
                            outputs: &[symbol],
                            random: &[],
                        })
                        .map_err(|(_, message)| bad(span, message))?;
                    let node = emitted.node(&[number], Shape::SCALAR);
                    let program = Program::report(emitted.graph(), &[node]);
                    // Parameters that are declared later play no part yet.
                    let point = &self.point[..program.dimension()];
                    program.outputs(point, 1)[0][0]
                }
            }
        };
        let whole = as_int(value).ok_or_else(|| bad(span, format!("{value} is no int")))?;
        if matches!(number, Number::Symbol(_)) {
            self.decisions.push(Decision {
                number,
                value: whole,
            });
        }
        Ok(whole)
    }

    /// A value on every path, put together again where parameters decide. For what has no point to
    /// decide at; conditions only, since an int may fall in more than two ways.
    pub(super) fn on_all_paths(
        &mut self,
        span: Span,
        run: &mut dyn FnMut(&mut Self) -> Run<Value>,
    ) -> Run<Value> {
        let path = std::mem::take(&mut self.path);
        let decisions = std::mem::take(&mut self.decisions);
        let takes_all_paths = std::mem::replace(&mut self.takes_all_paths, true);
        let mut left = MOST_PATHS;
        let result = self.continued(Vec::new(), span, &mut left, run);
        self.takes_all_paths = takes_all_paths;
        self.decisions = decisions;
        self.path = path;
        result
    }

    fn continued(
        &mut self,
        start: Vec<i32>,
        span: Span,
        left: &mut usize,
        run: &mut dyn FnMut(&mut Self) -> Run<Value>,
    ) -> Run<Value> {
        *left = left.checked_sub(1).ok_or_else(|| {
            RunError::new(
                RunErrorKind::Limit,
                span,
                format!("there are more than {MOST_PATHS} paths through the function, the limit"),
            )
        })?;
        let first = start.len();
        self.path = start;
        self.decisions.clear();
        let mut value = run(self)?;
        let taken = std::mem::take(&mut self.decisions);
        for k in (first..taken.len()).rev() {
            let mut start: Vec<i32> = taken[..k].iter().map(|d| d.value).collect();
            start.push(0);
            let other = self.continued(start, span, left, run)?;
            value = self.either(taken[k].number, &value, &other, span)?;
        }
        Ok(value)
    }

    /// One of two values of the same shape.
    fn either(&mut self, condition: Number, yes: &Value, no: &Value, span: Span) -> Run<Value> {
        if yes.shape() != no.shape() {
            return Err(bad(span, "a condition decides what shape a value has"));
        }
        let operands = [Operand::from_value(yes), Operand::from_value(no)];
        let [Some(yes), Some(no)] = operands else {
            return Err(bad(
                span,
                "a condition decides between values that are not real",
            ));
        };
        self.visit(span);
        let chosen = self
            .trace
            .pointwise(Function::Select, &[Operand::of(condition), yes, no])
            .map_err(|message| bad(span, message))?;
        Ok(Value::from_numbers(chosen))
    }
}
