//! The logarithm of the multivariate gamma function, entry by entry. Row-local.

use super::{Backward, Block};
use crate::number::Number;
use crate::shape::Shape;

/// `log Γ_d(x) = d (d − 1)/4 log π + Σ_{j=1}^{d} log Γ(x + (1 − j)/2)`.
#[derive(Debug, Clone, Copy)]
pub struct LogMultivariateGamma {
    /// Dimensions; with one it is `log Γ`.
    pub dimensions: usize,
}

impl LogMultivariateGamma {
    fn shift(j: usize) -> f64 {
        -0.5 * j as f64
    }
}

impl Block for LogMultivariateGamma {
    fn name(&self) -> &'static str {
        "lmgamma"
    }

    fn shape(&self, args: &[Shape]) -> Shape {
        args[0]
    }

    fn by_row(&self, _: usize) -> bool {
        true
    }

    fn forward<T: Number>(&self, _: usize, args: &[&[T]], out: &mut [T]) {
        let d = self.dimensions as f64;
        let constant = d * (d - 1.0) / 4.0 * std::f64::consts::PI.ln();
        for (out, x) in out.iter_mut().zip(args[0]) {
            *out = T::constant(constant);
            for j in 0..self.dimensions {
                *out += x.plus(Self::shift(j)).ln_gamma_positive();
            }
        }
    }

    fn backward<T: Number>(&self, call: Backward<'_, T>) {
        let Backward {
            args,
            adjoint,
            gradient,
            ..
        } = call;
        for ((g, x), a) in gradient.iter_mut().zip(args[0]).zip(adjoint) {
            for j in 0..self.dimensions {
                *g += *a * x.plus(Self::shift(j)).digamma_positive();
            }
        }
    }
}
