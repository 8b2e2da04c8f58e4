//! Round trips, log-Jacobians against numeric ones, and Stan's log densities.

use elbo_math::linalg::{Cholesky, Matrix, matmul_tn};
use elbo_math::random::{self, RngExt};
use elbo_testkit::assert_close;

use super::*;
use crate::program::Program;

fn vectors() -> Vec<Transform<Vec<f64>>> {
    vec![
        Transform::Ordered { size: 4 },
        Transform::PositiveOrdered { size: 3 },
        Transform::Simplex { size: 4 },
        Transform::SumToZero { size: 5 },
        Transform::SumToZeroMatrix { rows: 3, cols: 4 },
        Transform::ColumnStochastic { rows: 3, cols: 2 },
        Transform::RowStochastic { rows: 2, cols: 4 },
        Transform::CorrMatrix { size: 4 },
        Transform::CovMatrix { size: 3 },
        Transform::CholeskyFactorCorr { size: 4 },
        Transform::CholeskyFactorCov { rows: 4, cols: 3 },
    ]
}

fn scalars() -> Vec<Transform<Vec<f64>>> {
    let (infinity, minus_infinity) = (f64::INFINITY, f64::NEG_INFINITY);
    vec![
        Transform::Identity,
        Transform::Lower(vec![-1.5]),
        Transform::Upper(vec![2.0]),
        Transform::LowerUpper(vec![-1.0], vec![3.0]),
        Transform::OffsetMultiplier(vec![1.0], vec![2.5]),
        // Some bounds absent, each in its own way.
        Transform::Lower(vec![0.5, minus_infinity, 1.0, minus_infinity]),
        Transform::LowerUpper(
            vec![0.0, minus_infinity, 1.0, minus_infinity],
            vec![2.0, 3.0, infinity, infinity],
        ),
    ]
}

/// A program that gives values and the log-Jacobian of `n` values.
fn program(transform: &Transform<Vec<f64>>, n: usize) -> Program {
    let mut graph = Graph::new();
    let shape = if transform.is_entrywise() {
        Shape::vector(4)
    } else {
        Shape::matrix(n, transform.free_len())
    };
    let free = graph.parameter(shape);
    let with_nodes = transform.clone().map_bounds(|b| {
        let shape = Shape::vector(b.len());
        graph.constant(b, shape)
    });
    let done = with_nodes.apply(&mut graph, free);
    done.add_log_jacobian(&mut graph);
    Program::with_outputs(&graph, &[done.value])
}

fn evaluate(program: &Program, x: &[f64]) -> (Vec<f64>, f64) {
    let mut value = [0.0];
    program.log_densities(x, 1, &mut value);
    (program.outputs(x, 1).remove(0), value[0])
}

fn point(dimension: usize, seed: u64) -> Vec<f64> {
    let mut rng = random::stream(seed, "transform/tests", 0);
    (0..dimension)
        .map(|_| rng.random_range(-1.5..1.5))
        .collect()
}

#[test]
fn unconstrain_is_the_inverse() {
    for transform in scalars().into_iter().chain(vectors()) {
        let program = program(&transform, 3);
        for seed in 0..5 {
            let x = point(program.dimension(), seed);
            let (value, _) = evaluate(&program, &x);
            let back = transform.unconstrain(&value).expect("the constraint holds");
            assert_eq!(back.len(), x.len(), "{}", transform.name());
            for (a, b) in back.iter().zip(&x) {
                assert_close(transform.name(), *a, *b, 1e-12);
            }
        }
    }
}

/// The columns of `d value / d free`, by central differences.
fn jacobian(program: &Program, x: &[f64]) -> Vec<Vec<f64>> {
    let h = 1e-5;
    (0..x.len())
        .map(|i| {
            let moved = |by: f64| {
                let mut x = x.to_vec();
                x[i] += by;
                evaluate(program, &x).0
            };
            let (up, down) = (moved(h), moved(-h));
            let slope = |(up, down): (&f64, &f64)| (up - down) / (2.0 * h);
            up.iter().zip(&down).map(slope).collect()
        })
        .collect()
}

/// Half of `log det JᵀJ` for the entries of a value that determine it.
fn numeric_log_jacobian(program: &Program, x: &[f64], entries: &[usize]) -> f64 {
    let columns = jacobian(program, x);
    let j = Matrix::from_fn(entries.len(), x.len(), |r, c| columns[c][entries[r]]);
    let square = matmul_tn(&j, &j);
    0.5 * Cholesky::new(&square).expect("full rank").log_det()
}

/// Entries that determine a value: all but what follows from the others. For isometries, all.
fn free_entries(transform: &Transform<Vec<f64>>) -> Vec<usize> {
    let Shape { rows, cols } = transform.shape();
    let all = 0..rows * cols;
    let keep = |e: &usize| {
        let (i, j) = (e / cols, e % cols);
        match transform {
            Transform::Simplex { .. } | Transform::ColumnStochastic { .. } => i + 1 < rows,
            Transform::RowStochastic { .. } => j + 1 < cols,
            Transform::CorrMatrix { .. } | Transform::CholeskyFactorCorr { .. } => i > j,
            Transform::CovMatrix { .. } | Transform::CholeskyFactorCov { .. } => i >= j,
            _ => true,
        }
    };
    all.filter(keep).collect()
}

#[test]
fn log_jacobians_are_numeric_ones() {
    for transform in scalars().into_iter().chain(vectors()) {
        let program = program(&transform, 1);
        let entries = if transform.is_entrywise() {
            (0..4).collect()
        } else {
            free_entries(&transform)
        };
        for seed in 0..3 {
            let x = point(program.dimension(), seed);
            let expected = numeric_log_jacobian(&program, &x, &entries);
            // Differences err by about 1e-10 relative, and conditioning multiplies that.
            assert_close(transform.name(), evaluate(&program, &x).1, expected, 1e-7);
        }
    }
}

#[test]
fn an_array_is_its_values() {
    for transform in vectors()
        .into_iter()
        .chain([Transform::UnitVector { size: 3 }])
    {
        let (one, three) = (program(&transform, 1), program(&transform, 3));
        let x = point(three.dimension(), 9);
        let (values, sum) = evaluate(&three, &x);
        let alone: Vec<(Vec<f64>, f64)> = x
            .chunks(one.dimension())
            .map(|x| evaluate(&one, x))
            .collect();
        assert_eq!(
            values,
            alone.iter().flat_map(|a| a.0.clone()).collect::<Vec<_>>()
        );
        let total: f64 = alone.iter().map(|a| a.1).sum();
        assert_close(transform.name(), sum, total, 1e-14);
    }
}

#[test]
fn unit_vectors_have_length_one_and_a_normal_norm() {
    let program = program(&Transform::UnitVector { size: 3 }, 1);
    let (value, log_jacobian) = evaluate(&program, &[3.0, 0.0, -4.0]);
    assert_eq!(value, [0.6, 0.0, -0.8]);
    assert_eq!(log_jacobian, -12.5);
}

#[test]
fn gradients_and_second_derivatives() {
    for transform in scalars()
        .into_iter()
        .chain(vectors())
        .chain([Transform::UnitVector { size: 4 }])
    {
        for n in [1, 70] {
            let mut graph = Graph::new();
            let shape = match (transform.is_entrywise(), n) {
                (true, _) => Shape::vector(4),
                // One coordinate per value is what 70 copies need to be a plate.
                (false, n) => Shape::matrix(n, transform.free_len()),
            };
            if n > 1 && (transform.is_entrywise() || shape.len() > 300) {
                continue;
            }
            let free = graph.parameter(shape);
            let with_nodes = transform.clone().map_bounds(|b| {
                let shape = Shape::vector(b.len());
                graph.constant(b, shape)
            });
            let done = with_nodes.apply(&mut graph, free);
            done.add_log_jacobian(&mut graph);
            let square = graph.pointwise(crate::Function::Square, &[done.value]);
            let weights: Vec<f64> = (0..graph.shape(square).cols)
                .map(|c| 1.0 + c as f64)
                .collect();
            let weights = graph.constant(weights.clone(), Shape::matrix(1, weights.len()));
            let weighted = graph.pointwise(crate::Function::Multiply, &[square, weights]);
            graph.add_to_log_density(weighted);
            crate::tests::check(&graph);
        }
    }
}

#[test]
fn bounds_may_be_parameters() {
    let mut graph = Graph::new();
    let low = graph.parameter(Shape::SCALAR);
    let width = Transform::Lower(number(&mut graph, 0.0)).parameter(&mut graph);
    let high = graph.pointwise(crate::Function::Add, &[low, width.value]);
    let free = graph.parameter(Shape::vector(3));
    let between = Transform::LowerUpper(low, high).apply(&mut graph, free);
    let free = graph.parameter(Shape::vector(2));
    let affine = Transform::OffsetMultiplier(low, width.value).apply(&mut graph, free);
    for part in [&width, &between, &affine] {
        part.add_log_jacobian(&mut graph);
        graph.add_to_log_density(part.value);
    }
    crate::tests::check(&graph);
}

#[test]
fn the_smallest_values() {
    let sizes = [
        Transform::Simplex { size: 1 },
        Transform::SumToZero { size: 1 },
        Transform::CorrMatrix { size: 1 },
        Transform::CholeskyFactorCorr { size: 1 },
        Transform::RowStochastic { rows: 2, cols: 1 },
        Transform::SumToZeroMatrix { rows: 1, cols: 3 },
    ];
    let values: [&[f64]; 6] = [&[1.0], &[0.0], &[1.0], &[1.0], &[1.0, 1.0], &[0.0; 3]];
    for (transform, value) in sizes.into_iter().zip(values) {
        let program = program(&transform, 1);
        assert_eq!(program.dimension(), 0);
        assert_eq!(evaluate(&program, &[]), (value.to_vec(), 0.0));
        assert_eq!(transform.unconstrain(value), Ok(Vec::new()));
    }
}

#[test]
fn values_outside_are_refused_by_entry() {
    let refused =
        |transform: Transform<Vec<f64>>, values: &[f64]| match transform.unconstrain(values) {
            Err(TransformError::Outside { entry, .. }) => entry,
            other => panic!("{} gave {other:?}", transform.name()),
        };
    assert_eq!(refused(Transform::Lower(vec![1.0]), &[2.0, 0.5]), 1);
    assert_eq!(refused(Transform::Identity, &[0.0, f64::NAN]), 1);
    assert_eq!(refused(Transform::Ordered { size: 3 }, &[1.0, 2.0, 2.0]), 2);
    assert_eq!(refused(Transform::Simplex { size: 2 }, &[0.5, 0.4]), 0);
    assert_eq!(
        refused(Transform::Simplex { size: 2 }, &[0.5, 0.5, 1.0, 0.0]),
        3
    );
    assert_eq!(
        refused(Transform::CovMatrix { size: 2 }, &[1.0, 2.0, 2.0, 1.0]),
        3
    );
    assert_eq!(
        refused(
            Transform::CholeskyFactorCov { rows: 2, cols: 2 },
            &[1.0, 0.1, 0.0, 1.0]
        ),
        1
    );
    assert!(matches!(
        Transform::<Vec<f64>>::Simplex { size: 3 }.unconstrain(&[1.0]),
        Err(TransformError::Length {
            expected: 3,
            got: 1,
            ..
        })
    ));
}
