//! Affine coupling: `y = x e^s + t` `[@dinh2017realnvp, eq. 4]`.
//!
//! The log scale is `s = 4 tanh(raw/4)`: a single layer cannot make draws overflow.

use elbo_math::simd::exp_core;
use multiversion::multiversion;

use super::Elementwise;
use super::elementwise::{rows, rows_mut};

/// The largest log scale of one layer.
const LARGEST: f64 = 4.0;

/// Shape `(raw log scale, shift)`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Affine;

impl Elementwise for Affine {
    const NAME: &'static str = "real_nvp";

    fn n_shapes(&self) -> usize {
        2
    }

    /// Slope, curvature, `x`.
    fn n_tape(&self) -> usize {
        3
    }

    /// The raw scale becomes `tanh(raw/4)`.
    fn prepare(&self, shapes: &mut [f64], n: usize) {
        saturate(&mut shapes[..n]);
    }

    fn forward(
        &self,
        x: &[f64],
        shapes: &[f64],
        tape: &mut [f64],
        y: &mut [f64],
        log_slope: &mut [f64],
    ) {
        let n = x.len();
        let [slope, curvature, kept] = rows_mut(tape, n);
        curvature.fill(0.0);
        kept.copy_from_slice(x);
        y.copy_from_slice(x);
        stretch(shapes, slope, y, log_slope);
    }

    fn inverse(&self, y: &[f64], shapes: &[f64], x: &mut [f64]) {
        x.copy_from_slice(y);
        shrink(shapes, x);
    }

    fn backward(
        &self,
        shapes: &[f64],
        tape: &[f64],
        of_y: &mut [f64],
        of_log_slope: &[f64],
        of_shapes: &mut [f64],
    ) {
        let [slope, _, x] = rows(tape, of_y.len());
        through(shapes, slope, x, of_y, of_log_slope, of_shapes);
    }

    fn settings(&self) -> Vec<f64> {
        Vec::new()
    }

    fn from_settings(settings: &[f64]) -> Option<Self> {
        settings.is_empty().then_some(Self)
    }
}

/// `raw ← tanh(raw/4)`.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2"))]
pub(super) fn saturate(raw: &mut [f64]) {
    for v in raw {
        let twice = (2.0 / LARGEST * *v).clamp(-40.0, 40.0);
        *v = 1.0 - 2.0 / (exp_core(twice) + 1.0);
    }
}

/// `v ← v e^s + t`, the slope `e^s`, and `s` added to the log slope.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2"))]
pub(super) fn stretch(shapes: &[f64], slope: &mut [f64], v: &mut [f64], log_slope: &mut [f64]) {
    let (saturated, shift) = shapes.split_at(v.len());
    for ((((v, slope), log_slope), s), t) in v
        .iter_mut()
        .zip(slope)
        .zip(log_slope)
        .zip(saturated)
        .zip(shift)
    {
        let s = LARGEST * s;
        *slope = exp_core(s);
        *v = *v * *slope + t;
        *log_slope += s;
    }
}

/// `v ← (v − t) e^−s`.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2"))]
pub(super) fn shrink(shapes: &[f64], v: &mut [f64]) {
    let (saturated, shift) = shapes.split_at(v.len());
    for ((v, s), t) in v.iter_mut().zip(saturated).zip(shift) {
        *v = (*v - t) * exp_core(-LARGEST * s);
    }
}

/// The adjoint of `stretch`, given its slope and argument: writes the shapes' cotangents, turns `of_y`
/// into the argument's.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2"))]
pub(super) fn through(
    shapes: &[f64],
    slope: &[f64],
    argument: &[f64],
    of_y: &mut [f64],
    of_log_slope: &[f64],
    of_shapes: &mut [f64],
) {
    let n = of_y.len();
    let (of_scale, of_shift) = of_shapes.split_at_mut(n);
    for s in 0..n {
        let of_v = of_y[s] * slope[s];
        of_scale[s] = (of_v * argument[s] + of_log_slope[s]) * (1.0 - shapes[s] * shapes[s]);
        of_shift[s] = of_y[s];
        of_y[s] = of_v;
    }
}
