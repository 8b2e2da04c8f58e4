//! The exponential distribution, by the inverse of its distribution function: `x = −log(1 − u)/r`.

use super::{Univariate, exponentials_exist};

/// `λ = log r`, density `r e^{−r x}` on `x > 0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exponential;

impl Univariate for Exponential {
    const NAME: &'static str = "exponential";
    const N_PARAMS: usize = 1;

    fn is_valid(params: &[f64]) -> bool {
        exponentials_exist(params)
    }

    fn draw(u: f64, params: &[f64]) -> f64 {
        -(-u).ln_1p() / params[0].exp()
    }

    fn path(x: f64, _params: &[f64], out: &mut [f64]) {
        out[0] = -x;
    }

    fn log_density(x: f64, params: &[f64]) -> f64 {
        if x < 0.0 {
            return f64::NEG_INFINITY;
        }
        params[0] - params[0].exp() * x
    }

    fn slope(_x: f64, params: &[f64]) -> f64 {
        -params[0].exp()
    }

    fn score(x: f64, params: &[f64], out: &mut [f64]) {
        out[0] = 1.0 - params[0].exp() * x;
    }

    fn entropy(params: &[f64], gradient: &mut [f64]) -> f64 {
        gradient[0] = -1.0;
        1.0 - params[0]
    }

    fn moments(params: &[f64]) -> (Option<f64>, Option<f64>) {
        let mean = (-params[0]).exp();
        (Some(mean), Some(mean))
    }
}
