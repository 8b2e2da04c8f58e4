//! Each kernel against its scalar twin, on grids and on arbitrary floats.

use proptest::prelude::*;

use super::*;
use crate::special;

/// Distance in units in the last place; 0 for equal values, NaN pairs included.
fn ulps(a: f64, b: f64) -> u64 {
    if a == b || (a.is_nan() && b.is_nan()) {
        return 0;
    }
    if a.is_nan() || b.is_nan() || a.signum() != b.signum() {
        return u64::MAX;
    }
    a.to_bits().abs_diff(b.to_bits())
}

fn assert_kernel(kernel: fn(&mut [f64]), twin: fn(f64) -> f64, x: &[f64], most: u64) {
    let mut y = x.to_vec();
    kernel(&mut y);
    for (x, y) in x.iter().zip(&y) {
        assert!(
            ulps(*y, twin(*x)) <= most,
            "at {x:e}: {y:e} != {:e}",
            twin(*x)
        );
    }
}

/// Within `1e-14`, relative to the larger of 1 and the twin's value.
fn assert_near(kernel: fn(&mut [f64]), twin: fn(f64) -> f64, x: &[f64]) {
    let mut y = x.to_vec();
    kernel(&mut y);
    for (x, y) in x.iter().zip(&y) {
        let expected = twin(*x);
        let error = (y - expected).abs() / expected.abs().max(1.0);
        assert!(
            error < 1e-14 || ulps(*y, expected) == 0,
            "at {x:e}: {y:e} != {expected:e}"
        );
    }
}

fn grid(from: f64, to: f64, n: usize) -> Vec<f64> {
    (0..n)
        .map(|i| from + (to - from) * i as f64 / (n - 1) as f64)
        .collect()
}

const SPECIAL: [f64; 10] = [
    0.0,
    -0.0,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
    f64::MIN_POSITIVE,
    5e-324,
    f64::MAX,
    -1.0,
    1.0,
];

#[test]
fn exp_agrees_with_std() {
    assert_kernel(exp, f64::exp, &grid(-708.0, 709.7, 20_001), 2);
    assert_kernel(exp, f64::exp, &grid(-1.0, 1.0, 20_001), 2);
    assert_kernel(exp, f64::exp, &SPECIAL, 2);
    // Subnormal results are rounded once more.
    assert_kernel(exp, f64::exp, &grid(-760.0, -708.0, 1001), 2);
}

#[test]
fn ln_agrees_with_std() {
    assert_kernel(ln, f64::ln, &grid(1e-3, 3.0, 20_001), 2);
    assert_kernel(ln, f64::ln, &grid(1.0, 1e300, 20_001), 2);
    assert_kernel(ln, f64::ln, &SPECIAL, 2);
}

#[test]
fn gamma_functions_agree_with_their_scalar_twins() {
    for x in [
        grid(1e-6, 1.0, 4001),
        grid(0.5, 30.0, 4001),
        grid(30.0, 1e7, 4001),
    ] {
        assert_near(digamma, special::digamma, &x);
        assert_near(ln_gamma, special::ln_gamma, &x);
    }
    // Arguments outside the kernel's range go through the scalar function.
    assert_near(ln_gamma, special::ln_gamma, &[1e30, -0.5, 0.25]);
    assert_near(digamma, special::digamma, &[1e30, -0.5, 0.25]);
}

proptest! {
    #[test]
    fn elementary_functions_agree_on_any_float(x in prop::collection::vec(prop::num::f64::ANY, 0..40)) {
        assert_kernel(exp, f64::exp, &x, 2);
        assert_kernel(ln, f64::ln, &x, 2);
    }
}
