//! The block kernels against loops over rows, for all paths and odd sizes.

use elbo_math::log_space::softmax_in_place;
use elbo_testkit::assert_all_close;

use super::*;
use crate::gmm::kernel::Block;
use crate::gmm::view::{Shape, View};

/// Log densities of a row, straight from the definition.
fn log_densities(view: &View, x: &[f64]) -> Vec<f64> {
    let (d, len) = (view.dim, view.shape.len(view.dim));
    let density = |k: usize| {
        let factor = &view.factors[k * len..(k + 1) * len];
        let z: Vec<f64> = (0..d).map(|j| x[j] - view.means[k * d + j]).collect();
        let y = |i: usize| match view.shape {
            Shape::Triangular => (0..=i)
                .map(|j| factor[i * (i + 1) / 2 + j] * z[j])
                .sum::<f64>(),
            Shape::Diagonal => factor[i] * z[i],
        };
        view.log_constants[k] - 0.5 * (0..d).map(|i| y(i).powi(2)).sum::<f64>()
    };
    (0..view.log_constants.len()).map(density).collect()
}

fn view(dim: usize, shape: Shape, separation: f64) -> View {
    let mut rng = random::stream(1, "gmm/tests/kernel", dim as u64);
    let mut normal = |n: usize, scale: f64| -> Vec<f64> {
        (0..n)
            .map(|_| scale * random::standard_normal(&mut rng))
            .collect()
    };
    View {
        dim,
        shape,
        means: normal(3 * dim, separation),
        factors: normal(3 * shape.len(dim), 1.0)
            .iter()
            .map(|f| 1.0 + 0.1 * f)
            .collect(),
        log_constants: normal(3, 1.0),
    }
}

#[test]
fn blocks_agree_with_loops_over_rows() {
    // Close centres take the dense path, far ones the sparse path.
    for (n, dim, separation) in [
        (1, 1, 1.0),
        (31, 2, 1.0),
        (33, 5, 30.0),
        (512, 6, 1.0),
        (500, 7, 30.0),
    ] {
        for shape in [Shape::Triangular, Shape::Diagonal] {
            let view = view(dim, shape, separation);
            let rows: Vec<f64> = clusters(n, dim, 3, 2)
                .iter()
                .enumerate()
                .map(|(i, x)| x + view.means[i / dim % 3 * dim + i % dim])
                .collect();
            let row = |i: usize| &rows[i * dim..(i + 1) * dim];
            let weight = |i: usize| 1.0 + (i % 3) as f64;

            let mut block = Block::default();
            block.load(n, &(0..dim).collect::<Vec<_>>(), row);
            block.assign(&view);
            let mut got = GmmStatistics::zeros(3, dim, shape);
            block.accumulate(&view, weight, &mut got);

            let mut expected = GmmStatistics::zeros(3, dim, shape);
            for i in 0..n {
                let mut r = log_densities(&view, row(i));
                let log_sum = softmax_in_place(&mut r);
                assert!((block.log_sum(i) - log_sum).abs() < 1e-12 * log_sum.abs().max(1.0));
                for k in 0..3 {
                    assert!((block.responsibility(i, k) - r[k]).abs() < 1e-11);
                    let z: Vec<f64> = (0..dim)
                        .map(|j| row(i)[j] - view.means[k * dim + j])
                        .collect();
                    let share = weight(i) * r[k];
                    let sums = expected.component_mut(k);
                    *sums.count += share;
                    for a in 0..dim {
                        sums.first[a] += share * z[a];
                        match shape {
                            Shape::Diagonal => sums.second[a] += share * z[a] * z[a],
                            Shape::Triangular => (0..=a).for_each(|b| {
                                sums.second[a * (a + 1) / 2 + b] += share * z[a] * z[b];
                            }),
                        }
                    }
                }
            }
            let (got, expected) = (
                crate::Statistics::as_slice(&got),
                crate::Statistics::as_slice(&expected),
            );
            assert_all_close("statistics", got, expected, 1e-9);
        }
    }
}
