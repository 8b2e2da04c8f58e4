//! The coordinates that a graph suggests, for a compiled program.
//!
//! Deliberately absent: the formulas (`elbo-graph`).

use std::sync::Arc;

use elbo_graph::geometry;

use super::{Coordinates, Geometry};
use crate::{DensityError, Draws, LogDensity, Subsampled};

impl Geometry for geometry::Geometry {
    fn n_degrees(&self) -> usize {
        Self::n_degrees(self)
    }

    fn extended(&self) -> Box<dyn LogDensity> {
        Box::new(Self::extended(self))
    }

    fn at(&self, degrees: &[f64]) -> Arc<dyn Coordinates> {
        Arc::new(Self::at(self, degrees))
    }
}

impl LogDensity for geometry::Coordinates {
    fn log_density_and_gradient(
        &self,
        position: &[f64],
        gradient: &mut [f64],
    ) -> Result<f64, DensityError> {
        self.program().log_density_and_gradient(position, gradient)
    }

    fn log_densities_and_gradients(
        &self,
        positions: &Draws,
        values: &mut [f64],
        gradients: &mut Draws,
    ) -> Result<(), DensityError> {
        LogDensity::log_densities_and_gradients(self.program(), positions, values, gradients)
    }

    fn log_densities(&self, positions: &Draws, values: &mut [f64]) -> Result<(), DensityError> {
        LogDensity::log_densities(self.program(), positions, values)
    }

    fn hessian_vector_products(
        &self,
        positions: &Draws,
        directions: &Draws,
        products: &mut Draws,
    ) -> Result<(), DensityError> {
        LogDensity::hessian_vector_products(self.program(), positions, directions, products)
    }

    fn subsampled(&self) -> Option<&dyn Subsampled> {
        self.program().subsampled()
    }

    fn lanes(&self) -> usize {
        self.program().lanes()
    }
}

impl Coordinates for geometry::Coordinates {
    fn original(&self, points: &Draws) -> (Draws, Vec<f64>) {
        let n_draws = points.n_draws();
        let (original, log_jacobian) = Self::original(self, points.as_slice(), n_draws);
        let original = Draws::from_vec(points.dimension(), n_draws, original);
        (original, log_jacobian)
    }

    fn changed(&self, points: &Draws) -> Draws {
        let n_draws = points.n_draws();
        let changed = Self::changed(self, points.as_slice(), n_draws);
        Draws::from_vec(points.dimension(), n_draws, changed)
    }
}
