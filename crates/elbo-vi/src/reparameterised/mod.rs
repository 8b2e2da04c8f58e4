//! Fits in other coordinates than the user's.
//!
//! The one idea: a density may know coordinates `z` in which its posterior is closer to a Gaussian,
//! with *degrees* that say how far to go. The degrees are learnt, the fit is made and judged in `z`,
//! and whoever reads it sees the user's coordinates `u`: importance ratios are the same in both.
//! Deliberately absent: formulas (`elbo-graph`'s geometry).

mod approximation;
mod degrees;
mod graph;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::family::MeanField;
use crate::method::Start;
use crate::{Draws, LogDensity, Target, ViError};

pub use approximation::Reparameterised;

/// A family of coordinates for one density.
pub trait Geometry: Sync {
    /// The number of degrees, each between 0 and 1.
    fn n_degrees(&self) -> usize;

    /// The log density of `z`, Jacobian included, as a function of `z` and, after it, of the degrees,
    /// which may here be any numbers.
    fn extended(&self) -> Box<dyn LogDensity>;

    /// The coordinates with these degrees.
    fn at(&self, degrees: &[f64]) -> Arc<dyn Coordinates>;
}

/// A density in coordinates `z`, and the way between them and the user's `u`.
pub trait Coordinates: LogDensity + Send {
    /// `u` of `z`, and `log |∂u/∂z|`, one per draw.
    fn original(&self, points: &Draws) -> (Draws, Vec<f64>);

    /// `z` of `u`.
    fn changed(&self, points: &Draws) -> Draws;
}

/// Coordinates whose degrees were learnt.
pub(crate) struct Learnt {
    pub coordinates: Arc<dyn Coordinates>,
    pub degrees: Vec<f64>,
    /// The Gaussian that was found with them, where there were any to learn.
    pub gaussian: Option<MeanField>,
    pub gradient_evaluations: u64,
}

impl Learnt {
    /// The coordinates in which a mean-field Gaussian has the largest ELBO.
    ///
    /// # Errors
    /// No usable start, and what the density fails with.
    pub(crate) fn new(
        geometry: &dyn Geometry,
        dimension: usize,
        start: &Start,
        seed: u64,
    ) -> Result<Self, ViError> {
        let n = geometry.n_degrees();
        let (mut degrees, mut gaussian, mut gradient_evaluations) = (Vec::new(), None, 0);
        if n > 0 {
            let point = |degree: f64| {
                let coordinates = geometry.at(&vec![degree; n]);
                let target = Target::new(&*coordinates, dimension)?;
                changed_start(&*coordinates, start).first_point(&target, seed, 0)
            };
            let extended = geometry.extended();
            let target = Target::new(&*extended, dimension + n)?;
            let found = degrees::learn(&target, point, seed)?;
            (degrees, gaussian) = (found.0, Some(found.1));
            gradient_evaluations = target.gradient_evaluations();
        }
        Ok(Self {
            coordinates: geometry.at(&degrees),
            degrees,
            gaussian,
            gradient_evaluations,
        })
    }

    /// A start in these coordinates.
    pub(crate) fn start(&self, start: &Start) -> Start {
        changed_start(&*self.coordinates, start)
    }
}

fn changed_start(coordinates: &dyn Coordinates, start: &Start) -> Start {
    match start {
        Start::Random => Start::Random,
        Start::Point(u) => {
            let point = Draws::from_vec(u.len(), 1, u.clone());
            Start::Point(coordinates.changed(&point).draw(0))
        }
    }
}
