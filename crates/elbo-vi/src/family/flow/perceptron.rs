//! A small multilayer perceptron over many draws, with its adjoint.
//!
//! `h ← tanh(W h + b)` for each hidden layer, then `W h + b`; activations are `(width, n_draws)` with a
//! row of ones below, so that each layer is one matrix product, forward, to its input and to its
//! weights. It owns shapes only: the weights are a slice of a flow's `λ`, layer by layer, each unit's
//! row of `W` followed by its bias; the activations are buffers that are made once. Deliberately
//! absent: training.

use elbo_math::linalg::{View, matmul_into};
use elbo_math::random::{Stream, standard_normal};
use elbo_math::simd::exp_core;
use multiversion::multiversion;

/// The widths of all layers, input first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Perceptron {
    widths: Vec<usize>,
}

/// The input of every layer of one evaluation with its row of ones, and the output last without.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Activations(Vec<Vec<f64>>);

impl Activations {
    pub(super) fn input_mut(&mut self) -> &mut [f64] {
        &mut self.0[0]
    }

    pub(super) fn input(&self) -> &[f64] {
        &self.0[0]
    }

    pub(super) fn output(&self) -> &[f64] {
        &self.0[self.0.len() - 1]
    }

    pub(super) fn output_mut(&mut self) -> &mut [f64] {
        let last = self.0.len() - 1;
        &mut self.0[last]
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

    /// Buffers for `n` draws.
    pub(super) fn activations(&self, n: usize) -> Activations {
        let last = self.widths.len() - 1;
        let layer = |(l, w): (usize, &usize)| {
            let mut rows = vec![0.0; w * n];
            if l < last {
                rows.extend(std::iter::repeat_n(1.0, n));
            }
            rows
        };
        Activations(self.widths.iter().enumerate().map(layer).collect())
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
            for _ in 0..w[1] {
                params.extend((0..w[0]).map(|_| size * standard_normal(stream)));
                params.push(0.0);
            }
        }
        params
    }

    /// From the input, which is in place, to the output.
    pub(super) fn forward(&self, params: &[f64], all: &mut Activations, n: usize) {
        let mut rest = params;
        for (l, w) in self.widths.windows(2).enumerate() {
            let (weights, after) = rest.split_at((w[0] + 1) * w[1]);
            rest = after;
            let (before, behind) = all.0.split_at_mut(l + 1);
            let out = &mut behind[0][..w[1] * n];
            matmul_into(
                out,
                false,
                View::new(weights, w[1], w[0] + 1, w[0] + 1),
                View::new(&before[l], w[0] + 1, n, n),
            );
            if l + 2 < self.widths.len() {
                tanh(out);
            }
        }
    }

    /// From the output's cotangent, which is in place, to the input's; adds the weights' gradient where
    /// it is wanted. The last row of each cotangent but the output's means nothing.
    pub(super) fn backward(
        &self,
        params: &[f64],
        all: &Activations,
        cotangents: &mut Activations,
        n: usize,
        mut gradient: Option<&mut [f64]>,
    ) {
        let mut end = self.n_params();
        for (l, w) in self.widths.windows(2).enumerate().rev() {
            let begin = end - (w[0] + 1) * w[1];
            let (before, behind) = cotangents.0.split_at_mut(l + 1);
            let cotangent = &mut behind[0][..w[1] * n];
            if l + 2 < self.widths.len() {
                through_tanh(cotangent, &all.0[l + 1]);
            }
            let seen = View::new(cotangent, w[1], n, n);
            if let Some(gradient) = gradient.as_deref_mut() {
                matmul_into(
                    &mut gradient[begin..end],
                    true,
                    seen,
                    View::new(&all.0[l], w[0] + 1, n, n).transpose(),
                );
            }
            matmul_into(
                &mut before[l][..w[0] * n],
                false,
                View::new(&params[begin..end], w[1], w[0], w[0] + 1).transpose(),
                seen,
            );
            end = begin;
        }
    }
}

/// `1 − 2/(e^{2x} + 1)`, which saturates without overflow.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2"))]
fn tanh(x: &mut [f64]) {
    for v in x {
        *v = 1.0 - 2.0 / (exp_core((2.0 * *v).clamp(-40.0, 40.0)) + 1.0);
    }
}

#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2"))]
fn through_tanh(cotangent: &mut [f64], activated: &[f64]) {
    for (c, a) in cotangent.iter_mut().zip(activated) {
        *c *= 1.0 - a * a;
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
        let evaluated = |params: &[f64], input: &[f64]| {
            let mut all = net.activations(3);
            all.input_mut()[..6].copy_from_slice(input);
            net.forward(params, &mut all, 3);
            all
        };
        let value = |params: &[f64], input: &[f64]| {
            elbo_math::linalg::dot(evaluated(params, input).output(), &cotangent)
        };
        let activations = evaluated(&params, &input);
        let mut cotangents = net.activations(3);
        cotangents.output_mut().copy_from_slice(&cotangent);
        let mut by_params = vec![1.0; params.len()];
        net.backward(
            &params,
            &activations,
            &mut cotangents,
            3,
            Some(&mut by_params),
        );
        let mut expected = gradient(|p| value(p, &input), &params);
        for g in &mut expected {
            *g += 1.0;
        }
        assert_all_close("params", &by_params, &expected, 1e-9);
        let expected = gradient(|x| value(&params, x), &input);
        assert_all_close("input", &cotangents.input()[..6], &expected, 1e-9);
    }

    #[test]
    fn a_perceptron_is_its_formula() {
        // One hidden unit: 3 tanh(2 x − 1) + 0.5.
        let net = Perceptron::new(1, &[1], 1);
        let mut all = net.activations(2);
        all.input_mut()[..2].copy_from_slice(&[0.3, -2.0]);
        net.forward(&[2.0, -1.0, 3.0, 0.5], &mut all, 2);
        let expected = [0.3_f64, -2.0].map(|x| 3.0 * (2.0 * x - 1.0).tanh() + 0.5);
        assert_all_close("output", all.output(), &expected, 1e-15);
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
