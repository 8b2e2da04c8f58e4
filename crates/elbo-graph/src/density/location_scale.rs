//! Densities of `(y − location)/scale`.
//!
//! Shapes and signs are those of the Stan functions reference. Deliberately absent: checks, which
//! the rows of the table ask for.

use elbo_math::special::{LN_2PI, LN_PI, LN_SQRT_2PI};

use super::value::{Value, take};
use crate::pointwise::Function;

pub(super) fn normal<'b>(x: &[Value<'b>]) -> Value<'b> {
    let [y, mean, scale] = take(x);
    normal_of(y, mean, scale)
}

/// The normal density in one pass over the rows.
pub(super) fn normal_of<'b>(y: Value<'b>, mean: Value<'b>, scale: Value<'b>) -> Value<'b> {
    let scale = [mean, scale.inverse_scale(), scale.ln_scale()];
    y.apply(Function::NormalDensity, scale)
}

pub(super) fn std_normal<'b>(x: &[Value<'b>]) -> Value<'b> {
    let [y] = take(x);
    y.square() * -0.5 - LN_SQRT_2PI
}

/// `Γ((ν + 1)/2) / Γ(ν/2)` is a rising factorial, exact for large `ν` too.
pub(super) fn student_t<'b>(x: &[Value<'b>]) -> Value<'b> {
    let [y, nu, location, scale] = take(x);
    let half = nu * 0.5;
    let ratio = half.apply(Function::LogRisingFactorial, [y.number(0.5)]);
    let rest = ratio - (nu.ln() + LN_PI) * 0.5 - scale.ln_scale();
    let inverse = scale.inverse_scale();
    y.apply(Function::StudentTDensity, [location, inverse, nu, rest])
}

pub(super) fn cauchy<'b>(x: &[Value<'b>]) -> Value<'b> {
    let [y, location, scale] = take(x);
    let z = y.standardise(location, scale);
    -z.square().ln_1p() - (scale.ln_scale() + LN_PI)
}

pub(super) fn double_exponential<'b>(x: &[Value<'b>]) -> Value<'b> {
    let [y, location, scale] = take(x);
    let z = y.standardise(location, scale);
    -z.map(Function::Abs) - (scale.ln_scale() + std::f64::consts::LN_2)
}

pub(super) fn skew_double_exponential<'b>(x: &[Value<'b>]) -> Value<'b> {
    let [y, location, scale, skew] = take(x);
    let z = y.standardise(location, scale);
    let above = (skew * z).apply(Function::Maximum, [(skew - 1.0) * z]);
    let rest = skew.ln() + skew.ln_1m() + std::f64::consts::LN_2 - scale.ln_scale();
    above * -2.0 + rest
}

pub(super) fn logistic<'b>(x: &[Value<'b>]) -> Value<'b> {
    let [y, location, scale] = take(x);
    let z = y.standardise(location, scale);
    z.map(Function::LogisticDensity) - scale.ln_scale()
}

pub(super) fn gumbel<'b>(x: &[Value<'b>]) -> Value<'b> {
    let [y, location, scale] = take(x);
    let z = y.standardise(location, scale);
    z.map(Function::GumbelDensity) - scale.ln_scale()
}

pub(super) fn lognormal<'b>(x: &[Value<'b>]) -> Value<'b> {
    let [y, mean, scale] = take(x);
    let log = y.ln();
    normal_of(log, mean, scale) - log
}

/// In `l = shape (log y − log scale)` a log-logistic variable is logistic.
pub(super) fn loglogistic<'b>(x: &[Value<'b>]) -> Value<'b> {
    let [y, scale, shape] = take(x);
    let log = y.ln();
    let logistic = (shape * (log - scale.ln())).map(Function::LogisticDensity);
    logistic - log + shape.ln()
}

pub(super) fn skew_normal<'b>(x: &[Value<'b>]) -> Value<'b> {
    let [y, location, scale, slant] = take(x);
    let z = y.standardise(location, scale);
    let skewed = (slant * z).ln_phi() + std::f64::consts::LN_2;
    normal_of(y, location, scale) + skewed
}

/// A normal variable and an exponential one of the given rate, added.
pub(super) fn exp_mod_normal<'b>(x: &[Value<'b>]) -> Value<'b> {
    let [y, mean, scale, rate] = take(x);
    log_exponential_part(y.standardise(mean, scale), rate * scale) + rate.ln()
}

/// `v²/2 − vz + log Φ(z − v)`; with `u = v − z` it is `u²/2 − z²/2 + log Φ(−u)`, which keeps the
/// digits where `u` is positive.
pub(super) fn log_exponential_part<'b>(z: Value<'b>, v: Value<'b>) -> Value<'b> {
    let u = v - z;
    let left = u.map(Function::LogScaledTail) - z.square() * 0.5;
    let right = v * (v * 0.5 - z) + (-u).ln_phi();
    u.map(Function::Step).apply(Function::Select, [left, right])
}

pub(super) fn von_mises<'b>(x: &[Value<'b>]) -> Value<'b> {
    let [y, location, concentration] = take(x);
    let order = y.number(0.0);
    let log_bessel = order.apply(Function::LogModifiedBesselFirstKind, [concentration]);
    concentration * (y - location).map(Function::Cos) - (log_bessel + LN_2PI)
}
