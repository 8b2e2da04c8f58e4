//! Integrals of one variable, by the double exponential formula.
//!
//! The one idea (`[@takahasi1974double]`): a change of variables makes the integrand fall off so fast
//! at both ends that the trapezoidal rule converges exponentially, singular ends included. The rule has
//! as many nodes as double precision is worth, at all of which the integrand is recorded; so an
//! integral has derivatives like any sum. Absent: steps that adapt to the integrand.

use elbo_graph::Function;

use crate::trace::{Number, Operand, Trace};

/// A point at which an integrand is evaluated.
pub(super) struct Node {
    pub(super) x: Number,
    /// How far it is to the nearer limit, from the lower one positive, negative from the upper one; NaN
    /// where that limit is infinite.
    pub(super) to_limit: Number,
    /// What the integrand there is multiplied by.
    pub(super) weight: Number,
}

/// Distance between nodes of the rule.
const STEP: f64 = 1.0 / 16.0;
/// Nodes on each side of the middle, for two limits, for one, for none.
const ENDS: [i32; 3] = [60, 68, 64];

/// The nodes of an integral from `from` to `to`; limits that are infinite must be known.
pub(super) fn nodes(trace: &mut Trace, from: Number, to: Number) -> Result<Vec<Node>, String> {
    use std::f64::consts::FRAC_PI_2;
    let infinite = |n: Number| n.known().is_some_and(f64::is_infinite);
    if let (Some(a), Some(b)) = (from.known(), to.known())
        && !(a <= b)
    {
        return Err(format!("the limits must ascend, and are {a} and {b}"));
    }
    let count = ENDS[usize::from(infinite(from)) + usize::from(infinite(to))];
    let known = Number::Known;
    (-count..=count)
        .map(|k| {
            trace.again();
            let t = f64::from(k) * STEP;
            let u = FRAC_PI_2 * t.sinh();
            let slope = FRAC_PI_2 * t.cosh() * STEP;
            Ok(match (infinite(from), infinite(to)) {
                (true, true) => Node {
                    x: known(u.sinh()),
                    to_limit: known(f64::NAN),
                    weight: known(slope * u.cosh()),
                },
                (false, true) => {
                    let distance = known(u.exp());
                    Node {
                        x: apply(trace, Function::Add, [from, distance])?,
                        to_limit: distance,
                        weight: known(slope * u.exp()),
                    }
                }
                (true, false) => {
                    let distance = known(-u.exp());
                    Node {
                        x: apply(trace, Function::Add, [to, distance])?,
                        to_limit: distance,
                        weight: known(slope * u.exp()),
                    }
                }
                (false, false) => {
                    let length = apply(trace, Function::Subtract, [to, from])?;
                    // The share of the length up to the nearer limit, 1 / (1 + e^(2|u|)).
                    let share = 1.0 / (1.0 + (2.0 * u.abs()).exp());
                    let share = if u > 0.0 { -share } else { share };
                    let distance = apply(trace, Function::Multiply, [length, known(share)])?;
                    let limit = if u > 0.0 { to } else { from };
                    let height = slope / (2.0 * u.cosh() * u.cosh());
                    Node {
                        x: apply(trace, Function::Add, [limit, distance])?,
                        to_limit: distance,
                        weight: apply(trace, Function::Multiply, [length, known(height)])?,
                    }
                }
            })
        })
        .collect()
}

fn apply(trace: &mut Trace, function: Function, args: [Number; 2]) -> Result<Number, String> {
    if let [Number::Known(a), Number::Known(b)] = args {
        return Ok(Number::Known(match function {
            Function::Add => a + b,
            Function::Subtract => a - b,
            _ => a * b,
        }));
    }
    let result = trace.pointwise(function, &args.map(Operand::of))?;
    Ok(result.entries()[0])
}
