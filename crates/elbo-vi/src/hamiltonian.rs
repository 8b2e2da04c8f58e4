//! Hamiltonian transitions of many chains at once, between a Gaussian and a target.
//!
//! The one idea: a Gaussian that is roughly right (`Frame`) makes the target's coordinates unit-sized
//! and uncorrelated, so that one step size serves every direction; and the same Gaussian is the hot end
//! of a geometric path `(1 − β) log q + β log p`, whose cold end is the target. Deliberately absent: what
//! the chains are for (`diagnostic::drift`, `diagnostic::annealing`), and a sampler for users (`sample`).

use elbo_math::linalg::{Cholesky, Matrix, matmul, matmul_tn};
use elbo_math::random::{Stream, fill_standard_normal, uniform};
use elbo_math::special::LN_2PI;

use crate::family::{FullRank, MeanField};
use crate::{Approximation, Draws, Target, ViError};

/// A trajectory of a quarter period of a standard normal forgets where it began.
const LENGTH: f64 = std::f64::consts::FRAC_PI_2;
/// The most steps per trajectory: what short means.
const MOST_STEPS: usize = 12;
/// The acceptance rate that steps are tuned to.
const ACCEPTANCE: f64 = 0.8;

/// The map from standard normal coordinates `u` to the target's, `x = m + L u`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Frame {
    mean: Vec<f64>,
    scale: Scale,
}

#[derive(Debug, Clone, PartialEq)]
enum Scale {
    Diagonal(Vec<f64>),
    Full(Cholesky),
}

impl Frame {
    /// With independent coordinates.
    pub(crate) fn diagonal(mean: Vec<f64>, sds: Vec<f64>) -> Self {
        assert_eq!(mean.len(), sds.len(), "one scale per coordinate");
        Self {
            mean,
            scale: Scale::Diagonal(sds),
        }
    }

    /// With the covariance `L Lᵀ`.
    pub(crate) fn full(mean: Vec<f64>, factor: Cholesky) -> Self {
        assert_eq!(mean.len(), factor.dim(), "one row per coordinate");
        Self {
            mean,
            scale: Scale::Full(factor),
        }
    }

    /// `N(m, L Lᵀ)`.
    ///
    /// # Errors
    /// [`ViError::Setting`] for scales that are not positive.
    pub(crate) fn gaussian(&self) -> Result<Box<dyn Approximation>, ViError> {
        let mean = self.mean.clone();
        Ok(match &self.scale {
            Scale::Diagonal(sds) => Box::new(MeanField::new(mean, sds.clone())?),
            Scale::Full(factor) => Box::new(FullRank::from_cholesky(mean, factor.clone())?),
        })
    }

    /// `x = m + L u`.
    pub(crate) fn place(&self, standard: &Draws) -> Draws {
        let mut placed = self.scaled(standard, false);
        for (i, mean) in self.mean.iter().enumerate() {
            for x in placed.coordinate_mut(i) {
                *x += mean;
            }
        }
        placed
    }

    /// `u = L⁻¹ (x − m)`.
    pub(crate) fn standardise(&self, draws: &Draws) -> Draws {
        let (dimension, n_draws) = (draws.dimension(), draws.n_draws());
        let mut centered = draws.clone();
        for (i, mean) in self.mean.iter().enumerate() {
            for x in centered.coordinate_mut(i) {
                *x -= mean;
            }
        }
        match &self.scale {
            Scale::Diagonal(scales) => {
                for (i, scale) in scales.iter().enumerate() {
                    for x in centered.coordinate_mut(i) {
                        *x /= scale;
                    }
                }
                centered
            }
            Scale::Full(factor) => {
                let matrix = Matrix::from_vec(dimension, n_draws, centered.as_slice().to_vec());
                let solved = factor.solve_lower_matrix(&matrix).into_vec();
                Draws::from_vec(dimension, n_draws, solved)
            }
        }
    }

    /// `log N(x | m, L Lᵀ)` per draw, from `u`.
    pub(crate) fn log_densities(&self, standard: &Draws) -> Vec<f64> {
        let log_scale = match &self.scale {
            Scale::Diagonal(scales) => scales.iter().map(|s| s.ln()).sum::<f64>(),
            Scale::Full(factor) => 0.5 * factor.log_det(),
        };
        let constant = -0.5 * LN_2PI * self.mean.len() as f64 - log_scale;
        let squares = half_squares(standard);
        squares.iter().map(|s| constant - s).collect()
    }

    /// `L v`, or `Lᵀ v`, for every draw.
    fn scaled(&self, draws: &Draws, transposed: bool) -> Draws {
        let (dimension, n_draws) = (draws.dimension(), draws.n_draws());
        match &self.scale {
            Scale::Diagonal(scales) => {
                let mut scaled = draws.clone();
                for (i, scale) in scales.iter().enumerate() {
                    for v in scaled.coordinate_mut(i) {
                        *v *= scale;
                    }
                }
                scaled
            }
            Scale::Full(factor) => {
                let matrix = Matrix::from_vec(dimension, n_draws, draws.as_slice().to_vec());
                let product = if transposed {
                    matmul_tn(factor.lower(), &matrix)
                } else {
                    matmul(factor.lower(), &matrix)
                };
                Draws::from_vec(dimension, n_draws, product.into_vec())
            }
        }
    }
}

/// How chains move.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Kernel {
    /// Where on the path from the Gaussian (0) to the target (1).
    pub(crate) temperature: f64,
    /// The step size, in units of the frame.
    pub(crate) step: f64,
}

impl Kernel {
    /// Steps for a target that its frame describes well.
    pub(crate) fn first(temperature: f64, dimension: usize) -> Self {
        let step = 1.2 / (dimension as f64).powf(0.25);
        Self { temperature, step }
    }

    /// Longer steps after more acceptance than is needed, shorter ones after less.
    pub(crate) fn tune(&mut self, acceptance: f64) {
        self.step *= (2.0 * (acceptance - ACCEPTANCE)).exp();
    }
}

/// All chains at their current positions.
pub(crate) struct Chains<'a> {
    target: &'a Target<'a>,
    frame: &'a Frame,
    standard: Draws,
    log_target: Vec<f64>,
    gradients: Draws, // of the log target, with respect to u
}

impl<'a> Chains<'a> {
    /// Begins at `standard`, in the frame's coordinates.
    pub(crate) fn new(
        target: &'a Target<'a>,
        frame: &'a Frame,
        standard: Draws,
    ) -> Result<Self, ViError> {
        let (log_target, gradients) = evaluate(target, frame, &standard)?;
        Ok(Self {
            target,
            frame,
            standard,
            log_target,
            gradients,
        })
    }

    /// Where the chains are, in the frame's coordinates.
    pub(crate) fn standard(&self) -> &Draws {
        &self.standard
    }

    /// The target's log density there.
    pub(crate) fn log_target(&self) -> &[f64] {
        &self.log_target
    }

    /// Keeps the chains `chosen`; one may be kept more than once.
    pub(crate) fn select(&mut self, chosen: &[usize]) {
        self.standard = self.standard.select(chosen);
        self.gradients = self.gradients.select(chosen);
        self.log_target = chosen.iter().map(|c| self.log_target[*c]).collect();
    }

    /// One Hamiltonian transition of every chain, which leaves the density at the kernel's temperature
    /// invariant; answers the mean acceptance probability.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a few steps"
    )]
    pub(crate) fn transition(&mut self, kernel: &Kernel, rng: &mut Stream) -> Result<f64, ViError> {
        let (dimension, n_draws) = (self.standard.dimension(), self.standard.n_draws());
        // A random length breaks resonances.
        let step = kernel.step * (0.8 + 0.4 * uniform(rng));
        let n_steps = ((LENGTH / step).ceil() as usize).clamp(1, MOST_STEPS);
        let mut momenta = Draws::zeros(dimension, n_draws);
        fill_standard_normal(rng, momenta.as_mut_slice());
        let before = half_squares(&momenta);
        let mut standard = self.standard.clone();
        let (mut values, mut gradients) = (self.log_target.clone(), self.gradients.clone());
        kick(&mut momenta, 0.5 * step, kernel, &gradients, &standard);
        for k in 1..=n_steps {
            for (u, p) in standard.as_mut_slice().iter_mut().zip(momenta.as_slice()) {
                *u += step * p;
            }
            (values, gradients) = evaluate(self.target, self.frame, &standard)?;
            let part = if k == n_steps { 0.5 } else { 1.0 };
            kick(&mut momenta, part * step, kernel, &gradients, &standard);
        }
        let after = half_squares(&momenta);
        let (old, new) = (half_squares(&self.standard), half_squares(&standard));
        let beta = kernel.temperature;
        let mut total = 0.0;
        for s in 0..n_draws {
            let gain = beta * (values[s] - self.log_target[s])
                + (1.0 - beta) * (old[s] - new[s])
                + before[s]
                - after[s];
            let probability = if gain.is_nan() {
                0.0
            } else {
                gain.min(0.0).exp()
            };
            total += probability;
            if uniform(rng) < probability {
                self.log_target[s] = values[s];
                for i in 0..dimension {
                    self.standard.coordinate_mut(i)[s] = standard.get(i, s);
                    self.gradients.coordinate_mut(i)[s] = gradients.get(i, s);
                }
            }
        }
        Ok(total / n_draws as f64)
    }
}

/// The target's log density and its gradient with respect to `u`.
fn evaluate(
    target: &Target<'_>,
    frame: &Frame,
    standard: &Draws,
) -> Result<(Vec<f64>, Draws), ViError> {
    let (values, gradients) = target.log_densities_and_gradients(&frame.place(standard))?;
    Ok((values, frame.scaled(&gradients, true)))
}

/// Moves momenta along the gradient of the tempered density, `β ∇ log p − (1 − β) u`.
fn kick(momenta: &mut Draws, step: f64, kernel: &Kernel, gradients: &Draws, standard: &Draws) {
    let (cold, hot) = (step * kernel.temperature, step * (1.0 - kernel.temperature));
    let forces = gradients.as_slice().iter().zip(standard.as_slice());
    for (p, (g, u)) in momenta.as_mut_slice().iter_mut().zip(forces) {
        *p += cold * g - hot * u;
    }
}

/// `½ |v|²` per draw.
fn half_squares(draws: &Draws) -> Vec<f64> {
    let mut sums = vec![0.0; draws.n_draws()];
    for i in 0..draws.dimension() {
        for (sum, v) in sums.iter_mut().zip(draws.coordinate(i)) {
            *sum += 0.5 * v * v;
        }
    }
    sums
}
