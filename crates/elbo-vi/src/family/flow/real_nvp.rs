//! Affine coupling: `y = x e^s + t` `[@dinh2017realnvp, eq. 4]`.
//!
//! The log scale is `s = 4 tanh(raw/4)`: a single layer cannot make draws overflow.

use super::Elementwise;

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

    fn forward(&self, x: f64, shape: &[f64]) -> (f64, f64) {
        let s = LARGEST * (shape[0] / LARGEST).tanh();
        (x * s.exp() + shape[1], s)
    }

    fn inverse(&self, y: f64, shape: &[f64]) -> f64 {
        let s = LARGEST * (shape[0] / LARGEST).tanh();
        (y - shape[1]) * (-s).exp()
    }

    fn backward(
        &self,
        x: f64,
        shape: &[f64],
        (of_y, of_log_slope): (f64, f64),
        shape_cotangent: &mut [f64],
    ) -> f64 {
        let t = (shape[0] / LARGEST).tanh();
        let slope = (LARGEST * t).exp();
        shape_cotangent[0] = (of_y * x * slope + of_log_slope) * (1.0 - t * t);
        shape_cotangent[1] = of_y;
        of_y * slope
    }

    fn settings(&self) -> Vec<f64> {
        Vec::new()
    }

    fn from_settings(settings: &[f64]) -> Option<Self> {
        settings.is_empty().then_some(Self)
    }
}
