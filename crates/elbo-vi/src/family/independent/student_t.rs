//! Student's t distribution, reparameterised implicitly in its degrees of freedom.

use elbo_dist::Cumulative;
use elbo_math::special::{LN_PI, digamma, ln_beta, ln_gamma, trigamma};

use super::super::implicit;
use super::{Univariate, exponentials_exist};

/// `λ = (m, log s, log ν)`, `x = m + s t` with `t` a standard Student's t with `ν` degrees of freedom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StudentT;

/// `t`, `s` and `ν`.
fn standardise(x: f64, params: &[f64]) -> (f64, f64, f64) {
    let s = params[1].exp();
    ((x - params[0]) / s, s, params[2].exp())
}

impl Univariate for StudentT {
    const NAME: &'static str = "student_t";
    const N_PARAMS: usize = 3;

    fn is_valid(params: &[f64]) -> bool {
        exponentials_exist(&params[1..])
    }

    fn draw(u: f64, params: &[f64]) -> f64 {
        let q = elbo_dist::StudentT::new(params[2].exp(), 0.0, 1.0);
        params[0] + params[1].exp() * q.map_or(f64::NAN, |q| q.quantile(u))
    }

    fn path(x: f64, params: &[f64], out: &mut [f64]) {
        let (t, s, nu) = standardise(x, params);
        let log_density = Self::log_density(x, params) + params[1];
        out[0] = 1.0;
        out[1] = s * t;
        out[2] = s * implicit::student_t(nu, t, log_density);
    }

    fn log_density(x: f64, params: &[f64]) -> f64 {
        let (t, _, nu) = standardise(x, params);
        ln_gamma(0.5 * (nu + 1.0))
            - ln_gamma(0.5 * nu)
            - 0.5 * (nu.ln() + LN_PI)
            - params[1]
            - 0.5 * (nu + 1.0) * (t * (t / nu)).ln_1p()
    }

    fn slope(x: f64, params: &[f64]) -> f64 {
        let (t, s, nu) = standardise(x, params);
        -(nu + 1.0) * t / (nu + t * t) / s
    }

    fn score(x: f64, params: &[f64], out: &mut [f64]) {
        let (t, s, nu) = standardise(x, params);
        let ratio = (nu + 1.0) * t / (nu + t * t);
        out[0] = ratio / s;
        out[1] = ratio * t - 1.0;
        let gammas = digamma(0.5 * (nu + 1.0)) - digamma(0.5 * nu);
        out[2] = 0.5 * (nu * (gammas - (t * (t / nu)).ln_1p()) - 1.0 + ratio * t);
    }

    fn entropy(params: &[f64], gradient: &mut [f64]) -> f64 {
        let nu = params[2].exp();
        let (above, half) = (0.5 * (nu + 1.0), 0.5 * nu);
        gradient[0] = 0.0;
        gradient[1] = 1.0;
        gradient[2] = 0.5 + nu * 0.5 * above * (trigamma(above) - trigamma(half));
        above * (digamma(above) - digamma(half)) + 0.5 * nu.ln() + ln_beta(half, 0.5) + params[1]
    }

    fn moments(params: &[f64]) -> (Option<f64>, Option<f64>) {
        let nu = params[2].exp();
        let sd = || params[1].exp() * (nu / (nu - 2.0)).sqrt();
        ((nu > 1.0).then_some(params[0]), (nu > 2.0).then(sd))
    }
}
