//! The arithmetic of rational-quadratic splines over lanes of draws, without branches.
//!
//! The one idea: every draw has a spline of its own, so nothing can be looked up; the bin that holds a
//! number is found by comparing with all knots and keeping what the last one passed says, for all
//! draws side by side. Loops run over bins outside and draws inside. Deliberately absent: the affine
//! map that follows, and names for what is stored where (`spline`).

use elbo_math::simd::{exp_core, ln_core};
use multiversion::multiversion;

use super::elementwise::{rows, rows_mut};

/// No bin is narrower or lower than this share of the box, no inner slope smaller than this: both
/// keep the inverse well conditioned.
const LEAST: f64 = 1e-3;

/// Where the softplus plus [`LEAST`] is 1: `log(e^(1 − LEAST) − 1)`.
const OFFSET: f64 = 0.539_742_417_236_952;

/// The number of bins, and the bound of the box.
#[derive(Clone, Copy)]
pub(super) struct Domain {
    pub(super) n_bins: usize,
    pub(super) bound: f64,
}

impl Domain {
    /// What is left to share when every bin has its least.
    fn spread(self) -> f64 {
        1.0 - LEAST * self.n_bins as f64
    }
}

/// Rows of a bin: its number (negative outside the box), its left knot, its lower knot, width, height,
/// and the raw slopes at both knots; [`forward`] turns the left knot into the place within the bin and
/// the raw slopes into slopes. The value and the affine slope follow, then the edges.
type Bin<'a> = [&'a mut [f64]; 11];

/// Raw numbers, a row per bin, become shares that sum to one, none smaller than [`LEAST`].
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2"))]
pub(super) fn shares(raw: &mut [f64], n: usize) {
    const BLOCK: usize = 64;
    let n_bins = raw.len() / n.max(1);
    let spread = 1.0 - LEAST * n_bins as f64;
    for first in (0..n).step_by(BLOCK) {
        let m = BLOCK.min(n - first);
        let (mut highest, mut total) = ([f64::NEG_INFINITY; BLOCK], [0.0; BLOCK]);
        for j in 0..n_bins {
            let row = &raw[j * n + first..][..m];
            for (h, v) in highest.iter_mut().zip(row) {
                *h = if *v > *h { *v } else { *h };
            }
        }
        for j in 0..n_bins {
            let row = &mut raw[j * n + first..][..m];
            for ((v, h), t) in row.iter_mut().zip(&highest).zip(&mut total) {
                *v = exp_core(*v - h);
                *t += *v;
            }
        }
        for t in &mut total {
            *t = spread / *t;
        }
        for j in 0..n_bins {
            let row = &mut raw[j * n + first..][..m];
            for (v, t) in row.iter_mut().zip(&total) {
                *v = LEAST + *v * t;
            }
        }
    }
}

/// The bins that hold `values`, looked for along `x` or along `y`.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2"))]
pub(super) fn locate(
    size: Domain,
    values: &[f64],
    along_y: bool,
    shapes: &[f64],
    bins: &mut [f64],
) {
    let n = values.len();
    let (k, box_size) = (size.n_bins, 2.0 * size.bound);
    let row = |j: usize| &shapes[j * n..][..n];
    let bins: Bin<'_> = rows_mut(bins, n);
    let [
        number,
        left,
        bottom,
        width,
        height,
        slope0,
        slope1,
        _,
        _,
        edge_x,
        edge_y,
    ] = bins;
    number.fill(0.0);
    left.fill(-size.bound);
    bottom.fill(-size.bound);
    edge_x.fill(-size.bound);
    edge_y.fill(-size.bound);
    slope0.fill(0.0);
    slope1.copy_from_slice(row(2 * k));
    for s in 0..n {
        width[s] = box_size * row(0)[s];
        height[s] = box_size * row(k)[s];
    }
    for j in 1..k {
        let (w, h) = (row(j), row(k + j));
        let (w_before, h_before) = (row(j - 1), row(k + j - 1));
        let at_left = row(2 * k + j - 1);
        // The slope at the last knot is 1, which is what a raw zero means.
        let (at_right, known) = if j + 1 < k {
            (row(2 * k + j), 1.0)
        } else {
            (at_left, 0.0)
        };
        let j = j as f64;
        for s in 0..n {
            edge_x[s] += box_size * w_before[s];
            edge_y[s] += box_size * h_before[s];
            let edge = if along_y { edge_y[s] } else { edge_x[s] };
            let passed = values[s] >= edge;
            number[s] = if passed { j } else { number[s] };
            left[s] = if passed { edge_x[s] } else { left[s] };
            bottom[s] = if passed { edge_y[s] } else { bottom[s] };
            width[s] = if passed { box_size * w[s] } else { width[s] };
            height[s] = if passed { box_size * h[s] } else { height[s] };
            slope0[s] = if passed { at_left[s] } else { slope0[s] };
            slope1[s] = if passed {
                known * at_right[s]
            } else {
                slope1[s]
            };
        }
    }
    for s in 0..n {
        let inside = values[s].abs() < size.bound;
        number[s] = if inside { number[s] } else { -1.0 };
    }
}

/// `LEAST + log(1 + e^(raw + OFFSET))`.
#[inline]
fn slope(raw: f64) -> f64 {
    let z = raw + OFFSET;
    LEAST + z.max(0.0) + ln_core(1.0 + exp_core(-z.abs()))
}

/// Values, slopes and curvatures `[@durkan2019spline, eqs. 4 and 5]`; the tape's bins are found.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2"))]
pub(super) fn forward(x: &[f64], tape: &mut [f64], y: &mut [f64], log_slope: &mut [f64]) {
    let n = x.len();
    let (first, bins) = tape.split_at_mut(2 * n);
    let [total, curvature] = rows_mut(first, n);
    let bins: Bin<'_> = rows_mut(bins, n);
    let [number, left, bottom, width, height, slope0, slope1, ..] = bins;
    let (y, log_slope) = (&mut y[..n], &mut log_slope[..n]);
    for s in 0..n {
        let inside = number[s] >= 0.0;
        let (d0, d1) = (slope(slope0[s]), slope(slope1[s]));
        let (w, h) = (width[s], height[s]);
        let steep = h / w;
        // Anywhere in a bin will do for what lies outside the box and is not used.
        let xi = if inside { (x[s] - left[s]) / w } else { 0.5 };
        let q = xi * (1.0 - xi);
        let bend = d1 + d0 - 2.0 * steep;
        let beta = steep + bend * q;
        let rise = h * (steep * xi * xi + d0 * q) / beta;
        let numerator = d1 * xi * xi + 2.0 * steep * q + d0 * (1.0 - xi) * (1.0 - xi);
        let own = steep * steep * numerator / (beta * beta);
        let of_numerator = 2.0 * (d1 * xi + steep * (1.0 - 2.0 * xi) - d0 * (1.0 - xi));
        let of_beta = bend * (1.0 - 2.0 * xi);
        let bent = (of_numerator / numerator - 2.0 * of_beta / beta) / w;
        y[s] = if inside { bottom[s] + rise } else { x[s] };
        total[s] = if inside { own } else { 1.0 };
        curvature[s] = if inside { bent } else { 0.0 };
        log_slope[s] += if inside { ln_core(own) } else { 0.0 };
        left[s] = xi;
        slope0[s] = d0;
        slope1[s] = d1;
    }
}

/// `[@durkan2019spline, eqs. 6 to 8]`; the bins are found along `y`.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2"))]
pub(super) fn inverse(y: &[f64], bins: &[f64], x: &mut [f64]) {
    let n = y.len();
    let [number, left, bottom, width, height, slope0, slope1] = rows(bins, n);
    let x = &mut x[..n];
    for s in 0..n {
        let inside = number[s] >= 0.0;
        let (d0, d1) = (slope(slope0[s]), slope(slope1[s]));
        let steep = height[s] / width[s];
        let rise = if inside { y[s] - bottom[s] } else { 0.0 };
        let bend = rise * (d1 + d0 - 2.0 * steep);
        let a = height[s] * (steep - d0) + bend;
        let b = height[s] * d0 - bend;
        let c = -steep * rise;
        // Rounding may leave a discriminant of −0.
        let root = (b * b - 4.0 * a * c).max(0.0).sqrt();
        let found = left[s] + width[s] * (2.0 * c / (-b - root));
        x[s] = if inside { found } else { y[s] };
    }
}

/// The adjoint of [`forward`], `of_y` becoming that of `x`, by reverse through
/// `y = y_k + h α/β` and `log slope = 2 log s + log N − 2 log β`.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2"))]
pub(super) fn backward(
    size: Domain,
    shapes: &[f64],
    bins: &[f64],
    of_y: &mut [f64],
    of_log_slope: &[f64],
    of_shapes: &mut [f64],
) {
    const BLOCK: usize = 64;
    let n = of_y.len();
    let (k, scale) = (size.n_bins, 2.0 * size.bound * size.spread());
    let [number, place, _, width, height, slope0, slope1] = rows(bins, n);
    for first in (0..n).step_by(BLOCK) {
        let m = BLOCK.min(n - first);
        // Of the sizes of the bin and of those before it, and of the slopes at its knots.
        let mut of = [[0.0; BLOCK]; 6];
        let [of_w, of_h, before_w, before_h, of_0, of_1] = &mut of;
        for i in 0..m {
            let s = first + i;
            let inside = number[s] >= 0.0;
            let (h, w, d0, d1) = (height[s], width[s], slope0[s], slope1[s]);
            let (steep, xi) = (h / w, place[s]);
            let q = xi * (1.0 - xi);
            let bend = d1 + d0 - 2.0 * steep;
            let beta = steep + bend * q;
            let alpha = steep * xi * xi + d0 * q;
            let left = (1.0 - xi) * (1.0 - xi);
            let numerator = d1 * xi * xi + 2.0 * steep * q + d0 * left;
            let (of_value, of_log) = (of_y[s], of_log_slope[s]);
            let of_alpha = of_value * h / beta;
            let of_beta = -of_value * h * alpha / (beta * beta) - 2.0 * of_log / beta;
            let of_n = of_log / numerator;
            let of_steep = 2.0 * of_log / steep
                + of_alpha * xi * xi
                + of_beta * (1.0 - 2.0 * q)
                + of_n * 2.0 * q;
            let of_q = of_alpha * d0 + of_beta * bend + of_n * 2.0 * steep;
            let of_xi = of_alpha * 2.0 * steep * xi
                + of_n * 2.0 * (d1 * xi - d0 * (1.0 - xi))
                + of_q * (1.0 - 2.0 * xi);
            let of_x = of_xi / w;
            let used = if inside { 1.0 } else { 0.0 };
            // The softplus has slope 1 − e^−value.
            let (by_0, by_1) = (1.0 - exp_core(LEAST - d0), 1.0 - exp_core(LEAST - d1));
            of_0[i] = used * by_0 * ((of_alpha + of_beta) * q + of_n * left);
            of_1[i] = used * by_1 * (of_beta * q + of_n * xi * xi);
            of_w[i] = used * (-of_steep * steep / w - of_x * xi);
            of_h[i] = used * (of_value * alpha / beta + of_steep / w);
            before_w[i] = -used * of_x;
            before_h[i] = used * of_value;
            of_y[s] = if inside { of_x } else { of_value };
        }
        // Knots are sums of the sizes before them; sizes come from a softmax.
        for (part, own, before) in [(0, of_w, before_w), (k, of_h, before_h)] {
            let mut mean = [0.0; BLOCK];
            for j in 0..k {
                let (row, at) = (&shapes[(part + j) * n + first..][..m], j as f64);
                for i in 0..m {
                    let number = number[first + i];
                    let c = if number == at { own[i] } else { before[i] };
                    let c = if number < at { 0.0 } else { c };
                    mean[i] += (row[i] - LEAST) * c;
                }
            }
            for v in &mut mean {
                *v /= size.spread();
            }
            for j in 0..k {
                let (row, at) = (&shapes[(part + j) * n + first..][..m], j as f64);
                let out = &mut of_shapes[(part + j) * n + first..][..m];
                for i in 0..m {
                    let number = number[first + i];
                    let c = if number == at { own[i] } else { before[i] };
                    let c = if number < at { 0.0 } else { c };
                    out[i] = scale * (row[i] - LEAST) / size.spread() * (c - mean[i]);
                }
            }
        }
        for j in 0..k - 1 {
            let out = &mut of_shapes[(2 * k + j) * n + first..][..m];
            let at = j as f64;
            for i in 0..m {
                let number = number[first + i];
                let left = if number == at + 1.0 { of_0[i] } else { 0.0 };
                out[i] = if number == at { of_1[i] } else { left };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use elbo_testkit::assert_close;

    #[test]
    fn a_raw_zero_means_a_slope_of_one() {
        assert_close("slope", slope(0.0), 1.0, 1e-15);
        let exact = (1.0 - LEAST).exp_m1().ln();
        assert_close("offset", OFFSET, exact, 1e-15);
    }

    #[test]
    fn shares_sum_to_one_and_none_vanishes() {
        let mut raw = [900.0, 0.0, -3.0, 1.0, 0.0, 2.0];
        shares(&mut raw, 2);
        assert_close("sum", raw[0] + raw[2] + raw[4], 1.0, 1e-15);
        assert_close("sum", raw[1] + raw[3] + raw[5], 1.0, 1e-15);
        assert!(raw.iter().all(|v| *v >= LEAST));
    }
}
