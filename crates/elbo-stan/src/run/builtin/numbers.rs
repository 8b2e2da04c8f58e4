//! Functions of numbers, entry by entry.

use elbo_math::special;

use super::{Arguments, Function, Outcome};
use crate::run::Value;
use crate::run::operator::{binary, pairs};
use crate::typed::BinaryOperator;

/// A function of one number, of every entry.
macro_rules! entrywise {
    ($($name:literal => $f:expr;)*) => {
        &[$(($name, |a: &Arguments| {
            let f: fn(f64) -> f64 = $f;
            Ok(Value::Reals(a.reals(0)?.map(|x| f(*x))))
        }),)*]
    };
}

/// A function of two numbers, of corresponding entries; a single number goes with every entry.
macro_rules! pairwise {
    ($($name:literal => $f:expr;)*) => {
        &[$(($name, |a: &Arguments| {
            let f: fn(f64, f64) -> f64 = $f;
            Ok(Value::Reals(pairs(&a.reals(0)?, &a.reals(1)?, f)?))
        }),)*]
    };
}

macro_rules! constants {
    ($($name:literal => $value:expr;)*) => {
        &[$(($name, |_: &Arguments| Ok(Value::real($value))),)*]
    };
}

fn log1p_exp(x: f64) -> f64 {
    if x > 0.0 {
        x + (-x).exp().ln_1p()
    } else {
        x.exp().ln_1p()
    }
}

/// log(1 − eˣ) for x ≤ 0.
fn log1m_exp(x: f64) -> f64 {
    if x > -std::f64::consts::LN_2 {
        (-x.exp_m1()).ln()
    } else {
        (-x.exp()).ln_1p()
    }
}

fn inv_logit(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn log_sum_exp(a: f64, b: f64) -> f64 {
    let most = a.max(b);
    if most == f64::NEG_INFINITY || most.is_infinite() {
        most
    } else {
        most + ((a - most).exp() + (b - most).exp()).ln()
    }
}

const ENTRYWISE: &[(&str, Function)] = entrywise! {
    "exp" => f64::exp;
    "exp2" => f64::exp2;
    "expm1" => f64::exp_m1;
    "log" => f64::ln;
    "log1p" => f64::ln_1p;
    "log1m" => |x| (-x).ln_1p();
    "log1p_exp" => log1p_exp;
    "log1m_exp" => log1m_exp;
    "log_inv_logit" => |x| -log1p_exp(-x);
    "log1m_inv_logit" => |x| -log1p_exp(x);
    "inv_logit" => inv_logit;
    "logit" => |p| (p / (1.0 - p)).ln();
    "inv" => |x| 1.0 / x;
    "inv_sqrt" => |x| 1.0 / x.sqrt();
    "inv_square" => |x| 1.0 / (x * x);
    "inv_cloglog" => |x| -(-x.exp()).exp_m1();
    "sqrt" => f64::sqrt;
    "cbrt" => f64::cbrt;
    "square" => |x| x * x;
    "sin" => f64::sin;
    "cos" => f64::cos;
    "tan" => f64::tan;
    "asin" => f64::asin;
    "acos" => f64::acos;
    "atan" => f64::atan;
    "sinh" => f64::sinh;
    "cosh" => f64::cosh;
    "tanh" => f64::tanh;
    "asinh" => f64::asinh;
    "acosh" => f64::acosh;
    "atanh" => f64::atanh;
    "floor" => f64::floor;
    "ceil" => f64::ceil;
    "round" => f64::round;
    "trunc" => f64::trunc;
    "step" => |x| if x < 0.0 { 0.0 } else { 1.0 };
    "lgamma" => special::ln_gamma;
    "tgamma" => special::gamma;
    "digamma" => special::digamma;
    "trigamma" => special::trigamma;
    "erf" => special::erf;
    "erfc" => special::erfc;
    "Phi" => special::normal_cdf;
    "inv_Phi" => special::normal_quantile;
    "std_normal_qf" => special::normal_quantile;
    "Phi_approx" => |x| inv_logit(0.07056 * x * x * x + 1.5976 * x);
};

const PAIRWISE: &[(&str, Function)] = pairwise! {
    "fmax" => f64::max;
    "fmin" => f64::min;
    "fmod" => |a, b| a % b;
    "fdim" => |a, b| if a > b { a - b } else { 0.0 };
    "hypot" => f64::hypot;
    "atan2" => f64::atan2;
    "lmultiply" => |a, b| if a == 0.0 && b == 0.0 { 0.0 } else { a * b.ln() };
    "lbeta" => special::ln_beta;
    "beta" => |a, b| special::ln_beta(a, b).exp();
    "lchoose" => |n, k| special::ln_gamma(n + 1.0) - special::ln_gamma(k + 1.0)
        - special::ln_gamma(n - k + 1.0);
    "log_diff_exp" => |a, b| a + log1m_exp(b - a);
    "log_falling_factorial" => |x, n| special::ln_gamma(x + 1.0) - special::ln_gamma(x - n + 1.0);
    "log_rising_factorial" => |x, n| special::ln_gamma(x + n) - special::ln_gamma(x);
};

const CONSTANTS: &[(&str, Function)] = constants! {
    "pi" => std::f64::consts::PI;
    "e" => std::f64::consts::E;
    "sqrt2" => std::f64::consts::SQRT_2;
    "positive_infinity" => f64::INFINITY;
    "negative_infinity" => f64::NEG_INFINITY;
    "not_a_number" => f64::NAN;
    "machine_precision" => f64::EPSILON;
};

const OTHERS: &[(&str, Function)] = &[
    ("abs", abs),
    ("log2", |a| {
        constant_or(a, std::f64::consts::LN_2, f64::log2)
    }),
    ("log10", |a| {
        constant_or(a, std::f64::consts::LN_10, f64::log10)
    }),
    ("pow", |a| {
        binary(
            BinaryOperator::Power,
            [a.types[0], a.types[1]],
            &a.values[0],
            &a.values[1],
        )
    }),
    ("log_sum_exp", |a| {
        if a.values.len() == 2 {
            return Ok(Value::Reals(pairs(
                &a.reals(0)?,
                &a.reals(1)?,
                log_sum_exp,
            )?));
        }
        let t = a.reals(0)?;
        let most = t
            .entries()
            .iter()
            .copied()
            .fold(f64::NEG_INFINITY, f64::max);
        if most.is_infinite() {
            return Ok(Value::real(most));
        }
        let sum: f64 = t.entries().iter().map(|x| (x - most).exp()).sum();
        Ok(Value::real(most + sum.ln()))
    }),
    ("int_step", |a| Ok(Value::int(i32::from(a.real(0)? > 0.0)))),
    ("is_nan", |a| Ok(Value::int(i32::from(a.real(0)?.is_nan())))),
    ("is_inf", |a| {
        Ok(Value::int(i32::from(a.real(0)?.is_infinite())))
    }),
    ("to_int", to_int),
    ("choose", choose),
    ("fma", |a| {
        let product = pairs(&a.reals(0)?, &a.reals(1)?, |x, y| (x, y))?;
        let third = a.reals(2)?.map(|&z| (z, 0.0));
        let result = pairs(&product, &third, |(x, y), (z, _)| x.mul_add(y, z))?;
        Ok(Value::Reals(result))
    }),
];

pub(super) const ROWS: &[(&str, Function)] = {
    // One slice of several, without copying rows by hand.
    const N: usize = ENTRYWISE.len() + PAIRWISE.len() + CONSTANTS.len() + OTHERS.len();
    const ALL: [(&str, Function); N] = {
        let mut all = [OTHERS[0]; N];
        let parts = [ENTRYWISE, PAIRWISE, CONSTANTS, OTHERS];
        let (mut at, mut part) = (0, 0);
        while part < parts.len() {
            let mut i = 0;
            while i < parts[part].len() {
                all[at] = parts[part][i];
                at += 1;
                i += 1;
            }
            part += 1;
        }
        all
    };
    &ALL
};

fn constant_or(a: &Arguments, constant: f64, f: fn(f64) -> f64) -> Outcome {
    if a.values.is_empty() {
        return Ok(Value::real(constant));
    }
    Ok(Value::Reals(a.reals(0)?.map(|x| f(*x))))
}

fn abs(a: &Arguments) -> Outcome {
    Ok(match &a.values[0] {
        Value::Ints(t) => Value::Ints(t.map(|i| i.wrapping_abs())),
        _ => Value::Reals(a.reals(0)?.map(|x| x.abs())),
    })
}

fn to_int(a: &Arguments) -> Outcome {
    let t = a.reals(0)?;
    let fits = |x: f64| x.is_finite() && x.trunc().abs() <= f64::from(i32::MAX);
    if let Some(x) = t.entries().iter().find(|x| !fits(**x)) {
        return Err(format!("{x} is no number that an int can hold"));
    }
    #[expect(clippy::cast_possible_truncation, reason = "in range, as just checked")]
    let entries = t.map(|&x| x.trunc() as i32);
    Ok(Value::Ints(entries))
}

fn choose(a: &Arguments) -> Outcome {
    let one = |n: f64, k: f64| -> f64 {
        if k < 0.0 || k > n {
            return 0.0;
        }
        let mut result = 1.0;
        let mut i = 1.0;
        while i <= k.min(n - k) {
            result = result * (n - k.min(n - k) + i) / i;
            i += 1.0;
        }
        result.round()
    };
    let reals = pairs(&a.reals(0)?, &a.reals(1)?, one)?;
    to_int(&Arguments {
        values: &[Value::Reals(reals)],
        types: a.types,
        limit: a.limit,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Tensor;
    use crate::run::builtin::find;

    fn call(name: &str, values: &[f64]) -> f64 {
        let values: Vec<Value> = values.iter().map(|&x| Value::real(x)).collect();
        let types = vec![&crate::typed::Type::Real; values.len()];
        let arguments = Arguments {
            values: &values,
            types: &types,
            limit: usize::MAX,
        };
        let result = find(name).expect("the function is there")(&arguments);
        result
            .expect("it has a value")
            .as_reals()
            .expect("reals")
            .entries()[0]
    }

    #[test]
    fn stable_forms_agree_with_the_plain_ones_and_survive_where_those_do_not() {
        // The plain formulas lose nothing at 0.3; 1e-15 is rounding.
        for x in [-0.3, 0.3] {
            assert!((call("log1p_exp", &[x]) - (1.0 + f64::exp(x)).ln()).abs() < 1e-15);
            assert!((call("log_inv_logit", &[x]) - call("inv_logit", &[x]).ln()).abs() < 1e-15);
        }
        assert!((call("log1m_exp", &[-0.3]) - (1.0 - f64::exp(-0.3)).ln()).abs() < 1e-15);
        assert_eq!(call("log1p_exp", &[800.0]), 800.0);
        assert_eq!(call("log_sum_exp", &[1000.0, f64::NEG_INFINITY]), 1000.0);
    }

    #[test]
    fn binomial_coefficients_are_exact() {
        let t = |n: i32| Value::Ints(Tensor::scalar(n));
        let values = [t(30), t(15)];
        let types = [&crate::typed::Type::Int; 2];
        let arguments = Arguments {
            values: &values,
            types: &types,
            limit: usize::MAX,
        };
        assert_eq!(choose(&arguments), Ok(t(155_117_520)));
    }
}
