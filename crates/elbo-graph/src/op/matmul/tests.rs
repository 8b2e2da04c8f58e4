//! Products of every width against the sums that define them.

use super::*;
use crate::shape::Shape;

/// Numbers that no two sums share.
fn numbers(n: usize, phase: f64) -> Vec<f64> {
    (0..n).map(|i| (1.7 * i as f64 + phase).sin()).collect()
}

#[test]
fn products_and_their_adjoints_are_the_sums_that_they_stand_for() {
    let rows = 11;
    for lanes in [1, 2, 4, 8, 16] {
        for (inner, cols) in [(1, 1), (5, 1), (8, 1), (9, 1), (19, 1), (3, 2), (13, 3)] {
            let known = numbers(rows * inner, 0.1);
            let (b, c) = (
                numbers(inner * cols * lanes, 0.2),
                numbers(rows * cols * lanes, 0.3),
            );
            let a = Operand {
                values: Values::Data(&known),
                shape: Shape::matrix(rows, inner),
            };
            let operand = Operand {
                values: Values::Lanes(&b),
                shape: Shape::matrix(inner, cols),
            };
            let mut out = vec![f64::NAN; c.len()];
            forward(&mut out, &a, &operand, lanes, false);
            let mut adjoint = vec![0.5; b.len()];
            backward_b(&mut adjoint, &c, &a, cols, lanes);
            let close = |what, found: &[f64], sum: &dyn Fn(usize, usize, usize) -> f64| {
                for (at, found) in found.iter().enumerate() {
                    let (i, m, l) = (at / lanes / cols, at / lanes % cols, at % lanes);
                    // At most 19 terms of at most 1.
                    elbo_testkit::assert_close(what, *found, sum(i, m, l), 1e-14);
                }
            };
            close("product", &out, &|r, m, l| {
                let term = |k| known[r * inner + k] * b[(k * cols + m) * lanes + l];
                (0..inner).map(term).sum()
            });
            close("adjoint", &adjoint, &|k, m, l| {
                let term = |r| known[r * inner + k] * c[(r * cols + m) * lanes + l];
                0.5 + (0..rows).map(term).sum::<f64>()
            });
        }
    }
}
