//! The parameters: free coordinates under the constraints of their declarations.
//!
//! The one idea: coordinates are numbered as Stan numbers them (`[@stan2025reference, ch. Constraint
//! Transforms]`): in the order of declarations, arrays from the outside in, matrices column by column.
//! Values are symbols, so another order of entries costs nothing.

use elbo_graph::{Shape, Transform};

use super::{Machine, Run, RunError, RunErrorKind, Tensor, Value, bad};
use crate::source::Span;
use crate::trace::{Kind, Number, Operand};
use crate::typed::{BlockKind, Constraint, Declaration, Expression, SizedType, Structure, Type};

impl Machine<'_> {
    /// Declares every parameter.
    pub(super) fn parameters(&mut self) -> Run<()> {
        let program = self.program;
        for declaration in program.declarations(BlockKind::Parameters) {
            for (id, _) in &declaration.variables {
                let span = self.variables[id.0].span;
                let value = self.parameter(&declaration.r#type, &declaration.constraint, span)?;
                self.frame[id.0] = Some(value);
            }
        }
        Ok(())
    }

    fn parameter(&mut self, sized: &SizedType, constraint: &Constraint, span: Span) -> Run<Value> {
        let (shape, inner) = self.shape(sized)?;
        if let (SizedType::Tuple(parts), Constraint::Tuple(constraints)) = (inner, constraint) {
            let one = |machine: &mut Self| {
                let parts = parts.iter().zip(constraints);
                let values = parts.map(|(part, c)| machine.parameter(part, c, span));
                Ok(Value::Tuple(values.collect::<Run<_>>()?))
            };
            if matches!(sized, SizedType::Tuple(_)) {
                return one(self);
            }
            let places: usize = shape.iter().product();
            let tuples = (0..places).map(|_| one(self)).collect::<Run<_>>()?;
            return Ok(Value::Tuples(shape, tuples));
        }
        let (SizedType::Scalar(element) | SizedType::Container(element, _)) = inner else {
            return Err(bad(span, "a parameter is a number, a container or a tuple"));
        };
        if shape.contains(&0) {
            return Ok(Value::unset(element, shape));
        }
        self.visit(span);
        if element.is_complex() {
            return self.complex(element, shape).map_err(|m| bad(span, m));
        }
        let numbers = match constraint {
            Constraint::Structure(structure) if *structure != Structure::Free => {
                self.structured(*structure, element, &shape)
            }
            _ => self.entrywise(constraint, element, &shape, span)?,
        };
        Ok(Value::from_numbers(
            numbers.map_err(|message| bad(span, message))?,
        ))
    }

    /// Complex numbers: a coordinate for each part, real and imaginary parts in turn.
    fn complex(&mut self, element: &Type, shape: Vec<usize>) -> Result<Value, String> {
        let order = stan_order(element, &shape);
        let free = self.trace.free(Shape::vector(2 * order.len()))?;
        self.free.extend(free.entries());
        let mut pairs = vec![[Number::Known(0.0); 2]; order.len()];
        for (at, pair) in order.iter().zip(free.entries().chunks_exact(2)) {
            pairs[*at] = [pair[0], pair[1]];
        }
        Ok(Value::from_pairs(match shape.as_slice() {
            [] => Tensor::scalar(pairs[0]),
            _ => Tensor::new(shape, pairs),
        }))
    }

    /// Numbers that are constrained one by one.
    fn entrywise(
        &mut self,
        constraint: &Constraint,
        element: &Type,
        shape: &[usize],
        span: Span,
    ) -> Run<Result<Tensor<Number>, String>> {
        let order = stan_order(element, shape);
        let (transform, bounds) = self.bounds(constraint, &order, shape)?;
        // Bounds are evaluated elsewhere; this is the place again.
        self.visit(span);
        let bounds = bounds
            .into_iter()
            .map(|bound| {
                let shape = Shape::vector(bound.len());
                (bound, shape)
            })
            .collect();
        let made = self.constrained(transform, Shape::vector(order.len()), bounds);
        Ok(made.map(|made| back(&made, &order, shape)))
    }

    /// A constraint on single numbers, and its bounds: one number for all entries, or one for each, in
    /// Stan's order. A bound's position counts from 1; the free coordinates are at 0.
    pub(super) fn bounds(
        &mut self,
        constraint: &Constraint,
        order: &[usize],
        shape: &[usize],
    ) -> Run<(Transform<usize>, Vec<Operand>)> {
        let mut bounds = Vec::new();
        let mut bound = |machine: &mut Self, e: &Option<Expression>| -> Run<Option<usize>> {
            let Some(e) = e else { return Ok(None) };
            let value = machine.evaluate(e)?;
            let numbers = value
                .as_numbers()
                .ok_or_else(|| bad(e.span, "a bound is a real number"))?;
            bounds.push(match numbers.entries() {
                [one] => Operand::of(*one),
                entries if entries.len() == order.len() => {
                    let entries = order.iter().map(|i| entries[*i]).collect();
                    known_or_not(Tensor::list(entries))
                }
                _ => {
                    return Err(bad(
                        e.span,
                        format!("the bound has shape {:?}, not {shape:?}", numbers.shape()),
                    ));
                }
            });
            Ok(Some(bounds.len()))
        };
        let transform = match constraint {
            Constraint::Bounds { lower, upper } => {
                match (bound(self, lower)?, bound(self, upper)?) {
                    (Some(a), Some(b)) => Transform::LowerUpper(a, b),
                    (Some(a), None) => Transform::Lower(a),
                    (None, Some(b)) => Transform::Upper(b),
                    (None, None) => Transform::Identity,
                }
            }
            Constraint::Affine { offset, multiplier } => {
                let (a, b) = (bound(self, offset)?, bound(self, multiplier)?);
                let mut other = |at: Option<usize>, x: f64| {
                    at.unwrap_or_else(|| {
                        bounds.push(Operand::of(Number::Known(x)));
                        bounds.len()
                    })
                };
                let (a, b) = (other(a, 0.0), other(b, 1.0));
                Transform::OffsetMultiplier(a, b)
            }
            _ => Transform::Identity,
        };
        Ok((transform, bounds))
    }

    /// Vectors and matrices that are constrained as wholes.
    fn structured(
        &mut self,
        structure: Structure,
        element: &Type,
        shape: &[usize],
    ) -> Result<Tensor<Number>, String> {
        let axes = if *element == Type::Matrix { 2 } else { 1 };
        let (outer, inner) = shape.split_at(shape.len() - axes);
        let transform = transform(structure, inner)?;
        let n: usize = outer.iter().product();
        if transform.free_len() == 0 {
            return fixed(transform, n, shape);
        }
        let made = self.constrained(
            transform,
            Shape::matrix(n, transform.free_len()),
            Vec::new(),
        )?;
        Ok(made.reshaped(shape.to_vec()))
    }

    fn constrained(
        &mut self,
        transform: Transform<usize>,
        free: Shape,
        bounds: Vec<(Operand, Shape)>,
    ) -> Result<Tensor<Number>, String> {
        let coordinates = self.trace.free(free)?;
        self.free.extend_from_slice(coordinates.entries());
        let out = match transform.shape() {
            shape if shape.is_scalar() => free,
            shape => Shape::matrix(free.rows, shape.len()),
        };
        let mut args = vec![(Operand::Numbers(coordinates), free)];
        args.extend(bounds);
        self.trace
            .record(Kind::Constrained(transform), args, out, vec![out.len()])
    }

    /// Rejects points where a transformed parameter breaks its constraint.
    pub(super) fn check_transformed(&mut self, declaration: &Declaration) -> Run<()> {
        for (id, _) in &declaration.variables {
            let variable = &self.variables[id.0];
            let (name, span) = (variable.name.clone(), variable.span);
            let r#type = variable.r#type.clone();
            let Some(value) = self.frame[id.0].clone() else {
                continue;
            };
            if !value.is_symbolic() {
                if let Some(message) =
                    self.check(&value, &declaration.constraint, &r#type, &name)?
                {
                    return Err(RunError::new(RunErrorKind::Constraint, span, message));
                }
                continue;
            }
            if let Constraint::Structure(structure) = &declaration.constraint {
                self.keeps(*structure, &r#type, &value, span)?;
            }
            let Constraint::Bounds { lower, upper } = &declaration.constraint else {
                continue;
            };
            for (bound, is_lower) in [(lower, true), (upper, false)] {
                let Some(bound) = bound else { continue };
                let bound = self.evaluate(bound)?;
                self.visit(span);
                self.inside(&value, &bound, is_lower)
                    .map_err(|message| bad(span, format!("`{name}`: {message}")))?;
            }
        }
        Ok(())
    }

    /// Adds 0 to the log density where a value is inside a bound and −∞ elsewhere.
    pub(super) fn inside(
        &mut self,
        value: &Value,
        bound: &Value,
        is_lower: bool,
    ) -> Result<(), String> {
        use elbo_graph::Function;
        let operand = crate::lower::operator::operand;
        let (value, bound) = (operand(value)?, operand(bound)?);
        let is_none = |known: std::sync::Arc<[f64]>| known.iter().all(|x| x.is_infinite());
        if bound.known().is_some_and(is_none) {
            return Ok(());
        }
        let pair = if is_lower {
            [value, bound]
        } else {
            [bound, value]
        };
        let slack = self.trace.pointwise(Function::Subtract, &pair)?;
        let zero = Operand::of(Number::Known(0.0));
        let guard = self
            .trace
            .pointwise(Function::WhereNonNegative, &[zero, known_or_not(slack)])?;
        self.trace.add(&guard, false);
        Ok(())
    }
}

/// Values that nothing is free in, as a simplex of one entry.
fn fixed(transform: Transform<usize>, n: usize, shape: &[usize]) -> Result<Tensor<Number>, String> {
    let one = match transform {
        Transform::SumToZero { .. } | Transform::SumToZeroMatrix { .. } => 0.0,
        _ => 1.0,
    };
    let places: usize = shape.iter().product();
    if places != n {
        return Err(format!(
            "a {} of shape {shape:?} has no free coordinates",
            transform.name()
        ));
    }
    Ok(Tensor::new(shape.to_vec(), vec![Number::Known(one); n]))
}

/// Numbers as an argument.
pub(super) fn known_or_not(numbers: Tensor<Number>) -> Operand {
    match Value::from_numbers(numbers) {
        Value::Symbolic(t) => Operand::Numbers(t),
        value => Operand::Known(value.as_reals().expect("numbers that are known are reals")),
    }
}

/// The positions, in row-major order, of entries in Stan's order.
pub(crate) fn stan_order(element: &Type, shape: &[usize]) -> Vec<usize> {
    let places = shape.iter().product();
    if !matches!(element, Type::Matrix | Type::ComplexMatrix) {
        return (0..places).collect();
    }
    let (rows, columns) = (shape[shape.len() - 2], shape[shape.len() - 1]);
    let size = rows * columns;
    (0..places)
        .map(|at| {
            let (matrix, entry) = (at / size, at % size);
            matrix * size + entry % rows * columns + entry / rows
        })
        .collect()
}

/// Entries in Stan's order as a value in row-major order.
fn back(made: &Tensor<Number>, order: &[usize], shape: &[usize]) -> Tensor<Number> {
    let mut entries = made.entries().to_vec();
    for (number, at) in made.entries().iter().zip(order) {
        entries[*at] = *number;
    }
    Tensor::new(shape.to_vec(), entries)
}

pub(crate) fn transform(structure: Structure, inner: &[usize]) -> Result<Transform<usize>, String> {
    let size = inner[0];
    let cols = inner.get(1).copied().unwrap_or(1);
    let rows = size;
    let square = || {
        if inner.len() == 2 && inner[0] == inner[1] {
            Ok(())
        } else {
            Err(format!("its shape is {inner:?}, and must be square"))
        }
    };
    Ok(match structure {
        Structure::Free => Transform::Identity,
        Structure::Ordered => Transform::Ordered { size },
        Structure::PositiveOrdered => Transform::PositiveOrdered { size },
        Structure::Simplex => Transform::Simplex { size },
        Structure::UnitVector => Transform::UnitVector { size },
        Structure::SumToZero if inner.len() == 1 => Transform::SumToZero { size },
        Structure::SumToZero => Transform::SumToZeroMatrix { rows, cols },
        Structure::ColumnStochastic => Transform::ColumnStochastic { rows, cols },
        Structure::RowStochastic => Transform::RowStochastic { rows, cols },
        Structure::Covariance => {
            square()?;
            Transform::CovMatrix { size }
        }
        Structure::Correlation => {
            square()?;
            Transform::CorrMatrix { size }
        }
        Structure::CholeskyCovariance => {
            if rows < cols {
                return Err(format!(
                    "a Cholesky factor of {rows} × {cols} has fewer rows than columns"
                ));
            }
            Transform::CholeskyFactorCov { rows, cols }
        }
        Structure::CholeskyCorrelation => {
            square()?;
            Transform::CholeskyFactorCorr { size }
        }
    })
}
