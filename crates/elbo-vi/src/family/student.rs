//! The multivariate Student-t: a Gaussian whose scale is itself random, for heavy tails.
//!
//! `λ = (m, L, log ν)` with `L` as in `full_rank`; `θ = m + L ε √(ν/(2 g))`, `g ~ Gamma(ν/2, 1)`. The
//! noise of a draw is `ε` and the quantile of `g`, which moves with `ν` implicitly. A method that
//! wants `ν` fixed leaves the last entry of the gradient out.

use elbo_dist::{Cumulative, Distribution};
use elbo_math::arrays::{Array, Arrays};
use elbo_math::linalg::{Cholesky, Matrix, axpy, dot, matmul};
use elbo_math::random::{Stream, fill_standard_normal};
use elbo_math::special::{LN_PI, digamma, ln_gamma, trigamma};

use super::full_rank::{as_draws, as_matrix};
use super::independent::open_uniform;
use super::{Family, FullRank, Reparameterised, Scored, array, check_finite, implicit, triangle};
use crate::{Approximation, Draws, ViError};

/// `t_ν(θ | m, L Lᵀ)`, density `∝ (1 + |L⁻¹(θ − m)|²/ν)^(−(ν + D)/2)`.
///
/// ```
/// use elbo_vi::Approximation;
/// use elbo_vi::family::{FullRank, Student};
///
/// let q = Student::new(&FullRank::standard(2)?, 5.0)?;
/// assert!((q.standard_deviations().unwrap()[0] - (5.0_f64 / 3.0).sqrt()).abs() < 1e-15);
/// # Ok::<(), elbo_vi::ViError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Student {
    params: Vec<f64>, // m, packed triangle, log ν
    factor: Cholesky,
    degrees_of_freedom: f64,
}

impl Student {
    /// The family's name.
    pub const NAME: &'static str = "student";

    /// With the location and scale matrix that `gaussian` has as mean and covariance.
    ///
    /// # Errors
    /// [`ViError::Parameters`] unless the degrees of freedom are positive and finite.
    pub fn new(gaussian: &FullRank, degrees_of_freedom: f64) -> Result<Self, ViError> {
        super::check_scales(Self::NAME, &[degrees_of_freedom])?;
        let mut params = gaussian.params().to_vec();
        params.push(degrees_of_freedom.ln());
        Ok(Self {
            params,
            factor: gaussian.factor().clone(),
            degrees_of_freedom,
        })
    }

    /// `ν`.
    pub fn degrees_of_freedom(&self) -> f64 {
        self.degrees_of_freedom
    }

    /// From what [`arrays`](Approximation::arrays) gave.
    ///
    /// # Errors
    /// [`ViError::Parameters`] if an array is missing or unusable.
    pub fn from_arrays(arrays: &Arrays) -> Result<Self, ViError> {
        let nu = array(Self::NAME, arrays, "degrees_of_freedom")?.to_f64();
        check_finite(Self::NAME, "degrees_of_freedom", &nu, 1)?;
        Self::new(&FullRank::from_arrays(arrays)?, nu[0])
    }

    fn location(&self) -> &[f64] {
        &self.params[..self.factor.dim()]
    }

    fn log_normaliser(&self) -> f64 {
        let (nu, d) = (self.degrees_of_freedom, self.factor.dim() as f64);
        ln_gamma(0.5 * (nu + d))
            - ln_gamma(0.5 * nu)
            - 0.5 * (d * (nu.ln() + LN_PI) + self.factor.log_det())
    }

    /// `z = L⁻¹ (θ − m)`, and `|z|²` of every draw.
    fn standardise(&self, points: &Draws) -> (Matrix, Vec<f64>) {
        let mut z = as_matrix(points);
        for (i, m) in self.location().iter().enumerate() {
            for v in z.row_mut(i) {
                *v -= m;
            }
        }
        let z = self.factor.solve_lower_matrix(&z);
        let mut squares = vec![0.0; z.cols()];
        for i in 0..z.rows() {
            for (s, v) in squares.iter_mut().zip(z.row(i)) {
                *s += v * v;
            }
        }
        (z, squares)
    }

    fn log_density_of(&self, squares: &[f64]) -> Vec<f64> {
        let (nu, constant) = (self.degrees_of_freedom, self.log_normaliser());
        let exponent = 0.5 * (nu + self.factor.dim() as f64);
        let value = |q: &f64| constant - exponent * (q / nu).ln_1p();
        squares.iter().map(value).collect()
    }

    /// `(ν + D)/(ν + |z|²)` of every draw: how far the score is from a Gaussian's.
    fn pulls(&self, squares: &[f64]) -> Vec<f64> {
        let (nu, d) = (self.degrees_of_freedom, self.factor.dim() as f64);
        squares.iter().map(|q| (nu + d) / (nu + q)).collect()
    }

    /// The gamma variable at a quantile, and the stretch `√(ν/(2 g))` of its draw.
    fn stretch(&self, u: f64) -> (f64, f64) {
        let half = 0.5 * self.degrees_of_freedom;
        let g = elbo_dist::Gamma::new(half, 1.0).map_or(f64::NAN, |q| q.quantile(u));
        let g = g.max(f64::MIN_POSITIVE);
        (g, (half / g).sqrt())
    }

    /// `L ε` times the stretch of every draw.
    fn stretched(&self, noise: &Draws) -> Matrix {
        let d = self.factor.dim();
        let own = noise.as_slice()[..d * noise.n_draws()].to_vec();
        let stretches: Vec<f64> = noise
            .coordinate(d)
            .iter()
            .map(|u| self.stretch(*u).1)
            .collect();
        self.stretched_by(&Matrix::from_vec(d, noise.n_draws(), own), &stretches)
    }

    fn stretched_by(&self, normals: &Matrix, stretches: &[f64]) -> Matrix {
        let mut points = matmul(self.factor.lower(), normals);
        scale_columns(&mut points, stretches);
        points
    }

    /// Points around the location, and their log densities.
    fn placed(&self, away: Matrix) -> (Draws, Vec<f64>) {
        let mut points = as_draws(away);
        for (i, m) in self.location().iter().enumerate() {
            for x in points.coordinate_mut(i) {
                *x += m;
            }
        }
        let log_q = self.log_density(&points);
        (points, log_q)
    }
}

fn scale_columns(points: &mut Matrix, by: &[f64]) {
    for i in 0..points.rows() {
        for (v, w) in points.row_mut(i).iter_mut().zip(by) {
            *v *= w;
        }
    }
}

impl Approximation for Student {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn dimension(&self) -> usize {
        self.factor.dim()
    }

    /// With gamma variables by rejection: quantiles, which derivatives need, cost ten times as much.
    fn sample(&self, n_draws: usize, stream: &mut Stream) -> (Draws, Vec<f64>) {
        let half = 0.5 * self.degrees_of_freedom;
        let Ok(gamma) = elbo_dist::Gamma::new(half, 1.0) else {
            return self.transform(&self.noise(n_draws, stream));
        };
        let mut normals = Matrix::zeros(self.factor.dim(), n_draws);
        fill_standard_normal(stream, normals.as_mut_slice());
        let stretch = |_| (half / gamma.sample(stream)).sqrt();
        let stretches: Vec<f64> = (0..n_draws).map(stretch).collect();
        self.placed(self.stretched_by(&normals, &stretches))
    }

    fn log_density(&self, points: &Draws) -> Vec<f64> {
        self.log_density_of(&self.standardise(points).1)
    }

    /// For `ν > 1`.
    fn mean(&self) -> Option<Vec<f64>> {
        (self.degrees_of_freedom > 1.0).then(|| self.location().to_vec())
    }

    /// For `ν > 2`.
    fn standard_deviations(&self) -> Option<Vec<f64>> {
        let nu = self.degrees_of_freedom;
        let row = |i| self.factor.lower().row(i);
        let sd = |i| (dot(row(i), row(i)) * nu / (nu - 2.0)).sqrt();
        (nu > 2.0).then(|| (0..self.dimension()).map(sd).collect())
    }

    fn arrays(&self) -> Arrays {
        let d = self.dimension();
        let lower = self.factor.lower().as_slice().to_vec();
        Arrays::from([
            ("mean".into(), Array::f64(&[d], self.location().to_vec())),
            ("cholesky".into(), Array::f64(&[d, d], lower)),
            (
                "degrees_of_freedom".into(),
                Array::f64(&[1], vec![self.degrees_of_freedom]),
            ),
        ])
    }
}

impl Family for Student {
    fn params(&self) -> &[f64] {
        &self.params
    }

    fn set_params(&mut self, params: &[f64]) -> Result<(), ViError> {
        check_finite(Self::NAME, "params", params, self.params.len())?;
        let (d, last) = (self.dimension(), params.len() - 1);
        let degrees_of_freedom = super::scales(Self::NAME, &params[last..])?[0];
        self.factor = triangle::unpack(Self::NAME, d, &params[d..last])?;
        self.degrees_of_freedom = degrees_of_freedom;
        self.params.copy_from_slice(params);
        Ok(())
    }

    fn log_density_and_gradient(&self, points: &Draws) -> (Vec<f64>, Draws) {
        let (z, squares) = self.standardise(points);
        let mut gradient = self.factor.solve_lower_transpose_matrix(&z);
        let by: Vec<f64> = self.pulls(&squares).iter().map(|p| -p).collect();
        scale_columns(&mut gradient, &by);
        (self.log_density_of(&squares), as_draws(gradient))
    }

    fn entropy(&self) -> Option<f64> {
        let (nu, d) = (self.degrees_of_freedom, self.factor.dim() as f64);
        let above = 0.5 * (nu + d);
        Some(above * (digamma(above) - digamma(0.5 * nu)) - self.log_normaliser())
    }
}

impl Reparameterised for Student {
    /// A normal number per coordinate and a quantile.
    fn noise_dimension(&self) -> usize {
        self.dimension() + 1
    }

    fn noise(&self, n_draws: usize, stream: &mut Stream) -> Draws {
        let d = self.dimension();
        let mut noise = Draws::zeros(d + 1, n_draws);
        fill_standard_normal(stream, &mut noise.as_mut_slice()[..d * n_draws]);
        for u in noise.coordinate_mut(d) {
            *u = open_uniform(stream);
        }
        noise
    }

    fn transform(&self, noise: &Draws) -> (Draws, Vec<f64>) {
        self.placed(self.stretched(noise))
    }

    fn pull_back(&self, noise: &Draws, cotangents: &Draws, gradient: &mut [f64]) {
        let (d, n) = (self.dimension(), noise.n_draws());
        let last = self.params.len() - 1;
        let half = 0.5 * self.degrees_of_freedom;
        let mut stretches = Vec::with_capacity(n);
        // d log √(a/g)/d log a = ½ (1 − (a/g) dg/da), with a = ν/2.
        let moves: Vec<f64> = noise
            .coordinate(d)
            .iter()
            .map(|u| {
                let (g, stretch) = self.stretch(*u);
                stretches.push(stretch);
                let log_density = (half - 1.0) * g.ln() - g - ln_gamma(half);
                0.5 * (1.0 - implicit::gamma(half, g, log_density) / g)
            })
            .collect();
        let displacement = self.stretched(noise);
        let mut along = vec![0.0; n];
        for (i, mean) in gradient[..d].iter_mut().enumerate() {
            let v = cotangents.coordinate(i);
            *mean += v.iter().sum::<f64>();
            for (a, (v, x)) in along.iter_mut().zip(v.iter().zip(displacement.row(i))) {
                *a += v * x;
            }
        }
        gradient[last] += dot(&along, &moves);
        let mut stretched = Matrix::from_vec(d, n, noise.as_slice()[..d * n].to_vec());
        scale_columns(&mut stretched, &stretches);
        let outer = elbo_math::linalg::matmul_nt(&as_matrix(cotangents), &stretched);
        triangle::add_packed(
            self.factor.lower(),
            |i, j| outer[(i, j)],
            &mut gradient[d..last],
        );
    }

    fn pull_back_log_density(&self, noise: &Draws, weights: &[f64], gradient: &mut [f64]) {
        super::add_total_derivative(self, noise, weights, gradient);
    }

    fn entropy_gradient(&self) -> Option<Vec<f64>> {
        let (nu, d) = (self.degrees_of_freedom, self.dimension());
        let above = 0.5 * (nu + d as f64);
        let mut gradient = vec![0.0; self.params.len()];
        for i in 0..d {
            gradient[d + triangle::position(i, i)] = 1.0;
        }
        let last = gradient.len() - 1;
        gradient[last] = 0.5 * d as f64 + nu * 0.5 * above * (trigamma(above) - trigamma(0.5 * nu));
        Some(gradient)
    }
}

impl Scored for Student {
    fn scores(&self, points: &Draws) -> Draws {
        let (d, nu) = (self.dimension(), self.degrees_of_freedom);
        let (z, squares) = self.standardise(points);
        let pulls = self.pulls(&squares);
        let mut a = self.factor.solve_lower_transpose_matrix(&z);
        scale_columns(&mut a, &pulls);
        let lower = self.factor.lower();
        let mut scores = Draws::zeros(self.params.len(), points.n_draws());
        for i in 0..d {
            scores.coordinate_mut(i).copy_from_slice(a.row(i));
            for j in 0..=i {
                let out = scores.coordinate_mut(d + triangle::position(i, j));
                for (v, (a, z)) in out.iter_mut().zip(a.row(i).iter().zip(z.row(j))) {
                    *v = if i == j {
                        a * z * lower[(i, i)] - 1.0
                    } else {
                        a * z
                    };
                }
            }
        }
        let gammas = digamma(0.5 * (nu + d as f64)) - digamma(0.5 * nu);
        let mut of_nu = vec![-0.5 * d as f64; points.n_draws()];
        let terms: Vec<f64> = squares
            .iter()
            .zip(&pulls)
            .map(|(q, p)| nu * (gammas - (q / nu).ln_1p()) + p * q)
            .collect();
        axpy(0.5, &terms, &mut of_nu);
        let last = self.params.len() - 1;
        scores.coordinate_mut(last).copy_from_slice(&of_nu);
        scores
    }
}
