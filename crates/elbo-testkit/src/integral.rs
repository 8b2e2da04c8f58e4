//! Integrals over all of `R^d`, for densities that were moved there by a change of variables.

/// `∫ f` over `[−half_width, half_width]^dim`, by the trapezoidal rule with `n_points` per axis.
///
/// For a smooth function that has vanished at the border the rule converges faster than any power
/// of the spacing, so it needs no error estimate: choose the box by the tails.
///
/// # Panics
/// If fewer than two points are asked for.
pub fn integrate(
    dim: usize,
    half_width: f64,
    n_points: usize,
    mut f: impl FnMut(&[f64]) -> f64,
) -> f64 {
    assert!(n_points >= 2, "the trapezoidal rule needs two points");
    let spacing = 2.0 * half_width / (n_points - 1) as f64;
    let mut index = vec![0; dim];
    let mut x = vec![-half_width; dim];
    let mut total = 0.0;
    loop {
        total += f(&x);
        let Some(axis) = (0..dim).find(|a| index[*a] + 1 < n_points) else {
            return total * spacing.powi(i32::try_from(dim).expect("a dimension is small"));
        };
        index[..axis].fill(0);
        x[..axis].fill(-half_width);
        index[axis] += 1;
        x[axis] = spacing.mul_add(index[axis] as f64, -half_width);
    }
}

#[cfg(test)]
mod tests {
    use super::integrate;
    use crate::assert_close;

    #[test]
    fn the_gaussian_integral_is_a_power_of_root_pi() {
        for dim in 1..=3 {
            let value = integrate(dim, 7.0, 60, |x| {
                (-x.iter().map(|v| v * v).sum::<f64>()).exp()
            });
            let d = dim as f64;
            assert_close("integral", value, std::f64::consts::PI.powf(d / 2.0), 1e-13);
        }
    }
}
