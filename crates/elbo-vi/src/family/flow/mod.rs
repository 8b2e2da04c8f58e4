//! Normalizing flows: a standard normal pushed through layers that a network shapes.
//!
//! `θ = m + L (b + e^a ∘ c_n(… c_1(ε)))` with couplings `c_l`, a learned shift `b` and log scale `a`,
//! and a fixed [`Frame`] `(m, L)`. `λ = (b, a, the networks' weights)`. At the start every network is
//! silent and the flow *is* the Gaussian of its frame. Adjoints are exact and by hand. Deliberately
//! absent: training (a method's work).

mod coupling;
mod elementwise;
mod frame;
mod perceptron;
mod real_nvp;
mod spline;

pub use elementwise::Elementwise;
pub use frame::Frame;
pub use real_nvp::Affine;
pub use spline::RationalQuadratic;

use elbo_math::arrays::{Array, Arrays};
use elbo_math::linalg::Matrix;
use elbo_math::random::Stream;
use elbo_math::special::LN_2PI;

use coupling::{Coupling, Tape};

use super::full_rank::{as_draws, as_matrix};
use super::{
    Family, FullRank, MeanField, Reparameterised, Scored, array, check_finite, scales,
    standard_normal_draws,
};
use crate::{Approximation, Draws, ViError};

/// Affine couplings.
pub type RealNvp = Flow<Affine>;

/// Rational-quadratic spline couplings.
pub type NeuralSpline = Flow<RationalQuadratic>;

/// The size of a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowConfig {
    /// Coupling layers; two for each split of the coordinates.
    pub n_couplings: usize,
    /// Widths of the networks' hidden layers.
    pub hidden: Vec<usize>,
}

impl Default for FlowConfig {
    /// Six couplings with two hidden layers of 32.
    fn default() -> Self {
        Self {
            n_couplings: 6,
            hidden: vec![32, 32],
        }
    }
}

/// A flow of couplings of one kind.
///
/// ```
/// use elbo_math::random::stream;
/// use elbo_vi::Approximation;
/// use elbo_vi::family::flow::{Affine, FlowConfig, Frame, RealNvp};
/// use elbo_vi::family::MeanField;
///
/// let frame = MeanField::new(vec![1.0, -1.0], vec![2.0, 0.5])?;
/// let mut rng = stream(1, "doc/flow", 0);
/// let q = RealNvp::new(Affine, Frame::Diagonal(frame.clone()), &FlowConfig::default(), &mut rng)?;
/// let (points, log_q) = q.sample(3, &mut rng);
/// for (a, b) in log_q.iter().zip(frame.log_density(&points)) {
///     assert!((a - b).abs() < 1e-12);
/// }
/// # Ok::<(), elbo_vi::ViError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Flow<E> {
    kind: E,
    frame: Frame,
    hidden: Vec<usize>,
    couplings: Vec<Coupling>,
    params: Vec<f64>, // shift, log scale, then each network's weights
    scales: Vec<f64>,
}

impl<E: Elementwise> Flow<E> {
    /// The family's name.
    pub const NAME: &'static str = E::NAME;

    /// The Gaussian of `frame`, ready to become something else.
    ///
    /// # Errors
    /// [`ViError::Setting`] unless there are couplings and every hidden layer has a width.
    pub fn new(
        kind: E,
        frame: Frame,
        config: &FlowConfig,
        stream: &mut Stream,
    ) -> Result<Self, ViError> {
        if config.n_couplings == 0 || config.hidden.contains(&0) {
            return Err(ViError::Setting {
                name: "flow",
                value: format!("{config:?}"),
                requirement: "of at least one coupling, with no hidden layer of width 0",
            });
        }
        let d = frame.dimension();
        let couplings: Vec<Coupling> = (0..config.n_couplings)
            .map(|l| Coupling::new(d, l, &config.hidden, kind.n_shapes()))
            .collect();
        let mut params = vec![0.0; 2 * d];
        for coupling in &couplings {
            params.extend(coupling.net.silent(stream));
        }
        Ok(Self {
            kind,
            frame,
            hidden: config.hidden.clone(),
            couplings,
            params,
            scales: vec![1.0; d],
        })
    }

    /// The Gaussian that the flow started from.
    pub fn frame(&self) -> &dyn Approximation {
        self.frame.as_approximation()
    }

    /// From what [`arrays`](Approximation::arrays) gave.
    ///
    /// # Errors
    /// [`ViError::Parameters`] if an array is missing or unusable.
    pub fn from_arrays(arrays: &Arrays) -> Result<Self, ViError> {
        let frame = if arrays.contains_key("cholesky") {
            Frame::Full(FullRank::from_arrays(arrays)?)
        } else {
            Frame::Diagonal(MeanField::from_arrays(arrays)?)
        };
        let fault = |name: &'static str, found: &[f64]| ViError::Parameters {
            family: Self::NAME,
            name,
            found: format!("{found:?}"),
            requirement: "as it was saved",
        };
        let sizes = array(Self::NAME, arrays, "sizes")?.to_f64();
        let settings = array(Self::NAME, arrays, "settings")?.to_f64();
        let kind = E::from_settings(&settings).ok_or_else(|| fault("settings", &settings))?;
        let counts: Vec<usize> = sizes
            .iter()
            // A network too large for memory is no saved flow.
            .map(|v| (1..=1_000_000).find(|n| f64::from(*n) == *v))
            .map(|n: Option<u32>| n.map(|n| n as usize))
            .collect::<Option<_>>()
            .ok_or_else(|| fault("sizes", &sizes))?;
        let [n_couplings, hidden @ ..] = counts.as_slice() else {
            return Err(fault("sizes", &sizes));
        };
        let config = FlowConfig {
            n_couplings: *n_couplings,
            hidden: hidden.to_vec(),
        };
        let mut unused = elbo_math::random::stream(0, "flow/restore", 0);
        let mut flow = Self::new(kind, frame, &config, &mut unused)?;
        flow.set_params(&array(Self::NAME, arrays, "params")?.to_f64())?;
        Ok(flow)
    }

    /// Where each coupling's weights stand in `λ`.
    fn ranges(&self) -> Vec<std::ops::Range<usize>> {
        let mut start = 2 * self.scales.len();
        self.couplings
            .iter()
            .map(|c| {
                let range = start..start + c.net.n_params();
                start = range.end;
                range
            })
            .collect()
    }

    /// `½ |z|² + ½ D log 2π`, negated, less the log determinants.
    fn log_density_at(&self, z: &Matrix, log_det: &[f64]) -> Vec<f64> {
        let d = self.scales.len() as f64;
        let log_scales: f64 = self.params[self.scales.len()..2 * self.scales.len()]
            .iter()
            .sum();
        let constant = -0.5 * d * LN_2PI - log_scales - self.frame.log_det();
        let mut log_q: Vec<f64> = log_det.iter().map(|l| constant - l).collect();
        for i in 0..z.rows() {
            for (value, v) in log_q.iter_mut().zip(z.row(i)) {
                *value -= 0.5 * v * v;
            }
        }
        log_q
    }

    /// The couplings' output, their log determinants and tapes.
    fn forward(&self, noise: &Draws) -> (Matrix, Vec<f64>, Vec<Tape>) {
        let mut state = as_matrix(noise);
        let mut log_det = vec![0.0; noise.n_draws()];
        let tapes = self
            .couplings
            .iter()
            .zip(self.ranges())
            .map(|(c, r)| c.forward(&self.kind, &self.params[r], &mut state, &mut log_det))
            .collect();
        (state, log_det, tapes)
    }

    /// The noise that made the points, the log determinants and tapes.
    fn invert(&self, points: &Draws) -> (Matrix, Vec<f64>, Vec<Tape>) {
        let mut state = self.frame.invert(as_matrix(points));
        for (i, s) in self.scales.iter().enumerate() {
            for v in state.row_mut(i) {
                *v = (*v - self.params[i]) / s;
            }
        }
        let mut log_det = vec![0.0; points.n_draws()];
        let mut tapes: Vec<Tape> = self
            .couplings
            .iter()
            .zip(self.ranges())
            .rev()
            .map(|(c, r)| c.inverse(&self.kind, &self.params[r], &mut state, &mut log_det))
            .collect();
        tapes.reverse();
        (state, log_det, tapes)
    }
}

impl<E: Elementwise> Approximation for Flow<E> {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn dimension(&self) -> usize {
        self.scales.len()
    }

    fn sample(&self, n_draws: usize, stream: &mut Stream) -> (Draws, Vec<f64>) {
        self.transform(&standard_normal_draws(self.dimension(), n_draws, stream))
    }

    fn log_density(&self, points: &Draws) -> Vec<f64> {
        let (z, log_det, _) = self.invert(points);
        self.log_density_at(&z, &log_det)
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
        let mut arrays = self.frame.as_approximation().arrays();
        let mut sizes = vec![self.couplings.len() as f64];
        sizes.extend(self.hidden.iter().map(|h| *h as f64));
        for (name, values) in [
            ("params", self.params.clone()),
            ("sizes", sizes),
            ("settings", self.kind.settings()),
        ] {
            arrays.insert(name.into(), Array::f64(&[values.len()], values));
        }
        arrays
    }
}

impl<E: Elementwise> Family for Flow<E> {
    fn params(&self) -> &[f64] {
        &self.params
    }

    fn set_params(&mut self, params: &[f64]) -> Result<(), ViError> {
        check_finite(Self::NAME, "params", params, self.params.len())?;
        let d = self.scales.len();
        self.scales = scales(Self::NAME, &params[d..2 * d])?;
        self.params.copy_from_slice(params);
        Ok(())
    }

    fn log_density_and_gradient(&self, points: &Draws) -> (Vec<f64>, Draws) {
        let (z, log_det, tapes) = self.invert(points);
        let log_q = self.log_density_at(&z, &log_det);
        let mut gradient = z;
        gradient.scale(-1.0);
        for ((coupling, range), tape) in self.couplings.iter().zip(self.ranges()).zip(&tapes) {
            coupling.carry(&self.kind, &self.params[range], tape, &mut gradient);
        }
        for (i, s) in self.scales.iter().enumerate() {
            for v in gradient.row_mut(i) {
                *v /= s;
            }
        }
        (log_q, as_draws(self.frame.push(gradient)))
    }
}

impl<E: Elementwise> Reparameterised for Flow<E> {
    fn transform(&self, noise: &Draws) -> (Draws, Vec<f64>) {
        let (mut state, log_det, _) = self.forward(noise);
        let log_q = self.log_density_at(&as_matrix(noise), &log_det);
        for (i, s) in self.scales.iter().enumerate() {
            for v in state.row_mut(i) {
                *v = self.params[i] + s * *v;
            }
        }
        (as_draws(self.frame.apply(state)), log_q)
    }

    fn pull_back(&self, noise: &Draws, cotangents: &Draws, gradient: &mut [f64]) {
        let weights = vec![0.0; noise.n_draws()];
        self.pull_back_both(noise, cotangents, &weights, gradient);
    }

    fn pull_back_log_density(&self, noise: &Draws, weights: &[f64], gradient: &mut [f64]) {
        let cotangents = Draws::zeros(self.dimension(), noise.n_draws());
        self.pull_back_both(noise, &cotangents, weights, gradient);
    }

    fn pull_back_both(
        &self,
        noise: &Draws,
        cotangents: &Draws,
        weights: &[f64],
        gradient: &mut [f64],
    ) {
        let d = self.dimension();
        let (out, _, tapes) = self.forward(noise);
        let mut cotangent = self.frame.pull(as_matrix(cotangents));
        let total: f64 = weights.iter().sum();
        for (i, s) in self.scales.iter().enumerate() {
            let row = cotangent.row_mut(i);
            gradient[i] += row.iter().sum::<f64>();
            gradient[d + i] += s * elbo_math::linalg::dot(row, out.row(i)) - total;
            for v in row {
                *v *= s;
            }
        }
        // log q holds the log determinants with a minus.
        let of_log_det: Vec<f64> = weights.iter().map(|w| -w).collect();
        for ((coupling, range), tape) in self.couplings.iter().zip(self.ranges()).zip(&tapes).rev()
        {
            coupling.backward(
                &self.kind,
                &self.params[range.clone()],
                tape,
                &mut cotangent,
                &of_log_det,
                &mut gradient[range],
            );
        }
    }
}

impl<E: Elementwise> Scored for Flow<E> {
    /// The total derivative along the draw less the part through the draw, one draw at a time.
    fn scores(&self, points: &Draws) -> Draws {
        let noise = as_draws(self.invert(points).0);
        let mut through = self.log_density_and_gradient(points).1;
        for v in through.as_mut_slice() {
            *v = -*v;
        }
        let mut scores = Draws::zeros(self.params.len(), points.n_draws());
        for s in 0..points.n_draws() {
            let mut score = vec![0.0; self.params.len()];
            let one = s..s + 1;
            self.pull_back_both(
                &noise.slice(one.clone()),
                &through.slice(one),
                &[1.0],
                &mut score,
            );
            scores.set_draw(s, &score);
        }
        scores
    }
}
