//! Generalised hypergeometric functions, by their series.
//!
//! The one idea: derivatives with respect to what the terms are products of come out of the same loop.
//! Deliberately absent: arguments at which the series does not converge, where the result is NaN.

use super::{Backward, Block};
use crate::number::Number;
use crate::shape::Shape;

/// `Σ_n Π_i (a_i)_n / Π_j (b_j)_n · zⁿ / n!` (`[@dlmf, eq. 16.2.1]`) of a vector of all `a`, all `b`
/// and `z`.
#[derive(Debug, Clone, Copy)]
pub struct Hypergeometric {
    /// How many `a`.
    pub upper: usize,
    /// How many `b`.
    pub lower: usize,
}

/// No series has more terms.
const MOST_TERMS: u32 = 200_000;

impl Hypergeometric {
    fn len(self) -> usize {
        self.upper + self.lower + 1
    }

    /// `Π (a_i + n) / Π (b_j + n)`.
    fn ratio<T: Number>(self, x: &[T], n: f64) -> T {
        let product = |x: &[T]| x.iter().fold(T::constant(1.0), |p, v| p * v.plus(n));
        let (upper, rest) = x.split_at(self.upper);
        product(upper) / product(&rest[..self.lower])
    }

    /// Adds terms up, each seen with its number; gives whether the series ended.
    fn series<T: Number>(self, x: &[T], mut see: impl FnMut(f64, T, T)) -> bool {
        let z = x[self.len() - 1];
        let mut term = T::constant(1.0);
        let (mut size, mut small) = (0.0, 0);
        for n in 0..MOST_TERMS {
            let n = f64::from(n);
            let ratio = self.ratio(x, n);
            see(n, term, ratio);
            size += term.value().abs();
            if !size.is_finite() {
                return false;
            }
            // Terms may grow again, and derivatives lag behind values.
            small = if term.value().abs() <= 1e-17 * size {
                small + 1
            } else {
                0
            };
            if small > 3 {
                return true;
            }
            term = term * ratio * z.times(1.0 / (n + 1.0));
        }
        false
    }
}

impl Block for Hypergeometric {
    fn name(&self) -> &'static str {
        "hypergeometric_pFq"
    }

    fn shape(&self, args: &[Shape]) -> Shape {
        assert_eq!(args[0].len(), self.len(), "all a, all b, z");
        Shape::SCALAR
    }

    fn forward<T: Number>(&self, lanes: usize, args: &[&[T]], out: &mut [T]) {
        for l in 0..lanes {
            let x: Vec<T> = args[0].iter().skip(l).step_by(lanes).copied().collect();
            let mut sum = T::constant(0.0);
            let ends = self.series(&x, |_, term, _| sum += term);
            out[l] = if ends { sum } else { T::constant(f64::NAN) };
        }
    }

    fn backward<T: Number>(&self, call: Backward<'_, T>) {
        let Backward {
            lanes,
            args,
            adjoint,
            gradient,
            ..
        } = call;
        for l in 0..lanes {
            let x: Vec<T> = args[0].iter().skip(l).step_by(lanes).copied().collect();
            let last = self.len() - 1;
            let mut slopes = vec![T::constant(0.0); self.len()];
            // Derivatives of the logarithm of a term, Σ_{k < n} 1/(a_i + k).
            let mut logs = vec![T::constant(0.0); last];
            self.series(&x, |n, term, ratio| {
                for i in 0..last {
                    slopes[i] += term * logs[i];
                    let step = x[i].plus(n).recip();
                    logs[i] += if i < self.upper { step } else { -step };
                }
                slopes[last] += term * ratio;
            });
            for (i, slope) in slopes.into_iter().enumerate() {
                gradient[i * lanes + l] += adjoint[l] * slope;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use elbo_testkit::assert_close;

    use super::*;
    use crate::{Graph, Shape};

    fn value(upper: usize, lower: usize, x: &[f64]) -> f64 {
        let mut graph = Graph::new();
        let x = graph.constant(x, Shape::vector(x.len()));
        let made = graph.block(Arc::new(Hypergeometric { upper, lower }), &[x]);
        graph.known(made).expect("all is known")[0]
    }

    #[test]
    fn special_cases_are_elementary() {
        // 1e-14: sums of a hundred terms of one sign.
        let log = value(2, 1, &[1.0, 1.0, 2.0, 0.4]);
        assert_close("2F1", log, -(0.6_f64.ln()) / 0.4, 1e-14);
        assert_close("0F0", value(0, 0, &[0.7]), 0.7_f64.exp(), 1e-14);
        assert_close("1F0", value(1, 0, &[1.5, 0.3]), 0.7_f64.powf(-1.5), 1e-14);
        // (−2)_n vanishes from n = 3 on: 1 − 2·2/3·z + 2·6/(3·4)/2·z².
        let polynomial = value(2, 1, &[-2.0, 2.0, 3.0, 0.5]);
        assert_close("ends", polynomial, 1.0 - 2.0 / 3.0 + 0.125, 1e-14);
        assert!(value(2, 1, &[1.0, 1.0, 2.0, 1.5]).is_nan());
    }

    #[test]
    fn all_arguments_have_derivatives() {
        let mut graph = Graph::new();
        let free = graph.parameter(Shape::vector(6));
        // Positive numbers, the last below 1.
        let x = graph.pointwise(crate::Function::InvLogit, &[free]);
        let made = graph.block(Arc::new(Hypergeometric { upper: 3, lower: 2 }), &[x]);
        graph.add_to_log_density(made);
        crate::tests::check(&graph);
    }
}
