//! One coupling layer: some coordinates are kept and shape what happens to the others.
//!
//! `y_kept = x_kept`, `y_moved = f(x_moved; net(x_kept))`, elementwise. The Jacobian is triangular,
//! so its log determinant is the sum of the log slopes. Three passes over lanes of draws: forward,
//! inverse, and two adjoints, of the forward map and of the log density carried along it. States are
//! `(dimension, n_draws)`; everything else lives in [`Buffers`] that are made once.

use elbo_math::linalg::axpy;

use super::Elementwise;
use super::elementwise::{CURVATURE, SLOPE};
use super::perceptron::{Activations, Perceptron};

/// Which coordinates are kept and which moved, and the network between them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Coupling {
    kept: Vec<usize>,
    moved: Vec<usize>,
    pub(super) net: Perceptron,
}

/// What the passes leave for each other.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Buffers {
    n: usize,
    activations: Activations, // the output: shapes, as prepared
    cotangents: Activations,
    tapes: Vec<f64>, // (n_moved, n_tape, n_draws)
    scratch: Vec<f64>,
    minus_ones: Vec<f64>,
}

impl Coupling {
    /// Layer `index` of a flow: pairs of layers split the coordinates by one bit of their number,
    /// each side moved once, so that any two coordinates are on different sides of some layer.
    pub(super) fn new(dimension: usize, index: usize, hidden: &[usize], n_shapes: usize) -> Self {
        let n_bits = (usize::BITS - (dimension - 1).leading_zeros()).max(1) as usize;
        let side = |i: usize| (i >> (index / 2 % n_bits)) & 1;
        let (kept, moved): (Vec<usize>, Vec<usize>) = if dimension == 1 {
            (Vec::new(), vec![0])
        } else {
            (0..dimension).partition(|i| side(*i) == index % 2)
        };
        let net = Perceptron::new(kept.len(), hidden, n_shapes * moved.len());
        Self { kept, moved, net }
    }

    /// For `n` draws.
    pub(super) fn buffers<E: Elementwise>(&self, kind: &E, n: usize) -> Buffers {
        Buffers {
            n,
            activations: self.net.activations(n),
            cotangents: self.net.activations(n),
            tapes: vec![0.0; self.moved.len() * kind.n_tape() * n],
            scratch: vec![0.0; n],
            minus_ones: vec![-1.0; n],
        }
    }

    /// Moves `state` forward; adds the log slopes.
    pub(super) fn forward<E: Elementwise>(
        &self,
        kind: &E,
        params: &[f64],
        state: &mut [f64],
        log_det: &mut [f64],
        buffers: &mut Buffers,
    ) {
        let n = buffers.n;
        self.shapes(kind, params, state, buffers);
        let (shapes, scratch) = (buffers.activations.output(), &mut buffers.scratch);
        let each = shapes.chunks_exact(kind.n_shapes() * n);
        let tapes = buffers.tapes.chunks_exact_mut(kind.n_tape() * n);
        for ((i, shape), tape) in self.moved.iter().zip(each).zip(tapes) {
            let row = &mut state[i * n..(i + 1) * n];
            scratch.copy_from_slice(row);
            kind.forward(scratch, shape, tape, row, log_det);
        }
    }

    /// Moves `state` backward; adds the log slopes of the forward map.
    pub(super) fn inverse<E: Elementwise>(
        &self,
        kind: &E,
        params: &[f64],
        state: &mut [f64],
        log_det: &mut [f64],
        buffers: &mut Buffers,
    ) {
        let n = buffers.n;
        self.shapes(kind, params, state, buffers);
        let (shapes, scratch) = (buffers.activations.output(), &mut buffers.scratch);
        let each = shapes.chunks_exact(kind.n_shapes() * n);
        let tapes = buffers.tapes.chunks_exact_mut(kind.n_tape() * n);
        for ((i, shape), tape) in self.moved.iter().zip(each).zip(tapes) {
            let row = &mut state[i * n..(i + 1) * n];
            kind.inverse(row, shape, scratch);
            row.copy_from_slice(scratch);
            kind.forward(row, shape, tape, scratch, log_det);
        }
    }

    /// The shapes that the kept coordinates ask for, prepared.
    fn shapes<E: Elementwise>(
        &self,
        kind: &E,
        params: &[f64],
        state: &[f64],
        buffers: &mut Buffers,
    ) {
        let n = buffers.n;
        let input = buffers.activations.input_mut().chunks_exact_mut(n.max(1));
        for (i, row) in self.kept.iter().zip(input) {
            row.copy_from_slice(&state[i * n..(i + 1) * n]);
        }
        self.net.forward(params, &mut buffers.activations, n);
        let shapes = buffers.activations.output_mut();
        for shape in shapes.chunks_exact_mut((kind.n_shapes() * n).max(1)) {
            kind.prepare(shape, n);
        }
    }

    /// The adjoint of [`forward`](Self::forward): `cotangent` of `y` becomes that of `x`; each draw's
    /// log determinant has the cotangent `of_log_det`.
    pub(super) fn backward<E: Elementwise>(
        &self,
        kind: &E,
        params: &[f64],
        cotangent: &mut [f64],
        of_log_det: &[f64],
        gradient: &mut [f64],
        buffers: &mut Buffers,
    ) {
        let n = buffers.n;
        let each = buffers
            .activations
            .output()
            .chunks_exact(kind.n_shapes() * n);
        let of_each = buffers.cotangents.output_mut();
        let of_each = of_each.chunks_exact_mut(kind.n_shapes() * n);
        let tapes = buffers.tapes.chunks_exact(kind.n_tape() * n);
        for (((i, shape), of_shape), tape) in self.moved.iter().zip(each).zip(of_each).zip(tapes) {
            let of_y = &mut cotangent[i * n..(i + 1) * n];
            kind.backward(shape, tape, of_y, of_log_det, of_shape);
        }
        self.through_net(params, cotangent, Some(gradient), buffers);
    }

    /// With `gradient` the derivative of `log q` in `x`, makes it the derivative of
    /// `log q − log_det` in `y`: the density's own, moved along.
    ///
    /// By the implicit function theorem `∂x/∂y = 1/f'` and `∂x/∂shape = −(∂f/∂shape)/f'`.
    pub(super) fn carry<E: Elementwise>(
        &self,
        kind: &E,
        params: &[f64],
        gradient: &mut [f64],
        buffers: &mut Buffers,
    ) {
        let n = buffers.n;
        let each = buffers
            .activations
            .output()
            .chunks_exact(kind.n_shapes() * n);
        let of_each = buffers.cotangents.output_mut();
        let of_each = of_each.chunks_exact_mut(kind.n_shapes() * n);
        let tapes = buffers.tapes.chunks_exact(kind.n_tape() * n);
        let scratch = &mut buffers.scratch;
        for (((i, shape), of_shape), tape) in self.moved.iter().zip(each).zip(of_each).zip(tapes) {
            let slope = &tape[SLOPE * n..(SLOPE + 1) * n];
            let curvature = &tape[CURVATURE * n..(CURVATURE + 1) * n];
            let row = &mut gradient[i * n..(i + 1) * n];
            for s in 0..n {
                row[s] = (row[s] - curvature[s]) / slope[s];
                scratch[s] = -row[s];
            }
            kind.backward(shape, tape, scratch, &buffers.minus_ones, of_shape);
        }
        self.through_net(params, gradient, None, buffers);
    }

    fn through_net(
        &self,
        params: &[f64],
        state: &mut [f64],
        gradient: Option<&mut [f64]>,
        buffers: &mut Buffers,
    ) {
        let n = buffers.n;
        let cotangents = &mut buffers.cotangents;
        self.net
            .backward(params, &buffers.activations, cotangents, n, gradient);
        let of_kept = buffers.cotangents.input().chunks_exact(n.max(1));
        for (i, row) in self.kept.iter().zip(of_kept) {
            axpy(1.0, row, &mut state[i * n..(i + 1) * n]);
        }
    }
}
