//! A program allocates nothing once it has been evaluated: values, gradients, decompositions,
//! differential equations.
//!
//! An integration test of its own, because its allocator counts. Deliberately absent: operations on
//! whole matrices that work lane by lane (eigenvalues, singular values, exponentials), which allocate.

use elbo_graph::model::{Model, Ode, Variable, lognormal, normal};
use elbo_graph::{Graph, Program, Shape, Transform, multivariate};

/// Allocations in a second evaluation of the same program.
fn allocations(program: &Program, lanes: usize) -> u64 {
    let n = program.dimension() * lanes;
    let mut x: Vec<f64> = (0..n).map(|k| 0.3 * (k as f64).sin()).collect();
    let (mut values, mut gradient) = (vec![0.0; lanes], vec![0.0; n]);
    program.log_densities_and_gradients(&x, lanes, None, &mut values, &mut gradient);
    assert!(gradient.iter().all(|g| g.is_finite()));
    x[0] += 1e-3;
    let counted = allocation_counter::measure(|| {
        program.log_densities_and_gradients(&x, lanes, None, &mut values, &mut gradient);
    });
    counted.count_total
}

#[test]
fn decompositions_allocate_once() {
    let n = 9;
    let mut graph = Graph::new();
    let covariance = Transform::CovMatrix { size: n }.parameter(&mut graph).value;
    let mean = graph.parameter(Shape::matrix(1, n));
    let y: Vec<f64> = (0..5 * n).map(|i| (i as f64).cos()).collect();
    let y = graph.constant(y, Shape::matrix(5, n));
    let density = multivariate::multi_normal(&mut graph, y, mean, covariance);
    graph.add_to_log_density(density);
    let program = Program::new(&graph);
    for lanes in [1, 16] {
        assert_eq!(allocations(&program, lanes), 0, "{lanes} lanes");
    }
}

#[test]
fn differential_equations_allocate_once() {
    for stiff in [false, true] {
        let mut dynamics = Ode::new(2, 2, |_, y, theta| {
            let [u, v] = [0, 1].map(|k| y.row(k));
            let [a, b] = [0, 1].map(|k| theta.row(k));
            Variable::rows(&[&((a - &v) * &u), &((u - b) * v)])
        });
        if stiff {
            dynamics = dynamics.stiff();
        }
        let mut m = Model::new();
        let theta = m.positive_vector("theta", 2);
        let start = m.positive_vector("start", 2);
        m.assume(&theta, lognormal(0.0, 1.0));
        let path = dynamics.solve(&start, 0.0, &[1.0, 2.5, 4.0], &theta);
        let seen = Variable::matrix(3, 2, &[1.1, 0.9, 1.3, 0.7, 0.8, 1.2]);
        m.observe(normal(path, 0.5), seen);
        let model = m.compile().expect("arguments fit");
        for lanes in [1, 16] {
            // Steps may be as many as the evaluation before had, and a few more.
            assert_eq!(allocations(model.program(), lanes), 0, "{lanes} lanes");
        }
    }
}
