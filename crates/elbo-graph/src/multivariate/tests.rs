//! Densities against SciPy's, and their derivatives against differences.
//!
//! Numbers are `f(k) = sin(1.7 k + 0.3)`: `S = X Xᵀ + 0.75 I` with X the first nine as 3 × 3, y from
//! the 20th on as 2 × 3, μ from the 40th on, M from the 60th on; expressions of SciPy 1.17 beside the
//! values.

use elbo_testkit::assert_close;

use super::*;
use crate::algebra::{cholesky_decompose, inverse_spd, transpose};
use crate::{Program, Transform};

fn numbers(n: usize, first: usize) -> Vec<f64> {
    (first..first + n)
        .map(|k| (1.7 * k as f64 + 0.3).sin())
        .collect()
}

struct Case {
    graph: Graph,
    y: NodeId,
    mean: NodeId,
    scale: NodeId,
    w: NodeId,
    freedom: NodeId,
}

impl Case {
    fn new() -> Self {
        let mut graph = Graph::new();
        let x = graph.constant(numbers(9, 0), Shape::matrix(3, 3));
        let transposed = transpose(&mut graph, x);
        let square = graph.matmul(x, transposed);
        let ridge = [0.75, 0.0, 0.0, 0.0, 0.75, 0.0, 0.0, 0.0, 0.75];
        let ridge = graph.constant(ridge, Shape::matrix(3, 3));
        let scale = add(&mut graph, square, ridge);
        let y = graph.constant(numbers(6, 20), Shape::matrix(2, 3));
        let mean = graph.constant(numbers(3, 40), Shape::matrix(1, 3));
        let w = [2.0, 0.3, -0.2, 0.3, 1.5, 0.4, -0.2, 0.4, 1.0];
        let w = graph.constant(w, Shape::matrix(3, 3));
        let freedom = number(&mut graph, 5.5);
        Self {
            graph,
            y,
            mean,
            scale,
            w,
            freedom,
        }
    }

    fn sum(&mut self, node: NodeId) -> f64 {
        let sum = self.graph.sum(node);
        self.graph.known(sum).expect("all is known")[0]
    }
}

#[test]
fn normal_densities_are_scipys() {
    let mut c = Case::new();
    // multivariate_normal(mu, S).logpdf(y).sum()
    let expected = -9.693638687802922;
    let by_covariance = multi_normal(&mut c.graph, c.y, c.mean, c.scale);
    assert_close("covariance", c.sum(by_covariance), expected, 1e-13);
    let factor = cholesky_decompose(&mut c.graph, c.scale);
    let by_factor = multi_normal_cholesky(&mut c.graph, c.y, c.mean, factor);
    assert_close("factor", c.sum(by_factor), expected, 1e-13);
    let inverse = inverse_spd(&mut c.graph, c.scale);
    let by_precision = multi_normal_prec(&mut c.graph, c.y, c.mean, inverse);
    assert_close("precision", c.sum(by_precision), expected, 1e-13);
    // multi_gp: rows have covariance S / w.
    let w = c.graph.constant([1.0, 1.0], Shape::vector(2));
    let residual = subtract(&mut c.graph, c.y, c.mean);
    let gp = multi_gp(&mut c.graph, residual, c.scale, w);
    assert_close("gp", c.sum(gp), expected, 1e-13);
    let doubled = times(&mut c.graph, c.scale, 2.0);
    let half = c.graph.constant([0.5, 0.5], Shape::vector(2));
    let expected = multi_gp(&mut c.graph, residual, doubled, w);
    let gp = multi_gp(&mut c.graph, residual, c.scale, half);
    assert_close("weights", c.sum(gp), c.sum(expected), 1e-13);
}

#[test]
fn matrix_densities_are_scipys() {
    let mut c = Case::new();
    // multivariate_t(mu, S, df=5.5).logpdf(y).sum()
    let t = multi_student_t(&mut c.graph, c.y, c.freedom, c.mean, c.scale);
    assert_close("student", c.sum(t), -10.11928927858791, 1e-13);
    // wishart(df=5.5, scale=S).logpdf(W), invwishart(df=5.5, scale=S).logpdf(W)
    let wishart = wishart(&mut c.graph, c.w, c.freedom, c.scale);
    assert_close("wishart", c.sum(wishart), -13.615540038645284, 1e-13);
    let inverse = inv_wishart(&mut c.graph, c.w, c.freedom, c.scale);
    assert_close("inverse wishart", c.sum(inverse), -9.57618813364796, 1e-13);
    // matrix_normal(M, inv(U), inv(S)).logpdf(Y)
    let u = c.graph.constant([2.0, 0.3, 0.3, 1.5], Shape::matrix(2, 2));
    let m = c.graph.constant(numbers(6, 60), Shape::matrix(2, 3));
    let normal = matrix_normal_prec(&mut c.graph, c.y, m, u, c.scale);
    assert_close("matrix normal", c.sum(normal), -8.663424666780443, 1e-13);
}

#[test]
fn densities_of_probabilities_and_counts_are_scipys() {
    let mut c = Case::new();
    let theta = c.graph.constant([0.2, 0.5, 0.3], Shape::matrix(1, 3));
    let alpha = c.graph.constant([1.5, 2.0, 3.0], Shape::matrix(1, 3));
    let counts = c.graph.constant([2.0, 3.0, 5.0], Shape::matrix(1, 3));
    // dirichlet([1.5, 2, 3]).logpdf([.2, .5, .3])
    let density = dirichlet(&mut c.graph, theta, alpha);
    assert_close("dirichlet", c.sum(density), 1.1843853715035726, 1e-13);
    // dirichlet_multinomial([1.5, 2, 3], 10).logpmf([2, 3, 5])
    let density = dirichlet_multinomial(&mut c.graph, counts, alpha);
    assert_close("compound", c.sum(density), -3.451354423842468, 1e-13);
}

/// With K = 2 the density of r is Beta: `(1 − r²)^{η − 1} / (2^{2η − 1} B(η, η))`.
#[test]
fn lkj_of_two_dimensions_is_a_beta_density() {
    let mut c = Case::new();
    let r = c.graph.constant([1.0, 0.3, 0.3, 1.0], Shape::matrix(2, 2));
    let eta = number(&mut c.graph, 2.5);
    let density = lkj_corr(&mut c.graph, r, eta);
    assert_close("lkj", c.sum(density), -0.30536665204453584, 1e-13);
}

/// Two standard deviations and the correlation of the test above.
#[test]
fn covariances_are_deviations_and_correlations() {
    let mut c = Case::new();
    let covariance = [1.44, 0.324, 0.324, 0.81];
    let covariance = c.graph.constant(covariance, Shape::matrix(2, 2));
    let mu = c.graph.constant([0.2, -0.3], Shape::vector(2));
    let sigma = c.graph.constant([0.5, 0.8], Shape::vector(2));
    let eta = number(&mut c.graph, 2.5);
    let density = lkj_cov(&mut c.graph, covariance, mu, sigma, eta).expect("scales are positive");
    // lognorm([.5, .8], scale=exp([.2, -.3])).logpdf([1.2, .9]).sum() more.
    let expected = -1.0287697185554687 - 0.30536665204453584;
    assert_close("lkj_cov", c.sum(density), expected, 1e-13);
}

/// What has a density has total mass 1: `E_q[p/q]` under points of the free coordinates.
#[test]
fn densities_of_three_by_three_correlations_integrate_to_one() {
    for cholesky in [false, true] {
        let mut graph = Graph::new();
        let transform: Transform = if cholesky {
            Transform::CholeskyFactorCorr { size: 3 }
        } else {
            Transform::CorrMatrix { size: 3 }
        };
        let value = transform.parameter(&mut graph);
        value.add_log_jacobian(&mut graph);
        let eta = number(&mut graph, 1.5);
        let density = if cholesky {
            lkj_corr_cholesky(&mut graph, value.value, eta)
        } else {
            lkj_corr(&mut graph, value.value, eta)
        };
        graph.add_to_log_density(density);
        let program = Program::new(&graph);
        // The trapezium rule on a smooth density that decays as e^{−3|y|}: exact to about e^{−3·8}.
        let (half, step) = (24, 1.0 / 3.0);
        let axis: Vec<f64> = (-half..=half).map(|k| f64::from(k) * step).collect();
        let mut total = 0.0;
        let mut value = [0.0];
        for a in &axis {
            for b in &axis {
                for c in &axis {
                    program.log_densities(&[*a, *b, *c], 1, &mut value);
                    total += value[0].exp();
                }
            }
        }
        assert_close("mass", total * f64::powi(step, 3), 1.0, 1e-6);
    }
}

/// The factor's density is that of the matrix and the Jacobian of one to the other.
#[test]
fn densities_of_factors_are_those_of_their_matrices() {
    let densities = |matrix: bool| {
        let mut graph = Graph::new();
        let transform: Transform = if matrix {
            Transform::CovMatrix { size: 3 }
        } else {
            Transform::CholeskyFactorCov { rows: 3, cols: 3 }
        };
        let value = transform.parameter(&mut graph);
        let freedom = number(&mut graph, 4.5);
        let scale = Transform::<NodeId>::CovMatrix { size: 3 }
            .parameter(&mut graph)
            .value;
        let factor = cholesky_decompose(&mut graph, scale);
        let (a, b) = if matrix {
            (
                wishart(&mut graph, value.value, freedom, scale),
                inv_wishart(&mut graph, value.value, freedom, scale),
            )
        } else {
            (
                wishart_cholesky(&mut graph, value.value, freedom, factor),
                inv_wishart_cholesky(&mut graph, value.value, freedom, factor),
            )
        };
        // Two weights, so that errors of the two cannot cancel; each density changes variables.
        for density in [a, b, b] {
            graph.add_to_log_density(density);
            value.add_log_jacobian(&mut graph);
        }
        let program = Program::new(&graph);
        let mut value = [0.0];
        program.log_densities(&numbers(12, 3), 1, &mut value);
        value[0]
    };
    let (matrix, factor) = (densities(true), densities(false));
    assert_close("wishart", matrix, factor, 1e-12);
}

/// Every density of parameters, with all arguments unknown.
#[test]
fn gradients_and_second_derivatives() {
    for rows in [2, 70] {
        let mut graph = Graph::new();
        let y = graph.constant(numbers(rows * 3, 20), Shape::matrix(rows, 3));
        let mean = graph.parameter(Shape::matrix(1, 3));
        let scale = Transform::<NodeId>::CovMatrix { size: 3 }
            .parameter(&mut graph)
            .value;
        let freedom = graph.parameter(Shape::SCALAR);
        let freedom = plus(&mut graph, freedom, 4.0);
        let densities = [
            multi_normal(&mut graph, y, mean, scale),
            multi_normal_prec(&mut graph, y, mean, scale),
            multi_student_t(&mut graph, y, freedom, mean, scale),
        ];
        for density in densities {
            // A weight keeps the size of sums near one, where differences are good.
            let density = times(&mut graph, density, 1.0 / rows as f64);
            graph.add_to_log_density(density);
        }
        assert_eq!(Program::new(&graph).plates().len(), usize::from(rows >= 64));
        crate::tests::check(&graph);
    }
}

#[test]
fn gradients_of_densities_of_matrices_and_simplexes() {
    let mut graph = Graph::new();
    let matrix = |graph: &mut Graph| {
        let done = Transform::<NodeId>::CovMatrix { size: 2 }.parameter(graph);
        done.value
    };
    let (w, scale) = (matrix(&mut graph), matrix(&mut graph));
    let eta = graph.parameter(Shape::SCALAR);
    let freedom = plus(&mut graph, eta, 4.0);
    let correlation = Transform::<NodeId>::CorrMatrix { size: 3 }
        .parameter(&mut graph)
        .value;
    let factor = cholesky_decompose(&mut graph, correlation);
    let theta = Transform::<NodeId>::Simplex { size: 3 }
        .parameters(&mut graph, 2)
        .value;
    let alpha = graph.parameter(Shape::matrix(1, 3));
    let counts = graph.constant([2.0, 0.0, 3.0, 1.0, 1.0, 4.0], Shape::matrix(2, 3));
    let densities = [
        wishart(&mut graph, w, freedom, scale),
        inv_wishart(&mut graph, w, freedom, scale),
        wishart_cholesky(&mut graph, w, freedom, scale),
        matrix_normal_prec(&mut graph, w, scale, scale, w),
        multi_gp(&mut graph, w, scale, eta),
        lkj_corr(&mut graph, correlation, eta),
        lkj_corr_cholesky(&mut graph, factor, eta),
        dirichlet(&mut graph, theta, alpha),
        dirichlet_multinomial(&mut graph, counts, alpha),
    ];
    for density in densities {
        graph.add_to_log_density(density);
    }
    crate::tests::check(&graph);
}
