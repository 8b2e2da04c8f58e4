//! The gamma distribution, reparameterised implicitly: `x` keeps its quantile while the shape moves.

use elbo_dist::Cumulative;
use elbo_math::special::{digamma, ln_gamma, trigamma};

use super::super::implicit;
use super::{Univariate, exponentials_exist};

/// `λ = (log a, log b)`, density `∝ x^{a−1} e^{−b x}` on `x > 0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gamma;

impl Univariate for Gamma {
    const NAME: &'static str = "gamma";
    const N_PARAMS: usize = 2;

    fn is_valid(params: &[f64]) -> bool {
        exponentials_exist(params)
    }

    fn draw(u: f64, params: &[f64]) -> f64 {
        let quantile =
            elbo_dist::Gamma::new(params[0].exp(), 1.0).map_or(f64::NAN, |q| q.quantile(u));
        // A tiny shape may underflow; a draw has to lie in the support.
        (quantile / params[1].exp()).max(f64::MIN_POSITIVE)
    }

    fn path(x: f64, params: &[f64], out: &mut [f64]) {
        let (a, b) = (params[0].exp(), params[1].exp());
        // The standard variable is b x, whose density is that of x over b.
        let log_density = Self::log_density(x, params) - params[1];
        out[0] = implicit::gamma(a, b * x, log_density) / b;
        out[1] = -x;
    }

    fn log_density(x: f64, params: &[f64]) -> f64 {
        if x <= 0.0 {
            return f64::NEG_INFINITY;
        }
        let (a, b) = (params[0].exp(), params[1].exp());
        a * params[1] - ln_gamma(a) + (a - 1.0) * x.ln() - b * x
    }

    fn slope(x: f64, params: &[f64]) -> f64 {
        (params[0].exp() - 1.0) / x - params[1].exp()
    }

    fn score(x: f64, params: &[f64], out: &mut [f64]) {
        let (a, b) = (params[0].exp(), params[1].exp());
        out[0] = a * (params[1] + x.ln() - digamma(a));
        out[1] = a - b * x;
    }

    fn entropy(params: &[f64], gradient: &mut [f64]) -> f64 {
        let a = params[0].exp();
        gradient[0] = a * (1.0 + (1.0 - a) * trigamma(a));
        gradient[1] = -1.0;
        a - params[1] + ln_gamma(a) + (1.0 - a) * digamma(a)
    }

    fn moments(params: &[f64]) -> (Option<f64>, Option<f64>) {
        let (a, b) = (params[0].exp(), params[1].exp());
        (Some(a / b), Some(a.sqrt() / b))
    }
}
