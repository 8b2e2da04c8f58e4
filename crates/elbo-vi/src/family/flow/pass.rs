//! A flow evaluated at some draws, forward or backward, and what its derivatives need of that.
//!
//! The one idea: a training step asks one set of draws for the points, for `∂ log q/∂u` there and for the
//! gradient in `λ`; all three share one evaluation, in buffers that the next step uses again. Here `u`
//! are the frame's own coordinates, in which cotangents of the target are one product away.
//! Deliberately absent: points of the target itself (`frame`).

use elbo_math::linalg::dot;
use elbo_math::special::LN_2PI;

use super::coupling::Buffers;
use super::{Elementwise, Flow};
use crate::Draws;
use crate::family::full_rank::as_matrix;

/// Buffers for a number of draws; arrays are `(dimension, n_draws)`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pass {
    n: usize,
    pub(super) noise: Vec<f64>,
    out: Vec<f64>, // of the couplings
    /// The frame's coordinates of the draws.
    pub(crate) u: Vec<f64>,
    /// `log q` of the draws.
    pub(crate) log_q: Vec<f64>,
    /// `∂ log q/∂u`, after [`differentiate`](Flow::differentiate).
    pub(crate) of_log_q: Vec<f64>,
    /// What [`pull`](Flow::pull) takes, and uses up.
    pub(crate) cotangent: Vec<f64>,
    of_log_det: Vec<f64>,
    buffers: Vec<Buffers>,
}

impl<E: Elementwise> Flow<E> {
    /// Buffers for `n` draws.
    pub(crate) fn pass(&self, n: usize) -> Pass {
        let all = || vec![0.0; self.scales.len() * n];
        Pass {
            n,
            noise: all(),
            out: all(),
            u: all(),
            log_q: vec![0.0; n],
            of_log_q: all(),
            cotangent: all(),
            of_log_det: vec![0.0; n],
            buffers: self
                .couplings
                .iter()
                .map(|c| c.buffers(&self.kind, n))
                .collect(),
        }
    }

    /// Draws from noise.
    ///
    /// # Panics
    /// If the buffers are for another number of draws.
    pub(crate) fn run(&self, noise: &Draws, pass: &mut Pass) {
        assert_eq!(pass.n, noise.n_draws(), "the buffers are for other draws");
        pass.noise.copy_from_slice(noise.as_slice());
        pass.out.copy_from_slice(noise.as_slice());
        pass.log_q.fill(0.0);
        let mut first = 2 * self.scales.len();
        for (coupling, buffers) in self.couplings.iter().zip(&mut pass.buffers) {
            let params = &self.params[first..first + coupling.net.n_params()];
            first += params.len();
            coupling.forward(&self.kind, params, &mut pass.out, &mut pass.log_q, buffers);
        }
        let n = pass.n;
        for (i, s) in self.scales.iter().enumerate() {
            let rows = i * n..(i + 1) * n;
            for (u, v) in pass.u[rows.clone()].iter_mut().zip(&pass.out[rows]) {
                *u = self.params[i] + s * v;
            }
        }
        self.finish_log_q(pass);
    }

    /// The noise that made the points.
    pub(super) fn invert(&self, points: &Draws, pass: &mut Pass) {
        pass.u = self.frame.invert(as_matrix(points)).into_vec();
        let n = pass.n;
        for (i, s) in self.scales.iter().enumerate() {
            let rows = i * n..(i + 1) * n;
            for (v, u) in pass.out[rows.clone()].iter_mut().zip(&pass.u[rows]) {
                *v = (u - self.params[i]) / s;
            }
        }
        pass.noise.copy_from_slice(&pass.out);
        pass.log_q.fill(0.0);
        let mut end = self.params.len();
        for (coupling, buffers) in self.couplings.iter().zip(&mut pass.buffers).rev() {
            let params = &self.params[end - coupling.net.n_params()..end];
            end -= params.len();
            coupling.inverse(
                &self.kind,
                params,
                &mut pass.noise,
                &mut pass.log_q,
                buffers,
            );
        }
        self.finish_log_q(pass);
    }

    /// From log determinants to log densities: the noise's own less these.
    fn finish_log_q(&self, pass: &mut Pass) {
        let d = self.scales.len();
        let log_scales: f64 = self.params[d..2 * d].iter().sum();
        let constant = -0.5 * d as f64 * LN_2PI - log_scales - self.frame.log_det();
        for l in &mut pass.log_q {
            *l = constant - *l;
        }
        for z in pass.noise.chunks_exact(pass.n.max(1)) {
            for (l, v) in pass.log_q.iter_mut().zip(z) {
                *l -= 0.5 * v * v;
            }
        }
    }

    /// Fills [`of_log_q`](Pass::of_log_q) for the draws that the pass holds.
    pub(crate) fn differentiate(&self, pass: &mut Pass) {
        for (g, z) in pass.of_log_q.iter_mut().zip(&pass.noise) {
            *g = -z;
        }
        let mut first = 2 * self.scales.len();
        for (coupling, buffers) in self.couplings.iter().zip(&mut pass.buffers) {
            let params = &self.params[first..first + coupling.net.n_params()];
            first += params.len();
            coupling.carry(&self.kind, params, &mut pass.of_log_q, buffers);
        }
        let rows = pass.of_log_q.chunks_exact_mut(pass.n.max(1));
        for (row, s) in rows.zip(&self.scales) {
            for v in row {
                *v /= s;
            }
        }
    }

    /// Adds `Σ_s (∂u_s/∂λ)ᵀ v_s + w_s d log q/dλ` to `gradient`, with `v` the pass's
    /// [`cotangent`](Pass::cotangent) and the derivative of `log q` total.
    pub(crate) fn pull(&self, pass: &mut Pass, weights: &[f64], gradient: &mut [f64]) {
        let (d, n) = (self.scales.len(), pass.n);
        let total: f64 = weights.iter().sum();
        for (i, s) in self.scales.iter().enumerate() {
            let rows = i * n..(i + 1) * n;
            let row = &mut pass.cotangent[rows.clone()];
            gradient[i] += row.iter().sum::<f64>();
            gradient[d + i] += s * dot(row, &pass.out[rows]) - total;
            for v in row {
                *v *= s;
            }
        }
        // log q holds the log determinants with a minus.
        for (o, w) in pass.of_log_det.iter_mut().zip(weights) {
            *o = -w;
        }
        let mut end = self.params.len();
        for (coupling, buffers) in self.couplings.iter().zip(&mut pass.buffers).rev() {
            let range = end - coupling.net.n_params()..end;
            end = range.start;
            coupling.backward(
                &self.kind,
                &self.params[range.clone()],
                &mut pass.cotangent,
                &pass.of_log_det,
                &mut gradient[range],
                buffers,
            );
        }
    }
}
