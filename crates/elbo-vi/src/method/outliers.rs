//! Draws whose gradients would drown all others.
//!
//! Deliberately absent: anything on targets with Gaussian tails, where no draw is far from the rest.

use elbo_math::linalg::Matrix;

/// How much longer than the middle one a draw's gradient may be before it is shortened.
const OUTLYING: f64 = 20.0;

/// A weight for each draw's `h = Lᵀg + z`, and the number of draws: 0 where the density is not finite,
/// and less than 1 where `h` is many times as long as most. On Gaussian targets no draw is; in a
/// funnel's neck one draw's gradient can outweigh all others by orders of magnitude, and a step along
/// it ends anywhere.
pub(super) fn draw_weights(h: &Matrix, log_p: &[f64]) -> Option<(Vec<f64>, f64)> {
    let mut lengths = vec![0.0; log_p.len()];
    for i in 0..h.rows() {
        for (length, v) in lengths.iter_mut().zip(h.row(i)) {
            *length += v * v;
        }
    }
    let is_usable = |s: &usize| log_p[*s].is_finite() && lengths[*s].is_finite();
    let mut sorted: Vec<f64> = (0..log_p.len())
        .filter(is_usable)
        .map(|s| lengths[s].sqrt())
        .collect();
    if 2 * sorted.len() < log_p.len() {
        return None;
    }
    sorted.sort_by(f64::total_cmp);
    let longest = OUTLYING * sorted[sorted.len() / 2];
    let weight = |s: usize| {
        let length = lengths[s].sqrt();
        match is_usable(&s) {
            true if length > longest => longest / length,
            true => 1.0,
            false => 0.0,
        }
    };
    Some(((0..log_p.len()).map(weight).collect(), sorted.len() as f64))
}

/// `h ← weight · h`, without making a NaN of what is left out.
pub(super) fn weigh(h: &mut Matrix, weights: &[f64]) {
    for i in 0..h.rows() {
        for (v, w) in h.row_mut(i).iter_mut().zip(weights) {
            *v = if *w > 0.0 { *v * w } else { 0.0 };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_draws_far_from_the_rest_are_shortened_and_unusable_ones_left_out() {
        let mut h = Matrix::from_rows(&[[1.0, -2.0, 400.0, f64::NAN, 3.0, 1.0], [0.0; 6]]);
        let log_p = [0.0, 0.0, 0.0, 0.0, 0.0, f64::NEG_INFINITY];
        let (weights, n) = draw_weights(&h, &log_p).unwrap();
        // The middle length of 1, 2, 3, 400 is 3 (the upper of two): 400 becomes 60.
        assert_eq!(weights, [1.0, 1.0, 0.15, 0.0, 1.0, 0.0]);
        assert_eq!(n, 4.0);
        weigh(&mut h, &weights);
        assert_eq!(h.row(0), [1.0, -2.0, 60.0, 0.0, 3.0, 0.0]);
        assert_eq!(draw_weights(&h, &[f64::NAN; 6]), None);
    }
}
