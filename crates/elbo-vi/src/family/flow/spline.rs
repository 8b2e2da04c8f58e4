//! Monotone rational-quadratic splines `[@durkan2019spline]`.
//!
//! `K` bins on `[−B, B]` with the identity outside; a shape is `K` raw widths, `K` raw heights (both
//! through a softmax) and `K − 1` raw slopes at the inner knots (through a softplus); the slopes at
//! `±B` are 1. All zeros make equal bins of slope 1: the identity.

use elbo_math::log_space::{inv_logit, log1p_exp};

use super::Elementwise;

/// No bin is narrower or lower than this share of the box, no inner slope smaller than this: both
/// keep the inverse well conditioned.
const LEAST: f64 = 1e-3;

/// A monotone spline.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RationalQuadratic {
    n_bins: usize,
    bound: f64,
}

/// One bin: its left knot, sizes and slopes.
struct Bin {
    index: usize,
    left: f64,
    bottom: f64,
    width: f64,
    height: f64,
    slopes: (f64, f64),
}

impl RationalQuadratic {
    /// With `n_bins` bins on `[−bound, bound]`; `None` unless there are 2 to 500 bins and the bound
    /// is positive and finite.
    pub fn new(n_bins: usize, bound: f64) -> Option<Self> {
        ((2..=500).contains(&n_bins) && bound > 0.0 && bound.is_finite())
            .then_some(Self { n_bins, bound })
    }

    /// Softmax shares of the box, none smaller than [`LEAST`].
    fn sizes(self, raw: &[f64]) -> Vec<f64> {
        let mut sizes = raw.to_vec();
        elbo_math::log_space::softmax_in_place(&mut sizes);
        let spread = 1.0 - LEAST * self.n_bins as f64;
        for v in &mut sizes {
            *v = 2.0 * self.bound * (LEAST + spread * *v);
        }
        sizes
    }

    /// The slope at a knot; `raw` has one entry per inner knot.
    fn slope(self, raw: &[f64], knot: usize) -> f64 {
        if knot == 0 || knot == self.n_bins {
            return 1.0;
        }
        LEAST + log1p_exp(raw[knot - 1] + slope_offset())
    }

    /// The bin that holds `value`, looked for along `x` or along `y`.
    fn bin(self, value: f64, along_y: bool, shape: &[f64]) -> (Bin, Vec<f64>, Vec<f64>) {
        let k = self.n_bins;
        let (widths, heights) = (self.sizes(&shape[..k]), self.sizes(&shape[k..2 * k]));
        let sizes = if along_y { &heights } else { &widths };
        let (mut index, mut left, mut bottom) = (0, -self.bound, -self.bound);
        let mut edge = -self.bound + sizes[0];
        while index + 1 < k && value >= edge {
            left += widths[index];
            bottom += heights[index];
            index += 1;
            edge += sizes[index];
        }
        let raw = &shape[2 * k..];
        let bin = Bin {
            index,
            left,
            bottom,
            width: widths[index],
            height: heights[index],
            slopes: (self.slope(raw, index), self.slope(raw, index + 1)),
        };
        (bin, widths, heights)
    }
}

/// Where the softplus plus [`LEAST`] is 1.
fn slope_offset() -> f64 {
    (1.0 - LEAST).exp_m1().ln()
}

impl Elementwise for RationalQuadratic {
    const NAME: &'static str = "neural_spline";

    fn n_shapes(&self) -> usize {
        3 * self.n_bins - 1
    }

    /// `[@durkan2019spline, eqs. 4 and 5]`.
    fn forward(&self, x: f64, shape: &[f64]) -> (f64, f64) {
        if x.abs() >= self.bound || x.is_nan() {
            return (x, 0.0);
        }
        let (bin, _, _) = self.bin(x, false, shape);
        let (d0, d1) = bin.slopes;
        let (s, xi) = (bin.height / bin.width, (x - bin.left) / bin.width);
        let q = xi * (1.0 - xi);
        let beta = s + (d1 + d0 - 2.0 * s) * q;
        let y = bin.bottom + bin.height * (s * xi * xi + d0 * q) / beta;
        let numerator = d1 * xi * xi + 2.0 * s * q + d0 * (1.0 - xi).powi(2);
        (y, 2.0 * s.ln() + numerator.ln() - 2.0 * beta.ln())
    }

    /// `[@durkan2019spline, eqs. 6 to 8]`.
    fn inverse(&self, y: f64, shape: &[f64]) -> f64 {
        if y.abs() >= self.bound || y.is_nan() {
            return y;
        }
        let (bin, _, _) = self.bin(y, true, shape);
        let (d0, d1) = bin.slopes;
        let (s, rise) = (bin.height / bin.width, y - bin.bottom);
        let bend = rise * (d1 + d0 - 2.0 * s);
        let a = bin.height * (s - d0) + bend;
        let b = bin.height * d0 - bend;
        let c = -s * rise;
        // Rounding may leave a discriminant of −0.
        let root = (b * b - 4.0 * a * c).max(0.0).sqrt();
        bin.left + bin.width * (2.0 * c / (-b - root))
    }

    fn backward(
        &self,
        x: f64,
        shape: &[f64],
        (of_y, of_log_slope): (f64, f64),
        shape_cotangent: &mut [f64],
    ) -> f64 {
        shape_cotangent.fill(0.0);
        if x.abs() >= self.bound || x.is_nan() {
            return of_y;
        }
        let k = self.n_bins;
        let (bin, widths, heights) = self.bin(x, false, shape);
        let (h, w, (d0, d1)) = (bin.height, bin.width, bin.slopes);
        let (s, xi) = (h / w, (x - bin.left) / w);
        let q = xi * (1.0 - xi);
        let beta = s + (d1 + d0 - 2.0 * s) * q;
        let alpha = s * xi * xi + d0 * q;
        let numerator = d1 * xi * xi + 2.0 * s * q + d0 * (1.0 - xi).powi(2);
        // Reverse through y = y_k + h α/β and log slope = 2 log s + log N − 2 log β.
        let of_alpha = of_y * h / beta;
        let of_beta = -of_y * h * alpha / (beta * beta) - 2.0 * of_log_slope / beta;
        let of_n = of_log_slope / numerator;
        let of_s = 2.0 * of_log_slope / s
            + of_alpha * xi * xi
            + of_beta * (1.0 - 2.0 * q)
            + of_n * 2.0 * q;
        let of_d0 = (of_alpha + of_beta) * q + of_n * (1.0 - xi).powi(2);
        let of_d1 = of_beta * q + of_n * xi * xi;
        let of_q = of_alpha * d0 + of_beta * (d1 + d0 - 2.0 * s) + of_n * 2.0 * s;
        let of_xi = of_alpha * 2.0 * s * xi
            + of_n * 2.0 * (d1 * xi - d0 * (1.0 - xi))
            + of_q * (1.0 - 2.0 * xi);
        let of_x = of_xi / w;
        // Knots are sums of the sizes before them.
        let (by_width, rest) = shape_cotangent.split_at_mut(k);
        let (by_height, by_slope) = rest.split_at_mut(k);
        by_width[..bin.index].fill(-of_x);
        by_height[..bin.index].fill(of_y);
        by_width[bin.index] = -of_s * s / w - of_x * xi;
        by_height[bin.index] = of_y * alpha / beta + of_s / w;
        self.through_sizes(&widths, by_width);
        self.through_sizes(&heights, by_height);
        for (knot, c) in [(bin.index, of_d0), (bin.index + 1, of_d1)] {
            if knot > 0 && knot < k {
                by_slope[knot - 1] = c * inv_logit(shape[2 * k + knot - 1] + slope_offset());
            }
        }
        of_x
    }

    fn settings(&self) -> Vec<f64> {
        vec![self.n_bins as f64, self.bound]
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "what is no count is refused by the constructor"
    )]
    fn from_settings(settings: &[f64]) -> Option<Self> {
        match settings {
            [n_bins, bound] => Self::new(*n_bins as usize, *bound),
            _ => None,
        }
    }
}

impl RationalQuadratic {
    /// Turns the cotangent of sizes into that of their raw numbers, in place.
    fn through_sizes(self, sizes: &[f64], cotangent: &mut [f64]) {
        let spread = 1.0 - LEAST * self.n_bins as f64;
        let share = |size: f64| (size / (2.0 * self.bound) - LEAST) / spread;
        let scale = 2.0 * self.bound * spread;
        let mean: f64 = sizes
            .iter()
            .zip(&*cotangent)
            .map(|(v, c)| share(*v) * c)
            .sum();
        for (v, c) in sizes.iter().zip(cotangent) {
            *c = scale * share(*v) * (*c - mean);
        }
    }
}
