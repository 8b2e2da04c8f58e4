//! The Gaussian copula: correlations of a Gaussian, and a marginal shape for every coordinate.
//!
//! `λ = (the Gaussian's λ, e, t)` with `e` and `t` a pair per coordinate; `x ~ N(m, L Lᵀ)` and
//! `θ_i = c_i + s_i f(x_i; e_i, t_i)`, `f` the sinh–arcsinh map `[@smith2020copula, sec. 2]`; `c` and `s`
//! are fixed numbers that make `x` about standard normal. Skewness and tail weight of each marginal cost
//! two numbers, where a flow takes a network. Deliberately absent: dependence that is not Gaussian.

use elbo_math::arrays::{Array, Arrays};
use elbo_math::linalg::Cholesky;
use elbo_math::random::Stream;

use super::sinh_arcsinh::{Bent, bent, straightened};
use super::{Family, FullRank, MeanField, Reparameterised, Scored, array, check_finite};
use crate::{Approximation, Draws, ViError};

/// `θ = c + s ∘ f(x)`, `x ~ N(m, L Lᵀ)`.
///
/// ```
/// use elbo_vi::Approximation;
/// use elbo_vi::family::{Copula, FullRank};
///
/// // Unbent, it is the Gaussian.
/// let gaussian = FullRank::standard(2)?;
/// let q = Copula::from_gaussian(&gaussian)?;
/// let point = elbo_vi::Draws::from_points(2, &[[0.3, -1.0]]);
/// let difference = q.log_density(&point)[0] - gaussian.log_density(&point)[0];
/// assert!(difference.abs() < 1e-12);
/// # Ok::<(), elbo_vi::ViError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Copula {
    frame: MeanField,
    core: FullRank,
    params: Vec<f64>, // the core's, then (e, t) of every coordinate
}

impl Copula {
    /// The family's name.
    pub const NAME: &'static str = "copula";

    /// The member that is a Gaussian, in whose means and standard deviations the maps are said.
    ///
    /// # Errors
    /// [`ViError::Parameters`] if a standard deviation is not a normal number.
    pub fn from_gaussian(gaussian: &FullRank) -> Result<Self, ViError> {
        let sds = gaussian.standard_deviations().unwrap_or_default();
        let frame = MeanField::new(gaussian.mean_slice().to_vec(), sds)?;
        let mut lower = gaussian.factor().lower().clone();
        for (i, s) in frame.scales().iter().enumerate() {
            for v in lower.row_mut(i) {
                *v /= s;
            }
        }
        let factor = Cholesky::from_lower(lower)?;
        let core = FullRank::from_cholesky(vec![0.0; frame.scales().len()], factor)?;
        Self::assemble(frame, core, None)
    }

    fn assemble(
        frame: MeanField,
        core: FullRank,
        shapes: Option<Vec<f64>>,
    ) -> Result<Self, ViError> {
        let d = frame.scales().len();
        let shapes = shapes.unwrap_or_else(|| vec![0.0; 2 * d]);
        check_finite(Self::NAME, "shapes", &shapes, 2 * d)?;
        let mut params = core.params().to_vec();
        params.extend(shapes);
        Ok(Self {
            frame,
            core,
            params,
        })
    }

    /// From what [`arrays`](Approximation::arrays) gave.
    ///
    /// # Errors
    /// [`ViError::Parameters`] if an array is missing or unusable.
    pub fn from_arrays(arrays: &Arrays) -> Result<Self, ViError> {
        let of = |name: &'static str| Ok::<_, ViError>(array(Self::NAME, arrays, name)?.to_f64());
        let frame = MeanField::new(of("location")?, of("scale")?)?;
        let core = FullRank::from_arrays(arrays)?;
        if core.dimension() != frame.dimension() {
            return Err(ViError::Length {
                expected: frame.dimension(),
                got: core.dimension(),
            });
        }
        Self::assemble(frame, core, Some(of("shapes")?))
    }

    /// The Gaussian `x`.
    pub fn core(&self) -> &FullRank {
        &self.core
    }

    /// `(e, t)` of every coordinate.
    pub fn shapes(&self) -> &[f64] {
        &self.params[self.core.params().len()..]
    }

    /// The scales `s`.
    pub(crate) fn scales(&self) -> &[f64] {
        self.frame.scales()
    }

    /// The member with another Gaussian and other shapes.
    pub(crate) fn with(&self, core: FullRank, shapes: Vec<f64>) -> Result<Self, ViError> {
        Self::assemble(self.frame.clone(), core, Some(shapes))
    }

    /// The maps at coordinate `i` of every draw of `x`.
    fn bent<'a>(&'a self, x: &'a Draws, i: usize) -> impl Iterator<Item = Bent> + 'a {
        let (e, t) = (self.shapes()[2 * i], self.shapes()[2 * i + 1]);
        x.coordinate(i).iter().map(move |x| bent(*x, e, t))
    }

    /// The same of all coordinates, `(dimension, n_draws)`, for whoever reads them more than once.
    pub(crate) fn all_bent(&self, x: &Draws) -> Vec<Bent> {
        let coordinates = (0..x.dimension()).flat_map(|i| self.bent(x, i));
        coordinates.collect()
    }

    /// `θ` of every `x` from its maps; takes the log slopes off `log_q`.
    pub(crate) fn points(&self, maps: &[Bent], log_q: &mut [f64]) -> Draws {
        let n = log_q.len();
        let mut points = Draws::zeros(self.dimension(), n);
        for (i, (c, s)) in self.frame.means().iter().zip(self.scales()).enumerate() {
            let out = points.coordinate_mut(i).iter_mut().zip(&mut *log_q);
            for ((theta, l), f) in out.zip(&maps[i * n..(i + 1) * n]) {
                *theta = c + s * f.value;
                *l -= f.log_slope + s.ln();
            }
        }
        points
    }

    /// `θ` of every `x`; takes the log slopes off `log_q`.
    fn bend(&self, x: &Draws, log_q: &mut [f64]) -> Draws {
        self.points(&self.all_bent(x), log_q)
    }

    /// `x` of every `θ`.
    fn straighten(&self, points: &Draws) -> Draws {
        let mut x = points.clone();
        for (i, (c, s)) in self.frame.means().iter().zip(self.scales()).enumerate() {
            let (e, t) = (self.shapes()[2 * i], self.shapes()[2 * i + 1]);
            for v in x.coordinate_mut(i) {
                *v = straightened((*v - c) / s, e, t);
            }
        }
        x
    }

    /// `∂ log q/∂x` less the slopes' part, at draws of `x` whose density under the core has the
    /// gradient given.
    fn along(&self, x: &Draws, mut of_core: Draws) -> Draws {
        for i in 0..x.dimension() {
            for (g, f) in of_core.coordinate_mut(i).iter_mut().zip(self.bent(x, i)) {
                *g -= f.curvature;
            }
        }
        of_core
    }
}

impl Approximation for Copula {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn dimension(&self) -> usize {
        self.core.dimension()
    }

    fn sample(&self, n_draws: usize, stream: &mut Stream) -> (Draws, Vec<f64>) {
        let (x, mut log_q) = self.core.sample(n_draws, stream);
        (self.bend(&x, &mut log_q), log_q)
    }

    fn log_density(&self, points: &Draws) -> Vec<f64> {
        let x = self.straighten(points);
        let mut log_q = self.core.log_density(&x);
        self.bend(&x, &mut log_q);
        log_q
    }

    /// Not in closed form.
    fn mean(&self) -> Option<Vec<f64>> {
        None
    }

    /// Not in closed form.
    fn standard_deviations(&self) -> Option<Vec<f64>> {
        None
    }

    fn arrays(&self) -> Arrays {
        let d = self.dimension();
        let mut arrays = self.core.arrays();
        for (name, shape, values) in [
            ("location", &[d][..], self.frame.means().to_vec()),
            ("scale", &[d], self.scales().to_vec()),
            ("shapes", &[d, 2], self.shapes().to_vec()),
        ] {
            arrays.insert(name.into(), Array::f64(shape, values));
        }
        arrays
    }
}

impl Family for Copula {
    fn params(&self) -> &[f64] {
        &self.params
    }

    fn set_params(&mut self, params: &[f64]) -> Result<(), ViError> {
        check_finite(Self::NAME, "params", params, self.params.len())?;
        self.core.set_params(&params[..self.core.params().len()])?;
        self.params.copy_from_slice(params);
        Ok(())
    }

    fn log_density_and_gradient(&self, points: &Draws) -> (Vec<f64>, Draws) {
        let x = self.straighten(points);
        let (mut log_q, of_core) = self.core.log_density_and_gradient(&x);
        self.bend(&x, &mut log_q);
        let mut gradient = self.along(&x, of_core);
        for (i, s) in self.scales().iter().enumerate() {
            for (g, f) in gradient.coordinate_mut(i).iter_mut().zip(self.bent(&x, i)) {
                *g /= s * f.slope;
            }
        }
        (log_q, gradient)
    }
}

impl Reparameterised for Copula {
    fn noise(&self, n_draws: usize, stream: &mut Stream) -> Draws {
        self.core.noise(n_draws, stream)
    }

    fn transform(&self, noise: &Draws) -> (Draws, Vec<f64>) {
        let (x, mut log_q) = self.core.transform(noise);
        (self.bend(&x, &mut log_q), log_q)
    }

    fn pull_back(&self, noise: &Draws, cotangents: &Draws, gradient: &mut [f64]) {
        let x = self.core.transform(noise).0;
        let mut of_x = cotangents.clone();
        let (of_core, of_shapes) = gradient.split_at_mut(self.core.params().len());
        for (i, s) in self.scales().iter().enumerate() {
            for (v, f) in of_x.coordinate_mut(i).iter_mut().zip(self.bent(&x, i)) {
                *v *= s;
                of_shapes[2 * i] += *v * f.by_shape[0];
                of_shapes[2 * i + 1] += *v * f.by_shape[1];
                *v *= f.slope;
            }
        }
        self.core.pull_back(noise, &of_x, of_core);
    }

    fn pull_back_log_density(&self, noise: &Draws, weights: &[f64], gradient: &mut [f64]) {
        let x = self.core.transform(noise).0;
        let (of_core, of_shapes) = gradient.split_at_mut(self.core.params().len());
        self.core.pull_back_log_density(noise, weights, of_core);
        // The log slopes, directly and through x.
        let mut of_x = Draws::zeros(x.dimension(), x.n_draws());
        for i in 0..x.dimension() {
            let out = of_x.coordinate_mut(i).iter_mut().zip(weights);
            for ((v, w), f) in out.zip(self.bent(&x, i)) {
                *v = -w * f.curvature;
                of_shapes[2 * i] -= w * f.log_by_shape[0];
                of_shapes[2 * i + 1] -= w * f.log_by_shape[1];
            }
        }
        self.core.pull_back(noise, &of_x, of_core);
    }
}

impl Scored for Copula {
    /// At a fixed `θ` a shape moves `x` by `−(∂f/∂shape)/f'`.
    fn scores(&self, points: &Draws) -> Draws {
        let x = self.straighten(points);
        let (_, of_core) = self.core.log_density_and_gradient(&x);
        let along = self.along(&x, of_core);
        let n = self.core.params().len();
        let of_core = self.core.scores(&x);
        let mut scores = Draws::zeros(self.params.len(), points.n_draws());
        for i in 0..n {
            scores
                .coordinate_mut(i)
                .copy_from_slice(of_core.coordinate(i));
        }
        for i in 0..x.dimension() {
            for (s, f) in self.bent(&x, i).enumerate() {
                for k in 0..2 {
                    scores.coordinate_mut(n + 2 * i + k)[s] =
                        -along.get(i, s) * f.by_shape[k] / f.slope - f.log_by_shape[k];
                }
            }
        }
        scores
    }
}
