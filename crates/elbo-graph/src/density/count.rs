//! Probabilities of counts, which are known.
//!
//! The one idea: factors of the counts alone are nodes of their own, so that they are computed once,
//! when the graph is built. Deliberately absent: checks, which the rows of the table ask for.

use super::value::{Value, take};
use crate::pointwise::Function;

/// `log y!`.
fn ln_factorial(y: Value<'_>) -> Value<'_> {
    (y + 1.0).ln_gamma()
}

fn ln_choose<'b>(n: Value<'b>, k: Value<'b>) -> Value<'b> {
    n.apply(Function::LogChoose, [k])
}

fn ln_beta<'b>(a: Value<'b>, b: Value<'b>) -> Value<'b> {
    a.apply(Function::LogBeta, [b])
}

pub(super) fn bernoulli<'b>(x: &[Value<'b>]) -> Value<'b> {
    let [y, chance] = take(x);
    if chance.known().is_some() || chance.is_common_to(y) {
        return y.times_ln(chance) + (1.0 - y).times_ln_1m(chance);
    }
    y.apply(Function::Bernoulli, [chance])
}

pub(super) fn bernoulli_logit<'b>(x: &[Value<'b>]) -> Value<'b> {
    let [y, logit] = take(x);
    bernoulli_logit_of(y, logit)
}

pub(super) fn bernoulli_logit_of<'b>(y: Value<'b>, logit: Value<'b>) -> Value<'b> {
    (y * 2.0 - 1.0).apply(Function::BernoulliLogit, [logit])
}

pub(super) fn binomial<'b>(x: &[Value<'b>]) -> Value<'b> {
    let [y, n, chance] = take(x);
    y.times_ln(chance) + (n - y).times_ln_1m(chance) + ln_choose(n, y)
}

pub(super) fn binomial_logit<'b>(x: &[Value<'b>]) -> Value<'b> {
    let [y, n, logit] = take(x);
    binomial_logit_of(y, n, logit)
}

pub(super) fn binomial_logit_of<'b>(y: Value<'b>, n: Value<'b>, logit: Value<'b>) -> Value<'b> {
    y.apply(Function::BinomialLogit, [n, logit, ln_choose(n, y)])
}

pub(super) fn beta_binomial<'b>(x: &[Value<'b>]) -> Value<'b> {
    let [y, n, a, b] = take(x);
    ln_beta(y + a, n - y + b) - ln_beta(a, b) + ln_choose(n, y)
}

/// With `y` successes, `r` failures wanted, and a beta distribution of the chance of a failure.
pub(super) fn beta_neg_binomial<'b>(x: &[Value<'b>]) -> Value<'b> {
    let [y, r, a, b] = take(x);
    let ways = r.apply(Function::LogRisingFactorial, [y]) - ln_factorial(y);
    ln_beta(a + r, b + y) - ln_beta(a, b) + ways
}

/// Shape `a` and inverse scale `b` of the mixing gamma distribution.
pub(super) fn neg_binomial<'b>(x: &[Value<'b>]) -> Value<'b> {
    let [y, shape, rate] = take(x);
    neg_binomial_of(y, -rate.ln(), shape)
}

pub(super) fn neg_binomial_2<'b>(x: &[Value<'b>]) -> Value<'b> {
    let [y, mean, precision] = take(x);
    neg_binomial_of(y, mean.ln() - precision.ln(), precision)
}

pub(super) fn neg_binomial_2_log<'b>(x: &[Value<'b>]) -> Value<'b> {
    let [y, log_mean, precision] = take(x);
    neg_binomial_2_log_of(y, log_mean, precision)
}

pub(super) fn neg_binomial_2_log_of<'b>(
    y: Value<'b>,
    log_mean: Value<'b>,
    precision: Value<'b>,
) -> Value<'b> {
    neg_binomial_of(y, log_mean - precision.ln(), precision)
}

/// By the log of the odds, `log(mean/φ)`; the limit `φ → ∞` is Poisson's without cancellation.
fn neg_binomial_of<'b>(y: Value<'b>, log_odds: Value<'b>, phi: Value<'b>) -> Value<'b> {
    let ways = |y| phi.apply(Function::LogRisingFactorial, [y]) - ln_factorial(y);
    let ways = if phi.shape().is_scalar() {
        // Log-gammas are dear, and counts repeat themselves.
        y.at_distinct(ways)
    } else {
        ways(y)
    };
    y.apply(Function::NegativeBinomialLog, [log_odds, phi]) + ways
}

pub(super) fn poisson<'b>(x: &[Value<'b>]) -> Value<'b> {
    let [y, mean] = take(x);
    y.apply(Function::Poisson, [mean, ln_factorial(y)])
}

pub(super) fn poisson_log<'b>(x: &[Value<'b>]) -> Value<'b> {
    let [y, log_mean] = take(x);
    poisson_log_of(y, log_mean)
}

pub(super) fn poisson_log_of<'b>(y: Value<'b>, log_mean: Value<'b>) -> Value<'b> {
    y.apply(Function::PoissonLog, [log_mean, ln_factorial(y)])
}

/// `α B(y, α + 1)` for `y` from 1 on.
pub(super) fn yule_simon<'b>(x: &[Value<'b>]) -> Value<'b> {
    let [y, alpha] = take(x);
    alpha.ln() + y.apply(Function::LogBeta, [alpha + 1.0])
}

/// `y` of the first kind among `n` drawn from `a` of the first and `b` of the second.
pub(super) fn hypergeometric<'b>(x: &[Value<'b>]) -> Value<'b> {
    let [y, n, a, b] = take(x);
    let ways = ln_choose(a, y) + ln_choose(b, n - y) - ln_choose(a + b, n);
    // More cannot be drawn than there are.
    ways.apply(Function::WhereNonNegative, [b - (n - y)])
}

pub(super) fn discrete_range<'b>(x: &[Value<'b>]) -> Value<'b> {
    let [y, low, high] = take(x);
    y.zeros() - (high - low + 1.0).ln()
}
