//! Newton steps inside a region where the quadratic model is believed, solved by conjugate gradients.
//!
//! The one idea: products with the Hessian are enough for Newton's method; the conjugate gradients
//! stop at the region's edge or when they meet a direction of upward curvature, which they then
//! follow to the edge, so a saddle is left rather than found. The region is a ball after each
//! coordinate is divided by a scale that the caller gives. Deliberately absent: the Hessian itself.

use elbo_math::linalg::{axpy, dot};

use super::Smooth;
use super::lbfgs::Progress;
use crate::ViError;

/// The settings of Newton-CG.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrustRegion {
    /// Ends when a full Newton step promises a gain of less than this many nats.
    pub tolerance: f64,
    /// Products with the Hessian per step, at most; 0: twice the dimension.
    pub max_products: usize,
}

impl Default for TrustRegion {
    fn default() -> Self {
        // A promised gain of 1e-12 is a distance of 1.4e-6 standard deviations.
        Self {
            tolerance: 1e-12,
            max_products: 0,
        }
    }
}

/// Where an ascent is.
#[derive(Debug, Clone, PartialEq)]
pub struct TrustRegionState {
    position: Vec<f64>,
    value: f64,
    gradient: Vec<f64>,
    radius: f64,
}

impl TrustRegionState {
    /// At a start, with a region of one scale in every coordinate.
    ///
    /// # Errors
    /// [`ViError::Start`] if the function cannot be used there, and the function's own.
    pub fn new(function: &dyn Smooth, start: Vec<f64>) -> Result<Self, ViError> {
        let mut gradient = vec![0.0; start.len()];
        let value = function.value_and_gradient(&start, &mut gradient)?;
        if !value.is_finite() {
            return Err(ViError::Start { value });
        }
        let radius = (start.len() as f64).sqrt();
        Ok(Self {
            position: start,
            value,
            gradient,
            radius,
        })
    }

    /// The current point.
    pub fn position(&self) -> &[f64] {
        &self.position
    }

    /// The function there.
    pub fn value(&self) -> f64 {
        self.value
    }

    /// Its gradient there.
    pub fn gradient(&self) -> &[f64] {
        &self.gradient
    }

    /// Whether an ascent that ended here ended at a stationary point: its gradient, over the distances
    /// on which each coordinate matters, promises nothing. Otherwise value and gradient contradict
    /// each other, or the support ends here.
    ///
    /// # Errors
    /// [`ViError::Numerical`] if not.
    pub fn check_end(&self, scale: &[f64]) -> Result<(), ViError> {
        /// A promise of so many nats is a distance of 0.014 standard deviations.
        const NOTHING: f64 = 1e-4;
        let squares = self
            .gradient
            .iter()
            .zip(scale)
            .map(|(g, d)| (g * d).powi(2));
        if 0.5 * squares.sum::<f64>() < NOTHING {
            return Ok(());
        }
        Err(ViError::Numerical {
            what: "the ascent",
            advice: "no step along the gradient increases the log density: check the gradient, or \
                     whether the density rises to the edge of its support",
        })
    }
}

/// A step in scaled coordinates and what the model promises for it.
struct Proposal {
    step: Vec<f64>,
    gain: f64,
    at_edge: bool,
}

impl TrustRegion {
    /// Takes one step; a proposal that does not increase the function shrinks the region and is tried
    /// again. `scale` is about the distance over which each coordinate matters (a posterior sd).
    /// After an error the state is as it was.
    ///
    /// # Errors
    /// The function's own.
    pub fn step(
        &self,
        function: &dyn Smooth,
        scale: &[f64],
        state: &mut TrustRegionState,
    ) -> Result<Progress, ViError> {
        let mut radius = state.radius;
        // 2⁻⁵² of a region in which even the gradient does not help is none.
        for _ in 0..26 {
            let proposal = self.propose(function, scale, state, radius)?;
            let rounding = 16.0 * f64::EPSILON * state.value.abs();
            if proposal.gain <= self.tolerance && !proposal.at_edge {
                return last_step(function, scale, state, &proposal);
            }
            let (position, value, gradient) = moved(function, scale, state, &proposal)?;
            let gained = value - state.value;
            // Where the promise is below the rounding of values, slopes decide.
            let unmeasurable = proposal.gain <= rounding && gained.abs() <= 4.0 * rounding;
            let trust = if unmeasurable {
                1.0
            } else {
                gained / proposal.gain
            };
            let length = dot(&proposal.step, &proposal.step).sqrt();
            if trust < 0.25 || !value.is_finite() {
                radius = 0.25 * length;
            } else if trust > 0.75 && proposal.at_edge {
                radius *= 2.0;
            }
            if value.is_finite() && trust > 1e-4 {
                *state = TrustRegionState {
                    position,
                    value,
                    gradient,
                    radius,
                };
                return Ok(verdict(state, scale, unmeasurable));
            }
        }
        Ok(Progress::Stalled)
    }

    /// Steihaug's conjugate gradients `[@nocedal2006optimization, alg. 7.2]` in coordinates divided
    /// by `scale`, maximising `gᵀp + ½ pᵀHp` over `‖p‖ ≤ radius`.
    fn propose(
        &self,
        function: &dyn Smooth,
        scale: &[f64],
        state: &TrustRegionState,
        radius: f64,
    ) -> Result<Proposal, ViError> {
        let n = scale.len();
        let scaled = |v: &[f64]| -> Vec<f64> { v.iter().zip(scale).map(|(v, d)| v * d).collect() };
        let gradient = scaled(&state.gradient);
        let mut step = vec![0.0; n];
        let mut residual = gradient.clone(); // g + H p
        let mut direction = residual.clone();
        let start = dot(&residual, &residual);
        let mut size = start;
        // Superlinear convergence: the relative residual asked for shrinks with the gradient's root
        // [@nocedal2006optimization, thm. 7.2].
        let enough = start * start.sqrt().clamp(1e-6, 0.25);
        let most = if self.max_products == 0 {
            2 * n
        } else {
            self.max_products
        };
        let mut hessian_step = vec![0.0; n];
        for _ in 0..most {
            if size <= enough.max(f64::MIN_POSITIVE) {
                break;
            }
            let product =
                scaled(&function.hessian_vector_product(&state.position, &scaled(&direction))?);
            let curvature = -dot(&direction, &product);
            let length = size / curvature;
            let mut next = step.clone();
            axpy(length, &direction, &mut next);
            let noise = 1e-12 * dot(&direction, &direction);
            if curvature <= noise || dot(&next, &next) > radius * radius {
                let edge = to_the_edge(&step, &direction, radius);
                axpy(edge, &direction, &mut step);
                axpy(edge, &product, &mut hessian_step);
                let gain = dot(&gradient, &step) + 0.5 * dot(&step, &hessian_step);
                return Ok(Proposal {
                    step,
                    gain,
                    at_edge: true,
                });
            }
            step = next;
            axpy(length, &product, &mut hessian_step);
            axpy(length, &product, &mut residual);
            let before = size;
            size = dot(&residual, &residual);
            for (d, r) in direction.iter_mut().zip(&residual) {
                *d = r + size / before * *d;
            }
        }
        let gain = dot(&gradient, &step) + 0.5 * dot(&step, &hessian_step);
        Ok(Proposal {
            step,
            gain,
            at_edge: false,
        })
    }

    /// Steps until there is nothing to gain, or `max_steps` were taken.
    ///
    /// # Errors
    /// The function's own.
    pub fn run(
        &self,
        function: &dyn Smooth,
        scale: &[f64],
        state: &mut TrustRegionState,
        max_steps: usize,
    ) -> Result<Progress, ViError> {
        for _ in 0..max_steps {
            let progress = self.step(function, scale, state)?;
            if progress != Progress::Moved {
                return Ok(progress);
            }
        }
        Ok(Progress::Moved)
    }
}

/// A promise below the tolerance is taken up if it does no harm: it is all that is left.
fn last_step(
    function: &dyn Smooth,
    scale: &[f64],
    state: &mut TrustRegionState,
    proposal: &Proposal,
) -> Result<Progress, ViError> {
    let (position, value, gradient) = moved(function, scale, state, proposal)?;
    let size = |g: &[f64]| -> f64 { g.iter().zip(scale).map(|(g, d)| (g * d).powi(2)).sum() };
    if value.is_finite() && size(&gradient) < size(&state.gradient) {
        (state.position, state.value, state.gradient) = (position, value, gradient);
    }
    Ok(Progress::Converged)
}

fn verdict(state: &TrustRegionState, scale: &[f64], unmeasurable: bool) -> Progress {
    let reached = state
        .position
        .iter()
        .zip(scale)
        .map(|(x, d)| (x / d).abs())
        .enumerate()
        .fold(
            (0, 0.0),
            |best, (i, v)| if v > best.1 { (i, v) } else { best },
        );
    if unmeasurable {
        Progress::Converged
    } else if reached.1 > 1e15 {
        Progress::Unbounded {
            coordinate: reached.0,
        }
    } else {
        Progress::Moved
    }
}

/// The point of a proposal, the function and its gradient there.
fn moved(
    function: &dyn Smooth,
    scale: &[f64],
    state: &TrustRegionState,
    proposal: &Proposal,
) -> Result<(Vec<f64>, f64, Vec<f64>), ViError> {
    let position: Vec<f64> = state
        .position
        .iter()
        .zip(scale)
        .zip(&proposal.step)
        .map(|((x, d), p)| x + d * p)
        .collect();
    let mut gradient = vec![0.0; position.len()];
    let value = function.value_and_gradient(&position, &mut gradient)?;
    Ok((position, value, gradient))
}

/// The positive `t` with `‖step + t · direction‖ = radius`.
fn to_the_edge(step: &[f64], direction: &[f64], radius: f64) -> f64 {
    let (a, b) = (dot(direction, direction), dot(step, direction));
    let c = (radius * radius - dot(step, step)).max(0.0);
    // Written without cancellation, as b ≥ 0 along conjugate gradients.
    c / (b + (b * b + a * c).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Target;
    use crate::density::FromFn;
    use crate::testing::{self, Gaussian};

    #[test]
    fn the_mode_of_a_gaussian_is_found_to_rounding() {
        for (dimension, condition) in [(2, 1e4), (20, 1e4), (200, 1e2)] {
            let gaussian = Gaussian::new(dimension, condition, 5);
            let target = Target::new(&gaussian, dimension).unwrap();
            let mut state = TrustRegionState::new(&target, vec![0.5; dimension]).unwrap();
            let scale = vec![1.0; dimension];
            let progress = TrustRegion::default()
                .run(&target, &scale, &mut state, 200)
                .unwrap();
            assert_eq!(progress, Progress::Converged, "D = {dimension}");
            let left = gaussian.maximum() - state.value();
            assert!(
                (-1e-9..1e-9).contains(&left),
                "D = {dimension}: {left:e} nats left"
            );
        }
    }

    #[test]
    fn the_valley_of_rosenbrock_is_followed_to_its_end() {
        let target = Target::new(&testing::ROSENBROCK, 2).unwrap();
        let mut state = TrustRegionState::new(&target, vec![-1.2, 1.0]).unwrap();
        let progress = TrustRegion::default()
            .run(&target, &[1.0, 1.0], &mut state, 100)
            .unwrap();
        assert_eq!(progress, Progress::Converged);
        elbo_testkit::assert_all_close("position", state.position(), &[1.0, 1.0], 1e-5);
    }

    #[test]
    fn a_saddle_is_left() {
        // −(x² − 1)² − y²: modes at x = ±1, a saddle at 0.
        let density = FromFn(|x: &[f64], g: &mut [f64]| {
            g[0] = -4.0 * x[0] * (x[0] * x[0] - 1.0);
            g[1] = -2.0 * x[1];
            -(x[0] * x[0] - 1.0).powi(2) - x[1] * x[1]
        });
        let target = Target::new(&density, 2).unwrap();
        let mut state = TrustRegionState::new(&target, vec![1e-9, 0.7]).unwrap();
        TrustRegion::default()
            .run(&target, &[1.0, 1.0], &mut state, 100)
            .unwrap();
        elbo_testkit::assert_all_close("position", state.position(), &[1.0, 0.0], 1e-6);
    }
}
