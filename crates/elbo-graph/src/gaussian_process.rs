//! Covariance functions of Gaussian processes, as matrices on a graph.
//!
//! The one idea: a symmetric matrix costs half: each pair of points is computed once and copied. Where
//! the points are known, their distances are computed when the graph is built. Deliberately absent:
//! jitter on the diagonal, which the model adds.

use crate::algebra::pick;
use crate::graph::{Graph, NodeId};
use crate::pointwise::Function;
use crate::shape::Shape;

/// A stationary covariance, a function of the distance `d` in units of the length scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kernel {
    /// `σ² exp(−d²/2)`.
    ExpQuad,
    /// `σ² exp(−d)`.
    Exponential,
    /// `σ² (1 + √3 d) exp(−√3 d)`.
    Matern32,
    /// `σ² (1 + √5 d + 5 d²/3) exp(−√5 d)`.
    Matern52,
}

impl Kernel {
    /// The covariance matrix of points, one a row of `x`. `length` is a scalar, or a row with an entry
    /// for each column of `x`; `sigma` is a scalar.
    pub fn covariance(self, graph: &mut Graph, x: NodeId, sigma: NodeId, length: NodeId) -> NodeId {
        let n = graph.shape(x).rows;
        let pairs: Vec<(usize, usize)> = (0..n).flat_map(|i| (0..i).map(move |j| (i, j))).collect();
        let variance = graph.pointwise(Function::Square, &[sigma]);
        let below = self.of_pairs(graph, x, x, &pairs, variance, length);
        symmetric(graph, n, below, variance)
    }

    /// The covariances of points `x1` (rows of the result) with points `x2` (columns).
    pub fn cross_covariance(
        self,
        graph: &mut Graph,
        x1: NodeId,
        x2: NodeId,
        sigma: NodeId,
        length: NodeId,
    ) -> NodeId {
        let (n, m) = (graph.shape(x1).rows, graph.shape(x2).rows);
        let pairs: Vec<(usize, usize)> = (0..n * m).map(|e| (e / m, e % m)).collect();
        let variance = graph.pointwise(Function::Square, &[sigma]);
        let all = self.of_pairs(graph, x1, x2, &pairs, variance, length);
        crate::transform::reshape(graph, all, Shape::matrix(n, m))
    }

    fn of_pairs(
        self,
        graph: &mut Graph,
        x1: NodeId,
        x2: NodeId,
        pairs: &[(usize, usize)],
        variance: NodeId,
        length: NodeId,
    ) -> NodeId {
        if self == Self::ExpQuad {
            let square = scaled_squares(graph, x1, x2, pairs, length);
            let exponent = times(graph, square, -0.5);
            let e = graph.pointwise(Function::Exp, &[exponent]);
            return graph.pointwise(Function::Multiply, &[variance, e]);
        }
        let d = scaled_distances(graph, x1, x2, pairs, length);
        let d = match self {
            Self::Matern32 => times(graph, d, 3.0_f64.sqrt()),
            Self::Matern52 => times(graph, d, 5.0_f64.sqrt()),
            _ => d,
        };
        let minus = graph.pointwise(Function::Negate, &[d]);
        let e = graph.pointwise(Function::Exp, &[minus]);
        let scaled = graph.pointwise(Function::Multiply, &[variance, e]);
        let one = graph.constant([1.0], Shape::SCALAR);
        let polynomial = match self {
            Self::Matern32 => graph.pointwise(Function::Add, &[one, d]),
            Self::Matern52 => {
                let linear = graph.pointwise(Function::Add, &[one, d]);
                let square = graph.pointwise(Function::Square, &[d]);
                let third = times(graph, square, 1.0 / 3.0);
                graph.pointwise(Function::Add, &[linear, third])
            }
            _ => return scaled,
        };
        graph.pointwise(Function::Multiply, &[scaled, polynomial])
    }
}

/// `σ² exp(−2 sin²(π d / p) / ℓ²)` with `d` the distance of two points, rows of `x`.
pub fn periodic_covariance(
    graph: &mut Graph,
    x: NodeId,
    sigma: NodeId,
    length: NodeId,
    period: NodeId,
) -> NodeId {
    let n = graph.shape(x).rows;
    let pairs: Vec<(usize, usize)> = (0..n).flat_map(|i| (0..i).map(move |j| (i, j))).collect();
    let variance = graph.pointwise(Function::Square, &[sigma]);
    let square = squares(graph, x, x, &pairs);
    let below = periodic(graph, square, variance, length, period);
    symmetric(graph, n, below, variance)
}

/// The [`periodic_covariance`] of points `x1` (rows of the result) with points `x2` (columns).
pub fn periodic_cross_covariance(
    graph: &mut Graph,
    x1: NodeId,
    x2: NodeId,
    sigma: NodeId,
    length: NodeId,
    period: NodeId,
) -> NodeId {
    let (n, m) = (graph.shape(x1).rows, graph.shape(x2).rows);
    let pairs: Vec<(usize, usize)> = (0..n * m).map(|e| (e / m, e % m)).collect();
    let variance = graph.pointwise(Function::Square, &[sigma]);
    let square = squares(graph, x1, x2, &pairs);
    let all = periodic(graph, square, variance, length, period);
    crate::transform::reshape(graph, all, Shape::matrix(n, m))
}

/// Periodic covariances of pairs of points with these squared distances.
fn periodic(
    graph: &mut Graph,
    square: NodeId,
    variance: NodeId,
    length: NodeId,
    period: NodeId,
) -> NodeId {
    let d = root(graph, square);
    let turns = graph.pointwise(Function::Divide, &[d, period]);
    let angle = times(graph, turns, std::f64::consts::PI);
    let sine = graph.pointwise(Function::Sin, &[angle]);
    let ratio = graph.pointwise(Function::Divide, &[sine, length]);
    let square = graph.pointwise(Function::Square, &[ratio]);
    let exponent = times(graph, square, -2.0);
    let e = graph.pointwise(Function::Exp, &[exponent]);
    graph.pointwise(Function::Multiply, &[variance, e])
}

/// `σ² + x xᵀ`, points as rows of `x`.
pub fn dot_product_covariance(graph: &mut Graph, x: NodeId, sigma: NodeId) -> NodeId {
    dot_product_cross_covariance(graph, x, x, sigma)
}

/// `σ² + x1 x2ᵀ`, points as rows.
pub fn dot_product_cross_covariance(
    graph: &mut Graph,
    x1: NodeId,
    x2: NodeId,
    sigma: NodeId,
) -> NodeId {
    let variance = graph.pointwise(Function::Square, &[sigma]);
    let transposed = crate::algebra::transpose(graph, x2);
    let products = graph.matmul(x1, transposed);
    graph.pointwise(Function::Add, &[variance, products])
}

/// The symmetric matrix with `below` under its diagonal, row by row, and `diagonal` on it.
fn symmetric(graph: &mut Graph, n: usize, below: NodeId, diagonal: NodeId) -> NodeId {
    if n <= 1 {
        return crate::transform::reshape(graph, diagonal, Shape::matrix(n, n));
    }
    let all = graph.rows(&[below, diagonal]);
    let last = n * (n - 1) / 2;
    pick(graph, all, Shape::matrix(n, n), |i, j| {
        let (high, low) = (i.max(j), i.min(j));
        let entry = if i == j {
            last
        } else {
            high * (high - 1) / 2 + low
        };
        (entry, 0)
    })
}

/// `‖(x_i − x_j) / ℓ‖²` of each pair.
fn scaled_squares(
    graph: &mut Graph,
    x1: NodeId,
    x2: NodeId,
    pairs: &[(usize, usize)],
    length: NodeId,
) -> NodeId {
    if graph.shape(length).is_scalar() {
        let square = squares(graph, x1, x2, pairs);
        let scale = graph.pointwise(Function::Square, &[length]);
        return graph.pointwise(Function::Divide, &[square, scale]);
    }
    // Squared differences by column are known where points are; scales are then one product.
    let scale = graph.pointwise(Function::Square, &[length]);
    let inverse = graph.pointwise(Function::Inverse, &[scale]);
    let inverse = crate::algebra::transpose(graph, inverse);
    let squares = squares_by_column(graph, x1, x2, pairs);
    graph.matmul(squares, inverse)
}

/// The square root of [`scaled_squares`].
fn scaled_distances(
    graph: &mut Graph,
    x1: NodeId,
    x2: NodeId,
    pairs: &[(usize, usize)],
    length: NodeId,
) -> NodeId {
    if graph.shape(length).is_scalar() {
        let square = squares(graph, x1, x2, pairs);
        let d = root(graph, square);
        return graph.pointwise(Function::Divide, &[d, length]);
    }
    let square = scaled_squares(graph, x1, x2, pairs, length);
    root(graph, square)
}

/// `√a`, with derivative 0 at 0: points that coincide.
fn root(graph: &mut Graph, a: NodeId) -> NodeId {
    let least = graph.constant([1e-300], Shape::SCALAR);
    let a = graph.pointwise(Function::Maximum, &[least, a]);
    graph.pointwise(Function::Sqrt, &[a])
}

fn squares(graph: &mut Graph, x1: NodeId, x2: NodeId, pairs: &[(usize, usize)]) -> NodeId {
    let by_column = squares_by_column(graph, x1, x2, pairs);
    graph.row_sum(by_column)
}

fn squares_by_column(
    graph: &mut Graph,
    x1: NodeId,
    x2: NodeId,
    pairs: &[(usize, usize)],
) -> NodeId {
    let position = |i: usize| u32::try_from(i).expect("a value has below 2³² rows");
    let first: Vec<u32> = pairs.iter().map(|p| position(p.0)).collect();
    let second: Vec<u32> = pairs.iter().map(|p| position(p.1)).collect();
    let (a, b) = (graph.gather(x1, first), graph.gather(x2, second));
    let difference = graph.pointwise(Function::Subtract, &[a, b]);
    graph.pointwise(Function::Square, &[difference])
}

fn times(graph: &mut Graph, a: NodeId, c: f64) -> NodeId {
    let c = graph.constant([c], Shape::SCALAR);
    graph.pointwise(Function::Multiply, &[a, c])
}

#[cfg(test)]
mod tests {
    use elbo_testkit::assert_close;

    use super::*;

    const KERNELS: [Kernel; 4] = [
        Kernel::ExpQuad,
        Kernel::Exponential,
        Kernel::Matern32,
        Kernel::Matern52,
    ];

    /// The definitions, entry by entry; two of the points coincide.
    #[test]
    fn covariances_are_their_definitions() {
        let x = [0.3, 1.0, -0.7, 0.4, 2.0, 0.1, 0.3, 1.0];
        let (sigma, lengths) = (1.3, [0.8, 1.7]);
        for kernel in KERNELS {
            for lengths in [&lengths[..1], &lengths[..]] {
                let mut graph = Graph::new();
                let points = graph.constant(x, Shape::matrix(4, 2));
                let s = graph.constant([sigma], Shape::SCALAR);
                let l = graph.constant(lengths, Shape::matrix(1, lengths.len()));
                let whole = kernel.covariance(&mut graph, points, s, l);
                let cross = kernel.cross_covariance(&mut graph, points, points, s, l);
                for e in 0..16 {
                    let (i, j) = (e / 4, e % 4);
                    let d = (0..2)
                        .map(|c| (x[2 * i + c] - x[2 * j + c]) / lengths[c.min(lengths.len() - 1)])
                        .map(|d| d * d)
                        .sum::<f64>()
                        .sqrt();
                    let expected = sigma
                        * sigma
                        * match kernel {
                            Kernel::ExpQuad => (-0.5 * d * d).exp(),
                            Kernel::Exponential => (-d).exp(),
                            Kernel::Matern32 => {
                                (1.0 + 3.0_f64.sqrt() * d) * (-(3.0_f64.sqrt()) * d).exp()
                            }
                            Kernel::Matern52 => {
                                (1.0 + 5.0_f64.sqrt() * d + 5.0 * d * d / 3.0)
                                    * (-(5.0_f64.sqrt()) * d).exp()
                            }
                        };
                    for k in [whole, cross] {
                        let value = graph.known(k).expect("all is known")[e];
                        assert_close("covariance", value, expected, 1e-14);
                    }
                }
            }
        }
    }

    #[test]
    fn periodic_covariances_are_their_definition() {
        let x = [0.3, -0.7, 2.0];
        let (sigma, length, period) = (1.3, 0.8, 1.9);
        let mut graph = Graph::new();
        let points = graph.constant(x, Shape::vector(3));
        let [s, l, p] = [sigma, length, period].map(|v| graph.constant([v], Shape::SCALAR));
        let k = periodic_covariance(&mut graph, points, s, l, p);
        for e in 0..9 {
            let angle = std::f64::consts::PI * (x[e / 3] - x[e % 3]) / period;
            let expected =
                sigma * sigma * f64::exp(-2.0 * (angle.sin() / length) * (angle.sin() / length));
            let value = graph.known(k).expect("all is known")[e];
            assert_close("covariance", value, expected, 1e-14);
        }
    }

    #[test]
    fn derivatives_exist_where_points_coincide() {
        for kernel in KERNELS {
            let mut graph = Graph::new();
            let free = graph.parameter(Shape::matrix(3, 2));
            let known = graph.constant([0.5, 0.5, 0.5, 0.5, 1.5, -0.5], Shape::matrix(3, 2));
            let sigma = graph.parameter(Shape::SCALAR);
            let length = graph.parameter(Shape::SCALAR);
            let lengths = graph.parameter(Shape::matrix(1, 2));
            let period = graph.parameter(Shape::SCALAR);
            for (x, length) in [(free, length), (known, length), (known, lengths)] {
                let k = kernel.covariance(&mut graph, x, sigma, length);
                let square = graph.pointwise(Function::Square, &[k]);
                graph.add_to_log_density(square);
            }
            let k = dot_product_covariance(&mut graph, free, sigma);
            graph.add_to_log_density(k);
            let k = periodic_covariance(&mut graph, free, sigma, length, period);
            graph.add_to_log_density(k);
            crate::tests::check(&graph);
        }
    }
}
