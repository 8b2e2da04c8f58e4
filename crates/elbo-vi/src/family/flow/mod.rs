//! Normalizing flows: a standard normal pushed through layers that a network shapes.
//!
//! `θ = m + L (b + e^a ∘ c_n(… c_1(ε)))` with couplings `c_l`, a learned shift `b` and log scale `a`,
//! and a fixed [`Frame`] `(m, L)`. `λ = (b, a, the networks' weights)`. At the start every network is
//! silent and the flow *is* the Gaussian of its frame. Adjoints are exact and by hand, over lanes of draws
//! in buffers that a caller may keep (`Pass`). Deliberately absent: training (a method's work).

mod coupling;
mod elementwise;
mod frame;
mod pass;
mod perceptron;
mod real_nvp;
mod spline;
mod spline_lanes;

pub use elementwise::{CURVATURE, Elementwise, SLOPE};
pub use frame::Frame;
pub use real_nvp::Affine;
pub use spline::RationalQuadratic;

use elbo_math::arrays::{Array, Arrays};
use elbo_math::linalg::Matrix;
use elbo_math::random::Stream;

use coupling::Coupling;
pub(crate) use pass::Pass;

use super::full_rank::as_draws;
use super::{
    Family, FullRank, MeanField, Reparameterised, Scored, array, check_finite, scales,
    standard_normal_draws,
};
use crate::{Approximation, Draws, ViError};

/// The order of a network's weights in `λ`; a fit saved with another one is refused. The first had each
/// layer's biases after its weights.
const LAYOUT: f64 = 2.0;

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

    /// The map to the target's coordinates.
    pub(crate) fn frame_of(&self) -> &Frame {
        &self.frame
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
        let layout = array(Self::NAME, arrays, "layout")?.to_f64();
        if layout != [LAYOUT] {
            return Err(fault("layout", &layout));
        }
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
        let mut pass = self.pass(points.n_draws());
        self.invert(points, &mut pass);
        pass.log_q
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
            ("layout", vec![LAYOUT]),
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
        let mut pass = self.pass(points.n_draws());
        self.invert(points, &mut pass);
        self.differentiate(&mut pass);
        let gradient = Matrix::from_vec(self.dimension(), points.n_draws(), pass.of_log_q);
        (pass.log_q, as_draws(self.frame.push(gradient)))
    }
}

impl<E: Elementwise> Reparameterised for Flow<E> {
    fn transform(&self, noise: &Draws) -> (Draws, Vec<f64>) {
        let mut pass = self.pass(noise.n_draws());
        self.run(noise, &mut pass);
        let mut points = Draws::zeros(self.dimension(), noise.n_draws());
        self.frame.apply(&pass.u, points.as_mut_slice());
        (points, pass.log_q)
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
        let mut pass = self.pass(noise.n_draws());
        self.run(noise, &mut pass);
        self.frame.pull(cotangents.as_slice(), &mut pass.cotangent);
        self.pull(&mut pass, weights, gradient);
    }
}

impl<E: Elementwise> Scored for Flow<E> {
    /// The total derivative along the draw less the part through the draw, one draw at a time.
    fn scores(&self, points: &Draws) -> Draws {
        let (d, n) = (self.dimension(), points.n_draws());
        let mut all = self.pass(n);
        self.invert(points, &mut all);
        self.differentiate(&mut all);
        let mut one = self.pass(1);
        let mut scores = Draws::zeros(self.params.len(), n);
        for s in 0..n {
            let noise = (0..d).map(|i| all.noise[i * n + s]).collect();
            self.run(&Draws::from_vec(d, 1, noise), &mut one);
            for i in 0..d {
                one.cotangent[i] = -all.of_log_q[i * n + s];
            }
            let mut score = vec![0.0; self.params.len()];
            self.pull(&mut one, &[1.0], &mut score);
            scores.set_draw(s, &score);
        }
        scores
    }
}
