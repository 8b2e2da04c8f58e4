//! The same free points in Stan: differences of log densities, and slopes.
//!
//! Values are those of stanli 0.24 (`Model.log_prob_grad`), for `parameters { T x; }` and
//! `model { for (i in 1:size(x)) target += i * square(x[i]); }`, matrices row by row, at
//! `a_k = 0.3 cos k` and `b_k = 0.9 sin(2 k + 1)`, k from 0: `log p(b) − log p(a)`, and
//! `∇ log p(b)ᵀ (b − a)`. Stan drops constants, which differences do not see. Stochastic matrices are
//! not there (stanli has none); they are simplexes, column by column.

use elbo_testkit::assert_close;

use super::*;
use crate::{Function, Program};

fn rows() -> Vec<(Transform<Vec<f64>>, f64, f64)> {
    vec![
        (
            Transform::Lower(vec![-1.5]),
            1.4327573159472502,
            7.81069459800605,
        ),
        (
            Transform::Upper(vec![2.0]),
            -2.139674111407391,
            1.4312840393205233,
        ),
        (
            Transform::LowerUpper(vec![-1.0], vec![3.0]),
            6.504085167245394,
            10.069454502102253,
        ),
        (
            Transform::OffsetMultiplier(vec![1.0], vec![2.5]),
            31.73258692121282,
            62.99868846386126,
        ),
        (
            Transform::Ordered { size: 4 },
            32.23802375132796,
            61.83529545682245,
        ),
        (
            Transform::PositiveOrdered { size: 3 },
            17.002241240451262,
            29.886792272094173,
        ),
        (
            Transform::Simplex { size: 4 },
            -0.20272979975149585,
            -0.3830234768537221,
        ),
        (
            Transform::UnitVector { size: 3 },
            0.09137720721890363,
            -0.7315534444269295,
        ),
        (
            Transform::SumToZero { size: 5 },
            4.902642458454876,
            11.202690823979832,
        ),
        (
            Transform::SumToZeroMatrix { rows: 3, cols: 4 },
            10.780274339635435,
            22.93553910070618,
        ),
        (
            Transform::CorrMatrix { size: 4 },
            13.357949970194717,
            5.513072674814092,
        ),
        (
            Transform::CovMatrix { size: 3 },
            14.799257200441478,
            112.27929186503673,
        ),
        (
            Transform::CholeskyFactorCorr { size: 4 },
            -4.210729631713939,
            -8.71997122598253,
        ),
        (
            Transform::CholeskyFactorCov { rows: 4, cols: 3 },
            4.621149203159362,
            31.69784476665474,
        ),
    ]
}

#[test]
fn free_points_mean_what_they_mean_in_stan() {
    for (transform, difference, slope) in rows() {
        let mut graph = Graph::new();
        let shape = if transform.is_entrywise() {
            Shape::vector(4)
        } else {
            Shape::matrix(1, transform.free_len())
        };
        let free = graph.parameter(shape);
        let name = transform.name();
        let done = transform
            .map_bounds(|b| number(&mut graph, b[0]))
            .apply(&mut graph, free);
        done.add_log_jacobian(&mut graph);
        let square = graph.pointwise(Function::Square, &[done.value]);
        let shape = graph.shape(square);
        let weights: Vec<f64> = (1..=shape.len()).map(|i| i as f64).collect();
        let weights = graph.constant(weights, shape);
        let term = graph.pointwise(Function::Multiply, &[weights, square]);
        graph.add_to_log_density(term);
        let program = Program::new(&graph);
        let n = program.dimension();
        let a: Vec<f64> = (0..n).map(|k| 0.3 * (k as f64).cos()).collect();
        let b: Vec<f64> = (0..n).map(|k| 0.9 * (2.0 * k as f64 + 1.0).sin()).collect();
        let at = |x: &[f64]| {
            let (mut value, mut gradient) = ([0.0], vec![0.0; n]);
            program.log_densities_and_gradients(x, 1, None, &mut value, &mut gradient);
            (value[0], gradient)
        };
        let ((low, _), (high, gradient)) = (at(&a), at(&b));
        let along: f64 = (0..n).map(|k| gradient[k] * (b[k] - a[k])).sum();
        // Both sides round at about 1e-15 of numbers up to 1e2.
        assert_close(name, high - low, difference, 1e-12);
        assert_close(name, along, slope, 1e-12);
    }
}

#[test]
fn stochastic_matrices_are_simplexes_column_by_column() {
    let x: Vec<f64> = (0..6).map(|k| (2.0 * f64::from(k) + 1.0).sin()).collect();
    let constrained = |transform: Transform, n: usize, x: &[f64]| {
        let mut graph = Graph::new();
        let done = transform.parameters(&mut graph, n);
        done.add_log_jacobian(&mut graph);
        let program = Program::with_outputs(&graph, &[done.value]);
        let mut value = [0.0];
        program.log_densities(x, 1, &mut value);
        (program.outputs(x, 1).remove(0), value[0])
    };
    let (columns, sum) = constrained(Transform::Simplex { size: 4 }, 2, &x);
    let (matrix, total) = constrained(Transform::ColumnStochastic { rows: 4, cols: 2 }, 1, &x);
    let by_row: Vec<f64> = (0..8).map(|e| columns[(e % 2) * 4 + e / 2]).collect();
    assert_eq!((matrix, total), (by_row, sum));
    // Free coordinates of rows come column by column too.
    let by_column: Vec<f64> = (0..6).map(|e| x[(e % 2) * 3 + e / 2]).collect();
    let (matrix, _) = constrained(Transform::RowStochastic { rows: 2, cols: 4 }, 1, &by_column);
    assert_eq!(matrix, columns);
}
