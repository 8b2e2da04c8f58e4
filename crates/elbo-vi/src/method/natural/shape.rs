//! Which Gaussians: the two families as natural-gradient steps see them.
//!
//! Deliberately absent: the steps' arithmetic (`optimizer::natural`) and the loop.

use elbo_math::linalg::{Cholesky, Matrix, axpy, dot, matmul_nt, matmul_tn};

use crate::family::{Family, FullRank, MeanField, Reparameterised};
use crate::method::outliers::{draw_weights, weigh};
use crate::optimizer::natural;
use crate::{Draws, Target, ViError};

/// Quantities watched per kind, at most: a stage's memory must not grow with the dimension.
const MOST_WATCHED: usize = 32;

/// Products with the curvature, at most, that tell what is left to gain, and the share of it that the
/// last one may still have added.
const MOST_PRODUCTS: usize = 20;
const ENOUGH: f64 = 0.1;

/// Averages over draws in `q`'s own coordinates; see `optimizer::natural`.
pub struct Averages {
    /// `E[Lᵀg + z]`.
    pub delta: Vec<f64>,
    /// The variance of `delta`, summed over coordinates.
    pub delta_noise: f64,
    /// The diagonal of `W` (mean-field), or all of it.
    pub excess: Vec<f64>,
    /// The variance of `excess`, summed over entries.
    pub excess_noise: f64,
}

impl Averages {
    /// What a full step would gain were the averages exact, and what their noise adds to that.
    pub(super) fn left_and_noise(&self) -> (f64, f64) {
        let left = natural::decrement(&self.delta, &self.excess);
        (left, 0.5 * self.delta_noise + 0.25 * self.excess_noise)
    }
}

/// A Gaussian family with a closed-form natural step.
pub trait Shape: Reparameterised + Clone + 'static {
    /// With independent coordinates.
    fn diagonal(mean: Vec<f64>, scales: Vec<f64>) -> Result<Self, ViError>;

    /// Draws per step by default.
    fn n_draws(dimension: usize) -> usize;

    /// From noise and the gradients at its draws; `None` where fewer than half of the draws are usable
    /// or the averages are not finite.
    fn averages(&self, noise: &Draws, gradients: &Draws, log_p: &[f64]) -> Option<Averages>;

    /// The member a step away.
    fn stepped(&self, averages: &Averages, mean_rate: f64, rate: f64) -> Result<Self, ViError>;

    /// A few numbers that tell where this member is, seen from `reference`, and what an error in each
    /// costs in nats when squared.
    fn watched(&self, reference: &Self) -> (Vec<f64>, Vec<f64>);

    /// `KL(self ‖ other)`.
    fn divergence(&self, other: &Self) -> f64;

    /// What is left to gain, to second order and with the whole curvature; `None` where that cannot be
    /// told.
    fn left(&self, target: &Target<'_>, averages: &Averages) -> Option<f64>;

    /// The coordinate with the largest standard deviation, and that.
    fn widest(&self) -> (usize, f64) {
        let scales = self.standard_deviations().unwrap_or_default();
        let mut best = (0, 0.0);
        for (i, s) in scales.into_iter().enumerate() {
            if !(s <= best.1) {
                best = (i, s);
            }
        }
        best
    }
}

/// The mean of `h` and the variance of that mean, from pairs where there are any.
pub(in crate::method) fn mean_and_noise(h: &[f64], n: f64) -> (f64, f64) {
    let mean = h.iter().sum::<f64>() / n;
    let pairs = h.chunks_exact(2);
    let n_pairs = pairs.len() as f64;
    if n_pairs < 2.0 {
        return (mean, f64::INFINITY);
    }
    let spread: f64 = pairs.map(|p| (0.5 * (p[0] + p[1]) - mean).powi(2)).sum();
    (mean, spread / (n_pairs - 1.0) / n_pairs)
}

/// The variance, summed over entries, of the average of the symmetric part of `z hᵀ` (`whole`) or of its
/// diagonal, from pairs `±z`.
fn excess_noise(z: &dyn Fn(usize, usize) -> f64, h: &Matrix, excess: &[f64], whole: bool) -> f64 {
    let pairs = h.cols() / 2;
    if pairs < 2 {
        return f64::INFINITY;
    }
    let mut squares = 0.0;
    for p in 0..pairs {
        let (mut zz, mut hh, mut zh, mut diagonal) = (0.0, 0.0, 0.0, 0.0);
        for i in 0..h.rows() {
            let z = z(i, 2 * p);
            let h = 0.5 * (h[(i, 2 * p)] - h[(i, 2 * p + 1)]);
            zz += z * z;
            hh += h * h;
            zh += z * h;
            diagonal += (z * h).powi(2);
        }
        squares += if whole {
            0.5 * (zz * hh + zh * zh)
        } else {
            diagonal
        };
    }
    let mean: f64 = excess.iter().map(|w| w * w).sum();
    (squares / pairs as f64 - mean).max(0.0) / (pairs - 1) as f64
}

fn finite(averages: Averages) -> Option<Averages> {
    let all = averages.delta.iter().chain(&averages.excess);
    all.sum::<f64>().is_finite().then_some(averages)
}

fn evenly(n: usize, most: usize) -> impl Iterator<Item = usize> {
    (0..n).step_by(n.div_ceil(most).max(1))
}

impl Shape for MeanField {
    fn diagonal(mean: Vec<f64>, scales: Vec<f64>) -> Result<Self, ViError> {
        Self::new(mean, scales)
    }

    fn n_draws(_: usize) -> usize {
        16
    }

    fn averages(&self, noise: &Draws, gradients: &Draws, log_p: &[f64]) -> Option<Averages> {
        let d = self.scales().len();
        let mut h = Matrix::zeros(d, log_p.len());
        for (i, s) in self.scales().iter().enumerate() {
            let (z, g) = (noise.coordinate(i), gradients.coordinate(i));
            for (k, v) in h.row_mut(i).iter_mut().enumerate() {
                *v = s * g[k] + z[k];
            }
        }
        let (weights, n) = draw_weights(&h, log_p)?;
        weigh(&mut h, &weights);
        let mut averages = Averages {
            delta: vec![0.0; d],
            delta_noise: 0.0,
            excess: vec![0.0; d],
            excess_noise: 0.0,
        };
        for i in 0..d {
            let (mean, of_mean) = mean_and_noise(h.row(i), n);
            averages.delta[i] = mean;
            averages.delta_noise += of_mean;
            averages.excess[i] = dot(noise.coordinate(i), h.row(i)) / n;
        }
        averages.excess_noise = excess_noise(&|i, s| noise.get(i, s), &h, &averages.excess, false);
        finite(averages)
    }

    fn stepped(&self, averages: &Averages, mean_rate: f64, rate: f64) -> Result<Self, ViError> {
        let d = self.scales().len();
        let mut params = self.params().to_vec();
        let (means, logs) = params.split_at_mut(d);
        let scaled: Vec<f64> = averages
            .delta
            .iter()
            .map(|v| v * mean_rate / rate)
            .collect();
        natural::mean_field(means, logs, &scaled, &averages.excess, rate);
        let mut q = self.clone();
        q.set_params(&params)?;
        Ok(q)
    }

    fn watched(&self, reference: &Self) -> (Vec<f64>, Vec<f64>) {
        let d = self.scales().len();
        let mut watched = Vec::with_capacity(2 * MOST_WATCHED);
        for i in evenly(d, MOST_WATCHED) {
            watched.push((self.means()[i] - reference.means()[i]) / reference.scales()[i]);
        }
        let k = watched.len();
        for i in evenly(d, MOST_WATCHED) {
            watched.push(self.params()[d + i]);
        }
        let stands_for = d as f64 / k as f64;
        let mut costs = vec![0.5 * stands_for; k];
        costs.resize(2 * k, stands_for);
        (watched, costs)
    }

    /// `½ ḡᵀ A⁻¹ ḡ + ¼‖W‖²` with the curvature `A` at the mean, by conjugate gradients
    /// `[@nocedal2006optimization, alg. 5.2]` in `q`'s own coordinates, where `A` has a unit diagonal
    /// near the optimum: a few products do unless coordinates depend on each other strongly.
    fn left(&self, target: &Target<'_>, averages: &Averages) -> Option<f64> {
        let scales = self.scales();
        let at = Draws::from_points(scales.len(), &[self.means()]);
        let mut residual = averages.delta.clone();
        let mut direction = residual.clone();
        let mut length = dot(&residual, &residual);
        let mut gain = natural::decrement(&[], &averages.excess);
        for _ in 0..MOST_PRODUCTS {
            if length == 0.0 {
                return Some(gain);
            }
            let scaled = scales.iter().zip(&direction).map(|(s, p)| s * p).collect();
            let scaled = Draws::from_vec(scales.len(), 1, scaled);
            let product = target.hessian_vector_products(&at, &scaled).ok()?;
            let product: Vec<f64> = (0..scales.len())
                .map(|i| -scales[i] * product.get(i, 0))
                .collect();
            let curvature = dot(&direction, &product);
            if !(curvature > 0.0) {
                return None;
            }
            let along = length / curvature;
            let more = 0.5 * along * length;
            gain += more;
            if more < ENOUGH * gain {
                return Some(gain);
            }
            axpy(-along, &product, &mut residual);
            let next = dot(&residual, &residual);
            for (p, r) in direction.iter_mut().zip(&residual) {
                *p = r + next / length * *p;
            }
            length = next;
        }
        None
    }

    fn divergence(&self, other: &Self) -> f64 {
        let mut sum = 0.0;
        for i in 0..self.scales().len() {
            let ratio = self.scales()[i] / other.scales()[i];
            let away = (self.means()[i] - other.means()[i]) / other.scales()[i];
            sum += 0.5 * (ratio * ratio - 1.0 + away * away) - ratio.ln();
        }
        sum
    }
}

impl Shape for FullRank {
    fn diagonal(mean: Vec<f64>, scales: Vec<f64>) -> Result<Self, ViError> {
        Self::from_cholesky(mean, Cholesky::from_lower(Matrix::from_diagonal(&scales))?)
    }

    fn n_draws(dimension: usize) -> usize {
        super::full_blocks(dimension)
    }

    fn averages(&self, noise: &Draws, gradients: &Draws, log_p: &[f64]) -> Option<Averages> {
        let (d, n_draws) = (noise.dimension(), noise.n_draws());
        let as_matrix = |draws: &Draws| Matrix::from_vec(d, n_draws, draws.as_slice().to_vec());
        let z = as_matrix(noise);
        let mut h = matmul_tn(self.factor().lower(), &as_matrix(gradients));
        h.add_scaled(1.0, &z);
        let (weights, n) = draw_weights(&h, log_p)?;
        weigh(&mut h, &weights);
        let mut averages = Averages {
            delta: vec![0.0; d],
            delta_noise: 0.0,
            excess: Vec::new(),
            excess_noise: 0.0,
        };
        for i in 0..d {
            let (mean, of_mean) = mean_and_noise(h.row(i), n);
            averages.delta[i] = mean;
            averages.delta_noise += of_mean;
        }
        let mut excess = matmul_nt(&z, &h);
        // Only the symmetric part is used, and only that is noise where it is not zero.
        excess = Matrix::from_fn(d, d, |i, j| 0.5 * (excess[(i, j)] + excess[(j, i)]) / n);
        averages.excess = excess.into_vec();
        averages.excess_noise = excess_noise(&|i, s| z[(i, s)], &h, &averages.excess, true);
        finite(averages)
    }

    fn stepped(&self, averages: &Averages, mean_rate: f64, rate: f64) -> Result<Self, ViError> {
        let d = averages.delta.len();
        let mut mean = self.mean_slice().to_vec();
        let scaled: Vec<f64> = averages
            .delta
            .iter()
            .map(|v| v * mean_rate / rate)
            .collect();
        let excess = Matrix::from_vec(d, d, averages.excess.clone());
        let lower = natural::full_rank(&mut mean, self.factor().lower(), &scaled, &excess, rate)?;
        Self::from_cholesky(mean, Cholesky::from_lower(lower)?)
    }

    fn watched(&self, reference: &Self) -> (Vec<f64>, Vec<f64>) {
        const COLUMNS: usize = 4;
        let (d, factor) = (self.mean_slice().len(), reference.factor());
        let mut away: Vec<f64> = self
            .mean_slice()
            .iter()
            .zip(reference.mean_slice())
            .map(|(a, b)| a - b)
            .collect();
        factor.solve_lower_in_place(&mut away);
        let mut watched: Vec<f64> = evenly(d, MOST_WATCHED).map(|i| away[i]).collect();
        let mut costs = vec![0.5 * d as f64 / watched.len() as f64; watched.len()];
        // Entries of L_ref⁻¹ L, which is the identity at the reference.
        let first = watched.len();
        for j in evenly(d, COLUMNS) {
            let mut column: Vec<f64> = (0..d).map(|i| self.factor().lower()[(i, j)]).collect();
            factor.solve_lower_in_place(&mut column);
            for i in evenly(d - j, MOST_WATCHED / COLUMNS) {
                watched.push(column[j + i]);
                costs.push(if i == 0 { 1.0 } else { 0.5 });
            }
        }
        let stands_for = (d * (d + 1) / 2) as f64 / (watched.len() - first) as f64;
        for c in &mut costs[first..] {
            *c *= stands_for;
        }
        (watched, costs)
    }

    /// The steps see all of the curvature.
    fn left(&self, _: &Target<'_>, averages: &Averages) -> Option<f64> {
        Some(averages.left_and_noise().0)
    }

    fn divergence(&self, other: &Self) -> f64 {
        let d = self.mean_slice().len();
        let ratio = other.factor().solve_lower_matrix(self.factor().lower());
        let mut away: Vec<f64> = self
            .mean_slice()
            .iter()
            .zip(other.mean_slice())
            .map(|(a, b)| a - b)
            .collect();
        other.factor().solve_lower_in_place(&mut away);
        let log_det = other.factor().log_det() - self.factor().log_det();
        0.5 * (dot(ratio.as_slice(), ratio.as_slice()) + dot(&away, &away) - d as f64 + log_det)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use elbo_testkit::assert_close;

    #[test]
    fn divergences_of_independent_coordinates_agree_and_are_the_known_ones() {
        let (a, b) = (vec![1.0, -2.0], vec![0.5, 0.3]);
        let (s, t) = (vec![2.0, 0.7], vec![1.5, 1.1]);
        let p = MeanField::new(a.clone(), s.clone()).unwrap();
        let q = MeanField::new(b.clone(), t.clone()).unwrap();
        let expected: f64 = (0..2)
            .map(|i| {
                (t[i] / s[i]).ln() + (s[i] * s[i] + (a[i] - b[i]).powi(2)) / (2.0 * t[i] * t[i])
                    - 0.5
            })
            .sum();
        assert_close("mean-field", p.divergence(&q), expected, 1e-14);
        let p = <FullRank as Shape>::diagonal(a, s).unwrap();
        let q = <FullRank as Shape>::diagonal(b, t).unwrap();
        assert_close("full-rank", p.divergence(&q), expected, 1e-14);
    }

    #[test]
    fn what_is_watched_costs_its_divergence() {
        // A small step away from the reference, all of it watched: Σ cost · step² is the divergence to
        // second order; third-order terms are 1% of it.
        let lower = Matrix::from_rows(&[[1.0, 0.0], [0.4, 0.8]]);
        let at = |m: [f64; 2], a: [f64; 3]| {
            let step = Matrix::from_rows(&[[1.0 + a[0], 0.0], [a[1], 1.0 + a[2]]]);
            let l = elbo_math::linalg::matmul(&lower, &step);
            let mean = lower.matvec(&m);
            FullRank::from_cholesky(mean, Cholesky::from_lower(l).unwrap()).unwrap()
        };
        let reference = at([0.0; 2], [0.0; 3]);
        let moved = at([0.003, -0.002], [0.004, -0.005, 0.001]);
        let (here, costs) = moved.watched(&reference);
        let (there, _) = reference.watched(&reference);
        let cost: f64 = here
            .iter()
            .zip(there)
            .zip(costs)
            .map(|((h, t), c)| c * (h - t).powi(2))
            .sum();
        assert_close("nats", cost / moved.divergence(&reference), 1.0, 0.02);
    }
}
