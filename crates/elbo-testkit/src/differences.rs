//! Derivatives by finite differences.

/// The gradient of `f` at `x`, exact to about 1e-10 of the function's size.
///
/// Central differences at two steps with one Richardson extrapolation: error `O(h⁴)`.
pub fn gradient(f: impl Fn(&[f64]) -> f64, x: &[f64]) -> Vec<f64> {
    (0..x.len())
        .map(|i| jacobian_column(|x| vec![f(x)], x, i)[0])
        .collect()
}

/// The derivative of each output of `f` with respect to `x[i]`.
pub fn jacobian_column(f: impl Fn(&[f64]) -> Vec<f64>, x: &[f64], i: usize) -> Vec<f64> {
    // The fifth root of the rounding error balances it against the truncation error h⁴.
    let h = 7e-4 * x[i].abs().max(1e-2);
    let slope = |h: f64| {
        let mut shifted = x.to_vec();
        shifted[i] = x[i] + h;
        let above = f(&shifted);
        shifted[i] = x[i] - h;
        let below = f(&shifted);
        above
            .iter()
            .zip(below)
            .map(|(a, b)| (a - b) / (2.0 * h))
            .collect::<Vec<_>>()
    };
    let (wide, narrow) = (slope(h), slope(0.5 * h));
    narrow
        .iter()
        .zip(wide)
        .map(|(n, w)| (4.0 * n - w) / 3.0)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assert_all_close;

    #[test]
    fn the_gradient_of_a_known_function_is_exact_to_ten_digits() {
        let f = |x: &[f64]| x[0].sin() * x[1].exp();
        let x: [f64; 2] = [0.7, -0.3];
        let expected = [x[0].cos() * x[1].exp(), x[0].sin() * x[1].exp()];
        assert_all_close("gradient", &gradient(f, &x), &expected, 1e-10);
    }
}
