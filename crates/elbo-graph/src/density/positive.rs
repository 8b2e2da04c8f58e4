//! Densities of positive numbers, and of numbers in an interval.
//!
//! Shapes and rates are those of the Stan functions reference. Deliberately absent: checks, which
//! the rows of the table ask for.

use super::value::{Value, take};
use crate::pointwise::Function;

pub(super) fn exponential<'b>(x: &[Value<'b>]) -> Value<'b> {
    let [y, rate] = take(x);
    rate.ln() - rate * y
}

pub(super) fn gamma<'b>(x: &[Value<'b>]) -> Value<'b> {
    let [y, shape, rate] = take(x);
    gamma_of(y, shape, rate)
}

fn gamma_of<'b>(y: Value<'b>, shape: Value<'b>, rate: Value<'b>) -> Value<'b> {
    (shape - 1.0).times_ln(y) - rate * y + (shape * rate.ln() - shape.ln_gamma())
}

pub(super) fn inv_gamma<'b>(x: &[Value<'b>]) -> Value<'b> {
    let [y, shape, scale] = take(x);
    inv_gamma_of(y, shape, scale)
}

fn inv_gamma_of<'b>(y: Value<'b>, shape: Value<'b>, scale: Value<'b>) -> Value<'b> {
    (shape * scale.ln() - shape.ln_gamma()) - (shape + 1.0) * y.ln() - scale / y
}

pub(super) fn chi_square<'b>(x: &[Value<'b>]) -> Value<'b> {
    let [y, nu] = take(x);
    gamma_of(y, nu * 0.5, y.number(0.5))
}

pub(super) fn inv_chi_square<'b>(x: &[Value<'b>]) -> Value<'b> {
    let [y, nu] = take(x);
    inv_gamma_of(y, nu * 0.5, y.number(0.5))
}

pub(super) fn scaled_inv_chi_square<'b>(x: &[Value<'b>]) -> Value<'b> {
    let [y, nu, scale] = take(x);
    let half = nu * 0.5;
    inv_gamma_of(y, half, half * scale.square())
}

pub(super) fn weibull<'b>(x: &[Value<'b>]) -> Value<'b> {
    let [y, shape, scale] = take(x);
    let power = (shape * (y.ln() - scale.ln())).exp();
    (shape - 1.0).times_ln(y) - power + (shape.ln() - shape * scale.ln())
}

pub(super) fn frechet<'b>(x: &[Value<'b>]) -> Value<'b> {
    let [y, shape, scale] = take(x);
    let log = shape * (y.ln() - scale.ln());
    -(-log).exp() - log - y.ln() + shape.ln()
}

pub(super) fn rayleigh<'b>(x: &[Value<'b>]) -> Value<'b> {
    let [y, scale] = take(x);
    let z = y * scale.inverse_scale();
    y.ln() - z.square() * 0.5 - scale.ln_scale() * 2.0
}

pub(super) fn pareto<'b>(x: &[Value<'b>]) -> Value<'b> {
    let [y, least, shape] = take(x);
    (shape.ln() + shape * least.ln()) - (shape + 1.0) * y.ln()
}

pub(super) fn pareto_type_2<'b>(x: &[Value<'b>]) -> Value<'b> {
    let [y, location, scale, shape] = take(x);
    let z = y.standardise(location, scale);
    (shape.ln() - scale.ln_scale()) - (shape + 1.0) * z.ln_1p()
}

pub(super) fn beta<'b>(x: &[Value<'b>]) -> Value<'b> {
    let [y, a, b] = take(x);
    beta_of(y, a, b)
}

fn beta_of<'b>(y: Value<'b>, a: Value<'b>, b: Value<'b>) -> Value<'b> {
    let powers = (a - 1.0).times_ln(y) + (b - 1.0).times_ln_1m(y);
    powers - a.apply(Function::LogBeta, [b])
}

pub(super) fn beta_proportion<'b>(x: &[Value<'b>]) -> Value<'b> {
    let [y, mean, precision] = take(x);
    beta_of(y, mean * precision, (1.0 - mean) * precision)
}

/// First passage at the upper of two boundaries `α` apart, `β α` above the lower one, with drift `δ` and a
/// delay `τ` (`[@navarro2009fast]`).
pub(super) fn wiener<'b>(args: &[Value<'b>]) -> Value<'b> {
    let [y, separation, delay, start, drift] = take(args);
    let time = y - delay;
    let standard = (time / separation.square()).apply(Function::LogFirstPassage, [start]);
    let drifted = drift * (separation * (1.0 - start)) - drift.square() * time * 0.5;
    standard - separation.ln() * 2.0 + drifted
}

pub(super) fn uniform<'b>(x: &[Value<'b>]) -> Value<'b> {
    let [y, low, high] = take(x);
    y.zeros() - (high - low).ln()
}
