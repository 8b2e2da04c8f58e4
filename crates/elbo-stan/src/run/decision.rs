//! Control flow and indices that depend on parameters.
//!
//! The one idea: a run follows one path. Where a parameter decides, the decision is taken as it falls
//! at one point and noted; what is recorded holds for all points where every decision falls alike
//! ([`crate::model`] finds out which do).

use elbo_graph::{Program, Shape};

use super::{Machine, Run, RunError, RunErrorKind, bad};
use crate::source::Span;
use crate::trace::{Emission, Number};

/// As many decisions as a run may take.
const MOST: usize = 10_000;

/// A number that decided what was run, and how it fell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Decision {
    pub(crate) number: Number,
    pub(crate) value: i32,
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
                } else {
                    let mut emitted = self
                        .trace
                        .emit(Emission {
                            density: None,
                            outputs: &[symbol],
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
        let whole = value as i32;
        if f64::from(whole) != value {
            return Err(bad(span, format!("{value} is no int")));
        }
        if matches!(number, Number::Symbol(_)) {
            self.decisions.push(Decision {
                number,
                value: whole,
            });
        }
        Ok(whole)
    }
}
