//! Densities that the methods' tests share: Gaussians of known condition, a banana, Neal's funnel,
//! two modes, and densities that misbehave.

use elbo_math::linalg::{Cholesky, Matrix, axpy, dot, matmul_nt};
use elbo_math::random::{fill_standard_normal, stream};

use crate::density::FromFn;
use crate::{DensityError, Draws, LogDensity};

/// A normalised Gaussian with a random basis, eigenvalues spread evenly in the logarithm, and a mean
/// of a few standard deviations.
pub(crate) struct Gaussian {
    pub(crate) mean: Vec<f64>,
    pub(crate) covariance: Matrix,
    pub(crate) precision: Matrix,
    log_normaliser: f64,
}

impl Gaussian {
    /// The covariance's largest eigenvalue is 1, its smallest `1 / condition`.
    pub(crate) fn new(dimension: usize, condition: f64, seed: u64) -> Self {
        let mut rng = stream(seed, "testing/gaussian", 0);
        let mut basis = Matrix::zeros(dimension, dimension);
        for i in 0..dimension {
            let mut row = vec![0.0; dimension];
            fill_standard_normal(&mut rng, &mut row);
            for _ in 0..2 {
                for j in 0..i {
                    let along = dot(basis.row(j), &row);
                    axpy(-along, basis.row(j), &mut row);
                }
            }
            let length = dot(&row, &row).sqrt();
            for (b, v) in basis.row_mut(i).iter_mut().zip(&row) {
                *b = v / length;
            }
        }
        let variances: Vec<f64> = (0..dimension)
            .map(|i| condition.powf(-(i as f64) / (dimension - 1).max(1) as f64))
            .collect();
        let with = |power: f64| {
            let scaled = Matrix::from_fn(dimension, dimension, |i, j| {
                basis[(j, i)] * variances[j].powf(power)
            });
            matmul_nt(&scaled, &scaled)
        };
        let mut mean = vec![0.0; dimension];
        fill_standard_normal(&mut rng, &mut mean);
        Self {
            mean,
            covariance: with(0.5),
            precision: with(-0.5),
            log_normaliser: -0.5
                * (dimension as f64 * (2.0 * std::f64::consts::PI).ln()
                    + variances.iter().map(|v| v.ln()).sum::<f64>()),
        }
    }

    /// The log density at the mean.
    pub(crate) fn maximum(&self) -> f64 {
        self.log_normaliser
    }

    /// `KL(q ‖ p)` for a Gaussian `q`.
    pub(crate) fn divergence_from(&self, mean: &[f64], covariance: &Matrix) -> f64 {
        let n = mean.len();
        let d: Vec<f64> = mean.iter().zip(&self.mean).map(|(a, b)| a - b).collect();
        let log_det = Cholesky::new(covariance).unwrap().log_det();
        let own = Cholesky::new(&self.covariance).unwrap().log_det();
        0.5 * (self.precision.inner_product(covariance) + self.precision.quadratic_form(&d)
            - n as f64
            + own
            - log_det)
    }
}

impl LogDensity for Gaussian {
    fn log_density_and_gradient(&self, x: &[f64], g: &mut [f64]) -> Result<f64, DensityError> {
        let d: Vec<f64> = x.iter().zip(&self.mean).map(|(a, b)| a - b).collect();
        let product = self.precision.matvec(&d);
        for (g, p) in g.iter_mut().zip(&product) {
            *g = -p;
        }
        Ok(self.log_normaliser - 0.5 * dot(&d, &product))
    }

    fn hessian_vector_products(
        &self,
        _: &Draws,
        directions: &Draws,
        products: &mut Draws,
    ) -> Result<(), DensityError> {
        for s in 0..directions.n_draws() {
            let product = self.precision.matvec(&directions.draw(s));
            products.set_draw(s, &product.iter().map(|v| -v).collect::<Vec<_>>());
        }
        Ok(())
    }
}

type Function = FromFn<fn(&[f64], &mut [f64]) -> f64>;

/// `−(1 − x)² − 100 (y − x²)²`, an optimiser's classic.
pub(crate) const ROSENBROCK: Function = FromFn(|x, g| {
    let (a, b) = (1.0 - x[0], x[1] - x[0] * x[0]);
    g[0] = 2.0 * a + 400.0 * b * x[0];
    g[1] = -200.0 * b;
    -a * a - 100.0 * b * b
});

/// A banana: `x₀ ~ N(0, 1)`, `x₁ ~ N(½ (x₀² − 1), ½²)`, normalised; means 0 and 0.
pub(crate) const BANANA: Function = FromFn(|x, g| {
    let r = x[1] - 0.5 * (x[0] * x[0] - 1.0);
    g[0] = -x[0] + 4.0 * r * x[0];
    g[1] = -4.0 * r;
    -0.5 * x[0] * x[0] - 2.0 * r * r - (2.0 * std::f64::consts::PI).ln() + 2.0_f64.ln()
});

/// Neal's funnel: `x₀ ~ N(0, 3²)`, the others `N(0, exp(x₀))`; any dimension.
pub(crate) const FUNNEL: Function = FromFn(|x, g| {
    let n = (x.len() - 1) as f64;
    let precision = (-x[0]).exp();
    let squares: f64 = x[1..].iter().map(|v| v * v).sum();
    g[0] = -x[0] / 9.0 + 0.5 * precision * squares - 0.5 * n;
    for (g, v) in g[1..].iter_mut().zip(&x[1..]) {
        *g = -precision * v;
    }
    let constants = -0.5 * (n + 1.0) * (2.0 * std::f64::consts::PI).ln() - 3.0_f64.ln();
    constants - x[0] * x[0] / 18.0 - 0.5 * n * x[0] - 0.5 * precision * squares
});

/// `¾ N((−3, 0), I) + ¼ N((3, 0), I)`, normalised, in two dimensions.
pub(crate) const TWO_MODES: Function = FromFn(|x, g| {
    let half = |m: f64| -0.5 * ((x[0] - m).powi(2) + x[1] * x[1]);
    let (a, b) = (0.75_f64.ln() + half(-3.0), 0.25_f64.ln() + half(3.0));
    let total = elbo_math::log_space::log_add_exp(a, b);
    let (wa, wb) = ((a - total).exp(), (b - total).exp());
    g[0] = -wa * (x[0] + 3.0) - wb * (x[0] - 3.0);
    g[1] = -x[1];
    total - (2.0 * std::f64::consts::PI).ln()
});
