//! The log density of a program on unconstrained space, as the methods of `elbo-vi` want it.

use std::sync::Arc;

use elbo_vi::{DensityError, Draws, LogDensity, Subsampled, reparameterised::Geometry};

use super::Model;
use super::path::Path;
use crate::run::{Constants, RunError};
use crate::trace::Jacobian;

/// A path, and the draws that take it.
type OnPath = (Arc<Path>, Vec<usize>);

/// Which log density is meant; by default that on unconstrained space, with all constants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct DensityOptions {
    /// Whether constraints' changes of variables count.
    pub jacobian: Jacobian,
    /// Whether terms that depend on data only count.
    pub constants: Constants,
}

impl Model {
    /// The log density at an unconstrained point, and its gradient; −∞ outside the support.
    ///
    /// # Errors
    /// If a path that the point takes cannot be evaluated.
    ///
    /// # Panics
    /// If the point or the gradient has another length than the dimension.
    pub fn log_density(
        &self,
        options: DensityOptions,
        point: &[f64],
        gradient: &mut [f64],
    ) -> Result<f64, RunError> {
        assert_eq!(point.len(), self.dimension(), "a point's coordinates");
        let path = self.variant(options, self.path_at(point)?, point)?;
        let mut value = [f64::NEG_INFINITY];
        match &path.density {
            Some(density) => {
                density.log_densities_and_gradients(point, 1, None, &mut value, gradient);
            }
            None => gradient.fill(0.0),
        }
        Ok(value[0])
    }

    fn at(&self, point: &[f64]) -> Result<Arc<Path>, DensityError> {
        self.path_at(point)
            .map_err(|error| DensityError::new(error.message))
    }

    /// Draws with the path that each takes.
    fn by_path(&self, positions: &Draws) -> Result<Vec<OnPath>, DensityError> {
        let mut paths: Vec<OnPath> = Vec::new();
        let mut point = vec![0.0; positions.dimension()];
        for s in 0..positions.n_draws() {
            positions.copy_draw(s, &mut point);
            let path = self.at(&point)?;
            match paths.iter_mut().find(|(p, _)| Arc::ptr_eq(p, &path)) {
                Some((_, draws)) => draws.push(s),
                None => paths.push((path, vec![s])),
            }
        }
        Ok(paths)
    }
}

impl LogDensity for Model {
    fn log_density_and_gradient(
        &self,
        position: &[f64],
        gradient: &mut [f64],
    ) -> Result<f64, DensityError> {
        self.log_density(DensityOptions::default(), position, gradient)
            .map_err(|error| DensityError::new(error.message))
    }

    fn log_densities_and_gradients(
        &self,
        positions: &Draws,
        values: &mut [f64],
        gradients: &mut Draws,
    ) -> Result<(), DensityError> {
        if let (false, Some(program)) = (self.is_branching(), &self.main.density) {
            return LogDensity::log_densities_and_gradients(program, positions, values, gradients);
        }
        for (path, draws) in self.by_path(positions)? {
            let some = positions.select(&draws);
            let mut value = vec![f64::NEG_INFINITY; draws.len()];
            let mut gradient = Draws::zeros(positions.dimension(), draws.len());
            if let Some(program) = &path.density {
                LogDensity::log_densities_and_gradients(program, &some, &mut value, &mut gradient)?;
            }
            let mut column = vec![0.0; positions.dimension()];
            for (k, s) in draws.into_iter().enumerate() {
                values[s] = value[k];
                gradient.copy_draw(k, &mut column);
                gradients.set_draw(s, &column);
            }
        }
        Ok(())
    }

    fn log_densities(&self, positions: &Draws, values: &mut [f64]) -> Result<(), DensityError> {
        if let (false, Some(program)) = (self.is_branching(), &self.main.density) {
            return LogDensity::log_densities(program, positions, values);
        }
        let mut gradients = Draws::zeros(positions.dimension(), positions.n_draws());
        self.log_densities_and_gradients(positions, values, &mut gradients)
    }

    fn hessian_vector_products(
        &self,
        positions: &Draws,
        directions: &Draws,
        products: &mut Draws,
    ) -> Result<(), DensityError> {
        for (path, draws) in self.by_path(positions)? {
            let Some(program) = &path.density else {
                continue;
            };
            let (some, along) = (positions.select(&draws), directions.select(&draws));
            let mut product = Draws::zeros(positions.dimension(), draws.len());
            LogDensity::hessian_vector_products(program, &some, &along, &mut product)?;
            let mut column = vec![0.0; positions.dimension()];
            for (k, s) in draws.into_iter().enumerate() {
                product.copy_draw(k, &mut column);
                products.set_draw(s, &column);
            }
        }
        Ok(())
    }

    fn subsampled(&self) -> Option<&dyn Subsampled> {
        match (self.is_branching(), &self.main.density) {
            (false, Some(program)) => program.subsampled(),
            _ => None,
        }
    }

    fn lanes(&self) -> usize {
        match (self.is_branching(), &self.main.density) {
            (false, Some(program)) => LogDensity::lanes(program),
            // Draws may take paths of their own.
            _ => 1,
        }
    }

    fn geometry(&self) -> Option<&dyn Geometry> {
        match (self.is_branching(), &self.main.density) {
            (false, Some(program)) => LogDensity::geometry(program),
            _ => None,
        }
    }
}
