//! Sums and differences of quantities held as logarithms, without overflow or cancellation.

/// `log Σ exp(x_i)`; `-inf` for an empty slice.
pub fn log_sum_exp(x: &[f64]) -> f64 {
    let max = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if !max.is_finite() {
        // All terms are -inf, or one is +inf; a NaN falls through to the sum.
        return if x.iter().any(|v| v.is_nan()) {
            f64::NAN
        } else {
            max
        };
    }
    max + x.iter().map(|v| (v - max).exp()).sum::<f64>().ln()
}

/// `log(exp(a) + exp(b))`.
pub fn log_add_exp(a: f64, b: f64) -> f64 {
    if a == f64::NEG_INFINITY {
        return b;
    }
    if b == f64::NEG_INFINITY {
        return a;
    }
    a.max(b) + (-(a - b).abs()).exp().ln_1p()
}

/// `log(1 + exp(x))`, the softplus.
pub fn log1p_exp(x: f64) -> f64 {
    if x > 0.0 {
        x + (-x).exp().ln_1p()
    } else {
        x.exp().ln_1p()
    }
}

/// `log(1 − exp(x))` for `x ≤ 0`; NaN for `x > 0`.
///
/// # References
/// The switch at `−log 2` is that of `[@maechler2012log1mexp]`.
pub fn log1m_exp(x: f64) -> f64 {
    if x > 0.0 {
        f64::NAN
    } else if x > -std::f64::consts::LN_2 {
        (-x.exp_m1()).ln()
    } else {
        (-x.exp()).ln_1p()
    }
}

/// `1 / (1 + exp(−x))`.
pub fn inv_logit(x: f64) -> f64 {
    if x >= 0.0 {
        1.0 / (1.0 + (-x).exp())
    } else {
        let e = x.exp();
        e / (1.0 + e)
    }
}

/// `log(p / (1 − p))`.
pub fn logit(p: f64) -> f64 {
    p.ln() - (-p).ln_1p()
}

/// Replaces log weights by normalised weights and returns their `log_sum_exp`.
pub fn softmax_in_place(x: &mut [f64]) -> f64 {
    let max = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    for v in x.iter_mut() {
        *v = (*v - max).exp();
    }
    let total: f64 = x.iter().sum();
    for v in x.iter_mut() {
        *v /= total;
    }
    max + total.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_sum_exp_survives_large_arguments() {
        assert!((log_sum_exp(&[1000.0, 1000.0]) - (1000.0 + 2f64.ln())).abs() < 1e-12);
        assert_eq!(log_sum_exp(&[]), f64::NEG_INFINITY);
        assert_eq!(log_sum_exp(&[f64::NEG_INFINITY; 3]), f64::NEG_INFINITY);
        assert_eq!(log_sum_exp(&[0.0, f64::INFINITY]), f64::INFINITY);
        assert!(log_sum_exp(&[0.0, f64::NAN]).is_nan());
    }

    #[test]
    fn log_add_exp_agrees_with_log_sum_exp() {
        for (a, b) in [
            (0.0, 1.0),
            (-700.0, -710.0),
            (f64::NEG_INFINITY, 3.0),
            (5.0, f64::NEG_INFINITY),
        ] {
            assert!((log_add_exp(a, b) - log_sum_exp(&[a, b])).abs() < 1e-13);
        }
    }

    #[test]
    fn log1m_exp_keeps_digits_on_both_sides_of_the_switch() {
        // For tiny |x|, log(1 − exp(x)) = log(−x) + x/2 + O(x²).
        let x = -1e-10_f64;
        assert!((log1m_exp(x) - ((-x).ln() + x / 2.0)).abs() < 1e-12);
        // For large |x|, log(1 − exp(x)) = −exp(x) to leading order.
        assert!((log1m_exp(-40.0) / -(-40f64).exp() - 1.0).abs() < 1e-12);
        assert!(log1m_exp(0.1).is_nan());
    }

    #[test]
    fn logit_inverts_inv_logit() {
        for x in [-30.0, -2.0, 0.0, 1.5, 12.0] {
            assert!(
                (logit(inv_logit(x)) - x).abs() < 1e-9 * (1.0 + x.abs()),
                "{x}"
            );
        }
    }

    #[test]
    fn softmax_rows_sum_to_one() {
        let mut x = [-1000.0, -1001.0, -1002.5];
        softmax_in_place(&mut x);
        assert!((x.iter().sum::<f64>() - 1.0).abs() < 1e-15);
    }
}
