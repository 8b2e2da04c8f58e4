//! Monotone rational-quadratic splines `[@durkan2019spline]`, stretched and shifted.
//!
//! `K` bins on `[−B, B]` with the identity outside, then `y = v e^s + t` as in `real_nvp`: the spline
//! gives the shape, the affine map moves all of it, tails included. A shape is `K` raw widths, `K` raw
//! heights (both through a softmax), `K − 1` raw slopes at the inner knots (through a softplus; the
//! slopes at `±B` are 1), the raw log scale and the shift. All zeros make equal bins of slope 1: the
//! identity. The arithmetic over lanes is `spline_lanes`.

use super::Elementwise;
use super::elementwise::{rows, rows_mut};
use super::real_nvp::{saturate, shrink, stretch, through};
use super::spline_lanes::{self as lanes, Domain};

/// A monotone spline.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RationalQuadratic {
    n_bins: usize,
    bound: f64,
}

/// Rows of a tape: slope, curvature, the seven of a [`lanes::Bin`], the spline's value, the affine
/// map's slope, and two that hold the edges while a bin is looked for.
const TAPE: usize = 13;

impl RationalQuadratic {
    /// With `n_bins` bins on `[−bound, bound]`; `None` unless there are 2 to 500 bins and the bound
    /// is positive and finite.
    pub fn new(n_bins: usize, bound: f64) -> Option<Self> {
        ((2..=500).contains(&n_bins) && bound > 0.0 && bound.is_finite())
            .then_some(Self { n_bins, bound })
    }

    fn size(self) -> Domain {
        Domain {
            n_bins: self.n_bins,
            bound: self.bound,
        }
    }

    /// Numbers that shape the spline itself.
    fn n_knots(self) -> usize {
        3 * self.n_bins - 1
    }
}

impl Elementwise for RationalQuadratic {
    const NAME: &'static str = "neural_spline";

    fn n_shapes(&self) -> usize {
        self.n_knots() + 2
    }

    fn n_tape(&self) -> usize {
        TAPE
    }

    /// Raw widths and heights become shares of the box, the raw scale its hyperbolic tangent.
    fn prepare(&self, shapes: &mut [f64], n: usize) {
        let k = self.n_bins;
        let (sizes, rest) = shapes.split_at_mut(2 * k * n);
        let (widths, heights) = sizes.split_at_mut(k * n);
        lanes::shares(widths, n);
        lanes::shares(heights, n);
        saturate(&mut rest[(k - 1) * n..k * n]);
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
        let (knots, affine) = shapes.split_at(self.n_knots() * n);
        lanes::locate(self.size(), x, false, knots, &mut tape[2 * n..]);
        lanes::forward(x, tape, y, log_slope);
        let [slope, _, rest @ ..] = rows_mut::<TAPE>(tape, n);
        rest[7].copy_from_slice(y);
        stretch(affine, rest[8], y, log_slope);
        for (total, own) in slope.iter_mut().zip(&*rest[8]) {
            *total *= own;
        }
    }

    fn inverse(&self, y: &[f64], shapes: &[f64], x: &mut [f64]) {
        let n = y.len();
        let (knots, affine) = shapes.split_at(self.n_knots() * n);
        let mut v = y.to_vec();
        shrink(affine, &mut v);
        let mut bins = vec![0.0; (TAPE - 2) * n];
        lanes::locate(self.size(), &v, true, knots, &mut bins);
        lanes::inverse(&v, &bins, x);
    }

    fn backward(
        &self,
        shapes: &[f64],
        tape: &[f64],
        of_y: &mut [f64],
        of_log_slope: &[f64],
        of_shapes: &mut [f64],
    ) {
        let n = of_y.len();
        let (knots, affine) = shapes.split_at(self.n_knots() * n);
        let (of_knots, of_affine) = of_shapes.split_at_mut(self.n_knots() * n);
        let [_, _, rest @ ..] = rows::<TAPE>(tape, n);
        through(affine, rest[8], rest[7], of_y, of_log_slope, of_affine);
        lanes::backward(
            self.size(),
            knots,
            &tape[2 * n..],
            of_y,
            of_log_slope,
            of_knots,
        );
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
