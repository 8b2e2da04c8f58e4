//! The beta distribution, reparameterised implicitly in both parameters.

use elbo_dist::Cumulative;
use elbo_math::special::{digamma, ln_beta, trigamma};

use super::super::implicit;
use super::{Univariate, exponentials_exist};

/// `λ = (log a, log b)`, density `∝ x^{a−1} (1 − x)^{b−1}` on `0 < x < 1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beta;

impl Univariate for Beta {
    const NAME: &'static str = "beta";
    const N_PARAMS: usize = 2;

    fn is_valid(params: &[f64]) -> bool {
        exponentials_exist(params)
    }

    fn draw(u: f64, params: &[f64]) -> f64 {
        let q = elbo_dist::Beta::new(params[0].exp(), params[1].exp());
        // A tiny parameter may round to an end; a draw has to lie inside.
        q.map_or(f64::NAN, |q| q.quantile(u))
            .clamp(f64::MIN_POSITIVE, 1.0 - f64::EPSILON / 2.0)
    }

    fn path(x: f64, params: &[f64], out: &mut [f64]) {
        let log_density = Self::log_density(x, params);
        (out[0], out[1]) = implicit::beta(params[0].exp(), params[1].exp(), x, log_density);
    }

    fn log_density(x: f64, params: &[f64]) -> f64 {
        if !(x > 0.0 && x < 1.0) {
            return f64::NEG_INFINITY;
        }
        let (a, b) = (params[0].exp(), params[1].exp());
        (a - 1.0) * x.ln() + (b - 1.0) * (-x).ln_1p() - ln_beta(a, b)
    }

    fn slope(x: f64, params: &[f64]) -> f64 {
        (params[0].exp() - 1.0) / x - (params[1].exp() - 1.0) / (1.0 - x)
    }

    fn score(x: f64, params: &[f64], out: &mut [f64]) {
        let (a, b) = (params[0].exp(), params[1].exp());
        let total = digamma(a + b);
        out[0] = a * (x.ln() - digamma(a) + total);
        out[1] = b * ((-x).ln_1p() - digamma(b) + total);
    }

    fn entropy(params: &[f64], gradient: &mut [f64]) -> f64 {
        let (a, b) = (params[0].exp(), params[1].exp());
        let total = (a + b - 2.0) * trigamma(a + b);
        gradient[0] = a * (total - (a - 1.0) * trigamma(a));
        gradient[1] = b * (total - (b - 1.0) * trigamma(b));
        ln_beta(a, b) - (a - 1.0) * digamma(a) - (b - 1.0) * digamma(b)
            + (a + b - 2.0) * digamma(a + b)
    }

    fn moments(params: &[f64]) -> (Option<f64>, Option<f64>) {
        let (a, b) = (params[0].exp(), params[1].exp());
        let total = a + b;
        let mean = a / total;
        (
            Some(mean),
            Some((mean * (b / total) / (total + 1.0)).sqrt()),
        )
    }
}
