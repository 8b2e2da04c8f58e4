//! Functions of a program that are run later, at points that are only known then.
//!
//! The one idea: such a function is recorded apart, on all its paths, and becomes a small graph of its
//! own; what it uses of the program's parameters is handed to it. Absent: what is done with it.

use elbo_graph::{Graph, NodeId, Shape};

use super::parameters::known_or_not;
use super::symbols::{collect, replaced};
use super::{Machine, Run, Tensor, Value, bad};
use crate::source::Span;
use crate::trace::{Number, Operand, Trace};
use crate::typed::FunctionId;

/// A function with its own trace.
pub(super) struct Apart {
    trace: Trace,
    /// The shapes of what it is given: arguments of their own, then the outer program's numbers.
    shapes: Vec<Shape>,
    /// What it returns.
    pub(super) value: Tensor<Number>,
    /// The numbers of the outer program that it is handed.
    pub(super) handed: Operand,
}

impl Machine<'_> {
    /// Records a function of arguments that will be known later, the `leading` ones (vectors of so many
    /// numbers, or single numbers), and of `rest`.
    pub(super) fn apart(
        &mut self,
        function: FunctionId,
        leading: &[Option<usize>],
        rest: &[Value],
        span: Span,
    ) -> Run<Apart> {
        let fails = |message: String| bad(span, message);
        let mut symbols = Vec::new();
        for value in rest {
            collect(value, &mut symbols);
        }
        let mut shapes: Vec<Shape> = leading
            .iter()
            .map(|length| length.map_or(Shape::SCALAR, Shape::vector))
            .collect();
        shapes.push(Shape::vector(symbols.len()));
        let outer = std::mem::replace(&mut self.trace, Trace::new());
        let record = |machine: &mut Self| -> Run<Value> {
            machine.visit(span);
            let mut inputs = Vec::new();
            for shape in &shapes {
                inputs.push(if shape.is_empty() {
                    Tensor::list(Vec::new())
                } else {
                    machine.trace.free(*shape).map_err(fails)?
                });
            }
            let mut arguments = Vec::new();
            for (length, input) in leading.iter().zip(&inputs) {
                arguments.push(Value::from_numbers(match length {
                    None => Tensor::scalar(input.entries()[0]),
                    Some(_) => input.clone(),
                }));
            }
            let mut inner = inputs[leading.len()].entries().iter().copied();
            arguments.extend(rest.iter().map(|value| replaced(value, &mut inner)));
            machine.on_all_paths(span, &mut |machine| {
                machine.returned(function, arguments.clone(), span)
            })
        };
        let value = record(self);
        let trace = std::mem::replace(&mut self.trace, outer);
        let value = value?
            .as_numbers()
            .ok_or_else(|| bad(span, "the function returns real numbers"))?;
        let handed = symbols.into_iter().map(Number::Symbol).collect();
        Ok(Apart {
            trace,
            shapes,
            value,
            handed: known_or_not(Tensor::list(handed)),
        })
    }
}

impl Apart {
    /// Adds what it computes to a graph that has a node for everything it is given.
    ///
    /// Where that cannot be, `fault` says why, and the graph is one of the same parameters and zeros.
    pub(super) fn build(
        &self,
        graph: &mut Graph,
        given: &[NodeId],
        fault: &mut Option<String>,
    ) -> NodeId {
        // There is no coordinate of what is empty.
        let given: Vec<NodeId> = given
            .iter()
            .zip(&self.shapes)
            .filter(|(_, shape)| !shape.is_empty())
            .map(|(node, _)| *node)
            .collect();
        let numbers = self.value.entries();
        let emitted = self.trace.emit_into(std::mem::take(graph), &given, numbers);
        match emitted {
            Ok((emitted, node)) => {
                *graph = emitted;
                node
            }
            Err((_, message)) => {
                *fault = Some(message);
                *graph = Graph::new();
                for shape in &self.shapes {
                    graph.parameter(*shape);
                }
                graph.constant(vec![0.0; numbers.len()], Shape::vector(numbers.len()))
            }
        }
    }
}
