//! Standard normal draws that make averages of gradients less noisy.
//!
//! The one idea: draws come in pairs `±z`, so that whatever is odd in `z` averages to zero, and within
//! a block the directions of the pairs are orthogonal, so that the average of `z zᵀ` has no noise
//! across directions that the block holds `[@yu2016orthogonal]`. Each draw alone is standard normal,
//! so averages stay unbiased; only their variance falls. For a Gaussian target pairs give the exact
//! gradient of the mean. Deliberately absent: what is averaged.

use elbo_math::linalg::{axpy, dot};
use elbo_math::random::{Stream, fill_standard_normal};

use crate::Draws;

/// `n_draws` draws of `dimension` standard normal numbers: `z_0, −z_0, z_1, −z_1, …`, in blocks of
/// `dimension` orthogonal `z`. An odd last draw has no partner.
///
/// # Complexity
/// `dimension · n_draws · min(dimension, n_draws)`.
pub fn coupled_normals(dimension: usize, n_draws: usize, stream: &mut Stream) -> Draws {
    let n_pairs = n_draws.div_ceil(2);
    let mut directions: Vec<Vec<f64>> = Vec::with_capacity(n_pairs);
    let mut lengths = Vec::with_capacity(n_pairs);
    for k in 0..n_pairs {
        let mut z = vec![0.0; dimension];
        fill_standard_normal(stream, &mut z);
        // The length is independent of the direction, and kept; the direction is made orthogonal to
        // the block's earlier ones, which leaves it uniform.
        lengths.push(dot(&z, &z).sqrt());
        let block = k - k % dimension;
        for earlier in &directions[block..] {
            let along = dot(earlier, &z);
            axpy(-along, earlier, &mut z);
        }
        let norm = dot(&z, &z).sqrt();
        for v in &mut z {
            *v /= norm;
        }
        directions.push(z);
    }
    let mut draws = Draws::zeros(dimension, n_draws);
    for i in 0..dimension {
        for (s, v) in draws.coordinate_mut(i).iter_mut().enumerate() {
            let sign = if s % 2 == 0 { 1.0 } else { -1.0 };
            *v = sign * lengths[s / 2] * directions[s / 2][i];
        }
    }
    draws
}

#[cfg(test)]
mod tests {
    use super::*;
    use elbo_math::random::stream;
    use elbo_testkit::assert_mean;

    #[test]
    fn pairs_cancel_and_blocks_are_orthogonal() {
        let draws = coupled_normals(5, 23, &mut stream(1, "coupled", 0));
        for s in (0..22).step_by(2) {
            for i in 0..5 {
                assert_eq!(draws.get(i, s), -draws.get(i, s + 1));
            }
            for t in (0..s).step_by(2) {
                let cosine = dot(&draws.draw(s), &draws.draw(t));
                if s / 10 == t / 10 {
                    assert!(cosine.abs() < 1e-12, "{s} {t}: {cosine}");
                }
            }
        }
    }

    #[test]
    fn each_draw_is_standard_normal() {
        // Functions of one draw, not odd: E z² = 1, E z⁴ = 3, E z₀² z₁² = 1, E cos(z₀ + z₁) = e⁻¹.
        let (seed, n) = (2, 20_000);
        let mut values: [Vec<f64>; 4] = Default::default();
        for index in 0..n {
            let draws = coupled_normals(3, 6, &mut stream(seed, "coupled", index));
            // One draw of each block: draws of a block are not independent of each other.
            let z = draws.draw(4);
            values[0].push(z[0] * z[0]);
            values[1].push(z[2].powi(4));
            values[2].push((z[0] * z[1]).powi(2));
            values[3].push((z[0] + z[1]).cos());
        }
        for (v, truth) in values.iter().zip([1.0, 3.0, 1.0, (-1.0_f64).exp()]) {
            assert_mean("moment", seed, v, truth);
        }
    }
}
