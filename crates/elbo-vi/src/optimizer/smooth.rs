//! What a deterministic optimiser maximises: a function with exact gradients.
//!
//! The one idea: a [`Target`] is one, and so is any bound that is made deterministic by holding its
//! draws fixed, so L-BFGS and Newton-CG serve both. Deliberately absent: noisy objectives.

use crate::{Draws, Target, ViError};

/// A function of a point, to be maximised.
pub trait Smooth: Sync {
    /// The number of coordinates.
    fn dimension(&self) -> usize;

    /// The value at `position`; writes the gradient. −∞ marks a point that cannot be used.
    ///
    /// # Errors
    /// What makes it senseless to go on anywhere.
    fn value_and_gradient(&self, position: &[f64], gradient: &mut [f64]) -> Result<f64, ViError>;

    /// The Hessian at `position` times `direction`.
    ///
    /// # Errors
    /// As [`value_and_gradient`](Self::value_and_gradient).
    fn hessian_vector_product(
        &self,
        position: &[f64],
        direction: &[f64],
    ) -> Result<Vec<f64>, ViError>;
}

impl Smooth for Target<'_> {
    fn dimension(&self) -> usize {
        Target::dimension(self)
    }

    fn value_and_gradient(&self, position: &[f64], gradient: &mut [f64]) -> Result<f64, ViError> {
        self.log_density_and_gradient(position, gradient)
    }

    fn hessian_vector_product(
        &self,
        position: &[f64],
        direction: &[f64],
    ) -> Result<Vec<f64>, ViError> {
        let dimension = Target::dimension(self);
        let products = self.hessian_vector_products(
            &Draws::from_points(dimension, &[position]),
            &Draws::from_points(dimension, &[direction]),
        )?;
        Ok(products.draw(0))
    }
}
