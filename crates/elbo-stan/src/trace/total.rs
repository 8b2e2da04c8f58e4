//! The log density so far, as a number that a program reads.

use elbo_graph::{Function, Shape};

use super::{Column, Jacobian, Kind, Number, Operand, Symbol, Trace};
use crate::run::Tensor;

impl Trace {
    /// The log density so far.
    pub(crate) fn total(&mut self, jacobian: Jacobian) -> Result<Number, String> {
        let counts = jacobian == Jacobian::Included;
        let of_changes = if counts { self.constants[1] } else { 0.0 };
        let mut entries = vec![Number::Known(self.constants[0] + of_changes)];
        if counts {
            entries.extend(self.log_jacobians()?);
        }
        for term in self.terms.iter().filter(|term| counts || !term.jacobian) {
            let symbols = (term.first..term.first + term.len).map(|entry| {
                Number::Symbol(Symbol {
                    group: term.group,
                    entry,
                })
            });
            entries.extend(symbols);
        }
        self.sum(&Tensor::list(entries))
    }

    /// The log-Jacobian of each constraint, for who reads it as a number; the log density itself takes it
    /// from the constraint's node.
    fn log_jacobians(&mut self) -> Result<Vec<Number>, String> {
        let mut constrained = Vec::new();
        for group in &self.groups {
            let Kind::Constrained(transform) = group.kind else {
                continue;
            };
            let args = group.args.iter().zip(&group.shapes);
            let args = args.map(|(column, shape)| match column {
                Column::Numbers(numbers) => (Operand::of(numbers[0]), *shape),
                Column::Values(values) => (values[0].clone(), *shape),
            });
            constrained.push((transform, args.collect()));
        }
        self.each(constrained, |trace, (transform, args)| {
            let made = trace.block(
                "log_jacobian",
                args,
                Shape::SCALAR,
                Vec::new(),
                move |graph, args| {
                    let transform = transform.map_bounds(|p| args[p]);
                    let terms = transform.apply(graph, args[0]).log_jacobian;
                    let mut sum = graph.constant([0.0], Shape::SCALAR);
                    for term in terms {
                        let term = graph.sum(term);
                        sum = graph.pointwise(Function::Add, &[sum, term]);
                    }
                    Ok(sum)
                },
            )?;
            Ok(made.entries()[0])
        })
    }
}
