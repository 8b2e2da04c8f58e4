//! First-passage times of a diffusion whose drift, start and delay vary from trial to trial.
//!
//! The one idea (`[@blurton2017first]`): a normal drift is integrated in closed form, as a factor of the
//! density without drift; start and delay are uniform, and integrated by Gauss and Legendre's rule, at
//! whose nodes the density is recorded. Absent: the distribution functions.

use elbo_graph::{Density, Function};
use elbo_math::quadrature::gauss_legendre;

use super::{Call, DensityRow, Terms};
use crate::run::Tensor;
use crate::trace::{Number, Operand, Trace};

pub(super) const ROWS: &[DensityRow] = &[("wiener_lpdf", wiener)];

/// Nodes over the start, on which the density depends smoothly, and over the delay, at whose end it may
/// fall to zero faster than any power.
const NODES: [usize; 2] = [16, 64];

/// Arguments: time, boundary, delay, start, drift; then perhaps the drift's standard deviation, and the
/// widths of start and delay. A precision, which comes last, is not needed.
fn wiener(call: &mut Call<'_>) -> Terms {
    let density = Density::named("wiener").ok_or("there is no such density")?;
    let mut args = call.operands()?;
    if matches!(args.len(), 7 | 9) {
        args.pop();
    }
    let trace = &mut *call.trace;
    let [time, boundary, delay, start, drift, rest @ ..] = args.as_slice() else {
        return Err("an argument is missing".into());
    };
    let Some(spread) = rest.first() else {
        return trace.density(density, &args);
    };
    let time = two(trace, Function::Subtract, time, delay)?;
    let is_zero = |x: &&Operand| x.known().is_some_and(|x| x.iter().all(|x| *x == 0.0));
    let of_start = rest.get(1).filter(|width| !is_zero(width));
    let of_delay = rest.get(2).filter(|width| !is_zero(width));
    // The delay cannot outlast the time; what is cut off has density 0.
    let width = match of_delay {
        Some(width) => Some(two(trace, Function::Minimum, width, &time)?),
        None => None,
    };
    let starts = of_start.map_or(vec![(0.5, 1.0)], |_| gauss_legendre(NODES[0]));
    let delays = of_delay.map_or(vec![(0.0, 1.0)], |_| gauss_legendre(NODES[1]));
    let nodes = starts
        .iter()
        .flat_map(|s| delays.iter().map(move |d| (*s, *d)));
    let terms = trace.each(nodes, |trace, ((s, of_s), (d, of_d))| {
        let start = match of_start {
            Some(width) => moved(trace, start, width, s - 0.5)?,
            None => start.clone(),
        };
        let time = match &width {
            Some(width) => moved(trace, &time, width, -d)?,
            None => time.clone(),
        };
        let known = Operand::of(Number::Known(f64::ln(of_s * of_d)));
        let zero = Operand::of(Number::Known(0.0));
        let without = [
            time.clone(),
            boundary.clone(),
            zero.clone(),
            start.clone(),
            zero,
        ];
        let without = Operand::Numbers(trace.density(density, &without)?);
        let factor = of_drift(trace, [&time, boundary, &start, drift, spread])?;
        let both = two(trace, Function::Add, &without, &factor)?;
        two(trace, Function::Add, &both, &known)
    })?;
    let mut sums = mixed(trace, &terms)?;
    if let (Some(width), Some(whole)) = (&width, of_delay) {
        let part = two(trace, Function::Divide, width, whole)?;
        let part = Operand::Numbers(trace.pointwise(Function::Log, &[part])?);
        sums = two(trace, Function::Add, &sums, &part)?;
    }
    Ok(sums.to_numbers())
}

/// `[(s a (1 − w))² + 2 a (1 − w) v − v² t] / (2 (1 + s² t)) − ½ log(1 + s² t)`: the density over that
/// without drift, for a drift of mean `v` and standard deviation `s`.
fn of_drift(
    trace: &mut Trace,
    [time, boundary, start, drift, spread]: [&Operand; 5],
) -> Result<Operand, String> {
    use Function::{Add, Divide, Log, Multiply, Square, Subtract};
    let number = |x: f64| Operand::of(Number::Known(x));
    let one = |trace: &mut Trace, f, x: &Operand| -> Result<Operand, String> {
        Ok(Operand::Numbers(
            trace.pointwise(f, std::slice::from_ref(x))?,
        ))
    };
    let rest = two(trace, Subtract, &number(1.0), start)?;
    let way = two(trace, Multiply, boundary, &rest)?;
    let scaled = two(trace, Multiply, spread, &way)?;
    let square = one(trace, Square, &scaled)?;
    let linear = two(trace, Multiply, &way, drift)?;
    let linear = two(trace, Multiply, &number(2.0), &linear)?;
    let slowed = one(trace, Square, drift)?;
    let slowed = two(trace, Multiply, &slowed, time)?;
    let above = two(trace, Add, &square, &linear)?;
    let above = two(trace, Subtract, &above, &slowed)?;
    let variance = one(trace, Square, spread)?;
    let variance = two(trace, Multiply, &variance, time)?;
    let below = two(trace, Add, &number(1.0), &variance)?;
    let exponent = two(trace, Divide, &above, &below)?;
    let log = one(trace, Log, &below)?;
    let difference = two(trace, Subtract, &exponent, &log)?;
    two(trace, Multiply, &number(0.5), &difference)
}

/// `log Σ exp` of corresponding entries.
fn mixed(trace: &mut Trace, terms: &[Operand]) -> Result<Operand, String> {
    if let [only] = terms {
        return Ok(only.clone());
    }
    let shape = terms[0].shape().to_vec();
    let sums = trace.each(0..terms[0].len(), |trace, i| {
        let all = terms.iter().map(|term| term.number(i)).collect();
        trace.log_sum_exp(Operand::Numbers(Tensor::list(all)))
    })?;
    Ok(Operand::Numbers(Tensor::new(shape, sums)))
}

fn two(trace: &mut Trace, f: Function, a: &Operand, b: &Operand) -> Result<Operand, String> {
    let numbers = trace.pointwise(f, &[a.clone(), b.clone()])?;
    Ok(Operand::Numbers(numbers))
}

/// `x + by · width`.
fn moved(trace: &mut Trace, x: &Operand, width: &Operand, by: f64) -> Result<Operand, String> {
    let step = two(
        trace,
        Function::Multiply,
        width,
        &Operand::of(Number::Known(by)),
    )?;
    two(trace, Function::Add, x, &step)
}
