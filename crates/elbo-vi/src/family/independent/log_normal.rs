//! The log-normal distribution: the exponential of a normal number.

use elbo_math::special::{LN_2PI, normal_quantile};

use super::{Univariate, exponentials_exist};

/// `λ = (m, log s)`, `x = exp(m + s z)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogNormal;

fn standardise(x: f64, params: &[f64]) -> (f64, f64) {
    let s = params[1].exp();
    ((x.ln() - params[0]) / s, s)
}

impl Univariate for LogNormal {
    const NAME: &'static str = "log_normal";
    const N_PARAMS: usize = 2;

    fn is_valid(params: &[f64]) -> bool {
        exponentials_exist(params)
    }

    fn draw(u: f64, params: &[f64]) -> f64 {
        (params[0] + params[1].exp() * normal_quantile(u)).exp()
    }

    fn path(x: f64, params: &[f64], out: &mut [f64]) {
        let (z, s) = standardise(x, params);
        out[0] = x;
        out[1] = x * s * z;
    }

    fn log_density(x: f64, params: &[f64]) -> f64 {
        if x <= 0.0 {
            return f64::NEG_INFINITY;
        }
        let (z, _) = standardise(x, params);
        -x.ln() - params[1] - 0.5 * (LN_2PI + z * z)
    }

    fn slope(x: f64, params: &[f64]) -> f64 {
        let (z, s) = standardise(x, params);
        -(1.0 + z / s) / x
    }

    fn score(x: f64, params: &[f64], out: &mut [f64]) {
        let (z, s) = standardise(x, params);
        out[0] = z / s;
        out[1] = z * z - 1.0;
    }

    fn entropy(params: &[f64], gradient: &mut [f64]) -> f64 {
        gradient.copy_from_slice(&[1.0, 1.0]);
        params[0] + params[1] + 0.5 * (1.0 + LN_2PI)
    }

    fn moments(params: &[f64]) -> (Option<f64>, Option<f64>) {
        let square = (2.0 * params[1]).exp();
        let mean = (params[0] + 0.5 * square).exp();
        (Some(mean), Some(mean * square.exp_m1().sqrt()))
    }
}
