//! A small multilayer perceptron over many draws, with its adjoint.
//!
//! `h ← tanh(W h + b)` for each hidden layer, then `W h + b`; activations are `(width, n_draws)`, so
//! each layer is one matrix product. It owns shapes only: the weights are a slice of a flow's `λ`,
//! layer by layer, `W` row by row and then `b`. Deliberately absent: training.

use elbo_math::linalg::{Matrix, axpy, matmul, matmul_nt, matmul_tn};
use elbo_math::random::{Stream, standard_normal};
use elbo_math::simd;

/// The widths of all layers, input first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Perceptron {
    widths: Vec<usize>,
}

/// The input of every layer of one evaluation, and the output last.
pub(super) struct Activations(Vec<Matrix>);

impl Activations {
    pub(super) fn output(&self) -> &Matrix {
        &self.0[self.0.len() - 1]
    }
}

impl Perceptron {
    pub(super) fn new(n_inputs: usize, hidden: &[usize], n_outputs: usize) -> Self {
        let mut widths = vec![n_inputs];
        widths.extend_from_slice(hidden);
        widths.push(n_outputs);
        Self { widths }
    }

    pub(super) fn n_params(&self) -> usize {
        self.widths.windows(2).map(|w| (w[0] + 1) * w[1]).sum()
    }

    /// Weights at which the output is zero for every input: hidden layers random with variance
    /// 1/width, the last layer zero.
    pub(super) fn silent(&self, stream: &mut Stream) -> Vec<f64> {
        let mut params = Vec::with_capacity(self.n_params());
        let last = self.widths.len() - 2;
        for (layer, w) in self.widths.windows(2).enumerate() {
            let size = if layer == last {
                0.0
            } else {
                (w[0].max(1) as f64).sqrt().recip()
            };
            params.extend((0..w[0] * w[1]).map(|_| size * standard_normal(stream)));
            params.extend(vec![0.0; w[1]]);
        }
        params
    }

    /// Each layer's weights and biases, in order.
    fn layers<'a>(&self, params: &'a [f64]) -> Vec<(Matrix, &'a [f64])> {
        let mut rest = params;
        self.widths
            .windows(2)
            .map(|w| {
                let (weights, after) = rest.split_at(w[0] * w[1]);
                let (biases, after) = after.split_at(w[1]);
                rest = after;
                (Matrix::from_vec(w[1], w[0], weights.to_vec()), biases)
            })
            .collect()
    }

    pub(super) fn forward(&self, params: &[f64], input: Matrix) -> Activations {
        let layers = self.layers(params);
        let last = layers.len() - 1;
        let mut all = vec![input];
        for (l, (weights, biases)) in layers.iter().enumerate() {
            let mut out = matmul(weights, &all[l]);
            for (i, b) in biases.iter().enumerate() {
                for v in out.row_mut(i) {
                    *v += b;
                }
            }
            if l < last {
                tanh(out.as_mut_slice());
            }
            all.push(out);
        }
        Activations(all)
    }

    /// Adds the weights' gradient for a cotangent of the output, where it is wanted; returns the
    /// input's.
    pub(super) fn backward(
        &self,
        params: &[f64],
        activations: &Activations,
        cotangent: Matrix,
        mut gradient: Option<&mut [f64]>,
    ) -> Matrix {
        let layers = self.layers(params);
        let mut cotangent = cotangent;
        let mut end = self.n_params();
        for (l, (weights, _)) in layers.iter().enumerate().rev() {
            if l < layers.len() - 1 {
                let activated = activations.0[l + 1].as_slice();
                for (c, a) in cotangent.as_mut_slice().iter_mut().zip(activated) {
                    *c *= 1.0 - a * a;
                }
            }
            if let Some(gradient) = gradient.as_deref_mut() {
                let (n_weights, n_biases) = (weights.rows() * weights.cols(), weights.rows());
                let part = &mut gradient[end - n_weights - n_biases..end];
                let outer = matmul_nt(&cotangent, &activations.0[l]);
                axpy(1.0, outer.as_slice(), &mut part[..n_weights]);
                for (i, g) in part[n_weights..].iter_mut().enumerate() {
                    *g += cotangent.row(i).iter().sum::<f64>();
                }
                end -= n_weights + n_biases;
            }
            cotangent = matmul_tn(weights, &cotangent);
        }
        cotangent
    }
}

/// `1 − 2/(e^{2x} + 1)`, which saturates without overflow.
fn tanh(x: &mut [f64]) {
    for v in x.iter_mut() {
        *v = (2.0 * *v).clamp(-40.0, 40.0);
    }
    simd::exp(x);
    for v in x {
        *v = 1.0 - 2.0 / (*v + 1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use elbo_math::random::stream;
    use elbo_testkit::{assert_all_close, gradient};

    #[test]
    fn the_adjoint_agrees_with_finite_differences() {
        let net = Perceptron::new(2, &[4, 3], 2);
        let mut rng = stream(3, "perceptron/tests", 0);
        let params: Vec<f64> = (0..net.n_params())
            .map(|_| standard_normal(&mut rng))
            .collect();
        let input: Vec<f64> = (0..6).map(|_| standard_normal(&mut rng)).collect();
        let cotangent: Vec<f64> = (0..6).map(|_| standard_normal(&mut rng)).collect();
        let value = |params: &[f64], input: &[f64]| {
            let out = net.forward(params, Matrix::from_vec(2, 3, input.to_vec()));
            elbo_math::linalg::dot(out.output().as_slice(), &cotangent)
        };
        let activations = net.forward(&params, Matrix::from_vec(2, 3, input.clone()));
        let mut by_params = vec![0.0; params.len()];
        let by_input = net.backward(
            &params,
            &activations,
            Matrix::from_vec(2, 3, cotangent.clone()),
            Some(&mut by_params),
        );
        let expected = gradient(|p| value(p, &input), &params);
        assert_all_close("params", &by_params, &expected, 1e-9);
        let expected = gradient(|x| value(&params, x), &input);
        assert_all_close("input", by_input.as_slice(), &expected, 1e-9);
    }

    #[test]
    fn tanh_agrees_with_the_standard_library() {
        let mut x = [-50.0, -3.0, -1e-3, 0.0, 0.5, 30.0];
        let expected = x.map(f64::tanh);
        tanh(&mut x);
        // Cancellation near zero costs relative, not absolute, accuracy.
        assert_all_close("tanh", &x, &expected, 1e-15);
    }
}
