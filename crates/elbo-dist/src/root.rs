//! The inverse of an increasing function, for quantiles that have no closed form.

/// `quantile(p)` for `0 < p < 1`, the ends of the support at 0 and 1, NaN elsewhere.
pub(crate) fn quantile_at(p: f64, support: (f64, f64), quantile: impl Fn(f64) -> f64) -> f64 {
    if p == 0.0 {
        support.0
    } else if p == 1.0 {
        support.1
    } else if p > 0.0 && p < 1.0 {
        quantile(p)
    } else {
        f64::NAN
    }
}

/// How many evaluations at most; bisection alone needs about sixty.
const MAX_EVALUATIONS: usize = 200;

/// The root in `[lo, hi]` of an increasing function, given with its slope.
///
/// Newton's method; a step that leaves the bracket is replaced by a bisection, so that the root is
/// found whatever the start.
pub(crate) fn solve_increasing(
    mut lo: f64,
    mut hi: f64,
    start: f64,
    value_and_slope: impl Fn(f64) -> (f64, f64),
) -> f64 {
    let mut x = start.clamp(lo, hi);
    for _ in 0..MAX_EVALUATIONS {
        let (value, slope) = value_and_slope(x);
        if value < 0.0 {
            lo = x;
        } else {
            hi = x;
        }
        let newton = x - value / slope;
        let next = if newton > lo && newton < hi {
            newton
        } else {
            0.5 * (lo + hi)
        };
        if (next - x).abs() <= 2.0 * f64::EPSILON * x.abs().max(1.0) {
            return next;
        }
        x = next;
    }
    x
}

#[cfg(test)]
mod tests {
    use super::solve_increasing;

    #[test]
    fn a_root_is_found_from_a_start_where_newton_diverges() {
        let root = solve_increasing(-50.0, 80.0, 40.0, |x| (x.atan(), 1.0 / (1.0 + x * x)));
        assert!(root.abs() < 1e-15, "{root}");
    }
}
