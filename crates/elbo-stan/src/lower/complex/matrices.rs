//! Products, quotients, diagonals and discrete Fourier transforms of complex vectors and matrices.

use std::f64::consts::TAU;

use super::arithmetic::{dots, less, plus, times, total};
use super::{Call, Outcome, Parts, Row};
use crate::lower::operator;
use crate::run::Tensor;
use crate::trace::{Number, Operand, Trace};
use crate::typed::{BinaryOperator, Type};

pub(super) const ROWS: &[Row] = &[
    ("fft", |call| fourier(call, 1, -1.0)),
    ("inv_fft", |call| fourier(call, 1, 1.0)),
    ("fft2", |call| fourier(call, 2, -1.0)),
    ("inv_fft2", |call| fourier(call, 2, 1.0)),
    ("dot_product", |call| {
        let (a, b) = (call.arg(0)?, call.arg(1)?);
        Ok(super::arithmetic::dot(call.trace, &a, &b)?.value())
    }),
    ("dot_self", |call| {
        let z = call.arg(0)?;
        Ok(super::arithmetic::dot(call.trace, &z, &z)?.value())
    }),
    ("columns_dot_product", |call| along(call, 1, false)),
    ("columns_dot_self", |call| along(call, 0, false)),
    ("rows_dot_product", |call| along(call, 1, true)),
    ("rows_dot_self", |call| along(call, 0, true)),
    ("trace", |call| {
        let z = call.arg(0)?;
        let (rows, cols) = (z.shape()[0], z.shape()[1]);
        let places: Vec<usize> = (0..rows.min(cols)).map(|i| i * (cols + 1)).collect();
        let diagonal = z.picked(&[places.len()], &places);
        Ok(total(call.trace, &diagonal)?.value())
    }),
    ("add_diag", |call| {
        let (z, d) = (call.arg(0)?, call.arg(1)?);
        let (rows, cols) = (z.shape()[0], z.shape()[1]);
        let n = rows.min(cols);
        if d.len() != 1 && d.len() != n {
            return Err(format!("{} numbers for a diagonal of {n}", d.len()));
        }
        let places: Vec<usize> = (0..n).map(|i| i * (cols + 1)).collect();
        let from: Vec<usize> = (0..n).map(|i| if d.len() == 1 { 0 } else { i }).collect();
        let diagonal = z.picked(&[n], &places);
        let sums = plus(call.trace, &diagonal, &d.picked(&[n], &from))?;
        let put = |all: &Operand, sums: &Operand| {
            let mut all = all.to_numbers();
            for (i, at) in places.iter().enumerate() {
                all.entries_mut()[*at] = sums.number(i);
            }
            Operand::Numbers(all)
        };
        let result = Parts {
            re: put(&z.re, &sums.re),
            im: put(&z.im, &sums.im),
        };
        Ok(result.value())
    }),
    ("diag_pre_multiply", |call| {
        let (d, z) = (call.arg(0)?, call.arg(1)?);
        scaled(call, &z, &d, true)
    }),
    ("diag_post_multiply", |call| {
        let (z, d) = (call.arg(0)?, call.arg(1)?);
        scaled(call, &z, &d, false)
    }),
];

/// The longest Fourier transform: it is a product with a matrix, for the derivatives that this has.
const LONGEST: usize = 4096;

/// Rows as columns.
pub(super) fn transposed(z: &Parts) -> Parts {
    let flip = |part: &Operand| Operand::Numbers(operator::transposed(&part.to_numbers()));
    Parts {
        re: flip(&z.re),
        im: flip(&z.im),
    }
}

/// Every row, or every column, times a number.
fn scaled(call: &mut Call<'_>, z: &Parts, d: &Parts, of_rows: bool) -> Outcome {
    let (rows, cols) = (z.shape()[0], z.shape()[1]);
    let n = if of_rows { rows } else { cols };
    if d.len() != n {
        return Err(format!("{} factors for {n}", d.len()));
    }
    let at = |e: usize| if of_rows { e / cols } else { e % cols };
    let places: Vec<usize> = (0..rows * cols).map(at).collect();
    let factors = d.picked(&[rows, cols], &places);
    Ok(times(call.trace, z, &factors)?.value())
}

/// Dot products of corresponding rows or columns of argument 0 and argument `other`.
fn along(call: &mut Call<'_>, other: usize, of_rows: bool) -> Outcome {
    let (a, b) = (call.arg(0)?, call.arg(other)?);
    if a.shape() != b.shape() {
        return Err(format!(
            "the shapes {:?} and {:?} differ",
            a.shape(),
            b.shape()
        ));
    }
    let (rows, cols) = match (call.types[0], a.shape()) {
        (Type::ComplexRowVector, [n]) => (1, *n),
        (_, [n]) => (*n, 1),
        (_, shape) => (shape[0], shape[1]),
    };
    let (outer, inner) = if of_rows { (rows, cols) } else { (cols, rows) };
    let pairs: Vec<(Parts, Parts)> = (0..outer)
        .map(|i| {
            let at = |k: usize| if of_rows { i * cols + k } else { k * cols + i };
            let places: Vec<usize> = (0..inner).map(at).collect();
            (a.picked(&[inner], &places), b.picked(&[inner], &places))
        })
        .collect();
    dots(call, &pairs)
}

fn real_type(r#type: &Type) -> Type {
    match r#type {
        Type::ComplexVector | Type::Vector => Type::Vector,
        Type::ComplexRowVector | Type::RowVector => Type::RowVector,
        _ => Type::Matrix,
    }
}

/// `a b` by products of real parts.
pub(super) fn product(trace: &mut Trace, types: [&Type; 2], a: &Parts, b: &Parts) -> Outcome {
    let types = types.map(real_type);
    let real = |trace: &mut Trace, a: &Operand, b: &Operand| -> Result<Operand, String> {
        let operands = [a.clone(), b.clone()];
        operator::operand(&operator::product(trace, [&types[0], &types[1]], operands)?)
    };
    let with = |trace: &mut Trace, part: &Operand| -> Result<Parts, String> {
        Ok(Parts {
            re: real(trace, part, &b.re)?,
            im: real(trace, part, &b.im)?,
        })
    };
    let (of_re, of_im) = (with(trace, &a.re)?, with(trace, &a.im)?);
    let turned = Parts {
        re: of_im.im,
        im: of_im.re,
    };
    let up = plus(trace, &of_re, &turned)?;
    let down = less(trace, &of_re, &turned)?;
    let both = Parts {
        re: down.re,
        im: up.im,
    };
    Ok(both.value())
}

/// `b A⁻¹` or `A⁻¹ b`, by the real system of twice the size.
pub(super) fn divided(
    trace: &mut Trace,
    operator: BinaryOperator,
    types: [&Type; 2],
    a: &Parts,
    b: &Parts,
) -> Outcome {
    let is_right = operator == BinaryOperator::Divide;
    // b / A = (Aᵀ \ bᵀ)ᵀ, and a row is a column here.
    let (matrix, other, of_other) = if is_right {
        (transposed(b), a, types[0])
    } else {
        (a.clone(), b, types[1])
    };
    let is_matrix = matches!(real_type(of_other), Type::Matrix);
    let columns = if is_matrix && is_right {
        transposed(other)
    } else {
        other.clone()
    };
    let [n, cols] = matrix.shape() else {
        return Err("a matrix divides".to_owned());
    };
    let n = *n;
    let m = columns.len().checked_div(n).unwrap_or(0);
    if n == 0 || *cols != n || columns.shape()[0] != n {
        return Err("the sizes do not fit; the divisor must be square".to_owned());
    }
    let number = |part: &Operand, i: usize| part.number(i);
    let minus = super::one(trace, elbo_graph::Function::Negate, &matrix.im)?;
    let entries = (0..4 * n * n).map(|e| {
        let (i, j) = (e / (2 * n), e % (2 * n));
        let at = i % n * n + j % n;
        match (i < n, j < n) {
            (true, true) | (false, false) => number(&matrix.re, at),
            (true, false) => number(&minus, at),
            (false, true) => number(&matrix.im, at),
        }
    });
    let system = Operand::Numbers(Tensor::new(vec![2 * n, 2 * n], entries.collect()));
    let both: Vec<Number> = columns.re.numbers().chain(columns.im.numbers()).collect();
    let known = Operand::Numbers(Tensor::new(vec![2 * n, m], both));
    let solved = operator::left_divided(trace, [&Type::Matrix, &Type::Matrix], [system, known])?;
    let solved = operator::operand(&solved)?;
    let half = |from: usize| {
        let numbers = (from..from + n * m).map(|i| solved.number(i)).collect();
        Operand::Numbers(Tensor::new(columns.shape().to_vec(), numbers))
    };
    let result = Parts {
        re: half(0),
        im: half(n * m),
    };
    Ok(if is_matrix && is_right {
        transposed(&result).value()
    } else {
        result.value()
    })
}

/// `Σ_k z_k e^{± 2πi jk/n}` along one axis or two; over n where the sign is positive.
fn fourier(call: &mut Call<'_>, axes: usize, sign: f64) -> Outcome {
    let z = call.arg(0)?;
    if z.len() == 0 {
        return Ok(z.value());
    }
    if z.shape().iter().any(|n| *n > LONGEST) {
        return Err(format!("no more than {LONGEST} numbers are transformed"));
    }
    if axes == 1 {
        let matrix = roots(z.len(), sign);
        return product(
            call.trace,
            [&Type::ComplexMatrix, &Type::ComplexVector],
            &matrix,
            &z,
        );
    }
    let (rows, cols) = (z.shape()[0], z.shape()[1]);
    let matrices = [&Type::ComplexMatrix, &Type::ComplexMatrix];
    let half = product(call.trace, matrices, &roots(rows, sign), &z)?;
    product(call.trace, matrices, &Parts::of(&half)?, &roots(cols, sign))
}

/// Powers of the root of unity, n × n.
fn roots(n: usize, sign: f64) -> Parts {
    let scale = if sign > 0.0 { 1.0 / n as f64 } else { 1.0 };
    let part = |f: fn(f64) -> f64| {
        let entries = (0..n * n).map(|e| {
            let turns = ((e / n) * (e % n) % n) as f64 / n as f64;
            scale * f(sign * TAU * turns)
        });
        Operand::Known(Tensor::new(vec![n, n], entries.collect()))
    };
    Parts {
        re: part(f64::cos),
        im: part(f64::sin),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Value;

    #[test]
    fn the_inverse_transform_takes_back_the_transform() {
        let values = [Value::Complexes(Tensor::list(vec![
            [1.0, 0.5],
            [-2.0, 0.0],
            [0.3, -1.0],
        ]))];
        let types = [&Type::ComplexVector];
        let mut trace = Trace::new();
        let there = super::super::value(&mut trace, "fft", &values, &types).expect("known");
        let back = super::super::value(&mut trace, "inv_fft", &[there], &types).expect("known");
        let (back, original) = (back.as_complexes(), values[0].as_complexes());
        let (back, original) = (back.expect("known"), original.expect("known"));
        for (a, b) in back.entries().iter().zip(original.entries()) {
            assert!((a[0] - b[0]).abs() < 1e-15 && (a[1] - b[1]).abs() < 1e-15);
        }
    }
}
