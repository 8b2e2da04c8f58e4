//! Distribution functions, and quantiles.
//!
//! The one idea: beyond its distribution's ends a count has a probability of 0 or 1, which is known, and
//! so has any number at them; the rest is `elbo-graph`'s.

use elbo_graph::{Density, Function};

use super::{Call, DensityRow, FunctionRow, Terms};
use crate::run::{Tensor, Value};
use crate::trace::{Number, Operand, Trace};

pub(super) const ROWS: &[DensityRow] = &[
    ("beta_neg_binomial_lcdf", |call| {
        beta_neg_binomial(call, false)
    }),
    ("beta_neg_binomial_lccdf", |call| {
        beta_neg_binomial(call, true)
    }),
];

pub(super) const FUNCTIONS: &[FunctionRow] = &[
    ("beta_neg_binomial_cdf", |call| {
        let terms = beta_neg_binomial(call, false)?;
        let sum = call.trace.sum(&terms)?;
        call.entrywise(Function::Exp, &[sum])
    }),
    ("student_t_qf", |call| {
        let args = call.operands()?;
        let [p, nu, mu, sigma] = args.as_slice() else {
            return Err("it takes four arguments".into());
        };
        let standard = student_t_quantile(call.trace, p, nu)?;
        let args = [standard, sigma.clone(), mu.clone()];
        let moved = call.trace.pointwise(Function::MultiplyAdd, &args)?;
        Ok(Value::from_numbers(moved))
    }),
];

/// The logarithm of a distribution function or of its complement, a term for each entry.
pub(super) fn tail(call: &mut Call<'_>, density: &'static Density) -> Terms {
    let args = call.operands()?;
    let is_above = density.name.ends_with("_lccdf");
    let name = density.name.split("_lc").next().unwrap_or(density.name);
    if !call.types[0].is_discrete() {
        return with_ends(call.trace, density, args, name, is_above);
    }
    let n = args.iter().map(Operand::len).max().unwrap_or(0);
    let at = |arg: &Operand, i: usize| arg.number(if arg.len() == 1 { 0 } else { i }).known();
    // The ends of the distribution of entry `i`.
    let ends = |i: usize| match name {
        "bernoulli" => (Some(0.0), Some(1.0)),
        "binomial" | "beta_binomial" => (Some(0.0), at(&args[1], i)),
        "yule_simon" => (Some(1.0), None),
        "discrete_range" => (at(&args[1], i), at(&args[2], i)),
        _ => (Some(0.0), None),
    };
    let mut within = Vec::with_capacity(n);
    let mut beyond = Vec::new();
    for i in 0..n {
        let y = at(&args[0], i).ok_or("a count is known")?;
        let (low, high) = ends(i);
        let low = low.ok_or("the ends of a range are known")?;
        // The probability of at most y is 0 below, and 1 from the upper end on.
        let is_certain = high.is_some_and(|high| y >= high);
        within.push(if y < low || is_certain { low } else { y });
        if y < low || is_certain {
            let log = if is_certain == is_above {
                f64::NEG_INFINITY
            } else {
                0.0
            };
            beyond.push((i, log));
        }
    }
    if beyond.is_empty() {
        return call.trace.density(density, &args);
    }
    let mut inside = args.clone();
    inside[0] = Operand::Known(Tensor::list(within));
    let mut terms = call.trace.density(density, &inside)?;
    for (i, log) in beyond {
        terms.entries_mut()[i] = Number::Known(log);
    }
    Ok(terms)
}

/// The tail of numbers, of which some may be at the ends of the distribution.
fn with_ends(
    trace: &mut Trace,
    density: &'static Density,
    mut args: Vec<Operand>,
    name: &str,
    is_above: bool,
) -> Terms {
    let (low, high) = match name {
        "beta" | "beta_proportion" => (0.0, 1.0),
        "lognormal"
        | "exponential"
        | "gamma"
        | "chi_square"
        | "inv_gamma"
        | "inv_chi_square"
        | "scaled_inv_chi_square"
        | "weibull"
        | "frechet"
        | "rayleigh"
        | "loglogistic" => (0.0, f64::INFINITY),
        _ => (f64::NEG_INFINITY, f64::INFINITY),
    };
    let n = args.iter().map(Operand::len).max().unwrap_or(0);
    let mut within: Vec<Number> = args[0].numbers().collect();
    let mut at_end = Vec::new();
    for (i, y) in within.iter_mut().enumerate() {
        let known = y.known().filter(|y| *y == low || *y == high);
        if let Some(end) = known {
            at_end.push((i, (end == high) == is_above));
            // Any other number: the term is replaced.
            *y = Number::Known(0.5);
        }
    }
    if at_end.is_empty() {
        return trace.density(density, &args);
    }
    let is_one = within.len() == 1;
    args[0] = Operand::Numbers(Tensor::new(args[0].shape().to_vec(), within));
    let mut terms = trace.density(density, &args)?;
    for (i, is_impossible) in at_end {
        let log = if is_impossible {
            f64::NEG_INFINITY
        } else {
            0.0
        };
        let entries = if is_one { 0..n } else { i..i + 1 };
        terms.entries_mut()[entries].fill(Number::Known(log));
    }
    Ok(terms)
}

/// The sum of all probabilities up to a count.
fn beta_neg_binomial(call: &mut Call<'_>, is_above: bool) -> Terms {
    let density = Density::named("beta_neg_binomial").ok_or("there is no such density")?;
    let args = call.operands()?;
    let n = args.iter().map(Operand::len).max().unwrap_or(0);
    if args.iter().any(|arg| arg.len() != 1 && arg.len() != n) {
        return Err("the sizes of arguments differ".into());
    }
    let terms = call.trace.each(0..n, |trace, i| {
        let at = |arg: &Operand| arg.number(if arg.len() == 1 { 0 } else { i });
        let count = at(&args[0]).known().ok_or("a count is known")?;
        if count < 0.0 {
            return Ok(Number::Known(if is_above {
                0.0
            } else {
                f64::NEG_INFINITY
            }));
        }
        let mut counts = vec![0.0];
        while counts[counts.len() - 1] < count {
            counts.push(counts.len() as f64);
        }
        let mut inner = vec![Operand::Known(Tensor::list(counts))];
        inner.extend(args[1..].iter().map(|arg| Operand::of(at(arg))));
        let logs = trace.density(density, &inner)?;
        let below = trace.log_sum_exp(Operand::Numbers(logs))?;
        if !is_above {
            return Ok(below);
        }
        let above = trace.pointwise(Function::Log1mExp, &[Operand::of(below)])?;
        Ok(above.entries()[0])
    })?;
    Ok(Tensor::list(terms))
}

/// The quantile of Student's t, by the inverse of the incomplete beta function: `ν/(ν + t²)` has
/// `I_x(ν/2, ½) = 2p` below the centre `[@dlmf, §8.17]`. Near the centre its complement has the digits.
fn student_t_quantile(trace: &mut Trace, p: &Operand, nu: &Operand) -> Result<Operand, String> {
    let number = |x: f64| Operand::of(Number::Known(x));
    let mut apply = |f, args: &[&Operand]| {
        let args: Vec<Operand> = args.iter().map(|arg| (*arg).clone()).collect();
        Ok::<_, String>(Operand::Numbers(trace.pointwise(f, &args)?))
    };
    let (half, one) = (number(0.5), number(1.0));
    let rest = apply(Function::Subtract, &[&one, p])?;
    let least = apply(Function::Minimum, &[p, &rest])?;
    let both = apply(Function::Add, &[&least, &least])?;
    let is_tail = apply(Function::Less, &[&both, &half])?;
    let half_nu = apply(Function::Multiply, &[nu, &half])?;
    // What is not chosen is evaluated at a place where it has derivatives.
    let safe = number(0.25);
    let of_tail = apply(Function::Select, &[&is_tail, &both, &safe])?;
    let x = apply(Function::InvIncBeta, &[&half_nu, &half, &of_tail])?;
    let complement = apply(Function::Subtract, &[&one, &x])?;
    let tail = apply(Function::Divide, &[&complement, &x])?;
    let middle = apply(Function::Subtract, &[&one, &both])?;
    let of_middle = apply(Function::Select, &[&is_tail, &safe, &middle])?;
    let y = apply(Function::InvIncBeta, &[&half, &half_nu, &of_middle])?;
    let complement = apply(Function::Subtract, &[&one, &y])?;
    let middle = apply(Function::Divide, &[&y, &complement])?;
    let ratio = apply(Function::Select, &[&is_tail, &tail, &middle])?;
    let square = apply(Function::Multiply, &[&ratio, nu])?;
    let size = apply(Function::Sqrt, &[&square])?;
    let negative = apply(Function::Negate, &[&size])?;
    let is_below = apply(Function::Less, &[p, &half])?;
    apply(Function::Select, &[&is_below, &negative, &size])
}
