//! What every fit ends in: a distribution that can be drawn from and evaluated.
//!
//! Deliberately absent: how it was found (methods) and how it is parameterised (families).

use elbo_math::arrays::Arrays;
use elbo_math::random::Stream;

use crate::Draws;

/// Two approximations of the same target by one run: what its earlier and its later part say, or two
/// independent ones.
pub type Halves = [Box<dyn Approximation>; 2];

/// A fitted `q` on unconstrained space.
pub trait Approximation: Send + Sync {
    /// The family's name, as methods and files call it.
    fn name(&self) -> &'static str;

    /// The number of coordinates.
    fn dimension(&self) -> usize;

    /// Independent draws; their log densities under `q`, normalised, one per draw.
    fn sample(&self, n_draws: usize, stream: &mut Stream) -> (Draws, Vec<f64>);

    /// `log q` at given points, normalised.
    fn log_density(&self, points: &Draws) -> Vec<f64>;

    /// The mean, where it is known in closed form.
    fn mean(&self) -> Option<Vec<f64>>;

    /// The standard deviations, where they are known in closed form.
    fn standard_deviations(&self) -> Option<Vec<f64>>;

    /// Every number that defines `q`, by name; a fit is saved and restored through these.
    fn arrays(&self) -> Arrays;
}
