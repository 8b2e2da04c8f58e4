//! The search for a solution: Powell's dogleg in a region that is trusted.
//!
//! A step is Newton's where that is short enough; else it goes down the slope of `‖g‖²` as far as a
//! line tells, and from there towards Newton's `[@powell1970hybrid]` `[@nocedal2006optimization, §11.2]`.

use super::{At, Equations, SearchLimits};
use crate::block::dense::Lu;

/// Part of the predicted decrease that a step has to bring.
const ENOUGH: f64 = 1e-4;

/// A solution and `∂g/∂x` there; `None` if none was found.
pub(super) fn root(
    equations: &Equations,
    limits: SearchLimits,
    guess: Vec<f64>,
    parameters: &[f64],
) -> Option<(Vec<f64>, Vec<f64>)> {
    let mut at = At::new(equations, parameters);
    let mut x = guess;
    let mut zeros = at.evaluate(equations, &x).to_vec();
    let mut size = norm(&zeros);
    // MINPACK's first radius, a hundred times the guess.
    let mut radius = 100.0 * norm(&x).max(1.0);
    let mut jacobian = at.jacobian(equations);
    for _ in 0..limits.most_steps {
        if size == 0.0 || !size.is_finite() {
            break;
        }
        let step = dogleg(&jacobian, &zeros, radius);
        let next: Vec<f64> = x.iter().zip(&step).map(|(x, s)| x + s).collect();
        if next == x {
            break;
        }
        let new_zeros = at.evaluate(equations, &next).to_vec();
        let new_size = norm(&new_zeros);
        let linear: Vec<f64> = times(&jacobian, &step)
            .iter()
            .zip(&zeros)
            .map(|(j, g)| j + g)
            .collect();
        let predicted = size * size - norm(&linear).powi(2);
        let ratio = (size * size - new_size * new_size) / predicted;
        let length = norm(&step);
        // A NaN, where the equations are not defined, is no decrease either.
        if ratio > ENOUGH && new_size < size {
            if ratio > 0.75 {
                radius = radius.max(2.0 * length);
            } else if ratio < 0.25 {
                radius = 0.5 * length;
            }
            let gains_little = new_size > 0.9 * size && new_size <= limits.residual;
            (x, zeros, size) = (next, new_zeros, new_size);
            jacobian = at.jacobian(equations);
            if gains_little {
                break;
            }
        } else if size <= limits.residual && size <= 1e3 * f64::EPSILON * scale(&jacobian, &x) {
            // No decrease is left but that of rounding.
            break;
        } else {
            radius = 0.25 * length;
            if radius <= f64::EPSILON * norm(&x).max(f64::MIN_POSITIVE) {
                break;
            }
        }
    }
    (size <= limits.residual).then_some((x, jacobian))
}

/// What rounding errors of `g` are measured by.
fn scale(jacobian: &[f64], x: &[f64]) -> f64 {
    1.0 + norm(jacobian) * norm(x)
}

/// The step inside the region.
fn dogleg(jacobian: &[f64], zeros: &[f64], radius: f64) -> Vec<f64> {
    let n = zeros.len();
    let change = Lu::new(jacobian.to_vec(), n).solve(zeros, 1);
    let newton: Vec<f64> = change.iter().map(|s| -s).collect();
    if norm(&newton) <= radius {
        return newton;
    }
    // −∇ ½‖g‖² = −Jᵀ g.
    let down: Vec<f64> = (0..n)
        .map(|j| -(0..n).map(|i| jacobian[i * n + j] * zeros[i]).sum::<f64>())
        .collect();
    let steep = norm(&down);
    let along = norm(&times(jacobian, &down));
    let lowest = (steep / along).powi(2);
    if !(lowest * steep < radius) || !norm(&newton).is_finite() {
        let by = (radius / steep).min(if lowest.is_finite() {
            lowest
        } else {
            f64::INFINITY
        });
        return down.iter().map(|d| by * d).collect();
    }
    // From the lowest point a towards Newton's b: |a + t (b − a)| = radius.
    let a: Vec<f64> = down.iter().map(|d| lowest * d).collect();
    let towards: Vec<f64> = newton.iter().zip(&a).map(|(b, a)| b - a).collect();
    let dot = |u: &[f64], v: &[f64]| u.iter().zip(v).map(|(u, v)| u * v).sum::<f64>();
    let (p, q) = (dot(&towards, &towards), dot(&a, &towards));
    let c = radius * radius - dot(&a, &a);
    let t = c / (q + (q * q + p * c).sqrt());
    a.iter().zip(&towards).map(|(a, d)| a + t * d).collect()
}

fn times(jacobian: &[f64], v: &[f64]) -> Vec<f64> {
    jacobian
        .chunks_exact(v.len())
        .map(|row| row.iter().zip(v).map(|(j, v)| j * v).sum())
        .collect()
}

fn norm(v: &[f64]) -> f64 {
    v.iter().map(|v| v * v).sum::<f64>().sqrt()
}
