//! Elementary functions of complex numbers, entry by entry.

use std::f64::consts::{FRAC_PI_2, LN_10};

use elbo_graph::Function;

use super::arithmetic::{less, over, plus, squared_size, times};
use super::{Call, Made, Outcome, Parts, Row, is_zero, number, one, real, two};
use crate::run::{Tensor, Value};
use crate::trace::Trace;

pub(super) const ROWS: &[Row] = &[
    ("to_complex", |call| match call.values {
        [] => Ok(Parts::known(0.0, 0.0).value()),
        [_] => Ok(call.arg(0)?.value()),
        _ => {
            let (re, im) = (call.arg(0)?.re, call.arg(1)?.re);
            // A single number goes with every entry.
            let nothing = number(0.0);
            let re_all = if re.shape().is_empty() && !im.shape().is_empty() {
                let zeros = two(call.trace, Function::Multiply, &im, &nothing)?;
                two(call.trace, Function::Add, &re, &zeros)?
            } else {
                re.clone()
            };
            let im_all = if im.shape().is_empty() && !re.shape().is_empty() {
                let zeros = two(call.trace, Function::Multiply, &re, &nothing)?;
                two(call.trace, Function::Add, &im, &zeros)?
            } else {
                im
            };
            if re_all.shape() != im_all.shape() {
                return Err(format!(
                    "the shapes {:?} and {:?} do not agree",
                    re_all.shape(),
                    im_all.shape()
                ));
            }
            let parts = Parts {
                re: re_all,
                im: im_all,
            };
            Ok(parts.value())
        }
    }),
    ("get_real", |call| Ok(real(&call.arg(0)?.re))),
    ("get_imag", |call| Ok(real(&call.arg(0)?.im))),
    ("conj", |call| map(call, super::arithmetic::conjugate)),
    ("abs", |call| {
        let z = call.arg(0)?;
        Ok(real(&two(call.trace, Function::Hypot, &z.re, &z.im)?))
    }),
    ("arg", |call| {
        let z = call.arg(0)?;
        Ok(real(&two(call.trace, Function::Atan2, &z.im, &z.re)?))
    }),
    ("norm", |call| {
        let z = call.arg(0)?;
        Ok(real(&squared_size(call.trace, &z)?))
    }),
    ("polar", |call| {
        let (size, angle) = (call.arg(0)?.re, call.arg(1)?.re);
        let (cos, sin) = (
            one(call.trace, Function::Cos, &angle)?,
            one(call.trace, Function::Sin, &angle)?,
        );
        let parts = Parts {
            re: two(call.trace, Function::Multiply, &size, &cos)?,
            im: two(call.trace, Function::Multiply, &size, &sin)?,
        };
        Ok(parts.value())
    }),
    ("proj", |call| {
        Ok(match &call.values[0] {
            // All infinities are one point.
            Value::Complexes(t) => Value::Complexes(t.map(|[re, im]| {
                if re.is_infinite() || im.is_infinite() {
                    [f64::INFINITY, 0.0_f64.copysign(*im)]
                } else {
                    [*re, *im]
                }
            })),
            other => other.clone(),
        })
    }),
    ("exp", |call| map(call, exp)),
    ("log", |call| map(call, log)),
    ("log10", |call| {
        map(call, |trace, z| {
            let log = log(trace, z)?;
            over(trace, &log, &Parts::known(LN_10, 0.0))
        })
    }),
    ("sqrt", |call| map(call, sqrt)),
    ("sin", |call| map(call, sin)),
    ("cos", |call| map(call, cos)),
    ("tan", |call| {
        map(call, |trace, z| {
            let (above, below) = (sin(trace, z)?, cos(trace, z)?);
            over(trace, &above, &below)
        })
    }),
    ("sinh", |call| map(call, sinh)),
    ("cosh", |call| map(call, cosh)),
    ("tanh", |call| {
        map(call, |trace, z| {
            let (above, below) = (sinh(trace, z)?, cosh(trace, z)?);
            over(trace, &above, &below)
        })
    }),
    ("asinh", |call| map(call, asinh)),
    ("acosh", |call| {
        map(call, |trace, z| {
            let one = Parts::known(1.0, 0.0);
            let (up, down) = (plus(trace, z, &one)?, less(trace, z, &one)?);
            let (up, down) = (sqrt(trace, &up)?, sqrt(trace, &down)?);
            let product = times(trace, &up, &down)?;
            let sum = plus(trace, z, &product)?;
            log(trace, &sum)
        })
    }),
    ("atanh", |call| map(call, atanh)),
    // asin z = −i asinh(i z), and likewise atan.
    ("asin", |call| map(call, asin)),
    ("acos", |call| {
        map(call, |trace, z| {
            let asin = asin(trace, z)?;
            less(trace, &Parts::known(FRAC_PI_2, 0.0), &asin)
        })
    }),
    ("atan", |call| {
        map(call, |trace, z| {
            let turned = turned(trace, z)?;
            let result = atanh(trace, &turned)?;
            turned_back(trace, &result)
        })
    }),
];

fn map(call: &mut Call<'_>, f: fn(&mut Trace, &Parts) -> Made) -> Outcome {
    let z = call.arg(0)?;
    if z.len() == 0 {
        let empty = Tensor::new(z.shape().to_vec(), Vec::new());
        return Ok(Value::Complexes(empty));
    }
    Ok(f(call.trace, &z)?.value())
}

/// `i z`
fn turned(trace: &mut Trace, z: &Parts) -> Made {
    Ok(Parts {
        re: one(trace, Function::Negate, &z.im)?,
        im: z.re.clone(),
    })
}

/// `−i z`
fn turned_back(trace: &mut Trace, z: &Parts) -> Made {
    Ok(Parts {
        re: z.im.clone(),
        im: one(trace, Function::Negate, &z.re)?,
    })
}

fn exp(trace: &mut Trace, z: &Parts) -> Made {
    let size = one(trace, Function::Exp, &z.re)?;
    let (cos, sin) = (
        one(trace, Function::Cos, &z.im)?,
        one(trace, Function::Sin, &z.im)?,
    );
    Ok(Parts {
        re: two(trace, Function::Multiply, &size, &cos)?,
        im: two(trace, Function::Multiply, &size, &sin)?,
    })
}

fn log(trace: &mut Trace, z: &Parts) -> Made {
    let size = two(trace, Function::Hypot, &z.re, &z.im)?;
    Ok(Parts {
        re: one(trace, Function::Log, &size)?,
        im: two(trace, Function::Atan2, &z.im, &z.re)?,
    })
}

/// `√r e^{iθ/2}`, smooth everywhere but where the root jumps.
fn sqrt(trace: &mut Trace, z: &Parts) -> Made {
    let size = two(trace, Function::Hypot, &z.re, &z.im)?;
    let size = one(trace, Function::Sqrt, &size)?;
    let angle = two(trace, Function::Atan2, &z.im, &z.re)?;
    let half = two(trace, Function::Multiply, &number(0.5), &angle)?;
    let (cos, sin) = (
        one(trace, Function::Cos, &half)?,
        one(trace, Function::Sin, &half)?,
    );
    Ok(Parts {
        re: two(trace, Function::Multiply, &size, &cos)?,
        im: two(trace, Function::Multiply, &size, &sin)?,
    })
}

/// `aᵇ = e^{b log a}`; a square is a product.
pub(super) fn power(trace: &mut Trace, a: &Parts, b: &Parts) -> Made {
    let exponent = b.re.known().filter(|known| known.len() == 1);
    if is_zero(&b.im) && exponent.is_some_and(|known| known[0] == 2.0) {
        return times(trace, a, a);
    }
    let log = log(trace, a)?;
    let product = times(trace, b, &log)?;
    exp(trace, &product)
}

/// `f(re) g(im)` and `h(re) k(im)`.
fn products(trace: &mut Trace, z: &Parts, [f, g, h, k]: [Function; 4]) -> Made {
    let (f, g) = (one(trace, f, &z.re)?, one(trace, g, &z.im)?);
    let re = two(trace, Function::Multiply, &f, &g)?;
    let (h, k) = (one(trace, h, &z.re)?, one(trace, k, &z.im)?);
    let im = two(trace, Function::Multiply, &h, &k)?;
    Ok(Parts { re, im })
}

fn sin(trace: &mut Trace, z: &Parts) -> Made {
    use Function::{Cos, Cosh, Sin, Sinh};
    products(trace, z, [Sin, Cosh, Cos, Sinh])
}

fn cos(trace: &mut Trace, z: &Parts) -> Made {
    use Function::{Cos, Cosh, Sin, Sinh};
    let mirrored = products(trace, z, [Cos, Cosh, Sin, Sinh])?;
    super::arithmetic::conjugate(trace, &mirrored)
}

fn sinh(trace: &mut Trace, z: &Parts) -> Made {
    use Function::{Cos, Cosh, Sin, Sinh};
    products(trace, z, [Sinh, Cos, Cosh, Sin])
}

fn cosh(trace: &mut Trace, z: &Parts) -> Made {
    use Function::{Cos, Cosh, Sin, Sinh};
    products(trace, z, [Cosh, Cos, Sinh, Sin])
}

/// `log(z + √(z² + 1))`
fn asinh(trace: &mut Trace, z: &Parts) -> Made {
    let square = times(trace, z, z)?;
    let inside = plus(trace, &square, &Parts::known(1.0, 0.0))?;
    let root = sqrt(trace, &inside)?;
    let sum = plus(trace, z, &root)?;
    log(trace, &sum)
}

/// `½ [log(1 + z) − log(1 − z)]`
fn atanh(trace: &mut Trace, z: &Parts) -> Made {
    let unit = Parts::known(1.0, 0.0);
    let (up, down) = (plus(trace, &unit, z)?, less(trace, &unit, z)?);
    let (up, down) = (log(trace, &up)?, log(trace, &down)?);
    let difference = less(trace, &up, &down)?;
    times(trace, &Parts::known(0.5, 0.0), &difference)
}

fn asin(trace: &mut Trace, z: &Parts) -> Made {
    let turned = turned(trace, z)?;
    let result = asinh(trace, &turned)?;
    turned_back(trace, &result)
}
