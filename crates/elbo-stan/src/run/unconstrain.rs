//! From values of the parameters to free coordinates: the way back of [`super::parameters`].

use std::collections::BTreeMap;

use elbo_graph::Transform;

use super::parameters::{stan_order, transform};
use super::{Machine, Run, RunError, RunErrorKind, Value, bad};
use crate::source::Span;
use crate::typed::{BlockKind, Constraint, SizedType, Structure, Type};

impl Machine<'_> {
    /// The free coordinates of values by name. Values of parameters that were read stay in the frame,
    /// since bounds may depend on them.
    pub(super) fn unconstrain(&mut self, values: &BTreeMap<String, Value>) -> Run<Vec<f64>> {
        let program = self.program;
        let mut free = Vec::new();
        for declaration in program.declarations(BlockKind::Parameters) {
            for (id, _) in &declaration.variables {
                let variable = &self.variables[id.0];
                let (name, span) = (variable.name.clone(), variable.span);
                let r#type = variable.r#type.clone();
                let value = values.get(&*name).ok_or_else(|| {
                    RunError::new(
                        RunErrorKind::Data,
                        span,
                        format!("there is no value of the parameter `{name}`, declared as {type}"),
                    )
                })?;
                let sized = &declaration.r#type;
                let value = self.fitted(&name, span, &r#type, sized, value)?;
                self.free_of(
                    &value,
                    sized,
                    &declaration.constraint,
                    &name,
                    span,
                    &mut free,
                )?;
                self.frame[id.0] = Some(value);
            }
        }
        Ok(free)
    }

    fn free_of(
        &mut self,
        value: &Value,
        sized: &SizedType,
        constraint: &Constraint,
        name: &str,
        span: Span,
        free: &mut Vec<f64>,
    ) -> Run<()> {
        let (shape, inner) = self.shape(sized)?;
        if let (SizedType::Tuple(sizes), Constraint::Tuple(constraints)) = (inner, constraint) {
            let tuples = match value {
                Value::Tuples(_, tuples) => tuples.as_slice(),
                tuple => std::slice::from_ref(tuple),
            };
            for tuple in tuples {
                let Value::Tuple(parts) = tuple else {
                    return Err(bad(span, format!("`{name}` is no tuple")));
                };
                for (i, ((part, sized), constraint)) in
                    parts.iter().zip(sizes).zip(constraints).enumerate()
                {
                    let name = format!("{name}.{}", i + 1);
                    self.free_of(part, sized, constraint, &name, span, free)?;
                }
            }
            return Ok(());
        }
        if let (
            Value::Complexes(t),
            SizedType::Scalar(element) | SizedType::Container(element, _),
        ) = (value, inner)
        {
            let order = stan_order(element, &shape);
            free.extend(order.into_iter().flat_map(|at| t.entries()[at]));
            return Ok(());
        }
        let reals = value
            .as_reals()
            .ok_or_else(|| bad(span, format!("`{name}` is not real")))?;
        if shape.contains(&0) {
            return Ok(());
        }
        let (SizedType::Scalar(element) | SizedType::Container(element, _)) = inner else {
            return Err(bad(span, format!("`{name}` is no number or container")));
        };
        let fails = |message: String| {
            RunError::new(
                RunErrorKind::Constraint,
                span,
                format!("`{name}`: {message}"),
            )
        };
        let (transform, values) = match constraint {
            Constraint::Structure(structure) if *structure != Structure::Free => {
                let axes = if *element == Type::Matrix { 2 } else { 1 };
                let transform = transform(*structure, &shape[shape.len() - axes..])
                    .map_err(fails)?
                    .map_bounds(|_| Vec::new());
                (transform, reals.entries().to_vec())
            }
            _ => {
                let order = stan_order(element, &shape);
                let (transform, bounds) = self.bounds(constraint, &order, &shape)?;
                let mut known = Vec::new();
                for bound in bounds {
                    let bound = bound
                        .known()
                        .ok_or_else(|| bad(span, format!("a bound of `{name}` is not known")))?;
                    known.push(bound.to_vec());
                }
                let transform: Transform<Vec<f64>> =
                    transform.map_bounds(|at| std::mem::take(&mut known[at - 1]));
                let values = order.iter().map(|at| reals.entries()[*at]).collect();
                (transform, values)
            }
        };
        free.extend(
            transform
                .unconstrain(&values)
                .map_err(|error| fails(error.to_string()))?,
        );
        Ok(())
    }
}
