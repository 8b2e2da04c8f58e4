//! Bessel functions of real arguments.
//!
//! The one idea: ordinary ones of integer order come from `libm`; modified ones from sums of
//! positive terms only, so that nothing cancels: the power series around its largest term for `I`,
//! the trapezoidal rule, which converges geometrically, for `K`. Deliberately absent: complex
//! arguments.

use crate::number::Number;

/// An order as `libm` takes it; none that an `i32` cannot hold is used in earnest.
#[expect(
    clippy::cast_possible_truncation,
    reason = "orders beyond i32 saturate"
)]
fn order(v: f64) -> i32 {
    v as i32
}

/// `J_v(x)` for an integer `v`.
pub(super) fn j(v: f64, x: f64) -> f64 {
    elbo_math::special::bessel_j(order(v), x)
}

/// `Y_v(x)` for an integer `v` and `x > 0`.
pub(super) fn y(v: f64, x: f64) -> f64 {
    elbo_math::special::bessel_y(order(v), x)
}

/// `I_v(x)` for an integer `v`.
pub(super) fn i(v: f64, x: f64) -> f64 {
    let size = v.abs();
    if x == 0.0 {
        return if v == 0.0 { 1.0 } else { 0.0 };
    }
    let value = log_i(size, x.abs()).exp();
    if x < 0.0 && size % 2.0 != 0.0 {
        -value
    } else {
        value
    }
}

/// `K_v(x)` for `x > 0`: `∫_0^∞ exp(−x cosh t) cosh(vt) dt` by the trapezoidal rule.
///
/// # References
/// `[@dlmf, eq. 10.32.9]`; the rate is that of `[@trefethen2014trapezoidal]`.
pub(super) fn k(v: f64, x: f64) -> f64 {
    if !(x > 0.0) {
        return if x == 0.0 { f64::INFINITY } else { f64::NAN };
    }
    let v = v.abs();
    // The integrand has its peak near asinh(v/x) and falls on both sides like a Gaussian whose
    // width is at least (x² + v²)^(−¼).
    let peak = (v / x).asinh();
    let width = (x * x + v * v).powf(-0.25).min(1.0);
    let step = 0.1 * width;
    let exponent = |t: f64| v * t - x * t.cosh();
    let most = exponent(peak);
    let mut sum = 0.0;
    let mut n = 0.0;
    loop {
        let t = n * step;
        // cosh(vt) as half of e^{vt}(1 + e^{−2vt}).
        let term = (exponent(t) - most).exp() * 0.5 * (1.0 + (-2.0 * v * t).exp());
        sum += if n == 0.0 { 0.5 * term } else { term };
        if (t > peak && term < 1e-18 * sum) || n > 1e6 {
            break;
        }
        n += 1.0;
    }
    sum * step * most.exp()
}

/// `log I_v(x)` for `v ≥ 0` and `x > 0`, with derivatives in both.
///
/// # References
/// `[@dlmf, eqs. 10.25.2, 10.40.1]`.
pub(super) fn log_i<T: Number>(v: T, x: T) -> T {
    let (order, at) = (v.value(), x.value());
    if !(at > 0.0) || !(order >= 0.0) {
        let edge = if order == 0.0 { 0.0 } else { f64::NEG_INFINITY };
        return T::constant(if at == 0.0 && order >= 0.0 {
            edge
        } else {
            f64::NAN
        });
    }
    if at > 30.0 && at > order * order {
        return hankel(v, x);
    }
    // Terms (x/2)^(2k+v) / (k! Γ(k+v+1)), from the largest on in both directions.
    let quarter = (x * x).times(0.25);
    let peak = (0.5 * (order.hypot(at) - order)).floor();
    let log_term = x.times(0.5).ln() * v.plus(2.0 * peak)
        - T::constant(peak + 1.0).ln_gamma_positive()
        - v.plus(peak + 1.0).ln_gamma_positive();
    let mut sum = T::constant(1.0);
    let (mut term, mut k) = (T::constant(1.0), peak);
    while term.value() > 1e-18 * sum.value() {
        k += 1.0;
        term = term * quarter / v.plus(k).times(k);
        sum += term;
    }
    (term, k) = (T::constant(1.0), peak);
    while k > 0.0 && term.value() > 1e-18 * sum.value() {
        term = term * v.plus(k).times(k) / quarter;
        sum += term;
        k -= 1.0;
    }
    log_term + sum.ln()
}

/// The expansion for large `x`, whose terms fall until `k ≈ 2x`.
fn hankel<T: Number>(v: T, x: T) -> T {
    let square = (v * v).times(4.0);
    let (mut term, mut sum) = (T::constant(1.0), T::constant(1.0));
    for k in 1..200 {
        let odd = f64::from(2 * k - 1);
        term = term * (T::constant(odd * odd) - square) / x.times(8.0 * f64::from(k));
        sum += term;
        if term.value().abs() < 1e-18 {
            break;
        }
    }
    x - x.times(2.0 * std::f64::consts::PI).ln().times(0.5) + sum.ln()
}
