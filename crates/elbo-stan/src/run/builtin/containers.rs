//! Functions of containers: sums, order, containers of a size.

use super::arrangement::{count, parts};
use super::{Arguments, Function, Outcome};
use crate::run::{Tensor, Value};

pub(super) const ROWS: &[(&str, Function)] = &[
    ("sum", |a| match &a.values[0] {
        Value::Ints(t) => {
            let sum = t
                .entries()
                .iter()
                .try_fold(0_i32, |sum, &i| sum.checked_add(i));
            Ok(Value::int(
                sum.ok_or("the sum is no number that an int can hold")?,
            ))
        }
        _ => Ok(Value::real(a.reals(0)?.entries().iter().sum())),
    }),
    ("prod", |a| match &a.values[0] {
        Value::Ints(t) => {
            let product = t.entries().iter().try_fold(1_i32, |p, &i| p.checked_mul(i));
            Ok(Value::int(
                product.ok_or("the product is no number that an int can hold")?,
            ))
        }
        _ => Ok(Value::real(a.reals(0)?.entries().iter().product())),
    }),
    ("mean", |a| {
        let t = filled(a)?;
        Ok(Value::real(mean(t.entries())))
    }),
    ("variance", |a| {
        Ok(Value::real(variance(filled(a)?.entries())))
    }),
    ("sd", |a| {
        Ok(Value::real(variance(filled(a)?.entries()).sqrt()))
    }),
    ("max", |a| extreme(a, i32::max, f64::max, f64::NEG_INFINITY)),
    ("min", |a| extreme(a, i32::min, f64::min, f64::INFINITY)),
    ("norm1", |a| {
        Ok(Value::real(
            a.reals(0)?.entries().iter().map(|x| x.abs()).sum(),
        ))
    }),
    ("norm2", |a| {
        let square: f64 = a.reals(0)?.entries().iter().map(|x| x * x).sum();
        Ok(Value::real(square.sqrt()))
    }),
    ("cumulative_sum", cumulative_sum),
    ("sort_asc", |a| parts(&a.values[0], &order(a, false)?)),
    ("sort_desc", |a| parts(&a.values[0], &order(a, true)?)),
    ("sort_indices_asc", |a| Ok(positions(&order(a, false)?))),
    ("sort_indices_desc", |a| Ok(positions(&order(a, true)?))),
    ("rank", |a| {
        let t = a.reals(0)?;
        let at = a.size(1)?.checked_sub(1).filter(|&i| i < t.entries().len());
        let x = t.entries()[at.ok_or("the index is outside")?];
        Ok(count(t.entries().iter().filter(|y| **y < x).count()))
    }),
    ("zeros_vector zeros_row_vector zeros_array", |a| {
        filled_with(a, 0.0)
    }),
    ("ones_vector ones_row_vector ones_array", |a| {
        filled_with(a, 1.0)
    }),
    ("zeros_int_array", |a| {
        Ok(Value::Ints(Tensor::list(vec![
            0;
            a.allowed(vec![a.size(0)?])?
                [0]
        ])))
    }),
    ("ones_int_array", |a| {
        Ok(Value::Ints(Tensor::list(vec![
            1;
            a.allowed(vec![a.size(0)?])?
                [0]
        ])))
    }),
    ("linspaced_int_array", |a| {
        let n = a.allowed(vec![a.size(0)?])?[0];
        let (low, high) = (a.int(1)?, a.int(2)?);
        let entries = linspaced_ints(n, i64::from(low), i64::from(high))?;
        Ok(Value::Ints(Tensor::list(entries)))
    }),
    ("uniform_simplex", |a| {
        let n = a.size(0)?;
        filled_with(a, 1.0 / n as f64)
    }),
    ("one_hot_vector one_hot_row_vector one_hot_array", |a| {
        let (n, k) = one_hot(a)?;
        let entries = (0..n).map(|i| if i == k { 1.0 } else { 0.0 });
        Ok(Value::Reals(Tensor::list(entries.collect())))
    }),
    ("one_hot_int_array", |a| {
        let (n, k) = one_hot(a)?;
        Ok(Value::Ints(Tensor::list(
            (0..n).map(|i| i32::from(i == k)).collect(),
        )))
    }),
    (
        "linspaced_vector linspaced_row_vector linspaced_array",
        |a| {
            let n = a.allowed(vec![a.size(0)?])?[0];
            let (from, to) = (a.real(1)?, a.real(2)?);
            let step = (to - from) / (n.max(2) - 1) as f64;
            let entry = |i: usize| {
                if i + 1 == n {
                    to
                } else {
                    from + step * i as f64
                }
            };
            Ok(Value::Reals(Tensor::list((0..n).map(entry).collect())))
        },
    ),
    ("quantile", quantile),
];

fn as_int(n: usize) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

/// The numbers of a container that has some.
fn filled(a: &Arguments) -> Result<Tensor<f64>, String> {
    let t = a.reals(0)?;
    if t.entries().is_empty() {
        return Err("there are no numbers".into());
    }
    Ok(t)
}

fn mean(x: &[f64]) -> f64 {
    x.iter().sum::<f64>() / x.len() as f64
}

/// With n − 1 below; zero for a single number, as in Stan.
fn variance(x: &[f64]) -> f64 {
    if x.len() == 1 {
        return 0.0;
    }
    let centre = mean(x);
    x.iter().map(|x| (x - centre).powi(2)).sum::<f64>() / (x.len() - 1) as f64
}

fn extreme(
    a: &Arguments,
    ints: fn(i32, i32) -> i32,
    reals: fn(f64, f64) -> f64,
    start: f64,
) -> Outcome {
    if a.values.len() == 2 {
        return Ok(Value::int(ints(a.int(0)?, a.int(1)?)));
    }
    match &a.values[0] {
        Value::Ints(t) => t
            .entries()
            .iter()
            .copied()
            .reduce(ints)
            .map(Value::int)
            .ok_or_else(|| "there are no numbers".into()),
        _ => Ok(Value::real(
            a.reals(0)?.entries().iter().copied().fold(start, reals),
        )),
    }
}

fn cumulative_sum(a: &Arguments) -> Outcome {
    if let Value::Ints(t) = &a.values[0] {
        let mut sum = 0_i32;
        return Ok(Value::Ints(t.map(|i| {
            sum = sum.wrapping_add(*i);
            sum
        })));
    }
    let mut sum = 0.0;
    Ok(Value::Reals(a.reals(0)?.map(|x| {
        sum += x;
        sum
    })))
}

/// The order that sorts; what is equal keeps its order.
fn order(a: &Arguments, descending: bool) -> Result<Vec<usize>, String> {
    let t = a.reals(0)?;
    if t.entries().iter().any(|x| x.is_nan()) {
        return Err("NaN has no place in an order".into());
    }
    let mut order: Vec<usize> = (0..t.entries().len()).collect();
    order.sort_by(|&i, &j| {
        let (x, y) = (t.entries()[i], t.entries()[j]);
        if descending {
            y.total_cmp(&x)
        } else {
            x.total_cmp(&y)
        }
    });
    Ok(order)
}

fn positions(places: &[usize]) -> Value {
    Value::Ints(Tensor::list(
        places.iter().map(|&p| as_int(p + 1)).collect(),
    ))
}

fn filled_with(a: &Arguments, x: f64) -> Outcome {
    let n = a.allowed(vec![a.size(0)?])?[0];
    Ok(Value::Reals(Tensor::list(vec![x; n])))
}

/// Steps of equal whole size as far as they fit, or each number repeated equally often.
fn linspaced_ints(n: usize, low: i64, high: i64) -> Result<Vec<i32>, String> {
    if high < low {
        return Err(format!("{high} is below {low}"));
    }
    let width = high - low + 1;
    let n = i64::try_from(n).map_err(|_| "the size is too large")?;
    let entry = |i: i64| match n {
        1 => high,
        _ if width < n => low + i / ((n + width - 1) / width),
        _ => low + i * ((high - low) / (n - 1)),
    };
    let entries = (0..n).map(|i| i32::try_from(entry(i)));
    let entries: Result<Vec<i32>, _> = entries.collect();
    entries.map_err(|_| "an entry is no int".to_owned())
}

/// Length, and the place (from 0) of the one.
fn one_hot(a: &Arguments) -> Result<(usize, usize), String> {
    let n = a.allowed(vec![a.size(0)?])?[0];
    let k = a.size(1)?;
    if k == 0 || k > n {
        return Err(format!("place {k} is outside 1 to {n}"));
    }
    Ok((n, k - 1))
}

/// By linear interpolation between order statistics, as R does by default (type 7).
fn quantile(a: &Arguments) -> Outcome {
    let t = filled(a)?;
    let mut x = t.entries().to_vec();
    if x.iter().any(|x| x.is_nan()) {
        return Err("NaN has no place in an order".into());
    }
    x.sort_by(f64::total_cmp);
    let one = |p: f64| -> Result<f64, String> {
        if !(0.0..=1.0).contains(&p) {
            return Err(format!("{p} is no probability"));
        }
        let at = p * (x.len() - 1) as f64;
        let (low, high) = (x[floor(at)], x[floor(at.ceil())]);
        Ok(low + (at - at.floor()) * (high - low))
    };
    let p = a.reals(1)?;
    let values: Result<Vec<f64>, String> = p.entries().iter().map(|&p| one(p)).collect();
    Ok(Value::Reals(Tensor::new(p.shape().to_vec(), values?)))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a place in a slice, not negative"
)]
fn floor(x: f64) -> usize {
    x as usize
}
