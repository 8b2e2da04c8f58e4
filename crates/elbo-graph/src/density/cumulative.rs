//! Logarithms of distribution functions (`_lcdf`) and of their complements (`_lccdf`), for
//! truncation and censoring.
//!
//! The one idea: whichever tail is small is computed as a logarithm, the other one as its
//! complement; those of the skew normal and von Mises distributions are differences, which have no more
//! digits than probabilities have. Deliberately absent: the beta negative binomial, whose heavy tail is
//! a sum that does not end.

use std::f64::consts::PI;

use super::location_scale::log_exponential_part;
use super::value::{Value, take};
use crate::pointwise::Function;

/// A pair of functions from what they share: the lower and the upper tail.
macro_rules! tails {
    ($($lower:ident $upper:ident = |[$($x:ident),+]| ($below:expr, $above:expr) $(where { $($local:ident = $shared:expr;)+ })?;)+) => {
        $(
            pub(super) fn $lower<'b>(args: &[Value<'b>]) -> Value<'b> {
                let [$($x),+] = take(args);
                $($(let $local = $shared;)+)?
                $below
            }

            pub(super) fn $upper<'b>(args: &[Value<'b>]) -> Value<'b> {
                let [$($x),+] = take(args);
                $($(let $local = $shared;)+)?
                $above
            }
        )+
    };
}

tails! {
    normal_lcdf normal_lccdf = |[y, m, s]| (z.ln_phi(), (-z).ln_phi())
        where { z = y.standardise(m, s); };
    std_normal_lcdf std_normal_lccdf = |[y]| (y.ln_phi(), (-y).ln_phi());
    lognormal_lcdf lognormal_lccdf = |[y, m, s]| (z.ln_phi(), (-z).ln_phi())
        where { z = y.ln().standardise(m, s); };
    logistic_lcdf logistic_lccdf = |[y, m, s]| (ln_inv_logit(z), ln_inv_logit(-z))
        where { z = y.standardise(m, s); };
    loglogistic_lcdf loglogistic_lccdf = |[y, scale, shape]| (ln_inv_logit(l), ln_inv_logit(-l))
        where { l = shape * (y.ln() - scale.ln()); };
    gumbel_lcdf gumbel_lccdf = |[y, m, s]| (below, below.ln_1m_exp())
        where { below = -(-y.standardise(m, s)).exp(); };
    cauchy_lcdf cauchy_lccdf = |[y, m, s]| (cauchy_tail(z), cauchy_tail(-z))
        where { z = y.standardise(m, s); };
    double_exponential_lcdf double_exponential_lccdf = |[y, m, s]| (laplace_tail(z), laplace_tail(-z))
        where { z = y.standardise(m, s); };
    skew_double_exponential_lcdf skew_double_exponential_lccdf = |[y, m, s, skew]| (
        above.apply(Function::Select, [right.ln_1m_exp(), left]),
        above.apply(Function::Select, [right, left.ln_1m_exp()])
    ) where {
        z = y.standardise(m, s);
        above = z.map(Function::Step);
        // Each side's own tail, not beyond the location.
        left = skew.ln() + (1.0 - skew) * at_most_zero(z) * 2.0;
        right = skew.ln_1m() + skew * at_most_zero(-z) * 2.0;
    };
    exp_mod_normal_lcdf exp_mod_normal_lccdf = |[y, m, s, rate]| (
        z.ln_phi().apply(Function::LogDiffExp, [part]),
        (-z).ln_phi().apply(Function::LogSumExp, [part])
    ) where {
        z = y.standardise(m, s);
        part = log_exponential_part(z, rate * s);
    };
    skew_normal_lcdf skew_normal_lccdf = |[y, m, s, skew]| (
        clamp(z.map(Function::Phi) - wedge).ln(),
        clamp((-z).map(Function::Phi) + wedge).ln()
    ) where {
        z = y.standardise(m, s);
        wedge = z.apply(Function::OwensT, [skew]) * 2.0;
    };
    von_mises_lcdf von_mises_lccdf = |[y, m, concentration]| (
        clamp(up_to(y) - up_to(y.number(-PI))).ln(),
        clamp(up_to(y.number(PI)) - up_to(y)).ln()
    ) where { up_to = |angle: Value<'b>| (angle - m).apply(Function::VonMisesIntegral, [concentration]); };
    beta_binomial_lcdf beta_binomial_lccdf = |[y, n, a, b]| (
        y.apply(Function::BetaBinomialLcdf, [n, a, b]),
        (n - y - 1.0).apply(Function::BetaBinomialLcdf, [n, b, a])
    );
    student_t_lcdf student_t_lccdf = |[y, nu, m, s]| (
        z.apply(Function::StudentTLcdf, [nu]),
        (-z).apply(Function::StudentTLcdf, [nu])
    ) where { z = y.standardise(m, s); };
    exponential_lcdf exponential_lccdf = |[y, rate]| (above.ln_1m_exp(), above)
        where { above = -(rate * y); };
    gamma_lcdf gamma_lccdf = |[y, shape, rate]| (ln_gamma_p(a, x), ln_gamma_q(a, x))
        where { a = shape; x = rate * y; };
    chi_square_lcdf chi_square_lccdf = |[y, nu]| (ln_gamma_p(a, x), ln_gamma_q(a, x))
        where { a = nu * 0.5; x = y * 0.5; };
    inv_gamma_lcdf inv_gamma_lccdf = |[y, shape, scale]| (ln_gamma_q(a, x), ln_gamma_p(a, x))
        where { a = shape; x = scale / y; };
    inv_chi_square_lcdf inv_chi_square_lccdf = |[y, nu]| (ln_gamma_q(a, x), ln_gamma_p(a, x))
        where { a = nu * 0.5; x = 0.5 / y; };
    scaled_inv_chi_square_lcdf scaled_inv_chi_square_lccdf = |[y, nu, scale]| (ln_gamma_q(a, x), ln_gamma_p(a, x))
        where { a = nu * 0.5; x = nu * 0.5 * scale.square() / y; };
    weibull_lcdf weibull_lccdf = |[y, shape, scale]| (above.ln_1m_exp(), above)
        where { above = -(shape * (y.ln() - scale.ln())).exp(); };
    frechet_lcdf frechet_lccdf = |[y, shape, scale]| (below, below.ln_1m_exp())
        where { below = -(shape * (scale.ln() - y.ln())).exp(); };
    rayleigh_lcdf rayleigh_lccdf = |[y, scale]| (above.ln_1m_exp(), above)
        where { above = (y / scale).square() * -0.5; };
    pareto_lcdf pareto_lccdf = |[y, least, shape]| (above.ln_1m_exp(), above)
        where { above = shape * at_most_zero(least.ln() - y.ln()); };
    pareto_type_2_lcdf pareto_type_2_lccdf = |[y, m, s, shape]| (above.ln_1m_exp(), above)
        where { above = -(shape * y.standardise(m, s).ln_1p()); };
    uniform_lcdf uniform_lccdf = |[y, low, high]| (
        clamp((y - low) / (high - low)).ln(),
        clamp((high - y) / (high - low)).ln()
    );
    beta_lcdf beta_lccdf = |[y, a, b]| (ln_inc_beta(p, q, x), ln_inc_beta(q, p, 1.0 - x))
        where { p = a; q = b; x = y; };
    beta_proportion_lcdf beta_proportion_lccdf = |[y, mean, precision]| (ln_inc_beta(p, q, x), ln_inc_beta(q, p, 1.0 - x))
        where { p = mean * precision; q = (1.0 - mean) * precision; x = y; };
    bernoulli_lcdf bernoulli_lccdf = |[y, chance]| (
        (1.0 - y).times_ln_1m(chance),
        at_most(y, 0.0, chance.ln())
    );
    binomial_lcdf binomial_lccdf = |[y, n, chance]| (
        below_end(y, n, 0.0, ln_inc_beta(rest, y + 1.0, 1.0 - chance)),
        below_end(y, n, f64::NEG_INFINITY, ln_inc_beta(y + 1.0, rest, chance))
    ) where { rest = (n - y).apply(Function::Maximum, [y.number(1.0)]); };
    poisson_lcdf poisson_lccdf = |[y, mean]| (ln_gamma_q(a, x), ln_gamma_p(a, x))
        where { a = y + 1.0; x = mean; };
    neg_binomial_lcdf neg_binomial_lccdf = |[y, shape, rate]| (ln_inc_beta(p, q, x), ln_inc_beta(q, p, 1.0 - x))
        where { p = shape; q = y + 1.0; x = rate / (rate + 1.0); };
    neg_binomial_2_lcdf neg_binomial_2_lccdf = |[y, mean, phi]| (ln_inc_beta(p, q, x), ln_inc_beta(q, p, 1.0 - x))
        where { p = phi; q = y + 1.0; x = phi / (phi + mean); };
    neg_binomial_2_log_lcdf neg_binomial_2_log_lccdf = |[y, log_mean, phi]| (ln_inc_beta(p, q, x), ln_inc_beta(q, p, 1.0 - x))
        where { p = phi; q = y + 1.0; x = (phi.ln() - log_mean).map(Function::InvLogit); };
    yule_simon_lcdf yule_simon_lccdf = |[y, alpha]| (above.ln_1m_exp(), above)
        where { above = y.ln() + y.apply(Function::LogBeta, [alpha + 1.0]); };
    discrete_range_lcdf discrete_range_lccdf = |[y, low, high]| (
        ((y - low + 1.0) / (high - low + 1.0)).ln(),
        ((high - y) / (high - low + 1.0)).ln()
    );
}

fn ln_inv_logit(x: Value<'_>) -> Value<'_> {
    x.map(Function::LogInvLogit)
}

/// `log(½ + arctan(z)/π)`, as an angle that is small in the lower tail.
fn cauchy_tail(z: Value<'_>) -> Value<'_> {
    (z.number(1.0).apply(Function::Atan2, [-z]) * std::f64::consts::FRAC_1_PI).ln()
}

fn laplace_tail(z: Value<'_>) -> Value<'_> {
    let half = -z.map(Function::Abs) - std::f64::consts::LN_2;
    let above = z.map(Function::Step);
    above.apply(Function::Select, [half.ln_1m_exp(), half])
}

fn ln_gamma_p<'b>(a: Value<'b>, x: Value<'b>) -> Value<'b> {
    a.apply(Function::LogGammaP, [x])
}

fn ln_gamma_q<'b>(a: Value<'b>, x: Value<'b>) -> Value<'b> {
    a.apply(Function::LogGammaQ, [x])
}

fn ln_inc_beta<'b>(a: Value<'b>, b: Value<'b>, x: Value<'b>) -> Value<'b> {
    a.apply(Function::LogIncBeta, [b, x])
}

fn at_most_zero(x: Value<'_>) -> Value<'_> {
    x.apply(Function::Minimum, [x.number(0.0)])
}

/// `value` where a count is at most `most`, and −∞ beyond.
fn at_most<'b>(y: Value<'b>, most: f64, value: Value<'b>) -> Value<'b> {
    value.apply(Function::WhereNonNegative, [most - y])
}

/// `value` where a count is below its end, and `end` at it.
fn below_end<'b>(y: Value<'b>, n: Value<'b>, end: f64, value: Value<'b>) -> Value<'b> {
    let below = y.apply(Function::Less, [n]);
    below.apply(Function::Select, [value, y.number(end)])
}

/// A number moved into `[0, 1]`.
fn clamp(x: Value<'_>) -> Value<'_> {
    let positive = x.apply(Function::Maximum, [x.number(0.0)]);
    positive.apply(Function::Minimum, [x.number(1.0)])
}
