//! Integrals in one dimension: Gauss–Hermite for expectations under a normal, Gauss–Legendre for smooth
//! functions on the unit interval, adaptive Gauss–Kronrod for anything else.

use std::collections::BinaryHeap;

use crate::MathError;
use crate::linalg::{Matrix, SymmetricEigen};

/// Nodes and weights with `Σ w_i f(x_i) ≈ E f(x)` for a standard normal `x`.
#[derive(Debug, Clone, PartialEq)]
pub struct GaussHermite {
    /// Nodes, ascending and symmetric about 0.
    pub nodes: Vec<f64>,
    /// Positive weights that sum to 1.
    pub weights: Vec<f64>,
}

impl GaussHermite {
    /// The rule with `n` nodes; exact for polynomials up to degree `2n − 1`.
    ///
    /// # References
    /// `[@golub1969quadrature]`, with the (probabilists') Hermite recurrence.
    ///
    /// # Panics
    /// If `n` is 0.
    pub fn new(n: usize) -> Self {
        let (nodes, weights) = golub_welsch(n, f64::sqrt);
        Self { nodes, weights }
    }

    /// `E f(x)` for `x ~ N(mean, sd²)`.
    pub fn expectation(&self, mean: f64, sd: f64, mut f: impl FnMut(f64) -> f64) -> f64 {
        self.nodes
            .iter()
            .zip(&self.weights)
            .map(|(x, w)| w * f(mean + sd * x))
            .sum()
    }
}

/// Nodes and weights with `Σ w_i f(x_i) ≈ ∫₀¹ f(x) dx`, by Gauss and Legendre; exact for polynomials up to
/// degree `2n − 1`.
///
/// # References
/// `[@golub1969quadrature]`, with the Legendre recurrence.
///
/// # Panics
/// If `n` is 0.
pub fn gauss_legendre(n: usize) -> Vec<(f64, f64)> {
    let (nodes, weights) = golub_welsch(n, |k| k / (4.0 * k * k - 1.0).sqrt());
    let nodes = nodes.into_iter().map(|x| 0.5 * (1.0 + x));
    nodes.zip(weights).collect()
}

/// The rule of `n` nodes for a symmetric weight of integral 1: nodes are the eigenvalues of the Jacobi
/// matrix, whose entries beside the diagonal are `beside(1)`, `beside(2)`, …; weights the squares of the
/// eigenvectors' first entries.
fn golub_welsch(n: usize, beside: impl Fn(f64) -> f64) -> (Vec<f64>, Vec<f64>) {
    assert!(n > 0, "a quadrature rule needs at least one node");
    let jacobi = Matrix::from_fn(n, n, |i, j| {
        if i.abs_diff(j) == 1 {
            beside(i.max(j) as f64)
        } else {
            0.0
        }
    });
    let eigen = SymmetricEigen::new(&jacobi).expect("a finite tridiagonal matrix");
    let mut weights: Vec<f64> = (0..n).map(|k| eigen.vectors[(0, k)].powi(2)).collect();
    let mut nodes = eigen.values;
    // Rounding of the eigenvalues breaks the rule's exact symmetry.
    for k in 0..n.div_ceil(2) {
        let mirror = n - 1 - k;
        let node = (nodes[mirror] - nodes[k]) / 2.0;
        let weight = f64::midpoint(weights[mirror], weights[k]);
        (nodes[k], nodes[mirror]) = (-node, node);
        (weights[k], weights[mirror]) = (weight, weight);
    }
    let total: f64 = weights.iter().sum();
    for w in &mut weights {
        *w /= total;
    }
    (nodes, weights)
}

/// The value of an integral and an estimate of its error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Integral {
    /// The integral.
    pub value: f64,
    /// An upper estimate of the absolute error.
    pub error: f64,
}

/// `∫ f(x) dx` over `[from, to]`, either end possibly infinite.
///
/// # Errors
/// [`MathError::Quadrature`] if neither `abs_tol` nor `rel_tol · |value|` is reached with 2,000
/// intervals.
///
/// # References
/// The 7–15 point Gauss–Kronrod pair with the worst interval halved first, as in
/// `[@piessens1983quadpack]`; infinite ends by `x = t / (1 − t²)` and `x = a ± t / (1 − t)`.
pub fn integrate(
    mut f: impl FnMut(f64) -> f64,
    from: f64,
    to: f64,
    abs_tol: f64,
    rel_tol: f64,
) -> Result<Integral, MathError> {
    match (from.is_finite(), to.is_finite()) {
        (true, true) => adaptive(f, from, to, abs_tol, rel_tol),
        (true, false) => {
            let g = |t: f64| f(from + t / (1.0 - t)) / (1.0 - t).powi(2);
            adaptive(g, 0.0, 1.0, abs_tol, rel_tol)
        }
        (false, true) => {
            let g = |t: f64| f(to - t / (1.0 - t)) / (1.0 - t).powi(2);
            adaptive(g, 0.0, 1.0, abs_tol, rel_tol)
        }
        (false, false) => {
            let g = |t: f64| {
                let u = 1.0 - t * t;
                f(t / u) * (1.0 + t * t) / (u * u)
            };
            adaptive(g, -1.0, 1.0, abs_tol, rel_tol)
        }
    }
}

const MAX_INTERVALS: usize = 2000;

fn adaptive(
    mut f: impl FnMut(f64) -> f64,
    from: f64,
    to: f64,
    abs_tol: f64,
    rel_tol: f64,
) -> Result<Integral, MathError> {
    let mut heap = BinaryHeap::from([Piece::new(&mut f, from, to)]);
    loop {
        let value: f64 = heap.iter().map(|p| p.value).sum();
        let error: f64 = heap.iter().map(|p| p.error).sum();
        let tolerance = abs_tol.max(rel_tol * value.abs());
        if error <= tolerance {
            return Ok(Integral { value, error });
        }
        if heap.len() >= MAX_INTERVALS {
            return Err(MathError::Quadrature {
                error,
                tolerance,
                intervals: heap.len(),
            });
        }
        let worst = heap.pop().expect("there is always one interval");
        let middle = f64::midpoint(worst.from, worst.to);
        heap.push(Piece::new(&mut f, worst.from, middle));
        heap.push(Piece::new(&mut f, middle, worst.to));
    }
}

/// One interval's contribution, ordered by its error.
#[derive(Debug, Clone, Copy)]
struct Piece {
    from: f64,
    to: f64,
    value: f64,
    error: f64,
}

impl Piece {
    fn new(f: &mut impl FnMut(f64) -> f64, from: f64, to: f64) -> Self {
        // Positive nodes of the 15-point Kronrod rule; every second one is a 7-point Gauss node.
        const NODES: [f64; 8] = [
            0.991_455_371_120_812_6,
            0.949_107_912_342_758_5,
            0.864_864_423_359_769_1,
            0.741_531_185_599_394_4,
            0.586_087_235_467_691_1,
            0.405_845_151_377_397_2,
            0.207_784_955_007_898_5,
            0.0,
        ];
        const KRONROD: [f64; 8] = [
            0.022_935_322_010_529_22,
            0.063_092_092_629_978_55,
            0.104_790_010_322_250_2,
            0.140_653_259_715_525_9,
            0.169_004_726_639_267_9,
            0.190_350_578_064_785_4,
            0.204_432_940_075_298_9,
            0.209_482_141_084_727_8,
        ];
        const GAUSS: [f64; 4] = [
            0.129_484_966_168_869_7,
            0.279_705_391_489_276_7,
            0.381_830_050_505_118_9,
            0.417_959_183_673_469_4,
        ];
        let (centre, half) = (f64::midpoint(from, to), (to - from) / 2.0);
        let (mut kronrod, mut gauss) = (0.0, 0.0);
        for (i, node) in NODES.iter().enumerate() {
            let pair = if *node == 0.0 {
                finite(f(centre))
            } else {
                finite(f(centre - half * node)) + finite(f(centre + half * node))
            };
            kronrod += KRONROD[i] * pair;
            if i % 2 == 1 {
                gauss += GAUSS[i / 2] * pair;
            }
        }
        Self {
            from,
            to,
            value: kronrod * half,
            error: ((kronrod - gauss) * half).abs(),
        }
    }
}

/// Values beyond the floating-point range come from mapped infinite ends, where the integrand
/// vanishes.
fn finite(value: f64) -> f64 {
    if value.is_finite() { value } else { 0.0 }
}

impl PartialEq for Piece {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Piece {}

impl PartialOrd for Piece {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Piece {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.error.total_cmp(&other.error)
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use super::*;

    #[test]
    fn gauss_legendre_is_exact_for_polynomials() {
        for n in [1, 2, 16, 64] {
            for power in [0, 1, 5, 2 * n - 1].into_iter().filter(|p| *p < 2 * n) {
                let terms = gauss_legendre(n)
                    .into_iter()
                    .map(|(x, w)| w * x.powf(power as f64));
                let got: f64 = terms.sum();
                // Rounding of n nodes, each raised to a power of up to 127.
                assert!(
                    (got * (power + 1) as f64 - 1.0).abs() < 1e-12,
                    "{n}, x^{power}: {got}"
                );
            }
        }
    }

    #[test]
    fn gauss_hermite_reproduces_normal_moments() {
        for n in [1, 2, 5, 20, 64] {
            let rule = GaussHermite::new(n);
            let mut moment = 1.0; // (2k − 1)!!
            for k in 0..n.min(8) {
                let got = rule.expectation(0.0, 1.0, |x| (x * x).powf(k as f64));
                assert!(
                    (got / moment - 1.0).abs() < 1e-11,
                    "n = {n}, E x^{}: {got}",
                    2 * k
                );
                moment *= (2 * k + 1) as f64;
            }
            assert!(rule.expectation(0.0, 1.0, |x| x.powi(3)).abs() < 1e-12);
        }
        let lognormal_mean = GaussHermite::new(32).expectation(0.3, 0.5, f64::exp);
        assert!((lognormal_mean - 0.425_f64.exp()).abs() < 1e-13);
    }

    #[test]
    fn adaptive_quadrature_reaches_its_tolerance() {
        let inf = f64::INFINITY;
        let check = |got: Result<Integral, MathError>, expected: f64| {
            let got = got.unwrap();
            assert!(
                (got.value - expected).abs() <= 1e-10,
                "{got:?} != {expected}"
            );
        };
        check(
            integrate(|x| (-x * x / 2.0).exp(), -inf, inf, 1e-11, 0.0),
            (2.0 * PI).sqrt(),
        );
        check(
            integrate(|x| 1.0 / (1.0 + x * x), 0.0, inf, 1e-11, 0.0),
            PI / 2.0,
        );
        check(integrate(f64::exp, -inf, 0.0, 1e-11, 0.0), 1.0);
        check(integrate(|x| (x - 0.3).abs(), 0.0, 1.0, 1e-11, 0.0), 0.29);
        check(integrate(f64::sqrt, 0.0, 1.0, 1e-11, 0.0), 2.0 / 3.0);
    }

    #[test]
    fn a_divergent_integral_is_an_error() {
        let got = integrate(|x| 1.0 / x, 0.0, 1.0, 1e-10, 1e-10);
        assert!(matches!(got, Err(MathError::Quadrature { .. })), "{got:?}");
    }
}
