//! Increasing functions `f(x) = sinh(e^t (asinh x + e))`, one per coordinate, over lanes of draws.
//!
//! The one idea: `e` leans a normal distribution to one side and `t` makes its tails heavier or lighter,
//! both without a limit, and `e = t = 0` is the identity `[@jones2009sinh, eq. 1]`; everything has a
//! closed form, the inverse too. Deliberately absent: what is normal.

/// What a coordinate's function is at `x`.
pub(crate) struct Bent {
    /// `f(x)`.
    pub(crate) value: f64,
    /// `log f'(x)`.
    pub(crate) log_slope: f64,
    /// `f'(x)`.
    pub(crate) slope: f64,
    /// `d log f'(x) / dx`.
    pub(crate) curvature: f64,
    /// `∂f/∂e` and `∂f/∂t`.
    pub(crate) by_shape: [f64; 2],
    /// `∂ log f'/∂e` and `∂ log f'/∂t`.
    pub(crate) log_by_shape: [f64; 2],
}

/// `f` at `x`, for the shape `(e, t)`.
pub(super) fn bent(x: f64, e: f64, t: f64) -> Bent {
    let k = t.exp();
    let w = k * (x.asinh() + e);
    let (sinh, cosh, tanh) = (w.sinh(), w.cosh(), w.tanh());
    let square = 1.0 + x * x;
    // log cosh w without overflow.
    let log_cosh = w.abs() + (-2.0 * w.abs()).exp().ln_1p() - std::f64::consts::LN_2;
    Bent {
        value: sinh,
        log_slope: t + log_cosh - 0.5 * square.ln(),
        slope: k * cosh / square.sqrt(),
        curvature: k * tanh / square.sqrt() - x / square,
        by_shape: [k * cosh, w * cosh],
        log_by_shape: [k * tanh, 1.0 + w * tanh],
    }
}

/// `x` with `f(x) = value`.
pub(super) fn straightened(value: f64, e: f64, t: f64) -> f64 {
    (value.asinh() * (-t).exp() - e).sinh()
}

#[cfg(test)]
mod tests {
    use super::*;
    use elbo_testkit::{assert_all_close, assert_close, gradient};

    #[test]
    fn derivatives_agree_with_finite_differences_and_the_inverse_undoes() {
        for at in [[0.3, 0.4, -0.2], [-2.5, -0.7, 0.3], [4.0, 0.0, 0.0]] {
            let found = bent(at[0], at[1], at[2]);
            let value = gradient(|p| bent(p[0], p[1], p[2]).value, &at);
            let expected = [found.slope, found.by_shape[0], found.by_shape[1]];
            assert_all_close("f", &expected, &value, 1e-8);
            let log = gradient(|p| bent(p[0], p[1], p[2]).log_slope, &at);
            let expected = [
                found.curvature,
                found.log_by_shape[0],
                found.log_by_shape[1],
            ];
            assert_all_close("log f'", &expected, &log, 1e-8);
            assert_close("log", found.log_slope, found.slope.ln(), 1e-13);
            let back = straightened(found.value, at[1], at[2]);
            assert_close("inverse", back, at[0], 1e-12);
        }
        assert_close("identity", bent(-3.0, 0.0, 0.0).value, -3.0, 1e-14);
    }
}
