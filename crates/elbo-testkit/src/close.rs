//! Closeness of floating-point numbers.

/// Asserts `|actual − expected| ≤ tolerance · max(1, |expected|)`; equal infinities are close.
///
/// # Panics
/// If they differ by more, printing both and the difference.
#[track_caller]
pub fn assert_close(what: &str, actual: f64, expected: f64, tolerance: f64) {
    let close = actual == expected
        || (actual.is_nan() && expected.is_nan())
        || (actual - expected).abs() <= tolerance * expected.abs().max(1.0);
    let difference = actual - expected;
    assert!(
        close,
        "{what}: {actual:e} is not {expected:e} (difference {difference:.3e}, tolerance {tolerance:.0e})"
    );
}

/// [`assert_close`] for each entry of two slices of equal length.
///
/// # Panics
/// If the lengths or an entry differ.
#[track_caller]
pub fn assert_all_close(what: &str, actual: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(actual.len(), expected.len(), "{what}: lengths differ");
    for (i, (a, e)) in actual.iter().zip(expected).enumerate() {
        assert_close(&format!("{what}[{i}]"), *a, *e, tolerance);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_infinities_are_close() {
        assert_close("infinity", f64::INFINITY, f64::INFINITY, 0.0);
    }

    #[test]
    #[should_panic(expected = "x: 1.1e0 is not 1e0")]
    fn a_difference_beyond_the_tolerance_panics_with_both_numbers() {
        assert_close("x", 1.1, 1.0, 1e-3);
    }

    #[test]
    #[should_panic(expected = "is not")]
    fn a_nan_is_close_to_no_number() {
        assert_close("x", f64::NAN, 1.0, 1e9);
    }
}
