//! Regressions: a density of `x β + α`, as Stan names them.
//!
//! The one idea: the linear predictor is a matrix product, the rest is the plain density, and the
//! whole is a plate, so a fused form has nothing left to gain. Deliberately absent: anything else.

use super::category::{categorical_logit_of, ordered_of};
use super::count::{bernoulli_logit_of, binomial_logit_of, neg_binomial_2_log_of, poisson_log_of};
use super::location_scale::normal_of;
use super::value::{Value, take};
use crate::pointwise::Function;

fn predictor<'b>(x: Value<'b>, intercept: Value<'b>, slopes: Value<'b>) -> Value<'b> {
    x.matmul(slopes) + intercept
}

pub(super) fn normal_id<'b>(args: &[Value<'b>]) -> Value<'b> {
    let [y, x, intercept, slopes, scale] = take(args);
    normal_of(y, predictor(x, intercept, slopes), scale)
}

pub(super) fn bernoulli_logit<'b>(args: &[Value<'b>]) -> Value<'b> {
    let [y, x, intercept, slopes] = take(args);
    bernoulli_logit_of(y, predictor(x, intercept, slopes))
}

pub(super) fn binomial_logit<'b>(args: &[Value<'b>]) -> Value<'b> {
    let [y, n, x, intercept, slopes] = take(args);
    binomial_logit_of(y, n, predictor(x, intercept, slopes))
}

pub(super) fn poisson_log<'b>(args: &[Value<'b>]) -> Value<'b> {
    let [y, x, intercept, slopes] = take(args);
    poisson_log_of(y, predictor(x, intercept, slopes))
}

pub(super) fn neg_binomial_2_log<'b>(args: &[Value<'b>]) -> Value<'b> {
    let [y, x, intercept, slopes, precision] = take(args);
    neg_binomial_2_log_of(y, predictor(x, intercept, slopes), precision)
}

pub(super) fn categorical_logit<'b>(args: &[Value<'b>]) -> Value<'b> {
    let [y, x, intercept, slopes] = take(args);
    categorical_logit_of(y, predictor(x, intercept.as_row(), slopes))
}

pub(super) fn ordered_logistic<'b>(args: &[Value<'b>]) -> Value<'b> {
    let [y, x, slopes, cuts] = take(args);
    let difference = Function::LogInvLogitDifference;
    ordered_of(y, x.matmul(slopes), cuts, difference)
}
