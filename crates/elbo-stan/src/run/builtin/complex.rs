//! Functions of complex numbers, which are known.

use super::{Arguments, Function, Outcome};
use crate::run::operator::pairs;
use crate::run::{Complex, Tensor, Value};

pub(super) const ROWS: &[(&str, Function)] = &[
    ("to_complex", |a| match a.values {
        [] => Ok(Value::Complexes(Tensor::scalar([0.0, 0.0]))),
        [_] => Ok(Value::Complexes(a.reals(0)?.map(|x| [*x, 0.0]))),
        _ => Ok(Value::Complexes(pairs(
            &a.reals(0)?,
            &a.reals(1)?,
            |re, im| [re, im],
        )?)),
    }),
    ("get_real", |a| real(a, |[re, _]| re)),
    ("get_imag", |a| real(a, |[_, im]| im)),
    ("norm", |a| real(a, |[re, im]| re * re + im * im)),
    ("arg", |a| real(a, |[re, im]| im.atan2(re))),
    ("conj", |a| complex(a, |[re, im]| [re, -im])),
    ("proj", |a| {
        complex(a, |[re, im]| {
            // All infinities are one point.
            if re.is_infinite() || im.is_infinite() {
                [f64::INFINITY, 0.0_f64.copysign(im)]
            } else {
                [re, im]
            }
        })
    }),
    ("polar", |a| {
        let polar = |r: f64, angle: f64| [r * angle.cos(), r * angle.sin()];
        Ok(Value::Complexes(pairs(&a.reals(0)?, &a.reals(1)?, polar)?))
    }),
];

fn complexes(a: &Arguments) -> Result<Tensor<Complex>, String> {
    let numbers = a.values.first().and_then(Value::as_complexes);
    numbers.ok_or_else(|| "it is not evaluated for these arguments".to_owned())
}

fn real(a: &Arguments, f: fn(Complex) -> f64) -> Outcome {
    Ok(Value::Reals(complexes(a)?.map(|z| f(*z))))
}

fn complex(a: &Arguments, f: fn(Complex) -> Complex) -> Outcome {
    Ok(Value::Complexes(complexes(a)?.map(|z| f(*z))))
}
