//! Values against the constraints of their declarations.
//!
//! Equalities hold to 1e-8, as in Stan: what is meant to sum to one is rarely exact.

use elbo_math::linalg::{Cholesky, Matrix};

use super::data::place;
use super::{Machine, Run, RunError, RunErrorKind, Tensor, Value};
use crate::typed::{Constraint, Declaration, Expression, Structure, Type};

/// How far an equality may be off.
pub(super) const TOLERANCE: f64 = 1e-8;

impl Machine<'_> {
    /// All variables of a declaration.
    pub(super) fn check_declared(&mut self, declaration: &Declaration) -> Run<()> {
        for (id, _) in &declaration.variables {
            let variable = &self.variables[id.0];
            let (name, span) = (variable.name.clone(), variable.span);
            let r#type = variable.r#type.clone();
            if let Some(value) = self.frame[id.0].clone() {
                self.check(&value, &declaration.constraint, &r#type, &name)?
                    .map_or(Ok(()), |message| {
                        Err(RunError::new(RunErrorKind::Constraint, span, message))
                    })?;
            }
        }
        Ok(())
    }

    /// What is wrong with a value, if something is.
    pub(super) fn check(
        &mut self,
        value: &Value,
        constraint: &Constraint,
        r#type: &Type,
        name: &str,
    ) -> Run<Option<String>> {
        let types = r#type.parts().unwrap_or_default();
        Ok(match (constraint, value) {
            (Constraint::Bounds { lower, upper }, value) => {
                let low = self.bound(lower.as_ref())?;
                let high = self.bound(upper.as_ref())?;
                value.as_reals().and_then(|t| {
                    outside(&t, low.as_ref(), true, name)
                        .or_else(|| outside(&t, high.as_ref(), false, name))
                })
            }
            (Constraint::Tuple(constraints), Value::Tuple(parts)) => {
                for (i, (part, constraint)) in parts.iter().zip(constraints).enumerate() {
                    let name = format!("{name}.{}", i + 1);
                    if let Some(message) = self.check(part, constraint, &types[i], &name)? {
                        return Ok(Some(message));
                    }
                }
                None
            }
            (Constraint::Tuple(_), Value::Tuples(shape, tuples)) => {
                for (at, tuple) in tuples.iter().enumerate() {
                    let name = format!("{name}{}", place(shape, at));
                    let element = r#type.element().0;
                    if let Some(message) = self.check(tuple, constraint, element, &name)? {
                        return Ok(Some(message));
                    }
                }
                None
            }
            (Constraint::Structure(structure), Value::Reals(t)) => {
                structured(*structure, r#type.element().0, t, name)
            }
            _ => None,
        })
    }

    fn bound(&mut self, bound: Option<&Expression>) -> Run<Option<Tensor<f64>>> {
        bound.map_or(Ok(None), |e| Ok(self.evaluate(e)?.as_reals()))
    }
}

/// The first entry beyond a bound.
fn outside(
    t: &Tensor<f64>,
    bound: Option<&Tensor<f64>>,
    lower: bool,
    name: &str,
) -> Option<String> {
    let bound = bound?;
    let limit = |at: usize| {
        let entries = bound.entries();
        entries
            .get(if entries.len() == 1 { 0 } else { at })
            .copied()
    };
    let (at, limit) = t.entries().iter().enumerate().find_map(|(at, &x)| {
        let limit = limit(at)?;
        let fine = if lower { x >= limit } else { x <= limit };
        (!fine).then_some((at, limit))
    })?;
    Some(format!(
        "`{name}{}` is {}, and must be {} {limit}",
        place(t.shape(), at),
        t.entries()[at],
        if lower { "at least" } else { "at most" }
    ))
}

/// Every vector or matrix of an array.
fn structured(structure: Structure, element: &Type, t: &Tensor<f64>, name: &str) -> Option<String> {
    if structure == Structure::Free {
        return None;
    }
    let axes = if *element == Type::Matrix { 2 } else { 1 };
    let split = t.shape().len().checked_sub(axes)?;
    let (outer, inner) = t.shape().split_at(split);
    let size: usize = inner.iter().product();
    let count: usize = outer.iter().product();
    (0..count).find_map(|i| {
        let part = &t.entries()[i * size..(i + 1) * size];
        let wrong = if axes == 1 {
            vector(structure, part)
        } else {
            matrix(structure, part, inner[0], inner[1])
        };
        wrong.map(|what| format!("`{name}{}` {what}", place(outer, i)))
    })
}

fn vector(structure: Structure, v: &[f64]) -> Option<String> {
    let sum: f64 = v.iter().sum();
    let negative = || v.iter().position(|x| !(*x >= 0.0));
    match structure {
        Structure::Simplex => {
            if let Some(at) = negative() {
                return Some(format!("has element {} = {}, below zero", at + 1, v[at]));
            }
            (!((sum - 1.0).abs() <= TOLERANCE)).then(|| format!("sums to {sum}, not to 1"))
        }
        Structure::UnitVector => {
            let square: f64 = v.iter().map(|x| x * x).sum();
            (!((square - 1.0).abs() <= TOLERANCE))
                .then(|| format!("has length {}, not 1", square.sqrt()))
        }
        Structure::SumToZero => {
            (!(sum.abs() <= TOLERANCE)).then(|| format!("sums to {sum}, not to 0"))
        }
        _ => {
            if structure == Structure::PositiveOrdered
                && let Some(first) = v.first().filter(|x| !(**x >= 0.0))
            {
                return Some(format!("begins with {first}, below zero"));
            }
            let at = v.windows(2).position(|pair| !(pair[1] > pair[0]))?;
            Some(format!(
                "is not ascending: element {} is {} and the next {}",
                at + 1,
                v[at],
                v[at + 1]
            ))
        }
    }
}

fn matrix(structure: Structure, m: &[f64], rows: usize, columns: usize) -> Option<String> {
    use Structure as S;
    let at = |i: usize, j: usize| m[i * columns + j];
    let in_rows = |structure: S| {
        (0..rows).find_map(|i| {
            let row: Vec<f64> = (0..columns).map(|j| at(i, j)).collect();
            vector(structure, &row).map(|what| format!("in row {} {what}", i + 1))
        })
    };
    let in_columns = |structure: S| {
        (0..columns).find_map(|j| {
            let column: Vec<f64> = (0..rows).map(|i| at(i, j)).collect();
            vector(structure, &column).map(|what| format!("in column {} {what}", j + 1))
        })
    };
    match structure {
        S::RowStochastic => in_rows(S::Simplex),
        S::ColumnStochastic => in_columns(S::Simplex),
        S::SumToZero => in_rows(S::SumToZero).or_else(|| in_columns(S::SumToZero)),
        S::CholeskyCovariance | S::CholeskyCorrelation => {
            for i in 0..rows {
                if let Some(j) = (i + 1..columns).find(|&j| at(i, j) != 0.0) {
                    return Some(format!(
                        "is {} at [{}, {}], above its diagonal",
                        at(i, j),
                        i + 1,
                        j + 1
                    ));
                }
                if i < columns && !(at(i, i) > 0.0) {
                    return Some(format!("has {} on its diagonal", at(i, i)));
                }
                let square: f64 = (0..columns).map(|j| at(i, j) * at(i, j)).sum();
                let unit = structure == S::CholeskyCorrelation;
                if unit && !((square - 1.0).abs() <= TOLERANCE) {
                    return Some(format!(
                        "has row {} of length {}, not 1",
                        i + 1,
                        square.sqrt()
                    ));
                }
            }
            None
        }
        _ => {
            if rows != columns {
                return Some(format!("is {rows} × {columns} and not square"));
            }
            for i in 0..rows {
                if let Some(j) = (0..i).find(|&j| !((at(i, j) - at(j, i)).abs() <= TOLERANCE)) {
                    return Some(format!("is not symmetric at [{}, {}]", i + 1, j + 1));
                }
                let unit = structure == S::Correlation;
                if unit && !((at(i, i) - 1.0).abs() <= TOLERANCE) {
                    return Some(format!("has {} on its diagonal, not 1", at(i, i)));
                }
            }
            let matrix = Matrix::from_vec(rows, columns, m.to_vec());
            (rows > 0 && Cholesky::new(&matrix).is_err())
                .then(|| "is not positive definite".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(structure: Structure, shape: &[usize], entries: &[f64]) -> Option<String> {
        let t = Tensor::new(shape.to_vec(), entries.to_vec());
        let vector = matches!(
            structure,
            Structure::Ordered
                | Structure::PositiveOrdered
                | Structure::Simplex
                | Structure::UnitVector
        ) || shape.len() == 1;
        let element = if vector { Type::Vector } else { Type::Matrix };
        structured(structure, &element, &t, "x")
    }

    #[test]
    fn the_structures_know_their_members() {
        use Structure as S;
        assert_eq!(wrong(S::Simplex, &[2], &[0.25, 0.75]), None);
        assert!(wrong(S::Simplex, &[2], &[0.25, 0.7]).is_some());
        assert!(wrong(S::Simplex, &[2], &[-0.5, 1.5]).is_some());
        assert_eq!(wrong(S::Ordered, &[2, 2], &[1.0, 2.0, 3.0, 4.0]), None);
        let message = wrong(S::Ordered, &[2, 2], &[1.0, 2.0, 3.0, 3.0]);
        assert!(message.is_some_and(|m| m.starts_with("`x[2]`")));
        assert!(wrong(S::PositiveOrdered, &[2], &[-1.0, 2.0]).is_some());
        assert_eq!(wrong(S::UnitVector, &[2], &[0.6, 0.8]), None);
        assert_eq!(wrong(S::SumToZero, &[3], &[1.0, -3.0, 2.0]), None);
        let sums = [1.0, -1.0, -1.0, 1.0];
        assert_eq!(wrong(S::SumToZero, &[2, 2], &sums), None);
        assert!(wrong(S::SumToZero, &[2, 2], &[1.0, -1.0, 1.0, -1.0]).is_some());
        assert_eq!(wrong(S::Covariance, &[2, 2], &[2.0, 1.0, 1.0, 2.0]), None);
        assert!(wrong(S::Covariance, &[2, 2], &[1.0, 2.0, 2.0, 1.0]).is_some());
        assert!(wrong(S::Correlation, &[2, 2], &[2.0, 1.0, 1.0, 2.0]).is_some());
        assert_eq!(
            wrong(S::CholeskyCovariance, &[2, 2], &[2.0, 0.0, 1.0, 2.0]),
            None
        );
        assert_eq!(
            wrong(S::CholeskyCorrelation, &[2, 2], &[1.0, 0.0, 0.6, 0.8]),
            None
        );
        assert!(wrong(S::CholeskyCovariance, &[2, 2], &[2.0, 1.0, 0.0, 2.0]).is_some());
        assert_eq!(wrong(S::RowStochastic, &[1, 2], &[0.5, 0.5]), None);
    }
}
