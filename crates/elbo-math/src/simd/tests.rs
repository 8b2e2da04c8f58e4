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

fn assert_kernel(kernel: impl Fn(&mut [f64]), twin: fn(f64) -> f64, x: &[f64], most: u64) {
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
fn powers_agree_with_std() {
    let bases = [
        grid(1e-3, 3.0, 401),
        grid(1.0, 1e20, 101),
        grid(0.999, 1.001, 101),
    ]
    .concat();
    for x in bases {
        for y in grid(-90.0, 90.0, 361) {
            let expected = x.powf(y);
            let found = pow_by::<Fused>(x, y);
            // Subnormal results are rounded once more.
            let most = if expected < f64::MIN_POSITIVE { 6 } else { 4 };
            assert!(
                ulps(found, expected) <= most,
                "{x:e}^{y:e}: {found:e} != {expected:e}"
            );
            if expected.is_normal() {
                let error = (pow_by::<Separate>(x, y) / expected - 1.0).abs();
                assert!(
                    error <= 4e-16 * (1.0 + expected.ln().abs()),
                    "{x:e}^{y:e}: {error:e}"
                );
            }
        }
    }
    let special = SPECIAL
        .into_iter()
        .chain([-2.0, -0.5, 0.5, 2.0, 3.0, -3.0, 1e-310]);
    for x in special.clone() {
        for y in special.clone() {
            let expected = x.powf(y);
            let found = pow_by::<Fused>(x, y);
            // A zero has no sign here.
            let expected = if x == 0.0 { expected.abs() } else { expected };
            assert!(
                ulps(found, expected) <= 4,
                "{x:e}^{y:e}: {found:e} != {expected:e}"
            );
        }
    }
}

/// What processors without fused multiply-adds compute, whatever processor the tests run on.
#[test]
fn separate_products_agree_with_std() {
    let separate =
        |core: fn(f64) -> f64| move |x: &mut [f64]| x.iter_mut().for_each(|v| *v = core(*v));
    let (exp, ln) = (separate(exp_by::<Separate>), separate(ln_by::<Separate>));
    assert_kernel(exp, f64::exp, &grid(-760.0, 709.7, 40_001), 2);
    assert_kernel(exp, f64::exp, &grid(-1.0, 1.0, 20_001), 2);
    assert_kernel(exp, f64::exp, &SPECIAL, 2);
    assert_kernel(ln, f64::ln, &grid(1e-3, 3.0, 20_001), 2);
    assert_kernel(ln, f64::ln, &SPECIAL, 2);
}

#[test]
fn logistic_pair_agrees_with_std() {
    fn check<P: Products>(x: f64) {
        let (log, slope) = log_logistic_core::<P>(x);
        let e = (-x.abs()).exp();
        let expected = x.min(0.0) - e.ln_1p();
        assert!(
            ulps(log, expected) <= 4,
            "log at {x:e}: {log:e} != {expected:e}"
        );
        let expected = if x > 0.0 {
            e / (1.0 + e)
        } else {
            1.0 / (1.0 + e)
        };
        assert!(
            ulps(slope, expected) <= 4,
            "slope at {x:e}: {slope:e} != {expected:e}"
        );
        let (tail, above) = logistic_core::<P>(x);
        assert!(ulps(tail, e) <= 2, "exp at {x:e}: {tail:e} != {e:e}");
        let expected = 1.0 / (1.0 + e);
        assert!(ulps(above, expected) <= 4, "{above:e} != {expected:e}");
    }
    let near_the_switch = grid(-0.8814, -0.8813, 2001); // log(√2 − 1)
    let small = [0.0, -0.0, 1e-300, -1e-300, 1e-9, -1e-9];
    for x in [
        grid(-707.0, 707.0, 20_001),
        grid(-3.0, 3.0, 20_001),
        near_the_switch,
        small.to_vec(),
    ] {
        for x in x {
            check::<Separate>(x);
            check::<Fused>(x);
        }
    }
    for (x, log, slope) in [
        (f64::INFINITY, 0.0, 0.0),
        (f64::NEG_INFINITY, f64::NEG_INFINITY, 1.0),
        (800.0, 0.0, 0.0),
        (-800.0, -800.0, 1.0),
        (f64::MAX, 0.0, 0.0),
        (-f64::MAX, -f64::MAX, 1.0),
    ] {
        assert_eq!(log_logistic_core::<Fused>(x), (log, slope), "at {x}");
    }
    assert!(log_logistic_core::<Fused>(f64::NAN).0.is_nan());
    assert!(log_logistic_core::<Fused>(f64::NAN).1.is_nan());
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
