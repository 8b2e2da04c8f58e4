//! One coupling layer: some coordinates are kept and shape what happens to the others.
//!
//! `y_kept = x_kept`, `y_moved = f(x_moved; net(x_kept))`, elementwise. The Jacobian is triangular,
//! so its log determinant is the sum of the log slopes. Three passes: forward, inverse, and two
//! adjoints, of the forward map and of the log density carried along it.

use elbo_math::linalg::Matrix;

use super::Elementwise;
use super::perceptron::{Activations, Perceptron};

/// Which coordinates are kept and which moved, and the network between them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Coupling {
    kept: Vec<usize>,
    moved: Vec<usize>,
    pub(super) net: Perceptron,
}

/// What an adjoint needs of a pass.
pub(super) struct Tape {
    moved: Matrix, // x of the moved coordinates, (n_moved, n_draws)
    activations: Activations,
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

    /// Moves `state` forward; adds the log slopes.
    pub(super) fn forward<E: Elementwise>(
        &self,
        kind: &E,
        params: &[f64],
        state: &mut Matrix,
        log_det: &mut [f64],
    ) -> Tape {
        let activations = self.net.forward(params, rows(state, &self.kept));
        let moved = rows(state, &self.moved);
        self.each(kind, activations.output(), |k, s, shape| {
            let (y, log_slope) = kind.forward(moved[(k, s)], shape);
            state[(self.moved[k], s)] = y;
            log_det[s] += log_slope;
        });
        Tape { moved, activations }
    }

    /// Moves `state` backward; adds the log slopes of the forward map.
    pub(super) fn inverse<E: Elementwise>(
        &self,
        kind: &E,
        params: &[f64],
        state: &mut Matrix,
        log_det: &mut [f64],
    ) -> Tape {
        let activations = self.net.forward(params, rows(state, &self.kept));
        let mut moved = rows(state, &self.moved);
        self.each(kind, activations.output(), |k, s, shape| {
            let x = kind.inverse(moved[(k, s)], shape);
            moved[(k, s)] = x;
            state[(self.moved[k], s)] = x;
            log_det[s] += kind.forward(x, shape).1;
        });
        Tape { moved, activations }
    }

    /// The adjoint of [`forward`](Self::forward): `cotangent` of `y` becomes that of `x`; each draw's
    /// log determinant has the cotangent `of_log_det`.
    pub(super) fn backward<E: Elementwise>(
        &self,
        kind: &E,
        params: &[f64],
        tape: &Tape,
        cotangent: &mut Matrix,
        of_log_det: &[f64],
        gradient: &mut [f64],
    ) {
        let shapes = tape.activations.output();
        let mut of_shapes = Matrix::zeros(shapes.rows(), shapes.cols());
        let mut column = vec![0.0; kind.n_shapes()];
        self.each(kind, shapes, |k, s, shape| {
            let of = (cotangent[(self.moved[k], s)], of_log_det[s]);
            cotangent[(self.moved[k], s)] =
                kind.backward(tape.moved[(k, s)], shape, of, &mut column);
            write_column(&mut of_shapes, k, s, &column);
        });
        let of_kept = self
            .net
            .backward(params, &tape.activations, of_shapes, Some(gradient));
        add_rows(cotangent, &self.kept, &of_kept);
    }

    /// With `gradient` the derivative of `log q` in `x`, makes it the derivative of
    /// `log q − log_det` in `y`: the density's own, moved along.
    ///
    /// By the implicit function theorem `∂x/∂y = 1/f'` and `∂x/∂shape = −(∂f/∂shape)/f'`.
    pub(super) fn carry<E: Elementwise>(
        &self,
        kind: &E,
        params: &[f64],
        tape: &Tape,
        gradient: &mut Matrix,
    ) {
        let shapes = tape.activations.output();
        let mut of_shapes = Matrix::zeros(shapes.rows(), shapes.cols());
        let (mut slope_part, mut value_part) =
            (vec![0.0; kind.n_shapes()], vec![0.0; kind.n_shapes()]);
        self.each(kind, shapes, |k, s, shape| {
            let x = tape.moved[(k, s)];
            let of_x = kind.backward(x, shape, (0.0, -1.0), &mut slope_part);
            let slope = kind.forward(x, shape).1.exp();
            let of_y = (gradient[(self.moved[k], s)] + of_x) / slope;
            gradient[(self.moved[k], s)] = of_y;
            kind.backward(x, shape, (-of_y, 0.0), &mut value_part);
            for (a, b) in slope_part.iter_mut().zip(&value_part) {
                *a += b;
            }
            write_column(&mut of_shapes, k, s, &slope_part);
        });
        let of_kept = self
            .net
            .backward(params, &tape.activations, of_shapes, None);
        add_rows(gradient, &self.kept, &of_kept);
    }

    /// Calls `work(moved coordinate, draw, its shape)` for all of them.
    fn each<E: Elementwise>(
        &self,
        kind: &E,
        shapes: &Matrix,
        mut work: impl FnMut(usize, usize, &[f64]),
    ) {
        let n = kind.n_shapes();
        let mut shape = vec![0.0; n];
        for k in 0..self.moved.len() {
            for s in 0..shapes.cols() {
                for (j, v) in shape.iter_mut().enumerate() {
                    *v = shapes[(k * n + j, s)];
                }
                work(k, s, &shape);
            }
        }
    }
}

fn rows(state: &Matrix, wanted: &[usize]) -> Matrix {
    let mut part = Matrix::zeros(wanted.len(), state.cols());
    for (k, i) in wanted.iter().enumerate() {
        part.row_mut(k).copy_from_slice(state.row(*i));
    }
    part
}

fn add_rows(state: &mut Matrix, wanted: &[usize], part: &Matrix) {
    for (k, i) in wanted.iter().enumerate() {
        elbo_math::linalg::axpy(1.0, part.row(k), state.row_mut(*i));
    }
}

fn write_column(of_shapes: &mut Matrix, k: usize, s: usize, column: &[f64]) {
    for (j, v) in column.iter().enumerate() {
        of_shapes[(k * column.len() + j, s)] = *v;
    }
}
