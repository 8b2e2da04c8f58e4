//! Cores against `std`, tangents against differences.

use elbo_testkit::assert_close;

use super::*;

#[test]
fn elementary_cores_agree_with_std() {
    for i in 0..4001 {
        let x = -20.0 + 0.01 * f64::from(i);
        assert_close(
            "ln_1p",
            ln_1p::<Separate>(x.abs()),
            f64::ln_1p(x.abs()),
            1e-15,
        );
        assert_close("exp_m1", exp_m1::<Separate>(x), f64::exp_m1(x), 2e-15);
        assert_close(
            "inv_logit",
            x.inv_logit(),
            1.0 / (1.0 + f64::exp(-x)),
            1e-15,
        );
    }
    for x in [1e-300, 1e-20, 1e-9, -1e-9, -0.999_999, 1e300] {
        assert_close("ln_1p", ln_1p::<Separate>(x) / f64::ln_1p(x), 1.0, 5e-16);
    }
    assert_eq!(ln_1p::<Separate>(-1.0), f64::NEG_INFINITY);
    assert_eq!(ln_1p::<Separate>(f64::INFINITY), f64::INFINITY);
    assert!(ln_1p::<Separate>(-1.5).is_nan());
    assert_eq!(Number::ln_1p_exp(800.0), 800.0);
    assert_eq!(Number::ln_1p_exp(-800.0), 0.0);
}

#[test]
fn gamma_cores_hold_for_any_positive_number() {
    for x in [1e-300, 1e-8, 0.3, 2.5, 123.0, 1e9, 1e16, 1e18, 1e200] {
        assert_close(
            "ln_gamma",
            ln_gamma_positive::<Separate>(x),
            special::ln_gamma(x),
            1e-14,
        );
        assert_close(
            "digamma",
            digamma_positive::<Separate>(x),
            special::digamma(x),
            1e-14,
        );
        if x > 1e-100 {
            assert_close(
                "trigamma",
                trigamma_positive(x) / special::trigamma(x),
                1.0,
                1e-12,
            );
        }
    }
    assert!(ln_gamma_positive::<Separate>(-0.5).is_nan());
}

/// A function's name, on duals and on reals.
type Case = (&'static str, fn(Dual) -> Dual, fn(f64) -> f64);

/// Every function of one number: the tangent of a dual is the derivative by differences.
#[test]
fn tangents_are_derivatives() {
    let functions: [Case; 18] = [
        ("exp", Number::exp, Number::exp),
        ("ln", Number::ln, Number::ln),
        ("ln_1p", Number::ln_1p, Number::ln_1p),
        ("exp_m1", Number::exp_m1, Number::exp_m1),
        ("sqrt", Number::sqrt, Number::sqrt),
        (
            "ln_gamma",
            Number::ln_gamma_positive,
            Number::ln_gamma_positive,
        ),
        (
            "digamma",
            Number::digamma_positive,
            Number::digamma_positive,
        ),
        (
            "trigamma",
            Number::trigamma_positive,
            Number::trigamma_positive,
        ),
        ("any ln_gamma", Number::ln_gamma, Number::ln_gamma),
        ("any digamma", Number::digamma, Number::digamma),
        ("any trigamma", Number::trigamma, Number::trigamma),
        ("tetragamma", Number::tetragamma, Number::tetragamma),
        ("erf", Number::erf, Number::erf),
        ("erfc", Number::erfc, Number::erfc),
        ("sin", Number::sin, Number::sin),
        ("atan", Number::atan, Number::atan),
        ("inv_logit", Number::inv_logit, Number::inv_logit),
        ("ln_1p_exp", Number::ln_1p_exp, Number::ln_1p_exp),
    ];
    for (name, dual, real) in functions {
        for x in [0.2, 0.9, 3.7] {
            let tangent = dual(Dual {
                value: x,
                tangent: 2.0,
            })
            .tangent;
            // Central differences with this step err by about 1e-10 relative.
            let h = 1e-5;
            let numeric = (real(x + h) - real(x - h)) / h;
            assert_close(name, tangent, numeric, 1e-8);
        }
    }
}

#[test]
fn smooth_functions_have_their_derivatives_at_zero() {
    let zero = Dual {
        value: 0.0,
        tangent: 1.0,
    };
    assert_eq!(zero.inv_logit().tangent, 0.25);
    assert_eq!(zero.ln_1p_exp().tangent, 0.5);
    let (tanh, sech) = zero.tanh_and_sech();
    assert_eq!((tanh.tangent, sech.tangent), (1.0, 0.0));
}

#[test]
fn tanh_and_sech_agree_with_std() {
    for x in [-800.0, -3.0, -1e-9, 0.0, 1e-300, 0.4, 20.0, 800.0] {
        let (tanh, sech) = Number::tanh_and_sech(x);
        assert_close("tanh", tanh, f64::tanh(x), 1e-15 * x.abs().min(1.0));
        assert_close("sech", sech, 1.0 / f64::cosh(x), 1e-15);
    }
}

/// `special.loggamma`, `digamma`, `polygamma` of mpmath 1.4.1: arguments below 0, where `special`
/// and `libm` serve as a second opinion on the positive side only.
#[test]
fn the_gamma_family_is_reflected_below_zero() {
    // x, loggamma(x).real, psi(0, x), psi(1, x), psi(2, x)
    let values: [(f64, [f64; 4]); 4] = [
        (
            -0.3,
            [
                1.4648400508576025,
                2.113309779635399,
                13.945160267805722,
                67.63908119988317,
            ],
        ),
        (
            -1e-08,
            [
                18.42068074972452,
                99999999.42278431,
                1.0000000000000002e+16,
                2e+24,
            ],
        ),
        (
            -2.7,
            [
                -0.07140708531564569,
                -1.1153471291406896,
                14.769375845132314,
                -68.9329390232638,
            ],
        ),
        (
            -19.25,
            [
                -38.59280712178798,
                6.124852917565101,
                19.688586698364297,
                124.02254467016168,
            ],
        ),
    ];
    for (x, expected) in values {
        let found = [
            Number::ln_gamma(x),
            x.digamma(),
            x.trigamma(),
            x.tetragamma(),
        ];
        for (found, expected) in found.iter().zip(expected) {
            assert_close("reflected", *found, expected, 1e-13);
        }
    }
    for x in [0.0, -1.0, -7.0, f64::NEG_INFINITY] {
        assert_eq!(Number::ln_gamma(x), f64::INFINITY);
    }
}

#[test]
fn rising_factorials_keep_their_digits_for_any_size() {
    // mpmath 1.4.1: loggamma(x + n) - loggamma(x).
    for (x, n, expected) in [
        (0.3, 4.0, 1.0852230515490935),
        (9.5, 1.0, 2.2512917986064953),
        (12.0, 0.5, 1.2320396660625599),
        (40.0, 3000.0, 21229.900294264455),
        (10000000000.0, 5.0, 115.12925465070228),
        (1000000000000000.0, 0.5, 17.269388197455342),
        (30.0, -25.5, -68.80330239632556),
    ] {
        assert_close("ln_rising", f64::ln_rising(x, n) / expected, 1.0, 1e-13);
    }
    assert_eq!(f64::ln_rising(1e9, 0.0), 0.0);
    assert_eq!(f64::ln_rising(0.3, 0.0), 0.0);
}
